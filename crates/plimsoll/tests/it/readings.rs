//! Whoever opens what is sealed is on record, whichever verb it was.

use serde_json::Value;

use crate::process::{command, repository, run};

/// Verbs that open sealed fields, and what stands on record of it. HERE is a repository, STATE the state directory,
/// ACT an entry with a decision, KEY one that signs, OUT a file that is not there yet.
const OPEN: &[(&[&str], &str)] = &[
    (&["log"], "the log"),
    (&["log", "--in-doubt"], ""),
    (&["show", "demo-b"], "show demo-b"),
    (&["explain", "ACT"], "explain ACT"),
    (&["explain", "ACT", "--policies"], "explain ACT --policies"),
    (&["receipt", "ACT", "--disclose", "/act/arguments"], "receipt ACT --disclose /act/arguments"),
    (&["receipt", "ACT"], ""),
    (&["export", "--jsonl"], "export --jsonl"),
    (&["export", "--otlp", "--session", "demo-b-inbox"], "export --otlp --session demo-b-inbox"),
    (&["export", "--ocsf", "--tool", "desk.pay_invoice"], "export --ocsf --tool desk.pay_invoice"),
    (&["export", "--jsonl", "--session", "nobody"], ""),
    (&["export", "--pack", "OUT.tar"], ""),
    (&["replay", "--all"], "replay --all"),
    (&["replay", "--all", "--candidate", "HERE", "--fail-on", "never"], "replay --all --candidate HERE"),
    (&["replay", "demo-b", "--cassette"], "replay demo-b --cassette"),
    (&["replay", "demo-b", "--to-drill", "OUT.yaml"], "replay demo-b --to-drill OUT.yaml"),
    (&["diff", "HERE", "HERE", "--observed", "STATE"], "diff --observed"),
    (
        &[
            "release", "create", "-e", "demo", "--repo", "HERE", "--key", "KEY", "--state", "STATE", "--out",
            "OUT.json",
        ],
        "release create --state",
    ),
    (&["verify"], ""),
    (&["ledger", "status"], ""),
];

#[test]
fn whatever_opens_what_is_sealed_is_on_record_once() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).display().to_string();
    let (here, state, out, key) = (path("repo"), path("state"), path("out"), path("ines.key"));
    let public = run(&["key", "sign", "--name", "ines", "--out", &key], &[]);
    let author = format!("key: {}, roles: [reviewer, treasurer]", public.trim());
    repository(
        &dir.path().join("repo"),
        &[
            ("people.yaml", "roles: [reviewer, treasurer]", &author),
            ("people.yaml", "treasurer: {purpose", "treasurer: {may: [author], purpose"),
            ("plimsoll.yaml", "environment: demo", "environment: demo\nenvironments: {demo: {approvals: 0}}"),
        ],
    );
    run(&["demo", "--quick", "--record", "--state", &state], &[]);
    let env = [("PLIMSOLL_STATE", state.as_str()), ("USER", "ines")];
    let readings = || -> Vec<Value> {
        let log = run(&["log", "--kind", "read", "--json", "--limit", "1000"], &env);
        log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["entry"].take()).collect()
    };
    let acts = run(&["log", "--kind", "decision", "--tool", "desk.pay_invoice", "--json"], &env);
    let act = serde_json::from_str::<Value>(acts.lines().next().unwrap()).unwrap()["seq"].to_string();
    let filled = |text: &str| {
        let text = text.replace("HERE", &here).replace("STATE", &state).replace("OUT", &out);
        text.replace("ACT", &act).replace("KEY", &key)
    };

    let mut before = readings().len();
    for (args, what) in OPEN {
        let args: Vec<String> = args.iter().map(|arg| filled(arg)).collect();
        let mut args: Vec<&str> = args.iter().map(String::as_str).collect();
        let is_read = !what.is_empty() && args[0] != "release";
        if is_read {
            args.extend(["--reason", "case 17"]);
        }
        let output = command(&args, &env).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(0), "{args:?}: {said}");
        let readings = readings();
        let told = &readings[before..];
        assert_eq!(told.len(), usize::from(!what.is_empty()), "{args:?}: {told:?}");
        if let [read] = told {
            assert_eq!(read["what"], filled(what), "{read}");
            let reason = if is_read { Value::from("case 17") } else { Value::Null };
            assert_eq!((&read["by"], &read["reason"]), (&"os:ines".into(), &reason), "{read}");
            assert_eq!(read["through"], "command", "{read}");
            assert!(read["classes"].as_array().is_some_and(|classes| !classes.is_empty()), "{read}");
            assert!(read["first"].as_u64() <= read["last"].as_u64(), "{read}");
        }
        before = readings.len();
    }
}

/// A replay or an export of one conversation opens no other, and says how much it opened.
#[test]
fn what_was_not_asked_for_is_not_opened() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state").display().to_string();
    run(&["demo", "--quick", "--state", &state], &[]);
    let env = [("PLIMSOLL_STATE", state.as_str())];
    let opened = |args: &[&str]| -> (u64, u64, u64) {
        run(args, &env);
        let log = run(&["log", "--kind", "read", "--json"], &env);
        let read: Value = serde_json::from_str(log.lines().last().unwrap()).unwrap();
        let number = |name: &str| read["entry"][name].as_u64().unwrap();
        (number("entries"), number("first"), number("last"))
    };
    let lines = run(&["export", "--jsonl", "--session", "demo-b-inbox"], &env);
    let of_session: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let seqs: Vec<u64> = of_session.iter().map(|line| line["seq"].as_u64().unwrap()).collect();
    let acts: Vec<u64> = of_session
        .iter()
        .filter(|line| ["intent", "decision"].iter().any(|kind| line["kind"] == *kind))
        .map(|line| line["seq"].as_u64().unwrap())
        .collect();
    let span = |seqs: &[u64]| (seqs.len() as u64, seqs[0], *seqs.last().unwrap());
    assert_eq!(opened(&["export", "--jsonl", "--session", "demo-b-inbox"]), span(&seqs));
    assert_eq!(opened(&["replay", "demo-b"]), span(&acts));

    // Of the questions on record only those that its acts raised: another one was asked since.
    let all = run(&["export", "--jsonl"], &env);
    let all: Vec<Value> = all.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let asked = |line: &Value| (line["kind"] == "approval").then(|| line["approval"]["id"].clone());
    let is_own = |line: &&Value| line["session"] == "demo-c-delete";
    let own: Vec<Value> = all.iter().filter(is_own).filter_map(asked).collect();
    let others = all.iter().filter(|line| !is_own(line)).filter_map(asked).filter(|id| !own.contains(id));
    assert!(!own.is_empty() && others.count() > 0, "{own:?}");
    let shown = all.iter().filter(|line| is_own(line) || asked(line).is_some_and(|id| own.contains(&id)));
    let seqs: Vec<u64> = shown.map(|line| line["seq"].as_u64().unwrap()).collect();
    assert_eq!(opened(&["show", "demo-c-delete"]), span(&seqs));
}
