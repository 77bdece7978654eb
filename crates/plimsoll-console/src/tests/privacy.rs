//! Who reads which fields, the glass that two people break, what is kept how long, and the alarm on the first page.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use plimsoll_core::FieldClass;
use serde_json::{Value, json};

use super::fixture::{House, SESSION, began, bundle, story};

const SAID: &str = "Please go through the inbox";
const ARGUMENT: &str = "m-17";
const NAME: &str = "key:support-agent";

async fn entries(house: &House, key: &str) -> String {
    let answer = house.api(key, "GET", "/api/entries?limit=200", Value::Null).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body
}

/// Which of words, arguments and names somebody is shown.
async fn sees(house: &House, key: &str) -> [bool; 3] {
    let body = entries(house, key).await;
    [SAID, ARGUMENT, NAME].map(|text| body.contains(text))
}

async fn readings(house: &House) -> Vec<Value> {
    house.tell(&[]).await;
    let read = house.api(&house.rosa, "GET", "/api/entries?kind=read&limit=200", Value::Null).await.json();
    read["entries"].as_array().unwrap_or_else(|| panic!("{read}")).clone()
}

#[tokio::test]
async fn roles_read_classes_and_two_people_break_the_glass() {
    let mut bundle = bundle();
    let reads = |classes: &[FieldClass]| classes.iter().copied().collect::<BTreeSet<_>>();
    bundle.people.reads = BTreeMap::from([
        ("reviewer".to_owned(), reads(&[FieldClass::Identity, FieldClass::Arguments])),
        ("treasurer".to_owned(), reads(&[FieldClass::Identity])),
    ]);
    let house = House::open_of(bundle, "127.0.0.1:0").await;
    house.tell(&story()).await;

    assert_eq!(sees(&house, &house.rosa).await, [false, true, true], "a reviewer");
    assert_eq!(sees(&house, &house.tom).await, [false, false, true], "a treasurer");
    let closed = entries(&house, &house.tom).await;
    assert!(closed.contains("‹arguments: not for your roles›"), "{closed}");
    assert!(closed.contains("‹content: not for your roles›"), "{closed}");
    let (cookie, _) = house.login(&house.tom).await;
    let page = house.page(&cookie, &format!("/sessions/{SESSION}")).await;
    assert_eq!(page.status, 200, "{}", page.body);
    assert!(!page.body.contains(ARGUMENT) && !page.body.contains(SAID), "{}", page.body);

    // Each of these readings is on record, with who and which classes.
    let before = readings(&house).await;
    let text = json!(before).to_string();
    assert!(before.len() >= 3 && text.contains("rosa") && text.contains("tom"), "{text}");

    // Without a reason, or agreed to by oneself, the glass stays whole.
    let ask = |reason: &str| json!({ "classes": ["content"], "reason": reason, "seconds": 600 });
    let refused = house.api(&house.tom, "POST", "/api/glass", ask("")).await;
    assert_eq!(refused.status, 400, "{}", refused.body);
    let asked = house.api(&house.tom, "POST", "/api/glass", ask("case 17")).await.json();
    let path = format!("/api/glass/{}", asked["ticket"].as_str().unwrap_or_else(|| panic!("{asked}")));
    let own = house.api(&house.tom, "POST", &path, json!({ "grant": true })).await;
    assert!(own.status >= 400, "{}", own.body);
    assert_eq!(sees(&house, &house.tom).await, [false, false, true], "asking opens nothing");

    let agreed = house.api(&house.ines, "POST", &path, json!({ "grant": true })).await;
    assert_eq!(agreed.status, 200, "{}", agreed.body);
    assert_eq!(sees(&house, &house.tom).await, [true, false, true], "what was asked for, and no more");
    assert_eq!(sees(&house, &house.rosa).await, [false, true, true], "and nobody else");
    house.tell(&[]).await;
    let grants = house.api(&house.rosa, "GET", "/api/entries?kind=grant&limit=9", Value::Null).await.body;
    assert!(grants.contains("tom") && grants.contains("ines") && grants.contains("case 17"), "{grants}");
    assert!(readings(&house).await.len() > before.len());
}

#[tokio::test]
async fn what_is_kept_too_long_goes_by_class_unless_it_is_held() {
    let house = House::open().await;
    house.tell(&story()).await;
    let custodian = house.gateway.custodian();
    let kept = BTreeMap::from([(FieldClass::Content, 30 * 86_400)]);
    let after = |days: i64| began().checked_add(SignedDuration::from_hours(24 * days)).unwrap();
    let opened = async || {
        let rows = house.gateway.reading_all().entries_of_session(SESSION, 200).await.unwrap();
        let all: String = rows.into_iter().map(|row| row.body).collect();
        [SAID, ARGUMENT, NAME].map(|text| all.contains(text))
    };
    let session = plimsoll_gateway::privacy::Whose::Session(SESSION.to_owned());

    assert_eq!(custodian.retain(&kept, after(29)).await.unwrap(), None, "it is not old enough");
    custodian.hold(&session, true, "case 17", "ines").await.unwrap();
    let held = custodian.retain(&kept, after(40)).await.unwrap();
    assert!(held.is_none_or(|erasure| erasure.keys == 0), "a hold keeps it");
    assert_eq!(opened().await, [true; 3]);
    custodian.hold(&session, false, "", "ines").await.unwrap();
    let gone = custodian.retain(&kept, after(40)).await.unwrap().unwrap();
    assert!(gone.keys > 0 && gone.classes == BTreeSet::from([FieldClass::Content]), "{gone:?}");
    assert_eq!(opened().await, [false, true, true], "of this class alone");
    house.tell(&[]).await;
    let erasures = house.api(&house.rosa, "GET", "/api/entries?kind=erasure&limit=9", Value::Null).await.body;
    assert!(erasures.contains("content from before"), "{erasures}");
}

#[tokio::test]
async fn an_alarm_stands_on_the_first_page() {
    let mut bundle = bundle();
    let key = "plimsoll-witness/71f9e9da+ffcf37a0+BHG+oimg5CJbCgPInDhDcKXlh19Jdsf3FKAzrm1tjpxE";
    let url = "http://127.0.0.1:1".to_owned();
    let witness = plimsoll_bundle::Witness { name: "one".to_owned(), key: key.parse().unwrap(), url };
    bundle.project.ledger.witnesses = vec![witness];
    bundle.project.ledger.quorum = 1;
    bundle.project.ledger.witness_within_s = 0;
    let house = House::open_of(bundle, "127.0.0.1:0").await;
    let (cookie, _) = house.login(&house.tom).await;
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    let page = house.page(&cookie, "/").await.body;
    assert!(page.contains("Alarm: no checkpoint was cosigned by 1 witness(es) for"), "{page}");

    let house = House::open().await;
    let (cookie, _) = house.login(&house.tom).await;
    assert!(!house.page(&cookie, "/").await.body.contains("Alarm:"));
}
