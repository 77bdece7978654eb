//! C2SP tlog-proof: one entry, its place, and the proof that it is in a checkpoint, in one text file. Pure.

use std::collections::BTreeSet;
use std::fmt;
use std::marker::PhantomData;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use plimsoll_core::{Digest, Seal};
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Serialize};

use super::checkpoint::{CheckpointError, SignedCheckpoint, decimal, hash};
use super::files::{FileError, Files};
use super::policy::{Policy, Trusted};
use super::tile::{Tile, TileKind, TileNodes, bundle_entries};
use super::tree::{check_inclusion, inclusion};
use super::{PROOF_HASHES_MAX, RECEIPT_BYTES_MAX};
use crate::merkle::{Hash, leaf};
use crate::seal::Disclosure;

const MAGIC: &str = "c2sp.org/tlog-proof@v1";

/// A proof that an entry is in the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// What is in the `extra` line: an [`Extra`] as JSON.
    pub extra: Vec<u8>,
    pub index: u64,
    pub path: Vec<Hash>,
    pub checkpoint: SignedCheckpoint,
}

/// What the `extra` line of a receipt holds, as JSON with exactly these members, without spaces. Nothing in it is
/// believed: the entry has to hash to the proven leaf, and what is disclosed has to fit the entry.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Extra {
    /// The entry's exact bytes, in base64.
    pub entry: String,
    /// Sealed fields of the entry that the holder chose to show.
    pub disclosed: Vec<Disclosed>,
}

/// One sealed field, as it stands in a receipt: [`Disclosure`] in JSON, its bytes in base64.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Disclosed {
    pub path: String,
    pub value: String,
    pub salt: String,
    pub index: u32,
    pub proof: Vec<String>,
}

impl From<&Disclosure> for Disclosed {
    fn from(shown: &Disclosure) -> Self {
        Self {
            path: shown.path.clone(),
            value: STANDARD.encode(&shown.value),
            salt: STANDARD.encode(shown.salt),
            index: shown.index,
            proof: shown.proof.iter().map(|hash| STANDARD.encode(hash)).collect(),
        }
    }
}

impl Disclosed {
    /// The field, if this could be one of an entry that names so many.
    fn read(&self, fields: u32) -> Option<Disclosure> {
        let bytes = |text: &String| STANDARD.decode(text).ok();
        let hash = |text: &String| Hash::try_from(bytes(text)?).ok();
        Some(Disclosure {
            path: self.path.clone(),
            value: bytes(&self.value)?,
            salt: hash(&self.salt)?,
            index: self.index,
            fields,
            proof: self.proof.iter().map(hash).collect::<Option<_>>()?,
        })
    }
}

/// Why a receipt proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptError {
    #[error("this is no receipt: {0}")]
    Format(&'static str),
    #[error("its checkpoint can't be read: {0}")]
    Checkpoint(#[from] CheckpointError),
    #[error("its checkpoint is not to be believed: {0}")]
    Untrusted(String),
    #[error(
        "the entry is not entry {index} of the {size} entries of the checkpoint: the entry, its number or the proof was changed"
    )]
    NotIncluded { index: u64, size: u64 },
    #[error("{0}")]
    Disclosed(String),
    #[error("entry {index} is not under a checkpoint yet: the last one covers {size} entries")]
    NotYet { index: u64, size: u64 },
    #[error(transparent)]
    File(#[from] FileError),
    #[error(
        "{0}: it does not lead to the checkpoint's root. The tiles are damaged: `plimsoll verify` says where"
    )]
    Tiles(&'static str),
}

impl Extra {
    pub fn new(entry: &[u8]) -> Self {
        Self { entry: STANDARD.encode(entry), disclosed: Vec::new() }
    }

    /// As it stands in the receipt.
    pub fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    fn decode(bytes: &[u8]) -> Result<Self, ReceiptError> {
        let extra: Self = serde_json::from_slice(bytes)
            .map_err(|_| ReceiptError::Format("the `extra` line is not the JSON of an entry"))?;
        match extra.encode() == bytes {
            true => Ok(extra),
            false => Err(ReceiptError::Format("the `extra` line is not written as receipts write it")),
        }
    }
}

impl Receipt {
    /// The receipt of an entry under a checkpoint, from a ledger's or pack's tiles. It is checked before it is given.
    ///
    /// # Errors
    /// When the entry is not under the checkpoint, or the tiles do not lead to its root.
    pub fn make(files: &dyn Files, checkpoint: SignedCheckpoint, index: u64) -> Result<Self, ReceiptError> {
        let head = checkpoint.head();
        if index >= head.size {
            return Err(ReceiptError::NotYet { index, size: head.size });
        }
        let width = (head.size - (index & !0xff)).min(256) as usize;
        let tile = Tile { kind: TileKind::Entries, index: index >> 8, width };
        let bundle = super::tile::read(files, tile)?.ok_or_else(|| FileError::missing(files, &tile))?;
        let entries = bundle_entries(&bundle).ok_or_else(|| FileError::length(files, &tile))?;
        let entry = entries.get((index & 0xff) as usize).ok_or_else(|| FileError::length(files, &tile))?;
        let path = inclusion(&TileNodes::new(files, head.size), index, head.size)?;
        if !check_inclusion(&leaf(entry), index, &path, &head) {
            return Err(ReceiptError::Tiles("no receipt can be made"));
        }
        Ok(Self { extra: Extra::new(entry).encode(), index, path, checkpoint })
    }

    /// Reads a receipt (tlog-proof, "Format").
    ///
    /// # Errors
    /// When the bytes are none. One that was read is not yet believed: see [`check`](Self::check).
    pub fn parse(bytes: &[u8]) -> Result<Self, ReceiptError> {
        let format = ReceiptError::Format;
        if bytes.len() > RECEIPT_BYTES_MAX {
            return Err(format("it is too long"));
        }
        let text = std::str::from_utf8(bytes).map_err(|_| format("it is not text"))?;
        let (proof, checkpoint) =
            text.split_once("\n\n").ok_or(format("no empty line stands before its checkpoint"))?;
        let mut lines = proof.split('\n');
        if lines.next() != Some(MAGIC) {
            return Err(format("its first line is not `c2sp.org/tlog-proof@v1`"));
        }
        let extra = lines.next().and_then(|line| line.strip_prefix("extra "));
        let extra = extra.ok_or(format("its second line is not `extra` and the entry"))?;
        let extra = STANDARD.decode(extra).map_err(|_| format("its `extra` line is not base64"))?;
        let index = lines.next().and_then(|line| line.strip_prefix("index ")).and_then(decimal);
        let index = index.ok_or(format("its third line is not `index` and a number"))?;
        let path: Option<Vec<Hash>> = lines.map(hash).collect();
        let path =
            path.filter(|path| path.len() <= PROOF_HASHES_MAX).ok_or(format("its proof is not hashes"))?;
        Ok(Self { extra, index, path, checkpoint: SignedCheckpoint::parse(checkpoint.as_bytes())? })
    }

    pub fn encode(&self) -> String {
        let mut text = format!("{MAGIC}\nextra {}\nindex {}\n", STANDARD.encode(&self.extra), self.index);
        for hash in &self.path {
            text.push_str(&STANDARD.encode(hash));
            text.push('\n');
        }
        text + "\n" + &self.checkpoint.encode()
    }

    /// Checks all of it (tlog-proof, "Verifying a tlog proof"), and gives the entry that is proven.
    ///
    /// # Errors
    /// Why it proves nothing.
    pub fn check(&self, policy: &Policy) -> Result<(Vec<u8>, Trusted), ReceiptError> {
        self.check_all(policy).map(|(entry, _, trusted)| (entry, trusted))
    }

    /// The same, with the sealed fields that are disclosed: each is one that the entry commits to.
    ///
    /// # Errors
    /// Why it proves nothing.
    pub fn check_all(&self, policy: &Policy) -> Result<(Vec<u8>, Vec<Disclosure>, Trusted), ReceiptError> {
        let extra = Extra::decode(&self.extra)?;
        let entry =
            STANDARD.decode(&extra.entry).map_err(|_| ReceiptError::Format("the entry is not base64"))?;
        let trusted = policy.judge(&self.checkpoint).map_err(ReceiptError::Untrusted)?;
        let head = self.checkpoint.head();
        if !check_inclusion(&leaf(&entry), self.index, &self.path, &head) {
            return Err(ReceiptError::NotIncluded { index: self.index, size: head.size });
        }
        let disclosed = check_disclosed(&entry, &extra.disclosed)?;
        Ok((entry, disclosed, trusted))
    }

    /// The receipt with these sealed fields shown, each once, in the order in which the entry has them.
    ///
    /// # Errors
    /// When the receipt is none.
    pub fn disclosing(self, fields: &[Disclosure]) -> Result<Self, ReceiptError> {
        let mut extra = Extra::decode(&self.extra)?;
        let mut fields: Vec<&Disclosure> = fields.iter().collect();
        fields.sort_by_key(|field| field.index);
        fields.dedup_by_key(|field| field.index);
        extra.disclosed = fields.into_iter().map(Disclosed::from).collect();
        Ok(Self { extra: extra.encode(), ..self })
    }
}

/// The fields that are disclosed, each of which the entry commits to, and none of them twice.
pub(crate) fn check_disclosed(
    entry: &[u8],
    disclosed: &[Disclosed],
) -> Result<Vec<Disclosure>, ReceiptError> {
    if disclosed.is_empty() {
        return Ok(Vec::new());
    }
    let seal = seal_of(entry).ok_or_else(|| {
        ReceiptError::Disclosed("it discloses fields of an entry that seals none".to_owned())
    })?;
    let field = |one: &Disclosed| {
        let shown = one.read(seal.fields).filter(|shown| shown.holds(&seal));
        shown.ok_or_else(|| {
            ReceiptError::Disclosed(format!("the entry does not commit to the disclosed `{}`", one.path))
        })
    };
    let shown: Vec<Disclosure> = disclosed.iter().map(field).collect::<Result<_, _>>()?;
    let mut places = BTreeSet::new();
    match shown.iter().find(|one| !places.insert(one.index)) {
        Some(one) => Err(ReceiptError::Disclosed(format!("it discloses `{}` twice", one.path))),
        None => Ok(shown),
    }
}

/// What an entry says of its sealed part, if it says so in the one way that entries say it: every verifier has to read
/// the same out of the same bytes.
fn seal_of(entry: &[u8]) -> Option<Seal> {
    let Object(named) = serde_json::from_str::<Object<Sealed>>(std::str::from_utf8(entry).ok()?).ok()?;
    let Object(named) = named.seal?;
    let digest = |text: &str| Digest::parse(text).filter(|digest| digest.to_string() == text);
    Some(Seal { root: digest(&named.root)?, digest: digest(&named.digest)?, fields: named.fields })
}

/// The one member of an entry that its sealed fields hang on.
#[derive(Deserialize)]
struct Sealed {
    #[serde(default)]
    seal: Option<Object<Named>>,
}

/// [`Seal`], as it is spelt.
#[derive(Deserialize)]
struct Named {
    root: String,
    digest: String,
    fields: u32,
}

/// A struct that stands as a JSON object: serde would also take it from an array.
struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Members<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
            type Value = Object<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Self::Value, A::Error> {
                T::deserialize(MapAccessDeserializer::new(members)).map(Object)
            }
        }
        from.deserialize_map(Members(PhantomData))
    }
}
