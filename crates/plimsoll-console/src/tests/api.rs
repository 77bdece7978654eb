//! The admin API.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::fixture::{House, SESSION, question, story};

#[tokio::test]
async fn an_approval_is_shown_and_answered_once() {
    let house = House::open().await;
    let asked = question("T-one", Timestamp::now(), "rosa");
    house.ask(&asked).await;
    let path = "/api/approvals/T-one";
    let vote =
        |answer: &str| json!({ "answer": answer, "shown": asked.act_digest, "comment": "called back" });

    let shown = house.api(&house.rosa, "GET", path, Value::Null).await.json();
    assert_eq!(shown["state"], "open");
    assert_eq!(shown["act_digest"], asked.act_digest.to_string());
    assert_eq!(shown["page"]["arguments"]["customer_id"], "C-1007");

    let refused = async |key: &str, body: Value, status: u16, code: &str, says: &str| {
        let answer = house.api(key, "POST", path, body).await;
        let error = &answer.json()["error"];
        assert_eq!((answer.status, error["code"].as_str()), (status, Some(code)), "{error}");
        assert!(error["message"].as_str().unwrap().contains(says), "{error}");
        assert!(!error["help"].as_str().unwrap().is_empty());
    };
    refused(&house.rosa, vote("yes"), 403, "PLM-0431", "asked for this act").await;
    refused(&house.tom, vote("yes"), 403, "PLM-0431", "none of the roles").await;
    let other = json!({ "answer": "yes", "shown": format!("sha256:{}", "0".repeat(64)) });
    refused(&house.ines, other, 409, "PLM-0223", "not the act").await;
    refused(&house.ines, json!({ "answer": "yes" }), 400, "PLM-0420", "shown").await;
    refused(&house.ines, json!({ "answer": "maybe", "shown": asked.act_digest }), 400, "PLM-0420", "maybe")
        .await;
    let twice = format!(r#"{{"answer":"yes","answer":"no","shown":"{}"}}"#, asked.act_digest);
    let bearer = format!("Bearer {}", house.ines);
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    assert_eq!(house.send("POST", path, &headers, &twice).await.status, 400);
    let as_form = [("authorization", bearer.as_str()), ("content-type", "text/plain")];
    assert_eq!(house.send("POST", path, &as_form, &twice).await.status, 415);

    let given = house.api(&house.ines, "POST", path, vote("yes")).await;
    assert_eq!((given.status, given.json()["state"].as_str()), (200, Some("granted")), "{}", given.body);
    refused(&house.ines, vote("yes"), 409, "PLM-0223", "no longer open").await;
    let missing = house.api(&house.ines, "POST", "/api/approvals/T-none", vote("yes")).await;
    assert_eq!(missing.status, 404);
}

#[tokio::test]
async fn the_list_knows_what_is_over() {
    let house = House::open().await;
    let now = Timestamp::now();
    house.ask(&question("T-new", now, "ada")).await;
    house.ask(&question("T-old", now.checked_sub(SignedDuration::from_hours(1)).unwrap(), "bea")).await;
    let ids = async |query: &str| {
        let path = format!("/api/approvals{query}");
        let list = house.api(&house.rosa, "GET", &path, Value::Null).await.json();
        let list = list["approvals"].as_array().unwrap().clone();
        list.iter().map(|a| a["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(ids("").await, "T-new T-old");
    assert_eq!(ids("?state=open").await, "T-new");
    assert_eq!(ids("?state=expired").await, "T-old");
    assert_eq!(house.api(&house.rosa, "GET", "/api/approvals?status=open", Value::Null).await.status, 400);
}

#[tokio::test]
async fn kill_switches() {
    let house = House::open().await;
    let api = async |method: &str, path: &str, body: Value| house.api(&house.rosa, method, path, body).await;
    let pulled =
        api("POST", "/api/stops", json!({ "scope": "workflow", "name": "support", "reason": "odd mails" }))
            .await;
    assert_eq!(pulled.status, 200, "{}", pulled.body);
    assert_eq!(pulled.json()["stop"]["by"], "rosa");
    assert_eq!(pulled.json()["warning"], Value::Null);
    let slip = api("POST", "/api/stops", json!({ "scope": "tool", "name": "dessk.*", "reason": "x" })).await;
    assert!(slip.json()["warning"].as_str().unwrap().contains("covers nothing"), "{}", slip.body);
    let listed = api("GET", "/api/stops", Value::Null).await.json();
    assert_eq!(listed["stops"].as_array().unwrap().len(), 2, "{listed}");
    assert_eq!(api("POST", "/api/stops", json!({ "scope": "all", "reason": " " })).await.status, 400);
    assert_eq!(api("POST", "/api/stops", json!({ "scope": "workflow", "reason": "x" })).await.status, 400);
    assert_eq!(
        api("DELETE", "/api/stops/lift", json!({ "scope": "tool", "name": "dessk.*" })).await.status,
        200
    );
    let left = api("POST", "/api/stops/lift", json!({ "scope": "workflow", "name": "support" })).await;
    assert_eq!(left.json()["stops"], json!([]));
    assert_eq!(api("POST", "/api/stops/lift", json!({ "scope": "all" })).await.status, 409);
}

#[tokio::test]
async fn the_record_and_acts_in_doubt() {
    let house = House::open().await;
    house.tell(&story()).await;
    let get = async |path: &str| house.api(&house.rosa, "GET", path, Value::Null).await;
    let refusals = get("/api/entries?decision=refuse&tool=desk.pay_invoice").await.json();
    assert_eq!(refusals["entries"][0]["entry"]["decision"]["code"], "PLM-0210");
    assert_eq!(get("/api/entries?limit=3").await.json()["entries"].as_array().unwrap().len(), 3);
    let doubts = get("/api/entries?in_doubt=true").await.json();
    let act = doubts["entries"][0]["entry"]["act"]["id"].as_str().unwrap().to_owned();
    assert_eq!(doubts["entries"][0]["entry"]["act"]["tool"], "desk.refund_order");

    let settle = async |act: &str, body: Value| {
        house.api(&house.rosa, "POST", &format!("/api/acts/{act}/settle"), body).await.status
    };
    assert_eq!(settle("nonsense", json!({ "done": true })).await, 409);
    assert_eq!(settle(&act, json!({ "done": true, "why": 1 })).await, 400);
    assert_eq!(settle(&act, json!({ "done": false })).await, 200);
    house.tell(&[]).await;
    assert_eq!(settle(&act, json!({ "done": true })).await, 409);
    assert_eq!(get("/api/entries?in_doubt=true").await.json()["entries"], json!([]));

    let sessions = get("/api/sessions").await.json();
    assert_eq!(sessions["sessions"][0]["session"], SESSION);
    let chain = get(&format!("/api/sessions/{SESSION}")).await.json();
    let settled =
        chain["steps"].as_array().unwrap().iter().find(|step| step["tool"] == "desk.refund_order").unwrap();
    assert_eq!(settled["outcome"]["status"], "failed");
    assert_eq!(get("/api/sessions/s-none").await.status, 404);
    assert_eq!(get("/api/release").await.json()["workflows"][0]["mode"], "enforce");
}

#[tokio::test]
async fn bounds_and_health() {
    let house = House::open().await;
    let long = json!({ "scope": "all", "reason": "x".repeat(70_000) });
    let answer = house.api(&house.rosa, "POST", "/api/stops", long).await;
    assert_eq!((answer.status, answer.json()["error"]["code"].as_str()), (413, Some("PLM-0421")));
    assert_eq!(house.send("GET", "/health/live", &[], "").await.body, "live\n");
    assert_eq!(house.send("GET", "/health/ready", &[], "").await.body, "ready\n");
    assert!(house.send("GET", "/metrics", &[], "").await.body.contains("plimsoll_requests_in_flight"));
}
