//! A chain as lines for a terminal. Colour decorates; the text suffices.

use std::fmt::Write as _;

use plimsoll_core::{Integrity, OutcomeStatus, Ruling, Span};

use super::{Act, Argument, Chain, Outcome, Part, Step, Who, clock, date, short, size};

/// How a line should look, where colour is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    Plain,
    Title,
    Good,
    Warn,
    Bad,
    /// Ids and the like: there when needed.
    Quiet,
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub tone: Tone,
    pub text: String,
}

/// The chain, top to bottom.
pub fn lines(chain: &Chain) -> Vec<Line> {
    let mut page = Page::default();
    page.who(&chain.who);
    for step in &chain.steps {
        page.gap();
        match step {
            Step::Act(act) => page.act(act),
            Step::Question(question) => {
                let tone = match &question.vote {
                    Some(vote) if !vote.yes => Tone::Bad,
                    Some(_) => Tone::Good,
                    None => Tone::Plain,
                };
                page.line(
                    tone,
                    format!("{}  #{}  {}", clock(question.at), question.seq, question.sentence()),
                );
            }
            Step::Note(note) => page.line(
                Tone::Plain,
                format!("{}  #{}  {}  {}", clock(note.at), note.seq, note.kind, note.text),
            ),
        }
    }
    if chain.omitted > 0 {
        page.gap();
        page.line(Tone::Warn, format!("{} more entries are not shown", chain.omitted));
    }
    if let Some(more) = chain.more {
        page.gap();
        page.line(Tone::Warn, format!("{} more entries follow, from #{}", more.entries, more.from));
    }
    page.lines
}

#[derive(Default)]
struct Page {
    lines: Vec<Line>,
}

impl Page {
    fn line(&mut self, tone: Tone, text: String) {
        self.lines.push(Line { tone, text: text.trim_end().to_owned() });
    }

    fn gap(&mut self) {
        self.line(Tone::Plain, String::new());
    }

    /// A labelled line below a step.
    fn detail(&mut self, tone: Tone, label: &str, text: &str) {
        if !text.is_empty() {
            self.line(tone, format!("    {label:<9} {text}"));
        }
    }

    fn who(&mut self, who: &Who) {
        let mode = who.mode.map(|mode| format!(" · {}", mode.name())).unwrap_or_default();
        let session =
            if who.session.is_empty() { "no session".to_owned() } else { format!("session {}", who.session) };
        let workflow =
            if who.workflow.is_empty() { String::new() } else { format!(" · workflow {}", who.workflow) };
        let place =
            if who.environment.is_empty() { String::new() } else { format!(" · {}", who.environment) };
        self.line(Tone::Title, format!("{session}{workflow}{mode}{place}"));
        if !who.principal.is_empty() {
            self.detail(Tone::Plain, "asked by", &who.sentence());
        }
        let releases: Vec<&str> = who.releases.iter().map(|release| short(release)).collect();
        self.detail(Tone::Quiet, "release", &releases.join(", then "));
        if let (Some(first), Some(last)) = (who.first_at, who.last_at) {
            self.detail(Tone::Quiet, "from", &format!("{} to {}", date(first), clock(last)));
        }
    }

    fn act(&mut self, act: &Act) {
        let tiers = match act.part {
            Part::Model => String::new(),
            _ => format!(" · {} · {}", act.tier.name(), act.effect.name()),
        };
        let head = format!(
            "{}  #{}  {} {}{tiers}  → {}",
            clock(act.at),
            act.seq,
            act.verb(),
            act.tool,
            act.verdict().to_uppercase()
        );
        self.line(act.tone(), head);
        for span in &act.saw {
            self.span("saw", span);
        }
        self.context(act);
        self.proposal(act);
        for argument in &act.arguments {
            self.argument(argument);
        }
        self.grounds(act);
        if let Some(outcome) = &act.outcome {
            self.outcome(outcome);
        } else if act.permitted {
            self.detail(Tone::Bad, "outcome", "unknown: look it up in the system of record, then settle it");
        }
        self.detail(Tone::Quiet, "ids", &act.ids.sentence());
    }

    fn span(&mut self, label: &str, span: &Span) {
        let tone = if span.label.integrity == Integrity::Untrusted { Tone::Warn } else { Tone::Plain };
        self.detail(tone, label, &span_sentence(span));
    }

    fn context(&mut self, act: &Act) {
        if act.part != Part::Model && act.context == Integrity::Untrusted.name() {
            let brought = match act.untrusted_tools.as_slice() {
                [] => "what it was shown is not known to be anybody's".to_owned(),
                tools => format!("it held what anybody may have written, from {}", tools.join(", ")),
            };
            self.detail(Tone::Warn, "context", &brought);
        }
    }

    fn proposal(&mut self, act: &Act) {
        match (&act.proposed, act.part) {
            (Some(proposed), _) => {
                let entry = proposed.seq.map(|seq| format!(" (#{seq})")).unwrap_or_default();
                self.detail(Tone::Plain, "proposed", &format!("by the model, seen at the LLM door{entry}"));
            }
            (None, Part::Call) => {
                self.detail(Tone::Warn, "proposed", "by no model answer that Plimsoll has seen")
            }
            (None, _) => {}
        }
    }

    fn argument(&mut self, argument: &Argument) {
        let tone = if argument.quoted && argument.aims { Tone::Warn } else { Tone::Plain };
        let (open, close) = if argument.quoted { ("\u{201c}", "\u{201d}") } else { ("", "") };
        let value = argument.value.replace('\n', " ⏎ ");
        self.detail(tone, "argument", &format!("{} = {open}{value}{close}", argument.name));
        let role = if argument.role.is_empty() { String::new() } else { format!("{}, ", argument.role) };
        self.detail(tone, "", &format!("{role}{}", argument.from));
    }

    fn grounds(&mut self, act: &Act) {
        for fact in &act.facts {
            self.detail(if fact.warns { Tone::Warn } else { Tone::Plain }, fact.about, &fact.text);
        }
        let tone = if act.decision.ruling == Ruling::Allow { Tone::Plain } else { act.tone() };
        if let Some(code) = act.decision.code {
            self.detail(tone, act.decision.ruling.name(), &format!("{code} {}", act.title));
        }
        for reason in &act.decision.reasons {
            let rule = if reason.rule.is_empty() { String::new() } else { format!("{}: ", reason.rule) };
            self.detail(Tone::Plain, "rule", &format!("{rule}{}", reason.text));
        }
        for reason in &act.decision.declassified {
            self.detail(Tone::Warn, "lifted", &format!("by the approval: {}: {}", reason.rule, reason.text));
        }
        if let Some(because) = &act.decision.passed_because {
            self.detail(Tone::Warn, "passed", &format!("because {because}"));
        }
        for check in &act.checks {
            let (tone, said) = match check.fact.passed {
                Some(true) => (Tone::Good, "passed"),
                Some(false) => (Tone::Bad, "failed"),
                None => (Tone::Plain, "not run"),
            };
            let detail =
                if check.fact.detail.is_empty() { String::new() } else { format!(": {}", check.fact.detail) };
            self.detail(tone, "check", &format!("{} {said}{detail}", check.fact.name));
        }
        for stop in &act.stops {
            self.detail(
                Tone::Bad,
                "stop",
                &format!("by {}: {}", super::shown(&stop.by), super::shown(&stop.reason)),
            );
        }
        if let Some(ticket) = &act.approval {
            let said = match (ticket.granted, ticket.denied) {
                (true, _) => format!("approved by {}", ticket.approvers.join(", ")),
                (_, true) => "the people asked said no".to_owned(),
                _ => "waits for an answer".to_owned(),
            };
            self.detail(Tone::Plain, "approval", &format!("{}: {said}", ticket.id));
        }
        for remedy in &act.decision.remedies {
            self.detail(Tone::Plain, "legal", &super::shown(&remedy.sentence()));
        }
    }

    fn outcome(&mut self, outcome: &Outcome) {
        let tone = match outcome.status {
            OutcomeStatus::Done => Tone::Good,
            OutcomeStatus::Simulated => Tone::Plain,
            OutcomeStatus::Failed | OutcomeStatus::Ambiguous => Tone::Bad,
        };
        self.detail(tone, "outcome", &outcome.sentence());
        if let Some(result) = &outcome.result {
            self.span("answered", result);
        }
    }
}

fn span_sentence(span: &Span) -> String {
    let mark = span.mark.as_deref().map(|mark| format!(" · {mark}")).unwrap_or_default();
    let preview = span.preview.as_deref().map(|text| format!("  \u{201c}{text}\u{201d}")).unwrap_or_default();
    format!("{} · {} · {}{mark}{preview}", span.source, span.label.integrity.name(), size(span.bytes))
}

// === impl Who ===

impl Who {
    /// `key:support-agent, an agent, for ada@example.org (tenant acme; roles a, b)`.
    pub fn sentence(&self) -> String {
        let mut text = self.principal.clone();
        if !self.kind.is_empty() {
            let article = if self.kind.starts_with(['a', 'e', 'i', 'o']) { "an" } else { "a" };
            let _infallible = write!(text, ", {article} {}", self.kind);
        }
        if let Some(person) = &self.on_behalf_of {
            let _infallible = write!(text, ", on behalf of {person}");
        }
        if !self.tenant.is_empty() {
            let _infallible = write!(text, ", tenant {}", self.tenant);
        }
        if !self.roles.is_empty() {
            let roles: Vec<&str> = self.roles.iter().map(String::as_str).collect();
            let _infallible = write!(text, ", roles {}", roles.join(" "));
        }
        text
    }
}

// === impl Outcome ===

impl Outcome {
    /// `done in 12 ms (#14); downstream rf-991; 214 tokens; 1 secret redacted`.
    pub fn sentence(&self) -> String {
        let mut text = format!("{} in {} ms (#{})", self.status.name(), self.took_ms, self.seq);
        if let Some(code) = self.code {
            let _infallible = write!(text, " · {code} {}", code.title());
        }
        if !self.detail.is_empty() {
            let _infallible = write!(text, " · {}", self.detail);
        }
        if !self.downstream.is_empty() {
            let _infallible = write!(text, " · downstream {}", self.downstream.join(", "));
        }
        if let Some(usage) = self.usage.as_object() {
            for (name, count) in usage.iter().filter(|(_, count)| count.is_number()) {
                let _infallible = write!(text, " · {} {count}", super::shown(name).replace('_', " "));
            }
        }
        if self.redacted > 0 {
            let _infallible = write!(text, " · {} secret(s) redacted", self.redacted);
        }
        text
    }
}

// === impl Ids ===

impl super::Ids {
    /// Each id under its name, those that are there.
    pub fn pairs(&self) -> Vec<(&'static str, &str)> {
        let all = [
            ("request", Some(self.request.as_str())),
            ("act", Some(self.act.as_str())),
            ("prompt", self.prompt.as_deref()),
            ("tool call", self.tool_call.as_deref()),
            ("permit", self.permit.as_deref()),
            ("release", Some(short(&self.release))),
            ("schema", self.schema.as_deref().map(short)),
            // Zeros stand where it is sealed.
            ("digest", Some(short(&self.act_digest)).filter(|digest| !digest.ends_with("000000000000"))),
            ("trace", self.trace.as_deref()),
        ];
        all.into_iter().filter_map(|(name, id)| Some((name, id.filter(|id| !id.is_empty())?))).collect()
    }

    fn sentence(&self) -> String {
        let pairs: Vec<String> = self.pairs().iter().map(|(name, id)| format!("{name} {id}")).collect();
        pairs.join(" · ")
    }
}
