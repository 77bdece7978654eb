//! Why a text was refused, in the words of whoever has to repair it.

use std::fmt;

/// A refused text: what is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonError {
    pub kind: ErrorKind,
    /// Byte offset of the first byte that is wrong.
    pub offset: usize,
    /// Counted from 1.
    pub line: usize,
    /// Characters from the start of the line, counted from 1.
    pub column: usize,
    /// The value that was being read, as in `$.messages[2].content`, if the reader had come that far.
    pub path: Option<String>,
}

impl JsonError {
    /// The reason alone, without the place.
    #[must_use]
    pub fn message(&self) -> &'static str {
        self.kind.message()
    }

    pub(super) fn at(kind: ErrorKind, offset: usize, text: &[u8], path: Option<String>) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line_start = memchr::memrchr(b'\n', before).map_or(0, |newline| newline + 1);
        let is_first_byte_of_char = |byte: &&u8| **byte & 0xC0 != 0x80;
        Self {
            kind,
            offset,
            line: 1 + memchr::memchr_iter(b'\n', before).count(),
            column: 1 + before[line_start..].iter().filter(is_first_byte_of_char).count(),
            path,
        }
    }
}

impl fmt::Display for JsonError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} (line {}, column {}", self.message(), self.line, self.column)?;
        match &self.path {
            Some(path) => write!(out, ", in {path})"),
            None => out.write_str(")"),
        }
    }
}

impl std::error::Error for JsonError {}

/// What is wrong with a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    TooManyBytes,
    TooDeep,
    TooManyNodes,
    NotUtf8,
    ByteOrderMark,
    Truncated,
    Unexpected,
    TrailingBytes,
    DuplicateKey,
    BadEscape,
    LoneSurrogate,
    ControlCharacter,
    BadNumber,
    IntegerOutOfRange,
    NumberTooLarge,
    NumberTooSmall,
    NegativeZero,
}

impl ErrorKind {
    #[must_use]
    pub fn message(self) -> &'static str {
        match self {
            Self::TooManyBytes => "the JSON text is larger than the limit",
            Self::TooDeep => "objects and arrays are nested deeper than the limit",
            Self::TooManyNodes => "the JSON text holds more values than the limit",
            Self::NotUtf8 => "the JSON text is not valid UTF-8",
            Self::ByteOrderMark => "the JSON text begins with a byte order mark",
            Self::Truncated => "the JSON text ends too early",
            Self::Unexpected => "this character can't stand here in JSON",
            Self::TrailingBytes => "the JSON text goes on after its value",
            Self::DuplicateKey => "this key appears twice in one object",
            Self::BadEscape => "this is not a JSON escape",
            Self::LoneSurrogate => "this escape is half of a surrogate pair",
            Self::ControlCharacter => "a control character must be escaped in a JSON string",
            Self::BadNumber => "this is not a JSON number",
            Self::IntegerOutOfRange => {
                "a whole number beyond 9007199254740991 is not read alike everywhere; send it as a string"
            }
            Self::NumberTooLarge => "this number is too large for a double",
            Self::NumberTooSmall => "this number is too small for a double",
            Self::NegativeZero => "minus zero is not read alike everywhere; send 0",
        }
    }

    /// Whether a configured bound was hit, rather than the grammar.
    #[must_use]
    pub fn is_limit(self) -> bool {
        matches!(self, Self::TooManyBytes | Self::TooDeep | Self::TooManyNodes)
    }
}
