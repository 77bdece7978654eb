//! Server-sent events: each rule of the standard once, and that chunking never matters.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use plimsoll_wire::sse::{Event, EventTooLarge, Reader, write};
use proptest::prelude::*;

fn read(chunks: &[&[u8]]) -> Vec<Event> {
    let mut reader = Reader::default();
    let mut events = Vec::new();
    for chunk in chunks {
        reader.push(chunk);
        while let Some(event) = reader.next_event().unwrap() {
            events.push(event);
        }
    }
    events.extend(reader.finish().unwrap());
    events
}

/// Name and data.
type Shape = (Option<String>, Option<String>);

fn shape(text: &str) -> Vec<Shape> {
    let own = |bytes: Option<bytes::Bytes>| bytes.map(|bytes| String::from_utf8(bytes.to_vec()).unwrap());
    read(&[text.as_bytes()]).into_iter().map(|event| (own(event.name), own(event.data))).collect()
}

#[test]
fn each_rule_of_the_standard() {
    let event = |name: Option<&str>, data: Option<&str>| (name.map(str::to_owned), data.map(str::to_owned));
    let cases: &[(&str, Vec<Shape>)] = &[
        ("data: a\n\n", vec![event(None, Some("a"))]),
        ("data:a\r\n\r\n", vec![event(None, Some("a"))]),
        ("data: a\r\r", vec![event(None, Some("a"))]),
        ("data:  a \n\n", vec![event(None, Some(" a "))]),
        ("data: a\ndata: b\n\n", vec![event(None, Some("a\nb"))]),
        ("data\n\n", vec![event(None, Some(""))]),
        ("data: a\n: note\ndata: b\ndata:\n\n", vec![event(None, Some("a\nb\n"))]),
        (
            "event: x\ndata: a\nid: 7\n\ndata: b\n\n",
            vec![event(Some("x"), Some("a")), event(None, Some("b"))],
        ),
        ("event: x\nevent: y\ndata: a\n\n", vec![event(Some("y"), Some("a"))]),
        (": ping\n\n", vec![event(None, None)]),
        ("\u{FEFF}data: a\n\n", vec![event(None, Some("a"))]),
        ("\u{FEFF}\ndata: a\n\n", vec![event(None, None), event(None, Some("a"))]),
        ("data: a\n", vec![]),
        ("data: a", vec![]),
        ("", vec![]),
    ];
    for (text, expected) in cases {
        assert_eq!(&shape(text), expected, "{text:?}");
    }
}

#[test]
fn an_event_beyond_its_bound_stops_the_stream() {
    let mut reader = Reader::new(9);
    reader.push(b"data: a\n\n");
    assert!(reader.next_event().unwrap().is_some());
    reader.push(b"data: ab\n\n");
    assert_eq!(reader.next_event(), Err(EventTooLarge { limit: 9 }));
    let mut reader = Reader::new(9);
    reader.push(b"data: abcdefgh");
    assert_eq!(reader.next_event(), Err(EventTooLarge { limit: 9 }));
}

#[test]
fn other_data_leaves_the_other_lines() {
    let with = |text: &str, data: &str| {
        String::from_utf8(read(&[text.as_bytes()])[0].with_data(data.as_bytes()).to_vec()).unwrap()
    };
    assert_eq!(with("event: x\r\ndata: a\r\nid: 1\r\n\r\n", "b"), "event: x\r\ndata: b\nid: 1\r\n\r\n");
    assert_eq!(with("data: a\ndata: b\n\n", "c\nd"), "data: c\ndata: d\n\n");
    assert_eq!(with("event: x\ndata: a\n:n\ndata: b\n\n", "c"), "event: x\ndata: c\n\n");
}

proptest! {
    #[test]
    fn chunking_never_matters(text in "((data|event|id|:|é)(: ?[a-z\"{]{0,3})?(\r|\n|\r\n){1,3}|\u{FEFF}){0,12}", cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6)) {
        let bytes = text.as_bytes();
        let whole = read(&[bytes]);
        let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).chain([0, bytes.len()]).collect();
        at.sort_unstable();
        let chunks: Vec<&[u8]> = at.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
        prop_assert_eq!(&whole, &read(&chunks));
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        prop_assert_eq!(&whole, &read(&single));
        let joined: Vec<u8> = whole.iter().flat_map(|event| event.bytes.to_vec()).collect();
        prop_assert!(bytes.starts_with(&joined));
    }

    #[test]
    fn what_is_written_reads_back(name in prop::option::of("[a-z.]{1,9}"), data in "[^\r]{0,20}") {
        let events = read(&[&write(name.as_deref(), data.as_bytes())]);
        prop_assert_eq!(events.len(), 1);
        prop_assert_eq!(events[0].name(), name.as_deref());
        prop_assert_eq!(events[0].data.as_deref(), Some(data.as_bytes()));
    }
}
