//! Masking: personal data in a text replaced by fakes of the same format.
//!
//! The same value has the same fake for as long as the key lives, so that joins, origins and identical calls work on
//! fakes as they would on values; another key gives other fakes. A fake is nobody's: addresses are under
//! `example.com` and its family, telephone numbers under the unassigned country code 999, card numbers under a prefix that no
//! card has, account numbers carry a tag under the key. So a fake is known again without a table, and a text that is
//! masked twice is masked once. There is no way back from a fake.
//!
//! What has no form of its own (names) is masked where it is declared sensitive, and wherever the same result repeats it.

mod fakes;
mod find;

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::Value;

/// Names that a declaration gives to places of a result: `email`, `sender/email`.
pub type Fields = BTreeMap<String, String>;

/// The shortest declared value that is looked for in the rest of its result: a shorter one is part of too many words.
const REPEATED_MIN: usize = 4;

/// Makes fakes under one key.
#[derive(Clone)]
pub struct Masker {
    key: [u8; 32],
}

impl std::fmt::Debug for Masker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Masker")
    }
}

impl Masker {
    /// `key` is fresh and secret: who has it can try which values a fake may stand for.
    pub const fn new(key: [u8; 32]) -> Self {
        Self { key }
    }

    /// The text with every e-mail address, account number, card number and telephone number replaced.
    pub fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let found = find::all(text);
        let mut out = String::new();
        let mut from = 0;
        for (kind, range) in found {
            let value = &text[range.clone()];
            let fake = self.fake(kind, value);
            if fake != value {
                out.push_str(&text[from..range.start]);
                out.push_str(&fake);
                from = range.end;
            }
        }
        if from == 0 {
            return Cow::Borrowed(text);
        }
        out.push_str(&text[from..]);
        Cow::Owned(out)
    }

    /// A value that is declared personal: by its form where it has one, else as a name.
    pub fn declared(&self, value: &str) -> String {
        match self.text(value) {
            Cow::Owned(masked) => masked,
            Cow::Borrowed(_) if value.trim().is_empty() || self.is_fake(value) => value.to_owned(),
            Cow::Borrowed(_) if value.chars().any(char::is_alphabetic) => self.name(value),
            Cow::Borrowed(_) => self.digits("declared", value),
        }
    }

    /// What the fields of a result hold that are declared personal, with the fake of each; the longest first.
    pub fn names_in(&self, result: &Value, fields: &Fields) -> Vec<(String, String)> {
        let mut found = BTreeMap::new();
        self.collect(result, &mut Vec::new(), fields, &mut found);
        let mut found: Vec<_> = found.into_iter().collect();
        found.sort_by(|a, b| b.0.len().cmp(&a.0.len()).then_with(|| a.0.cmp(&b.0)));
        found
    }

    /// A text of a result: names that its fields declare, then whatever has a form. `whole` says that the text is the
    /// value of such a field.
    pub fn with_names(&self, text: &str, names: &[(String, String)], whole: bool) -> String {
        if whole {
            return self.declared(text);
        }
        let mut out = text.to_owned();
        for (name, fake) in names.iter().filter(|(name, _)| name.chars().count() >= REPEATED_MIN) {
            if out.contains(name.as_str()) {
                out = out.replace(name.as_str(), fake);
            }
        }
        match self.text(&out) {
            Cow::Owned(masked) => masked,
            Cow::Borrowed(_) => out,
        }
    }

    fn collect<'v>(
        &self,
        value: &'v Value,
        path: &mut Vec<&'v str>,
        fields: &Fields,
        found: &mut BTreeMap<String, String>,
    ) {
        match value {
            Value::String(text) if is_declared(path, fields) && !text.trim().is_empty() => {
                found.insert(text.clone(), self.declared(text));
            }
            Value::Array(items) => items.iter().for_each(|item| self.collect(item, path, fields, found)),
            Value::Object(members) => {
                for (name, member) in members {
                    path.push(name);
                    self.collect(member, path, fields, found);
                    path.pop();
                }
            }
            _ => {}
        }
    }
}

/// Whether a place of a result is declared: by its name, or by the last steps to it.
pub fn is_declared(path: &[&str], fields: &Fields) -> bool {
    fields.keys().any(|field| {
        let mut steps = field.rsplit('/');
        let mut own = path.iter().rev();
        steps.all(|step| step == "*" || own.next().is_some_and(|own| *own == step))
    })
}

#[cfg(test)]
mod tests;
