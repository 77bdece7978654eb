//! Reading a sealed part: with no key what it is made of, with a key what one class says, and what of it to show.

use plimsoll_core::Seal;

use super::{
    BOX_HEAD_BYTES, BOXES_MAX, Binding, FIELDS_MAX, Key, NONCE_BYTES, SEED_BYTES, SealError, TAG_BYTES,
    VERSION, cipher, commitment, root, salt,
};
use crate::merkle::{Hash, leaf_of, node};

/// A sealed part that its entry names.
#[derive(Debug)]
pub struct Part<'a> {
    boxes: Vec<Sealed<'a>>,
    commitments: &'a [Hash],
}

#[derive(Debug)]
struct Sealed<'a> {
    class: u8,
    key: u64,
    nonce: &'a [u8],
    ciphertext: &'a [u8],
}

/// One field that was opened, and what proves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    pub path: String,
    pub value: Vec<u8>,
    pub salt: Hash,
    index: u16,
}

/// One field, shown to somebody who has the entry: it proves itself against the entry's `seal.root` and says nothing
/// about the other fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disclosure {
    pub path: String,
    pub value: Vec<u8>,
    pub salt: Hash,
    /// Its place among the fields, from 0.
    pub index: u32,
    /// How many fields there are.
    pub fields: u32,
    /// The hashes beside its way to the root, from the leaf up (RFC 6962, section 2.1.1).
    pub proof: Vec<Hash>,
}

impl<'a> Part<'a> {
    /// Reads a sealed part and checks that it is the one the entry names.
    ///
    /// # Errors
    /// When it is another one, in whatever bit, or is not of this format.
    pub fn read(bytes: &'a [u8], named: &Seal) -> Result<Self, SealError> {
        if plimsoll_core::Digest::of(bytes) != named.digest {
            return Err(SealError::NotNamed("its digest is another"));
        }
        let part = Self::parse(bytes)?;
        if part.commitments.len() as u64 != u64::from(named.fields) || root(part.commitments) != named.root {
            return Err(SealError::NotNamed("its fields have another root"));
        }
        Ok(part)
    }

    fn parse(bytes: &'a [u8]) -> Result<Self, SealError> {
        let mut rest = bytes;
        let [version, count] = take::<2>(&mut rest)?;
        if version != VERSION {
            return Err(SealError::Malformed("a newer version wrote it"));
        }
        let mut boxes: Vec<Sealed<'a>> = Vec::new();
        if usize::from(count) > BOXES_MAX {
            return Err(SealError::Malformed("it has too many classes"));
        }
        for _ in 0..count {
            let head: [u8; BOX_HEAD_BYTES] = take(&mut rest)?;
            let key = u64::from_le_bytes(part_of(&head, 1)?);
            let length = u32::from_le_bytes(part_of(&head, 9 + NONCE_BYTES)?) as usize;
            // The nonce is borrowed from where it stands, right before the length.
            let at = bytes.len() - rest.len() - BOX_HEAD_BYTES + 9;
            let nonce = &bytes[at..at + NONCE_BYTES];
            let ciphertext = split(&mut rest, length)?;
            if boxes.last().is_some_and(|before| before.class >= head[0]) {
                return Err(SealError::Malformed("its classes are out of order"));
            }
            boxes.push(Sealed { class: head[0], key, nonce, ciphertext });
        }
        let fields = usize::from(u16::from_le_bytes(take(&mut rest)?));
        if fields > FIELDS_MAX || rest.len() != fields * 32 {
            return Err(SealError::Malformed("its commitments are cut off"));
        }
        Ok(Self { boxes, commitments: rest.as_chunks::<32>().0 })
    }

    /// Which key each class is sealed under, as far as these bytes say it. Nothing is checked: what follows from it
    /// is that a key is kept or destroyed.
    pub fn keys_of(bytes: &[u8]) -> Vec<(u8, u64)> {
        Part::parse(bytes).map(|part| part.keys().collect()).unwrap_or_default()
    }

    /// Which key each class is sealed under.
    pub fn keys(&self) -> impl Iterator<Item = (u8, u64)> {
        self.boxes.iter().map(|sealed| (sealed.class, sealed.key))
    }

    /// Opens one class. Every field is what its commitment says.
    ///
    /// # Errors
    /// When the key does not open it, it belongs to another entry, or a field is not the one committed to.
    pub fn open(&self, binding: Binding, class: u8, key: &Key) -> Result<Vec<Opened>, SealError> {
        let sealed = self.boxes.iter().find(|sealed| sealed.class == class);
        let sealed = sealed.ok_or(SealError::Malformed("it has no such class"))?;
        if sealed.ciphertext.len() < SEED_BYTES + TAG_BYTES {
            return Err(SealError::Malformed("a class is cut off"));
        }
        let nonce: &[u8; NONCE_BYTES] = sealed.nonce.try_into().map_err(|_| SealError::NotOpened)?;
        let mut plain = sealed.ciphertext.to_vec();
        cipher::open(key.bytes(), nonce, &binding.aad(class), &mut plain)
            .map_err(|_| SealError::NotOpened)?;
        let mut rest = &plain[..];
        let seed = &take::<SEED_BYTES>(&mut rest)?;
        let mut fields = Vec::new();
        while !rest.is_empty() {
            let index = u16::from_le_bytes(take(&mut rest)?);
            let length = usize::from(u16::from_le_bytes(take(&mut rest)?));
            let path = std::str::from_utf8(split(&mut rest, length)?);
            let path = path.map_err(|_| SealError::Malformed("a path is no text"))?.to_owned();
            let length = u32::from_le_bytes(take(&mut rest)?) as usize;
            let value = split(&mut rest, length)?.to_vec();
            let salt = salt(seed, index);
            if self.commitments.get(usize::from(index)) != Some(&commitment(&salt, &path, &value)) {
                return Err(SealError::NotNamed("a field is not the one that was committed to"));
            }
            fields.push(Opened { path, value, salt, index });
        }
        Ok(fields)
    }

    /// What shows one opened field to somebody who has the entry.
    pub fn disclose(&self, field: &Opened) -> Disclosure {
        let leaves: Vec<Hash> = self.commitments.iter().map(leaf_of).collect();
        Disclosure {
            path: field.path.clone(),
            value: field.value.clone(),
            salt: field.salt,
            index: u32::from(field.index),
            fields: leaves.len() as u32,
            proof: proof(&leaves, usize::from(field.index)),
        }
    }
}

impl Disclosure {
    /// Whether this is a field of the entry that names `seal`.
    pub fn holds(&self, seal: &Seal) -> bool {
        let hash = leaf_of(&commitment(&self.salt, &self.path, &self.value));
        // A commitment holds the path's length in two bytes: a longer one would be a shorter one and a part of its value.
        self.path.len() <= usize::from(u16::MAX)
            && self.fields == seal.fields
            && self.index < self.fields
            && climb(hash, self.index, self.fields, &self.proof)
                .is_some_and(|root| root == *seal.root.as_bytes())
    }
}

/// The way from a leaf to the root (RFC 6962, section 2.1.1).
fn proof(leaves: &[Hash], index: usize) -> Vec<Hash> {
    if leaves.len() < 2 {
        return Vec::new();
    }
    let (left, right) = leaves.split_at(half(leaves.len()));
    let (mut way, beside) = match index < left.len() {
        true => (proof(left, index), tree(right)),
        false => (proof(right, index - left.len()), tree(left)),
    };
    way.push(beside);
    way
}

fn tree(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => crate::merkle::empty_root(),
        [one] => *one,
        many => {
            let (left, right) = many.split_at(half(many.len()));
            node(&tree(left), &tree(right))
        }
    }
}

/// The largest power of two below `n`.
fn half(n: usize) -> usize {
    n.next_power_of_two() / 2
}

/// The root that a leaf at this place has with these hashes beside its way (RFC 9162, section 2.1.3.2).
fn climb(leaf: Hash, index: u32, size: u32, proof: &[Hash]) -> Option<Hash> {
    let (mut at, mut last, mut hash) = (index, size.checked_sub(1)?, leaf);
    for beside in proof {
        if last == 0 {
            return None;
        }
        if at & 1 == 1 || at == last {
            hash = node(beside, &hash);
            if at & 1 == 0 {
                let level = at.trailing_zeros();
                (at, last) = (at >> level, last >> level);
            }
        } else {
            hash = node(&hash, beside);
        }
        (at, last) = (at >> 1, last >> 1);
    }
    (last == 0).then_some(hash)
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], SealError> {
    let (taken, after) = rest.split_first_chunk::<N>().ok_or(SealError::Malformed("it is cut off"))?;
    *rest = after;
    Ok(*taken)
}

fn split<'a>(rest: &mut &'a [u8], length: usize) -> Result<&'a [u8], SealError> {
    let (taken, after) = rest.split_at_checked(length).ok_or(SealError::Malformed("it is cut off"))?;
    *rest = after;
    Ok(taken)
}

fn part_of<const N: usize>(bytes: &[u8], at: usize) -> Result<[u8; N], SealError> {
    let part = bytes.get(at..at + N).and_then(|part| part.try_into().ok());
    part.ok_or(SealError::Malformed("it is cut off"))
}
