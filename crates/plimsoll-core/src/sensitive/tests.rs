use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::act::{ActId, ArgumentRole, Door, Effect, Mode, Tier, ToolName};
use crate::approval::{ApprovalState, ApprovalTerms};
use crate::case::Hypothesis;
use crate::code::Code;
use crate::decide::{Need, Ruling};
use crate::drift::{DriftKind, DriftPolicy, Drifted};
use crate::entry::{ErasureOf, GrantState, OutcomeStatus};
use crate::label::Integrity;
use crate::permit::PermitId;
use crate::principal::PrincipalKind;
use crate::release::ReleaseMove;
use crate::span::SpanKind;

/// Every text of an entry is one of these, so that each can be told from every other.
#[derive(Default)]
struct Canaries(u32);

impl Canaries {
    fn text(&mut self) -> String {
        self.0 += 1;
        format!("canary-{}", self.0)
    }

    fn some(&mut self) -> Option<String> {
        Some(self.text())
    }

    fn digest(&mut self) -> Digest {
        Digest::of(self.text().as_bytes())
    }

    fn set(&mut self) -> BTreeSet<String> {
        BTreeSet::from([self.text()])
    }

    fn label(&mut self) -> Label {
        Label { integrity: Integrity::User, readers: Readers::Only(self.set()), classes: self.set() }
    }

    fn span(&mut self) -> Span {
        Span {
            index: 1,
            kind: SpanKind::Result,
            address: self.digest(),
            label: self.label(),
            source: self.text(),
            bytes: 7,
            mark: self.some(),
            preview: self.some(),
        }
    }

    fn origin(&mut self) -> Origin {
        Origin {
            span: 1,
            source: self.text(),
            integrity: Integrity::User,
            whole: true,
            field: self.some(),
            lent_by: self.some(),
            of: self.some(),
        }
    }

    fn stop(&mut self) -> Stop {
        Stop {
            scope: StopScope::Principal(self.text()),
            reason: self.text(),
            by: self.text(),
            at: Timestamp::UNIX_EPOCH,
        }
    }

    fn terms(&mut self) -> ApprovalTerms {
        ApprovalTerms { roles: vec![self.text()], quorum: 1, expires_after_s: 1 }
    }

    fn judged(&mut self) -> Judged {
        Judged {
            act: Act {
                id: ActId(Uuid::nil()),
                door: Door::Tool,
                tool: ToolName::new(self.text(), self.text()),
                arguments: json!({ self.text(): self.text() }),
                schema: Some(self.digest()),
                call_id: self.some(),
            },
            act_digest: self.digest(),
            tier: Tier::Guarded,
            effect: Effect::External,
            mode: Mode::Enforce,
            environment: self.text(),
            account: Some(crate::act::Account::Read),
            now: Some(Timestamp::UNIX_EPOCH),
            ground: Some(self.digest()),
            redacted: 2,
            shortened: true,
            decision: Decision {
                ruling: Ruling::Hold,
                code: Some(Code::Stopped),
                reasons: vec![Reason { rule: self.text(), text: self.text() }],
                needs: vec![Need::Check { name: self.text() }, Need::Approval(self.terms())],
                remedies: vec![Remedy::Narrow { argument: self.text(), to: self.text() }],
                declassified: vec![Reason { rule: self.text(), text: self.text() }],
                passed_because: self.some(),
            },
            permit: Some(PermitId(Uuid::nil())),
            origins: vec![ArgumentOrigin {
                argument: self.text(),
                role: ArgumentRole::Recipient,
                integrity: Integrity::User,
                chosen: true,
                authored: true,
                listed: true,
                unknown: true,
                found: vec![self.origin()],
                more: 0,
                preview: self.some(),
            }],
            intent: Intent { asked: true, word: self.some(), span: Some(1), verbs: vec![self.text()] },
            payload: Payload { foreign: vec![self.text()], classes: self.set(), undictated: true },
            trajectory: Trajectory {
                label: self.label(),
                spans: 1,
                untrusted_tools: vec![ToolName::new(self.text(), self.text())],
                unreleased: true,
            },
            facts: Facts {
                stops: vec![self.stop()],
                objections: vec![Objection { code: Code::Stopped, text: self.text() }],
                drifts: vec![Drifted {
                    of: DriftKind::Endpoints,
                    subject: "desk".to_owned(),
                    policy: DriftPolicy::Hold,
                    text: self.text(),
                }],
                hypothesis: Hypothesis::Joined { session: self.text(), act: ActId(Uuid::nil()) },
                terms: Some(self.terms()),
                approval: Some(ApprovalFact {
                    id: self.text(),
                    granted: true,
                    denied: true,
                    approvers: vec![self.text(), self.text()],
                }),
                checks: vec![CheckFact { name: self.text(), passed: Some(true), detail: self.text() }],
                deferred: true,
                counters: BTreeMap::from([("calls".to_owned(), 1)]),
                flags: BTreeSet::from(["new-refunds".to_owned()]),
            },
            spans: vec![self.span(), self.span()],
            detail: json!({ "prompt": self.text() }),
        }
    }

    fn bodies(&mut self) -> Vec<EntryBody> {
        let (now, classes) = (Timestamp::UNIX_EPOCH, BTreeSet::from(FieldClass::ALL));
        vec![
            EntryBody::Intent(Box::new(self.judged())),
            EntryBody::Decision(Box::new(self.judged())),
            EntryBody::Outcome(Box::new(Outcome {
                act: ActId(Uuid::nil()),
                intent: 1,
                status: OutcomeStatus::Done,
                code: Some(Code::Stopped),
                detail: self.text(),
                took_ms: 1,
                downstream: vec![self.text()],
                result: Some(self.span()),
                usage: json!({ "tokens": 3, "note": self.text() }),
                redacted: 1,
            })),
            EntryBody::Approval(Box::new(ApprovalChange {
                state: ApprovalState::Open,
                by: self.text(),
                approval: Approval {
                    id: self.text(),
                    state: ApprovalState::Open,
                    act_digest: self.digest(),
                    terms: self.terms(),
                    workflow: self.text(),
                    tool: self.text(),
                    requester: self.text(),
                    opened_at: now,
                    expires_at: now,
                    votes: vec![Vote { person: self.text(), yes: true, at: now, comment: self.text() }],
                    page: json!({ "principal": { "id": self.text() }, "arguments": self.text() }),
                },
            })),
            EntryBody::Stop { on: true, stop: self.stop() },
            EntryBody::Config { release: self.text(), accepted: true, detail: self.text() },
            EntryBody::Key { name: self.text(), detail: self.text() },
            EntryBody::Gateway { event: self.text(), detail: self.text() },
            EntryBody::Turned { code: Code::Stopped, detail: self.text() },
            EntryBody::Content(Box::new(entry::Content {
                of: entry::ContentOf::Answer,
                act: ActId(Uuid::nil()),
                address: self.digest(),
                piece: 0,
                pieces: 1,
                text: self.text(),
                redacted: true,
                detail: json!({ "path": self.text() }),
            })),
            EntryBody::Erasure(Box::new(Erasure {
                of: ErasureOf::Subject,
                about: vec![self.text()],
                classes: classes.clone(),
                keys: 3,
                ids: vec![(1, 3)],
                entries: 2,
                rows: 1,
                names: 1,
                held: 0,
                epoch: 2,
                by: self.text(),
                reason: self.text(),
            })),
            EntryBody::Hold(Box::new(Hold {
                on: true,
                of: ErasureOf::Session,
                about: vec![self.text()],
                by: self.text(),
                reason: self.text(),
            })),
            EntryBody::Read(Box::new(Opening {
                by: self.text(),
                classes: classes.clone(),
                entries: 1,
                first: 1,
                last: 1,
                through: self.text(),
                what: self.text(),
                reason: self.text(),
            })),
            EntryBody::Drift {
                on: true,
                drift: Drifted {
                    of: DriftKind::Models,
                    subject: "model".to_owned(),
                    policy: DriftPolicy::Alert,
                    text: self.text(),
                },
                by: self.text(),
            },
            EntryBody::Release(Box::new(ReleaseStep {
                step: ReleaseMove::RolledBack,
                of: Digest::of(b"release"),
                name: "desk 12".to_owned(),
                sequence: 12,
                other: None,
                share: Some(1),
                security: true,
                by: self.text(),
                reason: self.text(),
                signed_by: vec![self.text(), self.text()],
                figures: vec![ReleaseFigure::count("refused", 1, 2)],
            })),
            EntryBody::Grant(Box::new(Grant {
                ticket: self.text(),
                state: GrantState::Asked,
                by: self.text(),
                person: self.text(),
                classes,
                until: now,
                reason: self.text(),
            })),
        ]
    }

    fn entry(&mut self, body: EntryBody) -> Entry {
        Entry {
            v: 1,
            id: Uuid::nil(),
            at: Timestamp::UNIX_EPOCH,
            request: self.text(),
            session: self.text(),
            workflow: self.text(),
            release: self.text(),
            trace: self.some(),
            principal: Some(Principal {
                id: self.text(),
                kind: PrincipalKind::Agent,
                tenant: self.text(),
                roles: self.set(),
                on_behalf_of: self.some(),
            }),
            seal: None,
            body,
        }
    }
}

/// Takes everything out.
#[derive(Default)]
struct Take {
    fields: Vec<(FieldClass, String, Vec<u8>)>,
    names: Vec<String>,
}

impl Visitor for Take {
    fn name(&mut self, _: &str, name: &mut String) {
        let pseudonym = format!("p-{}", self.names.len());
        self.names.push(std::mem::replace(name, pseudonym));
    }

    fn field(&mut self, path: &str, class: FieldClass, slot: Slot<'_>) {
        let mut value = Vec::new();
        if slot.take(&mut value) {
            self.fields.push((class, path.to_owned(), value));
        }
    }
}

struct Put<'t>(&'t Take, FieldClass);

impl Visitor for Put<'_> {
    fn name(&mut self, _: &str, name: &mut String) {
        if let Some(known) = name.strip_prefix("p-").and_then(|n| self.0.names.get(n.parse::<usize>().ok()?))
        {
            known.clone_into(name);
        }
    }

    fn field(&mut self, path: &str, class: FieldClass, slot: Slot<'_>) {
        let found = self.0.fields.iter().find(|(c, p, _)| *c == class && class == self.1 && p == path);
        if let Some((_, _, value)) = found {
            assert!(slot.put(value), "{path}");
        }
    }
}

/// Members whose text may stay in the clear, by the end of their path. Everything else must be gone.
const CLEAR: &[&str] = &[
    "/request",
    "/session",
    "/workflow",
    "/release",
    "/of",
    "/trace",
    "/principal/tenant",
    "/principal/roles/0",
    "/act/tool",
    "/act/schema",
    "/act/call_id",
    "/environment",
    "/ground",
    "/rule",
    "/needs/0/name",
    "/needs/1/roles/0",
    "/passed_because",
    "/intent/verbs/0",
    "/label/classes/0",
    "/payload/classes/0",
    "/untrusted_tools/0",
    "/terms/roles/0",
    "/facts/approval/id",
    "/checks/0/name",
    "/source",
    "/mark",
    "/approval/id",
    "/approval/workflow",
    "/approval/tool",
    "/event",
    "/about/0",
    "/through",
    "/ticket",
    "/hypothesis/session",
    "/id",
];

fn clear_texts(value: &Value, path: &str, found: &mut Vec<(String, String)>) {
    match value {
        Value::String(text) => found.push((path.to_owned(), text.clone())),
        Value::Array(all) => {
            for (i, one) in all.iter().enumerate() {
                clear_texts(one, &format!("{path}/{i}"), found);
            }
        }
        Value::Object(all) => {
            for (name, one) in all {
                assert!(!name.contains("canary"), "{path} is named `{name}`");
                clear_texts(one, &format!("{path}/{name}"), found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[test]
fn every_text_of_an_entry_is_declared_sensitive_or_clear() {
    let mut canaries = Canaries::default();
    for body in canaries.bodies() {
        let mut entry = canaries.entry(body);
        let digests: Vec<String> =
            (1..=canaries.0).map(|n| Digest::of(format!("canary-{n}").as_bytes()).to_string()).collect();
        visit(&mut entry, &mut Take::default());
        let mut texts = Vec::new();
        clear_texts(&serde_json::to_value(&entry).unwrap(), "", &mut texts);
        for (path, text) in texts {
            let tells = text.contains("canary") || digests.contains(&text);
            let declared = CLEAR.iter().any(|clear| path.ends_with(clear));
            assert!(
                !tells || declared,
                "{path} still says {text}: declare it in `visit`, or as clear in this test"
            );
        }
    }
}

#[test]
fn what_was_taken_out_is_put_back_class_by_class() {
    let mut canaries = Canaries::default();
    for body in canaries.bodies() {
        let whole = canaries.entry(body);
        let mut entry = whole.clone();
        let mut taken = Take::default();
        visit(&mut entry, &mut taken);
        let text = serde_json::to_string(&entry).unwrap();
        let mut read: Entry = serde_json::from_str(&text).unwrap();
        assert_eq!(read, entry, "an entry with its fields taken out is an entry");
        for class in [Arguments, Content, Identity] {
            visit(&mut read, &mut Put(&taken, class));
        }
        assert_eq!(read, whole);
        let paths: BTreeSet<&String> = taken.fields.iter().map(|(_, path, _)| path).collect();
        assert_eq!(paths.len(), taken.fields.len(), "each field has a path of its own");
    }
}

#[test]
fn what_stays_sealed_says_why() {
    struct Say;
    impl Visitor for Say {
        fn name(&mut self, _: &str, _: &mut String) {}
        fn field(&mut self, _: &str, class: FieldClass, slot: Slot<'_>) {
            slot.say(&format!("({}: erased)", class.name()));
        }
    }
    let mut canaries = Canaries::default();
    for body in canaries.bodies() {
        let mut entry = canaries.entry(body);
        visit(&mut entry, &mut Take::default());
        visit(&mut entry, &mut Say);
        let text = serde_json::to_string(&entry).unwrap();
        assert!(!text.contains(SEALED), "{text}");
    }
}

#[test]
fn counts_and_empty_members_are_nothing_to_hide() {
    let mut canaries = Canaries::default();
    let mut entry = canaries.entry(EntryBody::Outcome(Box::new(Outcome {
        act: ActId(Uuid::nil()),
        intent: 1,
        status: OutcomeStatus::Done,
        code: None,
        detail: String::new(),
        took_ms: 1,
        downstream: Vec::new(),
        result: None,
        usage: json!({ "tokens": { "in": 3 } }),
        redacted: 0,
    })));
    let mut taken = Take::default();
    visit(&mut entry, &mut taken);
    assert_eq!(taken.fields, []);
    let pulled = canaries.stop();
    let mut stop = canaries.entry(EntryBody::Stop {
        on: true,
        stop: Stop { by: "sentinel file".to_owned(), scope: StopScope::All, ..pulled },
    });
    stop.principal = None;
    let mut taken = Take::default();
    visit(&mut stop, &mut taken);
    assert_eq!(taken.names, Vec::<String>::new());
}
