//! What policies say about one case under every assumption about checks and people at once, and how far that lets
//! the act get. Votes of many policies come together in any order, by Cedar's own law: permitted when some permit
//! applies, no forbid does, and none erred.

use std::ops::BitOr;

use cedar_policy::Effect;
use plimsoll_core::{Assume, Case, Mode, Tier};

/// How far an act gets, least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Reach {
    /// Nothing makes it run.
    Refused,
    /// It runs once people have approved it, and its checks have passed.
    Approved,
    /// It runs once its checks have passed.
    Checked,
    /// It runs by itself.
    Free,
}

impl Reach {
    /// What happens, after "the act …".
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Refused => "is refused",
            Self::Approved => "waits for people's approval",
            Self::Checked => "runs once its checks pass",
            Self::Free => "runs by itself",
        }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Refused => "refuse",
            Self::Approved => "hold",
            Self::Checked => "check",
            Self::Free => "allow",
        }
    }
}

/// What may have happened by the time it is decided, beside the case itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Assumed {
    Nothing,
    Checks,
    Approval,
    Both,
}

impl Assumed {
    pub(crate) const ALL: [Self; 4] = [Self::Nothing, Self::Checks, Self::Approval, Self::Both];

    pub(crate) const fn checks(self) -> bool {
        matches!(self, Self::Checks | Self::Both)
    }

    pub(crate) const fn approval(self) -> bool {
        matches!(self, Self::Approval | Self::Both)
    }

    pub(super) fn assume(self) -> Assume {
        Assume { checks: self.checks(), approval: self.approval(), ..Assume::default() }
    }
}

/// Some of the assumptions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Under(u8);

impl Under {
    const fn one(assumed: Assumed) -> Self {
        Self(1 << assumed as u8)
    }

    pub(crate) const fn has(self, assumed: Assumed) -> bool {
        self.0 & Self::one(assumed).0 != 0
    }

    pub(crate) const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    const fn but(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The first of them, in the order of [`Assumed::ALL`].
    pub(crate) fn first(self) -> Option<Assumed> {
        Assumed::ALL.into_iter().find(|assumed| self.has(*assumed))
    }
}

/// What one policy says under one assumption.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Vote {
    Applies,
    Silent,
    Errs,
}

/// Under which assumptions some policy permits, forbids, errs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Votes {
    permits: Under,
    forbids: Under,
    errs: Under,
}

impl BitOr for Votes {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self {
            permits: Under(self.permits.0 | other.permits.0),
            forbids: Under(self.forbids.0 | other.forbids.0),
            errs: Under(self.errs.0 | other.errs.0),
        }
    }
}

impl Votes {
    pub(super) fn one(effect: Effect, vote: Vote, assumed: Assumed) -> Self {
        let under = Under::one(assumed);
        match (vote, effect) {
            (Vote::Silent, _) => Self::default(),
            (Vote::Errs, _) => Self { errs: under, ..Self::default() },
            (Vote::Applies, Effect::Permit) => Self { permits: under, ..Self::default() },
            (Vote::Applies, Effect::Forbid) => Self { forbids: under, ..Self::default() },
        }
    }

    /// Where they permit it.
    pub(crate) const fn permitted(self) -> Under {
        self.permits.but(self.forbids).but(self.errs)
    }

    /// Where a rule that forbids applies.
    pub(crate) const fn forbidden(self) -> Under {
        self.forbids.but(self.errs)
    }

    /// How far that lets a case get; as [`decide`](plimsoll_core::decide()) has it.
    pub(crate) const fn reach(self, ways: Ways) -> Reach {
        let permitted = self.permitted();
        let (open, people) = (ways.has(Ways::OPEN), ways.has(Ways::PEOPLE));
        if self.errs.has(Assumed::Nothing) {
            return Reach::Refused;
        }
        if permitted.has(Assumed::Nothing) {
            // What suggest mode does with it is no rule's business, and all the same what happens.
            return if ways.has(Ways::SUGGESTS) { Reach::Refused } else { Reach::Free };
        }
        if ways.has(Ways::FAILED) {
            Reach::Refused
        } else if open && permitted.has(Assumed::Checks) {
            Reach::Checked
        } else if people && (permitted.has(Assumed::Approval) || open && permitted.has(Assumed::Both)) {
            Reach::Approved
        } else {
            Reach::Refused
        }
    }
}

/// What [`decide`](plimsoll_core::decide()) looks at beside the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ways(u32);

impl Ways {
    /// A check has failed.
    const FAILED: u32 = 1;
    /// A check can still be run.
    const OPEN: u32 = 1 << 1;
    /// There are people to ask.
    const PEOPLE: u32 = 1 << 2;
    /// It is only proposed.
    const SUGGESTS: u32 = 1 << 3;

    pub(super) fn of(case: &Case<'_>) -> Self {
        let facts = &case.facts;
        let ways = [
            (Self::FAILED, facts.checks.iter().any(|check| check.passed == Some(false))),
            (Self::OPEN, facts.checks.iter().any(|check| check.passed.is_none())),
            (Self::PEOPLE, facts.terms.is_some()),
            (Self::SUGGESTS, case.mode == Mode::Suggest && case.tier != Tier::Safe && !facts.deferred),
        ];
        Self(ways.into_iter().filter(|(_, is)| *is).map(|(way, _)| way).sum())
    }

    pub(super) const fn of_number(number: u32) -> Self {
        Self(number)
    }

    pub(super) const fn number(self) -> u32 {
        self.0
    }

    const fn has(self, way: u32) -> bool {
        self.0 & way != 0
    }
}
