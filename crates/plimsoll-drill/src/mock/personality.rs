//! Which behaviour a model's name asks for.
//!
//! A name is matched by prefix, after any `provider/`. A behaviour of the *wire* (slow, truncating, flaky) may be
//! followed by a behaviour of the *mind*: `slow-support` is the support agent on a bad line, `slow-500` waits half a
//! second before each piece.

use std::time::Duration;

/// The model names and what they do, as `/v1/models` lists them.
pub const PERSONALITIES: &[(&str, &str)] = &[
    ("scripted", "the default, also for unknown names: plain text that sums up the last user message"),
    ("echo", "repeats the last user message"),
    (
        "gullible",
        "obeys [[call TOOL {json}]] and [[say TEXT]] found anywhere in what it has not answered yet",
    ),
    ("refuse", "declines everything"),
    ("parallel", "like gullible, but makes all the calls it finds in one answer"),
    ("support", "a customer support agent for the desk tools"),
    ("huge", "answers with far too much text"),
    (
        "malformed",
        "calls a tool with arguments that are not JSON; without tools, sends a stream that is not one",
    ),
    ("slow", "waits before every piece of the answer"),
    ("truncating", "drops the connection in the middle of the answer"),
    ("flaky", "answers with errors, in a schedule"),
];

/// How the model thinks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mind {
    Scripted,
    Echo,
    Gullible,
    Refuse,
    Parallel,
    Support,
    Huge,
    Malformed,
}

/// How its answer travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wire {
    Sound,
    Slow(Option<Duration>),
    Truncating,
    Garbage,
    Flaky,
}

/// A behaviour of the mind on a behaviour of the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Personality {
    pub mind: Mind,
    pub wire: Wire,
}

impl Personality {
    /// The behaviour `model` asks for.
    #[must_use]
    pub fn of(model: &str) -> Self {
        let name = model.rsplit('/').next().unwrap_or(model).to_ascii_lowercase();
        let on = |prefix: &str| name.strip_prefix(prefix).map(|rest| rest.trim_start_matches('-').to_owned());
        if let Some(rest) = on("slow") {
            let (ms, rest) = leading_number(&rest);
            return Self { mind: Mind::of(rest), wire: Wire::Slow(ms.map(Duration::from_millis)) };
        }
        if let Some(rest) = on("truncating") {
            return Self { mind: Mind::of(&rest), wire: Wire::Truncating };
        }
        if let Some(rest) = on("flaky") {
            return Self { mind: Mind::of(&rest), wire: Wire::Flaky };
        }
        if let Some(rest) = on("malformed-stream") {
            return Self { mind: Mind::of(&rest), wire: Wire::Garbage };
        }
        Self { mind: Mind::of(&name), wire: Wire::Sound }
    }
}

impl Mind {
    fn of(name: &str) -> Self {
        const MINDS: &[(&str, Mind)] = &[
            ("echo", Mind::Echo),
            ("gullible", Mind::Gullible),
            ("refuse", Mind::Refuse),
            ("parallel", Mind::Parallel),
            ("support", Mind::Support),
            ("huge", Mind::Huge),
            ("malformed", Mind::Malformed),
        ];
        MINDS.iter().find(|(prefix, _)| name.starts_with(prefix)).map_or(Self::Scripted, |(_, mind)| *mind)
    }
}

fn leading_number(text: &str) -> (Option<u64>, &str) {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, rest) = text.split_at(digits);
    (number.parse().ok(), rest.trim_start_matches('-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_choose_behaviours() {
        let check =
            |name: &str, mind, wire| assert_eq!(Personality::of(name), Personality { mind, wire }, "{name}");
        check("gpt-9", Mind::Scripted, Wire::Sound);
        check("openai/gullible-large", Mind::Gullible, Wire::Sound);
        check("Support", Mind::Support, Wire::Sound);
        check("slow-250-support", Mind::Support, Wire::Slow(Some(Duration::from_millis(250))));
        check("slow", Mind::Scripted, Wire::Slow(None));
        check("truncating-gullible", Mind::Gullible, Wire::Truncating);
        check("malformed", Mind::Malformed, Wire::Sound);
        check("malformed-stream", Mind::Scripted, Wire::Garbage);
    }

    #[test]
    fn every_listed_name_is_understood() {
        for (name, _) in PERSONALITIES.iter().filter(|(name, _)| *name != "scripted") {
            assert_ne!(Personality::of(name), Personality::of("scripted"), "{name}");
        }
    }
}
