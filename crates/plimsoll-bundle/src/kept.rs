//! What a bundle was made of, in one text that makes it again: so that a recorded decision can be taken again, years
//! later, by exactly the rules it was taken by.
//!
//! A release names files. What decides is more: the policies that came with the Plimsoll of that time, and what the
//! place of running changed (`PLIMSOLL_MODE`, `PLIMSOLL_ENVIRONMENT`, `${NAMES}`). All of it stands in a [`Kept`], whose
//! digest each entry names as its `ground`. Secrets do not: a `${NAME}` that stands for a credential, an address or
//! anything else that decides nothing is left out and stays empty when the bundle is made again.

use std::collections::BTreeMap;

use plimsoll_core::{Digest, Mode};
use serde::{Deserialize, Serialize};

use crate::cedar::Shipped;
use crate::diagnostic::Diagnostic;
use crate::env::Env;
use crate::load::{ModeOverride, Overrides, load};
use crate::model::Bundle;
use crate::tree::Tree;

/// What a bundle was made of, as it is written down.
#[derive(Clone, PartialEq, Eq)]
pub struct Kept {
    /// SHA-256 of `bytes`: the ground that entries name.
    pub digest: Digest,
    /// JSON.
    pub bytes: Vec<u8>,
}

/// Why a kept release makes no bundle.
#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    #[error("it is no kept release: {0}")]
    Form(String),
    #[error("its bytes have the digest {found}, not {named}")]
    Altered { found: Digest, named: Digest },
    #[error("its files are not those of the release it names")]
    Files,
    #[error(
        "the value of `${{{name}}}` was not kept, because it stands for a secret in another place, and {place} decides"
    )]
    Withheld { name: String, place: String },
    #[error("its files do not load any more: {0}")]
    Load(String),
    #[error("the same files make another bundle than they did")]
    Another,
}

/// The form of the text.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    v: u8,
    /// Version of the program that kept it.
    plimsoll: String,
    release: Digest,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    environment: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mode: Option<Mode>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    modes: BTreeMap<String, Mode>,
    /// What `${NAMES}` stood for where they decide something.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    env: BTreeMap<String, String>,
    /// Names that decide something and whose value is a secret elsewhere, with the place they decide.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    withheld: BTreeMap<String, String>,
    shipped: Shipped,
    files: BTreeMap<String, String>,
    /// Files that are no text, in hexadecimal.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    bytes: BTreeMap<String, String>,
}

/// What the environment gave, and to what.
#[derive(Debug, Default)]
pub(crate) struct Uses(BTreeMap<String, Use>);

#[derive(Debug, Default)]
struct Use {
    value: String,
    /// The first place where it decides something.
    decides: Option<String>,
    secret: bool,
}

/// What becomes of a value that stands in some place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Decides,
    /// How something is reached: it decides nothing.
    Reaches,
    /// Credentials, and whatever may hold one.
    Secret,
}

// === impl Kept ===

impl Kept {
    pub(crate) fn of(tree: &Tree, overrides: &Overrides, shipped: &Shipped, uses: &Uses) -> Self {
        let mut written = Written {
            v: 1,
            plimsoll: env!("CARGO_PKG_VERSION").to_owned(),
            release: tree.id(),
            environment: overrides.environment.clone(),
            mode: overrides.mode.all,
            modes: overrides.mode.of.clone(),
            env: BTreeMap::new(),
            withheld: BTreeMap::new(),
            shipped: shipped.clone(),
            files: BTreeMap::new(),
            bytes: BTreeMap::new(),
        };
        for (name, used) in &uses.0 {
            match (&used.decides, used.secret) {
                (Some(place), true) => written.withheld.insert(name.clone(), place.clone()),
                (Some(_), false) => written.env.insert(name.clone(), used.value.clone()),
                (None, _) => None,
            };
        }
        for (path, bytes) in &tree.0 {
            match std::str::from_utf8(bytes) {
                Ok(text) => written.files.insert(path.clone(), text.to_owned()),
                Err(_) => written.bytes.insert(path.clone(), hex(bytes)),
            };
        }
        // Texts and numbers, which always encode.
        let bytes = serde_json::to_vec(&written).unwrap_or_default();
        Self { digest: Digest::of(&bytes), bytes }
    }

    /// The bundle that these bytes make, where they are what `named` names. It holds no secret and reaches nothing.
    ///
    /// # Errors
    /// See [`RebuildError`].
    pub fn rebuild(bytes: &[u8], named: Digest) -> Result<Bundle, RebuildError> {
        let found = Digest::of(bytes);
        if found != named {
            return Err(RebuildError::Altered { found, named });
        }
        let written: Written =
            serde_json::from_slice(bytes).map_err(|error| RebuildError::Form(error.to_string()))?;
        let same_program = written.plimsoll == env!("CARGO_PKG_VERSION");
        if let Some((name, place)) = written.withheld.into_iter().next() {
            return Err(RebuildError::Withheld { name, place });
        }
        let texts = written.files.into_iter().map(|(path, text)| Some((path, text.into_bytes())));
        let others = written.bytes.into_iter().map(|(path, text)| Some((path, unhex(&text)?)));
        let files: Option<BTreeMap<String, Vec<u8>>> = texts.chain(others).collect();
        let tree = Tree(files.ok_or_else(|| RebuildError::Form("a file is not hexadecimal".to_owned()))?);
        if tree.id() != written.release {
            return Err(RebuildError::Files);
        }
        let overrides = Overrides {
            environment: written.environment,
            mode: ModeOverride { all: written.mode, of: written.modes },
            allow_unset: true,
            shipped: Some(written.shipped),
        };
        let var = |name: &str| written.env.get(name).cloned();
        let file = |_: &str| Err("secrets are not kept".to_owned());
        let (bundle, _warnings) =
            load(&tree, Env { var: &var, file: &file }, &overrides).map_err(|found| broken(&found))?;
        match bundle.kept.digest == named || !same_program {
            true => Ok(bundle),
            false => Err(RebuildError::Another),
        }
    }
}

/// Says which release it is: its text is long.
impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Kept({})", self.digest.short())
    }
}

fn broken(found: &[Diagnostic]) -> RebuildError {
    let first = found.iter().find(|diagnostic| diagnostic.is_error());
    let said = first.map(|diagnostic| format!("{}: {}", diagnostic.file, diagnostic.message));
    RebuildError::Load(said.unwrap_or_default())
}

// === impl Uses ===

impl Uses {
    /// A name stood in this place, for this.
    pub(crate) fn note(&mut self, file: &str, at: &str, name: String, value: String) {
        let place = place(file, at);
        let used = self.0.entry(name).or_default();
        used.value = value;
        used.secret |= place == Place::Secret;
        if place == Place::Decides && used.decides.is_none() {
            used.decides = Some(format!("{file} at {at}"));
        }
    }
}

/// What a value at this place can do. What is not named here may decide.
fn place(file: &str, at: &str) -> Place {
    let first = at.split('/').nth(1).unwrap_or_default();
    match (file.split('/').next().unwrap_or_default(), first) {
        ("plimsoll.yaml", "environment" | "project") => Place::Decides,
        ("plimsoll.yaml", "listen" | "hosts" | "origins" | "store") => Place::Reaches,
        ("plimsoll.yaml", _) | ("tools" | "models", "credential" | "accounts" | "env" | "stdio") => {
            Place::Secret
        }
        ("tools", "http") | ("models", "url") => Place::Reaches,
        _ => Place::Decides,
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    digits.len().is_multiple_of(2).then(|| digits.chunks(2).map(pair).collect())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree() -> Tree {
        Tree::from_iter([
            (
                "plimsoll.yaml",
                "plimsoll: 1\nproject: p\nenvironment: ${PLACE}\nlisten: {data: \"${ADDR}\"}\n",
            ),
            ("tools/desk.yaml", "server: desk\nlocal: true\ntools:\n  look: {tier: safe, effect: read}\n"),
            (
                "models/main.yaml",
                "model: main\nprovider: openai\nurl: ${URL}\ncredential: ${KEY}\nnames: [x]\nregion: ${REGION}\nprocessor: us\n",
            ),
            (
                "workflows/w.yaml",
                "workflow: w\npurpose: p\nowner: o\nmode: enforce\nmodels: [main]\nacts:\n  desk.look: {decides: automated}\n",
            ),
        ])
    }

    fn made(tree: &Tree, vars: &[(&str, &str)], overrides: &Overrides) -> Bundle {
        let var =
            |name: &str| vars.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        let file = |_: &str| Err("no".to_owned());
        match load(tree, Env { var: &var, file: &file }, overrides) {
            Ok((bundle, _)) => bundle,
            Err(found) => panic!("{}", crate::render::text(&found, tree, false)),
        }
    }

    const VARS: [(&str, &str); 5] = [
        ("PLACE", "north"),
        ("ADDR", "127.0.0.1:1"),
        ("URL", "https://model.example/token-abc"),
        ("KEY", "secret-4711"),
        ("REGION", "eu"),
    ];

    #[test]
    fn what_is_kept_makes_the_bundle_again_without_its_secrets() {
        let overrides = Overrides { mode: "w=observe".parse().unwrap(), ..Overrides::default() };
        let bundle = made(&tree(), &VARS, &overrides);
        let text = String::from_utf8(bundle.kept.bytes.clone()).unwrap();
        assert!(!text.contains("4711") && !text.contains("token-abc"), "{text}");
        let again = Kept::rebuild(&bundle.kept.bytes, bundle.kept.digest).unwrap();
        assert_eq!((again.id, again.kept.digest), (bundle.id, bundle.kept.digest));
        assert_eq!(again.project.environment, "north");
        assert_eq!(again.workflows["w"].mode, Mode::Observe);
        assert_eq!(again.models["main"].region, "eu");
        assert_eq!(again.models["main"].credential.as_ref().unwrap().reveal(), "");
    }

    #[test]
    fn whatever_decides_makes_another_ground() {
        let plain = Overrides::default();
        let ground =
            |vars: &[(&str, &str)], overrides: &Overrides| made(&tree(), vars, overrides).kept.digest;
        let base = ground(&VARS, &plain);
        let with = |name: &str, value: &'static str| {
            ground(&VARS.map(|(known, old)| (known, if known == name { value } else { old })), &plain)
        };
        assert_ne!(with("PLACE", "south"), base);
        assert_eq!(with("KEY", "another"), base);
        assert_eq!(with("ADDR", "127.0.0.1:2"), base);
        assert_ne!(ground(&VARS, &Overrides { mode: "suggest".parse().unwrap(), ..plain.clone() }), base);
        let mut shipped = Shipped::default();
        shipped.default.push_str("// another edition\n");
        assert_ne!(ground(&VARS, &Overrides { shipped: Some(shipped), ..plain }), base);
    }

    #[test]
    fn a_secret_that_also_decides_is_not_kept() {
        let tree = {
            let mut tree = tree();
            let text = tree.text("workflows/w.yaml").unwrap().replace("owner: o", "owner: ${KEY}");
            tree.insert("workflows/w.yaml", text);
            tree
        };
        let kept = made(&tree, &VARS, &Overrides::default()).kept;
        assert!(!String::from_utf8_lossy(&kept.bytes).contains("4711"));
        let error = Kept::rebuild(&kept.bytes, kept.digest).unwrap_err().to_string();
        assert!(error.contains("`${KEY}`") && error.contains("workflows/w.yaml at /owner"), "{error}");
    }

    #[test]
    fn altered_bytes_are_noticed() {
        let kept = made(&tree(), &VARS, &Overrides::default()).kept;
        let text = String::from_utf8(kept.bytes.clone()).unwrap();
        let altered = text.replace("automated", "autonomous").into_bytes();
        assert!(matches!(Kept::rebuild(&altered, kept.digest), Err(RebuildError::Altered { .. })));
        assert!(matches!(Kept::rebuild(&altered, Digest::of(&altered)), Err(RebuildError::Files)));
        assert!(matches!(Kept::rebuild(b"{}", Digest::of(b"{}")), Err(RebuildError::Form(_))));
    }

    #[test]
    fn files_that_are_no_text_are_kept_too() {
        assert_eq!(unhex(&hex(&[0, 255, 16])), Some(vec![0, 255, 16]));
        assert_eq!(unhex("0"), None);
        assert_eq!(unhex("zz"), None);
    }
}
