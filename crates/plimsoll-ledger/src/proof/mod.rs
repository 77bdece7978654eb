//! Proofs: what lets somebody who was never near the gateway check what it wrote down.
//!
//! A *checkpoint* says in three lines how many entries the ledger has and what their root is, signed by the ledger's
//! key. *Witnesses*, who keep the last checkpoint they saw, cosign it only when the new tree has grown from the old.
//! *Tiles* are the tree's hashes in files that anybody can serve and copy. A *receipt* proves one entry.
//!
//! All formats are those of C2SP, so that tools of others can read them: signed-note and tlog-checkpoint 1.0.0,
//! tlog-cosignature 1.0.1 (its Ed25519 form), tlog-witness 1.0.0, tlog-tiles 0.1.0, and the unversioned tlog-policy
//! and tlog-proof as of 2026-07-22. The ML-DSA-44 form of cosignatures is not made and not believed.
//!
//! Nothing here trusts a stored hash: a proof made from tiles is checked against the signed root before it is handed
//! out, and verification computes every tile anew.

mod checkpoint;
mod edge;
mod files;
mod identity;
mod key;
mod note;
mod pack;
mod policy;
mod receipt;
mod tar;
mod tile;
mod tiler;
pub mod tree;
mod verify;
mod witness;

pub use checkpoint::{Checkpoint, CheckpointError, SignedCheckpoint};
pub use files::{Dir, FileError, Files, Memory, write_durably};
pub use identity::{Identity, IdentityError};
pub use key::{KeyError, SigningKey};
pub use note::{Note, NoteError, NoteSignature};
pub use pack::{PACK_README, Pack, pack};
pub use policy::{Cosigned, Policy, PolicyError, PolicyLog, PolicyWitness, Trusted};
#[cfg(test)]
pub(crate) use receipt::check_disclosed;
pub use receipt::{Disclosed, Extra, Receipt, ReceiptError};
pub use tile::{TILE_WIDTH, Tile, TileKind, TileNodes, bundle_entries, tiles_of};
pub(crate) use tiler::stored;
pub use tiler::{Tiler, TilerError};
pub use verify::{Checked, Problem, Verification, Verified, verify};
pub use witness::{AddCheckpoint, Refused, Witness, WitnessError, origin_hash};

/// The latest checkpoint of a ledger's directory, with the cosignatures it got.
pub const CHECKPOINT: &str = "checkpoint";
/// The latest checkpoint that as many witnesses cosigned as the policy asks for.
pub const WITNESSED: &str = "checkpoint.witnessed";
/// Whom to trust, in C2SP tlog-policy syntax.
pub const TRUST: &str = "trust.txt";

/// Bytes of a note that is read: text and signatures.
pub const NOTE_BYTES_MAX: usize = 256 << 10;
/// Signatures of one note that are looked at. More make the note unreadable.
pub const SIGNATURES_MAX: usize = 64;
/// Hashes of one consistency or inclusion proof (C2SP tlog-witness, "add-checkpoint").
pub const PROOF_HASHES_MAX: usize = 63;
/// Bytes of a receipt that is read.
pub const RECEIPT_BYTES_MAX: usize = 1 << 20;
/// Bytes of a trust policy that is read.
pub const POLICY_BYTES_MAX: usize = 256 << 10;
/// Problems that a verification tells of. It stops looking after as many.
pub const PROBLEMS_MAX: usize = 20;

#[cfg(test)]
mod tests;
