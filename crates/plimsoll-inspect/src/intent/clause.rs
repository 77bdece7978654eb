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
    /// The object is nothing but `it` or `them`, and these are nouns that were said shortly before.
    pub(crate) it: bool,
    pub(crate) near: Vec<String>,
}

/// Words that belong to no object.
const COURTESIES: &str =
    "please pls plz now then too also just again asap thanks thank today soon right away";

/// How far back a noun may stand for which `it` stands, in words.
const NEAR_MAX: usize = 40;

impl Clause {
    /// Nothing when nothing is to be done: `send nothing`.
    pub(crate) fn of(directive: &Directive, tokens: &[Token]) -> Option<Self> {
        let verb = tokens.get(directive.verb)?.text.clone();
        let rest = tokens.get(directive.verb + 1..directive.end)?;
        let nothing = rest.iter().take(2).any(|t| t.kind == Kind::Word && class(&t.text).nothing);
        let limits =
            rest.get(1).is_some_and(|t| matches!(t.text.as_str(), "more" | "later" | "less" | "only"));
        let idle =
            verb == "pay" && rest.first().is_some_and(|t| has("attention heed respect tribute", &t.text));
        if idle || (nothing && !limits) {
            return None;
        }
        let is_preposition =
            |t: &Token| t.kind == Kind::Word && class(&t.text).preposition && !has("like than", &t.text);
        let ends_object =
            |t: &Token| is_preposition(t) || has("that which who whose where when if because while", &t.text);
        let cut = rest.iter().skip(1).position(ends_object).map_or(rest.len(), |at| at + 1);
        let cut = if rest.first().is_some_and(is_preposition) { 0 } else { cut };
        let worded = |t: &&Token| t.kind == Kind::Word;
        let nouns = rest[..cut].iter().filter(|t| !has(COURTESIES, &t.text));
        let object: Vec<String> = nouns.filter_map(noun).collect();
        let it = !object.is_empty() && object.iter().all(|word| has("it them this that one", word));
        let before = tokens[..directive.verb].iter().rev().filter(|_| it).take(NEAR_MAX).filter_map(noun);
        let near = before.filter(|word| !kinds(word).is_empty()).collect();
        let mut places = Vec::new();
        let mut at_place = false;
        for token in &rest[cut..] {
            if is_preposition(token) {
                at_place = has("to into onto in from on via by with", &token.text);
            } else if at_place {
                places.extend(noun(token));
            }
        }
        let sums = rest[..cut].iter().enumerate().any(|(at, t)| {
            let currency = t.text.contains(['$', '€', '£', '¥', '₹']);
            let last = t.kind == Kind::Number && at + 1 == cut && !t.text.contains('%');
            currency || last
        });
        let words = rest.iter().filter(worded).map(|t| t.text.clone()).collect();
        Some(Self { verb, words, object, places, sums, it, near })
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
        let pairs = |first: &str, second: &str| {
            self.words.windows(2).any(|pair| has(first, &pair[0]) && has(second, &pair[1]))
        };
        let to_me = self.words.first().is_some_and(|word| has("me us", word)) || pairs("to with", "me us");
        let a_thing = self.words.windows(2).any(|pair| {
            let of = kinds(&singular(&pair[1]));
            has("a an the", &pair[0]) && of.iter().any(|kind| about.contains(kind) && *kind != Thing::File)
        });
        let shared = self.words.iter().any(|word| has("with to access", word));
        let gives = has("send give write share forward tell post resend transfer let", verb);
        // `Answer in German`, `reply briefly`.
        let how = self
            .words
            .first()
            .is_some_and(|word| has("in with briefly only using as concisely shortly", word));
        let answers = has("answer reply respond write", verb) && how;
        answers || (verb == "share" && !shared) || (gives && to_me && !a_thing && !self.sums)
    }

    /// `send 50 euros` is *send money*.
    pub(crate) fn sums_to(&self, noun: &str) -> bool {
        self.sums && kinds(noun).contains(&Thing::Money)
    }
}

/// The noun that a token is or stands for: `notes.txt` for a file.
fn noun(token: &Token) -> Option<String> {
    let text = &token.text;
    match token.kind {
        Kind::Word => Some(singular(text)),
        Kind::Value if text.starts_with("www.") || text.contains("://") => Some("page".to_owned()),
        Kind::Value if !text.contains('@') => {
            let ending = text.rsplit_once('.').map_or("", |(_, ending)| ending);
            let named = (2..=5).contains(&ending.len()) && ending.starts_with(char::is_alphabetic);
            named.then(|| "file".to_owned())
        }
        _ => None,
    }
}
