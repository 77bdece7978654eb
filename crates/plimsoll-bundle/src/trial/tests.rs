//! The promises of the module, by simulation with a seed: the same figures every time, and the manual quotes them.

use jiff::Timestamp;

use super::*;

/// SplitMix64.
struct Dice(u64);

impl Dice {
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn bad(&mut self, of: u64, share: f64) -> (u64, u64) {
        ((0..of).filter(|_| self.unit() < share).count() as u64, of)
    }
}

/// What came of one trial, looked at after every session of the canary, and after how many.
fn run(dice: &mut Dice, live: f64, canary: f64, acceptable: u32, sessions: u64) -> (Verdict, u64) {
    let mut trial = Trial::new(acceptable);
    for n in 1..=sessions {
        trial.block(dice.bad(1, canary), dice.bad(19, live));
        match trial.verdict() {
            Verdict::Open => {}
            verdict => return (verdict, n),
        }
    }
    (Verdict::Open, sessions)
}

/// Shares of what came out, in whole per mille, and the median number of sessions it took.
struct Out {
    worse: u64,
    fine: u64,
    open: u64,
    median: u64,
}

fn simulate(live: f64, canary: f64, acceptable: u32, sessions: u64) -> Out {
    const RUNS: u64 = 1_000;
    let mut dice = Dice(0x0005_eed0);
    let mut took = Vec::new();
    let (mut worse, mut fine) = (0, 0);
    for _ in 0..RUNS {
        let (verdict, after) = run(&mut dice, live, canary, acceptable, sessions);
        match verdict {
            Verdict::Worse => worse += 1,
            Verdict::Fine => fine += 1,
            Verdict::Open => continue,
        }
        took.push(after);
    }
    took.sort_unstable();
    let median = took.get(took.len() / 2).copied().unwrap_or_default();
    Out { worse, fine, open: RUNS - worse - fine, median }
}

#[test]
fn a_canary_that_is_no_worse_is_rarely_taken_for_worse_however_often_one_looks() {
    // Nobody stops at `fine` here: the longest look there is.
    let mut dice = Dice(7);
    for share in [0.0, 0.01, 0.05, 0.2, 0.5, 0.95] {
        let mut alarms = 0;
        for _ in 0..1_000 {
            let mut trial = Trial::new(50_000);
            for _ in 0..500 {
                trial.block(dice.bad(1, share), dice.bad(19, share));
            }
            alarms += u64::from(trial.verdict() == Verdict::Worse);
        }
        // One signal has a fifth of the five per cent: at most 10 in 1,000, and what chance adds to that.
        assert!(alarms <= 10 + 10, "{alarms} of 1,000 at {share}");
    }
}

#[test]
fn one_that_is_worse_by_what_matters_is_rarely_taken_for_fine() {
    for live in [0.0, 0.01, 0.05, 0.2, 0.5] {
        let out = simulate(live, live + 0.05, 50_000, 4_000);
        assert!(out.fine <= 200 + 38, "{} of 1,000 at {live}", out.fine);
        assert!(out.open <= 20, "{} of 1,000 know nothing after 4,000 sessions at {live}", out.open);
        assert!(out.worse >= 780, "{} of 1,000 found at {live}", out.worse);
    }
}

#[test]
fn what_the_watch_costs_and_finds() {
    let mut table = String::from(
        "live   canary  taken for worse  taken for fine  open  sessions of the canary (median)\n",
    );
    for (live, canary, sessions) in [
        (0.01, 0.01, 4_000),
        (0.05, 0.05, 4_000),
        (0.20, 0.20, 4_000),
        (0.01, 0.06, 4_000),
        (0.05, 0.10, 4_000),
        (0.20, 0.25, 4_000),
        (0.05, 0.25, 4_000),
        (0.05, 0.60, 4_000),
        (0.00, 1.00, 4_000),
    ] {
        let out = simulate(live, canary, 50_000, sessions);
        table.push_str(&format!(
            "{:>4}%  {:>5}%  {:>14.1}%  {:>13.1}%  {:>3.1}%  {:>6}\n",
            live * 100.0,
            canary * 100.0,
            out.worse as f64 / 10.0,
            out.fine as f64 / 10.0,
            out.open as f64 / 10.0,
            out.median
        ));
    }
    insta::assert_snapshot!(table);
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// Sessions one after the other, a twentieth of them the canary's.
fn play(tally: &mut Tally, sessions: i64, mut does: impl FnMut(Arm, i64, &mut dyn FnMut(What<'_>))) {
    for n in 0..sessions {
        let arm = if n % 20 == 0 { Arm::Canary } else { Arm::Live };
        let session = format!("s-{n}");
        does(arm, n, &mut |what| tally.see(&Seen { arm, session: &session, at: at(n), what }));
    }
    tally.settle(at(sessions + LASTS_S));
}

use super::tally::LASTS_S;

fn verdict(tally: &Tally, name: &str) -> Verdict {
    tally.signals().iter().find(|signal| signal.name == name).unwrap().verdict
}

#[test]
fn a_session_counts_once_and_only_when_it_is_over() {
    let mut tally = Tally::new(Watch::default());
    let decided = |refused| What::Decided { tool: "desk.refund", refused, held: false };
    for second in 0..5 {
        tally.see(&Seen { arm: Arm::Canary, session: "s", at: at(second), what: decided(second == 3) });
    }
    assert_eq!(tally.sessions(Arm::Canary), 0);
    tally.settle(at(4 + tally::SILENT_S));
    assert_eq!((tally.sessions(Arm::Canary), tally.signals()[0].canary), (1, (1, 1)));
    tally.see(&Seen { arm: Arm::Live, session: "", at: at(9_000), what: decided(true) });
    tally.settle(at(20_000));
    assert_eq!(tally.sessions(Arm::Live), 0, "what belongs to no session is no observation");
}

#[test]
fn each_signal_finds_its_own() {
    let mut dice = Dice(3);
    let mut calm = |arm: Arm, broken: &'static str| {
        let worse = arm == Arm::Canary;
        let spread = 100 + (dice.unit() * 50.0) as u64;
        let tool = if worse && broken == "mix" && dice.unit() < 0.9 { "desk.delete" } else { "desk.refund" };
        (
            What::Decided { tool, refused: worse && broken == "refused", held: worse && broken == "held" },
            (worse && broken == "rejected").then_some(What::Rejected),
            What::Ended {
                failed: worse && broken == "failed",
                took_ms: if worse && broken == "slower" { spread * 3 } else { spread },
            },
        )
    };
    for broken in ["none", "refused", "held", "rejected", "failed", "slower", "mix"] {
        let mut tally = Tally::new(Watch::default());
        play(&mut tally, 6_000, |arm, _, say| {
            let (decided, rejected, ended) = calm(arm, broken);
            say(decided);
            rejected.into_iter().for_each(&mut *say);
            say(ended);
        });
        for signal in tally.signals() {
            let expected = if signal.name == broken { Verdict::Worse } else { Verdict::Fine };
            assert_eq!(signal.verdict, expected, "{broken}: {signal:?}");
        }
    }
}

#[test]
fn silence_is_no_verdict() {
    let mut tally = Tally::new(Watch::default());
    tally.settle(at(1_000_000));
    assert!(tally.signals().iter().all(|signal| signal.verdict == Verdict::Open));
    // One arm alone says nothing either.
    for n in 0..500 {
        let what = What::Decided { tool: "t", refused: true, held: false };
        tally.see(&Seen { arm: Arm::Canary, session: &format!("s-{n}"), at: at(n), what });
    }
    tally.settle(at(1_000_000));
    assert_eq!(verdict(&tally, "refused"), Verdict::Open);
}

#[test]
fn mixes_that_are_the_same_are_rarely_taken_for_apart() {
    let mut dice = Dice(11);
    let mut alarms = 0;
    for _ in 0..200 {
        let mut mixes = [mix::Mix::default(), mix::Mix::default()];
        for mixed in &mut mixes {
            for _ in 0..mix::MIX_ACTS {
                mixed.add(&format!("tool-{}", (dice.unit() * 20.0) as u32));
            }
        }
        alarms += u32::from(mix::divergence(&mixes[0], &mixes[1]) > 0.1);
    }
    assert_eq!(alarms, 0, "of 200, with 20 tools and the smallest sample there is");
    let (mut one, mut other) = (mix::Mix::default(), mix::Mix::default());
    one.add("a");
    other.add("b");
    assert_eq!((mix::divergence(&one, &one), mix::divergence(&one, &other)), (0.0, 1.0));
}
