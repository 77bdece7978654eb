//! `plimsoll release show`: what a release is, who signed it, and whether it would run.

use std::path::PathBuf;
use std::process::ExitCode;

use jiff::Timestamp;
use plimsoll_bundle::release::{Refused, Release as SignedRelease, Trust};
use serde_json::{Value, json};

use super::{Rules, page, read};
use crate::talk::{self, Done};

/// What a release is, who signed it, and whether it would run
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A gateway also compares the release with what runs, and refuses one whose signed diff hides something.

Exit codes: 0 it would run (or no --trust was given), 1 it would be refused, 2 it is no release.")]
pub struct Show {
    /// The release file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// By whose rules: a trust file; default: by its own, which only says whose signatures these would be
    #[arg(long, value_name = "FILE")]
    trust: Option<PathBuf>,
    #[arg(long)]
    json: bool,
}

impl Show {
    pub fn run(self) -> Done {
        let release = read(&self.file)?;
        let rules = Rules::of(self.trust.as_ref(), None, &release)?;
        let judged: Vec<(&Trust, Result<(), Refused>)> =
            rules.trusts.iter().map(|trust| (trust, trust.foresee(&release, Timestamp::now()))).collect();
        let refused = judged.iter().any(|(_, found)| found.is_err());
        if self.json {
            talk::data(as_json(&release, &rules, &judged).to_string());
        } else {
            talk::data(page::release(&release, None).trim_end());
            talk::data("");
            for line in signatures(&release, &rules.trusts) {
                talk::data(line);
            }
            talk::data(format!("by {}:", rules.by));
            for (trust, found) in &judged {
                match found {
                    Ok(()) => talk::data(format!("  {}: it would run", trust.environment)),
                    Err(refused) => {
                        talk::data(format!("  {}: it would be refused: {refused}", trust.environment));
                        talk::data(format!("      {}", refused.next()));
                    }
                }
            }
        }
        Ok(ExitCode::from(u8::from(self.trust.is_some() && refused)))
    }
}

/// Whose signature each is, and whether it is good.
fn signed(release: &SignedRelease, trusts: &[Trust]) -> Vec<(String, Option<String>, bool)> {
    let find = |keyid: &str| {
        let people = trusts.iter().flat_map(|trust| &trust.people);
        let mut keys = people.flat_map(|(name, person)| person.keys.iter().map(move |key| (name, key)));
        keys.find(|(_, key)| key.fingerprint() == keyid)
    };
    let one = |signature: &plimsoll_bundle::release::Signature| {
        let found = find(&signature.keyid);
        let good = found.is_some_and(|(_, key)| release.is_signed_by(key, signature));
        (signature.keyid.clone(), found.map(|(name, _)| name.clone()), good)
    };
    release.signatures().iter().map(one).collect()
}

fn signatures(release: &SignedRelease, trusts: &[Trust]) -> Vec<String> {
    let author = &release.predicate().author;
    let line = |(keyid, who, good): (String, Option<String>, bool)| match (who, good) {
        (None, _) => format!("{keyid}: nobody that is known here"),
        (Some(who), false) => format!("{keyid}: named as {who}'s, and NOT a signature of this release"),
        (Some(who), true) if who == *author => format!("{keyid}: {who}, who made it"),
        (Some(who), true) => format!("{keyid}: {who} agrees"),
    };
    let lines: Vec<String> = signed(release, trusts).into_iter().map(line).collect();
    if lines.is_empty() { vec!["nobody has signed it".to_owned()] } else { lines }
}

fn as_json(release: &SignedRelease, rules: &Rules, judged: &[(&Trust, Result<(), Refused>)]) -> Value {
    let signatures: Vec<Value> = signed(release, &rules.trusts)
        .into_iter()
        .map(|(keyid, who, good)| json!({ "keyid": keyid, "person": who, "good": good }))
        .collect();
    let judged: Vec<Value> = judged
        .iter()
        .map(|(trust, found)| {
            let refused = found.as_ref().err();
            let missing = match refused {
                Some(Refused::UnderSigned { missing, .. }) => json!(missing),
                _ => json!([]),
            };
            json!({
                "environment": trust.environment, "would_run": refused.is_none(),
                "refused": refused.map(ToString::to_string), "next": refused.map(Refused::next), "missing": missing,
            })
        })
        .collect();
    json!({
        "id": release.id().to_string(), "statement": release.statement().to_value(), "signatures": signatures,
        "by": rules.by, "judged": judged,
    })
}
