//! The declarations of the conformance server's tools.

use serde_json::{Value, json};

/// Tools without arguments, and what they do.
const PLAIN: &[(&str, &str)] = &[
    ("test_simple_text", "Answers with a text"),
    ("test_image_content", "Answers with an image"),
    ("test_audio_content", "Answers with a sound"),
    ("test_embedded_resource", "Answers with a resource"),
    ("test_multiple_content_types", "Answers with a text, an image and a resource"),
    ("test_error_handling", "Always fails"),
    ("test_tool_with_logging", "Logs three times while it works"),
    ("test_logging_tool", "Logs once while it works"),
    ("test_tool_with_progress", "Reports progress while it works"),
    ("test_reconnection", "Keeps its stream open until it has answered"),
    ("test_elicitation_sep1034_defaults", "Asks the user for values that have defaults"),
    ("test_elicitation_sep1330_enums", "Asks the user to choose"),
    ("test_missing_capability", "Needs a client that can sample"),
    ("test_streaming_elicitation", "Asks the user, as the era allows"),
    ("test_trigger_tool_change", "Announces that the tools changed"),
    ("test_trigger_prompt_change", "Announces that the prompts changed"),
    ("test_input_required_result_elicitation", "Needs the user's name"),
    ("test_input_required_result_sampling", "Needs an answer from a model"),
    ("test_input_required_result_list_roots", "Needs the client's roots"),
    ("test_input_required_result_request_state", "Needs a confirmation and its own state back"),
    ("test_input_required_result_multiple_inputs", "Needs three things at once"),
    ("test_input_required_result_multi_round", "Needs one thing after another"),
    ("test_input_required_result_tampered_state", "Notices when its state was changed"),
    ("test_input_required_result_capabilities", "Asks only what the client can answer"),
];

pub(super) fn tools() -> Vec<Value> {
    let nothing = json!({ "type": "object", "properties": {}, "additionalProperties": false });
    let mut tools: Vec<Value> = PLAIN
        .iter()
        .map(
            |(name, description)| json!({ "name": name, "description": description, "inputSchema": nothing }),
        )
        .collect();
    tools.push(with_text("test_sampling", "Asks the client's model", "prompt"));
    tools.push(with_text("test_elicitation", "Asks the user", "message"));
    tools.push(mirrored());
    tools.push(full_schema());
    tools
}

fn with_text(name: &str, description: &str, argument: &str) -> Value {
    json!({
        "name": name, "description": description,
        "inputSchema": { "type": "object", "properties": { argument: { "type": "string" } }, "required": [argument] },
    })
}

/// A tool whose arguments a client repeats in headers.
fn mirrored() -> Value {
    json!({
        "name": "test_header_mirror", "description": "Has arguments that are mirrored in headers",
        "inputSchema": {
            "type": "object",
            "properties": {
                "region": { "type": "string", "x-mcp-header": "Region" },
                "limit": { "type": "integer", "x-mcp-header": "Limit" },
            },
            "required": ["region"],
        },
    })
}

/// A schema that uses the corners of JSON Schema 2020-12, to see whether they survive a proxy.
fn full_schema() -> Value {
    json!({
        "name": "json_schema_2020_12_tool", "description": "Has a schema with everything in it",
        "inputSchema": {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "$defs": { "address": {
                "$anchor": "addressDef", "type": "object",
                "properties": { "street": { "type": "string" }, "city": { "type": "string" } },
            } },
            "properties": {
                "name": { "type": "string" },
                "address": { "$ref": "#/$defs/address" },
                "contactMethod": { "type": "string", "enum": ["phone", "email"] },
                "phone": { "type": "string" },
                "email": { "type": "string" },
            },
            "allOf": [{ "anyOf": [{ "required": ["phone"] }, { "required": ["email"] }] }],
            "if": { "properties": { "contactMethod": { "const": "phone" } }, "required": ["contactMethod"] },
            "then": { "required": ["phone"] },
            "else": { "required": ["email"] },
            "additionalProperties": false,
        },
    })
}
