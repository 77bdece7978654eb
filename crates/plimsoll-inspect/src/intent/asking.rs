//! Which directives ask for the acts of one tool.

use plimsoll_core::{Effect, Meaning};

use super::clause::Clause;
use super::clauses::Directive;
use super::lexicon::{class, has};
use super::verbs::{Kind as Thing, LIGHT, MAKING, PARTICLES, groups, is_deed, kinds, own_verbs, singular};

/// What is money, and no paper about it.
const MONEY: &str = "money cash fund euro dollar pound buck usd eur gbp chf payment deposit refund rent";

/// Verbs that may be done to anything.
const VAGUE: &str = "send create make add do set get put give issue submit post write update change";

/// Words that are told to people.
const WORDS_MAX: usize = 8;

/// What asks for the acts of one tool.
#[derive(Debug, Default)]
pub(crate) struct Asking {
    patterns: Vec<Pattern>,
    /// Nouns with which a light verb asks: `make a payment`.
    deeds: Vec<String>,
    /// What the tool is about, in the singular, and of which kinds it is.
    nouns: Vec<String>,
    kinds: Vec<Thing>,
    /// The last of these nouns, and its kinds: participants, of *add calendar event participants*.
    head: Option<String>,
    head_kinds: Vec<Thing>,
    /// The verbs in the tool's name.
    own: Vec<String>,
    reads: bool,
    makes: bool,
}

#[derive(Debug, PartialEq, Eq)]
struct Pattern {
    verb: String,
    /// A particle (`set up`) or an object (`send money`).
    second: Option<String>,
    /// It asks only with one of the tool's nouns.
    generic: bool,
}

impl Asking {
    pub(crate) fn of(meaning: &Meaning) -> Self {
        let mut asking = Self::named(&meaning.tool.tool);
        asking.reads = meaning.effect == Effect::Read;
        if !meaning.verbs.is_empty() {
            asking.patterns.clear();
            asking.deeds.clear();
            for verb in &meaning.verbs {
                let verb = verb.to_lowercase();
                let (first, second) =
                    verb.split_once(' ').map_or((verb.as_str(), None), |(a, b)| (a, Some(b)));
                asking.add(first, second, false);
                if !class(&verb).verb || is_deed(&verb) {
                    asking.deeds.push(verb);
                }
            }
        }
        asking
    }

    /// What the tool's name stands for.
    fn named(name: &str) -> Self {
        let words = name_words(name);
        let mut asking = Self::default();
        let mut main: Vec<&String> = Vec::new();
        for (index, word) in words.iter().enumerate() {
            let joined = index > 0 && matches!(words[index - 1].as_str(), "and" | "or");
            if !groups(word).is_empty() && (main.is_empty() || joined) {
                main.push(word);
                if is_deed(word) && index > 0 {
                    asking.nouns.push(singular(word));
                }
            } else if has("to from by in of for with on into", word) {
                asking.head = asking.head.or_else(|| asking.nouns.last().cloned());
            } else if !has("and or to from by in of the a with for on at id ids new all", word) {
                asking.nouns.push(singular(word));
            }
        }
        let of_a_kind = asking.nouns.iter().rev().find(|noun| !kinds(noun).is_empty());
        asking.head = asking.head.or_else(|| of_a_kind.or(asking.nouns.last()).cloned());
        asking.kinds = asking.nouns.iter().flat_map(|noun| kinds(noun)).copied().collect();
        asking.head_kinds = asking.head.iter().flat_map(|noun| kinds(noun)).copied().collect();
        for verb in &main {
            let groups = groups(verb);
            let leads = groups.iter().any(|(_, leads)| *leads);
            let own = groups.iter().filter(|(_, own)| *own || !leads);
            let generic =
                own.clone().all(|(group, _)| group.verbs.iter().all(|v| v.first != **verb || v.generic));
            asking.add(verb, None, generic && !asking.nouns.is_empty());
            for (group, _) in own {
                for verb in &group.verbs {
                    asking.add(verb.first, verb.second, verb.generic && !asking.nouns.is_empty());
                }
                asking.deeds.extend(group.nouns.iter().map(|noun| (*noun).to_owned()));
            }
        }
        asking.own = main.iter().map(|verb| (*verb).clone()).collect();
        asking.makes = main.iter().any(|verb| has(MAKING, verb));
        if asking.makes {
            for verb in asking.kinds.clone().into_iter().flat_map(own_verbs) {
                asking.add(verb.first, verb.second, verb.generic);
            }
        }
        if main.is_empty() {
            words.iter().for_each(|word| asking.add(word, None, false));
        }
        asking
    }

    fn add(&mut self, verb: &str, second: Option<&str>, generic: bool) {
        let second = second.map(str::to_owned);
        match self.patterns.iter_mut().find(|p| p.verb == verb && p.second == second) {
            Some(known) => known.generic &= generic,
            None => self.patterns.push(Pattern { verb: verb.to_owned(), second, generic }),
        }
    }

    /// Whether the tool brings a thing about.
    pub(crate) fn makes(&self) -> bool {
        self.makes
    }

    /// The first words that ask, for people.
    pub(crate) fn words(&self) -> Vec<String> {
        let noun = self.nouns.join(" ");
        let word = |p: &Pattern| match (&p.second, p.generic) {
            (Some(second), false) => format!("{} {second}", p.verb),
            (Some(second), true) => format!("{} {second} {noun}", p.verb),
            (None, true) => format!("{} {noun}", p.verb),
            (None, false) => p.verb.clone(),
        };
        self.patterns.iter().take(WORDS_MAX).map(word).collect()
    }

    /// The word of this directive that asks for the acts of the tool.
    pub(crate) fn word(&self, directive: &Directive) -> Option<String> {
        let clause = directive.clause.as_ref()?;
        let fits = |p: &Pattern| clause.has_verb(&p.verb, directive.doing) && self.fits(p, clause);
        if let Some(pattern) = self.patterns.iter().find(|p| fits(p)) {
            let second = pattern.second.as_ref().map_or(String::new(), |second| format!(" {second}"));
            return Some(format!("{}{second}", clause.verb));
        }
        if self.reads
            && clause
                .words
                .iter()
                .any(|word| self.nouns.contains(&singular(word)) || self.deeds.contains(word))
        {
            return Some(clause.verb.clone());
        }
        // `Make a payment`, `issue a refund`.
        let light =
            has(LIGHT, &clause.verb) && !self.differs(clause) && !clause.is_to_me("give", &self.head_kinds);
        let made = self.makes && has("make do issue initiate drop shoot leave", &clause.verb);
        let is_deed = |word: &&String| self.deeds.contains(word) || (made && self.is_head(word));
        let deed = clause.object.iter().find(|word| light && is_deed(word))?;
        Some(format!("{} {deed}", clause.verb))
    }

    fn fits(&self, pattern: &Pattern, clause: &Clause) -> bool {
        if clause.is_to_me(pattern.verb.as_str(), &self.head_kinds) {
            return false;
        }
        match &pattern.second {
            Some(second) if has(PARTICLES, second) => {
                clause.words.iter().take(6).any(|word| word == second) && self.suits(pattern, clause)
            }
            Some(second) => {
                clause.object.iter().any(|word| same_thing(word, second)) || clause.sums_to(second)
            }
            None => self.suits(pattern, clause),
        }
    }

    fn suits(&self, pattern: &Pattern, clause: &Clause) -> bool {
        if pattern.generic { self.concerns(clause) } else { !self.differs(clause) }
    }

    /// The clause speaks of what the tool is about.
    fn concerns(&self, clause: &Clause) -> bool {
        if clause.object.iter().any(|word| self.is_head(word)) {
            return true;
        }
        if self.head_kinds.contains(&Thing::Money) && clause.sums {
            return true;
        }
        // `Book it`: what was said before tells what it is. When nothing does, the tool's own verb must
        // be one that says what is done.
        if clause.it {
            let said = clause.near.iter().any(|word| self.is_head(word));
            let says_enough = clause.near.is_empty() && !has(VAGUE, &clause.verb);
            if said || (says_enough && self.own.contains(&clause.verb)) {
                return true;
            }
        }
        // `Add Ada to the channel`: the object names nothing of a kind.
        let ours = |word: &String| {
            self.nouns.contains(word) || kinds(word).iter().any(|kind| self.kinds.contains(kind))
        };
        let kindless =
            self.head_kinds.is_empty() || !clause.object.iter().any(|word| !kinds(word).is_empty());
        kindless && clause.places.iter().any(ours)
    }

    fn is_head(&self, word: &str) -> bool {
        self.head.as_deref() == Some(word) || kinds(word).iter().any(|kind| self.head_kinds.contains(kind))
    }

    /// The object is another kind of thing than the tool's, or is put into another kind of thing.
    fn differs(&self, clause: &Clause) -> bool {
        // Whom or what one pays for is no other kind of thing.
        const PAYING: &str = "pay repay refund reimburse settle compensate";
        const PUTTING: &str = "add append put insert include attach enter save post publish upload";
        // Nor is the sum: `refund 12 euro for order 7`.
        let money = |word: &String| kinds(word).iter().all(|kind| *kind == Thing::Money);
        let pays = has(PAYING, &clause.verb)
            && (self.head_kinds.contains(&Thing::Money) || clause.object.iter().all(money));
        if pays || self.head_kinds.is_empty() || clause.object.iter().any(|word| self.is_head(word)) {
            return false;
        }
        let of: Vec<Thing> = clause.object.iter().flat_map(|word| kinds(word)).copied().collect();
        let messages = self.head_kinds.contains(&Thing::Message);
        if of.is_empty() && !clause.sums {
            let mut into = clause.places.iter().flat_map(|word| kinds(word)).peekable();
            let others = into.peek().is_some() && !into.any(|kind| self.kinds.contains(kind));
            return others && !messages && has(PUTTING, &clause.verb);
        }
        // A message carries anything but money itself.
        const CARRYING: &str = "send resend forward email mail message text dm reply post share write";
        let carries = messages
            && has(CARRYING, &clause.verb)
            && !clause.sums
            && !clause.object.iter().any(|word| has(MONEY, word));
        let sums = clause.sums && self.head_kinds.contains(&Thing::Money);
        !carries && !sums
    }
}

/// Words with which the user hands over to a text: `do all the tasks`, `follow the instructions`.
pub(crate) fn delegation(directive: &Directive) -> Option<String> {
    const VERBS: &str =
        "do follow perform execute complete carry work handle process act obey take implement";
    const OBJECTS: &str = "task instruction action todo step it that everything what list request item";
    let clause = directive.clause.as_ref()?;
    let handed = has(VERBS, &clause.verb) && clause.words.iter().any(|word| has(OBJECTS, &singular(word)));
    handed.then(|| clause.verb.clone())
}

/// The same noun, or one of the same kind.
fn same_thing(word: &str, noun: &str) -> bool {
    let noun = singular(noun);
    word == noun || kinds(word).iter().any(|kind| kinds(&noun).contains(kind))
}

/// `sendMoney`, `send_money`, `send-money` and `Send.Money` to their words.
fn name_words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut lower = false;
    for c in name.chars() {
        if !c.is_alphabetic() || (c.is_uppercase() && lower) {
            words.push(String::new());
        }
        lower = c.is_lowercase();
        if let (true, Some(word)) = (c.is_alphabetic(), words.last_mut()) {
            word.extend(c.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}
