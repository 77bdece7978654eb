//! Changing a text without touching the rest of it.
//!
//! An edit collects replacements, removals and additions over one [`Doc`] and writes the new text in one pass. Commas
//! are settled when it is applied, so any set of items or members can go, and new ones can come, in any order. Where
//! one change lies inside another, the outer one wins.

use std::collections::BTreeMap;
use std::ops::Range;

use super::tape::NodeKind;
use super::{Doc, Ref, escape_into};

/// Changes to one text.
#[derive(Clone, Debug)]
pub struct Edit<'a> {
    doc: Doc<'a>,
    cuts: Vec<(Range<usize>, Vec<u8>)>,
    /// Per container: which children go (by the index of the item or key), and what comes after the last one.
    containers: BTreeMap<usize, (Vec<usize>, Vec<Vec<u8>>)>,
}

impl<'a> Edit<'a> {
    #[must_use]
    pub fn new(doc: Doc<'a>) -> Self {
        Self { doc, cuts: Vec::new(), containers: BTreeMap::new() }
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.cuts.is_empty() && self.containers.is_empty()
    }

    /// Puts `json` in place of a value.
    pub fn replace(&mut self, value: Ref<'_>, json: impl Into<Vec<u8>>) {
        self.replace_range(value.range(), json);
    }

    /// Puts a string in place of a value.
    pub fn replace_with_str(&mut self, value: Ref<'_>, text: &str) {
        self.replace_range(value.range(), super::escape(text));
    }

    /// Puts any bytes in place of a range, which must be one that this text's reader has handed out.
    pub fn replace_range(&mut self, range: Range<usize>, bytes: impl Into<Vec<u8>>) {
        self.cuts.push((range, bytes.into()));
    }

    /// Takes an item out of its array, or a member (given by its value) out of its object.
    pub fn remove(&mut self, value: Ref<'_>) {
        if let Some((container, child)) = self.parent(value.index) {
            self.containers.entry(container).or_default().0.push(child);
        }
    }

    /// Adds an item at the end of an array.
    pub fn push_item(&mut self, array: Ref<'_>, json: impl Into<Vec<u8>>) {
        self.containers.entry(array.index).or_default().1.push(json.into());
    }

    /// Adds a member at the end of an object, which must not have that key.
    pub fn push_member(&mut self, object: Ref<'_>, key: &str, json: impl AsRef<[u8]>) {
        let mut member = Vec::new();
        escape_into(&mut member, key);
        member.push(b':');
        member.extend_from_slice(json.as_ref());
        self.containers.entry(object.index).or_default().1.push(member);
    }

    /// Sets a member, whether or not it is there.
    pub fn set(&mut self, object: Ref<'_>, key: &str, json: impl AsRef<[u8]>) {
        match object.get(key) {
            Some(value) => self.replace_range(value.range(), json.as_ref()),
            None => self.push_member(object, key, json),
        }
    }

    /// The new text.
    #[must_use]
    pub fn apply(mut self) -> Vec<u8> {
        for (container, (removed, added)) in std::mem::take(&mut self.containers) {
            self.settle(container, &removed, added);
        }
        // An insertion comes before a change that begins where it stands; of two nested changes, the outer comes first.
        self.cuts.sort_by_key(|(range, _)| (range.start, !range.is_empty(), std::cmp::Reverse(range.end)));
        let text = self.doc.bytes;
        let grown: usize = self.cuts.iter().map(|(_, bytes)| bytes.len()).sum();
        let mut out = Vec::with_capacity(text.len() + grown);
        let mut at = 0;
        for (range, bytes) in self.cuts {
            if range.start >= at {
                out.extend_from_slice(&text[at..range.start]);
                out.extend_from_slice(&bytes);
                at = range.end;
            }
        }
        out.extend_from_slice(&text[at..]);
        out
    }

    /// Turns the removals and additions of one container into cuts that leave its commas right.
    fn settle(&mut self, container: usize, removed: &[usize], added: Vec<Vec<u8>>) {
        let children = self.children(container);
        let gone: Vec<bool> = children.iter().map(|(index, _)| removed.contains(index)).collect();
        let mut first = 0;
        while first < children.len() {
            let run = gone[first..].iter().take_while(|gone| **gone).count();
            if run > 0 {
                self.cuts.push((span_of_run(&children, first, first + run), Vec::new()));
            }
            first += run.max(1);
        }
        let mut comma = gone.contains(&false);
        let place = match children.last() {
            Some((_, span)) => span.end,
            None => self.doc.nodes[container].end as usize - 1,
        };
        let mut bytes = Vec::new();
        for child in added {
            if std::mem::replace(&mut comma, true) {
                bytes.push(b',');
            }
            bytes.extend_from_slice(&child);
        }
        self.cuts.push((place..place, bytes));
    }

    /// A container's children: tape index (of the key, for a member) and span.
    fn children(&self, container: usize) -> Vec<(usize, Range<usize>)> {
        let container = Ref { doc: self.doc, index: container };
        let members =
            container.members().map(|(key, value)| (key.index, key.range().start..value.range().end));
        container.items().map(|item| (item.index, item.range())).chain(members).collect()
    }

    /// The container that holds a value, and the child (item, or key) by which it does.
    fn parent(&self, value: usize) -> Option<(usize, usize)> {
        let mut container = 0;
        loop {
            let offset = usize::from(self.doc.nodes.get(container)?.kind == NodeKind::Object);
            let (child, _) =
                self.children(container).into_iter().rfind(|(index, _)| index + offset <= value)?;
            if child + offset == value {
                return Some((container, child));
            }
            container = child + offset;
        }
    }
}

/// What to cut for the children `first..end`: up to the next child, or back to the previous one, or all.
fn span_of_run(children: &[(usize, Range<usize>)], first: usize, end: usize) -> Range<usize> {
    let own = children[first].1.start..children[end - 1].1.end;
    match (children.get(end), first.checked_sub(1)) {
        (Some((_, next)), _) => own.start..next.start,
        (None, Some(previous)) => children[previous].1.end..own.end,
        (None, None) => own,
    }
}
