//! Does a document have the shape of its form? Every deviation at once, with its place.
//!
//! The form's JSON Schema is asked, not serde: serde stops at the first mistake and forgets where it
//! was. Unknown keys are reported and taken out, so that the rest can still be read and checked.

use jsonschema::error::{TypeKind, ValidationErrorKind as Kind};
use jsonschema::{ValidationError, Validator};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::diagnostic::Diagnostic;
use crate::suggest::did_you_mean;
use crate::yaml::{Document, pointer};

/// Reads a document as its form. `None` when too much is wrong to go on; the diagnostics say what.
pub fn shape<T: DeserializeOwned + JsonSchema>(doc: &Document, found: &mut Vec<Diagnostic>) -> Option<T> {
    let mut value = doc.value.clone();
    if value.is_null() {
        // An empty file is a form in which nothing has been said yet.
        value = Value::Object(serde_json::Map::default());
    }
    let schema = schemars::schema_for!(T).to_value();
    let validator = match jsonschema::draft202012::new(&schema) {
        Ok(validator) => validator,
        Err(e) => {
            found.push(Diagnostic::error("yaml/form", &*doc.file, format!("no usable schema: {e}")));
            return None;
        }
    };
    check(&validator, &schema, doc, &mut value, found);
    match serde_json::from_value(value) {
        Ok(form) => Some(form),
        // Whatever keeps serde from reading it has been reported above; if not, say so plainly.
        Err(e) if found.iter().all(|d| d.file != doc.file) => {
            found.push(Diagnostic::error("yaml/form", &*doc.file, e.to_string()));
            None
        }
        Err(_) => None,
    }
}

fn check(
    validator: &Validator,
    schema: &Value,
    doc: &Document,
    value: &mut Value,
    found: &mut Vec<Diagnostic>,
) {
    let mut unknown: Vec<(String, String)> = Vec::new();
    for error in validator.iter_errors(value) {
        tell(&error, schema, doc, &mut unknown, found);
    }
    for (at, key) in unknown {
        if let Some(Value::Object(map)) = value.pointer_mut(&at) {
            map.remove(&key);
        }
    }
}

fn tell(
    error: &ValidationError<'_>,
    schema: &Value,
    doc: &Document,
    unknown: &mut Vec<(String, String)>,
    found: &mut Vec<Diagnostic>,
) {
    let at = error.instance_path().as_str();
    match error.kind() {
        Kind::AdditionalProperties { unexpected } => {
            for key in unexpected {
                unknown.push((at.to_owned(), key.clone()));
                let place = format!("{at}{}", pointer([key.as_str()]));
                let known = sibling_keys(schema, error);
                found.push(
                    doc.key_error("yaml/unknown-key", &place, format!("unknown key `{key}`"))
                        .help(did_you_mean(key, known.iter().map(String::as_str))),
                );
            }
        }
        Kind::Required { property } => {
            let key = property.as_str().unwrap_or_default();
            let place = if at.is_empty() { "the file".to_owned() } else { format!("`{}`", last(at)) };
            let mut diagnostic = doc.error("yaml/missing-key", at, format!("{place} has no `{key}`"));
            if let Some(text) = description(schema, error, key) {
                diagnostic = diagnostic.help(format!("{key}: {text}"));
            }
            found.push(diagnostic);
        }
        Kind::AnyOf { context } | Kind::OneOfNotValid { context } => {
            // The branch that is of the right type is the one that was meant.
            let meant = context.iter().find(|branch| {
                !branch.iter().any(|e| e.instance_path().as_str() == at && is_other_kind(e.kind()))
            });
            match meant {
                Some(branch) if !branch.is_empty() => {
                    for error in branch {
                        tell(error, schema, doc, unknown, found);
                    }
                }
                _ => {
                    let mut wanted: Vec<String> =
                        context.iter().flatten().map(|e| expectation(e.kind())).collect();
                    // A word that has to be one of a few is said once, not as text too.
                    if wanted.iter().any(|w| w.starts_with('`')) {
                        wanted.retain(|w| w != "text");
                    }
                    wanted.retain(|w| w != "empty");
                    wanted.dedup();
                    found.push(doc.error(
                        "yaml/value",
                        at,
                        format!("`{}` must be {}", last(at), wanted.join(" or ")),
                    ));
                }
            }
        }
        Kind::Enum { options } => {
            let names: Vec<&str> =
                options.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            let word = error.instance().as_str().unwrap_or_default();
            let help = if word.is_empty() || word.len() > 40 {
                format!("one of: {}", names.join(", "))
            } else {
                did_you_mean(word, names.iter().copied())
            };
            let message = format!("`{}` must be one of: {}", last(at), names.join(", "));
            found.push(doc.error("yaml/value", at, message).help(help));
        }
        kind => {
            let mut diagnostic =
                doc.error("yaml/value", at, format!("`{}` must be {}", last(at), expectation(kind)));
            if matches!(kind, Kind::Type { kind: TypeKind::Single(t) } if t.to_string() == "string")
                && error.instance().is_number()
            {
                diagnostic = diagnostic.help("put it in quotes");
            }
            found.push(diagnostic);
        }
    }
}

/// Whether an error says that something of quite another kind was expected here.
fn is_other_kind(kind: &Kind) -> bool {
    matches!(kind, Kind::Type { .. } | Kind::Constant { .. } | Kind::Enum { .. })
}

fn expectation(kind: &Kind) -> String {
    match kind {
        Kind::Type { kind: TypeKind::Single(t) } => type_name(&t.to_string()).to_owned(),
        Kind::Type { kind: TypeKind::Multiple(types) } => {
            let names: Vec<String> = types.iter().map(|t| type_name(&t.to_string()).to_owned()).collect();
            names.join(" or ")
        }
        Kind::Constant { expected_value } => format!("`{}`", bare(expected_value)),
        Kind::Enum { options } => {
            let names: Vec<String> =
                options.as_array().into_iter().flatten().map(|o| format!("`{}`", bare(o))).collect();
            names.join(" or ")
        }
        Kind::Minimum { limit } => format!("at least {limit}"),
        Kind::Maximum { limit } => format!("at most {limit}"),
        Kind::MinItems { limit } => format!("a list of at least {limit}"),
        Kind::Pattern { pattern } => pattern_name(pattern),
        _ => "of another form".to_owned(),
    }
}

fn pattern_name(pattern: &str) -> String {
    match pattern {
        p if p.contains("KiB") => "a size such as `512KiB` or `10MiB`".to_owned(),
        p if p.contains("|m|h") => "a stretch of time such as `30s`, `15m` or `1h`".to_owned(),
        p if p.contains('%') => "a share such as `5%` or 0.05".to_owned(),
        p if p.contains("[.]") => "an amount such as `50` or `49.90`".to_owned(),
        p => format!("of the form {p}"),
    }
}

fn type_name(json: &str) -> &str {
    match json {
        "string" => "text",
        "object" => "a mapping",
        "array" => "a list",
        "integer" => "a whole number",
        "number" => "a number",
        "boolean" => "true or false",
        "null" => "empty",
        other => other,
    }
}

fn bare(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The last step of a pointer that is a name, for messages.
fn last(at: &str) -> String {
    let name = at.rsplit('/').find(|s| s.parse::<usize>().is_err()).unwrap_or_default();
    let name = name.replace("~1", "/").replace("~0", "~");
    if name.is_empty() { "the file".to_owned() } else { name }
}

/// The schema object whose keyword raised an error.
fn parent<'s>(schema: &'s Value, error: &ValidationError<'_>) -> Option<&'s Value> {
    let path = error.schema_path().as_str();
    schema.pointer(&path[..path.rfind('/')?])
}

fn sibling_keys(schema: &Value, error: &ValidationError<'_>) -> Vec<String> {
    let properties = parent(schema, error).and_then(|p| p.get("properties"));
    properties.and_then(Value::as_object).map(|o| o.keys().cloned().collect()).unwrap_or_default()
}

fn description(schema: &Value, error: &ValidationError<'_>, key: &str) -> Option<String> {
    let text = parent(schema, error)?.get("properties")?.get(key)?.get("description")?.as_str()?;
    Some(text.replace('\n', " ").trim_end_matches('.').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forms::WorkflowForm;

    #[test]
    fn every_deviation_is_told() {
        let text = "\
workflow: support
purose: answer mail
mode: enforced
media: maybe
acts:
  desk.a: {decides: {poeple: [x]}, on_failure: nothing}
  desk.b: automatic
  desk.c: {decides: 3}
limits:
  - {window: 1 week, calls: 0}
  - {per: user, calls: ten}
models: main
";
        let doc = crate::yaml::read("workflows/support.yaml", text, 0).unwrap();
        let mut found = vec![];
        let form: Option<WorkflowForm> = shape(&doc, &mut found);
        assert!(form.is_none());
        let lines: Vec<String> = found
            .iter()
            .map(|d| format!("{d}\n  at {:?}\n  help {:?}", &text[d.range.clone().unwrap()], d.help))
            .collect();
        insta::assert_snapshot!(lines.join("\n"));
    }
}
