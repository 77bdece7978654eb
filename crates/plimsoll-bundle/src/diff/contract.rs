//! What a server says of its tools, as pinned: descriptions, schemas, annotations.

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_core::Tier;
use serde_json::Value;
use serde_json::json;

use super::Diffing;
use super::change::Change;
use super::rules::{self, Rule};
use crate::model::Tool;
use crate::pin::{self, is_hidden, show_hidden};

/// Keywords that bound a value from below: a smaller number admits more.
const LOWER: [&str; 5] = ["minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"];
/// Keywords that bound a value from above: a larger number admits more.
const UPPER: [&str; 5] = ["maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"];
/// Keywords that say something and admit or exclude nothing.
const SAYS: [&str; 7] = ["title", "description", "examples", "default", "$comment", "deprecated", "$schema"];
/// Keywords that are compared by themselves.
const ELSEWHERE: [&str; 4] = ["properties", "required", "additionalProperties", "items"];

impl Diffing<'_> {
    pub(super) fn contract(&mut self, was: &Tool, is: &Tool) {
        let (Some(old), Some(new)) = (&was.pin, &is.pin) else { return };
        let name = is.name.to_string();
        let file = format!("tools/{}.lock.json", is.name.server);
        let quoted = format!("\"{}\": {{", is.name.tool);
        let place = self.at_head.text(&file, &quoted);
        if old.reviewed_by != new.reviewed_by {
            let what = format!("\"{}\" reviewed `{name}`, not \"{}\"", new.reviewed_by, old.reviewed_by);
            let (was, is) = (json!(old.reviewed_by), json!(new.reviewed_by));
            self.tell(Change::new(&rules::REVIEWED_BY, &[&name], place.clone(), what, was, is));
        }
        if old.digest == new.digest {
            return;
        }
        for (rule, what, was, is) in compared(&name, Some(is), &old.tool, &new.tool) {
            let place = if place.line > 1 { self.nearest_line(&file, &quoted, &is) } else { place.clone() };
            self.tell(Change::new(rule, &[&name], place, what, was, is));
        }
    }

    /// The line of a new text below the tool's name, or the name's own.
    fn nearest_line(&self, file: &str, quoted: &str, is: &Value) -> super::Place {
        let text = self.head_tree.text(file).unwrap_or_default();
        let from = text.find(quoted).unwrap_or(0);
        let inside = is.as_str().and_then(|is| serde_json::to_string(is).ok());
        let at = inside.and_then(|needle| text[from..].find(&needle)).map_or(from, |at| from + at);
        let mut place = self.at_head.text(file, quoted);
        place.line = text[..at].matches('\n').count() + 1;
        place
    }
}

/// What one description of a tool says otherwise than another: `tool` is what is declared of it, if anything is.
pub(crate) fn compared(name: &str, tool: Option<&Tool>, old: &Value, new: &Value) -> Vec<Found> {
    let mut contract = Contract { name, tool, found: Vec::new() };
    contract.texts(old, new);
    contract.object("", &old["inputSchema"], &new["inputSchema"]);
    contract.results(old, new);
    contract.annotations(old, new);
    let mut found = contract.found;
    let (was, is) = (pin::pinned(old), pin::pinned(new));
    if found.is_empty() && canonical(&was) != canonical(&is) {
        let what = format!("the pinned schema of `{name}` changed in a detail");
        let digests = (json!(pin::digest(&was).to_string()), json!(pin::digest(&is).to_string()));
        found.push((&rules::SHAPE, what, digests.0, digests.1));
    }
    found
}

/// Whether a pinned tool says anything that a reader can't see.
pub(crate) fn hides(tool: &Value) -> bool {
    match tool {
        Value::String(text) => text.chars().any(is_hidden),
        Value::Array(items) => items.iter().any(hides),
        Value::Object(members) => {
            members.iter().any(|(name, value)| name.chars().any(is_hidden) || hides(value))
        }
        _ => false,
    }
}

/// The same for any spelling of the same schema: lists that are sets in one order, `["string"]` as `"string"`.
pub(crate) fn canonical(schema: &Value) -> Value {
    match schema {
        Value::Object(members) => {
            let sorted: BTreeMap<&String, Value> = members
                .iter()
                .map(|(name, value)| {
                    let value = match (name.as_str(), value) {
                        ("type", Value::Array(one)) if one.len() == 1 => one[0].clone(),
                        ("required" | "enum" | "type", Value::Array(items)) => {
                            let mut items: Vec<Value> = items.clone();
                            items.sort_by_key(ToString::to_string);
                            Value::Array(items)
                        }
                        _ => canonical(value),
                    };
                    (name, value)
                })
                .filter(|(name, value)| {
                    !(name.as_str() == "required" && value.as_array().is_some_and(Vec::is_empty))
                })
                .collect();
            json!(sorted)
        }
        Value::Array(items) => Value::Array(items.iter().map(canonical).collect()),
        plain => plain.clone(),
    }
}

/// A rule, what it says here, and what the change means before and after.
pub(crate) type Found = (&'static Rule, String, Value, Value);

struct Contract<'a> {
    name: &'a str,
    tool: Option<&'a Tool>,
    found: Vec<Found>,
}

impl Contract<'_> {
    fn say(&mut self, rule: &'static Rule, what: String, was: Value, is: Value) {
        self.found.push((rule, what, was, is));
    }

    fn texts(&mut self, old: &Value, new: &Value) {
        for key in ["title", "description"] {
            self.text(&format!("the {key} of `{}`", self.name), old.get(key), new.get(key));
        }
    }

    fn text(&mut self, of: &str, was: Option<&Value>, is: Option<&Value>) {
        if was == is {
            return;
        }
        let said = |text: Option<&Value>| text.map_or_else(|| "nothing".to_owned(), shown);
        let what = format!("{of} is {}, not {}", said(is), said(was));
        let rule = if is.is_some_and(hides) { &rules::HIDDEN } else { &rules::DESCRIPTION };
        self.say(rule, what, json!(was), json!(is));
    }

    fn object(&mut self, prefix: &str, old: &Value, new: &Value) {
        let names = |schema: &Value| -> BTreeSet<String> {
            let properties = schema.get("properties").and_then(Value::as_object);
            properties.into_iter().flat_map(|p| p.keys().cloned()).collect()
        };
        let must = |schema: &Value, name: &str| {
            schema
                .get("required")
                .and_then(Value::as_array)
                .is_some_and(|list| list.iter().any(|n| n == name))
        };
        let (before, after) = (names(old), names(new));
        for name in before.union(&after) {
            let shown = format!("{prefix}{}", show_hidden(name));
            let of = format!("`{shown}` of `{}`", self.name);
            match (before.contains(name), after.contains(name)) {
                (true, false) => {
                    self.say(&rules::ARGUMENT_GONE, format!("{of} is gone"), json!(shown), json!(null))
                }
                (false, true) => {
                    let rule =
                        if self.untraced(prefix, name) { &rules::ARGUMENT_OPEN } else { &rules::ARGUMENT };
                    let must = if must(new, name) { "required" } else { "optional" };
                    let sense = json!([shown, must, canonical(&new["properties"][name])]);
                    self.say(rule, format!("{of} is new and {must}"), json!(null), sense);
                }
                _ => {
                    self.value(&shown, &old["properties"][name], &new["properties"][name]);
                    match (must(old, name), must(new, name)) {
                        (true, false) => self.say(
                            &rules::OPTIONAL,
                            format!("{of} may be left out"),
                            json!([shown, true]),
                            json!([shown, false]),
                        ),
                        (false, true) => self.say(
                            &rules::NARROWER,
                            format!("{of} is required"),
                            json!([shown, false]),
                            json!([shown, true]),
                        ),
                        _ => {}
                    }
                }
            }
        }
        let closed = |schema: &Value| schema.get("additionalProperties") == Some(&Value::Bool(false));
        let place = if prefix.is_empty() {
            format!("`{}`", self.name)
        } else {
            format!("`{}` of `{}`", prefix.trim_end_matches('.'), self.name)
        };
        match (closed(old), closed(new)) {
            (true, false) => self.say(
                &rules::WIDER,
                format!("{place} takes any further argument"),
                json!([prefix, "closed"]),
                json!([prefix, "open"]),
            ),
            (false, true) => self.say(
                &rules::NARROWER,
                format!("{place} takes no further argument"),
                json!([prefix, "open"]),
                json!([prefix, "closed"]),
            ),
            _ if old.get("additionalProperties") != new.get("additionalProperties") => {
                self.say(
                    &rules::SHAPE,
                    format!("{place} takes other further arguments"),
                    json!(old.get("additionalProperties")),
                    json!(new.get("additionalProperties")),
                );
            }
            _ => {}
        }
    }

    /// A new argument of a tool that can do harm, with no role.
    fn untraced(&self, prefix: &str, name: &str) -> bool {
        // What is not declared runs nowhere until somebody declares it.
        let Some(tool) = self.tool else { return false };
        let path = format!("/{}{name}", prefix.replace("[]", "/*").replace('.', "/"));
        let has_role =
            tool.meaning.roles.keys().any(|role| *role == path || role.starts_with(&format!("{path}/")));
        tool.tier != Tier::Safe && !has_role
    }

    fn value(&mut self, shown: &str, old: &Value, new: &Value) {
        let (old_form, new_form) = (canonical(old), canonical(new));
        if old_form == new_form {
            return;
        }
        let of = format!("`{shown}` of `{}`", self.name);
        self.text(&format!("the description of {of}"), old.get("description"), new.get("description"));
        let keywords: BTreeSet<&String> =
            [&old_form, &new_form].into_iter().filter_map(Value::as_object).flat_map(|o| o.keys()).collect();
        for keyword in keywords {
            let (was, is) = (old_form.get(keyword), new_form.get(keyword));
            if was == is || ELSEWHERE.contains(&keyword.as_str()) || keyword == "description" {
                continue;
            }
            let rule = match widens(keyword, was, is) {
                Some(true) => &rules::WIDER,
                Some(false) => &rules::NARROWER,
                None if SAYS.contains(&keyword.as_str()) => &rules::DESCRIPTION,
                None => &rules::WIDER,
            };
            let said = |value: Option<&Value>| value.map_or_else(|| "nothing".to_owned(), shown_short);
            let what = format!("{of}: {keyword} is {}, not {}", said(is), said(was));
            self.say(rule, what, json!([shown, keyword, was]), json!([shown, keyword, is]));
        }
        if old.get("items").is_some() || new.get("items").is_some() {
            self.value(&format!("{shown}[]"), &old["items"], &new["items"]);
        }
        if old.get("properties").is_some() || new.get("properties").is_some() {
            self.object(&format!("{shown}."), old, new);
        }
    }

    fn results(&mut self, old: &Value, new: &Value) {
        let (was, is) = (old.get("outputSchema").map(canonical), new.get("outputSchema").map(canonical));
        if was == is {
            return;
        }
        let fields = |schema: &Option<Value>| -> BTreeSet<String> {
            schema.as_ref().and_then(crate::schema::fields).unwrap_or_default()
        };
        let (before, after) = (fields(&was), fields(&is));
        let list = |fields: Vec<&String>| super::ticked(fields.iter().map(|f| f.trim_start_matches('/')));
        let (new, gone): (Vec<_>, Vec<_>) =
            (after.difference(&before).collect(), before.difference(&after).collect());
        let what = match (new.is_empty(), gone.is_empty()) {
            (true, true) => format!("what `{}` returns has other types or descriptions", self.name),
            (false, true) => format!("`{}` returns {} too", self.name, list(new)),
            (true, false) => format!("`{}` no longer returns {}", self.name, list(gone)),
            (false, false) => format!("`{}` returns {}, not {}", self.name, list(new), list(gone)),
        };
        self.say(&rules::RESULT, what, json!(was), json!(is));
    }

    fn annotations(&mut self, old: &Value, new: &Value) {
        let members =
            |tool: &Value| tool.get("annotations").and_then(Value::as_object).cloned().unwrap_or_default();
        let (before, after) = (members(old), members(new));
        let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        for name in names {
            let (was, is) = (before.get(name), after.get(name));
            if was == is {
                continue;
            }
            let said = |value: Option<&Value>| value.map_or_else(|| "nothing".to_owned(), shown);
            let what = format!("`{}` claims {name} = {}, not {}", self.name, said(is), said(was));
            let rule = if is.is_some_and(hides) { &rules::HIDDEN } else { &rules::ANNOTATION };
            self.say(rule, what, json!([name, was]), json!([name, is]));
        }
    }
}

/// Whether a keyword admits more than before; `None` when that can't be said.
fn widens(keyword: &str, was: Option<&Value>, is: Option<&Value>) -> Option<bool> {
    let compared = LOWER.contains(&keyword)
        || UPPER.contains(&keyword)
        || matches!(keyword, "enum" | "type" | "pattern" | "format" | "const" | "multipleOf" | "uniqueItems");
    match (was, is) {
        (Some(_), None) if compared => Some(true),
        (None, Some(_)) if compared => Some(false),
        (Some(was), Some(is)) if keyword == "enum" => {
            let has = |list: &Value, item: &Value| list.as_array().is_some_and(|list| list.contains(item));
            let within =
                |a: &Value, b: &Value| a.as_array().is_some_and(|a| a.iter().all(|item| has(b, item)));
            if within(is, was) { Some(false) } else { Some(true) }
        }
        (Some(was), Some(is)) if keyword == "type" => {
            let types = |value: &Value| -> BTreeSet<String> {
                match value {
                    Value::Array(many) => many.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
                    one => one.as_str().map(str::to_owned).into_iter().collect(),
                }
            };
            let (was, mut is) = (types(was), types(is));
            if was.contains("number") && is.remove("integer") {
                is.insert("number".to_owned());
            }
            if is.is_subset(&was) { Some(false) } else { Some(true) }
        }
        (Some(was), Some(is)) => {
            let (was, is) = (was.as_f64()?, is.as_f64()?);
            match () {
                () if LOWER.contains(&keyword) => Some(is < was),
                () if UPPER.contains(&keyword) => Some(is > was),
                () => None,
            }
        }
        _ => None,
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => format!("\"{}\"", show_hidden(text)),
        other => show_hidden(&other.to_string()),
    }
}

/// The longest value that a line repeats.
const SHOWN_MAX: usize = 120;

fn shown_short(value: &Value) -> String {
    let text = shown(value);
    if text.chars().count() <= SHOWN_MAX {
        return text;
    }
    format!("{}…", text.chars().take(SHOWN_MAX).collect::<String>())
}
