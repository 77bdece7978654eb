//! The ledger of the repository at hand, as packs and receipts are made from it.

use plimsoll_ledger::LedgerReader;
use plimsoll_ledger::proof::{
    CHECKPOINT, Dir, Files as _, NOTE_BYTES_MAX, POLICY_BYTES_MAX, Policy, SignedCheckpoint, TRUST, WITNESSED,
};

use crate::repo::Repo;
use crate::talk::{self, Error};

/// A ledger's directory and its own policy.
#[derive(Debug)]
pub struct Own {
    pub files: Dir,
    pub policy: Policy,
    pub trust: Vec<u8>,
}

impl Own {
    pub fn open(repo: &Repo) -> Result<Self, Error> {
        // With the directory given, the ledger can be read without its repository.
        let bundle = match std::env::var_os("PLIMSOLL_STATE") {
            Some(_) => None,
            None => repo.load(true)?.bundle,
        };
        let dir = repo.state_dir(bundle.as_ref()).join("ledger");
        let files = Dir(dir.clone());
        let Some(trust) = files.read(TRUST, POLICY_BYTES_MAX)? else {
            return Err(Error::new(format!("there is no signed ledger in {}", dir.display()))
                .help("`plimsoll up` makes one; --repo names the repository, PLIMSOLL_STATE the directory"));
        };
        let policy = Policy::parse(&trust).map_err(|error| Error::new(format!("{TRUST}: {error}")))?;
        Ok(Self { files, policy, trust })
    }

    /// The last checkpoint that the policy believes; says so when a later one is not believed yet.
    pub fn believed(&self) -> Result<SignedCheckpoint, Error> {
        let dir = self.files.0.display();
        let Some(last) = self.stored(CHECKPOINT)? else {
            return Err(Error::new(format!("there is no checkpoint in {dir} yet"))
                .help("a running gateway signs one within ten seconds"));
        };
        let why = match self.policy.judge(&last) {
            Ok(_) => return Ok(last),
            Err(why) => why,
        };
        let witnessed = self.stored(WITNESSED)?.filter(|checkpoint| self.policy.judge(checkpoint).is_ok());
        let Some(witnessed) = witnessed else {
            return Err(Error::new(format!("the last checkpoint is not to be believed: {why}"))
                .help("`plimsoll doctor` says how things stand with the witnesses"));
        };
        let newer = last.head().size - witnessed.head().size.min(last.head().size);
        talk::say(format!(
            "note: {newer} newer entries are left out, as their checkpoint is not witnessed yet"
        ));
        Ok(witnessed)
    }

    pub fn stored(&self, name: &str) -> Result<Option<SignedCheckpoint>, Error> {
        let bytes = self.files.read(name, NOTE_BYTES_MAX)?;
        let parsed = bytes.map(|bytes| SignedCheckpoint::parse(&bytes)).transpose();
        parsed.map_err(|error| Error::new(format!("{}: {error}", self.files.called(name))))
    }

    /// An entry's exact bytes, from the segments: also one that no checkpoint covers yet.
    pub fn reader(&self) -> Result<LedgerReader, Error> {
        Ok(LedgerReader::open(self.files.0.clone())?)
    }
}
