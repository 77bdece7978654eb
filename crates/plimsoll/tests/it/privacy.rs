//! Somebody asks to be forgotten: what is left on the disk of a real gateway.

use std::path::Path;

use serde_json::{Value, json};

use crate::process::{Http, Program, command, repository, run};

/// Nobody else is called that, and nothing else says that.
const NAME: &str = "canary-quetzal";
const SAID: &str = "zanzibar-4711-marmalade";

struct House {
    dir: tempfile::TempDir,
    env: Vec<(&'static str, String)>,
    _desk: Program,
    _model: Program,
}

impl House {
    fn build(changes: &[(&str, &str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        repository(&dir.path().join("repo"), changes);
        let secret = "desk-secret-of-the-privacy-test";
        let mut desk =
            Program::start(&["mock", "--mcp", "desk", "--listen", "127.0.0.1:0"], &[("DESK_TOKEN", secret)]);
        let mut model = Program::start(&["mock", "--listen", "127.0.0.1:0"], &[]);
        let env = vec![
            ("DESK_URL", format!("http://{}/mcp", desk.address("listening on"))),
            ("MODEL_URL", format!("http://{}", model.address("listening on"))),
            ("DESK_READ", secret.to_owned()),
            ("DESK_DRAFT", secret.to_owned()),
            ("DESK_EXECUTE", secret.to_owned()),
            ("USER", "ines".to_owned()),
        ];
        Self { dir, env, _desk: desk, _model: model }
    }

    fn repo(&self) -> String {
        self.dir.path().join("repo").display().to_string()
    }

    fn state(&self) -> std::path::PathBuf {
        self.dir.path().join("repo/.plimsoll")
    }

    fn env(&self) -> Vec<(&str, &str)> {
        self.env.iter().map(|(name, value)| (*name, value.as_str())).collect()
    }

    fn run(&self, args: &[&str]) -> String {
        run(&[args, &["--repo", &self.repo()]].concat(), &self.env())
    }

    /// Standard output and standard error, whatever the exit code.
    fn try_run(&self, args: &[&str], more: &[(&str, &str)]) -> (Option<i32>, String) {
        let env = [&self.env()[..], more].concat();
        let output = command(&[args, &["--repo", &self.repo()]].concat(), &env).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8_lossy(&said).into_owned())
    }

    /// What the program says as soon as `is_there`: the database follows the ledger, and on a busy machine not at once.
    fn until(&self, args: &[&str], more: &[(&str, &str)], is_there: impl Fn(&str) -> bool) -> String {
        let end = std::time::Instant::now() + std::time::Duration::from_secs(60);
        loop {
            let (_, said) = self.try_run(args, more);
            if is_there(&said) {
                return said;
            }
            assert!(std::time::Instant::now() < end, "{said}\n{}", self.try_run(&["log"], more).1);
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
    }

    /// Waits until the database knows how a conversation ended: that the last call of [`talk`] was held.
    fn has_heard(&self, session: &str, more: &[(&str, &str)]) {
        let held = ["log", "--kind", "decision", "--decision", "hold", "--json"];
        self.until(&held, more, |log| {
            let words = [session, "\"door\":\"tool\"", "desk.delete_customer"];
            log.lines().any(|line| words.iter().all(|word| line.contains(word)))
        });
    }

    fn start(&self) -> (Program, String, String) {
        let args = ["up", "--repo", &self.repo(), "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"];
        let mut gateway = Program::start(&args, &self.env());
        let (data, admin) = (gateway.address("models"), gateway.address("admin"));
        (gateway, data, admin)
    }
}

/// A conversation that leaves the name and what was said wherever the gateway leaves things.
async fn talk(address: &str, key: &str, session: &str) {
    let http = Http::new(address, key);
    let arguments = json!({ "order_id": "A-1001" });
    let order = format!("My name is {SAID}. Please get it. [[call get_order {arguments}]]");
    let asked = json!({ "model": "gullible", "messages": [{ "role": "user", "content": order }],
        "tools": [{ "type": "function", "function": { "name": "get_order", "parameters": { "type": "object" } } }] });
    let session = [("x-plimsoll-session", session)];
    let answer = http.post("/v1/chat/completions", &session, &asked).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.body);
    http.call("desk", "get_order", &arguments).await.unwrap();
    // One that is held, so that a question with a page is in the database.
    let wipe = json!({ "customer_id": SAID });
    let order = format!("Please delete the customer {SAID}. [[call delete_customer {wipe}]]");
    let asked = json!({ "model": "gullible", "messages": [{ "role": "user", "content": order }],
        "tools": [{ "type": "function", "function": { "name": "delete_customer", "parameters": { "type": "object" } } }] });
    http.post("/v1/chat/completions", &session, &asked).await.unwrap();
    http.call("desk", "delete_customer", &wipe).await.unwrap();
}

/// The files of a directory that hold these bytes.
fn files_with(dir: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files_with(&path, text));
        } else if std::fs::read(&path)
            .is_ok_and(|bytes| bytes.windows(text.len()).any(|w| w == text.as_bytes()))
        {
            found.push(path.display().to_string());
        }
    }
    found
}

/// A receipt with one sealed field: it proves itself, and says nothing of the others.
fn shows_one_field(house: &House, people: &[(&str, &str)]) {
    let (_, log) = house.try_run(&["log", "--kind", "decision", "--json"], people);
    let held: Value =
        log.lines().find(|line| line.contains(SAID)).map(|line| serde_json::from_str(line).unwrap()).unwrap();
    let (seq, file) =
        (held["seq"].to_string(), house.dir.path().join("one.tlog-proof").display().to_string());
    let args = ["receipt", &seq, "--disclose", "/act/arguments", "--out", &file];
    house.until(&args, people, |said| match said.contains("under a checkpoint of") {
        true => true,
        false => {
            assert!(said.contains("not under a checkpoint yet"), "{said}");
            false
        }
    });
    let trust = house.state().join("ledger/trust.txt").display().to_string();
    let verify = ["verify", "receipt", &file, "--policy", &trust, "--json"];
    let good: Value = serde_json::from_str(&run(&verify, &[])).unwrap();
    assert_eq!(good["disclosed"]["/act/arguments"]["customer_id"], SAID, "{good}");
    assert!(!good["entry"].to_string().contains(SAID) && !good.to_string().contains(NAME), "{good}");
    std::fs::remove_file(&file).unwrap();
    let unknown = house.try_run(&["receipt", &seq, "--disclose", "/act/nothing"], people).1;
    assert!(unknown.contains("has no sealed field") && unknown.contains("/act/arguments"), "{unknown}");
}

/// An export beside a running gateway: the gateway puts it on record under the name of the key, or it is said that nobody
/// did.
fn exports_on_record(house: &House, people: &[(&str, &str)]) {
    let (_, said) = house.try_run(&["export", "--jsonl", "--reason", "request 17"], &[]);
    assert!(said.contains("this reading is not on record") && said.contains(SAID), "{said}");
    let (_, said) = house.try_run(&["export", "--ocsf", "--reason", "request 18"], people);
    assert!(!said.contains("not on record"), "{said}");
    let log = ["log", "--kind", "read", "--json", "--limit", "1000"];
    let reads = house.until(&log, people, |log| log.contains("export --ocsf"));
    let read: Value =
        reads.lines().find(|line| line.contains("export --ocsf")).map(serde_json::from_str).unwrap().unwrap();
    assert_eq!((&read["entry"]["by"], &read["entry"]["reason"]), (&json!("rosa"), &json!("request 18")));
    assert!(!reads.contains("request 17"), "{reads}");
}

fn erased(text: &str) -> Value {
    serde_json::from_str(text.lines().find(|line| line.starts_with('{')).unwrap_or_else(|| panic!("{text}")))
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_erased_is_found_in_no_file_and_the_ledger_still_holds() {
    let house = House::build(&[]);
    let key = house.run(&["key", "create", "--name", NAME, "--workflow", "support"]);
    let other = house.run(&["key", "create", "--name", "somebody-else", "--workflow", "support"]);
    let admin_key = house.run(&["key", "create", "--admin", "--name", "rosa"]);
    let (gateway, data, admin) = house.start();
    talk(&data, &key, "s-quetzal").await;
    talk(&data, &other, "s-other").await;
    let admin = format!("http://{admin}");
    let people = [("PLIMSOLL_ADMIN_KEY", admin_key.as_str()), ("PLIMSOLL_ADMIN", admin.as_str())];
    house.has_heard("s-other", &people);

    // The ledger has neither name nor words in the clear; who has the keys reads both.
    assert_eq!(files_with(&house.state().join("ledger"), NAME), Vec::<String>::new());
    assert_eq!(files_with(&house.state().join("ledger"), SAID), Vec::<String>::new());
    let (_, log) = house.try_run(&["log", "--principal", &format!("key:{NAME}"), "--json"], &people);
    assert!(log.contains(NAME) && log.contains(SAID), "{log}");

    shows_one_field(&house, &people);
    exports_on_record(&house, &people);

    // A hold keeps it.
    let (code, said) = house.try_run(&["hold", "--subject", NAME, "--reason", "case 17"], &people);
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = house.try_run(&["erase", "--subject", NAME, "--json"], &people);
    let held = erased(&said);
    assert_eq!((code, held["keys"].as_u64()), (Some(0), Some(0)), "{said}");
    assert!(held["held"].as_u64().unwrap() > 0, "{said}");
    house.try_run(&["hold", "--subject", NAME, "--lift"], &people);

    // It says first what would go, and does nothing.
    let (_, would) = house.try_run(&["erase", "--subject", NAME, "--dry-run", "--json"], &people);
    let would = erased(&would);
    assert!(would["keys"].as_u64().unwrap() > 0 && would["rows"].as_u64().unwrap() > 0, "{would}");
    assert_eq!(would["live_keys"].as_array().unwrap().len(), 1);
    let list = house.run(&["key", "list"]);
    let prefix =
        list.lines().find(|line| line.contains(NAME)).unwrap().split_whitespace().next().unwrap().to_owned();
    house.run(&["key", "revoke", &prefix]);
    let (code, said) =
        house.try_run(&["erase", "--subject", NAME, "--reason", "request 4711", "--json"], &people);
    assert_eq!(code, Some(0), "{said}");
    let went = erased(&said);
    assert_eq!((&went["keys"], &went["names"]), (&would["keys"], &json!(1)), "{went}");
    assert!(!went.to_string().contains(NAME), "{went}");

    for text in [NAME, SAID] {
        let found: Vec<String> = files_with(&house.state(), text);
        let found: Vec<&String> = found.iter().filter(|file| !file.contains("/releases/")).collect();
        // The other conversation said the same words, in the clear only where a question waits for a person.
        let others = if text == SAID { 2 } else { 0 };
        assert!(
            found.len() <= others && found.iter().all(|file| file.contains("plimsoll.db")),
            "{text}: {found:?}"
        );
    }
    let (_, log) = house.try_run(&["log", "--json"], &people);
    assert!(log.contains("‹arguments: erased›") && !log.contains(NAME), "{log}");
    assert!(log.contains("somebody-else") && log.contains(SAID), "the other one is readable as before");
    drop(gateway);

    // Everything that was proved stays proved, and what was done is on record.
    let verified = house.run(&["verify"]);
    assert!(!verified.is_empty());
    let log = house.run(&["log", "--kind", "erasure", "--json"]);
    assert!(log.contains("request 4711") && log.contains("rosa"), "{log}");
    let reads = house.run(&["log", "--kind", "read", "--json"]);
    assert!(reads.contains("\"through\":\"command\""), "{reads}");
    // What can't be read can't be decided again, and a replay says so instead of finding another decision.
    let (code, again) = house.try_run(&["replay", "--all", "--json"], &[]);
    assert_eq!(code, Some(2), "{again}");
    assert!(again.contains("sealed") && !again.contains("\"altered\""), "{again}");

    // The same beside a gateway that does not run.
    let (code, said) = house.try_run(&["erase", "--session", "s-other", "--json"], &[]);
    assert_eq!(code, Some(0), "{said}");
    let found = files_with(&house.state(), SAID);
    assert_eq!(found, Vec::<String>::new());
    house.run(&["verify"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stolen_gateway_that_seals_to_an_audit_key_says_nothing_of_its_past() {
    let dir = tempfile::tempdir().unwrap();
    let secret = dir.path().join("audit.txt").display().to_string();
    let public = run(&["key", "audit", "--out", &secret], &[]);
    let privacy = format!("environment: demo\nprivacy: {{ audit_key: {public} }}");
    let house = House::build(&[("plimsoll.yaml", "environment: demo", &privacy)]);
    let key = house.run(&["key", "create", "--name", NAME, "--workflow", "support"]);
    let (gateway, data, _) = house.start();
    talk(&data, &key, "s-quetzal").await;
    house.has_heard("s-quetzal", &[]);
    drop(gateway);
    let (_, log) = house.try_run(&["log", "--json"], &[]);
    assert!(log.contains("sealed to the audit key"), "{log}");
    assert!(!log.contains(NAME) && !log.contains(SAID), "{log}");
    let (_, shown) = house.try_run(&["show", "s-quetzal"], &[]);
    assert!(shown.contains("HELD") && !shown.contains("digest sha256:0"), "{shown}");
    let (_, log) = house.try_run(&["log", "--json", "--audit-key", &secret, "--reason", "case 17"], &[]);
    assert!(log.contains(NAME) && log.contains(SAID), "{log}");
    // It starts again, and goes on.
    let (gateway, data, _) = house.start();
    talk(&data, &key, "s-again").await;
    drop(gateway);
    house.run(&["verify"]);
}
