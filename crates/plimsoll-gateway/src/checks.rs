//! Checks: a hypothesis is tested against the system of record before it runs.
//!
//! Calling the system of record is a safe act of its own and walks the same path; the conditions are
//! compared by a pure function.

use std::sync::Arc;

use plimsoll_bundle::{Check, CheckOutcome};
use plimsoll_core::{
    Account, Act, CheckFact, ContentOf, Door, Flow, OutcomeStatus, Tier, ToolName, Trajectory,
};
use plimsoll_ledger::{Rehearsal, Warrant};
use serde_json::{Value, json};

use crate::caller::Caller;
use crate::content::Said;
use crate::gateway::Gateway;
use crate::path::{Actor, Proposal, Sight, act, report_of};
use crate::record::{Header, Report, Slip};
use crate::upstream::UpstreamError;
use crate::upstream::tools::{ToolAnswer, ToolRequest};

impl Gateway {
    /// Runs one check. Whatever goes wrong is a check that did not pass.
    pub(crate) async fn run_check(
        self: &Arc<Self>,
        caller: &Caller,
        header: &Header,
        check: &Check,
        subject: &Act,
    ) -> CheckFact {
        let verdict = self.ask_record(caller, header, check, subject).await;
        let (passed, detail) = match verdict {
            Ok(outcome) => (outcome.passed, outcome.detail),
            Err(why) => (false, format!("could not be made: {why}")),
        };
        let detail = self.redactor.redact(&detail).into_owned();
        CheckFact { name: check.name.clone(), passed: Some(passed), detail }
    }

    async fn ask_record(
        self: &Arc<Self>,
        caller: &Caller,
        header: &Header,
        check: &Check,
        subject: &Act,
    ) -> Result<CheckOutcome, String> {
        let answer = self
            .call_record(
                caller,
                header,
                &check.call,
                check.arguments(&subject.arguments).map_err(|e| e.to_string())?,
            )
            .await?;
        if answer.is_error {
            return Err(format!("`{}` answered with an error: {}", check.call, answer.texts.join(" ")));
        }
        let result =
            structured(&answer).ok_or_else(|| format!("`{}` gave no structured result", check.call))?;
        check.evaluate(&subject.arguments, &result).map_err(|error| error.to_string())
    }

    async fn call_record(
        self: &Arc<Self>,
        caller: &Caller,
        header: &Header,
        tool: &ToolName,
        arguments: Value,
    ) -> Result<ToolAnswer, String> {
        // What asks a system of record may change nothing, whoever chose its arguments.
        if caller.bundle().find_tool(tool).is_none_or(|tool| tool.tier != Tier::Safe) {
            return Err(format!("`{tool}` is not a safe tool"));
        }
        let server = caller.bundle().servers.get(&tool.server).cloned();
        let server = server.ok_or_else(|| format!("there is no tool server `{}`", tool.server))?;
        let act = act(Door::Tool, tool.clone(), arguments);
        let proposal = Proposal {
            act: act.clone(),
            session: header.session.clone(),
            request: header.request.clone(),
            trace: header.trace.clone(),
            // Nothing of the model's chooses this call but the values under test themselves.
            sight: Sight::Context { trajectory: Trajectory::default(), flow: Flow::default() },
            objections: Vec::new(),
            drifts: Vec::new(),
            deferred: false,
            detail: json!({ "check": true }),
            fresh: Vec::new(),
            said: None,
        };
        let request =
            ToolRequest { bundle: Arc::clone(caller.bundle()), server, account: Account::Read, act };
        let actor = AskRecord { gateway: Arc::clone(self), caller: caller.clone(), request };
        let done =
            Box::pin(self.pass(caller, proposal, actor)).await.map_err(|refusal| refusal.headline())?;
        done.map_err(|error| error.to_string())
    }
}

/// Calls a tool of the system of record.
#[derive(Debug)]
struct AskRecord {
    gateway: Arc<Gateway>,
    caller: Caller,
    request: ToolRequest,
}

impl Actor for AskRecord {
    type Done = Result<ToolAnswer, UpstreamError>;

    async fn act(self, warrant: Warrant, slip: Slip) -> Self::Done {
        let name = self.request.server.name.clone();
        let Some(tools) = self.gateway.tools.get() else {
            drop(warrant);
            let error = UpstreamError::Unreachable { name, why: "tool servers are not connected".to_owned() };
            slip.close_soon(report_of(&error));
            return Err(error);
        };
        let (bundle, tool) = (Arc::clone(&self.request.bundle), self.request.act.tool.clone());
        let mut answered = tools.call(warrant, self.request).await;
        if let Ok(answer) = &mut answered {
            let tool = bundle.find_tool(&tool).map(|tool| &**tool);
            self.gateway.masked_value(&self.caller, tool, &mut answer.result);
            answer.texts.iter_mut().for_each(|text| self.gateway.masked_text(&self.caller, tool, text));
            if let Some(structured) = &mut answer.structured {
                self.gateway.masked_value(&self.caller, tool, structured);
            }
        }
        if let Ok(answer) = &answered {
            slip.keep(|| {
                let result = json!({ "jsonrpc": "2.0", "id": 0, "result": answer.result }).to_string();
                Said::json(ContentOf::Result, 200, result.into())
            });
        }
        match &answered {
            Ok(_) => slip.close_soon(Report::of(OutcomeStatus::Done, "")),
            Err(error) => slip.close_soon(report_of(error)),
        }
        answered
    }

    /// What asks a system of record is a safe tool, and those are performed everywhere.
    async fn simulate(self, _rehearsal: Rehearsal, slip: Slip) -> Self::Done {
        let why = "a check is not simulated".to_owned();
        let error = UpstreamError::Unreachable { name: self.request.server.name.clone(), why };
        slip.close_soon(report_of(&error));
        Err(error)
    }
}

/// The structured result, or the one text that is JSON.
fn structured(answer: &ToolAnswer) -> Option<Value> {
    answer.structured.clone().or_else(|| match answer.texts.as_slice() {
        [only] => serde_json::from_str(only).ok(),
        _ => None,
    })
}
