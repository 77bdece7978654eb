//! From an entry back to the case that was decided.

use jiff::Timestamp;
use plimsoll_core::{Account, Case, Entry, Flow, Judged, PermitId, Principal};

use super::Missing;

/// A recorded case: borrowed from its entry, but for what entries keep in another form.
#[derive(Debug)]
pub(super) struct Again<'e> {
    entry: &'e Entry,
    judged: &'e Judged,
    principal: &'e Principal,
    flow: Flow,
    now: Timestamp,
}

impl<'e> Again<'e> {
    /// # Errors
    /// When a fact is not on record, or is not what it was.
    pub(super) fn of(entry: &'e Entry, judged: &'e Judged) -> Result<Self, Missing> {
        let now = judged.now.ok_or(Missing::Older)?;
        let principal = entry.principal.as_ref().ok_or(Missing::Principal)?;
        if judged.shortened {
            return Err(Missing::Shortened);
        }
        if judged.redacted > 0 {
            return Err(Missing::Redacted);
        }
        let flow = Flow {
            origins: judged.origins.clone(),
            intent: judged.intent.clone(),
            payload: judged.payload.clone(),
        };
        let again = Self { entry, judged, principal, flow, now };
        if again.case().act_digest() != judged.act_digest {
            return Err(if is_sealed(entry, judged) { Missing::Sealed } else { Missing::Altered });
        }
        Ok(again)
    }

    pub(super) fn case(&self) -> Case<'_> {
        let judged = self.judged;
        Case {
            principal: self.principal,
            workflow: &self.entry.workflow,
            environment: &judged.environment,
            release: &self.entry.release,
            mode: judged.mode,
            act: &judged.act,
            tier: judged.tier,
            effect: judged.effect,
            account: judged.account.unwrap_or(Account::Execute),
            trajectory: &judged.trajectory,
            flow: &self.flow,
            facts: &judged.facts,
            now: self.now,
            // Which permit it is decides nothing.
            permit: judged.permit.unwrap_or(PermitId::nil()),
        }
    }
}

/// Whether the digest or the name that it was taken of is sealed: where a digest was there are zeros, and where a name
/// was there is a pseudonym.
fn is_sealed(entry: &Entry, judged: &Judged) -> bool {
    let by_pseudonym =
        entry.principal.as_ref().is_some_and(|principal| principal.requester().starts_with("p-"));
    judged.act.arguments.is_null()
        || entry.seal.is_some() && (by_pseudonym || *judged.act_digest.as_bytes() == [0; 32])
}
