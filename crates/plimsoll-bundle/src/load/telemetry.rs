//! `telemetry` of plimsoll.yaml: where the record is told while it is made.

use std::collections::BTreeMap;

use super::Loading;
use crate::forms::{IncludeForm, OtlpForm};
use crate::model::Otlp;
use crate::yaml::{Document, pointer};

impl Loading<'_> {
    pub(super) fn otlp(&mut self, doc: &Document, form: &OtlpForm) -> Otlp {
        self.url(doc, "/telemetry/otlp/endpoint", &form.endpoint);
        let mut headers = BTreeMap::new();
        for (name, value) in &form.headers {
            let at = pointer(["telemetry", "otlp", "headers", name]);
            let is_token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
            if name.is_empty() || !name.bytes().all(is_token) {
                self.tell(doc.error(
                    "telemetry/header",
                    &at,
                    format!("`{name}` can't be the name of a header"),
                ));
                continue;
            }
            headers.insert(name.to_ascii_lowercase(), self.secret(doc, &at, value));
        }
        Otlp {
            endpoint: form.endpoint.trim_end_matches('/').to_owned(),
            headers,
            identity: form.include.contains(&IncludeForm::Identity),
            arguments: form.include.contains(&IncludeForm::Arguments),
            content: form.include.contains(&IncludeForm::Content),
        }
    }
}
