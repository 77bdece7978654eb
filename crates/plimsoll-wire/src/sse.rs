//! Server-sent events, as the WHATWG HTML standard writes them ("Server-sent events", 9.2.5 and 9.2.6).
//!
//! [`Reader`] takes bytes in whatever chunks the socket gives and returns whole events, each with the exact bytes it
//! came in: the events put end to end are the stream. So what is judged can be passed on untouched. However the stream
//! is chunked, the events are the same; a final CR waits for one more byte to know whether an LF belongs to it.

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use thiserror::Error;

/// One block of lines and the empty line that ends it. A block of comments only, or an empty one, is an event without
/// data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Exactly what was received, the ending empty line included.
    pub bytes: Bytes,
    /// The `event` field.
    pub name: Option<Bytes>,
    /// The `data` lines, joined by LF.
    pub data: Option<Bytes>,
    /// Where the data lines (line ends included) stand in `bytes`, if they are one run.
    lines: Option<Range<usize>>,
}

/// An event grew beyond its bound; the stream can't be read further.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a server-sent event is larger than {limit} bytes")]
pub struct EventTooLarge {
    pub limit: usize,
}

/// Cuts a byte stream into events.
#[derive(Debug)]
pub struct Reader {
    buffer: BytesMut,
    limit: usize,
    /// Start of the line being read, and how far it was searched for its end.
    line: usize,
    searched: usize,
    begun: bool,
}

impl Default for Reader {
    fn default() -> Self {
        Self::new(Self::DEFAULT_LIMIT)
    }
}

impl Reader {
    /// 16 MiB: `response.completed` repeats a whole answer in one event.
    pub const DEFAULT_LIMIT: usize = 16 << 20;

    /// A reader whose events may have `limit` bytes each.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { buffer: BytesMut::new(), limit, line: 0, searched: 0, begun: false }
    }

    /// Takes the next bytes. Call [`Reader::next_event`] until it has no more.
    pub fn push(&mut self, chunk: &[u8]) {
        self.buffer.extend_from_slice(chunk);
    }

    /// The next whole event, if all of it is here.
    pub fn next_event(&mut self) -> Result<Option<Event>, EventTooLarge> {
        while let Some((line_end, next)) = self.line_end() {
            let bom = usize::from(!self.begun && self.line == 0 && self.buffer.starts_with(BOM)) * BOM.len();
            let is_empty = line_end == self.line + bom;
            (self.line, self.searched) = (next, next);
            if is_empty {
                return self.cut(next).map(Some);
            }
        }
        match self.buffer.len() > self.limit {
            true => Err(EventTooLarge { limit: self.limit }),
            false => Ok(None),
        }
    }

    /// Says that the stream has ended: the last event if its final CR was still in doubt. The bytes of an event that was
    /// never finished are dropped, as the standard asks; `None` then, and [`Reader::is_inside_event`] is true.
    pub fn finish(&mut self) -> Result<Option<Event>, EventTooLarge> {
        let ends_in_cr = self.buffer.ends_with(b"\r");
        match ends_in_cr && self.line + 1 == self.buffer.len() {
            true => self.cut(self.buffer.len()).map(Some),
            false => Ok(None),
        }
    }

    /// Whether bytes of an unfinished event are held.
    #[must_use]
    pub fn is_inside_event(&self) -> bool {
        !self.buffer.is_empty()
    }

    /// End of the current line, and where the next one begins.
    fn line_end(&mut self) -> Option<(usize, usize)> {
        let rest = &self.buffer[self.searched..];
        let Some(found) = memchr::memchr2(b'\n', b'\r', rest) else {
            self.searched = self.buffer.len();
            return None;
        };
        let at = self.searched + found;
        self.searched = at;
        match (self.buffer[at], self.buffer.get(at + 1)) {
            (b'\n', _) => Some((at, at + 1)),
            (_, Some(b'\n')) => Some((at, at + 2)),
            (_, Some(_)) => Some((at, at + 1)),
            (_, None) => None,
        }
    }

    fn cut(&mut self, end: usize) -> Result<Event, EventTooLarge> {
        if end > self.limit {
            return Err(EventTooLarge { limit: self.limit });
        }
        let bytes = self.buffer.split_to(end).freeze();
        let skip = usize::from(!self.begun && bytes.starts_with(BOM)) * BOM.len();
        (self.line, self.searched, self.begun) = (0, 0, true);
        Ok(Event::read(bytes, skip))
    }
}

const BOM: &[u8] = b"\xEF\xBB\xBF";

impl Event {
    fn read(bytes: Bytes, skip: usize) -> Self {
        let mut event = Self { bytes: bytes.clone(), name: None, data: None, lines: None };
        let mut joined: Option<Vec<u8>> = None;
        let mut runs = 0;
        for line in lines(&bytes, skip) {
            let text = &bytes[line.start..line.end];
            let (field, value) = match memchr::memchr(b':', text) {
                Some(colon) => {
                    let space = usize::from(text.get(colon + 1) == Some(&b' '));
                    (&text[..colon], line.start + colon + 1 + space..line.end)
                }
                None => (text, line.end..line.end),
            };
            match field {
                b"event" => event.name = Some(bytes.slice(value)),
                b"data" => {
                    match (&event.data, &mut joined) {
                        (None, _) => event.data = Some(bytes.slice(value)),
                        (Some(first), None) => joined = Some([first, &b"\n"[..], &bytes[value]].concat()),
                        (Some(_), Some(all)) => all.extend_from_slice(&[&b"\n"[..], &bytes[value]].concat()),
                    }
                    event.lines = match event.lines.take() {
                        Some(run) if run.end == line.start => Some(run.start..line.next),
                        other => {
                            runs += 1;
                            other.or(Some(line.start..line.next))
                        }
                    };
                }
                _ => {}
            }
        }
        if runs > 1 {
            event.lines = None;
        }
        if let Some(joined) = joined {
            event.data = Some(joined.into());
        }
        event
    }

    /// The name as text; a name that is not UTF-8 is no name we know.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref().map(|name| std::str::from_utf8(name).unwrap_or("\u{FFFD}"))
    }

    /// The event with other data, all its other lines as they were.
    #[must_use]
    pub fn with_data(&self, data: &[u8]) -> Bytes {
        match &self.lines {
            Some(lines) => {
                let mut out = Vec::with_capacity(self.bytes.len() + data.len());
                out.extend_from_slice(&self.bytes[..lines.start]);
                write_data(&mut out, data);
                out.extend_from_slice(&self.bytes[lines.end..]);
                out.into()
            }
            None => write(self.name(), data),
        }
    }
}

struct Line {
    start: usize,
    end: usize,
    next: usize,
}

fn lines(bytes: &[u8], from: usize) -> impl Iterator<Item = Line> {
    let mut start = from;
    std::iter::from_fn(move || {
        let rest = bytes.get(start..).filter(|rest| !rest.is_empty())?;
        let end = start + memchr::memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
        let ending = if bytes[end..].starts_with(b"\r\n") { 2 } else { 1 };
        let line = Line { start, end, next: (end + ending).min(bytes.len()) };
        start = line.next;
        Some(line)
    })
}

/// An event with a name, if given, and data.
#[must_use]
pub fn write(name: Option<&str>, data: &[u8]) -> Bytes {
    let mut out = Vec::with_capacity(data.len() + 40);
    if let Some(name) = name {
        let name: String = name.chars().filter(|c| !matches!(c, '\n' | '\r')).collect();
        out.extend_from_slice(b"event: ");
        out.extend_from_slice(name.as_bytes());
        out.push(b'\n');
    }
    write_data(&mut out, data);
    out.push(b'\n');
    out.into()
}

fn write_data(out: &mut Vec<u8>, data: &[u8]) {
    let mut from = 0;
    loop {
        let end = from + memchr::memchr2(b'\n', b'\r', &data[from..]).unwrap_or(data.len() - from);
        out.extend_from_slice(b"data: ");
        out.extend_from_slice(&data[from..end]);
        out.push(b'\n');
        if end == data.len() {
            return;
        }
        from = end + if data[end..].starts_with(b"\r\n") { 2 } else { 1 };
    }
}
