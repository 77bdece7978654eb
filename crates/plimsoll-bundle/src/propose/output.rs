//! Who may have written what a tool returns, as far as names tell.
//!
//! Pessimistic: results are untrusted, and so is each field but those that a server writes by itself: ids,
//! times of entry, sizes, checksums. Names, titles and texts are whoever's they are. What a record may
//! lend is its id, as that kind of argument, to a user who named it.

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_core::{ArgumentRole, Effect};
use serde_json::Value;

use super::judge::judge;
use super::roles::roles;
use super::words::{is_verb, singular, words};
use crate::schema;

/// A proposal for the results of one tool.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ProposedOutput {
    /// Everything it returns is the server's own.
    pub(super) trusted_whole: bool,
    pub(super) trusted: BTreeSet<String>,
    pub(super) named_by: BTreeSet<String>,
    pub(super) lends: BTreeMap<String, String>,
    pub(super) why: Vec<String>,
    /// What only people know, for a comment of its own.
    pub(super) ask: Option<String>,
}

/// Fields by which people name a record.
const NAMING: [&str; 6] = ["name", "title", "filename", "file_name", "subject", "label"];

/// What records call their own id, where the server does not say what its records look like.
const OWN_ID: [&str; 2] = ["id", "id_"];

/// Last words of fields that a server fills in by itself.
const SERVERS: [&str; 17] = [
    "id",
    "ids",
    "uuid",
    "guid",
    "created",
    "updated",
    "modified",
    "deleted",
    "timestamp",
    "size",
    "bytes",
    "etag",
    "checksum",
    "digest",
    "sha",
    "revision",
    "at",
];

/// Words that say that somebody else chose the id.
const FOREIGN: [&str; 7] = ["external", "reference", "custom", "client", "remote", "tracking", "foreign"];

/// Records of people and places, whose keeper matters.
const DIRECTORIES: [&str; 11] = [
    "contact", "user", "member", "employee", "person", "people", "channel", "team", "group", "customer",
    "staff",
];

/// Proposes what a tool's results mean. `all` are the tools of its server: what a record lends, one of
/// them takes.
pub(super) fn output(tool: &Value, all: &[Value]) -> ProposedOutput {
    let mut proposed = ProposedOutput::default();
    let name = tool.get("name").and_then(Value::as_str).unwrap_or_default();
    if judge(tool).effect != Effect::Read {
        return proposed;
    }
    if is_clock(name, tool) {
        proposed.trusted_whole = true;
        proposed.why.push("the time is the server's own".to_owned());
        return proposed;
    }
    let nouns = nouns(name);
    let fields = tool.get("outputSchema").map(schema::paths);
    let lent = lent(&nouns, all);
    match &fields {
        Some(paths) => of_schema(paths, &lent, all, &mut proposed),
        None => of_habit(&lent, &mut proposed),
    }
    if !proposed.lends.is_empty() {
        let ids: BTreeSet<&str> = proposed.lends.values().map(String::as_str).collect();
        let ids: Vec<&str> = ids.into_iter().collect();
        proposed.why.push(format!("a record that the user names lends its id as `{}`", ids.join("`, `")));
    }
    if nouns.iter().any(|noun| DIRECTORIES.contains(&noun.as_str())) {
        proposed.ask = Some(directory(fields.as_ref()));
    }
    proposed
}

/// A tool that is asked for nothing but the time.
fn is_clock(name: &str, tool: &Value) -> bool {
    let words = words(name);
    let has = |some: &[&str]| words.iter().any(|word| some.contains(&word.as_str()));
    let asks = tool.get("inputSchema").is_some_and(|schema| {
        roles(schema).iter().any(|r| !matches!(r.role, ArgumentRole::Time | ArgumentRole::Choice))
    });
    has(&["current", "now", "today"]) && has(&["day", "date", "time", "datetime", "now", "today"]) && !asks
}

/// What a name speaks about: `search_calendar_events` about calendars and events, the last first.
fn nouns(name: &str) -> Vec<String> {
    let words = words(name);
    // `search_emails`: the first word is what it does, whatever else the others could mean.
    let rest = words.iter().enumerate().filter(|(at, word)| *at > 0 || !is_verb(word));
    // What stands behind one of these says which: `hotels in city`, `members of channel`.
    let which = ["by", "in", "of", "for", "from", "with", "to"];
    let until = rest.map(|(_, word)| word).take_while(|word| !which.contains(&word.as_str()));
    let mut nouns: Vec<String> =
        until.filter(|word| !["all", "the"].contains(&word.as_str())).map(|word| singular(word)).collect();
    nouns.reverse();
    nouns
}

/// Words for a record of something else: `user profile`.
const OF_SOMETHING: [&str; 9] =
    ["list", "info", "detail", "profile", "record", "data", "result", "entry", "metadata"];

/// The argument that the id of such a record may be used for: `event_id` for an event; a bare `id` where
/// the tools that take one speak of the same thing.
fn lent(nouns: &[String], all: &[Value]) -> Option<String> {
    let takers = identifiers(all);
    // The history of a channel is no channel.
    let of = nouns.iter().find(|noun| !OF_SOMETHING.contains(&noun.as_str()));
    let own = of.and_then(|noun| {
        let is = |argument: &&String| {
            let words = words(argument);
            matches!(&words[..], [.., kind, id] if singular(kind) == *noun && is_id(id))
        };
        takers.keys().find(is).cloned()
    });
    own.or_else(|| {
        let (bare, tools) = takers.iter().find(|(argument, _)| is_id(argument))?;
        let same = |tool: &String| self::nouns(tool).first().is_some_and(|noun| nouns.first() == Some(noun));
        tools.iter().all(same).then(|| bare.clone())
    })
}

fn is_id(word: &str) -> bool {
    matches!(word, "id" | "ids" | "uuid")
}

/// Every argument that takes an id, with the tools that take it.
fn identifiers(all: &[Value]) -> BTreeMap<String, Vec<String>> {
    let mut takers: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for tool in all {
        let name = tool.get("name").and_then(Value::as_str).unwrap_or_default();
        let proposed = tool.get("inputSchema").map(roles).unwrap_or_default();
        for argument in proposed.into_iter().filter(|p| p.role == ArgumentRole::Identifier) {
            let last = argument.path.rsplit('/').find(|step| *step != "*").unwrap_or_default().to_owned();
            takers.entry(last).or_default().push(name.to_owned());
        }
    }
    takers
}

/// From the fields that the server says it returns.
fn of_schema(paths: &BTreeSet<String>, lent: &Option<String>, all: &[Value], proposed: &mut ProposedOutput) {
    let last = |path: &String| path.rsplit('/').next().unwrap_or(path).to_owned();
    let names: BTreeSet<String> = paths.iter().map(last).collect();
    let own: BTreeSet<String> = names.iter().filter(|name| is_servers(name)).cloned().collect();
    let takers = identifiers(all);
    for field in &own {
        let bare = words(field).len() == 1 && words(field).iter().all(|word| is_id(word));
        match lent {
            Some(argument) if bare || field == argument => {
                proposed.lends.insert(field.clone(), argument.clone());
            }
            _ if !bare && takers.contains_key(field) => {
                proposed.lends.insert(field.clone(), field.clone());
            }
            _ => {}
        }
    }
    proposed.named_by = names.into_iter().filter(|name| NAMING.contains(&name.as_str())).collect();
    if proposed.named_by.is_empty() {
        proposed.lends.clear();
    }
    if proposed.lends.is_empty() {
        proposed.named_by.clear();
    }
    if !own.is_empty() {
        let shown: Vec<String> = own.iter().map(|field| format!("`{field}`")).collect();
        proposed.why.push(format!("the server itself writes {}", shown.join(", ")));
    }
    proposed.trusted = own;
}

/// The server does not say what it returns: what records of this kind are usually like. A field that is not
/// there says nothing.
fn of_habit(lent: &Option<String>, proposed: &mut ProposedOutput) {
    let Some(argument) = lent else { return };
    let ids: BTreeSet<String> = OWN_ID.iter().map(|id| (*id).to_owned()).chain([argument.clone()]).collect();
    proposed.lends = ids.iter().map(|id| (id.clone(), argument.clone())).collect();
    proposed.named_by = NAMING[..5].iter().map(|name| (*name).to_owned()).collect();
    proposed.trusted = ids;
    proposed.why.push("it does not say which fields it returns, so these are the usual ones".to_owned());
}

fn is_servers(field: &str) -> bool {
    let words = words(field);
    let last = words.last().is_some_and(|last| SERVERS.contains(&last.as_str()));
    // `at` alone is a place.
    let place = words.len() == 1 && words.iter().all(|word| word == "at");
    last && !place && !words.iter().any(|word| FOREIGN.contains(&word.as_str()))
}

fn directory(fields: Option<&BTreeSet<String>>) -> String {
    const REACHED: [&str; 5] = ["name", "email", "phone", "username", "handle"];
    // `full_name`, `work_email`: the last word says what it is.
    let reaches = |field: &&String| {
        field.as_str() == "*" || words(field).last().is_some_and(|last| REACHED.contains(&last.as_str()))
    };
    let last = |path: &String| path.rsplit('/').next().unwrap_or(path).to_owned();
    let names: BTreeSet<String> = fields.into_iter().flatten().map(last).collect();
    let named: Vec<String> = names.iter().filter(reaches).cloned().collect();
    let named = if named.is_empty() { "name, email".to_owned() } else { named.join(", ") };
    let named = named.replace('*', "\"*\"");
    format!(
        "if only your organisation adds entries: `directory: [{named}]` lets the user reach whom they name"
    )
}
