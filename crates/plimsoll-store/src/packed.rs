//! Rows of the projection as bytes, so that they go from the thread that seals an entry to the one that writes the
//! database in one piece: what people ask by, without a second reading of the entry.

use std::fmt::{self, Display, Write as _};

use jiff::Timestamp;
use plimsoll_core::{Entry, EntryBody};

use crate::EntryRow;

/// Rows that follow one another.
#[derive(Debug, Default)]
pub struct Packed {
    /// In the order of the rows.
    pub rows: Vec<PackedRow>,
    /// The rows themselves, one after the other.
    pub bytes: Vec<u8>,
}

/// What of a row is known when its entry is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PackedRow {
    pub seq: u64,
    pub place: u64,
    /// How many of the bytes are this one's.
    pub bytes: usize,
}

/// A row that owns nothing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RowRef<'a> {
    pub seq: u64,
    pub place: u64,
    /// Microseconds.
    pub at: i64,
    pub keys: [u64; 3],
    pub id: &'a str,
    pub kind: &'a str,
    pub session: &'a str,
    pub workflow: &'a str,
    pub principal: &'a str,
    pub tool: &'a str,
    pub tier: &'a str,
    pub decision: &'a str,
    pub status: &'a str,
    pub act: &'a str,
    pub ticket: &'a str,
    pub request: &'a str,
    pub behalf: &'a str,
    pub body: &'a str,
}

/// The row of an entry that is about to be written and sealed by these keys: the same that [`EntryRow::of`] reads from its
/// bytes. Its number and place are known later.
pub fn pack(entry: &Entry, keys: [u64; 3]) -> Vec<u8> {
    let mut row = Packing(Vec::with_capacity(384));
    row.number(entry.at.as_microsecond().cast_unsigned());
    keys.into_iter().for_each(|key| row.number(key));
    let mut behalf = "";
    let mut principal = "";
    if let Some(who) = &entry.principal {
        (principal, behalf) = (&who.id, who.on_behalf_of.as_deref().unwrap_or_default());
    }
    for text in [entry.body.kind(), &entry.session, &entry.workflow, &entry.request, principal, behalf] {
        row.text(text);
    }
    row.shown(&entry.id);
    match &entry.body {
        EntryBody::Intent(judged) | EntryBody::Decision(judged) => {
            row.shown(&judged.act.id);
            row.shown(&judged.act.tool);
            let rest = [judged.tier.name(), judged.decision.ruling.name(), "", ""];
            rest.into_iter().for_each(|text| row.text(text));
        }
        EntryBody::Outcome(outcome) => {
            row.shown(&outcome.act);
            ["", "", "", outcome.status.name(), ""].into_iter().for_each(|text| row.text(text));
        }
        EntryBody::Approval(change) => {
            let asked = &change.approval;
            let rest = ["", &*asked.tool, "", "", change.state.name(), &*asked.id];
            rest.into_iter().for_each(|text| row.text(text));
        }
        _ => [""; 6].into_iter().for_each(|text| row.text(text)),
    }
    row.0
}

/// The bytes of a row: four numbers, and texts with their lengths.
struct Packing(Vec<u8>);

impl Packing {
    fn number(&mut self, number: u64) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        self.0.extend_from_slice(&(text.len() as u32).to_le_bytes());
        self.0.extend_from_slice(text.as_bytes());
    }

    fn shown(&mut self, text: &dyn Display) {
        let at = self.0.len();
        self.0.extend_from_slice(&[0; 4]);
        // Writing to memory does not fail.
        let _written = write!(self, "{text}");
        let length = (self.0.len() - at - 4) as u32;
        self.0[at..at + 4].copy_from_slice(&length.to_le_bytes());
    }
}

impl fmt::Write for Packing {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

impl Packed {
    /// The rows; `None` where the bytes are not what [`pack`] makes.
    pub(crate) fn read(&self) -> Option<Vec<RowRef<'_>>> {
        let mut rest = &self.bytes[..];
        let mut rows = Vec::with_capacity(self.rows.len());
        for row in &self.rows {
            let (bytes, after) = rest.split_at_checked(row.bytes)?;
            rest = after;
            rows.push(RowRef::read(row, bytes)?);
        }
        Some(rows)
    }
}

impl<'a> RowRef<'a> {
    fn read(row: &PackedRow, bytes: &'a [u8]) -> Option<Self> {
        let mut rest = bytes;
        let mut number = || {
            let (number, after) = rest.split_first_chunk()?;
            rest = after;
            Some(u64::from_le_bytes(*number))
        };
        let (at, keys) = (number()?.cast_signed(), [number()?, number()?, number()?]);
        let mut text = || {
            let (length, after) = rest.split_first_chunk()?;
            let (text, after) = after.split_at_checked(u32::from_le_bytes(*length) as usize)?;
            rest = after;
            str::from_utf8(text).ok()
        };
        let [kind, session, workflow, request] = [text()?, text()?, text()?, text()?];
        let [principal, behalf, id, act, tool] = [text()?, text()?, text()?, text()?, text()?];
        let [tier, decision, status, ticket] = [text()?, text()?, text()?, text()?];
        let PackedRow { seq, place, .. } = *row;
        let read = Self {
            seq,
            place,
            at,
            keys,
            id,
            kind,
            session,
            workflow,
            principal,
            tool,
            tier,
            decision,
            status,
            act,
            ticket,
            request,
            behalf,
            body: "",
        };
        rest.is_empty().then_some(read)
    }

    pub(crate) fn of(row: &'a EntryRow) -> Self {
        Self {
            seq: row.seq,
            place: row.place,
            at: row.at.as_microsecond(),
            keys: row.keys,
            id: &row.id,
            kind: &row.kind,
            session: &row.session,
            workflow: &row.workflow,
            principal: &row.principal,
            tool: &row.tool,
            tier: &row.tier,
            decision: &row.decision,
            status: &row.status,
            act: &row.act,
            ticket: &row.ticket,
            request: &row.request,
            behalf: &row.behalf,
            body: &row.body,
        }
    }
}

/// What [`pack`] made of an entry, as a row without number and place. `None` for other bytes.
pub fn unpack(bytes: &[u8]) -> Option<EntryRow> {
    let row = RowRef::read(&PackedRow { seq: 0, place: 0, bytes: bytes.len() }, bytes)?;
    Some(EntryRow {
        seq: row.seq,
        place: row.place,
        at: Timestamp::from_microsecond(row.at).ok()?,
        keys: row.keys,
        id: row.id.to_owned(),
        kind: row.kind.to_owned(),
        session: row.session.to_owned(),
        workflow: row.workflow.to_owned(),
        principal: row.principal.to_owned(),
        tool: row.tool.to_owned(),
        tier: row.tier.to_owned(),
        decision: row.decision.to_owned(),
        status: row.status.to_owned(),
        act: row.act.to_owned(),
        ticket: row.ticket.to_owned(),
        request: row.request.to_owned(),
        behalf: row.behalf.to_owned(),
        body: row.body.to_owned(),
        sealed: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_comes_back_and_nothing_else_does() {
        let entry = r#"{"v":1,"id":"0190b6a0-0000-7000-8000-000000000001","at":"2026-01-01T00:00:00.000123Z",
            "request":"req-1","session":"s-1","workflow":"support",
            "principal":{"id":"p-1","kind":"service","tenant":"","roles":[],"on_behalf_of":"p-2"},
            "kind":"outcome","act":"0190b6a0-0000-7000-8000-000000000002","intent":3,"status":"done","took_ms":1}"#;
        let parsed: Entry = serde_json::from_str(entry).unwrap();
        let bytes = pack(&parsed, [7, 0, 9]);
        let row = unpack(&bytes).unwrap();
        assert_eq!(row, EntryRow { keys: [7, 0, 9], ..EntryRow::of(0, 0, entry.as_bytes()) });
        assert_eq!((&*row.status, &*row.behalf), ("done", "p-2"));
        for length in 0..bytes.len() {
            assert_eq!(unpack(&bytes[..length]), None);
        }
        assert_eq!(unpack(&[&bytes[..], &[0]].concat()), None);
        let rows = vec![PackedRow { seq: 4, place: 5, bytes: bytes.len() }; 2];
        let packed = Packed { rows, bytes: [&bytes[..], &bytes].concat() };
        let read = packed.read().unwrap();
        assert_eq!((read.len(), read[1].seq, read[1].place, read[1].id), (2, 4, 5, &*row.id));
        assert!(Packed { bytes, ..packed }.read().is_none());
    }
}
