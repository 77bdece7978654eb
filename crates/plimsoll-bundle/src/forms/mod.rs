//! The files as people write them: plain structs, one module a file, every key documented.
//!
//! One table, many readers: from these structs come the JSON Schemas that editors complete from
//! (`schemas/*.json`), the check of a file's form with "did you mean", and the values that `resolve`
//! turns into the gateway's types. Nothing here knows what a key means for a decision.

pub mod drift;
pub mod drill;
pub mod fields;
pub mod model;
pub mod people;
pub mod project;
pub mod release;
pub mod shape;
pub mod source;
pub mod tools;
pub mod workflow;

pub use drift::{DriftForm, ModelLockForm};
pub use drill::DrillForm;
pub use fields::{Amount, Duration, Scalar, Share, Size};
pub use model::{ModelForm, PromptForm};
pub use people::PeopleForm;
pub use project::{IncludeForm, OtlpForm, ProjectForm};
pub use source::SourceForm;
pub use tools::{LockForm, ToolsForm};
pub use workflow::WorkflowForm;

/// Every file form with the name of its JSON Schema.
pub fn schemas() -> Vec<(&'static str, schemars::Schema)> {
    vec![
        ("plimsoll", schemars::schema_for!(ProjectForm)),
        ("workflow", schemars::schema_for!(WorkflowForm)),
        ("tools", schemars::schema_for!(ToolsForm)),
        ("tools-lock", schemars::schema_for!(LockForm)),
        ("model", schemars::schema_for!(ModelForm)),
        ("model-lock", schemars::schema_for!(ModelLockForm)),
        ("prompt", schemars::schema_for!(PromptForm)),
        ("source", schemars::schema_for!(SourceForm)),
        ("people", schemars::schema_for!(PeopleForm)),
        ("drill", schemars::schema_for!(DrillForm)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    /// `schemas/*.json` are what the structs say; `BLESS=1` writes them.
    #[test]
    fn schemas_are_current() {
        let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/../../schemas");
        for (name, schema) in schemas() {
            let path = format!("{dir}/{name}.json");
            let text = format!("{}\n", serde_json::to_string_pretty(&schema).unwrap());
            if std::env::var_os("BLESS").is_some() {
                std::fs::create_dir_all(dir).unwrap();
                std::fs::write(&path, &text).unwrap();
            }
            let stored = std::fs::read_to_string(&path).unwrap_or_default();
            assert!(stored == text, "{path} is not current: run this test with BLESS=1");
        }
    }

    #[test]
    fn every_key_is_documented() {
        for (name, schema) in schemas() {
            let mut missing = vec![];
            undocumented(name, schema.as_value(), &mut missing);
            assert!(missing.is_empty(), "no description: {missing:?}");
        }
    }

    fn undocumented(at: &str, schema: &Value, missing: &mut Vec<String>) {
        if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
            for (key, property) in properties {
                if property.get("description").is_none() {
                    missing.push(format!("{at}.{key}"));
                }
            }
        }
        let inner = schema.as_object().into_iter().flat_map(|o| o.values());
        for part in inner.chain(schema.as_array().into_iter().flatten()) {
            undocumented(at, part, missing);
        }
    }
}
