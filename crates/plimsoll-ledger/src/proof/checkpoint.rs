//! C2SP tlog-checkpoint: a tree's head, signed.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use plimsoll_core::{Digest, KeyKind, VerifierKey};

use super::key::{Signed, SigningKey, check};
use super::note::{Note, NoteError, NoteSignature};
use crate::Head;

/// The three lines of a checkpoint: whose tree, how large, which root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    pub origin: String,
    pub head: Head,
}

/// A checkpoint with the signatures under it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedCheckpoint {
    checkpoint: Checkpoint,
    note: Note,
}

/// Why bytes are no checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    #[error("this is no signed note: {0}")]
    Note(#[from] NoteError),
    #[error("its text is not an origin, a size and a root, one a line")]
    Lines,
    #[error("its second line is not a tree size")]
    Size,
    #[error("its third line is not the base64 of a root")]
    Root,
}

impl Checkpoint {
    /// The text that is signed (tlog-checkpoint, "Note text"). There are no extension lines.
    pub fn text(&self) -> String {
        let root = STANDARD.encode(self.head.root.as_bytes());
        format!("{}\n{}\n{root}\n", self.origin, self.head.size)
    }

    fn parse(text: &str) -> Result<Self, CheckpointError> {
        let lines: Vec<&str> = text.strip_suffix('\n').unwrap_or_default().split('\n').collect();
        let [origin, size, root, ..] = lines[..] else { return Err(CheckpointError::Lines) };
        if lines.iter().any(|line| line.is_empty()) {
            return Err(CheckpointError::Lines);
        }
        let size = decimal(size).ok_or(CheckpointError::Size)?;
        let root = hash(root).ok_or(CheckpointError::Root)?;
        Ok(Self { origin: origin.to_owned(), head: Head { size, root: Digest::from_bytes(root) } })
    }
}

/// A number without leading zeros.
pub(crate) fn decimal(text: &str) -> Option<u64> {
    let plain = text == "0" || (!text.starts_with('0') && text.bytes().all(|b| b.is_ascii_digit()));
    if plain { text.parse().ok() } else { None }
}

/// A hash in base64.
pub(crate) fn hash(text: &str) -> Option<[u8; 32]> {
    STANDARD.decode(text).ok()?.try_into().ok()
}

impl SignedCheckpoint {
    /// Reads a checkpoint. It is not believed before [`Policy::judge`](super::Policy::judge) has looked at it.
    ///
    /// # Errors
    /// When the bytes are no checkpoint.
    pub fn parse(bytes: &[u8]) -> Result<Self, CheckpointError> {
        let note = Note::parse(bytes)?;
        Ok(Self { checkpoint: Checkpoint::parse(note.text())?, note })
    }

    /// Signs a tree's head as the ledger whose key this is: the key's name is the origin.
    pub fn sign(head: Head, key: &SigningKey) -> Self {
        let checkpoint = Checkpoint { origin: key.verifier().name().to_owned(), head };
        let text = checkpoint.text();
        let signature = key.sign(&text);
        Self { checkpoint, note: Note::new(text, vec![signature]) }
    }

    /// The same checkpoint with the signatures of these keys alone.
    pub(crate) fn only(other: &Self, keys: &[VerifierKey]) -> Self {
        let signatures = keys.iter().flat_map(|key| other.note.signatures_of(key)).cloned().collect();
        Self {
            checkpoint: other.checkpoint.clone(),
            note: Note::new(other.note.text().to_owned(), signatures),
        }
    }

    pub fn origin(&self) -> &str {
        &self.checkpoint.origin
    }

    pub const fn head(&self) -> Head {
        self.checkpoint.head
    }

    pub const fn note(&self) -> &Note {
        &self.note
    }

    pub fn encode(&self) -> String {
        self.note.encode()
    }

    /// The signature line a witness with this key adds at a time in seconds since 1970.
    pub fn cosign(&self, key: &SigningKey, at: u64) -> NoteSignature {
        key.cosign(self.note.text(), at)
    }

    /// Takes over a witness' signature, in place of an older one of the same witness.
    ///
    /// # Errors
    /// When the signature is not this witness' over this checkpoint: then nothing changes.
    pub fn add_cosignature(&mut self, line: NoteSignature, witness: &VerifierKey) -> Result<u64, NoteError> {
        let alone = Note::new(self.note.text().to_owned(), vec![line.clone()]);
        let Signed::Good { at } = check(&alone, witness) else { return Err(NoteError::Signature(1)) };
        self.note.remove_of(witness);
        self.note.add(line);
        Ok(at)
    }

    /// Whether this ledger's key signed it, and nothing under the key's name is wrong.
    pub fn is_signed_by(&self, key: &VerifierKey) -> bool {
        key.kind() == KeyKind::Ledger
            && key.name() == self.origin()
            && matches!(check(&self.note, key), Signed::Good { .. })
    }

    /// When this witness cosigned it last, in seconds since 1970.
    pub fn cosigned_at(&self, witness: &VerifierKey) -> Option<u64> {
        match (witness.kind(), check(&self.note, witness)) {
            (KeyKind::Witness, Signed::Good { at }) => Some(at),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(size: u64) -> Head {
        Head { size, root: Digest::from_bytes([9; 32]) }
    }

    #[test]
    fn signed_cosigned_and_read_again() {
        let ledger = SigningKey::from_seed("example.org/ledger", KeyKind::Ledger, &[1; 32]).unwrap();
        let witness = SigningKey::from_seed("example.org/w", KeyKind::Witness, &[2; 32]).unwrap();
        let mut signed = SignedCheckpoint::sign(head(3), &ledger);
        for at in [50, 60] {
            let line = signed.cosign(&witness, at);
            assert_eq!(signed.add_cosignature(line, witness.verifier()), Ok(at));
        }
        let again = SignedCheckpoint::parse(signed.encode().as_bytes()).unwrap();
        assert_eq!(again, signed);
        assert_eq!(again.note().signatures().len(), 2, "the newer cosignature took the older one's place");
        assert!(again.is_signed_by(ledger.verifier()));
        assert_eq!(again.cosigned_at(witness.verifier()), Some(60));
        let other = SigningKey::from_seed("example.org/w", KeyKind::Witness, &[3; 32]).unwrap();
        assert_eq!(again.cosigned_at(other.verifier()), None);
        assert!(!again.is_signed_by(witness.verifier()));
    }

    #[test]
    fn what_is_no_checkpoint() {
        let check = |text: &str, error| {
            let note = format!("{text}\n\u{2014} a AAAAAAA=\n");
            assert_eq!(SignedCheckpoint::parse(note.as_bytes()), Err(error), "{text:?}");
        };
        let root = STANDARD.encode([9; 32]);
        check("a\n", CheckpointError::Lines);
        check(&format!("a\n\n{root}\n"), CheckpointError::Lines);
        check(&format!("a\n03\n{root}\n"), CheckpointError::Size);
        check(&format!("a\n+3\n{root}\n"), CheckpointError::Size);
        check(&format!("a\n18446744073709551616\n{root}\n"), CheckpointError::Size);
        check("a\n3\nAAAA\n", CheckpointError::Root);
    }
}
