//! Strict JSON, read where it lies.
//!
//! Two parsers that disagree about a text are a hole: the guard reads the first `"name"`, the tool the second. So this
//! reader accepts only what every parser must read alike (RFC 8259 narrowed by RFC 7493, I-JSON) and refuses the rest:
//!
//! * text that is not UTF-8, begins with a byte order mark, or goes on after its value;
//! * two keys of one object that decode to the same string (`"a"` and `"\u0061"`);
//! * escaped halves of a surrogate pair, and control characters that are not escaped;
//! * whole numbers beyond ±(2^53 − 1), numbers too large or too small for a double, and minus zero in any spelling;
//! * anything beyond [`Limits`].
//!
//! A decimal such as `0.1` has no exact double and is accepted all the same, with any number of digits: its value here
//! is the nearest double, and its bytes are left as they came. Two decimals that differ after the seventeenth digit are
//! therefore one number to us; money that must be exact belongs in whole minor units.
//!
//! Nothing is copied. [`parse`] yields a flat tape of byte offsets; [`Doc`] and [`Ref`] walk it; [`Edit`] cuts and
//! replaces by range and leaves all other bytes as they were.

mod doc;
mod edit;
mod error;
mod keys;
mod number;
mod read;
mod string;
mod tape;

pub use doc::{Doc, Items, Members, Ref};
pub use edit::Edit;
pub use error::{ErrorKind, JsonError};
pub use string::{escape, escape_into};
pub use tape::{Kind, OwnedDoc, Parsed, Reader, parse};

/// How large a text may be. Each bound refuses; none truncates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of text. At most `u32::MAX`, whatever is asked.
    pub bytes: usize,
    /// Objects and arrays open at once.
    pub depth: usize,
    /// Values and keys together. Each costs 16 bytes while the text is being judged.
    pub nodes: usize,
}

impl Limits {
    /// 16 MiB, 64 deep, 500,000 values and keys.
    pub const DEFAULT: Self = Self { bytes: 16 << 20, depth: 64, nodes: 500_000 };
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}
