//! Keys that sign: the ledger's, and a witness'.

use std::fmt;
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use plimsoll_core::{KeyKind, VerifierKey, VerifierKeyError};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use zeroize::{Zeroize as _, Zeroizing};

use super::note::{Note, NoteSignature};
use crate::disk::sync_dir;

/// Begins the text form of a secret key, as other programs for signed notes write it.
const SECRET: &str = "PRIVATE+KEY+";
/// Bytes of a key file that are read.
const KEY_FILE_BYTES_MAX: u64 = 4_096;

/// A secret Ed25519 key with its name. Debug output does not show it.
pub struct SigningKey {
    verifier: VerifierKey,
    pair: Ed25519KeyPair,
    seed: Zeroizing<[u8; 32]>,
}

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("{} holds no key: {what}", file.display())]
    Unreadable { file: PathBuf, what: String },
    #[error("{} can be read by others (mode {mode:o}): make it private with `chmod 600`", file.display())]
    Open { file: PathBuf, mode: u32 },
    #[error("cannot {doing} {}", file.display())]
    Io { doing: &'static str, file: PathBuf, source: std::io::Error },
    #[error("no random bytes: {0}")]
    Random(String),
    #[error(transparent)]
    Name(#[from] VerifierKeyError),
}

impl KeyError {
    fn io(doing: &'static str, file: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let file = file.to_owned();
        move |source| Self::Io { doing, file, source }
    }
}

impl SigningKey {
    /// A new key from the machine's randomness.
    ///
    /// # Errors
    /// When the name can't be one, or the machine has no randomness.
    pub fn generate(name: impl Into<String>, kind: KeyKind) -> Result<Self, KeyError> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|error| KeyError::Random(error.to_string()))?;
        let key = Self::from_seed(name, kind, &seed);
        seed.zeroize();
        key
    }

    /// A key from its 32 secret bytes (RFC 8032).
    ///
    /// # Errors
    /// When the name can't be one.
    pub fn from_seed(name: impl Into<String>, kind: KeyKind, seed: &[u8; 32]) -> Result<Self, KeyError> {
        let pair =
            Ed25519KeyPair::from_seed_unchecked(seed).map_err(|error| KeyError::Random(error.to_string()))?;
        let mut public = [0; 32];
        public.copy_from_slice(pair.public_key().as_ref());
        Ok(Self { verifier: VerifierKey::new(name, kind, public)?, pair, seed: Zeroizing::new(*seed) })
    }

    /// The same secret under another name: before a name is settled, the key may lend part of itself to it.
    ///
    /// # Errors
    /// When the name can't be one.
    pub fn named(&self, name: impl Into<String>) -> Result<Self, KeyError> {
        Self::from_seed(name, self.verifier.kind(), &self.seed)
    }

    /// The public half.
    pub const fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    /// Reads a key file, when there is one.
    ///
    /// # Errors
    /// When the file is no key of this kind, or others than its owner can read it.
    pub fn load(file: &Path, kind: KeyKind) -> Result<Option<Self>, KeyError> {
        let meta = match std::fs::metadata(file) {
            Ok(meta) => meta,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(KeyError::io("look at", file)(error)),
        };
        let unreadable = |what: &str| KeyError::Unreadable { file: file.to_owned(), what: what.to_owned() };
        if meta.mode() & 0o077 != 0 {
            return Err(KeyError::Open { file: file.to_owned(), mode: meta.mode() & 0o777 });
        }
        if meta.len() > KEY_FILE_BYTES_MAX {
            return Err(unreadable("it is too long"));
        }
        let text = Zeroizing::new(std::fs::read_to_string(file).map_err(KeyError::io("read", file))?);
        let key = Self::decode(text.trim_end()).map_err(|what| unreadable(&what))?;
        if key.verifier.kind() != kind {
            return Err(unreadable("it is a key for something else"));
        }
        Ok(Some(key))
    }

    /// Writes the key where only its owner can read it, durably. A file that is there already stays.
    ///
    /// # Errors
    /// When it can't be written, or is there.
    pub fn save(&self, file: &Path) -> Result<(), KeyError> {
        use std::io::Write as _;
        let mut open = std::fs::File::options();
        let mut to =
            open.write(true).create_new(true).mode(0o600).open(file).map_err(KeyError::io("create", file))?;
        let text = Zeroizing::new(format!("{}\n", &*self.encode()));
        to.write_all(text.as_bytes()).map_err(KeyError::io("write", file))?;
        to.sync_all().map_err(KeyError::io("sync", file))?;
        let dir = file.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
        sync_dir(dir).map_err(KeyError::io("sync", dir))
    }

    /// `PRIVATE+KEY+<name>+<key id>+<base64 of kind and secret>`.
    fn encode(&self) -> Zeroizing<String> {
        let mut bytes = Zeroizing::new(vec![self.verifier.kind().byte()]);
        bytes.extend_from_slice(&*self.seed);
        let base64 = Zeroizing::new(STANDARD.encode(&*bytes));
        Zeroizing::new(format!("{SECRET}{}+{:08x}+{}", self.verifier.name(), self.verifier.id(), &*base64))
    }

    fn decode(text: &str) -> Result<Self, String> {
        let parts: Vec<&str> = text.strip_prefix(SECRET).unwrap_or_default().splitn(3, '+').collect();
        let [name, id, base64] = parts[..] else { return Err(format!("it does not begin with `{SECRET}`")) };
        let bytes = Zeroizing::new(STANDARD.decode(base64).map_err(|_| "its base64 is damaged".to_owned())?);
        let kind = [KeyKind::Ledger, KeyKind::Witness].into_iter().find(|k| bytes.first() == Some(&k.byte()));
        let kind = kind.ok_or("its kind of key is unknown")?;
        let seed: Zeroizing<[u8; 32]> =
            Zeroizing::new(bytes[1..].try_into().map_err(|_| "it has the wrong length".to_owned())?);
        let key = Self::from_seed(name, kind, &seed).map_err(|error| error.to_string())?;
        match format!("{:08x}", key.verifier.id()) == id {
            true => Ok(key),
            false => Err("its key id does not fit: the file was damaged".to_owned()),
        }
    }

    /// Signs a note's text as a ledger (signed-note, "Ed25519 signatures").
    pub(crate) fn sign(&self, text: &str) -> NoteSignature {
        self.signature(self.pair.sign(text.as_bytes()).as_ref().to_vec())
    }

    /// Cosigns a checkpoint's text at a time in seconds since 1970 (tlog-cosignature, "Ed25519 signed message").
    pub(crate) fn cosign(&self, text: &str, at: u64) -> NoteSignature {
        let mut bytes = at.to_be_bytes().to_vec();
        bytes.extend_from_slice(self.pair.sign(&cosigned(text, at)).as_ref());
        self.signature(bytes)
    }

    fn signature(&self, bytes: Vec<u8>) -> NoteSignature {
        NoteSignature { name: self.verifier.name().to_owned(), id: self.verifier.id(), bytes }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.verifier)
    }
}

/// The message under a cosignature.
fn cosigned(text: &str, at: u64) -> Vec<u8> {
    format!("cosignature/v1\ntime {at}\n{text}").into_bytes()
}

/// What a note says about one known key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signed {
    /// Nothing is signed with it.
    Not,
    /// Every signature under its name and id is good. `at` is the latest time a witness gave, 0 for a ledger's key.
    Good { at: u64 },
    /// A signature under its name and id is wrong: the note is not to be believed at all (signed-note, "Signatures").
    Wrong,
}

/// Checks all that a note claims to have from a key.
pub(crate) fn check(note: &Note, key: &VerifierKey) -> Signed {
    let mut found = Signed::Not;
    for signature in note.signatures_of(key) {
        let Some(at) = check_one(note.text(), key, &signature.bytes) else { return Signed::Wrong };
        found = match found {
            Signed::Good { at: other } => Signed::Good { at: at.max(other) },
            _ => Signed::Good { at },
        };
    }
    found
}

fn check_one(text: &str, key: &VerifierKey, bytes: &[u8]) -> Option<u64> {
    let public = UnparsedPublicKey::new(&ED25519, key.public());
    match key.kind() {
        KeyKind::Ledger => public.verify(text.as_bytes(), bytes).ok().map(|()| 0),
        KeyKind::Witness => {
            let (at, signature) = bytes.split_first_chunk::<8>()?;
            // It must fit a signed number, and a cosignature without a time says nothing (tlog-cosignature, "Format").
            let at = Some(u64::from_be_bytes(*at)).filter(|at| (1..=i64::MAX as u64).contains(at))?;
            public.verify(&cosigned(text, at), signature).ok().map(|()| at)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_specification_verifies() {
        let note = "This is an example message.\n\n\u{2014} example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";
        let key = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k".parse().unwrap();
        assert_eq!(check(&Note::parse(note.as_bytes()).unwrap(), &key), Signed::Good { at: 0 });
        let other = note.replace("example message", "example massage");
        assert_eq!(check(&Note::parse(other.as_bytes()).unwrap(), &key), Signed::Wrong);
    }

    #[test]
    fn keys_are_kept_private_and_come_back() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("ledger.key");
        assert!(SigningKey::load(&file, KeyKind::Ledger).unwrap().is_none());
        let key = SigningKey::generate("example.org/a", KeyKind::Ledger).unwrap();
        key.save(&file).unwrap();
        assert!(key.save(&file).is_err(), "a key is never overwritten");
        let again = SigningKey::load(&file, KeyKind::Ledger).unwrap().unwrap();
        assert_eq!(again.verifier(), key.verifier());
        assert_eq!(again.sign("text\n"), key.sign("text\n"));
        assert!(SigningKey::load(&file, KeyKind::Witness).is_err());
        let mut mode = std::fs::metadata(&file).unwrap().permissions();
        std::os::unix::fs::PermissionsExt::set_mode(&mut mode, 0o640);
        std::fs::set_permissions(&file, mode).unwrap();
        let error = SigningKey::load(&file, KeyKind::Ledger).unwrap_err();
        assert!(
            error.to_string().ends_with("can be read by others (mode 640): make it private with `chmod 600`")
        );
    }

    #[test]
    fn debug_output_does_not_show_the_secret() {
        let key = SigningKey::from_seed("a", KeyKind::Ledger, &[7; 32]).unwrap();
        assert!(!format!("{key:?}").contains("PRIVATE"));
        assert!(key.encode().contains("PRIVATE+KEY+a+"));
    }
}
