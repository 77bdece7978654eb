//! The three protocols behind one face: read a request, write an answer whole or as events, write an error.

use serde_json::{Value, json};

use super::answer::Answer;
use super::conversation::Conversation;
use super::{chat, messages, responses};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Chat,
    Responses,
    Messages,
}

/// One server-sent event.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Event {
    pub(crate) name: Option<&'static str>,
    pub(crate) data: String,
}

impl Event {
    pub(crate) fn named(name: &'static str, data: &Value) -> Self {
        Self { name: Some(name), data: data.to_string() }
    }

    pub(crate) fn bare(data: impl Into<String>) -> Self {
        Self { name: None, data: data.into() }
    }

    pub(crate) fn to_wire(&self) -> String {
        match self.name {
            Some(name) => format!("event: {name}\ndata: {}\n\n", self.data),
            None => format!("data: {}\n\n", self.data),
        }
    }
}

impl Dialect {
    /// The dialect spoken at a path, if it is one where the model answers.
    pub(crate) fn at(path: &str) -> Option<Self> {
        match path {
            "/v1/chat/completions" => Some(Self::Chat),
            "/v1/responses" => Some(Self::Responses),
            "/v1/messages" => Some(Self::Messages),
            _ => None,
        }
    }

    pub(crate) fn read(self, body: &Value) -> Result<Conversation, String> {
        let model = body.get("model").and_then(Value::as_str).ok_or("you must provide a model parameter")?;
        let mut conversation = match self {
            Self::Chat => chat::read(body)?,
            Self::Responses => responses::read(body)?,
            Self::Messages => messages::read(body)?,
        };
        conversation.model = model.to_owned();
        conversation.stream = body.get("stream").and_then(Value::as_bool).unwrap_or(false);
        Ok(conversation)
    }

    pub(crate) fn whole(self, request: &Value, asked: &Conversation, answer: &Answer) -> Value {
        match self {
            Self::Chat => chat::whole(asked, answer),
            Self::Responses => responses::whole(request, asked, answer),
            Self::Messages => messages::whole(asked, answer),
        }
    }

    pub(crate) fn events(self, request: &Value, asked: &Conversation, answer: &Answer) -> Vec<Event> {
        match self {
            Self::Chat => chat::events(asked, answer),
            Self::Responses => responses::events(request, asked, answer),
            Self::Messages => messages::events(asked, answer),
        }
    }

    /// An error as this protocol's SDKs expect it.
    pub(crate) fn error(self, status: u16, message: &str) -> Value {
        match self {
            Self::Messages => messages::error(status, message),
            Self::Chat | Self::Responses => openai_error(status, message),
        }
    }
}

pub(crate) fn openai_error(status: u16, message: &str) -> Value {
    let kind = match status {
        400..=428 => "invalid_request_error",
        429 => "rate_limit_error",
        _ => "server_error",
    };
    json!({ "error": { "message": message, "type": kind, "param": null, "code": null } })
}
