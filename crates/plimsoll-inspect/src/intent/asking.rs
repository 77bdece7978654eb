//! Which directives ask for the acts of one tool.

use plimsoll_core::{Effect, Meaning};

use super::clauses::Directive;
use super::lexicon::{class, has};
use super::verbs::{
    GROUPS, Kind as Thing, LIGHT, MAKING, PARTICLES, THINGS, gerunds, kinds, nouns, singular, verbs,
};
use super::words::{Kind, Token};

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
                if !class(&verb).verb || GROUPS.iter().any(|group| nouns(group).any(|noun| noun == verb)) {
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
        let mut main: Vec<&str> = Vec::new();
        for (index, word) in words.iter().enumerate() {
            let joined = index > 0 && matches!(words[index - 1].as_str(), "and" | "or");
            let acts = GROUPS.iter().any(|group| names(group, word));
            if acts && (main.is_empty() || joined) {
                main.push(word);
                if GROUPS.iter().any(|group| nouns(group).any(|noun| noun == word)) && index > 0 {
                    asking.nouns.push(singular(word));
                }
            } else if has("to from by in of for with on into", word) {
                asking.head = asking.head.or_else(|| asking.nouns.last().cloned());
            } else if !has("and or to from by in of the a with for on at id ids new all", word) {
                asking.nouns.push(singular(word));
            }
        }
        let of_a_kind = asking.nouns.iter().rev().find(|noun| kinds(noun).next().is_some());
        asking.head = asking.head.or_else(|| of_a_kind.or(asking.nouns.last()).cloned());
        asking.kinds = asking.nouns.iter().flat_map(|noun| kinds(noun)).collect();
        asking.head_kinds = asking.head.iter().flat_map(|noun| kinds(noun)).collect();
        for verb in &main {
            let first = GROUPS.iter().any(|group| leads(group, verb));
            for group in
                GROUPS.iter().filter(|group| if first { leads(group, verb) } else { names(group, verb) })
            {
                for (verb, generic) in verbs(group) {
                    asking.add_joined(verb, generic && !asking.nouns.is_empty());
                }
                asking.deeds.extend(nouns(group).map(str::to_owned));
            }
            asking.add(verb, None, asking.patterns.iter().any(|p| p.verb == **verb && p.generic));
        }
        asking.makes = main.iter().any(|verb| has(MAKING, verb));
        if asking.makes {
            let kinds = asking.kinds.clone();
            for thing in THINGS.iter().filter(|thing| kinds.contains(&thing.kind)) {
                verbs(thing.verbs).for_each(|(verb, generic)| asking.add(verb, None, generic));
            }
        }
        if main.is_empty() {
            words.iter().for_each(|word| asking.add(word, None, false));
        }
        asking
    }

    fn add_joined(&mut self, verb: &str, generic: bool) {
        match verb.split_once('_') {
            Some((first, second)) => self.add(first, Some(second), generic),
            None => self.add(verb, None, generic),
        }
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

    /// The words that ask, for people.
    pub(crate) fn words(&self) -> Vec<String> {
        let noun = self.nouns.join(" ");
        let word = |p: &Pattern| match (&p.second, p.generic) {
            (Some(second), false) => format!("{} {second}", p.verb),
            (Some(second), true) => format!("{} {second} {noun}", p.verb),
            (None, true) => format!("{} {noun}", p.verb),
            (None, false) => p.verb.clone(),
        };
        self.patterns.iter().map(word).collect()
    }

    /// The word of this directive that asks for the acts of the tool.
    pub(crate) fn word(&self, directive: &Directive, tokens: &[Token]) -> Option<String> {
        let clause = Clause::of(directive, tokens)?;
        let fits = |p: &Pattern| clause.has_verb(&p.verb, directive.doing) && self.fits(p, &clause);
        if let Some(pattern) = self.patterns.iter().find(|p| fits(p)) {
            let second = pattern.second.as_ref().map_or(String::new(), |second| format!(" {second}"));
            return Some(format!("{}{second}", clause.verb.text));
        }
        if self.reads
            && clause
                .words
                .iter()
                .any(|word| self.nouns.contains(&singular(word)) || self.deeds.contains(word))
        {
            return Some(clause.verb.text.clone());
        }
        // `Make a payment`, `issue a refund`.
        let light = has(LIGHT, &clause.verb.text)
            && !self.differs(&clause)
            && !clause.is_to_me("give", &self.head_kinds);
        let made = self.makes && has("make do issue initiate", &clause.verb.text);
        let is_deed = |word: &&String| self.deeds.contains(word) || (made && self.is_head(word));
        let deed = clause.object.iter().find(|word| light && is_deed(word))?;
        Some(format!("{} {deed}", clause.verb.text))
    }

    fn fits(&self, pattern: &Pattern, clause: &Clause<'_>) -> bool {
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

    fn suits(&self, pattern: &Pattern, clause: &Clause<'_>) -> bool {
        if pattern.generic { self.concerns(clause) } else { !self.differs(clause) }
    }

    /// The clause speaks of what the tool is about.
    fn concerns(&self, clause: &Clause<'_>) -> bool {
        if clause.object.iter().any(|word| self.is_head(word)) {
            return true;
        }
        if self.head_kinds.contains(&Thing::Money) && clause.sums {
            return true;
        }
        // `Push it`, when it is unknown of what kind the tool's things are.
        let it =
            clause.object.iter().all(|word| has("it them this that one", word)) && !clause.object.is_empty();
        if it && self.head_kinds.is_empty() {
            return true;
        }
        // `Add Ada to the channel`: the object names nothing of a kind.
        let ours =
            |word: &String| self.nouns.contains(word) || kinds(word).any(|kind| self.kinds.contains(&kind));
        !clause.object.iter().any(|word| kinds(word).next().is_some()) && clause.places.iter().any(ours)
    }

    fn is_head(&self, word: &str) -> bool {
        self.head.as_deref() == Some(word) || kinds(word).any(|kind| self.head_kinds.contains(&kind))
    }

    /// The object is another kind of thing than the tool's, or is put into another kind of thing.
    fn differs(&self, clause: &Clause<'_>) -> bool {
        // Whom or what one pays for is no other kind of thing.
        const PAYING: &str = "pay repay refund reimburse settle compensate";
        const PUTTING: &str = "add append put insert include attach enter save post publish upload";
        let pays = self.head_kinds.contains(&Thing::Money) && has(PAYING, &clause.verb.text);
        if pays || self.head_kinds.is_empty() || clause.object.iter().any(|word| self.is_head(word)) {
            return false;
        }
        let of: Vec<Thing> = clause.object.iter().flat_map(|word| kinds(word)).collect();
        let messages = self.head_kinds.contains(&Thing::Message);
        if of.is_empty() && !clause.sums {
            let mut into = clause.places.iter().flat_map(|word| kinds(word)).peekable();
            let others = into.peek().is_some() && !into.any(|kind| self.kinds.contains(&kind));
            return others && !messages && has(PUTTING, &clause.verb.text);
        }
        // A message carries anything but money.
        const CARRYING: &str = "send resend forward email mail message text dm reply post share write";
        let carries =
            messages && has(CARRYING, &clause.verb.text) && !clause.sums && !of.contains(&Thing::Money);
        let sums = clause.sums && self.head_kinds.contains(&Thing::Money);
        !carries && !sums
    }
}

/// Words with which the user hands over to a text: `do all the tasks`, `follow the instructions`.
pub(crate) fn delegation(directive: &Directive, tokens: &[Token]) -> Option<String> {
    const VERBS: &str =
        "do follow perform execute complete carry work handle process act obey take implement";
    const OBJECTS: &str = "task instruction action todo step it that everything what list request item";
    let clause = Clause::of(directive, tokens)?;
    let handed =
        has(VERBS, &clause.verb.text) && clause.words.iter().any(|word| has(OBJECTS, &singular(word)));
    handed.then(|| clause.verb.text.clone())
}

/// What belongs to a directive.
struct Clause<'t> {
    verb: &'t Token,
    /// Words behind the verb.
    words: Vec<String>,
    /// Nouns of the object: words up to the first preposition, in the singular.
    object: Vec<String>,
    /// Nouns behind prepositions of place and direction.
    places: Vec<String>,
    /// The object holds an amount of money.
    sums: bool,
}

impl<'t> Clause<'t> {
    fn of(directive: &Directive, tokens: &'t [Token]) -> Option<Self> {
        let verb = tokens.get(directive.verb)?;
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

    fn has_verb(&self, verb: &str, doing: bool) -> bool {
        if doing {
            return gerunds(verb).contains(&self.verb.text);
        }
        // The infinitive of some languages is the imperative and an `n`.
        self.verb.text == *verb
            || verb.strip_suffix('n').is_some_and(|v| v.ends_with('e') && v.len() > 4 && v == self.verb.text)
    }

    /// `Send me the list` is for the assistant to answer, `send me an email` is not.
    fn is_to_me(&self, verb: &str, about: &[Thing]) -> bool {
        let to_me = self.words.first().is_some_and(|word| word == "me" || word == "us")
            || self
                .words
                .windows(2)
                .any(|w| matches!(w[0].as_str(), "to" | "with") && matches!(w[1].as_str(), "me" | "us"));
        let a_thing = self.words.windows(2).any(|pair| {
            matches!(pair[0].as_str(), "a" | "an" | "the")
                && kinds(&singular(&pair[1])).any(|kind| about.contains(&kind) && kind != Thing::File)
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
    fn sums_to(&self, noun: &str) -> bool {
        self.sums && kinds(noun).any(|kind| kind == Thing::Money)
    }
}

/// The same noun, or one of the same kind.
fn same_thing(word: &str, noun: &str) -> bool {
    let noun = singular(noun);
    word == noun || kinds(word).any(|kind| kinds(&noun).any(|other| other == kind))
}

/// Whether the group is this word's own, rather than one in which it asks with the right object.
fn leads(group: &str, word: &str) -> bool {
    verbs(group).enumerate().any(|(at, (verb, generic))| verb == word && (at == 0 || !generic))
        || nouns(group).any(|noun| noun == word)
}

fn names(group: &str, word: &str) -> bool {
    verbs(group).any(|(verb, _)| verb == word) || nouns(group).any(|noun| noun == word)
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
