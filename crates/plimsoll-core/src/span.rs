//! What the model has been shown, and where an argument's value came from.

use serde::{Deserialize, Serialize};

use crate::act::{ArgumentRole, ToolName};
use crate::digest::Digest;
use crate::label::{Integrity, Label};

/// What part of the context a span is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SpanKind {
    /// System or developer text.
    System,
    User,
    /// What a model said before.
    Assistant,
    /// What a tool returned.
    Result,
    /// An image, a sound, a file: opaque to tracing.
    Media,
}

/// One piece of text the model has been shown, with its label. The text itself stays with the door.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Span {
    /// Position in the context, from 0.
    pub index: u32,
    pub kind: SpanKind,
    /// Content address: the digest of the text, so that it is recognised wherever it turns up again.
    pub address: Digest,
    pub label: Label,
    /// Where it came from in words: `user`, `prompt:support`, `tool:mail.read_mail`, `model`.
    pub source: String,
    /// Length in bytes of UTF-8.
    pub bytes: u32,
    /// Something to notice: `drift` (system text that is not a released prompt), `altered` (a result
    /// that differs from what the tool door returned), `unseen` (a result that passed no tool door), `forgotten` (it
    /// may be a result that nobody remembers).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark: Option<String>,
    /// The redacted beginning, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preview: Option<String>,
}

/// One place where an argument's value was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Origin {
    pub span: u32,
    pub source: String,
    pub integrity: Integrity,
    /// Whether the whole value stands there as a value of its own. Only such a match gives authority;
    /// a value inside a longer word only taints.
    pub whole: bool,
    /// The field of the record it stands in, for results that have fields: `sender/email`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// The record's field by whose value the user named the record, when that is why it counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lent_by: Option<String>,
    /// Which of the tool's results it is, in the arguments of the call it answers: `mail_id M-12`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
}

impl Origin {
    /// `tool:mail.read_mail of mail_id M-12`.
    pub fn name(&self) -> String {
        match &self.of {
            Some(of) => format!("{} of {of}", self.source),
            None => self.source.clone(),
        }
    }
}

/// Where the value of one argument came from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ArgumentOrigin {
    /// JSON Pointer (RFC 6901) into the arguments: `/to`, `/items/0/sku`.
    pub argument: String,
    pub role: ArgumentRole,
    /// The best a whole match gives; `untrusted` when the value was found nowhere. For a list, the
    /// lowest over its elements.
    pub integrity: Integrity,
    /// The user chose it: named the value, or named the record that lends it. For a list: every element.
    #[serde(default)]
    pub chosen: bool,
    /// Not chosen, but it stands whole in what a known author wrote: one whom the user named, or a member
    /// of a directory that the organisation keeps. For a list: every element that is not chosen.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub authored: bool,
    /// It stands whole in a field of a directory that the organisation keeps, whether or not the user
    /// named the entry. For a list: every element.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub listed: bool,
    /// Found nowhere in the context.
    pub unknown: bool,
    /// Where it stands: the places that say most, in the order of their spans.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub found: Vec<Origin>,
    /// How many places besides these say as much as the best of them.
    #[serde(default, skip_serializing_if = "crate::entry::is_zero")]
    pub more: u32,
    /// The value itself, redacted, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preview: Option<String>,
}

/// Places that a sentence tells at most.
const PLACES_MAX: usize = 2;

impl ArgumentOrigin {
    /// One sentence for reasons and pages: *recipient `to` = "eve@…" comes only from tool:mail.read_mail
    /// (untrusted, `body`, span 12), which an outsider may have written; the user did not name it*.
    pub fn sentence(&self) -> String {
        let value =
            self.preview.as_deref().map_or_else(|| "the value".to_owned(), |value| format!("\"{value}\""));
        let subject = format!("{} `{}` = {value}", self.role.name(), self.argument.trim_start_matches('/'));
        let lender = self.found.iter().find(|place| place.lent_by.is_some());
        let rest = match lender.map(|place| (place, place.lent_by.as_deref().unwrap_or_default())) {
            _ if self.unknown => "was found nowhere in what the model was shown".to_owned(),
            Some((place, "(query)")) if self.chosen => {
                format!("was found by {} for the user's own words (span {})", place.name(), place.span)
            }
            Some((place, field)) if self.chosen => {
                format!(
                    "belongs to a record of {} that the user named by its `{field}` (span {})",
                    place.name(),
                    place.span
                )
            }
            _ if self.chosen => "was chosen by the user".to_owned(),
            Some((place, field)) if self.authored => {
                format!(
                    "stands in a text of {} whose `{field}` the user named, not in the user's own words (span {})",
                    place.name(),
                    place.span
                )
            }
            _ if self.authored => {
                format!("{}, in a text of a known author; the user did not name it", self.places())
            }
            _ => format!("{}; the user did not name it", self.places()),
        };
        format!("{subject} {rest}")
    }

    /// Where a value that the user did not choose was found.
    fn places(&self) -> String {
        let whole = self.found.iter().any(|place| place.whole);
        let mut best: Vec<&Origin> = self.found.iter().filter(|place| place.whole == whole).collect();
        best.sort_by_key(|place| std::cmp::Reverse(place.integrity));
        let tell = |place: &&Origin| {
            let field = place.field.as_ref().map(|field| format!(" `{field}`,")).unwrap_or_default();
            format!("{} ({},{field} span {})", place.name(), place.integrity.name(), place.span)
        };
        let mut told: Vec<String> = best.iter().take(PLACES_MAX).map(tell).collect();
        let more = best.len().saturating_sub(PLACES_MAX) + usize::try_from(self.more).unwrap_or(usize::MAX);
        if more > 0 {
            told.push(format!("{more} more"));
        }
        let places = told.join(" and ");
        let outsider = ", which an outsider may have written";
        match (best.first().map(|place| place.integrity), whole) {
            (None, _) => format!("is judged {}", self.integrity.name()),
            (Some(Integrity::Untrusted), true) => format!("comes only from {places}{outsider}"),
            (Some(_), true) => format!("comes from {places}"),
            (Some(_), false) => format!("stands only inside a longer text of {places}"),
        }
    }
}

impl ArgumentOrigin {
    /// Whether it stands for values that have origins of their own: a list for its elements, a pattern
    /// (`/items/*/sku`) for its members.
    pub fn sums_up(&self, all: &[Self]) -> bool {
        all.iter().any(|other| other.argument != self.argument && is_within(&other.argument, &self.argument))
    }
}

/// Whether a pointer is a place, or inside it; `*` is any step.
fn is_within(pointer: &str, place: &str) -> bool {
    // Every two arguments of an act are compared, and few places are patterns.
    if !place.contains('*') {
        let rest = pointer.strip_prefix(place);
        return rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    }
    let mut steps = pointer.split('/');
    place.split('/').all(|step| steps.next().is_some_and(|own| step == "*" || step == own))
}

/// What the whole context has seen: the join of its spans' labels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trajectory {
    pub label: Label,
    pub spans: u32,
    /// Tools whose untrusted results the context holds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub untrusted_tools: Vec<ToolName>,
    /// The context holds system text that is no released prompt.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unreleased: bool,
}

impl Default for Trajectory {
    fn default() -> Self {
        Self { label: Label::unit(), spans: 0, untrusted_tools: Vec::new(), unreleased: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(source: &str, integrity: Integrity, whole: bool, field: &str, lent_by: &str) -> Origin {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Origin {
            span: 12,
            source: source.to_owned(),
            integrity,
            whole,
            field: some(field),
            lent_by: some(lent_by),
            of: None,
        }
    }

    fn said(chosen: bool, authored: bool, found: Vec<Origin>) -> String {
        let origin = ArgumentOrigin {
            argument: "/to".to_owned(),
            role: ArgumentRole::Recipient,
            integrity: Integrity::Untrusted,
            chosen,
            authored,
            listed: false,
            unknown: found.is_empty(),
            found,
            more: 0,
            preview: Some("eve@evil.net".to_owned()),
        };
        let sentence = origin.sentence();
        sentence.strip_prefix("recipient `to` = \"eve@evil.net\" ").unwrap_or_default().to_owned()
    }

    #[test]
    fn a_sentence_tells_where_a_value_comes_from() {
        use Integrity::{Trusted, Untrusted, User};
        let mail = |whole, lent_by| place("tool:desk.read_mail", Untrusted, whole, "body", lent_by);
        assert_eq!(said(false, false, vec![]), "was found nowhere in what the model was shown");
        assert_eq!(
            said(false, false, vec![mail(true, "")]),
            "comes only from tool:desk.read_mail (untrusted, `body`, span 12), which an outsider may have written; \
             the user did not name it"
        );
        assert_eq!(
            said(false, false, vec![mail(false, "")]),
            "stands only inside a longer text of tool:desk.read_mail (untrusted, `body`, span 12); \
             the user did not name it"
        );
        let people = place("tool:crm.people", Trusted, true, "email", "");
        assert_eq!(
            said(false, false, vec![mail(true, ""), people.clone()]),
            "comes from tool:crm.people (trusted, `email`, span 12) and tool:desk.read_mail (untrusted, `body`, span \
             12); the user did not name it"
        );
        assert_eq!(said(true, false, vec![place("user", User, true, "", "")]), "was chosen by the user");
        assert_eq!(
            said(true, false, vec![Origin { lent_by: Some("name".to_owned()), ..people.clone() }]),
            "belongs to a record of tool:crm.people that the user named by its `name` (span 12)"
        );
        assert_eq!(
            said(true, false, vec![Origin { lent_by: Some("(query)".to_owned()), ..people }]),
            "was found by tool:crm.people for the user's own words (span 12)"
        );
        assert_eq!(
            said(false, true, vec![mail(true, "sender")]),
            "stands in a text of tool:desk.read_mail whose `sender` the user named, not in the user's own words (span \
             12)"
        );
        let twelve = Origin { of: Some("mail_id M-12".to_owned()), ..mail(true, "") };
        assert!(
            said(false, false, vec![twelve])
                .starts_with("comes only from tool:desk.read_mail of mail_id M-12 (")
        );
        let many = vec![mail(true, ""); 4];
        assert!(said(false, false, many).contains("and 2 more, which an outsider may have written"));
    }
}
