//! What only the gateway says: refusals, requests for approval, and its own answers about itself.

use super::era::{Era, Version};
use super::meta;
use crate::json::{Edit, Ref, escape};
use crate::jsonrpc::{self, Id};

/// A call that was not made, in words for an agent and in parts for a program.
#[derive(Clone, Copy, Debug)]
pub struct Refusal<'a> {
    /// Why, and what is legal.
    pub text: &'a str,
    /// A JSON object: code, decision, ticket, remedies, ledger entry.
    pub parts: &'a str,
}

/// The key of `_meta` under which a refusal's parts stand.
pub const REFUSAL: &str = "dev.plimsoll/refusal";

/// An answer that is ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status that goes with it.
    pub status: u16,
    pub body: Vec<u8>,
}

impl Answer {
    const fn ok(body: Vec<u8>) -> Self {
        Self { status: 200, body }
    }

    /// A refused or held call as a tool's own error, so that the agent reads it and goes on. `structured`: whether
    /// `structuredContent` may carry the parts too. It must not where the tool declares an output schema, as clients
    /// hold even an error's structured content against it.
    #[must_use]
    pub fn refusal(id: &Id, version: Version, refusal: &Refusal<'_>, structured: bool) -> Self {
        let parts = refusal.parts;
        let structured = match structured && version.has_structured_content() {
            true => format!(r#","structuredContent":{{"plimsoll":{parts}}}"#),
            false => String::new(),
        };
        let result = format!(
            r#"{{{}"content":[{{"type":"text","text":{}}}]{structured},"isError":true,"_meta":{{"{REFUSAL}":{parts}}}}}"#,
            result_type(version),
            escape(refusal.text)
        );
        Self::ok(jsonrpc::result(id, &result))
    }

    /// What stands in place of a result that nothing was done for.
    #[must_use]
    pub fn simulated(
        id: &Id,
        version: Version,
        text: &str,
        structured: Option<&str>,
        is_error: bool,
    ) -> Self {
        let structured = structured.filter(|_| version.has_structured_content());
        // Clients of before read structured content in a text of its own.
        let (more, structured) = structured.map_or_else(Default::default, |json| {
            (
                format!(r#",{{"type":"text","text":{}}}"#, escape(json)),
                format!(r#","structuredContent":{json}"#),
            )
        });
        let result = format!(
            r#"{{{}"content":[{{"type":"text","text":{}}}{more}]{structured},"isError":{is_error},"_meta":{{"{SIMULATED}":true}}}}"#,
            result_type(version),
            escape(text)
        );
        Self::ok(jsonrpc::result(id, &result))
    }

    /// A held call in the stateless era: the client is asked to send its user to the approval page and to repeat the
    /// call. Only for clients that declared `elicitation.url`.
    #[must_use]
    pub fn approval(id: &Id, message: &str, url: &str, state: &str, refusal: &Refusal<'_>) -> Self {
        let result = format!(
            r#"{{"resultType":"input_required","inputRequests":{{"{APPROVAL}":{{"method":"elicitation/create","params":{{"mode":"url","message":{},"url":{}}}}}}},"requestState":{},"_meta":{{"{REFUSAL}":{}}}}}"#,
            escape(message),
            escape(url),
            escape(state),
            refusal.parts
        );
        Self::ok(jsonrpc::result(id, &result))
    }

    /// Nothing to say but yes (`ping`).
    #[must_use]
    pub fn empty(id: &Id, version: Version) -> Self {
        Self::ok(jsonrpc::result(id, &format!("{{{}}}", result_type(version).trim_end_matches(','))))
    }

    /// There are no roots.
    #[must_use]
    pub fn no_roots(id: &Id) -> Self {
        Self::ok(jsonrpc::result(id, r#"{"roots":[]}"#))
    }

    #[must_use]
    pub fn error(status: u16, id: Option<&Id>, code: i64, message: &str, data: Option<&str>) -> Self {
        Self { status, body: jsonrpc::error(id, code, message, data) }
    }
}

/// The key of our question among a result's `inputRequests`.
pub const APPROVAL: &str = "plimsoll-approval";

/// What begins a `requestState` that the gateway itself gave out. It carries no authority: the approval is found by
/// the digest of the act. So there is nothing to seal; it only says that the state is not the server's.
/// The member of `_meta` that says that nothing was done.
pub const SIMULATED: &str = "dev.plimsoll/simulated";
pub const STATE: &str = "plimsoll.approval.";

const fn result_type(version: Version) -> &'static str {
    match version.era() {
        Era::Stateless => r#""resultType":"complete","#,
        Era::Sessions => "",
    }
}

/// What a server says about itself, however it was asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// JSON objects.
    pub capabilities: String,
    pub server_info: String,
    /// A JSON string.
    pub instructions: Option<String>,
}

impl Identity {
    /// The answer to `initialize`, where the server itself speaks the other era.
    #[must_use]
    pub fn initialize(&self, id: &Id, version: Version) -> Vec<u8> {
        let instructions = self.instructions_member();
        let body = format!(
            r#"{{"protocolVersion":"{version}","capabilities":{},"serverInfo":{}{instructions}}}"#,
            self.capabilities, self.server_info
        );
        jsonrpc::result(id, &body)
    }

    /// The answer to `server/discover`, where the server itself speaks the other era.
    #[must_use]
    pub fn discover(&self, id: &Id) -> Vec<u8> {
        let instructions = self.instructions_member();
        let body = format!(
            r#"{{"resultType":"complete","supportedVersions":{},"capabilities":{}{instructions},"ttlMs":0,"cacheScope":"private","_meta":{{"{}":{}}}}}"#,
            Version::offered(),
            self.capabilities,
            meta::SERVER_INFO,
            self.server_info
        );
        jsonrpc::result(id, &body)
    }

    fn instructions_member(&self) -> String {
        self.instructions.as_ref().map_or_else(String::new, |text| format!(r#","instructions":{text}"#))
    }
}

/// A server's capabilities without what the gateway does not pass on: tasks, and, where the client speaks the other
/// era, everything that needs a stream of its own.
#[must_use]
pub fn capabilities(declared: Ref<'_>, bridged: bool) -> String {
    let doc = declared.doc();
    let mut edit = Edit::new(doc);
    if let Some(tasks) = declared.get("tasks") {
        edit.remove(tasks);
    }
    if let Some(tasks) = declared.get("extensions").and_then(|it| it.get(TASKS_EXTENSION)) {
        edit.remove(tasks);
    }
    for (_, feature) in declared.members().filter(|_| bridged) {
        ["listChanged", "subscribe"]
            .iter()
            .filter_map(|key| feature.get(key))
            .for_each(|flag| edit.remove(flag));
    }
    inside(declared, edit)
}

/// The extension that carries tasks in 2026-07-28.
pub const TASKS_EXTENSION: &str = "io.modelcontextprotocol/tasks";

/// One value's text after an edit of its document that changed nothing outside it.
#[must_use]
pub fn inside(value: Ref<'_>, edit: Edit<'_>) -> String {
    let whole = value.doc().bytes();
    let after = whole.len() - value.range().end;
    let text = edit.apply();
    let end = text.len().saturating_sub(after);
    text.get(value.range().start..end)
        .map(|text| String::from_utf8_lossy(text).into_owned())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::{Limits, parse};

    const REFUSED: Refusal<'_> =
        Refusal { text: "held: \"ask\"", parts: r#"{"code":"PLM-0220","decision":"hold","ticket":"T-1"}"# };

    #[test]
    fn every_form_is_strict_json() {
        let id = Id::Text("x\n".into());
        let mut forms = Vec::new();
        for version in Version::ALL {
            for structured in [true, false] {
                let answer = Answer::refusal(&id, version, &REFUSED, structured);
                forms.push(format!("{version} {}", String::from_utf8(answer.body).unwrap()));
            }
            forms.push(format!("{version} {}", String::from_utf8(Answer::empty(&id, version).body).unwrap()));
        }
        let approval = Answer::approval(&id, "please", "http://x/", "plimsoll.approval.T-1", &REFUSED);
        forms.push(format!("approval {}", String::from_utf8(approval.body).unwrap()));
        for form in &forms {
            let (_, json) = form.split_once(' ').unwrap();
            parse(json.as_bytes(), &Limits::DEFAULT).unwrap();
        }
        insta::assert_snapshot!(forms.join("\n"));
    }

    #[test]
    fn capabilities_that_are_not_passed_on() {
        let check = |declared: &str, bridged: bool, expected: &str| {
            let text = format!(r#"{{"before":1,"capabilities":{declared},"after":2}}"#);
            let parsed = parse(text.as_bytes(), &Limits::DEFAULT).unwrap();
            assert_eq!(capabilities(parsed.root().get("capabilities").unwrap(), bridged), expected);
        };
        check(r#"{"tools":{"listChanged":true},"tasks":{}}"#, false, r#"{"tools":{"listChanged":true}}"#);
        check(r#"{"tasks":{}, "tools":{"listChanged":true}}"#, true, r#"{"tools":{}}"#);
        check(
            r#"{"extensions":{"io.modelcontextprotocol/tasks":{},"x/y":{}},"resources":{"subscribe":true,"z":1}}"#,
            true,
            r#"{"extensions":{"x/y":{}},"resources":{"z":1}}"#,
        );
    }
}
