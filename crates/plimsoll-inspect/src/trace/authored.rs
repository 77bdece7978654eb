//! Values that a known author wrote: they are not chosen, but no stranger put them there.

use plimsoll_core::{ArgumentOrigin, ArgumentRole};

use super::lending::{Aim, is_kind};
use super::prepared::{Prepared, PreparedSpan};
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
    named: Option<String>,
}

impl Prepared<'_> {
    /// Looks for the value in what known authors wrote. `lent_by` is the field of an author whom the user
    /// named.
    pub(super) fn look_for_author(&self, spelling: &Spelling, aim: Aim<'_>, origin: &mut ArgumentOrigin) {
        if !can_be_written(aim.leaf.role) {
            return;
        }
        for written in self.written() {
            let span = &self.spans[written.span];
            if spelling.stands_in(span.value(written.text)) {
                mark(origin, span, written);
            }
        }
        if !origin.authored && aim.leaf.role == ArgumentRole::Identifier {
            self.look_for_record(spelling, aim, origin);
        }
    }

    /// A record that an author whom the user named calls by its name lends its typed ids.
    fn look_for_record(&self, spelling: &Spelling, aim: Aim<'_>, origin: &mut ArgumentOrigin) {
        let named: Vec<&Written> = self.written().iter().filter(|written| written.named.is_some()).collect();
        if named.is_empty() {
            return;
        }
        for span in &self.spans {
            let (Some(fields), Some(records)) = (span.fields(), span.records()) else { continue };
            let ids = span.text.hits(spelling).flat_map(|(at, _)| records.at(at));
            for id in ids.filter(|id| spelling.equals(span.value(*id))) {
                let objects =
                    fields.lent(records, id).filter(|(kind, _)| is_kind(kind, aim, &span.span.source));
                let names = objects.flat_map(|(_, object)| fields.names_of(object));
                for name in names.flat_map(|naming| words::names(span.value(naming.value), "")) {
                    let by = named
                        .iter()
                        .find(|written| name.stands_in(self.spans[written.span].value(written.text)));
                    if let Some(written) = by {
                        return mark(origin, span, written);
                    }
                }
            }
        }
    }

    /// What known authors wrote in this session; found once.
    fn written(&self) -> &[Written] {
        self.written.get_or_init(|| {
            let mut found = Vec::new();
            for (position, span) in self.spans.iter().enumerate() {
                let (Some(fields), Some(records)) = (span.fields(), span.records()) else { continue };
                for (author, object) in fields.authors(records) {
                    let name = span.value(author);
                    let named = self.user_names(name, "").then(|| span.path(author));
                    if named.is_some() || self.is_member(name) {
                        let texts = records.within(object).filter(|id| *id != author);
                        found.extend(texts.map(|text| Written {
                            span: position,
                            text,
                            named: named.clone(),
                        }));
                    }
                }
            }
            found.truncate(WRITTEN_MAX);
            found
        })
    }

    /// Whether a directory of this session lists this value.
    fn is_member(&self, value: &str) -> bool {
        let spelling = Spelling::of(value, ArgumentRole::Content, "");
        self.directory(&spelling).any(|entry| spelling.equals(entry))
    }
}

fn mark(origin: &mut ArgumentOrigin, span: &PreparedSpan<'_>, written: &Written) {
    origin.authored = true;
    if let (Some(author), Some(found)) =
        (&written.named, origin.found.iter_mut().find(|found| found.span == span.span.index))
    {
        found.lent_by.get_or_insert_with(|| author.clone());
    }
}

/// What a person may write down for another: where to go, what to take, when. Nobody writes down
/// somebody else's account or password for them.
fn can_be_written(role: ArgumentRole) -> bool {
    use ArgumentRole as R;
    matches!(role, R::Url | R::Recipient | R::Identifier | R::Time | R::Path)
}
