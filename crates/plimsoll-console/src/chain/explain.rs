//! One decision in plain words, for the person accountable for it.

use plimsoll_core::{Code, Decision, Mode, Need, Remedy, Ruling};
use serde::Serialize;

use super::{Act, Chain, Line, Part, Step, Tone, date, short};

/// Facts that a person needs to have heard.
const DECIDING: usize = 3;

/// Who is accountable, from the release as it is today.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Accountable {
    pub owner: String,
    pub incident_owner: String,
    /// People who have one of the roles that may answer.
    pub approvers: Vec<String>,
    pub on_failure: String,
    pub way_back: String,
}

/// A decision, explained.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Explanation {
    pub entry: u64,
    /// What was asked.
    pub asked: String,
    /// What was decided.
    pub decided: String,
    /// What its code means.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub meaning: String,
    /// The facts that decided it, the most telling first.
    pub because: Vec<String>,
    /// What came of it.
    pub then: String,
    /// Who can change it, and how.
    pub change: Vec<String>,
    /// What would have been legal.
    pub legal: Vec<String>,
    /// Where to look on.
    pub see: Vec<String>,
}

/// Explains the last decision of a chain about `act`, or the last of all.
pub fn explain(chain: &Chain, seq: Option<u64>, accountable: &Accountable) -> Option<Explanation> {
    let acts =
        || chain.steps.iter().filter_map(|step| if let Step::Act(act) = step { Some(act) } else { None });
    let act = match seq {
        // An outcome's number means the act whose outcome it is.
        Some(seq) => acts().find(|act| {
            let proposed = act.proposed.as_ref().and_then(|proposed| proposed.seq);
            act.seq == seq
                || proposed == Some(seq)
                || act.outcome.as_ref().is_some_and(|outcome| outcome.seq == seq)
        })?,
        None => acts().rfind(|act| act.part != Part::Model).or_else(|| acts().next_back())?,
    };
    Some(Explanation {
        entry: act.seq,
        asked: asked(chain, act),
        decided: decided(act),
        meaning: act.decision.code.map(|code| code.row().meaning.to_owned()).unwrap_or_default(),
        because: because(act),
        then: then(act),
        change: change(act, accountable),
        legal: legal(act),
        see: see(chain, act),
    })
}

fn asked(chain: &Chain, act: &Act) -> String {
    let who = &chain.who;
    let what = match act.part {
        Part::Model => format!("asked the model {}", act.tool.trim_start_matches("model.")),
        Part::Proposal | Part::Call | Part::Check => {
            let with: Vec<String> = act
                .arguments
                .iter()
                .take(6)
                .map(|a| format!("{} = {}", a.name, a.value.replace('\n', " ")))
                .collect();
            let more = if act.arguments.len() > 6 { ", …" } else { "" };
            let with =
                if with.is_empty() { String::new() } else { format!(" with {}{more}", with.join(", ")) };
            let article = if act.tier.name().starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
            format!(
                "wanted to call {}{with}. It is {article} {} act; its effect is {}",
                act.tool,
                act.tier.name(),
                act.effect.name()
            )
        }
    };
    format!(
        "On {}, {} {what}. Workflow {}, {} mode.",
        date(act.at),
        who.sentence(),
        who.workflow,
        act.mode.name()
    )
}

/// With a capital letter and a full stop.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
    format!("{first}{}.", letters.as_str())
}

fn decided(act: &Act) -> String {
    let code = act.decision.code.map(|code| format!(" ({code}, {})", code.title())).unwrap_or_default();
    match (act.decision.ruling, act.permitted) {
        (Ruling::Allow, _) if !act.decision.declassified.is_empty() => {
            let lifted: Vec<&str> = act.decision.declassified.iter().map(|r| r.text.as_str()).collect();
            format!("It was allowed. Only the approval lifted what else forbids it: {}.", lifted.join("; "))
        }
        (Ruling::Allow, _) => "It was allowed.".to_owned(),
        (ruling, true) => {
            let would = if ruling == Ruling::Hold { "held" } else { "refused" };
            let why = act.decision.passed_because.as_deref().unwrap_or("the mode let it through");
            format!("By the rules it would have been {would}{code}. It went through because {why}.")
        }
        (Ruling::Hold, false) => format!("It was held{code}. It did not happen."),
        (Ruling::Refuse, false) => format!("It was refused{code}. It did not happen."),
    }
}

fn because(act: &Act) -> Vec<String> {
    let mut facts = Vec::new();
    for reason in &act.decision.reasons {
        let rule = match reason.rule.as_str() {
            "" => String::new(),
            rule => format!(" (rule {rule})"),
        };
        facts.push(format!("{}{rule}", reason.text));
    }
    for argument in act.arguments.iter().filter(|argument| argument.aims) {
        let came = if argument.from.starts_with("from ") { "came" } else { "was" };
        facts.push(format!("The {} {} {came} {}.", argument.role, argument.name, argument.from));
    }
    facts.extend(act.facts.iter().map(|fact| sentence(&fact.about_text())));
    for check in &act.checks {
        let said = match check.fact.passed {
            Some(true) => "confirmed it",
            Some(false) => "did not confirm it",
            None => "was not asked",
        };
        let detail =
            if check.fact.detail.is_empty() { String::new() } else { format!(": {}", check.fact.detail) };
        facts.push(format!("The check {} {said}{detail}.", check.fact.name));
    }
    if let Some(ticket) = &act.approval {
        facts.push(match (ticket.granted, ticket.denied) {
            (true, _) => format!("Approval {} was given by {}.", ticket.id, ticket.approvers.join(", ")),
            (_, true) => format!("Approval {} was denied.", ticket.id),
            _ => format!("Approval {} had no answer yet.", ticket.id),
        });
    }
    if !act.untrusted_tools.is_empty() {
        let tools = act.untrusted_tools.join(", ");
        facts.push(format!("The model had been shown what anybody may have written, from {tools}."));
    }
    facts
}

fn then(act: &Act) -> String {
    match (&act.outcome, act.permitted) {
        (Some(outcome), _) => format!("What came of it: {}.", outcome.sentence()),
        (None, true) => "Nobody knows whether it happened: look it up in the system of record.".to_owned(),
        (None, false) => "Nothing moved.".to_owned(),
    }
}

fn change(act: &Act, accountable: &Accountable) -> Vec<String> {
    let mut people = Vec::new();
    if !accountable.owner.is_empty() {
        people.push(format!(
            "The owner of the workflow, {}, can have its boundary or rules reviewed.",
            accountable.owner
        ));
    }
    let asks = act.decision.needs.iter().find_map(|need| match need {
        Need::Approval(terms) => Some(terms),
        Need::Check { .. } => None,
    });
    if let Some(terms) = asks {
        let who = match accountable.approvers.as_slice() {
            [] => String::new(),
            people => format!(": today {}", people.join(", ")),
        };
        people.push(format!(
            "{} of {} can approve this exact act{who}.",
            terms.quorum,
            terms.roles.join(", ")
        ));
    }
    if !act.stops.is_empty() {
        people.push("Anyone with an admin key can lift the stop: `plimsoll resume`.".to_owned());
    }
    if !accountable.incident_owner.is_empty() {
        people.push(format!("When it has gone wrong: {}.", accountable.incident_owner));
    }
    for (label, text) in [("If it fails", &accountable.on_failure), ("The way back", &accountable.way_back)] {
        if act.permitted && !text.is_empty() {
            people.push(format!("{label}: {}", text.trim_end_matches('.').to_owned() + "."));
        }
    }
    people
}

fn legal(act: &Act) -> Vec<String> {
    let Decision { ruling, code, remedies, .. } = &act.decision;
    if *ruling == Ruling::Allow {
        return vec!["It was legal as it stood.".to_owned()];
    }
    let mut ways: Vec<String> = remedies.iter().map(Remedy::sentence).map(|way| super::shown(&way)).collect();
    if ways.is_empty()
        && let Some(code) = code
    {
        ways.push(code.row().next.to_owned());
    }
    if act.mode == Mode::Observe {
        ways.push("in observe mode everything but a kill switch lets it through".to_owned());
    }
    ways
}

fn see(chain: &Chain, act: &Act) -> Vec<String> {
    let mut places = vec![format!("plimsoll show {}", act.seq)];
    if !chain.who.session.is_empty() {
        places.push(format!("plimsoll show {}", chain.who.session));
    }
    if let Some(code) = act.decision.code {
        places.push(format!("plimsoll explain {code}"));
    }
    places.push(format!("release {}", short(&act.ids.release)));
    places
}

// === impl Explanation ===

impl Explanation {
    /// For a terminal.
    pub fn lines(&self) -> Vec<Line> {
        let line = |tone, text: String| Line { tone, text };
        let mut lines = vec![
            line(Tone::Plain, self.asked.clone()),
            line(Tone::Title, self.decided.clone()),
            line(Tone::Plain, self.then.clone()),
        ];
        lines.extend((!self.meaning.is_empty()).then(|| line(Tone::Plain, self.meaning.clone())));
        let (decided, besides) = self.because.split_at(self.because.len().min(DECIDING));
        let (decided, besides) = (decided.to_vec(), besides.to_vec());
        let sections = [
            ("The facts that decided it", &decided),
            ("What was known besides", &besides),
            ("What would have changed the outcome", &self.legal),
            ("Who can overrule it", &self.change),
            ("See", &self.see),
        ];
        for (title, items) in sections.into_iter().filter(|(_, items)| !items.is_empty()) {
            lines.push(line(Tone::Plain, String::new()));
            lines.push(line(Tone::Title, title.to_owned()));
            lines.extend(items.iter().map(|item| line(Tone::Plain, format!("  - {item}"))));
        }
        lines
    }
}

/// A code's row of the table.
pub fn code_lines(code: Code) -> Vec<Line> {
    let row = code.row();
    vec![
        Line { tone: Tone::Title, text: format!("{} {}", row.id, row.title) },
        Line { tone: Tone::Plain, text: row.meaning.to_owned() },
        Line { tone: Tone::Plain, text: format!("Next: {}", row.next) },
    ]
}
