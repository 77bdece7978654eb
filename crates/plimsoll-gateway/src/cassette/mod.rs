//! A recorded conversation, run again through the real path: the clients' recorded requests go in, models and tools
//! answer from the record, people's votes are repeated, and the first difference stops it.
//!
//! Nothing can be reached. The gateway that plays has an upstream that only knows the record ([`Recorded`]); it keeps its
//! own ledger in a directory that is thrown away; no port is opened, for requests come over a pipe in memory; servers
//! that would be started as programs are answered from the record too, and starting one is refused besides.
//!
//! Strict: an upstream request that the record does not answer is a difference, and so is a recorded answer that nobody
//! asked for, and a decision that comes out differently.
//!
//! [`live`] is the one exception, and is asked for by name: models are called where they are, tools still answer from
//! the record.

mod drill;
mod live;
mod play;
mod tape;
mod upstream;

pub use drill::{OnRecord, Told, drill};
pub use live::{Departure, LiveError, Lived, live};
pub use play::{Difference, Played, play};
pub use tape::{Read, Tape, TapeError};
pub(crate) use upstream::Recorded;
