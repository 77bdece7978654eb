//! OCSF 1.8: an act is an API Activity, approvals, keys, releases and kill switches are managed entities, and the
//! gateway has a life cycle. One object for each thing that there is to tell.

use jiff::Timestamp;
use plimsoll_core::{
    ApprovalState, Door, Effect, EntryBody, Judged, Outcome, OutcomeStatus, PrincipalKind, ReleaseMove,
    Ruling,
};
use serde_json::{Value, json};

use crate::acts::{Told, judged};
use crate::otel::{kind, provider, scope_of, span_id, trace_id};
use crate::{Include, Numbered, Source};

/// The version of the schema.
pub const VERSION: &str = "1.8.0";

const API_ACTIVITY: (u32, u32) = (6, 6003);
const LIFECYCLE: (u32, u32) = (6, 6002);
const ENTITY: (u32, u32) = (3, 3004);
const OTHER: u32 = 99;

/// The event of what there is to tell. A call in a model's answer that passed is told by what became of it.
pub fn event(told: &Told, source: &Source) -> Option<Value> {
    match told {
        Told::Act { intent, outcome } => {
            let judged = judged(intent)?;
            let is_proposal = judged.facts.deferred;
            let outcome = outcome.as_ref().map(|(_, at, outcome)| (*at, &**outcome));
            (!is_proposal).then(|| api_activity(intent, judged, outcome, source))
        }
        Told::Alone(numbered) => Some(match &numbered.entry.body {
            EntryBody::Intent(judged) | EntryBody::Decision(judged) => {
                api_activity(numbered, judged, None, source)
            }
            // What was said is for replays, not for whoever watches.
            EntryBody::Content(_) => return None,
            EntryBody::Outcome(outcome) => settled(numbered, outcome, source),
            EntryBody::Turned { code, .. } => {
                let mut event = event_of(numbered, API_ACTIVITY, (OTHER, "Request"), 2, source);
                event["api"] = json!({ "operation": "request", "request": { "uid": uid(numbered) } });
                event["src_endpoint"] = endpoint("plimsoll");
                denied(&mut event, (25, "Rejected"));
                event["status_code"] = json!(code.id());
                event["status_detail"] = json!(code.title());
                event
            }
            _ => entity(numbered, source),
        }),
    }
}

/// What every event has.
fn event_of(
    numbered: &Numbered,
    class: (u32, u32),
    activity: (u32, &str),
    severity: u32,
    source: &Source,
) -> Value {
    let entry = &numbered.entry;
    let (category, class) = class;
    let mut metadata = json!({
        "version": VERSION,
        "uid": numbered.seq.to_string(),
        "product": { "name": "Plimsoll", "vendor_name": "Plimsoll", "version": source.version },
        "log_name": "ledger",
    });
    if class == API_ACTIVITY.1 {
        metadata["profiles"] = json!(["ai_operation", "security_control", "trace"]);
    }
    if !source.instance.is_empty() {
        metadata["product"]["uid"] = json!(source.instance);
    }
    let mut event = json!({
        "category_uid": category,
        "class_uid": class,
        "activity_id": activity.0,
        "activity_name": activity.1,
        "type_uid": class * 100 + activity.0,
        "time": entry.at.as_millisecond(),
        "severity_id": severity,
        "metadata": metadata,
        "actor": actor(numbered, source.include),
        "unmapped": { "plimsoll": {
            "entry": entry.id.to_string(), "request": entry.request, "session": entry.session, "release": entry.release,
        } },
    });
    if class == API_ACTIVITY.1 {
        event["trace"] = json!({ "uid": trace_id(entry) });
    }
    event
}

/// Who did it; the workflow always, the person where that was asked for.
fn actor(numbered: &Numbered, include: Include) -> Value {
    let entry = &numbered.entry;
    let workflow = if entry.workflow.is_empty() { "plimsoll" } else { &entry.workflow };
    let mut actor = json!({ "app_name": workflow });
    if let Some(principal) = entry.principal.as_ref().filter(|_| include.identity) {
        let (id, name) = match principal.kind {
            PrincipalKind::User => (1, "User"),
            PrincipalKind::Service => (4, "Service"),
            PrincipalKind::Agent => (OTHER, "Agent"),
        };
        actor["user"] = json!({ "uid": principal.id, "type_id": id, "type": name });
        if let Some(person) = &principal.on_behalf_of {
            actor["invoked_by"] = json!(person);
        }
    }
    actor
}

fn endpoint(name: &str) -> Value {
    json!({ "svc_name": name })
}

fn uid(numbered: &Numbered) -> String {
    match numbered.entry.request.is_empty() {
        true => numbered.entry.id.to_string(),
        false => numbered.entry.request.clone(),
    }
}

fn api_activity(
    numbered: &Numbered,
    judged: &Judged,
    outcome: Option<(Timestamp, &Outcome)>,
    source: &Source,
) -> Value {
    let kind = kind(judged);
    let activity = match judged.effect {
        _ if kind.is_model => (OTHER, "Converse"),
        Effect::Read => (2, "Read"),
        Effect::Destructive => (4, "Delete"),
        Effect::Own | Effect::Shared | Effect::External | Effect::Egress => (OTHER, judged.effect.name()),
    };
    let ruling = judged.decision.ruling;
    let status = outcome.map(|(_, outcome)| outcome.status);
    let severity = match (ruling, status) {
        (Ruling::Refuse, _) => 3,
        (_, Some(OutcomeStatus::Ambiguous)) => 4,
        (Ruling::Hold, _) | (_, Some(OutcomeStatus::Failed)) => 2,
        _ => 1,
    };
    let mut event = event_of(numbered, API_ACTIVITY, activity, severity, source);
    event["api"] = json!({
        "operation": judged.act.tool.to_string(),
        "service": { "name": judged.act.tool.server },
        "request": { "uid": uid(numbered) },
    });
    if source.include.arguments && !kind.is_model {
        event["api"]["request"]["data"] = judged.act.arguments.clone();
    }
    event["src_endpoint"] = endpoint(match judged.act.door {
        Door::Llm => "plimsoll LLM door",
        Door::Tool => "plimsoll tool door",
    });
    event["authorizations"] = judged.decision.reasons.iter().map(|reason| {
        json!({ "decision": ruling.name(), "policy": { "name": reason.rule, "version": numbered.entry.release } })
    }).collect();
    if kind.is_model {
        model(&mut event, judged, outcome.map(|(_, outcome)| outcome));
    }
    match ruling {
        Ruling::Allow => carried_out(&mut event, numbered, judged, outcome),
        Ruling::Hold => denied(&mut event, (14, "Delayed")),
        Ruling::Refuse => denied(&mut event, (2, "Blocked")),
    }
    if let Some(code) = judged.decision.code {
        event["status_code"] = json!(code.id());
        event["status_detail"] = json!(code.title());
    }
    let more = json!({
        "act": judged.act.id.to_string(),
        "tier": judged.tier.name(),
        "effect": judged.effect.name(),
        "mode": judged.mode.name(),
        "ruling": ruling.name(),
        "context_integrity": judged.trajectory.label.integrity.name(),
    });
    if let (Some(ours), Value::Object(more)) = (event["unmapped"]["plimsoll"].as_object_mut(), more) {
        ours.extend(more);
    }
    event
}

fn model(event: &mut Value, judged: &Judged, outcome: Option<&Outcome>) {
    let provider = provider(judged);
    let name = judged.detail.get("model").and_then(Value::as_str).unwrap_or(&judged.act.tool.tool);
    event["ai_model"] = json!({ "name": name, "ai_provider": provider });
    let mut context = json!({ "service": { "name": provider }, "ai_role_id": 2, "ai_role": "Assistant" });
    if let Some(outcome) = outcome {
        let count = |key: &str| outcome.usage.get(key).and_then(Value::as_u64);
        for (name, key) in [("prompt_tokens", "input_tokens"), ("completion_tokens", "output_tokens")] {
            if let Some(count) = count(key) {
                context[name] = json!(count);
            }
        }
        if let Some(id) = outcome.downstream.first() {
            context["uid"] = json!(id);
        }
    }
    event["message_context"] = context;
}

fn carried_out(
    event: &mut Value,
    numbered: &Numbered,
    judged: &Judged,
    outcome: Option<(Timestamp, &Outcome)>,
) {
    let approved = judged.facts.approval.as_ref().is_some_and(|approval| approval.granted);
    event["action_id"] = json!(1);
    event["action"] = json!("Allowed");
    let (id, name) = if approved { (8, "Approved") } else { (1, "Allowed") };
    event["disposition_id"] = json!(id);
    event["disposition"] = json!(name);
    let (status, name) = match outcome.map(|(_, outcome)| outcome.status) {
        Some(OutcomeStatus::Done) => (1, "Success"),
        Some(OutcomeStatus::Failed) => (2, "Failure"),
        Some(OutcomeStatus::Simulated) => (OTHER, "Simulated"),
        Some(OutcomeStatus::Ambiguous) | None => (0, "Unknown"),
    };
    event["status_id"] = json!(status);
    event["status"] = json!(name);
    if let Some((end, outcome)) = outcome {
        event["start_time"] = event["time"].clone();
        event["end_time"] = json!(end.as_millisecond());
        event["duration"] = json!(outcome.took_ms);
        event["trace"]["span"] = json!({
            "uid": span_id(judged.act.id),
            "operation": judged.act.tool.to_string(),
            "start_time": numbered.entry.at.as_millisecond(),
            "end_time": end.as_millisecond(),
        });
        if let Some(code) = outcome.code {
            event["status_code"] = json!(code.id());
            event["status_detail"] = json!(code.title());
        }
    }
}

fn denied(event: &mut Value, disposition: (u32, &str)) {
    event["action_id"] = json!(2);
    event["action"] = json!("Denied");
    event["disposition_id"] = json!(disposition.0);
    event["disposition"] = json!(disposition.1);
    event["status_id"] = json!(2);
    event["status"] = json!("Failure");
}

/// What came of an act whose beginning is not told with it: it was looked up later.
fn settled(numbered: &Numbered, outcome: &Outcome, source: &Source) -> Value {
    let mut event = event_of(numbered, API_ACTIVITY, (3, "Update"), 1, source);
    event["api"] = json!({ "operation": "settle", "request": { "uid": uid(numbered) } });
    event["src_endpoint"] = endpoint("plimsoll");
    let done = outcome.status == OutcomeStatus::Done;
    event["status_id"] = json!(if done { 1 } else { 2 });
    event["status"] = json!(if done { "Success" } else { "Failure" });
    event["unmapped"]["plimsoll"]["act"] = json!(outcome.act.to_string());
    event
}

/// Approvals, keys, releases, kill switches, and the gateway itself.
fn entity(numbered: &Numbered, source: &Source) -> Value {
    let make = |activity, severity, kind: &str, name: String| {
        let mut event = event_of(numbered, ENTITY, activity, severity, source);
        event["entity"] = json!({ "name": name, "type": kind });
        event
    };
    match &numbered.entry.body {
        EntryBody::Approval(change) => {
            let activity = match change.state {
                ApprovalState::Open => (1, "Create"),
                ApprovalState::Granted => (8, "Enable"),
                ApprovalState::Denied => (9, "Disable"),
                ApprovalState::Expired => (11, "Deactivate"),
                ApprovalState::Consumed => (3, "Update"),
            };
            let mut event = make(activity, 1, "Approval", change.approval.id.clone());
            event["entity"]["data"] = json!({ "tool": change.approval.tool, "state": change.state.name() });
            if source.include.identity {
                event["actor"]["invoked_by"] = json!(change.by);
            }
            event
        }
        EntryBody::Stop { on, stop } => {
            let activity = if *on { (8, "Enable") } else { (9, "Disable") };
            make(activity, 4, "Kill switch", scope_of(&stop.scope))
        }
        EntryBody::Config { release, accepted, .. } => {
            let activity = if *accepted { (10, "Activate") } else { (3, "Update") };
            let mut event = make(activity, if *accepted { 1 } else { 3 }, "Release", release.clone());
            event["status_id"] = json!(if *accepted { 1 } else { 2 });
            event
        }
        EntryBody::Release(step) => {
            let (activity, severity) = match step.step {
                ReleaseMove::Installed => ((1, "Create"), 1),
                ReleaseMove::Full => ((10, "Activate"), 1),
                ReleaseMove::RolledBack => ((11, "Deactivate"), 3),
                ReleaseMove::Refused => ((3, "Update"), 3),
                ReleaseMove::Shadow | ReleaseMove::Canary | ReleaseMove::Held => ((3, "Update"), 1),
            };
            let mut event = make(activity, severity, "Release", step.of.to_string());
            event["entity"]["data"] = json!({ "name": step.name, "step": step.step.name() });
            event["status_id"] = json!(if step.step == ReleaseMove::Refused { 2 } else { 1 });
            event
        }
        EntryBody::Key { name, .. } => {
            let name = if source.include.identity { name.clone() } else { "API key".to_owned() };
            make((3, "Update"), 1, "Key", name)
        }
        body => {
            let name = match body {
                EntryBody::Gateway { event, .. } => event.as_str(),
                _ => "",
            };
            let activity = match name {
                name if name.starts_with("start") => (3, "Start"),
                name if name.starts_with("stop") => (4, "Stop"),
                _ => (8, "Update"),
            };
            let mut event = event_of(numbered, LIFECYCLE, activity, 1, source);
            event["app"] = json!({ "name": "Plimsoll", "version": source.version });
            event["message"] = json!(name);
            event
        }
    }
}

/// What becomes what: entry, class, activity, and how it ended. The manual has it from here, and a test holds it against
/// the code.
pub const TABLE: &[(&str, &str, &str, &str)] = &[
    (
        "intent with its outcome, model",
        "API Activity (6003)",
        "Converse (99)",
        "Allowed; Success, Failure or Unknown",
    ),
    (
        "intent with its outcome, effect `read`",
        "API Activity (6003)",
        "Read (2)",
        "Allowed; Success, Failure or Unknown",
    ),
    (
        "intent with its outcome, effect `destructive`",
        "API Activity (6003)",
        "Delete (4)",
        "Approved; Success, Failure or Unknown",
    ),
    (
        "intent with its outcome, other effects",
        "API Activity (6003)",
        "the effect (99)",
        "Allowed or Approved; Success, Failure or Unknown",
    ),
    ("decision `hold`", "API Activity (6003)", "as above", "Denied, Delayed; Failure"),
    ("decision `refuse`", "API Activity (6003)", "as above", "Denied, Blocked; Failure"),
    ("turned", "API Activity (6003)", "Request (99)", "Denied, Rejected; Failure"),
    ("outcome, settled later", "API Activity (6003)", "Update (3)", "Success or Failure"),
    (
        "approval",
        "Entity Management (3004), `Approval`",
        "Create (1), Enable (8), Disable (9), Deactivate (11), Update (3)",
        "opened, granted, denied, expired, consumed",
    ),
    ("stop", "Entity Management (3004), `Kill switch`", "Enable (8), Disable (9)", "pulled, lifted"),
    ("config", "Entity Management (3004), `Release`", "Activate (10), Update (3)", "in force, refused"),
    (
        "release",
        "Entity Management (3004), `Release`",
        "Create (1), Activate (10), Deactivate (11), Update (3)",
        "installed, live, taken back, and other steps; Failure where it was refused",
    ),
    ("key", "Entity Management (3004), `Key`", "Update (3)", ""),
    ("gateway", "Application Lifecycle (6002)", "Start (3), Stop (4), Update (8)", ""),
];
