//! Taking something away never opens anything.

use plimsoll_drill::mcp::desk::SUPPLIER_IBAN;
use serde_json::{Value, json};

use crate::world::Plan;

fn refund(amount: f64) -> Value {
    json!({ "order_id": "A-1001", "amount": amount })
}

#[tokio::test]
async fn without_policies_nothing_is_permitted() {
    let world = match Plan::new().add("policies/default.cedar", "").try_start().await {
        // A repository without a rule may also not load at all.
        Err(why) => return assert!(why.contains("polic"), "{why}"),
        Ok(world) => world,
    };
    world.client().chat("gullible", "hello").await.expect(403, "PLM-0202");
    for (tool, arguments) in [("refund_order", refund(5.0)), ("get_order", json!({ "order_id": "A-1001" }))] {
        let got = world.client().call("desk", tool, arguments).await;
        assert!(got.text().contains("PLM-02"), "{}", got.text());
    }
    assert_eq!(world.effects(), []);
}

#[tokio::test]
async fn a_broken_database_lets_nobody_in() {
    let world = Plan::new().start().await;
    let client = world.client();
    client.propose("refund_order", &refund(5.0)).await.expect(200, "tool_calls");
    for name in ["plimsoll.db", "plimsoll.db-wal", "plimsoll.db-shm"] {
        let path = world.state().join(name);
        if let Ok(meta) = std::fs::metadata(&path) {
            std::fs::write(path, vec![0xa5; meta.len() as usize]).unwrap();
        }
    }
    tokio::time::sleep(std::time::Duration::from_millis(1_500)).await;
    let got = client.call("desk", "refund_order", refund(5.0)).await;
    assert!(got.text().contains("PLM-"), "{} {}", got.status, got.text());
    let got = client.chat("echo", "hello").await;
    assert!(got.status >= 400 && got.text().contains("PLM-"), "{} {}", got.status, got.text());
    assert_eq!(world.effects(), []);
    client.get("/health/live").await.expect(200, "live");
}

#[tokio::test]
async fn a_poisoned_ledger_stops_every_act() {
    let world = Plan::new().start().await;
    let client = world.client();
    for amount in [5.0, 6.0] {
        client.propose("refund_order", &refund(amount)).await.expect(200, "tool_calls");
    }
    world.gateway.ledger().faults().fail_sync(0);
    client.call("desk", "refund_order", refund(5.0)).await.expect(200, "PLM-0510");
    client.call("desk", "refund_order", refund(6.0)).await.expect(200, "PLM-0510");
    client.call("desk", "delete_customer", json!({ "customer_id": "C-77" })).await.expect(200, "PLM-0510");
    client.chat("echo", "hello").await.expect(503, "PLM-0510");
    client.get("/health/ready").await.expect(503, "every act is refused");
    client.get("/health/live").await.expect(200, "live");
    assert_eq!(world.effects(), []);
}

#[tokio::test]
async fn without_the_system_of_record_nothing_is_confirmed() {
    let mut world = Plan::new().start().await;
    let client = world.client();
    client.propose("refund_order", &refund(5.0)).await.expect(200, "tool_calls");
    world.close_desk();
    let got = client.call("desk", "refund_order", refund(5.0)).await;
    assert!(got.text().contains("PLM-0"), "{}", got.text());
    assert!(!got.text().contains("receipt"), "{}", got.text());
    world.alive().await;
}

#[tokio::test]
async fn without_the_model_the_client_is_told() {
    let world =
        Plan::new().change("models/main.yaml", "url: ${MODEL_URL}", "url: http://127.0.0.1:1").start().await;
    world.client().chat("echo", "hello").await.expect(502, "PLM-0500");
    world.alive().await;
}

#[tokio::test]
async fn an_amount_nobody_named_needs_more_than_a_check() {
    let world = Plan::new().start().await;
    let pay = json!({ "iban": SUPPLIER_IBAN, "amount": 5, "reference": "4711" });
    let got = world.client().call("desk", "pay_invoice", pay).await;
    assert!(got.text().contains("PLM-02"), "{}", got.text());
    assert_eq!(world.effects(), []);
}
