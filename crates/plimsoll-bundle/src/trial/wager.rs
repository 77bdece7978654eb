//! Evidence as the wealth of somebody who bets against a hypothesis.
//!
//! Under the hypothesis each observation is worth nothing or less on average, so no way of betting on it makes the wealth
//! grow: the chance that it ever exceeds `1/p` times what it began with is at most `p` (Ville's inequality), at whatever
//! moment one looks and whenever one stops. Betting with several stakes at once and counting their mean is one more way of
//! betting, so it needs no estimate of how large the effect is. (Waudby-Smith and Ramdas, Estimating means of bounded
//! random variables by betting, 2023.)

/// The stakes: for effects that are small beside their spread, and for those that are not.
const STAKES: [f64; 4] = [0.1, 0.25, 0.5, 0.9];

/// The wealth of one who bets that the mean of observations between -1 and 1 is above 0.
#[derive(Clone, Debug, Default)]
pub(super) struct Wager {
    /// Natural logarithms, one for each stake.
    wealth: [f64; STAKES.len()],
    peak: f64,
}

impl Wager {
    pub(super) fn take(&mut self, observed: f64) {
        let observed = observed.clamp(-1.0, 1.0);
        for (wealth, stake) in self.wealth.iter_mut().zip(STAKES) {
            *wealth += (stake * observed).ln_1p();
        }
        self.peak = self.peak.max(self.now());
    }

    /// The logarithm of the largest wealth so far.
    pub(super) fn peak(&self) -> f64 {
        self.peak
    }

    fn now(&self) -> f64 {
        let most = self.wealth.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = self.wealth.iter().map(|wealth| (wealth - most).exp()).sum();
        most + (sum / STAKES.len() as f64).ln()
    }
}
