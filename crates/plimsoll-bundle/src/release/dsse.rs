//! DSSE, the "dead simple signing envelope" of Secure Systems Lab, version 1: bytes, their type, and signatures over both.
//!
//! What is signed is the pre-authentication encoding (`PAE`), not the JSON around it, so no reader has to agree with another
//! about what canonical JSON is.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use plimsoll_core::PersonKey;
use ring::signature::{ED25519, UnparsedPublicKey};
use serde::{Deserialize, Serialize};

/// The type of what releases sign: an in-toto statement in JSON.
pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

/// A payload with signatures over it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Envelope {
    #[serde(rename = "payloadType")]
    payload_type: String,
    /// Base64.
    payload: String,
    pub(super) signatures: Vec<Signature>,
}

/// One signature.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Signature {
    /// Which key made it, as `ssh-keygen -l` shows it. It says where to look and proves nothing.
    pub keyid: String,
    /// Base64 of 64 bytes.
    pub sig: String,
}

impl Envelope {
    pub(super) fn unsigned(payload: &[u8]) -> Self {
        Self {
            payload_type: PAYLOAD_TYPE.to_owned(),
            payload: STANDARD.encode(payload),
            signatures: Vec::new(),
        }
    }

    /// The bytes that are signed for.
    pub(super) fn payload(&self) -> Result<Vec<u8>, String> {
        if self.payload_type != PAYLOAD_TYPE {
            return Err(format!("its payload is `{}`, not `{PAYLOAD_TYPE}`", self.payload_type));
        }
        STANDARD.decode(&self.payload).map_err(|_| "its payload is not base64".to_owned())
    }
}

/// `DSSEv1 <length of type> <type> <length of body> <body>` (DSSE protocol, "Signature Definition").
pub fn pae(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut message = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len()).into_bytes();
    message.extend_from_slice(payload);
    message
}

/// Whether this is the key's signature over these bytes (RFC 8032; a signature has one form only).
pub fn verifies(key: &PersonKey, message: &[u8], signature: &[u8]) -> bool {
    UnparsedPublicKey::new(&ED25519, key.public()).verify(message, signature).is_ok()
}

#[cfg(test)]
mod tests {
    use ring::signature::ECDSA_P256_SHA256_FIXED;

    use super::*;

    /// The example of the specification (protocol.md, "Test Vectors"): its signature, by its key, is over our encoding.
    #[test]
    fn the_example_of_the_specification() {
        let message = pae("http://example.com/HelloWorld", b"hello world");
        assert_eq!(message, b"DSSEv1 29 http://example.com/HelloWorld 11 hello world");
        // 0x04, then the specification's X and Y in hexadecimal.
        let public = format!(
            "04{:0>64}{:0>64}",
            "67cd390f77aa359cb08c2235f652270493a9ed832b0abcc01f70954c0390d238",
            "c782bd54e269125a44f4433aff1432ce94e12bca73aa67ac80cea12608ddf74"
        );
        let public: Vec<u8> =
            (0..65).map(|i| u8::from_str_radix(&public[2 * i..2 * i + 2], 16).unwrap()).collect();
        let signature =
            "A3JqsQGtVsJ2O2xqrI5IcnXip5GToJ3F+FnZ+O88SjtR6rDAajabZKciJTfUiHqJPcIAriEGAHTVeCUjW2JIZA==";
        let signature = STANDARD.decode(signature).unwrap();
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, public);
        assert!(key.verify(&message, &signature).is_ok());
        assert!(key.verify(&pae("http://example.com/HelloWorl", b"dhello world"), &signature).is_err());
    }

    #[test]
    fn lengths_are_bytes() {
        assert_eq!(pae("ü", "é".as_bytes()), "DSSEv1 2 ü 2 é".as_bytes());
        assert_eq!(pae("", b""), b"DSSEv1 0  0 ");
    }
}
