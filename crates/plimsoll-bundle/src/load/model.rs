//! `models/<id>.yaml` resolved.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Loading;
use super::project::is_loopback;
use crate::forms::ModelForm;
use crate::forms::model::ProviderForm;
use crate::model::{Model, Provider};
use crate::yaml::Document;

impl Loading<'_> {
    pub(super) fn model(&mut self, path: &str, name: &str) -> Option<Model> {
        let (form, doc): (ModelForm, _) = self.form(path)?;
        self.named(&doc, "model", &form.model, name);
        self.url(&doc, "/url", &form.url);
        for (i, pattern) in form.names.iter().enumerate() {
            if pattern.trim_end_matches('*').contains('*') || pattern.ends_with("**") {
                let message = format!("`{pattern}`: a `*` can only stand at the end, once");
                self.tell(doc.error("model/pattern", &format!("/names/{i}"), message));
            }
        }
        let credential = form.credential.as_deref().map(|text| self.secret(&doc, "/credential", text));
        let lock = self.model_lock(name);
        let url = form.url.trim_end_matches('/');
        Some(Model {
            id: name.to_owned(),
            provider: match form.provider {
                ProviderForm::OpenAi => Provider::OpenAi,
                ProviderForm::Anthropic => Provider::Anthropic,
            },
            url: url.strip_suffix("/v1").unwrap_or(url).to_owned(),
            credential,
            names: form.names,
            region: form.region,
            processor: form.processor,
            data_classes: form.data_classes,
            fallback: form.fallback,
            version: form.version,
            lock,
        })
    }

    pub(super) fn compare_models(&mut self, models: &BTreeMap<String, Arc<Model>>) {
        for (id, model) in models {
            let file = format!("models/{id}.yaml");
            let (Some(fallback), Some(doc)) = (&model.fallback, self.docs.get(&file).cloned()) else {
                continue;
            };
            if fallback == id {
                self.tell(doc.error("model/fallback", "/fallback", "a model can't be its own fallback"));
            } else if !models.contains_key(fallback) {
                let diagnostic =
                    doc.error("model/unknown", "/fallback", format!("there is no model `{fallback}`"));
                let of = format!("models/{fallback}.yaml");
                self.unknown(diagnostic, fallback, &of, models.keys().map(String::as_str));
            }
        }
    }

    /// An upstream's URL. Plain HTTP to another machine shows credentials to the network.
    pub(super) fn url(&mut self, doc: &Document, at: &str, url: &str) {
        if url.is_empty() || url.starts_with("https://") || is_loopback(url) || self.is_open_name(url) {
            return;
        }
        if url.starts_with("http://") {
            let message = "plain http to another machine: the credential and the data can be read on the way";
            self.tell(doc.warning("url/plain-http", at, message).help("use https://"));
        } else {
            self.tell(doc.error("url/form", at, "this is no http:// or https:// URL"));
        }
    }
}
