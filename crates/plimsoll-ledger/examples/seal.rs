//! What sealing adds to an entry: `cargo run --release -p plimsoll-ledger --example seal`
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a tool for measuring")]

use std::time::Instant;

use plimsoll_ledger::seal::{Binding, Field, Key, Part, seal};

/// Entries of one measurement.
const ROUNDS: u32 = 20_000;

fn main() {
    let binding = Binding { instance: [1; 16], entry: [2; 16] };
    let key = Key::fresh().unwrap();
    for (name, count, bytes) in
        [("an outcome", 4_u8, 60), ("an act", 14, 80), ("a long conversation", 60, 120)]
    {
        let paths: Vec<String> = (0..count).map(|n| format!("/spans/{n}/preview")).collect();
        let value = vec![b'x'; bytes];
        let field = |(n, path): (u8, _)| Field { class: 2 + n % 2, path, value: &value };
        let fields: Vec<Field<'_>> = (0..count).zip(paths.iter().map(String::as_str)).map(field).collect();
        let began = Instant::now();
        let mut made = 0;
        for _ in 0..ROUNDS {
            let (part, _) = seal(binding, &mut fields.clone(), |_| Ok((7, key.clone()))).unwrap();
            made += part.len();
        }
        let sealing = began.elapsed() / ROUNDS;
        let (part, named) = seal(binding, &mut fields.clone(), |_| Ok((7, key.clone()))).unwrap();
        let began = Instant::now();
        for _ in 0..ROUNDS {
            let part = Part::read(&part, &named).unwrap();
            for class in [2, 3] {
                part.open(binding, class, &key).unwrap();
            }
        }
        let opening = began.elapsed() / ROUNDS;
        println!(
            "{name}: {count} fields of {bytes} bytes: sealing {:.1} µs, opening {:.1} µs, {} bytes beside the entry",
            sealing.as_secs_f64() * 1e6,
            opening.as_secs_f64() * 1e6,
            made / ROUNDS as usize
        );
    }
}
