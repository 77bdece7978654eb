//! Messages as lines: one each, in and out.

use bytes::Bytes;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWriteExt, BufReader, Stdout};
use tokio::sync::Mutex;

/// Bytes of one message of the client. The gateway has a bound of its own, which is lower by default.
pub(super) const LINE_BYTES: usize = 64 << 20;

/// What the client says.
#[derive(Debug)]
pub(super) struct Lines<R>(BufReader<R>);

impl<R: AsyncRead + Unpin> Lines<R> {
    pub(super) fn new(input: R) -> Self {
        Self(BufReader::new(input))
    }

    /// The next line without its end; `None` when there are no more. What was read is not lost when the caller stops
    /// waiting, because then it stops reading altogether.
    pub(super) async fn next(&mut self) -> std::io::Result<Option<Bytes>> {
        let mut line = Vec::new();
        loop {
            let available = self.0.fill_buf().await?;
            if available.is_empty() {
                return Ok((!line.is_empty()).then(|| line.into()));
            }
            let end = available.iter().position(|byte| *byte == b'\n');
            line.extend_from_slice(&available[..end.unwrap_or(available.len())]);
            let used = end.map_or(available.len(), |end| end + 1);
            self.0.consume(used);
            if line.len() > LINE_BYTES {
                return Err(std::io::Error::other(format!("a message is larger than {LINE_BYTES} bytes")));
            }
            if end.is_some() {
                return Ok(Some(line.into()));
            }
        }
    }
}

/// What the client hears.
#[derive(Debug)]
pub(super) struct Out(Mutex<Stdout>);

impl Out {
    pub(super) fn new() -> Self {
        Self(Mutex::new(tokio::io::stdout()))
    }

    /// Says one message. A client that no longer listens has closed our input too, so nobody misses it.
    pub(super) async fn say(&self, message: &[u8]) {
        let line = one_line(message);
        let mut out = self.0.lock().await;
        let _client_is_gone = out.write_all(&line).await;
        let _client_is_gone = out.flush().await;
    }
}

/// Line ends inside a JSON text stand only between its parts, where a space says the same.
fn one_line(message: &[u8]) -> Vec<u8> {
    let mut line: Vec<u8> =
        message.iter().map(|byte| if matches!(byte, b'\n' | b'\r') { b' ' } else { *byte }).collect();
    line.push(b'\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lines_come_whole() {
        let mut lines = Lines::new(&b"{\"a\":1}\r\n\n{\"b\":2}"[..]);
        let mut all = Vec::new();
        while let Some(line) = lines.next().await.unwrap() {
            all.push(String::from_utf8(line.to_vec()).unwrap());
        }
        assert_eq!(all, ["{\"a\":1}\r", "", "{\"b\":2}"]);
    }

    #[test]
    fn a_message_is_one_line() {
        assert_eq!(one_line(b"{\n  \"a\": \"b\\nc\"\r\n}"), b"{   \"a\": \"b\\nc\"  }\n");
    }
}
