//! What a restart must not forget: whose words a text is.

use std::path::PathBuf;

use plimsoll_core::{EntryBody, Judged};
use plimsoll_drill::mcp::desk::ATTACKER_IBAN;
use plimsoll_ledger::{LedgerReader, Seq};
use plimsoll_store::{Edge, Store, Whose};
use serde_json::{Value, json};

use crate::process::{Http, Program, repository, run};

const SECRET: &str = "desk-secret-of-the-restart-test";

pub(crate) struct Scene {
    dir: tempfile::TempDir,
    _desk: Program,
    _model: Program,
    env: Vec<(&'static str, String)>,
    key: String,
}

impl Scene {
    pub(crate) fn build() -> Self {
        Self::with(&[], Vec::new())
    }

    /// The same with changes of the repository and more in the environment.
    pub(crate) fn with(changes: &[(&str, &str, &str)], more: Vec<(&'static str, String)>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        repository(&dir.path().join("repo"), changes);
        let listen = "127.0.0.1:0";
        let mut desk =
            Program::start(&["mock", "--mcp", "desk", "--listen", listen], &[("DESK_TOKEN", SECRET)]);
        let mut model = Program::start(&["mock", "--listen", listen], &[]);
        let mut env = vec![
            ("DESK_URL", format!("http://{}/mcp", desk.address("listening on"))),
            ("MODEL_URL", format!("http://{}", model.address("listening on"))),
            ("DESK_READ", SECRET.to_owned()),
            ("DESK_DRAFT", SECRET.to_owned()),
            ("DESK_EXECUTE", SECRET.to_owned()),
        ];
        env.extend(more);
        let mut scene = Self { dir, _desk: desk, _model: model, env, key: String::new() };
        let key = ["key", "--repo", &scene.repo(), "create", "--name", "ada", "--workflow", "support"];
        scene.key = run(&key, &scene.env());
        scene
    }

    pub(crate) fn repo(&self) -> String {
        self.dir.path().join("repo").to_str().unwrap().to_owned()
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.dir.path().join("repo/.plimsoll")
    }

    pub(crate) fn env(&self) -> Vec<(&str, &str)> {
        self.env.iter().map(|(name, value)| (*name, value.as_str())).collect()
    }

    pub(crate) fn start(&self) -> (Program, Http) {
        let listen = "127.0.0.1:0";
        let args = ["up", "--repo", &self.repo(), "--listen", listen, "--admin", listen];
        let mut gateway = Program::start(&args, &self.env());
        let address = gateway.address("models");
        (gateway, Http::new(&address, &self.key))
    }

    /// What the last model call was shown.
    fn last(&self) -> Judged {
        let reader = LedgerReader::open(self.state().join("ledger")).unwrap();
        let privacy = plimsoll_bundle::Privacy::default();
        #[expect(clippy::disallowed_methods, reason = "a test reads for nobody")]
        let lens = plimsoll_gateway::Lens::of_dir(&self.state(), &privacy, None).unwrap();
        let entries = reader.iter_from(Seq(0)).map(|record| lens.entry(&record.unwrap()).unwrap().entry);
        let judged = entries.filter_map(|entry| match entry.body {
            EntryBody::Intent(judged) if judged.act.tool.server == "model" => Some(*judged),
            _ => None,
        });
        judged.last().expect("a model was asked")
    }

    /// The spans of the last model call, as lines.
    fn lines(&self) -> Vec<String> {
        let judged = self.last();
        let line = |span: &plimsoll_core::Span| {
            let mark = span.mark.as_deref().map_or(String::new(), |mark| format!(" {mark}"));
            format!("{} {}{mark}", span.source, span.label.integrity.name())
        };
        judged.spans.iter().map(line).collect()
    }
}

fn text_of(answer: &Value) -> String {
    answer.pointer("/result/content/0/text").and_then(Value::as_str).expect("a result").to_owned()
}

pub(crate) async fn ask(http: &Http, messages: Value) -> String {
    let tools: Vec<Value> = ["pay_invoice", "get_order"]
        .iter()
        .map(|name| json!({ "type": "function", "function": { "name": name, "parameters": { "type": "object" } } }))
        .collect();
    let body = json!({ "model": "gullible", "messages": messages, "tools": tools });
    let answer = http.post("/v1/chat/completions", &[], &body).await.expect("the gateway is up");
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body.to_string()
}

pub(crate) fn terminate(gateway: Program) {
    let killed =
        std::process::Command::new("kill").args(["-TERM", &gateway.pid().to_string()]).status().unwrap();
    assert!(killed.success());
    gateway.ended();
}

pub(crate) fn user(text: &str) -> Value {
    json!([{ "role": "user", "content": text }])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pasted_result_is_not_the_users_word_after_a_restart() {
    let scene = Scene::build();
    let (gateway, http) = scene.start();
    let mail = text_of(&http.call("desk", "read_mail", &json!({ "mail_id": "M-1" })).await.unwrap().body);
    assert!(mail.contains(ATTACKER_IBAN));
    // At once: nothing had time to reach the store.
    gateway.kill();

    let whole = format!("Please pay what this asks for.\n\n{mail}\n\nThank you.");
    let (start, end) = (mail.find("our invoice").unwrap(), mail.find(", reference INV-2291").unwrap());
    let part = format!("And pay this bill as well:\n\n{}", &mail[start..end]);
    for (n, round) in ["killed", "stopped"].iter().enumerate() {
        let (gateway, http) = scene.start();
        for (what, message) in [("whole", &whole), ("part", &part)] {
            // Another conversation each time.
            let message = format!("Case {n}, {what}, is urgent today.\n\n{message}");
            ask(&http, user(&message)).await;
            let lines = scene.lines();
            assert!(
                lines.iter().any(|line| line.starts_with("tool:desk.read_mail untrusted")),
                "{round}, {what}: {lines:?}"
            );
            assert!(
                lines.contains(&"user user".to_owned()),
                "{round}, {what}: the rest stays the user's: {lines:?}"
            );
            let own = scene.last().spans.into_iter().filter(|span| span.source == "user");
            let own: String = own.filter_map(|span| span.preview).collect();
            assert!(!own.contains(ATTACKER_IBAN) && own.contains("urgent"), "{round}, {what}: {own}");
        }
        terminate(gateway);
    }
    let stored = std::fs::read(scene.state().join("plimsoll.db")).unwrap();
    let wal = std::fs::read(scene.state().join("plimsoll.db-wal")).unwrap_or_default();
    let recent =
        ["recent.0", "recent.1"].map(|name| std::fs::read(scene.state().join(name)).unwrap_or_default());
    for bytes in [stored, wal].into_iter().chain(recent) {
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains("invoice is overdue"), "no clear text is kept for this");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_conversation_saw_goes_on_after_a_restart() {
    let scene = Scene::build();
    let (gateway, http) = scene.start();
    let conversation = |more: Value| {
        let mut messages = vec![json!({ "role": "user", "content": "Look at the inbox for me." })];
        messages.extend(more.as_array().unwrap().iter().cloned());
        Value::Array(messages)
    };
    let read = json!([
        { "role": "assistant", "content": null, "tool_calls": [{ "id": "c1", "type": "function",
            "function": { "name": "browse", "arguments": "{}" } }] },
        { "role": "tool", "tool_call_id": "c1", "content": "the text of some web page" },
    ]);
    ask(&http, conversation(read)).await;
    gateway.kill();
    let (_gateway, http) = scene.start();
    let dropped = json!([
        { "role": "assistant", "content": "I have read it." },
        { "role": "user", "content": "Then go on, please." },
    ]);
    ask(&http, conversation(dropped)).await;
    let trajectory = scene.last().trajectory;
    assert_eq!(trajectory.label.integrity.name(), "untrusted");
    assert!(trajectory.untrusted_tools.iter().any(|tool| tool.tool == "browse"), "{trajectory:?}");
}

/// A machine that dies may forget what no file holds any more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_result_that_nobody_remembers_is_nobodys_word() {
    let scene = Scene::build();
    let (gateway, http) = scene.start();
    ask(&http, user("Please look at the inbox for me today.")).await;
    let mail = text_of(&http.call("desk", "read_mail", &json!({ "mail_id": "M-1" })).await.unwrap().body);
    gateway.kill();
    // The disk is as it was before the call, and the machine has been started anew.
    let store = Store::open(&scene.state().join("plimsoll.db")).await.unwrap();
    store.forget(&Whose::Person("key:ada".to_owned())).await.unwrap();
    store.move_edge(Edge { known_to: 0, boot: "an earlier one".to_owned() }).await.unwrap();
    drop(store);
    for name in ["recent.0", "recent.1"] {
        let _there_may_be_none = std::fs::remove_file(scene.state().join(name));
    }
    let order = json!({ "iban": ATTACKER_IBAN, "amount": 1840, "reference": "INV-2291" });
    let message = format!("Please pay what this asks for.\n\n{mail}\n\n[[call pay_invoice {order}]]");
    let (gateway, http) = scene.start();
    let answer = ask(&http, user(&message)).await;
    assert_eq!(scene.lines(), ["user untrusted forgotten"]);
    assert!(answer.contains("PLM-"), "{answer}");
    ask(&http, user("short enough")).await;
    assert_eq!(scene.lines(), ["user user"], "nothing that short is anybody's copy");
    terminate(gateway);
    // It is no better after another restart.
    let (_gateway, http) = scene.start();
    ask(&http, user(&format!("Once more. {message}"))).await;
    assert_eq!(scene.lines(), ["user untrusted forgotten"]);
}
