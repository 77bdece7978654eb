//! XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03): the first 16 bytes of the nonce make a key of their own, under
//! which RFC 8439's cipher works with the other eight. That cipher is ring's: what is sealed here is short, and it has
//! next to nothing to set up.

use chacha20::{R20, hchacha};
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use zeroize::Zeroizing;

use super::{NONCE_BYTES, TAG_BYTES};

/// It does not open, or is longer than the cipher takes.
pub(super) struct Failed;

/// Encrypts in place what stands there from `from` on, and adds the tag.
pub(super) fn seal(
    key: &[u8; 32],
    nonce: &[u8; NONCE_BYTES],
    aad: &[u8],
    bytes: &mut Vec<u8>,
    from: usize,
) -> Result<(), Failed> {
    let (key, nonce) = inner(key, nonce)?;
    let plain = bytes.get_mut(from..).ok_or(Failed)?;
    let tag = key.seal_in_place_separate_tag(nonce, Aad::from(aad), plain).map_err(|_| Failed)?;
    bytes.extend_from_slice(tag.as_ref());
    Ok(())
}

/// Checks the tag, takes it off and decrypts in place.
pub(super) fn open(
    key: &[u8; 32],
    nonce: &[u8; NONCE_BYTES],
    aad: &[u8],
    bytes: &mut Vec<u8>,
) -> Result<(), Failed> {
    let (key, nonce) = inner(key, nonce)?;
    key.open_in_place(nonce, Aad::from(aad), bytes).map_err(|_| Failed)?;
    bytes.truncate(bytes.len() - TAG_BYTES);
    Ok(())
}

/// The key and the nonce of the inner cipher.
fn inner(key: &[u8; 32], nonce: &[u8; NONCE_BYTES]) -> Result<(LessSafeKey, Nonce), Failed> {
    let (first, rest) = nonce.split_first_chunk::<16>().ok_or(Failed)?;
    let key = Zeroizing::new(<[u8; 32]>::from(hchacha::<R20>(key.into(), first.into())));
    let mut nonce = [0; NONCE_LEN];
    nonce[NONCE_LEN - rest.len()..].copy_from_slice(rest);
    let key = UnboundKey::new(&CHACHA20_POLY1305, &*key).map_err(|_| Failed)?;
    Ok((LessSafeKey::new(key), Nonce::assume_unique_for_key(nonce)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes<const N: usize>(hex: &str) -> [u8; N] {
        std::array::from_fn(|n| u8::from_str_radix(&hex[2 * n..2 * n + 2], 16).unwrap())
    }

    /// The draft's own example (appendix A.3.1).
    #[test]
    fn it_is_the_cipher_that_it_says() {
        const TEXT: &[u8] = b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.";
        let key = bytes::<32>("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f");
        let nonce = bytes::<24>("404142434445464748494a4b4c4d4e4f5051525354555657");
        let aad = bytes::<12>("50515253c0c1c2c3c4c5c6c7");
        let mut sealed = TEXT.to_vec();
        assert!(seal(&key, &nonce, &aad, &mut sealed, 0).is_ok());
        let (text, tag) = sealed.split_at(TEXT.len());
        assert_eq!(text[..16], bytes::<16>("bd6d179d3e83d43b9576579493c0e939"));
        assert_eq!(tag, bytes::<16>("c0875924c1c7987947deafd8780acf49"));
        let mut other = sealed.clone();
        other[3] ^= 1;
        assert!(open(&key, &nonce, &aad, &mut other).is_err());
        assert!(open(&key, &nonce, b"", &mut sealed.clone()).is_err());
        assert!(open(&key, &nonce, &aad, &mut Vec::new()).is_err());
        let mut behind = [&b"clear"[..], TEXT].concat();
        assert!(seal(&key, &nonce, &aad, &mut behind, 5).is_ok());
        assert_eq!((&behind[..5], &behind[5..]), (&b"clear"[..], &sealed[..]));
        assert!(seal(&key, &nonce, &aad, &mut behind, 500).is_err());
        assert!(open(&key, &nonce, &aad, &mut sealed).is_ok());
        assert_eq!(sealed, TEXT);
    }
}
