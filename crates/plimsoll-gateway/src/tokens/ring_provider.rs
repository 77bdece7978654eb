//! The JWT library's cryptography, done by `ring`, which TLS brings anyway: verifying only.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};
use ring::signature::{self as keys, UnparsedPublicKey, VerificationAlgorithm};
use signature::Verifier;

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: refuse_to_sign,
    verifier_factory: verifier,
    key_utils: KeyUtils::new_unimplemented(),
};

/// Makes `ring` the library's provider. More than once does no harm.
pub(super) fn install() {
    let _already_installed = PROVIDER.install_default();
}

/// The key of a published JWK. RSA keys become PKCS #1 DER, the form `ring` reads.
pub(super) fn key(jwk: &Jwk) -> Option<DecodingKey> {
    match &jwk.algorithm {
        AlgorithmParameters::RSA(rsa) => {
            let (n, e) = (URL_SAFE_NO_PAD.decode(&rsa.n).ok()?, URL_SAFE_NO_PAD.decode(&rsa.e).ok()?);
            Some(DecodingKey::from_rsa_der(&pkcs1(&n, &e)))
        }
        AlgorithmParameters::OctetKey(_) => None,
        _ => DecodingKey::from_jwk(jwk).ok(),
    }
}

fn refuse_to_sign(_: &Algorithm, _: &EncodingKey) -> Result<Box<dyn JwtSigner>, Error> {
    Err(ErrorKind::InvalidAlgorithm.into())
}

fn verifier(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>, Error> {
    let by: &'static dyn VerificationAlgorithm = match algorithm {
        Algorithm::RS256 => &keys::RSA_PKCS1_2048_8192_SHA256,
        Algorithm::RS384 => &keys::RSA_PKCS1_2048_8192_SHA384,
        Algorithm::RS512 => &keys::RSA_PKCS1_2048_8192_SHA512,
        Algorithm::PS256 => &keys::RSA_PSS_2048_8192_SHA256,
        Algorithm::PS384 => &keys::RSA_PSS_2048_8192_SHA384,
        Algorithm::ES256 => &keys::ECDSA_P256_SHA256_FIXED,
        Algorithm::ES384 => &keys::ECDSA_P384_SHA384_FIXED,
        Algorithm::EdDSA => &keys::ED25519,
        _ => return Err(ErrorKind::InvalidAlgorithm.into()),
    };
    let key = UnparsedPublicKey::new(by, key.try_get_as_bytes()?.to_vec());
    Ok(Box::new(RingVerifier { algorithm: *algorithm, key }))
}

struct RingVerifier {
    algorithm: Algorithm,
    key: UnparsedPublicKey<Vec<u8>>,
}

impl JwtVerifier for RingVerifier {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

impl Verifier<Vec<u8>> for RingVerifier {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), signature::Error> {
        self.key.verify(message, signature).map_err(|_| signature::Error::new())
    }
}

/// `RSAPublicKey ::= SEQUENCE { modulus INTEGER, publicExponent INTEGER }` (RFC 8017, A.1.1).
fn pkcs1(n: &[u8], e: &[u8]) -> Vec<u8> {
    let mut body = integer(n);
    body.extend(integer(e));
    tagged(0x30, &body)
}

fn integer(bytes: &[u8]) -> Vec<u8> {
    let significant: Vec<u8> = bytes.iter().copied().skip_while(|byte| *byte == 0).collect();
    let positive = significant.first().is_none_or(|first| first & 0x80 != 0);
    let mut value = if positive { vec![0] } else { Vec::new() };
    value.extend(significant);
    tagged(0x02, &value)
}

fn tagged(tag: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    match body.len() {
        len @ 0..=0x7f => out.push(len as u8),
        len => {
            let bytes: Vec<u8> = len.to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect();
            out.push(0x80 | bytes.len() as u8);
            out.extend(bytes);
        }
    }
    out.extend_from_slice(body);
    out
}
