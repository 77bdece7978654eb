//! Values that a known author wrote: they are not chosen, but no stranger put them there.

use std::collections::HashMap;

use plimsoll_core::ArgumentRole;

use super::lending::{Aim, Lender};
use super::origin::Place;
use super::prepared::Prepared;
use super::records::ScalarId;
use super::spelling::Spelling;
use super::words;

/// Texts of known authors that are looked at in one session.
const WRITTEN_MAX: usize = 4096;

/// A text of a record whose author the user named, or who is a member of a directory of this session.
#[derive(Debug)]
pub(super) struct Written {
    /// The position of its span.
    span: usize,
    text: ScalarId,
    /// The author's field, when the user named the author.
    named: Option<ScalarId>,
}

/// Who wrote a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Author {
    /// Somebody whom the user named.
    Named,
    /// Somebody whom a directory lists.
    Member,
    Stranger,
}

impl Prepared<'_> {
    /// Whether the value stands in what known authors wrote. An author whom the user named lends it.
    pub(super) fn look_for_author(
        &self,
        spelling: &Spelling,
        aim: Aim<'_>,
        places: &mut [(usize, Place)],
    ) -> bool {
        if !can_be_written(aim.leaf.role) {
            return false;
        }
        let mut authored = false;
        for written in self.written() {
            if self.may_hold(written, spelling) && spelling.stands_in(self.text_of(written)) {
                mark(places, written.span, written);
                authored = true;
            }
        }
        authored || (aim.leaf.role == ArgumentRole::Identifier && self.look_for_record(spelling, aim, places))
    }

    /// A record that an author whom the user named calls by its name lends its typed ids.
    fn look_for_record(&self, spelling: &Spelling, aim: Aim<'_>, places: &mut [(usize, Place)]) -> bool {
        let named: Vec<&Written> = self.written().iter().filter(|written| written.named.is_some()).collect();
        if named.is_empty() {
            return false;
        }
        let hits = self.hits(spelling);
        for n in hits.texts() {
            let span = &self.spans[n];
            let (Some(fields), Some(records)) = (span.fields(), span.records()) else { continue };
            let ids = hits.within(n).iter().flat_map(|hit| records.at(hit.at));
            for id in ids.filter(|id| spelling.equals(span.value(*id))) {
                let objects =
                    fields.lent(records, id).filter(|(kind, _)| aim.is_kind(kind, &span.span.source));
                let names = objects.flat_map(|(_, object)| fields.names_of(object));
                for name in names.flat_map(|naming| words::names(span.value(naming.value), "")) {
                    let by = named.iter().find(|written| {
                        self.may_hold(written, &name) && name.stands_in(self.text_of(written))
                    });
                    if let Some(written) = by {
                        mark(places, n, written);
                        return true;
                    }
                }
            }
        }
        false
    }

    /// What known authors wrote in this session; found once.
    pub(super) fn written(&self) -> &[Written] {
        self.found.written.get_or_init(|| {
            let mut found = Vec::new();
            // The same few people write most of what there is.
            let mut known = HashMap::new();
            for (position, span) in self.spans.iter().enumerate() {
                let (Some(fields), Some(records)) = (span.fields(), span.records()) else { continue };
                for (author, object) in fields.authors(records) {
                    let name = span.value(author);
                    let ask = || match self.user_names(name, "") {
                        true => Author::Named,
                        false if self.is_member(name) => Author::Member,
                        false => Author::Stranger,
                    };
                    let who = *known.entry(name).or_insert_with(ask);
                    let named = (who == Author::Named).then_some(author);
                    if who != Author::Stranger {
                        let texts = records.within(object).filter(|id| *id != author);
                        found.extend(texts.map(|text| Written { span: position, text, named }));
                    }
                }
            }
            found.truncate(WRITTEN_MAX);
            found
        })
    }

    fn text_of(&self, written: &Written) -> &str {
        self.spans[written.span].value(written.text)
    }

    /// A quick look: what was written stands in its result as it is, but for what had to be unescaped.
    fn may_hold(&self, written: &Written, spelling: &Spelling) -> bool {
        let text = &self.spans[written.span].text;
        text.records().is_unescaped(written.text) || spelling.may_be_in(text.grams())
    }

    /// Whether a directory of this session lists this value.
    fn is_member(&self, value: &str) -> bool {
        let spelling = Spelling::of(value, ArgumentRole::Content, "");
        self.directory(&spelling).any(|entry| spelling.equals(entry))
    }
}

/// What an author whom the user named wrote lends the value that stands in the same span.
fn mark(places: &mut [(usize, Place)], span: usize, written: &Written) {
    if let (Some(author), Some((_, place))) =
        (written.named, places.iter_mut().find(|(place, _)| *place == span))
    {
        place.lent_by.get_or_insert(Lender::Author { span: written.span, field: author });
    }
}

/// What a person may write down for another: where to go, what to take, when. Nobody writes down
/// somebody else's account or password for them.
fn can_be_written(role: ArgumentRole) -> bool {
    use ArgumentRole as R;
    matches!(role, R::Url | R::Recipient | R::Identifier | R::Time | R::Path)
}
