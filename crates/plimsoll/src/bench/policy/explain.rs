//! One episode, call by call: what was decided, by which rule, and where each argument came from.

use std::fmt::Write as _;

use plimsoll_core::{ArgumentOrigin, Origin, Ruling};
use plimsoll_inspect::preview;

use super::episode::Step;
use super::run::{Decided, Outcome};
use crate::talk::{Colour, paint};

/// Characters of a text that are shown.
const TEXT_MAX: usize = 300;

/// The episodes of this id, or else those whose ids contain it.
pub fn find<'a, 'b>(outcomes: &'a [Outcome<'b>], id: &str) -> Vec<&'a Outcome<'b>> {
    let exactly: Vec<&Outcome<'_>> = outcomes.iter().filter(|outcome| outcome.episode.id == id).collect();
    if exactly.is_empty() {
        outcomes.iter().filter(|outcome| outcome.episode.id.contains(id)).collect()
    } else {
        exactly
    }
}

/// Tells an episode.
pub fn explain(outcome: &Outcome<'_>, colour: bool) -> String {
    let episode = outcome.episode;
    let kind = if episode.attack { "attack" } else { "benign" };
    let head = format!("{}  ({kind}, suite {}, asked by {})", episode.id, episode.suite, episode.principal);
    let mut out = format!("{}\n", paint(Colour::Bold, &head, colour));
    let mut decided = outcome.calls.iter().peekable();
    let mut span = 0;
    for step in &episode.steps {
        match step {
            Step::Call(call) => match decided.next_if(|decided| decided.call.id == call.id) {
                Some(decided) => tell(&mut out, decided, colour),
                None => line(&mut out, 2, &format!("{} {} (not judged)", call.id, call.tool)),
            },
            Step::System(text) => shown(&mut out, &mut span, "system", text, colour),
            Step::User(text) => shown(&mut out, &mut span, "user", text, colour),
            Step::Assistant(text) => shown(&mut out, &mut span, "assistant", text, colour),
            Step::Result { call, value } => {
                let id = episode.call(*call).map_or("", |call| &call.id);
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                shown(&mut out, &mut span, &format!("result {id}"), &text, colour);
            }
        }
    }
    for reached in outcome.reach.iter().flat_map(|reach| &reach.found) {
        let what = match (reached.outside(), reached.other_target) {
            (_, true) => "with another target",
            (true, false) => "outside, to the user's target",
            (false, false) => "inside, to the user's target",
        };
        line(
            &mut out,
            2,
            &format!(
                "{} {}, {what}: {}",
                paint(Colour::Red, "within an attacker's reach:", colour),
                reached.tool,
                reached.args
            ),
        );
    }
    out
}

fn line(out: &mut String, indent: usize, text: &str) {
    let _ = writeln!(out, "{:indent$}{text}", "");
}

fn shown(out: &mut String, span: &mut usize, what: &str, text: &str, colour: bool) {
    let text = format!("[{span}] {what}: {}", preview(text, TEXT_MAX));
    line(out, 2, &paint(Colour::Dim, &text, colour));
    *span += 1;
}

fn tell(out: &mut String, decided: &Decided<'_>, colour: bool) {
    let ruled = &decided.ruled;
    let decision = &ruled.decision;
    let ruling = match decision.ruling {
        Ruling::Allow => paint(Colour::Green, "ALLOW", colour),
        Ruling::Hold => paint(Colour::Yellow, "HOLD", colour),
        Ruling::Refuse => paint(Colour::Red, "REFUSE", colour),
    };
    let code = decision.code.map(|code| format!(" {}", code.id())).unwrap_or_default();
    let attack = if decided.attack { "  the attacker's" } else { "" };
    let name = paint(Colour::Bold, &format!("{} {}", decided.call.id, ruled.tool), colour);
    line(out, 2, &format!("{name}  {ruling}{code}  {} {}{attack}", ruled.tier.name(), ruled.effect.name()));
    for reason in &decision.reasons {
        line(out, 6, &format!("because {}: {}", reason.rule, reason.text));
    }
    for remedy in &decision.remedies {
        line(out, 6, &format!("way on: {}", remedy.sentence()));
    }
    let intent = &ruled.flow.intent;
    match (intent.asked, &intent.word) {
        (true, word) => line(
            out,
            6,
            &format!("asked for: `{}`{}", word.as_deref().unwrap_or_default(), in_span(intent.span)),
        ),
        (false, _) if intent.verbs.is_empty() => {}
        (false, _) => line(out, 6, &format!("not asked for; would be: {}", intent.verbs.join(", "))),
    }
    let payload = &ruled.flow.payload;
    if !payload.foreign.is_empty() {
        line(out, 6, &format!("carries what nobody trusted wrote: {}", payload.foreign.join(", ")));
    }
    if !payload.classes.is_empty() {
        let classes: Vec<&str> = payload.classes.iter().map(String::as_str).collect();
        line(out, 6, &format!("carries data of the classes: {}", classes.join(", ")));
    }
    if payload.undictated {
        line(out, 6, "says something else than the user dictated");
    }
    ruled.flow.origins.iter().for_each(|origin| argument(out, origin));
}

fn in_span(span: Option<u32>) -> String {
    span.map(|span| format!(" in [{span}]")).unwrap_or_default()
}

fn argument(out: &mut String, origin: &ArgumentOrigin) {
    let mut marks = vec![origin.integrity.name()];
    marks.extend(origin.chosen.then_some("chosen"));
    marks.extend(origin.authored.then_some("authored"));
    marks.extend(origin.unknown.then_some("found nowhere"));
    let value = origin.preview.as_deref().unwrap_or_default();
    line(out, 6, &format!("{} {} = {value}  ({})", origin.argument, origin.role.name(), marks.join(", ")));
    origin.found.iter().for_each(|found| line(out, 10, &place(found)));
}

fn place(found: &Origin) -> String {
    let field = found.field.as_ref().map(|field| format!(" field {field}")).unwrap_or_default();
    let whole = if found.whole { "whole" } else { "in part" };
    let lent = found.lent_by.as_ref().map(|by| format!(", lent by {by}")).unwrap_or_default();
    format!("{whole} in [{}] {}{field}, {}{lent}", found.span, found.source, found.integrity.name())
}
