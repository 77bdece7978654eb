//! The action chain on a terminal: what the console shows, in lines and colours.

use plimsoll_console::chain::{Line, Tone, build, lines};
use plimsoll_store::EntryRow;

use crate::talk::{Colour, paint};

/// The chain of these entries, oldest first, without the ids that nobody reads at a glance.
pub fn brief(rows: &[EntryRow], colour: bool) -> String {
    let lines: Vec<Line> = lines(&build(rows)).into_iter().filter(|line| line.tone != Tone::Quiet).collect();
    painted(&lines, colour)
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
