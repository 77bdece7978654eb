//! `plimsoll log --follow`: what happens, as it happens.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::{Value, json};

use crate::process::command;
use crate::restart::{Scene, terminate};

/// A program whose lines are waited for. Dropping it kills it.
struct Follower {
    child: Child,
    lines: Receiver<String>,
    talk: Receiver<String>,
}

impl Follower {
    fn of(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = heard(child.stdout.take().unwrap());
        let talk = heard(child.stderr.take().unwrap());
        Self { child, lines, talk }
    }

    fn next(&self) -> Value {
        let line = self.lines.recv_timeout(Duration::from_secs(60)).expect("another line");
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        let _already_gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

fn heard(from: impl std::io::Read + Send + 'static) -> Receiver<String> {
    let (tell, lines) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            if tell.send(line).is_err() {
                break;
            }
        }
    });
    lines
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_is_followed_while_it_grows_each_entry_once_and_on_record() {
    let scene = Scene::build();
    let repo = scene.repo();
    let (gateway, http) = scene.start();
    let look_up = async |order: &str| {
        let answer = http.call("desk", "get_order", &json!({ "order_id": order })).await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.body);
    };
    look_up("A-1001").await;
    // The last one from before: the database follows, and then it is there.
    let args = ["log", "--follow", "--json", "--limit", "1", "--tool", "desk.get_order", "--repo", &repo];
    let follower = Follower::of(command(&args, &scene.env()));
    let first = follower.next();
    assert_eq!(first["entry"]["act"]["arguments"]["order_id"], "A-1001", "{first}");

    // Then each that comes, in order and once; what was not asked for is passed over.
    let mut seen = first["seq"].as_u64().unwrap();
    for order in ["A-1002", "A-1003", "A-1004"] {
        http.call("desk", "delete_customer", &json!({ "customer_id": "C-77" })).await.unwrap();
        look_up(order).await;
        let line = follower.next();
        assert_eq!(line["entry"]["act"]["tool"], "desk.get_order", "{line}");
        assert_eq!(line["entry"]["act"]["arguments"]["order_id"], order, "{line}");
        let seq = line["seq"].as_u64().unwrap();
        assert!(seq > seen, "#{seq} after #{seen}");
        seen = seq;
    }
    // Nobody put it on record, as it had no key to tell the gateway with; it said so, and once.
    drop(http);
    terminate(gateway);
    // The gateway is gone, and it follows on: an entry that a command writes beside it. Now it is on record too.
    let hold = ["hold", "--subject", "ada", "--reason", "case 17", "--repo", &repo];
    let every = ["log", "--follow", "--json", "--limit", "1", "--kind", "hold", "--repo", &repo];
    let all = Follower::of(command(&every, &scene.env()));
    let output = command(&hold, &scene.env()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let held = all.next();
    assert_eq!(
        (&held["entry"]["kind"], &held["entry"]["reason"]),
        (&"hold".into(), &"case 17".into()),
        "{held}"
    );
    drop(follower.lines.try_iter().map(|line| panic!("nobody asked for {line}")).collect::<Vec<()>>());
    let notes: Vec<String> = follower.talk.try_iter().collect();
    assert_eq!(notes.iter().filter(|note| note.contains("not on record")).count(), 1, "{notes:?}");
    drop((follower, all));
    let reads = crate::process::run(&["log", "--kind", "read", "--json", "--repo", &repo], &scene.env());
    assert!(reads.contains("\"what\":\"the log\""), "{reads}");
}

/// It ends when nobody listens any more, as every verb does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn following_ends_with_its_reader() {
    let scene = Scene::build();
    let (_gateway, http) = scene.start();
    let args = ["log", "--follow", "--repo", &scene.repo()];
    let mut child =
        command(&args, &scene.env()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let first = lines.next().unwrap().unwrap();
    assert!(first.contains("gateway"), "{first}");
    drop(lines);
    let until = std::time::Instant::now() + Duration::from_secs(60);
    while child.try_wait().unwrap().is_none() {
        assert!(std::time::Instant::now() < until, "it follows for nobody");
        http.call("desk", "get_order", &json!({ "order_id": "A-1001" })).await.unwrap();
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(child.wait().unwrap().code(), Some(141));
}
