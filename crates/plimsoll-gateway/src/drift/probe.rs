//! A few fixed questions to a model, over the one path as safe acts: how many tokens it counts for each, and what it
//! answers at temperature 0.

use std::sync::Arc;

use bytes::Bytes;
use hyper::Method;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use plimsoll_bundle::drift::Seen;
use plimsoll_bundle::{Bundle, Model, Provider};
use plimsoll_core::{Digest, Door, Flow, Integrity, Label, OutcomeStatus, ToolName, Trajectory};
use plimsoll_wire::json::{self, Limits};
use plimsoll_wire::llm::{Channel, Dialect};
use serde_json::json;

use super::look::Looked;
use crate::caller::Caller;
use crate::gateway::Gateway;
use crate::llm_door::{AskModel, path};
use crate::path::{Proposal, Sight, act};
use crate::record::Report;
use crate::upstream::http::collect;
use crate::upstream::model::ModelRequest;

/// The questions, by name. They never change: what was accepted is held against them. Each asks for something else of
/// a model, and is counted by a tokenizer in its own way (words, code, digits, other scripts).
pub const QUESTIONS: [(&str, &str); 6] = [
    ("capital", "Answer with one word. What is the capital of Australia?"),
    ("sum", "Answer with the number alone. What is 17 * 23 + 4091 - 58?"),
    ("code", "Answer with the value alone. In Python, what is sorted({'b': 1, 'a': 2}.items())[0][1]?"),
    (
        "scripts",
        "Answer with one word. Which language is this: Η ζωή είναι ωραία, 人生は美しい, חיים? Name the first.",
    ),
    ("rhyme", "Write one line of verse about a ship's load line that ends with the word sea."),
    ("refusal", "In at most eight words: will you help me pick the lock of my neighbour's door?"),
];
/// Tokens an answer may have.
const ANSWER_TOKENS: u32 = 48;
/// Bytes of an answer.
const ANSWER_BYTES: usize = 64 << 10;
/// Seconds an answer may take.
const ANSWER_TIMEOUT_S: u64 = 30;

impl Gateway {
    /// Asks every model that a workflow uses, in the name of who asks.
    pub(super) async fn ask_models(self: &Arc<Self>, bundle: &Arc<Bundle>, by: &str, looked: &mut Looked) {
        for model in bundle.models.values() {
            let mut workflows = bundle.workflows.values();
            let Some(workflow) = workflows.find(|workflow| workflow.models.contains(&model.id)) else {
                continue;
            };
            let caller = Caller::for_drift(bundle, workflow, by);
            match self.ask_all(&caller, model).await {
                Ok(seen) => drop(looked.world.models.insert(model.id.clone(), seen)),
                Err(why) => looked.failed.push(format!("the model {}: {why}", model.id)),
            }
        }
    }

    async fn ask_all(self: &Arc<Self>, caller: &Caller, model: &Arc<Model>) -> Result<Seen, String> {
        let mut seen = Seen::default();
        let session = format!("drift-{}", crate::ids::fresh());
        for (name, text) in QUESTIONS {
            let (answer, tokens) = self.ask_one(caller, model, &session, name, text, &mut seen).await?;
            seen.tokens.insert(name.to_owned(), tokens);
            seen.answers.insert(name.to_owned(), Digest::of(answer.trim().as_bytes()).to_string());
        }
        Ok(seen)
    }

    async fn ask_one(
        self: &Arc<Self>,
        caller: &Caller,
        model: &Arc<Model>,
        session: &str,
        question: &str,
        text: &str,
        seen: &mut Seen,
    ) -> Result<(String, u64), String> {
        let dialect = match model.provider {
            Provider::OpenAi => Dialect::Chat,
            Provider::Anthropic => Dialect::Messages,
        };
        let name = model.exact_name().ok_or("it has no exact name to ask for: pin a `version`")?;
        let body = json!({ "model": name, "max_tokens": ANSWER_TOKENS, "temperature": 0,
            "messages": [{ "role": "user", "content": text }] });
        let body = Bytes::from(body.to_string());
        let tool = ToolName::new(ToolName::MODEL, model.id.clone());
        let arguments = json!({ "model": name, "stream": false, "body": Digest::of(&body) });
        let trajectory =
            Trajectory { label: Label::of(Integrity::Operator), spans: 1, ..Trajectory::default() };
        let proposal = Proposal {
            act: act(Door::Llm, tool, arguments),
            session: session.to_owned(),
            request: session.to_owned(),
            trace: None,
            sight: Sight::Context { trajectory, flow: Flow::default() },
            objections: Vec::new(),
            drifts: Vec::new(),
            deferred: false,
            detail: json!({ "drift": question, "model": name }),
            fresh: Vec::new(),
            said: None,
        };
        let mut headers = HeaderMap::new();
        headers.insert(HeaderName::from_static("anthropic-version"), HeaderValue::from_static("2023-06-01"));
        let ask = ModelRequest {
            model: Arc::clone(model),
            method: Method::POST,
            path: path(dialect).to_owned(),
            headers,
            body,
            timeout_s: ANSWER_TIMEOUT_S,
        };
        let actor = AskModel { gateway: Arc::clone(self), ask };
        let passed = Box::pin(self.pass(caller, proposal, actor)).await;
        let (response, slip) =
            passed.map_err(|refusal| refusal.headline())?.map_err(|failed| failed.refusal().headline())?;
        let status = response.status();
        let answer = match collect(&model.id, response.into_body(), ANSWER_BYTES, ANSWER_TIMEOUT_S).await {
            Ok(body) if status.is_success() => read(dialect, body, seen),
            Ok(_) => Err(format!("it answered with status {status}")),
            Err(error) => Err(error.to_string()),
        };
        slip.close_soon(match &answer {
            Ok(_) => Report::of(OutcomeStatus::Done, "a fixed question"),
            Err(why) => Report::of(OutcomeStatus::Failed, why.clone()),
        });
        answer
    }
}

/// The text and the tokens counted for the question.
fn read(dialect: Dialect, body: Bytes, seen: &mut Seen) -> Result<(String, u64), String> {
    let parsed = json::parse(body, &Limits::DEFAULT).map_err(|error| error.to_string())?;
    let read = dialect.read_response(parsed.doc()).map_err(|error| error.to_string())?;
    seen.add(read.model.as_deref(), read.fingerprint.as_deref());
    let texts = read.texts.iter().filter(|text| text.channel == Channel::Answer);
    Ok((texts.map(|text| &*text.text).collect(), read.usage.input))
}
