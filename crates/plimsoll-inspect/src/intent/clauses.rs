//! Which verbs of a text are directives: said to the assistant, to be done.
//!
//! A clause begins a sentence, or stands behind a comma or a conjunction. A directive is a verb in its
//! base form at a clause's start, perhaps behind *please*, *can you*, *make sure to*, or continuing
//! another directive. What states (*I want to*), asks (*how do I*), reports (*Bob said*) or explains
//! (*tell me how to*) is none, nor is what continues such a clause. In doubt it is none: then a person
//! is asked.

use super::clause::Clause;
use super::lexicon::has;
use super::phrases::{Phrase, phrase};
use super::words::{Kind, Token};

/// A verb said to the assistant.
#[derive(Debug)]
pub(crate) struct Directive {
    /// The verb, and where what belongs to it ends, in tokens.
    pub(crate) verb: usize,
    pub(crate) end: usize,
    pub(crate) how: How,
    /// The verb ends in `ing`.
    pub(crate) doing: bool,
    /// `None`: nothing is to be done.
    pub(crate) clause: Option<Clause>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    Do,
    /// Not to be done, with these particulars.
    DoNot,
    /// Not to be done at all: takes back what was asked before.
    Undo,
    /// Takes back everything before.
    Withdraw,
}

/// A list under a head of nothing but these words is to be done.
const LIST_HEADS: &str = "my your our the a list of for you today tomorrow now here are is some few following things to do \
     todo todos task tasks step steps instruction instructions action actions plan next what need needs done please";

pub(crate) fn directives(tokens: &[Token]) -> Vec<Directive> {
    let mut reader = Reader { tokens, found: Vec::new() };
    let (mut at, mut header, mut led) = (0, Mode::Open, false);
    while let Some(token) = tokens.get(at) {
        if token.ends() {
            let listed = tokens.get(at + 1).is_some_and(|next| next.kind == Kind::Bullet);
            if token.kind == Kind::Paragraph && !led && !listed {
                header = Mode::Open;
            }
            at += 1;
            continue;
        }
        let end = tokens[at..].iter().position(Token::ends).map_or(tokens.len(), |len| at + len);
        let item = at > 0 && tokens[at - 1].kind == Kind::Bullet;
        let ends = tokens.get(end).map(|token| token.kind);
        let sentence = Sentence {
            end,
            asks: ends == Some(Kind::Asks),
            mode: header,
            embedded: None,
            said: false,
            verb: at,
        };
        let mode = reader.sentence(at, sentence);
        led = tokens[end - 1].kind == Kind::Colon;
        let plain = tokens[at..end].iter().all(|t| t.kind != Kind::Word || has(LIST_HEADS, &t.text));
        let mode = if plain { Mode::Open } else { mode };
        // What a list's head says of its points: `I want to:` wishes them all.
        if led || (!item && ends == Some(Kind::Bullet)) {
            header = if matches!(mode, Mode::Open | Mode::Directive | Mode::Prefix { .. }) {
                Mode::Open
            } else {
                mode
            };
        }
        at = end;
    }
    for directive in &mut reader.found {
        directive.clause = Clause::of(directive, tokens);
    }
    reader.found
}

/// What has been said so far in a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// Nothing yet.
    Open,
    /// A directive.
    Directive,
    /// A directive not to do something.
    Negated,
    /// A condition, or when and where: up to the next comma.
    Prefix { condition: bool },
    /// A statement or a question: nothing is asked for until it ends.
    Other,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    Begin,
    Comma,
    /// `and`, `or`, `plus`.
    And,
    /// `then`, `but`, `so`: what was said before doesn't go on.
    Then,
    /// In the middle of a clause, before a phrase that asks.
    Phrase,
}

#[derive(Debug)]
pub(super) struct Sentence {
    pub(super) end: usize,
    pub(super) asks: bool,
    pub(super) mode: Mode,
    /// Since where a clause is embedded that a base form may continue: `tell me how to …`.
    pub(super) embedded: Option<usize>,
    /// Others' words are reported.
    pub(super) said: bool,
    /// The last directive's verb.
    pub(super) verb: usize,
}

pub(super) struct Reader<'t> {
    pub(super) tokens: &'t [Token],
    found: Vec<Directive>,
}

impl Reader<'_> {
    fn sentence(&mut self, start: usize, mut s: Sentence) -> Mode {
        let first = self.found.len();
        let mut at = self.slot(start, Slot::Begin, &mut s);
        while at < s.end {
            at = self.step(at, &mut s);
        }
        let end = s.end;
        let ends: Vec<usize> =
            self.found[first..].iter().skip(1).map(|next| next.verb).chain([end]).collect();
        for (directive, end) in self.found[first..].iter_mut().zip(ends) {
            directive.end = end;
        }
        for index in first..self.found.len() {
            if self.found[index].how == How::DoNot && self.is_bare(&self.found[index]) {
                self.found[index].how = How::Undo;
            }
        }
        s.mode
    }

    /// One token within a clause; gives where to go on.
    fn step(&mut self, at: usize, s: &mut Sentence) -> usize {
        let token = &self.tokens[at];
        match token.kind {
            Kind::Comma => return self.slot(at + 1, Slot::Comma, s),
            Kind::Open => {
                let close = self.tokens[at..s.end].iter().position(|t| t.kind == Kind::Close);
                return close.map_or(at + 1, |len| at + len + 1);
            }
            Kind::Colon | Kind::Dash => {
                if matches!(s.mode, Mode::Prefix { .. }) {
                    s.mode = Mode::Open;
                }
                return self.slot(at + 1, Slot::Comma, s);
            }
            Kind::Word => {}
            _ => return at + 1,
        }
        match token.text.as_str() {
            "and" | "or" | "nor" | "plus" => return self.slot(at + 1, Slot::And, s),
            "then" | "but" => return self.slot(at + 1, Slot::Then, s),
            "please" | "pls" | "plz" if !s.said && s.embedded.is_none() => {
                return self.slot(at, Slot::Phrase, s);
            }
            "without" => return self.slot(at, Slot::Phrase, s),
            _ => {}
        }
        self.note(at, s)
    }

    /// Notes what a word within a clause means for what may follow.
    fn note(&mut self, at: usize, s: &mut Sentence) -> usize {
        let is = self.class(at);
        // `I forgot to tell Ann` reports nothing.
        if is.saying && matches!(s.mode, Mode::Other) && !self.is(at - 1, "to") {
            s.said = true;
        }
        if self.is(at, "saying") || self.is(at, "says") {
            s.said = true;
        }
        match s.mode {
            Mode::Directive if s.embedded.is_none() && self.embeds(at, s) => s.embedded = Some(at),
            Mode::Prefix { condition: false } if is.pronoun && !self.class(at - 1).preposition => {
                s.mode = Mode::Other;
            }
            Mode::Prefix { .. } => {
                let asks =
                    matches!(phrase(&self.tokens[at..s.end]), Some((Phrase::Ask | Phrase::AskDoing, _)));
                if asks || self.is_fronted(at, s) {
                    return self.slot(at, Slot::Phrase, s);
                }
            }
            _ => {}
        }
        at + 1
    }

    /// The beginning of a clause; gives where to go on.
    fn slot(&mut self, start: usize, slot: Slot, s: &mut Sentence) -> usize {
        let called = slot == Slot::Begin && self.tokens[start].text.starts_with('@');
        let (mut at, mut asked, mut not, mut doing, mut greeted, mut slot) =
            (start + usize::from(called), false, false, false, false, slot);
        while at < s.end {
            if self.tokens[at].kind == Kind::Open {
                break;
            }
            let Some((what, len)) = phrase(&self.tokens[at..s.end]) else { break };
            // `stop the server`, `skip lunch`: a verb of its own, unless a verb in `ing` follows.
            let doing_next =
                self.tokens.get(at + len).is_some_and(|t| t.text.len() > 4 && t.text.ends_with("ing"));
            match what {
                Phrase::Filler => {
                    if self.is(at, "then") && slot == Slot::Comma {
                        s.embedded = None;
                    }
                    if slot == Slot::Comma && (self.is(at, "then") || self.is(at, "so")) {
                        slot = Slot::Then;
                    }
                }
                Phrase::Greeting => greeted = true,
                Phrase::Ask => asked = true,
                Phrase::AskDoing => (asked, doing) = (true, true),
                Phrase::Not => not = true,
                Phrase::NotDoing if doing_next => (not, doing) = (true, true),
                Phrase::NotDoing => break,
                Phrase::Withdraw => {
                    if !s.said && s.mode != Mode::Other {
                        self.emit(at, How::Withdraw, false, s);
                    }
                    return at + len;
                }
            }
            at += len;
        }
        if greeted {
            let names =
                self.tokens[at..s.end].iter().take_while(|t| t.kind == Kind::Word && t.capital).count();
            at += names.min(3);
        }
        if at >= s.end || s.said || self.tokens[at].kind == Kind::Comma {
            return at;
        }
        if asked || not {
            return self.asked(at, asked, not, doing, slot, s);
        }
        if slot == Slot::Phrase && !self.is_fronted(at, s) {
            return at + 1;
        }
        self.unasked(at, slot, s)
    }

    /// Behind a phrase that asks, or forbids.
    fn asked(
        &mut self,
        at: usize,
        asked: bool,
        not: bool,
        doing: bool,
        slot: Slot,
        s: &mut Sentence,
    ) -> usize {
        let is = self.class(at);
        let word = self.tokens[at].kind == Kind::Word && !is.pronoun && (is.verb || !is.object);
        // `Not`: at the beginning or where a directive may stand; in a statement it says nothing to us.
        let heard = asked || not || s.mode != Mode::Other;
        if !word || !heard || (not && !asked && s.mode == Mode::Other && slot != Slot::Phrase) {
            return at + 1;
        }
        let how = if not { How::DoNot } else { How::Do };
        self.emit(at, how, doing, s);
        s.mode = if not { Mode::Negated } else { Mode::Directive };
        at + 1
    }

    /// At the beginning of a clause without such a phrase.
    fn unasked(&mut self, at: usize, slot: Slot, s: &mut Sentence) -> usize {
        match s.mode {
            Mode::Other => {
                // `I moved, so update my address`.
                if slot == Slot::Then && self.is(at - 1, "so") && self.is_possible(at, slot, false) {
                    s.mode = Mode::Open;
                    return self.clause(at, slot, s);
                }
            }
            Mode::Negated if matches!(slot, Slot::Comma | Slot::And) && !self.is(at - 1, "instead") => {
                let is = self.class(at);
                if is.verb && self.tokens[at].kind == Kind::Word {
                    self.emit(at, How::DoNot, false, s);
                }
            }
            Mode::Prefix { condition: true } if slot == Slot::And => {}
            Mode::Directive if s.embedded.is_some_and(|from| !self.is_complete(from, at - 1)) => {}
            Mode::Prefix { .. } | Mode::Negated | Mode::Open | Mode::Directive => {
                return self.clause(at, slot, s);
            }
        }
        at + 1
    }

    /// A clause that may be a directive by its form alone.
    fn clause(&mut self, at: usize, slot: Slot, s: &mut Sentence) -> usize {
        let (is, token) = (self.class(at), &self.tokens[at]);
        let (begins, next) = (slot == Slot::Begin, self.tokens.get(at + 1).filter(|_| at + 1 < s.end));
        let continues = s.mode == Mode::Directive;
        if token.kind != Kind::Word {
            if !continues {
                s.mode = if begins && token.kind == Kind::Quoted {
                    Mode::Other
                } else {
                    Mode::Prefix { condition: false }
                };
            }
        } else if is.condition {
            s.mode =
                if s.asks && is.question && begins { Mode::Other } else { Mode::Prefix { condition: true } };
        } else if self.is(at, "this") || is.object || self.is_time(at) {
            let timed = self.is_time(at) || self.is_time(at + 1);
            match (continues, timed) {
                (true, _) => {}
                (false, true) => s.mode = Mode::Prefix { condition: false },
                (false, false) => s.mode = Mode::Other,
            }
        } else if is.pronoun || (is.question && !self.is_doing(at)) {
            s.mode = Mode::Other;
        } else if is.preposition && !is.verb {
            // `… and to each user write the message`.
            if !continues
                || next.is_some_and(|next| matches!(next.text.as_str(), "each" | "every" | "all" | "both"))
            {
                s.mode = Mode::Prefix { condition: false };
            }
        } else if begins && token.capital && next.is_some_and(|next| next.kind == Kind::Comma) && !is.verb {
            s.mode = Mode::Prefix { condition: false };
        } else if self.is_possible(at, slot, s.asks) {
            let told = self.is_object(at + 1) && next.is_some_and(|next| !next.capital);
            let sure = self.is_sure(at) || told || (begins && is.both);
            self.emit(at, How::Do, false, s);
            s.mode = if sure || continues { Mode::Directive } else { Mode::Other };
        } else if !continues {
            s.mode = Mode::Other;
        }
        at + 1
    }

    fn emit(&mut self, verb: usize, how: How, doing: bool, s: &mut Sentence) {
        self.found.push(Directive { verb, end: verb + 1, how, doing, clause: None });
        (s.verb, s.embedded) = (verb, None);
    }
}
