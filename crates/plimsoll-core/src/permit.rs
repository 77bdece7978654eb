//! Permits: the proof that an act was allowed.

use jiff::Timestamp;
use uuid::Uuid;

use crate::act::{ActId, Mode, Tier};
use crate::digest::Digest;

/// The identity of one permit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct PermitId(pub Uuid);

impl PermitId {
    /// Where it decides nothing which permit it is: a decision taken again, or a policy measured.
    pub const fn nil() -> Self {
        Self(Uuid::nil())
    }
}

/// Why a permit exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Basis {
    /// The rules allow it.
    Allowed,
    /// The workflow only observes; the rules would have said otherwise.
    Observed,
    /// The tool door will judge and hold the act itself; here the proposal is only shown.
    Deferred,
}

/// The proof that one act was allowed: bound to it by digest, used up by use, with an expiry.
///
/// Only [`decide`](crate::decide()) makes one. It cannot be cloned, so it can be spent once; what it
/// is spent on is a warrant, which only the ledger gives.
///
/// ```compile_fail
/// fn twice(permit: plimsoll_core::Permit) { drop(permit); drop(permit); }
/// ```
/// ```compile_fail
/// fn copy(permit: &plimsoll_core::Permit) -> plimsoll_core::Permit { permit.clone() }
/// ```
#[derive(Debug)]
#[must_use = "a permit does nothing until the ledger has made it a warrant"]
pub struct Permit {
    id: PermitId,
    act: ActId,
    act_digest: Digest,
    tier: Tier,
    mode: Mode,
    basis: Basis,
    expires_at: Timestamp,
}

impl Permit {
    /// Made by `decide` alone.
    pub(crate) fn new(
        id: PermitId,
        act: ActId,
        act_digest: Digest,
        tier: Tier,
        mode: Mode,
        basis: Basis,
        expires_at: Timestamp,
    ) -> Self {
        Self { id, act, act_digest, tier, mode, basis, expires_at }
    }

    pub const fn id(&self) -> PermitId {
        self.id
    }

    pub const fn act(&self) -> ActId {
        self.act
    }

    /// The digest of the exact act: tool, arguments, schema version, release, requester.
    pub const fn act_digest(&self) -> &Digest {
        &self.act_digest
    }

    pub const fn tier(&self) -> Tier {
        self.tier
    }

    pub const fn mode(&self) -> Mode {
        self.mode
    }

    pub const fn basis(&self) -> Basis {
        self.basis
    }

    pub const fn expires_at(&self) -> Timestamp {
        self.expires_at
    }
}
