//! Where there is one processor, one thread runs the gateway, and nothing in it may wait for another.

use plimsoll_ledger::{LedgerReader, Seq};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use serde_json::json;

use crate::process::{Http, Program};
use crate::restart::{Scene, ask, terminate, user};

/// Started here, a program has the first of the processors that this test may use.
fn start(scene: &Scene) -> (Program, Http) {
    let all = sched_getaffinity(None).unwrap();
    let mut one = CpuSet::new();
    one.set((0..CpuSet::MAX_CPU).find(|n| all.is_set(*n)).unwrap());
    sched_setaffinity(None, &one).unwrap();
    let started = scene.start();
    sched_setaffinity(None, &all).unwrap();
    started
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_on_one_processor_serves_ends_and_starts_again() {
    let scene = Scene::build();
    for round in 0..2 {
        let (gateway, http) = start(&scene);
        let said = |n: usize| user(&format!("Round {round}, question {n}: where is my order A-1001?"));
        tokio::join!(ask(&http, said(1)), ask(&http, said(2)), ask(&http, said(3)), ask(&http, said(4)));
        let order = http.call("desk", "get_order", &json!({ "order_id": "A-1001" })).await.unwrap();
        assert_eq!(order.status, 200, "{}", order.body);
        // A refusal is written down before it is told, too.
        let paid = json!({ "iban": "DE02120300000000202051", "amount": 5, "reference": "INV-1" });
        let refused = http.call("desk", "pay_invoice", &paid).await.unwrap();
        assert!(refused.body.to_string().contains("PLM-"), "{}", refused.body);
        terminate(gateway);
    }
    let reader = LedgerReader::open(scene.state().join("ledger")).unwrap();
    let of = |kind: &str| {
        let is = |entry: &[u8]| String::from_utf8_lossy(entry).contains(&format!("\"kind\":\"{kind}\""));
        reader.iter_from(Seq(0)).filter(|record| is(&record.as_ref().unwrap().entry)).count()
    };
    // Each end says so, which is the last thing it does.
    assert_eq!(of("gateway"), 4);
    assert_eq!(of("intent"), of("outcome"));
    assert!(of("intent") >= 10 && of("decision") >= 2);
}
