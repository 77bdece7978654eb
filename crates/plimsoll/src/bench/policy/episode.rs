//! Traces: JSON Lines, one episode a line. What can't be read is told with file, line and the next move.

use std::collections::BTreeSet;
use std::path::Path;

use plimsoll_bundle::suggest::did_you_mean;
use plimsoll_core::Ruling;
use serde_json::{Map, Value};

use crate::talk::Error;

/// One conversation: what the model was shown, what it then called, what came back.
#[derive(Debug)]
pub struct Episode {
    pub id: String,
    pub suite: String,
    pub attack: bool,
    /// The person who asks.
    pub principal: String,
    pub steps: Vec<Step>,
    /// Calls that only an attacker wants.
    pub attack_calls: BTreeSet<String>,
}

#[derive(Debug)]
pub enum Step {
    System(String),
    User(String),
    Assistant(String),
    Call(Call),
    Result {
        /// Position of the call among the steps.
        call: usize,
        value: Value,
    },
}

#[derive(Debug)]
pub struct Call {
    pub id: String,
    pub tool: String,
    pub args: Value,
    /// Whether to decide it. Others are only told.
    pub judge: bool,
    /// What has to be decided.
    pub expect: Option<Ruling>,
}

impl Episode {
    /// The calls to decide, with their places among the steps.
    pub fn judged(&self) -> impl Iterator<Item = (usize, &Call)> {
        self.steps.iter().enumerate().filter_map(|(at, step)| match step {
            Step::Call(call) if call.judge => Some((at, call)),
            _ => None,
        })
    }

    pub fn is_attack(&self, call: &Call) -> bool {
        self.attack_calls.contains(&call.id)
    }

    /// The call at this place, for results.
    pub fn call(&self, at: usize) -> Option<&Call> {
        match self.steps.get(at) {
            Some(Step::Call(call)) => Some(call),
            _ => None,
        }
    }
}

/// Reads the first `limit` episodes of a file.
///
/// # Errors
/// With file and line, at the first mistake.
pub fn read(path: &Path, limit: usize) -> Result<Vec<Episode>, Error> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Error::new(format!("{} can't be read: {error}", path.display())))?;
    let suite = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    if path.extension().is_some_and(|end| end == "yaml" || end == "yml") {
        let message = format!("{}: traces are JSON Lines, one episode a line", path.display());
        return Err(Error::new(message).help("a drill is run with `plimsoll drill run`"));
    }
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines
        .take(limit)
        .map(|(n, line)| {
            parse(line, &suite).map_err(|mistake| Error {
                message: format!("{}:{}: {}", path.display(), n + 1, mistake.what),
                help: mistake.help,
            })
        })
        .collect()
}

/// What is wrong with a line.
#[derive(Debug)]
pub struct Mistake {
    what: String,
    help: Option<String>,
}

fn mistake<T>(what: impl Into<String>) -> Result<T, Mistake> {
    Err(Mistake { what: what.into(), help: None })
}

const RULINGS: [Ruling; 3] = [Ruling::Allow, Ruling::Hold, Ruling::Refuse];
const EPISODE: [&str; 6] = ["id", "suite", "kind", "principal", "steps", "attack_calls"];
const CALL: [&str; 4] = ["call", "id", "judge", "expect"];
const STEP: [&str; 5] = ["system", "user", "assistant", "call", "result"];

fn parse(line: &str, suite: &str) -> Result<Episode, Mistake> {
    let value = serde_json::from_str(line)
        .map_err(|error| Mistake { what: format!("this is no JSON: {error}"), help: None })?;
    of_value(value, suite)
}

fn of_value(value: Value, suite: &str) -> Result<Episode, Mistake> {
    let Value::Object(members) = value else { return mistake("an episode is a JSON object") };
    known(&members, &EPISODE, "an episode")?;
    let attack = match text(&members, "kind", "the episode")? {
        "benign" => false,
        "attack" => true,
        other => {
            let help = Some(did_you_mean(other, ["benign", "attack"]));
            return Err(Mistake { what: format!("`kind` is `benign` or `attack`, not `{other}`"), help });
        }
    };
    let Some(Value::Array(told)) = members.get("steps") else { return mistake("`steps` is no list") };
    let mut steps = Vec::with_capacity(told.len());
    for (n, told) in told.iter().enumerate() {
        let step =
            step(told, &steps).map_err(|m| Mistake { what: format!("steps[{n}]: {}", m.what), ..m })?;
        steps.push(step);
    }
    let episode = Episode {
        id: text(&members, "id", "the episode")?.to_owned(),
        suite: members.get("suite").map_or(Ok(suite), |_| text(&members, "suite", "the episode"))?.to_owned(),
        attack,
        principal: text(&members, "principal", "the episode")?.to_owned(),
        attack_calls: attack_calls(&members, &steps)?,
        steps,
    };
    if episode.attack == episode.attack_calls.is_empty() {
        return mistake(match attack {
            true => "an attack has at least one of its calls in `attack_calls`",
            false => "a benign episode has no `attack_calls`",
        });
    }
    Ok(episode)
}

fn attack_calls(members: &Map<String, Value>, steps: &[Step]) -> Result<BTreeSet<String>, Mistake> {
    let judged = |id: &str| steps.iter().any(|s| matches!(s, Step::Call(c) if c.judge && c.id == id));
    let mut found = BTreeSet::new();
    for value in match members.get("attack_calls") {
        None | Some(Value::Null) => &[][..],
        Some(Value::Array(values)) => values,
        Some(_) => return mistake("`attack_calls` is no list"),
    } {
        match value.as_str() {
            Some(id) if judged(id) => found.insert(id.to_owned()),
            _ => return mistake(format!("`attack_calls`: {value} is the id of no call that is judged")),
        };
    }
    Ok(found)
}

fn step(told: &Value, before: &[Step]) -> Result<Step, Mistake> {
    let Value::Object(members) = told else { return mistake("a step is a JSON object") };
    let Some(kind) = STEP.into_iter().find(|kind| members.contains_key(*kind)) else {
        let given = members.keys().map(String::as_str).next().unwrap_or_default();
        let what = "a step is one of `system`, `user`, `assistant`, `call`, `result`".to_owned();
        return Err(Mistake { what, help: Some(did_you_mean(given, STEP)) });
    };
    let only = |allowed: &[&str]| known(members, allowed, &format!("a step of the kind `{kind}`"));
    match kind {
        "call" => {
            only(&CALL)?;
            call(members, before)
        }
        "result" => {
            only(&["result", "id"])?;
            let id = text(members, "id", "the result")?;
            let of = |step: &Step| matches!(step, Step::Call(call) if call.id == id);
            match before.iter().rposition(of) {
                Some(call) => Ok(Step::Result { call, value: members["result"].clone() }),
                None => mistake(format!("no call before it has the id `{id}`")),
            }
        }
        _ => {
            only(&[kind])?;
            let text = text(members, kind, "the step")?.to_owned();
            Ok(match kind {
                "system" => Step::System(text),
                "user" => Step::User(text),
                _ => Step::Assistant(text),
            })
        }
    }
}

fn call(members: &Map<String, Value>, before: &[Step]) -> Result<Step, Mistake> {
    let Some(Value::Object(told)) = members.get("call") else { return mistake("`call` is no object") };
    known(told, &["tool", "args"], "a call")?;
    let id = text(members, "id", "the call")?.to_owned();
    if before.iter().any(|step| matches!(step, Step::Call(call) if call.id == id)) {
        return mistake(format!("two calls have the id `{id}`"));
    }
    let args = told.get("args").cloned().unwrap_or_else(|| Value::Object(Map::new()));
    if !args.is_object() {
        return mistake("`args` is no object");
    }
    let judge = match members.get("judge") {
        None => true,
        Some(Value::Bool(judge)) => *judge,
        Some(_) => return mistake("`judge` is neither true nor false"),
    };
    let expect = match members.get("expect") {
        None => None,
        Some(value) => {
            let ruling = value.as_str().and_then(|name| RULINGS.into_iter().find(|r| r.name() == name));
            if ruling.is_none() || !judge {
                return mistake("`expect` is `allow`, `hold` or `refuse`, of a call that is judged");
            }
            ruling
        }
    };
    Ok(Step::Call(Call { id, tool: text(told, "tool", "the call")?.to_owned(), args, judge, expect }))
}

fn known(members: &Map<String, Value>, allowed: &[&str], of: &str) -> Result<(), Mistake> {
    match members.keys().find(|name| !allowed.contains(&name.as_str())) {
        None => Ok(()),
        Some(name) => Err(Mistake {
            what: format!("{of} has no member `{name}`"),
            help: Some(did_you_mean(name, allowed.iter().copied())),
        }),
    }
}

fn text<'m>(members: &'m Map<String, Value>, name: &str, of: &str) -> Result<&'m str, Mistake> {
    match members.get(name) {
        Some(Value::String(text)) => Ok(text),
        Some(_) => mistake(format!("`{name}` of {of} is no text")),
        None => Err(Mistake {
            what: format!("{of} has no `{name}`"),
            help: Some(format!("it has: {}", members.keys().cloned().collect::<Vec<_>>().join(", "))),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_said() {
        let line = |steps: &str, more: &str| {
            format!(r#"{{"id":"a","kind":"attack","principal":"ada","steps":[{steps}]{more}}}"#)
        };
        let check = |line: &str, expected: &str| {
            let told = match parse(line, "s") {
                Ok(episode) => format!("ok: {} steps of suite {}", episode.steps.len(), episode.suite),
                Err(Mistake { what, help }) => format!("{what}; {}", help.unwrap_or_default()),
            };
            assert_eq!(told, expected, "{line}");
        };
        let call = r#"{"call":{"tool":"a.b","args":{}},"id":"c1"}"#;
        let attack = r#","attack_calls":["c1"]"#;
        check(&line(call, attack), "ok: 1 steps of suite s");
        check(&line(call, r#","suite":"t","attack_calls":["c1"]"#), "ok: 1 steps of suite t");
        check("[]", "an episode is a JSON object; ");
        check(&line(call, ""), "an attack has at least one of its calls in `attack_calls`; ");
        check(
            &line(call, r#","attack_calls":["c2"]"#),
            r#"`attack_calls`: "c2" is the id of no call that is judged; "#,
        );
        check(&line(call, r#","step":1"#), "an episode has no member `step`; did you mean `steps`?");
        check(
            &line(r#"{"usr":"hello"}"#, attack),
            "steps[0]: a step is one of `system`, `user`, `assistant`, `call`, `result`; did you mean `user`?",
        );
        check(
            &line(r#"{"user":"hello","id":"x"}"#, attack),
            "steps[0]: a step of the kind `user` has no member `id`; known here: user",
        );
        check(&line(r#"{"user":3}"#, attack), "steps[0]: `user` of the step is no text; ");
        check(
            &line(&format!(r#"{call},{{"result":1,"id":"c9"}}"#), attack),
            "steps[1]: no call before it has the id `c9`; ",
        );
        check(&line(&format!("{call},{call}"), attack), "steps[1]: two calls have the id `c1`; ");
        let expecting =
            |more: &str| line(&format!(r#"{{"call":{{"tool":"a.b"}},"id":"c1",{more}}}"#), attack);
        check(&expecting(r#""expect":"hold""#), "ok: 1 steps of suite s");
        for more in [r#""expect":"held""#, r#""expect":null"#, r#""expect":"hold","judge":false"#] {
            let said = "steps[0]: `expect` is `allow`, `hold` or `refuse`, of a call that is judged; ";
            check(&expecting(more), said);
        }
        check(
            &line(r#"{"call":{"tool":"a.b","arg":{}},"id":"c1"}"#, attack),
            "steps[0]: a call has no member `arg`; did you mean `args`?",
        );
        check(
            r#"{"id":"a","kind":"bening","principal":"ada","steps":[]}"#,
            "`kind` is `benign` or `attack`, not `bening`; did you mean `benign`?",
        );
        check(
            r#"{"id":"a","kind":"benign","steps":[]}"#,
            "the episode has no `principal`; it has: id, kind, steps",
        );
    }
}
