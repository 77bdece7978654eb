//! What a session has been through: the spans its record has, how each text was labelled when it was seen
//! first, and the join of everything it was ever shown.
//!
//! A text keeps the labels of its first sight: what a person wrote stays theirs when a tool repeats it
//! later. And a session never forgets what it saw: a client that drops or summarises the beginning of a
//! conversation does not make the rest of it clean.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::hash::RandomState;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use jiff::{SignedDuration, Timestamp};
use plimsoll_core::{Digest, Label, Span, SpanKind, Trajectory};
use plimsoll_store::{Lapse, SessionRow};

use super::Scope;
use super::known::Known;
use super::long::Long;

/// Sessions remembered at most; those that were silent longest go first.
pub const SESSIONS_MAX: usize = 8_192;
/// Texts of all sessions that are remembered as seen at most: about 48 MiB.
pub const SIGHTS_MAX: usize = 1 << 20;
/// Texts of one session that outlive the process at most.
pub const SESSION_TEXTS_MAX: usize = 8_192;
/// How often what came to a session is stored beside it; then all of it is stored again.
pub const SESSION_PIECES_MAX: u32 = 64;

/// Bytes of a text that may be a summary, when everything that its user wrote before is gone.
pub const SUMMARY_MIN: usize = 400;

/// How long, after a lapse of memory, nothing that is new from its requester counts as their own words.
pub const LAPSE_LIFE: SignedDuration = SignedDuration::from_hours(1);

/// The copies in a text; none in most.
pub(super) type Copies = Option<Arc<Known>>;

/// How a text was seen first.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    pub copies: Copies,
    /// It may be what a tool returned, and nobody remembers.
    pub doubted: bool,
}

/// The memory.
#[derive(Debug, Default)]
pub struct Sessions {
    inner: Mutex<Inner>,
    lapses: RwLock<Vec<Lapse>>,
    pub(super) long: Long,
}

#[derive(Debug, Default)]
struct Inner {
    /// By a name that clients choose, so hashed under a key of this process.
    sessions: hashbrown::HashMap<String, Session, RandomState>,
    /// What the store does not have yet.
    unsaved: HashSet<String>,
    /// How many texts all of them have.
    texts: usize,
    clock: u64,
}

#[derive(Debug, Default)]
struct Session {
    /// Whose it is; nobody's while it only counts what is on record.
    scope: Option<Scope>,
    began: Option<Timestamp>,
    texts: HashMap<Sight, Text>,
    /// The copies in those of its texts that have any.
    copies: HashMap<Sight, Arc<Known>>,
    /// How many of its texts came as the user's.
    users: usize,
    life: Option<Trajectory>,
    /// The release that serves it.
    release: Option<Digest>,
    /// The feature flags that were on when it began, and the release that has them.
    flags: Option<(Digest, BTreeSet<String>)>,
    seen: u64,
    stored: Stored,
}

/// What is known of one text of a session. There are many, so it is small.
#[derive(Clone, Copy, Debug, Default)]
struct Text {
    /// [`SEEN`], [`COPIED`], and of what is stored [`DOUBTED`], [`CAME_AS_USERS`] and [`SUMMARY`].
    known: u8,
    /// With which integrity its record has it, one bit for each.
    recorded: u8,
}

/// It was labelled.
const SEEN: u8 = 16;
/// There are copies in it.
const COPIED: u8 = 32;

impl Text {
    const fn is(self, flag: u8) -> bool {
        self.known & flag != 0
    }

    /// What is stored of it: of its copies nothing, as they are found again.
    fn found(self, sight: Sight) -> u8 {
        let own = self.is(SEEN) && !self.is(COPIED) && sight.is_said();
        self.known & (CAME_AS_USERS | SUMMARY) | if own { OWN | self.known & DOUBTED } else { 0 }
    }
}

/// What the store has of a session's texts.
#[derive(Debug, Default)]
struct Stored {
    /// In how many pieces; in none, when all of them are to be stored.
    pieces: u32,
    texts: usize,
    /// Those that came since.
    more: Vec<u8>,
}

impl Stored {
    fn add(&mut self, sight: Sight, found: u8) {
        if self.pieces > 0 && self.texts < SESSION_TEXTS_MAX {
            self.texts += 1;
            self.more.extend(sight.stored(found));
        }
    }
}

/// A text in its place, as short as it can be told from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Sight(u8, [u8; 15]);

impl Sight {
    pub(super) fn new(kind: SpanKind, address: &Digest) -> Self {
        let mut short = [0; 15];
        short.copy_from_slice(&address.as_bytes()[..15]);
        Self(kind as u8, short)
    }

    /// A text as it is stored, with what was found of it.
    fn stored(self, found: u8) -> [u8; TEXT_BYTES] {
        let mut text = [0; TEXT_BYTES];
        text[0] = self.0;
        text[1..16].copy_from_slice(&self.1);
        text[16] = found;
        text
    }

    /// Whether it is a text of the user's or the system's.
    const fn is_said(self) -> bool {
        self.0 == SpanKind::User as u8 || self.0 == SpanKind::System as u8
    }
}

impl Sessions {
    /// The positions of spans that are new to this session; they count as recorded from now on.
    pub(super) fn unseen(&self, session: &str, spans: &[Span]) -> Vec<usize> {
        let mut inner = self.lock();
        let known = &mut inner.session(session).texts;
        let before = known.len();
        let is_new = |(n, span): (usize, &Span)| {
            // The same words from somebody else are another span.
            let integrity = 1 << span.label.integrity as u8;
            let text = known.entry(Sight::new(span.kind, &span.address)).or_default();
            let is_new = text.recorded & integrity == 0;
            text.recorded |= integrity;
            is_new.then_some(n)
        };
        let unseen = spans.iter().enumerate().filter_map(is_new).collect();
        let more = known.len() - before;
        inner.grow(session, more);
        unseen
    }

    /// How these texts were labelled when they were seen first; `None` for those that are new.
    pub(super) fn first_sights(&self, session: &str, sights: &[Sight]) -> Vec<Option<Seen>> {
        let mut inner = self.lock();
        let session = inner.session(session);
        sights.iter().map(|sight| session.first_sight(*sight)).collect()
    }

    /// Keeps what was found at first sight.
    pub(super) fn keep_sights(&self, session: &str, new: Vec<(Sight, Seen)>) {
        let mut inner = self.lock();
        inner.unsaved.insert(session.to_owned());
        let known = inner.session(session);
        let before = known.texts.len();
        for (sight, seen) in new {
            let found = known.see(sight, seen).found(sight);
            if found & OWN != 0 {
                known.stored.add(sight, found & (OWN | DOUBTED));
            }
        }
        let more = known.texts.len() - before;
        inner.grow(session, more);
    }

    /// Which of the texts that came as the user's can't be told from a summary of what was said before: all of the
    /// user's earlier texts are gone, and a long one stands there instead. What was taken for a summary once stays one.
    pub(super) fn summaries(&self, session: &str, texts: &[(Sight, usize)]) -> Vec<bool> {
        let mut inner = self.lock();
        let known = inner.session(session);
        let before = known.texts.len();
        let is_old = |sight: &Sight| known.texts.get(sight).is_some_and(|text| text.is(CAME_AS_USERS));
        let lost = known.users > 0 && !texts.iter().any(|(sight, _)| is_old(sight));
        let judge = |(sight, bytes): &(Sight, usize)| {
            let text = known.texts.entry(*sight).or_default();
            if !text.is(CAME_AS_USERS) {
                let found = CAME_AS_USERS | if lost && *bytes >= SUMMARY_MIN { SUMMARY } else { 0 };
                text.known |= found;
                known.users += 1;
                known.stored.add(*sight, found);
            }
            text.is(SUMMARY)
        };
        let summaries = texts.iter().map(judge).collect();
        let more = known.texts.len() - before;
        inner.grow(session, more);
        summaries
    }

    /// The release that serves a session: what `choose` makes of the one it began under. A conversation that begins
    /// anew under a name it shares with others began under none.
    pub(crate) fn berth(
        &self,
        scope: &Scope,
        begins: bool,
        choose: impl FnOnce(Option<&Digest>) -> Digest,
    ) -> Digest {
        let mut inner = self.lock();
        let session = inner.session(&scope.key);
        if begins && scope.derived {
            session.flags = None;
        }
        let began = session.release.filter(|_| !(begins && scope.derived));
        let release = choose(began.as_ref());
        if session.release.replace(release) != Some(release) && session.scope.is_some() {
            inner.unsaved.insert(scope.key.clone());
        }
        release
    }

    /// The flags that are on for a session: what `choose` says at first, and from then on the same, whatever becomes of its
    /// principal's roles, until another release serves it.
    pub(crate) fn flags(
        &self,
        key: &str,
        release: &Digest,
        choose: impl FnOnce() -> BTreeSet<String>,
    ) -> BTreeSet<String> {
        let mut inner = self.lock();
        let session = inner.session(key);
        match &session.flags {
            Some((under, flags)) if under == release => return flags.clone(),
            _ => {}
        }
        let flags = choose();
        session.flags = Some((*release, flags.clone()));
        if session.scope.is_some() {
            inner.unsaved.insert(key.to_owned());
        }
        flags
    }

    /// The release that serves a session that is known.
    pub(crate) fn release_of(&self, key: &str) -> Option<Digest> {
        self.lock().sessions.get(key)?.release
    }

    /// The join of all that a session has been shown.
    pub(super) fn life(&self, session: &str) -> Option<Trajectory> {
        self.lock().session(session).life.clone()
    }

    /// Adds what a request shows to what its session has been shown, and says what that makes. `begins`: nothing was
    /// answered in it yet. Where its name only says how it begins, it is then a conversation anew.
    pub(super) fn live_on(&self, scope: &Scope, shown: &Trajectory, begins: bool) -> Trajectory {
        let mut inner = self.lock();
        let session = inner.session(&scope.key);
        let before = session.life.take().filter(|_| !(begins && scope.derived));
        let mut now = shown.clone();
        if let Some(before) = &before {
            now = joined(now, before);
        }
        let is_new = session.scope.is_none();
        if begins && (is_new || scope.derived) {
            session.began = Some(scope.at);
        }
        let changed = before.is_none_or(|before| Trajectory { spans: now.spans, ..before } != now);
        session.life = Some(now.clone());
        match &mut session.scope {
            Some(known) => known.at = scope.at,
            None => session.scope = Some(scope.clone()),
        }
        if is_new || changed {
            inner.unsaved.insert(scope.key.clone());
        }
        now
    }

    /// Whether a text that is new now may be what a tool returned before a lapse of memory: for a while after it, and
    /// for good in a conversation that nobody saw begin since.
    pub(super) fn doubts(&self, scope: &Scope, begins: bool) -> bool {
        let lapses = self.lapses.read().unwrap_or_else(PoisonError::into_inner);
        let covers = |lapse: &&Lapse| {
            let is = |of: &str, name: &str| of.is_empty() || of == name;
            is(&lapse.requester, &scope.requester) && is(&lapse.workflow, &scope.workflow)
        };
        let Some(last) = lapses.iter().filter(covers).map(|lapse| lapse.at).max() else { return false };
        drop(lapses);
        let began = match begins {
            true => Some(scope.at),
            false => self.lock().session(&scope.key).began,
        };
        scope.at.duration_since(last) < LAPSE_LIFE || began.is_none_or(|began| began < last)
    }

    /// Takes over the lapses of memory that are known.
    pub(crate) fn know_lapses(&self, known: Vec<Lapse>) {
        *self.lapses.write().unwrap_or_else(PoisonError::into_inner) = known;
    }

    /// What the store does not have yet; it counts as saved from now on.
    pub(crate) fn unsaved(&self) -> Vec<SessionRow> {
        let mut inner = self.lock();
        let keys = std::mem::take(&mut inner.unsaved);
        keys.into_iter().filter_map(|key| inner.sessions.get_mut(&key)?.row()).collect()
    }

    /// The store could not take them. Nobody knows what it has of them now, so next time it gets all.
    pub(crate) fn still_unsaved(&self, keys: impl IntoIterator<Item = String>) {
        let mut inner = self.lock();
        for key in keys {
            if let Some(session) = inner.sessions.get_mut(&key) {
                session.stored = Stored::default();
            }
            inner.unsaved.insert(key);
        }
    }

    /// Takes back a session that outlived an earlier process.
    pub(crate) fn take_back(&self, row: SessionRow) {
        let mut inner = self.lock();
        let session = inner.session(&row.key);
        let before = session.texts.len();
        for text in row.texts.chunks_exact(TEXT_BYTES) {
            session.take_back(text);
        }
        session.stored = Stored { pieces: 1, texts: row.texts.len() / TEXT_BYTES, more: Vec::new() };
        session.began = row.began_at;
        session.life = Some(row.life);
        session.release = row.release;
        session.flags = row.release.zip(row.flags);
        session.scope = Some(Scope {
            session: row.id,
            key: row.key.clone(),
            derived: false,
            principal: row.principal,
            requester: row.requester,
            workflow: row.workflow,
            at: row.seen_at,
            release: row.release,
        });
        let more = session.texts.len() - before;
        inner.grow(&row.key, more);
    }

    /// Adds what the ledger says that a session was shown.
    pub(crate) fn recover(&self, scope: Scope, shown: &Trajectory, flags: BTreeSet<String>) {
        let mut inner = self.lock();
        let session = inner.session(&scope.key);
        let life = session.life.take();
        session.life = Some(life.map_or_else(|| shown.clone(), |life| joined(life, shown)));
        let key = scope.key.clone();
        session.release = scope.release.or(session.release);
        session.flags = session.release.map(|release| (release, flags));
        session.scope.get_or_insert(scope);
        inner.unsaved.insert(key);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The second with everything that the first has seen.
fn joined(mut one: Trajectory, other: &Trajectory) -> Trajectory {
    one.label = one.label.join(&other.label);
    one.unreleased |= other.unreleased;
    for tool in &other.untrusted_tools {
        if !one.untrusted_tools.contains(tool) {
            one.untrusted_tools.push(tool.clone());
        }
    }
    one
}

/// A text of a session as it is stored: its sight, and what was found of it.
const TEXT_BYTES: usize = 17;
const DOUBTED: u8 = 1;
const CAME_AS_USERS: u8 = 2;
const SUMMARY: u8 = 4;
const OWN: u8 = 8;

impl Session {
    /// What is to be stored of it: no word of what was said, only which texts were said.
    fn row(&mut self) -> Option<SessionRow> {
        let scope = self.scope.as_ref()?;
        let adds = (1..SESSION_PIECES_MAX).contains(&self.stored.pieces);
        let texts = match adds {
            true => std::mem::take(&mut self.stored.more),
            false => self.texts(),
        };
        match adds {
            true => self.stored.pieces += 1,
            false => self.stored = Stored { pieces: 1, texts: texts.len() / TEXT_BYTES, more: Vec::new() },
        }
        Some(SessionRow {
            key: scope.key.clone(),
            id: scope.session.clone(),
            workflow: scope.workflow.clone(),
            principal: scope.principal.clone(),
            requester: scope.requester.clone(),
            began_at: self.began,
            seen_at: scope.at,
            life: self.life.clone().unwrap_or_default(),
            texts,
            adds,
            release: self.release,
            flags: self
                .flags
                .as_ref()
                .filter(|(under, _)| Some(*under) == self.release)
                .map(|(_, on)| on.clone()),
        })
    }

    /// All of its texts, as they are stored.
    fn texts(&self) -> Vec<u8> {
        let found = self.texts.iter().map(|(sight, text)| (sight, text.found(*sight)));
        let kept = found.filter(|(_, found)| *found != 0).take(SESSION_TEXTS_MAX);
        kept.flat_map(|(sight, found)| sight.stored(found)).collect()
    }

    fn first_sight(&self, sight: Sight) -> Option<Seen> {
        let text = self.texts.get(&sight).filter(|text| text.is(SEEN))?;
        let copies = if text.is(COPIED) { self.copies.get(&sight).cloned() } else { None };
        Some(Seen { copies, doubted: text.is(DOUBTED) })
    }

    fn see(&mut self, sight: Sight, seen: Seen) -> Text {
        let text = self.texts.entry(sight).or_default();
        let copied = if seen.copies.is_some() { COPIED } else { 0 };
        let doubted = if seen.doubted { DOUBTED } else { 0 };
        text.known = text.known & (CAME_AS_USERS | SUMMARY) | SEEN | copied | doubted;
        match seen.copies {
            Some(copies) => drop(self.copies.insert(sight, copies)),
            None => drop(self.copies.remove(&sight)),
        }
        *text
    }

    fn take_back(&mut self, text: &[u8]) {
        let (kind, found) = (text[0], text[TEXT_BYTES - 1]);
        let mut short = [0; 15];
        short.copy_from_slice(&text[1..16]);
        let sight = Sight(kind, short);
        if found & OWN != 0 {
            self.see(sight, Seen { copies: None, doubted: found & DOUBTED != 0 });
        }
        if found & CAME_AS_USERS != 0 {
            let text = self.texts.entry(sight).or_default();
            self.users += usize::from(!text.is(CAME_AS_USERS));
            text.known |= found & (CAME_AS_USERS | SUMMARY);
        }
    }
}

impl Inner {
    fn session(&mut self, name: &str) -> &mut Session {
        self.clock += 1;
        if self.sessions.len() >= SESSIONS_MAX && !self.sessions.contains_key(name) {
            self.trim(name);
        }
        let session = self.sessions.entry_ref(name).or_default();
        session.seen = self.clock;
        session
    }

    /// So many texts came to a session.
    fn grow(&mut self, session: &str, more: usize) {
        if more > 0 {
            self.texts += more;
            self.trim(session);
        }
    }

    /// Forgets the half of the sessions that was silent longest, when there is no room. What they saw is then unknown,
    /// which is no better than what it was.
    fn trim(&mut self, keep: &str) {
        if self.sessions.len() < SESSIONS_MAX && self.texts <= SIGHTS_MAX {
            return;
        }
        let mut ages: Vec<u64> = self.sessions.values().map(|session| session.seen).collect();
        let middle = ages.len() / 2;
        let (_, middle, _) = ages.select_nth_unstable(middle);
        let limit = *middle;
        self.sessions
            .retain(|name, session| session.seen > limit || name == keep || self.unsaved.contains(name));
        self.texts = self.sessions.values().map(|session| session.texts.len()).sum();
    }
}

/// What a summary may cover: everything its session saw, or, when that is not known, anything.
pub(super) fn covered(life: Option<&Trajectory>) -> Label {
    life.map_or_else(Label::default, |life| life.label.clone())
}

#[cfg(test)]
mod tests {
    use plimsoll_core::Integrity;

    use super::*;

    fn scope(at: i64) -> Scope {
        Scope {
            session: "s-1".to_owned(),
            derived: true,
            key: "k".to_owned(),
            principal: "key:ada".to_owned(),
            requester: "bo".to_owned(),
            workflow: "support".to_owned(),
            at: Timestamp::from_second(at).unwrap(),
            release: None,
        }
    }

    fn seen_by(integrity: Integrity) -> Trajectory {
        Trajectory { label: Label::of(integrity), ..Trajectory::default() }
    }

    #[test]
    fn a_session_outlives_its_process() {
        let before = Sessions::default();
        let own = Sight::new(SpanKind::User, &Digest::of(b"own"));
        let doubted = Sight::new(SpanKind::System, &Digest::of(b"doubted"));
        before.live_on(&scope(5), &seen_by(Integrity::User), true);
        let seen = [(own, Seen::default()), (doubted, Seen { doubted: true, ..Seen::default() })];
        before.keep_sights("k", seen.to_vec());
        assert_eq!(before.summaries("k", &[(own, 9)]), [false]);
        let rows = before.unsaved();
        assert_eq!((rows.len(), before.unsaved().len()), (1, 0));

        let after = Sessions::default();
        after.take_back(rows[0].clone());
        after.recover(scope(6), &seen_by(Integrity::Untrusted), BTreeSet::new());
        let known = after.first_sights("k", &[own, doubted, Sight::new(SpanKind::User, &Digest::of(b"new"))]);
        assert_eq!(
            known.iter().map(|seen| seen.as_ref().map(|s| s.doubted)).collect::<Vec<_>>(),
            [Some(false), Some(true), None]
        );
        assert_eq!(after.life("k").unwrap().label.integrity, Integrity::Untrusted);
        let other = Sight::new(SpanKind::User, &Digest::of(b"other"));
        assert_eq!(after.summaries("k", &[(other, SUMMARY_MIN)]), [true], "the user's texts are all gone");
        assert_eq!(after.unsaved()[0].began_at, Some(scope(5).at));
    }

    #[test]
    fn flags_stay_with_the_release_they_were_found_under() {
        let sessions = Sessions::default();
        let (one, two) = (Digest::of(b"one"), Digest::of(b"two"));
        let on =
            |names: &[&str]| -> BTreeSet<String> { names.iter().map(|name| (*name).to_owned()).collect() };
        let check = |sessions: &Sessions, release: &Digest, now: &[&str], expected: &[&str]| {
            assert_eq!(sessions.flags("k", release, || on(now)), on(expected));
        };
        sessions.berth(&scope(1), true, |_| one);
        sessions.live_on(&scope(1), &Trajectory::default(), true);
        check(&sessions, &one, &["a"], &["a"]);
        check(&sessions, &one, &["a", "b"], &["a"]);
        // It outlives the process with its release.
        let again = Sessions::default();
        again.take_back(sessions.unsaved().remove(0));
        check(&again, &one, &["b"], &["a"]);
        // A call of before that was judged after the last save.
        let torn = Sessions::default();
        torn.recover(Scope { release: Some(one), ..scope(2) }, &Trajectory::default(), on(&["a"]));
        check(&torn, &one, &["b"], &["a"]);
        // Another release has other flags; so has a conversation that begins anew under the same name.
        check(&again, &two, &["b"], &["b"]);
        sessions.berth(&scope(3), true, |_| one);
        check(&sessions, &one, &["c"], &["c"]);
    }

    #[test]
    fn what_came_is_stored_and_at_times_all_of_it() {
        let (before, after) = (Sessions::default(), Sessions::default());
        let sight = |n: u32| Sight::new(SpanKind::User, &Digest::of(&n.to_le_bytes()));
        let mut wholes = Vec::new();
        let mut stored = Vec::new();
        for n in 0..2 * SESSION_PIECES_MAX {
            before.live_on(&scope(5), &seen_by(Integrity::User), n == 0);
            before.keep_sights("k", vec![(sight(n), Seen { doubted: n % 2 == 1, ..Seen::default() })]);
            before.summaries("k", &[(sight(n), 9)]);
            let [row] = &before.unsaved()[..] else { panic!("one session came") };
            if !row.adds {
                wholes.push(n);
                stored.clear();
            }
            stored.extend(&row.texts);
            if n == 9 {
                before.still_unsaved([row.key.clone()]);
            }
        }
        assert_eq!(wholes, [0, 10, 10 + SESSION_PIECES_MAX]);
        let scope = scope(5);
        after.take_back(SessionRow {
            key: "k".to_owned(),
            id: scope.session,
            workflow: scope.workflow,
            principal: scope.principal,
            requester: scope.requester,
            began_at: None,
            seen_at: scope.at,
            life: Trajectory::default(),
            texts: stored,
            adds: false,
            release: None,
            flags: None,
        });
        for n in 0..2 * SESSION_PIECES_MAX {
            let known = after.first_sights("k", &[sight(n)]);
            assert_eq!(known[0].as_ref().map(|seen| seen.doubted), Some(n % 2 == 1), "{n}");
        }
    }

    #[test]
    fn a_lapse_is_doubted_for_a_while_and_old_conversations_for_good() {
        let sessions = Sessions::default();
        sessions.live_on(&scope(50), &Trajectory::default(), true);
        assert!(!sessions.doubts(&scope(60), false), "nothing was forgotten");
        let lapse = |requester: &str| Lapse {
            requester: requester.to_owned(),
            workflow: "support".to_owned(),
            at: scope(100).at,
        };
        sessions.know_lapses(vec![lapse("eve")]);
        assert!(!sessions.doubts(&scope(160), false), "it was somebody else's");
        for whose in ["bo", ""] {
            sessions.know_lapses(vec![lapse(whose)]);
            let later = 100 + LAPSE_LIFE.as_secs();
            assert!(sessions.doubts(&scope(101), true) && sessions.doubts(&scope(later - 1), true));
            assert!(!sessions.doubts(&scope(later), true), "a conversation that begins now");
            assert!(sessions.doubts(&scope(later), false), "one from before");
            let unknown = Scope { key: "other".to_owned(), ..scope(later) };
            assert!(sessions.doubts(&unknown, false), "one that nobody saw begin");
        }
    }
}
