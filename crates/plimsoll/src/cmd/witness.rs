//! `plimsoll witness`: remember what a ledger was, and cosign only what it grew into (C2SP tlog-witness).

use std::convert::Infallible;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::header::CONTENT_TYPE;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use jiff::Timestamp;
use plimsoll_core::{KeyKind, VerifierKey};
use plimsoll_ledger::proof::{NOTE_BYTES_MAX, Refused, Witness as Core};
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Semaphore;

use crate::talk::{self, Done, Error};

/// Connections served at once. Further ones wait.
const CONNECTIONS_MAX: usize = 256;
/// Seconds that one connection is served at most.
const CONNECTION_S: u64 = 120;
/// Seconds for the head of a request, and for its body.
const REQUEST_S: u64 = 10;

/// Remember what a ledger was, and cosign only what it grew into
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  plimsoll witness --state /var/lib/witness --log 'example.com/desk+530d903a+AekyeRrm…'
  plimsoll witness --listen 0.0.0.0:7330 --name example.org/witness --state DIR --log KEY --log KEY
Run it where the people who run the gateway can't change it: another host, another team. `plimsoll up` says its ledger's
key when it starts; this says its own, for `ledger.witnesses` in their plimsoll.yaml and for everybody's trust.txt.
It needs no other protection: what it signs is decided by the ledger's signature and a proof. It speaks plain HTTP.")]
pub struct Witness {
    /// Where to listen
    #[arg(long, default_value = "127.0.0.1:7330", value_name = "ADDR")]
    listen: String,
    /// Where its key and what it saw last are kept. Losing this is forgetting
    #[arg(long, value_name = "DIR")]
    state: PathBuf,
    /// What it is called, best an address of yours without https://; fixed by the first start
    #[arg(long)]
    name: Option<String>,
    /// The key of a ledger to witness; may be repeated
    #[arg(long, value_name = "KEY", required = true)]
    log: Vec<String>,
}

impl Witness {
    pub fn run(self) -> Done {
        let logs = self.log.iter().map(|line| log(line)).collect::<Result<Vec<_>, _>>()?;
        let witness = Arc::new(Core::open(&self.state, self.name.as_deref(), &logs)?);
        if let Some(name) = self.name.filter(|name| name != witness.verifier().name()) {
            let fixed = witness.verifier().name();
            return Err(Error::new(format!(
                "this witness is called `{fixed}` since its first start, not `{name}`"
            )));
        }
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        runtime.block_on(async {
            let listener = TcpListener::bind(&self.listen)
                .await
                .map_err(|error| Error::new(format!("can't listen on {}: {error}", self.listen)))?;
            talk::say(format!("witness {} · http://{}", env!("CARGO_PKG_VERSION"), listener.local_addr()?));
            talk::say(format!("  key     {}", witness.verifier()));
            for (origin, size) in witness.sizes() {
                talk::say(format!("  ledger  {origin}: {size} entries cosigned so far"));
            }
            serve(listener, witness).await
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

fn log(line: &str) -> Result<VerifierKey, Error> {
    let help = "`plimsoll up` says its ledger's key when it starts, and writes it into trust.txt";
    let key: VerifierKey =
        line.trim().parse().map_err(|error| Error::new(format!("--log: {error}")).help(help))?;
    match key.kind() {
        KeyKind::Ledger => Ok(key),
        KeyKind::Witness => Err(Error::new("--log: this is a witness' key, not a ledger's").help(help)),
    }
}

async fn serve(listener: TcpListener, witness: Arc<Core>) -> Result<(), Error> {
    let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let place = Arc::clone(&places).acquire_owned().await?;
        let stream = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    talk::say(format!("a connection could not be accepted: {error}"));
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    continue;
                }
            },
            _ = term.recv() => return Ok(()),
            _ = int.recv() => return Ok(()),
        };
        let witness = Arc::clone(&witness);
        tokio::spawn(async move {
            connection(stream, witness).await;
            drop(place);
        });
    }
}

async fn connection(stream: TcpStream, witness: Arc<Core>) {
    let service = service_fn(move |request| {
        let witness = Arc::clone(&witness);
        async move { Ok::<_, Infallible>(answer(witness, request).await) }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(REQUEST_S))
        .serve_connection(TokioIo::new(stream), service);
    // Nobody keeps a place for ever: whoever is cut off connects again.
    let _ended_early = tokio::time::timeout(Duration::from_secs(CONNECTION_S), connection).await;
}

async fn answer(witness: Arc<Core>, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let path = request.uri().path().to_owned();
    match (request.method(), path.as_str()) {
        (&Method::POST, "/add-checkpoint") => add(witness, request.into_body()).await,
        (&Method::GET, "/health/live") => text(StatusCode::OK, "live\n".to_owned()),
        (&Method::GET, path) => {
            let hash = path.strip_prefix('/').and_then(|path| path.strip_suffix("/checkpoint"));
            match hash.and_then(|hash| witness.checkpoint(hash)) {
                Some(checkpoint) => text(StatusCode::OK, checkpoint),
                None => text(StatusCode::NOT_FOUND, "nothing was cosigned under this address\n".to_owned()),
            }
        }
        _ => text(StatusCode::NOT_FOUND, "ask POST /add-checkpoint\n".to_owned()),
    }
}

async fn add(witness: Arc<Core>, body: Incoming) -> Response<Full<Bytes>> {
    let whole = Limited::new(body, 2 * NOTE_BYTES_MAX).collect();
    let Ok(Ok(body)) = tokio::time::timeout(Duration::from_secs(REQUEST_S), whole).await else {
        return text(StatusCode::BAD_REQUEST, "the request is too long, or broke off\n".to_owned());
    };
    let (body, now) = (body.to_bytes(), u64::try_from(Timestamp::now().as_second()).unwrap_or(0));
    let asked = body.clone();
    let done = tokio::task::spawn_blocking(move || witness.add_checkpoint(&asked, now)).await;
    match done {
        Ok(Ok(line)) => text(StatusCode::OK, line),
        Ok(Err(Refused::Conflict(size))) => {
            let mut response = text(StatusCode::CONFLICT, format!("{size}\n"));
            response
                .headers_mut()
                .insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static("text/x.tlog.size"));
            response
        }
        Ok(Err(refused)) => {
            if matches!(refused, Refused::Proof(_) | Refused::Broken(_)) {
                // Signed by the ledger's own key: this may be the proof that it has two histories.
                talk::say(format!(
                    "{} NOT COSIGNED: {refused}\n{}",
                    Timestamp::now(),
                    String::from_utf8_lossy(&body)
                ));
            }
            let status = StatusCode::from_u16(refused.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            text(status, format!("{refused}\n"))
        }
        Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
    }
}

fn text(status: StatusCode, words: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(words)));
    *response.status_mut() = status;
    let kind = hyper::header::HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}
