//! How the program speaks: data to standard output, talk to standard error, colour only to a terminal.
//!
//! Every verb writes its data through [`Out`], which knows what to do when nobody reads any more. Talk that nobody hears
//! is lost, and changes nothing.
#![expect(clippy::disallowed_methods, reason = "the one module that may")]

use std::io::{ErrorKind, IsTerminal, Write};

/// How a program ends whose reader went away (`plimsoll log | head`): with what a shell says of the signal that ends
/// other programs then. It is none of our exit codes, because a verb that was cut off has not said yes.
const NOBODY_READS: i32 = 128 + 13;

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
    let colour = colour_on_stderr();
    say(format!("{} {}", paint(Colour::Red, "error:", colour), error.message));
    if let Some(help) = &error.help {
        say(format!("{} {help}", paint(Colour::Cyan, " help:", colour)));
    }
}

/// A line of talk.
pub fn say(line: impl AsRef<str>) {
    tell(format!("{}\n", line.as_ref()));
}

fn tell(text: String) {
    let _nobody_hears_it = std::io::stderr().write_all(text.as_bytes());
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
            tell(format!("\r{} {:3} %", self.verb, (100 * done).checked_div(all).unwrap_or(0)));
        }
    }

    pub fn end(&mut self) {
        if self.shown {
            tell("\r\x1b[K".to_owned());
        }
    }
}

/// A line of data.
pub fn data(line: impl AsRef<str>) {
    if let Err(failed) = writeln!(Out, "{}", line.as_ref()) {
        error(&Error::new(format!("standard output can't be written: {failed}")));
        std::process::exit(2);
    }
}

/// Standard output. A reader that went away ends the program quietly, as it ends other Unix tools.
#[derive(Clone, Copy, Debug)]
pub struct Out;

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        unless_nobody_reads(std::io::stdout().write(bytes))
    }

    fn flush(&mut self) -> std::io::Result<()> {
        unless_nobody_reads(std::io::stdout().flush())
    }
}

fn unless_nobody_reads<T>(done: std::io::Result<T>) -> std::io::Result<T> {
    if let Err(error) = &done
        && error.kind() == ErrorKind::BrokenPipe
    {
        std::process::exit(NOBODY_READS);
    }
    done
}

/// Whether standard output wants colour: a terminal, and `NO_COLOR` unset.
pub fn colour() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// The same of standard error.
pub fn colour_on_stderr() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
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
