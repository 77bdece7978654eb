//! Labels: who stands behind a piece of content, who may see it, where it came from.
//!
//! Labels form a lattice. [`Label::join`] is what a thing made of two things gets: the lower
//! integrity, the fewer readers, both sources' data classes. Nothing here raises trust.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// Who stands behind the content, lowest first: `operator` > `user` > `trusted` > `untrusted`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Integrity {
    /// Anybody may have written it. Also everything of which nothing is known.
    #[default]
    Untrusted,
    /// A system of record whose field only the organisation writes.
    Trusted,
    /// The person who asks.
    User,
    /// A released prompt.
    Operator,
}

impl Integrity {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Untrusted => "untrusted",
            Self::Trusted => "trusted",
            Self::User => "user",
            Self::Operator => "operator",
        }
    }

    /// The number policies compare: 0 untrusted, 1 trusted, 2 user, 3 operator.
    pub const fn level(self) -> i64 {
        self as i64
    }
}

/// Who may see the content.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Readers {
    #[default]
    Anyone,
    /// Only these (principals, roles or tenants, as `kind:name`); an empty set is nobody.
    Only(BTreeSet<String>),
}

impl Readers {
    /// Those who may read both.
    pub fn meet(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::Anyone, r) | (r, Self::Anyone) => r.clone(),
            (Self::Only(a), Self::Only(b)) => Self::Only(a & b),
        }
    }
}

/// The label of one span, argument or whole trajectory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Label {
    pub integrity: Integrity,
    #[serde(default)]
    pub readers: Readers,
    /// Data classes, for example `personal` or `payment`.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub classes: BTreeSet<String>,
}

impl Label {
    pub fn of(integrity: Integrity) -> Self {
        Self { integrity, ..Self::default() }
    }

    /// The label that joining with never changes anything: the unit of [`Label::join`].
    pub fn unit() -> Self {
        Self::of(Integrity::Operator)
    }

    /// The label of something made from both.
    #[must_use]
    pub fn join(&self, other: &Self) -> Self {
        Self {
            integrity: self.integrity.min(other.integrity),
            readers: self.readers.meet(&other.readers),
            classes: match (self.classes.is_empty(), other.classes.is_empty()) {
                (_, true) => self.classes.clone(),
                (true, false) => other.classes.clone(),
                (false, false) => &self.classes | &other.classes,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn label() -> impl Strategy<Value = Label> {
        let integrity = prop::sample::select(vec![
            Integrity::Untrusted,
            Integrity::Trusted,
            Integrity::User,
            Integrity::Operator,
        ]);
        let names = || prop::collection::btree_set("[a-c]", 0..3);
        let readers = prop_oneof![Just(Readers::Anyone), names().prop_map(Readers::Only)];
        (integrity, readers, names()).prop_map(|(integrity, readers, classes)| Label {
            integrity,
            readers,
            classes,
        })
    }

    proptest! {
        #[test]
        fn join_is_a_semilattice(a in label(), b in label(), c in label()) {
            prop_assert_eq!(a.join(&b), b.join(&a));
            prop_assert_eq!(a.join(&b.join(&c)), a.join(&b).join(&c));
            prop_assert_eq!(a.join(&a), a.clone());
            prop_assert_eq!(a.join(&Label::unit()), a);
        }

        #[test]
        fn nothing_rises(a in label(), b in label()) {
            let joined = a.join(&b);
            prop_assert!(joined.integrity <= a.integrity && joined.integrity <= b.integrity);
            prop_assert!(joined.classes.is_superset(&a.classes));
            if let (Readers::Only(before), Readers::Only(after)) = (&a.readers, &joined.readers) {
                prop_assert!(after.is_subset(before));
            }
        }
    }
}
