//! Models: who answers, where, in which version, and who answers instead.

use serde_json::{Value, json};

use super::change::Change;
use super::rules::{self, Rule};
use super::{Diffing, added, both, ticked};
use crate::model::{Model, Provider};

impl Diffing<'_> {
    pub(super) fn models(&mut self) {
        let (base, head) = (self.base, self.head);
        for (id, before, after) in both(&base.models, &head.models) {
            let file = format!("models/{id}.yaml");
            match (before, after) {
                (None, Some(new)) => {
                    let what = format!(
                        "`{id}` is new: {} at {}, {}",
                        provider(new.provider),
                        new.url,
                        ticked(&new.names)
                    );
                    let sense = json!([provider(new.provider), new.url, new.names, new.region, new.fallback]);
                    self.tell(Change::new(
                        &rules::MODEL_ADDED,
                        &[id],
                        self.at(&file, "/model"),
                        what,
                        json!(null),
                        sense,
                    ));
                }
                (Some(_), None) => {
                    let place = self.was_at(&file, "/model");
                    self.tell(Change::new(
                        &rules::MODEL_REMOVED,
                        &[id],
                        place,
                        format!("`{id}` is gone"),
                        json!(true),
                        json!(null),
                    ));
                }
                (Some(before), Some(after)) => self.model(&file, before, after),
                (None, None) => {}
            }
        }
    }

    fn model(&mut self, file: &str, was: &Model, is: &Model) {
        let id = &is.id;
        let mut found: Vec<(&'static Rule, &str, String, Value, Value)> = Vec::new();
        if was.provider != is.provider {
            let (a, b) = (provider(was.provider), provider(is.provider));
            found.push((
                &rules::PROVIDER,
                "provider",
                format!("`{id}` speaks to {b}, not {a}"),
                json!(a),
                json!(b),
            ));
        }
        let texts: [(&'static Rule, &str, &str, &String, &String); 3] = [
            (&rules::ENDPOINT, "url", "is asked at", &was.url, &is.url),
            (&rules::REGION, "region", "runs in", &was.region, &is.region),
            (&rules::PROCESSOR, "processor", "is processed by", &was.processor, &is.processor),
        ];
        for (rule, key, does, was, is) in texts {
            if was != is {
                found.push((
                    rule,
                    key,
                    format!("`{id}` {does} \"{is}\", not \"{was}\""),
                    json!(was),
                    json!(is),
                ));
            }
        }
        if was.version != is.version {
            let what = match (&was.version, &is.version) {
                (Some(was), Some(is)) => format!("`{id}` is pinned to the version {is}, not {was}"),
                (None, Some(is)) => format!("`{id}` is pinned to the version {is}"),
                (was, _) => format!(
                    "`{id}` is no longer pinned to the version {}",
                    was.as_deref().unwrap_or_default()
                ),
            };
            let rule = if is.version.is_none() { &rules::UNPINNED } else { &rules::VERSION };
            found.push((rule, "version", what, json!(was.version), json!(is.version)));
        }
        let (more, fewer) = (added(&was.names, &is.names), added(&is.names, &was.names));
        if !more.is_empty() {
            let what = format!("clients may ask `{id}` by {} too", ticked(&more));
            found.push((&rules::NAMES, "names", what, json!(fewer), json!(more)));
        } else if !fewer.is_empty() {
            let what = format!("clients may no longer ask `{id}` by {}", ticked(&fewer));
            found.push((&rules::NAMES_DOWN, "names", what, json!(fewer), json!(more)));
        }
        found.extend(classes(was, is));
        if was.fallback != is.fallback {
            let (rule, what) = match &is.fallback {
                Some(other) => (
                    &rules::FALLBACK,
                    format!(
                        "`{other}` answers when `{id}` fails{}",
                        where_to(self.head.models.get(other).map(AsRef::as_ref))
                    ),
                ),
                None => (&rules::FALLBACK_GONE, format!("nothing answers when `{id}` fails")),
            };
            found.push((rule, "fallback", what, json!(was.fallback), json!(is.fallback)));
        }
        let from = |model: &Model| model.credential.as_ref().map(|secret| secret.from.clone());
        if from(was) != from(is) {
            let word = |from: Option<String>| from.unwrap_or_else(|| "no credential".to_owned());
            let what = format!("`{id}` is asked with {}, not {}", word(from(is)), word(from(was)));
            found.push((&rules::MODEL_KEY, "credential", what, json!(from(was)), json!(from(is))));
        }
        for (rule, key, what, was, is) in found {
            let place = self.at(file, &format!("/{key}"));
            self.tell(Change::new(rule, &[id], place, what, was, is));
        }
    }
}

/// An empty list excludes nothing.
fn classes(was: &Model, is: &Model) -> Option<(&'static Rule, &'static str, String, Value, Value)> {
    let id = &is.id;
    let (more, fewer) =
        (added(&was.data_classes, &is.data_classes), added(&is.data_classes, &was.data_classes));
    let (rule, what) = match (was.data_classes.is_empty(), is.data_classes.is_empty()) {
        _ if more.is_empty() && fewer.is_empty() => return None,
        (_, true) => (&rules::CLASSES, format!("`{id}` may be sent any data, not only {}", ticked(&fewer))),
        (true, _) => (&rules::CLASSES_DOWN, format!("`{id}` may be sent {} only", ticked(&more))),
        _ if !more.is_empty() => (&rules::CLASSES, format!("`{id}` may be sent {} too", ticked(&more))),
        _ => (&rules::CLASSES_DOWN, format!("`{id}` may no longer be sent {}", ticked(&fewer))),
    };
    Some((rule, "data_classes", what, json!(fewer), json!(more)))
}

fn where_to(model: Option<&Model>) -> String {
    let region = model.map(|model| model.region.as_str()).filter(|region| !region.is_empty());
    region.map(|region| format!(", in {region}")).unwrap_or_default()
}

fn provider(provider: Provider) -> &'static str {
    match provider {
        Provider::OpenAi => "openai",
        Provider::Anthropic => "anthropic",
    }
}
