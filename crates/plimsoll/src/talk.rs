//! How the program speaks: data to standard output, talk to standard error, colour only to a terminal.
#![expect(clippy::print_stderr, reason = "the one module that may")]

use std::io::{IsTerminal, Write};

/// An error for a person: what happened and the next move.
#[derive(Debug)]
pub struct Error {
    pub message: String,
    pub help: Option<String>,
}

impl Error {
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), help: None }
    }

    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl<E: std::error::Error> From<E> for Error {
    fn from(error: E) -> Self {
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            message.push_str(": ");
            message.push_str(&cause.to_string());
            source = cause.source();
        }
        Self::new(message)
    }
}

/// What a verb returns.
pub type Done = Result<std::process::ExitCode, Error>;

pub fn error(error: &Error) {
    eprintln!("{} {}", paint(Colour::Red, "error:", std::io::stderr().is_terminal()), error.message);
    if let Some(help) = &error.help {
        eprintln!("{} {help}", paint(Colour::Cyan, " help:", std::io::stderr().is_terminal()));
    }
}

/// A line of talk.
pub fn say(line: impl AsRef<str>) {
    eprintln!("{}", line.as_ref());
}

/// How far something long has come, on one line that renews itself; silent where nobody watches.
#[derive(Debug)]
pub struct Progress {
    verb: &'static str,
    told: Option<std::time::Instant>,
    shown: bool,
    on: bool,
}

impl Progress {
    pub fn new(verb: &'static str) -> Self {
        let on = std::io::stderr().is_terminal();
        Self { verb, told: Some(std::time::Instant::now()), shown: false, on }
    }

    pub fn tell(&mut self, done: u64, all: u64) {
        let due = self.told.is_none_or(|told| told.elapsed().as_millis() > 300);
        if self.on && due {
            self.told = Some(std::time::Instant::now());
            self.shown = true;
            eprint!("\r{} {:3} %", self.verb, (100 * done).checked_div(all).unwrap_or(0));
        }
    }

    pub fn end(&mut self) {
        if self.shown {
            eprint!("\r\x1b[K");
        }
    }
}

/// A line of data. A reader that went away ends the program quietly, as Unix tools do.
pub fn data(line: impl AsRef<str>) {
    let mut out = std::io::stdout().lock();
    if writeln!(out, "{}", line.as_ref()).is_err() {
        std::process::exit(0);
    }
}

/// Whether standard output wants colour: a terminal, and `NO_COLOR` unset.
pub fn colour() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// The few colours there are. Colour decorates; the text suffices.
#[derive(Clone, Copy, Debug)]
pub enum Colour {
    Red,
    Green,
    Yellow,
    Cyan,
    Dim,
    Bold,
}

/// Paints when asked to.
pub fn paint(colour: Colour, text: &str, on: bool) -> String {
    let code = match colour {
        Colour::Red => "31",
        Colour::Green => "32",
        Colour::Yellow => "33",
        Colour::Cyan => "36",
        Colour::Dim => "2",
        Colour::Bold => "1",
    };
    if on { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
}
