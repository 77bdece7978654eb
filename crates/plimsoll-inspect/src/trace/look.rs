//! What the rest of inspection asks about a context: the user's words, how a value of somebody's free
//! text is known, and which values are not for everybody.

use std::borrow::Cow;

use plimsoll_core::{ArgumentRole, Integrity};
use serde_json::Value;

use super::arguments::Leaf;
use super::lending::Aim;
use super::prepared::Prepared;
use super::spelling::Spelling;
use crate::intent::Words;

impl Prepared<'_> {
    /// What the asking person said in words of their own, by span: no tool's result, wherever it was
    /// pasted.
    pub fn user_texts(&self) -> impl Iterator<Item = (u32, &str)> {
        self.spans.iter().filter(|span| span.is_users()).map(|span| (span.span.index, &*span.text.exact))
    }

    /// The same, read for what they ask to be done.
    pub(crate) fn words(&self) -> Vec<(u32, &Words)> {
        let users = self.spans.iter().filter(|span| span.is_users());
        users.map(|span| (span.span.index, span.text.words())).collect()
    }

    /// The best that any whole place of a value says about it: `None` when it stands nowhere whole.
    pub fn integrity_of(&self, value: &str, role: ArgumentRole) -> Option<Integrity> {
        let spelling = Spelling::of(value, role, "");
        let leaf = Leaf { pointer: String::new(), list: None, role, value: Cow::Owned(Value::Null) };
        let aim = Aim { leaf: &leaf, tool: None };
        let places = self.spans.iter().filter_map(|span| self.place(span, &spelling, aim));
        places.filter(|place| place.whole).map(|place| place.integrity).max()
    }

    /// The values of fields declared sensitive, each with its data class, at any depth of their results.
    pub fn sensitive(&self) -> Vec<(&str, &str)> {
        let mut found = Vec::new();
        for span in &self.spans {
            let (Some(output), Some(records)) = (span.output, span.records_if_sensitive()) else { continue };
            for id in 0..records.len() {
                for (name, class) in &output.sensitive {
                    if super::fields::covers(records, &span.text.exact, name, id) {
                        found.push((class.as_str(), span.value(id)));
                    }
                }
            }
        }
        found
    }
}
