//! Warrants: the proof that an allowed act is written down.

use plimsoll_core::{ActId, Basis, Digest, Mode, Permit, PermitId, Tier};

use crate::Seq;

/// A permit that the ledger has made durable. Only a warrant moves an upstream, and moving it uses
/// the warrant up.
///
/// Nobody can make one but [`Ledger::enter`](crate::Ledger::enter):
///
/// ```compile_fail,E0451
/// fn forge(permit: plimsoll_core::Permit) -> plimsoll_ledger::Warrant {
///     plimsoll_ledger::Warrant { permit, seq: plimsoll_ledger::Seq(0) }
/// }
/// ```
/// ```compile_fail,E0624
/// fn forge(permit: plimsoll_core::Permit) -> plimsoll_ledger::Warrant {
///     plimsoll_ledger::Warrant::new(permit, plimsoll_ledger::Seq(0))
/// }
/// ```
/// It cannot be copied:
///
/// ```compile_fail,E0308
/// fn copy(warrant: &plimsoll_ledger::Warrant) -> plimsoll_ledger::Warrant { warrant.clone() }
/// ```
/// It is spent once:
///
/// ```compile_fail,E0382
/// fn perform(warrant: plimsoll_ledger::Warrant) {}
/// fn twice(warrant: plimsoll_ledger::Warrant) { perform(warrant); perform(warrant); }
/// ```
/// Once is fine:
///
/// ```
/// fn perform(warrant: plimsoll_ledger::Warrant) {}
/// fn once(warrant: plimsoll_ledger::Warrant) { perform(warrant); }
/// ```
#[derive(Debug)]
#[must_use = "an intent was recorded: perform the act, or record why not"]
pub struct Warrant {
    permit: Permit,
    seq: Seq,
}

/// What is left of a warrant whose act is only simulated. The intent is on record, and nothing can be moved: a warrant
/// can't be made of it again.
///
/// ```compile_fail,E0308
/// fn perform(warrant: plimsoll_ledger::Warrant) {}
/// fn cheat(warrant: plimsoll_ledger::Warrant) { perform(warrant.rehearse()); }
/// ```
/// ```compile_fail,E0382
/// fn perform(warrant: plimsoll_ledger::Warrant) {}
/// fn both(warrant: plimsoll_ledger::Warrant) { let _rehearsal = warrant.rehearse(); perform(warrant); }
/// ```
#[derive(Debug)]
#[must_use = "an intent was recorded: say that it was simulated"]
pub struct Rehearsal {
    act: ActId,
    tier: Tier,
}

impl Rehearsal {
    pub const fn act(&self) -> ActId {
        self.act
    }

    pub const fn tier(&self) -> Tier {
        self.tier
    }
}

impl Warrant {
    /// Gives the warrant up: the act is only simulated.
    pub fn rehearse(self) -> Rehearsal {
        Rehearsal { act: self.act(), tier: self.tier() }
    }

    pub(crate) const fn new(permit: Permit, seq: Seq) -> Self {
        Self { permit, seq }
    }

    /// Where the intent stands in the ledger.
    pub const fn seq(&self) -> Seq {
        self.seq
    }

    pub const fn permit_id(&self) -> PermitId {
        self.permit.id()
    }

    pub const fn act(&self) -> ActId {
        self.permit.act()
    }

    /// The digest of the exact act this warrant is good for.
    pub const fn act_digest(&self) -> &Digest {
        self.permit.act_digest()
    }

    pub const fn tier(&self) -> Tier {
        self.permit.tier()
    }

    /// Why the permit existed.
    pub const fn basis(&self) -> Basis {
        self.permit.basis()
    }

    pub const fn mode(&self) -> Mode {
        self.permit.mode()
    }
}
