//! From cases that went otherwise to lines that a reviewer reads.

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_core::{Decision, Digest, Effect, Tier, ToolName, decide};
use serde_json::{Value, json};

use super::situation::{Class, SideAct, Situation};
use super::space::{Dim, Does, ORIGINS, Space};
use super::{Key, Tried};
use crate::cedar::Reach;
use crate::diff::change::{Change, Example};
use crate::diff::rules::{self, Rule};
use crate::diff::{Diffing, ticked};
use crate::model::Bundle;

/// Values that a line names before it counts them.
const NAMED_MAX: usize = 3;

impl Diffing<'_> {
    pub(super) fn act_removed(&mut self, workflow: &str, name: &ToolName) {
        // With the workflow gone, every act of it is.
        if !self.head.workflows.contains_key(workflow) {
            return;
        }
        let act = name.to_string();
        let place = self.at_base.act(workflow, name, "");
        let what = format!("`{workflow}` no longer lists `{act}`");
        self.tell(Change::new(&rules::ACT_REMOVED, &[workflow, &act], place, what, json!(true), json!(null)));
    }

    pub(super) fn tell_act(
        &mut self,
        space: &Space,
        tried: &Tried,
        was: Option<&SideAct<'_>>,
        is: &SideAct<'_>,
    ) {
        let is_model = is.name.server == ToolName::MODEL;
        if was.is_none() && !is_model {
            self.act_added(space, tried, is);
        }
        for to in [Reach::Free, Reach::Checked, Reach::Approved] {
            let moved = tried.moved.iter().filter(|((from, after), _)| *after == to && *from < to);
            let (mut from, mut keys) = (BTreeSet::new(), Vec::new());
            for ((before, _), cases) in moved {
                from.insert(*before);
                keys.extend(cases.iter().cloned());
            }
            let rule = rule_for(to, is);
            // That it can be looked at or asked for at all is what `act/added` says; of models, the workflow's list.
            let said = was.is_none()
                && (is_model
                    || !matches!(to, Reach::Free | Reach::Checked)
                    || rule.id == rules::ACT_READS.id);
            if !keys.is_empty() && !said {
                let change = self.moved(rule, space, tried, was, is, &from, to, keys);
                self.tell(change);
            }
        }
        self.stricter(space, tried, was, is);
    }

    #[expect(clippy::too_many_arguments, reason = "one sentence with as many parts")]
    fn moved(
        &self,
        rule: &'static Rule,
        space: &Space,
        tried: &Tried,
        was: Option<&SideAct<'_>>,
        is: &SideAct<'_>,
        from: &BTreeSet<Reach>,
        to: Reach,
        keys: Vec<Key>,
    ) -> Change {
        let act = is.name.to_string();
        let before = match was {
            None => "the workflow did not list it".to_owned(),
            Some(_) => format!(
                "before, it {}",
                from.iter().map(|reach| past(*reach)).collect::<Vec<_>>().join(" or ")
            ),
        };
        let what = format!("`{act}` {} in `{}`; {before}", to.words(), is.workflow);
        let place = self.cause(was, is);
        let needs = needs(space, &keys);
        let needed = needs.into_iter();
        let counted = format!("{} of {} cases tried went this way", keys.len(), tried.cases);
        let sense = sense(space, tried, &keys);
        let key = simplest(space, &keys);
        let from: Vec<&str> = from.iter().map(|reach| reach.name()).collect();
        Change::new(rule, &[is.workflow, &act], place, what, json!(from), json!([to.name(), sense]))
            .detail(needed.chain(self.because(was, is)).chain([counted]))
            .example(self.example(space, was, is, &key))
    }

    fn act_added(&mut self, space: &Space, tried: &Tried, is: &SideAct<'_>) {
        let act = is.name.to_string();
        let place = self.at_head.act(is.workflow, is.name, "");
        let count = |reach: Reach| tried.reached.get(&reach).copied().unwrap_or(0);
        let line = |reach: Reach| {
            (count(reach) > 0)
                .then(|| format!("in {} of {} cases tried it {}", count(reach), tried.cases, reach.words()))
        };
        let ways =
            [Reach::Free, Reach::Checked, Reach::Approved, Reach::Refused].into_iter().filter_map(line);
        let (tier, effect) = is.tool.map_or(("safe", "read"), |tool| (tool.tier.name(), tool.effect.name()));
        let what = format!("`{}` lists `{act}`: {tier}, {effect}", is.workflow);
        let far: Vec<&str> = tried.reached.keys().map(|reach| reach.name()).collect();
        let mut change = Change::new(
            &rules::ACT_ADDED,
            &[is.workflow, &act],
            place,
            what,
            json!(null),
            json!([tier, effect, far]),
        )
        .detail(ways);
        let all = || tried.moved.iter().max_by_key(|((_, to), _)| *to).map(|(_, keys)| keys);
        if let Some(keys) = all() {
            change = change.example(self.example(space, None, is, &simplest(space, keys)));
        }
        self.tell(change);
    }

    fn stricter(&mut self, space: &Space, tried: &Tried, was: Option<&SideAct<'_>>, is: &SideAct<'_>) {
        let moved = tried.moved.iter().filter(|((from, to), _)| to < from);
        let (mut ways, mut keys, mut sense_of) = (BTreeSet::new(), Vec::new(), Vec::new());
        for ((from, to), cases) in moved {
            ways.insert(format!("{} where it {}", to.words(), past(*from)));
            sense_of.push(json!([from.name(), to.name(), sense(space, tried, cases)]));
            keys.extend(cases.iter().cloned());
        }
        if keys.is_empty() {
            return;
        }
        let act = is.name.to_string();
        let what =
            format!("`{act}` in `{}` {}", is.workflow, ways.into_iter().collect::<Vec<_>>().join(", and "));
        let counted = format!("{} of {} cases tried went this way", keys.len(), tried.cases);
        let needed = needs(space, &keys).into_iter();
        let example = self.example(space, was, is, &simplest(space, &keys));
        let change = Change::new(
            &rules::ACT_STRICTER,
            &[is.workflow, &act],
            self.cause(was, is),
            what,
            json!(null),
            json!(sense_of),
        );
        self.tell(change.detail(needed.chain([counted])).example(example));
    }

    /// Where the cause stands, as far as it can be told: the first policy that is new or gone, else the act.
    fn cause(&self, was: Option<&SideAct<'_>>, is: &SideAct<'_>) -> crate::diff::Place {
        let (gone, new) = changed(was, is);
        match (new.first(), gone.first()) {
            (Some(id), _) if !id.is_empty() => self.at_head.policy(id),
            (None, Some(id)) => self.at_base.policy(id),
            _ => self.at_head.act(is.workflow, is.name, ""),
        }
    }

    fn because(&self, was: Option<&SideAct<'_>>, is: &SideAct<'_>) -> Option<String> {
        let (gone, new) = changed(was, is);
        let other: Vec<&String> = new.iter().filter(|id| gone.contains(id)).collect();
        let only = |mine: &[String]| -> Vec<String> {
            mine.iter().filter(|id| !other.contains(id)).cloned().collect()
        };
        let said = [
            ("changed", other.iter().map(|id| (*id).clone()).collect()),
            ("new", only(&new)),
            ("gone", only(&gone)),
        ];
        let said = said.into_iter().filter(|(_, ids): &(&str, Vec<String>)| !ids.is_empty());
        let said: Vec<String> = said.map(|(word, ids)| format!("{} {word}", ticked(ids))).collect();
        (!said.is_empty()).then(|| format!("policies: {}", said.join("; ")))
    }

    fn example(&self, space: &Space, was: Option<&SideAct<'_>>, is: &SideAct<'_>, key: &Key) -> Example {
        let situation = space.at(key);
        let (who, given) = told_case(space, key);
        Example {
            who: format!("{who} in {}", is.workflow),
            tool: is.name.to_string(),
            arguments: situation.arguments.clone(),
            given,
            before: was.map_or_else(
                || "refuse: the workflow does not list it".to_owned(),
                |was| decided(self.base, was, &situation),
            ),
            after: decided(self.head, is, &situation),
        }
    }
}

/// Who asks in a case, and what has to be so, a phrase each.
pub(crate) fn told_case(space: &Space, key: &[u16]) -> (String, Vec<String>) {
    let mut given: Vec<String> = Vec::new();
    for (dim, value) in space.dims.iter().zip(key) {
        let choice = &dim.values[usize::from(*value)];
        let shown = matches!(
            choice.does,
            Does::Amount(..) | Does::Argument(..) | Does::Principal(_) | Does::ToTheAsker(_)
        );
        let plain =
            *value == 0 && matches!(choice.does, Does::Payload(_) | Does::Environment(_) | Does::Mode(_));
        if !(shown || plain) {
            given.push(choice.words.clone());
        }
    }
    let who = space.dims.iter().zip(key).find_map(|(dim, value)| {
        let choice = &dim.values[usize::from(*value)];
        matches!(choice.does, Does::Principal(_))
            .then(|| choice.words.trim_start_matches("asked by ").to_owned())
    });
    let who = who.unwrap_or_else(|| "any principal".to_owned());
    (who, given)
}

/// What the real engine decides about it.
pub(super) fn decided(bundle: &Bundle, side: &SideAct<'_>, situation: &Situation) -> String {
    let decision: Decision = side.with(situation, |case| decide(&bundle.rules, case).decision);
    let reasons: Vec<&str> =
        decision.reasons.iter().map(|reason| reason.rule.as_str()).filter(|rule| !rule.is_empty()).collect();
    let needs: Vec<String> = decision
        .needs
        .iter()
        .map(|need| match need {
            plimsoll_core::Need::Check { name } => format!("the check {name}"),
            plimsoll_core::Need::Approval(terms) => {
                format!("approval by {} of {}", terms.quorum, terms.roles.join(", "))
            }
        })
        .collect();
    let needs = if needs.is_empty() { String::new() } else { format!(" until {}", needs.join(" and ")) };
    format!("{}{needs} ({})", decision.ruling.name(), reasons.join(", "))
}

fn rule_for(to: Reach, is: &SideAct<'_>) -> &'static Rule {
    let looks = is.tool.is_none_or(|tool| tool.effect == Effect::Read && tool.tier != Tier::Dangerous);
    match to {
        Reach::Free if looks => &rules::ACT_READS,
        Reach::Free => &rules::ACT_RUNS,
        Reach::Checked if looks => &rules::ACT_READS,
        Reach::Checked => &rules::ACT_CHECKED,
        _ => &rules::ACT_HELD,
    }
}

fn past(reach: Reach) -> &'static str {
    match reach {
        Reach::Refused => "was refused",
        Reach::Approved => "waited for people's approval",
        Reach::Checked => "waited for its checks",
        Reach::Free => "ran by itself",
    }
}

/// The policies that are gone, and those that are new, by name.
fn changed(was: Option<&SideAct<'_>>, is: &SideAct<'_>) -> (Vec<String>, Vec<String>) {
    let Some(was) = was else { return (Vec::new(), Vec::new()) };
    let (before, after) = (was.probe.contents(), is.probe.contents());
    let only = |mine: &BTreeMap<Digest, &str>, other: &BTreeMap<Digest, &str>| -> Vec<String> {
        let mut ids: Vec<String> = mine
            .iter()
            .filter(|(content, _)| !other.contains_key(*content))
            .map(|(_, id)| (*id).to_owned())
            .collect();
        ids.sort();
        ids
    };
    (only(&before, &after), only(&after, &before))
}

/// What all these cases have in common that others have not.
fn needs(space: &Space, keys: &[Key]) -> Vec<String> {
    let mut needs = Vec::new();
    for (at, dim) in space.dims.iter().enumerate() {
        let used: BTreeSet<u16> = keys.iter().map(|key| key[at]).collect();
        if used.len() == dim.values.len() {
            continue;
        }
        if dim.name == ORIGINS {
            needs.extend(origins_needed(space, at, &used));
            continue;
        }
        let words = |values: &mut dyn Iterator<Item = u16>| -> Vec<&str> {
            values.map(|value| dim.values[usize::from(value)].words.as_str()).collect()
        };
        let count = u16::try_from(dim.values.len()).unwrap_or(u16::MAX);
        let others = words(&mut (0..count).filter(|value| !used.contains(value)));
        needs.push(when(&words(&mut used.iter().copied()), &others, &dim.name));
    }
    needs
}

/// `only when a, or b`, or what is shorter: `not when c`.
fn when(mine: &[&str], others: &[&str], fact: &str) -> String {
    match (mine.len(), others.len()) {
        (m, o) if m <= NAMED_MAX && m <= o.max(1) => format!("only when {}", mine.join(", or ")),
        (_, o) if o <= NAMED_MAX => format!("not when {}", others.join(", or ")),
        (m, o) => format!("only for {m} of the {} values of \"{fact}\" that were tried", m + o),
    }
}

/// The same for each value that must be proven.
fn origins_needed(space: &Space, at: usize, used: &BTreeSet<u16>) -> Vec<String> {
    let origins = |value: usize| match &space.dims[at].values[value].does {
        Does::Origins(origins) => origins.clone(),
        _ => Vec::new(),
    };
    let all: Vec<Vec<(String, Class)>> = (0..space.dims[at].values.len()).map(origins).collect();
    let paths: Vec<String> = all.first().into_iter().flatten().map(|(path, _)| path.clone()).collect();
    let mut needs = Vec::new();
    for (place, path) in paths.iter().enumerate() {
        let classes = |some: &mut dyn Iterator<Item = &Vec<(String, Class)>>| -> BTreeSet<Class> {
            some.filter_map(|origins| origins.get(place)).map(|(_, class)| *class).collect()
        };
        let possible = classes(&mut all.iter());
        let mine = classes(&mut used.iter().filter_map(|value| all.get(usize::from(*value))));
        if mine.len() < possible.len() {
            let name = path.trim_start_matches('/');
            let words = |classes: &mut dyn Iterator<Item = &Class>| -> Vec<String> {
                classes.map(|class| format!("{name} {}", class.words())).collect()
            };
            let (mine, others) = (words(&mut mine.iter()), words(&mut possible.difference(&mine)));
            let plain = |words: &[String]| words.iter().map(String::as_str).collect::<Vec<_>>().join("|");
            let (mine, others) = (plain(&mine), plain(&others));
            needs.push(when(
                &mine.split('|').collect::<Vec<_>>(),
                &others.split('|').collect::<Vec<_>>(),
                name,
            ));
        }
    }
    if needs.is_empty() {
        needs.push("only with some of the combinations of origins tried".to_owned());
    }
    needs
}

/// The set of cases as a digest: facts that make no difference to it are left out, so that trying more
/// facts for another reason does not change it.
fn sense(space: &Space, tried: &Tried, keys: &[Key]) -> Value {
    let dims: Vec<usize> = (0..space.dims.len()).collect();
    let matter: Vec<usize> = if tried.cut.is_some() {
        dims
    } else {
        dims.into_iter().filter(|at| !is_free(keys, *at, space.dims[*at].values.len())).collect()
    };
    let words = Words::of(space, &matter);
    let cases: BTreeSet<Vec<usize>> = keys.iter().map(|key| words.case(&matter, key)).collect();
    let written: Vec<Vec<&str>> = cases.iter().map(|case| words.written(case)).collect();
    json!(Digest::of_json(&json!(written)).short())
}

/// Every value of some facts, written out, in the order of its text: cases are sorted as their texts would be, and
/// each text is written once.
struct Words {
    sorted: Vec<String>,
    /// Of each of these facts, the places of its values.
    places: Vec<Vec<usize>>,
}

impl Words {
    fn of(space: &Space, facts: &[usize]) -> Self {
        let write = |dim: &Dim| -> Vec<String> {
            dim.values.iter().map(|value| format!("{}: {}", dim.name, value.words)).collect()
        };
        let texts: Vec<Vec<String>> = facts.iter().map(|at| write(&space.dims[*at])).collect();
        let sorted: Vec<String> = texts.concat().into_iter().collect::<BTreeSet<_>>().into_iter().collect();
        let place = |text: &String| sorted.binary_search(text).unwrap_or_default();
        let places = texts.iter().map(|values| values.iter().map(place).collect()).collect();
        Self { sorted, places }
    }

    fn case(&self, facts: &[usize], key: &[u16]) -> Vec<usize> {
        let places = facts.iter().zip(&self.places);
        let mut case: Vec<usize> = places.map(|(at, places)| places[usize::from(key[*at])]).collect();
        case.sort_unstable();
        case
    }

    fn written(&self, case: &[usize]) -> Vec<&str> {
        case.iter().map(|place| self.sorted[*place].as_str()).collect()
    }
}

/// Whether a fact takes all its values beside each combination of the others.
fn is_free(keys: &[Key], at: usize, size: usize) -> bool {
    let others: BTreeSet<Vec<u16>> = keys
        .iter()
        .map(|key| {
            key.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, value)| *value).collect()
        })
        .collect();
    others.len() * size == keys.len()
}

/// The case that departs least from the plain one.
pub(super) fn simplest(space: &Space, keys: &[Key]) -> Key {
    let departs = |key: &Key| -> usize {
        let mut count = 0;
        for (dim, value) in space.dims.iter().zip(key) {
            count += match &dim.values[usize::from(*value)].does {
                Does::Origins(origins) => {
                    origins.iter().filter(|(_, class)| *class != Class::User).count() * 2
                }
                _ => usize::from(*value > 0) * 2,
            };
        }
        count
    };
    keys.iter().min_by_key(|key| (departs(key), (*key).clone())).cloned().unwrap_or_default()
}
