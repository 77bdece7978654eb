//! What happens when the world is other than reviewed, and what of the world counts as reviewed.

use plimsoll_core::DriftKind;
use serde_json::{Value, json};

use super::change::Change;
use super::{Diffing, both, rules, time};
use crate::drift::{ModelLock, Reached};

const FILE: &str = "plimsoll.yaml";

impl Diffing<'_> {
    pub(super) fn drift(&mut self) {
        let (was, is) = (&self.base.project.drift, &self.head.project.drift);
        for kind in DriftKind::ALL {
            let (was, is) = (was.policy(kind), is.policy(kind));
            if was != is {
                let rule = if is < was { &rules::DRIFT } else { &rules::DRIFT_DOWN };
                let what = format!("drift of {} leads to {}, not {}", kind.name(), is.name(), was.name());
                let place = self.at(FILE, &format!("/drift/{}", kind.name()));
                self.tell(Change::new(rule, &[kind.name()], place, what, json!(was), json!(is)));
            }
        }
        let often =
            |every: Option<u64>| every.map_or_else(|| "never".to_owned(), |s| format!("every {}", time(s)));
        if was.every_s != is.every_s {
            let rarer = is.every_s.unwrap_or(u64::MAX) > was.every_s.unwrap_or(u64::MAX);
            let rule = if rarer { &rules::DRIFT_RARER } else { &rules::DRIFT_OFTENER };
            let what =
                format!("the gateway looks at the world {}, not {}", often(is.every_s), often(was.every_s));
            let place = self.at(FILE, "/drift/every");
            self.tell(Change::new(rule, &["every"], place, what, json!(was.every_s), json!(is.every_s)));
        }
        self.accepted();
    }

    /// A thing that came or went whole is told as that. One that has no baseline any more is held against nothing.
    fn accepted(&mut self) {
        let (base, head) = (self.base, self.head);
        for (id, was, is) in both(&base.models, &head.models) {
            let (Some(was), Some(is)) = (was, is) else { continue };
            let file = format!("models/{id}.lock.json");
            let [old, new] = [&was.lock, &is.lock].map(|lock| lock.as_ref().map(known_by));
            if old != new {
                let what = match (&was.lock, &is.lock) {
                    (_, None) => format!("nothing says any more what `{id}` is known by"),
                    (_, Some(lock)) => format!("\"{}\" accepts what `{id}` is known by", lock.reviewed_by),
                };
                let place = self.place_of(&file, new.is_some());
                let change = Change::new(&rules::ACCEPTED_MODEL, &[id], place, what, json!(old), json!(new));
                self.tell(change.detail(members(old.as_ref(), new.as_ref())));
            }
            let reached =
                [&was.lock, &is.lock].map(|lock| lock.as_ref().and_then(|lock| lock.reached.as_ref()));
            self.place_accepted(id, &file, reached);
        }
        for (name, was, is) in both(&base.servers, &head.servers) {
            let (Some(was), Some(is)) = (was, is) else { continue };
            let file = format!("tools/{name}.lock.json");
            self.place_accepted(name, &file, [was.reached.as_ref(), is.reached.as_ref()]);
        }
    }

    fn place_accepted(&mut self, name: &str, file: &str, [was, is]: [Option<&Reached>; 2]) {
        if was == is {
            return;
        }
        let what = match is {
            None => format!("nothing says any more where `{name}` is reached"),
            Some(is) => format!("`{name}` counts as reviewed at {}", is.endpoint),
        };
        let place = self.place_of(file, is.is_some());
        let [old, new] = [was, is].map(|reached| reached.map(|reached| json!(reached)));
        let change = Change::new(&rules::ACCEPTED_PLACE, &[name], place, what, json!(old), json!(new));
        self.tell(change.detail(members(old.as_ref(), new.as_ref())));
    }

    fn place_of(&self, file: &str, in_head: bool) -> super::Place {
        if in_head { self.at_head.whole(file) } else { self.at_base.whole(file) }
    }
}

/// What a model is known by; when and by whom that was written down is not part of it.
fn known_by(lock: &ModelLock) -> Value {
    json!(lock.seen)
}

/// `names: ["b"], not ["a"]`, of each member that differs.
fn members(was: Option<&Value>, is: Option<&Value>) -> Vec<String> {
    let none = Value::Null;
    let (was, is) = (was.unwrap_or(&none), is.unwrap_or(&none));
    let names = was.as_object().into_iter().chain(is.as_object()).flat_map(|members| members.keys());
    let names: std::collections::BTreeSet<&String> = names.collect();
    let differing = names.into_iter().filter(|name| was[name.as_str()] != is[name.as_str()]);
    differing.map(|name| format!("{name}: {}, not {}", is[name.as_str()], was[name.as_str()])).collect()
}
