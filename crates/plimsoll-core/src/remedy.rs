//! The legal ways on: which single change would make an act legal. Each is tried on the rules before it is
//! offered, so a way that is offered is one that works.

use serde::{Deserialize, Serialize};

use crate::act::Tier;
use crate::case::{Assume, Case, Hypothesis};
use crate::decide::{Ask, Reason};
use crate::label::Integrity;
use crate::span::ArgumentOrigin;

/// The rule that a reason about a value's origin names.
pub(crate) const ORIGIN: &str = "origin";

/// Values that are tried at most, each by itself; an act with more of them is asked for as a whole.
const TRIED_MAX: usize = 8;

/// A legal way on. Each was tried on the rules before it was offered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "remedy")]
pub enum Remedy {
    /// Ask these roles; repeat the identical call once they agreed.
    AskApproval { roles: Vec<String>, quorum: u32 },
    /// The user names the value in their own words.
    NameValue { argument: String },
    /// The user asks for this kind of act in their own words.
    AskFor { verb: String },
    /// The same act with less: without some elements of a list, or with a smaller amount.
    Narrow { argument: String, to: String },
    /// Another tool of the same workflow that is allowed here.
    UseTool { tool: String },
    /// All of these; no single one suffices.
    Together { all: Vec<Remedy> },
    /// Anything else, in words.
    Do { text: String },
}

impl Remedy {
    pub fn sentence(&self) -> String {
        match self {
            Self::AskApproval { roles, quorum } => {
                format!(
                    "ask for approval by {quorum} of: {}; then repeat the identical call",
                    roles.join(", ")
                )
            }
            Self::NameValue { argument } => {
                format!("let the user name the {} in their own words", argument.trim_start_matches('/'))
            }
            Self::AskFor { verb } => {
                format!("let the user ask for it in their own words, for example \"please {verb} …\"")
            }
            Self::Narrow { argument, to } => {
                format!("narrow the {} to {to}", argument.trim_start_matches('/'))
            }
            Self::UseTool { tool } => format!("use `{tool}`"),
            Self::Together { all } => together_in_words(all),
            Self::Do { text } => text.clone(),
        }
    }

    /// The value that it names.
    fn named(&self) -> Option<String> {
        match self {
            Self::NameValue { argument } => Some(argument.trim_start_matches('/').to_owned()),
            _ => None,
        }
    }

    /// The changes it is made of.
    fn parts(&self) -> &[Self] {
        match self {
            Self::Together { all } => all,
            one => std::slice::from_ref(one),
        }
    }
}

/// `let the user name the iban and the amount and ask for it in their own words, for example …`.
fn together_in_words(all: &[Remedy]) -> String {
    let names: Vec<String> = all.iter().filter_map(Remedy::named).collect();
    let asks = all.iter().find(|way| matches!(way, Remedy::AskFor { .. })).map(Remedy::sentence);
    let name = format!("let the user name the {}", names.join(" and the "));
    let said = match (names.is_empty(), asks) {
        (true, asks) => asks,
        (false, None) => Some(format!("{name} in their own words")),
        (false, Some(asks)) => Some(format!("{name} and {}", asks.trim_start_matches("let the user "))),
    };
    let spoken = |way: &&Remedy| matches!(way, Remedy::NameValue { .. } | Remedy::AskFor { .. });
    let rest = all.iter().filter(|way| !spoken(way)).map(Remedy::sentence);
    said.into_iter().chain(rest).collect::<Vec<_>>().join(", and ")
}

/// What the user could say so that the act becomes legal: name a value, or ask for this kind of act. Each
/// alone first; when no single one suffices, the fewest that do together. None when nothing that the user
/// says is what is missing.
///
/// With `approval`, ways that people then still have to approve.
pub(crate) fn by_the_user(ask: Ask<'_>, case: &Case<'_>, approval: bool) -> Vec<Remedy> {
    let mut missing: Vec<Remedy> =
        unproven(case).map(|origin| Remedy::NameValue { argument: origin.argument.clone() }).collect();
    if !case.flow.intent.asked {
        missing.push(Remedy::AskFor { verb: verb(case) });
    }
    let legal = |said: &[&Remedy]| is_legal(ask, said, approval);
    let all: Vec<&Remedy> = missing.iter().collect();
    if all.is_empty() || legal(&[]) || !legal(&all) {
        return Vec::new();
    }
    let tried = if all.len() > TRIED_MAX { &[] } else { &all[..] };
    let single: Vec<Remedy> = tried.iter().filter(|one| legal(&[one])).map(|one| (*one).clone()).collect();
    let ways = if single.is_empty() { vec![together(all, &legal)] } else { single };
    match (approval, &case.facts.terms) {
        (true, Some(terms)) => {
            let agreed = Remedy::AskApproval { roles: terms.roles.clone(), quorum: terms.quorum };
            let with = |way: Remedy| way.parts().iter().cloned().chain([agreed.clone()]).collect();
            ways.into_iter().map(|way| Remedy::Together { all: with(way) }).collect()
        }
        _ => ways,
    }
}

/// Leaves out whatever is not needed.
fn together(all: Vec<&Remedy>, legal: &impl Fn(&[&Remedy]) -> bool) -> Remedy {
    let mut kept = all.clone();
    if all.len() <= TRIED_MAX {
        for one in all {
            let without: Vec<&Remedy> = kept.iter().copied().filter(|other| *other != one).collect();
            if legal(&without) {
                kept = without;
            }
        }
    }
    Remedy::Together { all: kept.into_iter().cloned().collect() }
}

fn is_legal(ask: Ask<'_>, said: &[&Remedy], approval: bool) -> bool {
    let mut assume = Assume { checks: true, approval, ..Assume::default() };
    for remedy in said {
        match remedy {
            Remedy::NameValue { argument } => assume.named.push(argument.clone()),
            Remedy::AskFor { .. } => assume.asked = true,
            _ => {}
        }
    }
    let answer = ask(&assume);
    answer.permitted && answer.errors.is_empty()
}

/// Why: what each of these ways would put right, and what nothing does.
pub(crate) fn lacking(case: &Case<'_>, ways: &[Remedy]) -> Vec<Reason> {
    let mut reasons: Vec<Reason> = Vec::new();
    if case.tier == Tier::Guarded && case.facts.hypothesis == Hypothesis::Unknown {
        let text =
            "no model answer that Plimsoll saw proposed this call, so nobody knows what the user asked for";
        reasons.push(Reason { rule: "hypothesis".to_owned(), text: text.to_owned() });
    }
    for part in ways.iter().flat_map(Remedy::parts) {
        let reason = match part {
            Remedy::NameValue { argument } => {
                let origin = case.flow.origins.iter().find(|origin| origin.argument == *argument);
                origin.map(|origin| Reason { rule: ORIGIN.to_owned(), text: origin.sentence() })
            }
            Remedy::AskFor { verb } => Some(Reason {
                rule: "intent".to_owned(),
                text: format!("the user's own words do not ask to {verb}"),
            }),
            _ => None,
        };
        reasons.extend(reason.filter(|reason| !reasons.contains(reason)));
    }
    reasons
}

/// The word to ask with: one of the tool's own name, if it would be understood, or else the first that
/// would.
fn verb(case: &Case<'_>) -> String {
    let name = case.act.tool.tool.to_lowercase();
    let mut own = name.split(['_', '-', '.']);
    let verbs = &case.flow.intent.verbs;
    let understood = own.clone().find(|word| verbs.iter().any(|verb| verb == word));
    let word = understood.or(verbs.first().map(String::as_str)).or_else(|| own.next());
    word.unwrap_or_default().to_owned()
}

/// Values that somebody has to stand behind, and that the user neither named nor chose.
fn unproven<'c>(case: &'c Case<'_>) -> impl Iterator<Item = &'c ArgumentOrigin> {
    let origins = &case.flow.origins;
    let lacks =
        |origin: &ArgumentOrigin| origin.unknown || !origin.chosen || origin.integrity < Integrity::Trusted;
    origins
        .iter()
        .filter(move |origin| origin.role.must_be_proven() && lacks(origin))
        .filter(|origin| !origin.sums_up(origins))
}
