//! Environments in which agents are tried: acts that are only simulated, personal data that is masked.

use plimsoll_core::{EntryBody, OutcomeStatus};
use plimsoll_drill::mcp::desk::SUPPLIER_IBAN;
use serde_json::{Value, json};

use crate::world::{Plan, World};

fn environment(terms: &str) -> Plan {
    let said = format!("environment: demo\nenvironments: {{demo: {{approvals: 0, {terms}}}}}");
    // Whoever may author a release there has a key.
    let ines = "ines: {roles: [reviewer, treasurer]";
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIN11pxI+EYWV+tL7qii4zj+OTy4091kYgam/ECkwTGpu ines";
    Plan::new().change("plimsoll.yaml", "environment: demo", &said).change(
        "people.yaml",
        ines,
        &format!("{ines}, key: {key}"),
    )
}

fn outcomes(world: &World, status: OutcomeStatus) -> usize {
    let is = |entry: plimsoll_core::Entry| matches!(entry.body, EntryBody::Outcome(outcome) if outcome.status == status);
    world.entries().into_iter().filter(|entry| is(entry.clone())).count()
}

fn refund() -> Value {
    json!({ "order_id": "A-1001", "amount": 1.5 })
}

#[tokio::test]
async fn a_simulated_act_is_decided_recorded_and_answered_and_nothing_moves() {
    let world = environment("simulate: guarded").start().await;
    let client = world.client();
    let answer =
        client.act("refund_order", refund()).await.expect(200, "Simulated: `desk.refund_order` was allowed");
    let result = &answer.json()["result"];
    assert_eq!(
        (&result["isError"], &result["_meta"]["dev.plimsoll/simulated"]),
        (&json!(false), &json!(true)),
        "{result}"
    );
    client.act("get_order", json!({ "order_id": "A-1001" })).await.expect(200, "A-1001");
    // What has to be approved has to be approved here too.
    client.act("delete_customer", json!({ "customer_id": "C-77" })).await.expect(200, "PLM-0220");
    assert_eq!(world.effects().len(), 0);
    assert_eq!(outcomes(&world, OutcomeStatus::Simulated), 1);
    let said = |entry: &plimsoll_core::Entry| match &entry.body {
        EntryBody::Intent(judged) => {
            judged.detail["simulated"] == true && judged.act.tool.tool == "refund_order"
        }
        _ => false,
    };
    assert!(world.entries().iter().any(said), "the intent says it too");
}

#[tokio::test]
async fn only_the_tiers_that_are_named_are_simulated() {
    let world = environment("simulate: dangerous").start().await;
    world.client().act("refund_order", refund()).await.expect(200, "refund");
    assert_eq!((world.done("refund_order"), outcomes(&world, OutcomeStatus::Simulated)), (1, 0));
}

#[tokio::test]
async fn personal_data_is_masked_before_anything_sees_it() {
    let world = environment("mask: true").start().await;
    let client = world.client();
    let answer = client
        .chat("echo", "write to ada.lovelace@acme.io and +49 30 555 0100")
        .await
        .expect(200, ".example.");
    assert!(!answer.text().contains("acme.io") && !answer.text().contains("555 0100"), "{}", answer.text());
    let again = client.chat("echo", "and to Ada.Lovelace@acme.io").await;
    let fake = |text: &str| {
        let word = text.split(' ').find(|word| word.contains(".example."))?;
        Some(word.trim_matches(|c: char| !c.is_alphanumeric()).to_owned())
    };
    let address = |answer: &crate::client::Answer| {
        fake(answer.json()["choices"][0]["message"]["content"].as_str().unwrap()).unwrap()
    };
    assert_eq!(address(&answer), address(&again), "one value, one fake");

    let mail = client.call("desk", "read_mail", json!({ "mail_id": "M-0" })).await.expect(200, "EUR to DE");
    assert!(!mail.text().contains(SUPPLIER_IBAN), "{}", mail.text());
    let drafted = json!({ "to": "eve@acme.io", "subject": "x", "body": "y" });
    client.call("desk", "send_mail", drafted).await.expect(200, "PLM-0");
    let record =
        world.entries().iter().map(|entry| serde_json::to_string(entry).unwrap()).collect::<String>();
    for gone in ["acme.io", "555 0100", SUPPLIER_IBAN] {
        assert!(!record.contains(gone), "{gone} is on record");
    }
    assert!(record.contains("\"masked\":true"));
}

#[tokio::test]
async fn a_proposal_and_its_call_carry_the_same_fakes() {
    let world = environment("mask: true").start().await;
    let client = world.client();
    let arguments = json!({ "to": "ada@acme.io", "subject": "x", "body": "y" });
    client.propose("send_mail", &arguments).await.expect(200, "send_mail");
    // The client sends what the user wrote, not what the model was shown: it is the same call all the same.
    client.call("desk", "send_mail", arguments).await;
    let joined = |entry: &plimsoll_core::Entry| match &entry.body {
        EntryBody::Intent(judged) | EntryBody::Decision(judged) => {
            judged.act.door == plimsoll_core::Door::Tool
                && matches!(judged.facts.hypothesis, plimsoll_core::Hypothesis::Joined { .. })
        }
        _ => false,
    };
    assert!(world.entries().iter().any(joined));
}

#[tokio::test]
async fn elsewhere_nothing_is_masked_or_simulated() {
    let world = environment("mask: true, simulate: guarded")
        .change("plimsoll.yaml", "environment: demo", "environment: other")
        .start()
        .await;
    let client = world.client();
    client.chat("echo", "write to ada.lovelace@acme.io").await.expect(200, "ada.lovelace@acme.io");
    client.act("refund_order", refund()).await.expect(200, "refund");
    assert_eq!(world.done("refund_order"), 1);
}
