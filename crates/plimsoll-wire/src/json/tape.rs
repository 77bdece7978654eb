//! The tape: one small record for every value and key, in the order of the text.
//!
//! A tape holds offsets only, so it can lie beside the bytes it describes without borrowing them. The two are never
//! handed out apart: [`Parsed`] owns both, [`Reader`] keeps a tape to use again.

use bytes::Bytes;

use super::{Doc, JsonError, Limits, Ref, read};

/// The six kinds of value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    Null,
    Bool,
    Number,
    String,
    Array,
    Object,
}

/// A text that was read in full and found sound: the bytes, and the tape over them.
#[derive(Clone, Debug)]
pub struct Parsed<B> {
    bytes: B,
    tape: Tape,
}

/// A sound text that can be kept and passed on.
pub type OwnedDoc = Parsed<Bytes>;

/// Reads a whole text, or says why not.
///
/// ```
/// use plimsoll_wire::json::{parse, Limits};
/// let text = br#"{"tool": "refund", "amount": 12}"#;
/// let parsed = parse(&text[..], &Limits::DEFAULT).unwrap();
/// assert_eq!(parsed.root().get("amount").and_then(|it| it.as_i64()), Some(12));
/// let twice = parse(&br#"{"a": 1, "\u0061": 2}"#[..], &Limits::DEFAULT).unwrap_err();
/// assert_eq!(twice.to_string(), "this key appears twice in one object (line 1, column 10, in $.a)");
/// ```
pub fn parse<B: AsRef<[u8]>>(bytes: B, limits: &Limits) -> Result<Parsed<B>, JsonError> {
    let mut tape = Tape::default();
    read::read(bytes.as_ref(), limits, &mut tape)?;
    Ok(Parsed { bytes, tape })
}

impl<B: AsRef<[u8]>> Parsed<B> {
    /// The view that readers take. Free.
    #[must_use]
    pub fn doc(&self) -> Doc<'_> {
        Doc { bytes: self.bytes.as_ref(), nodes: &self.tape.nodes }
    }

    #[must_use]
    pub fn root(&self) -> Ref<'_> {
        self.doc().root()
    }

    /// The text, exactly as it came.
    #[must_use]
    pub fn bytes(&self) -> &B {
        &self.bytes
    }

    #[must_use]
    pub fn into_bytes(self) -> B {
        self.bytes
    }
}

/// Reads many short texts, one after the other, with one tape.
#[derive(Debug, Default)]
pub struct Reader {
    tape: Tape,
}

impl Reader {
    pub fn read<'a>(&'a mut self, bytes: &'a [u8], limits: &Limits) -> Result<Doc<'a>, JsonError> {
        read::read(bytes, limits, &mut self.tape)?;
        Ok(Doc { bytes, nodes: &self.tape.nodes })
    }
}

#[derive(Clone, Debug, Default)]
pub(super) struct Tape {
    pub(super) nodes: Vec<Node>,
    /// Containers that are still open while a text is being read.
    pub(super) open: Vec<u32>,
    /// Room to sort the hashes of one object's keys.
    pub(super) scratch: Vec<u32>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Node {
    pub(super) kind: NodeKind,
    /// A string or key that contains a backslash.
    pub(super) escaped: bool,
    pub(super) start: u32,
    pub(super) end: u32,
    /// For a value: the index after its whole subtree. For a key: a hash of its decoded bytes, as its value always
    /// stands at the next index.
    pub(super) next: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NodeKind {
    Null,
    True,
    False,
    Number,
    String,
    Array,
    Object,
    Key,
}
