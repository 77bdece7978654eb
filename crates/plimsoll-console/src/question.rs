//! A question put to people, as they see it: on the page and in the terminal. Everything comes from the
//! bound act.

use jiff::Timestamp;
use plimsoll_core::{Approval, ArgumentOrigin, CheckFact, Hypothesis, Principal, Reason, Trajectory};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::chain::{Argument, Fact, Line, Tone, arguments, facts, short, shown};
use crate::words::{When, when};

/// The bound act, ready to be shown.
#[derive(Debug)]
pub struct View {
    pub id: String,
    pub state: &'static str,
    pub tool: String,
    pub tier: String,
    pub effect: String,
    pub effect_means: &'static str,
    pub arguments: Vec<Argument>,
    pub untrusted: usize,
    pub facts: Vec<Fact>,
    pub reasons: Vec<Reason>,
    pub checks: Vec<CheckFact>,
    pub proposed: &'static str,
    pub seen: String,
    pub principal: String,
    pub requester: String,
    pub workflow: String,
    pub purpose: String,
    pub owner: String,
    pub incident_owner: String,
    pub on_failure: String,
    pub way_back: String,
    pub release: String,
    pub session: String,
    pub session_href: String,
    pub request: String,
    pub act: String,
    pub opened: When,
    pub expires: When,
    pub roles: String,
    pub quorum: u32,
    pub yes: usize,
    pub votes: Vec<VoteLine>,
    pub digest: String,
    pub digest_short: String,
}

#[derive(Debug)]
pub struct VoteLine {
    pub person: String,
    pub yes: bool,
    pub at: When,
    pub comment: String,
}

/// Makes the view of an approval.
pub fn view(approval: &Approval, now: Timestamp) -> View {
    let page = &approval.page;
    let arguments = arguments(&page["arguments"], &origins(approval));
    let trajectory: Trajectory = part(page, "trajectory").unwrap_or_default();
    let principal: Option<Principal> = part(page, "principal");
    let session = page["session"].as_str().unwrap_or_default();
    let effect = text(page, "effect");
    View {
        id: approval.id.clone(),
        state: approval.settle(now).name(),
        tool: shown(&approval.tool),
        tier: text(page, "tier"),
        effect_means: effect_means(&effect),
        effect,
        untrusted: arguments.iter().filter(|argument| argument.quoted && argument.aims).count(),
        arguments,
        facts: facts(
            &part(page, "intent").unwrap_or_default(),
            &part(page, "payload").unwrap_or_default(),
            &trajectory,
            part(page, "effect"),
        ),
        reasons: part(page, "reasons").unwrap_or_default(),
        checks: part(page, "checks").unwrap_or_default(),
        proposed: match part::<Hypothesis>(page, "hypothesis") {
            Some(Hypothesis::Answer | Hypothesis::Joined { .. }) => "a model answer that passed the LLM door",
            _ => "nobody Plimsoll has seen: no known model answer asked for this call",
        },
        seen: seen(&trajectory),
        principal: principal.map(|principal| who(&principal)).unwrap_or_default(),
        requester: shown(&approval.requester),
        workflow: shown(&approval.workflow),
        purpose: text(page, "purpose"),
        owner: text(page, "owner"),
        incident_owner: text(page, "incident_owner"),
        on_failure: text(page, "on_failure"),
        way_back: text(page, "way_back"),
        release: short(&text(page, "release")).to_owned(),
        session: shown(session),
        session_href: crate::pages::sessions::href(session),
        request: text(page, "request"),
        act: text(page, "act"),
        opened: when(approval.opened_at, now),
        expires: when(approval.expires_at, now),
        roles: shown(&approval.terms.roles.join(", ")),
        quorum: approval.terms.quorum,
        yes: approval.votes.iter().filter(|vote| vote.yes).count(),
        votes: approval
            .votes
            .iter()
            .map(|vote| VoteLine {
                person: shown(&vote.person),
                yes: vote.yes,
                at: when(vote.at, now),
                comment: shown(&vote.comment),
            })
            .collect(),
        digest: approval.act_digest.to_string(),
        digest_short: approval.act_digest.short(),
    }
}

/// For a terminal.
pub fn lines(approval: &Approval, now: Timestamp) -> Vec<Line> {
    let view = view(approval, now);
    let mut lines = vec![Line {
        tone: Tone::Title,
        text: format!("{}  {}  {} · {}: {}", view.id, view.tool, view.tier, view.effect, view.effect_means),
    }];
    let mut line = |tone: Tone, label: &str, text: &str| {
        if !text.is_empty() {
            lines.push(Line { tone, text: format!("  {label:<12} {text}") });
        }
    };
    let standing = format!(
        "{}, {} of {} yes, expires {} ({})",
        view.state, view.yes, view.quorum, view.expires.near, view.expires.exact
    );
    line(Tone::Plain, "state", &standing);
    for argument in &view.arguments {
        let (tone, open, close) = match (argument.quoted, argument.aims) {
            (true, true) => (Tone::Warn, "\u{201c}", "\u{201d}"),
            (true, false) => (Tone::Plain, "\u{201c}", "\u{201d}"),
            _ => (Tone::Plain, "", ""),
        };
        line(
            tone,
            "argument",
            &format!("{} = {open}{}{close}", argument.name, argument.value.replace('\n', " ⏎ ")),
        );
        let role = if argument.role.is_empty() { String::new() } else { format!("{}, ", argument.role) };
        line(tone, " ", &format!("{role}{}", argument.from));
    }
    for fact in &view.facts {
        line(if fact.warns { Tone::Warn } else { Tone::Plain }, fact.about, &fact.text);
    }
    for reason in &view.reasons {
        line(Tone::Plain, "held because", &reason.text);
    }
    for check in &view.checks {
        let said = match check.passed {
            Some(true) => "passed",
            Some(false) => "failed",
            None => "not run yet",
        };
        line(Tone::Plain, "check", &format!("{} {said} {}", check.name, check.detail));
    }
    line(Tone::Plain, "requester", &view.requester);
    line(Tone::Plain, "through", &view.principal);
    line(Tone::Plain, "proposed by", view.proposed);
    line(Tone::Warn, "model saw", &view.seen);
    line(Tone::Plain, "workflow", &format!("{}: {}", view.workflow, view.purpose));
    line(Tone::Plain, "owner", &view.owner);
    line(Tone::Plain, "on failure", &view.on_failure);
    line(Tone::Plain, "way back", &view.way_back);
    line(Tone::Plain, "incident", &view.incident_owner);
    line(Tone::Plain, "may answer", &view.roles);
    for vote in &view.votes {
        let says = if vote.yes { "yes" } else { "no" };
        line(
            Tone::Plain,
            "answered",
            &format!("{} said {says} {} {}", vote.person, vote.at.near, vote.comment),
        );
    }
    line(Tone::Quiet, "session", &view.session);
    line(Tone::Quiet, "release", &view.release);
    line(Tone::Quiet, "act digest", &view.digest);
    lines
}

pub(crate) fn origins(approval: &Approval) -> Vec<ArgumentOrigin> {
    part(&approval.page, "origins").unwrap_or_default()
}

fn part<T: DeserializeOwned>(page: &Value, name: &str) -> Option<T> {
    serde_json::from_value(page[name].clone()).ok()
}

pub(crate) fn text(page: &Value, name: &str) -> String {
    page[name].as_str().map(shown).unwrap_or_default()
}

fn seen(trajectory: &Trajectory) -> String {
    let tools: Vec<String> = trajectory.untrusted_tools.iter().map(|tool| shown(&tool.to_string())).collect();
    match tools.as_slice() {
        [] if trajectory.label.integrity == plimsoll_core::Integrity::Untrusted => {
            "content of unknown origin".to_owned()
        }
        [] => String::new(),
        tools => format!("content that anybody may have written, from {}", tools.join(", ")),
    }
}

fn who(principal: &Principal) -> String {
    let who = crate::chain::Who {
        principal: shown(&principal.id),
        kind: principal.kind.name().to_owned(),
        on_behalf_of: principal.on_behalf_of.as_deref().map(shown),
        tenant: shown(&principal.tenant),
        roles: principal.roles.iter().map(|role| shown(role)).collect(),
        ..crate::chain::Who::default()
    };
    who.sentence()
}

fn effect_means(effect: &str) -> &'static str {
    match effect {
        "read" => "nothing changes",
        "own" => "only the asking user's own things change",
        "shared" => "things that others share change",
        "external" => "somebody outside is affected",
        "egress" => "data leaves",
        "destructive" => "something is gone afterwards",
        _ => "",
    }
}
