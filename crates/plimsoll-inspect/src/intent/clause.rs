//! What belongs to a directive: its verb, what it is done to, and where to.

use super::clauses::Directive;
use super::lexicon::{class, has};
use super::verbs::{Kind as Thing, gerunds, kinds, singular};
use super::words::{Kind, Token};

/// What belongs to a directive, apart from how it is said.
#[derive(Debug)]
pub(crate) struct Clause {
    pub(crate) verb: String,
    /// Words behind the verb.
    pub(crate) words: Vec<String>,
    /// Nouns of the object: words up to the first preposition, in the singular.
    pub(crate) object: Vec<String>,
    /// Nouns behind prepositions of place and direction.
    pub(crate) places: Vec<String>,
    /// The object holds an amount of money.
    pub(crate) sums: bool,
}

impl Clause {
    /// Nothing when nothing is to be done: `send nothing`.
    pub(crate) fn of(directive: &Directive, tokens: &[Token]) -> Option<Self> {
        let verb = tokens.get(directive.verb)?.text.clone();
        let rest = tokens.get(directive.verb + 1..directive.end)?;
        let nothing = rest.iter().take(2).any(|t| t.kind == Kind::Word && class(&t.text).nothing);
        let limits =
            rest.get(1).is_some_and(|t| matches!(t.text.as_str(), "more" | "later" | "less" | "only"));
        if nothing && !limits {
            return None;
        }
        let is_preposition =
            |t: &Token| t.kind == Kind::Word && class(&t.text).preposition && !has("like than", &t.text);
        let cut = rest.iter().position(is_preposition).unwrap_or(rest.len());
        let worded = |t: &&Token| t.kind == Kind::Word;
        let object = rest[..cut].iter().filter(worded).map(|t| singular(&t.text)).collect();
        let mut places = Vec::new();
        let mut at_place = false;
        for token in &rest[cut..] {
            if is_preposition(token) {
                at_place = has("to into onto in from on via by with", &token.text);
            } else if at_place && token.kind == Kind::Word {
                places.push(singular(&token.text));
            }
        }
        let sums = rest[..cut].iter().enumerate().any(|(at, t)| {
            let currency = t.text.contains(['$', '€', '£', '¥', '₹']);
            let last = t.kind == Kind::Number && at + 1 == cut && !t.text.contains('%');
            currency || last
        });
        let words = rest.iter().filter(worded).map(|t| t.text.clone()).collect();
        Some(Self { verb, words, object, places, sums })
    }

    pub(crate) fn has_verb(&self, verb: &str, doing: bool) -> bool {
        if doing {
            return gerunds(verb).contains(&self.verb);
        }
        // The infinitive of some languages is the imperative and an `n`.
        self.verb == *verb
            || verb.strip_suffix('n').is_some_and(|v| v.ends_with('e') && v.len() > 4 && v == self.verb)
    }

    /// `Send me the list` is for the assistant to answer, `send me an email` is not.
    pub(crate) fn is_to_me(&self, verb: &str, about: &[Thing]) -> bool {
        let to_me = self.words.first().is_some_and(|word| word == "me" || word == "us")
            || self
                .words
                .windows(2)
                .any(|w| matches!(w[0].as_str(), "to" | "with") && matches!(w[1].as_str(), "me" | "us"));
        let a_thing = self.words.windows(2).any(|pair| {
            matches!(pair[0].as_str(), "a" | "an" | "the")
                && kinds(&singular(&pair[1])).iter().any(|kind| about.contains(kind) && *kind != Thing::File)
        });
        let alone = verb == "share"
            && !self.words.iter().any(|word| word == "with" || word == "to" || word == "access");
        alone
            || (has("send give write share forward tell post resend", verb)
                && to_me
                && !a_thing
                && !about.contains(&Thing::Money))
    }

    /// `send 50 euros` is *send money*.
    pub(crate) fn sums_to(&self, noun: &str) -> bool {
        self.sums && kinds(noun).contains(&Thing::Money)
    }
}
