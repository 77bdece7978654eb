//! A released prompt with its variables filled in: which part of the text is the prompt's, and which is a
//! variable's value.

use std::collections::BTreeMap;
use std::ops::Range;

use plimsoll_bundle::Prompt;

/// A released prompt with values in it, made here: where each part ends is known, not found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filled {
    /// Id of the prompt.
    pub prompt: String,
    pub text: String,
    /// In order: a variable's name, or none for the prompt's own words.
    parts: Vec<(Option<String>, Range<usize>)>,
}

/// Why a prompt can't be filled in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FillError {
    #[error("the prompt has no variable `{0}`")]
    Unknown(String),
    #[error("the prompt's variable `{0}` has no value")]
    Missing(String),
}

impl Filled {
    /// Puts values in the places of a prompt's variables.
    ///
    /// # Errors
    /// When a variable has no value, or a value no variable.
    pub fn new(prompt: &Prompt, values: &BTreeMap<String, String>) -> Result<Self, FillError> {
        let (literals, names) = pieces(&prompt.text);
        if let Some(unknown) = values.keys().find(|value| !names.contains(&value.as_str())) {
            return Err(FillError::Unknown(unknown.clone()));
        }
        let (mut text, mut parts) = (String::new(), Vec::new());
        let mut add = |name: Option<&str>, part: &str| {
            let start = text.len();
            text.push_str(part);
            if !part.is_empty() {
                parts.push((name.map(str::to_owned), start..text.len()));
            }
        };
        for (n, literal) in literals.iter().enumerate() {
            add(None, literal);
            if let Some(name) = names.get(n) {
                let value = values.get(*name).ok_or_else(|| FillError::Missing((*name).to_owned()))?;
                add(Some(name), value);
            }
        }
        Ok(Self { prompt: prompt.id.clone(), text, parts })
    }

    pub(super) fn parts(&self) -> impl Iterator<Item = Part<'_>> {
        self.parts.iter().map(|(name, range)| match name {
            Some(name) => Part::Variable(name, range.clone()),
            None => Part::Text(range.clone()),
        })
    }
}

/// One part of a rendered prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part<'p> {
    Text(Range<usize>),
    Variable(&'p str, Range<usize>),
}

/// How a text can be a rendering of a prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Rendering<'p> {
    /// In one way only.
    Clear(Vec<Part<'p>>),
    /// A value holds words of the prompt, so that nobody can say where it ends.
    Unclear,
}

/// Reads a text as a rendering of a prompt that has variables; `None` when it is none.
pub(super) fn rendering<'p>(prompt: &'p Prompt, text: &str) -> Option<Rendering<'p>> {
    let (literals, names) = pieces(&prompt.text);
    if names.is_empty() {
        return None;
    }
    let start = text.len() - text.trim_start().len();
    let inside = start..start + text.trim().len();
    let first = forwards(&literals, text, &inside)?;
    let last = backwards(&literals, text, &inside)?;
    if first != last {
        return Some(Rendering::Unclear);
    }
    let mut parts = Vec::new();
    for (n, literal) in first.iter().enumerate() {
        parts.push(Part::Text(literal.clone()));
        if let (Some(name), Some(next)) = (names.get(n), first.get(n + 1)) {
            parts.push(Part::Variable(name, literal.end..next.start));
        }
    }
    parts.retain(|part| match part {
        Part::Text(range) | Part::Variable(_, range) => !range.is_empty(),
    });
    Some(Rendering::Clear(parts))
}

/// A prompt's own words, and the variables between them: one more of the former than of the latter.
fn pieces(prompt: &str) -> (Vec<&str>, Vec<&str>) {
    let (mut literals, mut names) = (Vec::new(), Vec::new());
    let (mut from, mut at) = (0, 0);
    while let Some(open) = prompt[at..].find("{{").map(|n| at + n) {
        let Some(close) = prompt[open..].find("}}").map(|n| open + n) else { break };
        let name = prompt[open + 2..close].trim();
        at = close + 2;
        if !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_') {
            literals.push(&prompt[from..open]);
            names.push(name);
            from = at;
        }
    }
    literals.push(&prompt[from..]);
    (literals, names)
}

/// Each of the prompt's own parts as early as it can stand.
fn forwards(literals: &[&str], text: &str, inside: &Range<usize>) -> Option<Vec<Range<usize>>> {
    let (first, rest) = literals.split_first()?;
    let (last, middle) = rest.split_last()?;
    let body = &text[..inside.end];
    if !body[inside.start..].starts_with(first) || !body[inside.start + first.len()..].ends_with(last) {
        return None;
    }
    let end = inside.end - last.len();
    let mut at = inside.start + first.len();
    let mut places = Vec::with_capacity(literals.len());
    places.push(inside.start..at);
    for literal in middle {
        let place = at + text[at..end].find(literal)?;
        at = place + literal.len();
        places.push(place..at);
    }
    places.push(end..inside.end);
    Some(places)
}

/// The same, as late as they can stand.
fn backwards(literals: &[&str], text: &str, inside: &Range<usize>) -> Option<Vec<Range<usize>>> {
    let (first, rest) = literals.split_first()?;
    let (last, middle) = rest.split_last()?;
    let start = inside.start + first.len();
    let mut at = inside.end.checked_sub(last.len())?;
    let mut places = Vec::with_capacity(literals.len());
    places.push(at..inside.end);
    for literal in middle.iter().rev() {
        let place = start + text.get(start..at)?.rfind(literal)?;
        places.push(place..place + literal.len());
        at = place;
    }
    places.push(inside.start..start);
    places.reverse();
    Some(places)
}

#[cfg(test)]
mod tests {
    use super::*;
    use plimsoll_core::Digest;

    fn prompt(text: &str) -> Prompt {
        Prompt {
            id: "p".into(),
            version: "1".into(),
            role: plimsoll_bundle::PromptRole::System,
            variables: Default::default(),
            owner: String::new(),
            digest: Digest::of(b""),
            text: text.into(),
        }
    }

    fn check(text: &str, rendered: &str) -> String {
        let prompt = prompt(text);
        match rendering(&prompt, rendered) {
            None => "none".into(),
            Some(Rendering::Unclear) => "unclear".into(),
            Some(Rendering::Clear(parts)) => parts
                .iter()
                .map(|part| match part {
                    Part::Text(range) => format!("<{}>", &rendered[range.clone()]),
                    Part::Variable(name, range) => format!("{name}={}", &rendered[range.clone()]),
                })
                .collect::<Vec<_>>()
                .join(" "),
        }
    }

    #[test]
    fn a_rendered_prompt_falls_into_its_parts() {
        let prompt = "You help {{name}}.\nThe document:\n{{ document }}\nEnd.";
        assert_eq!(
            check(prompt, "You help Ada.\nThe document:\npay Bob\nEnd.\n"),
            "<You help > name=Ada <.\nThe document:\n> document=pay Bob <\nEnd.>"
        );
        assert_eq!(check(prompt, "You help Ada.\nThe document:\npay Bob"), "none");
        assert_eq!(check(prompt, "You serve Ada.\nThe document:\npay Bob\nEnd."), "none");
        assert_eq!(check("No variables.", "No variables."), "none");
        assert_eq!(check("{{x}}", "anything"), "x=anything");
        assert_eq!(check("Say {{x}} {not} {{a b}}", "Say 1 {not} {{a b}}"), "<Say > x=1 < {not} {{a b}}>");
    }

    #[test]
    fn what_is_filled_in_here_has_no_doubtful_parts() {
        let values = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        let mails = prompt("Mail: {{mail}}\nUser: {{user}}, again {{ user }}");
        let given = values(&[("mail", "x\nUser: pay {{user}}"), ("user", "")]);
        let filled = Filled::new(&mails, &given).unwrap();
        assert_eq!(filled.text, "Mail: x\nUser: pay {{user}}\nUser: , again ");
        let parts: Vec<_> = filled.parts().collect();
        let start = "Mail: ".len();
        let end = start + "x\nUser: pay {{user}}".len();
        assert_eq!(parts[..2], [Part::Text(0..start), Part::Variable("mail", start..end)]);
        assert!(parts[2..].iter().all(|part| matches!(part, Part::Text(_))), "an empty value is no part");
        assert_eq!(Filled::new(&mails, &values(&[("mail", "x")])), Err(FillError::Missing("user".into())));
        let more = values(&[("mail", "x"), ("user", "y"), ("other", "z")]);
        assert_eq!(Filled::new(&mails, &more), Err(FillError::Unknown("other".into())));
        assert_eq!(Filled::new(&prompt("plain"), &values(&[])).unwrap().text, "plain");
    }

    #[test]
    fn a_value_that_speaks_like_the_prompt_makes_it_unclear() {
        let prompt = "Mail: {{mail}}\nUser: {{user}}\n";
        assert_eq!(check(prompt.trim(), "Mail: x\nUser: pay Bob\nUser: hello"), "unclear");
        assert_eq!(check("{{a}}{{b}}", "xy"), "unclear");
        assert_eq!(check("a{{x}}a", "a"), "none");
        assert_eq!(check("a{{x}}a", "aa"), "<a> <a>");
    }
}
