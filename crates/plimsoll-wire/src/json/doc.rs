//! Walking a text that has been read.

use std::borrow::Cow;
use std::ops::Range;

use super::tape::{Node, NodeKind};
use super::{Kind, number, string};

/// A text and its tape, borrowed. Copy it freely.
#[derive(Clone, Copy, Debug)]
pub struct Doc<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) nodes: &'a [Node],
}

impl<'a> Doc<'a> {
    #[must_use]
    pub fn root(self) -> Ref<'a> {
        Ref { doc: self, index: 0 }
    }

    #[must_use]
    pub fn bytes(self) -> &'a [u8] {
        self.bytes
    }

    /// The way from the root to a node of the tape, as in `$.messages[2]["odd key"]`. Total, for half-read texts.
    pub(super) fn path_to(self, target: usize) -> String {
        const LONGEST_KEY: usize = 64;
        let mut path = String::from("$");
        let mut at = 0;
        while at < target {
            let object = self.nodes[at].kind == NodeKind::Object;
            let (mut child, mut position) = (at + 1, 0);
            loop {
                let value = child + usize::from(object);
                let Some(next) =
                    self.nodes.get(value).map(|node| node.next as usize).filter(|next| *next <= target)
                else {
                    break;
                };
                (child, position) = (next, position + 1);
            }
            match object {
                true => push_key(&mut path, &self.text_of(child), LONGEST_KEY),
                false => path.push_str(&format!("[{position}]")),
            }
            at = child + usize::from(object);
        }
        path
    }

    fn text_of(self, index: usize) -> Cow<'a, str> {
        let Some(node) = self.nodes.get(index) else { return Cow::Borrowed("") };
        string::decode(&self.bytes[node.start as usize + 1..node.end as usize - 1], node.escaped)
    }
}

fn push_key(path: &mut String, key: &str, longest: usize) {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if !key.is_empty() && key.len() <= longest && key.bytes().all(plain) {
        path.push('.');
        path.push_str(key);
        return;
    }
    let short: String = key.chars().take(longest).collect();
    path.push_str(&format!("[{}]", string::escape(&short)));
}

/// One value of a text. Copy it freely.
#[derive(Clone, Copy, Debug)]
pub struct Ref<'a> {
    pub(super) doc: Doc<'a>,
    pub(super) index: usize,
}

impl<'a> Ref<'a> {
    fn node(self) -> &'a Node {
        &self.doc.nodes[self.index]
    }

    #[must_use]
    pub fn doc(self) -> Doc<'a> {
        self.doc
    }

    #[must_use]
    pub fn kind(self) -> Kind {
        match self.node().kind {
            NodeKind::Null => Kind::Null,
            NodeKind::True | NodeKind::False => Kind::Bool,
            NodeKind::Number => Kind::Number,
            NodeKind::String | NodeKind::Key => Kind::String,
            NodeKind::Array => Kind::Array,
            NodeKind::Object => Kind::Object,
        }
    }

    /// Where the value stands in the text; a string with its quotes.
    #[must_use]
    pub fn range(self) -> Range<usize> {
        self.node().start as usize..self.node().end as usize
    }

    /// The value's own bytes, exactly as they came.
    #[must_use]
    pub fn raw(self) -> &'a [u8] {
        &self.doc.bytes[self.range()]
    }

    /// [`Ref::raw`] as text.
    #[must_use]
    pub fn raw_str(self) -> &'a str {
        std::str::from_utf8(self.raw()).unwrap_or_default()
    }

    #[must_use]
    pub fn is_null(self) -> bool {
        self.node().kind == NodeKind::Null
    }

    #[must_use]
    pub fn as_bool(self) -> Option<bool> {
        match self.node().kind {
            NodeKind::True => Some(true),
            NodeKind::False => Some(false),
            _ => None,
        }
    }

    /// A number written without fraction and exponent.
    #[must_use]
    pub fn as_i64(self) -> Option<i64> {
        (self.kind() == Kind::Number).then(|| number::to_i64(self.raw())).flatten()
    }

    #[must_use]
    pub fn as_u64(self) -> Option<u64> {
        self.as_i64().and_then(|value| value.try_into().ok())
    }

    /// Any number: the nearest double.
    #[must_use]
    pub fn as_f64(self) -> Option<f64> {
        (self.kind() == Kind::Number).then(|| number::to_f64(self.raw())).flatten()
    }

    /// A string, decoded; borrowed unless it holds escapes.
    #[must_use]
    pub fn as_str(self) -> Option<Cow<'a, str>> {
        (self.kind() == Kind::String).then(|| self.doc.text_of(self.index))
    }

    /// Whether this is exactly the string `other`. Never allocates for a string without escapes.
    #[must_use]
    pub fn is_str(self, other: &str) -> bool {
        let node = self.node();
        match (self.kind(), node.escaped) {
            (Kind::String, false) => {
                &self.doc.bytes[node.start as usize + 1..node.end as usize - 1] == other.as_bytes()
            }
            (Kind::String, true) => self.as_str().is_some_and(|text| text == other),
            _ => false,
        }
    }

    /// The member `key` of an object.
    #[must_use]
    pub fn get(self, key: &str) -> Option<Ref<'a>> {
        self.members().find(|(name, _)| name.is_str(key)).map(|(_, value)| value)
    }

    /// The member `key`, if it is there and not null.
    #[must_use]
    pub fn get_some(self, key: &str) -> Option<Ref<'a>> {
        self.get(key).filter(|value| !value.is_null())
    }

    /// The string member `key`.
    #[must_use]
    pub fn get_str(self, key: &str) -> Option<Cow<'a, str>> {
        self.get(key)?.as_str()
    }

    /// An array's items; nothing for any other value.
    #[must_use]
    pub fn items(self) -> Items<'a> {
        let (at, end) = self.inside(NodeKind::Array);
        Items { doc: self.doc, at, end }
    }

    /// An object's members in their order; nothing for any other value.
    #[must_use]
    pub fn members(self) -> Members<'a> {
        let (at, end) = self.inside(NodeKind::Object);
        Members { doc: self.doc, at, end }
    }

    fn inside(self, kind: NodeKind) -> (usize, usize) {
        match self.node().kind == kind {
            true => (self.index + 1, self.node().next as usize),
            false => (0, 0),
        }
    }

    /// The way from the root to this value, as in `$.messages[2].content`.
    #[must_use]
    pub fn path(self) -> String {
        self.doc.path_to(self.index)
    }

    /// A copy as a `serde_json` value, for the slow paths.
    #[must_use]
    pub fn to_value(self) -> serde_json::Value {
        use serde_json::Value;
        match self.kind() {
            Kind::Null => Value::Null,
            Kind::Bool => Value::Bool(self.as_bool() == Some(true)),
            Kind::Number => self.as_i64().map_or_else(|| self.as_f64().into(), Value::from),
            Kind::String => Value::String(self.as_str().unwrap_or_default().into_owned()),
            Kind::Array => self.items().map(Ref::to_value).collect(),
            Kind::Object => self
                .members()
                .map(|(key, value)| (key.as_str().unwrap_or_default().into_owned(), value.to_value()))
                .collect(),
        }
    }
}

/// The items of an array.
#[derive(Clone, Debug)]
pub struct Items<'a> {
    doc: Doc<'a>,
    at: usize,
    end: usize,
}

impl Default for Items<'_> {
    /// No items.
    fn default() -> Self {
        Self { doc: Doc { bytes: &[], nodes: &[] }, at: 0, end: 0 }
    }
}

impl<'a> Iterator for Items<'a> {
    type Item = Ref<'a>;

    fn next(&mut self) -> Option<Ref<'a>> {
        let item = (self.at < self.end).then_some(Ref { doc: self.doc, index: self.at })?;
        self.at = item.node().next as usize;
        Some(item)
    }
}

/// The members of an object: key (always a string) and value.
#[derive(Clone, Debug)]
pub struct Members<'a> {
    doc: Doc<'a>,
    at: usize,
    end: usize,
}

impl<'a> Iterator for Members<'a> {
    type Item = (Ref<'a>, Ref<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let key = (self.at < self.end).then_some(Ref { doc: self.doc, index: self.at })?;
        let value = Ref { doc: self.doc, index: self.at + 1 };
        self.at = value.node().next as usize;
        Some((key, value))
    }
}
