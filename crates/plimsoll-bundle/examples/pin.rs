//! Writes a lock file from a `tools/list` result: `pin <server> <protocol> <reviewer> < tools.json`.
//!
//! `plimsoll tools review --accept` does this from the live server; this is for fixtures and examples.

use std::io::Write as _;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [server, protocol, pinned_at, reviewer] = &arguments[..] else {
        return Err("usage: pin <server> <protocol> <pinned at> <reviewer> < tools.json".into());
    };
    let tools: Vec<serde_json::Value> = serde_json::from_reader(std::io::stdin())?;
    let lock = plimsoll_bundle::pin::lock_file(server, protocol, pinned_at, reviewer, &tools);
    #[expect(clippy::disallowed_methods, reason = "an example, not the program")]
    let mut out = std::io::stdout();
    Ok(out.write_all(lock.as_bytes())?)
}
