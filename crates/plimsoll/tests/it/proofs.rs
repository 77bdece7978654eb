//! A gateway, a witness, an auditor: three programs that share nothing but what they hand to each other.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::process::{Http, Program, command, repository, run};

const PATIENCE: Duration = Duration::from_secs(60);
const ENV: &[(&str, &str)] = &[
    ("DESK_URL", "http://127.0.0.1:9/mcp"),
    ("MODEL_URL", "http://127.0.0.1:9"),
    ("DESK_READ", "r"),
    ("DESK_DRAFT", "d"),
    ("DESK_EXECUTE", "e"),
];

struct World {
    dir: TempDir,
}

impl World {
    fn path(&self, name: &str) -> String {
        self.dir.path().join(name).to_str().unwrap().to_owned()
    }

    fn state(&self) -> PathBuf {
        self.dir.path().join("repo/.plimsoll")
    }

    fn up(&self) -> (Program, String) {
        let repo = self.path("repo");
        let mut gateway = Program::start(
            &["up", "--repo", &repo, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"],
            ENV,
        );
        let address = gateway.address("models");
        (gateway, address)
    }

    fn witness(&self, ledger: &str, listen: &str) -> (Program, String) {
        let state = self.path("witness");
        let args =
            ["witness", "--state", &state, "--listen", listen, "--name", "example.org/w", "--log", ledger];
        let mut witness = Program::start(&args, &[]);
        let address = witness.address("witness");
        until("the witness says its key", || witness.said().iter().any(|line| line.starts_with("  key")));
        (witness, address)
    }

    /// How many entries the last checkpoint that enough witnesses cosigned covers.
    fn witnessed(&self) -> u64 {
        let text =
            std::fs::read_to_string(self.state().join("ledger/checkpoint.witnessed")).unwrap_or_default();
        text.lines().nth(1).and_then(|size| size.parse().ok()).unwrap_or(0)
    }

    fn verify(&self, what: &str, more: &[&str]) -> (i32, Value) {
        let (what, policy) = (self.path(what), self.path("trust.txt"));
        let mut args = vec!["verify", &what, "--policy", &policy, "--json"];
        args.extend(more);
        let output = command(&args, &[]).output().unwrap();
        let told = serde_json::from_slice(&output.stdout);
        (output.status.code().unwrap(), told.unwrap_or_else(|_| panic!("{output:?}")))
    }
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "{what}: not within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn said_key(said: &[String], mark: &str) -> String {
    let line = said.iter().find(|line| line.starts_with(mark)).unwrap();
    line.split_whitespace().nth(1).unwrap().to_owned()
}

/// Asks for an end, and waits for it.
fn stop(program: Program) {
    let pid = rustix::process::Pid::from_raw(program.pid().cast_signed()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let proc = PathBuf::from(format!("/proc/{}/stat", program.pid()));
    let ended = || std::fs::read_to_string(&proc).is_ok_and(|stat| stat.contains(") Z "));
    until("it ends", ended);
    drop(program);
}

async fn knock(address: &str, times: u32) {
    let http = Http::new(address, "plk_nobody");
    for _ in 0..times {
        let _refused = http.post("/v1/nothing", &[], &Value::Null).await;
    }
}

fn copy(from: &Path, to: &Path) {
    let done = std::process::Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap();
    assert!(done.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ledger_is_witnessed_packed_and_verified_elsewhere() {
    let world = World { dir: tempfile::tempdir().unwrap() };
    let repo = world.path("repo");
    repository(Path::new(&repo), &[]);

    // The first start makes the key, and says it.
    let (gateway, _) = world.up();
    until("the gateway says its ledger's key", || {
        gateway.said().iter().any(|line| line.starts_with("  ledger"))
    });
    let ledger = said_key(&gateway.said(), "  ledger");
    until("the first checkpoint is there", || world.state().join("ledger.key").exists());
    stop(gateway);

    // Somebody else starts a witness; its key goes into plimsoll.yaml.
    let (witness, address) = world.witness(&ledger, "127.0.0.1:0");
    let key = said_key(&witness.said(), "  key");
    let file = Path::new(&repo).join("plimsoll.yaml");
    let mut text = std::fs::read_to_string(&file).unwrap();
    text.push_str(&format!(
        "ledger:\n  witnesses: [{{name: w, key: \"{key}\", url: \"http://{address}\"}}]\n  witness_within: 1s\n"
    ));
    std::fs::write(&file, text).unwrap();

    let (gateway, data) = world.up();
    knock(&data, 30).await;
    until("the witness has cosigned what happened", || world.witnessed() > 30);
    run(&["export", "--repo", &repo, "--pack", &world.path("pack")], &[]);
    run(&["export", "--repo", &repo, "--pack", &world.path("pack.tar")], &[]);
    run(&["receipt", "7", "--repo", &repo, "--out", &world.path("seven.tlog-proof")], &[]);
    std::fs::copy(world.state().join("ledger/trust.txt"), world.path("trust.txt")).unwrap();

    // The auditor has the pack and trust.txt, and nothing else.
    let (code, told) = world.verify("pack", &[]);
    assert_eq!(
        (code, &told["good"], &told["cosigned"][0]["witness"]),
        (0, &true.into(), &"w".into()),
        "{told}"
    );
    assert_eq!(world.verify("pack.tar", &["--earlier", &world.path("seven.tlog-proof")]).0, 0);
    let receipt =
        ["verify", "receipt", &world.path("seven.tlog-proof"), "--policy", &world.path("trust.txt")];
    assert!(run(&receipt, &[]).starts_with("good  entry 7 of the "));
    let bundles = std::fs::read_dir(world.path("pack/tile/entries/000.p")).unwrap();
    let bundle = bundles.map(|file| file.unwrap().path()).next().unwrap();
    let mut bytes = std::fs::read(&bundle).unwrap();
    bytes[200] ^= 1;
    std::fs::write(&bundle, bytes).unwrap();
    let (code, told) = world.verify("pack", &[]);
    assert_eq!(code, 1);
    assert!(
        told["problems"][0]["what"].as_str().unwrap().contains("is not the one that was written"),
        "{told}"
    );

    // Without the witness, acts go on and the alarm is raised.
    stop(witness);
    copy(&world.state(), &world.dir.path().join("old"));
    knock(&data, 3).await;
    let http = Http::new(&data, "");
    let alarm = |text: String| text.contains("alarm: no checkpoint was cosigned by 1 witness(es) for ");
    let end = Instant::now() + PATIENCE;
    while !alarm(http.text("/health/ready").await) {
        assert!(Instant::now() < end, "no alarm: {}", gateway.said().join("\n"));
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let (_witness, _) = world.witness(&ledger, &address);
    let newest = world.witnessed();
    until("the witness is asked again", || world.witnessed() > newest);
    stop(gateway);

    rolled_back(&world);
}

/// An old copy of the segments does not open. An old copy of everything does, and the witness knows better.
fn rolled_back(world: &World) {
    let (state, old) = (world.state(), world.dir.path().join("old"));
    copy(&state, &world.dir.path().join("new"));
    std::fs::remove_dir_all(state.join("ledger/seg")).unwrap();
    copy(&old.join("ledger/seg"), &state.join("ledger/seg"));
    let any = "127.0.0.1:0";
    let up = ["up", "--repo", &world.path("repo"), "--listen", any, "--admin", any];
    let refused = command(&up, ENV).output().unwrap();
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(2), "{said}");
    assert!(said.contains("the ledger was rolled back: it ends after "), "{said}");

    std::fs::remove_dir_all(&state).unwrap();
    copy(&old, &state);
    let (gateway, _) = world.up();
    let knows =
        || gateway.said().iter().any(|line| line.contains("the ledger was rolled back, or another gateway"));
    until("the witness has seen more than this ledger has", knows);
}
