//! What the rest of inspection asks about a context: the user's words, how a value of somebody's free
//! text is known, and which values are not for everybody.

use std::borrow::Cow;
use std::collections::HashSet;

use plimsoll_core::{ArgumentRole, Integrity};
use serde_json::Value;

use super::arguments::Leaf;
use super::lending::{Aim, Kinds};
use super::prepared::Prepared;
use super::spelling::Spelling;
use crate::intent::Words;
use crate::payload::Sensitive;

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

    /// Whether a value stands whole in something that is trusted.
    pub fn is_trusted(&self, value: &str, role: ArgumentRole) -> bool {
        let spelling = Spelling::of(value, role, "");
        let leaf = Leaf { pointer: String::new(), list: None, role, value: Cow::Owned(Value::Null) };
        let aim = Aim { leaf: &leaf, tool: None, kinds: &Kinds::default() };
        self.places(&spelling, aim).any(|(_, place)| place.whole && place.integrity >= Integrity::Trusted)
    }

    /// The values of fields declared sensitive, at any depth of their results, each once.
    pub(crate) fn sensitive(&self) -> impl Iterator<Item = &Sensitive> + Clone {
        let places = self.found.sensitive.get_or_init(|| {
            let mut seen = HashSet::new();
            let mut places = Vec::new();
            for (at, span) in self.spans.iter().enumerate() {
                for (n, value) in span.sensitive().iter().enumerate() {
                    if seen.insert((value.class.as_str(), value.value.as_str())) {
                        places.push((at, n));
                    }
                }
            }
            places
        });
        places.iter().filter_map(|(at, n)| self.spans[*at].sensitive().get(*n))
    }
}
