//! The reader proper: one pass over the text, no recursion, one record a value.

use super::tape::{Node, NodeKind, Tape};
use super::{Doc, ErrorKind, JsonError, Limits, keys, number, string};

type Fault = (ErrorKind, usize);

/// Reads `text` onto `tape`, which is emptied first.
pub(super) fn read(text: &[u8], limits: &Limits, tape: &mut Tape) -> Result<(), JsonError> {
    tape.nodes.clear();
    tape.open.clear();
    let outcome = admit(text, limits).and_then(|()| {
        tape.nodes.reserve((text.len() / 16).clamp(16, 4096).min(limits.nodes));
        Walk { text, at: 0, limits, tape: &mut *tape }.document()
    });
    outcome.map_err(|(kind, offset)| {
        let path = (!tape.nodes.is_empty()).then(|| path_of_last(text, tape));
        JsonError::at(kind, offset, text, path)
    })
}

/// What can be said of a text before its first value.
fn admit(text: &[u8], limits: &Limits) -> Result<(), Fault> {
    if text.len() > limits.bytes.min(u32::MAX as usize) {
        return Err((ErrorKind::TooManyBytes, limits.bytes));
    }
    if text.starts_with(b"\xEF\xBB\xBF") {
        return Err((ErrorKind::ByteOrderMark, 0));
    }
    std::str::from_utf8(text).map(|_| ()).map_err(|error| (ErrorKind::NotUtf8, error.valid_up_to()))
}

struct Walk<'a> {
    text: &'a [u8],
    at: usize,
    limits: &'a Limits,
    tape: &'a mut Tape,
}

impl Walk<'_> {
    fn document(mut self) -> Result<(), Fault> {
        self.space();
        while !self.value()? {}
        self.space();
        match self.at == self.text.len() {
            true => Ok(()),
            false => Err((ErrorKind::TrailingBytes, self.at)),
        }
    }

    /// Reads one scalar or opens one container, then closes whatever is complete. True when the whole text's value is.
    fn value(&mut self) -> Result<bool, Fault> {
        let start = self.at;
        match self.text.get(start) {
            Some(b'"') => self.string(NodeKind::String)?,
            Some(b'{') => {
                self.open(NodeKind::Object)?;
                if self.text.get(self.at) != Some(&b'}') {
                    self.key()?;
                    return Ok(false);
                }
            }
            Some(b'[') => {
                self.open(NodeKind::Array)?;
                if self.text.get(self.at) != Some(&b']') {
                    return Ok(false);
                }
            }
            Some(b'-' | b'0'..=b'9') => {
                let end = number::scan(self.text, start)?;
                self.leaf(NodeKind::Number, end)?;
            }
            Some(b't') => self.word(b"true", NodeKind::True)?,
            Some(b'f') => self.word(b"false", NodeKind::False)?,
            Some(b'n') => self.word(b"null", NodeKind::Null)?,
            Some(_) => return Err((ErrorKind::Unexpected, start)),
            None => return Err((ErrorKind::Truncated, start)),
        }
        self.climb()
    }

    /// After a complete value: on to its sibling, or out of the containers that end here.
    fn climb(&mut self) -> Result<bool, Fault> {
        while let Some(&top) = self.tape.open.last() {
            self.space();
            let in_object = self.tape.nodes[top as usize].kind == NodeKind::Object;
            match (self.text.get(self.at), in_object) {
                (Some(b','), _) => {
                    self.at += 1;
                    self.space();
                    if in_object {
                        self.key()?;
                    }
                    return Ok(false);
                }
                (Some(b'}'), true) | (Some(b']'), false) => self.close(top as usize)?,
                (Some(_), _) => return Err((ErrorKind::Unexpected, self.at)),
                (None, _) => return Err((ErrorKind::Truncated, self.at)),
            }
        }
        Ok(true)
    }

    fn open(&mut self, kind: NodeKind) -> Result<(), Fault> {
        if self.tape.open.len() >= self.limits.depth {
            return Err((ErrorKind::TooDeep, self.at));
        }
        self.tape.open.push(self.tape.nodes.len() as u32);
        self.leaf(kind, self.at + 1)?;
        self.space();
        Ok(())
    }

    fn close(&mut self, container: usize) -> Result<(), Fault> {
        self.at += 1;
        if self.tape.nodes[container].kind == NodeKind::Object
            && let Some(second) =
                keys::duplicate(self.text, &self.tape.nodes, container + 1, &mut self.tape.scratch)
        {
            let offset = self.tape.nodes[second].start as usize;
            self.tape.nodes.truncate(second + 1);
            return Err((ErrorKind::DuplicateKey, offset));
        }
        self.tape.open.pop();
        let next = self.tape.nodes.len() as u32;
        let node = &mut self.tape.nodes[container];
        (node.end, node.next) = (self.at as u32, next);
        Ok(())
    }

    /// A key and its colon, up to the value.
    fn key(&mut self) -> Result<(), Fault> {
        self.expect(b'"')?;
        self.string(NodeKind::Key)?;
        self.space();
        self.expect(b':')?;
        self.at += 1;
        self.space();
        Ok(())
    }

    fn string(&mut self, kind: NodeKind) -> Result<(), Fault> {
        let start = self.at + 1;
        let (end, escaped) = string::scan(self.text, start)?;
        self.leaf(kind, end + 1)?;
        let content = &self.text[start..end];
        if let Some(node) = self.tape.nodes.last_mut() {
            node.escaped = escaped;
            if kind == NodeKind::Key {
                node.next = match escaped {
                    false => keys::hash(content),
                    true => keys::hash(string::decode(content, true).as_bytes()),
                };
            }
        }
        Ok(())
    }

    fn word(&mut self, word: &[u8], kind: NodeKind) -> Result<(), Fault> {
        let rest = &self.text[self.at..];
        if rest.starts_with(word) {
            return self.leaf(kind, self.at + word.len());
        }
        match word.starts_with(rest) {
            true => Err((ErrorKind::Truncated, self.text.len())),
            false => Err((ErrorKind::Unexpected, self.at)),
        }
    }

    fn leaf(&mut self, kind: NodeKind, end: usize) -> Result<(), Fault> {
        let index = self.tape.nodes.len();
        if index >= self.limits.nodes {
            return Err((ErrorKind::TooManyNodes, self.at));
        }
        let next = index as u32 + 1;
        self.tape.nodes.push(Node { kind, escaped: false, start: self.at as u32, end: end as u32, next });
        self.at = end;
        Ok(())
    }

    fn expect(&self, byte: u8) -> Result<(), Fault> {
        match self.text.get(self.at) {
            Some(&found) if found == byte => Ok(()),
            Some(_) => Err((ErrorKind::Unexpected, self.at)),
            None => Err((ErrorKind::Truncated, self.at)),
        }
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.text.get(self.at) {
            self.at += 1;
        }
    }
}

/// The value that was being read when the text failed. Open containers reach to the end of the tape for the purpose.
fn path_of_last(text: &[u8], tape: &mut Tape) -> String {
    let length = tape.nodes.len() as u32;
    for &container in &tape.open {
        let node = &mut tape.nodes[container as usize];
        (node.end, node.next) = (text.len() as u32, length);
    }
    Doc { bytes: text, nodes: &tape.nodes }.path_to(length as usize - 1)
}
