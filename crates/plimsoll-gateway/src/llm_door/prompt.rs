//! `prompt: {id, version, variables}` of a Responses request: a released prompt, filled in here.
//!
//! What the provider is asked then holds the text and no reference, and where each variable's value begins and ends
//! is known.

use std::collections::BTreeMap;

use bytes::Bytes;
use plimsoll_bundle::{Bundle, Prompt, PromptRole, Workflow};
use plimsoll_core::Code;
use plimsoll_wire::json::{Doc, Edit, Kind, Ref, escape};
use serde_json::json;

use crate::context::Filled;
use crate::refusal::Refusal;

/// The request with its prompt's text in place of the reference; `None` when it names no released prompt.
pub(super) fn filled_in(
    bundle: &Bundle,
    workflow: &Workflow,
    doc: Doc<'_>,
) -> Result<Option<(Bytes, Filled)>, Refusal> {
    let Some(asked) = doc.root().get_some("prompt") else { return Ok(None) };
    let Ok(prompt) = released(bundle, workflow, asked) else { return Ok(None) };
    let malformed = |why: String| Refusal::plain(Code::Malformed, why);
    let values = values(asked).map_err(malformed)?;
    let filled =
        Filled::new(prompt, &values).map_err(|error| malformed(format!("$.prompt.variables: {error}")))?;
    let body = put(doc, prompt.role, &filled.text).map_err(malformed)?;
    Ok(Some((Bytes::from(body), filled)))
}

/// Why a reference is no released prompt, for its objection.
pub(super) fn unreleased(bundle: &Bundle, workflow: &Workflow, asked: Ref<'_>) -> String {
    let why = released(bundle, workflow, asked).err();
    why.unwrap_or_else(|| "`prompt` refers to what the gateway can't see".to_owned())
}

fn released<'b>(bundle: &'b Bundle, workflow: &Workflow, asked: Ref<'_>) -> Result<&'b Prompt, String> {
    let id = asked.get_str("id").unwrap_or_default();
    let named = workflow.prompts.iter().find(|known| **known == *id).and_then(|id| bundle.prompts.get(id));
    let Some(prompt) = named else {
        let known: Vec<String> = workflow.prompts.iter().map(|id| format!("`{id}`")).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        return Err(format!(
            "`prompt` names `{id}`, which is no released prompt of this workflow (released: {known})"
        ));
    };
    match asked.get_some("version").map(|version| version.as_str()) {
        None => Ok(prompt),
        Some(Some(version)) if *version == *prompt.version => Ok(prompt),
        Some(version) => {
            let version = version.unwrap_or_default();
            Err(format!(
                "`prompt` names `{id}` in version `{version}`; the release has version `{}`",
                prompt.version
            ))
        }
    }
}

/// Texts, as strings or as `input_text`.
fn values(asked: Ref<'_>) -> Result<BTreeMap<String, String>, String> {
    let Some(variables) = asked.get_some("variables") else { return Ok(BTreeMap::new()) };
    if variables.kind() != Kind::Object {
        return Err(format!("{} must be an object", variables.path()));
    }
    let value = |(name, value): (Ref<'_>, Ref<'_>)| {
        let name = name.as_str().unwrap_or_default().into_owned();
        let text = match value.kind() {
            Kind::String => value.as_str(),
            Kind::Object if value.get_str("type").as_deref() == Some("input_text") => value.get_str("text"),
            _ => None,
        };
        match text {
            Some(text) => Ok((name, text.into_owned())),
            None => Err(format!(
                "{} must be a text: nothing else can be filled into a released prompt",
                value.path()
            )),
        }
    };
    variables.members().map(value).collect()
}

/// The request with the text as the first item of its input.
fn put(doc: Doc<'_>, role: PromptRole, text: &str) -> Result<Vec<u8>, String> {
    let root = doc.root();
    let role = match role {
        PromptRole::System => "system",
        PromptRole::Developer => "developer",
        PromptRole::User => "user",
    };
    let message =
        |role: &str, text: &str| json!({ "type": "message", "role": role, "content": text }).to_string();
    let first = message(role, text);
    let mut edit = Edit::new(doc);
    if let Some(prompt) = root.get("prompt") {
        edit.remove(prompt);
    }
    match root.get_some("input") {
        None => edit.set(root, "input", format!("[{first}]")),
        Some(input) => match input.kind() {
            Kind::String => {
                let text = escape(&input.as_str().unwrap_or_default());
                let rest = format!(r#"{{"type":"message","role":"user","content":{text}}}"#);
                edit.replace(input, format!("[{first},{rest}]"));
            }
            Kind::Array => {
                let start = input.range().start + 1;
                let comma = if input.items().next().is_some() { "," } else { "" };
                edit.replace_range(start..start, format!("{first}{comma}"));
            }
            _ => return Err(format!("{} must be a string or an array", input.path())),
        },
    }
    Ok(edit.apply())
}

#[cfg(test)]
mod tests {
    use super::*;
    use plimsoll_wire::json::{Limits, parse};
    use serde_json::Value;

    fn check(request: &str) -> Value {
        let parsed = parse(request.as_bytes(), &Limits::DEFAULT).unwrap();
        serde_json::from_slice(&put(parsed.doc(), PromptRole::Developer, "be \"kind\"").unwrap()).unwrap()
    }

    #[test]
    fn the_text_stands_before_everything_else() {
        let first = json!({ "type": "message", "role": "developer", "content": "be \"kind\"" });
        let user = json!({ "type": "message", "role": "user", "content": "h\u{e9}\n" });
        assert_eq!(check(r#"{"prompt":{"id":"p"},"model":"m"}"#), json!({ "model": "m", "input": [first] }));
        assert_eq!(check(r#"{"input":null,"prompt":{"id":"p"}}"#), json!({ "input": [first] }));
        assert_eq!(check(r#"{"input":"h\u00e9\n","prompt":{"id":"p"}}"#), json!({ "input": [first, user] }));
        assert_eq!(check(r#"{"prompt":{"id":"p"},"input":[]}"#), json!({ "input": [first] }));
        assert_eq!(check(r#"{"input": [ {"a":1} ],"prompt":{}}"#), json!({ "input": [first, {"a":1}] }));
    }
}
