//! The conversation again with the models of today: clients' recorded requests go in, models answer live, tools from the
//! record, people vote as they did. It goes on for as long as the models propose what they proposed; where they
//! don't, it is another conversation, of which the record knows nothing, and what they want instead is told with its
//! decision.

use std::path::Path;
use std::sync::Arc;

use plimsoll_bundle::Bundle;
use plimsoll_bundle::replay::in_short;

use super::play::{Difference, Playing, is_same};
use super::tape::{Does, Door, Line, Step, Tape};
use super::upstream::{Recorded, without_tools};
use crate::gateway::{Gateway, GatewayOptions, Source, StartError};

/// Characters of an act's arguments that are told.
const ARGUMENTS_MAX: usize = 200;
/// Characters of a model's error that are told.
const WHY_MAX: usize = 300;

/// What came of one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lived {
    /// What clients and people did, and how much of it was done again before the models departed from the record.
    pub steps: usize,
    pub played: usize,
    /// Acts that models proposed again, with the same decision.
    pub acts: usize,
    pub departure: Option<Departure>,
}

/// Where it became another conversation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Departure {
    /// The entry of the record with the request that was answered differently.
    pub entry: u64,
    /// Acts with their decisions, in words.
    pub recorded: Vec<String>,
    pub live: Vec<String>,
}

/// Why there is no telling.
#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    #[error(transparent)]
    Start(#[from] StartError),
    #[error("the model gave no answer to the request of entry {entry}: {why}")]
    Model { entry: u64, why: String },
}

/// Runs a tape once under a bundle, with a ledger of its own in `state`, which has to be empty.
///
/// # Errors
/// When the gateway can't be started, or a model can't be asked.
pub async fn live(bundle: Bundle, mut tape: Tape, state: &Path) -> Result<Lived, LiveError> {
    let bundle = without_tools(bundle);
    let recorded = Arc::new(Recorded::new(&bundle, std::mem::take(&mut tape.answers)));
    let options = GatewayOptions {
        bundle: Source::Directory(Box::new(bundle)),
        state_dir: state.to_owned(),
        admin_url: "http://127.0.0.1".to_owned(),
    };
    let gateway = Gateway::open_with_models(options, Arc::clone(&recorded)).await?;
    let mut playing = Playing::new(gateway, recorded, tape.workflow);
    let mut lived = Lived { steps: tape.steps.len(), played: 0, acts: 0, departure: None };
    for step in &tape.steps {
        match one(&mut playing, step).await? {
            Ok(acts) => {
                lived.played += 1;
                lived.acts += acts;
            }
            Err(departure) => {
                lived.departure = Some(departure);
                break;
            }
        }
    }
    Ok(lived)
}

/// One step: how many acts came out the same, or where it departs.
async fn one(playing: &mut Playing, step: &Step) -> Result<Result<usize, Departure>, LiveError> {
    let answer = match playing.again(step).await {
        Ok(answer) => answer,
        Err(Difference { entry, recorded, again }) => {
            return Ok(Err(Departure { entry, recorded: vec![recorded], live: vec![again] }));
        }
    };
    let at_a_model = matches!(&step.does, Does::Ask { door: Door::Llm { .. }, .. });
    if let Some(answer) = answer.filter(|answer| at_a_model && !answer.status().is_success()) {
        let said = String::from_utf8_lossy(answer.body()).chars().take(WHY_MAX).collect::<String>();
        return Err(LiveError::Model { entry: step.seq, why: format!("{}, {said}", answer.status()) });
    }
    let again = playing.decided();
    let acts = |lines: &[Line]| -> Vec<Line> {
        lines.iter().filter(|line| !line.is_of_a_model()).cloned().collect()
    };
    let (recorded, live) = (acts(&step.decided), acts(&again));
    let same = recorded.len() == live.len() && recorded.iter().zip(&live).all(|(a, b)| is_same(a, b));
    let missed = playing.recorded.missed();
    if same && missed.is_none() {
        return Ok(Ok(recorded.len()));
    }
    let mut told: Vec<String> = live.iter().map(in_words).collect();
    told.extend(missed);
    let recorded = recorded.iter().map(in_words).collect();
    Ok(Err(Departure { entry: step.seq, recorded, live: told }))
}

fn in_words(line: &Line) -> String {
    let whole = line.act.arguments.to_string();
    let mut arguments: String = whole.chars().take(ARGUMENTS_MAX).collect();
    if arguments.len() < whole.len() {
        arguments.push('…');
    }
    format!("{} {arguments}: {}", line.tool, in_short(&line.decision))
}
