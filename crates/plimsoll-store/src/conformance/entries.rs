//! The projection of the ledger: what is added, what is found again, what stays in doubt.

use super::at;
use crate::{ENTRIES_MAX, EntryFilter, EntryRow, IdMatch, SessionSummary, Store, StoreError};

pub(crate) fn entry(seq: u64, kind: &str) -> EntryRow {
    EntryRow {
        seq,
        id: format!("entry-{seq:03}"),
        at: at(seq as i64),
        kind: kind.into(),
        session: format!("s-{}", seq / 4),
        workflow: "support".into(),
        principal: "key:bot".into(),
        act: format!("act-{:02}", seq / 2),
        request: format!("req-{seq}"),
        body: format!("{{\"n\":{seq}}}"),
        ..EntryRow::default()
    }
}

pub(super) async fn entries_are_projected_without_gaps(store: Store) {
    assert_eq!(store.projected().await.unwrap(), 0);
    store.project((0..5).map(|n| entry(n, "intent")).collect()).await.unwrap();
    store.project((3..8).map(|n| entry(n, "intent")).collect()).await.unwrap();
    assert_eq!(store.projected().await.unwrap(), 8);
    let gap = store.project(vec![entry(8, "intent"), entry(10, "intent")]).await;
    assert!(matches!(gap, Err(StoreError::Gap { expected: 9, found: 10 })));
    assert_eq!(store.projected().await.unwrap(), 8, "a refused batch leaves no trace");
    assert_eq!(store.entry(8).await.unwrap(), None);
    assert_eq!(store.entry(7).await.unwrap(), Some(entry(7, "intent")));
    let many = (0..=ENTRIES_MAX as u64).map(|n| entry(n, "intent")).collect();
    assert!(matches!(store.project(many).await, Err(StoreError::Misuse(_))));

    store.clear_entries().await.unwrap();
    assert_eq!(store.projected().await.unwrap(), 0);
    store.project(vec![entry(0, "intent")]).await.unwrap();
    assert_eq!(store.latest_entries(&EntryFilter::default(), 9).await.unwrap(), [entry(0, "intent")]);
}

pub(super) async fn entries_are_found_by_what_people_know(store: Store) {
    store.project((0..12).map(|n| entry(n, "intent")).collect()).await.unwrap();
    let seqs = |found: Vec<EntryRow>| found.iter().map(|entry| entry.seq).collect::<Vec<_>>();
    assert_eq!(seqs(store.entries_of_session("s-1", 9).await.unwrap()), [4, 5, 6, 7]);
    assert_eq!(seqs(store.entries_of_session("s-1", 2).await.unwrap()), [4, 5]);
    assert_eq!(seqs(store.entries_of_act("act-05").await.unwrap()), [10, 11]);
    let part = async |from, newest_first| {
        let part = crate::SessionPart { from, newest_first, limit: 2 };
        seqs(store.session_part("s-1", part).await.unwrap())
    };
    assert_eq!((part(None, false).await, part(Some(6), false).await), (vec![4, 5], vec![6, 7]));
    assert_eq!((part(None, true).await, part(Some(5), true).await), (vec![7, 6], vec![5, 4]));
    assert_eq!(store.session_left("s-1", 5, false).await.unwrap(), 2);
    assert_eq!(store.session_left("s-1", 5, true).await.unwrap(), 1);
    assert_eq!(store.session_left("", 0, false).await.unwrap(), 0);
    assert_eq!(seqs(store.entries_of_request("req-11").await.unwrap()), [11]);
    assert!(store.entries_of_act("").await.unwrap().is_empty());
    assert!(store.entries_of_ticket("").await.unwrap().is_empty());
    let asked = |seq, ticket: &str| EntryRow { ticket: ticket.into(), ..entry(seq, "approval") };
    store.project(vec![asked(12, "T-1"), asked(13, "T-2"), asked(14, "T-1")]).await.unwrap();
    assert_eq!(store.entries_of_ticket("T-1").await.unwrap(), [asked(12, "T-1"), asked(14, "T-1")]);
    store.clear_entries().await.unwrap();
    store.project((0..12).map(|n| entry(n, "intent")).collect()).await.unwrap();

    let is = |what: &str, id: &str| IdMatch { what: what.into(), id: id.into() };
    let found = store.find_ids("act-05").await.unwrap();
    assert_eq!(found, [is("act", "act-05")]);
    let found = store.find_ids("req-1").await.unwrap();
    assert_eq!(found, [is("request", "req-1"), is("request", "req-10"), is("request", "req-11")]);
    assert_eq!(store.find_ids("s-2").await.unwrap(), [is("session", "s-2")]);
    assert_eq!(store.find_ids("entry-00").await.unwrap().len(), 10);
    assert_eq!(store.find_ids("%").await.unwrap(), []);
    assert_eq!(store.entry_of_id("entry-007").await.unwrap(), Some(entry(7, "intent")));
    assert_eq!(store.entry_of_id("entry-00").await.unwrap(), None);
}

/// Among many others, and far from one another.
pub(super) async fn entries_are_found_among_many(store: Store) {
    let row = |seq: u64| EntryRow {
        // Ids that are not in the order of the entries, as when a clock is put back.
        id: format!("entry-{:04}", (seq + 700) % 1_000),
        session: format!("s-{:02}", seq % 31),
        act: format!("act-{:03}", seq % 500),
        principal: if seq % 170 == 3 { "key:rare" } else { "key:bot" }.into(),
        tool: if seq % 90 == 5 { "crm.get" } else { "" }.into(),
        behalf: if seq.is_multiple_of(333) { "key:rare" } else { "" }.into(),
        keys: [seq + 1, 0, 0],
        ..entry(seq, "decision")
    };
    for batch in (0..1_000).collect::<Vec<u64>>().chunks(190) {
        store.project(batch.iter().copied().map(row).collect()).await.unwrap();
    }
    let seqs = |found: Vec<EntryRow>| found.iter().map(|entry| entry.seq).collect::<Vec<_>>();
    let those = |wanted: &dyn Fn(u64) -> bool| (0..1_000).filter(|seq| wanted(*seq)).collect::<Vec<_>>();
    let mine = those(&|seq| seq % 31 == 30);
    assert_eq!(seqs(store.entries_of_session("s-30", 99).await.unwrap()), mine);
    assert_eq!(seqs(store.entries_of_act("act-333").await.unwrap()), [333, 833]);
    assert_eq!(seqs(store.entries_of_request("req-640").await.unwrap()), [640]);
    for from in [0, 30, 31, 63, 64, 511, 512, 999, 5_000] {
        let part = async |newest_first| {
            let part = crate::SessionPart { from: Some(from), newest_first, limit: 3 };
            seqs(store.session_part("s-30", part).await.unwrap())
        };
        let after: Vec<u64> = mine.iter().copied().filter(|seq| *seq >= from).collect();
        let before: Vec<u64> = mine.iter().copied().rev().filter(|seq| *seq <= from).collect();
        assert_eq!(part(false).await, after[..3.min(after.len())]);
        assert_eq!(part(true).await, before[..3.min(before.len())]);
        let left = |wanted: &dyn Fn(u64) -> bool| mine.iter().filter(|seq| wanted(**seq)).count() as u64;
        assert_eq!(store.session_left("s-30", from, false).await.unwrap(), left(&|seq| seq > from));
        assert_eq!(store.session_left("s-30", from, true).await.unwrap(), left(&|seq| seq < from));
        let rare = EntryFilter {
            principal: Some("key:rare".into()),
            before: Some(from),
            after: Some(173),
            ..EntryFilter::default()
        };
        let mut found = those(&|seq| seq % 170 == 3 && seq < from && seq > 173);
        found.reverse();
        assert_eq!(seqs(store.latest_entries(&rare, 99).await.unwrap()), found);
    }
    let tool = EntryFilter { tool: Some("crm.get".into()), since: Some(at(95)), ..EntryFilter::default() };
    assert_eq!(seqs(store.latest_entries(&tool, 3).await.unwrap()), [995, 905, 815]);
    assert_eq!(store.session_summaries(2).await.unwrap()[0].session, format!("s-{:02}", 999 % 31));
    let sealed = store.sealed_by(&crate::SealedOf::Principals(vec!["key:rare".into()])).await.unwrap();
    let keys = those(&|seq| seq % 170 == 3 || seq.is_multiple_of(333));
    assert_eq!(sealed.entries, keys.len() as u64);
    assert_eq!(sealed.keys[0], keys.into_iter().map(|seq| seq + 1).collect::<Vec<_>>());
    assert_eq!(store.entry_of_id("entry-0700").await.unwrap(), Some(row(0)));
    let ids = store.find_ids("entry-0").await.unwrap();
    let first: Vec<String> = (0..ids.len()).map(|n| format!("entry-{n:04}")).collect();
    assert_eq!(ids.into_iter().map(|found| found.id).collect::<Vec<_>>(), first);
    assert_eq!(first.len(), crate::MATCHES_MAX);
}

pub(super) async fn entries_are_filtered(store: Store) {
    let mut entries: Vec<_> = (0..6).map(|n| entry(n, "decision")).collect();
    for (n, entry) in entries.iter_mut().enumerate() {
        entry.decision = ["allow", "hold", "refuse"][n % 3].into();
        entry.tool = ["crm.get", "mail.send"][n % 2].into();
    }
    entries[5].workflow = "sales".into();
    entries[5].principal = "key:eve".into();
    entries[4].kind = "stop".into();
    store.project(entries).await.unwrap();
    let some = |text: &str| Some(text.to_owned());
    let all = EntryFilter::default;
    let check = async |filter: EntryFilter, seqs: &[u64]| {
        let found = store.latest_entries(&filter, 9).await.unwrap();
        assert_eq!(found.iter().map(|entry| entry.seq).collect::<Vec<_>>(), seqs, "{filter:?}");
    };
    check(all(), &[5, 4, 3, 2, 1, 0]).await;
    check(EntryFilter { workflow: some("sales"), ..all() }, &[5]).await;
    check(EntryFilter { principal: some("key:bot"), ..all() }, &[4, 3, 2, 1, 0]).await;
    check(EntryFilter { tool: some("mail.send"), ..all() }, &[5, 3, 1]).await;
    check(EntryFilter { decision: some("hold"), ..all() }, &[4, 1]).await;
    check(EntryFilter { kind: some("stop"), ..all() }, &[4]).await;
    check(EntryFilter { since: Some(at(4)), ..all() }, &[5, 4]).await;
    check(EntryFilter { before: Some(2), ..all() }, &[1, 0]).await;
    check(EntryFilter { after: Some(3), ..all() }, &[5, 4]).await;
    check(EntryFilter { after: Some(5), ..all() }, &[]).await;
    check(EntryFilter { tool: some("mail.send"), decision: some("hold"), before: Some(5), ..all() }, &[1])
        .await;
    assert_eq!(store.latest_entries(&all(), 2).await.unwrap().len(), 2);
}

pub(super) async fn intents_without_outcome_are_in_doubt(store: Store) {
    let outcome = |seq: u64, act: u64, status: &str| EntryRow {
        act: format!("act-{act:02}"),
        status: status.into(),
        ..entry(seq, "outcome")
    };
    let intent = |seq: u64| EntryRow { act: format!("act-{seq:02}"), ..entry(seq, "intent") };
    store.project((0..5).map(intent).collect()).await.unwrap();
    let ends = vec![outcome(5, 0, "done"), outcome(6, 1, "failed"), outcome(7, 2, "ambiguous")];
    store.project(ends).await.unwrap();
    let doubts = async |before| {
        let found = store.in_doubt(before, 9).await.unwrap();
        found.iter().map(|entry| entry.seq).collect::<Vec<_>>()
    };
    assert_eq!(doubts(at(99)).await, [2, 3, 4]);
    assert_eq!(doubts(at(4)).await, [2, 3], "what began just now may still be running");
    store.project(vec![outcome(8, 2, "done")]).await.unwrap();
    assert_eq!(doubts(at(99)).await, [3, 4], "somebody found out");
}

/// Rows may be added many at a time, and acts end within their batch or in a later one.
pub(super) async fn long_batches_say_the_same(store: Store) {
    let row = |seq: u64| match seq % 3 {
        // The act that began two rows before, but of each fourth nobody knows.
        2 => EntryRow {
            act: format!("act-{:03}", seq - 2),
            status: if seq.is_multiple_of(4) { "ambiguous" } else { "done" }.into(),
            ticket: format!("T-{seq}"),
            keys: [seq, 0, seq + 1],
            place: seq * 7,
            ..entry(seq, "outcome")
        },
        _ => EntryRow { act: format!("act-{seq:03}"), ..entry(seq, "intent") },
    };
    let mut next = 0;
    for length in [1, 15, 16, 17, 47, 64, 96] {
        store.project((next..next + length).map(row).collect()).await.unwrap();
        next += length;
    }
    assert_eq!(store.projected().await.unwrap(), next);
    let mut all = store.latest_entries(&EntryFilter::default(), 1_000).await.unwrap();
    all.reverse();
    assert_eq!(all, (0..next).map(row).collect::<Vec<_>>());
    let ended = |seq: u64| seq.is_multiple_of(3) && seq + 2 < next && !(seq + 2).is_multiple_of(4);
    let open = (0..next).filter(|seq| seq % 3 != 2 && !ended(*seq));
    let found = store.in_doubt(at(9_999), 1_000).await.unwrap();
    assert_eq!(found.iter().map(|entry| entry.seq).collect::<Vec<_>>(), open.collect::<Vec<_>>());
}

pub(super) async fn sessions_are_summarised(store: Store) {
    let decision =
        |seq: u64, decision: &str| EntryRow { decision: decision.into(), ..entry(seq, "decision") };
    let mut entries =
        vec![entry(0, "intent"), decision(1, "hold"), decision(2, "refuse"), entry(3, "gateway")];
    entries[3].workflow = String::new();
    entries.push(EntryRow { session: String::new(), ..entry(4, "gateway") });
    entries.push(entry(5, "intent"));
    store.project(entries).await.unwrap();
    let line = |session: &str, first, last, entries| SessionSummary {
        session: session.into(),
        workflow: "support".into(),
        principal: "key:bot".into(),
        first_at: at(first),
        last_at: at(last),
        entries,
        intents: 1,
        holds: 0,
        refusals: 0,
        in_doubt: 1,
    };
    let older = SessionSummary { holds: 1, refusals: 1, ..line("s-0", 0, 3, 4) };
    assert_eq!(store.session_summaries(9).await.unwrap(), [line("s-1", 5, 5, 1), older]);
    assert_eq!(store.session_summaries(1).await.unwrap(), [line("s-1", 5, 5, 1)]);
}
