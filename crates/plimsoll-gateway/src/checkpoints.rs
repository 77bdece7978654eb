//! Checkpoints: the task beside the follower that signs what the ledger has become, and asks witnesses to cosign it.
//!
//! Nothing waits for it: an act needs its entry on the disk, not a signature. What it signs is durable, its tiles are
//! on the disk before the checkpoint is, and a ledger that no longer makes its last signed root is never signed again.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use plimsoll_bundle::LedgerTerms;
use plimsoll_core::VerifierKey;
use plimsoll_ledger::proof::{
    Dir, Files as _, Identity, IdentityError, NOTE_BYTES_MAX, Policy, SignedCheckpoint, TRUST, Tiler,
    WITNESSED, write_durably,
};
use tokio::sync::watch;

use crate::gateway::Gateway;
use crate::witnesses::Asked;

/// Seconds between two looks at whether the ledger has grown.
pub const CHECKPOINT_S: u64 = 5;
/// Seconds that all witnesses together get for one checkpoint. With [`CHECKPOINT_S`], checkpoints of a growing ledger are less than ten seconds apart.
pub const WITNESSES_S: u64 = 4;

/// The ledger's key, its tiles, and how things stand with its witnesses.
#[derive(Debug)]
pub struct Checkpoints {
    dir: PathBuf,
    terms: LedgerTerms,
    verifier: VerifierKey,
    policy: Policy,
    /// Held over one round.
    keeper: Arc<tokio::sync::Mutex<Keeper>>,
    progress: Mutex<Progress>,
}

#[derive(Debug)]
struct Keeper {
    identity: Identity,
    tiler: Option<Tiler>,
    asked: Asked,
}

/// How things stand, for the readiness probe, the metrics and the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Entries under the last checkpoint.
    pub size: u64,
    /// When this process last found everything signed, in seconds since 1970.
    pub signed_at: i64,
    /// When enough witnesses had cosigned last, by their clocks; the start of this process before that.
    pub cosigned_at: i64,
    /// Why no checkpoint can be signed.
    pub broken: Option<String>,
    /// What the witnesses did not do, and why.
    pub unwitnessed: Vec<String>,
}

impl Checkpoints {
    /// Opens the ledger's key, before the ledger itself is opened.
    ///
    /// # Errors
    /// When key and checkpoint do not belong together.
    pub(crate) fn open(
        state: &Path,
        terms: &LedgerTerms,
        default_origin: &str,
    ) -> Result<Self, IdentityError> {
        let dir = state.join("ledger");
        let identity =
            Identity::open(&state.join("ledger.key"), &dir, terms.origin.as_deref(), default_origin)?;
        let verifier = identity.key().verifier().clone();
        let witnesses: Vec<_> =
            terms.witnesses.iter().map(|w| (w.name.clone(), w.key.clone(), w.url.clone())).collect();
        let policy = Policy::of(&verifier, &witnesses, terms.quorum);
        let policy = policy.map_err(|error| io(&dir, std::io::Error::other(error.to_string())))?;
        let now = Timestamp::now().as_second();
        let cosigned_at = witnessed(&dir).and_then(|cp| quorum_at(&cp, terms)).unwrap_or(now);
        let size = identity.last().map_or(0, |last| last.head().size);
        let progress = Progress { size, signed_at: now, cosigned_at, ..Progress::default() };
        Ok(Self {
            dir,
            terms: terms.clone(),
            verifier,
            policy,
            keeper: Arc::new(tokio::sync::Mutex::new(Keeper {
                identity,
                tiler: None,
                asked: Asked::default(),
            })),
            progress: Mutex::new(progress),
        })
    }

    /// Writes whom to trust, once this process alone has the ledger.
    pub(crate) fn write_trust(&self) -> Result<(), IdentityError> {
        write_durably(&self.trust_file(), &self.policy.encode()).map_err(|error| io(&self.dir, error))
    }

    /// The key by which others know this ledger.
    pub const fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    /// Where it is written whom to trust.
    pub fn trust_file(&self) -> PathBuf {
        self.dir.join(TRUST)
    }

    pub fn progress(&self) -> Progress {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What somebody should look at, a sentence each. Empty when all is well.
    pub fn alarms(&self, now: Timestamp) -> Vec<String> {
        let progress = self.progress();
        let mut alarms = Vec::new();
        if let Some(broken) = progress.broken {
            alarms.push(format!("the ledger's checkpoints are not continued: {broken}"));
        }
        let age = now.as_second().saturating_sub(progress.cosigned_at);
        if self.terms.quorum > 0 && age > self.terms.witness_within_s.cast_signed() {
            let why = progress.unwitnessed.join("; ");
            let why = if why.is_empty() { "nobody was asked yet".to_owned() } else { why };
            let wanted = self.terms.quorum;
            alarms.push(format!("no checkpoint was cosigned by {wanted} witness(es) for {age} s: {why}"));
        }
        alarms
    }

    fn tell(&self, change: impl FnOnce(&mut Progress)) {
        change(&mut self.progress.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

fn io(path: &Path, source: std::io::Error) -> IdentityError {
    IdentityError::Io { doing: "write trust.txt in", path: path.to_owned(), source }
}

fn witnessed(dir: &Path) -> Option<SignedCheckpoint> {
    let bytes = Dir(dir.to_owned()).read(WITNESSED, NOTE_BYTES_MAX).ok().flatten()?;
    SignedCheckpoint::parse(&bytes).ok()
}

/// When a checkpoint had as many cosignatures as it takes: the time of the last one needed.
pub fn quorum_at(checkpoint: &SignedCheckpoint, terms: &LedgerTerms) -> Option<i64> {
    let mut times: Vec<u64> = terms.witnesses.iter().filter_map(|w| checkpoint.cosigned_at(&w.key)).collect();
    times.sort_unstable_by(|a, b| b.cmp(a));
    let needed = times.get(terms.quorum.checked_sub(1)?)?;
    Some(needed.cast_signed())
}

impl Gateway {
    /// How things stand with the ledger's checkpoints and witnesses.
    pub fn checkpoints(&self) -> &Checkpoints {
        &self.checkpoints
    }

    /// Signs checkpoints until `stop` changes, and one more then, over all that was written.
    pub async fn keep_checkpoints(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let mut tick = tokio::time::interval(Duration::from_secs(CHECKPOINT_S));
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut alarmed = false;
        loop {
            let last = tokio::select! {
                _ = tick.tick() => false,
                _ = stop.changed() => true,
            };
            self.checkpoint().await;
            let alarms = self.checkpoints.alarms(Timestamp::now());
            if !alarms.is_empty() && !alarmed {
                tracing::error!(alarms = alarms.join("; "), "the ledger is not witnessed as it should be");
            }
            if alarms.is_empty() && alarmed {
                tracing::warn!("the ledger is signed and witnessed again");
            }
            alarmed = !alarms.is_empty();
            if last {
                return;
            }
        }
    }

    /// Brings tiles and checkpoint up to the ledger, and asks the witnesses who have not cosigned it lately.
    pub async fn checkpoint(self: &Arc<Self>) {
        let all = &self.checkpoints;
        let mut keeper = Arc::clone(&all.keeper).lock_owned().await;
        let mut result = self.round(&mut keeper).await;
        if let Ok(checkpoint) = &result
            && (keeper.identity.last() != Some(checkpoint) || keeper.identity.is_new())
        {
            let (checkpoint, dir, policy) = (checkpoint.clone(), all.dir.clone(), all.policy.clone());
            // The disk is waited for where nobody else waits.
            let stored = tokio::task::spawn_blocking(move || {
                let stored = keeper.store(&dir, &policy, &checkpoint);
                (keeper, stored.map(|()| checkpoint))
            });
            match stored.await {
                Ok((back, stored)) => (keeper, result) = (back, stored),
                Err(error) => {
                    keeper = Arc::clone(&all.keeper).lock_owned().await;
                    result = Err(error.to_string());
                }
            }
        }
        match result {
            Ok(checkpoint) => {
                let cosigned = quorum_at(&checkpoint, &all.terms);
                all.tell(|progress| {
                    progress.size = checkpoint.head().size;
                    progress.signed_at = Timestamp::now().as_second();
                    progress.cosigned_at =
                        cosigned.map_or(progress.cosigned_at, |at| at.max(progress.cosigned_at));
                    progress.broken = None;
                    progress.unwitnessed = keeper.asked.complaints();
                });
            }
            Err(why) => {
                // What is in memory may be ahead of the disk: begin again from there.
                keeper.tiler = None;
                if all.progress().broken.as_ref() != Some(&why) {
                    tracing::error!(why, "no checkpoint can be signed");
                }
                all.tell(|progress| progress.broken = Some(why));
            }
        }
        drop(keeper);
        let progress = all.progress();
        let age = |at: i64| Timestamp::now().as_second().saturating_sub(at);
        self.metrics.checkpoint_entries.set(progress.size.cast_signed());
        self.metrics.checkpoint_age.set(age(progress.signed_at));
        if all.terms.quorum > 0 {
            self.metrics.cosignature_age.set(age(progress.cosigned_at));
        }
    }

    async fn round(&self, keeper: &mut Keeper) -> Result<SignedCheckpoint, String> {
        let all = &self.checkpoints;
        let head = self.ledger.head();
        let last = keeper.identity.last().cloned();
        let grew = last.as_ref().is_none_or(|last| last.head().size < head.size);
        let mut checkpoint = match last {
            Some(last) if !grew && keeper.tiler.is_some() => last,
            _ => self.tile(keeper).await?,
        };
        if !all.terms.witnesses.is_empty() {
            let refresh_s = all.terms.witness_within_s / 2;
            let files = Dir(all.dir.clone());
            let time = Duration::from_secs(WITNESSES_S);
            let witnesses = &all.terms.witnesses;
            keeper.asked.ask(&self.http, witnesses, refresh_s, time, &files, &mut checkpoint).await;
        }
        Ok(checkpoint)
    }

    /// Writes tiles up to what is durable now, and signs that.
    async fn tile(&self, keeper: &mut Keeper) -> Result<SignedCheckpoint, String> {
        let chained = |error: &dyn std::error::Error| crate::upstream::http::chain(error);
        let (dir, last) = (self.checkpoints.dir.clone(), keeper.identity.last().cloned());
        let (reader, head) = (self.ledger.reader(), self.ledger.head());
        let tiler = keeper.tiler.take();
        let tiled = tokio::task::spawn_blocking(move || {
            let mut tiler = tiler.unwrap_or_else(|| Tiler::open(&dir, last.as_ref()));
            tiler.advance(&reader, head, last.as_ref()).map(|()| tiler)
        });
        let tiler = tiled.await.map_err(|error| chained(&error))?.map_err(|error| chained(&error))?;
        let head = tiler.head();
        keeper.tiler = Some(tiler);
        match keeper.identity.last() {
            Some(last) if last.head() == head => Ok(last.clone()),
            _ => Ok(SignedCheckpoint::sign(head, keeper.identity.key())),
        }
    }
}

impl Keeper {
    /// Stores a checkpoint whose tiles are on the disk.
    fn store(&mut self, dir: &Path, policy: &Policy, checkpoint: &SignedCheckpoint) -> Result<(), String> {
        let chained = |error: &dyn std::error::Error| crate::upstream::http::chain(error);
        if let Some(tiler) = &mut self.tiler {
            tiler.store(checkpoint).map_err(|error| chained(&error))?;
        }
        self.identity.settle(checkpoint.clone()).map_err(|error| chained(&error))?;
        if policy.wants_witnesses() && policy.judge(checkpoint).is_ok() {
            let stored = write_durably(&dir.join(WITNESSED), checkpoint.encode().as_bytes());
            stored.map_err(|error| chained(&error))?;
        }
        Ok(())
    }
}
