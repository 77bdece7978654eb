//! Where a change stands: file and line, in HEAD or, for what is gone, in BASE.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Range;
use std::rc::Rc;

use serde::Serialize;

use crate::tree::Tree;
use crate::yaml::{self, Document};

/// A line of a file, counted from 1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    pub file: String,
    pub line: usize,
    /// It is gone: the line is one of BASE.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub in_base: bool,
}

/// Finds places in one side's files; each file is parsed once, when it is first asked for.
#[derive(Debug)]
pub(crate) struct Places<'a> {
    tree: &'a Tree,
    in_base: bool,
    parsed: RefCell<BTreeMap<String, Option<Rc<Document>>>>,
}

impl<'a> Places<'a> {
    pub(crate) fn new(tree: &'a Tree, in_base: bool) -> Self {
        Self { tree, in_base, parsed: RefCell::default() }
    }

    /// The key of a JSON Pointer in a YAML file (or in a prompt's front matter, or in JSON), or of its
    /// nearest parent that stands there.
    pub(crate) fn key(&self, file: &str, pointer: &str) -> Place {
        self.line(file, self.document(file).map_or(0..0, |doc| doc.key(pointer)))
    }

    /// The act's own line, or the line of the `server.*` that covers it.
    pub(crate) fn act(&self, workflow: &str, tool: &plimsoll_core::ToolName, rest: &str) -> Place {
        let file = format!("workflows/{workflow}.yaml");
        let listed = |name: &str| {
            let at = yaml::pointer(["acts", name]);
            self.document(&file).is_some_and(|doc| doc.value.pointer(&at).is_some()).then_some(at)
        };
        let any = format!("{}.*", tool.server);
        let at = listed(&tool.to_string()).or_else(|| listed(&any)).unwrap_or_else(|| "/acts".to_owned());
        self.key(&file, &format!("{at}{rest}"))
    }

    /// The first line that holds this text.
    pub(crate) fn text(&self, file: &str, text: &str) -> Place {
        let at = self.tree.text(file).and_then(|all| all.find(text)).unwrap_or(0);
        self.line(file, at..at)
    }

    /// The policy of this name, in whichever file it stands.
    pub(crate) fn policy(&self, id: &str) -> Place {
        let name = format!("@id(\"{id}\")");
        let files =
            self.tree.0.keys().filter(|path| path.starts_with("policies/") && path.ends_with(".cedar"));
        let file =
            files.into_iter().find(|path| self.tree.text(path).is_some_and(|text| text.contains(&name)));
        file.map_or_else(|| self.whole("policies"), |file| self.text(file, &name))
    }

    pub(crate) fn whole(&self, file: &str) -> Place {
        Place { file: file.to_owned(), line: 1, in_base: self.in_base }
    }

    /// The values of a YAML file as they are written.
    pub(crate) fn document(&self, file: &str) -> Option<Rc<Document>> {
        if let Some(parsed) = self.parsed.borrow().get(file) {
            return parsed.clone();
        }
        let parsed = self.tree.text(file).and_then(|text| {
            let (start, end) = front_matter(file, text);
            yaml::read(file, &text[start..end], start).ok()
        });
        let parsed = parsed.map(Rc::new);
        self.parsed.borrow_mut().insert(file.to_owned(), parsed.clone());
        parsed
    }

    fn line(&self, file: &str, range: Range<usize>) -> Place {
        let before = self.tree.text(file).and_then(|text| text.get(..range.start)).unwrap_or_default();
        Place { file: file.to_owned(), line: before.matches('\n').count() + 1, in_base: self.in_base }
    }
}

/// What of a file is YAML: all of it, or what stands between the fences of a Markdown file.
fn front_matter(file: &str, text: &str) -> (usize, usize) {
    if !file.ends_with(".md") {
        return (0, text.len());
    }
    let start = text.find('\n').map_or(text.len(), |at| at + 1);
    let end = text[start..].find("\n---").map_or(text.len(), |at| start + at + 1);
    (start, end)
}
