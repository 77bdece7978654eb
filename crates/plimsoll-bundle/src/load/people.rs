//! `people.yaml` resolved: who has which role, and what a role's questions need.

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_core::PersonKey;

use super::{Loading, is_open};
use crate::forms::PeopleForm;
use crate::forms::people::PersonForm;
use crate::model::People;
use crate::suggest::did_you_mean;
use crate::yaml::{Document, pointer};

pub(super) const FILE: &str = "people.yaml";
/// Signing keys of one person.
const KEYS_MAX: usize = 8;

/// The people, and what the workflows' boundaries are compared with.
#[derive(Debug, Default)]
pub(super) struct Roster {
    pub people: People,
    /// Role → its quorum, for each role that is declared or that somebody has.
    pub roles: BTreeMap<String, u32>,
    /// The file is there and can't be read.
    pub broken: bool,
}

impl Roster {
    /// How many different people have one of these roles.
    pub(super) fn count(&self, roles: &[String]) -> usize {
        self.people.roles.values().filter(|has| has.iter().any(|role| roles.contains(role))).count()
    }
}

impl Loading<'_> {
    pub(super) fn people(&mut self) -> Roster {
        if !self.tree.contains(FILE) {
            return Roster::default();
        }
        let Some((form, doc)) = self.form::<PeopleForm>(FILE) else {
            self.broken.insert(FILE.to_owned());
            return Roster { broken: true, ..Roster::default() };
        };
        let mut roles: BTreeMap<String, u32> = form
            .roles
            .iter()
            .map(|(role, terms)| (role.clone(), terms.as_ref().and_then(|t| t.quorum).unwrap_or(1)))
            .collect();
        let declared: BTreeSet<String> = roles.keys().cloned().collect();
        let mut people = People::default();
        for (role, terms) in &form.roles {
            if let Some(reads) = terms.as_ref().and_then(|terms| terms.reads.as_ref()) {
                people.reads.insert(role.clone(), reads.iter().map(|class| (*class).into()).collect());
            }
        }
        for (role, terms) in &form.roles {
            if let Some(may) = terms.as_ref().and_then(|terms| terms.may.as_ref()) {
                people.may.insert(role.clone(), may.iter().map(|power| (*power).into()).collect());
            }
        }
        for (person, has) in form.people {
            if is_open(&person) {
                let message = "nobody is named here yet";
                let help = "write who may answer, as they sign in to approve";
                self.tell(doc.key_error("people/no-name", &pointer(["people", &person]), message).help(help));
            }
            self.declared(&doc, &person, &has.roles, &declared);
            self.signing_keys(&doc, &person, &has, &mut people);
            for role in &has.roles {
                roles.entry(role.clone()).or_insert(1);
            }
            people.roles.insert(person, has.roles);
        }
        Roster { people, roles, broken: false }
    }

    /// The keys of a person. A key stands for one person: two of one count once, and one of two would count for both.
    fn signing_keys(&mut self, doc: &Document, person: &str, has: &PersonForm, people: &mut People) {
        let at = pointer(["people", person]);
        let one = has.key.iter().map(|line| (format!("{at}/key"), line));
        let more = has.keys.iter().enumerate().map(|(i, line)| (format!("{at}/keys/{i}"), line));
        let mut keys: Vec<PersonKey> = Vec::new();
        for (at, line) in one.chain(more) {
            let key = match line.parse::<PersonKey>() {
                Ok(key) => key,
                Err(error) => {
                    let help = format!(
                        "`plimsoll key sign --name {person}` makes a pair and prints the public line; `ssh-add -L` shows those of your agent"
                    );
                    self.tell(doc.error("people/key", &at, error.to_string()).help(help));
                    continue;
                }
            };
            let of = |keys: &[PersonKey]| keys.contains(&key);
            let twin = people.keys.iter().find(|(_, keys)| of(keys)).map(|(name, _)| name.as_str());
            if let Some(twin) = twin.or(of(&keys).then_some(person)) {
                let message = format!("this key stands under `{twin}` already: one key is one person's");
                self.tell(doc.error("people/key-twice", &at, message).help("take one of the two lines out"));
                continue;
            }
            keys.push(key);
        }
        if keys.len() > KEYS_MAX {
            let message = format!("`{person}` has {} keys, more than {KEYS_MAX}", keys.len());
            self.tell(doc.error("people/keys", &format!("{at}/keys"), message));
        }
        if !keys.is_empty() {
            people.keys.insert(person.to_owned(), keys);
        }
    }

    fn declared(&mut self, doc: &Document, person: &str, has: &[String], declared: &BTreeSet<String>) {
        if declared.is_empty() {
            return;
        }
        for (i, role) in has.iter().enumerate().filter(|(_, role)| !declared.contains(*role)) {
            let at = format!("{}/{i}", pointer(["people", person, "roles"]));
            let message = format!("`{person}` has the role `{role}`, which `roles` does not declare");
            let help = did_you_mean(role, declared.iter().map(String::as_str));
            self.tell(doc.error("people/undeclared-role", &at, message).help(help));
        }
    }
}
