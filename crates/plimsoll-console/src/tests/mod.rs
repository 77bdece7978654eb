//! The listener from outside, as clients and browsers meet it.

mod api;
mod chain;
pub(crate) mod fixture;
mod pages;
mod privacy;
mod uninvited;

use fixture::House;

/// Serves a house to look at: `cargo test -p plimsoll-console look -- --ignored`, then a browser.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "serves until it is ended, for looking at the pages"]
async fn look() {
    let house = House::open_at("127.0.0.1:7391").await;
    house.tell(&fixture::story()).await;
    let now = jiff::Timestamp::now();
    house.ask(&fixture::question("T-k3vw9xqd", now, "ada@shop.example")).await;
    let mut other = fixture::question("T-m8rtz2hc", now, "bea@shop.example");
    other.page["arguments"] = serde_json::json!({ "customer_id": "C-2210" });
    other.page["origins"][0]["integrity"] = "user".into();
    other.page["origins"][0]["found"] =
        serde_json::json!([{ "span": 1, "source": "user", "integrity": "user", "whole": true }]);
    other.page["hypothesis"] = serde_json::json!({ "kind": "answer" });
    other.page["trajectory"] = serde_json::json!({ "label": { "integrity": "user" }, "spans": 2 });
    house.ask(&other).await;
    let answered = fixture::question("T-p4bn7sye", now, "cem@shop.example");
    house.ask(&answered).await;
    let yes =
        serde_json::json!({ "answer": "yes", "shown": answered.act_digest, "comment": "customer called" });
    house.api(&house.rosa, "POST", "/api/approvals/T-p4bn7sye", yes).await;
    let (cookie, _) = house.login(&house.ines).await;
    eprintln!("key {}\ncookie {cookie}\nhttp://{}", house.ines, house.address);
    tokio::time::sleep(std::time::Duration::from_secs(3_600)).await;
}
