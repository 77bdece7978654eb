//! `plimsoll release approve`: a person reads what a release makes possible, and signs exactly that.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::ExitCode;

use jiff::Timestamp;
use plimsoll_bundle::Power;
use plimsoll_bundle::diff::{self, Diff, Level, Side};
use plimsoll_bundle::release::{Refused, Release as SignedRelease, Trust};
use plimsoll_core::PersonKey;

use super::{Rules, base, bundle_of, confirm, page, read, write};
use crate::cmd::diff_sides::State;
use crate::repo::Repo;
use crate::signing::Signing;
use crate::talk::{self, Done, Error};

/// Read what a release makes possible, and sign it
#[derive(Debug, clap::Args)]
#[command(after_help = "\
With --base the diff is made again here, and a release whose signed diff hides something is not signed. Without it you read
what its author says; the gateway compares it once more with what runs.

Exit codes: 0 signed, 1 you said no or may not, 2 it could not be read.")]
pub struct Approve {
    /// The release file; your signature is added to it
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// What it is compared with here: the release that runs, or a git revision or directory
    #[arg(long, value_name = "RELEASE-FILE|REV|DIR")]
    base: Option<String>,
    /// By whose rules: a trust file; default: by those of --base
    #[arg(long, value_name = "FILE")]
    trust: Option<PathBuf>,
    #[command(flatten)]
    signing: Signing,
    /// Don't ask
    #[arg(long)]
    yes: bool,
}

impl Approve {
    pub fn run(self, repo: &Repo) -> Done {
        let mut release = read(&self.file)?;
        let base = base(self.base.as_deref(), repo)?;
        let rules = Rules::of(self.trust.as_ref(), base.as_ref(), &release)?;
        if rules.trusts.is_empty() {
            return Err(Error::new(format!("by {}, none of its environments asks for signatures", rules.by))
                .help("name the rules that are in force with --trust FILE"));
        }
        let known = keys_of(&rules.trusts, &release);
        let signer = self.signing.signer(&known)?;
        let person = match may_approve(&rules.trusts, &release, signer.key()) {
            Ok(person) => person,
            Err(error) => {
                talk::error(&error);
                return Ok(ExitCode::from(1));
            }
        };
        let found = base.as_ref().map(|base| again(base, &release)).transpose()?;
        talk::say(page::release(&release, found.as_ref()).trim_end());
        talk::say(format!("looked at by {}", rules.by));
        match &found {
            Some(found) => shown(&release, found)?,
            None if release.predicate().diff.base.is_some() => {
                talk::say("the diff is what its author says; --base makes it again here");
            }
            None => talk::say("a first release is compared with nothing: you agree to all of its files"),
        }
        let question = format!("sign release {} as {person}?", release.predicate().sequence);
        if !self.yes && !confirm(&question)? {
            talk::say("not signed");
            return Ok(ExitCode::from(1));
        }
        release.sign(&*signer)?;
        write(&self.file, &release)?;
        talk::say(format!("signed by {person} with {}", signer.key().fingerprint()));
        for trust in &rules.trusts {
            match trust.foresee(&release, Timestamp::now()) {
                Ok(()) => talk::say(format!("{}: nobody else has to sign", trust.environment)),
                Err(refused) => talk::say(format!("{}: {refused}", trust.environment)),
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Everybody's keys, those first whose signature would count: an agent may hold several people's.
fn keys_of(trusts: &[Trust], release: &SignedRelease) -> Vec<PersonKey> {
    let author = &release.predicate().author;
    let people = || trusts.iter().flat_map(|trust| &trust.people);
    let (first, rest): (Vec<_>, Vec<_>) =
        people().partition(|(name, person)| *name != author && person.may.contains(&Power::Approve));
    first.into_iter().chain(rest).flat_map(|(_, person)| person.keys.clone()).collect()
}

/// Who signs with this key, if their signature would be worth anything.
fn may_approve(trusts: &[Trust], release: &SignedRelease, key: &PersonKey) -> Result<String, Error> {
    let predicate = release.predicate();
    let Some(person) = trusts.iter().find_map(|trust| trust.owner_of(key)) else {
        return Err(Error::new("nobody who can sign has this key").help(format!(
            "the release that runs has to name it in people.yaml, as `key:` of its person: {key}"
        )));
    };
    if person == predicate.author {
        return Err(Error::new(format!("`{person}` made this release, and nobody approves their own"))
            .help(who_could(trusts, release)));
    }
    if !trusts.iter().any(|trust| trust.may(person, Power::Approve)) {
        return Err(
            Error::new(format!("`{person}` may not approve releases")).help(who_could(trusts, release))
        );
    }
    for trust in trusts {
        match trust.foresee(release, Timestamp::now()) {
            Ok(()) | Err(Refused::UnderSigned { .. }) => {}
            Err(refused) => {
                return Err(Error::new(format!("{}: {refused}", trust.environment)).help(refused.next()));
            }
        }
        let signed = trust.who_signed(release).map(|signed| signed.approvers).unwrap_or_default();
        if signed.contains(person) {
            return Err(Error::new(format!("`{person}` has signed it, and counts once, with whatever key"))
                .help(who_could(trusts, release)));
        }
    }
    Ok(person.to_owned())
}

/// Who else could sign, in words.
fn who_could(trusts: &[Trust], release: &SignedRelease) -> String {
    let author = &release.predicate().author;
    let could = trusts.iter().flat_map(|trust| {
        trust.people.iter().filter(|(name, person)| person.may.contains(&Power::Approve) && *name != author)
    });
    let could: BTreeSet<&str> = could.map(|(name, _)| name.as_str()).collect();
    if could.is_empty() {
        return "nobody who may approve has a key".to_owned();
    }
    format!("who could approve it: {}", could.into_iter().collect::<Vec<_>>().join(", "))
}

fn again(base: &State, release: &SignedRelease) -> Result<Diff, Error> {
    let bundle = bundle_of(release)?;
    let head = Side { bundle: &bundle, tree: release.tree() };
    Ok(diff::diff(Side { bundle: &base.bundle, tree: &base.tree }, head))
}

/// What was found here must stand in what is signed: a diff that hides something is signed by nobody who looked.
fn shown(release: &SignedRelease, found: &Diff) -> Result<(), Error> {
    let signed: BTreeSet<&str> =
        release.predicate().diff.changes.iter().map(|change| change.fingerprint.as_str()).collect();
    let hidden = found
        .changes
        .iter()
        .filter(|change| change.level() > Level::Info && !signed.contains(change.fingerprint.as_str()));
    let hidden: Vec<&str> = hidden.map(|change| change.what.as_str()).collect();
    let Some(one) = hidden.first() else { return Ok(()) };
    Err(Error::new(format!("{} of what changes does not stand in the signed diff, first: {one}", hidden.len()))
        .help("it was made against another state, or with another Plimsoll: let its author make it again with --base, and don't sign this one"))
}
