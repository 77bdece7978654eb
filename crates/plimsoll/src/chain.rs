//! The action chain on a terminal: what the console shows, in lines and colours.

use plimsoll_console::chain::{Line, Tone, build, lines};
use plimsoll_store::EntryRow;

use crate::talk::{Colour, paint};

/// The chain of these entries, oldest first.
pub fn render(rows: &[EntryRow], colour: bool) -> String {
    painted(&lines(&build(rows)), colour)
}

/// Lines as a terminal shows them.
pub fn painted(lines: &[Line], colour: bool) -> String {
    let line = |line: &Line| match tone(line.tone) {
        Some(tone) => paint(tone, &line.text, colour),
        None => line.text.clone(),
    };
    lines.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn tone(tone: Tone) -> Option<Colour> {
    match tone {
        Tone::Title => Some(Colour::Bold),
        Tone::Good => Some(Colour::Green),
        Tone::Warn => Some(Colour::Yellow),
        Tone::Bad => Some(Colour::Red),
        Tone::Quiet => Some(Colour::Dim),
        Tone::Plain => None,
    }
}
