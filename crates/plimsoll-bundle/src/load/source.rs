//! `sources/<id>.yaml` resolved.

use plimsoll_core::{Label, Readers};

use super::output::integrity;
use super::{Loading, is_open};
use crate::forms::source::{FilterForm, LabelForm};
use crate::forms::{Duration, SourceForm};
use crate::model::{Filter, Source};

/// The most passages that one question returns, where the file says nothing.
const K_DEFAULT: u32 = 5;

impl Loading<'_> {
    pub(super) fn source(&mut self, path: &str, name: &str) -> Option<Source> {
        let (form, doc): (SourceForm, _) = self.form(path)?;
        self.named(&doc, "source", &form.source, name);
        let message = "no door serves it yet: nothing is retrieved from it";
        let help =
            "its line is checked, compared and released; an agent looks things up with a tool meanwhile";
        self.tell(doc.warning("source/not-served", "/source", message).at(doc.key("/source")).help(help));
        if is_open(&form.owner) {
            let help = "write `owner: <who answers for it>`";
            self.tell(doc.warning("source/no-owner", "/owner", "this source has no owner").help(help));
        }
        let filter = filter(form.filter);
        if filter == Filter::default() {
            let message = "it has no filter: whoever may use a workflow that lists it gets everything in it";
            let help =
                "write `filter: {tenant: <field>}`, `{roles: [<role>]}` or `{equals: {<field>: <value>}}`";
            self.tell(doc.warning("source/no-filter", "/filter", message).help(help));
        }
        let (worth, classes) = match form.label {
            LabelForm::Whole(worth) => (worth, Vec::new()),
            LabelForm::Parts(parts) => (parts.integrity, parts.data_classes),
        };
        let readers = match self.readers(&doc, "/readers", &form.readers) {
            none if none.is_empty() => Readers::Anyone,
            only => Readers::Only(only),
        };
        let retention_s = match form.retention.as_ref().map(Duration::seconds) {
            None => None,
            Some(Ok(seconds)) => Some(seconds),
            Some(Err(help)) => {
                let message = "this is no stretch of time";
                self.tell(doc.error("source/retention", "/retention", message).help(help));
                None
            }
        };
        Some(Source {
            id: name.to_owned(),
            owner: form.owner,
            collection: form.collection,
            k: form.k.unwrap_or(K_DEFAULT),
            filter,
            label: Label { integrity: integrity(worth), readers, classes: classes.into_iter().collect() },
            retention_s,
        })
    }
}

fn filter(form: FilterForm) -> Filter {
    Filter {
        tenant: form.tenant,
        roles: form.roles.into_iter().collect(),
        equals: form.equals.into_iter().map(|(field, value)| (field, value.0)).collect(),
    }
}
