//! Tools and prompts that need input in the stateless era: they answer `input_required` and are called again with it.
//!
//! State that travels through the client is sealed with a keyed hash, and a broken seal is an error, not a new start.

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::mcp::{Context, Reply, RpcError, text_result};

/// SHA-256's block, to which HMAC pads its key.
const BLOCK: usize = 64;

/// The key this process seals its states with.
#[derive(Debug)]
pub(super) struct Seal([u8; BLOCK]);

impl Seal {
    pub(super) fn fresh() -> Self {
        let mut key = [0; BLOCK];
        for half in key.chunks_exact_mut(16) {
            half.copy_from_slice(Uuid::now_v7().as_bytes());
        }
        Self(key)
    }

    fn seal(&self, state: &str) -> String {
        format!("{state}.{}", self.mac(state))
    }

    fn open<'a>(&self, sealed: &'a str) -> Result<&'a str, RpcError> {
        let opened = sealed.rsplit_once('.').filter(|(state, mac)| self.mac(state) == *mac);
        opened
            .map(|(state, _)| state)
            .ok_or_else(|| RpcError::invalid_params("requestState was tampered with"))
    }

    /// HMAC-SHA-256 (RFC 2104), in hexadecimal.
    fn mac(&self, text: &str) -> String {
        let inner = Sha256::new().chain_update(self.0.map(|b| b ^ 0x36)).chain_update(text).finalize();
        let outer = Sha256::new().chain_update(self.0.map(|b| b ^ 0x5c)).chain_update(inner).finalize();
        outer.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// The answer of a tool that needs input, if `name` is one.
pub(super) fn tool(seal: &Seal, cx: &Context, name: &str) -> Option<Result<Reply, RpcError>> {
    Some(match name {
        "test_input_required_result_elicitation" | "test_streaming_elicitation" => Ok(greeting(cx)),
        "test_input_required_result_sampling" => Ok(capital(cx)),
        "test_input_required_result_list_roots" => Ok(roots(cx)),
        "test_input_required_result_request_state" | "test_input_required_result_tampered_state" => {
            confirmed(seal, cx)
        }
        "test_input_required_result_multiple_inputs" => several(seal, cx),
        "test_input_required_result_multi_round" => rounds(seal, cx),
        "test_input_required_result_capabilities" => Ok(as_declared(cx)),
        _ => return None,
    })
}

fn greeting(cx: &Context) -> Reply {
    match accepted(cx, "user_name", "name").and_then(|name| name.as_str().map(str::to_owned)) {
        Some(name) => text_result(format!("Hello, {name}!")),
        None => need(json!({ "user_name": ask_name("What is your name?") }), None),
    }
}

fn capital(cx: &Context) -> Reply {
    match cx
        .input("capital_question")
        .and_then(|answer| answer.pointer("/content/text"))
        .and_then(Value::as_str)
    {
        Some(text) => text_result(text),
        None => need(json!({ "capital_question": ask_model("What is the capital of France?", 100) }), None),
    }
}

fn roots(cx: &Context) -> Reply {
    match cx.input("client_roots").and_then(|answer| answer.get("roots")).filter(|roots| roots.is_array()) {
        Some(roots) => text_result(format!("Roots: {roots}")),
        None => need(json!({ "client_roots": ask_roots() }), None),
    }
}

fn confirmed(seal: &Seal, cx: &Context) -> Result<Reply, RpcError> {
    let state = cx.request_state().map(|sealed| seal.open(sealed)).transpose()?;
    match (state, accepted(cx, "confirm", "ok")) {
        (Some("asked"), Some(_)) => Ok(text_result("state-ok: confirmed")),
        _ => {
            let schema = object("ok", "boolean");
            let request = elicit("Please confirm", schema);
            Ok(need(json!({ "confirm": request }), Some(seal.seal("asked"))))
        }
    }
}

fn several(seal: &Seal, cx: &Context) -> Result<Reply, RpcError> {
    let state = cx.request_state().map(|sealed| seal.open(sealed)).transpose()?;
    let given = ["user_name", "greeting", "client_roots"].iter().all(|key| cx.input(key).is_some());
    if state == Some("several") && given {
        return Ok(text_result("Everything was there."));
    }
    let requests = json!({
        "user_name": ask_name("What is your name?"),
        "greeting": ask_model("Generate a greeting", 50),
        "client_roots": ask_roots(),
    });
    Ok(need(requests, Some(seal.seal("several"))))
}

fn rounds(seal: &Seal, cx: &Context) -> Result<Reply, RpcError> {
    let state = cx.request_state().map(|sealed| seal.open(sealed)).transpose()?;
    let second = || elicit("Step 2: What is your favorite color?", object("color", "string"));
    match state {
        Some("round-2") if cx.input("step2").is_some() => Ok(text_result("All steps are done.")),
        Some("round-1") if cx.input("step1").is_some() => {
            Ok(need(json!({ "step2": second() }), Some(seal.seal("round-2"))))
        }
        _ => Ok(need(json!({ "step1": ask_name("Step 1: What is your name?") }), Some(seal.seal("round-1")))),
    }
}

fn as_declared(cx: &Context) -> Reply {
    let possible = [
        ("elicitation", "user_name", ask_name("What is your name?")),
        ("sampling", "greeting", ask_model("Generate a greeting", 50)),
        ("roots", "client_roots", ask_roots()),
    ];
    let mut requests = json!({});
    for (_, key, request) in possible.into_iter().filter(|(capability, ..)| cx.client_can(capability)) {
        requests[key] = request;
    }
    let asked = requests.as_object().is_some_and(|map| map.keys().any(|key| cx.input(key).is_none()));
    if asked { need(requests, None) } else { text_result("Nothing (more) to ask this client.") }
}

/// The answer of the prompt that needs input.
pub(super) fn prompt(cx: &Context) -> Value {
    match accepted(cx, "user_context", "context").and_then(|context| context.as_str().map(str::to_owned)) {
        Some(context) => json!({
            "messages": [{ "role": "user", "content": { "type": "text", "text": format!("Context: {context}") } }],
        }),
        None => {
            let request = elicit("What context should the prompt use?", object("context", "string"));
            json!({ "resultType": "input_required", "inputRequests": { "user_context": request } })
        }
    }
}

/// What the user typed into `field`, if they accepted.
fn accepted(cx: &Context, key: &str, field: &str) -> Option<Value> {
    let answer = cx.input(key)?;
    (answer.get("action")?.as_str()? == "accept").then(|| answer.get("content")?.get(field).cloned())?
}

fn need(requests: Value, state: Option<String>) -> Reply {
    let mut result = json!({ "resultType": "input_required", "inputRequests": requests });
    if let Some(state) = state {
        result["requestState"] = json!(state);
    }
    Reply::Result(result)
}

fn ask_name(message: &str) -> Value {
    elicit(message, object("name", "string"))
}

fn elicit(message: &str, schema: Value) -> Value {
    json!({ "method": "elicitation/create", "params": { "message": message, "requestedSchema": schema } })
}

fn ask_model(text: &str, max_tokens: u32) -> Value {
    let message = json!({ "role": "user", "content": { "type": "text", "text": text } });
    json!({ "method": "sampling/createMessage", "params": { "messages": [message], "maxTokens": max_tokens } })
}

fn ask_roots() -> Value {
    json!({ "method": "roots/list", "params": {} })
}

fn object(property: &str, kind: &str) -> Value {
    json!({ "type": "object", "properties": { property: { "type": kind } }, "required": [property] })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seal_opens_only_what_it_closed() {
        let seal = Seal::fresh();
        let sealed = seal.seal("round-1");
        assert_eq!(seal.open(&sealed), Ok("round-1"));
        assert!(seal.open(&format!("{sealed}-TAMPERED")).is_err());
        assert!(seal.open(&sealed.replace("round-1", "round-2")).is_err());
        assert!(Seal::fresh().open(&sealed).is_err());
    }
}
