//! `plimsoll export` on a real ledger.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::process::run;
use crate::restart::{Scene, ask, terminate, user};

fn lines(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ledger_is_told_in_other_words() {
    let scene = Scene::build();
    let (gateway, http) = scene.start();
    ask(&http, user("Where is order A-1001? [[call get_order {\"order_id\": \"A-1001\"}]]")).await;
    let order = json!({ "order_id": "A-1001" });
    assert_eq!(http.call("desk", "get_order", &order).await.unwrap().status, 200);
    http.call("desk", "delete_customer", &json!({ "customer_id": "C-77" })).await.unwrap();
    terminate(gateway);
    let repo = scene.repo();
    let export = |args: &[&str]| run(&[&["export", "--repo", &repo], args].concat(), &scene.env());

    let all = lines(&export(&["--jsonl"]));
    assert!(all.iter().enumerate().all(|(n, line)| line["seq"] == n), "every entry, in order");
    let otlp = lines(&export(&["--otlp"]));
    let spans: Vec<&Value> = otlp
        .iter()
        .filter_map(|line| line.pointer("/resourceSpans/0/scopeSpans/0/spans")?.as_array())
        .flatten()
        .collect();
    let names: Vec<&str> = spans.iter().map(|span| span["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["propose desk.get_order", "chat gullible", "tools/call get_order"]);
    assert_eq!(spans[2]["parentSpanId"], spans[0]["spanId"], "the call follows from what the model proposed");
    assert_eq!(
        spans.iter().map(|span| span["traceId"].as_str()).collect::<BTreeSet<_>>().len(),
        1,
        "one trace"
    );
    let held = otlp.iter().any(|line| line.to_string().contains("plimsoll.decision\""));
    assert!(held, "what never ran is a log record");
    for form in ["--otlp", "--ocsf"] {
        let text = export(&[form]);
        assert!(!text.contains("key:ada") && !text.contains("C-77"), "{form}: {text}");
        let text = export(&[form, "--include", "identity,arguments"]);
        assert!(text.contains("key:ada") && text.contains("C-77"), "{form}: {text}");
    }
    let events = lines(&export(&["--ocsf", "--tool", "desk.delete_customer"]));
    let lines: Vec<String> = events
        .iter()
        .map(|e| format!("{} {} {}", e["class_uid"], e["activity_name"], e["disposition"]))
        .collect();
    assert_eq!(lines, ["3004 \"Create\" null", "6003 \"Delete\" \"Delayed\""]);
    let file = scene.state().join("out.jsonl");
    run(
        &["export", "--repo", &repo, "--ocsf", "--since", "1h", "--to", file.to_str().unwrap()],
        &scene.env(),
    );
    assert!(std::fs::read_to_string(file).unwrap().lines().count() > 3);
}

/// A collector that is not ready at first.
#[derive(Debug, Default)]
struct Collector {
    /// Path, authorization and body of each request that it took.
    taken: Mutex<Vec<(String, String, Value)>>,
    turned: Mutex<usize>,
}

impl Collector {
    async fn start(self: &Arc<Self>) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let collector = Arc::clone(self);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let collector = Arc::clone(&collector);
                let service = service_fn(move |request| Arc::clone(&collector).take(request));
                let serving = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service);
                tokio::spawn(serving);
            }
        });
        format!("http://{address}")
    }

    async fn take(
        self: Arc<Self>,
        request: Request<hyper::body::Incoming>,
    ) -> Result<Response<Full<Bytes>>, Infallible> {
        let path = request.uri().path().to_owned();
        let key = request.headers()["authorization"].to_str().unwrap().to_owned();
        assert_eq!(request.headers()["content-type"], "application/json");
        let body = request.into_body().collect().await.unwrap().to_bytes();
        let mut response = Response::new(Full::from("{}"));
        let mut turned = self.turned.lock().unwrap();
        if *turned == 0 {
            *turned += 1;
            *response.status_mut() = hyper::StatusCode::SERVICE_UNAVAILABLE;
        } else {
            self.taken.lock().unwrap().push((path, key, serde_json::from_slice(&body).unwrap()));
        }
        Ok(response)
    }

    fn names(&self) -> Vec<String> {
        let taken = self.taken.lock().unwrap();
        let spans = taken.iter().filter(|(path, ..)| path == "/v1/traces");
        let spans =
            spans.filter_map(|(_, _, body)| body.pointer("/resourceSpans/0/scopeSpans/0/spans")?.as_array());
        spans.flatten().map(|span| span["name"].as_str().unwrap().to_owned()).collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_hears_what_happens_and_holds_nothing_up() {
    let collector = Arc::new(Collector::default());
    let endpoint = collector.start().await;
    let telemetry = format!(
        "environment: demo\ntelemetry: {{otlp: {{endpoint: \"{endpoint}\", headers: {{authorization: \"${{OTLP_TOKEN}}\"}}}}}}"
    );
    let token = "Bearer collector-token-4711".to_owned();
    let scene = Scene::with(
        &[("plimsoll.yaml", "environment: demo", &telemetry)],
        vec![("OTLP_TOKEN", token.clone())],
    );
    let (gateway, http) = scene.start();
    let order = json!({ "order_id": "A-1001" });
    let began = Instant::now();
    assert_eq!(http.call("desk", "get_order", &order).await.unwrap().status, 200);
    assert!(began.elapsed() < Duration::from_secs(5));
    while collector.names().is_empty() {
        assert!(began.elapsed() < Duration::from_secs(30), "the collector heard nothing");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(collector.names(), ["tools/call get_order"], "once, although it was sent twice");
    // What happens last is told before the end.
    ask(&http, user("Hello, are you there?")).await;
    terminate(gateway);
    assert_eq!(collector.names(), ["tools/call get_order", "chat gullible"]);
    let taken = collector.taken.lock().unwrap();
    assert!(taken.iter().all(|(_, key, _)| *key == token));
    let all = json!(taken.iter().map(|(.., body)| body).collect::<Vec<_>>()).to_string();
    assert!(all.contains("gateway: stopped") && !all.contains("key:ada"), "{all}");
}
