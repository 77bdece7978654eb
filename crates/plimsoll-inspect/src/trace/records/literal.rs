//! JSON and Python's `repr`, read by one reader: JSON is nearly a part of it.

use super::{NodeId, Piece, Records, SCALARS_MAX, Scalar, Shape, is_name};

/// Deeper nesting is not read.
const DEPTH_MAX: usize = 64;

/// Words that stand for a value.
const WORDS: [&str; 10] = ["true", "false", "null", "True", "False", "None", "NaN", "nan", "Infinity", "inf"];

pub(super) struct Reader<'t> {
    text: &'t str,
    at: usize,
    records: Records,
    /// The place of a string that was opened: everything in it stands there.
    place: Option<(u32, u32)>,
    /// Where the strings begin that are to be opened.
    open: &'t [u32],
}

impl<'t> Reader<'t> {
    /// Reads a whole text: one value, or one object or list after another. The strings that begin at the
    /// places of `open` are read like the text itself, when they can be.
    pub(super) fn read(text: &'t str, open: &'t [u32]) -> Option<Records> {
        let mut reader = Self { text, at: 0, records: Records::empty(Shape::Quoted), place: None, open };
        reader.all(0)?;
        reader.records.close(0);
        Some(reader.records)
    }

    fn all(&mut self, node: NodeId) -> Option<()> {
        self.space();
        let several = matches!(self.peek()?, b'{' | b'[');
        self.value(node, None, 0)?;
        self.space();
        while several && self.at < self.text.len() {
            matches!(self.peek()?, b'{' | b'[').then_some(())?;
            self.value(node, None, 0)?;
            self.space();
        }
        (self.at == self.text.len()).then_some(())
    }

    /// Reads a string as a text of its own, in the place of the string.
    fn opened(&mut self, node: NodeId, text: Piece, place: (u32, u32)) -> Option<()> {
        let said = self.records.piece(self.text, text).to_owned();
        matches!(said.trim_start().as_bytes().first()?, b'{' | b'[').then_some(())?;
        let (scalars, nodes) = (self.records.scalars.len(), self.records.nodes.len());
        let records = std::mem::replace(&mut self.records, Records::empty(Shape::Free));
        let mut inner = Reader { text: &said, at: 0, records, place: Some(place), open: &[] };
        let read = inner.all(node);
        self.records = inner.records;
        if read.is_none() {
            self.records.scalars.truncate(scalars);
            self.records.nodes.truncate(nodes);
        }
        read
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while self.peek().is_some_and(|b| matches!(b, b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// Passes over one character when it is this one.
    fn eat(&mut self, wanted: u8) -> bool {
        self.space();
        let found = self.peek() == Some(wanted);
        self.at += usize::from(found);
        found
    }

    fn value(&mut self, node: NodeId, name: Option<Piece>, depth: usize) -> Option<()> {
        if depth > DEPTH_MAX || self.records.scalars.len() >= SCALARS_MAX {
            return None;
        }
        self.space();
        match self.peek()? {
            b'{' => self.object(node, name, depth),
            b'[' => self.list(node, name, b']', depth),
            b'(' => self.list(node, name, b')', depth),
            b'"' | b'\'' => {
                let (text, start, end) = self.string()?;
                let opens = self.place.is_none() && self.open.contains(&start);
                if !opens || self.opened(node, text, (start, end)).is_none() {
                    self.push(node, name, text, start, end, false);
                }
                Some(())
            }
            b'<' => self.member_of_enum(node, name, depth),
            _ => self.word(node, name, depth),
        }
    }

    fn object(&mut self, node: NodeId, name: Option<Piece>, depth: usize) -> Option<()> {
        self.at += 1;
        let object = self.records.open(node, name, false);
        let mut seen = Vec::new();
        while !self.eat(b'}') {
            self.space();
            let (key, start, end) = match self.peek()? {
                b'"' | b'\'' => self.string()?,
                b'0'..=b'9' => self.bare()?,
                _ => return None,
            };
            let said = self.records.piece(self.text, key);
            let is_value = !is_name(said);
            seen.push(key);
            if !self.eat(b':') {
                return None;
            }
            if is_value {
                let entry = self.records.open(object, Some(key), false);
                self.push(entry, None, key, start, end, true);
                self.value(entry, None, depth + 1)?;
                self.records.close(entry);
            } else {
                self.value(object, Some(key), depth + 1)?;
            }
            if !self.eat(b',') && {
                self.space();
                self.peek()? != b'}'
            } {
                return None;
            }
        }
        self.records.close(object);
        self.are_different(&seen)
    }

    fn list(&mut self, node: NodeId, name: Option<Piece>, end: u8, depth: usize) -> Option<()> {
        self.at += 1;
        let list = self.records.open(node, name, true);
        while !self.eat(end) {
            self.value(list, None, depth + 1)?;
            if !self.eat(b',') && {
                self.space();
                self.peek()? != end
            } {
                return None;
            }
        }
        self.records.close(list);
        Some(())
    }

    /// `<Status.read: 'read'>`
    fn member_of_enum(&mut self, node: NodeId, name: Option<Piece>, depth: usize) -> Option<()> {
        self.at += 1;
        self.bare()?;
        self.eat(b':').then_some(())?;
        self.value(node, name, depth + 1)?;
        self.eat(b'>').then_some(())
    }

    /// A number, a word such as `null`, or `Name(…)`.
    fn word(&mut self, node: NodeId, name: Option<Piece>, depth: usize) -> Option<()> {
        let (piece, start, end) = self.bare()?;
        let word = &self.text[self.at - (end - start) as usize..self.at];
        if self.peek() == Some(b'(') {
            return self.call(node, name, word, depth);
        }
        let number =
            word.trim_start_matches(['-', '+']).starts_with(|c: char| c.is_ascii_digit() || c == '.');
        (number || WORDS.contains(&word)).then_some(())?;
        self.push(node, name, piece, start, end, false);
        Some(())
    }

    /// `Email(id='1', …)` is an object; `UUID('…')` is its only value; `datetime.date(2026, 6, 13)` is a
    /// date.
    fn call(&mut self, node: NodeId, name: Option<Piece>, class: &str, depth: usize) -> Option<()> {
        let start = self.at - class.len();
        self.at += 1;
        if class == "datetime.datetime" || class == "datetime.date" {
            return self.date(node, name, start);
        }
        self.space();
        if self.peek()? == b')'
            || matches!(self.peek()?, b'\'' | b'"' | b'[' | b'{' | b'(' | b'0'..=b'9' | b'-')
        {
            let before = self.records.scalars.len();
            if self.eat(b')') {
                return Some(());
            }
            self.value(node, name, depth + 1)?;
            let plain = self.records.scalars.len() == before + 1;
            return (plain && self.eat(b')')).then_some(());
        }
        let object = self.records.open(node, name, false);
        let mut seen = Vec::new();
        while !self.eat(b')') {
            let (key, _, _) = {
                self.space();
                self.bare()?
            };
            seen.push(key);
            if !is_name(self.records.piece(self.text, key)) || !self.eat(b'=') {
                return None;
            }
            self.value(object, Some(key), depth + 1)?;
            if !self.eat(b',') && {
                self.space();
                self.peek()? != b')'
            } {
                return None;
            }
        }
        self.records.close(object);
        self.are_different(&seen)
    }

    fn date(&mut self, node: NodeId, name: Option<Piece>, start: usize) -> Option<()> {
        let rest = &self.text[self.at..];
        let inner = rest.split_once(')')?.0;
        self.at += inner.len() + 1;
        let mut parts = Vec::new();
        for part in inner.split(',').map(str::trim) {
            // A time zone stands behind the numbers; nested ones aren't read.
            parts.push(part.parse::<u32>().ok()?);
        }
        let date = match parts[..] {
            [y, m, d] => format!("{y:04}-{m:02}-{d:02}"),
            [y, m, d, h, min] => format!("{y:04}-{m:02}-{d:02}T{h:02}:{min:02}:00"),
            [y, m, d, h, min, s, ..] => format!("{y:04}-{m:02}-{d:02}T{h:02}:{min:02}:{s:02}"),
            _ => return None,
        };
        let text = self.keep(&date)?;
        self.push(node, name, text, u32::try_from(start).ok()?, u32::try_from(self.at).ok()?, false);
        Some(())
    }

    /// Whether no name stands twice.
    fn are_different(&self, names: &[Piece]) -> Option<()> {
        let mut names: Vec<&str> = names.iter().map(|name| self.records.piece(self.text, *name)).collect();
        names.sort_unstable();
        names.windows(2).all(|pair| pair[0] != pair[1]).then_some(())
    }

    fn bare(&mut self) -> Option<(Piece, u32, u32)> {
        let rest = &self.text.as_bytes()[self.at..];
        let word = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-' | b'+');
        let len = rest.iter().take_while(|b| word(b)).count();
        (len > 0).then_some(())?;
        let (start, end) = (self.at, self.at + len);
        self.at = end;
        self.found(start, end)
    }

    /// What stands between two positions of the text being read.
    fn found(&mut self, start: usize, end: usize) -> Option<(Piece, u32, u32)> {
        let (from, to) = (u32::try_from(start).ok()?, u32::try_from(end).ok()?);
        match self.place {
            None => Some((Piece { start: from, end: to, unescaped: false }, from, to)),
            Some(_) => Some((self.keep(&self.text[start..end])?, from, to)),
        }
    }

    fn keep(&mut self, text: &str) -> Option<Piece> {
        let start = u32::try_from(self.records.arena.len()).ok()?;
        self.records.arena.push_str(text);
        let end = u32::try_from(self.records.arena.len()).ok()?;
        Some(Piece { start, end, unescaped: true })
    }

    /// A string in either kind of quotes. Control characters don't stand in one as they are.
    fn string(&mut self) -> Option<(Piece, u32, u32)> {
        let bytes = self.text.as_bytes();
        let quote = self.peek()?;
        let start = self.at + 1;
        let mut end = start;
        let mut escaped = false;
        loop {
            end += memchr::memchr3(quote, b'\\', b'\n', &bytes[end..])?;
            match bytes[end] {
                b'\\' => {
                    escaped = true;
                    end += 2;
                    bytes.get(end)?;
                }
                b'\n' => return None,
                _ => break,
            }
        }
        self.at = end + 1;
        if !escaped {
            return self.found(start, end);
        }
        let text = unescape(self.text.get(start..end)?)?;
        Some((self.keep(&text)?, u32::try_from(start).ok()?, u32::try_from(end).ok()?))
    }

    fn push(&mut self, node: NodeId, name: Option<Piece>, text: Piece, start: u32, end: u32, is_key: bool) {
        let (start, end) = self.place.unwrap_or((start, end));
        self.records.scalars.push(Scalar { start, end, node, name, text, is_key });
    }
}

/// Escapes of JSON and Python undone.
fn unescape(raw: &str) -> Option<String> {
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((plain, after)) = rest.split_once('\\') {
        out.push_str(plain);
        let kind = after.chars().next()?;
        rest = &after[kind.len_utf8()..];
        match kind {
            'n' => out.push('\n'),
            't' => out.push('\t'),
            'r' => out.push('\r'),
            'b' => out.push('\u{8}'),
            'f' => out.push('\u{c}'),
            '\\' | '"' | '\'' | '/' => out.push(kind),
            'x' => out.push(char::from_u32(hex(&mut rest, 2)?)?),
            'U' => out.push(char::from_u32(hex(&mut rest, 8)?)?),
            'u' => {
                let mut code = hex(&mut rest, 4)?;
                if (0xD800..0xDC00).contains(&code) {
                    rest = rest.strip_prefix("\\u")?;
                    let low = hex(&mut rest, 4)?.checked_sub(0xDC00).filter(|low| *low < 0x400)?;
                    code = 0x10000 + ((code - 0xD800) << 10) + low;
                }
                out.push(char::from_u32(code)?);
            }
            _ => return None,
        }
    }
    out.push_str(rest);
    Some(out)
}

fn hex(rest: &mut &str, len: usize) -> Option<u32> {
    let digits = rest.get(..len).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))?;
    *rest = &rest[len..];
    u32::from_str_radix(digits, 16).ok()
}
