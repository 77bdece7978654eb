//! What in an entry may say something about a person, said once.
//!
//! [`visit`] walks an [`Entry`] and hands out every member that may: *names* of people and programs, which become
//! pseudonyms, and *fields*, which are sealed, each with its path and class. The same walk takes them out and puts
//! them back. Every struct is taken apart member by member, so a member that is added later does not compile until
//! somebody has said here what it is.
//!
//! What stays in the clear, and why: ids, times, digests of releases and schemas, names of tools, workflows, rules,
//! checks and prompts, tiers, rulings, codes, integrity, data classes, counts. They are what an entry proves when
//! everything about people in it is gone. The ids of sessions and calls are the client's own words: a client must not
//! put people into them.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::mem::{replace, take};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::act::Act;
use crate::approval::{Approval, Vote};
use crate::case::{ApprovalFact, CheckFact, Facts, Objection, Stop, StopScope};
use crate::decide::{Decision, Reason};
use crate::digest::Digest;
use crate::drift::Drifted;
use crate::entry::{self, ApprovalChange, Entry, EntryBody, Erasure, Grant, Hold, Judged, Opening, Outcome};
use crate::flow::{Intent, Payload};
use crate::label::{Label, Readers};
use crate::principal::Principal;
use crate::release::{ReleaseFigure, ReleaseStep};
use crate::remedy::Remedy;
use crate::span::{ArgumentOrigin, Origin, Span, Trajectory};

/// What stands where a sealed value was.
pub const SEALED: &str = "<sealed>";

/// Names that are nobody's: they stay as they are.
pub const NOBODY: [&str; 3] = ["gateway", "sentinel file", "signal"];

/// What kind of thing a sealed field says. Each has its own keys, its own retention, and its own right to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FieldClass {
    /// Who: names, and who may read what.
    Identity,
    /// What was to be done: arguments, and reasons that repeat them.
    Arguments,
    /// What was said and shown: texts of users, models, tools and documents.
    Content,
}

impl FieldClass {
    pub const ALL: [Self; 3] = [Self::Identity, Self::Arguments, Self::Content];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Arguments => "arguments",
            Self::Content => "content",
        }
    }

    /// The number that sealed parts and databases know it by.
    pub const fn number(self) -> u8 {
        match self {
            Self::Identity => 1,
            Self::Arguments => 2,
            Self::Content => 3,
        }
    }

    pub fn of_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.number() == number)
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.name() == name)
    }
}

/// What an entry names of its sealed part, so that nobody can change or swap that part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seal {
    /// RFC 6962 root over the commitments of the fields.
    pub root: Digest,
    /// SHA-256 of the sealed part.
    pub digest: Digest,
    /// How many fields there are.
    pub fields: u32,
}

/// The place of one field.
#[derive(Debug)]
pub enum Slot<'a> {
    Text(&'a mut String),
    Maybe(&'a mut Option<String>),
    Texts(&'a mut Vec<String>),
    Json(&'a mut Value),
    Digest(&'a mut Digest),
    Readers(&'a mut Readers),
    Places(&'a mut Vec<Origin>),
    Remedies(&'a mut Vec<Remedy>),
}

/// Who walks through an entry.
pub trait Visitor {
    /// The whole name of a person or program.
    fn name(&mut self, path: &str, name: &mut String);

    fn field(&mut self, path: &str, class: FieldClass, slot: Slot<'_>);
}

/// Hands every sensitive member of an entry to the visitor.
pub fn visit(entry: &mut Entry, visitor: &mut dyn Visitor) {
    let Entry {
        v: _,
        id: _,
        at: _,
        request: _,
        session: _,
        workflow: _,
        release: _,
        trace: _,
        principal,
        seal: _,
        body,
    } = entry;
    let mut walk = Walk { path: String::with_capacity(64), visitor };
    if let Some(principal) = principal {
        walk.at("principal", |walk| walk.principal(principal));
    }
    walk.body(body);
}

struct Walk<'v> {
    path: String,
    visitor: &'v mut dyn Visitor,
}

use FieldClass::{Arguments, Content, Identity};

impl Walk<'_> {
    /// Goes one step down, and back up.
    fn at(&mut self, step: &str, inside: impl FnOnce(&mut Self)) {
        let length = self.path.len();
        self.path.push('/');
        self.path.push_str(step);
        inside(self);
        self.path.truncate(length);
    }

    fn each<T>(&mut self, step: &str, all: &mut [T], mut inside: impl FnMut(&mut Self, &mut T)) {
        if all.is_empty() {
            return;
        }
        self.at(step, |walk| {
            for (i, one) in all.iter_mut().enumerate() {
                let length = walk.path.len();
                // Writing to a string does not fail.
                let _written = write!(walk.path, "/{i}");
                inside(walk, one);
                walk.path.truncate(length);
            }
        });
    }

    fn name(&mut self, step: &str, name: &mut String) {
        self.at(step, |walk| walk.name_here(name));
    }

    fn name_here(&mut self, name: &mut String) {
        if !name.is_empty() && !NOBODY.contains(&name.as_str()) {
            self.visitor.name(&self.path, name);
        }
    }

    fn names(&mut self, step: &str, names: &mut [String]) {
        self.each(step, names, Self::name_here);
    }

    fn field(&mut self, step: &str, class: FieldClass, slot: Slot<'_>) {
        self.at(step, |walk| walk.visitor.field(&walk.path, class, slot));
    }

    fn principal(&mut self, principal: &mut Principal) {
        let Principal { id, kind: _, tenant: _, roles: _, on_behalf_of } = principal;
        self.name("id", id);
        if let Some(person) = on_behalf_of {
            self.name("on_behalf_of", person);
        }
    }

    fn body(&mut self, body: &mut EntryBody) {
        match body {
            EntryBody::Intent(judged) | EntryBody::Decision(judged) => self.judged(judged),
            EntryBody::Outcome(outcome) => self.outcome(outcome),
            EntryBody::Approval(change) => {
                let ApprovalChange { state: _, by, approval } = &mut **change;
                self.name("by", by);
                self.at("approval", |walk| walk.approval(approval));
            }
            EntryBody::Stop { on: _, stop } => self.at("stop", |walk| walk.stop(stop)),
            EntryBody::Config { release: _, accepted: _, detail } => {
                self.field("detail", Arguments, Slot::Text(detail));
            }
            EntryBody::Key { name, detail } => {
                self.name("name", name);
                self.field("detail", Arguments, Slot::Text(detail));
            }
            EntryBody::Gateway { event: _, detail } => self.field("detail", Arguments, Slot::Text(detail)),
            EntryBody::Turned { code: _, detail } => self.field("detail", Arguments, Slot::Text(detail)),
            EntryBody::Content(content) => {
                let entry::Content { of: _, act: _, address, piece: _, pieces: _, text, redacted: _, detail } =
                    &mut **content;
                self.field("address", Content, Slot::Digest(address));
                self.field("text", Content, Slot::Text(text));
                self.field("detail", Content, Slot::Json(detail));
            }
            EntryBody::Erasure(erasure) => {
                let Erasure {
                    of: _,
                    about: _,
                    classes: _,
                    keys: _,
                    ids: _,
                    entries: _,
                    rows: _,
                    names: _,
                    held: _,
                    epoch: _,
                    by,
                    reason,
                } = &mut **erasure;
                self.name("by", by);
                self.field("reason", Arguments, Slot::Text(reason));
            }
            EntryBody::Hold(hold) => {
                let Hold { on: _, of: _, about: _, by, reason } = &mut **hold;
                self.name("by", by);
                self.field("reason", Arguments, Slot::Text(reason));
            }
            EntryBody::Read(opening) => {
                let Opening { by, classes: _, entries: _, first: _, last: _, through: _, what, reason } =
                    &mut **opening;
                self.name("by", by);
                self.field("what", Arguments, Slot::Text(what));
                self.field("reason", Arguments, Slot::Text(reason));
            }
            EntryBody::Drift { on: _, drift, by } => {
                self.at("drift", |walk| walk.drift(drift));
                self.name("by", by);
            }
            EntryBody::Grant(grant) => {
                let Grant { ticket: _, state: _, by, person, classes: _, until: _, reason } = &mut **grant;
                self.name("by", by);
                self.name("person", person);
                self.field("reason", Arguments, Slot::Text(reason));
            }
            EntryBody::Release(step) => {
                let ReleaseStep {
                    step: _,
                    of: _,
                    name: _,
                    sequence: _,
                    other: _,
                    share: _,
                    security: _,
                    by,
                    reason,
                    signed_by,
                    figures,
                } = &mut **step;
                self.name("by", by);
                self.field("reason", Arguments, Slot::Text(reason));
                self.names("signed_by", signed_by);
                for figure in figures {
                    // Counts and the names of signals and rules: nothing of a person.
                    let ReleaseFigure {
                        signal: _,
                        verdict: _,
                        count: _,
                        of: _,
                        live: _,
                        measured: _,
                        acceptable: _,
                    } = figure;
                }
            }
        }
    }

    fn judged(&mut self, judged: &mut Judged) {
        let Judged {
            act,
            act_digest,
            tier: _,
            effect: _,
            mode: _,
            environment: _,
            account: _,
            now: _,
            ground: _,
            redacted: _,
            shortened: _,
            decision,
            permit: _,
            origins,
            intent,
            payload,
            trajectory,
            facts,
            spans,
            detail,
        } = judged;
        let Act { id: _, door: _, tool: _, arguments, schema: _, call_id: _ } = act;
        self.field("act/arguments", Arguments, Slot::Json(arguments));
        // Unsalted, over values that can be guessed.
        self.field("act_digest", Arguments, Slot::Digest(act_digest));
        self.at("decision", |walk| walk.decision(decision));
        self.each("origins", origins, |walk, origin| {
            let ArgumentOrigin {
                argument,
                role: _,
                integrity: _,
                chosen: _,
                authored: _,
                listed: _,
                unknown: _,
                found,
                more: _,
                preview,
            } = origin;
            // Members of a map may be named after people.
            walk.field("argument", Arguments, Slot::Text(argument));
            walk.field("found", Arguments, Slot::Places(found));
            walk.field("preview", Arguments, Slot::Maybe(preview));
        });
        let Intent { asked: _, word, span: _, verbs: _ } = intent;
        self.field("intent/word", Content, Slot::Maybe(word));
        let Payload { foreign, classes: _, undictated: _ } = payload;
        self.field("payload/foreign", Arguments, Slot::Texts(foreign));
        let Trajectory { label, spans: _, untrusted_tools: _, unreleased: _ } = trajectory;
        self.at("trajectory", |walk| walk.label(label));
        self.at("facts", |walk| walk.facts(facts));
        self.each("spans", spans, Self::span);
        self.field("detail", Arguments, Slot::Json(detail));
    }

    fn decision(&mut self, decision: &mut Decision) {
        let Decision { ruling: _, code: _, reasons, needs: _, remedies, declassified, passed_because: _ } =
            decision;
        for (name, reasons) in [("reasons", reasons), ("declassified", declassified)] {
            self.each(name, reasons, |walk, reason| {
                let Reason { rule: _, text } = reason;
                walk.field("text", Arguments, Slot::Text(text));
            });
        }
        self.field("remedies", Arguments, Slot::Remedies(remedies));
    }

    fn label(&mut self, label: &mut Label) {
        let Label { integrity: _, readers, classes: _ } = label;
        self.field("label/readers", Identity, Slot::Readers(readers));
    }

    fn span(&mut self, span: &mut Span) {
        let Span { index: _, kind: _, address, label, source: _, bytes: _, mark: _, preview } = span;
        self.field("address", Content, Slot::Digest(address));
        self.label(label);
        self.field("preview", Content, Slot::Maybe(preview));
    }

    fn facts(&mut self, facts: &mut Facts) {
        let Facts {
            stops,
            objections,
            drifts,
            hypothesis: _,
            terms: _,
            approval,
            checks,
            deferred: _,
            counters: _,
            flags: _,
        } = facts;
        self.each("stops", stops, Self::stop);
        self.each("objections", objections, |walk, objection| {
            let Objection { code: _, text } = objection;
            walk.field("text", Arguments, Slot::Text(text));
        });
        self.each("drifts", drifts, Self::drift);
        if let Some(ApprovalFact { id: _, granted: _, denied: _, approvers }) = approval {
            self.names("approval/approvers", approvers);
        }
        self.each("checks", checks, |walk, check| {
            let CheckFact { name: _, passed: _, detail } = check;
            walk.field("detail", Arguments, Slot::Text(detail));
        });
    }

    /// What was found is what somebody outside wrote: the provider, the tool server.
    fn drift(&mut self, drift: &mut Drifted) {
        let Drifted { of: _, subject: _, policy: _, text } = drift;
        self.field("text", Arguments, Slot::Text(text));
    }

    fn stop(&mut self, stop: &mut Stop) {
        let Stop { scope, reason, by, at: _ } = stop;
        if let StopScope::Principal(name) = scope {
            self.name("name", name);
        }
        self.field("reason", Arguments, Slot::Text(reason));
        self.name("by", by);
    }

    fn outcome(&mut self, outcome: &mut Outcome) {
        let Outcome {
            act: _,
            intent: _,
            status: _,
            code: _,
            detail,
            took_ms: _,
            downstream,
            result,
            usage,
            redacted: _,
        } = outcome;
        self.field("detail", Arguments, Slot::Text(detail));
        self.field("downstream", Arguments, Slot::Texts(downstream));
        if let Some(result) = result {
            self.at("result", |walk| walk.span(result));
        }
        // Counts, and of those everybody may know. An upstream that writes words there writes what it likes.
        if has_words(usage) {
            self.field("usage", Content, Slot::Json(usage));
        }
    }

    fn approval(&mut self, approval: &mut Approval) {
        let Approval {
            id: _,
            state: _,
            act_digest,
            terms: _,
            workflow: _,
            tool: _,
            requester,
            opened_at: _,
            expires_at: _,
            votes,
            page,
        } = approval;
        self.field("act_digest", Arguments, Slot::Digest(act_digest));
        self.name("requester", requester);
        self.each("votes", votes, |walk, vote| {
            let Vote { person, yes: _, at: _, comment } = vote;
            walk.name("person", person);
            walk.field("comment", Arguments, Slot::Text(comment));
        });
        // Before the page that holds it: taken out first, and put back after it.
        if let Some(principal) = page.get_mut("principal") {
            self.field("page/principal", Identity, Slot::Json(principal));
        }
        self.field("page", Arguments, Slot::Json(page));
    }
}

fn has_words(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
        Value::String(_) => true,
        Value::Array(all) => all.iter().any(has_words),
        Value::Object(all) => all.values().any(has_words),
    }
}

const NO_DIGEST: Digest = Digest::from_bytes([0; 32]);

impl Slot<'_> {
    /// Takes the value out, to the end of `out`, and leaves a mark. False where there is nothing to hide. A value that can't be
    /// encoded is lost: it never stays where it was.
    pub fn take(self, out: &mut Vec<u8>) -> bool {
        match self {
            Self::Text(text) | Self::Maybe(Some(text)) => {
                if text.is_empty() {
                    return false;
                }
                out.extend_from_slice(text.as_bytes());
                SEALED.clone_into(text);
                true
            }
            Self::Maybe(None) => false,
            Self::Texts(texts) if texts.is_empty() => false,
            Self::Texts(texts) => json(out, &replace(texts, vec![SEALED.to_owned()])),
            Self::Json(value) => match value {
                Value::Null | Value::Bool(_) => false,
                Value::Object(members) if members.is_empty() => false,
                Value::Array(items) if items.is_empty() => false,
                Value::String(text) if text.is_empty() => false,
                value => json(out, &replace(value, Value::String(SEALED.to_owned()))),
            },
            Self::Digest(digest) if *digest == NO_DIGEST => false,
            Self::Digest(digest) => {
                out.extend_from_slice(replace(digest, NO_DIGEST).as_bytes());
                true
            }
            Self::Readers(Readers::Only(names)) if !names.is_empty() => {
                json(out, &replace(names, BTreeSet::from([SEALED.to_owned()])))
            }
            Self::Readers(_) => false,
            Self::Places(places) if places.is_empty() => false,
            Self::Places(places) => json(out, &take(places)),
            Self::Remedies(remedies) if remedies.is_empty() => false,
            Self::Remedies(remedies) => {
                json(out, &replace(remedies, vec![Remedy::Do { text: SEALED.to_owned() }]))
            }
        }
    }

    /// Puts a value back. False when the bytes are no such value; nothing is changed then.
    pub fn put(self, bytes: &[u8]) -> bool {
        let text = || std::str::from_utf8(bytes).map(str::to_owned).ok();
        fn set<T>(place: &mut T, value: Option<T>) -> bool {
            value.map(|value| *place = value).is_some()
        }
        match self {
            Self::Text(place) => set(place, text()),
            Self::Maybe(place) => set(place, text().map(Some)),
            Self::Texts(place) => set(place, serde_json::from_slice(bytes).ok()),
            Self::Json(place) => set(place, serde_json::from_slice(bytes).ok()),
            Self::Digest(place) => set(place, bytes.try_into().map(Digest::from_bytes).ok()),
            Self::Readers(place) => set(place, serde_json::from_slice(bytes).map(Readers::Only).ok()),
            Self::Places(place) => set(place, serde_json::from_slice(bytes).ok()),
            Self::Remedies(place) => set(place, serde_json::from_slice(bytes).ok()),
        }
    }

    /// Says in place of a value that stays sealed why it does.
    pub fn say(self, why: &str) {
        match self {
            Self::Text(text) | Self::Maybe(Some(text)) if text == SEALED => why.clone_into(text),
            Self::Texts(texts) if texts.len() == 1 && texts[0] == SEALED => *texts = vec![why.to_owned()],
            Self::Json(value) if value.as_str() == Some(SEALED) => *value = Value::String(why.to_owned()),
            Self::Readers(Readers::Only(names)) if names.len() == 1 && names.contains(SEALED) => {
                *names = BTreeSet::from([why.to_owned()]);
            }
            Self::Remedies(remedies) => {
                for remedy in remedies {
                    if let Remedy::Do { text } = remedy
                        && text == SEALED
                    {
                        why.clone_into(text);
                    }
                }
            }
            _ => {}
        }
    }
}

fn json<T: Serialize>(out: &mut Vec<u8>, value: &T) -> bool {
    // Words, numbers and JSON values, which always encode.
    serde_json::to_writer(out, value).is_ok()
}

#[cfg(test)]
mod tests;
