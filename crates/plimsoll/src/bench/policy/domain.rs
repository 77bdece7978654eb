//! What the traces show about the values that an argument takes.
//!
//! A channel that does not exist can't be written to. So an argument of which the traces have values is tried with those, and with what
//! stands in the same field of a tool's results as one of them; or, where all are e-mail addresses, account numbers or
//! dates, with what has that form.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::differ::{leaves, pattern};
use super::episode::{Episode, Step};

/// Characters of a value at most; what is longer is text.
const VALUE_MAX: usize = 80;

/// What is known about an argument of this name, whatever its tool.
#[derive(Debug, Default)]
pub struct Domain {
    pub values: BTreeSet<String>,
    pub emails: bool,
    pub ibans: bool,
    pub iso_dates: bool,
    /// How long the values are in the calls: a day, or a day with an hour.
    lengths: BTreeSet<usize>,
}

impl Domain {
    /// Whether a date is written as the calls write it here.
    pub fn fits_date(&self, date: &str) -> bool {
        self.lengths.contains(&date.len())
    }
}

/// Argument name → what it takes.
#[derive(Debug, Default)]
pub struct Domains(BTreeMap<String, Domain>);

impl Domains {
    pub fn of(episodes: &[Episode]) -> Self {
        let mut known: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (_, call) in episodes.iter().flat_map(Episode::judged) {
            for (pointer, value) in leaves(&call.args) {
                known.entry(name(&pattern(&pointer)).to_owned()).or_default().insert(value);
            }
        }
        let columns = columns(episodes);
        let domain = |values: BTreeSet<String>| {
            let all = |form: fn(&str) -> bool| values.iter().all(|value| form(value));
            let (emails, ibans, iso_dates) = (all(is_email), all(is_iban), all(is_iso_date));
            let lengths = values.iter().map(String::len).collect();
            let fellows = columns.values().filter(|column| !column.is_disjoint(&values));
            let values = fellows.flatten().cloned().chain(values.iter().cloned()).collect();
            Domain { values, emails, ibans, iso_dates, lengths }
        };
        Self(known.into_iter().map(|(name, values)| (name, domain(values))).collect())
    }

    /// Of the argument at the end of a path.
    pub fn at(&self, path: &str) -> Option<&Domain> {
        self.0.get(name(path))
    }
}

/// Short values of benign results by tool and field.
fn columns(episodes: &[Episode]) -> BTreeMap<(&str, String), BTreeSet<String>> {
    let mut columns: BTreeMap<(&str, String), BTreeSet<String>> = BTreeMap::new();
    for episode in episodes.iter().filter(|episode| !episode.attack) {
        for step in &episode.steps {
            let Step::Result { call, value } = step else { continue };
            let Some(call) = episode.call(*call) else { continue };
            let mut add = |path: String, value: String| {
                if value.chars().count() <= VALUE_MAX {
                    columns.entry((&call.tool, path)).or_default().insert(value);
                }
            };
            leaves(value).into_iter().for_each(|(pointer, value)| add(pattern(&pointer), value));
            if let Value::Object(members) = value {
                members.keys().for_each(|name| add("{}".to_owned(), name.to_lowercase()));
            }
        }
    }
    columns
}

/// The last name on a path.
fn name(path: &str) -> &str {
    path.rsplit('/').find(|step| !step.is_empty() && *step != "*").unwrap_or_default()
}

fn is_email(text: &str) -> bool {
    text.split_once('@').is_some_and(|(user, host)| !user.is_empty() && host.contains('.'))
}

/// The form of an international account number; its check digits do not matter here.
pub fn is_iban(text: &str) -> bool {
    let bytes = text.as_bytes();
    (15..=34).contains(&bytes.len())
        && bytes[..2].iter().all(u8::is_ascii_alphabetic)
        && bytes[2..4].iter().all(u8::is_ascii_digit)
        && bytes.iter().all(u8::is_ascii_alphanumeric)
}

fn is_iso_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    let digits = |range: std::ops::Range<usize>| {
        bytes.get(range).is_some_and(|part| part.iter().all(u8::is_ascii_digit))
    };
    digits(0..4)
        && bytes.get(4) == Some(&b'-')
        && digits(5..7)
        && bytes.get(7) == Some(&b'-')
        && digits(8..10)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::policy::episode;

    #[test]
    fn arguments_take_what_stands_beside_their_values() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.jsonl");
        let line = r#"{"id":"a","kind":"benign","principal":"p","steps":[
            {"call":{"tool":"t.channels"},"id":"1"},{"result":["general","random"],"id":"1"},
            {"call":{"tool":"t.users"},"id":"2"},{"result":[{"user":"Alice","note":"x"}],"id":"2"},
            {"call":{"tool":"t.post","args":{"channel":"general","to":["a@x.example"],"day":"2026-05-01"}},"id":"3"}]}"#;
        std::fs::write(&path, line.replace('\n', " ")).unwrap();
        let episodes = episode::read(&path, 1).unwrap();
        let domains = Domains::of(&episodes);
        let channel = domains.at("/channel").unwrap();
        assert_eq!(channel.values.iter().collect::<Vec<_>>(), ["general", "random"]);
        assert!(!channel.emails);
        assert!(domains.at("/more/to/*").unwrap().emails);
        let day = domains.at("/day").unwrap();
        assert!(day.iso_dates && day.fits_date("2026-05-02") && !day.fits_date("2026-05-02 10:00"));
        assert!(domains.at("/user").is_none());
    }
}
