//! What was found out about an act, in sentences: whether its user asked for it, what it carries, and what the model
//! had seen before.

use plimsoll_core::{Effect, Integrity, Intent, Payload, Trajectory};
use serde::Serialize;

use super::shown;

/// One sentence about an act.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fact {
    /// `asked`, `carries`, `saw`.
    pub about: &'static str,
    pub text: String,
    /// Somebody should look at it.
    pub warns: bool,
}

impl Fact {
    /// The sentence by itself.
    pub fn about_text(&self) -> String {
        match self.about {
            "carries" => format!("it carries {}", self.text),
            _ => self.text.clone(),
        }
    }
}

/// Everything that is worth saying, most telling last.
pub fn facts(
    intent: &Intent,
    payload: &Payload,
    trajectory: &Trajectory,
    effect: Option<Effect>,
) -> Vec<Fact> {
    let mut facts = Vec::new();
    facts.extend(asked(intent));
    carried(payload, &mut facts);
    facts.extend(lethal(payload, trajectory, effect));
    facts
}

fn asked(intent: &Intent) -> Option<Fact> {
    let fact = |text, warns| Some(Fact { about: "asked", text, warns });
    let word = intent.word.as_deref().map(shown);
    match (intent.asked, word) {
        (true, Some(word)) => match (word.strip_prefix("authoriser:"), intent.span) {
            (Some(model), _) => {
                fact(format!("the authoriser {model} reads the user's words as asking for it"), false)
            }
            (None, Some(span)) => {
                fact(format!("the user asked for it: \u{201c}{word}\u{201d}, span {span}"), false)
            }
            (None, None) => fact(format!("the user asked for it: \u{201c}{word}\u{201d}"), false),
        },
        (true, None) => fact("the user asked for it".to_owned(), false),
        (false, _) if intent.is_silent() => None,
        (false, _) => {
            let verbs: Vec<String> = intent.verbs.iter().take(4).map(|verb| shown(verb)).collect();
            let words =
                if verbs.is_empty() { String::new() } else { format!(", such as {}", verbs.join(", ")) };
            fact(format!("nothing in the user's own words asks for an act of this kind{words}"), true)
        }
    }
}

fn carried(payload: &Payload, facts: &mut Vec<Fact>) {
    let mut carries = |text: String| facts.push(Fact { about: "carries", text, warns: true });
    if !payload.foreign.is_empty() {
        let list: Vec<String> = payload.foreign.iter().take(4).map(|value| shown(value)).collect();
        let more = if payload.foreign.len() > 4 { ", \u{2026}" } else { "" };
        carries(format!("links or addresses that stand in no trusted text: {}{more}", list.join(", ")));
    }
    if !payload.classes.is_empty() {
        carries(format!("{} data", listed(&payload.classes)));
    }
    if payload.undictated {
        carries("other words than those that the user dictated".to_owned());
    }
}

/// The combination that lets a stranger's words carry data out: content that anybody may have written, data that is
/// not for everybody, and a way out.
fn lethal(payload: &Payload, trajectory: &Trajectory, effect: Option<Effect>) -> Option<Fact> {
    let label = &trajectory.label;
    if label.integrity != Integrity::Untrusted || label.classes.is_empty() {
        return None;
    }
    let goes_out = matches!(effect, Some(Effect::External | Effect::Egress)) || !payload.classes.is_empty();
    let out = if goes_out { ", and this act could carry it out" } else { "" };
    let text = format!(
        "before this, the model had seen what anybody may have written together with {} data{out}",
        listed(&label.classes)
    );
    Some(Fact { about: "saw", text, warns: goes_out })
}

fn listed(classes: &std::collections::BTreeSet<String>) -> String {
    classes.iter().map(|class| shown(class)).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use plimsoll_core::Label;

    fn check(intent: Intent, payload: Payload, label: Label, effect: Effect) -> String {
        let trajectory = Trajectory { label, ..Trajectory::default() };
        let facts = facts(&intent, &payload, &trajectory, Some(effect));
        facts
            .iter()
            .map(|f| format!("{}{}: {}", if f.warns { "!" } else { "" }, f.about, f.text))
            .collect::<Vec<_>>()
            .join("\n")
    }

    #[test]
    fn facts_as_people_read_them() {
        let classes = |class: &str| [class.to_owned()].into();
        let asked = Intent { asked: true, word: Some("refund".into()), span: Some(2), verbs: Vec::new() };
        assert_eq!(
            check(asked, Payload::default(), Label::unit(), Effect::External),
            "asked: the user asked for it: \u{201c}refund\u{201d}, span 2"
        );
        assert_eq!(check(Intent::default(), Payload::default(), Label::default(), Effect::Read), "");
        let label =
            Label { integrity: Integrity::Untrusted, classes: classes("personal"), ..Label::default() };
        let payload = Payload {
            foreign: vec!["http://evil.example".into()],
            classes: classes("personal"),
            undictated: true,
        };
        let intent = Intent { verbs: vec!["send".into(), "mail".into()], ..Intent::default() };
        insta::assert_snapshot!(check(intent, payload, label.clone(), Effect::Egress), @r"
        !asked: nothing in the user's own words asks for an act of this kind, such as send, mail
        !carries: links or addresses that stand in no trusted text: http://evil.example
        !carries: personal data
        !carries: other words than those that the user dictated
        !saw: before this, the model had seen what anybody may have written together with personal data, and this act could carry it out
        ");
        assert!(check(Intent::default(), Payload::default(), label, Effect::Read).starts_with("saw: before"));
    }
}
