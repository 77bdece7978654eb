//! One argument's value, looked for in every span.

use std::cmp::Reverse;

use plimsoll_core::{ArgumentOrigin, ArgumentRole, Integrity, Origin};
use serde_json::Value;

use super::PREVIEW_MAX;
use super::haystack::Hit;
use super::lending::{Aim, Lender};
use super::moment::{Moment, Times};
use super::prepared::{Prepared, PreparedSpan};
use super::records::ScalarId;
use super::spelling::Spelling;
use crate::redact::Redactor;

/// Places of one result that are judged for one value; what stands further on only taints.
const HITS_MAX: usize = 512;
/// Places for which there is room at first.
const PLACES: usize = 32;
/// Places that are told of one value: a common word stands in hundreds of results, and the record of an act is kept for
/// years.
const FOUND_MAX: usize = 8;

/// What one span says about a value.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) integrity: Integrity,
    pub(super) whole: bool,
    field: Option<ScalarId>,
    pub(super) lent_by: Option<Lender>,
    chosen: bool,
    listed: bool,
}

impl Place {
    /// A value that stands in a text, and in no field of it.
    fn free(span: &PreparedSpan<'_>, whole: bool, chosen: bool) -> Self {
        Self { integrity: span.integrity(), whole, field: None, lent_by: None, chosen, listed: false }
    }

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
            more: 0,
            preview: Some(redactor.preview(&text, PREVIEW_MAX)),
        };
        // Where no context was seen there is nothing to look through.
        if !self.spans.is_empty() && !matches!(*leaf.value, Value::Null | Value::Bool(_)) {
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
        let mut places = Vec::with_capacity(PLACES);
        places.extend(self.places(spelling, aim));
        for (_, place) in &places {
            origin.chosen |= place.chosen;
            origin.listed |= place.listed;
            if place.whole {
                origin.integrity = origin.integrity.max(place.integrity);
            }
        }
        if !origin.chosen && !places.is_empty() {
            origin.authored = self.look_for_author(spelling, aim, &mut places);
        }
        self.tell(places, origin);
    }

    /// The places that say most, in the order of their spans, and how many others say as much.
    fn tell(&self, mut places: Vec<(usize, Place)>, origin: &mut ArgumentOrigin) {
        let whole = places.iter().any(|(_, place)| place.whole);
        let as_good =
            |places: &[(usize, Place)]| places.iter().filter(|(_, place)| place.whole == whole).count();
        let all = as_good(&places);
        if places.len() > FOUND_MAX {
            places.sort_by_key(|(_, place)| Reverse((place.lent_by.is_some(), place.rank())));
            places.truncate(FOUND_MAX);
            places.sort_by_key(|(n, _)| *n);
        }
        origin.more = u32::try_from(all - as_good(&places)).unwrap_or(u32::MAX);
        origin.found = places.into_iter().map(|(n, place)| self.told(&self.spans[n], &place)).collect();
    }

    fn told(&self, span: &PreparedSpan<'_>, place: &Place) -> Origin {
        let path = place.field.map(|id| span.text.records().path(&span.text.exact, id));
        Origin {
            span: span.span.index,
            source: span.span.source.clone(),
            integrity: place.integrity,
            whole: place.whole,
            field: path.filter(|path| !path.is_empty()),
            lent_by: place.lent_by.map(|lender| lender.name(self, span)),
            of: span.asked_for().map(str::to_owned),
        }
    }

    /// The positions of the spans in which a value stands, each with what the span says about it.
    pub(super) fn places(&self, spelling: &Spelling, aim: Aim<'_>) -> impl Iterator<Item = (usize, Place)> {
        let (hits, hidden) = (self.hits(spelling), self.hidden(spelling));
        let mut spans: Vec<usize> = hits.texts().collect();
        if hidden.texts().len() > 0 {
            spans.extend(hidden.texts());
            spans.sort_unstable();
            spans.dedup();
        }
        spans.into_iter().filter_map(move |n| {
            let span = &self.spans[n];
            let place = self.place(span, spelling, hits.within(n), aim);
            let hides = || (!hidden.within(n).is_empty()).then(|| Place::free(span, false, false));
            Some((n, place.or_else(hides)?))
        })
    }

    fn place(
        &self,
        span: &PreparedSpan<'_>,
        spelling: &Spelling,
        hits: &[Hit],
        aim: Aim<'_>,
    ) -> Option<Place> {
        if hits.is_empty() {
            return None;
        }
        let free = || {
            let whole = span.text.stands(spelling, hits)?;
            let chosen = whole && span.is_spoken() && is_said(spelling, span, hits, aim);
            Some(Place::free(span, whole, chosen))
        };
        match span.records() {
            Some(_) if span.text.is_quoted() => self.field_place(span, spelling, hits, aim),
            Some(records) if records.len() > 0 => {
                let field = self.field_place(span, spelling, hits, aim);
                free().into_iter().chain(field).max_by_key(Place::rank)
            }
            _ => free(),
        }
    }

    /// The best place among the fields of a result.
    fn field_place(
        &self,
        span: &PreparedSpan<'_>,
        spelling: &Spelling,
        hits: &[Hit],
        aim: Aim<'_>,
    ) -> Option<Place> {
        let records = span.records()?;
        let lends = self.may_lend(span);
        let mut best: Option<(Place, ScalarId)> = None;
        for hit in hits.iter().take(HITS_MAX) {
            for id in records.at(hit.at) {
                if !spelling.equals(span.value(id)) {
                    best.get_or_insert_with(|| (Place::free(span, false, false), id));
                    continue;
                }
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
        Some(Place { field: Some(id), ..place })
    }

    /// What a field says of the value that it is.
    fn judge(&self, span: &PreparedSpan<'_>, spelling: &Spelling, id: ScalarId, aim: Aim<'_>) -> Place {
        let mut place = Place::free(span, false, false);
        let Some(records) = span.records() else { return place };
        let text = &*span.text.exact;
        place.lent_by = self.lender(span, id, aim);
        if let Some(fields) = span.fields() {
            place.integrity = fields.integrity(id);
            place.listed = fields.is_in_directory(id);
        }
        let name = records.names(text, id).next().unwrap_or_default();
        let declared = span.fields().and_then(|fields| fields.is_kind(records, id, aim, &span.span.source));
        place.whole = place.lent_by.is_some()
            || declared.unwrap_or_else(|| aim.is_typed(spelling, name, &span.span.source));
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
fn is_said(spelling: &Spelling, span: &PreparedSpan<'_>, hits: &[Hit], aim: Aim<'_>) -> bool {
    aim.leaf.role != ArgumentRole::Credential || span.text.stands_quoted(spelling, hits)
}

fn says_a_time(text: &str) -> bool {
    Moment::parse(text).is_some() || Times::read(&text.to_lowercase()) != Times::default()
}
