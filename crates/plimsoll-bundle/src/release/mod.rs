//! A release: one signed state of the workflow repository, and whether a gateway may run it.
//!
//! A release is one JSON file. It holds every file of the repository and a DSSE envelope whose payload, an in-toto
//! statement, says what the files are, for which environments they are meant, who made them into a release, what the change
//! makes possible and what was tried. People sign exactly that payload: the author says "I made it", everybody else
//! "I agree to this". [`Release::parse`] believes nothing that the file says of itself: the files must be those of the
//! manifest, and the manifest must be the subject. [`Trust::judge`] says whether it may run, by the rules of what runs now.
//!
//! Nothing here reads a clock, a file or randomness.

mod dsse;
mod secret;
mod statement;
#[cfg(test)]
mod tests;
mod trust;
mod unique;

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use plimsoll_core::{Digest, PersonKey};
use serde::{Deserialize, Serialize};

pub use self::dsse::{Envelope, PAYLOAD_TYPE, Signature, pae, verifies};
pub use self::secret::{SecretKey, SecretKeyError};
pub use self::statement::{
    ChangeRecord, DiffRecord, Finding, Found, Predicate, SEQUENCE_MAX, Statement, statement_of,
};
pub use self::trust::{Approved, Live, Missing, Person, Refused, TRUST_BYTES_MAX, Trust, TrustError};
use crate::disk::belongs;
use crate::tree::{MAX_FILE_BYTES, MAX_FILES, MAX_TREE_BYTES, Tree};

/// The most bytes a release file may have: all files of a repository as JSON text, and the statement.
pub const RELEASE_BYTES_MAX: usize = 128 << 20;
/// The most signatures of one release.
pub const SIGNATURES_MAX: usize = 64;

/// A signed state of the workflow repository. What it says of itself holds; whether it may run, [`Trust`] says.
#[derive(Clone, Debug)]
pub struct Release {
    envelope: Envelope,
    payload: Vec<u8>,
    statement: Statement,
    tree: Tree,
}

/// Why bytes are no release.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReleaseError {
    #[error("a release has at most {RELEASE_BYTES_MAX} bytes, and this has {0}")]
    TooLarge(usize),
    #[error("this is no release file: {0}")]
    Form(String),
    #[error("the signed statement is not what a release states: {0}")]
    Statement(String),
    #[error("{path}: {what}")]
    File { path: String, what: &'static str },
    #[error("the signed manifest is that of {manifest}, and the statement is about {subject}")]
    Subject { manifest: Digest, subject: String },
    #[error("it can't be signed twice with {0}")]
    SignedTwice(String),
    #[error("it has {0} signatures, more than {SIGNATURES_MAX}")]
    TooManySignatures(usize),
    #[error("it can't be signed: {0}")]
    Signer(String),
}

/// Somebody who can sign: a key file, or an agent that keeps the key to itself.
pub trait Signer {
    fn key(&self) -> &PersonKey;

    /// The raw Ed25519 signature over these bytes.
    ///
    /// # Errors
    /// When the key is not at hand, or its holder said no.
    fn sign(&self, message: &[u8]) -> Result<[u8; 64], String>;
}

/// The file, as JSON.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Written {
    envelope: Envelope,
    #[serde(deserialize_with = "unique::map")]
    files: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "unique::map")]
    bytes: BTreeMap<String, String>,
}

impl Release {
    /// A release that nobody has signed yet. Subject and manifest are made from the files.
    ///
    /// # Errors
    /// When the files can't be one, or the statement is out of its bounds.
    pub fn new(tree: Tree, mut predicate: Predicate) -> Result<Self, ReleaseError> {
        predicate.manifest = manifest_of(&tree);
        let statement = statement_of(predicate, tree.id());
        let value = serde_json::to_value(&statement).map_err(|e| ReleaseError::Statement(e.to_string()))?;
        let payload = plimsoll_core::canonical(&value);
        let envelope = Envelope::unsigned(&payload);
        let release = Self { envelope, payload, statement, tree };
        // What can't be read back is not handed out.
        Self::parse(release.to_text()?.as_bytes())
    }

    /// Reads a release file: strict, bounded, and consistent with itself. Signatures are not judged here.
    ///
    /// # Errors
    /// When it is no release.
    pub fn parse(text: &[u8]) -> Result<Self, ReleaseError> {
        if text.len() > RELEASE_BYTES_MAX {
            return Err(ReleaseError::TooLarge(text.len()));
        }
        let form = |error: serde_json::Error| ReleaseError::Form(error.to_string());
        let Written { envelope, files, bytes } = serde_json::from_slice(text).map_err(form)?;
        let payload = envelope.payload().map_err(ReleaseError::Form)?;
        if envelope.signatures.len() > SIGNATURES_MAX {
            return Err(ReleaseError::TooManySignatures(envelope.signatures.len()));
        }
        let mut seen = BTreeSet::new();
        if let Some(twice) = envelope.signatures.iter().find(|signature| !seen.insert(&signature.keyid)) {
            return Err(ReleaseError::SignedTwice(twice.keyid.clone()));
        }
        let statement = Statement::read(&payload).map_err(ReleaseError::Statement)?;
        let tree = tree_of(files, bytes)?;
        compare(&statement, &tree)?;
        Ok(Self { envelope, payload, statement, tree })
    }

    /// The file's text.
    ///
    /// # Errors
    /// When it would be larger than a release may be.
    pub fn to_text(&self) -> Result<String, ReleaseError> {
        let (mut files, mut bytes) = (BTreeMap::new(), BTreeMap::new());
        for (path, content) in &self.tree.0 {
            match std::str::from_utf8(content) {
                Ok(text) => drop(files.insert(path.clone(), text.to_owned())),
                Err(_) => drop(bytes.insert(path.clone(), STANDARD.encode(content))),
            }
        }
        let written = Written { envelope: self.envelope.clone(), files, bytes };
        let text =
            serde_json::to_string_pretty(&written).map_err(|e| ReleaseError::Form(e.to_string()))? + "\n";
        if text.len() > RELEASE_BYTES_MAX { Err(ReleaseError::TooLarge(text.len())) } else { Ok(text) }
    }

    /// Adds a signature over exactly this payload.
    ///
    /// # Errors
    /// When this key signed it already, or the signer can't; the release is as it was then.
    pub fn sign(&mut self, signer: &dyn Signer) -> Result<(), ReleaseError> {
        let keyid = signer.key().fingerprint();
        if self.envelope.signatures.iter().any(|signature| signature.keyid == keyid) {
            return Err(ReleaseError::SignedTwice(keyid));
        }
        if self.envelope.signatures.len() >= SIGNATURES_MAX {
            return Err(ReleaseError::TooManySignatures(self.envelope.signatures.len() + 1));
        }
        let message = pae(PAYLOAD_TYPE, &self.payload);
        let signature = signer.sign(&message).map_err(ReleaseError::Signer)?;
        if !verifies(signer.key(), &message, &signature) {
            return Err(ReleaseError::Signer("what the signer gave is no signature of its key".to_owned()));
        }
        self.envelope.signatures.push(Signature { keyid, sig: STANDARD.encode(signature) });
        Ok(())
    }

    /// The digest of the files: the release id that records name.
    pub fn id(&self) -> Digest {
        self.tree.id()
    }

    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    pub fn statement(&self) -> &Statement {
        &self.statement
    }

    pub fn predicate(&self) -> &Predicate {
        &self.statement.predicate
    }

    pub fn signatures(&self) -> &[Signature] {
        &self.envelope.signatures
    }

    /// Whether this key made this signature over the payload.
    pub fn is_signed_by(&self, key: &PersonKey, signature: &Signature) -> bool {
        let sig = STANDARD.decode(&signature.sig).unwrap_or_default();
        verifies(key, &pae(PAYLOAD_TYPE, &self.payload), &sig)
    }

    /// `<project>-<sequence>-<12 hex digits>.release.json`.
    pub fn file_name(&self) -> String {
        let predicate = self.predicate();
        let plain = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' };
        let project: String = predicate.project.chars().map(plain).collect();
        let project = project.trim_start_matches('.');
        format!("{project}-{}-{}.release.json", predicate.sequence, self.id().short())
    }
}

fn manifest_of(tree: &Tree) -> BTreeMap<String, Digest> {
    tree.0.iter().map(|(path, bytes)| (path.clone(), Digest::of(bytes))).collect()
}

/// The files, each once, each one that a repository may hold.
fn tree_of(files: BTreeMap<String, String>, bytes: BTreeMap<String, String>) -> Result<Tree, ReleaseError> {
    let wrong = |path: &str, what| ReleaseError::File { path: path.to_owned(), what };
    let mut tree = Tree::default();
    let texts = files.into_iter().map(|(path, text)| (path, Ok(text.into_bytes())));
    let raw = bytes.into_iter().map(|(path, base64)| (path, STANDARD.decode(base64)));
    let mut sum = 0_usize;
    for (path, content) in texts.chain(raw) {
        let content = content.map_err(|_| wrong(&path, "its bytes are not base64"))?;
        if !is_plain(&path) || !belongs(&path) {
            return Err(wrong(&path, "no file of a workflow repository is called that"));
        }
        if content.len() > MAX_FILE_BYTES {
            return Err(wrong(&path, "the file is larger than one of a repository may be"));
        }
        sum += content.len();
        if sum > MAX_TREE_BYTES || tree.0.len() >= MAX_FILES {
            return Err(wrong(&path, "with this file there is more than a repository may hold"));
        }
        if tree.0.insert(path.clone(), content).is_some() {
            return Err(wrong(&path, "the file is there twice"));
        }
    }
    Ok(tree)
}

/// A path that can be written into a directory and stays in it.
fn is_plain(path: &str) -> bool {
    let part = |part: &str| !part.is_empty() && part != "." && part != "..";
    path.split('/').all(part) && !path.contains(|c: char| c == '\\' || c.is_control())
}

/// The files must equal the manifest, and the manifest must be the subject.
fn compare(statement: &Statement, tree: &Tree) -> Result<(), ReleaseError> {
    let manifest = &statement.predicate.manifest;
    let wrong = |path: &str, what| ReleaseError::File { path: path.to_owned(), what };
    for (path, digest) in manifest {
        let Some(content) = tree.0.get(path) else {
            return Err(wrong(path, "the manifest names it, and it is missing"));
        };
        if Digest::of(content) != *digest {
            return Err(wrong(path, "it is not the file that was signed"));
        }
    }
    if let Some(path) = tree.0.keys().find(|path| !manifest.contains_key(*path)) {
        return Err(wrong(path, "the manifest does not name it"));
    }
    let id = tree.id();
    let subject = statement.subject_id();
    if subject != Some(id) {
        let subject = subject.map_or_else(|| "something else".to_owned(), |subject| subject.to_string());
        return Err(ReleaseError::Subject { manifest: id, subject });
    }
    Ok(())
}
