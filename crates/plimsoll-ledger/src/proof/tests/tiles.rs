//! Tiles follow the segments, through crashes and damage.

use super::*;
use crate::merkle::leaf;
use crate::tests::{head_of, read_all};

fn all(dir: &TempDir) -> Memory {
    let files = Dir(dir.path().to_owned());
    let names = files.list().unwrap().unwrap().into_iter().filter(|name| name.starts_with("tile/"));
    Memory(names.map(|name| (name.clone(), files.read(&name, 1 << 30).unwrap().unwrap())).collect())
}

#[test]
fn tiles_hold_what_the_specification_says() {
    let (dir, checkpoint) = tiled(600);
    assert_eq!(checkpoint.head(), head_of((0..600).map(entry)));
    let files = all(&dir).0;
    let names: Vec<&str> = files.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "tile/0/000",
            "tile/0/001",
            "tile/0/002.p/88",
            "tile/1/000.p/2",
            "tile/entries/000",
            "tile/entries/001",
            "tile/entries/002.p/88",
        ]
    );
    let entries = bundle_entries(&files["tile/entries/001"]).unwrap();
    assert_eq!(entries.len(), 256);
    assert_eq!(entries[3], entry(259));
    assert_eq!(files["tile/0/001"][96..128], leaf(&entry(259)));
    assert_eq!(files["tile/1/000.p/2"][..32], *head_of((0..256).map(entry)).root.as_bytes());
    assert_eq!(problems(&packed(&dir, &checkpoint), &[]), [""; 0]);
}

/// Each growth leaves the tiles that one growth would have made, and no partial tile of a tile that is full.
#[test]
fn growing_in_steps_makes_the_same_tiles() {
    let (dir, _) = tiled(3);
    for (from, to) in [(3, 100), (100, 256), (256, 257), (257, 600)] {
        let checkpoint = grow(&dir, from, to);
        assert_eq!(checkpoint.head(), head_of((0..to).map(entry)));
        assert_eq!(problems(&packed(&dir, &checkpoint), &[]), [""; 0]);
    }
    let stepped = all(&dir).0;
    for (name, bytes) in all(&tiled(600).0).0 {
        assert_eq!(stepped[&name], bytes, "{name}");
    }
    assert!(!stepped.keys().any(|name| name.starts_with("tile/0/000.p") || name.starts_with("tile/0/001.p")));
}

#[test]
fn missing_and_damaged_tiles_are_made_again() {
    let (dir, checkpoint) = tiled(600);
    let whole = all(&dir);
    for name in whole.0.keys() {
        let path = dir.path().join(name);
        std::fs::remove_file(&path).unwrap();
        let again = grow(&dir, 600, 600);
        assert_eq!(again.head(), checkpoint.head());
        assert_eq!(std::fs::read(&path).unwrap(), whole.0[name], "{name}");
        // What opening looks at is the right edge; the rest is for `verify`.
        if name.contains(".p/") {
            std::fs::write(&path, vec![0; whole.0[name].len()]).unwrap();
            grow(&dir, 600, 600);
            assert_eq!(std::fs::read(&path).unwrap(), whole.0[name], "{name}");
        }
    }
    std::fs::remove_dir_all(dir.path().join("tile")).unwrap();
    grow(&dir, 600, 700);
    assert_eq!(all(&dir).0["tile/0/001"], whole.0["tile/0/001"]);
}

/// Power fails between the tiles and the checkpoint: the old checkpoint still stands on its tiles.
#[test]
fn a_crash_before_the_checkpoint_leaves_the_old_one_whole() {
    let (dir, old) = tiled(200);
    {
        let (ledger, _) = Ledger::open(options(dir.path())).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        for n in 200..300 {
            ledger.note(entry(n)).unwrap();
        }
        runtime.block_on(ledger.flush()).unwrap();
        let mut tiler = Tiler::open(dir.path(), Some(&old));
        tiler.advance(&ledger.reader(), ledger.head(), Some(&old)).unwrap();
    }
    std::fs::write(dir.path().join("tile/0/001.p/90.part"), b"half").unwrap();
    assert_eq!(stored(dir.path()).unwrap(), Some(old.clone()));
    assert_eq!(problems(&packed(&dir, &old), &[]), [""; 0]);
    let policy = policy();
    let files = Dir(dir.path().to_owned());
    let what =
        Verification { files: &files, policy: &policy, earlier: &[], segments: Some(dir.path().to_owned()) };
    let verified = verify(&what, &mut |_, _| {}).unwrap();
    assert_eq!((verified.checked.entries, verified.checked.in_segments), (200, Some(300)));
    assert_eq!(grow(&dir, 300, 300).head(), head_of((0..300).map(entry)));
    assert_eq!(read_all(dir.path()).unwrap().len(), 300);
}

/// Nothing is signed over segments that no longer make what was signed before.
#[test]
fn changed_segments_are_not_signed_over() {
    let (dir, checkpoint) = tiled(300);
    let other = tempfile::tempdir().unwrap();
    {
        let (ledger, _) = Ledger::open(options(other.path())).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        for n in 0..400 {
            ledger.note(entry(n + 1)).unwrap();
        }
        runtime.block_on(ledger.flush()).unwrap();
        let mut tiler = Tiler::open(other.path(), Some(&checkpoint));
        let error = tiler.advance(&ledger.reader(), ledger.head(), Some(&checkpoint)).unwrap_err();
        assert!(matches!(error, TilerError::Changed { size: 300, who: "signed", .. }), "{error}");
    }
    drop(dir);
}

#[test]
fn an_archive_is_a_pack_too() {
    let (dir, checkpoint) = tiled(300);
    let to = tempfile::tempdir().unwrap();
    let file = to.path().join("pack.tar");
    let files = Dir(dir.path().to_owned());
    let count = pack(&files, &checkpoint, &policy().encode(), &Pack::Tar(&file)).unwrap();
    let read = Memory::from_tar(&file).unwrap();
    assert_eq!(read.0.len() as u64, count);
    assert_eq!(problems(&read, &[]), [""; 0]);
    assert_eq!(read.0, packed(&dir, &checkpoint).0);
}
