//! The English words the grammar knows, by what they do in a sentence.
//!
//! Each list is a line of words. A word may be in several. They are words of everyday language; what a
//! tool is about stands in [`verbs`](super::verbs).

use std::collections::HashMap;
use std::sync::LazyLock;

use super::verbs;

/// What a word may be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Class {
    /// `i`, `they`: a sentence that begins so states something.
    pub(crate) pronoun: bool,
    /// `the`, `my`, `every`, `them`: what an object begins with.
    pub(crate) object: bool,
    /// `how`, `does`: a sentence that begins so asks to be told.
    pub(crate) question: bool,
    /// `if`, `when`: a clause that begins so is a condition.
    pub(crate) condition: bool,
    pub(crate) preposition: bool,
    /// `said`, `writes`: others' words follow.
    pub(crate) saying: bool,
    /// `write`, `post`, `reply`: a text follows.
    pub(crate) to_write: bool,
    /// `tell`, `ask`, `remind`: what somebody else should do or know follows.
    pub(crate) telling: bool,
    /// Can't follow an imperative: `is`, `was`, `from`.
    pub(crate) after_noun: bool,
    /// A verb, and never a noun in everyday use.
    pub(crate) verb: bool,
    /// A verb that is a noun as often: `transfer`, `order`, `email`.
    pub(crate) both: bool,
    /// What happened, or is so: `sent`, `is`.
    pub(crate) past: bool,
    /// `can`, `would`, `to`: a base form may follow.
    pub(crate) modal: bool,
    /// `nothing`, `no`: behind a verb, the act is not asked for.
    pub(crate) nothing: bool,
    /// `week`, `monday`.
    pub(crate) time: bool,
}

type Mark = fn(&mut Class);

const TABLE: &[(&str, Mark)] = &[
    (
        "i we you he she it they i'm i've i'd i'll we're we've we'd we'll you're you've you'll he's she's \
         it's they're they've they'll that's there's there here's who's everybody everyone nobody somebody \
         someone people",
        |c| c.pronoun = true,
    ),
    (
        "the a an this that these those my our your his her its their all any each every both some no \
         another such one two three four five six seven eight nine ten it them him me us you everyone \
         everybody someone there here back what whatever whoever",
        |c| c.object = true,
    ),
    (
        "what who whom whose which why how where what's who's how's where's is are was were am do does did \
         has have had should shall may might isn't aren't wasn't weren't doesn't didn't hasn't haven't \
         shouldn't can could would will can't couldn't won't wouldn't whether",
        |c| c.question = true,
    ),
    (
        "if when once after before as since because while unless until till whenever although though \
         assuming provided given in-case whereas wherever",
        |c| c.condition = true,
    ),
    (
        "to for in on at with from by about of into onto over under through during without within via per \
         regarding concerning between among against than like near behind beside besides around across \
         using containing including based according titled called named saying starting",
        |c| c.preposition = true,
    ),
    (
        "say says said saying state states stated stating read reads wrote writes written ask asks asked \
         asking tell tells told telling claim claims claimed mention mentions mentioned request requests \
         requested demand demands demanded instruct instructs instructed ordered suggest \
         suggests suggested reply replied replies answered answers report reports reported quote quotes \
         goes contains contained requires wants wanted urges urged insists insisted recommends \
         recommended texted emailed messaged posted",
        |c| c.saying = true,
    ),
    (
        "write send post reply respond answer email mail message text dm publish tweet comment say add \
         append put enter type submit leave forward append insert include tell ask saying",
        |c| c.to_write = true,
    ),
    (
        "tell ask say remind inform notify warn advise instruct teach convince persuade order request urge let help \
      explain describe show",
        |c| c.telling = true,
    ),
    (
        "is isn't was wasn't are aren't were has hasn't had will would won't may might must does doesn't did \
         didn't should shouldn't from of says said went came arrived failed requested received made by than \
         who whose which fee fees price prices status number office date deadline details address \
         confirmation request requests policy policies limit limits history button page form option options",
        |c| c.after_noun = true,
    ),
    (
        "sent paid wrote got made was were had did came said gave took bought spent owed told left found \
         went kept held is are has brought met lost won saw knew sold cost stood built ran read put set",
        |c| c.past = true,
    ),
    (
        "can could should would will may might must to do does did don't shall need can't cannot couldn't \
         shouldn't won't wouldn't how-to",
        |c| c.modal = true,
    ),
    (
        "nothing no none nobody never not neither nor nicht nichts kein keine keinen pas rien nada nunca niente",
        |c| {
            c.nothing = true;
        },
    ),
    (
        "second minute hour day night morning noon afternoon evening week weekend month quarter year time today \
         tomorrow tonight monday tuesday wednesday thursday friday saturday sunday january february march \
         april may june july august september october november december spring summer autumn winter",
        |c| c.time = true,
    ),
    (
        "find look search see show tell give check read list explain suggest recommend calculate compute \
         summarize summarise compare count sort describe analyze analyse translate review verify perform do \
         make take get go use try let keep bring visit browse open choose pick select decide determine \
         identify complete follow handle carry provide fetch retrieve extract convert go-ahead start begin \
         continue consider ensure wait ask remind say speak write know think help include attach set turn \
         double-check click log filter rank prioritize prioritise organize organise prepare draft compose \
         generate build finish resolve confirm discuss learn research investigate collect gather",
        |c| c.verb = true,
    ),
    (
        "transfer pay order book refund email mail message update change share post report reply request invite \
         text note upload download schedule record move copy purchase charge deposit move release flag file \
         list log plan print rate review vote comment tag label mark pin call ring ship trade swap \
         exchange return address answer account contact issue set open close stop start run drop bill \
         invoice fax ticket task project search look check visit view sort count guide ping dm cash tip \
         wire fix block ban mute reset restart backup export import merge commit push pull fork star like \
         follow lock draft archive cancel-out access help show work plan table reserve host delegate \
         register document detail spend name title rent hire hold place lead set point forward process \
         trigger launch deploy cover split top trash store stock save appeal claim cut produce reward fine",
        |c| c.both = true,
    ),
];

static CLASSES: LazyLock<HashMap<&'static str, Class>> = LazyLock::new(|| {
    let mut classes: HashMap<&'static str, Class> = HashMap::new();
    for verb in verbs::first_words() {
        classes.entry(verb).or_default().verb = true;
    }
    for (words, mark) in TABLE {
        for word in words.split_ascii_whitespace() {
            mark(classes.entry(word).or_default());
        }
    }
    classes
});

/// What this word (in lower case) may be.
pub(crate) fn class(word: &str) -> Class {
    CLASSES.get(word).copied().unwrap_or_default()
}

/// Whether a line of words has this one.
pub(crate) fn has(words: &str, word: &str) -> bool {
    let is_end = |byte: Option<&u8>| byte.is_none_or(u8::is_ascii_whitespace);
    let (all, len) = (words.as_bytes(), word.len());
    let is_one = |at: usize| is_end(all[..at].last()) && is_end(all.get(at + len));
    len > 0
        && !word.contains(|c: char| c.is_ascii_whitespace())
        && memchr::memmem::find_iter(all, word.as_bytes()).any(is_one)
}

/// A single one of these before a colon is the head of a text.
pub(crate) const TEXT_HEADS: &str = "message text body subject title description content contents caption";

/// Texts that others wrote, or that are to be written word by word.
pub(crate) const TEXTS: &str = "message messages email mail text letter article transcript document content \
     contents body subject title description reply answer comment caption question quote post thread log \
     output response review sentence paragraph words note instructions statement announcement tweet sms";

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_line_has_its_words_and_no_parts_of_them(words in "[ab \n]{0,24}", word in "[ab ]{0,3}") {
            prop_assert_eq!(has(&words, &word), words.split_ascii_whitespace().any(|each| each == word));
        }
    }
}
