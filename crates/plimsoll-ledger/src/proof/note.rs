//! C2SP signed-note: a text with signature lines under it. Pure.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use plimsoll_core::VerifierKey;
use plimsoll_core::verifier_key::is_key_name;

use super::{NOTE_BYTES_MAX, SIGNATURES_MAX};

/// Begins each signature line: an em dash and a space (signed-note, "Format").
const DASH: &str = "\u{2014} ";

/// A text and who signed it. The text means nothing before a signature was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<NoteSignature>,
}

/// One signature line: by which key, and the bytes behind the key id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteSignature {
    pub name: String,
    pub id: u32,
    pub bytes: Vec<u8>,
}

/// Why bytes are no note.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    #[error("it is longer than {NOTE_BYTES_MAX} bytes")]
    TooLong,
    #[error("it is not text in UTF-8")]
    NotText,
    #[error("it contains a control character")]
    Control,
    #[error("no empty line divides the text from its signatures")]
    NoSignatures,
    #[error("signature line {0} is not `\u{2014} name base64`")]
    Signature(usize),
    #[error("it has more than {SIGNATURES_MAX} signatures")]
    TooMany,
}

impl Note {
    /// A text that somebody is about to sign. It ends with a newline.
    pub(crate) const fn new(text: String, signatures: Vec<NoteSignature>) -> Self {
        Self { text, signatures }
    }

    /// Reads a note (signed-note, "Format"): the last empty line divides text and signatures.
    ///
    /// # Errors
    /// When the bytes are no note. A note that was read is not yet a note that is believed.
    pub fn parse(bytes: &[u8]) -> Result<Self, NoteError> {
        if bytes.len() > NOTE_BYTES_MAX {
            return Err(NoteError::TooLong);
        }
        let all = std::str::from_utf8(bytes).map_err(|_| NoteError::NotText)?;
        if all.bytes().any(|byte| byte < b' ' && byte != b'\n') {
            return Err(NoteError::Control);
        }
        let end = all.rfind("\n\n").ok_or(NoteError::NoSignatures)?;
        let signatures = parse_signatures(&all[end + 2..])?;
        Ok(Self { text: all[..=end].to_owned(), signatures })
    }

    /// What is signed, with its last newline.
    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }

    /// The signatures under the key's name and id. Whether they are good is another question.
    pub fn signatures_of<'a>(&'a self, key: &'a VerifierKey) -> impl Iterator<Item = &'a NoteSignature> {
        self.signatures.iter().filter(|signature| signature.name == key.name() && signature.id == key.id())
    }

    /// Adds a signature, unless exactly this one is there.
    pub fn add(&mut self, signature: NoteSignature) {
        if !self.signatures.contains(&signature) {
            self.signatures.push(signature);
        }
    }

    /// Takes away the signatures under a key's name and id.
    pub fn remove_of(&mut self, key: &VerifierKey) {
        self.signatures.retain(|signature| signature.name != key.name() || signature.id != key.id());
    }

    /// The note as it is stored and sent.
    pub fn encode(&self) -> String {
        let mut all = format!("{}\n", self.text);
        for signature in &self.signatures {
            all.push_str(&signature.line());
        }
        all
    }
}

/// Reads signature lines, each with its newline; at least one.
///
/// # Errors
/// When a line is none.
pub(crate) fn parse_signatures(lines: &str) -> Result<Vec<NoteSignature>, NoteError> {
    let whole = lines.strip_suffix('\n').ok_or(NoteError::NoSignatures)?;
    let mut signatures = Vec::new();
    for (n, line) in whole.split('\n').enumerate() {
        if n == SIGNATURES_MAX {
            return Err(NoteError::TooMany);
        }
        signatures.push(NoteSignature::parse(line).ok_or(NoteError::Signature(n + 1))?);
    }
    Ok(signatures)
}

impl NoteSignature {
    fn parse(line: &str) -> Option<Self> {
        let (name, base64) = line.strip_prefix(DASH)?.split_once(' ')?;
        let bytes = STANDARD.decode(base64).ok()?;
        let (id, bytes) = bytes.split_first_chunk::<4>()?;
        if !is_key_name(name) || bytes.is_empty() {
            return None;
        }
        Some(Self { name: name.to_owned(), id: u32::from_be_bytes(*id), bytes: bytes.to_vec() })
    }

    /// The line, with its newline.
    pub fn line(&self) -> String {
        let mut bytes = self.id.to_be_bytes().to_vec();
        bytes.extend_from_slice(&self.bytes);
        format!("{DASH}{} {}\n", self.name, STANDARD.encode(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "This is an example message.\n\n\u{2014} example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";

    #[test]
    fn the_example_of_the_specification() {
        let note = Note::parse(TEXT.as_bytes()).unwrap();
        assert_eq!(note.text(), "This is an example message.\n");
        let [signature] = note.signatures() else { panic!("{note:?}") };
        assert_eq!((signature.name.as_str(), signature.id), ("example.com/foo", 0x530d_903a));
        assert_eq!(note.encode(), TEXT);
    }

    #[test]
    fn texts_may_have_empty_lines() {
        let text = TEXT.replace("an example", "an\n\nexample");
        assert_eq!(Note::parse(text.as_bytes()).unwrap().text(), "This is an\n\nexample message.\n");
    }

    #[test]
    fn what_is_no_note() {
        let check = |text: &str, error| assert_eq!(Note::parse(text.as_bytes()), Err(error), "{text:?}");
        check("text\n", NoteError::NoSignatures);
        check("text\n\n", NoteError::NoSignatures);
        check("text\n\n\u{2014} a AAAAAAA=", NoteError::NoSignatures);
        check("text\n\n- a AAAAAAA=\n", NoteError::Signature(1));
        check("text\n\n\u{2014} a AAAAAA==\n", NoteError::Signature(1));
        check("text\n\n\u{2014} a AAAAAAB=\n", NoteError::Signature(1));
        check("text\n\n\u{2014} a+b AAAAAAA=\n", NoteError::Signature(1));
        check("text\n\n\u{2014} a\u{a0}b AAAAAAA=\n", NoteError::Signature(1));
        check("te\txt\n\n\u{2014} a AAAAAAA=\n", NoteError::Control);
        assert_eq!(Note::parse(b"\xff\n\n"), Err(NoteError::NotText));
        let many = format!("text\n\n{}", "\u{2014} a AAAAAAA=\n".repeat(SIGNATURES_MAX + 1));
        check(&many, NoteError::TooMany);
    }
}
