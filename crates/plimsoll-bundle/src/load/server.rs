//! `tools/<server>.yaml` with its lock file: how to reach the server, with which credentials.

use std::collections::BTreeMap;
use std::sync::Arc;

use plimsoll_core::{Account, Digest, ToolName};

use super::Loading;
use crate::diagnostic::Diagnostic;
use crate::forms::drift::ReachedForm;
use crate::forms::shape::shape;
use crate::forms::{LockForm, ToolsForm};
use crate::model::{Pin, Reach, Secret, Server};
use crate::pin;
use crate::yaml::{self, Document, pointer};

impl Loading<'_> {
    pub(super) fn server(&mut self, path: &str, name: &str) -> Option<Server> {
        let (form, doc): (ToolsForm, _) = self.form(path)?;
        self.named(&doc, "server", &form.server, name);
        self.server_name(&doc, name);
        let reach = self.reach(&doc, &form);
        let accounts = self.accounts(&doc, &form);
        let (mut pins, lock, reached) = self.lock(name, &doc, &form);
        let mut tools = BTreeMap::new();
        for (tool_name, tool) in &form.tools {
            let pin = pins.remove(tool_name);
            let tool = self.tool(&doc, ToolName::new(name, tool_name), tool, pin, &accounts);
            tools.insert(tool_name.clone(), Arc::new(tool));
        }
        let believed = form.ifc.is_some();
        Some(Server { name: name.to_owned(), reach: reach?, accounts, tools, lock, reached, believed })
    }

    /// Clients write `server__tool`, policies `server.tool`: a name must not hold what divides them.
    fn server_name(&mut self, doc: &Document, name: &str) {
        let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
        if !plain || name.is_empty() || name.contains("__") {
            let message = format!("`{name}` can't be a server's name");
            let help = "use letters, digits, `-` and single `_`";
            self.tell(doc.error("server/name", "/server", message).help(help));
        }
        if name == ToolName::MODEL {
            let message = "`model` is what calls of models are named; a server can't be called so";
            self.tell(doc.error("server/name", "/server", message).help("rename the file and `server`"));
        }
    }

    fn reach(&mut self, doc: &Document, form: &ToolsForm) -> Option<Reach> {
        if form.stdio.is_none() && !form.env.is_empty() {
            self.tell(doc.error("server/env", "/env", "`env` is for servers reached by `stdio`"));
        }
        match (&form.http, &form.stdio, form.local) {
            (Some(url), None, false) => {
                self.url(doc, "/http", url);
                Some(Reach::Http { url: url.clone() })
            }
            (None, Some(command), false) => {
                let names = form
                    .env
                    .iter()
                    .map(|(name, value)| (name.clone(), self.secret(doc, &pointer(["env", name]), value)));
                Some(Reach::Stdio { command: command.clone(), env: names.collect() })
            }
            (None, None, true) => Some(Reach::Local),
            _ => {
                let message = "a server is reached in exactly one way";
                let help = "write one of `http: <url>`, `stdio: [command, argument, …]`, `local: true`";
                self.tell(doc.error("server/reach", "/server", message).help(help));
                None
            }
        }
    }

    fn accounts(&mut self, doc: &Document, form: &ToolsForm) -> BTreeMap<Account, Secret> {
        let named = [
            (Account::Read, &form.accounts.read),
            (Account::Draft, &form.accounts.draft),
            (Account::Execute, &form.accounts.execute),
        ];
        let mut accounts = BTreeMap::new();
        for (account, text) in named {
            if let Some(text) = text {
                accounts.insert(account, self.secret(doc, &format!("/accounts/{}", account.name()), text));
            }
        }
        if let Some(text) = &form.credential {
            if !accounts.is_empty() {
                let message = "give either one `credential` or `accounts`, not both";
                self.tell(doc.error("server/credential", "/credential", message));
            }
            let secret = self.secret(doc, "/credential", text);
            for account in [Account::Read, Account::Draft, Account::Execute] {
                accounts.entry(account).or_insert_with(|| secret.clone());
            }
        }
        accounts
    }

    /// A credential: what `${NAME}` stood for, or the text of the file that `file:path` names.
    pub(super) fn secret(&mut self, doc: &Document, at: &str, value: &str) -> Secret {
        let written = self.tree.text(&doc.file).and_then(|text| text.get(doc.at(at))).unwrap_or_default();
        let written = written.trim_matches(['"', '\'']).to_owned();
        if let Some(path) = value.strip_prefix("file:") {
            return match (self.env.file)(path) {
                Ok(text) => Secret::new(written, text.trim_end_matches(['\n', '\r'])),
                Err(reason) => {
                    let mut diagnostic = doc.error(
                        "secret/file",
                        at,
                        format!("the secret's file `{path}` can't be read: {reason}"),
                    );
                    if self.overrides.allow_unset {
                        diagnostic.severity = crate::Severity::Warning;
                    }
                    self.tell(diagnostic);
                    Secret::new(written, "")
                }
            };
        }
        if written.contains("${") {
            return Secret::new(written, value);
        }
        // The environment of a child process is not always secret; credentials are.
        if !at.starts_with("/env/") {
            let message = "a credential stands here in plain text";
            let help =
                "put it into the environment and write `${NAME}`, or into a file and write `file:path`";
            self.tell(doc.warning("secret/plain", at, message).help(help));
        }
        Secret::new(format!("{}{at}", doc.file), value)
    }

    /// Reads the lock file and compares it with the tools declared.
    fn lock(
        &mut self,
        name: &str,
        doc: &Document,
        form: &ToolsForm,
    ) -> (BTreeMap<String, Pin>, Option<Digest>, Option<ReachedForm>) {
        let path = format!("tools/{name}.lock.json");
        let Some(bytes) = self.tree.0.get(&path) else {
            if !form.local && !form.tools.is_empty() {
                let message = format!("the tools of `{name}` are not pinned: {path} is missing");
                let help = "run `plimsoll tools review` to read them, and pin them with --accept";
                self.tell(doc.error("pin/no-lock", "/tools", message).help(help));
            }
            return (BTreeMap::new(), None, None);
        };
        let digest = Some(Digest::of(bytes));
        let Some(lock) = self.lock_form(&path, bytes) else { return (BTreeMap::new(), digest, None) };
        if lock.server != name {
            let message = format!("this lock file is of the server `{}`", lock.server);
            self.tell(Diagnostic::error("file/name", &*path, message));
        }
        for tool in form.tools.keys().filter(|tool| !lock.tools.contains_key(*tool) && !form.local) {
            let message = format!("the tool `{tool}` is not pinned in {path}");
            let known = lock.tools.keys().filter(|t| !form.tools.contains_key(*t)).map(String::as_str);
            let help = match crate::suggest::nearest(tool, known) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "pin it with `plimsoll tools review`, or take it out".to_owned(),
            };
            self.tell(doc.error("pin/missing", &pointer(["tools", tool]), message).help(help));
        }
        let mut pins = BTreeMap::new();
        for (tool, pinned) in lock.tools {
            let range = self.place(&path, &tool);
            if !form.tools.contains_key(&tool) {
                let message = format!("the pinned tool `{tool}` is not declared in {}", doc.file);
                self.tell(
                    Diagnostic::error("pin/undeclared", &*path, message)
                        .at(range.clone())
                        .help(format!("declare `{tool}: {{tier: …, effect: …}}` there, or take its pin out")),
                );
            }
            if let Some(pin) = self.pin(&path, range, &tool, &pinned) {
                pins.insert(tool, pin);
            }
        }
        (pins, digest, lock.reached)
    }

    fn lock_form(&mut self, path: &str, bytes: &[u8]) -> Option<LockForm> {
        match serde_json::from_slice(bytes) {
            Ok(value) => shape(&Document::without_places(path, value), &mut self.found),
            Err(e) => {
                let text = String::from_utf8_lossy(bytes);
                let at = yaml::offset(&text, e.line() as u64, e.column() as u64);
                let said = e.to_string();
                let said = said.split(" at line ").next().unwrap_or_default();
                self.tell(
                    Diagnostic::error("pin/json", path, format!("this is not JSON: {said}")).at(at..at),
                );
                None
            }
        }
    }

    fn pin(
        &mut self,
        path: &str,
        range: std::ops::Range<usize>,
        tool: &str,
        pinned: &crate::forms::tools::PinForm,
    ) -> Option<Pin> {
        let error = |id, message: String| Diagnostic::error(id, path, message).at(range.clone());
        let digest = pin::digest(&pinned.tool);
        if Digest::parse(&pinned.digest) != Some(digest) {
            let message = format!("the digest of `{tool}` is not that of the tool pinned beside it");
            let help = format!("somebody edited this file by hand; review the tool, then write \"{digest}\"");
            self.tell(error("pin/digest", message).help(help));
        }
        if pinned.tool.get("name").and_then(serde_json::Value::as_str) != Some(tool) {
            self.tell(error("pin/name", format!("`{tool}` is pinned under another name than its own")));
        }
        match Pin::new(&pinned.tool, &*pinned.reviewed_by) {
            Ok(pin) => Some(pin),
            Err(reason) => {
                self.tell(error("pin/schema", format!("`{tool}`: {reason}")));
                None
            }
        }
    }

    /// Where a tool's name stands in a lock file.
    fn place(&self, path: &str, tool: &str) -> std::ops::Range<usize> {
        let quoted = format!("\"{tool}\"");
        let text = self.tree.text(path).unwrap_or_default();
        text.match_indices(&quoted)
            .map(|(at, _)| at)
            .find(|at| text[at + quoted.len()..].trim_start().starts_with(':'))
            .map_or(0..0, |at| at..at + quoted.len())
    }
}
