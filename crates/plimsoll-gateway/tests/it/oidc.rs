//! Tokens of a trusted issuer, and everything that only looks like one.

use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};
use serde_json::{Value, json};

use crate::world::{Plan, World};

const ISSUER: &str = "https://login.shop.example";
const AUDIENCE: &str = "plimsoll";

fn base64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A key of the issuer's: signs, and says what is published of it.
enum Key {
    Rsa(RsaKeyPair),
    Ecdsa(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
}

impl Key {
    fn ecdsa() -> Self {
        let pkcs8 =
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).unwrap();
        let pair =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &SystemRandom::new());
        Self::Ecdsa(pair.unwrap())
    }

    fn ed() -> Self {
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        Self::Ed(Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).unwrap())
    }

    /// `ring` makes no RSA keys, so OpenSSL does. Without it there is none.
    fn rsa() -> Option<Self> {
        let made = Command::new("openssl")
            .args(["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-outform", "DER"])
            .output();
        let Ok(made) = made else {
            println!("openssl is not here: RS256 is left out");
            return None;
        };
        let der = made.stdout;
        Some(Self::Rsa(RsaKeyPair::from_pkcs8(&der).or_else(|_| RsaKeyPair::from_der(&der)).unwrap()))
    }

    fn alg(&self) -> &'static str {
        match self {
            Self::Rsa(_) => "RS256",
            Self::Ecdsa(_) => "ES256",
            Self::Ed(_) => "EdDSA",
        }
    }

    fn sign(&self, message: &str) -> Vec<u8> {
        match self {
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message.as_bytes(), &mut signature)
                    .unwrap();
                signature
            }
            Self::Ecdsa(pair) => {
                pair.sign(&SystemRandom::new(), message.as_bytes()).unwrap().as_ref().to_vec()
            }
            Self::Ed(pair) => pair.sign(message.as_bytes()).as_ref().to_vec(),
        }
    }

    fn public(&self) -> Vec<u8> {
        match self {
            Self::Rsa(pair) => pair.public_key().as_ref().to_vec(),
            Self::Ecdsa(pair) => pair.public_key().as_ref().to_vec(),
            Self::Ed(pair) => pair.public_key().as_ref().to_vec(),
        }
    }

    fn published(&self, id: &str) -> Value {
        match self {
            Self::Rsa(pair) => {
                let parts = ring::rsa::PublicKeyComponents::<Vec<u8>>::from(pair.public());
                json!({ "kty": "RSA", "use": "sig", "alg": "RS256", "kid": id, "n": base64(parts.n), "e": base64(parts.e) })
            }
            Self::Ecdsa(_) => {
                let point = self.public();
                json!({ "kty": "EC", "use": "sig", "alg": "ES256", "crv": "P-256", "kid": id, "x": base64(&point[1..33]), "y": base64(&point[33..]) })
            }
            Self::Ed(_) => {
                json!({ "kty": "OKP", "use": "sig", "alg": "EdDSA", "crv": "Ed25519", "kid": id, "x": base64(self.public()) })
            }
        }
    }

    fn token(&self, id: &str, claims: &Value) -> String {
        self.token_with(&json!({ "alg": self.alg(), "typ": "JWT", "kid": id }), claims)
    }

    fn token_with(&self, header: &Value, claims: &Value) -> String {
        let message = format!("{}.{}", base64(header.to_string()), base64(claims.to_string()));
        let signature = base64(self.sign(&message));
        format!("{message}.{signature}")
    }
}

fn claims(change: impl FnOnce(&mut Value)) -> Value {
    let now = Timestamp::now().as_second();
    let mut claims = json!({ "iss": ISSUER, "aud": AUDIENCE, "sub": "ada", "iat": now, "exp": now + 300,
        "realm_access": { "roles": ["desk"] }, "tenant": "shop", "act_for": "bo" });
    change(&mut claims);
    claims
}

fn plan(jwks: &str) -> Plan {
    let identity = format!(
        "environment: demo\nidentity:\n  oidc:\n    - issuer: {ISSUER}\n      audience: {AUDIENCE}\n      jwks: {jwks}\n      workflow: support\n      roles_claim: realm_access.roles\n      tenant_claim: tenant\n      on_behalf_of_claim: act_for\n"
    );
    Plan::new().change("plimsoll.yaml", "environment: demo", &identity).change(
        "workflows/support.yaml",
        "models: [main, claude]",
        "roles: [desk]\nmodels: [main, claude]",
    )
}

async fn enters(world: &World, token: &str) -> (u16, String) {
    let got = world.anyone(token).chat("echo", "hello").await;
    (got.status, got.text())
}

#[tokio::test]
async fn tokens_of_a_trusted_issuer() {
    let keys: Vec<Key> = [Some(Key::ecdsa()), Some(Key::ed()), Key::rsa()].into_iter().flatten().collect();
    let published: Vec<Value> =
        keys.iter().enumerate().map(|(n, key)| key.published(&format!("k{n}"))).collect();
    let set = json!({ "keys": published }).to_string();
    let world = plan("keys/issuer.json").add("keys/issuer.json", set.clone().into_bytes()).start().await;
    for (n, key) in keys.iter().enumerate() {
        let id = format!("k{n}");
        let good = key.token(&id, &claims(|_| {}));
        let (status, text) = enters(&world, &good).await;
        assert_eq!(status, 200, "{}: {text}", key.alg());
        let no_id = key.token_with(&json!({ "alg": key.alg() }), &claims(|_| {}));
        assert_eq!(enters(&world, &no_id).await.0, 200, "{} without a key id", key.alg());
        refused(&world, key, &id).await;
    }
    let principals: Vec<_> = world.entries().into_iter().filter_map(|entry| entry.principal).collect();
    let ada = principals.iter().find(|principal| principal.id == "oidc:ada").expect("ada is on record");
    assert_eq!((ada.tenant.as_str(), ada.on_behalf_of.as_deref()), ("shop", Some("bo")));
    assert!(!world.state_bytes().windows(20).any(|bytes| bytes == set.as_bytes()[..20].as_ref()));
}

/// Whatever is wrong, the answer is the same.
async fn refused(world: &World, key: &Key, id: &str) {
    let stranger = Key::ed();
    let now = Timestamp::now().as_second();
    let good = key.token(id, &claims(|_| {}));
    let (message, signature) = good.rsplit_once('.').unwrap();
    let payload = message.split_once('.').unwrap().1;
    let mut tampered = base64(claims(|claims| claims["sub"] = json!("root")).to_string());
    tampered = format!("{}.{tampered}.{signature}", message.split_once('.').unwrap().0);
    let none = |alg: &str| format!("{}.{payload}.", base64(json!({ "alg": alg, "typ": "JWT" }).to_string()));
    // The classic: the public key as a shared secret.
    let hs256 = |secret: &[u8]| {
        let message = format!("{}.{payload}", base64(json!({ "alg": "HS256", "kid": id }).to_string()));
        let hmac =
            ring::hmac::sign(&ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret), message.as_bytes());
        format!("{message}.{}", base64(hmac))
    };
    let with = |change: &dyn Fn(&mut Value)| key.token(id, &claims(|claims| change(claims)));
    let other_alg = if key.alg() == "ES256" { "EdDSA" } else { "ES256" };
    let cases = [
        ("another audience", with(&|c| c["aud"] = json!("other"))),
        ("no audience", with(&|c| drop(c.as_object_mut().unwrap().remove("aud")))),
        ("another issuer", with(&|c| c["iss"] = json!("https://login.evil.example"))),
        ("issuer with a slash", with(&|c| c["iss"] = json!(format!("{ISSUER}/")))),
        ("no issuer", with(&|c| drop(c.as_object_mut().unwrap().remove("iss")))),
        ("expired", with(&|c| c["exp"] = json!(now - 120))),
        ("never expires", with(&|c| drop(c.as_object_mut().unwrap().remove("exp")))),
        ("expiry as text", with(&|c| c["exp"] = json!("tomorrow"))),
        ("not yet", with(&|c| c["nbf"] = json!(now + 600))),
        ("nobody", with(&|c| drop(c.as_object_mut().unwrap().remove("sub")))),
        ("somebody else's key", stranger.token(id, &claims(|_| {}))),
        ("an unknown key", key.token("k99", &claims(|_| {}))),
        ("tampered", tampered),
        ("no signature", format!("{message}.")),
        ("no signature part", message.to_owned()),
        ("none", none("none")),
        ("None", none("None")),
        ("NONE", none("NONE")),
        ("HS256 with the public key", hs256(&key.public())),
        ("HS256 with the published key", hs256(key.published(id).to_string().as_bytes())),
        (
            "another algorithm's name",
            key.token_with(&json!({ "alg": other_alg, "kid": id }), &claims(|_| {})),
        ),
        (
            "a key of its own",
            key.token_with(
                &json!({ "alg": key.alg(), "kid": "k99", "jwk": stranger.published("k99") }),
                &claims(|_| {}),
            ),
        ),
        (
            "a place of its own",
            key.token_with(
                &json!({ "alg": key.alg(), "kid": "k99", "jku": "http://127.0.0.1:1/keys" }),
                &claims(|_| {}),
            ),
        ),
        ("three dots", "...".to_owned()),
    ];
    for (what, token) in cases {
        let (status, text) = enters(world, &token).await;
        assert!(status == 401 && text.contains("PLM-0430"), "{} {what}: {status} {text}", key.alg());
    }
    let (status, text) = enters(world, &with(&|c| c["realm_access"]["roles"] = json!(["visitor"]))).await;
    assert!(status == 403 && text.contains("PLM-0431"), "without the role: {status} {text}");
}

#[tokio::test]
async fn keys_from_a_url_and_from_nowhere() {
    let key = Key::ed();
    let source = Plan::new().scripted().start().await;
    source.say(200, "application/json", json!({ "keys": [key.published("k0")] }).to_string());
    let world = plan(&format!("{}/keys", source.script.url())).start().await;
    let token = key.token("k0", &claims(|_| {}));
    world.within_a_second("the keys are fetched", async || enters(&world, &token).await.0 == 200).await;
    // The issuer is gone: what was known stays known, and nothing else is believed.
    source.say(500, "text/plain", "broken");
    assert_eq!(enters(&world, &token).await.0, 200);
    assert_eq!(enters(&world, &Key::ed().token("k1", &claims(|_| {}))).await.0, 401);

    let world = plan("http://127.0.0.1:1/keys").start().await;
    let (status, text) = enters(&world, &token).await;
    assert!(status == 401 && text.contains("PLM-0430"), "{status} {text}");
    let key = world.key("ada2", plimsoll_core::PrincipalKind::Agent, "support").await;
    assert_eq!(world.anyone(&key).chat("echo", "hello").await.status, 403, "the role is still asked for");
    source.say(200, "application/json", "not a set of keys");
    let world = plan(&format!("{}/keys", source.script.url())).start().await;
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    assert_eq!(enters(&world, &token).await.0, 401);
}
