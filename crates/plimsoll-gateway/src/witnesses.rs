//! Asking witnesses (C2SP tlog-witness) to cosign a checkpoint.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use http_body_util::Full;
use hyper::{Method, Request, StatusCode};
use jiff::Timestamp;
use plimsoll_bundle::Witness;
use plimsoll_ledger::proof::tree::consistency;
use plimsoll_ledger::proof::{AddCheckpoint, Dir, Note, NoteSignature, SignedCheckpoint, TileNodes};

use crate::upstream::http::{HttpClient, chain, collect};

/// Bytes of a witness' answer that are read.
pub(crate) const WITNESS_ANSWER_BYTES: usize = 64 << 10;

/// What is known of each witness, by name.
#[derive(Debug, Default)]
pub(crate) struct Asked(BTreeMap<String, Known>);

#[derive(Clone, Debug, Default)]
struct Known {
    /// The size it cosigned last, as far as is known.
    size: u64,
    complaint: Option<String>,
}

/// What came of asking one.
enum Answer {
    Cosigned(Vec<NoteSignature>),
    /// It knows another size than we thought.
    Knows(u64),
}

impl Asked {
    /// What the witnesses did not do, and why.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let told =
            |(name, known): (&String, &Known)| known.complaint.as_ref().map(|why| format!("{name}: {why}"));
        self.0.iter().filter_map(told).collect()
    }

    /// Asks all who have not cosigned this checkpoint within `refresh_s` seconds, at once, and adds what they answer.
    pub(crate) async fn ask(
        &mut self,
        http: &HttpClient,
        witnesses: &[Witness],
        refresh_s: u64,
        time: Duration,
        files: &Dir,
        checkpoint: &mut SignedCheckpoint,
    ) {
        let now = u64::try_from(Timestamp::now().as_second()).unwrap_or(0);
        let is_stale = |witness: &&Witness| {
            checkpoint.cosigned_at(&witness.key).is_none_or(|at| now.saturating_sub(at) > refresh_s)
        };
        let asked = witnesses.iter().filter(is_stale).map(|witness| {
            let known = self.0.get(&witness.name).cloned().unwrap_or_default();
            let checkpoint = &*checkpoint;
            async move {
                let conversation = converse(http, witness, known.size, files, checkpoint);
                let answer = tokio::time::timeout(time, conversation).await;
                (witness, answer.unwrap_or_else(|_| Err(format!("no answer within {} s", time.as_secs()))))
            }
        });
        let answers = join_all(asked).await;
        for (witness, answer) in answers {
            let known = self.0.entry(witness.name.clone()).or_default();
            let added = answer.and_then(|lines| {
                let ours =
                    lines.into_iter().filter(|l| l.name == witness.key.name() && l.id == witness.key.id());
                let mut result = Err("its answer has no cosignature of its key".to_owned());
                for line in ours {
                    let added = checkpoint.add_cosignature(line, &witness.key);
                    result = added.map(drop).map_err(|_| "its cosignature is wrong".to_owned());
                }
                result
            });
            if added.is_ok() {
                known.size = checkpoint.head().size;
            }
            let complaint = added.err();
            if complaint.is_some() && complaint != known.complaint {
                tracing::warn!(witness = witness.name, why = complaint, "a witness does not cosign");
            }
            known.complaint = complaint;
        }
    }
}

/// Asks one witness; a second time with the size it names, when it knows another one.
async fn converse(
    http: &HttpClient,
    witness: &Witness,
    known: u64,
    files: &Dir,
    checkpoint: &SignedCheckpoint,
) -> Result<Vec<NoteSignature>, String> {
    let size = checkpoint.head().size;
    let seen = match ask_once(http, witness, known.min(size), files, checkpoint).await? {
        Answer::Cosigned(lines) => return Ok(lines),
        Answer::Knows(seen) => seen,
    };
    if seen > size {
        return Err(format!(
            "it has cosigned {seen} entries of this ledger, which has {size}: the ledger was rolled back, or another \
             gateway signs with its key"
        ));
    }
    match ask_once(http, witness, seen, files, checkpoint).await? {
        Answer::Cosigned(lines) => Ok(lines),
        Answer::Knows(_) => Err("somebody else shows it checkpoints of this ledger".to_owned()),
    }
}

async fn ask_once(
    http: &HttpClient,
    witness: &Witness,
    old: u64,
    files: &Dir,
    checkpoint: &SignedCheckpoint,
) -> Result<Answer, String> {
    let size = checkpoint.head().size;
    let proof = consistency(&TileNodes::new(files, size), old, size).map_err(|error| error.to_string())?;
    let body = AddCheckpoint { old, proof, checkpoint: checkpoint.clone() }.encode();
    let request = Request::builder().method(Method::POST).uri(format!("{}/add-checkpoint", witness.url));
    let request = request.header("content-type", "text/plain; charset=utf-8");
    let request = request.body(Full::new(Bytes::from(body))).map_err(|error| error.to_string())?;
    let answer = http.send(&witness.name, request, super::checkpoints::WITNESSES_S).await;
    let answer = answer.map_err(|error| chain(&error))?;
    let status = answer.status();
    let is_size = answer.headers().get("content-type").is_some_and(|kind| kind == "text/x.tlog.size");
    let body =
        collect(&witness.name, answer.into_body(), WITNESS_ANSWER_BYTES, super::checkpoints::WITNESSES_S)
            .await;
    let body = body.map_err(|error| chain(&error))?;
    match status {
        StatusCode::OK => {
            // The protocol's own advice: the lines make a note together with the checkpoint.
            let note = [checkpoint.note().text().as_bytes(), b"\n", &body].concat();
            let note = Note::parse(&note).map_err(|error| format!("its answer is no signature: {error}"))?;
            Ok(Answer::Cosigned(note.signatures().to_vec()))
        }
        StatusCode::CONFLICT if is_size => {
            let size = std::str::from_utf8(&body).ok().and_then(|text| text.trim_end().parse().ok());
            size.map(Answer::Knows).ok_or_else(|| "its answer names no size".to_owned())
        }
        StatusCode::NOT_FOUND => {
            Err("it does not know this ledger: start it with --log and this ledger's key".to_owned())
        }
        StatusCode::FORBIDDEN => Err("it knows another key for this ledger".to_owned()),
        StatusCode::UNPROCESSABLE_ENTITY => {
            Err("it saw another history of this ledger: entries that it cosigned were changed or are gone"
                .to_owned())
        }
        other => Err(format!("it answered {other}")),
    }
}
