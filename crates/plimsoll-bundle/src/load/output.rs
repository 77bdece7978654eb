//! What a tool's results mean: who may write each field, and what a record that the user named lends.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use plimsoll_core::{Integrity, Output};

use super::Loading;
use crate::forms::tools::{FieldsForm, OutputForm, WorthForm};
use crate::model::{Pin, Server, Tool};
use crate::schema;
use crate::suggest::did_you_mean;
use crate::yaml::{Document, pointer};

/// Instead of an argument's name in `lends`: the people of a record, for whatever argument takes people.
pub(crate) const RECIPIENT: &str = "recipient";

impl Loading<'_> {
    /// The words by which a user asks for the act, in lower case.
    pub(super) fn verbs(&mut self, doc: &Document, at: &str, verbs: &[String]) -> Vec<String> {
        let mut words = Vec::new();
        for (i, verb) in verbs.iter().enumerate() {
            let word = verb.trim().to_lowercase();
            if word.is_empty() || word.chars().any(|c| !c.is_alphanumeric() && !matches!(c, ' ' | '-' | '\''))
            {
                let message = format!("`{verb}` is no word that a user would say");
                let help = "write the verbs plainly: `verbs: [send, set up]`";
                self.tell(doc.error("tool/verb", &format!("{at}/verbs/{i}"), message).help(help));
            } else {
                words.push(word);
            }
        }
        words
    }

    pub(super) fn output(
        &mut self,
        doc: &Document,
        at: &str,
        form: &OutputForm,
        pin: Option<&Pin>,
    ) -> Output {
        let at = format!("{at}/output");
        let form = match form {
            OutputForm::Whole(worth) => return Output { integrity: integrity(*worth), ..Output::default() },
            OutputForm::Fields(form) => form,
        };
        if let Some(known) = pin.and_then(|pin| pin.tool.get("outputSchema")).and_then(schema::fields) {
            self.known_fields(doc, &at, form, &known);
        }
        Output {
            integrity: integrity(form.integrity),
            trusted: form.trusted.iter().cloned().collect(),
            directory: form.directory.iter().cloned().collect(),
            named_by: form.named_by.iter().cloned().collect(),
            lends: form.lends.clone(),
            author: form.author.clone(),
            sensitive: form.sensitive.clone(),
            readers: self.readers(doc, &format!("{at}/readers"), &form.readers),
        }
    }

    /// Who may read something: each a principal, role or tenant, an address, or a domain.
    pub(super) fn readers(&mut self, doc: &Document, at: &str, readers: &[String]) -> BTreeSet<String> {
        for (i, reader) in readers.iter().enumerate() {
            if !reader.contains([':', '@']) {
                let message = format!("`{reader}` says nobody in particular");
                let help = "write `role:treasurer`, `tenant:acme`, `ada@acme.example` or `*@acme.example`";
                self.tell(doc.error("output/reader", &format!("{at}/{i}"), message).help(help));
            }
        }
        readers.iter().cloned().collect()
    }

    /// Every field that is spoken of is one that the pinned schema has.
    fn known_fields(&mut self, doc: &Document, at: &str, form: &FieldsForm, known: &BTreeSet<String>) {
        let lists =
            [("trusted", &form.trusted), ("directory", &form.directory), ("named_by", &form.named_by)];
        for (key, list) in lists {
            for (i, field) in list.iter().enumerate() {
                self.known_field(doc, &format!("{at}/{key}/{i}"), false, field, known);
            }
        }
        for (key, map) in [("lends", &form.lends), ("sensitive", &form.sensitive)] {
            for field in map.keys() {
                self.known_field(doc, &format!("{at}{}", pointer([key, field])), true, field, known);
            }
        }
        if let Some(field) = &form.author {
            self.known_field(doc, &format!("{at}/author"), false, field, known);
        }
    }

    fn known_field(&mut self, doc: &Document, at: &str, key: bool, field: &str, known: &BTreeSet<String>) {
        if known.iter().any(|path| schema::is_field(path, field)) {
            return;
        }
        let message = format!("the pinned output schema has no field `{field}`");
        let names = known.iter().map(|path| path.rsplit('/').next().unwrap_or(path));
        let help = did_you_mean(field.rsplit('/').next().unwrap_or(field), names);
        let found = if key {
            doc.key_error("output/unknown-field", at, message)
        } else {
            doc.error("output/unknown-field", at, message)
        };
        self.tell(found.help(help));
    }

    /// What a record lends is an argument that some tool has.
    pub(super) fn compare_lends(
        &mut self,
        doc: &Document,
        at: &str,
        tool: &Tool,
        servers: &BTreeMap<String, Arc<Server>>,
    ) {
        if tool.meaning.output.lends.is_empty() {
            return;
        }
        let known: BTreeSet<String> =
            servers.values().flat_map(|server| server.tools.values()).flat_map(|t| arguments(t)).collect();
        for (field, argument) in &tool.meaning.output.lends {
            if argument == RECIPIENT || known.contains(argument) {
                continue;
            }
            let message = format!("no tool has an argument `{argument}` that `{field}` could be lent to");
            let place = format!("{at}/output{}", pointer(["lends", field]));
            let names = known.iter().map(String::as_str).chain([RECIPIENT]);
            self.tell(
                doc.error("output/unknown-argument", &place, message).help(did_you_mean(argument, names)),
            );
        }
    }
}

/// The names of a tool's arguments, at any depth.
fn arguments(tool: &Tool) -> BTreeSet<String> {
    let last = |path: &str| path.rsplit('/').find(|step| *step != "*").unwrap_or_default().to_owned();
    let said = tool.meaning.roles.keys().map(|path| last(path));
    let pinned = tool.pin.as_ref().map(|pin| schema::paths(&pin.input_schema)).unwrap_or_default();
    said.chain(pinned.iter().map(|path| last(path))).filter(|name| !name.is_empty()).collect()
}

pub(super) fn integrity(worth: WorthForm) -> Integrity {
    match worth {
        WorthForm::Trusted => Integrity::Trusted,
        WorthForm::Untrusted => Integrity::Untrusted,
    }
}
