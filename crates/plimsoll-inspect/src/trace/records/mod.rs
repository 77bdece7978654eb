//! Results as records: what fields a result has, and which values stand in which.
//!
//! Reading is lenient in what it knows (JSON, Python's `repr`, lines of `key: value`) and strict in what
//! it makes of it: a text is either read to its end or it is free text without any fields. A name that
//! stands twice in one object makes free text of the whole, for no program writes that and somebody
//! may have smuggled it in.
//!
//! A string that holds JSON is only opened where the protocol wraps a whole result in a string (a root
//! string, MCP's `content`, a lone `result`). In any other string JSON is somebody's text, and names in
//! it are no fields.

mod lines;
mod literal;
mod wrapping;

use literal::Reader;

/// Longer texts have no records: they stay free text.
pub(super) const TEXT_MAX: usize = 4 << 20;
/// Values a result may have to be read as records.
pub(super) const SCALARS_MAX: usize = 100_000;

/// A bare value is no longer than this.
const BARE_MAX: usize = 512;

/// How far a text's structure can be relied on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Strings are quoted, so no value can pretend to be a field.
    Quoted,
    /// Lines of `key: value`: whoever writes a value may have gone on to write the lines after it.
    Lines,
    Free,
}

/// A result, read.
#[derive(Debug)]
pub(super) struct Records {
    pub(super) shape: Shape,
    scalars: Vec<Scalar>,
    nodes: Vec<Node>,
    /// What had to be unescaped.
    arena: String,
}

/// A piece of the text, or of the arena.
#[derive(Clone, Copy, Debug)]
struct Piece {
    start: u32,
    end: u32,
    unescaped: bool,
}

/// An object, a list, or one entry of a map whose keys are values (`{"City Hub": …}`).
#[derive(Debug)]
struct Node {
    parent: u32,
    name: Option<Piece>,
    /// Its values are contiguous.
    first: u32,
    last: u32,
    is_list: bool,
}

#[derive(Debug)]
struct Scalar {
    /// Where it stands in the text, without quotes.
    start: u32,
    end: u32,
    node: u32,
    name: Option<Piece>,
    text: Piece,
    /// A key of a map whose keys are values.
    is_key: bool,
}

/// The number of a value in its result.
pub(super) type ScalarId = u32;
/// The number of an object or list; 0 is the whole.
pub(super) type NodeId = u32;

impl Records {
    fn empty(shape: Shape) -> Self {
        let root = Node { parent: 0, name: None, first: 0, last: 0, is_list: true };
        Self { shape, scalars: Vec::new(), nodes: vec![root], arena: String::new() }
    }

    /// Begins an object or list; what is pushed until it is closed stands in it.
    fn open(&mut self, parent: NodeId, name: Option<Piece>, is_list: bool) -> NodeId {
        let first = self.len();
        self.nodes.push(Node { parent, name, first, last: first, is_list });
        u32::try_from(self.nodes.len() - 1).unwrap_or(u32::MAX)
    }

    fn close(&mut self, node: NodeId) {
        self.nodes[node as usize].last = self.len();
    }

    pub(super) fn read(text: &str) -> Self {
        if text.len() > TEXT_MAX {
            return Self::empty(Shape::Free);
        }
        if let Some(mut records) = Reader::read(text, &[]) {
            let open = wrapping::strings(&records, text);
            if !open.is_empty() {
                records = Reader::read(text, &open).unwrap_or(records);
            }
            wrapping::forget(&mut records, text, !open.is_empty());
            return records;
        }
        lines::read(text).unwrap_or_else(|| Self::bare(text))
    }

    /// A short line is one value; a longer text is free text without any.
    fn bare(text: &str) -> Self {
        let mut records = Self::empty(Shape::Free);
        let value = text.trim();
        if !value.is_empty() && value.len() <= BARE_MAX && !value.contains(['\n', '\r']) {
            let start = (text.len() - text.trim_start().len()) as u32;
            let piece = Piece { start, end: start + value.len() as u32, unescaped: false };
            let (start, end) = (piece.start, piece.end);
            records.scalars.push(Scalar { start, end, node: 0, name: None, text: piece, is_key: false });
            records.nodes[0].last = 1;
        }
        records
    }

    pub(super) fn len(&self) -> ScalarId {
        u32::try_from(self.scalars.len()).unwrap_or(u32::MAX)
    }

    fn piece<'a>(&'a self, text: &'a str, piece: Piece) -> &'a str {
        let from = if piece.unescaped { self.arena.as_str() } else { text };
        from.get(piece.start as usize..piece.end as usize).unwrap_or_default()
    }

    pub(super) fn value<'a>(&'a self, text: &'a str, id: ScalarId) -> &'a str {
        self.scalars.get(id as usize).map_or("", |scalar| self.piece(text, scalar.text))
    }

    /// Whether a value does not stand in the text as it is.
    pub(super) fn is_unescaped(&self, id: ScalarId) -> bool {
        self.scalars.get(id as usize).is_none_or(|scalar| scalar.text.unescaped)
    }

    /// The values that cover a position of the text: one, or all of a string that was opened.
    pub(super) fn at(&self, at: usize) -> std::ops::Range<ScalarId> {
        let end = self.scalars.partition_point(|scalar| scalar.start as usize <= at);
        let mut first = end;
        while first > 0 && self.scalars[first - 1].end as usize > at {
            first -= 1;
        }
        first as ScalarId..end as ScalarId
    }

    /// The names above a value, the last one first.
    pub(super) fn names<'a>(&'a self, text: &'a str, id: ScalarId) -> impl Iterator<Item = &'a str> {
        let scalar = &self.scalars[id as usize];
        let mut node = scalar.node;
        let mut own = scalar.name;
        let mut skip = scalar.is_key;
        std::iter::from_fn(move || {
            if let Some(name) = own.take() {
                return Some(self.piece(text, name));
            }
            while node != 0 {
                let here = &self.nodes[node as usize];
                node = here.parent;
                // A key's own entry is named by it.
                if let Some(name) = here.name
                    && !std::mem::take(&mut skip)
                {
                    return Some(self.piece(text, name));
                }
            }
            None
        })
    }

    /// `sender/email`.
    pub(super) fn path(&self, text: &str, id: ScalarId) -> String {
        let mut names: Vec<&str> = self.names(text, id).collect();
        names.reverse();
        names.join("/")
    }

    /// The object of which a value is a member, `names` names deep. `None` for a bare value of a list:
    /// it is a record of its own.
    pub(super) fn owner(&self, id: ScalarId, names: usize) -> Option<NodeId> {
        let scalar = &self.scalars[id as usize];
        if scalar.is_key {
            return Some(scalar.node);
        }
        self.climb(scalar.node, names - usize::from(scalar.name.is_some()))
    }

    /// The object that has a value as its field. A key of a field that is a map (`shared_with`, from
    /// address to right) is a value of that field, and the object that has the map holds it.
    pub(super) fn holder(&self, id: ScalarId, names: usize) -> Option<NodeId> {
        let scalar = &self.scalars[id as usize];
        let map = self.nodes[scalar.node as usize].parent;
        match scalar.is_key && self.nodes[map as usize].name.is_some() {
            true => self.climb(map, names),
            false => self.owner(id, names),
        }
    }

    /// The object so many names above a node.
    fn climb(&self, mut node: NodeId, names: usize) -> Option<NodeId> {
        let mut left = names;
        while left > 0 {
            let here = self.nodes.get(node as usize).filter(|_| node != 0)?;
            if here.name.is_some() {
                left -= 1;
            }
            node = here.parent;
        }
        while self.nodes[node as usize].is_list {
            let here = &self.nodes[node as usize];
            if node == 0 || here.name.is_some() {
                return None;
            }
            node = here.parent;
        }
        Some(node)
    }

    /// The objects and lists a value stands in, innermost first.
    pub(super) fn above(&self, id: ScalarId) -> impl Iterator<Item = NodeId> {
        let mut next = Some(self.scalars[id as usize].node);
        std::iter::from_fn(move || {
            let node = next?;
            next = (node != 0).then(|| self.nodes[node as usize].parent);
            Some(node)
        })
    }

    /// The values inside an object.
    pub(super) fn within(&self, node: NodeId) -> std::ops::Range<ScalarId> {
        self.nodes.get(node as usize).map_or(0..0, |node| node.first..node.last)
    }

    /// A result that is one value.
    pub(super) fn only(&self) -> Option<ScalarId> {
        (self.scalars.len() == 1).then_some(0)
    }
}

/// Whether a key reads as the name of a field rather than as a value of its own.
pub(super) fn is_name(key: &str) -> bool {
    let mut chars = key.chars();
    chars.next().is_some_and(|c| c.is_alphabetic() || matches!(c, '_' | '$' | '@'))
        && chars.all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '$' | ':'))
}
