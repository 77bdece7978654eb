//! A workflow records a share of its conversations in full, of whole sessions, and none unless it says so.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::process::{Http, command, run};
use crate::restart::{Scene, terminate};

const WORKFLOW: &str = "workflows/support.yaml";
const SAID: &str = "marmalade-4711";
/// A card number that is one by its check digit.
const CARD: &str = "4111 1111 1111 1111";

/// Asks in each of these sessions, and waits until the gateway has written everything down.
async fn talk(scene: &Scene, sessions: &[String], more: &str) {
    let (gateway, http) = scene.start();
    for session in sessions {
        ask(&http, session, more).await;
    }
    terminate(gateway);
}

async fn ask(http: &Http, session: &str, more: &str) {
    let order = json!({ "order_id": "A-1001" });
    let text = format!("Where is {SAID}? {more} [[call get_order {order}]]");
    let tool = json!({ "type": "function", "function": { "name": "get_order", "parameters": { "type": "object" } } });
    let asked =
        json!({ "model": "gullible", "messages": [{ "role": "user", "content": text }], "tools": [tool] });
    let answer = http.post("/v1/chat/completions", &[("x-plimsoll-session", session)], &asked).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.body);
}

/// What is on record in full: session → what it is, and its text.
fn recorded(scene: &Scene) -> BTreeMap<String, Vec<(String, String)>> {
    let lines = run(&["export", "--jsonl", "--repo", &scene.repo()], &scene.env());
    let mut all: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    for line in lines.lines() {
        let entry: Value = serde_json::from_str(line).unwrap();
        if entry["kind"] == "content" {
            let text = |name: &str| entry[name].as_str().unwrap().to_owned();
            all.entry(text("session")).or_default().push((text("of"), text("text")));
        }
    }
    all
}

fn says(scene: &Scene, share: &str) {
    let file = std::path::PathBuf::from(scene.repo()).join(WORKFLOW);
    let text = std::fs::read_to_string(&file).unwrap();
    let text = text.split("record:").next().unwrap().to_owned();
    std::fs::write(&file, format!("{text}record: {{content: {share}}}\n")).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_share_of_the_sessions_is_recorded_whole_and_the_same_ones_again() {
    let scene = Scene::build();
    let sessions = |name: &str| (0..12).map(|n| format!("{name}-{n}")).collect::<Vec<_>>();

    // Nothing is said, and nothing is kept.
    talk(&scene, &sessions("quiet"), "").await;
    assert_eq!(recorded(&scene), BTreeMap::new());

    says(&scene, "0.5");
    let all = sessions("s");
    talk(&scene, &all, "").await;
    let half = recorded(&scene);
    assert!((1..all.len()).contains(&half.len()), "some are, and some are not: {:?}", half.keys());
    for (session, said) in &half {
        assert!(all.contains(session), "{session}");
        let of: Vec<&str> = said.iter().map(|(of, _)| of.as_str()).collect();
        assert_eq!(of, ["request", "answer"], "{session}: the whole of it");
        assert!(said[0].1.contains(SAID) && said[1].1.contains("get_order"), "{said:?}");
    }
    // It is enough to be played again; what was not picked can't be.
    for session in &all {
        let args = ["replay", session, "--cassette", "--repo", &scene.repo()];
        let output = command(&args, &scene.env()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        match half.contains_key(session) {
            true => assert_eq!(output.status.code(), Some(0), "{session}: {said}"),
            false => {
                assert_eq!(output.status.code(), Some(2), "{session}: {said}");
                assert!(said.contains("was not recorded"), "{said}");
            }
        }
    }

    // A restart picks the same ones, and a larger share these and others. Secrets are kept in none.
    let picked: BTreeSet<String> = half.keys().cloned().collect();
    says(&scene, "0.9");
    talk(&scene, &all, CARD).await;
    let most = recorded(&scene);
    assert!(picked.iter().all(|session| most[session].len() == 4), "a session is recorded or it is not");
    assert!(most.len() > half.len(), "{:?}", most.keys());
    let text = most.values().flatten().map(|(_, text)| text.as_str()).collect::<String>();
    assert!(text.contains("Where is") && !text.contains(CARD), "{text}");
}
