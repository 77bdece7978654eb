//! The parts of MCP messages that are judged, with their places in the text.

use std::borrow::Cow;
use std::ops::Range;

use serde_json::Value;

use super::meta;
use crate::json::{Doc, Edit, Kind, Ref};
use crate::jsonrpc::{Frame, FrameError, Id, no_lookalikes};

/// The `_meta` object of a request or notification.
pub(super) fn meta_of<'a>(frame: &Frame<'a>) -> Option<Ref<'a>> {
    frame.params()?.get_some("_meta").filter(|meta| meta.kind() == Kind::Object)
}

/// What a request says about itself.
#[derive(Clone, Copy, Debug)]
pub struct Meta<'a>(Ref<'a>);

impl<'a> Meta<'a> {
    #[must_use]
    pub fn of(frame: &Frame<'a>) -> Option<Self> {
        meta_of(frame).map(Self)
    }

    #[must_use]
    pub fn client_info(self) -> Option<Ref<'a>> {
        self.0.get_some(meta::CLIENT_INFO)
    }

    /// What the client of the stateless era declares with each request.
    #[must_use]
    pub fn capabilities(self) -> Option<Ref<'a>> {
        self.0.get_some(meta::CLIENT_CAPABILITIES)
    }

    /// By which progress notifications are joined to the request.
    #[must_use]
    pub fn progress_token(self) -> Option<Id> {
        self.0.get(meta::PROGRESS_TOKEN).and_then(Id::read)
    }

    /// W3C trace context, as the caller sent it.
    #[must_use]
    pub fn traceparent(self) -> Option<Cow<'a, str>> {
        self.0.get_str("traceparent")
    }
}

/// What a client can do for a server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    pub elicitation_form: bool,
    /// Can send its user to a page.
    pub elicitation_url: bool,
    pub sampling: bool,
    pub roots: bool,
}

impl Capabilities {
    #[must_use]
    pub fn read(declared: Ref<'_>) -> Self {
        let has = |key| declared.get_some(key).is_some();
        let elicitation = declared.get_some("elicitation");
        let mode = |mode| elicitation.is_some_and(|modes| modes.get_some(mode).is_some());
        Self {
            // Naming no mode is the older way of saying `form`.
            elicitation_form: mode("form") || (elicitation.is_some() && !mode("url")),
            elicitation_url: mode("url"),
            sampling: has("sampling"),
            roots: has("roots"),
        }
    }

    /// Whether the client said it can answer this request of a server.
    #[must_use]
    pub fn answers(self, method: &str, url_mode: bool) -> bool {
        match (method, url_mode) {
            ("elicitation/create", false) => self.elicitation_form,
            ("elicitation/create", true) => self.elicitation_url,
            ("sampling/createMessage", _) => self.sampling,
            ("roots/list", _) => self.roots,
            _ => false,
        }
    }
}

/// Why the parameters of a known method can't be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    #[error("`params` is missing")]
    NoParams,
    #[error("`{0}` is missing or not of the right type")]
    Missing(&'static str),
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error("`task` asks for a result outside the call, which the gateway does not pass")]
    Task,
}

/// A `tools/call`.
#[derive(Clone, Debug)]
pub struct ToolCall<'a> {
    pub name: Cow<'a, str>,
    /// Absent is the same as empty.
    pub arguments: Option<Ref<'a>>,
    pub meta: Option<Meta<'a>>,
    /// The answers to an earlier `input_required`, and the state to hand back with them.
    pub input_responses: Option<Ref<'a>>,
    pub request_state: Option<Ref<'a>>,
}

impl<'a> ToolCall<'a> {
    pub fn read(frame: &Frame<'a>) -> Result<Self, ReadError> {
        let params = frame.params().ok_or(ReadError::NoParams)?;
        no_lookalikes(params, &["name", "arguments", "_meta", "task", "inputResponses", "requestState"])?;
        let name = params
            .get_str("name")
            .filter(|name| !name.is_empty())
            .ok_or(ReadError::Missing("params.name"))?;
        let arguments = params.get("arguments");
        if arguments.is_some_and(|arguments| arguments.kind() != Kind::Object) {
            return Err(ReadError::Missing("params.arguments"));
        }
        if params.get_some("task").is_some() {
            return Err(ReadError::Task);
        }
        let request_state = params.get_some("requestState");
        if request_state.is_some_and(|state| state.kind() != Kind::String) {
            return Err(ReadError::Missing("params.requestState"));
        }
        let input_responses = params.get_some("inputResponses");
        Ok(Self { name, arguments, meta: Meta::of(frame), input_responses, request_state })
    }

    /// The arguments as a value, for policy and schema.
    #[must_use]
    pub fn arguments_value(&self) -> Value {
        self.arguments.map_or_else(|| Value::Object(serde_json::Map::new()), Ref::to_value)
    }

    /// Whether this goes on with a call that a server interrupted to ask for something.
    #[must_use]
    pub fn goes_on(&self) -> bool {
        self.input_responses.is_some() || self.request_state.is_some()
    }
}

/// The result of a `tools/list`: one page.
#[derive(Clone, Debug)]
pub struct ToolList<'a> {
    pub tools: Vec<ListedTool<'a>>,
    pub next_cursor: Option<Cow<'a, str>>,
}

/// One tool as its server describes it.
#[derive(Clone, Debug)]
pub struct ListedTool<'a> {
    pub name: Cow<'a, str>,
    pub item: Ref<'a>,
}

impl<'a> ToolList<'a> {
    pub fn read(result: Ref<'a>) -> Result<Self, ReadError> {
        no_lookalikes(result, &["tools", "nextCursor"])?;
        let list = result.get("tools").filter(|tools| tools.kind() == Kind::Array);
        let list = list.ok_or(ReadError::Missing("result.tools"))?;
        let tool = |item: Ref<'a>| {
            no_lookalikes(
                item,
                &["name", "title", "description", "inputSchema", "outputSchema", "annotations"],
            )?;
            let name = item.get_str("name").ok_or(ReadError::Missing("result.tools[].name"))?;
            Ok(ListedTool { name, item })
        };
        let tools = list.items().map(tool).collect::<Result<Vec<_>, ReadError>>()?;
        Ok(Self { tools, next_cursor: result.get_some("nextCursor").and_then(Ref::as_str) })
    }

    /// The same text without the tools that `keep` turns down; `None` when nothing is cut. All other bytes, cursors
    /// and unknown members among them, stay as they are.
    pub fn retain(&self, doc: Doc<'a>, mut keep: impl FnMut(&ListedTool<'a>) -> bool) -> Option<Vec<u8>> {
        let mut edit = Edit::new(doc);
        for tool in &self.tools {
            if !keep(tool) {
                edit.remove(tool.item);
            }
        }
        (!edit.is_empty()).then(|| edit.apply())
    }
}

/// The result of a `tools/call`.
#[derive(Clone, Debug)]
pub struct ToolResult<'a> {
    /// Everything in words, in order.
    pub texts: Vec<ContentText<'a>>,
    /// Kinds of content that are not words: `image`, `audio`, `blob`, and what is unknown.
    pub media: Vec<Cow<'a, str>>,
    pub structured: Option<Ref<'a>>,
    pub is_error: bool,
    pub kind: ResultKind,
}

/// How far a call has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResultKind {
    Complete,
    /// The server wants something first; the call may or may not have had an effect.
    InputRequired,
    /// A `resultType` that is not known here.
    Unknown,
}

/// A text inside a result.
#[derive(Clone, Debug)]
pub struct ContentText<'a> {
    /// Where the string stands, with its quotes.
    pub range: Range<usize>,
    pub text: Cow<'a, str>,
}

impl<'a> ToolResult<'a> {
    pub fn read(result: Ref<'a>) -> Result<Self, ReadError> {
        no_lookalikes(result, &["content", "structuredContent", "isError", "resultType"])?;
        let kind = match result.get_some("resultType") {
            None => ResultKind::Complete,
            Some(kind) if kind.is_str("complete") => ResultKind::Complete,
            Some(kind) if kind.is_str("input_required") => ResultKind::InputRequired,
            Some(_) => ResultKind::Unknown,
        };
        let mut read = Self {
            texts: Vec::new(),
            media: Vec::new(),
            structured: result.get_some("structuredContent"),
            is_error: result.get_some("isError").and_then(Ref::as_bool) == Some(true),
            kind,
        };
        match result.get_some("content") {
            Some(content) if content.kind() == Kind::Array => {
                content.items().for_each(|block| read.add(block))
            }
            Some(_) => return Err(ReadError::Missing("result.content")),
            None if kind == ResultKind::Complete && read.structured.is_none() => {
                return Err(ReadError::Missing("result.content"));
            }
            None => {}
        }
        Ok(read)
    }

    fn add(&mut self, block: Ref<'a>) {
        let kind = block.get_str("type").unwrap_or_default();
        match kind.as_ref() {
            "text" => self.add_text(block, "text"),
            "resource_link" => {
                ["uri", "name", "title", "description"].iter().for_each(|key| self.add_text(block, key))
            }
            "resource" => {
                let Some(resource) = block.get_some("resource") else { return };
                self.add_text(resource, "uri");
                self.add_text(resource, "text");
                if resource.get_some("blob").is_some() {
                    self.media.push(Cow::Borrowed("blob"));
                }
            }
            _ => self.media.push(kind),
        }
    }

    fn add_text(&mut self, object: Ref<'a>, key: &str) {
        let Some(value) = object.get(key) else { return };
        if let Some(text) = value.as_str() {
            self.texts.push(ContentText { range: value.range(), text });
        }
    }

    /// Every string inside `structuredContent`.
    #[must_use]
    pub fn structured_texts(&self) -> Vec<ContentText<'a>> {
        let mut texts = Vec::new();
        if let Some(structured) = self.structured {
            strings(structured, &mut texts);
        }
        texts
    }
}

/// Depth is bounded by the reader of the text.
fn strings<'a>(value: Ref<'a>, into: &mut Vec<ContentText<'a>>) {
    match value.kind() {
        Kind::String => into.extend(value.as_str().map(|text| ContentText { range: value.range(), text })),
        Kind::Array => value.items().for_each(|item| strings(item, into)),
        Kind::Object => value.members().for_each(|(_, member)| strings(member, into)),
        _ => {}
    }
}

/// The parameters of `initialize`, or its result: both carry the same three things.
#[derive(Clone, Debug)]
pub struct Initialize<'a> {
    pub version: Cow<'a, str>,
    pub capabilities: Ref<'a>,
    /// `clientInfo` or `serverInfo`.
    pub info: Option<Ref<'a>>,
    pub instructions: Option<Ref<'a>>,
}

impl<'a> Initialize<'a> {
    pub fn params(frame: &Frame<'a>) -> Result<Self, ReadError> {
        Self::read(frame.params().ok_or(ReadError::NoParams)?, "clientInfo")
    }

    pub fn result(result: Ref<'a>) -> Result<Self, ReadError> {
        Self::read(result, "serverInfo")
    }

    fn read(object: Ref<'a>, info: &'static str) -> Result<Self, ReadError> {
        no_lookalikes(object, &["protocolVersion", "capabilities"])?;
        let version = object.get_str("protocolVersion").ok_or(ReadError::Missing("protocolVersion"))?;
        let capabilities = object.get_some("capabilities").filter(|it| it.kind() == Kind::Object);
        Ok(Self {
            version,
            capabilities: capabilities.ok_or(ReadError::Missing("capabilities"))?,
            info: object.get_some(info),
            instructions: object.get_some("instructions"),
        })
    }
}

/// The result of `server/discover`.
#[derive(Clone, Debug)]
pub struct Discover<'a> {
    pub versions: Vec<Cow<'a, str>>,
    pub capabilities: Ref<'a>,
    pub server_info: Option<Ref<'a>>,
    pub instructions: Option<Ref<'a>>,
}

impl<'a> Discover<'a> {
    pub fn result(result: Ref<'a>) -> Result<Self, ReadError> {
        let versions = result.get("supportedVersions").filter(|it| it.kind() == Kind::Array);
        let versions = versions.ok_or(ReadError::Missing("supportedVersions"))?;
        let capabilities = result.get_some("capabilities").filter(|it| it.kind() == Kind::Object);
        Ok(Self {
            versions: versions.items().filter_map(Ref::as_str).collect(),
            capabilities: capabilities.ok_or(ReadError::Missing("capabilities"))?,
            server_info: result.get_some("_meta").and_then(|it| it.get_some(meta::SERVER_INFO)),
            instructions: result.get_some("instructions"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::{Limits, parse};
    use proptest::prelude::*;

    fn call(params: &str) -> String {
        let text = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{params}}}"#);
        let parsed = parse(text.as_bytes(), &Limits::DEFAULT).unwrap();
        let frame = Frame::read(parsed.root()).unwrap();
        match ToolCall::read(&frame) {
            Ok(call) => format!("{} {} {}", call.name, call.arguments_value(), call.goes_on()),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn calls() {
        let check = |params: &str, expected: &str| assert_eq!(call(params), expected, "{params}");
        check(r#"{"name":"pay","arguments":{"to":"bo","x":1}}"#, r#"pay {"to":"bo","x":1} false"#);
        check(r#"{"name":"pay"}"#, "pay {} false");
        check(r#"{"name":"pay","inputResponses":{},"requestState":"s"}"#, "pay {} true");
        check(r#"{"arguments":{}}"#, "`params.name` is missing or not of the right type");
        check(r#"{"name":""}"#, "`params.name` is missing or not of the right type");
        check(r#"{"name":"pay","arguments":[]}"#, "`params.arguments` is missing or not of the right type");
        check(r#"{"name":"pay","arguments":null}"#, "`params.arguments` is missing or not of the right type");
        check(
            r#"{"name":"safe","Name":"pay"}"#,
            "a key is spelled almost like `name`, and not every reader sees the difference",
        );
        check(
            r#"{"name":"pay","task":{}}"#,
            "`task` asks for a result outside the call, which the gateway does not pass",
        );
        // What is inside the arguments is the tool's business.
        check(
            r#"{"name":"pay","arguments":{"Name":"x","name":"y"}}"#,
            r#"pay {"Name":"x","name":"y"} false"#,
        );
    }

    #[test]
    fn results() {
        let check = |result: &str, expected: &str| {
            let parsed = parse(result.as_bytes(), &Limits::DEFAULT).unwrap();
            let line = match ToolResult::read(parsed.root()) {
                Err(error) => error.to_string(),
                Ok(result) => {
                    let texts: Vec<_> = result.texts.iter().map(|text| text.text.as_ref()).collect();
                    for text in &result.texts {
                        assert_eq!(&parsed.bytes()[text.range.start..=text.range.start], b"\"");
                    }
                    let inner: Vec<_> =
                        result.structured_texts().iter().map(|text| text.text.to_string()).collect();
                    format!(
                        "{texts:?} {:?} {inner:?} error={} {:?}",
                        result.media, result.is_error, result.kind
                    )
                }
            };
            assert_eq!(line, expected, "{result}");
        };
        check(
            r#"{"content":[{"type":"text","text":"a\n"},{"type":"image","data":"…","mimeType":"image/png"},{"type":"hologram"}],"isError":true,"v":1}"#,
            r#"["a\n"] ["image", "hologram"] [] error=true Complete"#,
        );
        check(
            r#"{"content":[{"type":"resource","resource":{"uri":"u","text":"t"}},{"type":"resource_link","uri":"l","name":"n"}]}"#,
            r#"["u", "t", "l", "n"] [] [] error=false Complete"#,
        );
        check(
            r#"{"structuredContent":{"a":["x",{"b":"y"}],"c":1}}"#,
            r#"[] [] ["x", "y"] error=false Complete"#,
        );
        check(r#"{"resultType":"input_required","requestState":"s"}"#, "[] [] [] error=false InputRequired");
        check(r#"{"resultType":"task"}"#, "[] [] [] error=false Unknown");
        check("{}", "`result.content` is missing or not of the right type");
        check(r#"{"content":"x"}"#, "`result.content` is missing or not of the right type");
    }

    #[test]
    fn capabilities() {
        let check = |declared: &str, form: bool, url: bool| {
            let parsed = parse(declared.as_bytes(), &Limits::DEFAULT).unwrap();
            let read = Capabilities::read(parsed.root());
            assert_eq!((read.elicitation_form, read.elicitation_url), (form, url), "{declared}");
        };
        check("{}", false, false);
        check(r#"{"elicitation":{}}"#, true, false);
        check(r#"{"elicitation":{"form":{},"url":{}}}"#, true, true);
        check(r#"{"elicitation":{"url":{}}}"#, false, true);
        check(r#"{"elicitation":null}"#, false, false);
    }

    proptest! {
        /// Whatever is kept keeps its bytes, and what is around it stays.
        #[test]
        fn filtering_a_list_leaves_the_rest_alone(names in prop::collection::vec("[a-e]", 0..6), kept in "[a-e]{0,4}") {
            let items: Vec<String> = names.iter().map(|name| format!(r#"{{ "x-v": [1,{{}}],"name":"{name}" }}"#)).collect();
            let text = |items: &[String]| format!(r#"{{"jsonrpc":"2.0","id":1,"result":{{"tools":[{}],"nextCursor":"c","z":1e2}}}}"#, items.join(","));
            let whole = text(&items);
            let parsed = parse(whole.as_bytes(), &Limits::DEFAULT).unwrap();
            let list = ToolList::read(parsed.root().get("result").unwrap()).unwrap();
            let cut = list.retain(parsed.doc(), |tool| kept.contains(tool.name.as_ref()));
            let rest: Vec<String> = names.iter().zip(&items).filter(|(name, _)| kept.contains(*name)).map(|(_, item)| item.clone()).collect();
            let cut = String::from_utf8(cut.unwrap_or_else(|| whole.clone().into_bytes())).unwrap();
            let again = parse(cut.as_bytes(), &Limits::DEFAULT).unwrap();
            let list = ToolList::read(again.root().get("result").unwrap()).unwrap();
            let left: Vec<String> = list.tools.iter().map(|tool| tool.item.raw_str().to_owned()).collect();
            prop_assert_eq!(left, rest);
            prop_assert_eq!(list.next_cursor.as_deref(), Some("c"));
            prop_assert!(cut.contains(r#""z":1e2"#));
        }
    }
}
