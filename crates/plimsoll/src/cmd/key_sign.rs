//! `plimsoll key sign`: a key with which a person signs releases.

use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use plimsoll_bundle::release::{SecretKey, Signer as _};

use crate::talk::{self, Done, Error};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
The public line is printed; it goes under the person in people.yaml, as `key:`. The file is one of OpenSSH's, without a
passphrase: `ssh-keygen -p -f FILE` gives it one, and then `ssh-add FILE` and --agent sign with it. Any Ed25519 key of
`ssh-keygen` or of a hardware-backed agent does as well.

Example:
  plimsoll key sign --name ines")]
pub struct Sign {
    /// Whose key it is, as people.yaml calls them
    #[arg(long, value_name = "PERSON")]
    name: String,
    /// Where the secret half is written; the file must not be there yet. Default `~/.config/plimsoll/<name>.key`
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl Sign {
    pub fn run(&self) -> Done {
        let file = self.file()?;
        let mut seed = zeroize::Zeroizing::new([0_u8; 32]);
        getrandom::fill(&mut *seed).map_err(|error| Error::new(format!("no randomness: {error}")))?;
        let key = SecretKey::from_seed(&seed, &self.name)?;
        let made = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&file);
        made.and_then(|mut to| to.write_all(key.to_text().as_bytes()).and_then(|()| to.sync_all())).map_err(
            |error| {
                let error = Error::new(format!("{}: {error}", file.display()));
                if file.exists() {
                    error.help("a key that is there stays; name another file with --out")
                } else {
                    error
                }
            },
        )?;
        talk::data(key.key().to_string());
        talk::say(format!("{} of {}", key.key().fingerprint(), self.name));
        talk::say(format!("the secret half is in {}: whoever has it signs as {}", file.display(), self.name));
        talk::say(format!("people.yaml:  {}: {{key: {}}}", self.name, key.key()));
        Ok(ExitCode::SUCCESS)
    }

    fn file(&self) -> Result<PathBuf, Error> {
        let plain = |c: char| c.is_alphanumeric() || "-_.@+".contains(c);
        if self.name.is_empty() || self.name.starts_with(['.', '-']) || !self.name.chars().all(plain) {
            return Err(Error::new(format!("`{}` can't be a person's name here", self.name))
                .help("write it as people.yaml does, in letters and digits"));
        }
        if let Some(out) = &self.out {
            return Ok(out.clone());
        }
        let home = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from);
        let home = home.or_else(|| Some(Path::new(&std::env::var_os("HOME")?).join(".config")));
        let dir = home
            .filter(|home| home.is_absolute())
            .ok_or_else(|| Error::new("nobody says where your home is").help("name the file with --out"))?;
        let dir = dir.join("plimsoll");
        let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&dir);
        made.map_err(|error| Error::new(format!("{}: {error}", dir.display())))?;
        Ok(dir.join(format!("{}.key", self.name)))
    }
}
