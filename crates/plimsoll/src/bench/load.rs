//! The load: connections that are kept, requests whose bytes are ready, answers that are looked at.

use std::io::{Error, ErrorKind, Result};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::mock::{AWAKE, STAMP};
use super::shapes::Template;

/// Bytes read at once.
const READ_BYTES: usize = 64 << 10;
/// What a request that finds every connection busy counts for.
const BUSY_US: u32 = 1_000_000;
const LAST_CHUNK: &[u8] = b"0\r\n\r\n";
/// Each so many answers are searched for what they should contain.
const LOOK_EACH: u64 = 16;

/// What came of a run.
#[derive(Debug, Default)]
pub struct Tally {
    pub requests: u64,
    pub failed: u64,
    pub took: Duration,
    /// Microseconds from sending to the end of the answer.
    pub latencies: Vec<u32>,
    /// Microseconds that chunks were on their way.
    pub delays: Vec<u32>,
    pub first_failure: Option<String>,
}

impl Tally {
    pub fn per_second(&self) -> f64 {
        self.requests as f64 / self.took.as_secs_f64().max(1e-9)
    }

    fn add(&mut self, other: Self) {
        self.requests += other.requests;
        self.failed += other.failed;
        self.latencies.extend(other.latencies);
        self.delays.extend(other.delays);
        self.first_failure = self.first_failure.take().or(other.first_failure);
    }

    fn note(&mut self, asked: Result<()>, began: Instant) {
        match asked {
            Ok(()) => {
                self.requests += 1;
                self.latencies.push(u32::try_from(began.elapsed().as_micros()).unwrap_or(u32::MAX));
            }
            Err(error) => {
                self.failed += 1;
                self.first_failure.get_or_insert_with(|| error.to_string());
            }
        }
    }
}

/// The value below which `share` of the values lie.
pub fn percentile(values: &mut [u32], share: f64) -> f64 {
    values.sort_unstable();
    let at = (values.len() as f64 * share) as usize;
    values.get(at.min(values.len().saturating_sub(1))).copied().unwrap_or_default().into()
}

/// Keeps this thread from sleeping for a while, and leaves the processor to whoever has something to do.
///
/// Whoever writes to somebody asleep on an idle processor pays for waking it: in a virtual machine 5 to 10 µs each time.
/// The floor keeps load and upstream so busy that they never sleep; a slower target leaves them idle, and would pay
/// twice a request for how idle the rest of the machine is, not for what it does itself.
pub async fn stay_awake(time: Duration) {
    let until = Instant::now() + time;
    while Instant::now() < until {
        std::thread::yield_now();
        tokio::task::yield_now().await;
    }
}

/// Like `closed`, with load and upstream awake all the time.
pub async fn closed_awake(
    to: SocketAddr,
    upstream: SocketAddr,
    templates: &[Template],
    time: Duration,
) -> Result<Tally> {
    // The upstream begins a moment before the load, and the last answers are on their way a moment longer.
    let longer = time + Duration::from_millis(100);
    once(upstream, Template::get(&format!("{AWAKE}{}", longer.as_millis()))).await?;
    let awake = tokio::spawn(stay_awake(time));
    let tally = closed(to, templates, time).await;
    awake.abort();
    Ok(tally)
}

/// Each connection asks again as soon as it was answered.
pub async fn closed(to: SocketAddr, templates: &[Template], time: Duration) -> Tally {
    let (began, until) = (Instant::now(), Instant::now() + time);
    let tasks: Vec<_> =
        templates.iter().cloned().map(|template| tokio::spawn(alone(to, template, until))).collect();
    let mut tally = Tally::default();
    for task in tasks {
        tally.add(task.await.unwrap_or_default());
    }
    tally.took = began.elapsed();
    tally
}

async fn alone(to: SocketAddr, template: Template, until: Instant) -> Tally {
    let mut tally = Tally::default();
    let mut wire = None;
    while Instant::now() < until {
        let open = match wire.take() {
            Some(open) => Ok(open),
            None => Wire::open(to, template.clone()).await,
        };
        let began = Instant::now();
        match open {
            Err(error) => {
                tally.note(Err(error), began);
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            Ok(mut open) => {
                let asked = open.ask(&mut tally.delays).await;
                wire = asked.is_ok().then_some(open);
                tally.note(asked, began);
            }
        }
    }
    tally
}

/// Sends one request each millisecond, whether or not the last was answered.
pub async fn constant(to: SocketAddr, templates: &[Template], time: Duration) -> Tally {
    let mut idle = Vec::new();
    let mut tally = Tally::default();
    for template in templates {
        match Wire::open(to, template.clone()).await {
            Ok(wire) => idle.push(wire),
            Err(error) => tally.note(Err(error), Instant::now()),
        }
    }
    let (back, mut returned) = tokio::sync::mpsc::unbounded_channel();
    let mut clock = tokio::time::interval(Duration::from_millis(1));
    let began = Instant::now();
    while began.elapsed() < time {
        clock.tick().await;
        while let Ok((wire, one)) = returned.try_recv() {
            idle.extend::<Option<Wire>>(wire);
            tally.add(one);
        }
        let Some(mut wire) = idle.pop() else {
            // It would have waited: that counts, or a stall would hide the requests it kept from being sent.
            tally.latencies.push(BUSY_US);
            continue;
        };
        let back = back.clone();
        tokio::spawn(async move {
            let (began, mut one) = (Instant::now(), Tally::default());
            let asked = wire.ask(&mut one.delays).await;
            let alive = asked.is_ok();
            one.note(asked, began);
            let _nobody_waits = back.send((alive.then_some(wire), one));
        });
    }
    drop(back);
    while let Some((_, one)) = returned.recv().await {
        tally.add(one);
    }
    tally.took = began.elapsed();
    tally
}

/// One request, and the answer's head and body as text.
pub async fn once(to: SocketAddr, template: Template) -> Result<String> {
    let mut wire = Wire::open(to, template).await?;
    wire.ask(&mut Vec::new()).await?;
    Ok(String::from_utf8_lossy(&wire.buffer[..wire.filled]).into_owned())
}

/// One kept connection.
struct Wire {
    stream: TcpStream,
    template: Template,
    buffer: Vec<u8>,
    filled: usize,
    asked: u64,
}

/// Numbers that make each prompt new.
static NEXT: AtomicU64 = AtomicU64::new(1);

impl Wire {
    async fn open(to: SocketAddr, template: Template) -> Result<Self> {
        let stream = TcpStream::connect(to).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, template, buffer: vec![0; READ_BYTES], filled: 0, asked: 0 })
    }

    async fn ask(&mut self, delays: &mut Vec<u32>) -> Result<()> {
        self.vary();
        self.stream.write_all(&self.template.bytes).await?;
        self.filled = 0;
        let (end, length) = loop {
            self.fill().await?;
            if let Some(head) = head(&self.buffer[..self.filled])? {
                break head;
            }
        };
        if self.asked.is_multiple_of(LOOK_EACH) {
            self.look()?;
        }
        self.asked += 1;
        match length {
            Some(length) => {
                let mut left = (end + length).saturating_sub(self.filled);
                while left > 0 {
                    self.filled = end;
                    let before = self.filled;
                    self.fill().await?;
                    left = left.saturating_sub(self.filled - before);
                }
            }
            None => self.chunks(end, delays).await?,
        }
        Ok(())
    }

    /// A new number for the prompt, in letters.
    fn vary(&mut self) {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        for (n, byte) in self.template.bytes[self.template.varied.clone()].iter_mut().enumerate() {
            *byte = b'a' + (number >> (4 * n) & 15) as u8;
        }
    }

    async fn fill(&mut self) -> Result<()> {
        if self.filled == self.buffer.len() {
            return Err(Error::other("the answer's head does not end"));
        }
        match self.stream.read(&mut self.buffer[self.filled..]).await? {
            0 => Err(ErrorKind::UnexpectedEof.into()),
            n => {
                self.filled += n;
                Ok(())
            }
        }
    }

    fn look(&self) -> Result<()> {
        let (seen, expect) = (&self.buffer[..self.filled], self.template.expect);
        if self.template.streamed || find(seen, expect).is_some() {
            return Ok(());
        }
        Err(Error::other(format!("an unexpected answer: {}", String::from_utf8_lossy(seen))))
    }

    /// Reads to the last chunk. No text of the mock contains what the end looks like.
    async fn chunks(&mut self, end: usize, delays: &mut Vec<u32>) -> Result<()> {
        let mut from = end;
        loop {
            stamps(&self.buffer[from..self.filled], delays);
            if self.buffer[end..self.filled].ends_with(LAST_CHUNK) {
                return Ok(());
            }
            // Its last bytes are kept: the end may come in pieces.
            let kept = (self.filled - end).min(LAST_CHUNK.len());
            self.buffer.copy_within(self.filled - kept..self.filled, end);
            self.filled = end + kept;
            from = self.filled;
            self.fill().await?;
        }
    }
}

/// Where the head ends, and how long the body is; chunked when it does not say.
fn head(bytes: &[u8]) -> Result<Option<(usize, Option<usize>)>> {
    let Some(end) = find(bytes, b"\r\n\r\n") else { return Ok(None) };
    let text = std::str::from_utf8(&bytes[..end]).map_err(Error::other)?;
    let mut lines = text.split("\r\n");
    let status = lines.next().unwrap_or_default();
    if !status.starts_with("HTTP/1.1 2") {
        return Err(Error::other(format!("{status}: {}", String::from_utf8_lossy(&bytes[end + 4..]))));
    }
    let length = lines.find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok()).flatten()
    });
    Ok(Some((end + 4, length)))
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

/// How long chunks that say when they were sent have been on their way.
fn stamps(bytes: &[u8], delays: &mut Vec<u32>) {
    let Some(at) = find(bytes, STAMP) else { return };
    let letters = &bytes[at + STAMP.len()..];
    let Some(letters) = letters.get(..16) else { return };
    let sent =
        letters.iter().fold(0_u128, |sum, letter| sum << 4 | u128::from(letter.wrapping_sub(b'a') & 15));
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    delays.push(u32::try_from(now.saturating_sub(sent) / 1_000).unwrap_or(u32::MAX));
}

/// One template for each connection, each with a session of its own.
pub fn many(n: usize, template: impl Fn(usize) -> Template) -> Arc<[Template]> {
    (0..n).map(template).collect()
}
