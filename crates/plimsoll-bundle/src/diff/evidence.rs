//! Risks, drills, and every setting that the other comparisons have no words for.
//!
//! The last is a net: a key that a later version adds is told as `setting/other` until somebody says what
//! it means for behaviour. So this diff never stays silent about a file that it does not understand.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::change::Change;
use super::rules::{self, Rule};
use super::{Diffing, Place, both};

/// Members of a risk without which nobody watches it.
const WATCHED: [&str; 5] = ["owner", "mitigation", "drill", "signal", "review_by"];

/// Keys that the other comparisons read, by file; everything else is told by the net. A key with a `/*` below
/// it stands for each member.
const KNOWN: &[(&str, &[&str])] = &[
    (
        "plimsoll.yaml",
        &[
            "plimsoll",
            "project",
            "environment",
            "listen",
            "store",
            "hosts",
            "origins",
            "identity",
            "bounds",
            "environments",
            "changes",
            "flags/*/workflow",
            "flags/*/share",
            "flags/*/principals",
            "flags/*/roles",
            "drift",
            "telemetry",
        ],
    ),
    (
        "people.yaml",
        &[
            "people/*/roles",
            "people/*/key",
            "people/*/keys",
            "roles/*/quorum",
            "roles/*/may",
            "roles/*/reads",
        ],
    ),
    (
        "workflows/",
        &[
            "workflow",
            "purpose",
            "owner",
            "incident_owner",
            "mode",
            "roles",
            "models",
            "prompts",
            "sources",
            "authoriser",
            "hosted_tools",
            "media",
            "acts",
            "limits",
            "risks",
        ],
    ),
    (
        "models/",
        &[
            "model",
            "provider",
            "url",
            "credential",
            "names",
            "region",
            "processor",
            "data_classes",
            "fallback",
            "version",
        ],
    ),
    ("tools/", &["server", "http", "stdio", "local", "env", "credential", "accounts", "ifc", "tools"]),
    ("sources/", &["source", "owner", "collection", "k", "filter", "label", "readers", "retention"]),
    ("prompts/", &["id", "version", "role", "variables", "owner"]),
];

/// Keys that are for people only.
const NOTES: &[(&str, &[&str])] = &[
    ("people.yaml", &["people/*/contact", "roles/*/purpose", "people", "roles"]),
    ("models/", &["lineage"]),
    ("plimsoll.yaml", &["flags"]),
];

impl Diffing<'_> {
    pub(super) fn evidence(&mut self) {
        self.folder("risks", |this, file, name, was, is| match (was, is) {
            (Some(was), Some(is)) => this.risk(file, name, was, is),
            (None, _) => this.whole(&rules::RISK_NEW, file, name, "the risk", "is new"),
            (_, None) => this.whole(&rules::RISK_GONE, file, name, "the risk", "is gone"),
        });
        self.folder("drills", |this, file, name, was, is| match (was, is) {
            (Some(was), Some(is)) => this.leaves(&rules::DRILL, &[], file, name, "the drill", was, is),
            (None, _) => this.whole(&rules::DRILL_NEW, file, name, "the drill", "is new"),
            (_, None) => this.whole(&rules::DRILL_GONE, file, name, "the drill", "is gone"),
        });
    }

    fn folder(
        &mut self,
        folder: &str,
        mut one: impl FnMut(&mut Self, &str, &str, Option<&Value>, Option<&Value>),
    ) {
        let (base, head) = (self.base_tree, self.head_tree);
        let files: BTreeSet<(&str, &str)> =
            base.in_folder(folder, ".yaml").chain(head.in_folder(folder, ".yaml")).collect();
        for (file, name) in files {
            if base.0.get(file) == head.0.get(file) {
                continue;
            }
            let (was, is) = (self.at_base.document(file), self.at_head.document(file));
            let (was, is) = (was.map(|doc| doc.value.clone()), is.map(|doc| doc.value.clone()));
            one(self, file, name, was.as_ref(), is.as_ref());
        }
    }

    fn whole(&mut self, rule: &'static Rule, file: &str, name: &str, kind: &str, does: &str) {
        let gone = !self.head_tree.contains(file);
        let place = if gone { self.at_base.whole(file) } else { self.at_head.whole(file) };
        let (was, is) = if gone { (json!(true), json!(null)) } else { (json!(null), json!(true)) };
        self.tell(Change::new(rule, &[name], place, format!("{kind} `{name}` {does}"), was, is));
    }

    fn risk(&mut self, file: &str, name: &str, was: &Value, is: &Value) {
        let written =
            |risk: &Value, key: &str| risk.get(key).is_some_and(|value| !value.is_null() && value != "");
        for key in WATCHED.iter().filter(|key| written(was, key) && !written(is, key)) {
            let what = format!("the risk `{name}` no longer has its {}", key.replace('_', " "));
            let place = self.was_at(file, &format!("/{key}"));
            self.tell(Change::new(
                &rules::RISK_LOST,
                &[name, key],
                place,
                what,
                was[*key].clone(),
                json!(null),
            ));
        }
        let lost: Vec<&str> =
            WATCHED.into_iter().filter(|key| written(was, key) && !written(is, key)).collect();
        self.leaves(&rules::RISK, &lost, file, name, "the risk", was, is);
    }

    #[expect(clippy::too_many_arguments, reason = "one sentence with as many parts")]
    fn leaves(
        &mut self,
        rule: &'static Rule,
        told: &[&str],
        file: &str,
        name: &str,
        kind: &str,
        was: &Value,
        is: &Value,
    ) {
        for (at, was, is) in differing(was, is) {
            if told.iter().any(|key| at.split('/').nth(1) == Some(*key)) {
                continue;
            }
            let key = at.trim_start_matches('/');
            let what = format!("{kind} `{name}`: {key} is {}, not {}", shown(&is), shown(&was));
            let place = self.at(file, &at);
            self.tell(Change::new(rule, &[name, key], place, what, was, is));
        }
    }

    /// What no other comparison reads.
    pub(super) fn other_settings(&mut self) {
        let (base, head) = (self.base_tree, self.head_tree);
        let files: BTreeSet<&String> = base.0.keys().chain(head.0.keys()).collect();
        for file in files {
            if base.0.get(file) == head.0.get(file) {
                continue;
            }
            if let Some((_, known)) =
                KNOWN.iter().find(|(prefix, _)| file.starts_with(prefix) && is_yaml(file))
            {
                let (was, is) = (self.at_base.document(file), self.at_head.document(file));
                // A file that came or went whole was told by what it declares.
                if let (Some(was), Some(is)) = (was, is) {
                    let (was, is) = (without(&was.value, known), without(&is.value, known));
                    self.settings(file, &was, &is);
                }
            }
        }
    }

    fn settings(&mut self, file: &str, was: &Value, is: &Value) {
        let notes =
            NOTES.iter().find(|(prefix, _)| file.starts_with(prefix)).map_or(&[][..], |(_, notes)| notes);
        for (at, was, is) in differing(was, is) {
            let note = notes.iter().any(|pattern| covers(pattern, &at));
            let rule = match at.split('/').nth(1) {
                _ if note => &rules::NOTE,
                _ if file.starts_with("sources/") => &rules::SOURCE,
                Some("ledger" | "privacy" | "record") => &rules::LEDGER,
                _ => &rules::SETTING,
            };
            let key = at.trim_start_matches('/');
            let what = format!("{key} is {}, not {}", shown(&is), shown(&was));
            let place: Place = self.at(file, &at);
            self.tell(Change::new(rule, &[file, key], place, what, was, is));
        }
    }
}

fn is_yaml(file: &str) -> bool {
    file.ends_with(".yaml") || file.ends_with(".md")
}

/// The document without the keys that somebody else reads.
fn without(value: &Value, known: &[&str]) -> Value {
    fn strip(value: &Value, at: &str, known: &[&str]) -> Value {
        let Value::Object(members) = value else { return value.clone() };
        let kept = members.iter().filter_map(|(name, member)| {
            let at = if at.is_empty() { name.clone() } else { format!("{at}/{name}") };
            let read = known.iter().any(|pattern| same(pattern, &at));
            (!read).then(|| (name.clone(), strip(member, &at, known)))
        });
        // What is empty now says nothing more.
        let kept: serde_json::Map<String, Value> = kept
            .filter(|(_, member)| !member.as_object().is_some_and(|m| m.is_empty()) && !member.is_null())
            .collect();
        Value::Object(kept)
    }
    strip(value, "", known)
}

/// `people/*/roles` is `people/ada/roles`.
fn same(pattern: &str, at: &str) -> bool {
    let (pattern, at): (Vec<&str>, Vec<&str>) = (pattern.split('/').collect(), at.split('/').collect());
    pattern.len() == at.len() && pattern.iter().zip(at).all(|(p, a)| *p == "*" || *p == a)
}

fn covers(pattern: &str, at: &str) -> bool {
    let (pattern, at): (Vec<&str>, Vec<&str>) =
        (pattern.split('/').collect(), at.trim_start_matches('/').split('/').collect());
    pattern.len() <= at.len() && pattern.iter().zip(at).all(|(p, a)| *p == "*" || *p == a)
}

/// The leaves that differ, by JSON Pointer; lists are compared as a whole.
fn differing(was: &Value, is: &Value) -> Vec<(String, Value, Value)> {
    fn walk(at: &str, was: &Value, is: &Value, found: &mut Vec<(String, Value, Value)>) {
        if was == is {
            return;
        }
        if let (Value::Object(a), Value::Object(b)) = (was, is) {
            let side = |map: &serde_json::Map<String, Value>| -> BTreeMap<String, Value> {
                map.iter().map(|(name, value)| (name.clone(), value.clone())).collect()
            };
            for (name, a, b) in both(&side(a), &side(b)) {
                let at = format!("{at}{}", crate::yaml::pointer([name.as_str()]));
                walk(&at, a.unwrap_or(&Value::Null), b.unwrap_or(&Value::Null), found);
            }
            return;
        }
        found.push((at.to_owned(), was.clone(), is.clone()));
    }
    let mut found = Vec::new();
    walk("", was, is, &mut found);
    found
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::String(text) => format!("\"{}\"", crate::pin::show_hidden(text)),
        other => crate::pin::show_hidden(&other.to_string()),
    }
}
