//! What a session has been through: the spans its record has, how each text was labelled when it was seen
//! first, and the join of everything it was ever shown.
//!
//! A text keeps the labels of its first sight: what a person wrote stays theirs when a tool repeats it
//! later. And a session never forgets what it saw: a client that drops or summarises the beginning of a
//! conversation does not make the rest of it clean.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use plimsoll_core::{Digest, Integrity, Label, Span, Trajectory};

use super::known::Known;

/// Sessions remembered at most; those that were silent longest go first.
pub const SESSIONS_MAX: usize = 8_192;
/// Texts of all sessions that are remembered as seen at most: about 64 MiB.
pub const SIGHTS_MAX: usize = 1 << 20;

/// Bytes of a text that may be a summary, when everything that its user wrote before is gone.
pub const SUMMARY_MIN: usize = 400;

/// The copies in a text; none in most.
pub(super) type Copies = Option<Arc<Known>>;

/// The memory.
#[derive(Debug, Default)]
pub struct Sessions {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    sessions: HashMap<String, Session>,
    sights: usize,
    clock: u64,
}

#[derive(Debug, Default)]
struct Session {
    recorded: HashSet<([u8; 8], u8, Integrity)>,
    sights: HashMap<Sight, Copies>,
    /// Texts that came as the user's, and whether each was taken for a summary.
    users: HashMap<Sight, bool>,
    life: Option<Trajectory>,
    seen: u64,
}

/// A text in its place, as short as it can be told from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Sight(u8, [u8; 15]);

impl Sight {
    pub(super) fn new(kind: plimsoll_core::SpanKind, address: &Digest) -> Self {
        let mut short = [0; 15];
        short.copy_from_slice(&address.as_bytes()[..15]);
        Self(kind as u8, short)
    }
}

impl Sessions {
    /// The positions of spans that are new to this session; they count as recorded from now on.
    pub(super) fn unseen(&self, session: &str, spans: &[Span]) -> Vec<usize> {
        let mut inner = self.lock();
        let known = &mut inner.session(session).recorded;
        let is_new = |(n, span): (usize, &Span)| {
            let mut short = [0; 8];
            short.copy_from_slice(&span.address.as_bytes()[..8]);
            // The same words from somebody else are another span.
            known.insert((short, span.kind as u8, span.label.integrity)).then_some(n)
        };
        spans.iter().enumerate().filter_map(is_new).collect()
    }

    /// How these texts were labelled when they were seen first; `None` for those that are new.
    pub(super) fn first_sights(&self, session: &str, sights: &[Sight]) -> Vec<Option<Copies>> {
        let mut inner = self.lock();
        let session = inner.session(session);
        sights.iter().map(|sight| session.sights.get(sight).cloned()).collect()
    }

    /// Keeps what was found at first sight.
    pub(super) fn keep_sights(&self, session: &str, new: Vec<(Sight, Copies)>) {
        let mut inner = self.lock();
        let known = inner.session(session);
        let before = known.sights.len();
        known.sights.extend(new);
        let more = known.sights.len() - before;
        inner.sights += more;
        inner.trim(session);
    }

    /// Which of the texts that came as the user's can't be told from a summary of what was said before: all of the
    /// user's earlier texts are gone, and a long one stands there instead. What was taken for a summary once stays one.
    pub(super) fn summaries(&self, session: &str, texts: &[(Sight, usize)]) -> Vec<bool> {
        let mut inner = self.lock();
        let known = inner.session(session);
        let is_old = |sight: &Sight| known.users.contains_key(sight);
        let lost = !known.users.is_empty() && !texts.iter().any(|(sight, _)| is_old(sight));
        let mut judge = |(sight, bytes): &(Sight, usize)| {
            let new = lost && *bytes >= SUMMARY_MIN;
            *known.users.entry(*sight).or_insert(new)
        };
        texts.iter().map(&mut judge).collect()
    }

    /// The join of all that a session has been shown.
    pub(super) fn life(&self, session: &str) -> Option<Trajectory> {
        self.lock().session(session).life.clone()
    }

    /// Adds what a request shows to what its session has been shown, and says what that makes. `anew`: it
    /// is a conversation from its beginning, under a name that only says how it begins.
    pub(super) fn live_on(&self, session: &str, shown: &Trajectory, anew: bool) -> Trajectory {
        let mut inner = self.lock();
        let life = &mut inner.session(session).life;
        let before = life.take().filter(|_| !anew);
        let mut now = shown.clone();
        if let Some(before) = before {
            now.label = now.label.join(&before.label);
            for tool in before.untrusted_tools {
                if !now.untrusted_tools.contains(&tool) {
                    now.untrusted_tools.push(tool);
                }
            }
        }
        *life = Some(now.clone());
        now
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn session(&mut self, name: &str) -> &mut Session {
        self.clock += 1;
        if !self.sessions.contains_key(name) {
            self.trim(name);
        }
        let session = self.sessions.entry(name.to_owned()).or_default();
        session.seen = self.clock;
        session
    }

    /// Forgets the half of the sessions that was silent longest, when there is no room. What they saw is then unknown,
    /// which is no better than what it was.
    fn trim(&mut self, keep: &str) {
        if self.sessions.len() < SESSIONS_MAX && self.sights <= SIGHTS_MAX {
            return;
        }
        let mut ages: Vec<u64> = self.sessions.values().map(|session| session.seen).collect();
        let middle = ages.len() / 2;
        let (_, middle, _) = ages.select_nth_unstable(middle);
        let limit = *middle;
        self.sessions.retain(|name, session| session.seen > limit || name == keep);
        self.sights = self.sessions.values().map(|session| session.sights.len()).sum();
    }
}

/// What a summary may cover: everything its session saw, or, when that is not known, anything.
pub(super) fn covered(life: Option<&Trajectory>) -> Label {
    life.map_or_else(Label::default, |life| life.label.clone())
}
