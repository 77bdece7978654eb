//! Who signs: a key file, or a key that `ssh-agent` holds.

mod agent;

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use plimsoll_bundle::release::{SecretKey, SecretKeyError, Signer};
use plimsoll_core::PersonKey;

use crate::talk::Error;

/// Bytes of a key file that are read.
const KEY_FILE_BYTES_MAX: u64 = 16 << 10;

/// `--key FILE` or `--agent`.
#[derive(Clone, Debug, clap::Args)]
pub struct Signing {
    /// Sign with the key in this file (OpenSSH, Ed25519, without a passphrase); `plimsoll key sign` makes one
    #[arg(long, value_name = "FILE", env = "PLIMSOLL_SIGNING_KEY")]
    key: Option<PathBuf>,
    /// Sign with a key that ssh-agent holds
    #[arg(long)]
    agent: bool,
}

impl Signing {
    /// The key to sign with. An agent may hold many: the first of `known` that it has is taken. A file holds the one it holds,
    /// and what that is worth is for the caller to say.
    pub fn signer(&self, known: &[PersonKey]) -> Result<Box<dyn Signer>, Error> {
        if self.agent {
            return Ok(Box::new(agent::Agent::find(known)?));
        }
        let Some(file) = &self.key else {
            return Err(Error::new("a release is signed, and no key is named")
                .help("give --key FILE or --agent; `plimsoll key sign --name NAME` makes a key"));
        };
        Ok(Box::new(read(file)?))
    }
}

/// Reads a key file that nobody else can read.
pub fn read(file: &Path) -> Result<SecretKey, Error> {
    let told = |why: String| Error::new(format!("{}: {why}", file.display()));
    let meta = std::fs::metadata(file).map_err(|error| told(error.to_string()))?;
    if meta.mode() & 0o077 != 0 {
        return Err(told(format!("others can read this key (mode {:o})", meta.mode() & 0o777))
            .help(format!("chmod 600 {}", file.display())));
    }
    if meta.len() > KEY_FILE_BYTES_MAX {
        return Err(told("this is no key file: it is too long".to_owned()));
    }
    let text = std::fs::read_to_string(file).map_err(|error| told(error.to_string()))?;
    SecretKey::parse(&text).map_err(|error| {
        let help = match error {
            SecretKeyError::Locked => {
                format!("give it to the agent with `ssh-add {}`, then sign with --agent", file.display())
            }
            _ => "`plimsoll key sign --name NAME` makes one, and so does `ssh-keygen -t ed25519`".to_owned(),
        };
        told(error.to_string()).help(help)
    })
}
