//! Attacks on other implementations that ours must not fall for.

use super::*;
use crate::proof::tree::{consistency, inclusion};

/// CVE-2026-56865, GO-2026-6179: a reader of tiles authenticated only some of the tiles it used, since it counted hashes
/// where several came from one tile. A changed byte in another tile gave a proof that it called good. Here each byte
/// class of each tile a proof uses is changed, and no receipt comes out that is not the true one.
#[test]
fn a_changed_tile_never_gives_a_receipt_cve_2026_56865() {
    let (dir, checkpoint) = tiled(700);
    let files = packed(&dir, &checkpoint);
    let hashes: Vec<String> = files
        .0
        .keys()
        .filter(|name| name.starts_with("tile/") && !name.contains("entries"))
        .cloned()
        .collect();
    assert_eq!(hashes, ["tile/0/000", "tile/0/001", "tile/0/002.p/188", "tile/1/000.p/2"]);
    let (mut refused, mut untouched) = (0, 0);
    for index in [0, 255, 256, 300, 511, 512, 699] {
        let honest = Receipt::make(&files, checkpoint.clone(), index).unwrap();
        for name in &hashes {
            for at in (0..files.0[name].len()).step_by(97) {
                let mut changed = files.clone();
                changed.0.get_mut(name).unwrap()[at] ^= 1 << (at % 8);
                match Receipt::make(&changed, checkpoint.clone(), index) {
                    // A proof does not need every tile; then it is the true one.
                    Ok(receipt) => {
                        assert_eq!(receipt, honest, "{name} at {at}");
                        untouched += 1;
                    }
                    Err(_) => refused += 1,
                }
            }
        }
    }
    assert!(refused > 500 && untouched > 500, "{refused} refused, {untouched} not concerned");
}

/// The same for what a ledger sends its witnesses: a wrong proof is one, and the witness sees it.
#[test]
fn a_changed_tile_never_gives_a_consistency_proof() {
    let (dir, checkpoint) = tiled(700);
    let files = packed(&dir, &checkpoint);
    let head = checkpoint.head();
    let old = crate::tests::head_of((0..300).map(entry));
    let honest = consistency(&TileNodes::new(&files, 700), 300, 700).unwrap();
    assert!(tree::check_consistency(&old, &head, &honest));
    for name in ["tile/0/001", "tile/0/002.p/188", "tile/1/000.p/2"] {
        for at in (0..files.0[name].len()).step_by(61) {
            let mut changed = files.clone();
            changed.0.get_mut(name).unwrap()[at] ^= 1;
            let proof = consistency(&TileNodes::new(&changed, 700), 300, 700).unwrap();
            assert_eq!(proof == honest, tree::check_consistency(&old, &head, &proof), "{name} at {at}");
        }
    }
}

/// A proof for a tree of one entry is empty, and so is one for an entry that is not there.
#[test]
fn an_empty_proof_proves_one_entry_alone() {
    let (dir, checkpoint) = tiled(1);
    let files = Dir(dir.path().to_owned());
    let receipt = Receipt::make(&files, checkpoint.clone(), 0).unwrap();
    assert!(receipt.path.is_empty());
    assert!(receipt.check(&policy()).is_ok());
    let forged = Receipt { extra: Extra::new(b"something else").encode(), ..receipt.clone() };
    assert!(forged.check(&policy()).is_err());
    assert!(Receipt { index: 1, ..receipt }.check(&policy()).is_err());
    assert!(Receipt::make(&files, checkpoint, 1).is_err());
    assert!(inclusion(&TileNodes::new(&files, 1), 1, 1).unwrap().is_empty());
}
