//! What the words at one place of a sentence are: a verb, an object, the beginning of a clause within
//! a clause.

use super::clauses::{Directive, Mode, Reader, Sentence, Slot};
use super::lexicon::{Class, class, has};
use super::verbs::{PARTICLES, kinds, singular};
use super::words::{Kind, Token};

impl Reader<'_> {
    pub(super) fn class(&self, at: usize) -> Class {
        self.tokens.get(at).filter(|t| t.kind == Kind::Word).map_or(Class::default(), |t| class(&t.text))
    }

    pub(super) fn is(&self, at: usize, word: &str) -> bool {
        self.tokens.get(at).is_some_and(|token| token.is(word))
    }

    /// A verb in its base form that is nothing else.
    pub(super) fn is_sure(&self, at: usize) -> bool {
        let is = self.class(at);
        is.verb && !is.both
    }

    /// Whether what an object begins with stands here.
    pub(super) fn is_object(&self, at: usize) -> bool {
        let Some(token) = self.tokens.get(at) else { return false };
        match token.kind {
            // `set up a`.
            Kind::Word if has(PARTICLES, &token.text) && self.class(at + 1).object => true,
            Kind::Word => class(&token.text).object || token.capital || class(&token.text).preposition,
            Kind::Quoted | Kind::Value | Kind::Number => true,
            _ => false,
        }
    }

    /// Whether the word can be an imperative here, and not a noun.
    pub(super) fn is_possible(&self, at: usize, slot: Slot, asks: bool) -> bool {
        let (is, next) = (self.class(at), self.class(at + 1));
        let weak = asks || slot != Slot::Begin;
        if next.after_noun {
            return false;
        }
        if weak {
            let of_noun = next.preposition && is.both;
            return self.is_sure(at) || (self.is_object(at + 1) && !of_noun);
        }
        !is.both || self.is_object(at + 1) || self.is_bare_object(at + 1)
    }

    /// `Book hotels`, `update password`, not `text analysis`: an object without an article.
    fn is_bare_object(&self, at: usize) -> bool {
        let Some(token) = self.tokens.get(at).filter(|token| token.kind == Kind::Word) else { return true };
        let (word, is) = (token.text.as_str(), class(&token.text));
        let plural = word.ends_with('s') && !word.ends_with("ss") && !word.ends_with("is");
        // `Pay ann back`.
        let behind = self.tokens.get(at + 1);
        let goes_on = self.class(at + 1).object
            || behind.is_some_and(|t| matches!(t.kind, Kind::Quoted | Kind::Value | Kind::Number));
        let other = is.verb || is.both || is.question || is.condition || has("and or please", word);
        plural || goes_on || other || word.ends_with("ly") || !kinds(&singular(word)).is_empty()
    }

    /// `do the following`, not `do I`.
    pub(super) fn is_doing(&self, at: usize) -> bool {
        self.is(at, "do") && !self.class(at + 1).pronoun
    }

    pub(super) fn is_time(&self, at: usize) -> bool {
        self.class(at).time && !self.class(at).verb
    }

    /// `to each user write the message`: the verb follows a short phrase without a comma.
    pub(super) fn is_fronted(&self, at: usize, s: &Sentence) -> bool {
        let verb = self.class(at);
        let before =
            self.tokens[..at].iter().rposition(|t| t.kind == Kind::Word && class(&t.text).preposition);
        let Some(before) = before.filter(|_| s.mode == Mode::Prefix { condition: false }) else {
            return false;
        };
        let quantified = (self.class(before + 1).object && !self.class(before + 1).pronoun)
            || self.tokens[before + 1].kind == Kind::Quoted;
        verb.verb && !verb.both && self.is_object(at + 1) && quantified && (2..=4).contains(&(at - before))
    }

    /// Whether here begins a clause that a bare verb behind `and` would continue.
    pub(super) fn embeds(&self, at: usize, s: &Sentence) -> bool {
        let Some(token) = self.tokens.get(at) else { return false };
        let next = self.tokens.get(at + 1).filter(|_| at + 1 < s.end);
        let to_others = class(&self.tokens[s.verb].text).telling;
        let of_me = |i: usize| self.is(i, "me") || self.is(i, "us");
        match token.text.as_str() {
            "how" | "what" | "why" | "whether" | "if" => true,
            "who" | "where" | "when" | "which" => at == s.verb + 1 || of_me(at - 1) || self.is(at - 1, "out"),
            "that" => to_others || self.class(s.verb).saying,
            "to" => next.is_some_and(|next| {
                let is = class(&next.text);
                let plural = next.text.ends_with('s') && !next.text.ends_with("ss");
                let noun = plural || next.text.ends_with("ing");
                next.kind == Kind::Word && !next.capital && !is.object && !is.pronoun && (!noun || is.verb)
            }),
            // Whoever else is told something does what follows.
            _ => to_others && at == s.verb + 1 && !of_me(at) && !self.is(s.verb, "help"),
        }
    }

    /// Whether the embedded clause is over for a base form: `check how much they sent and …`.
    pub(super) fn is_complete(&self, from: usize, to: usize) -> bool {
        let starts = matches!(self.tokens[from].text.as_str(), "to" | "that");
        let words = self.tokens[from + 1..to].iter().filter(|t| t.kind == Kind::Word);
        let said = |t: &Token| {
            class(&t.text).past
                || (t.text.ends_with("ed") && t.text.len() > 4)
                || ["'s", "'m", "'re", "'ve"].iter().any(|end| t.text.ends_with(end))
        };
        let told = class(&self.tokens[from.saturating_sub(1)].text).telling && !self.class(from).question;
        !starts && !told && words.clone().any(said) && !words.clone().any(|t| class(&t.text).modal)
    }

    /// `don't send it`, `don't send anything yet`: no particulars.
    pub(super) fn is_bare(&self, directive: &Directive) -> bool {
        let rest = &self.tokens[directive.verb + 1..directive.end];
        let short = rest.iter().take_while(|t| t.kind == Kind::Word).count() == rest.len()
            || rest.iter().position(|t| t.kind != Kind::Word).is_some_and(|at| rest[at].kind == Kind::Comma);
        let rest = rest.iter().take_while(|t| t.kind == Kind::Word);
        let particular = |t: &Token| {
            class(&t.text).preposition
                || matches!(t.text.as_str(), "else" | "other" | "more" | "another" | "extra")
        };
        short && rest.clone().count() <= 4 && !rest.clone().any(particular)
    }
}
