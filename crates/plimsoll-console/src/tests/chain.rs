//! The chain, as the terminal shows it.

use super::fixture::{House, SESSION, began, rows, story};
use crate::chain::{self, Accountable, Found, Line, build, explain, log_line};

fn text(lines: &[Line]) -> String {
    lines.iter().map(|line| line.text.as_str()).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_session_from_top_to_bottom() {
    insta::assert_snapshot!("session", text(&chain::lines(&build(&rows(&story())))));
}

#[test]
fn the_log() {
    let lines: Vec<String> = rows(&story()).iter().map(log_line).collect();
    insta::assert_snapshot!("log", lines.join("\n"));
}

#[test]
fn decisions_in_plain_words() {
    let whole = build(&rows(&story()));
    let accountable = Accountable {
        owner: "Ines Falk, customer care".into(),
        incident_owner: "on-call platform".into(),
        approvers: vec!["ines".into(), "rosa".into()],
        on_failure: "The bank returns the payment.".into(),
        way_back: "A recall through the bank".into(),
    };
    let mut told = Vec::new();
    for step in &whole.steps {
        if let chain::Step::Act(act) = step
            && act.part != chain::Part::Model
        {
            told.push(text(&explain(&whole, Some(act.seq), &accountable).unwrap().lines()));
        }
    }
    insta::assert_snapshot!("explained", told.join("\n\n----\n\n"));
}

#[test]
fn an_entry_of_a_later_version_keeps_its_place() {
    let mut rows = rows(&story()[..2]);
    rows[1].body = r#"{"v":9}"#.into();
    let chain = build(&rows);
    assert!(text(&chain::lines(&chain)).contains("can't read this entry"));
}

#[tokio::test]
async fn ids_are_found_by_their_beginning() {
    let house = House::open().await;
    house.tell(&story()).await;
    let mut asked = super::fixture::question("T-del", began(), "ada@shop.example");
    asked.page["act"] = "01990000-0000-7000-8000-0000000000d1".into();
    house.ask(&asked).await;
    let store = &house.gateway.reading_all();
    let found = async |id: &str| match chain::find(store, id).await.unwrap() {
        Found::One(chain) => format!("{} steps", chain.steps.len()),
        Found::Several(ids) => format!("{} ids", ids.len()),
        Found::Nothing => "nothing".to_owned(),
    };
    let all = format!("{} steps", build(&rows(&story())).steps.len());
    assert_eq!(found(SESSION).await, all);
    assert_eq!(found("s-inbox").await, all);
    assert_eq!(
        found("01990000-0000-7000-8000-0000000000d2").await,
        found("01990000-0000-7000-8000-0000000000d2").await
    );
    assert_eq!(found("nope").await, "nothing");
    assert_eq!(found("").await, "nothing");
    assert!(found("01990000").await.ends_with("ids"));
    let Found::One(delete) = chain::find(store, "01990000-0000-7000-8000-0000000000d2").await.unwrap() else {
        panic!()
    };
    insta::assert_snapshot!("act", text(&chain::lines(&delete)));
    assert_eq!(delete.who.first_at.map(|at| at >= began()), Some(true));
}

/// A session in parts is the session: each act once, with its outcome, whichever way it is read.
#[tokio::test]
async fn a_long_session_is_told_in_parts() {
    let house = House::open().await;
    house.tell(&story()).await;
    let store = &house.gateway.reading_all();
    let whole = build(&rows(&story()));
    let acts = |chain: &chain::Chain| -> Vec<(String, &'static str)> {
        let act = |step: &chain::Step| match step {
            chain::Step::Act(act) => Some((act.ids.act.clone(), act.verdict())),
            _ => None,
        };
        chain.steps.iter().filter_map(act).collect()
    };
    let mut expected = acts(&whole);
    expected.sort();
    for (newest_first, entries) in [(false, 1), (false, 4), (true, 1), (true, 5), (true, 10_000)] {
        let mut window = chain::Window { from: None, newest_first, entries };
        let mut told = Vec::new();
        loop {
            let part = chain::of_session_part(store, SESSION, window).await.unwrap().unwrap();
            told.extend(acts(&part));
            let Some(more) = part.more else { break };
            assert!(more.entries > 0);
            window.from = Some(more.from);
        }
        told.sort();
        told.dedup();
        let missing: Vec<_> = expected.iter().filter(|act| !told.contains(act)).collect();
        assert!(
            missing.is_empty(),
            "{entries} at a time, newest first {newest_first}: {missing:?} of {told:?}"
        );
    }
}

#[test]
fn a_question_in_the_terminal() {
    let asked = super::fixture::question("T-del", began(), "ada@shop.example");
    let now = began().checked_add(jiff::SignedDuration::from_mins(2)).unwrap();
    insta::assert_snapshot!("question", text(&crate::question::lines(&asked, now)));
}
