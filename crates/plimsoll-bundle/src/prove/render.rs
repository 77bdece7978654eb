//! Proofs as a page for a terminal. What was only tried is never called proved.

use std::fmt::Write as _;

use super::{By, Counterexample, Outcome, Proof, Proofs};

/// The whole page.
pub fn terminal(proofs: &Proofs) -> String {
    let mut page = match &proofs.by {
        By::Solver { version } => format!("asked {version}\n"),
        By::Trying { because } => {
            format!("tried, not proved: {because}, so cases were tried with the rules engine\n")
        }
    };
    for proof in &proofs.invariants {
        let _ = write!(page, "\n{}", invariant(proof));
    }
    if !proofs.erring.is_empty() {
        let _ = writeln!(page, "\npolicies that forbid and may err; the act is then refused");
        for erring in &proofs.erring {
            let at = erring.place.as_ref().map(|place| format!("  {}:{}", place.file, place.line));
            let _ = writeln!(page, "  `{}`{}", erring.policy, at.unwrap_or_default());
            let why = erring.because.as_ref().map(|why| format!("not known whether: {why}"));
            let given = (!erring.given.is_empty()).then(|| format!("where {}", erring.given.join("; ")));
            let _ = writeln!(page, "    for `{}` {}", erring.tool, why.or(given).unwrap_or_default());
        }
    }
    let _ = writeln!(page, "\nin the program itself, tried over all inputs of its pure functions");
    for law in &proofs.laws {
        let word = if law.broken.is_none() { "holds" } else { "BROKEN" };
        let _ = writeln!(page, "  {word:<8} {}, {} cases", law.id, law.cases);
        let _ = writeln!(page, "           {}", law.says);
        if let Some(broken) = &law.broken {
            let _ = writeln!(page, "           for example: {broken}");
        }
    }
    page
}

fn invariant(proof: &Proof) -> String {
    let at = match &proof.place {
        Some(place) => format!("{}:{}", place.file, place.line),
        None => "comes with Plimsoll".to_owned(),
    };
    let mut lines = format!("  {:<8} {}  {at}\n", word(&proof.outcome), proof.invariant);
    if !proof.says.is_empty() {
        let _ = writeln!(lines, "           {}", proof.says);
    }
    let _ = writeln!(lines, "           {}", found(proof));
    if let Outcome::Broken(counter) | Outcome::Alone(counter) = &proof.outcome {
        for line in counterexample(counter) {
            let _ = writeln!(lines, "           {line}");
        }
    }
    lines
}

fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Proved => "proved",
        Outcome::Tried => "tried",
        Outcome::Broken(_) => "BROKEN",
        Outcome::Alone(_) => "alone",
        Outcome::Untold { .. } => "unknown",
        Outcome::Idle => "idle",
    }
}

/// What was found, in one sentence.
pub fn found(proof: &Proof) -> String {
    let acts = match proof.acts {
        1 => "1 act".to_owned(),
        n => format!("{n} acts"),
    };
    let others = if proof.in_force { "the other policies allow" } else { "the policies allow" };
    let tried = match proof.cut.is_empty() {
        true => format!("{} cases tried", proof.cases),
        false => format!("{} cases tried, {}", proof.cases, proof.cut.join("; ")),
    };
    match &proof.outcome {
        Outcome::Proved => format!("of {acts}, {others} nothing that it forbids"),
        Outcome::Tried => format!("not proved; of {acts}, {others} nothing that it forbids in {tried}"),
        Outcome::Broken(_) => format!("{others} what it forbids"),
        Outcome::Alone(_) => {
            "it holds, as it is in force, and by itself alone: without it the policies would allow".to_owned()
        }
        Outcome::Untold { because } if proof.cases > 0 => {
            format!("not proved: {because}; nothing against it in {tried}")
        }
        Outcome::Untold { because } => format!("not proved: {because}"),
        Outcome::Idle => "it speaks about no act of this repository".to_owned(),
    }
}

/// A request, as lines.
pub(crate) fn counterexample(counter: &Counterexample) -> Vec<String> {
    let arguments = counter.arguments.as_ref().map(|arguments| format!(" {arguments}")).unwrap_or_default();
    let mut lines = vec![format!(
        "for example: {} in {} calls {}{arguments}",
        counter.who, counter.workflow, counter.tool
    )];
    if !counter.given.is_empty() {
        lines.push(format!("where {}", counter.given.join("; ")));
    }
    if !counter.permitted_by.is_empty() {
        lines.push(format!("permitted by {}", counter.permitted_by.join(", ")));
    }
    lines
}
