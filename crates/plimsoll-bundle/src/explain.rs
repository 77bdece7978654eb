//! A tool's line in words: what it lets happen, for the person who reviews it.

use plimsoll_core::{ArgumentRole, Effect, Integrity, Tier};

use crate::model::Tool;

/// What the line of a tool says, a sentence each.
pub fn tool(tool: &Tool) -> Vec<String> {
    let mut said = vec![runs(tool)];
    said.extend(proven(tool));
    if !tool.meaning.verbs.is_empty() {
        said.push(format!("The user asks for it with: {}.", tool.meaning.verbs.join(", ")));
    }
    for check in &tool.checks {
        said.push(format!("Before it runs, `{}` has to confirm: {}.", check.call, conditions(check)));
    }
    if let Some(draft) = &tool.draft {
        said.push(format!("When it may not run, `{draft}` is offered, if that may."));
    }
    said.extend(results(tool));
    said
}

fn conditions(check: &crate::Check) -> String {
    check.require.iter().map(|condition| condition.text.as_str()).collect::<Vec<_>>().join(", ")
}

fn runs(tool: &Tool) -> String {
    let does = match tool.effect {
        Effect::Read => "It looks and changes nothing",
        Effect::Own => "It changes the asker's own things",
        Effect::Shared => "It changes what others share",
        Effect::External => "Somebody outside feels it",
        Effect::Egress => "Data leaves through it",
        Effect::Destructive => "Something is gone after it",
    };
    match (tool.tier, tool.effect) {
        (_, Effect::Destructive) | (Tier::Dangerous, _) => format!("{does}: a person approves each one."),
        (Tier::Safe, _) => format!("{does}: it runs by itself."),
        (Tier::Guarded, Effect::Read) => {
            format!("{does}: it runs by itself where the user pointed it, else a person approves it.")
        }
        (Tier::Guarded, _) => format!(
            "{does}: it runs by itself when the user asked for it and chose what it reaches, else a person approves it."
        ),
    }
}

fn proven(tool: &Tool) -> Option<String> {
    let roles = tool.meaning.roles.iter();
    let proven = roles.filter(|(_, role)| role.must_be_proven()).map(|(path, role)| {
        let name = path.trim_start_matches('/');
        match (role, tool.amount_free) {
            (ArgumentRole::Amount, Some(free)) => {
                format!("`{name}` (amount, free up to {}.{:02})", free / 100, free % 100)
            }
            (role, _) if role.name() == name => format!("`{name}`"),
            (role, _) => format!("`{name}` ({})", role.name()),
        }
    });
    let proven: Vec<String> = proven.collect();
    let guarded = tool.tier == Tier::Guarded;
    match (guarded, proven.is_empty()) {
        (false, _) => None,
        (true, false) => Some(format!(
            "The user names {}, or the record that lends it; from anywhere else it does not run by itself.",
            proven.join(", ")
        )),
        (true, true) => Some(
            "It aims at nothing, so it runs by itself only while the model has seen nothing untrusted."
                .to_owned(),
        ),
    }
}

fn results(tool: &Tool) -> Vec<String> {
    let output = &tool.meaning.output;
    let list = |names: &mut dyn Iterator<Item = &String>| {
        names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
    };
    let mut said = Vec::new();
    match (output.integrity, output.trusted.is_empty()) {
        (Integrity::Untrusted, true) => said.push("Anybody may have written what it returns.".to_owned()),
        (Integrity::Untrusted, false) => said.push(format!(
            "Anybody may have written what it returns, but for {}.",
            list(&mut output.trusted.iter())
        )),
        _ => said.push("Only your organisation writes what it returns.".to_owned()),
    }
    if !output.directory.is_empty() {
        let fields = list(&mut output.directory.iter());
        said.push(format!(
            "It is a directory that your organisation keeps: whom the user names by one of {fields} may be reached by any."
        ));
    }
    let searched = tool.meaning.roles.values().any(|role| *role == ArgumentRole::Query);
    let named = list(&mut output.named_by.iter());
    for (field, argument) in &output.lends {
        let by = match (output.named_by.is_empty(), searched) {
            (false, false) => format!("by {named}"),
            (false, true) => format!("by {named}, or found with words of the user's own"),
            (true, _) => "by words of the user's own search".to_owned(),
        };
        said.push(format!("A record that the user named {by} lends its `{field}` as `{argument}`."));
    }
    if let Some(author) = &output.author {
        said.push(format!("Texts whose `{author}` the user names inform more than a stranger's; no account, amount or key is taken from them."));
    }
    for (field, class) in &output.sensitive {
        said.push(format!("`{field}` is {class} data: it leaves only to somebody whom the user named."));
    }
    if !output.readers.is_empty() {
        said.push(format!("Only these may read it: {}.", list(&mut output.readers.iter())));
    }
    said
}
