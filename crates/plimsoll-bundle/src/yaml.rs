//! YAML, behind one function.
//!
//! [`read`] turns text into a [`Document`]: plain values, and for every value the bytes of the file it
//! stands in. Later steps speak of places as JSON Pointers and ask the document where that is, so the
//! forms stay plain structs. Duplicate keys, merge keys, foreign tags and oversized input are errors.

use std::collections::BTreeMap;
use std::ops::Range;

use serde_json::Value;
use serde_saphyr::options::{DuplicateKeyPolicy, MergeKeyPolicy};
use serde_saphyr::{Budget, Location, Spanned};

use crate::diagnostic::Diagnostic;

mod node;

use node::{Node, settle};

/// One YAML file, or the front matter of a Markdown file.
#[derive(Clone, Debug)]
pub struct Document {
    pub file: String,
    pub value: Value,
    marks: BTreeMap<String, Mark>,
}

/// Where one value stands.
#[derive(Clone, Debug)]
struct Mark {
    /// The key it stands under.
    key: Option<Range<usize>>,
    value: Range<usize>,
}

/// Reads one YAML document. `base` is where `text` begins in the file.
///
/// # Errors
/// A diagnostic that points at the place, when it is not YAML as we take it.
pub fn read(file: &str, text: &str, base: usize) -> Result<Document, Diagnostic> {
    let options = serde_saphyr::options! {
        duplicate_keys: DuplicateKeyPolicy::Error,
        merge_keys: MergeKeyPolicy::Error,
        strict_booleans: true,
        reject_unsupported_tags: true,
        with_snippet: false,
        budget: Some(budget()),
    };
    // An empty file, or one of comments only, is an empty mapping.
    let root: Spanned<Node> =
        serde_saphyr::from_str_with_options(text, options).map_err(|e| broken(file, text, base, &e))?;
    let mut marks = BTreeMap::new();
    let value = settle(root, None, String::new(), base, &mut marks);
    Ok(Document { file: file.to_owned(), value, marks })
}

/// Input budgets: far above any repository a person keeps, far below what hurts.
fn budget() -> Budget {
    let mut budget = Budget::default();
    budget.max_depth = 32;
    budget.max_nodes = 200_000;
    budget.max_documents = 1;
    budget.max_aliases = 1_000;
    budget.max_anchors = 1_000;
    budget.max_total_scalar_bytes = 4 << 20;
    budget
}

fn broken(file: &str, text: &str, base: usize, error: &serde_saphyr::Error) -> Diagnostic {
    let error = error.without_snippet();
    let message = error.to_string();
    let first = message.lines().next().unwrap_or("not YAML").trim().trim_end_matches('.');
    // The position is drawn, not told.
    let said = first.split(" at line ").next().unwrap_or(first);
    let said = match error {
        serde_saphyr::Error::DuplicateMappingKey { .. } => "this key stands here twice",
        _ => said,
    };
    let id = match error {
        serde_saphyr::Error::DuplicateMappingKey { .. } => "yaml/duplicate-key",
        serde_saphyr::Error::Budget { .. } => "yaml/too-large",
        _ => "yaml/syntax",
    };
    let diagnostic = Diagnostic::error(id, file, said.to_owned());
    match error.location() {
        Some(location) if location.span().byte_offset().is_some() => {
            diagnostic.at(range(&location, text.len(), base))
        }
        // The scanner counts lines and characters only.
        Some(location) => {
            let at = base + offset(text, location.line(), location.column());
            diagnostic.at(at..at)
        }
        None => diagnostic,
    }
}

/// The byte at a line and column, both counted from 1.
pub(crate) fn offset(text: &str, line: u64, column: u64) -> usize {
    let to = |n: u64| usize::try_from(n).unwrap_or(usize::MAX).saturating_sub(1);
    let start: usize = text.split_inclusive('\n').take(to(line)).map(str::len).sum();
    let rest = text.get(start..).unwrap_or_default();
    let within = rest.char_indices().nth(to(column)).map_or(rest.len(), |(at, _)| at);
    start + within.min(rest.find('\n').unwrap_or(rest.len()))
}

/// Byte range of a location; a location without bytes is the file's beginning.
fn range(location: &Location, len: usize, base: usize) -> Range<usize> {
    let span = location.span();
    let to = |n: Option<u64>| n.and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
    let start = to(span.byte_offset()).min(len);
    let end = (start + to(span.byte_len())).min(len);
    base + start..base + end
}

// === impl Document ===

impl Document {
    /// A value of which nobody knows where its parts stand.
    pub fn without_places(file: &str, value: Value) -> Self {
        Self { file: file.to_owned(), value, marks: BTreeMap::new() }
    }

    /// Where the value at a JSON Pointer stands: the value itself when it is a scalar, its key when it
    /// is a list or mapping. For a place that does not exist, the nearest parent that does.
    pub fn at(&self, pointer: &str) -> Range<usize> {
        let (mark, container) = self.mark(pointer);
        match &mark.key {
            Some(key) if container => key.clone(),
            _ => mark.value.clone(),
        }
    }

    /// Where the key of a JSON Pointer's last step stands.
    pub fn key(&self, pointer: &str) -> Range<usize> {
        let (mark, _) = self.mark(pointer);
        mark.key.clone().unwrap_or_else(|| mark.value.clone())
    }

    fn mark(&self, pointer: &str) -> (Mark, bool) {
        let mut pointer = pointer;
        loop {
            if let Some(mark) = self.marks.get(pointer) {
                let container = self.value.pointer(pointer).is_some_and(|v| v.is_object() || v.is_array());
                return (mark.clone(), container);
            }
            match pointer.rfind('/') {
                Some(cut) => pointer = &pointer[..cut],
                None => return (Mark { key: None, value: 0..0 }, false),
            }
        }
    }

    /// An error at the place of a JSON Pointer.
    pub fn error(&self, id: &'static str, pointer: &str, message: impl Into<String>) -> Diagnostic {
        let diagnostic = Diagnostic::error(id, &*self.file, message);
        if self.marks.is_empty() { diagnostic } else { diagnostic.at(self.at(pointer)) }
    }

    /// An error about the key at a JSON Pointer.
    pub fn key_error(&self, id: &'static str, pointer: &str, message: impl Into<String>) -> Diagnostic {
        let diagnostic = Diagnostic::error(id, &*self.file, message);
        if self.marks.is_empty() { diagnostic } else { diagnostic.at(self.key(pointer)) }
    }

    /// A warning at the place of a JSON Pointer.
    pub fn warning(&self, id: &'static str, pointer: &str, message: impl Into<String>) -> Diagnostic {
        Diagnostic::warning(id, &*self.file, message).at(self.at(pointer))
    }
}

/// `/a/b~1c` from its steps (RFC 6901).
pub fn pointer<'a>(steps: impl IntoIterator<Item = &'a str>) -> String {
    let mut pointer = String::new();
    for step in steps {
        pointer.push('/');
        pointer.push_str(&step.replace('~', "~0").replace('/', "~1"));
    }
    pointer
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_and_places() {
        let text = "a: 1\nb:\n  - {x/y: dänk, z: 1.50}\n  - no\nc:\n";
        let doc = read("f.yaml", text, 0).unwrap();
        assert_eq!(doc.value, json!({"a": 1, "b": [{"x/y": "dänk", "z": 1.5}, "no"], "c": null}));
        let shown = |r: Range<usize>| &text[r];
        assert_eq!(shown(doc.at("/a")), "1");
        assert_eq!(shown(doc.at("/b/0/x~1y")), "dänk");
        assert_eq!(shown(doc.at("/b/0/z")), "1.50");
        assert_eq!(shown(doc.key("/b/0/z")), "z");
        assert_eq!(shown(doc.at("/b")), "b");
        assert_eq!(shown(doc.at("/b/0/missing")), "{");
    }

    #[test]
    fn what_is_refused() {
        let check = |text: &str| {
            let d = read("f.yaml", text, 0).unwrap_err();
            format!("{} {:?}: {}", d.id, d.range.map(|r| &text[r]), d.message)
        };
        let bomb = format!("a: {}1{}", "[".repeat(100), "]".repeat(100));
        let all: Vec<String> = [
            "a: 1\nb: 2\na: 3\n",
            "a: [1, 2\n",
            "a: b: c\n",
            "base: &b {x: 1}\nuse:\n  <<: *b\n",
            "a: !!python/object x\n",
            "a: 1\n---\nb: 2\n",
            "a:\n\tb: 1\n",
            "a: *nope\n",
            &bomb,
        ]
        .iter()
        .map(|text| check(text))
        .collect();
        insta::assert_snapshot!(all.join("\n"));
    }

    #[test]
    fn empty_files() {
        for text in ["", "# nothing yet\n"] {
            assert_eq!(read("f.yaml", text, 0).unwrap().value, Value::Null);
        }
    }
}
