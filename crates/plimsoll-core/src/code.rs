//! The table of codes: every refusal, hold and fault has one row, and `plimsoll explain PLM-…`, the
//! manual, the ledger, the doors and the console all read it from here.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! codes {
    ($( $name:ident $id:literal $title:literal $meaning:literal $next:literal )*) => {
        /// A stable code. It never changes its meaning; new ones are added.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code { $( #[doc = $meaning] $name, )* }

        impl Code {
            /// Every code, in order.
            pub const ALL: &'static [Code] = &[ $( Code::$name, )* ];

            /// The row of this code.
            pub const fn row(self) -> Row {
                match self { $( Code::$name => Row { id: $id, title: $title, meaning: $meaning, next: $next }, )* }
            }
        }
    };
}

/// One row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// `PLM-0210`.
    pub id: &'static str,
    pub title: &'static str,
    /// What happened, for the reader of a refusal.
    pub meaning: &'static str,
    /// The next move.
    pub next: &'static str,
}

codes! {
    Stopped "PLM-0100" "stopped" "A kill switch covers this act." "Wait for `plimsoll resume`, or ask whoever pulled it."
    SuggestOnly "PLM-0110" "suggest only" "The workflow is in suggest mode: guarded and dangerous acts are proposed, never executed." "Let a person carry the proposal out, or move the workflow to `mode: enforce`."
    Forbidden "PLM-0200" "forbidden by a rule" "A policy of the release forbids this act." "Read the rule named in the reason; change what it asks for, or have the policy reviewed."
    PolicyError "PLM-0201" "policy error" "A rule could not be evaluated, and an error is a refusal." "Fix the policy: `plimsoll check` names file and line."
    NotPermitted "PLM-0202" "not permitted" "No rule of the release permits this act here." "Add a permit for this tool and workflow, or use a tool that has one."
    UntrustedOrigin "PLM-0210" "untrusted origin" "A value that decides whom or what the act reaches comes from content that anybody may have written, or from nowhere." "Let the user name the value in their own words, or use one of the remedies in the answer."
    NeedsApproval "PLM-0220" "needs approval" "The act is held until enough people in the named roles have approved this exact act." "Have it approved (`plimsoll approve list`), then repeat the identical call."
    NeedsCheck "PLM-0221" "needs a check" "The act is held until its check against the system of record has passed." "Nothing: the tool door runs the check itself."
    ApprovalDenied "PLM-0222" "approval denied" "The people asked said no." "Do not repeat the call; ask the reviewer what would be acceptable."
    ApprovalSpent "PLM-0223" "approval spent or void" "The approval was already used, has expired, or is bound to another act." "Ask again: an approval is good for one identical act."
    CheckFailed "PLM-0230" "check failed" "The system of record does not confirm the hypothesis." "Correct the arguments so that the check holds."
    CheckBroken "PLM-0231" "check could not run" "The check against the system of record could not be made, so the act stays refused." "See the reason; repeat when the system of record answers."
    RateLimited "PLM-0300" "rate limit" "More calls than the workflow allows in this window." "Wait for the window named in the reason."
    OverBudget "PLM-0301" "budget spent" "The amount would exceed the budget declared for this window." "Use a smaller amount, wait for the next window, or have the limit reviewed."
    UnknownTool "PLM-0400" "unknown tool" "The release does not know this tool." "Add it to `tools/*.yaml` and pin its schema, or use a tool that is listed."
    NotInWorkflow "PLM-0401" "not in this workflow" "The workflow does not list this tool, model or server for this principal." "Add it to the workflow's file, or use another key."
    SchemaDrift "PLM-0402" "tool changed" "The server describes this tool differently than the reviewed lock file does." "Read the change with `plimsoll tools review`, pin it again with `--accept TOOL --as YOU`, then have the lock file reviewed."
    InvalidArguments "PLM-0403" "invalid arguments" "The arguments do not fit the tool's pinned JSON Schema." "Correct the arguments; the reason names the place."
    Drifted "PLM-0404" "drifted" "The world is other than the reviewed release says, and the repository's `drift` policy refuses acts that this touches." "Look with `plimsoll drift`; put the world right, or accept what is there (`plimsoll drift --accept --as YOU`) and have that reviewed."
    HostedTool "PLM-0410" "provider-hosted tool" "The request asks the provider to run a tool where no gateway can see it." "Remove the tool, or set `hosted_tools` in the workflow to `strip` or `approve`."
    HiddenState "PLM-0411" "hidden state" "The request refers to a transcript the gateway can't see." "Send the whole conversation with each request (`store: false`)."
    UnknownEndpoint "PLM-0412" "unknown endpoint" "Plimsoll does not know this endpoint, and what it does not know it does not pass." "Use one of the endpoints listed in the manual."
    UnreadableContent "PLM-0413" "unreadable content" "The request holds a kind of content that the gateway can't read and label." "Send it as text, or allow media in the workflow."
    Malformed "PLM-0420" "malformed request" "The request is not strict JSON or not of the protocol's form." "Correct the request; the message names the place."
    TooLarge "PLM-0421" "too large" "The message is larger than a named bound." "Send less, or raise the bound in `plimsoll.yaml`."
    HeaderMismatch "PLM-0422" "header mismatch" "Headers and body disagree." "Send the same method, name and version in headers and body."
    Unauthenticated "PLM-0430" "who asks is unknown" "No valid key or token came with the request." "Send `Authorization: Bearer <key>`; make a key with `plimsoll key create`."
    NotAllowed "PLM-0431" "not allowed" "This principal may not do this." "Use a principal with the right workflow and roles."
    UpstreamFailed "PLM-0500" "upstream failed" "The model or tool server could not be reached or answered with an error." "Look at the upstream's own log; the ledger has the outcome."
    UpstreamTimeout "PLM-0501" "upstream timed out" "The model or tool server did not answer in time. For a tool call nobody knows whether it happened." "Look up the act in the system of record before repeating it."
    UpstreamGarbage "PLM-0502" "upstream answered nonsense" "The upstream's answer is not of the protocol's form." "Look at the upstream; its answer was not passed on."
    RecordFailed "PLM-0510" "record failed" "The ledger could not make the record durable, so the act did not happen, or it was a safe one and its answer was kept back." "Look at the disk and at `plimsoll doctor`. A gateway whose disk was full goes on as soon as there is room; one whose ledger failed refuses every act until it is restarted."
    Overloaded "PLM-0511" "overloaded" "A queue with a named bound is full." "Repeat later; the bound is named in the message."
    InDoubt "PLM-0520" "in doubt" "An identical act was begun and nobody knows whether it happened; it is not repeated blindly." "Look it up in the system of record, then settle it with `plimsoll show`."
}

impl Code {
    pub const fn id(self) -> &'static str {
        self.row().id
    }

    pub const fn title(self) -> &'static str {
        self.row().title
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.id().eq_ignore_ascii_case(text))
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

impl Serialize for Code {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.id())
    }
}

impl<'de> Deserialize<'de> for Code {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom(format!("unknown code `{text}`")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_ordered() {
        let ids: Vec<_> = Code::ALL.iter().map(|c| c.id()).collect();
        assert!(ids.windows(2).all(|w| w[0] < w[1]), "{ids:?}");
        assert!(Code::ALL.iter().all(|c| Code::parse(c.id()) == Some(*c)));
    }
}
