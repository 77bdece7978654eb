//! From a recorded conversation to the steps of a drill: what the model was shown, in order, and what it wanted, with
//! what was decided on that day.

use std::collections::{HashMap, HashSet};

use plimsoll_bundle::replay::in_short;
use plimsoll_core::{Ruling, ToolName};
use plimsoll_wire::json::{self, Limits};
use plimsoll_wire::llm::{Dialect, Piece, Request, Role};
use serde_json::Value;

use super::tape::{Does, Door, Line, Tape};
use crate::llm_door::ask::path;

/// One step of a conversation.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
    System(String),
    User(String),
    Assistant(String),
    /// A call, with what was decided about it; a call that is on no record was made before, or elsewhere.
    Call {
        id: String,
        tool: String,
        args: Value,
        on_record: Option<OnRecord>,
    },
    Result {
        id: String,
        value: Value,
    },
}

/// What was decided that day, by rules, people and switches together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnRecord {
    pub entry: u64,
    pub ruling: Ruling,
    pub in_words: String,
}

/// The steps of a tape.
///
/// # Errors
/// A sentence, when a request of it can't be read as a conversation.
pub fn drill(tape: &Tape) -> Result<Vec<Told>, String> {
    let mut telling = Telling { later: at_tool_doors(tape), ..Telling::default() };
    for step in &tape.steps {
        let Does::Ask { text, door, redacted, .. } = &step.does else { continue };
        if *redacted {
            return Err(format!(
                "the request of entry {} held a secret, which is not on record: without it, it would be another",
                step.seq
            ));
        }
        if let Door::Llm { path, .. } = door {
            telling.request(path, text).map_err(|why| format!("the request of entry {}: {why}", step.seq))?;
            step.decided.iter().filter(|line| !line.is_of_a_model()).for_each(|line| telling.call(line));
        }
    }
    match telling.steps.iter().any(|step| matches!(step, Told::Call { on_record: Some(_), .. })) {
        true => Ok(telling.steps),
        false => Err("no model proposed an act in it".to_owned()),
    }
}

/// Decisions of tool doors, by tool and arguments, the first one last.
type Later = HashMap<(ToolName, plimsoll_core::Digest), Vec<Line>>;

/// A call that passed the LLM door is judged again at the tool door, and that is what counts.
fn at_tool_doors(tape: &Tape) -> Later {
    let mut later = Later::new();
    for step in tape.steps.iter().rev() {
        if let Does::Ask { door: Door::Tool { .. }, .. } = &step.does {
            for line in step.decided.iter().rev() {
                later.entry((line.tool.clone(), line.arguments)).or_default().push(line.clone());
            }
        }
    }
    later
}

#[derive(Default)]
struct Telling {
    steps: Vec<Told>,
    later: Later,
    /// How often each text was told: every request repeats those before it.
    told: HashMap<(u8, String, String), usize>,
    calls: HashSet<String>,
}

impl Telling {
    /// The texts of a request that are new.
    fn request(&mut self, at: &str, text: &str) -> Result<(), String> {
        let at = at.split('?').next().unwrap_or_default();
        let dialect = [Dialect::Chat, Dialect::Responses, Dialect::Messages];
        let dialect = dialect.into_iter().find(|dialect| path(*dialect) == at);
        let dialect = dialect.ok_or_else(|| format!("`{at}` is no conversation"))?;
        let parsed = json::parse(text, &Limits::DEFAULT).map_err(|error| error.to_string())?;
        let request = dialect.read_request(parsed.doc()).map_err(|error| error.to_string())?;
        let mut here: HashMap<(u8, String, String), usize> = HashMap::new();
        for piece in &request.pieces {
            let call = piece.tool_call_id.as_deref().unwrap_or_default().to_owned();
            let key = (piece.role as u8, call, piece.text.to_string());
            let count = here.entry(key.clone()).or_default();
            *count += 1;
            let told = self.told.entry(key).or_default();
            if *count > *told {
                *told = *count;
                self.piece(piece, &request);
            }
        }
        Ok(())
    }

    fn piece(&mut self, piece: &Piece<'_>, request: &Request<'_>) {
        let text = piece.text.to_string();
        match piece.role {
            Role::System | Role::Developer => self.steps.push(Told::System(text)),
            Role::User => self.steps.push(Told::User(text)),
            Role::Assistant => self.steps.push(Told::Assistant(text)),
            Role::Tool | Role::Other => {
                let id = piece.tool_call_id.as_deref().unwrap_or("elsewhere").to_owned();
                if self.calls.insert(id.clone()) {
                    let call = request.prior_calls.iter().rev().find(|call| call.id == id);
                    let tool = call.map_or("unknown", |call| &call.name).to_owned();
                    let args = call.and_then(|call| serde_json::from_str(&call.arguments).ok());
                    let args =
                        args.filter(Value::is_object).unwrap_or_else(|| Value::Object(Default::default()));
                    self.steps.push(Told::Call { id: id.clone(), tool, args, on_record: None });
                }
                let value =
                    serde_json::from_str(&text).ok().filter(|v: &Value| v.is_object() || v.is_array());
                self.steps.push(Told::Result { id, value: value.unwrap_or(Value::String(text)) });
            }
        }
    }

    fn call(&mut self, line: &Line) {
        let mut id = line.act.call_id.clone().unwrap_or_else(|| format!("entry-{}", line.seq));
        if !self.calls.insert(id.clone()) {
            id = format!("{id}-{}", line.seq);
            self.calls.insert(id.clone());
        }
        let later = match line.passed {
            true => self.later.get_mut(&(line.tool.clone(), line.arguments)).and_then(Vec::pop),
            false => None,
        };
        let last = later.as_ref().unwrap_or(line);
        let on_record =
            OnRecord { entry: last.seq, ruling: last.decision.ruling, in_words: in_short(&last.decision) };
        let (tool, args) = (line.tool.to_string(), line.act.arguments.clone());
        self.steps.push(Told::Call { id, tool, args, on_record: Some(on_record) });
    }
}
