//! A reader that goes away: `plimsoll log | head`. Every verb that writes data ends quietly then, and none says yes.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::process::{Command, Stdio};

use crate::process::{command, repository, run};

/// What a shell says of a program that a closed pipe ended.
const NOBODY_READS: i32 = 141;

/// Verbs that are not asked to print here, each with its reason.
const ELSEWHERE: &[(&str, &str)] = &[
    ("demo", "serves until it is stopped, and talks on standard error"),
    ("init", "asks a tool server"),
    ("up", "serves, and talks on standard error"),
    ("mcp", "relays a running gateway: a client that is gone has closed its input too"),
    ("witness", "serves, and talks on standard error"),
    ("approve", "asks a running gateway"),
    ("release", "asks a running gateway, or for a key that signs"),
    ("stop", "asks a running gateway"),
    ("resume", "asks a running gateway"),
    ("bench", "measures for minutes before it says anything"),
    ("mock", "serves, and talks on standard error"),
    ("tools", "asks a tool server"),
    ("drift", "asks a tool server"),
    ("help", "clap's own"),
];

/// What each of the others is asked.
const ASKED: &[&[&str]] = &[
    &["check", "--json"],
    &["diff", "HERE", "HERE", "--json"],
    &["drill", "run"],
    &["prove"],
    &["doctor"],
    &["log"],
    &["log", "--json"],
    &["show", "demo-b"],
    &["show", "demo-b", "--json"],
    &["explain", "demo-b"],
    &["explain", "demo-b", "--policies"],
    &["explain", "PLM-0210"],
    &["replay", "--all"],
    &["replay", "--all", "--json"],
    &["verify"],
    &["verify", "--json"],
    &["receipt", "1"],
    &["export", "--jsonl"],
    &["export", "--otlp"],
    &["export", "--ocsf"],
    &["erase", "--subject", "ada", "--class", "content,arguments", "--dry-run"],
    &["hold", "--list"],
    &["key", "list"],
    &["ledger", "status"],
];

#[test]
fn nobody_reads_and_every_verb_ends_quietly() {
    let dir = tempfile::tempdir().unwrap();
    let (repo, state) = (dir.path().join("repo"), dir.path().join("state"));
    repository(&repo, &[]);
    let state = state.display().to_string();
    run(&["demo", "--quick", "--state", &state], &[]);
    run(
        &["key", "create", "--name", "ada", "--workflow", "support"],
        &[("PLIMSOLL_STATE", &state), ("PLIMSOLL_REPO", &repo.display().to_string())],
    );
    let repo = repo.display().to_string();
    let env = [("PLIMSOLL_STATE", state.as_str()), ("PLIMSOLL_REPO", repo.as_str())];

    run(&["hold", "--session", "demo-b-inbox", "--reason", "case 17"], &env);

    let help = run(&["--help"], &[]);
    let commands = help.split("Commands:").nth(1).unwrap().split("Options:").next().unwrap();
    let verbs = commands.lines().filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    let verbs: BTreeSet<&str> = verbs.filter(|verb| !verb.is_empty()).collect();
    let asked = ASKED.iter().map(|args| args[0]).chain(ELSEWHERE.iter().map(|(verb, _)| *verb));
    assert_eq!(verbs, asked.collect(), "every verb is asked here, or says why not");

    for args in ASKED {
        let args: Vec<&str> = args.iter().map(|arg| if *arg == "HERE" { &repo } else { *arg }).collect();
        let (code, said) = with_nobody(command(&args, &env), false);
        assert_eq!(code, Some(NOBODY_READS), "plimsoll {}: {said}", args.join(" "));
        let loud = said.lines().find(|line| !line.starts_with("note: "));
        assert_eq!(loud, None, "plimsoll {}", args.join(" "));
        let (code, _) = with_nobody(command(&args, &env), true);
        assert_eq!(code, Some(NOBODY_READS), "plimsoll {} 2>&1", args.join(" "));
    }
    // A disk that is full is not a reader who had enough.
    for args in [&["log"][..], &["export", "--jsonl"]] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = command(args, &env).stdout(full).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains("No space left on device"), "{said}");
    }
}

/// What somebody may not read on without being on record: the reading is recorded before the first line is printed.
#[test]
fn who_reads_one_line_has_read() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state").display().to_string();
    run(&["demo", "--quick", "--state", &state], &[]);
    let env = [("PLIMSOLL_STATE", state.as_str())];
    let reads = || run(&["log", "--kind", "read", "--json", "--limit", "1000"], &env).lines().count();
    let before = reads();
    with_nobody(command(&["log", "--reason", "curious"], &env), false);
    with_nobody(command(&["log", "--in-doubt"], &env), false);
    with_nobody(command(&["show", "demo-b", "--reason", "curious"], &env), false);
    assert!(reads() >= before + 2, "{} readings, {before} before", reads());
}

/// Exit code and standard error of a program whose standard output nobody reads; `deaf`: nor its standard error.
fn with_nobody(mut command: Command, deaf: bool) -> (Option<i32>, String) {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    command.stdin(Stdio::null()).stdout(writer.try_clone().unwrap());
    let stderr = if deaf { Stdio::from(writer) } else { Stdio::piped() };
    let mut child = command.stderr(stderr).spawn().unwrap();
    // Our own copies of the pipe's end go with the command.
    drop(command);
    let mut said = String::new();
    if let Some(mut stderr) = child.stderr.take() {
        stderr.read_to_string(&mut said).unwrap();
    }
    (child.wait().unwrap().code(), said)
}
