//! Values that a known author wrote: they are not chosen, but no stranger put them there.

use plimsoll_core::{ArgumentOrigin, ArgumentRole};

use super::lending::Aim;
use super::prepared::{Prepared, PreparedSpan};
use super::records::ScalarId;
use super::spelling::Spelling;

impl Prepared<'_> {
    /// Looks for the value in the texts of records whose author the user named (then `lent_by` is the
    /// author's field) or who is listed in a directory of this session.
    pub(super) fn look_for_author(&self, spelling: &Spelling, aim: Aim<'_>, origin: &mut ArgumentOrigin) {
        if !can_be_written(aim.leaf.role) {
            return;
        }
        for span in &self.spans {
            for (author, text) in self.texts_by_author(span) {
                if !spelling.stands_in(span.value(text)) {
                    continue;
                }
                let named = self.user_names(span.value(author), "");
                if named || self.is_member(span.value(author)) {
                    origin.authored = true;
                    let lent = named.then(|| span.text.records().path(&span.text.exact, author));
                    if let Some(found) = origin.found.iter_mut().find(|found| found.span == span.span.index) {
                        found.lent_by = found.lent_by.take().or(lent);
                    }
                }
            }
        }
    }

    /// Every text of a record that tells its author, with the author.
    fn texts_by_author(&self, span: &PreparedSpan<'_>) -> Vec<(ScalarId, ScalarId)> {
        let (Some(fields), Some(records)) = (span.fields(), span.records()) else { return Vec::new() };
        let authors = fields.authors(records, &span.text.exact);
        let texts = |(author, object)| {
            records.within(object).filter(move |id| *id != author).map(move |id| (author, id))
        };
        authors.into_iter().flat_map(texts).collect()
    }

    /// Whether a directory of this session lists this value.
    fn is_member(&self, value: &str) -> bool {
        let spelling = Spelling::of(value, ArgumentRole::Content, "");
        self.spans.iter().any(|span| {
            let (Some(fields), Some(records)) = (span.fields(), span.records()) else { return false };
            let text = &*span.text.exact;
            span.text.hits(&spelling).any(|(at, _)| {
                records
                    .at(at)
                    .any(|id| fields.is_in_directory(records, text, id) && spelling.equals(span.value(id)))
            })
        })
    }
}

/// What a person may write down for another: where to go, what to take, when. Nobody writes down
/// somebody else's account or password for them.
fn can_be_written(role: ArgumentRole) -> bool {
    use ArgumentRole as R;
    matches!(role, R::Url | R::Recipient | R::Identifier | R::Time | R::Path)
}
