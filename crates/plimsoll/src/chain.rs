//! The action chain as text.

use plimsoll_store::EntryRow;

/// One line an entry.
pub fn render(rows: &[EntryRow], _colour: bool) -> String {
    let lines = rows.iter().map(|row| {
        let what = if row.decision.is_empty() { &row.status } else { &row.decision };
        format!("  {:>5}  {:<9} {:<24} {:<9} {what}", row.seq, row.kind, row.tool, row.tier)
    });
    lines.collect::<Vec<_>>().join("\n")
}
