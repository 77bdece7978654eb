//! `plimsoll explain`: one decision in plain words, or one code's meaning.

use std::process::ExitCode;

use plimsoll_bundle::Bundle;
use plimsoll_bundle::replay::{in_short, ruled};
use plimsoll_console::chain::{self, Accountable, Chain, Step, Window, code_lines, explain};
use plimsoll_core::{Code, Need};
use plimsoll_gateway::Lens;
use serde_json::json;

use crate::cmd::show::print;
use crate::opener::{ReadArgs, Record};
use crate::replay::{Grounds, open};
use crate::repo::Repo;
use crate::talk::{self, Done, Error};

/// A decision in plain words, for the person accountable for it; or a code's meaning
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  plimsoll explain 42           the decision of entry 42
  plimsoll explain 42 --policies   which policies decided it, and what each permit lacked
  plimsoll explain PLM-0210     what the code means, and the next move
It reads the database beside the gateway, which need not run.")]
pub struct Explain {
    /// Number of an entry, the beginning of an act's id, or a code
    id: String,
    #[command(flatten)]
    repo: Repo,
    /// For the engineer: which policies decided, the nearest permits, and the conditions that did not hold
    #[arg(long)]
    policies: bool,
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    read: ReadArgs,
}

impl Explain {
    pub fn run(self) -> Done {
        if self.id.to_ascii_uppercase().starts_with("PLM-") {
            return code(&self.id, self.json);
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let record = Record::open(&self.repo, &self.read).await?;
            // Of a session the latest decision is meant.
            let latest = Window { newest_first: true, ..Window::default() };
            let mut chain = record.find(&self.id, latest).await?;
            chain.steps.sort_by_key(Step::seq);
            let seq = self.id.trim_start_matches('#').parse().ok();
            // First which act it is about, then who answers for that.
            let about = explain(&chain, seq, &Accountable::default()).map(|explanation| explanation.entry);
            if let (true, Some(about)) = (self.policies, about) {
                let state = self.repo.recorded()?;
                let what = format!("explain {} --policies", self.id);
                let told = record.opener.reading(&what, |lens| policies(&state, lens, about, self.json));
                talk::data(told.await?);
                return Ok(ExitCode::SUCCESS);
            }
            record.note(&format!("explain {}", self.id)).await;
            let accountable = record.bundle.as_ref().map(|bundle| accountable(bundle, &chain, about));
            match explain(&chain, about, &accountable.unwrap_or_default()) {
                Some(explanation) if self.json => talk::data(serde_json::to_string(&explanation)?),
                Some(explanation) => print(&explanation.lines()),
                // No decision: then the entry speaks for itself.
                None if self.json => talk::data(serde_json::to_string(&chain)?),
                None => print(&chain::lines(&chain)),
            }
            Ok(ExitCode::SUCCESS)
        })
    }
}

/// What the rules said, asked again under the release that decided.
fn policies(state: &std::path::Path, lens: &Lens, about: u64, json: bool) -> Result<String, Error> {
    let opened = open(&state.join("ledger"), lens, about)?;
    let opened = opened.ok_or_else(|| Error::new(format!("entry {about} can't be read")))?;
    let (judged, _) =
        opened.act().ok_or_else(|| Error::new(format!("entry {about} is about no decision")))?;
    let ruled = Grounds::of(state.to_owned()).bundle(judged).and_then(|b| ruled(&opened.entry, judged, &b));
    let ruled = ruled.map_err(|why| Error::new(format!("its policies can't be asked again: {why}")))?;
    if json {
        let rules: Vec<_> =
            ruled.rules.iter().map(|hit| json!({ "id": hit.id, "reason": hit.reason })).collect();
        let nearest: Vec<_> =
            ruled.nearest.iter().map(|near| json!({ "id": near.rule, "missing": near.missing })).collect();
        let told = json!({ "entry": about, "rules": rules, "errors": ruled.errors, "nearest": nearest });
        return Ok(told.to_string());
    }
    let mut lines = vec![
        format!("#{about} {}: {}", judged.act.tool, in_short(&judged.decision)),
        "\npolicies that decided".to_owned(),
    ];
    lines.extend(ruled.rules.iter().map(|hit| {
        let reason = hit.reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
        format!("  {}{reason}", hit.id)
    }));
    if ruled.rules.is_empty() {
        lines.push("  none: what no policy permits does not happen".to_owned());
    }
    lines.extend(ruled.errors.iter().map(|error| format!("  could not be evaluated: {error}")));
    if !ruled.nearest.is_empty() {
        lines.push("\nnearest permits".to_owned());
    }
    let lacked = ruled.nearest.iter();
    lines.extend(lacked.map(|near| format!("  {} lacked: {}", near.rule, near.missing.join("; "))));
    Ok(lines.join("\n"))
}

fn code(id: &str, json: bool) -> Done {
    let Some(code) = Code::parse(id) else {
        let known: Vec<&str> = Code::ALL.iter().map(|code| code.id()).collect();
        return Err(Error::new(format!("there is no code `{id}`")).help(known.join(" ")));
    };
    let row = code.row();
    match json {
        true => talk::data(
            json!({ "code": row.id, "title": row.title, "meaning": row.meaning, "next": row.next })
                .to_string(),
        ),
        false => print(&code_lines(code)),
    }
    Ok(ExitCode::SUCCESS)
}

/// Who answers for the act today, by the repository as it is now.
fn accountable(bundle: &Bundle, chain: &Chain, about: Option<u64>) -> Accountable {
    let Some(workflow) = bundle.workflows.get(&chain.who.workflow) else { return Accountable::default() };
    let acts = chain.steps.iter().filter_map(|step| if let Step::Act(act) = step { Some(act) } else { None });
    let act = acts.into_iter().find(|act| Some(act.seq) == about);
    let boundary = act.and_then(|act| act.tool.parse().ok()).and_then(|tool| workflow.boundary(&tool));
    let roles: Vec<String> = act
        .into_iter()
        .flat_map(|act| &act.decision.needs)
        .filter_map(|need| if let Need::Approval(terms) = need { Some(terms.roles.clone()) } else { None })
        .flatten()
        .collect();
    let may = |held: &[String]| held.iter().any(|role| roles.contains(role));
    Accountable {
        owner: workflow.owner.clone(),
        incident_owner: workflow.incident_owner.clone(),
        approvers: bundle
            .people
            .roles
            .iter()
            .filter(|(_, held)| may(held))
            .map(|(name, _)| name.clone())
            .collect(),
        on_failure: boundary.map(|boundary| boundary.on_failure.clone()).unwrap_or_default(),
        way_back: boundary.map(|boundary| boundary.way_back.clone()).unwrap_or_default(),
    }
}
