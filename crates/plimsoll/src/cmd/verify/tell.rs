//! What came of a verification, in words and as JSON.

use jiff::Timestamp;
use plimsoll_ledger::proof::{Cosigned, Problem, Verified};
use serde_json::{Value, json};

use crate::talk::{self, Colour, colour, paint};

pub fn good(verified: &Verified) {
    let Verified { origin, head, trusted, checked } = verified;
    let mark = paint(Colour::Green, "good", colour());
    talk::data(format!("{mark}  {} entries of `{origin}`, root {}", head.size, head.root.hex()));
    talk::data(format!("      signed    {}", trusted.log));
    for line in cosigned(&trusted.cosigned) {
        talk::data(format!("      {line}"));
    }
    let mut looked =
        format!("{} entries, {} tiles, {} bundles", checked.entries, checked.tiles, checked.bundles);
    if let Some(count) = checked.in_segments {
        looked.push_str(&format!(", {count} entries in the segments"));
        if count > head.size {
            looked.push_str(&format!(" ({} newer than the checkpoint)", count - head.size));
        }
    }
    talk::data(format!("      checked   {looked}"));
}

/// Who cosigned, a line each.
pub fn cosigned(all: &[Cosigned]) -> Vec<String> {
    match all {
        [] => vec![
            "cosigned  by nobody, and the policy asks for nobody: the ledger's key alone vouches".to_owned(),
        ],
        all => all.iter().map(|one| format!("cosigned  {} at {}", one.witness, at(one.at))).collect(),
    }
}

pub fn bad(problems: &[Problem]) {
    for problem in problems {
        talk::data(format!("{}   {problem}", paint(Colour::Red, "bad", colour())));
    }
}

pub fn json(result: &Result<Verified, Vec<Problem>>) -> Value {
    match result {
        Ok(Verified { origin, head, trusted, checked }) => json!({
            "good": true,
            "origin": origin,
            "size": head.size,
            "root": head.root.hex(),
            "signed": trusted.log.to_string(),
            "cosigned": cosigned_json(&trusted.cosigned),
            "checked": {
                "entries": checked.entries, "tiles": checked.tiles, "bundles": checked.bundles,
                "in_segments": checked.in_segments,
            },
            "problems": [],
        }),
        Err(problems) => json!({
            "good": false,
            "problems": problems.iter().map(|p| json!({ "file": p.file, "what": p.what })).collect::<Vec<_>>(),
        }),
    }
}

pub fn cosigned_json(all: &[Cosigned]) -> Vec<Value> {
    all.iter().map(|one| json!({ "witness": one.witness, "at": at(one.at) })).collect()
}

/// Seconds since 1970 as a time.
fn at(seconds: u64) -> String {
    let time = i64::try_from(seconds).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    time.map_or_else(|| format!("second {seconds}"), |time| time.to_string())
}
