//! Rate limits and budgets: fixed windows, taken before the act and given back when it does not happen.
//!
//! Short windows are counted in memory; a restart forgets them within [`LONG_WINDOW_S`]. Long ones are kept
//! in the store, because a budget for a day must not begin anew with each restart.

mod tally;

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;

use jiff::Timestamp;
use plimsoll_bundle::{Limit, LimitMeasure, LimitPer, Workflow};
use plimsoll_core::{Act, ArgumentOrigin, ArgumentRole, Code, Objection, Principal, ToolName};
use plimsoll_store::Store;
use serde_json::Value;

pub use self::tally::Tally;

/// Counters kept at most; windows that are over are dropped first.
pub const COUNTERS_MAX: usize = 65_536;

/// Seconds from which on a window is counted in the store.
pub const LONG_WINDOW_S: u64 = 600;

/// One counter in one window.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    /// What is counted, `desk.pay_invoice:amount`: the same in the next release, wherever the line stands.
    limit: String,
    workflow: String,
    who: String,
    /// Seconds since the epoch at which the window began, and its length.
    began: i64,
    length: i64,
}

impl Key {
    fn is_over(&self, now: Timestamp) -> bool {
        self.began + self.length <= now.as_second()
    }

    fn text(&self) -> String {
        format!("{}/{}/{}/{}", self.workflow, self.limit, self.length, self.who)
    }

    fn window(&self) -> Timestamp {
        Timestamp::from_second(self.began).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    fn is_long(&self) -> bool {
        self.length >= i64::try_from(LONG_WINDOW_S).unwrap_or(i64::MAX)
    }
}

/// The counters of all limits, and those that policies may read.
#[derive(Debug, Default)]
pub struct Limiter {
    counters: Mutex<HashMap<Key, i64>>,
    usage: Mutex<HashMap<(String, String), Usage>>,
}

/// What one requester did with one tool lately. Fixed windows: the current minute, hour and day.
#[derive(Clone, Copy, Debug, Default)]
struct Usage {
    minute: (i64, i64),
    hour: (i64, i64),
    day: (i64, i64),
    amount: (i64, i64),
}

/// What was taken; give it back when the act does not happen.
#[derive(Debug, Default)]
#[must_use = "what was taken must be kept or given back"]
pub struct Taken(Vec<(Key, i64)>);

impl Limiter {
    /// Takes from every limit that covers the act, or names the first one that is spent. A store that
    /// can't answer counts as spent.
    pub async fn take(
        &self,
        store: &Store,
        workflow: &Workflow,
        principal: &Principal,
        act: &Act,
        origins: &[ArgumentOrigin],
        now: Timestamp,
    ) -> Result<Taken, Objection> {
        let mut taken = Taken::default();
        for limit in &workflow.limits {
            if limit.tool.as_ref().is_some_and(|tool| *tool != act.tool) || act.tool.server == ToolName::MODEL
            {
                continue;
            }
            let amount = match limit.measure {
                LimitMeasure::Calls => 1,
                LimitMeasure::Amount => amount_hundredths(act, origins),
            };
            let key = key(limit, workflow, principal, now);
            let spent = match key.is_long() {
                true => take_long(store, &key, amount, limit.at_most).await,
                false => self.add(&key, amount, limit.at_most, now),
            };
            if let Err(used) = spent {
                self.give_back(store, taken).await;
                return Err(objection(limit, used, amount));
            }
            taken.0.push((key, amount));
        }
        Ok(taken)
    }

    pub async fn give_back(&self, store: &Store, taken: Taken) {
        for (key, amount) in taken.0 {
            if key.is_long() {
                if let Err(error) = store.give_back(&key.text(), key.window(), amount).await {
                    tracing::warn!(%error, "a budget could not be given back; it stays spent");
                }
            } else if let Some(count) = self.lock().get_mut(&key) {
                *count = count.saturating_sub(amount);
            }
        }
    }

    /// What policies may compare: calls of this tool by this requester, and their amounts in hundredths,
    /// before the act that is being decided.
    pub fn counters(&self, principal: &Principal, act: &Act, now: Timestamp) -> BTreeMap<String, i64> {
        let usage = self.usage();
        let key = (principal.requester().to_owned(), act.tool.to_string());
        let used = usage.get(&key).copied().unwrap_or_default();
        let second = now.as_second();
        let current =
            |(window, count): (i64, i64), length: i64| if window == second / length { count } else { 0 };
        BTreeMap::from([
            ("calls_per_minute".to_owned(), current(used.minute, 60)),
            ("calls_per_hour".to_owned(), current(used.hour, 3_600)),
            ("calls_per_day".to_owned(), current(used.day, 86_400)),
            ("amount_per_day".to_owned(), current(used.amount, 86_400)),
        ])
    }

    /// Counts an act that is about to happen.
    pub fn count(&self, principal: &Principal, act: &Act, origins: &[ArgumentOrigin], now: Timestamp) {
        let mut usage = self.usage();
        if usage.len() >= COUNTERS_MAX {
            let today = now.as_second() / 86_400;
            usage.retain(|_, used| used.day.0 >= today);
        }
        let used = usage.entry((principal.requester().to_owned(), act.tool.to_string())).or_default();
        let second = now.as_second();
        let amount = amount_hundredths(act, origins);
        for (slot, length, more) in [
            (&mut used.minute, 60, 1),
            (&mut used.hour, 3_600, 1),
            (&mut used.day, 86_400, 1),
            (&mut used.amount, 86_400, amount),
        ] {
            let window = second / length;
            let before = if slot.0 == window { slot.1 } else { 0 };
            *slot = (window, before.saturating_add(more));
        }
    }

    fn usage(&self) -> std::sync::MutexGuard<'_, HashMap<(String, String), Usage>> {
        self.usage.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn add(&self, key: &Key, amount: i64, at_most: i64, now: Timestamp) -> Result<(), i64> {
        let mut counters = self.lock();
        if counters.len() >= COUNTERS_MAX {
            counters.retain(|key, _| !key.is_over(now));
        }
        let count = counters.entry(key.clone()).or_insert(0);
        let next = count.saturating_add(amount);
        if next > at_most {
            return Err(*count);
        }
        *count = next;
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Key, i64>> {
        self.counters.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

async fn take_long(store: &Store, key: &Key, amount: i64, at_most: i64) -> Result<(), i64> {
    match store.take(&key.text(), key.window(), amount, at_most).await {
        Ok(true) => Ok(()),
        Ok(false) => Err(store.taken(&key.text(), key.window()).await.unwrap_or(at_most)),
        Err(error) => {
            tracing::error!(%error, "a budget can't be looked up: it counts as spent");
            Err(at_most)
        }
    }
}

fn key(limit: &Limit, workflow: &Workflow, principal: &Principal, now: Timestamp) -> Key {
    let who = match limit.per {
        LimitPer::Workflow => "",
        LimitPer::Principal => &principal.id,
        LimitPer::Requester => principal.requester(),
    };
    let length = i64::try_from(limit.window_s.max(1)).unwrap_or(i64::MAX / 2);
    let began = now.as_second() / length * length;
    let tool = limit.tool.as_ref().map_or_else(|| "*".to_owned(), ToString::to_string);
    let measure = match limit.measure {
        LimitMeasure::Calls => "calls",
        LimitMeasure::Amount => "amount",
    };
    let limit = format!("{tool}:{measure}");
    Key { limit, workflow: workflow.name.clone(), who: who.to_owned(), began, length }
}

fn objection(limit: &Limit, used: i64, wanted: i64) -> Objection {
    let what = limit.tool.as_ref().map_or_else(|| "all tools".to_owned(), |tool| format!("`{tool}`"));
    match limit.measure {
        LimitMeasure::Calls => Objection {
            code: Code::RateLimited,
            text: format!(
                "{used} of {} calls of {what} are used in this window of {} s",
                limit.at_most, limit.window_s
            ),
        },
        LimitMeasure::Amount => Objection {
            code: Code::OverBudget,
            text: format!(
                "{} more would exceed the budget of {} for {what}: {} are spent in this window of {} s",
                money(wanted),
                money(limit.at_most),
                money(used),
                limit.window_s
            ),
        },
    }
}

fn money(hundredths: i64) -> String {
    format!("{}.{:02}", hundredths / 100, (hundredths % 100).abs())
}

/// The sum of the arguments with the role `amount`, in hundredths, rounded up so that no fraction
/// slips under a budget. What can't be read as an amount counts as the largest.
pub fn amount_hundredths(act: &Act, origins: &[ArgumentOrigin]) -> i64 {
    let amounts = origins.iter().filter(|origin| origin.role == ArgumentRole::Amount);
    amounts.fold(0_i64, |sum, origin| {
        let value = act.arguments.pointer(&origin.argument);
        sum.saturating_add(value.and_then(hundredths).unwrap_or(i64::MAX))
    })
}

fn hundredths(value: &Value) -> Option<i64> {
    let number = match value {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => text.trim().parse::<f64>().ok()?,
        _ => return None,
    };
    let scaled = (number.abs() * 100.0 - 1e-6).ceil();
    // Far inside i64, so that sums saturate instead of wrapping.
    (scaled < 9e15).then_some(scaled as i64)
}
