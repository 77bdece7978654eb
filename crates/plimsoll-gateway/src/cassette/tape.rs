//! From entries to a tape: what clients did in order, what was answered to what, what was decided.

use std::collections::{BTreeMap, HashMap, VecDeque};

use plimsoll_core::{
    ActId, Content, ContentOf, Decision, Digest, Entry, EntryBody, Erasure, FieldClass, Judged, Principal,
    Stop, ToolName, Vote,
};
use plimsoll_ledger::Record;
use serde_json::Value;

use crate::lens::Lens;
use crate::vault::{Closed, Opening, Vault, is_pseudonym};

/// Why there is nothing to play.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TapeError {
    #[error(
        "the conversation of this session was not recorded: only its decisions and outcomes were; \
         `record: {{content: 0.05}}` in the workflow records five sessions in a hundred from then on"
    )]
    NoContent,
    #[error("the recorded conversation lacks pieces of the text that entry {0} begins")]
    Incomplete(u64),
    #[error(
        "{} of entry {seq} were erased{}", words(*class),
        by.map(|by| format!(" by the act of entry {by}; `plimsoll show {by}` says by whom and why")).unwrap_or_default()
    )]
    Erased { seq: u64, class: FieldClass, by: Option<u64> },
    #[error("{} of entry {seq} stay sealed here: {}", words(*class), why.sentence(*class))]
    Sealed { seq: u64, class: FieldClass, why: Closed },
    #[error("it was decided under more than one release, and a cassette plays under one")]
    SeveralReleases,
    #[error("it was recorded by an older Plimsoll: its entries do not name what decided")]
    NoGround,
}

const fn words(class: FieldClass) -> &'static str {
    match class {
        FieldClass::Identity => "the names",
        FieldClass::Arguments => "the arguments",
        FieldClass::Content => "the recorded words",
    }
}

/// An entry as it was read, with what stayed sealed.
#[derive(Clone, Debug)]
pub struct Read {
    pub seq: u64,
    pub entry: Entry,
    closed: Option<Shut>,
}

/// A class of fields that could not be opened, and the key that would have; or a name, and its pseudonym.
#[derive(Clone, Debug)]
struct Shut {
    class: FieldClass,
    why: Closed,
    key: u64,
    name: Option<String>,
}

impl Read {
    /// Opens a record.
    ///
    /// # Errors
    /// When the bytes are no entry of this version.
    pub fn of(record: &Record, lens: &Lens) -> Result<Self, serde_json::Error> {
        let seq = record.seq.0;
        let Opening { entry, closed, .. } = lens.entry(record)?;
        let closed = closed.first().copied();
        let keys = Vault::keys_of(&record.sealed);
        let key = |class: FieldClass| keys[usize::from(class.number()) - 1];
        let mut closed = closed.map(|(class, why)| Shut { class, why, key: key(class), name: None });
        let name = entry.principal.as_ref().map(Principal::requester);
        if closed.is_none()
            && lens.vault().is_some()
            && entry.seal.is_some()
            && name.is_some_and(is_pseudonym)
        {
            let (class, why) = (FieldClass::Identity, Closed::Erased);
            closed = Some(Shut { class, why, key: 0, name: name.map(str::to_owned) });
        }
        Ok(Self { seq, entry, closed })
    }
}

/// A recorded conversation.
#[derive(Clone, Debug)]
pub struct Tape {
    pub session: String,
    pub workflow: String,
    /// The kept release it was decided under.
    pub ground: Digest,
    pub(super) steps: Vec<Step>,
    pub(super) answers: HashMap<Asked, VecDeque<Answer>>,
}

/// One thing that somebody did.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub seq: u64,
    pub does: Does,
    /// What the path decided for it, in order.
    pub decided: Vec<Line>,
}

#[derive(Clone, Debug)]
pub(super) enum Does {
    /// A client asked at a door.
    Ask { principal: Principal, text: String, redacted: bool, door: Door },
    /// A person voted.
    Vote { held: Held, vote: Vote },
    /// A kill switch was pulled or lifted.
    Stop { on: bool, stop: Stop },
}

#[derive(Clone, Debug)]
pub(super) enum Door {
    Llm { path: String, headers: Vec<(String, String)> },
    Tool { server: String, version: String, headers: Vec<(String, String)> },
}

/// What an upstream was asked, by which its answer is found.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Asked {
    /// A model, with a body of this digest.
    Model {
        id: String,
        body: String,
    },
    Tool {
        tool: ToolName,
        arguments: Digest,
    },
}

#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub seq: u64,
    pub status: u16,
    pub kind: String,
    pub text: String,
}

/// One decision, as far as it can come out again: without ids, times and words.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Line {
    pub seq: u64,
    pub tool: ToolName,
    pub arguments: Digest,
    pub passed: bool,
    pub decision: Decision,
    pub act: Shown,
}

/// What of an act is shown, and by which it is found again; another run has another.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Shown {
    pub arguments: Value,
    pub digest: Digest,
    pub call_id: Option<String>,
}

/// An act that was held, and whose it was.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub requester: String,
    pub tool: ToolName,
    pub arguments: Digest,
}

impl Line {
    pub(super) fn of(seq: u64, judged: &Judged, passed: bool) -> Self {
        let act = &judged.act;
        let shown = Shown {
            arguments: act.arguments.clone(),
            digest: judged.act_digest,
            call_id: act.call_id.clone(),
        };
        let (tool, decision) = (act.tool.clone(), judged.decision.clone());
        Self { seq, tool, arguments: act.arguments_digest(), passed, decision, act: shown }
    }

    /// Whether it was about conversing with a model, not about an act that a model proposed.
    pub(super) fn is_of_a_model(&self) -> bool {
        self.tool.server == ToolName::MODEL
    }
}

impl Asked {
    fn by(judged: &Judged) -> Self {
        let tool = &judged.act.tool;
        match tool.server.as_str() {
            ToolName::MODEL => {
                let body = judged.act.arguments["body"].as_str().unwrap_or_default().to_owned();
                Self::Model { id: tool.tool.clone(), body }
            }
            _ => Self::Tool { tool: tool.clone(), arguments: judged.act.arguments_digest() },
        }
    }
}

/// A text put together from its pieces.
struct Whole {
    seq: u64,
    request: String,
    principal: Option<Principal>,
    first: Content,
    text: String,
}

impl Tape {
    /// The conversation of a session, from the entries of its ledger. `entries` may hold others' too: people's votes
    /// belong to no session.
    ///
    /// # Errors
    /// See [`TapeError`].
    pub fn of(session: &str, entries: impl IntoIterator<Item = Read>) -> Result<Self, TapeError> {
        let mut reading = Reading::default();
        for Read { seq, entry, closed } in entries {
            reading.shut(session, seq, &entry, closed);
            reading.take(session, seq, entry);
        }
        reading.finish(session)
    }

    /// The entries of a ledger that say something about this conversation, opened; the others stay as they are.
    pub fn read(
        session: &str,
        records: impl IntoIterator<Item = Record>,
        lens: &Lens,
    ) -> impl Iterator<Item = Read> {
        let concerns = move |entry: &Entry| match entry.body {
            EntryBody::Approval(_) | EntryBody::Stop { .. } | EntryBody::Erasure(_) => true,
            _ => entry.session == session,
        };
        let wanted =
            move |record: &Record| serde_json::from_slice(&record.entry).is_ok_and(|entry| concerns(&entry));
        records.into_iter().filter(wanted).filter_map(|record| Read::of(&record, lens).ok())
    }

    /// For whom the first request was.
    pub fn asker(&self) -> &str {
        let asked = self.steps.iter().find_map(|step| match &step.does {
            Does::Ask { principal, .. } => Some(principal.requester()),
            _ => None,
        });
        asked.unwrap_or_default()
    }
}

#[derive(Default)]
struct Reading {
    wholes: Vec<Whole>,
    open: HashMap<(ActId, ContentOf, Digest), usize>,
    acts: HashMap<ActId, Asked>,
    /// Request → what was decided for it.
    decided: BTreeMap<String, Vec<Line>>,
    /// Acts by their digests.
    held: HashMap<Digest, Held>,
    votes: Vec<(u64, Digest, Vote)>,
    counted: HashMap<String, usize>,
    stops: Vec<(u64, bool, Stop)>,
    grounds: Vec<Option<Digest>>,
    /// The first entry of the conversation that could not be read whole.
    sealed: Option<(u64, Shut)>,
    /// Entries that say what was destroyed.
    erasures: Vec<(u64, Erasure)>,
    workflow: String,
}

impl Reading {
    fn shut(&mut self, session: &str, seq: u64, entry: &Entry, closed: Option<Shut>) {
        match (&entry.body, closed) {
            (EntryBody::Erasure(erasure), _) => self.erasures.push((seq, (**erasure).clone())),
            // Words before arguments before names: what is missed most is told.
            (EntryBody::Intent(_) | EntryBody::Decision(_) | EntryBody::Content(_), Some(shut))
                if entry.session == session
                    && self.sealed.as_ref().is_none_or(|(_, told)| shut.class > told.class) =>
            {
                self.sealed = Some((seq, shut));
            }
            _ => {}
        }
    }

    /// Why the conversation can't be read whole.
    fn lost(&self) -> Option<TapeError> {
        let (seq, Shut { class, why, key, name }) = self.sealed.as_ref()?;
        let (seq, class, why) = (*seq, *class, *why);
        let did = |erasure: &Erasure| match name {
            Some(name) => erasure.names > 0 && erasure.about.contains(name),
            None => erasure.ids.iter().any(|(first, last)| (*first..=*last).contains(key)),
        };
        let by = self.erasures.iter().find(|(_, erasure)| did(erasure));
        Some(match why {
            Closed::Erased => TapeError::Erased { seq, class, by: by.map(|(by, _)| *by) },
            why => TapeError::Sealed { seq, class, why },
        })
    }

    fn take(&mut self, session: &str, seq: u64, entry: Entry) {
        match entry.body {
            EntryBody::Approval(change) => {
                let counted = self.counted.entry(change.approval.id.clone()).or_default();
                for vote in change.approval.votes.iter().skip(*counted) {
                    self.votes.push((seq, change.approval.act_digest, vote.clone()));
                }
                *counted = change.approval.votes.len().max(*counted);
            }
            EntryBody::Stop { on, stop } => self.stops.push((seq, on, stop)),
            _ if entry.session != session => {}
            EntryBody::Intent(ref judged) | EntryBody::Decision(ref judged) => {
                let passed = matches!(entry.body, EntryBody::Intent(_));
                let requester = entry.principal.as_ref().map(|who| who.requester().to_owned());
                let held = Held {
                    requester: requester.unwrap_or_default(),
                    tool: judged.act.tool.clone(),
                    arguments: judged.act.arguments_digest(),
                };
                self.held.insert(judged.act_digest, held);
                self.acts.insert(judged.act.id, Asked::by(judged));
                if !self.grounds.contains(&judged.ground) {
                    self.grounds.push(judged.ground);
                }
                self.workflow.clone_from(&entry.workflow);
                let line = Line::of(seq, judged, passed);
                self.decided.entry(entry.request).or_default().push(line);
            }
            EntryBody::Content(content) => self.content(seq, entry.request, entry.principal, *content),
            _ => {}
        }
    }

    fn content(&mut self, seq: u64, request: String, principal: Option<Principal>, content: Content) {
        let key = (content.act, content.of, content.address);
        if content.piece == 0 {
            self.open.insert(key, self.wholes.len());
            let text = content.text.clone();
            self.wholes.push(Whole { seq, request, principal, first: Content { piece: 1, ..content }, text });
        } else if let Some(whole) = self.open.get(&key).and_then(|at| self.wholes.get_mut(*at))
            && whole.first.piece == content.piece
        {
            whole.text.push_str(&content.text);
            whole.first.piece += 1;
        }
    }

    fn finish(mut self, session: &str) -> Result<Tape, TapeError> {
        let ground = match self.grounds.as_slice() {
            [Some(ground)] => *ground,
            [None] => return Err(TapeError::NoGround),
            [] => return Err(TapeError::NoContent),
            _ => return Err(TapeError::SeveralReleases),
        };
        // A conversation that was never recorded lost nothing by an erasure.
        if self.wholes.is_empty() {
            return Err(TapeError::NoContent);
        }
        if let Some(lost) = self.lost() {
            return Err(lost);
        }
        let mut steps: Vec<Step> = Vec::new();
        let mut answers: HashMap<Asked, VecDeque<Answer>> = HashMap::new();
        for whole in std::mem::take(&mut self.wholes) {
            if whole.first.piece != whole.first.pieces {
                return Err(TapeError::Incomplete(whole.seq));
            }
            match whole.first.of {
                ContentOf::Request | ContentOf::Call => {
                    let decided = self.decided.remove(&whole.request).unwrap_or_default();
                    if let (Some(principal), Some(door)) = (whole.principal, Door::of(&whole.first)) {
                        let redacted = whole.first.redacted;
                        let does = Does::Ask { principal, text: whole.text, redacted, door };
                        steps.push(Step { seq: whole.seq, does, decided });
                    }
                }
                ContentOf::Answer | ContentOf::Result => {
                    if let Some(asked) = self.acts.get(&whole.first.act) {
                        let detail = &whole.first.detail;
                        let status = detail["status"].as_u64().and_then(|status| u16::try_from(status).ok());
                        let kind = detail["type"].as_str().unwrap_or("application/json").to_owned();
                        let answer =
                            Answer { seq: whole.seq, status: status.unwrap_or(200), kind, text: whole.text };
                        answers.entry(asked.clone()).or_default().push_back(answer);
                    }
                }
            }
        }
        if steps.is_empty() {
            return Err(TapeError::NoContent);
        }
        for (seq, act_digest, vote) in self.votes {
            if let Some(held) = self.held.get(&act_digest) {
                let does = Does::Vote { held: held.clone(), vote };
                steps.push(Step { seq, does, decided: Vec::new() });
            }
        }
        let last = steps.iter().map(|step| step.seq).max().unwrap_or_default();
        for (seq, on, stop) in self.stops.into_iter().filter(|(seq, ..)| *seq < last) {
            steps.push(Step { seq, does: Does::Stop { on, stop }, decided: Vec::new() });
        }
        steps.sort_by_key(|step| step.seq);
        Ok(Tape { session: session.to_owned(), workflow: self.workflow, ground, steps, answers })
    }
}

impl Door {
    fn of(content: &Content) -> Option<Self> {
        let text = |name: &str| content.detail[name].as_str().map(str::to_owned);
        let headers = content.detail["headers"].as_object();
        let headers = headers.into_iter().flatten();
        let headers = headers
            .filter_map(|(name, value): (&String, &Value)| Some((name.clone(), value.as_str()?.to_owned())));
        let headers = headers.collect();
        match content.of {
            ContentOf::Request => Some(Self::Llm { path: text("path")?, headers }),
            _ => Some(Self::Tool { server: text("server")?, version: text("mcp")?, headers }),
        }
    }
}
