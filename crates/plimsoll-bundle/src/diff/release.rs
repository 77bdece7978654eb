//! What a release needs to get into force, and who may do what to it: the change that changes who rules changes.

use std::collections::BTreeSet;

use plimsoll_core::{PersonKey, Tier};
use serde_json::{Value, json};

use super::change::Change;
use super::rules::{self, Rule};
use super::{Diffing, added, both, ticked, time};
use crate::model::{Advance, Environment, Flag, People, Power};
use crate::yaml::pointer;

const FILE: &str = "plimsoll.yaml";
const PEOPLE: &str = "people.yaml";
const ANY: &str = "*";

impl Diffing<'_> {
    pub(super) fn releases(&mut self) {
        self.powers();
        self.keys();
        self.environments();
        self.change_classes();
        self.flags();
    }

    // === people ===

    fn powers(&mut self) {
        let (base, head) = (&self.base.people, &self.head.people);
        if base.may == head.may {
            return;
        }
        match (base.may.is_empty(), head.may.is_empty()) {
            (false, true) => {
                let what = "no role says any more who may do what to releases: whoever has a key may author and approve, and every admin may promote and roll back";
                let place = self.was_at(PEOPLE, "/roles");
                let change = Change::new(&rules::POWER, &["everybody"], place, what, says(base), json!(null));
                self.tell(change);
            }
            (true, false) => {
                let what = "roles say now who may do what to releases; nobody else may";
                let place = self.at(PEOPLE, "/roles");
                let change =
                    Change::new(&rules::POWER_DOWN, &["everybody"], place, what, json!(null), says(head));
                self.tell(change);
            }
            _ => {
                let none = BTreeSet::new();
                let mut found = Vec::new();
                for (role, was, is) in both(&base.may, &head.may) {
                    let (was, is) = (was.unwrap_or(&none), is.unwrap_or(&none));
                    let at = pointer(["roles", role, "may"]);
                    for power in is.difference(was) {
                        let what = format!("the role `{role}` may {}", does(*power));
                        found.push((&rules::POWER, role, *power, self.at(PEOPLE, &at), what));
                    }
                    for power in was.difference(is) {
                        let what = format!("the role `{role}` may no longer {}", does(*power));
                        found.push((&rules::POWER_DOWN, role, *power, self.was_at(PEOPLE, &at), what));
                    }
                }
                for (rule, role, power, place, what) in found {
                    let gained = std::ptr::eq(rule, &rules::POWER);
                    let change =
                        Change::new(rule, &[role, power.name()], place, what, json!(!gained), json!(gained));
                    let has = if gained { head } else { base };
                    self.tell(change.detail(who_has(has, role)));
                }
            }
        }
    }

    fn keys(&mut self) {
        let none = Vec::new();
        let (base, head) = (self.base, self.head);
        for (person, was, is) in both(&base.people.keys, &head.people.keys) {
            let (was, is) = (was.unwrap_or(&none), is.unwrap_or(&none));
            for (i, key) in is.iter().enumerate().filter(|(_, key)| !was.contains(key)) {
                let print = key.fingerprint();
                let place = self.at(PEOPLE, &self.key_line(person, i));
                let what = format!("`{person}` signs releases with {print}");
                let subject = [person.as_str(), print.as_str()];
                self.tell(Change::new(&rules::KEY, &subject, place, what, json!(null), json!(print)));
            }
            for key in was.iter().filter(|key: &&PersonKey| !is.contains(key)) {
                let print = key.fingerprint();
                let place = self.was_at(PEOPLE, &pointer(["people", person]));
                let what = format!("`{person}` no longer signs releases with {print}");
                let subject = [person.as_str(), print.as_str()];
                self.tell(Change::new(&rules::KEY_GONE, &subject, place, what, json!(print), json!(null)));
            }
        }
    }

    /// Where the n-th key of a person stands: `key` is the first when it is there.
    fn key_line(&self, person: &str, n: usize) -> String {
        let one = pointer(["people", person, "key"]);
        let has_one = self.at_head.document(PEOPLE).is_some_and(|doc| doc.value.pointer(&one).is_some());
        match (has_one, n) {
            (true, 0) => one,
            (true, n) => format!("{}/{}", pointer(["people", person, "keys"]), n - 1),
            (false, n) => format!("{}/{n}", pointer(["people", person, "keys"])),
        }
    }

    // === environments ===

    fn environments(&mut self) {
        let (base, head) = (self.base, self.head);
        for (name, was, is) in both(&base.project.environments, &head.project.environments) {
            let at = pointer(["environments", name]);
            match (was, is) {
                (None, Some(new)) => {
                    let what = format!(
                        "`{name}` runs signed releases only, with {} approval(s) each",
                        new.approvals
                    );
                    let place = self.at(FILE, &at);
                    let after = json!(sense(new));
                    self.tell(Change::new(&rules::SIGNED, &[name], place, what, json!(null), after));
                }
                (Some(old), None) => {
                    let what = format!(
                        "`{name}` no longer asks for signed releases: a directory runs there as it lies"
                    );
                    let place = self.was_at(FILE, &at);
                    let before = json!(sense(old));
                    self.tell(Change::new(&rules::UNSIGNED, &[name], place, what, before, json!(null)));
                }
                (Some(old), Some(new)) if old != new => self.environment(name, &at, old, new),
                _ => {}
            }
        }
    }

    fn environment(&mut self, name: &str, at: &str, old: &Environment, new: &Environment) {
        for Found { key, rule, what, was, is } in differences(old, new) {
            let place = self.at(FILE, &format!("{at}/{}", key.replace('.', "/")));
            self.tell(Change::new(rule, &[name, key], place, format!("`{name}`: {what}"), was, is));
        }
    }

    /// A kind that `changes` does not name is that of `*`; where neither is, any approver signs.
    fn change_classes(&mut self) {
        let (base, head) = (&self.base.project.changes, &self.head.project.changes);
        let mut found = Vec::new();
        let falls_back = |changes: &std::collections::BTreeMap<String, Vec<String>>, class: &str| {
            let roles = changes.get(class).or_else(|| changes.get(ANY));
            roles.map(|roles| roles.iter().cloned().collect::<BTreeSet<String>>())
        };
        for (class, was, is) in both(base, head) {
            let (before, after) = (falls_back(base, class), falls_back(head, class));
            if before == after {
                continue;
            }
            let looser = match (&before, &after) {
                (Some(before), Some(after)) => !after.is_subset(before),
                (before, _) => before.is_some(),
            };
            let of = if class == ANY {
                "all other changes".to_owned()
            } else {
                format!("changes of the kind `{class}`")
            };
            let who = |roles: &Option<BTreeSet<String>>| match roles {
                Some(roles) => format!("somebody who is {}", ticked(roles).replace(", ", " or ")),
                None => "any approver".to_owned(),
            };
            let what = format!("for {of}, {} has to sign, not {}", who(&after), who(&before));
            let at = pointer(["changes", class]);
            let place =
                if is.is_some() || was.is_none() { self.at(FILE, &at) } else { self.was_at(FILE, &at) };
            let rule = if looser { &rules::CLASS } else { &rules::CLASS_UP };
            found.push(Change::new(rule, &[class], place, what, json!(before), json!(after)));
        }
        found.into_iter().for_each(|change| self.tell(change));
    }

    fn flags(&mut self) {
        let off = Flag { workflow: Some(String::new()), ..Flag::default() };
        let (base, head) = (self.base, self.head);
        for (name, was, is) in both(&base.project.flags, &head.project.flags) {
            if was == is {
                continue;
            }
            let at = pointer(["flags", name]);
            let place = if is.is_some() { self.at(FILE, &at) } else { self.was_at(FILE, &at) };
            let sense = |flag: Option<&Flag>| flag.map_or(json!(null), flag_sense);
            let rule = if covers(was.unwrap_or(&off), is.unwrap_or(&off)) {
                &rules::FLAG_DOWN
            } else {
                &rules::FLAG
            };
            let what = match (was, is) {
                (Some(was), Some(is)) => {
                    format!("`{name}` is on for {}, not for {}", on_for(is), on_for(was))
                }
                (None, Some(is)) => format!("`{name}` is on for {}", on_for(is)),
                _ => format!("the flag `{name}` is gone"),
            };
            self.tell(Change::new(rule, &[name], place, what, sense(was), sense(is)));
        }
    }
}

// === the settings of an environment ===

struct Found {
    key: &'static str,
    rule: &'static Rule,
    what: String,
    was: Value,
    is: Value,
}

fn differences(old: &Environment, new: &Environment) -> Vec<Found> {
    let mut found = Vec::new();
    let mut say = |key, rule, what: String, was: Value, is: Value| {
        if was != is {
            found.push(Found { key, rule, what, was, is });
        }
    };
    let (was, is) = (old.approvals, new.approvals);
    let rule = if is < was { &rules::APPROVALS } else { &rules::APPROVALS_UP };
    say("approvals", rule, format!("a release needs {is} approval(s), not {was}"), json!(was), json!(is));

    let (was, is) = (old.expires_s, new.expires_s);
    let rule = if is > was { &rules::RELEASE_EXPIRY } else { &rules::RELEASE_EXPIRY_DOWN };
    let what = format!("a release may be put into force for {}, not {}", time(is), time(was));
    say("expires", rule, what, json!(was), json!(is));

    let (was, is) = (old.minimum, new.minimum);
    let rule = if is < was { &rules::MINIMUM } else { &rules::MINIMUM_UP };
    let what = format!("releases from number {is} on may run, not from {was} on");
    say("minimum", rule, what, json!(was), json!(is));

    let looser = |looser: bool| if looser { &rules::CONDITIONS } else { &rules::CONDITIONS_UP };
    for (key, what, was, is, rising) in conditions(old, new) {
        say(key, looser(rising != (is < was)), what, json!(was), json!(is));
    }
    let by_itself = |environment: &Environment| environment.advance == Advance::ByItself;
    let what = match by_itself(new) {
        true => "a candidate goes on by itself once its conditions hold",
        false => "a person takes a candidate to its next stage",
    };
    say("advance", looser(by_itself(new)), what.to_owned(), json!(by_itself(old)), json!(by_itself(new)));

    for ((key, was), (_, is)) in old.watch.signals().into_iter().zip(new.watch.signals()) {
        let rule = if is > was { &rules::WATCH } else { &rules::WATCH_UP };
        let what = format!(
            "`{key}` may become worse by {}% before a candidate is taken back, not by {}%",
            percent(is),
            percent(was)
        );
        say(watched(key), rule, what, json!(was), json!(is));
    }

    // How much is simulated: nothing, dangerous acts, guarded ones too.
    let simulated = |tier: Option<Tier>| tier.map_or(0, |tier| if tier == Tier::Guarded { 2 } else { 1 });
    let (was, is) = (old.simulate, new.simulate);
    let rule = if simulated(is) < simulated(was) { &rules::SIMULATE } else { &rules::SIMULATE_UP };
    let words = |tier: Option<Tier>| match tier {
        None => "no acts are only simulated".to_owned(),
        Some(Tier::Guarded) => "guarded and dangerous acts are only simulated".to_owned(),
        Some(tier) => format!("{} acts are only simulated", tier.name()),
    };
    say("simulate", rule, words(is), json!(simulated(was)), json!(simulated(is)));

    let rule = if new.mask { &rules::MASK_UP } else { &rules::MASK };
    let what = match new.mask {
        true => "values about people are replaced by made-up ones",
        false => "values about people are no longer replaced by made-up ones",
    };
    say("mask", rule, what.to_owned(), json!(old.mask), json!(new.mask));
    found
}

/// What a candidate has to show, by key: the number before and after, and whether a larger one is the looser one.
fn conditions(old: &Environment, new: &Environment) -> Vec<(&'static str, String, u64, u64, bool)> {
    let shadow = |environment: &Environment| environment.shadow.unwrap_or_default();
    let canary = |environment: &Environment| environment.canary.unwrap_or_default();
    let (was, is) = (shadow(old), shadow(new));
    let mut found = vec![
        (
            "shadow.decisions",
            format!("in shadow, a candidate has to decide {} acts, not {}", is.decisions, was.decisions),
            was.decisions,
            is.decisions,
            false,
        ),
        (
            "shadow.for",
            format!("a candidate stays in shadow for {}, not {}", time(is.for_s), time(was.for_s)),
            was.for_s,
            is.for_s,
            false,
        ),
    ];
    let (was, is) = (canary(old), canary(new));
    found.extend([
        (
            "canary.sessions",
            format!("as canary, a candidate has to have {} sessions, not {}", is.sessions, was.sessions),
            was.sessions,
            is.sessions,
            false,
        ),
        (
            "canary.for",
            format!("a candidate stays canary for {}, not {}", time(is.for_s), time(was.for_s)),
            was.for_s,
            is.for_s,
            false,
        ),
    ]);
    // No canary at all is the whole share at once.
    let share = |environment: &Environment| {
        environment.canary.map_or(1_000_000, |canary| u64::from(canary.share_millionths))
    };
    let (was, is) = (share(old), share(new));
    let what = format!("a candidate first gets {}% of the sessions, not {}%", percent64(is), percent64(was));
    found.push(("canary.share", what, was, is, true));
    found
}

fn watched(key: &str) -> &'static str {
    match key {
        "refused" => "watch.refused",
        "held" => "watch.held",
        "rejected" => "watch.rejected",
        "failed" => "watch.failed",
        "slower" => "watch.slower",
        _ => "watch.mix",
    }
}

fn percent(millionths: u32) -> String {
    percent64(millionths.into())
}

/// `5`, `0.25`.
fn percent64(millionths: u64) -> String {
    let (whole, rest) = (millionths / 10_000, millionths % 10_000);
    let part = format!("{rest:04}");
    let part = part.trim_end_matches('0');
    if part.is_empty() { whole.to_string() } else { format!("{whole}.{part}") }
}

fn sense(environment: &Environment) -> Vec<(&'static str, Value)> {
    let absent = Environment { approvals: u32::MAX, minimum: u64::MAX, ..Environment::default() };
    differences(&absent, environment).into_iter().map(|found| (found.key, found.is)).collect()
}

// === powers and flags in words ===

fn does(power: Power) -> &'static str {
    match power {
        Power::Author => "author releases",
        Power::Approve => "approve releases",
        Power::Promote => "promote releases",
        Power::RollBack => "roll releases back",
    }
}

fn says(people: &People) -> Value {
    let may = people.may.iter().map(|(role, powers)| {
        let powers: Vec<&str> = powers.iter().map(|power| power.name()).collect();
        (role.clone(), json!(powers))
    });
    Value::Object(may.collect())
}

fn who_has(people: &People, role: &str) -> Vec<String> {
    let has: Vec<&String> = people
        .roles
        .iter()
        .filter(|(_, roles)| roles.iter().any(|has| has == role))
        .map(|(name, _)| name)
        .collect();
    if has.is_empty() { Vec::new() } else { vec![format!("that is {}", ticked(has))] }
}

/// Whether every session that has the second flag has the first too.
fn covers(first: &Flag, second: &Flag) -> bool {
    let same = first.workflow.is_none() || first.workflow == second.workflow;
    let nobody = second.share_millionths == 0 && second.principals.is_empty() && second.roles.is_empty();
    let within = second.share_millionths <= first.share_millionths
        && added(&first.principals, &second.principals).is_empty()
        && added(&first.roles, &second.roles).is_empty();
    nobody || (same && within)
}

fn flag_sense(flag: &Flag) -> Value {
    json!({
        "workflow": flag.workflow, "share": flag.share_millionths, "principals": flag.principals, "roles": flag.roles,
    })
}

fn on_for(flag: &Flag) -> String {
    let mut who = Vec::new();
    if flag.share_millionths > 0 {
        who.push(format!("{}% of the sessions", percent(flag.share_millionths)));
    }
    if !flag.principals.is_empty() {
        who.push(ticked(&flag.principals));
    }
    if !flag.roles.is_empty() {
        who.push(format!("the role(s) {}", ticked(&flag.roles)));
    }
    let who = if who.is_empty() { "nobody".to_owned() } else { who.join(" and ") };
    match &flag.workflow {
        Some(workflow) => format!("{who} of `{workflow}`"),
        None => who,
    }
}
