//! Lines of `key: value`, as YAML writers and simple tools print them: nested by indentation, `- ` for
//! the items of a list, values plain, quoted, folded over lines or as a block.
//!
//! Nothing tells a line that the tool wrote from one that stands in a value the tool printed as it was.
//! So what is read here is marked [`Shape::Lines`], and counts only before the first value that somebody
//! else may have written.

use std::collections::HashSet;

use super::{NodeId, Piece, Records, SCALARS_MAX, Scalar, Shape};

const DEPTH_MAX: usize = 32;
/// Longer names are prose with a colon in it.
const NAME_MAX: usize = 64;

struct Line<'t> {
    indent: usize,
    /// Where the text behind the indentation begins.
    start: usize,
    text: &'t str,
}

struct Reader<'t> {
    lines: Vec<Line<'t>>,
    at: usize,
    records: Records,
}

pub(super) fn read(text: &str) -> Option<Records> {
    let mut lines = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let said = line.trim_end();
        let inner = said.trim_start_matches(' ');
        if !inner.is_empty() && said != "---" {
            let indent = said.len() - inner.len();
            lines.push(Line { indent, start: start + indent, text: inner });
        }
        start += line.len();
    }
    let structured =
        lines.first().is_some_and(|line| line.text.starts_with("- ") || key(line.text).is_some());
    structured.then_some(())?;
    let mut reader = Reader { lines, at: 0, records: Records::empty(Shape::Lines) };
    let indent = reader.lines[0].indent;
    reader.block(0, None, indent, 0)?;
    reader.records.close(0);
    (reader.at == reader.lines.len()).then_some(reader.records)
}

/// The name, and where the value begins.
fn key(line: &str) -> Option<(&str, usize)> {
    let quoted = line.strip_prefix(['"', '\'']).and_then(|rest| {
        let end = rest.find(&line[..1])?;
        rest[end + 1..].starts_with(':').then_some((&rest[..end], end + 3))
    });
    let (name, behind) = quoted.or_else(|| {
        let colon =
            line.match_indices(':').find(|(at, _)| matches!(line.as_bytes().get(at + 1), None | Some(b' ')));
        colon.map(|(at, _)| (&line[..at], at + 1))
    })?;
    let starts = name.chars().next()?;
    let plain = starts.is_alphanumeric() || starts == '_' || quoted.is_some();
    let value = line.len() - line[behind..].trim_start().len();
    (plain && name.len() <= NAME_MAX).then_some((name, value))
}

impl<'t> Reader<'t> {
    fn here(&self) -> Option<(usize, &'t str, usize)> {
        self.lines.get(self.at).map(|line| (line.indent, line.text, line.start))
    }

    /// What stands at one indentation: a list, an object, or a plain text.
    fn block(&mut self, node: NodeId, name: Option<Piece>, indent: usize, depth: usize) -> Option<()> {
        (depth <= DEPTH_MAX && self.records.scalars.len() < SCALARS_MAX).then_some(())?;
        let (_, text, _) = self.here()?;
        if text == "-" || text.starts_with("- ") {
            self.list(node, name, indent, depth)
        } else {
            self.object(node, name, indent, depth)
        }
    }

    fn list(&mut self, node: NodeId, name: Option<Piece>, indent: usize, depth: usize) -> Option<()> {
        let list = self.records.open(node, name, true);
        while let Some((here, text, start)) = self.here() {
            let Some(inner) = text.strip_prefix('-').filter(|_| here == indent) else { break };
            (inner.is_empty() || inner.starts_with(' ')).then_some(())?;
            let item = inner.trim_start();
            let moved = text.len() - item.len();
            if item.is_empty() {
                self.at += 1;
                self.below(list, None, indent, depth)?;
            } else if key(item).is_some() || item.starts_with("- ") {
                // The item's first line is read as if the dash were indentation.
                self.lines[self.at] = Line { indent: indent + moved, start: start + moved, text: item };
                self.block(list, None, indent + moved, depth + 1)?;
            } else {
                self.scalar(list, None, start + moved, item, indent)?;
            }
        }
        self.records.close(list);
        Some(())
    }

    fn object(&mut self, node: NodeId, name: Option<Piece>, indent: usize, depth: usize) -> Option<()> {
        let object = self.records.open(node, name, false);
        let mut seen = HashSet::new();
        while let Some((here, text, start)) = self.here() {
            if here != indent || text.starts_with("- ") {
                break;
            }
            let (said, value) = key(text)?;
            seen.insert(said).then_some(())?;
            let at = start + (said.as_ptr() as usize - text.as_ptr() as usize);
            let said = piece(at, at + said.len(), false)?;
            let inner = &text[value..];
            if inner.is_empty() {
                self.at += 1;
                self.below(object, Some(said), indent, depth)?;
            } else {
                self.scalar(object, Some(said), start + value, inner, indent)?;
            }
        }
        self.records.close(object);
        Some(())
    }

    /// The value of a key or dash that has nothing behind it on its own line.
    fn below(&mut self, node: NodeId, name: Option<Piece>, indent: usize, depth: usize) -> Option<()> {
        match self.here() {
            Some((here, _, _)) if here > indent => self.block(node, name, here, depth + 1),
            // Writers print the items of a list below its name without indenting them.
            Some((here, text, _)) if here == indent && name.is_some() && text.starts_with("- ") => {
                self.list(node, name, indent, depth + 1)
            }
            _ => Some(()),
        }
    }

    /// A value that begins on this line, with the deeper lines that go on with it.
    fn scalar(
        &mut self,
        node: NodeId,
        name: Option<Piece>,
        start: usize,
        first: &str,
        indent: usize,
    ) -> Option<()> {
        (!first.starts_with(['&', '*', '!', '{', '[']))
            .then_some(())
            .or(matches!(first, "{}" | "[]").then_some(()))?;
        let mut said = first.to_owned();
        let mut end = start + first.len();
        self.at += 1;
        while let Some((_, text, at)) = self.here().filter(|(here, _, _)| *here > indent) {
            said.push(' ');
            said.push_str(text);
            end = at + text.len();
            self.at += 1;
        }
        if matches!(first, "{}" | "[]") {
            return Some(());
        }
        if let Some(block) = said.strip_prefix(['|', '>']) {
            said = block.trim_start_matches(['-', '+']).trim_start().to_owned();
        }
        for quote in ['"', '\''] {
            if let Some(inner) = said.strip_prefix(quote) {
                said = inner.strip_suffix(quote)?.replace("''", "'");
                break;
            }
        }
        let from = self.records.arena.len();
        self.records.arena.push_str(&said);
        let text = piece(from, self.records.arena.len(), true)?;
        let place = piece(start, end, false)?;
        let (start, end) = (place.start, place.end);
        self.records.scalars.push(Scalar { start, end, node, name, text, is_key: false });
        Some(())
    }
}

fn piece(start: usize, end: usize, unescaped: bool) -> Option<Piece> {
    Some(Piece { start: u32::try_from(start).ok()?, end: u32::try_from(end).ok()?, unescaped })
}
