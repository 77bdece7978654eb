//! Why a value counts as chosen although the user did not write it: the user named the record it stands
//! in, or searched for it in words of their own.

use std::cell::RefCell;

use plimsoll_core::{ArgumentRole, ToolName};
use serde_json::Value;

use super::arguments::Leaf;
use super::fields::{Fields, Naming, Power};
use super::naming::nouns;
use super::prepared::{Prepared, PreparedSpan};
use super::records::{NodeId, Records, ScalarId};
use super::spelling::Spelling;

/// What `lent_by` says of a record that was searched for.
const QUERY: &str = "(query)";
/// What `lends` says of people, whatever the argument is called.
const RECIPIENT: &str = "recipient";
/// The beginning of an entry's name that stands for it is at least so long.
const BEGIN_MIN: usize = 5;
/// A query in words has at least so many letters.
const QUERY_MIN: usize = 4;
/// Arguments of a search that only say how much of its result is wanted.
const PAGING: [&str; 8] = ["limit", "max_results", "n", "count", "page", "page_size", "offset", "top"];

/// An argument, and the tool it is for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Aim<'a> {
    pub(super) leaf: &'a Leaf<'a>,
    pub(super) tool: Option<&'a ToolName>,
    pub(super) kinds: &'a Kinds,
}

/// What is asked at every place of one value, and answered once.
#[derive(Debug, Default)]
pub(super) struct Kinds {
    /// Which kinds of records the argument is one of: kind, source and answer.
    kinds: RefCell<Vec<(String, String, bool)>>,
    /// Whether a field's name says the same kind of thing: name, source and answer.
    typed: RefCell<Vec<(String, String, bool)>>,
    /// Whether all records of a name agree about a value: name, value and answer.
    agreed: RefCell<Vec<(String, String, bool)>>,
}

impl Aim<'_> {
    /// Event 13 is not file 13: whether the argument is of the kind that a record of this source lends.
    pub(super) fn is_kind(self, kind: &str, source: &str) -> bool {
        once(&self.kinds.kinds, kind, source, || is_kind(kind, self, source))
    }

    /// Whether a field of this name, of a result of this source, can hold the value for what it is.
    pub(super) fn is_typed(self, spelling: &Spelling, field: &str, source: &str) -> bool {
        once(&self.kinds.typed, field, source, || spelling.is_typed(field, source))
    }
}

/// The answer to a question about two texts; it must not depend on anything else.
fn once(told: &RefCell<Vec<(String, String, bool)>>, a: &str, b: &str, ask: impl FnOnce() -> bool) -> bool {
    let known = told.borrow().iter().find(|(x, y, _)| x == a && y == b).map(|(.., answer)| *answer);
    known.unwrap_or_else(|| {
        let answer = ask();
        told.borrow_mut().push((a.to_owned(), b.to_owned(), answer));
        answer
    })
}

/// By what a record lends a value.
#[derive(Clone, Copy, Debug)]
pub(super) enum Lender {
    /// The value by which the user named the record.
    Named(ScalarId),
    /// The user named the author of a text; where it says so.
    Author { span: usize, field: ScalarId },
    /// The user's own words found it.
    Query,
}

impl Lender {
    /// What `lent_by` says of a value that this span lends.
    pub(super) fn name(self, prepared: &Prepared<'_>, span: &PreparedSpan<'_>) -> String {
        match self {
            Self::Named(id) => span.path(id),
            Self::Author { span, field } => prepared.spans[span].path(field),
            Self::Query => QUERY.to_owned(),
        }
    }
}

impl Prepared<'_> {
    /// By what the record lends this value to this argument.
    pub(super) fn lender(&self, span: &PreparedSpan<'_>, id: ScalarId, aim: Aim<'_>) -> Option<Lender> {
        let (fields, records) = (span.fields()?, span.records()?);
        let role = aim.leaf.role;
        if role == ArgumentRole::Credential {
            return None;
        }
        if fields.is_in_directory(id) && self.is_begun(span.value(id)) {
            return Some(Lender::Named(id));
        }
        let typed = !fields.is_typed(id);
        for object in records.above(id) {
            for naming in fields.names_of(object).iter().filter(|naming| naming.value != id) {
                let reach = match naming.power {
                    _ if !typed => false,
                    Power::Directory | Power::Trusted => fields.is_trusted(id),
                    Power::Lends => false,
                };
                if reach && self.is_named(span, naming) {
                    return Some(Lender::Named(naming.value));
                }
            }
        }
        for (kind, object) in fields.lent(records, id) {
            if kind == RECIPIENT {
                if role == ArgumentRole::Recipient
                    && let Some(naming) = fields
                        .names_of(object)
                        .iter()
                        .find(|naming| self.is_named(span, naming) && self.is_agreed(span, naming, id, aim))
                {
                    return Some(Lender::Named(naming.value));
                }
                continue;
            }
            if !aim.is_kind(kind, &span.span.source) {
                continue;
            }
            let reaches = |naming: &&Naming| naming.power > Power::Lends || !is_address(role);
            if let Some(naming) =
                fields.names_of(object).iter().filter(reaches).find(|naming| self.is_named(span, naming))
            {
                return Some(Lender::Named(naming.value));
            }
            if role == ArgumentRole::Identifier && self.is_searched(span) {
                return Some(Lender::Query);
            }
        }
        None
    }

    /// Whether the user said how an entry's name begins (`External` for `External_0`), and only one entry
    /// of the session's directories begins so.
    fn is_begun(&self, value: &str) -> bool {
        let Some((stem, _)) = value.split_once(['_', '-', '.']).filter(|(stem, rest)| {
            stem.chars().count() >= BEGIN_MIN && !rest.is_empty() && !value.contains(['@', ' ', '/'])
        }) else {
            return false;
        };
        let spelling = Spelling::of(stem, ArgumentRole::Identifier, "");
        self.user_says(&spelling)
            && self.directory(&spelling).all(|entry| entry == value || !entry.starts_with(stem))
    }

    /// The entries of this session's directories in which a value was hit.
    pub(super) fn directory<'s>(&'s self, spelling: &'s Spelling) -> impl Iterator<Item = &'s str> {
        let hits = self.directory_hits(spelling);
        let texts: Vec<usize> = hits.texts().collect();
        texts.into_iter().flat_map(move |n| {
            let span = &self.spans[n];
            let (Some(fields), Some(records)) = (span.fields(), span.records()) else { return Vec::new() };
            let ids = hits.within(n).iter().flat_map(|hit| records.at(hit.at));
            ids.filter(|id| fields.is_in_directory(*id)).map(|id| span.value(id)).collect()
        })
    }

    pub(super) fn is_named(&self, span: &PreparedSpan<'_>, naming: &Naming) -> bool {
        let named = || self.user_names(span.value(naming.value), &self.field(span, naming.value));
        *naming.said.get_or_init(named)
    }

    fn field(&self, span: &PreparedSpan<'_>, id: ScalarId) -> String {
        span.text.records().names(&span.text.exact, id).next().unwrap_or_default().to_owned()
    }

    /// Whether every record of this name in the session lends this very value: somebody may have made
    /// a second one.
    fn is_agreed(&self, span: &PreparedSpan<'_>, naming: &Naming, id: ScalarId, aim: Aim<'_>) -> bool {
        let (name, value) = (span.value(naming.value), span.value(id));
        once(&aim.kinds.agreed, name, value, || self.all_agree(name, value))
    }

    fn all_agree(&self, name: &str, value: &str) -> bool {
        let spelling = Spelling::of(name, ArgumentRole::Content, "");
        self.spans.iter().all(|other| {
            let (Some(fields), Some(records)) = (other.fields(), other.records()) else { return true };
            let same = fields.naming().iter().filter(|naming| spelling.equals(other.value(naming.value)));
            same.into_iter().all(|naming| {
                records.within(naming.object).any(|id| {
                    other.value(id) == value
                        && fields.lent(records, id).any(|(kind, at)| kind == RECIPIENT && at == naming.object)
                })
            })
        })
    }

    /// The objects of a result that the user named, in order.
    pub(super) fn named<'s>(&self, span: &'s PreparedSpan<'_>) -> &'s [NodeId] {
        let Some(fields) = span.fields() else { return &[] };
        fields.named.get_or_init(|| {
            let named = fields.naming().iter().filter(|naming| self.is_named(span, naming));
            named.map(|naming| naming.object).collect()
        })
    }

    /// Whether anything of this result can be lent to an argument at all.
    pub(super) fn may_lend(&self, span: &PreparedSpan<'_>) -> bool {
        span.fields().is_some_and(|fields| fields.is_directory())
            || !self.named(span).is_empty()
            || self.is_searched(span)
    }

    /// Whether this is what a search for the user's own words found.
    pub(super) fn is_searched(&self, span: &PreparedSpan<'_>) -> bool {
        *span.found.searched.get_or_init(|| self.was_searched(span))
    }

    fn was_searched(&self, span: &PreparedSpan<'_>) -> bool {
        let is_query = |value: &Value| {
            value.as_str().is_some_and(|said| said.chars().filter(|c| c.is_alphabetic()).count() >= QUERY_MIN)
        };
        span.call.is_some_and(|call| {
            call.as_object().is_some_and(|arguments| arguments.values().any(is_query))
                && self.user_asked(call)
        })
    }

    /// Whether all that a tool was asked is the user's own: nothing, or words of theirs.
    pub(super) fn user_asked(&self, call: &Value) -> bool {
        let Value::Object(arguments) = call else { return call.is_null() };
        arguments.iter().all(|(name, value)| match value {
            Value::Null | Value::Bool(_) => true,
            Value::Number(_) => PAGING.contains(&name.as_str()),
            Value::String(said) if said.is_empty() => true,
            Value::String(said) => self.user_names(said, name),
            Value::Array(_) | Value::Object(_) => false,
        })
    }
}

impl Fields {
    /// Whether an identifier is of the kind that its field is declared to be; nothing when it isn't.
    pub(super) fn is_kind(
        &self,
        records: &Records,
        id: ScalarId,
        aim: Aim<'_>,
        source: &str,
    ) -> Option<bool> {
        let kinds: Vec<&str> = self.lent(records, id).map(|(kind, _)| kind).collect();
        (aim.leaf.role == ArgumentRole::Identifier && !kinds.is_empty())
            .then(|| kinds.iter().any(|kind| aim.is_kind(kind, source)))
    }
}

/// Roles that say where something goes.
fn is_address(role: ArgumentRole) -> bool {
    use ArgumentRole as R;
    matches!(role, R::Recipient | R::Account | R::Url | R::Credential | R::Code)
}

fn is_kind(kind: &str, aim: Aim<'_>, source: &str) -> bool {
    let name = aim.leaf.name();
    let (lent, wanted) = (nouns(kind), nouns(name));
    let tool = || nouns(aim.tool.map_or("", |tool| &tool.tool));
    match (lent.is_empty(), wanted.is_empty()) {
        (false, false) => lent.iter().all(|noun| wanted.contains(noun)),
        // `id` of `files.delete`.
        (false, true) => lent.iter().all(|noun| tool().contains(noun)),
        // `id` lent as `id`: the two tools must speak of the same things.
        (true, true) => {
            let source = nouns(source.rsplit('.').next().unwrap_or_default());
            kind.eq_ignore_ascii_case(name)
                && tool().iter().any(|noun| !is_verb(noun) && source.contains(noun))
        }
        (true, false) => false,
    }
}

/// Words of tools' names that say what is done rather than to what.
fn is_verb(word: &str) -> bool {
    const VERBS: [&str; 16] = [
        "add", "by", "create", "delete", "fetch", "find", "from", "in", "list", "make", "read", "remove",
        "search", "send", "set", "update",
    ];
    VERBS.contains(&word)
}
