//! The headers of the stateless era that mirror the body. A gateway may route on them, so they must not lie: any
//! difference is an error, never a preference.

use base64::Engine as _;
use http::HeaderMap;
use serde_json::Value;

use super::rpc::RpcError;
use crate::net::header_text;

/// Checks `Mcp-Method` and, where the method has a name or a URI, `Mcp-Name`.
pub(crate) fn check_standard(headers: &HeaderMap, method: &str, params: &Value) -> Result<(), RpcError> {
    let said =
        header_text(headers, "mcp-method").ok_or_else(|| mismatch("the Mcp-Method header is missing"))?;
    if said.trim() != method {
        return Err(mismatch(format!("Mcp-Method says '{said}', the body '{method}'")));
    }
    let key = match method {
        "tools/call" | "prompts/get" => "name",
        "resources/read" => "uri",
        _ => return Ok(()),
    };
    let Some(meant) = params.get(key).and_then(Value::as_str) else {
        return Err(RpcError::invalid_params(format!("{method} needs a {key}")));
    };
    let said = headers.get("mcp-name").ok_or_else(|| mismatch("the Mcp-Name header is missing"))?;
    let said = said.to_str().ok().and_then(decode);
    if said.as_deref() != Some(meant) {
        return Err(mismatch(format!("the Mcp-Name header doesn't agree with the body's '{meant}'")));
    }
    Ok(())
}

/// Checks the `Mcp-Param-…` headers a tool's schema asks for with `x-mcp-header`.
pub(crate) fn check_arguments(
    headers: &HeaderMap,
    schema: &Value,
    arguments: &Value,
) -> Result<(), RpcError> {
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return Ok(()) };
    for (property, declared) in properties {
        let value = arguments.get(property);
        if let Some(suffix) = declared.get("x-mcp-header").and_then(Value::as_str) {
            check_argument(headers, suffix, value)?;
        }
        if let Some(value) = value.filter(|value| value.is_object()) {
            check_arguments(headers, declared, value)?;
        }
    }
    Ok(())
}

fn check_argument(headers: &HeaderMap, suffix: &str, value: Option<&Value>) -> Result<(), RpcError> {
    let name = format!("mcp-param-{}", suffix.to_ascii_lowercase());
    let said = match headers.get(&name) {
        None => None,
        Some(raw) => {
            let text = raw.to_str().ok().and_then(decode);
            Some(text.ok_or_else(|| mismatch(format!("the {name} header has invalid characters")))?)
        }
    };
    match (value.filter(|value| !value.is_null()), said) {
        (None, None) => Ok(()),
        (Some(value), Some(said)) if agrees(value, &said) => Ok(()),
        (Some(_), None) => Err(mismatch(format!("the {name} header is missing"))),
        _ => Err(mismatch(format!("the {name} header doesn't agree with the body"))),
    }
}

fn agrees(value: &Value, said: &str) -> bool {
    match value {
        Value::String(text) => text == said,
        Value::Bool(flag) => flag.to_string() == said,
        Value::Number(number) => number.as_f64().is_some_and(|n| said.parse::<f64>().is_ok_and(|s| s == n)),
        _ => false,
    }
}

/// A header's value: plain, or base64 between `=?base64?` and `?=`.
fn decode(text: &str) -> Option<String> {
    let text = text.trim_matches([' ', '\t']);
    let Some(inner) = text.strip_prefix("=?base64?").and_then(|rest| rest.strip_suffix("?=")) else {
        return Some(text.to_owned());
    };
    let bytes = base64::engine::general_purpose::STANDARD.decode(inner).ok()?;
    String::from_utf8(bytes).ok()
}

pub(crate) fn mismatch(message: impl Into<String>) -> RpcError {
    RpcError::new(RpcError::HEADER_MISMATCH, format!("header mismatch: {}", message.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .filter_map(|(name, value)| Some((http::HeaderName::from_static(name), value.parse().ok()?)))
            .collect()
    }

    #[test]
    fn names_agree_plain_or_encoded() {
        let params = json!({"name": "pay"});
        let check = |name: &str| {
            check_standard(
                &headers(&[("mcp-method", "tools/call"), ("mcp-name", name)]),
                "tools/call",
                &params,
            )
        };
        assert_eq!(check("pay"), Ok(()));
        assert_eq!(check("=?base64?cGF5?="), Ok(()));
        for lie in ["Pay", "=?base64?cGF?=", "=?BASE64?cGF5?=", "refund"] {
            assert_eq!(check(lie).map_err(|e| e.code), Err(RpcError::HEADER_MISMATCH), "{lie}");
        }
    }

    #[test]
    fn argument_headers_mirror_the_arguments() {
        let schema =
            json!({"properties": {"region": {"x-mcp-header": "Region"}, "n": {"x-mcp-header": "N"}}});
        let check = |pairs: &[(&'static str, &str)], arguments: Value| {
            check_arguments(&headers(pairs), &schema, &arguments).is_ok()
        };
        assert!(check(
            &[("mcp-param-region", "eu"), ("mcp-param-n", "42.0")],
            json!({"region": "eu", "n": 42})
        ));
        assert!(check(&[], json!({"region": null})));
        assert!(!check(&[], json!({"region": "eu"})));
        assert!(!check(&[("mcp-param-region", "us")], json!({"region": "eu"})));
        assert!(!check(&[("mcp-param-region", "us")], json!({})));
    }
}
