//! Declarations that make life easier and let more through: each is allowed, and told with what it risks.

use plimsoll_core::{Effect, Integrity};

use super::Loading;
use super::output::RECIPIENT;
use crate::model::Tool;
use crate::yaml::{Document, pointer};

/// Words of a tool's name that say its results hold what people wrote.
const FREE_TEXT: [&str; 24] = [
    "mail",
    "mails",
    "email",
    "emails",
    "inbox",
    "message",
    "messages",
    "webpage",
    "page",
    "web",
    "website",
    "url",
    "fetch",
    "crawl",
    "document",
    "documents",
    "review",
    "reviews",
    "comment",
    "comments",
    "feed",
    "chat",
    "post",
    "issue",
];

/// Fields in which people write what they like.
const WRITTEN: [&str; 14] = [
    "body",
    "content",
    "contents",
    "text",
    "message",
    "subject",
    "title",
    "description",
    "comment",
    "comments",
    "review",
    "reviews",
    "note",
    "notes",
];

/// Words of a directory in which strangers get by writing something, or by signing up.
const OPEN_LISTS: [&str; 12] = [
    "mail", "email", "emails", "inbox", "message", "messages", "review", "reviews", "comment", "customer",
    "guest", "visitor",
];

/// Where anybody can get an address.
const PUBLIC_DOMAINS: [&str; 8] = [
    "gmail.com",
    "googlemail.com",
    "outlook.com",
    "hotmail.com",
    "yahoo.com",
    "icloud.com",
    "proton.me",
    "gmx.net",
];

impl Loading<'_> {
    /// What a reviewer of this line should know.
    pub(super) fn conveniences(&mut self, doc: &Document, at: &str, tool: &Tool) {
        let at = format!("{at}/output");
        let output = &tool.meaning.output;
        let speaks_of = |words: &[&str]| {
            let name = tool.name.tool.to_lowercase();
            name.split(|c: char| !c.is_alphanumeric()).any(|word| words.contains(&word))
        };
        if output.integrity == Integrity::Trusted && tool.effect != Effect::Read {
            let message = format!("the results of `{}` are trusted although it writes", tool.name);
            let help = "an answer to a write often quotes what strangers wrote: conflicts, names, errors; leave it untrusted, or trust single fields";
            self.tell(doc.warning("output/trusted-write", &at, message).help(help));
        } else if output.integrity == Integrity::Trusted && speaks_of(&FREE_TEXT) {
            let message =
                format!("all that `{}` returns is trusted, also what people wrote in it", tool.name);
            let help = "whoever may write there then aims acts; trust the fields that the server writes: `output: {trusted: [id, …]}`";
            self.tell(doc.warning("output/trusted-text", &at, message).help(help));
        }
        let written = output.trusted.iter().find(|field| WRITTEN.contains(&last(field).as_str()));
        if let Some(field) = written {
            let message = format!("`{field}` is trusted, and people write in such fields what they like");
            let help = "who may write it? if an outsider can, a value in it counts as if your organisation had written it";
            self.tell(doc.warning("output/trusted-text", &format!("{at}/trusted"), message).help(help));
        }
        if let Some(author) = &output.author {
            let message = format!("texts of an author (`{author}`) whom the user names may aim acts");
            let help = "a colleague's text, or what a colleague pasted, then counts as chosen; and the server must write the field itself, not the sender";
            self.tell(doc.warning("output/author", &format!("{at}/author"), message).help(help));
        }
        for (field, argument) in output.lends.iter().filter(|(_, argument)| *argument == RECIPIENT) {
            let message = format!("a record that the user names lends its `{field}` as {argument}s");
            let help = "whoever can write a record of that name chooses who is reached; declare it only where your organisation keeps the records";
            let place = format!("{at}{}", pointer(["lends", field]));
            self.tell(doc.warning("output/lends-people", &place, message).help(help));
        }
        let open = output
            .directory
            .iter()
            .find(|field| matches!(last(field).as_str(), "sender" | "from" | "author"));
        if !output.directory.is_empty() && (open.is_some() || speaks_of(&OPEN_LISTS)) {
            let message = format!("`{}` is a directory that outsiders may get into", tool.name);
            let help = "who is in a directory may be reached by name; can a stranger add an entry by writing to you or by signing up?";
            self.tell(doc.warning("output/open-directory", &format!("{at}/directory"), message).help(help));
        }
        self.unlent(doc, &at, tool);
        for reader in public_readers(tool) {
            let message = format!("`{reader}` lets anybody read it: everyone can get such an address");
            let help = "name the addresses, or the domain of your own organisation";
            self.tell(doc.warning("output/public-domain", &format!("{at}/readers"), message).help(help));
        }
    }

    /// What can never be lent, because nobody trusted wrote it or no record can be named.
    fn unlent(&mut self, doc: &Document, at: &str, tool: &Tool) {
        let output = &tool.meaning.output;
        let trusted = |field: &String| {
            output.integrity == Integrity::Trusted
                || output.trusted.contains(field)
                || output.directory.contains(field)
        };
        for (field, argument) in output.lends.iter().filter(|(field, _)| !trusted(field)) {
            let message = format!(
                "`{field}` is lent as `{argument}`, but nobody trusted writes it, so it proves nothing"
            );
            let place = format!("{at}{}", pointer(["lends", field]));
            let help = format!("if only the server writes it, add `trusted: [{field}]`");
            self.tell(doc.warning("output/lends-untrusted", &place, message).help(help));
        }
    }
}

fn public_readers(tool: &Tool) -> impl Iterator<Item = &String> {
    let public =
        |reader: &&String| reader.strip_prefix("*@").is_some_and(|domain| PUBLIC_DOMAINS.contains(&domain));
    tool.meaning.output.readers.iter().filter(public)
}

/// The last name of a field's path.
fn last(field: &str) -> String {
    field.rsplit('/').next().unwrap_or(field).to_lowercase()
}
