//! How diagnostics look: drawn for a terminal, or as JSON for tools.

use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, SourceCode};
use serde_json::Value;

use crate::diagnostic::{Diagnostic, Severity};
use crate::tree::Tree;

/// How wide a drawing may be.
const WIDTH: usize = 110;

/// Draws diagnostics over the files they point at. Colour decorates; the text suffices.
pub fn text(diagnostics: &[Diagnostic], tree: &Tree, color: bool) -> String {
    let theme = if color { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    let handler = GraphicalReportHandler::new_themed(theme).with_width(WIDTH).with_links(false);
    let mut drawing = String::new();
    for diagnostic in diagnostics {
        let picture = Picture::new(diagnostic, tree);
        if handler.render_report(&mut drawing, &picture).is_err() {
            drawing.push_str(&format!("{diagnostic}\n"));
        }
        drawing.push('\n');
    }
    drawing.push_str(&summary(diagnostics));
    drawing.push('\n');
    drawing
}

/// `3 errors, 1 warning`, or that there is nothing to tell.
pub fn summary(diagnostics: &[Diagnostic]) -> String {
    let errors = diagnostics.iter().filter(|d| d.is_error()).count();
    let count = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
    match (errors, diagnostics.len() - errors) {
        (0, 0) => "nothing to complain about".to_owned(),
        (0, warnings) => count(warnings, "warning"),
        (errors, 0) => count(errors, "error"),
        (errors, warnings) => format!("{}, {}", count(errors, "error"), count(warnings, "warning")),
    }
}

/// The same for tools: one object a diagnostic, with line and column counted from 1.
pub fn json(diagnostics: &[Diagnostic], tree: &Tree) -> Value {
    let told = diagnostics.iter().map(|diagnostic| {
        let mut value = serde_json::json!(diagnostic);
        if let Some((line, column)) = position(diagnostic, tree) {
            value["line"] = line.into();
            value["column"] = column.into();
        }
        value
    });
    Value::Array(told.collect())
}

/// Line and column of a diagnostic, counted from 1; columns in characters.
pub fn position(diagnostic: &Diagnostic, tree: &Tree) -> Option<(usize, usize)> {
    let range = diagnostic.range.as_ref()?;
    let before = tree.text(&diagnostic.file)?.get(..range.start)?;
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    Some((line, column))
}

/// A diagnostic with the file it points at, as miette wants it.
#[derive(Debug)]
struct Picture<'a> {
    diagnostic: &'a Diagnostic,
    source: Option<NamedSource<String>>,
}

impl<'a> Picture<'a> {
    fn new(diagnostic: &'a Diagnostic, tree: &Tree) -> Self {
        let text = diagnostic.range.as_ref().and_then(|_| tree.text(&diagnostic.file));
        let source = text.map(|text| NamedSource::new(&diagnostic.file, text.to_owned()));
        Self { diagnostic, source }
    }
}

impl std::fmt::Display for Picture<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.source.is_none() {
            write!(f, "{}: ", self.diagnostic.file)?;
        }
        f.write_str(&self.diagnostic.message)
    }
}

impl std::error::Error for Picture<'_> {}

impl miette::Diagnostic for Picture<'_> {
    fn code<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        Some(Box::new(self.diagnostic.id))
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.diagnostic.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        self.diagnostic.help.as_ref().map(|help| Box::new(help) as Box<dyn std::fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.source.as_ref().map(|source| source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let range = self.diagnostic.range.clone()?;
        let label = LabeledSpan::new_with_span(None, (range.start, range.len()));
        Some(Box::new(std::iter::once(label)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drawn_and_as_json() {
        let text = "workflow: support\nonwer: Ada\n";
        let tree = Tree::from_iter([("workflows/support.yaml", text)]);
        let found = [
            Diagnostic::error("yaml/unknown-key", "workflows/support.yaml", "unknown key `onwer`")
                .at(18..23)
                .help("did you mean `owner`?"),
            Diagnostic::warning("pin/no-lock", "tools/desk.lock.json", "the file is missing"),
        ];
        let json = serde_json::to_string_pretty(&super::json(&found, &tree)).unwrap();
        insta::assert_snapshot!(format!("{}\n{json}", super::text(&found, &tree, false)));
        assert_eq!(summary(&[]), "nothing to complain about");
    }
}
