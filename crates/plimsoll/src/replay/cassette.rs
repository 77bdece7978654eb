//! Playing a recorded conversation again.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::ExitCode;

use plimsoll_core::Entry;
use plimsoll_gateway::cassette::{Tape, play as play_tape};
use plimsoll_gateway::{Lens, releases};
use serde_json::json;

use super::many;
use super::scan::records;
use crate::talk::{self, Colour, Done, Error, colour, paint};

/// The recorded conversation of the session that begins like this.
pub fn tape(state: &Path, lens: &Lens, id: &str) -> Result<Tape, Error> {
    let ledger = state.join("ledger");
    let session = session(&ledger, id)?;
    Tape::of(&session, Tape::read(&session, records(&ledger)?, lens))
        .map_err(|why| Error::new(format!("`{session}` can't be played: {why}")))
}

/// Plays it again, under the release that decided it.
pub fn play(state: &Path, tape: Tape, as_json: bool) -> Done {
    let session = tape.session.clone();
    let bundle = releases::read(state, &tape.ground)?;
    let dir = tempfile::tempdir()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let played = runtime.block_on(play_tape(bundle, tape, dir.path()))?;
    if as_json {
        let difference = played.difference.as_ref().map(|difference| {
            json!({ "entry": difference.entry, "recorded": difference.recorded, "again": difference.again })
        });
        talk::data(
            json!({ "session": session, "steps": played.steps, "played": played.played,
                "decisions": played.decisions, "difference": difference })
            .to_string(),
        );
        return Ok(ExitCode::from(u8::from(played.difference.is_some())));
    }
    talk::data(format!(
        "{session}: {} of {} played again, {} decided again",
        super::count(played.played),
        many(played.steps, "step"),
        many(played.decisions, "act"),
    ));
    match &played.difference {
        None => talk::data(format!(
            "  {}",
            paint(
                Colour::Green,
                "no difference: same requests, same decisions, every recorded answer used",
                colour()
            )
        )),
        Some(difference) => {
            talk::data(format!(
                "  {} at entry #{}",
                paint(Colour::Red, "the first difference", colour()),
                difference.entry
            ));
            talk::data(format!("    recorded  {}", difference.recorded));
            talk::data(format!("    again     {}", difference.again));
        }
    }
    Ok(ExitCode::from(u8::from(played.difference.is_some())))
}

/// The one session whose id begins like this.
fn session(ledger: &Path, id: &str) -> Result<String, Error> {
    let named = records(ledger)?.filter_map(|record| serde_json::from_slice::<Entry>(&record.entry).ok());
    let named = named.map(|entry| entry.session);
    let found: BTreeSet<String> =
        named.filter(|session| !session.is_empty() && session.starts_with(id)).collect();
    if found.contains(id) {
        return Ok(id.to_owned());
    }
    let mut found = found.into_iter();
    match (found.next(), found.next()) {
        (Some(only), None) => Ok(only),
        (Some(one), Some(other)) => {
            let all: Vec<String> = [one, other].into_iter().chain(found).take(10).collect();
            Err(Error::new(format!("`{id}` is the beginning of several sessions"))
                .help(all.join("\n       ")))
        }
        _ => Err(Error::new(format!("no session on record is called `{id}`"))
            .help("`plimsoll log` shows what is on record")),
    }
}
