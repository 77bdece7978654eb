//! What only a file can do: outlive its process, serve two, be broken or somebody else's.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use plimsoll_core::{Digest, Stop, StopScope};
use tempfile::TempDir;

use crate::conformance::{at, entry, granted, key, proposal};
use crate::{Edge, QUEUE_MAX, Sqlite, Store, StoreError};

async fn open(dir: &Path) -> Result<Store, StoreError> {
    Store::open(&dir.join("plimsoll.db")).await
}

fn raw(dir: &TempDir) -> rusqlite::Connection {
    rusqlite::Connection::open(dir.path().join("plimsoll.db")).unwrap()
}

#[tokio::test]
async fn everything_is_there_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await.unwrap();
    let granted = granted(&store, "T-1", b"act").await;
    assert!(store.consume_approval("T-1", &granted.act_digest, at(3)).await.unwrap());
    store.add_key(&key(1)).await.unwrap();
    store.take("refunds", at(0), 60, 100).await.unwrap();
    store.project(vec![entry(0, "intent")]).await.unwrap();
    drop(store);
    let store = open(dir.path()).await.unwrap();
    assert!(!store.consume_approval("T-1", &granted.act_digest, at(3)).await.unwrap());
    assert_eq!(store.find_key(&[1; 32]).await.unwrap(), Some(key(1)));
    assert!(!store.take("refunds", at(0), 60, 100).await.unwrap());
    assert_eq!(store.projected().await.unwrap(), 1);
}

/// The command line works on the same file as the gateway.
#[tokio::test]
async fn two_processes_spend_one_approval_once() {
    let dir = tempfile::tempdir().unwrap();
    let (one, two) = (open(dir.path()).await.unwrap(), open(dir.path()).await.unwrap());
    let granted = granted(&one, "T-1", b"act").await;
    let (first, second) = tokio::join!(
        one.consume_approval("T-1", &granted.act_digest, at(3)),
        two.consume_approval("T-1", &granted.act_digest, at(3)),
    );
    assert!(first.unwrap() ^ second.unwrap());
    two.set_stop(&Stop { scope: StopScope::All, reason: "r".into(), by: "bo".into(), at: at(0) })
        .await
        .unwrap();
    assert_eq!(one.stops().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_newer_or_foreign_database_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()).await.unwrap());
    raw(&dir).pragma_update(None, "user_version", 99).unwrap();
    let error = open(dir.path()).await.unwrap_err();
    assert!(matches!(error, StoreError::NewerSchema { found: 99, known: 9, .. }), "{error}");

    let dir = tempfile::tempdir().unwrap();
    raw(&dir).execute_batch("CREATE TABLE recipes (name TEXT)").unwrap();
    assert!(matches!(open(dir.path()).await, Err(StoreError::Foreign { .. })));
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("plimsoll.db"), "this is a letter to my aunt".repeat(99)).unwrap();
    assert!(matches!(open(dir.path()).await, Err(StoreError::Damaged(_))));
}

/// Whatever is broken, the answer is an error, never "not found".
#[tokio::test]
async fn a_broken_database_is_never_read_as_not_found() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await.unwrap();
    granted(&store, "T-1", b"act").await;
    let sql = raw(&dir);
    sql.execute_batch(
        "DROP TRIGGER approval_is_bound; UPDATE approval SET page = 'not json';
         DROP TABLE api_key; DROP TABLE stop; DROP TABLE result; DROP TABLE proposal; DROP TABLE session_text; DROP TABLE session; DROP TABLE lapse;
         DROP TABLE entry; DROP TABLE counter; DELETE FROM projection; DELETE FROM pulse; DELETE FROM memory;",
    )
    .unwrap();
    let digest = Digest::of(b"act");
    assert!(matches!(store.approval("T-1").await, Err(StoreError::Damaged(_))));
    assert!(matches!(store.approval_for("ada", &digest).await, Err(StoreError::Damaged(_))));
    assert!(store.find_key(&[1; 32]).await.is_err());
    assert!(store.find_admin_key(&[1; 32]).await.is_err());
    assert!(store.stops().await.is_err());
    assert!(store.latest_results(at(0), 1, 1).await.is_err());
    assert!(store.edge().await.is_err());
    assert!(store.move_edge(Edge::default()).await.is_err());
    assert!(store.lapses().await.is_err());
    assert!(store.proposal(&proposal("s", 1).0, at(0)).await.is_err());
    assert!(store.latest_sessions(at(0), 1).await.is_err());
    assert!(store.entry(0).await.is_err());
    assert!(store.find_ids("a").await.is_err());
    assert!(store.in_doubt(at(0), 1).await.is_err());
    assert!(store.taken("k", at(0)).await.is_err());
    assert!(store.take("k", at(0), 1, 1).await.is_err());
    assert!(store.projected().await.is_err());
    assert!(store.check().await.is_err());
}

/// A health check that changes nothing would not touch the disk.
#[tokio::test]
async fn a_check_really_writes() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await.unwrap();
    let written = || std::fs::metadata(dir.path().join("plimsoll.db-wal")).unwrap().len();
    store.check().await.unwrap();
    let before = written();
    store.check().await.unwrap();
    assert!(written() > before);
}

#[cfg(unix)]
#[tokio::test]
async fn the_file_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await.unwrap();
    store.check().await.unwrap();
    for file in std::fs::read_dir(dir.path()).unwrap() {
        let mode = file.unwrap().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0);
    }
}

/// The queue is bounded; what does not fit is refused at once, and what was accepted is done.
#[tokio::test]
async fn a_full_queue_is_busy() {
    let store = Arc::new(Sqlite::in_memory().unwrap());
    let store = Store { backend: store };
    let day = at(0);
    let waiting: Vec<_> = (0..QUEUE_MAX * 8).map(|_| store.take("k", day, 1, i64::MAX)).collect();
    let mut done = 0;
    let mut kinds = BTreeSet::new();
    for answer in waiting {
        match answer.await {
            Ok(true) => done += 1,
            Err(StoreError::Busy) => drop(kinds.insert("busy")),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(store.taken("k", day).await.unwrap(), done);
    assert!(kinds.contains("busy"));
}
