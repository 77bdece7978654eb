//! How an answer travels: at once, piece by piece, late, cut off in the middle, or as garbage.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use http::{Response, StatusCode};
use serde_json::Value;

use super::dialect::Event;
use super::personality::Wire;
use crate::net::{self, Body, Feed};

/// Things that are not server-sent events of any protocol: cut JSON, no JSON, a stray field, a lone carriage return.
const GARBAGE: &[&str] = &[
    "data: {\"id\":\"x\",\"choi\n\n",
    "data: not json at all\n\n",
    "\u{1}\u{2}: \r\r",
    "data\n\n",
    "data: []\n\n",
];

/// A streamed answer. Sound streams are written in one buffer: what is measured is the client's work, not ours.
pub(crate) fn stream(events: Vec<Event>, wire: Wire, pause: Duration) -> Response<Body> {
    let pieces: Vec<String> = events.iter().map(Event::to_wire).collect();
    match wire {
        Wire::Sound | Wire::Flaky => net::event_stream(Body::Whole(Some(Bytes::from(pieces.concat())))),
        Wire::Garbage => net::event_stream(Body::Whole(Some(Bytes::from(GARBAGE.concat())))),
        Wire::Slow(own) => fed(pieces, own.unwrap_or(pause), false),
        Wire::Truncating => {
            let half = pieces.len().div_ceil(2);
            fed(pieces.into_iter().take(half).collect(), Duration::ZERO, true)
        }
    }
}

/// A whole answer.
pub(crate) async fn whole(answer: &Value, wire: Wire, pause: Duration) -> Response<Body> {
    let text = answer.to_string();
    match wire {
        Wire::Sound | Wire::Flaky => net::json(StatusCode::OK, answer),
        Wire::Garbage => {
            net::whole(StatusCode::OK, "application/json", Bytes::from(format!("{}…", cut(&text))))
        }
        Wire::Slow(own) => {
            tokio::time::sleep(own.unwrap_or(pause)).await;
            net::json(StatusCode::OK, answer)
        }
        Wire::Truncating => {
            let mut response = fed(vec![cut(&text).to_owned()], Duration::ZERO, true);
            let json = http::HeaderValue::from_static("application/json");
            response.headers_mut().insert(http::header::CONTENT_TYPE, json);
            response.headers_mut().insert(http::header::CONTENT_LENGTH, http::HeaderValue::from(text.len()));
            response
        }
    }
}

fn cut(text: &str) -> &str {
    let mut half = text.len() / 2;
    while !text.is_char_boundary(half) {
        half -= 1;
    }
    &text[..half]
}

fn fed(pieces: Vec<String>, pause: Duration, then_break: bool) -> Response<Body> {
    let (feed, body) = Body::fed();
    tokio::spawn(pour(feed, pieces, pause, then_break));
    net::event_stream(body)
}

/// Ends when everything is said or the reader has gone.
async fn pour(feed: Feed, pieces: Vec<String>, pause: Duration, then_break: bool) {
    for piece in pieces {
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
        if feed.send(Ok(Bytes::from(piece))).await.is_err() {
            return;
        }
    }
    if then_break {
        // The pieces must be on the wire before the connection breaks, or the client sees nothing at all.
        tokio::time::sleep(Duration::from_millis(20)).await;
        let gone = io::Error::new(io::ErrorKind::ConnectionAborted, "the model hangs up, as asked");
        let _ = feed.send(Err(gone)).await;
    }
}
