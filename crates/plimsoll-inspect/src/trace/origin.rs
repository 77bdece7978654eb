//! One argument's value, looked for in every span.

use plimsoll_core::{ArgumentOrigin, ArgumentRole, Integrity, Origin};
use serde_json::Value;

use super::PREVIEW_MAX;
use super::lending::Aim;
use super::moment::{Moment, Times};
use super::prepared::{Prepared, PreparedSpan};
use super::records::ScalarId;
use super::spelling::Spelling;
use crate::redact::Redactor;

/// Places of one result that are judged for one value; what stands further on only taints.
const HITS_MAX: usize = 512;

/// What one span says about a value.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) integrity: Integrity,
    pub(super) whole: bool,
    field: Option<String>,
    lent_by: Option<String>,
    chosen: bool,
    listed: bool,
}

impl Place {
    /// Which of two places in one span says more.
    fn rank(&self) -> (bool, Integrity, bool, bool) {
        (self.chosen, if self.whole { self.integrity } else { Integrity::Untrusted }, self.whole, self.listed)
    }
}

impl Prepared<'_> {
    pub(super) fn origin(&self, aim: Aim<'_>, redactor: &Redactor) -> ArgumentOrigin {
        let leaf = aim.leaf;
        let text = match &*leaf.value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let choice = leaf.role == ArgumentRole::Choice;
        let mut origin = ArgumentOrigin {
            argument: leaf.pointer.clone(),
            role: leaf.role,
            integrity: Integrity::Untrusted,
            chosen: choice,
            authored: false,
            listed: false,
            unknown: false,
            found: Vec::new(),
            preview: Some(redactor.preview(&text, PREVIEW_MAX)),
        };
        if !matches!(*leaf.value, Value::Null | Value::Bool(_)) {
            let spelling = Spelling::of(&text, leaf.role, &leaf.pointer);
            self.look_for(&spelling, aim, &mut origin);
        }
        // Words that say no time are no time, whoever wrote them.
        if leaf.role == ArgumentRole::Time && !says_a_time(&text) {
            (origin.chosen, origin.authored, origin.integrity) = (false, false, Integrity::Untrusted);
        }
        origin.unknown = origin.found.is_empty() && !choice;
        if choice {
            origin.integrity = Integrity::User;
        }
        origin
    }

    fn look_for(&self, spelling: &Spelling, aim: Aim<'_>, origin: &mut ArgumentOrigin) {
        for span in &self.spans {
            let Some(place) = self.place(span, spelling, aim) else { continue };
            origin.chosen |= place.chosen;
            origin.listed |= place.listed;
            if place.whole {
                origin.integrity = origin.integrity.max(place.integrity);
            }
            origin.found.push(Origin {
                span: span.span.index,
                source: span.span.source.clone(),
                integrity: place.integrity,
                whole: place.whole,
                field: place.field,
                lent_by: place.lent_by,
                of: span.call.and_then(asked_for),
            });
        }
        if !origin.chosen && !origin.found.is_empty() {
            self.look_for_author(spelling, aim, origin);
        }
    }

    pub(super) fn place(&self, span: &PreparedSpan<'_>, spelling: &Spelling, aim: Aim<'_>) -> Option<Place> {
        if spelling.needles.is_empty() || span.span.kind == plimsoll_core::SpanKind::Media {
            return None;
        }
        let free = |whole| Place {
            integrity: span.integrity(),
            whole,
            field: None,
            lent_by: None,
            chosen: whole && span.is_spoken() && is_said(spelling, span, aim),
            listed: false,
        };
        let hit = span.text.hits(spelling).next().is_some();
        let place = match hit.then(|| span.records()).flatten() {
            _ if !hit => None,
            Some(_) if span.text.is_quoted() => self.field_place(span, spelling, aim),
            Some(records) if records.len() > 0 => {
                let field = self.field_place(span, spelling, aim);
                span.text.stands(spelling).map(free).into_iter().chain(field).max_by_key(Place::rank)
            }
            _ => span.text.stands(spelling).map(free),
        };
        place.or_else(|| span.text.hides(spelling).then(|| free(false)))
    }

    /// The best place among the fields of a result.
    fn field_place(&self, span: &PreparedSpan<'_>, spelling: &Spelling, aim: Aim<'_>) -> Option<Place> {
        let records = span.records()?;
        let lends = self.may_lend(span);
        let mut best: Option<(Place, ScalarId)> = None;
        for (at, _) in span.text.hits(spelling).take(HITS_MAX) {
            for id in records.at(at) {
                // Where nothing is lent, a second place says more only when its field is worth more.
                let worth = span.fields().map_or(span.integrity(), |fields| fields.integrity(id));
                if !lends && best.as_ref().is_some_and(|(best, _)| best.whole && worth <= best.integrity) {
                    continue;
                }
                let place = self.judge(span, spelling, id, aim);
                if best.as_ref().is_none_or(|(best, _)| best.rank() < place.rank()) {
                    best = Some((place, id));
                }
            }
            // Nothing better can come: where nothing is declared, one whole place is as good as another.
            if best.as_ref().is_some_and(|(best, _)| best.chosen || (best.whole && span.output.is_none())) {
                break;
            }
        }
        let (place, id) = best?;
        let path = records.path(&span.text.exact, id);
        Some(Place { field: (!path.is_empty()).then_some(path), ..place })
    }

    /// What the field in which a value was hit says about it.
    fn judge(&self, span: &PreparedSpan<'_>, spelling: &Spelling, id: ScalarId, aim: Aim<'_>) -> Place {
        let mut place = Place {
            integrity: span.integrity(),
            whole: false,
            field: None,
            lent_by: None,
            chosen: false,
            listed: false,
        };
        let Some(records) = span.records() else { return place };
        let text = &*span.text.exact;
        if !spelling.equals(span.value(id)) {
            return place;
        }
        place.lent_by = self.lender(span, id, aim);
        if let Some(fields) = span.fields() {
            place.integrity = fields.integrity(id);
            place.listed = fields.is_in_directory(id);
        }
        let name = records.names(text, id).next().unwrap_or_default();
        let declared = span.fields().and_then(|fields| fields.is_kind(records, id, aim, &span.span.source));
        place.whole =
            place.lent_by.is_some() || declared.unwrap_or_else(|| spelling.is_typed(name, &span.span.source));
        place.listed &= place.whole;
        place.chosen = place.lent_by.is_some() || (place.whole && self.is_the_answer(span, id));
        if place.lent_by.is_some() {
            place.integrity = place.integrity.max(Integrity::Trusted);
        }
        place
    }

    /// A trusted result that is one value was chosen with the question: a tool that was asked nothing, or
    /// only things the user said, leaves nothing to choose among.
    pub(super) fn is_the_answer(&self, span: &PreparedSpan<'_>, id: ScalarId) -> bool {
        let Some(records) = span.records() else { return false };
        let integrity = span.fields().map_or(span.integrity(), |fields| fields.integrity(id));
        records.only() == Some(id)
            && integrity >= Integrity::Trusted
            && span.call.is_some_and(|call| self.user_asked(call))
    }
}

/// A credential counts only where the user wrote it in quotes: any other word of theirs could pass for
/// a password.
fn is_said(spelling: &Spelling, span: &PreparedSpan<'_>, aim: Aim<'_>) -> bool {
    aim.leaf.role != ArgumentRole::Credential || span.text.stands_quoted(spelling)
}

fn says_a_time(text: &str) -> bool {
    Moment::parse(text).is_some() || Times::read(&text.to_lowercase()) != Times::default()
}

/// Characters of a call's arguments that name its result to people.
const ASKED_MAX: usize = 60;

/// What a call asked for, in few words: `mail_id M-12`.
fn asked_for(call: &Value) -> Option<String> {
    let word = |(name, value): (&String, &Value)| match value {
        Value::String(text) if !text.is_empty() => Some(format!("{name} {text}")),
        Value::Number(number) => Some(format!("{name} {number}")),
        _ => None,
    };
    let words: Vec<String> = call.as_object()?.iter().filter_map(word).take(2).collect();
    (!words.is_empty()).then(|| crate::preview(&words.join(", "), ASKED_MAX))
}
