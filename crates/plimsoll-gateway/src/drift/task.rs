//! The task that looks at the world every so often, where the release asks for it (`drift.every`).

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::{GATEWAY, Look};
use crate::gateway::Gateway;

/// Seconds between two looks at whether the release in force asks for looks.
const ASKED_S: u64 = 30;

impl Gateway {
    /// Looks until told to stop. The release in force says how often; one that says nothing is looked at again soon,
    /// because another may come into force.
    pub async fn keep_looking(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let mut last = Instant::now();
        loop {
            self.look_when_due(&mut last).await;
            let wait = tokio::time::sleep(Duration::from_secs(ASKED_S));
            tokio::select! {
                () = wait => {}
                _ = stop.changed() => return,
            }
        }
    }

    /// Looks if the last look is as long ago as the release in force says.
    pub async fn look_when_due(self: &Arc<Self>, last: &mut Instant) {
        let every = self.bundle().project.drift.every_s.map(Duration::from_secs);
        if every.is_none_or(|every| last.elapsed() < every) {
            return;
        }
        *last = Instant::now();
        let (failed, _) = self.look(Look { probe: true, repository: None }, GATEWAY).await;
        if !failed.is_empty() {
            tracing::warn!(failed = failed.join("; "), "not all of the world could be looked at");
        }
    }
}
