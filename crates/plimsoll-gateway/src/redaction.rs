//! The redactor as the gateway holds it: it learns the secrets of each release before that release serves, and never
//! forgets one. What a release held that is gone may still stand in a document, a log or a conversation.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use plimsoll_bundle::{Bundle, Reach, Secret};
use plimsoll_inspect::redact::Redactor;
use serde_json::Value;

/// A redactor that can be taught.
#[derive(Debug)]
pub struct Redaction {
    current: ArcSwap<Redactor>,
    /// Every secret that was ever held here, by where it came from.
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known(BTreeMap<(String, Arc<str>), ()>);

impl std::fmt::Debug for Known {
    /// Says how many, and none of them.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Known({} secrets)", self.0.len())
    }
}

impl Redaction {
    pub(crate) fn new(bundle: &Bundle) -> Self {
        let redaction = Self { current: ArcSwap::from_pointee(Redactor::new(&[])), known: Mutex::default() };
        redaction.learn(bundle);
        redaction
    }

    /// Takes in every credential that a bundle holds. When this returns, none of them is written down any more.
    pub(crate) fn learn(&self, bundle: &Bundle) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let before = known.0.len();
        for secret in secrets(bundle) {
            known.0.insert((secret.from.clone(), secret.reveal().into()), ());
        }
        if known.0.len() > before {
            let all: Vec<(&str, &str)> = known.0.keys().map(|(from, value)| (&**from, &**value)).collect();
            self.current.store(Arc::new(Redactor::new(&all)));
        }
    }

    /// The redactor of this moment, for what goes on for a while. Cheap.
    pub fn now(&self) -> Redactor {
        (**self.current.load()).clone()
    }

    /// The text without its secrets; the same text when there are none.
    pub fn redact<'t>(&self, text: &'t str) -> Cow<'t, str> {
        self.current.load().redact(text)
    }

    pub(crate) fn redact_json(&self, value: &Value) -> Value {
        self.current.load().redact_json(value)
    }

    pub(crate) fn clean_json(&self, value: &mut Value) -> u32 {
        self.current.load().clean_json(value)
    }

    pub(crate) fn redact_bytes_of_json(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        self.current.load().redact_bytes_of_json(bytes)
    }

    pub(crate) fn preview(&self, text: &str, chars: usize) -> String {
        self.current.load().preview(text, chars)
    }
}

/// Every credential of a bundle.
fn secrets(bundle: &Bundle) -> impl Iterator<Item = &Secret> {
    let models = bundle.models.values().filter_map(|model| model.credential.as_ref());
    let accounts = bundle.servers.values().flat_map(|server| server.accounts.values());
    let environments = bundle.servers.values().flat_map(|server| match &server.reach {
        Reach::Stdio { env, .. } => env.values().collect::<Vec<_>>(),
        Reach::Http { .. } | Reach::Local => Vec::new(),
    });
    let headers = bundle.project.telemetry.iter().flat_map(|otlp| otlp.headers.values());
    models.chain(accounts).chain(environments).chain(headers)
}
