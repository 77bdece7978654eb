//! `prompts/<id>.md` resolved: front matter, then the text.

use std::ops::Range;

use plimsoll_core::{Digest, Integrity};

use super::Loading;
use crate::diagnostic::Diagnostic;
use crate::forms::PromptForm;
use crate::forms::model::{PromptRoleForm, TrustForm};
use crate::model::{Prompt, PromptRole};
use crate::suggest::did_you_mean;
use crate::yaml;

impl Loading<'_> {
    pub(super) fn prompt(&mut self, path: &str, name: &str) -> Option<Prompt> {
        let text = self.text(path)?;
        let Some((matter, body)) = split(text) else {
            self.tell(
                Diagnostic::error("prompt/front-matter", path, "a prompt begins with its front matter")
                    .at(0..0)
                    .help(format!("begin the file with `---`, `id: {name}`, `version: \"1\"`, `---`")),
            );
            return None;
        };
        let doc = match yaml::read(path, &text[matter.clone()], matter.start) {
            Ok(doc) => doc,
            Err(diagnostic) => {
                self.tell(diagnostic);
                return None;
            }
        };
        let (form, doc): (PromptForm, _) = self.fill(doc)?;
        self.named(&doc, "id", &form.id, name);
        self.variables(path, &text[body.clone()], body.start, &form);
        let text = text[body].trim();
        let variables = form.variables.iter().map(|(name, trust)| (name.clone(), integrity(*trust)));
        Some(Prompt {
            id: name.to_owned(),
            version: form.version,
            role: match form.role {
                PromptRoleForm::System => PromptRole::System,
                PromptRoleForm::Developer => PromptRole::Developer,
                PromptRoleForm::User => PromptRole::User,
            },
            variables: variables.collect(),
            owner: form.owner,
            digest: Digest::of(text.as_bytes()),
            text: text.to_owned(),
        })
    }

    /// Every `{{name}}` in the text is declared, with who stands behind its value.
    fn variables(&mut self, path: &str, body: &str, base: usize, form: &PromptForm) {
        let mut from = 0;
        while let Some(start) = body[from..].find("{{").map(|i| from + i) {
            let Some(end) = body[start..].find("}}").map(|i| start + i) else { return };
            let name = body[start + 2..end].trim();
            let is_name = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_');
            if is_name && !form.variables.contains_key(name) {
                let message = format!("the variable `{name}` is not declared");
                let help = format!(
                    "add `variables: {{{name}: user}}` (operator, user, trusted or untrusted); {}",
                    did_you_mean(name, form.variables.keys().map(String::as_str))
                );
                self.tell(
                    Diagnostic::error("prompt/variable", path, message)
                        .at(base + start..base + end + 2)
                        .help(help),
                );
            }
            from = end + 2;
        }
    }
}

/// The bytes of the front matter, and of the text after it.
fn split(text: &str) -> Option<(Range<usize>, Range<usize>)> {
    let start = ["---\n", "---\r\n"].iter().find(|fence| text.starts_with(**fence))?.len();
    let mut at = start;
    for line in text[start..].split_inclusive('\n') {
        if line.trim_end() == "---" {
            return Some((start..at, at + line.len()..text.len()));
        }
        at += line.len();
    }
    None
}

fn integrity(trust: TrustForm) -> Integrity {
    match trust {
        TrustForm::Operator => Integrity::Operator,
        TrustForm::User => Integrity::User,
        TrustForm::Trusted => Integrity::Trusted,
        TrustForm::Untrusted => Integrity::Untrusted,
    }
}
