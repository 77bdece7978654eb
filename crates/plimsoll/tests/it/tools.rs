//! `plimsoll tools review` as its users run it, against a server that changes a tool after it was reviewed.

use std::path::Path;
use std::process::{Command, Output};

use plimsoll_drill::mcp::hostile::{self, HostileOptions};
use serde_json::Value;

fn plimsoll(args: &[&str], repo: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_plimsoll"));
    command.args(args).env("PLIMSOLL_REPO", repo).env_remove("PLIMSOLL_STATE");
    command.output().unwrap()
}

fn lock(repo: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(repo.join("tools/town.lock.json")).unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_tool_is_shown_and_pinned_only_when_a_person_accepts_it() {
    let server = hostile::spawn(HostileOptions { change_at_list: 2, ..Default::default() }).await.unwrap();
    let url = format!("town={}", server.url());
    let dir = tempfile::tempdir().unwrap();
    let repo = dir.path().to_owned();
    tokio::task::spawn_blocking(move || {
        let made = plimsoll(&["init", "--mcp", &url, "--person", "ada", &repo.to_string_lossy()], &repo);
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let before = lock(&repo);

        let looked = plimsoll(&["tools", "review", "--json"], &repo);
        let told: Value = serde_json::from_slice(&looked.stdout).unwrap();
        let tools = told["servers"][0]["tools"].as_array().unwrap();
        assert_eq!(tools.len(), 1, "{told:#}");
        assert_eq!((&tools[0]["tool"], &tools[0]["stands"]), (&"weather".into(), &"changed".into()));
        let rules: Vec<&str> =
            tools[0]["said"].as_array().unwrap().iter().filter_map(|said| said["rule"].as_str()).collect();
        assert!(rules.contains(&"contract/description"), "{told:#}");
        assert!(rules.iter().any(|rule| rule.starts_with("contract/argument")), "{told:#}");
        assert_ne!(looked.status.code(), Some(0));
        assert_eq!(lock(&repo), before, "looking pins nothing");

        let page = plimsoll(&["tools", "review", "town"], &repo);
        assert!(String::from_utf8_lossy(&page.stdout).contains("id_ed25519"));

        for (args, why) in [
            (
                &["tools", "review", "--accept", "wether", "--as", "ada"][..],
                "nothing changed about a tool `wether`",
            ),
            (&["tools", "review", "--accept", "weather", "--as", "adda"][..], "did you mean `ada`?"),
            (&["tools", "review", "towns"][..], "did you mean `town`?"),
        ] {
            let refused = plimsoll(args, &repo);
            assert_eq!(refused.status.code(), Some(2), "{args:?}");
            assert!(String::from_utf8_lossy(&refused.stderr).contains(why), "{args:?}");
        }
        assert_eq!(lock(&repo), before);

        let accepted = plimsoll(&["tools", "review", "--accept", "weather", "--as", "ada"], &repo);
        assert_eq!(accepted.status.code(), Some(0), "{}", String::from_utf8_lossy(&accepted.stderr));
        let after = lock(&repo);
        assert_ne!(after["tools"]["weather"]["digest"], before["tools"]["weather"]["digest"]);
        assert_eq!(after["tools"]["weather"]["reviewed_by"], "ada");
        assert_eq!(after["tools"]["flood"], before["tools"]["flood"]);
        let again = plimsoll(&["tools", "review"], &repo);
        assert_eq!(again.status.code(), Some(0));
        assert!(String::from_utf8_lossy(&again.stderr).contains("every tool is as it was pinned"));
    })
    .await
    .unwrap();
}
