//! The tamper-evident record: what was written down stays written down, or is missed loudly.
//!
//! Plimsoll promises that nothing happens before it is recorded. This crate keeps the promise: an
//! entry is acknowledged only when the disk has it, and [`Ledger::enter`] is the only place in the
//! world where a [`Permit`](plimsoll_core::Permit) becomes a [`Warrant`].
//!
//! It alone knows: segment files, group commit, what a torn write looks like, and Merkle
//! arithmetic. It has never heard of: what an entry means. Entries are bytes.
//!
//! # On disk
//!
//! ```text
//! <dir>/lock                            held by the one gateway that writes
//! <dir>/seg/00000000000000000000.seg    named after its first sequence number
//! <dir>/seg/spare                       the next segment, already filled with zeros
//!
//! segment = header (4,096 B) | record | record | … | zeros to the end of the file
//! record  = length u16 | place u16 | crc32c u32 | seq u64 | body       (little-endian)
//! body    = entry                                                     bit 15 of `place` is 0
//!         | entry's length u16 | entry | sealed part                   bit 15 of `place` is 1
//! ```
//!
//! A *sealed part* ([`seal`]) holds what an entry must not say in the clear. It is written together with its entry and
//! is nobody's leaf: when its keys are destroyed, everything that was proved stays proved.
//!
//! `length` is never 0, so zeros end the records. `place` counts the records of one write (a
//! *group*); it restarts at 0 with each write. The checksum covers everything but itself. A record
//! alone in its group reads as `length u32`.
//!
//! A new group is written only after the one before it is durable. Recovery rests on that: damage
//! in the *last* group is a write that was cut short and was never acknowledged, so it is cut off
//! and reported; damage with a *later group* behind it is loss of acknowledged records, and the
//! ledger refuses to open. (Damage inside the last group by a failing disk looks like a write cut
//! short; signed checkpoints, which remember the size, tell the two apart.)
//!
//! Each header carries the RFC 6962 head of everything before it and its right edge, so opening
//! reads one segment however long the ledger is. Leaves are `SHA-256(0x00 || entry)`.
#![forbid(unsafe_code)]
#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "tests")
)]

mod disk;
mod error;
mod ledger;
pub mod merkle;
pub mod proof;
mod queue;
mod reader;
mod recovery;
pub mod seal;
mod segment;
mod warrant;
mod writer;

#[cfg(test)]
mod tests;

#[cfg(any(test, feature = "faults"))]
pub use disk::Faults;
pub use error::LedgerError;
pub use ledger::{
    Beside, Followed, Head, Health, Held, Ledger, LedgerOptions, Seq, Written, free_bytes, hold,
};
pub use queue::Pending;
pub use reader::{LedgerReader, Record, Records};
pub use recovery::{Recovery, Truncation};
pub use warrant::{Rehearsal, Warrant};

/// The longest entry, with its sealed part: what a C2SP entry bundle can hold.
pub const ENTRY_BYTES_MAX: usize = 65_535;
/// How large a segment file is unless told otherwise.
pub const SEGMENT_BYTES: u64 = 64 << 20;
/// How large the first segment of a new ledger is at most: its zeros are written before the first start
/// ends, those of the next segments while the ledger works.
pub const FIRST_SEGMENT_BYTES: u64 = 4 << 20;
/// The smallest segment: room for the header and one longest entry, with change.
pub const SEGMENT_BYTES_MIN: u64 = 128 << 10;
/// The largest segment.
pub const SEGMENT_BYTES_MAX: u64 = 1 << 30;
/// How many entries may wait for the writer unless told otherwise. One more is [`LedgerError::Busy`].
pub const QUEUE_ENTRIES_MAX: usize = 8_192;
/// How many bytes may wait for the writer, however few entries they are.
pub const QUEUE_BYTES_MAX: usize = 64 << 20;
/// Entries beside which something was handed over, that is kept for whoever follows. One more, and all of it goes.
pub const BESIDE_MAX: usize = 16_384;
/// How many entries one disk write may carry.
pub const GROUP_ENTRIES_MAX: usize = 1_024;
/// How many bytes, with record headers, one disk write may carry.
pub const GROUP_BYTES_MAX: usize = 1 << 20;
/// Milliseconds that entries nobody waits for are held at most, to share the write of one that somebody does.
pub const NOTE_WAIT_MS: u64 = 2;
/// Microseconds that a group which somebody waits for is left open at most, for what a busy runtime still brings.
pub const REST_US_MAX: u64 = 2_000;
/// Free space under which nothing is written any more, unless told otherwise.
pub const FREE_BYTES_MIN: u64 = 256 << 20;
/// Milliseconds between two looks at the free space, as long as there is enough.
pub const FREE_LOOK_MS: u64 = 50;
