//! Prompts: what they say, where they stand in the instruction hierarchy, who stands behind their variables.

use plimsoll_core::Integrity;
use serde_json::json;

use super::change::Change;
use super::rules;
use super::{Diffing, both};
use crate::model::{Bundle, Prompt, PromptRole};
use crate::pin::{is_hidden, show_hidden};

/// Shorter lines are too common to say that text moved.
const MOVED_MIN: usize = 20;
/// Lines of a rendered diff at most, and unchanged lines around a change.
const LINES_MAX: usize = 60;
const AROUND: usize = 2;

impl Diffing<'_> {
    pub(super) fn prompts(&mut self) {
        let (base, head) = (self.base, self.head);
        for (id, before, after) in both(&base.prompts, &head.prompts) {
            let file = format!("prompts/{id}.md");
            match (before, after) {
                (None, Some(new)) => {
                    let what = format!(
                        "`{id}` is new: a {} prompt of {} lines",
                        role(new.role),
                        new.text.lines().count()
                    );
                    let place = self.at(&file, "/id");
                    let sense = json!([role(new.role), new.digest.to_string()]);
                    self.tell(Change::new(&rules::PROMPT_ADDED, &[id], place, what, json!(null), sense));
                    self.variables(&file, new, None);
                    self.texts(&file, "", new);
                }
                (Some(_), None) => {
                    let place = self.was_at(&file, "/id");
                    self.tell(Change::new(
                        &rules::PROMPT_REMOVED,
                        &[id],
                        place,
                        format!("`{id}` is gone"),
                        json!(true),
                        json!(null),
                    ));
                }
                (Some(before), Some(after)) => self.prompt(&file, before, after),
                (None, None) => {}
            }
        }
    }

    fn prompt(&mut self, file: &str, was: &Prompt, is: &Prompt) {
        let id = &is.id;
        if was.role != is.role {
            let rule = if height(is.role) > height(was.role) {
                &rules::PROMPT_ROLE
            } else {
                &rules::PROMPT_ROLE_DOWN
            };
            let what = format!("`{id}` is {} text, not {}", role(is.role), role(was.role));
            self.tell(Change::new(
                rule,
                &[id],
                self.at(file, "/role"),
                what,
                json!(role(was.role)),
                json!(role(is.role)),
            ));
        }
        self.variables(file, is, Some(was));
        if was.version != is.version && was.digest == is.digest {
            let what =
                format!("`{id}` calls itself version {}, not {}, and says the same", is.version, was.version);
            self.tell(Change::new(
                &rules::PROMPT_VERSION,
                &[id],
                self.at(file, "/version"),
                what,
                json!(was.version),
                json!(is.version),
            ));
        }
        if was.owner.trim() != is.owner.trim() {
            let what = format!(
                "\"{}\" answers for the prompt `{id}`, not \"{}\"",
                is.owner.trim(),
                was.owner.trim()
            );
            self.tell(Change::new(
                &rules::PROMPT_OWNER,
                &[id],
                self.at(file, "/owner"),
                what,
                json!(was.owner.trim()),
                json!(is.owner.trim()),
            ));
        }
        if was.digest != is.digest {
            let same_version = if was.version == is.version { ", under the same version" } else { "" };
            let what = format!("`{id}` says something else{same_version}");
            let first = first_change(&was.text, &is.text);
            let place = first.map_or_else(|| self.at(file, "/id"), |line| self.at_head.text(file, line));
            let sense = (json!(was.digest.to_string()), json!(is.digest.to_string()));
            let lines = line_diff(&was.text, &is.text);
            self.tell(Change::new(&rules::PROMPT_TEXT, &[id], place, what, sense.0, sense.1).detail(lines));
            self.texts(file, &was.text, is);
        }
    }

    /// What new lines hide, and from where they came.
    fn texts(&mut self, file: &str, was: &str, is: &Prompt) {
        let id = &is.id;
        let old: std::collections::BTreeSet<&str> = was.lines().map(str::trim).collect();
        for line in is.text.lines().map(str::trim).filter(|line| !old.contains(line)) {
            let place = self.at_head.text(file, line);
            if line.chars().any(is_hidden) {
                let what =
                    format!("`{id}` holds characters that a reader can't see: \"{}\"", show_hidden(line));
                self.tell(Change::new(
                    &rules::PROMPT_HIDDEN,
                    &[id],
                    place.clone(),
                    what,
                    json!(null),
                    json!(line),
                ));
            }
            if let Some(from) = lower(self.base, line, is.role) {
                let what = format!(
                    "`{id}` says as {} text what {from} said: \"{}\"",
                    role(is.role),
                    show_hidden(line)
                );
                self.tell(Change::new(&rules::PROMPT_MOVED, &[id], place, what, json!(from), json!(line)));
            }
        }
    }

    fn variables(&mut self, file: &str, is: &Prompt, was: Option<&Prompt>) {
        let id = &is.id;
        let none = Default::default();
        let before = was.map_or(&none, |was| &was.variables);
        for (name, was_trust, trust) in both(before, &is.variables) {
            let subject = [id.as_str(), name.as_str()];
            let place = self.at(file, &crate::yaml::pointer(["variables", name]));
            let word = |trust: Option<&Integrity>| trust.map(|trust| trust.name());
            let (rule, what) = match (was_trust, trust) {
                (was, is) if was == is => continue,
                (None, Some(Integrity::Untrusted)) => {
                    (&rules::VARIABLE_OPEN, format!("`{id}` is fed by untrusted text, as `{name}`"))
                }
                (None, Some(_)) if was.is_none() => continue,
                (None, Some(trust)) => (
                    &rules::VARIABLE_NEW,
                    format!("`{id}` takes the variable `{name}`, of {} standing", trust.name()),
                ),
                (Some(before), Some(after)) if after > before => (
                    &rules::VARIABLE,
                    format!("`{name}` of `{id}` is believed as {}, not {}", after.name(), before.name()),
                ),
                (Some(before), Some(after)) => (
                    &rules::VARIABLE_OPEN,
                    format!("`{name}` of `{id}` is fed by {} text, not {}", after.name(), before.name()),
                ),
                (_, None) => (&rules::VARIABLE_GONE, format!("`{id}` no longer takes the variable `{name}`")),
            };
            self.tell(Change::new(rule, &subject, place, what, json!(word(was_trust)), json!(word(trust))));
        }
    }
}

/// Which text of lower standing in BASE said this line.
fn lower(base: &Bundle, line: &str, to: PromptRole) -> Option<String> {
    if line.chars().count() < MOVED_MIN {
        return None;
    }
    let below = base.prompts.values().filter(|prompt| height(prompt.role) < height(to));
    let prompt = below.into_iter().find(|prompt| prompt.text.lines().any(|old| old.trim() == line));
    let from_prompt = prompt.map(|prompt| format!("the {} prompt `{}`", role(prompt.role), prompt.id));
    let tools = || base.servers.values().flat_map(|server| server.tools.values());
    let says = |tool: &crate::model::Tool| {
        let text =
            tool.pin.as_ref().and_then(|pin| pin.tool.get("description")).and_then(|text| text.as_str());
        text.is_some_and(|text| text.contains(line))
    };
    from_prompt
        .or_else(|| tools().find(|tool| says(tool)).map(|tool| format!("the description of `{}`", tool.name)))
}

fn height(role: PromptRole) -> u8 {
    match role {
        PromptRole::User => 0,
        PromptRole::Developer => 1,
        PromptRole::System => 2,
    }
}

fn role(role: PromptRole) -> &'static str {
    match role {
        PromptRole::System => "system",
        PromptRole::Developer => "developer",
        PromptRole::User => "user",
    }
}

/// The first line of the new text that is not where the old one had it.
fn first_change<'t>(was: &str, is: &'t str) -> Option<&'t str> {
    let mut old = was.lines();
    is.lines().find(|line| old.next() != Some(*line) && !line.trim().is_empty())
}

/// `- old`, `+ new`, `  around`, with what a reader can't see written out.
pub(super) fn line_diff(was: &str, is: &str) -> Vec<String> {
    let (old, new): (Vec<&str>, Vec<&str>) = (was.lines().collect(), is.lines().collect());
    let kept = longest_common(&old, &new);
    let (mut i, mut j) = (0, 0);
    let mut all: Vec<(char, &str)> = Vec::new();
    for (a, b) in kept.into_iter().chain([(old.len(), new.len())]) {
        all.extend(old[i..a].iter().map(|line| ('-', *line)));
        all.extend(new[j..b].iter().map(|line| ('+', *line)));
        all.extend(old.get(a).map(|line| (' ', *line)));
        (i, j) = (a + 1, b + 1);
    }
    let near = |at: usize| {
        all.iter().enumerate().any(|(other, (mark, _))| *mark != ' ' && at.abs_diff(other) <= AROUND)
    };
    let mut lines: Vec<String> = Vec::new();
    for (at, (mark, line)) in all.iter().enumerate() {
        if near(at) {
            lines.push(format!("{mark} {}", show_hidden(line)));
        } else if lines.last().is_some_and(|last| last != "  …") {
            lines.push("  …".to_owned());
        }
    }
    if lines.len() > LINES_MAX {
        let rest = lines.len() - LINES_MAX;
        lines.truncate(LINES_MAX);
        lines.push(format!("  … and {rest} lines more"));
    }
    lines
}

/// Pairs of equal lines, in order, as many as there are. Prompts are short; a very long one is compared by
/// its equal beginning and end only.
fn longest_common(old: &[&str], new: &[&str]) -> Vec<(usize, usize)> {
    let start = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let room = (old.len() - start).min(new.len() - start);
    let end = (0..room).take_while(|k| old[old.len() - 1 - k] == new[new.len() - 1 - k]).count();
    let (a, b) = (&old[start..old.len() - end], &new[start..new.len() - end]);
    let mut pairs: Vec<(usize, usize)> = (0..start).map(|i| (i, i)).collect();
    if a.len() * b.len() <= 1_000_000 {
        let mut best = vec![vec![0_u32; b.len() + 1]; a.len() + 1];
        for i in (0..a.len()).rev() {
            for j in (0..b.len()).rev() {
                best[i][j] =
                    if a[i] == b[j] { best[i + 1][j + 1] + 1 } else { best[i + 1][j].max(best[i][j + 1]) };
            }
        }
        let (mut i, mut j) = (0, 0);
        while i < a.len() && j < b.len() {
            match () {
                () if a[i] == b[j] => {
                    pairs.push((start + i, start + j));
                    (i, j) = (i + 1, j + 1);
                }
                () if best[i + 1][j] >= best[i][j + 1] => i += 1,
                () => j += 1,
            }
        }
    }
    pairs.extend((0..end).rev().map(|k| (old.len() - 1 - k, new.len() - 1 - k)));
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_differ_with_their_surroundings() {
        let was = "a\nb\nc\nd\ne\nf\ng";
        let is = "a\nb\nc\nd\u{200b}\ne\nf\ng\nh";
        assert_eq!(
            line_diff(was, is),
            ["  b", "  c", "- d", "+ d<U+200B>", "  e", "  f", "  g", "+ h"]
                .iter()
                .map(|line| (*line).to_owned())
                .collect::<Vec<_>>()
        );
        assert!(line_diff(was, was).is_empty());
        assert_eq!(line_diff("", "x"), ["+ x"]);
    }
}
