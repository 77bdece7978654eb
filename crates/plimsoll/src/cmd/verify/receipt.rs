//! `plimsoll verify receipt FILE`.

use std::path::Path;
use std::process::ExitCode;

use plimsoll_ledger::proof::{Policy, RECEIPT_BYTES_MAX, Receipt};
use serde_json::{Value, json};

use super::{read, tell};
use crate::talk::{self, Colour, Done, colour, paint};

/// Checks a receipt, and shows the entry it proves.
pub(super) fn run(file: &Path, policy: &Policy, json: bool) -> Done {
    let bytes = read(file, RECEIPT_BYTES_MAX)?;
    let checked =
        Receipt::parse(&bytes).and_then(|receipt| receipt.check_all(policy).map(|good| (receipt, good)));
    let (receipt, (entry, disclosed, trusted)) = match checked {
        Ok(checked) => checked,
        Err(error) => {
            match json {
                true => talk::data(json!({ "good": false, "what": error.to_string() }).to_string()),
                false => {
                    let mark = paint(Colour::Red, "bad", colour());
                    talk::data(format!("{mark}   {}: {error}", file.display()));
                }
            }
            return Ok(ExitCode::FAILURE);
        }
    };
    // Entries are JSON; a ledger of something else may hold other bytes.
    let entry: Value = serde_json::from_slice(&entry)
        .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&entry).into_owned()));
    // What a field says: JSON, or text.
    let value = |bytes: &[u8]| {
        serde_json::from_slice(bytes)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(bytes).into_owned()))
    };
    let disclosed: serde_json::Map<String, Value> =
        disclosed.into_iter().map(|field| (field.path, value(&field.value))).collect();
    let (origin, head) = (receipt.checkpoint.origin(), receipt.checkpoint.head());
    if json {
        let told = json!({
            "good": true, "origin": origin, "index": receipt.index, "size": head.size,
            "signed": trusted.log.to_string(), "cosigned": tell::cosigned_json(&trusted.cosigned), "entry": entry,
            "disclosed": disclosed,
        });
        talk::data(told.to_string());
        return Ok(ExitCode::SUCCESS);
    }
    let mark = paint(Colour::Green, "good", colour());
    talk::data(format!("{mark}  entry {} of the {} entries of `{origin}`", receipt.index, head.size));
    talk::data(format!("      signed    {}", trusted.log));
    for line in tell::cosigned(&trusted.cosigned) {
        talk::data(format!("      {line}"));
    }
    talk::data(serde_json::to_string_pretty(&entry)?);
    for (path, value) in &disclosed {
        talk::data(format!("disclosed {path} = {value}"));
    }
    Ok(ExitCode::SUCCESS)
}
