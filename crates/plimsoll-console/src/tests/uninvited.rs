//! Everybody who has no business here, at every route there is.

use plimsoll_bundle::Power;
use serde_json::json;

use super::fixture::House;
use crate::{Auth, Needs, ROUTES};

fn path(pattern: &str) -> String {
    pattern.replace("{id}", "T-1").replace("{file}", "console.css")
}

#[tokio::test]
async fn every_route_is_closed_to_strangers_and_agents() {
    let house = House::open().await;
    let agent = format!("Bearer {}", house.agent);
    let admin = format!("Bearer {}", house.rosa);
    let stale = format!("plimsoll_login={}", "a".repeat(64));
    let mut picture = String::new();
    for route in ROUTES {
        let json = ("content-type", "application/json");
        let mut row = Vec::new();
        for headers in [
            vec![json],
            vec![json, ("authorization", agent.as_str())],
            vec![json, ("cookie", stale.as_str())],
            vec![json, ("authorization", admin.as_str())],
        ] {
            let answer = house.send(route.method, &path(route.path), &headers, "").await;
            row.push(answer.status);
        }
        let closed = |status: &u16| matches!(status, 401 | 403);
        match route.auth {
            Auth::Nobody => assert!(!row.iter().any(closed) || route.path == "/login", "{route:?} {row:?}"),
            Auth::Key => assert!(row[..3].iter().all(closed) && !closed(&row[3]), "{route:?} {row:?}"),
            // An admin key is no log-in: browsers hold cookies, programs hold keys.
            Auth::Login => assert!(row.iter().all(closed), "{route:?} {row:?}"),
        }
        picture.push_str(&format!(
            "{:<6} {:<24} {:<6} {:<15} {row:?}\n",
            route.method,
            route.path,
            format!("{:?}", route.auth),
            format!("{:?}", route.needs)
        ));
    }
    insta::assert_snapshot!("who_may_come_in", picture);
}

/// What changes something and needs no more than an admin key or a log-in, and why that is enough.
const ENOUGH: &[(&str, &str)] = &[
    ("/api/stops", "anybody on call may stop everything"),
    ("/api/stops/lift", "and is named in the record when they lift it"),
    ("/stops", "the same by form"),
    ("/stops/lift", "the same by form"),
    ("/api/acts/{id}/settle", "whoever looked it up says so, under their name"),
    ("/acts/{id}/settle", "the same by form"),
    ("/api/drift", "looks at the world again, on record, and moves nothing"),
    ("/api/erasures", "on record before a key goes, and a legal hold keeps it"),
    ("/api/holds", "keeps what would go, on record"),
    ("/api/readings", "says what was read, and opens nothing"),
    ("/api/glass", "asks, and opens nothing before another person agrees"),
    ("/login", "is how one becomes somebody"),
    ("/logout", "ends one's own log-in"),
];

#[test]
fn what_changes_something_names_what_it_needs() {
    for route in ROUTES.iter().filter(|route| route.method != "GET" && route.needs == Needs::Nothing) {
        assert!(ENOUGH.iter().any(|(path, _)| *path == route.path), "{route:?} names no power and no reason");
    }
    for (path, _) in ENOUGH {
        assert!(ROUTES.iter().any(|route| route.path == *path), "{path} is gone");
    }
}

#[tokio::test]
async fn a_person_without_the_power_gets_nowhere() {
    let mut bundle = super::fixture::bundle();
    bundle.people.may.insert("owner".to_owned(), Power::ALL.into());
    let house = House::open_of(bundle, "127.0.0.1:0").await;
    let (cookie, csrf) = house.login(&house.rosa).await;
    let mut tried = 0;
    for route in ROUTES {
        let Needs::Power(power) = route.needs else { continue };
        tried += 1;
        let answer = match route.auth {
            Auth::Key => house.api(&house.rosa, route.method, route.path, json!({ "reason": "x" })).await,
            _ => house.form(&cookie, route.path, &format!("csrf={csrf}&release=&reason=x")).await,
        };
        assert_eq!(answer.status, 403, "{route:?} {power:?}: {}", answer.body);
        assert!(answer.body.contains("no role of theirs says so"), "{route:?}: {}", answer.body);
    }
    assert!(tried >= 5, "only {tried} routes need a power");
}

#[tokio::test]
async fn what_is_not_in_the_table_does_not_exist() {
    let house = House::open().await;
    let admin = format!("Bearer {}", house.rosa);
    let ask = async |method: &str, path: &str| {
        let answer = house.send(method, path, &[("authorization", &admin)], "").await;
        (answer.status, answer.json()["error"]["code"].clone())
    };
    assert_eq!(ask("GET", "/api/nothing").await, (404, "PLM-0412".into()));
    assert_eq!(ask("GET", "/v1/models").await, (404, "PLM-0412".into()));
    assert_eq!(ask("GET", "/api/approvals/../../etc").await, (404, "PLM-0412".into()));
    assert_eq!(ask("PUT", "/api/stops").await, (405, "PLM-0412".into()));
}

#[tokio::test]
async fn foreign_hosts_and_origins_are_turned_away() {
    let house = House::open().await;
    let own = format!("http://{}", house.address);
    let ask = async |headers: &[(&str, &str)]| house.send("GET", "/health/live", headers, "").await.status;
    assert_eq!(ask(&[]).await, 200);
    assert_eq!(ask(&[("origin", &own)]).await, 200);
    assert_eq!(ask(&[("host", "evil.example")]).await, 403);
    assert_eq!(ask(&[("origin", "https://evil.example")]).await, 403);
    assert_eq!(ask(&[("origin", "null")]).await, 403);
}

#[tokio::test]
async fn every_answer_tells_the_browser_to_do_nothing_else() {
    let house = House::open().await;
    let (cookie, _) = house.login(&house.rosa).await;
    for path in ["/", "/login", "/approvals", "/api/stops", "/nothing", "/metrics", "/assets/x"] {
        let answer = house.page(&cookie, path).await;
        assert_eq!(
            answer.header("content-security-policy"),
            "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
            "{path}"
        );
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        let is_page = answer.header("content-type").starts_with("text/html");
        assert_eq!(
            answer.header("referrer-policy"),
            if is_page { "same-origin" } else { "no-referrer" },
            "{path}"
        );
    }
}
