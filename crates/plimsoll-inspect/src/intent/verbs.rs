//! By which words people ask for which kind of act: verbs in groups, and kinds of things.
//!
//! A star marks a verb that says little without its object: *create* an event is not *create* a file.
//! `_` stands within verbs of two words. Behind the bar stand nouns that ask for the same with *make*,
//! *issue*, *give*: *make a payment*.

use std::collections::HashMap;
use std::sync::LazyLock;

/// Verbs that ask for the same kind of act.
const GROUPS: &[&str] = &[
    "send* resend* forward* dispatch* | ",
    "message email mail text dm write* write_back reply respond answer* post* notify inform ping | reply answer response",
    "pay repay prepay transfer wire remit refund reimburse settle compensate send* give* | payment transfer refund reimbursement repayment",
    "buy purchase order | purchase order",
    "sell | sale",
    "create* make* add* set_up* write* draft* compose* generate* prepare* open* start* produce* | ",
    "add* include* append* insert* put* enter* join* | addition",
    "attach include* | attachment",
    "invite | invitation invite",
    "delete remove erase clear drop* purge wipe trash discard destroy get_rid | deletion removal",
    "cancel call_off abort terminate revoke | cancellation",
    "write* save* edit* append* put* | ",
    "update* change* modify* edit* adjust* alter* amend* correct* fix* set* revise* replace* extend* increase* \
     decrease* raise* lower* reduce* rewrite* | update change correction adjustment",
    "reschedule move* postpone delay shift* push_back* push* bring_forward* | ",
    "rename name* call* | ",
    "move* relocate* transfer* migrate* | move",
    "copy* duplicate* clone* | copy duplicate clone",
    "book* reserve rent hire | booking reservation",
    "schedule* plan* arrange* set_up* book* put* | schedule",
    "share grant give_access | access",
    "post publish tweet upload* share* | post publication",
    "upload save* store* put* import* | upload",
    "download get* fetch* export* | download",
    "read open* view visit browse fetch get* look see show check find search summarize summarise list retrieve \
     look_up go_to load* query access | ",
    "run* execute* start* launch* trigger* invoke* kick_off* deploy* restart* | run deployment",
    "deploy release* roll_out ship* promote* | deployment release rollout",
    "stop* kill* halt* pause* shut_down* turn_off* switch_off* disable deactivate suspend end* | ",
    "enable activate turn_on* switch_on* resume unblock unlock | activation",
    "approve accept confirm authorize authorise sign_off | approval confirmation",
    "reject decline deny refuse dismiss | rejection",
    "assign reassign delegate allocate hand_over | assignment",
    "close* resolve* complete* finish* archive* mark* tick_off* | ",
    "reopen open* | ",
    "merge combine join* | merge",
    "commit push* | commit",
    "subscribe sign_up register enroll enrol join* | subscription registration",
    "unsubscribe leave* quit unfollow | ",
    "follow like star react | ",
    "grant allow permit give* | permission access",
    "revoke withdraw take_away | ",
    "reset change* rotate renew* | reset",
    "renew extend* prolong | renewal extension",
    "lock block ban mute freeze | block ban",
    "call phone dial ring | call",
    "submit file* apply hand_in send_in send* | submission application",
    "report flag log* raise* escalate | report complaint",
    "print | ",
    "exchange swap trade replace* | exchange trade",
    "return send_back give_back | return",
    "deposit top_up pay_in | deposit",
    "withdraw take_out | withdrawal",
    "rate review* vote comment* | rating review vote comment",
    "ship deliver dispatch | shipment delivery",
    "install set_up* | installation",
    "uninstall | ",
    "charge bill invoice | charge invoice bill",
    "tag label mark* categorize categorise classify | tag label",
    "pin bookmark save* | ",
    "sync synchronize synchronise | sync",
    "backup back_up | backup",
    "restore recover roll_back revert undo | rollback",
    "remind set_up* set* add* create* | reminder",
    "log_in sign_in | login",
    "translate | translation",
    "donate give* | donation",
    "borrow lend | loan",
    "hand_over transfer* escalate connect* | handover transfer",
];

/// Verbs of tools that bring a thing about: the thing's own verbs ask for them too.
pub(crate) const MAKING: &str =
    "send create make add issue submit initiate execute process perform do post new";

/// A kind of thing: its names, and the verbs that by themselves ask for bringing one about.
#[derive(Debug)]
struct Thing {
    kind: Kind,
    nouns: &'static str,
    verbs: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Money,
    Message,
    Event,
    File,
    Person,
    Channel,
    Secret,
    Profile,
    Page,
    Task,
    Order,
    Hotel,
    Restaurant,
    Car,
    Flight,
    Code,
}

const THINGS: &[Thing] = &[
    Thing {
        kind: Kind::Money,
        nouns: "money payment fund cash transaction transfer amount sum fee rent bill invoice salary deposit refund \
                difference euro dollar pound buck usd eur gbp chf remainder debt wage remittance payout standing",
        verbs: "pay repay transfer wire remit refund reimburse settle compensate",
    },
    Thing {
        kind: Kind::Message,
        nouns: "message email mail dm sms text reply letter notification announcement response answer comment",
        verbs: "send resend forward email mail message text dm reply respond answer* post notify inform ping write* write_back \
                get_back let_know",
    },
    Thing {
        kind: Kind::Event,
        nouns: "event meeting appointment reminder calendar lunch dinner breakfast call invite session workshop slot \
                agenda",
        verbs: "schedule put* enter*",
    },
    Thing {
        kind: Kind::File,
        nouns: "file document doc folder spreadsheet sheet presentation attachment pdf drive list directory",
        verbs: "save",
    },
    Thing {
        kind: Kind::Person,
        nouns: "user member participant attendee contact person colleague guest employee customer client people \
                teammate friend recipient",
        verbs: "invite",
    },
    Thing { kind: Kind::Channel, nouns: "channel group room workspace team chat space", verbs: "" },
    Thing {
        kind: Kind::Secret,
        nouns: "password passcode pin credential key token secret passphrase",
        verbs: "",
    },
    Thing {
        kind: Kind::Profile,
        nouns: "profile info information detail address account setting preference data phone name",
        verbs: "",
    },
    Thing {
        kind: Kind::Page,
        nouns: "page webpage website site url link web article blog homepage",
        verbs: "publish",
    },
    Thing {
        kind: Kind::Task,
        nouns: "task todo ticket issue bug case story incident request pr",
        verbs: "file* raise* log* open* report*",
    },
    Thing {
        kind: Kind::Order,
        nouns: "order product item cart basket subscription delivery",
        verbs: "order buy purchase",
    },
    Thing { kind: Kind::Hotel, nouns: "hotel room hostel apartment accommodation", verbs: "book" },
    Thing { kind: Kind::Restaurant, nouns: "restaurant table dinner lunch brunch", verbs: "book" },
    Thing { kind: Kind::Car, nouns: "car rental vehicle van suv taxi cab", verbs: "rent hire book" },
    Thing { kind: Kind::Flight, nouns: "flight plane train bus ticket airline seat", verbs: "book" },
    Thing {
        kind: Kind::Code,
        nouns: "code repository repo branch commit pr script program database server deployment service pipeline query sql",
        verbs: "",
    },
];

/// Verbs that with a noun make another verb: *make a payment*, *give access*.
pub(crate) const LIGHT: &str = "make do place issue give leave submit write process arrange create send perform initiate request run \
     drop shoot";

/// Second words of verbs of two words.
pub(crate) const PARTICLES: &str = "up off back down out on in over forward away rid access to";

/// A verb of a group.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Verb {
    pub(crate) first: &'static str,
    pub(crate) second: Option<&'static str>,
    /// It says little without its object.
    pub(crate) generic: bool,
}

/// A line of the table.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) verbs: Vec<Verb>,
    pub(crate) nouns: Vec<&'static str>,
}

impl Group {
    fn read(line: &'static str) -> Self {
        let (verbs, nouns) = line.split_once('|').unwrap_or((line, ""));
        Self { verbs: read_verbs(verbs), nouns: nouns.split_ascii_whitespace().collect() }
    }
}

fn read_verbs(line: &'static str) -> Vec<Verb> {
    let verb = |word: &'static str| {
        let (verb, generic) = word.strip_suffix('*').map_or((word, false), |verb| (verb, true));
        let (first, second) =
            verb.split_once('_').map_or((verb, None), |(first, second)| (first, Some(second)));
        Verb { first, second, generic }
    };
    line.split_ascii_whitespace().map(verb).collect()
}

/// The table, read once.
#[derive(Debug)]
struct Table {
    groups: Vec<Group>,
    /// Word to the groups that have it, and whether each is the word's own, rather than one in which it
    /// asks with the right object.
    by_word: HashMap<&'static str, Vec<(usize, bool)>>,
    kinds: HashMap<&'static str, Vec<Kind>>,
    own: Vec<(Kind, Vec<Verb>)>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let groups: Vec<Group> = GROUPS.iter().map(|line| Group::read(line)).collect();
    let mut by_word: HashMap<_, Vec<(usize, bool)>> = HashMap::new();
    for (index, group) in groups.iter().enumerate() {
        let verbs = group.verbs.iter().enumerate().filter(|(_, verb)| verb.second.is_none());
        let verbs = verbs.map(|(at, verb)| (verb.first, at == 0 || !verb.generic));
        for (word, own) in verbs.chain(group.nouns.iter().map(|noun| (*noun, true))) {
            let known = by_word.entry(word).or_default();
            match known.iter_mut().find(|(known, _)| *known == index) {
                Some((_, before)) => *before |= own,
                None => known.push((index, own)),
            }
        }
    }
    let mut kinds: HashMap<_, Vec<Kind>> = HashMap::new();
    for thing in THINGS {
        thing.nouns.split_ascii_whitespace().for_each(|noun| kinds.entry(noun).or_default().push(thing.kind));
    }
    let own = THINGS.iter().map(|thing| (thing.kind, read_verbs(thing.verbs))).collect();
    Table { groups, by_word, kinds, own }
});

/// The groups that have this word, each with whether it is the word's own.
pub(crate) fn groups(word: &str) -> Vec<(&'static Group, bool)> {
    let table: &'static Table = &TABLE;
    let indexes = table.by_word.get(word).map_or(&[][..], Vec::as_slice);
    indexes.iter().filter_map(|(index, own)| Some((table.groups.get(*index)?, *own))).collect()
}

/// Whether it is a noun of some group: `refund`.
pub(crate) fn is_deed(word: &str) -> bool {
    groups(word).iter().any(|(group, _)| group.nouns.contains(&word))
}

/// All first words of verbs.
pub(crate) fn first_words() -> impl Iterator<Item = &'static str> {
    TABLE.groups.iter().flat_map(|group| &group.verbs).map(|verb| verb.first)
}

/// The kinds of thing a noun (in the singular) may name.
pub(crate) fn kinds(noun: &str) -> &'static [Kind] {
    TABLE.kinds.get(noun).map_or(&[], Vec::as_slice)
}

/// The verbs that by themselves ask for bringing such a thing about.
pub(crate) fn own_verbs(kind: Kind) -> &'static [Verb] {
    TABLE.own.iter().find(|(known, _)| *known == kind).map_or(&[], |(_, verbs)| verbs)
}

/// One of a thing: `payments` to `payment`, `replies` to `reply`.
pub(crate) fn singular(word: &str) -> String {
    if let Some(stem) = word.strip_suffix("ies").filter(|stem| stem.len() > 1) {
        return format!("{stem}y");
    }
    let es = ["ches", "shes", "xes", "sses"].iter().any(|end| word.ends_with(end));
    let cut = usize::from(word.ends_with('s') && !word.ends_with("ss") && word.len() > 3) + usize::from(es);
    word[..word.len() - cut].to_owned()
}

/// How the verb ends behind *would you mind*: `send` to `sending`.
pub(crate) fn gerunds(verb: &str) -> [String; 3] {
    let last = verb.chars().next_back().unwrap_or(' ');
    let short = verb.strip_suffix('e').unwrap_or(verb);
    [format!("{verb}ing"), format!("{short}ing"), format!("{verb}{last}ing")]
}
