//! Keys: whose, for what, for how long.

use jiff::{SignedDuration, Timestamp};
use plimsoll_core::PrincipalKind;
use plimsoll_inspect::key::{KeyKind, mint};

use crate::world::Plan;

#[tokio::test]
async fn only_a_live_key_of_the_workflow_opens_the_door() {
    let billing = "workflow: billing\npurpose: bills\nowner: Ines Falk\nmodels: [main]\nmode: enforce\nacts:\n  desk.get_order:\n";
    let world = Plan::new()
        .add("workflows/billing.yaml", billing)
        .change("workflows/support.yaml", "models: [main, claude]", "roles: [desk]\nmodels: [main, claude]")
        .start()
        .await;
    let hour = SignedDuration::from_hours(1);
    let agent = PrincipalKind::Agent;
    let right = world.key_with("bo", agent, "support", |row| row.roles = vec!["desk".to_owned()]).await;
    let expired = world
        .key_with("old", agent, "support", |row| {
            row.roles = vec!["desk".to_owned()];
            row.expires_at = Some(Timestamp::now() - hour);
        })
        .await;
    let revoked = world
        .key_with("gone", agent, "support", |row| {
            row.roles = vec!["desk".to_owned()];
            row.revoked_at = Some(Timestamp::now() - hour);
        })
        .await;
    let roleless = world.key("no-role", agent, "support").await;
    let other = world.key("bill", agent, "billing").await;
    let unknown = mint([99; 32], KeyKind::User).secret;
    let admin = mint([98; 32], KeyKind::Admin).secret;
    let mut mistyped = right.clone();
    mistyped.replace_range(10..11, if &right[10..11] == "a" { "b" } else { "a" });

    world.anyone(&right).chat("echo", "hello").await.expect(200, "hello");
    for (what, key, status, code) in [
        ("none", "", 401, "PLM-0430"),
        ("words", "let me in", 401, "PLM-0430"),
        ("unknown", &unknown, 401, "PLM-0430"),
        ("mistyped", &mistyped, 401, "PLM-0430"),
        ("expired", &expired, 401, "PLM-0430"),
        ("revoked", &revoked, 401, "PLM-0430"),
        ("an admin key", &admin, 401, "PLM-0430"),
        ("without the role", &roleless, 403, "PLM-0431"),
    ] {
        let client = world.anyone(key);
        let got = client.chat("echo", "hello").await;
        assert!(got.status == status && got.text().contains(code), "{what}: {} {}", got.status, got.text());
        let got = client.call("desk", "get_order", serde_json::json!({ "order_id": "A-1001" })).await;
        assert!(got.status == status && got.text().contains(code), "{what}: {} {}", got.status, got.text());
        assert!(client.get("/v1/models").await.status == status, "{what}");
    }
    // A key of another workflow sees that workflow, whatever header it sends.
    let bill = world.anyone(&other);
    bill.call("desk", "get_order", serde_json::json!({ "order_id": "A-1001" }))
        .await
        .expect(200, "porcelain");
    bill.call("desk", "get_customer", serde_json::json!({ "customer_id": "C-77" }))
        .await
        .expect(200, "PLM-0401");
    bill.with("x-plimsoll-workflow", "support").chat("echo", "x").await.expect(403, "PLM-0431");
}

#[tokio::test]
async fn a_revoked_key_is_out_within_a_second() {
    let world = Plan::new().start().await;
    let client = world.client();
    client.chat("echo", "hello").await.expect(200, "hello");
    let row = world.gateway.store().keys().await.unwrap().into_iter().find(|row| row.name == "ada").unwrap();
    assert!(world.gateway.store().revoke_key(&row.prefix, Timestamp::now()).await.unwrap());
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    client.chat("echo", "hello").await.expect(401, "PLM-0430");
}

#[tokio::test]
async fn only_a_service_speaks_for_somebody() {
    let world = Plan::new().start().await;
    for (kind, status) in
        [(PrincipalKind::Service, 200), (PrincipalKind::Agent, 403), (PrincipalKind::User, 403)]
    {
        let key = world.key(kind.name(), kind, "support").await;
        let got = world.anyone(&key).with("x-plimsoll-on-behalf-of", "ada").chat("echo", "hi").await;
        assert_eq!(got.status, status, "{kind:?}: {}", got.text());
    }
    let principals = world.entries().into_iter().filter_map(|entry| entry.principal);
    assert!(
        principals.into_iter().any(|p| p.on_behalf_of.as_deref() == Some("ada") && p.requester() == "ada")
    );
}
