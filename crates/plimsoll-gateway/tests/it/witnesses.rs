//! Witnesses that cosign, refuse, lie and stay silent; the gateway says which, and acts go on.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use jiff::{SignedDuration, Timestamp};
use plimsoll_core::KeyKind;
use plimsoll_ledger::proof::{AddCheckpoint, SigningKey};
use tokio::net::TcpListener;

use crate::world::{Plan, World};

/// Status, content type, body.
type Answer = (u16, &'static str, String);
type Answers = Arc<Mutex<Box<dyn Fn(&[u8]) -> Option<Answer> + Send>>>;

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed("example.org/w", KeyKind::Witness, &[seed; 32]).unwrap()
}

fn now() -> u64 {
    Timestamp::now().as_second().cast_unsigned()
}

/// A witness that answers what it is told to; `None` is silence.
async fn witness() -> (String, Answers) {
    let answers: Answers = Arc::new(Mutex::new(Box::new(|_| None)));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let told = Arc::clone(&answers);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let told = Arc::clone(&told);
            let service = service_fn(move |request: Request<Incoming>| {
                let told = Arc::clone(&told);
                async move {
                    assert_eq!(request.uri().path(), "/add-checkpoint");
                    let body = request.into_body().collect().await.unwrap().to_bytes();
                    let answer = told.lock().unwrap()(&body);
                    let Some((status, kind, body)) = answer else {
                        tokio::time::sleep(Duration::from_secs(60)).await;
                        return Ok::<_, Infallible>(Response::new(Full::default()));
                    };
                    let response = Response::builder().status(status).header("content-type", kind);
                    Ok(response.body(Full::new(Bytes::from(body))).unwrap())
                }
            });
            tokio::spawn(
                hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service),
            );
        }
    });
    (url, answers)
}

async fn world() -> (World, Answers) {
    let (url, answers) = witness().await;
    let line = format!(
        "environment: demo\nledger: {{origin: example.org/desk, witnesses: [{{name: w, key: \"{}\", url: \"{url}\"}}]}}",
        key(1).verifier()
    );
    (Plan::new().change("plimsoll.yaml", "environment: demo", &line).start().await, answers)
}

/// What is complained about after one more round.
async fn round(
    world: &World,
    answers: &Answers,
    answer: impl Fn(&[u8]) -> Option<Answer> + Send + 'static,
) -> String {
    *answers.lock().unwrap() = Box::new(answer);
    world.gateway.record_gateway("something happened", "").await.unwrap();
    world.gateway.checkpoint().await;
    let standing = world.gateway.checkpoints().progress();
    assert_eq!(standing.broken, None);
    assert_eq!(standing.size, world.gateway.ledger().size(), "signed, whatever the witness does");
    standing.unwitnessed.join("; ")
}

fn cosign(body: &[u8], key: &SigningKey) -> Option<Answer> {
    let request = AddCheckpoint::parse(body).unwrap();
    Some((200, "text/plain", request.checkpoint.cosign(key, now()).line()))
}

#[tokio::test]
async fn what_a_witness_does_is_known() {
    let (world, answers) = world().await;
    let later = || Timestamp::now().checked_add(SignedDuration::from_mins(11)).unwrap();
    let says = |status: u16, kind: &'static str, body: &str| {
        let body = body.to_owned();
        move |_: &[u8]| Some((status, kind, body.clone()))
    };
    assert_eq!(round(&world, &answers, |body| cosign(body, &key(1))).await, "");
    assert!(world.gateway.checkpoints().alarms(Timestamp::now()).is_empty());
    let alarms = world.gateway.checkpoints().alarms(later());
    assert!(alarms[0].starts_with("no checkpoint was cosigned by 1 witness(es) for 6"), "{alarms:?}");

    let check = async |answer: Answer, complaint: &str| {
        let (status, kind, body) = answer;
        assert_eq!(round(&world, &answers, says(status, kind, &body)).await, complaint);
    };
    let text = "text/plain";
    check(
        (404, text, String::new()),
        "w: it does not know this ledger: start it with --log and this ledger's key",
    )
    .await;
    check((403, text, String::new()), "w: it knows another key for this ledger").await;
    let forked =
        "w: it saw another history of this ledger: entries that it cosigned were changed or are gone";
    check((422, text, String::new()), forked).await;
    check((500, text, String::new()), "w: it answered 500 Internal Server Error").await;
    check((409, text, "3\n".to_owned()), "w: it answered 409 Conflict").await;
    check((409, "text/x.tlog.size", "many\n".to_owned()), "w: its answer names no size").await;
    let twice = "w: somebody else shows it checkpoints of this ledger";
    check((409, "text/x.tlog.size", "1\n".to_owned()), twice).await;
    check(
        (200, text, String::new()),
        "w: its answer is no signature: no empty line divides the text from its signatures",
    )
    .await;
    check((302, text, String::new()), "w: it answered 302 Found").await;
    let longer = round(&world, &answers, says(409, "text/x.tlog.size", "1000000\n")).await;
    assert!(longer.contains("it has cosigned 1000000 entries of this ledger, which has "), "{longer}");

    // A signature of another key, a right one of something else, a right one of long ago.
    let other = round(&world, &answers, |body| cosign(body, &key(2))).await;
    assert_eq!(other, "w: its answer has no cosignature of its key");
    let first = round(&world, &answers, |body| cosign(body, &key(1))).await;
    assert_eq!(first, "", "and it is asked again each time");
    let kept = std::sync::OnceLock::new();
    let replay = move |body: &[u8]| kept.get_or_init(|| cosign(body, &key(1))).clone();
    assert_eq!(round(&world, &answers, replay).await, "");
    world.gateway.record_gateway("something happened", "").await.unwrap();
    world.gateway.checkpoint().await;
    let standing = world.gateway.checkpoints().progress();
    assert_eq!(standing.unwitnessed, ["w: its cosignature is wrong"]);

    // Silence costs four seconds, and nothing else.
    let begun = std::time::Instant::now();
    let silent = round(&world, &answers, |_| None).await;
    assert!(silent.ends_with(" within 4 s"), "{silent}");
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
}
