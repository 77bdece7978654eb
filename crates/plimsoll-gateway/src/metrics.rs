//! What is counted, in Prometheus' form.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use plimsoll_core::{Decision, DriftKind, ReleaseMove, Tier, ToolName};

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct DecisionLabels {
    server: String,
    tier: &'static str,
    ruling: &'static str,
    code: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct RequestLabels {
    pub door: &'static str,
    pub status: u16,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct DriftLabels {
    of: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct StepLabels {
    step: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct StageLabels {
    stage: &'static str,
}

/// The gateway's counters. Names follow `plimsoll_<noun>_<unit>`.
#[derive(Debug, Default)]
pub struct Metrics {
    pub decisions: Family<DecisionLabels, Counter>,
    /// Steps that releases took.
    pub release_steps: Family<StepLabels, Counter>,
    /// Acts decided, by the stage of the release that decided them.
    pub stages: Family<StageLabels, Counter>,
    pub requests: Family<RequestLabels, Counter>,
    pub in_flight: Gauge,
    pub lost_outcomes: Counter,
    pub redactions: Counter,
    pub turned: Counter,
    pub drift: Family<DriftLabels, Gauge>,
    pub checkpoint_entries: Gauge,
    pub checkpoint_age: Gauge,
    pub cosignature_age: Gauge,
    pub telemetry_sent: Counter,
    pub telemetry_dropped: Counter,
}

impl Metrics {
    pub fn decided(&self, tool: &ToolName, tier: Tier, decision: &Decision) {
        let labels = DecisionLabels {
            server: tool.server.clone(),
            tier: tier.name(),
            ruling: decision.ruling.name(),
            code: decision.code.map_or("", plimsoll_core::Code::id),
        };
        self.decisions.get_or_create(&labels).inc();
    }

    /// How much of the world is other than the release says.
    pub fn drifted(&self, standing: &[plimsoll_bundle::drift::Drifting]) {
        for kind in DriftKind::ALL {
            let count = standing.iter().filter(|drifting| drifting.of == kind).count();
            let gauge = self.drift.get_or_create(&DriftLabels { of: kind.name() });
            gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }

    pub(crate) fn release(&self, step: ReleaseMove) {
        self.release_steps.get_or_create(&StepLabels { step: step.name() }).inc();
    }

    pub(crate) fn staged(&self, stage: &'static str) {
        self.stages.get_or_create(&StageLabels { stage }).inc();
    }

    /// The text that `/metrics` answers.
    pub fn render(&self) -> String {
        let mut registry = Registry::with_prefix("plimsoll");
        registry.register("decisions", "Acts decided", self.decisions.clone());
        registry.register("release_steps", "Steps that releases took", self.release_steps.clone());
        let stages = self.stages.clone();
        registry.register("stage_decisions", "Acts decided, by the stage of the release", stages);
        registry.register("requests", "Requests answered", self.requests.clone());
        registry.register("requests_in_flight", "Requests being served", self.in_flight.clone());
        registry.register("outcomes_lost", "Outcomes the ledger did not take", self.lost_outcomes.clone());
        registry.register("redactions", "Secrets redacted from traffic or records", self.redactions.clone());
        registry.register("requests_turned", "Requests refused before any act", self.turned.clone());
        registry.register(
            "drift",
            "Findings that the world is other than the release says",
            self.drift.clone(),
        );
        let entries = self.checkpoint_entries.clone();
        registry.register("checkpoint_entries", "Ledger entries under the last checkpoint", entries);
        let age = self.checkpoint_age.clone();
        registry.register("checkpoint_age_seconds", "Since the ledger was last found wholly signed", age);
        let age = self.cosignature_age.clone();
        registry.register("cosignature_age_seconds", "Since enough witnesses had last cosigned", age);
        let sent = self.telemetry_sent.clone();
        registry.register("telemetry_sent", "Ledger entries that the collector took", sent);
        let dropped = self.telemetry_dropped.clone();
        registry.register("telemetry_dropped", "Ledger entries that no collector was told", dropped);
        let mut text = String::new();
        if prometheus_client::encoding::text::encode(&mut text, &registry).is_err() {
            tracing::error!("metrics can't be encoded");
        }
        text
    }
}
