//! What a caller is told when an act does not happen: a code, the reasons, the ledger entry and the
//! legal ways on. Doors put it into their own protocol's form.

use plimsoll_core::{ActId, Code, Decision, Remedy, Ruling, ToolName};
use serde_json::{Value, json};

/// An act that did not happen, and what the caller may do now.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    pub code: Code,
    pub tool: Option<ToolName>,
    pub act: Option<ActId>,
    pub decision: Option<Decision>,
    /// What happened, when there was no decision: malformed input, a failed upstream.
    pub detail: String,
    /// The approval to wait for.
    pub ticket: Option<String>,
    /// Where a person answers the ticket.
    pub page: Option<String>,
    /// Sequence number of the ledger entry that records this.
    pub entry: Option<u64>,
}

impl Refusal {
    /// A refusal before any act could be judged.
    pub fn plain(code: Code, detail: impl Into<String>) -> Self {
        Self {
            code,
            tool: None,
            act: None,
            decision: None,
            detail: detail.into(),
            ticket: None,
            page: None,
            entry: None,
        }
    }

    pub fn is_hold(&self) -> bool {
        self.decision.as_ref().is_some_and(|d| d.ruling == Ruling::Hold)
    }

    fn remedies(&self) -> &[Remedy] {
        self.decision.as_ref().map_or(&[], |d| &d.remedies)
    }

    /// One sentence for an error field.
    pub fn headline(&self) -> String {
        let reasons = match &self.decision {
            Some(decision) => decision.reasons.iter().map(|r| r.text.as_str()).collect::<Vec<_>>().join("; "),
            None => self.detail.clone(),
        };
        let what = self.tool.as_ref().map_or_else(String::new, |tool| format!(" `{tool}`"));
        let verb = if self.is_hold() { "holds" } else { "refused" };
        format!("Plimsoll {verb}{what} ({} {}): {reasons}", self.code.id(), self.code.title())
    }

    /// The whole answer for the model and its user: what, why, and the ways on. A model reads it, so it
    /// says plainly that the act did not happen.
    pub fn text(&self) -> String {
        let mut text = self.headline();
        text.push_str("\nThe act did not happen.");
        if let Some(ticket) = &self.ticket {
            text.push_str(&format!("\nTicket {ticket}: once approved, repeat the identical call."));
        }
        for (n, remedy) in self.remedies().iter().enumerate() {
            text.push_str(if n == 0 { "\nWays on: " } else { "; " });
            text.push_str(&remedy.sentence());
        }
        if self.remedies().is_empty() && self.ticket.is_none() {
            text.push_str(&format!("\nNext: {}", self.code.row().next));
        }
        if let Some(entry) = self.entry {
            text.push_str(&format!("\n(ledger entry {entry}; `plimsoll explain {entry}`)"));
        }
        text
    }

    /// The same for programs.
    pub fn structured(&self) -> Value {
        json!({
            "code": self.code,
            "title": self.code.title(),
            "decision": self.decision.as_ref().map_or("refuse", |d| d.ruling.name()),
            "tool": self.tool,
            "act": self.act,
            "reasons": self.decision.as_ref().map(|d| d.reasons.clone()),
            "detail": self.detail,
            "remedies": self.remedies(),
            "ticket": self.ticket,
            "approval_page": self.page,
            "entry": self.entry,
        })
    }
}
