//! One fact about a case, before it becomes a Cedar value: plain, comparable, hashable.

use cedar_policy::RestrictedExpression;

/// The value of one field of the context.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Fact {
    Truth(bool),
    Number(i64),
    Text(String),
    /// Digits with at most four places.
    Decimal(String),
    /// A time as Cedar's `datetime` reads it.
    Time(String),
    Set(Vec<Fact>),
}

impl Fact {
    pub(super) fn texts(texts: impl Iterator<Item = String>) -> Self {
        Self::Set(texts.map(Self::Text).collect())
    }

    /// As policies see it.
    pub(super) fn cedar(self) -> RestrictedExpression {
        match self {
            Self::Truth(truth) => RestrictedExpression::new_bool(truth),
            Self::Number(number) => RestrictedExpression::new_long(number),
            Self::Text(text) => RestrictedExpression::new_string(text),
            Self::Decimal(digits) => RestrictedExpression::new_decimal(digits),
            Self::Time(time) => RestrictedExpression::new_datetime(time),
            Self::Set(items) => RestrictedExpression::new_set(items.into_iter().map(Self::cedar)),
        }
    }
}
