//! `/v1/embeddings`: a vector that depends on the text and on nothing else.

use base64::Engine as _;
use serde_json::{Value, json};

use super::brain::embed;
use super::conversation::tokens;

/// Dimensions when the request doesn't say, and the most it may ask for.
const DEFAULT_DIMENSIONS: u64 = 64;
const MAX_DIMENSIONS: u64 = 4096;

pub(crate) fn answer(request: &Value) -> Result<Value, String> {
    let model = request.get("model").and_then(Value::as_str).ok_or("you must provide a model parameter")?;
    let texts = inputs(request.get("input").ok_or("you must provide an input")?)?;
    let dimensions = request.get("dimensions").and_then(Value::as_u64).unwrap_or(DEFAULT_DIMENSIONS);
    if dimensions == 0 || dimensions > MAX_DIMENSIONS {
        return Err(format!("dimensions must be between 1 and {MAX_DIMENSIONS}"));
    }
    let packed = request.get("encoding_format").and_then(Value::as_str) == Some("base64");
    let vector = |text: &String| {
        let numbers = embed(text, usize::try_from(dimensions).unwrap_or_default());
        if packed { json!(pack(&numbers)) } else { json!(numbers) }
    };
    let data: Vec<Value> = texts
        .iter()
        .enumerate()
        .map(|(index, text)| json!({ "object": "embedding", "index": index, "embedding": vector(text) }))
        .collect();
    let used = tokens(texts.iter().map(String::len).sum());
    Ok(json!({
        "object": "list", "data": data, "model": model, "usage": { "prompt_tokens": used, "total_tokens": used },
    }))
}

/// Texts, or token numbers standing for a text.
fn inputs(input: &Value) -> Result<Vec<String>, String> {
    match input {
        Value::String(text) => Ok(vec![text.clone()]),
        Value::Array(items) if items.iter().all(Value::is_number) => Ok(vec![input.to_string()]),
        Value::Array(items) => {
            Ok(items.iter().map(|i| i.as_str().map_or_else(|| i.to_string(), str::to_owned)).collect())
        }
        _ => Err("input must be a string or an array".to_owned()),
    }
}

fn pack(numbers: &[f32]) -> String {
    let bytes: Vec<u8> = numbers.iter().flat_map(|x| x.to_le_bytes()).collect();
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
