//! `plimsoll diff` as its users run it: git revisions, directories, approvals, exit codes.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn repository() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../plimsoll-bundle/tests/diff/repo")
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

fn edit(path: &Path, find: &str, replace: &str) {
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.contains(find), "{find}");
    std::fs::write(path, text.replacen(find, replace, 1)).unwrap();
}

fn git(dir: &Path, args: &[&str]) {
    let who = ["-c", "user.name=a", "-c", "user.email=a@b.example", "-c", "commit.gpgsign=false"];
    let done =
        Command::new("git").arg("-C").arg(dir).args(who).args(args).output().expect("git is installed");
    assert!(done.status.success(), "{args:?}: {}", String::from_utf8_lossy(&done.stderr));
}

/// Outside the repository's directory, so that nothing is found by chance.
fn diff(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_plimsoll"));
    command.arg("diff").args(args).env_remove("PLIMSOLL_REPO").env("PLIMSOLL_MODE", "observe");
    command.output().unwrap()
}

fn code(done: &Output) -> Option<i32> {
    done.status.code()
}

fn told(done: &Output) -> Vec<String> {
    let json: Value = serde_json::from_slice(&done.stdout)
        .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&done.stderr)));
    json["changes"].as_array().unwrap().iter().map(|c| c["rule"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn revisions_directories_and_the_files_as_they_lie_there() {
    let dir = tempfile::tempdir().unwrap();
    let flow = dir.path().join("desk/flow");
    copy(&repository(), &flow);
    // An application's own files lie beside it, and a link that is none of ours.
    std::fs::write(dir.path().join("app.py"), "print()").unwrap();
    git(dir.path(), &["init", "-q", "-b", "main"]);
    git(dir.path(), &["add", "-A"]);
    git(dir.path(), &["commit", "-qm", "one"]);
    let repo = flow.to_str().unwrap();
    assert_eq!(code(&diff(&["--repo", repo])), Some(0));

    git(dir.path(), &["checkout", "-qb", "feature"]);
    edit(&flow.join("workflows/payables.yaml"), "quorum: 2", "quorum: 1");
    let done = diff(&["--repo", repo, "--json"]);
    assert_eq!((code(&done), told(&done)), (Some(5), vec!["approval/quorum-lowered".to_owned()]));
    git(dir.path(), &["commit", "-qam", "two"]);
    git(dir.path(), &["checkout", "-q", "main"]);
    edit(&flow.join("workflows/payables.yaml"), "purpose: Prepare", "purpose: Check, prepare");
    git(dir.path(), &["commit", "-qam", "three"]);
    // Since they parted, and as they stand.
    assert_eq!(told(&diff(&["main...feature", "--repo", repo, "--json"])), ["approval/quorum-lowered"]);
    let both = told(&diff(&["main..feature", "--repo", repo, "--json"]));
    assert_eq!(both, ["approval/quorum-lowered", "workflow/purpose"]);
    assert_eq!(told(&diff(&["feature", "main", "--repo", repo, "--json"])).len(), 2);
    assert_eq!(code(&diff(&["main~1", "--repo", repo])), Some(3));

    // A directory against a revision, and two directories without git.
    let done = diff(&[repository().to_str().unwrap(), "feature", "--repo", repo, "--json"]);
    assert_eq!(told(&done), ["approval/quorum-lowered"]);
    let done = Command::new(env!("CARGO_BIN_EXE_plimsoll"))
        .args(["diff", repository().to_str().unwrap(), repo])
        .env("PATH", "/nowhere")
        .output()
        .unwrap();
    assert_eq!(code(&done), Some(3), "{done:?}");
}

#[test]
fn approvals_levels_and_formats() {
    let dir = tempfile::tempdir().unwrap();
    let head = dir.path().join("head");
    copy(&repository(), &head);
    edit(&head.join("workflows/payables.yaml"), "expires: 1h", "expires: 7d");
    let (base, repo) = (repository(), head.to_str().unwrap().to_owned());
    let args = [base.to_str().unwrap(), &repo];
    let done = diff(&[&args[..], &["--json"]].concat());
    assert_eq!((code(&done), told(&done)), (Some(4), vec!["approval/open-longer".to_owned()]));
    assert_eq!(code(&diff(&[&args[..], &["--fail-on", "owner"]].concat())), Some(0));
    let json: Value = serde_json::from_slice(&done.stdout).unwrap();
    let file = dir.path().join("approved.txt");
    std::fs::write(&file, format!("{} Tom\n", json["changes"][0]["fingerprint"].as_str().unwrap())).unwrap();
    let approved = ["--approved", file.to_str().unwrap()];
    assert_eq!(code(&diff(&[&args[..], &approved].concat())), Some(0));
    std::fs::write(&file, "all\n").unwrap();
    assert_eq!(code(&diff(&[&args[..], &approved].concat())), Some(2));
    let page = String::from_utf8(diff(&args).stdout).unwrap();
    assert!(page.contains("stays open 7d, not 1h") && !page.contains('\u{1b}'), "{page}");
    let comment = diff(&[&args[..], &["--format", "markdown"]].concat());
    assert!(String::from_utf8(comment.stdout).unwrap().starts_with("### Behaviour diff"));
    let sarif = diff(&[&args[..], &["--format", "sarif"]].concat());
    let sarif: Value = serde_json::from_slice(&sarif.stdout).unwrap();
    assert_eq!(sarif["runs"][0]["results"][0]["ruleId"], "approval/open-longer");
    assert!(String::from_utf8(diff(&["--rules"]).stdout).unwrap().contains("approval/open-longer"));
}

#[test]
fn what_can_t_be_told() {
    let dir = tempfile::tempdir().unwrap();
    let repo = dir.path().join("flow");
    copy(&repository(), &repo);
    let at = repo.to_str().unwrap();
    let says = |done: &Output| String::from_utf8_lossy(&done.stderr).into_owned();

    let no_git = Command::new(env!("CARGO_BIN_EXE_plimsoll"))
        .args(["diff", "--repo", at])
        .env("PATH", "/nowhere")
        .output()
        .unwrap();
    assert_eq!(code(&no_git), Some(2));
    assert!(says(&no_git).contains("`git` is not there"), "{no_git:?}");

    git(dir.path(), &["init", "-q"]);
    git(dir.path(), &["add", "-A"]);
    git(dir.path(), &["commit", "-qm", "one"]);
    let unknown = diff(&["v9", "--repo", at]);
    assert_eq!(code(&unknown), Some(2));
    assert!(says(&unknown).contains("`v9` is neither"), "{unknown:?}");
    assert_eq!(code(&diff(&["--output=x", "--repo", at])), Some(2), "an option is no revision");

    edit(&repo.join("workflows/payables.yaml"), "mode: suggest", "mode: sugest");
    let broken = diff(&["--repo", at]);
    assert_eq!(code(&broken), Some(2));
    assert!(says(&broken).contains("does not load") && says(&broken).contains("sugest"), "{broken:?}");

    #[cfg(unix)]
    {
        std::fs::remove_file(repo.join("workflows/payables.yaml")).unwrap();
        std::os::unix::fs::symlink("/etc/hostname", repo.join("workflows/payables.yaml")).unwrap();
        git(dir.path(), &["add", "-A"]);
        git(dir.path(), &["commit", "-qm", "link"]);
        let link = diff(&["HEAD~1..HEAD", "--repo", at]);
        assert_eq!(code(&link), Some(2));
        assert!(says(&link).contains("links are not read"), "{link:?}");
    }
}
