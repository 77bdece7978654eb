//! What is wrong with a workflow repository, in words for the person who edits it.
//!
//! A [`Diagnostic`] is a value: it names a check by a stable id, points at bytes of one file, says
//! what is the matter and what to do next. How it looks on a terminal is the business of `render`.

use std::fmt;
use std::ops::Range;

use serde::Serialize;

/// Whether a diagnostic keeps the bundle from loading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Nothing loads until this is put right.
    Error,
    /// It loads; somebody should look.
    Warning,
}

impl Severity {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// One thing to tell about one place in the repository.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    pub severity: Severity,
    /// Stable, kebab-case, prefixed by area: `yaml/unknown-key`, `acts/no-owner`, `cedar/type`.
    pub id: &'static str,
    /// Path inside the repository, with `/`.
    pub file: String,
    /// Bytes of the file this is about; `None` when it is about the whole file, or a file that is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub range: Option<Range<usize>>,
    /// Lower case, one line, no full stop.
    pub message: String,
    /// The next move.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

impl Diagnostic {
    /// Something that keeps the bundle from loading.
    pub fn error(id: &'static str, file: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            id,
            file: file.into(),
            range: None,
            message: message.into(),
            help: None,
        }
    }

    /// Something that somebody should look at.
    pub fn warning(id: &'static str, file: impl Into<String>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(id, file, message) }
    }

    /// Points at bytes of the file.
    #[must_use]
    pub fn at(mut self, range: Range<usize>) -> Self {
        self.range = Some(range);
        self
    }

    /// Says the next move.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// One line, for logs; `render` draws the whole picture.
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [{}] {}: {}", self.severity.name(), self.id, self.file, self.message)
    }
}

impl std::error::Error for Diagnostic {}
