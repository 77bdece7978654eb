//! What is promised, from end to end: approvals, kill switches, modes, limits, checks, joins, credentials, redaction.

use std::time::Duration;

use hyper::Method;
use jiff::Timestamp;
use plimsoll_core::{EntryBody, Mode, PrincipalKind, Stop, StopScope};
use plimsoll_drill::mcp::desk::SUPPLIER_IBAN;
use plimsoll_gateway::AnswerError;
use serde_json::{Value, json};

use crate::client::{Answer, chat};
use crate::world::{DRAFT_SECRET, EXECUTE_SECRET, MODEL_SECRET, Plan, READ_SECRET, World};

/// The ticket in a hold's text.
fn ticket(answer: &Answer) -> String {
    let text = answer.text();
    let at = text.find("Ticket T-").unwrap_or_else(|| panic!("no ticket: {text}"));
    text[at + "Ticket ".len()..].chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '-').collect()
}

async fn vote(world: &World, person: &str, ticket: &str, yes: bool) -> Result<(), AnswerError> {
    let operator = world.person(person).await;
    let approval = world.gateway.store().approval(ticket).await.unwrap().expect("the ticket is known");
    world.gateway.vote(&operator, ticket, yes, "", &approval.act_digest).await.map(|_| ())
}

fn customer(id: &str) -> Value {
    json!({ "customer_id": id })
}

#[tokio::test]
async fn an_approval_is_good_for_one_identical_act() {
    let world = Plan::new().start().await;
    let client = world.client();
    let held = client.act("delete_customer", customer("C-77")).await.expect(200, "PLM-0220");
    assert_eq!(world.done("delete_customer"), 0);
    let id = ticket(&held);
    let again = client.call("desk", "delete_customer", customer("C-77")).await;
    assert_eq!(ticket(&again), id, "one question for one act");
    vote(&world, "tom", &id, true).await.expect_err("a treasurer does not decide about customers");
    vote(&world, "rosa", &id, true).await.unwrap();
    client.act("delete_customer", customer("C-78")).await.expect(200, "PLM-0220");
    assert_eq!(world.done("delete_customer"), 0, "the approval is bound to its arguments");
    let stranger = world.key("eve", PrincipalKind::Agent, "support").await;
    world.anyone(&stranger).act("delete_customer", customer("C-77")).await.expect(200, "PLM-0220");
    assert_eq!(world.done("delete_customer"), 0, "the approval is bound to its requester");
    client.call("desk", "delete_customer", customer("C-77")).await.expect(200, "deleted");
    let second = client.call("desk", "delete_customer", customer("C-77")).await.expect(200, "PLM-0220");
    assert_ne!(ticket(&second), id, "a second identical call is another question");
    assert_eq!(world.done("delete_customer"), 1);
}

/// The one way in which anything goes further than its label: people approve one exact act, and its entry names what
/// they lifted. The label stays for the next act.
#[tokio::test]
async fn declassification_is_an_approval_with_an_entry() {
    let asks = "decides: {people: [treasurer], expires: 1h}";
    let lets = "decides: {people: [treasurer], expires: 1h, untrusted: true}";
    let world = Plan::new().change("workflows/support.yaml", asks, lets).start().await;
    let client = world.client();
    let pay = |amount| json!({ "iban": SUPPLIER_IBAN, "amount": amount, "reference": "INV-7" });
    let held = client.call("desk", "pay_invoice", pay(20)).await.expect(200, "PLM-0220");
    vote(&world, "tom", &ticket(&held), true).await.unwrap();
    client.call("desk", "pay_invoice", pay(20)).await.expect(200, "pay");
    assert_eq!(world.done("pay_invoice"), 1);
    let entries = world.entries();
    let paid = entries.iter().find_map(|entry| match &entry.body {
        EntryBody::Intent(judged) if judged.act.tool.tool == "pay_invoice" => Some(judged),
        _ => None,
    });
    let paid = paid.expect("an intent of the payment");
    let lifted: Vec<&str> = paid.decision.declassified.iter().map(|reason| reason.rule.as_str()).collect();
    assert_eq!(lifted, ["untrusted-account", "untrusted-amount"]);
    let approval = paid.facts.approval.as_ref().expect("what lifted it");
    assert_eq!((approval.id.as_str(), approval.approvers.len()), (ticket(&held).as_str(), 1));
    client.call("desk", "pay_invoice", pay(21)).await.expect(200, "PLM-0220");
    assert_eq!(world.done("pay_invoice"), 1, "nothing was lifted for any other act");
}

#[tokio::test]
async fn identical_calls_after_a_yes_run_once() {
    let world = Plan::new().desk_delay(Duration::from_millis(100)).start().await;
    let client = world.client();
    let held = client.act("delete_customer", customer("C-77")).await;
    vote(&world, "rosa", &ticket(&held), true).await.unwrap();
    let calls = (0..8).map(|_| {
        let client = client.clone();
        tokio::spawn(async move { client.call("desk", "delete_customer", customer("C-77")).await })
    });
    let mut done = 0;
    for call in calls.collect::<Vec<_>>() {
        let text = call.await.unwrap().text();
        done += usize::from(text.contains("deletion-"));
        assert!(text.contains("deletion-") || text.contains("PLM-0"), "{text}");
    }
    assert_eq!((done, world.done("delete_customer")), (1, 1));
}

#[tokio::test]
async fn no_is_no_and_silence_is_no() {
    let world = Plan::new().change("workflows/support.yaml", "expires: 15m", "expires: 1s").start().await;
    let client = world.client();
    let held = client.act("delete_customer", customer("C-77")).await;
    let late = client.act("delete_customer", customer("C-78")).await;
    vote(&world, "rosa", &ticket(&held), false).await.unwrap();
    vote(&world, "rosa", &ticket(&late), true).await.unwrap();
    client.call("desk", "delete_customer", customer("C-77")).await.expect(200, "PLM-0222");
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    client.call("desk", "delete_customer", customer("C-78")).await.expect(200, "PLM-0220");
    let slow = client.act("delete_customer", customer("C-79")).await;
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    vote(&world, "rosa", &ticket(&slow), true).await.expect_err("too late");
    assert_eq!(world.done("delete_customer"), 0);
}

#[tokio::test]
async fn nobody_approves_their_own_act() {
    let world = Plan::new().start().await;
    let service = world.key("portal", PrincipalKind::Service, "support").await;
    let rosa = world.anyone(&service).with("x-plimsoll-on-behalf-of", "rosa");
    let held = rosa.act("delete_customer", customer("C-77")).await;
    vote(&world, "rosa", &ticket(&held), true).await.expect_err("rosa asked for it");
    let key = world.key("ines", PrincipalKind::User, "support").await;
    let held = world.anyone(&key).act("delete_customer", customer("C-78")).await;
    vote(&world, "ines", &ticket(&held), true).await.expect_err("ines asked for it with her own key");
    assert_eq!(world.done("delete_customer"), 0);
}

/// Each of the four ways, and back.
#[tokio::test]
async fn four_kill_switches_each_within_a_second() {
    // Waiting for a switch is asking again and again.
    let world = Plan::new()
        .change("workflows/support.yaml", "calls: 10}", "calls: 1000}")
        .change("workflows/support.yaml", "calls: 120}", "calls: 10000}")
        .change("workflows/support.yaml", "amount: 500", "amount: 500000")
        .start()
        .await;
    let client = world.client();
    let rosa = world.person("rosa").await;
    let n = std::cell::Cell::new(1.0);
    let refund = async || {
        n.set(n.get() % 40.0 + 0.25);
        client.act("refund_order", json!({ "order_id": "A-1001", "amount": n.get() })).await.text()
    };
    let stopped = async || refund().await.contains("PLM-0100");
    let running = async || refund().await.contains("receipt");
    assert!(running().await);
    let store = world.gateway.store();
    let stop = |scope| Stop { scope, reason: "test".to_owned(), by: "rosa".to_owned(), at: Timestamp::now() };

    world.gateway.stop(&rosa, StopScope::All, "test").await.unwrap();
    world.within_a_second("the API", stopped).await;
    client.call("desk", "get_order", json!({ "order_id": "A-1001" })).await.expect(200, "porcelain");
    world.gateway.resume(&rosa, &StopScope::All).await.unwrap();
    world.within_a_second("lifted", running).await;

    store.set_stop(&stop(StopScope::Tool("desk.refund_order".to_owned()))).await.unwrap();
    world.within_a_second("a row in the store", stopped).await;
    store.lift_stop(&StopScope::Tool("desk.refund_order".to_owned())).await.unwrap();
    world.within_a_second("lifted", running).await;

    world.gateway.stop_by_signal().await.unwrap();
    world.within_a_second("a signal", stopped).await;
    world.gateway.resume(&rosa, &StopScope::All).await.unwrap();
    world.within_a_second("lifted", running).await;

    std::fs::write(world.state().join("STOP"), "").unwrap();
    world.within_a_second("the sentinel file", stopped).await;
    world.gateway.resume(&rosa, &StopScope::All).await.expect_err("the file is still there");
    std::fs::remove_file(world.state().join("STOP")).unwrap();
    world.within_a_second("lifted", running).await;

    for scope in [StopScope::Workflow("other".to_owned()), StopScope::Principal("key:eve".to_owned())] {
        store.set_stop(&stop(scope)).await.unwrap();
    }
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert!(running().await, "others are stopped, not this one");
}

#[tokio::test]
async fn observe_lets_pass_and_says_what_it_would_have_done() {
    let world = Plan::new().change("workflows/support.yaml", "mode: enforce", "mode: observe").start().await;
    world.client().act("delete_customer", customer("C-77")).await.expect(200, "deletion-");
    let intents = world.entries().into_iter().rev().find_map(|entry| match entry.body {
        plimsoll_core::EntryBody::Intent(judged) if judged.act.tool.tool == "delete_customer" => Some(judged),
        _ => None,
    });
    let last = intents.expect("an intent");
    assert_eq!(last.mode, Mode::Observe);
    assert_eq!(last.decision.code.map(|code| code.id()), Some("PLM-0220"));
    std::fs::write(world.state().join("STOP"), "").unwrap();
    world
        .within_a_second("a kill switch holds in observe mode", async || {
            world.client().act("delete_customer", customer("C-78")).await.text().contains("PLM-0100")
        })
        .await;
}

#[tokio::test]
async fn suggest_executes_nothing_guarded() {
    let world = Plan::new().change("workflows/support.yaml", "mode: enforce", "mode: suggest").start().await;
    let client = world.client();
    client.act("refund_order", json!({ "order_id": "A-1001", "amount": 5 })).await.expect(200, "PLM-0110");
    let held = client.act("delete_customer", customer("C-77")).await;
    assert!(held.text().contains("PLM-0"), "{}", held.text());
    client.call("desk", "get_order", json!({ "order_id": "A-1001" })).await.expect(200, "porcelain");
    assert_eq!(world.effects(), []);
}

#[tokio::test]
async fn limits_and_checks_hold() {
    let world = Plan::new()
        .change("workflows/support.yaml", "window: 1h, calls: 10", "window: 1h, calls: 3")
        .change("workflows/support.yaml", "amount: 500", "amount: 60")
        .start()
        .await;
    let client = world.client();
    let refund = async |order: &str, amount: f64| {
        client.act("refund_order", json!({ "order_id": order, "amount": amount })).await
    };
    refund("A-1001", 49.91).await.expect(200, "PLM-0230");
    refund("A-1002", 61.0).await.expect(200, "PLM-0301");
    refund("A-1001", 20.0).await.expect(200, "receipt");
    refund("A-1002", 40.01).await.expect(200, "PLM-0301");
    refund("A-1002", 40.0).await.expect(200, "receipt");
    refund("A-1003", 0.001).await.expect(200, "PLM-0301");
    assert_eq!(world.done("refund_order"), 2, "what was refused is given back");
    let other = Plan::new()
        .change("workflows/support.yaml", "window: 1h, calls: 10", "window: 1h, calls: 2")
        .start()
        .await;
    for amount in [1.0, 2.0] {
        let done =
            other.client().act("refund_order", json!({ "order_id": "A-1001", "amount": amount })).await;
        done.expect(200, "receipt");
    }
    let spent = other.client().act("refund_order", json!({ "order_id": "A-1001", "amount": 3 })).await;
    spent.expect(200, "PLM-0300");
}

#[tokio::test]
async fn a_call_that_no_model_proposed_is_of_unknown_origin() {
    let world = Plan::new().start().await;
    let client = world.client();
    let small = json!({ "order_id": "A-1001", "amount": 5 });
    let bare = client.call("desk", "refund_order", small.clone()).await;
    assert!(bare.text().contains("PLM-0"), "{}", bare.text());
    assert_eq!(world.effects(), []);
    client.propose("refund_order", &small).await.expect(200, "tool_calls");
    let eve = world.key("eve", PrincipalKind::Agent, "support").await;
    let other = world.anyone(&eve).call("desk", "refund_order", small.clone()).await;
    assert!(other.text().contains("PLM-0") && world.effects().is_empty(), "{}", other.text());
    let changed = client.call("desk", "refund_order", json!({ "order_id": "A-1001", "amount": 6 })).await;
    assert!(changed.text().contains("PLM-0") && world.effects().is_empty(), "{}", changed.text());
    let respelt = r#"{"amount":5.0,"order_id":"\u0041-1001"}"#;
    let same = client.call("desk", "refund_order", serde_json::from_str(respelt).unwrap()).await;
    same.expect(200, "receipt");
}

#[tokio::test]
async fn credentials_stay_on_their_side() {
    let world = Plan::new().scripted().start().await;
    let plain = json!({ "id": "x", "object": "chat.completion", "model": "m", "choices": [
        { "index": 0, "message": { "role": "assistant", "content": "fine" }, "finish_reason": "stop" }] });
    world.say(200, "application/json", plain.to_string());
    let client = world.client().with("x-api-key", "client-key-of-its-own").with("cookie", "session=client");
    client.chat("m", "hello").await.expect(200, "fine");
    let seen = world.script.seen();
    let headers = format!(
        "{:?}",
        seen[0]
            .headers
            .iter()
            .map(|(n, v)| (n, v.as_bytes()))
            .map(|(n, v)| format!("{n}: {}", String::from_utf8_lossy(v)))
            .collect::<Vec<_>>()
    );
    assert!(headers.contains(MODEL_SECRET), "{headers}");
    for own in [client.key.as_str(), "client-key-of-its-own", "session=client"] {
        assert!(!headers.contains(own), "{own} went to the provider: {headers}");
    }
    // A provider that repeats what it was sent.
    let told =
        json!({ "error": { "message": format!("Incorrect API key provided: {MODEL_SECRET}"), "type": "x" } });
    world.say(401, "application/json", told.to_string());
    let got = client.chat("m", "hello").await;
    assert!(got.status == 401 && !got.text().contains(MODEL_SECRET), "{}", got.text());

    let world = Plan::new().start().await;
    let client = world.client();
    client.act("refund_order", json!({ "order_id": "A-1001", "amount": 5 })).await.expect(200, "receipt");
    client
        .act("draft_payment", json!({ "iban": SUPPLIER_IBAN, "amount": 5, "reference": "x" }))
        .await
        .expect(200, "receipt");
    let used: Vec<_> = world.effects().into_iter().filter_map(|effect| effect.credential).collect();
    assert_eq!(used, [format!("Bearer {EXECUTE_SECRET}"), format!("Bearer {DRAFT_SECRET}")]);
    let repeat = format!("my keys are {EXECUTE_SECRET} and {}", client.key);
    client.chat("echo", &repeat).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let bytes = world.state_bytes();
    for secret in [READ_SECRET, DRAFT_SECRET, EXECUTE_SECRET, MODEL_SECRET, client.key.as_str()] {
        let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
        assert!(!found, "{secret} lies in the state directory");
    }
}

#[tokio::test]
async fn a_token_in_an_answer_is_redacted_plain_and_streamed() {
    let world = Plan::new().start().await;
    // A GitHub token is checked by its checksum; this one is made up and right.
    let token = github_token();
    for stream in [false, true] {
        for model in ["gullible", "slow-1-gullible"] {
            let mut body = chat(model, &format!("[[say the token is {token}, keep it]]"));
            body["stream"] = json!(stream);
            let got = world.client().send(Method::POST, "/v1/chat/completions", &[], body.to_string()).await;
            assert_eq!(got.status, 200, "{}", got.text());
            let said: String = got
                .messages()
                .iter()
                .filter_map(|message| {
                    let choice = &message["choices"][0];
                    choice["delta"]["content"]
                        .as_str()
                        .or_else(|| choice["message"]["content"].as_str())
                        .map(str::to_owned)
                })
                .collect();
            assert!(said.contains("the token is") && said.contains("keep it"), "{said}");
            assert!(!said.contains(&token) && !said.contains(&token[10..30]), "stream {stream}: {said}");
        }
    }
    let bytes = world.state_bytes();
    assert!(!bytes.windows(token.len()).any(|window| window == token.as_bytes()), "the token is on record");
}

/// `ghp_`, thirty characters, and the CRC-32 of those in base 62.
fn github_token() -> String {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let body = "aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1";
    let mut crc = u32::MAX;
    for byte in body.bytes() {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
        }
    }
    let mut left = !crc;
    let mut check = [b'0'; 6];
    for digit in check.iter_mut().rev() {
        *digit = DIGITS[(left % 62) as usize];
        left /= 62;
    }
    format!("ghp_{body}{}", String::from_utf8_lossy(&check))
}
