//! `ledger:` in `plimsoll.yaml` resolved: the ledger's name and its witnesses.

use plimsoll_core::verifier_key::is_key_name;
use plimsoll_core::{KeyKind, VerifierKey};

use super::Loading;
use crate::forms::project::{LedgerForm, WitnessForm};
use crate::model::{LedgerTerms, Witness};
use crate::yaml::Document;

/// Witnesses of one ledger: each is asked for each checkpoint.
pub(super) const WITNESSES_MAX: usize = 32;

impl Loading<'_> {
    pub(super) fn ledger(&mut self, doc: &Document, form: &LedgerForm) -> LedgerTerms {
        let default = LedgerTerms::default();
        if let Some(origin) = form.origin.as_ref().filter(|origin| !is_key_name(origin)) {
            let message =
                format!("`{origin}` can't be the ledger's name: it may hold neither spaces nor `+`");
            self.tell(
                doc.error("ledger/origin", "/ledger/origin", message)
                    .help("take an address of yours without `https://`, like `example.com/plimsoll/desk`"),
            );
        }
        if form.witnesses.len() > WITNESSES_MAX {
            let message = format!("{} witnesses are more than {WITNESSES_MAX}", form.witnesses.len());
            self.tell(doc.error("ledger/witnesses", "/ledger/witnesses", message));
        }
        let mut witnesses: Vec<Witness> = Vec::new();
        for (n, witness) in form.witnesses.iter().enumerate() {
            let at = format!("/ledger/witnesses/{n}");
            witnesses.extend(self.witness(doc, &at, witness, &witnesses));
        }
        let listed = form.witnesses.len();
        let quorum = form.quorum.unwrap_or(listed);
        if quorum > listed {
            let message = format!("{quorum} of {listed} witnesses can never cosign");
            self.tell(
                doc.error("ledger/quorum", "/ledger/quorum", message)
                    .help("name more witnesses, or ask for fewer"),
            );
        }
        let within = form.witness_within.as_ref().map(|time| {
            time.seconds().unwrap_or_else(|help| {
                let message = "`witness_within` is no stretch of time";
                self.tell(doc.error("ledger/within", "/ledger/witness_within", message).help(help));
                default.witness_within_s
            })
        });
        LedgerTerms {
            origin: form.origin.clone(),
            witnesses,
            quorum,
            witness_within_s: within.unwrap_or(default.witness_within_s),
        }
    }

    fn witness(
        &mut self,
        doc: &Document,
        at: &str,
        form: &WitnessForm,
        others: &[Witness],
    ) -> Option<Witness> {
        let WitnessForm { name, key, url } = form;
        let help = "`plimsoll witness` says its key when it starts";
        let key = match key.parse::<VerifierKey>() {
            Ok(key) => key,
            Err(error) => {
                self.tell(doc.error("ledger/key", &format!("{at}/key"), error.to_string()).help(help));
                return None;
            }
        };
        if key.kind() != KeyKind::Witness {
            let message = "this is a ledger's key, not a witness'";
            self.tell(doc.error("ledger/key", &format!("{at}/key"), message).help(help));
        }
        // Names stand in trust.txt, where `none` and `enough` have a meaning.
        if !is_key_name(name) || matches!(name.as_str(), "none" | "enough") || name.starts_with('#') {
            let message = format!("`{name}` can't be a witness' name");
            self.tell(doc.error("ledger/witness-name", &format!("{at}/name"), message));
        }
        if let Some(twin) =
            others.iter().find(|other| other.name == *name || other.key.public() == key.public())
        {
            let message = format!("this is `{}` again: nobody counts twice", twin.name);
            self.tell(doc.error("ledger/witness-twice", at, message));
        }
        let is_web = url.starts_with("https://") || url.starts_with("http://");
        if !is_web || url.contains(char::is_whitespace) {
            let message = format!("`{url}` is no address of a witness");
            self.tell(
                doc.error("ledger/url", &format!("{at}/url"), message)
                    .help("write `https://host` or `http://host:port`; cosignatures are checked whichever way they come"),
            );
        }
        let url = url.trim_end_matches('/').to_owned();
        Some(Witness { name: name.clone(), key, url })
    }
}
