//! `plimsoll release` as its users run it: keys in files and in a real `ssh-agent`, two people, a repository under git, a
//! pipeline.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

/// A repository under git whose production asks for one approval, and the keys of its three people.
struct House {
    dir: tempfile::TempDir,
}

const PROJECT: &str = "\
plimsoll: 1
project: harbour
environments:
  staging: {approvals: 0}
  production: {approvals: 1, minimum: 1}
changes: {workflow: [security]}
";

const WORKFLOW: &str = "\
workflow: desk
purpose: Answer customers.
owner: Ines Falk
mode: suggest
";

impl House {
    fn new() -> Self {
        let house = Self { dir: tempfile::tempdir().unwrap() };
        std::fs::create_dir_all(house.path("repo/workflows")).unwrap();
        let mut people = "people:\n".to_owned();
        for (name, role) in [("ines", "engineer"), ("rosa", "owner"), ("tom", "security"), ("jon", "auditor")]
        {
            let made = house.ok(&["key", "sign", "--name", name, "--out", house.key(name).to_str().unwrap()]);
            people.push_str(&format!("  {name}: {{roles: [{role}], key: {}}}\n", made.trim()));
        }
        people.push_str("roles:\n  engineer: {may: [author]}\n  owner: {may: [author, approve]}\n  security: {may: [approve]}\n  auditor:\n");
        house.write("repo/people.yaml", &people);
        house.write("repo/plimsoll.yaml", PROJECT);
        house.write("repo/workflows/desk.yaml", WORKFLOW);
        house
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn key(&self, name: &str) -> PathBuf {
        self.path(&format!("{name}.key"))
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    fn edit(&self, name: &str, find: &str, replace: &str) {
        let text = std::fs::read_to_string(self.path(name)).unwrap();
        assert!(text.contains(find), "{find}");
        self.write(name, &text.replacen(find, replace, 1));
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_plimsoll"));
        command.args(args).current_dir(self.path("repo")).stdin(Stdio::null());
        for name in [
            "PLIMSOLL_REPO",
            "PLIMSOLL_SIGNING_KEY",
            "PLIMSOLL_MODE",
            "PLIMSOLL_ENVIRONMENT",
            "SSH_AUTH_SOCK",
        ] {
            command.env_remove(name);
        }
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// What it prints; it has to succeed.
    fn ok(&self, args: &[&str]) -> String {
        let done = self.run(args);
        assert_eq!(done.status.code(), Some(0), "{args:?}: {}", said(&done));
        String::from_utf8(done.stdout).unwrap()
    }

    /// What it says; it has to end with this code.
    fn fails(&self, code: i32, args: &[&str]) -> String {
        let done = self.run(args);
        assert_eq!(done.status.code(), Some(code), "{args:?}: {}", said(&done));
        said(&done)
    }

    /// A release of what lies there, signed by this person.
    fn create(&self, out: &str, by: &str, more: &[&str]) -> String {
        let (out, key) = (self.path(out), self.key(by));
        let mut args =
            vec!["release", "create", "--out", out.to_str().unwrap(), "--key", key.to_str().unwrap()];
        if !more.contains(&"-e") {
            args.extend(["-e", "production"]);
        }
        args.extend(more);
        let done = self.run(&args);
        assert_eq!(done.status.code(), Some(0), "{}", said(&done));
        said(&done)
    }

    fn approve<'a>(&'a self, file: &'a str, by: &str, more: &[&str]) -> Vec<String> {
        let mut args: Vec<String> =
            ["release", "approve", file, "--key", self.key(by).to_str().unwrap()].map(str::to_owned).to_vec();
        args.extend(more.iter().map(|arg| (*arg).to_owned()));
        args
    }

    fn at(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }
}

fn strs(args: &[String]) -> Vec<&str> {
    args.iter().map(String::as_str).collect()
}

fn said(done: &Output) -> String {
    String::from_utf8_lossy(&done.stderr).into_owned()
}

#[test]
fn two_people_and_what_each_may() {
    let house = House::new();
    let (live, next) = (house.at("live.release.json"), house.at("next.release.json"));

    // The first one: nothing is compared, and one other person has to agree.
    let told = house.create("live.release.json", "ines", &[]);
    assert!(
        told.contains("a first release") && told.contains("one more approval (rosa or tom could)"),
        "{told}"
    );
    assert!(told.contains("invariants: passed") && told.contains("drills: not run"), "{told}");
    let trust = house.ok(&["release", "trust", "-e", "production"]);
    house.write("trust.json", &trust);
    let trust = house.at("trust.json");
    let shown = house.run(&["release", "show", &live, "--trust", &trust]);
    assert_eq!(shown.status.code(), Some(1), "{}", said(&shown));

    // Nobody says yes without a terminal or --yes; the author, and who has no power, never.
    let told = house.fails(2, &strs(&house.approve(&live, "rosa", &[])));
    assert!(told.contains("nobody is there to say yes"), "{told}");
    let told = house.fails(1, &strs(&house.approve(&live, "ines", &["--yes"])));
    assert!(told.contains("nobody approves their own") && told.contains("rosa, tom"), "{told}");
    let told = house.fails(1, &strs(&house.approve(&live, "jon", &["--yes"])));
    assert!(told.contains("`jon` may not approve releases"), "{told}");
    house.ok(&strs(&house.approve(&live, "rosa", &["--yes"])));
    let told = house.fails(1, &strs(&house.approve(&live, "rosa", &["--yes"])));
    assert!(told.contains("counts once"), "{told}");
    house.ok(&["release", "show", &live, "--trust", &trust]);

    // A change that security signs for, compared with what runs.
    house.edit("repo/workflows/desk.yaml", "mode: suggest", "mode: enforce");
    let told = house.create("next.release.json", "ines", &["--base", &live]);
    assert!(told.contains("release 2 of harbour") && told.contains("workflow/mode-looser"), "{told}");
    let told = house.run(&strs(&house.approve(&next, "rosa", &["--yes", "--base", &live])));
    let told = said(&told);
    assert!(told.contains("somebody who is `security`") && told.contains("`tom` could"), "{told}");
    house.ok(&strs(&house.approve(&next, "tom", &["--yes", "--base", &live])));
    let after = house.ok(&["release", "trust", "-e", "production", "--live", &live]);
    house.write("trust.json", &after);
    house.ok(&["release", "show", &next, "--trust", &trust]);

    // What runs is not put into force again, and what came before it neither.
    let again = house.fails_show(&live, &trust);
    assert!(again.contains("runs already"), "{again}");
    let after = house.ok(&["release", "trust", "-e", "production", "--live", &next]);
    house.write("trust.json", &after);
    let older = house.fails_show(&live, &trust);
    assert!(older.contains("it is number 1, and number 2 runs"), "{older}");

    // As a program reads it.
    let json: Value = serde_json::from_str(&house.ok(&["release", "show", &next, "--json"])).unwrap();
    let people: Vec<&str> =
        json["signatures"].as_array().unwrap().iter().map(|s| s["person"].as_str().unwrap()).collect();
    assert_eq!(people, ["ines", "rosa", "tom"]);
    assert_eq!(json["statement"]["predicate"]["sequence"], 2);

    // A release is a side of a diff.
    let diff = house.run(&["diff", &live, &next, "--json"]);
    let diff: Value = serde_json::from_slice(&diff.stdout).unwrap_or_else(|e| panic!("{e}: {}", said(&diff)));
    assert_eq!(diff["changes"][0]["rule"], "workflow/mode-looser");
}

impl House {
    fn fails_show(&self, file: &str, trust: &str) -> String {
        let done = self.run(&["release", "show", file, "--trust", trust]);
        assert_eq!(done.status.code(), Some(1), "{}", said(&done));
        String::from_utf8(done.stdout).unwrap()
    }
}

#[test]
fn what_is_not_signed() {
    let house = House::new();
    let (key, out) = (house.at("ines.key"), house.at("x.release.json"));
    let create = |more: &[&str]| {
        let args = [&["release", "create", "--key", &key, "--out", &out][..], more].concat();
        said(&house.run(&args))
    };
    let told = create(&["-e", "prodution"]);
    assert!(told.contains("did you mean `production`?"), "{told}");
    let told = create(&["-e", "production", "--author", "tom"]);
    assert!(told.contains("`tom` may not author releases") && told.contains("ines, rosa"), "{told}");
    let told = create(&["-e", "production", "--author", "rosa"]);
    assert!(told.contains("this key is not one of `rosa`"), "{told}");
    let jon = house.at("jon.key");
    let told = house.fails(2, &["release", "create", "-e", "production", "--key", &jon, "--out", &out]);
    assert!(told.contains("`jon` may not author releases"), "{told}");
    let told = create(&["-e", "production", "--base", "."]);
    assert!(told.contains("is no release, so it has no number"), "{told}");
    // A key that others can read, and one with a passphrase.
    std::fs::set_permissions(house.key("ines"), std::fs::Permissions::from_mode(0o644)).unwrap();
    let told = create(&["-e", "production"]);
    assert!(told.contains("others can read this key (mode 644)"), "{told}");
    std::fs::set_permissions(house.key("ines"), std::fs::Permissions::from_mode(0o600)).unwrap();
    // What does not load.
    house.edit("repo/workflows/desk.yaml", "mode: suggest", "mode: suggested");
    let told = create(&["-e", "production"]);
    assert!(told.contains("so nothing is signed"), "{told}");
    assert!(!house.path("x.release.json").exists());
}

/// The rules in force rule the next ones: a new key signs nothing before the release that names it runs.
#[test]
fn who_changes_their_own_key_signs_as_before() {
    let house = House::new();
    let live = house.at("live.release.json");
    house.create("live.release.json", "ines", &[]);
    let new = house.ok(&["key", "sign", "--name", "ines", "--out", &house.at("ines2.key")]);
    let people = std::fs::read_to_string(house.path("repo/people.yaml")).unwrap();
    let line = people.lines().find(|line| line.starts_with("  ines:")).unwrap().to_owned();
    house.edit("repo/people.yaml", &line, &format!("  ines: {{roles: [engineer], key: {}}}", new.trim()));
    let told = house.create("next.release.json", "ines", &["--base", &live]);
    assert!(told.contains("people/key-added") && told.contains("people/key-gone"), "{told}");
    let (key, out) = (house.at("ines2.key"), house.at("x.release.json"));
    let args = ["release", "create", "-e", "production", "--base", &live, "--key", &key, "--out", &out];
    let told = house.fails(2, &args);
    assert!(told.contains("nobody in people.yaml has this key"), "{told}");
}

/// Rosa's machine makes the diff again, and does not sign what hides something.
#[test]
fn a_diff_that_hides_something_is_not_signed() {
    let house = House::new();
    let (live, honest) = (house.at("live.release.json"), house.at("honest.release.json"));
    house.create("live.release.json", "ines", &[]);
    house.edit("repo/workflows/desk.yaml", "mode: suggest", "mode: enforce");
    house.create("honest.release.json", "ines", &["--base", &live]);
    house.ok(&strs(&house.approve(&honest, "rosa", &["--yes", "--base", &live])));
    // The same files, compared with themselves: by its own words nothing changes.
    let repo = house.at("repo");
    house.create("sly.release.json", "ines", &["--base", &repo, "--sequence", "2"]);
    let sly = house.at("sly.release.json");
    let told = house.fails(2, &strs(&house.approve(&sly, "rosa", &["--yes", "--base", &live])));
    assert!(told.contains("does not stand in the signed diff"), "{told}");
}

/// A real agent, with the key that `plimsoll key sign` made.
#[test]
fn a_key_that_an_agent_holds() {
    let house = House::new();
    let Some(agent) = Agent::start(&house) else {
        println!(
            "SKIPPED: there is no ssh-agent or ssh-add on this machine (Debian: openssh-client), so nothing was signed by one"
        );
        return;
    };
    let out = house.at("by-agent.release.json");
    let create = |house: &House| {
        let mut command = house.command(&["release", "create", "-e", "production", "--agent", "--out", &out]);
        command.env("SSH_AUTH_SOCK", &agent.socket).output().unwrap()
    };
    let done = create(&house);
    assert_eq!(done.status.code(), Some(2));
    assert!(said(&done).contains("the agent holds no Ed25519 key"), "{}", said(&done));
    agent.add(&house.key("rosa"));
    let done = create(&house);
    assert_eq!(done.status.code(), Some(0), "{}", said(&done));
    // The same signature as from the file: nothing of SSH's own is around what is signed.
    house.write("trust.json", &house.ok(&["release", "trust", "-e", "production"]));
    let shown = house.ok(&["release", "show", &out, "--json"]);
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(
        (&shown["signatures"][0]["person"], &shown["signatures"][0]["good"]),
        (&Value::from("rosa"), &Value::from(true))
    );
    // And an approval by it.
    agent.add(&house.key("tom"));
    let approve = ["release", "approve", &out, "--agent", "--yes"];
    let done = house.command(&approve).env("SSH_AUTH_SOCK", &agent.socket).output().unwrap();
    // The agent offers Rosa's key first, who made it.
    assert_eq!(done.status.code(), Some(0), "{}", said(&done));
    assert!(said(&done).contains("signed by tom"), "{}", said(&done));
    // Nobody is asked where nobody is.
    let done = house.run(&["release", "approve", &out, "--agent", "--yes"]);
    assert!(said(&done).contains("SSH_AUTH_SOCK is not set"), "{}", said(&done));
}

struct Agent {
    child: Child,
    socket: PathBuf,
}

impl Agent {
    fn start(house: &House) -> Option<Self> {
        let socket = house.path("agent.sock");
        // In the foreground, so that it can be ended by its own handle.
        let child =
            Command::new("ssh-agent").arg("-D").arg("-a").arg(&socket).stdout(Stdio::null()).spawn().ok()?;
        let agent = Self { child, socket };
        Command::new("ssh-add").arg("-l").env("SSH_AUTH_SOCK", &agent.socket).output().ok()?;
        while !agent.socket.exists() {
            std::thread::yield_now();
        }
        Some(agent)
    }

    fn add(&self, key: &Path) {
        let done = Command::new("ssh-add").arg(key).env("SSH_AUTH_SOCK", &self.socket).output().unwrap();
        assert!(done.status.success(), "{}", said(&done));
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _waited = self.child.wait();
    }
}

// === a pipeline ===

fn ci() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/ci")
}

fn git(dir: &Path, args: &[&str]) {
    let who = ["-c", "user.name=a", "-c", "user.email=a@b.example", "-c", "commit.gpgsign=false"];
    let done =
        Command::new("git").arg("-C").arg(dir).args(who).args(args).output().expect("git is installed");
    assert!(done.status.success(), "{args:?}: {}", said(&done));
}

#[test]
fn the_script_for_any_pipeline() {
    let house = House::new();
    let repo = house.path("repo");
    git(&repo, &["init", "-q", "-b", "main"]);
    git(&repo, &["add", "-A"]);
    git(&repo, &["commit", "-qm", "one"]);
    git(&repo, &["checkout", "-qb", "feature"]);
    house.edit("repo/workflows/desk.yaml", "mode: suggest", "mode: enforce");
    git(&repo, &["commit", "-qam", "two"]);
    let bin = Path::new(env!("CARGO_BIN_EXE_plimsoll")).parent().unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap_or_default());
    let script = |args: &[&str], vars: &[(&str, &str)]| {
        let mut command = Command::new("bash");
        command.arg(ci().join("plimsoll-ci.sh")).args(args).current_dir(&repo).env("PATH", &path);
        for name in ["PLIMSOLL_REPO", "PLIMSOLL_SIGNING_KEY", "PLIMSOLL_MODE", "GITHUB_STEP_SUMMARY"] {
            command.env_remove(name);
        }
        command.envs(vars.iter().copied()).env("PLIMSOLL_OUT", house.path("out")).output().unwrap()
    };
    let done = script(&["review", "main"], &[]);
    assert_eq!(done.status.code(), Some(0), "{}", said(&done));
    let comment = std::fs::read_to_string(house.path("out/comment.md")).unwrap();
    assert!(comment.contains("workflow/mode-looser"), "{comment}");
    let sarif: Value =
        serde_json::from_str(&std::fs::read_to_string(house.path("out/diff.sarif")).unwrap()).unwrap();
    assert_eq!(sarif["version"], "2.1.0");
    // A job that is to fail on what only an owner may approve.
    let done = script(&["review", "main"], &[("PLIMSOLL_FAIL_ON", "owner")]);
    assert_eq!(done.status.code(), Some(5), "{}", said(&done));

    // The pipeline's key comes as text, and leaves no file behind.
    let key = std::fs::read_to_string(house.key("ines")).unwrap();
    let temp = house.path("temp");
    std::fs::create_dir(&temp).unwrap();
    let done =
        script(&["release", "production"], &[("PLIMSOLL_KEY", &key), ("TMPDIR", temp.to_str().unwrap())]);
    assert_eq!(done.status.code(), Some(0), "{}", said(&done));
    assert_eq!(std::fs::read_dir(&temp).unwrap().count(), 0);
    let shown: Value = serde_json::from_str(&house.ok(&[
        "release",
        "show",
        &house.at("out/candidate.release.json"),
        "--json",
    ]))
    .unwrap();
    assert_eq!(shown["statement"]["predicate"]["author"], "ines");

    // What does not load fails the job, and nothing is signed.
    std::fs::remove_file(house.path("out/candidate.release.json")).unwrap();
    house.edit("repo/workflows/desk.yaml", "mode: enforce", "mode: enforced");
    for args in [&["review", "main"][..], &["release", "production"]] {
        let done = script(args, &[("PLIMSOLL_KEY", &key)]);
        assert_eq!(done.status.code(), Some(1), "{args:?} {}", said(&done));
    }
    assert!(!house.path("out/candidate.release.json").exists());
    assert_eq!(script(&["releese"], &[]).status.code(), Some(2));
}

/// The Action is YAML, runs what is there, takes nothing by a name that may move, and gives strangers no secrets.
#[test]
fn the_action() {
    let text = std::fs::read_to_string(ci().join("plimsoll.yml")).unwrap();
    let doc = plimsoll_bundle::yaml::read("plimsoll.yml", &text, 0).unwrap().value;
    assert_eq!(doc["permissions"], serde_json::json!({}));
    let jobs = doc["jobs"].as_object().unwrap();
    let steps: Vec<&Value> = jobs.values().flat_map(|job| job["steps"].as_array().unwrap()).collect();
    for uses in steps.iter().filter_map(|step| step["uses"].as_str()) {
        let (_, pin) = uses.split_once('@').unwrap();
        assert!(pin.len() == 40 && pin.bytes().all(|b| b.is_ascii_hexdigit()), "{uses}");
    }
    let runs: Vec<&str> = steps.iter().filter_map(|step| step["run"].as_str()).collect();
    for verb in ["review", "release"] {
        assert!(runs.iter().any(|run| run.starts_with(&format!("ci/plimsoll-ci.sh {verb} "))), "{runs:?}");
    }
    assert!(doc["on"].get("pull_request_target").is_none());
    let review = jobs["review"].to_string();
    assert!(!review.contains("secrets."), "{review}");
    assert!(jobs["release"].to_string().contains("secrets.PLIMSOLL_KEY"));
    // What people type into a title or a branch's name is never part of a script.
    for run in runs {
        assert!(!run.contains("${{"), "{run}");
    }
}
