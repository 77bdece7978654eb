//! What every database must do, told once and run against each.

mod entries;

use std::sync::Arc;

use jiff::Timestamp;
use plimsoll_core::{
    ActId, Approval, ApprovalState, ApprovalTerms, Digest, Integrity, Label, PrincipalKind, Stop, StopScope,
    ToolName, Trajectory, Vote,
};

use crate::{
    AdminKeyRow, Edge, KeyRow, Lapse, PRINT_BYTES_MAX, Proposal, ProposalKey, ResultRow, SessionRow, Store,
    StoreError, Whose,
};

pub(crate) use self::entries::entry;
use self::entries::*;

/// One list of cases, one module for each database.
macro_rules! conformance {
    ($($case:ident),* $(,)?) => {
        mod sqlite_file {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                let dir = tempfile::tempdir().unwrap();
                let store = super::Store::open(&dir.path().join("plimsoll.db")).await.unwrap();
                super::$case(store).await;
            })*
        }
        mod sqlite_memory {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                super::$case(super::Store::in_memory().unwrap()).await;
            })*
        }
    };
}

conformance! {
    keys_come_back_and_are_revoked_for_good,
    admin_keys_open_no_data_door,
    a_question_is_opened_answered_and_spent_once,
    a_question_is_asked_once_at_a_time,
    open_questions_are_bounded,
    an_answer_that_comes_second_changes_nothing,
    people_vote_once_and_never_on_their_own,
    nothing_leaves_an_end_state,
    only_the_bound_act_spends_an_approval,
    a_hundred_callers_spend_one_approval_once,
    questions_expire,
    stops_are_pulled_and_lifted,
    sessions_are_remembered_as_they_are,
    results_are_remembered_and_trust_never_rises,
    results_are_listed_within_a_bound,
    the_memory_knows_its_edge,
    somebody_is_forgotten,
    proposals_are_remembered,
    entries_are_projected_without_gaps,
    entries_are_found_by_what_people_know,
    entries_are_filtered,
    intents_without_outcome_are_in_doubt,
    long_batches_say_the_same,
    entries_are_found_among_many,
    sessions_are_summarised,
    budgets_are_taken_atomically,
    old_things_are_forgotten,
    the_database_answers,
}

pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

pub(crate) fn key(n: u8) -> KeyRow {
    KeyRow {
        sha256: [n; 32],
        prefix: format!("plm_{n}"),
        name: "support-bot".into(),
        kind: PrincipalKind::Service,
        workflow: "support".into(),
        tenant: "acme".into(),
        roles: vec!["agent".into(), "night".into()],
        created_at: at(i64::from(n)),
        expires_at: Some(at(100)),
        revoked_at: None,
    }
}

async fn keys_come_back_and_are_revoked_for_good(store: Store) {
    assert_eq!(store.find_key(&[1; 32]).await.unwrap(), None);
    store.add_key(&key(1)).await.unwrap();
    store.add_key(&key(2)).await.unwrap();
    assert_eq!(store.find_key(&[1; 32]).await.unwrap(), Some(key(1)));
    assert_eq!(store.keys().await.unwrap(), [key(2), key(1)]);
    assert!(matches!(store.add_key(&key(1)).await, Err(StoreError::Conflict(_))), "hashes are unique");
    let twin = KeyRow { sha256: [9; 32], ..key(1) };
    assert!(matches!(store.add_key(&twin).await, Err(StoreError::Conflict(_))), "prefixes are unique");

    assert!(key(1).is_live(at(99)) && !key(1).is_live(at(100)));
    assert!(store.revoke_key("plm_1", at(50)).await.unwrap());
    assert!(!store.revoke_key("plm_1", at(60)).await.unwrap());
    assert!(!store.revoke_key("plm_3", at(60)).await.unwrap());
    let revoked = store.find_key(&[1; 32]).await.unwrap().unwrap();
    assert_eq!(revoked, KeyRow { revoked_at: Some(at(50)), ..key(1) });
    assert!(!revoked.is_live(at(0)));
}

async fn admin_keys_open_no_data_door(store: Store) {
    let admin = AdminKeyRow {
        sha256: [7; 32],
        prefix: "plm_admin_7".into(),
        name: "bo".into(),
        roles: vec!["reviewer".into()],
        created_at: at(0),
        expires_at: None,
        revoked_at: None,
    };
    store.add_admin_key(&admin).await.unwrap();
    store.add_key(&key(1)).await.unwrap();
    assert_eq!(store.find_key(&[7; 32]).await.unwrap(), None);
    assert_eq!(store.find_admin_key(&[1; 32]).await.unwrap(), None);
    assert_eq!(store.find_admin_key(&[7; 32]).await.unwrap(), Some(admin.clone()));
    assert_eq!(store.admin_keys().await.unwrap(), std::slice::from_ref(&admin));
    assert_eq!(store.keys().await.unwrap(), [key(1)]);
    assert!(admin.is_live(at(1)));
    assert!(store.revoke_key("plm_admin_7", at(1)).await.unwrap());
    assert!(!store.find_admin_key(&[7; 32]).await.unwrap().unwrap().is_live(at(1)));
}

fn approval(id: &str, act: &[u8]) -> Approval {
    Approval {
        id: id.into(),
        state: ApprovalState::Open,
        act_digest: Digest::of(act),
        terms: ApprovalTerms { roles: vec!["reviewer".into()], quorum: 2, expires_after_s: 60 },
        workflow: "support".into(),
        tool: "crm.delete_customer".into(),
        requester: "ada".into(),
        opened_at: at(0),
        expires_at: at(60),
        votes: vec![],
        page: serde_json::json!({"act": {"customer": 7}, "reasons": ["dangerous"]}),
    }
}

/// What `before` becomes when this person says yes or no.
fn voted(before: &Approval, person: &str, yes: bool, second: i64) -> Approval {
    let vote = Vote { person: person.into(), yes, at: at(second), comment: "seen".into() };
    before.vote(vote, &["reviewer".into()], &before.act_digest).unwrap()
}

pub(crate) async fn granted(store: &Store, id: &str, act: &[u8]) -> Approval {
    let open = approval(id, act);
    assert!(store.open_approval(&open, 100).await.unwrap());
    let one = voted(&open, "bo", true, 1);
    assert!(store.change_approval(&open, &one).await.unwrap());
    let two = voted(&one, "cy", true, 2);
    assert!(store.change_approval(&one, &two).await.unwrap());
    assert_eq!(two.state, ApprovalState::Granted);
    two
}

async fn a_question_is_opened_answered_and_spent_once(store: Store) {
    let digest = Digest::of(b"act");
    assert_eq!(store.approval("T-1").await.unwrap(), None);
    assert_eq!(store.approval_for("ada", &digest).await.unwrap(), None);
    let granted = granted(&store, "T-1", b"act").await;
    assert_eq!(store.approval("T-1").await.unwrap(), Some(granted.clone()));
    assert_eq!(store.approval_for("ada", &digest).await.unwrap(), Some(granted.clone()));
    assert_eq!(store.approval_for("eve", &digest).await.unwrap(), None);
    assert_eq!(
        store.approvals(Some(ApprovalState::Granted), 9).await.unwrap(),
        std::slice::from_ref(&granted)
    );
    assert_eq!(store.approvals(Some(ApprovalState::Open), 9).await.unwrap(), []);

    assert!(store.consume_approval("T-1", &digest, at(3)).await.unwrap());
    assert!(!store.consume_approval("T-1", &digest, at(3)).await.unwrap());
    let spent = Approval { state: ApprovalState::Consumed, ..granted };
    assert_eq!(store.approvals(None, 9).await.unwrap(), [spent]);
}

async fn a_question_is_asked_once_at_a_time(store: Store) {
    assert!(store.open_approval(&approval("T-1", b"act"), 100).await.unwrap());
    let again = store.open_approval(&approval("T-2", b"act"), 100).await;
    assert!(matches!(again, Err(StoreError::Conflict(_))));
    assert!(store.open_approval(&approval("T-3", b"another act"), 100).await.unwrap());
    let other = Approval { requester: "eve".into(), ..approval("T-4", b"act") };
    assert!(store.open_approval(&other, 100).await.unwrap());

    let open = approval("T-1", b"act");
    assert!(store.change_approval(&open, &voted(&open, "bo", false, 1)).await.unwrap());
    let later = Approval { opened_at: at(5), ..approval("T-5", b"act") };
    assert!(store.open_approval(&later, 100).await.unwrap(), "once the first has ended");
    assert_eq!(store.approval_for("ada", &later.act_digest).await.unwrap(), Some(later));
    let born_old = Approval { state: ApprovalState::Granted, ..approval("T-6", b"third act") };
    assert!(matches!(store.open_approval(&born_old, 100).await, Err(StoreError::Misuse(_))));
}

async fn open_questions_are_bounded(store: Store) {
    for n in 0..3_u8 {
        assert!(store.open_approval(&approval(&format!("T-{n}"), &[n]), 3).await.unwrap());
    }
    let fourth = approval("T-3", &[3]);
    assert!(!store.open_approval(&fourth, 3).await.unwrap());
    assert_eq!(store.approval("T-3").await.unwrap(), None);
    let later = Approval { opened_at: at(60), expires_at: at(120), ..fourth };
    assert!(store.open_approval(&later, 3).await.unwrap(), "what is over does not count");
}

async fn an_answer_that_comes_second_changes_nothing(store: Store) {
    let open = approval("T-1", b"act");
    store.open_approval(&open, 100).await.unwrap();
    let bo = voted(&open, "bo", true, 1);
    let cy = voted(&open, "cy", false, 1);
    assert!(store.change_approval(&open, &bo).await.unwrap());
    assert!(!store.change_approval(&open, &cy).await.unwrap());
    assert_eq!(store.approval("T-1").await.unwrap(), Some(bo));
    let ghost = approval("T-9", b"act");
    assert!(!store.change_approval(&ghost, &voted(&ghost, "bo", true, 1)).await.unwrap());
}

/// Also when the caller forgot the rules: these votes are made without `Approval::vote`.
async fn people_vote_once_and_never_on_their_own(store: Store) {
    let open = approval("T-1", b"act");
    store.open_approval(&open, 100).await.unwrap();
    let vote = |person: &str| Vote { person: person.into(), yes: true, at: at(1), comment: String::new() };
    let own = Approval { votes: vec![vote("ada")], state: ApprovalState::Granted, ..open.clone() };
    assert!(matches!(store.change_approval(&open, &own).await, Err(StoreError::Conflict(_))));
    let twice =
        Approval { votes: vec![vote("bo"), vote("bo")], state: ApprovalState::Granted, ..open.clone() };
    assert!(matches!(store.change_approval(&open, &twice).await, Err(StoreError::Conflict(_))));
    assert_eq!(store.approval("T-1").await.unwrap(), Some(open), "a refused change leaves no trace");
}

async fn nothing_leaves_an_end_state(store: Store) {
    let open = approval("T-1", b"act");
    store.open_approval(&open, 100).await.unwrap();
    let denied = voted(&open, "bo", false, 1);
    assert!(store.change_approval(&open, &denied).await.unwrap());
    for state in [ApprovalState::Open, ApprovalState::Granted, ApprovalState::Expired] {
        let risen = Approval { state, ..denied.clone() };
        assert!(matches!(store.change_approval(&denied, &risen).await, Err(StoreError::Conflict(_))));
    }
    let spent = Approval { state: ApprovalState::Consumed, ..denied.clone() };
    assert!(matches!(store.change_approval(&denied, &spent).await, Err(StoreError::Misuse(_))));
    assert!(!store.consume_approval("T-1", &denied.act_digest, at(2)).await.unwrap());
    assert_eq!(store.approval("T-1").await.unwrap(), Some(denied));
}

async fn only_the_bound_act_spends_an_approval(store: Store) {
    let granted = granted(&store, "T-1", b"act").await;
    assert!(!store.consume_approval("T-1", &Digest::of(b"another act"), at(3)).await.unwrap());
    assert!(!store.consume_approval("T-2", &granted.act_digest, at(3)).await.unwrap());
    assert!(!store.consume_approval("T-1", &granted.act_digest, at(60)).await.unwrap(), "it is over");
    assert!(store.consume_approval("T-1", &granted.act_digest, at(59)).await.unwrap());
    let open = approval("T-3", b"third act");
    store.open_approval(&open, 100).await.unwrap();
    assert!(!store.consume_approval("T-3", &open.act_digest, at(3)).await.unwrap(), "nobody agreed");
}

async fn a_hundred_callers_spend_one_approval_once(store: Store) {
    let granted = granted(&store, "T-1", b"act").await;
    let callers: Vec<_> = (0..100)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move { store.consume_approval("T-1", &granted.act_digest, at(3)).await })
        })
        .collect();
    let mut spent = 0;
    for caller in callers {
        spent += u32::from(caller.await.unwrap().unwrap());
    }
    assert_eq!(spent, 1);
}

async fn questions_expire(store: Store) {
    let open = approval("T-1", b"act");
    store.open_approval(&open, 100).await.unwrap();
    let granted = granted(&store, "T-2", b"another act").await;
    let late = Approval { expires_at: at(90), ..approval("T-3", b"third act") };
    store.open_approval(&late, 100).await.unwrap();
    assert_eq!(store.expire_approvals(at(59)).await.unwrap(), []);
    let expired = [open, granted].map(|approval| Approval { state: ApprovalState::Expired, ..approval });
    assert_eq!(store.expire_approvals(at(60)).await.unwrap(), expired);
    assert_eq!(store.expire_approvals(at(60)).await.unwrap(), []);
    assert_eq!(store.approval("T-3").await.unwrap(), Some(late));
}

async fn stops_are_pulled_and_lifted(store: Store) {
    assert_eq!(store.stops().await.unwrap(), []);
    let scopes = [
        StopScope::All,
        StopScope::Workflow("support".into()),
        StopScope::Tool("crm.*".into()),
        StopScope::Principal("key:bot".into()),
    ];
    let stop = |(n, scope): (usize, &StopScope)| Stop {
        scope: scope.clone(),
        reason: "incident 12".into(),
        by: "bo".into(),
        at: at(n as i64),
    };
    let stops: Vec<_> = scopes.iter().enumerate().map(stop).collect();
    for stop in &stops {
        store.set_stop(stop).await.unwrap();
    }
    assert_eq!(store.stops().await.unwrap(), stops);
    let again = Stop { reason: "incident 13".into(), ..stops[0].clone() };
    store.set_stop(&again).await.unwrap();
    assert_eq!(store.stops().await.unwrap()[0], again);
    assert!(!store.lift_stop(&StopScope::Workflow("sales".into())).await.unwrap());
    for scope in &scopes {
        assert!(store.lift_stop(scope).await.unwrap());
        assert!(!store.lift_stop(scope).await.unwrap());
    }
    assert_eq!(store.stops().await.unwrap(), []);
}

fn session(id: &str, seen: i64) -> SessionRow {
    SessionRow {
        key: format!("key:ada|bo|support|{id}"),
        id: id.into(),
        workflow: "support".into(),
        principal: "key:ada".into(),
        requester: "bo".into(),
        began_at: Some(at(1)),
        seen_at: at(seen),
        life: Trajectory::default(),
        texts: vec![1, 2, 3],
        adds: false,
        release: Some(Digest::of(id.as_bytes())),
        flags: Some(["new-refunds".to_owned()].into()),
    }
}

async fn sessions_are_remembered_as_they_are(store: Store) {
    store.remember_sessions(vec![session("s-1", 5), session("s-2", 6)]).await.unwrap();
    let mut later = SessionRow { texts: vec![4], began_at: None, flags: None, ..session("s-1", 9) };
    later.life.label.integrity = Integrity::Trusted;
    store.remember_sessions(vec![later.clone()]).await.unwrap();
    assert_eq!(store.latest_sessions(at(0), 9).await.unwrap(), [session("s-2", 6), later.clone()]);
    assert_eq!(store.latest_sessions(at(0), 1).await.unwrap(), std::slice::from_ref(&later));
    assert_eq!(store.latest_sessions(at(7), 9).await.unwrap(), std::slice::from_ref(&later));
    let more = |texts: &[u8], seen| SessionRow {
        texts: texts.to_vec(),
        adds: true,
        seen_at: at(seen),
        ..later.clone()
    };
    store.remember_sessions(vec![more(&[5, 6], 10), more(&[], 11)]).await.unwrap();
    store.remember_sessions(vec![more(&[7], 12)]).await.unwrap();
    let all = SessionRow { texts: vec![4, 5, 6, 7], seen_at: at(12), ..later.clone() };
    assert_eq!(store.latest_sessions(at(7), 9).await.unwrap(), [all]);
    store.remember_sessions(vec![session("s-1", 13)]).await.unwrap();
    assert_eq!(store.latest_sessions(at(7), 9).await.unwrap(), [session("s-1", 13)]);
    assert_eq!(store.forget(&Whose::Session("s-1".into())).await.unwrap(), 1);
    store.remember_sessions(vec![more(&[8], 14)]).await.unwrap();
    let left = SessionRow { texts: vec![8], seen_at: at(14), ..later };
    assert_eq!(store.latest_sessions(at(7), 9).await.unwrap(), [left], "what was forgotten stays so");
}

fn result(content: &[u8], integrity: Integrity, second: i64) -> ResultRow {
    ResultRow {
        address: Digest::of(content),
        label: Label::of(integrity),
        tool: "mail.read".into(),
        session: "s-1".into(),
        principal: "key:ada".into(),
        requester: "bo".into(),
        call: Some(Digest::of(b"call")),
        forms: vec![Digest::of(b"json"), Digest::of(b"spaced")],
        folded: 77,
        prints: vec![9, 8, 7],
        at: at(second),
    }
}

async fn results_are_remembered_and_trust_never_rises(store: Store) {
    let low = result(b"one", Integrity::Untrusted, 1);
    let high = result(b"one", Integrity::Trusted, 2);
    let two = ResultRow { call: None, forms: Vec::new(), ..result(b"two", Integrity::User, 1) };
    store.remember_results(vec![low.clone(), two.clone()]).await.unwrap();
    store.remember_results(vec![high]).await.unwrap();
    let elsewhere = ResultRow { tool: "crm.get".into(), ..result(b"one", Integrity::Trusted, 3) };
    let others = ResultRow { requester: "eve".into(), ..result(b"one", Integrity::Trusted, 4) };
    store.remember_results(vec![elsewhere.clone(), others.clone()]).await.unwrap();
    let low = ResultRow { at: at(2), ..low };
    assert_eq!(store.latest_results(at(0), 9, 1_000).await.unwrap(), [two, low, elsewhere, others]);
}

async fn results_are_listed_within_a_bound(store: Store) {
    let rows: Vec<ResultRow> = (0..9_u8).map(|n| result(&[n], Integrity::User, i64::from(n))).collect();
    store.remember_results(rows.clone()).await.unwrap();
    assert_eq!(store.latest_results(at(4), 99, 1_000).await.unwrap(), rows[4..]);
    assert_eq!(store.latest_results(at(0), 2, 1_000).await.unwrap(), rows[7..]);
    assert_eq!(store.latest_results(at(0), 99, 7).await.unwrap(), rows[6..], "what comes over is the last");
}

async fn the_memory_knows_its_edge(store: Store) {
    let edge = |known_to, boot: &str| Edge { known_to, boot: boot.into() };
    assert_eq!(store.edge().await.unwrap(), Edge::default());
    store.move_edge(edge(7, "one")).await.unwrap();
    store.move_edge(edge(3, "two")).await.unwrap();
    assert_eq!(store.edge().await.unwrap(), edge(3, "two"));
    let lapse = |requester: &str, second| Lapse {
        requester: requester.into(),
        workflow: "support".into(),
        at: at(second),
    };
    store.note_lapses(vec![lapse("bo", 5), lapse("", 5)]).await.unwrap();
    store.note_lapses(vec![lapse("bo", 9)]).await.unwrap();
    assert_eq!(store.lapses().await.unwrap(), [lapse("", 5), lapse("bo", 9)]);
}

async fn somebody_is_forgotten(store: Store) {
    let others = ResultRow {
        session: "s-2".into(),
        principal: "key:eve".into(),
        requester: "eve".into(),
        ..result(b"one", Integrity::User, 1)
    };
    let agents =
        ResultRow { session: "s-3".into(), requester: "eve".into(), ..result(b"one", Integrity::User, 2) };
    let rows = vec![result(b"one", Integrity::User, 0), others.clone(), agents.clone()];
    store.remember_results(rows).await.unwrap();
    let theirs = SessionRow {
        key: "e".into(),
        principal: "key:eve".into(),
        requester: "eve".into(),
        ..session("s-2", 3)
    };
    store.remember_sessions(vec![session("s-1", 2), theirs]).await.unwrap();
    let (key, known) = proposal("s-1", 1);
    store.remember_proposals(vec![(Arc::new(key.clone()), Arc::new(known))]).await.unwrap();
    assert_eq!(store.forget(&Whose::Session("s-1".into())).await.unwrap(), 3);
    assert_eq!(store.proposal(&key, at(0)).await.unwrap(), None);
    assert_eq!(store.latest_results(at(0), 9, 99).await.unwrap(), [others, agents]);
    assert_eq!(store.forget(&Whose::Person("eve".into())).await.unwrap(), 3);
    assert_eq!(store.latest_results(at(0), 9, 99).await.unwrap(), []);
    assert_eq!(store.latest_sessions(at(0), 9).await.unwrap(), []);
    assert_eq!(store.forget(&Whose::Person("nobody".into())).await.unwrap(), 0);
}

pub(crate) fn proposal(session: &str, second: i64) -> (ProposalKey, Proposal) {
    let key = ProposalKey {
        principal: "key:bot".into(),
        workflow: "support".into(),
        tool: ToolName::new("payments", "send"),
        arguments: Digest::of(b"{}"),
    };
    let proposal = Proposal {
        session: session.into(),
        act: ActId(Default::default()),
        flow: plimsoll_core::Flow::default(),
        trajectory: Trajectory::default(),
        release: Some(Digest::of(b"release")),
        at: at(second),
    };
    (key, proposal)
}

async fn proposals_are_remembered(store: Store) {
    let (key, first) = proposal("s-1", 1);
    assert_eq!(store.proposal(&key, at(0)).await.unwrap(), None);
    store.remember_proposals(vec![(Arc::new(key.clone()), Arc::new(first.clone()))]).await.unwrap();
    assert_eq!(store.proposal(&key, at(1)).await.unwrap(), Some(first));
    assert_eq!(store.proposal(&key, at(2)).await.unwrap(), None, "too old");
    let second = proposal("s-2", 3).1;
    store.remember_proposals(vec![(Arc::new(key.clone()), Arc::new(second.clone()))]).await.unwrap();
    assert_eq!(store.proposal(&key, at(2)).await.unwrap(), Some(second.clone()));
    let other = ProposalKey { arguments: Digest::of(b"{\"to\":1}"), ..key.clone() };
    assert_eq!(store.proposal(&other, at(0)).await.unwrap(), None);
    let third = proposal("s-3", 4).1;
    store.remember_proposals(vec![(Arc::new(other.clone()), Arc::new(third.clone()))]).await.unwrap();
    let (second, third) = ((key, second), (other, third));
    let both = [second, third];
    assert_eq!(store.proposals(at(0), 9).await.unwrap(), both);
    assert_eq!(store.proposals(at(0), 1).await.unwrap(), both[1..], "the newest");
    assert_eq!(store.proposals(at(4), 9).await.unwrap(), both[1..]);
}

async fn budgets_are_taken_atomically(store: Store) {
    let day = at(0);
    let callers: Vec<_> = (0..60)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move { store.take("refunds", day, 7, 100).await.unwrap() })
        })
        .collect();
    let mut taken = 0;
    for caller in callers {
        taken += i64::from(caller.await.unwrap());
    }
    assert_eq!(taken, 14);
    assert_eq!(store.taken("refunds", day).await.unwrap(), 98);
    assert!(store.take("refunds", day, 2, 100).await.unwrap(), "the limit itself is within it");
    assert!(!store.take("refunds", day, 1, 100).await.unwrap());
    assert!(store.take("refunds", at(86_400), 1, 100).await.unwrap(), "a new day");
    assert!(!store.take("refunds", day, i64::MAX, i64::MAX).await.unwrap(), "no overflow");
    assert!(!store.take("new", day, 101, 100).await.unwrap());
    store.give_back("refunds", day, 50).await.unwrap();
    assert_eq!(store.taken("refunds", day).await.unwrap(), 50);
    store.give_back("refunds", day, 500).await.unwrap();
    assert_eq!(store.taken("refunds", day).await.unwrap(), 0);
    assert!(matches!(store.take("refunds", day, -1, 100).await, Err(StoreError::Misuse(_))));
    assert!(matches!(store.give_back("refunds", day, -1).await, Err(StoreError::Misuse(_))));
}

async fn old_things_are_forgotten(store: Store) {
    for second in [1, 10] {
        let content = format!("content {second}");
        store.remember_results(vec![result(content.as_bytes(), Integrity::User, second)]).await.unwrap();
        store.take("refunds", at(second), 1, 10).await.unwrap();
        store.remember_sessions(vec![session(&format!("s-{second}"), second)]).await.unwrap();
        let lapse = Lapse { requester: second.to_string(), workflow: "support".into(), at: at(second) };
        store.note_lapses(vec![lapse]).await.unwrap();
    }
    let (key, old) = proposal("s-1", 1);
    store.remember_proposals(vec![(Arc::new(key.clone()), Arc::new(old.clone()))]).await.unwrap();
    store.open_approval(&approval("T-1", b"act"), 9).await.unwrap();

    assert_eq!(store.prune(at(10)).await.unwrap(), 5);
    assert_eq!(store.prune(at(10)).await.unwrap(), 0);
    assert_eq!(store.proposal(&key, at(0)).await.unwrap(), None);
    assert_eq!(store.taken("refunds", at(10)).await.unwrap(), 1);
    assert_eq!(store.latest_sessions(at(0), 9).await.unwrap(), [session("s-10", 10)]);
    assert_eq!(store.lapses().await.unwrap().len(), 1);
    let big = usize::try_from(PRINT_BYTES_MAX).unwrap() / 2;
    let rows =
        [11, 12].map(|n| ResultRow { prints: vec![0; big], ..result(&[n], Integrity::User, i64::from(n)) });
    store.remember_results(rows.to_vec()).await.unwrap();
    assert_eq!(store.prune(at(10)).await.unwrap(), 1, "the oldest makes room");
    assert!(store.approval("T-1").await.unwrap().is_some(), "the docket is never pruned");
}

async fn the_database_answers(store: Store) {
    store.check().await.unwrap();
}
