//! Masking in environments that ask for it (`mask: true`): requests at the LLM door, arguments of calls and answers of
//! tool servers are masked before anything of the gateway, the record or a model sees them. Questions and progress
//! notices of a server to its client are not.
//!
//! Fakes are never translated back. So in a masked environment acts carry fakes, and no personal data of a client or a
//! result reaches a model or a tool server; a system that is searched for a fake finds nothing, unless it is made of
//! fakes itself. Identifiers that are no personal data (an order's number) go through as they are.

use bytes::Bytes;
use plimsoll_bundle::Tool;
use plimsoll_inspect::mask::{Fields, Masker, is_declared};
use plimsoll_wire::json::{self, Doc, Edit, Kind, Limits, OwnedDoc, Ref};
use serde_json::Value;

use crate::caller::Caller;
use crate::gateway::Gateway;

impl Gateway {
    /// Whether the caller's environment masks.
    pub(crate) fn masks(caller: &Caller) -> bool {
        caller.bundle().project.here().is_some_and(|here| here.mask)
    }

    /// What a client sends, masked where its environment asks for it. What is no JSON stays as it is: nobody here reads it.
    pub(crate) fn masked_request(&self, caller: &Caller, body: Bytes) -> Bytes {
        if !Self::masks(caller) {
            return body;
        }
        let limits = Limits { bytes: usize::MAX, ..Limits::DEFAULT };
        match json::parse(body.clone(), &limits) {
            Ok(parsed) => {
                masked(&self.masker, parsed.doc(), parsed.root(), &Fields::new()).map_or(body, Bytes::from)
            }
            Err(_) => body,
        }
    }

    /// One part of a client's message, masked where its environment asks for it; `None` when there was nothing to mask.
    pub(crate) fn masked_part(
        &self,
        caller: &Caller,
        doc: &OwnedDoc,
        part: Option<Ref<'_>>,
    ) -> Option<Result<OwnedDoc, String>> {
        let part = part.filter(|_| Self::masks(caller))?;
        let bytes = masked(&self.masker, doc.doc(), part, &Fields::new())?;
        let limits = Limits { bytes: usize::MAX, ..Limits::DEFAULT };
        Some(json::parse(Bytes::from(bytes), &limits).map_err(|error| error.to_string()))
    }

    /// A text of the gateway's own call.
    pub(crate) fn masked_text(&self, caller: &Caller, tool: Option<&Tool>, text: &mut String) {
        let mut value = Value::from(std::mem::take(text));
        self.masked_value(caller, tool, &mut value);
        value.as_str().unwrap_or_default().clone_into(text);
    }

    /// What a tool server answers, masked where the caller's environment asks for it: values of a form, and fields that
    /// the tool declares sensitive.
    ///
    /// # Errors
    /// When the masked answer can't be read again: then nobody gets it.
    pub(crate) fn masked_answer(
        &self,
        caller: &Caller,
        tool: Option<&Tool>,
        answer: OwnedDoc,
    ) -> Result<OwnedDoc, String> {
        if !Self::masks(caller) {
            return Ok(answer);
        }
        let none = Fields::new();
        let fields = tool.map_or(&none, |tool| &tool.meaning.output.sensitive);
        let root = answer.root();
        let Some(bytes) = masked(&self.masker, answer.doc(), root, fields) else { return Ok(answer) };
        json::parse(Bytes::from(bytes), &Limits { bytes: usize::MAX, ..Limits::DEFAULT })
            .map_err(|error| error.to_string())
    }

    /// A value of the gateway's own call, masked in the same way.
    pub(crate) fn masked_value(&self, caller: &Caller, tool: Option<&Tool>, value: &mut Value) {
        if !Self::masks(caller) {
            return;
        }
        let bytes = Bytes::from(value.to_string());
        let none = Fields::new();
        let fields = tool.map_or(&none, |tool| &tool.meaning.output.sensitive);
        let read = json::parse(bytes, &Limits { bytes: usize::MAX, ..Limits::DEFAULT });
        let again = read.map(|parsed| masked(&self.masker, parsed.doc(), parsed.root(), fields));
        match again.map(|masked| masked.map(|bytes| serde_json::from_slice(&bytes))) {
            Ok(None) => {}
            Ok(Some(Ok(masked))) => *value = masked,
            // What can't be masked is not shown.
            _ => *value = Value::Null,
        }
    }
}

/// The document with every text masked; `None` when there was nothing to mask.
fn masked(masker: &Masker, doc: Doc<'_>, root: Ref<'_>, fields: &Fields) -> Option<Vec<u8>> {
    let names = match fields.is_empty() {
        true => Vec::new(),
        false => {
            let mut names = masker.names_in(&root.to_value(), fields);
            // A result is often a text that is JSON itself.
            inner_names(masker, root, fields, &mut names);
            names.sort_by(|a, b| b.0.len().cmp(&a.0.len()).then_with(|| a.0.cmp(&b.0)));
            names.dedup();
            names
        }
    };
    let mut walk = Walk { masker, fields, names: &names, edit: Edit::new(doc) };
    walk.value(root, &mut Vec::new());
    (!walk.edit.is_empty()).then(|| walk.edit.apply())
}

fn inner_names(masker: &Masker, value: Ref<'_>, fields: &Fields, names: &mut Vec<(String, String)>) {
    match value.kind() {
        Kind::String => {
            let text = value.as_str().unwrap_or_default();
            if text.trim_start().starts_with(['{', '['])
                && let Ok(inner) = serde_json::from_str::<Value>(&text)
            {
                names.extend(masker.names_in(&inner, fields));
            }
        }
        Kind::Array => value.items().for_each(|item| inner_names(masker, item, fields, names)),
        Kind::Object => value.members().for_each(|(_, member)| inner_names(masker, member, fields, names)),
        _ => {}
    }
}

struct Walk<'w, 'd> {
    masker: &'w Masker,
    fields: &'w Fields,
    names: &'w [(String, String)],
    edit: Edit<'d>,
}

impl Walk<'_, '_> {
    fn value(&mut self, value: Ref<'_>, path: &mut Vec<String>) {
        match value.kind() {
            Kind::String => {
                let text = value.as_str().unwrap_or_default();
                let whole = !self.fields.is_empty() && {
                    let path: Vec<&str> = path.iter().map(String::as_str).collect();
                    is_declared(&path, self.fields)
                };
                let masked = self.masker.with_names(&text, self.names, whole);
                if masked != *text {
                    self.edit.replace_with_str(value, &masked);
                }
            }
            Kind::Array => value.items().for_each(|item| self.value(item, path)),
            Kind::Object => {
                for (name, member) in value.members() {
                    path.push(name.as_str().unwrap_or_default().into_owned());
                    self.value(member, path);
                    path.pop();
                }
            }
            _ => {}
        }
    }
}
