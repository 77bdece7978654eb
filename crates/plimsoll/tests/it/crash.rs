//! Kills the gateway at random moments under load, and looks at what is left.
//!
//! The desk and the model are processes of their own that survive. Every act is unique, so what the desk did
//! can be held against what the ledger says, and both against what clients were told:
//!
//! * a record that a client has heard of is in the ledger;
//! * no act was done twice, and none that the ledger does not know;
//! * what is begun and not ended is listed as in doubt after the restart, and is not begun again.
//!
//! Ten kills in the ordinary suite; `scripts/test` runs the ignored one with 200 (`PLIMSOLL_KILLS`).

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use plimsoll_core::{Entry, EntryBody, OutcomeStatus, Tier};
use plimsoll_drill::mcp::desk::{Effect, SUPPLIER_IBAN};
use plimsoll_ledger::{LedgerReader, Seq};
use plimsoll_store::Store;
use serde_json::{Value, json};

use crate::process::{Http, Program, repository, run};

/// Connections that drive load.
const CLIENTS: u64 = 4;
/// Acts in doubt that are tried again after each restart.
const RETRIES: usize = 2;

#[test]
fn ten_kills_lose_nothing_and_repeat_nothing() {
    kill_again_and_again(10);
}

#[test]
#[ignore = "four minutes; scripts/test runs it as a step of its own"]
fn two_hundred_kills_lose_nothing_and_repeat_nothing() {
    let kills = std::env::var("PLIMSOLL_KILLS").ok().and_then(|kills| kills.parse().ok());
    kill_again_and_again(kills.unwrap_or(200));
}

fn kill_again_and_again(kills: u32) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let scene = Scene::build();
        let mut tally = Tally::default();
        let began = Instant::now();
        for round in 0..kills {
            scene.round(round, &mut tally).await;
        }
        scene.look_back(&mut tally).await;
        println!("{kills} kills in {:.1} s: {tally}", began.elapsed().as_secs_f64());
        // A test of nothing proves nothing.
        assert!(tally.acknowledged > u64::from(kills), "hardly anything was acknowledged: {tally}");
        assert!(tally.effects > 0, "nothing was done: {tally}");
    });
}

#[derive(Debug, Default)]
struct Tally {
    acknowledged: u64,
    unanswered: u64,
    effects: u64,
    intents: u64,
    in_doubt: u64,
    refused_again: u64,
    entries: u64,
    starts: Duration,
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} acknowledged, {} unanswered, {} effects of {} intents, {} in doubt ({} refused when repeated), \
             {} entries; starts took {:.1} s",
            self.acknowledged,
            self.unanswered,
            self.effects,
            self.intents,
            self.in_doubt,
            self.refused_again,
            self.entries,
            self.starts.as_secs_f64()
        )
    }
}

/// What survives the kills.
struct Scene {
    dir: tempfile::TempDir,
    desk: Program,
    desk_url: String,
    _model: Program,
    model_url: String,
    key: String,
    next: Arc<AtomicU64>,
    chance: std::cell::Cell<u64>,
    book: std::cell::RefCell<Book>,
}

/// One thing a client was told.
#[derive(Debug)]
enum Told {
    /// An answer of the model: the request is on record.
    Answered { request: String },
    /// The tool said it was done.
    Done { act: String },
    /// Refused, with the entry that says so.
    Refused { entry: u64 },
    /// The connection broke after the call was sent.
    Nothing,
}

impl Scene {
    fn build() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let repo = dir.path().join("repo");
        let desk_boundary = "  desk.pay_invoice:\n    decides: {people: [treasurer], expires: 1h}\n";
        repository(
            &repo,
            &[
                ("workflows/support.yaml", desk_boundary, "  desk.pay_invoice:\n"),
                ("workflows/support.yaml", "calls: 10}", "calls: 1000000}"),
                ("workflows/support.yaml", "amount: 500}", "amount: 100000000}"),
                ("workflows/support.yaml", "calls: 120}", "calls: 1000000}"),
                ("plimsoll.yaml", "environment: demo", "environment: demo\nbounds: {segment_bytes: 1MiB}"),
            ],
        );
        let effects = dir.path().join("effects.jsonl");
        let listen = "127.0.0.1:0";
        let mut desk = Program::start(
            &["mock", "--mcp", "desk", "--listen", listen, "--effects", effects.to_str().unwrap()],
            &[("DESK_TOKEN", "desk-secret-of-the-crash-test")],
        );
        let mut model = Program::start(&["mock", "--listen", listen], &[]);
        let desk_url = format!("http://{}/mcp", desk.address("listening on"));
        let model_url = format!("http://{}", model.address("listening on"));
        let mut scene = Self {
            dir,
            desk,
            desk_url,
            _model: model,
            model_url,
            key: String::new(),
            next: Arc::default(),
            chance: std::cell::Cell::new(seed()),
            book: std::cell::RefCell::default(),
        };
        scene.key = run(
            &["key", "--repo", scene.repo(), "create", "--name", "crash", "--workflow", "support"],
            &scene.env(),
        );
        scene
    }

    fn repo(&self) -> &str {
        Box::leak(self.dir.path().join("repo").to_str().unwrap().to_owned().into_boxed_str())
    }

    fn state(&self) -> std::path::PathBuf {
        self.dir.path().join("repo/.plimsoll")
    }

    fn env(&self) -> Vec<(&str, &str)> {
        let secret = "desk-secret-of-the-crash-test";
        vec![
            ("DESK_URL", &self.desk_url),
            ("MODEL_URL", &self.model_url),
            ("DESK_READ", secret),
            ("DESK_DRAFT", secret),
            ("DESK_EXECUTE", secret),
        ]
    }

    /// xorshift: the moments should differ, nothing more.
    fn chance(&self, below: u64) -> u64 {
        let mut x = self.chance.get();
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        self.chance.set(x);
        x % below
    }

    fn start(&self, tally: &mut Tally) -> (Program, String) {
        let began = Instant::now();
        let mut gateway = Program::start(
            &["up", "--repo", self.repo(), "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"],
            &self.env(),
        );
        let address = gateway.address("models");
        tally.starts += began.elapsed();
        (gateway, address)
    }

    async fn round(&self, round: u32, tally: &mut Tally) {
        let (gateway, address) = self.start(tally);
        let doubtful = self.in_doubt(tally).await;
        self.repeat(&address, &doubtful, tally).await;
        let stop = Arc::new(AtomicBool::new(false));
        let load: Vec<_> = (0..CLIENTS)
            .map(|_| {
                let http = Http::new(&address, &self.key);
                tokio::spawn(drive(http, Arc::clone(&self.next), Arc::clone(&stop)))
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(30 + self.chance(200))).await;
        let said = gateway.kill();
        stop.store(true, Ordering::Relaxed);
        let mut told = Vec::new();
        for client in load {
            told.extend(client.await.unwrap());
        }
        let panicked: Vec<_> = said.iter().filter(|line| line.contains("panicked")).collect();
        assert!(panicked.is_empty(), "round {round}: {panicked:?}");
        let mut book = self.book.borrow_mut();
        book.read_on(&self.state());
        book.holds(&told, tally);
        drop(book);
        self.effects_are_known(tally);
    }

    /// What the gateway lists after its restart is what the ledger leaves open.
    async fn in_doubt(&self, tally: &mut Tally) -> Vec<(String, Value)> {
        let store = Store::open(&self.state().join("plimsoll.db")).await.unwrap();
        let listed = store.in_doubt(jiff::Timestamp::now(), 10_000).await.unwrap();
        let listed: BTreeSet<String> =
            listed.into_iter().filter(|row| row.tier != Tier::Safe.name()).map(|row| row.act).collect();
        let mut book = self.book.borrow_mut();
        book.read_on(&self.state());
        let open: BTreeMap<&String, &Intent> = book.open().collect();
        let missing: Vec<_> = open.keys().filter(|act| !listed.contains(**act)).collect();
        assert!(missing.is_empty(), "in doubt by the ledger and not listed: {missing:?}");
        tally.in_doubt = open.len() as u64;
        let newest = open.into_values().rev().take(RETRIES);
        newest.map(|intent| (intent.tool.clone(), intent.arguments.clone())).collect()
    }

    /// An identical call to an act in doubt is refused, and says why.
    async fn repeat(&self, address: &str, doubtful: &[(String, Value)], tally: &mut Tally) {
        let http = Http::new(address, &self.key);
        for (tool, arguments) in doubtful {
            let (tool, arguments) = (tool.trim_start_matches("desk."), unredacted(arguments));
            let answer = http.call("desk", tool, &arguments).await.expect("the gateway is up");
            let text = answer.body.to_string();
            assert!(text.contains("PLM-0520"), "{tool} {arguments}: {text}");
            tally.refused_again += 1;
        }
    }

    fn effects_are_known(&self, tally: &mut Tally) {
        let mut book = self.book.borrow_mut();
        book.read_on(&self.state());
        let known = &book.guarded;
        let file = std::fs::read_to_string(self.dir.path().join("effects.jsonl")).unwrap_or_default();
        let mut seen = BTreeSet::new();
        for line in file.lines() {
            let effect: Effect = serde_json::from_str(line).unwrap();
            let act = name(&effect.tool, &effect.arguments);
            assert!(known.contains(&act), "the desk did {act}, and the ledger has no intent of it");
            assert!(seen.insert(act.clone()), "{act} was done twice");
        }
        tally.effects = seen.len() as u64;
        tally.intents = known.len() as u64;
    }

    /// Once more over everything, after an ordinary start.
    async fn look_back(&self, tally: &mut Tally) {
        let (gateway, address) = self.start(tally);
        let doubtful = self.in_doubt(tally).await;
        self.repeat(&address, &doubtful, tally).await;
        gateway.kill();
        self.effects_are_known(tally);
        // From the beginning: what was read on the way is still there.
        let (known, mut again) = (self.book.take(), Book::default());
        again.read_on(&self.state());
        assert_eq!(
            (&known.requests, &known.decisions, &known.ended),
            (&again.requests, &again.decisions, &again.ended)
        );
        let reader = LedgerReader::open(self.state().join("ledger")).unwrap();
        tally.entries = reader.verify().unwrap().size;
        assert!(self.desk.pid() > 0);
    }
}

/// One client: proposes through the model, acts through the tool door, until nobody answers.
async fn drive(http: Http, next: Arc<AtomicU64>, stop: Arc<AtomicBool>) -> Vec<Told> {
    let mut told = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let n = next.fetch_add(1, Ordering::Relaxed);
        let (tool, arguments) = match n % 3 {
            // The check looks the order up first.
            0 => ("refund_order", json!({ "order_id": "A-1003", "amount": (n + 1) as f64 / 10_000.0 })),
            1 => (
                "pay_invoice",
                json!({ "iban": SUPPLIER_IBAN, "amount": 12.5, "reference": format!("R-{n}") }),
            ),
            _ => ("get_order", json!({ "order_id": "A-1001" })),
        };
        let verb = tool.split('_').next().unwrap_or(tool);
        let order = format!("please {verb} it. [[call {tool} {arguments}]]");
        let asked = json!({ "model": "gullible", "messages": [{ "role": "user", "content": order }],
            "tools": [{ "type": "function", "function": { "name": tool, "parameters": { "type": "object" } } }] });
        let Some(answer) = http.post("/v1/chat/completions", &[], &asked).await else { break };
        assert_eq!(answer.status, 200, "{}", answer.body);
        let called = answer.body.pointer("/choices/0/message/tool_calls/0").is_some();
        assert!(called, "the model's call was not let out: {}", answer.body);
        told.push(Told::Answered { request: answer.request });
        let Some(answer) = http.call("desk", tool, &arguments).await else {
            told.push(Told::Nothing);
            break;
        };
        let text = answer.body.to_string();
        match (text.split_once("(ledger entry "), text.contains("receipt-") || text.contains("\"receipt\"")) {
            (Some((_, rest)), _) => {
                let entry = rest.split(';').next().unwrap_or_default().parse().unwrap();
                told.push(Told::Refused { entry });
            }
            (None, _) if tool == "get_order" => told.push(Told::Answered { request: answer.request }),
            (None, _) if text.contains("receipt") => told.push(Told::Done { act: name(tool, &arguments) }),
            (None, _) => panic!("{tool} {arguments}: {text}"),
        }
    }
    told
}

/// An act's own name: what makes it unique.
fn name(tool: &str, arguments: &Value) -> String {
    let tool = tool.trim_start_matches("desk.");
    let mark = arguments.get("reference").or_else(|| arguments.get("amount")).unwrap_or(&Value::Null);
    format!("{tool} {mark}")
}

/// The arguments as they were: a ledger may show an account only in part.
fn unredacted(arguments: &Value) -> Value {
    let mut arguments = arguments.clone();
    if arguments.get("iban").is_some() {
        arguments["iban"] = json!(SUPPLIER_IBAN);
    }
    arguments
}

/// The ledger, as far as this test understands it.
#[derive(Default)]
struct Book {
    size: u64,
    requests: BTreeSet<String>,
    decisions: BTreeSet<u64>,
    /// Guarded acts by their own names.
    guarded: BTreeSet<String>,
    /// By act.
    intents: BTreeMap<String, Intent>,
    /// Acts with a known outcome.
    ended: BTreeSet<String>,
    done: BTreeSet<String>,
}

struct Intent {
    tool: String,
    arguments: Value,
    guarded: bool,
}

impl Book {
    /// Reads what has been written since. Everything is read once more, and verified, at the end.
    fn read_on(&mut self, state: &Path) {
        let reader = LedgerReader::open(state.join("ledger")).unwrap();
        let privacy = plimsoll_bundle::Privacy::default();
        #[expect(clippy::disallowed_methods, reason = "a test reads for nobody")]
        let lens = plimsoll_gateway::Lens::of_dir(state, &privacy, None).unwrap();
        for record in reader.iter_from(Seq(self.size)) {
            let record = record.unwrap();
            assert_eq!(record.seq.0, self.size, "an entry is missing");
            self.size += 1;
            let entry = lens.entry(&record).unwrap().entry;
            self.take(record.seq.0, entry);
        }
    }

    fn take(&mut self, seq: u64, entry: Entry) {
        match entry.body {
            EntryBody::Intent(judged) => {
                self.requests.insert(entry.request);
                let intent = Intent {
                    tool: judged.act.tool.to_string(),
                    arguments: judged.act.arguments.clone(),
                    guarded: judged.tier != Tier::Safe && !judged.facts.deferred,
                };
                if intent.guarded {
                    self.guarded.insert(name(&intent.tool, &intent.arguments));
                }
                self.intents.insert(judged.act.id.to_string(), intent);
            }
            EntryBody::Decision(_) => drop(self.decisions.insert(seq)),
            EntryBody::Outcome(outcome) if outcome.status != OutcomeStatus::Ambiguous => {
                let act = outcome.act.to_string();
                let intent = self.intents.get(&act).expect("an outcome follows its intent");
                if outcome.status == OutcomeStatus::Done {
                    self.done.insert(name(&intent.tool, &intent.arguments));
                }
                self.ended.insert(act);
            }
            _ => {}
        }
    }

    /// Guarded acts that were begun and of which nobody knows the end, oldest first.
    fn open(&self) -> impl Iterator<Item = (&String, &Intent)> {
        self.intents.iter().filter(|(act, intent)| intent.guarded && !self.ended.contains(*act))
    }

    /// What clients were told is on record.
    fn holds(&self, told: &[Told], tally: &mut Tally) {
        for told in told {
            match told {
                Told::Answered { request } => {
                    assert!(self.requests.contains(request), "lost: request {request} was answered");
                }
                Told::Done { act } => {
                    assert!(self.done.contains(act), "lost: the client was told that {act} is done");
                }
                Told::Refused { entry } => {
                    assert!(self.decisions.contains(entry), "lost: refusal {entry} was cited");
                }
                Told::Nothing => {
                    tally.unanswered += 1;
                    continue;
                }
            }
            tally.acknowledged += 1;
        }
    }
}

fn seed() -> u64 {
    let seed = std::env::var("PLIMSOLL_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| u64::from(std::process::id()) << 32 | 0x9e37_79b9);
    println!("PLIMSOLL_SEED={seed}");
    seed
}
