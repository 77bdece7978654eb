//! Carrying an envelope from one era to the other.
//!
//! Only what the protocol itself put there is added or taken; everything else keeps its bytes.

use super::era::Version;
use super::meta;
use crate::json::{Edit, Kind, Ref, escape};
use crate::jsonrpc::{Body, Frame, Id};

/// Who a client said it was, for the next request in its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// JSON objects.
    pub capabilities: String,
    pub client_info: Option<String>,
    /// What `logging/setLevel` asked for last.
    pub log_level: Option<String>,
}

impl Default for Profile {
    fn default() -> Self {
        Self { capabilities: "{}".to_owned(), client_info: None, log_level: None }
    }
}

impl Profile {
    /// The `_meta` members of the stateless era.
    fn members(&self) -> Vec<(&'static str, String)> {
        let mut members = vec![
            (meta::PROTOCOL_VERSION, escape(Version::LATEST.name())),
            (meta::CLIENT_CAPABILITIES, self.capabilities.clone()),
        ];
        members.extend(self.client_info.clone().map(|info| (meta::CLIENT_INFO, info)));
        members.extend(self.log_level.as_deref().map(|level| (meta::LOG_LEVEL, escape(level))));
        members
    }

    /// A whole `_meta` object.
    #[must_use]
    pub fn meta(&self) -> String {
        let members: Vec<String> =
            self.members().into_iter().map(|(key, value)| format!("{}:{value}", escape(key))).collect();
        format!("{{{}}}", members.join(","))
    }
}

/// A request of a session, as a server of the stateless era wants it.
#[must_use]
pub fn request_to_stateless(frame: &Frame<'_>, profile: &Profile) -> Vec<u8> {
    let mut edit = Edit::new(frame.root.doc());
    match frame.params() {
        None => edit.set(frame.root, "params", format!(r#"{{"_meta":{}}}"#, profile.meta())),
        Some(params) => match params.get("_meta").filter(|meta| meta.kind() == Kind::Object) {
            None => edit.set(params, "_meta", profile.meta()),
            Some(meta) => {
                for (key, value) in profile.members() {
                    edit.set(meta, key, value);
                }
            }
        },
    }
    edit.apply()
}

/// A request that stands alone, as a server with sessions wants it.
#[must_use]
pub fn request_to_session(frame: &Frame<'_>) -> Vec<u8> {
    let mut edit = Edit::new(frame.root.doc());
    let meta = frame.params().and_then(|params| params.get_some("_meta"));
    if let Some(meta) = meta {
        let known = [meta::PROTOCOL_VERSION, meta::CLIENT_INFO, meta::CLIENT_CAPABILITIES, meta::LOG_LEVEL];
        known.iter().filter_map(|key| meta.get(key)).for_each(|member| edit.remove(member));
    }
    edit.apply()
}

/// Takes out of a client's capabilities what the gateway can't carry: tasks, and, for a child process, roots.
pub fn narrow(edit: &mut Edit<'_>, capabilities: Ref<'_>, roots: bool) {
    let tasks =
        capabilities.get("extensions").and_then(|extensions| extensions.get(super::render::TASKS_EXTENSION));
    let roots = capabilities.get("roots").filter(|_| roots);
    [capabilities.get("tasks"), tasks, roots].into_iter().flatten().for_each(|member| edit.remove(member));
}

/// A request that stands alone, narrowed to what the gateway can carry.
#[must_use]
pub fn narrowed(frame: &Frame<'_>, roots: bool) -> Vec<u8> {
    let mut edit = Edit::new(frame.root.doc());
    let meta = frame.params().and_then(|params| params.get_some("_meta"));
    if let Some(capabilities) = meta.and_then(|meta| meta.get_some(meta::CLIENT_CAPABILITIES)) {
        narrow(&mut edit, capabilities, roots);
    }
    edit.apply()
}

/// An answer of a server with sessions, as a client of the stateless era wants it. `method` is what it answers.
#[must_use]
pub fn answer_to_stateless(frame: &Frame<'_>, method: &str) -> Vec<u8> {
    const RESOURCE_NOT_FOUND: i64 = -32002;
    let mut edit = Edit::new(frame.root.doc());
    match &frame.body {
        Body::Result { result, .. } => {
            edit.set(*result, "resultType", r#""complete""#);
            let cacheable = method.ends_with("/list") || method == "resources/read";
            if cacheable && result.get("ttlMs").is_none() {
                edit.push_member(*result, "ttlMs", "0");
            }
            if cacheable && result.get("cacheScope").is_none() {
                edit.push_member(*result, "cacheScope", r#""private""#);
            }
        }
        Body::Error { error, .. } if error.code == RESOURCE_NOT_FOUND => {
            if let Some(code) = frame.root.get("error").and_then(|error| error.get("code")) {
                edit.replace(code, crate::jsonrpc::INVALID_PARAMS.to_string());
            }
        }
        _ => {}
    }
    edit.apply()
}

/// An answer of a server of the stateless era, as a client with a session wants it.
#[must_use]
pub fn answer_to_session(frame: &Frame<'_>) -> Vec<u8> {
    let mut edit = Edit::new(frame.root.doc());
    if let Body::Result { result, .. } = &frame.body {
        ["resultType", "ttlMs", "cacheScope"]
            .iter()
            .filter_map(|key| result.get(key))
            .for_each(|it| edit.remove(it));
    }
    edit.apply()
}

/// The same message with another id.
#[must_use]
pub fn with_id(frame: &Frame<'_>, id: &Id) -> Vec<u8> {
    replaced(frame.root, frame.root.get("id"), &id.to_json())
}

/// A cancellation that names another request.
#[must_use]
pub fn with_cancelled_id(frame: &Frame<'_>, id: &Id) -> Vec<u8> {
    replaced(frame.root, frame.params().and_then(|params| params.get("requestId")), &id.to_json())
}

fn replaced(root: Ref<'_>, value: Option<Ref<'_>>, json: &str) -> Vec<u8> {
    let mut edit = Edit::new(root.doc());
    if let Some(value) = value {
        edit.replace(value, json);
    }
    edit.apply()
}

/// A request without the state that the gateway itself gave out with a question for approval.
#[must_use]
pub fn without_own_state(frame: &Frame<'_>) -> Vec<u8> {
    let mut edit = Edit::new(frame.root.doc());
    if let Some(params) = frame.params() {
        ["requestState", "inputResponses"]
            .iter()
            .filter_map(|key| params.get(key))
            .for_each(|it| edit.remove(it));
    }
    edit.apply()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::{Limits, parse};
    use proptest::prelude::*;

    fn on<T>(text: &str, f: impl FnOnce(&Frame<'_>) -> T) -> T {
        let parsed = parse(text.as_bytes(), &Limits::DEFAULT).unwrap();
        f(&Frame::read(parsed.root()).unwrap())
    }

    fn check(text: &str, f: impl FnOnce(&Frame<'_>) -> Vec<u8>, expected: &str) {
        assert_eq!(String::from_utf8(on(text, f)).unwrap(), expected);
    }

    fn profile() -> Profile {
        Profile {
            capabilities: r#"{"sampling":{}}"#.into(),
            client_info: Some(r#"{"name":"c"}"#.into()),
            log_level: None,
        }
    }

    #[test]
    fn requests() {
        let meta = r#""io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{"sampling":{}},"io.modelcontextprotocol/clientInfo":{"name":"c"}"#;
        check(
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#,
            |frame| request_to_stateless(frame, &profile()),
            &format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{{"_meta":{{{meta}}}}}}}"#),
        );
        let with = format!(
            r#"{{"x":[ 1 ],"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"a","_meta":{{"progressToken":1,{meta}}}}},"y":2}}"#
        );
        let without = r#"{"x":[ 1 ],"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","_meta":{"progressToken":1}},"y":2}"#;
        check(without, |frame| request_to_stateless(frame, &profile()), &with);
        check(&with, request_to_session, without);
    }

    #[test]
    fn answers() {
        check(
            r#"{"jsonrpc":"2.0","id":1,"result":{"content":[],"v":{}}}"#,
            |frame| answer_to_stateless(frame, "tools/call"),
            r#"{"jsonrpc":"2.0","id":1,"result":{"content":[],"v":{},"resultType":"complete"}}"#,
        );
        check(
            r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[]}}"#,
            |frame| answer_to_stateless(frame, "tools/list"),
            r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[],"resultType":"complete","ttlMs":0,"cacheScope":"private"}}"#,
        );
        check(
            r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32002,"message":"no","data":1}}"#,
            |frame| answer_to_stateless(frame, "resources/read"),
            r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"no","data":1}}"#,
        );
        check(
            r#"{"jsonrpc":"2.0","id":1,"result":{"resultType":"complete","tools":[],"ttlMs":5,"cacheScope":"public","v":1}}"#,
            answer_to_session,
            r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[],"v":1}}"#,
        );
    }

    #[test]
    fn ids() {
        check(
            r#"{"jsonrpc":"2.0", "id":"a","method":"ping"}"#,
            |f| with_id(f, &Id::Number(7)),
            r#"{"jsonrpc":"2.0", "id":7,"method":"ping"}"#,
        );
        check(
            r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1,"reason":"r"}}"#,
            |f| with_cancelled_id(f, &Id::Text("p1".into())),
            r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"p1","reason":"r"}}"#,
        );
        check(
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","requestState":"plimsoll.approval.T-1","inputResponses":{},"z":0}}"#,
            without_own_state,
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","z":0}}"#,
        );
    }

    proptest! {
        /// There and back again, every byte of what the protocol does not know is as it was.
        #[test]
        fn unknown_members_survive_both_ways(key in "[a-z]{1,6}", number in -1000i64..1000, text in any::<String>()) {
            let odd = format!(r#"{{ "{key}" : [{number}, {} ] }}"#, escape(&text));
            let original = format!(r#"{{"jsonrpc":"2.0","id":{number},"method":"tools/call","params":{{"name":"a","arguments":{odd},"x-{key}":{odd},"_meta":{{"v/{key}":{odd}}}}},"x-top":{odd}}}"#);
            let there = on(&original, |frame| request_to_stateless(frame, &profile()));
            let back = on(std::str::from_utf8(&there).unwrap(), request_to_session);
            prop_assert_eq!(String::from_utf8(back).unwrap(), original);
            let answer = format!(r#"{{"jsonrpc":"2.0","id":{number},"result":{{"content":[{odd}],"x-{key}":{odd}}},"x-top":{odd}}}"#);
            let there = on(&answer, |frame| answer_to_stateless(frame, "tools/list"));
            let back = on(std::str::from_utf8(&there).unwrap(), answer_to_session);
            prop_assert_eq!(String::from_utf8(back).unwrap(), answer);
        }
    }
}
