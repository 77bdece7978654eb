//! The texts of the proposed files.

use std::collections::BTreeSet;

use plimsoll_core::{Effect, Tier};
use serde_json::Value;

use super::judge::{Judged, judge};
use super::output::{ProposedOutput, output};
use super::roles::roles;
use super::{FoundServer, ProposedReach, Wishes};
use crate::model::Provider;

pub(super) fn project(name: &str) -> String {
    format!("plimsoll: 1\nproject: {}\n", scalar(name))
}

pub(super) fn people(person: Option<&str>) -> String {
    format!(
        "# Who may answer when an act is held. Nobody approves what they asked for themselves.\n\
         people:\n  {}: {{roles: [reviewer]}}\n",
        scalar(person.unwrap_or("TODO"))
    )
}

pub(super) fn model(provider: Provider) -> (&'static str, String) {
    match provider {
        Provider::OpenAi => (
            "main",
            "model: main\nprovider: openai\nurl: https://api.openai.com\ncredential: ${OPENAI_API_KEY}\nnames: [\"*\"]\n".to_owned(),
        ),
        Provider::Anthropic => (
            "claude",
            "model: claude\nprovider: anthropic\nurl: https://api.anthropic.com\ncredential: ${ANTHROPIC_API_KEY}\nnames: [\"claude-*\"]\n".to_owned(),
        ),
    }
}

pub(super) fn workflow(wishes: &Wishes, servers: &[FoundServer]) -> String {
    let models: Vec<&str> = wishes.providers.iter().map(|provider| model(*provider).0).collect();
    let mut text = format!(
        "workflow: {}\npurpose: TODO say in a sentence what this assistant is for\nowner: TODO who answers for it\n\
         # `observe` decides and records, and never stops anything. Read `plimsoll log` for a week, then write `enforce`.\n\
         mode: observe\nmodels: [{}]\n\nacts:\n",
        scalar(&wishes.workflow),
        models.join(", ")
    );
    let safe = |tool: &Value| judge(tool).tier == Tier::Safe;
    let wild: Vec<&FoundServer> = servers.iter().filter(|server| server.tools.iter().any(safe)).collect();
    if !wild.is_empty() {
        text.push_str("  # Everything safe. A tool with a line of its own below follows that line.\n");
    }
    for server in wild {
        text.push_str(&format!("  {}.*: automated\n", server.name));
    }
    for server in servers {
        acts(server, &mut text);
    }
    if servers.iter().all(|server| server.tools.is_empty()) {
        text.push_str("  {}\n");
    }
    text
}

fn acts(server: &FoundServer, text: &mut String) {
    let judged: Vec<(&str, Judged)> =
        server.tools.iter().filter_map(|tool| Some((tool.get("name")?.as_str()?, judge(tool)))).collect();
    for (tool, judged) in judged.iter().filter(|(_, judged)| judged.tier != Tier::Safe) {
        text.push_str(&format!(
            "  {}:\n    decides: {{people: [reviewer]}}\n\
             \x20   on_failure: TODO what happens, and who notices, when it goes wrong\n\
             \x20   way_back: TODO {}\n",
            scalar(&format!("{}.{tool}", server.name)),
            match judged.effect {
                Effect::Destructive => "is there one? say so when not",
                _ => "how it is undone",
            }
        ));
    }
}

pub(super) fn tools(server: &FoundServer) -> String {
    let mut text = format!(
        "# Proposed by `plimsoll init` from what the server says about its tools; a person has to read it.\n\
         # Results are untrusted, but for what `output` says: who may write what the tool returns?\n\
         server: {}\n",
        server.name
    );
    match &server.reach {
        ProposedReach::Http { url, credential: Some(name) } => {
            text.push_str(&format!("http: {}\ncredential: ${{{name}}}\n", scalar(url)));
            text.push_str("# Better: one account each, `accounts: {read: …, draft: …, execute: …}`.\n");
        }
        ProposedReach::Http { url, credential: None } => {
            text.push_str(&format!("http: {}\n", scalar(url)));
            text.push_str("# accounts: {read: \"${…}\", draft: \"${…}\", execute: \"${…}\"}, or one `credential: ${…}`\n");
        }
        ProposedReach::Stdio { command, env } => {
            let words: Vec<String> = command.iter().map(|word| quoted(word)).collect();
            text.push_str(&format!("stdio: [{}]\n", words.join(", ")));
            if !env.is_empty() {
                let names: Vec<String> = env.iter().map(|name| format!("{name}: \"${{{name}}}\"")).collect();
                text.push_str(&format!("env: {{{}}}\n", names.join(", ")));
            }
        }
    }
    text.push_str("\ntools:\n");
    if server.tools.is_empty() {
        text.push_str("  {}\n");
    }
    for tool in &server.tools {
        line(tool, &server.tools, &mut text);
    }
    text
}

/// The reason, then the tool in one line. `all` are the tools of its server.
pub(super) fn line(tool: &Value, all: &[Value], text: &mut String) {
    let Some(name) = tool.get("name").and_then(Value::as_str) else { return };
    let judged = judge(tool);
    let proposed = tool.get("inputSchema").map(roles).unwrap_or_default();
    let output = output(tool, all);
    let mut why = judged.why.iter().chain(&output.why).map(String::as_str).collect::<Vec<_>>().join("; ");
    let unsure: Vec<&str> = proposed.iter().filter(|p| p.unsure).map(|p| p.path.as_str()).collect();
    if !unsure.is_empty() {
        why.push_str(&format!("; unsure about {}", unsure.join(", ")));
    }
    let args: Vec<String> =
        proposed.iter().map(|p| format!("{}: {}", scalar(&p.path), p.role.name())).collect();
    let args = if args.is_empty() { String::new() } else { format!(", args: {{{}}}", args.join(", ")) };
    let account = match judged.account {
        plimsoll_core::Account::Draft => ", account: draft",
        _ => "",
    };
    text.push_str(&format!("  # {}: {}\n", judged.tier.name(), comment(&why)));
    if let Some(ask) = &output.ask {
        text.push_str(&format!("  # {}\n", comment(ask)));
    }
    text.push_str(&format!(
        "  {}: {{tier: {}, effect: {}{account}{args}{}}}\n",
        scalar(name),
        judged.tier.name(),
        judged.effect.name(),
        worth(&output)
    ));
}

/// `, output: {trusted: [id], named_by: [title], lends: {id: event_id}}`, or nothing.
fn worth(output: &ProposedOutput) -> String {
    if output.trusted_whole {
        return ", output: trusted".to_owned();
    }
    let list =
        |names: &BTreeSet<String>| names.iter().map(|name| scalar(name)).collect::<Vec<_>>().join(", ");
    let mut parts = Vec::new();
    if !output.trusted.is_empty() {
        parts.push(format!("trusted: [{}]", list(&output.trusted)));
    }
    if !output.named_by.is_empty() {
        parts.push(format!("named_by: [{}]", list(&output.named_by)));
    }
    if !output.lends.is_empty() {
        let lends = output.lends.iter().map(|(field, to)| format!("{}: {}", scalar(field), scalar(to)));
        parts.push(format!("lends: {{{}}}", lends.collect::<Vec<_>>().join(", ")));
    }
    if parts.is_empty() { String::new() } else { format!(", output: {{{}}}", parts.join(", ")) }
}

/// One line, nothing hidden: a tool's words must not leave their comment.
fn comment(text: &str) -> String {
    crate::pin::show_hidden(&text.replace(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}'], " "))
}

/// A YAML scalar: plain when it can't be read as anything else, in quotes otherwise.
fn scalar(text: &str) -> String {
    let plain = text.chars().next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/'))
        && !matches!(
            text.to_ascii_lowercase().as_str(),
            "true" | "false" | "null" | "yes" | "no" | "on" | "off" | "y" | "n"
        );
    if plain { text.to_owned() } else { quoted(text) }
}

/// In double quotes, with JSON's escapes, which YAML shares; `${` is kept from being a name.
fn quoted(text: &str) -> String {
    let escaped = Value::String(text.replace("${", "$${")).to_string();
    let mut out = String::with_capacity(escaped.len());
    for c in escaped.chars() {
        if c.is_ascii() || c.is_alphanumeric() {
            out.push(c);
        } else {
            out.push_str(&format!("\\U{:08x}", u32::from(c)));
        }
    }
    out
}
