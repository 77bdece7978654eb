//! `plimsoll prove` and `plimsoll drill run` as their users run them.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::process::command;

fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/support-desk")
}

fn copy(to: &Path) {
    for folder in ["", "drills", "models", "prompts", "risks", "tools", "workflows", "policies"] {
        std::fs::create_dir_all(to.join(folder)).unwrap();
        for entry in std::fs::read_dir(example().join(folder)).into_iter().flatten() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_file() {
                std::fs::copy(entry.path(), to.join(folder).join(entry.file_name())).unwrap();
            }
        }
    }
}

/// Exit code, standard output, standard error.
fn told(args: &[&str], repo: &Path, env: &[(&str, &str)]) -> (Option<i32>, String, String) {
    let repo = repo.display().to_string();
    let args: Vec<&str> = args.iter().copied().chain(["--repo", &repo]).collect();
    let output = command(&args, env).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn what_must_hold_is_told_with_how_it_is_known() {
    let dir = tempfile::tempdir().unwrap();
    copy(dir.path());
    let (code, page, _) = told(&["prove", "--no-solver"], dir.path(), &[]);
    assert_eq!(code, Some(0), "{page}");
    assert!(page.contains("no-act-of-a-stopped-scope"), "{page}");

    // The shipped rules are replaced by one that lets everything guarded run.
    let loose = "@id(\"all\") permit (principal, action in [Action::\"model\", Action::\"safe\", Action::\"guarded\"], resource);";
    std::fs::write(dir.path().join("policies/default.cedar"), loose).unwrap();
    // CVC5 names a program that is none: it is said, and cases are tried instead.
    let (code, json, _) = told(&["prove", "--json"], dir.path(), &[("CVC5", "/nonexistent/cvc5")]);
    let said: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(code, Some(5), "{said}");
    assert_eq!(said["by"]["by"], "trying");
    assert!(said["by"]["because"].as_str().is_some_and(|why| why.contains("/nonexistent/cvc5")), "{said}");
    let broken =
        said["invariants"].as_array().unwrap().iter().find(|one| one["outcome"] == "broken").unwrap();
    assert_eq!(broken["invariant"], "untrusted-content-chooses-no-recipient");
    assert_eq!(broken["tool"].as_str().or(broken["0"]["tool"].as_str()), Some("desk.send_mail"), "{broken}");

    std::fs::create_dir_all(dir.path().join("policies/invariants")).unwrap();
    std::fs::write(
        dir.path().join("policies/invariants/own.cedar"),
        "@id(\"mine\") permit (principal, action, resource);",
    )
    .unwrap();
    let (code, _, why) = told(&["prove"], dir.path(), &[]);
    assert_eq!(code, Some(2));
    assert!(why.contains("an invariant only forbids"), "{why}");
}

#[test]
fn drills_are_decided_and_compared_with_what_they_expect() {
    let dir = tempfile::tempdir().unwrap();
    copy(dir.path());
    let (code, page, why) = told(&["drill", "run"], dir.path(), &[]);
    assert_eq!(code, Some(0), "{page}{why}");
    assert!(page.contains("passed inbox-says-pay") && page.contains("passed small-refund"), "{page}");

    let file = dir.path().join("drills/inbox-says-pay.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("decision: refuse", "decision: allow")).unwrap();
    let (code, page, _) = told(&["drill", "run", "inbox-says-pay"], dir.path(), &[]);
    assert_eq!(code, Some(1), "{page}");
    assert!(page.contains("inbox-says-pay.yaml:17") && page.contains("decided refuse ("), "{page}");
    let (code, json, _) = told(&["drill", "run", "--json"], dir.path(), &[]);
    let said: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        (code, said[0]["passed"].as_bool(), said[1]["passed"].as_bool()),
        (Some(1), Some(false), Some(true))
    );

    for (find, replace, expected) in [
        ("- user:", "- usr:", "did you mean `user`?"),
        ("act: desk.pay_invoice", "act: desk.pay_invoices", "did you mean `desk.pay_invoice`?"),
        ("act: desk.pay_invoice", "act: desk.send_mail", "no step calls `desk.send_mail`"),
        ("workflow: support", "workflow: suport", "did you mean `support`?"),
    ] {
        std::fs::write(&file, text.replacen(find, replace, 1)).unwrap();
        let (code, _, why) = told(&["drill", "run"], dir.path(), &[]);
        assert_eq!(code, Some(2), "{why}");
        assert!(why.contains(expected), "{expected}: {why}");
        let (code, page, _) = told(&["check"], dir.path(), &[]);
        assert_eq!(code, Some(1), "{page}");
    }
    std::fs::write(&file, text).unwrap();
    let (code, _, why) = told(&["drill", "run", "inbox-says-pa"], dir.path(), &[]);
    assert_eq!(code, Some(2));
    assert!(why.contains("did you mean `inbox-says-pay`?"), "{why}");
}
