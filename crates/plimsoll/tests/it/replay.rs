//! What is on record is decided again, by the program as its users run it.

use std::path::Path;
use std::process::Output;

use plimsoll_bundle::Privacy;
use plimsoll_core::{Content, ContentOf, Entry, EntryBody, FieldClass, Grant, GrantState};
use plimsoll_drill::mock::{self, MockOptions};
use plimsoll_gateway::cassette::{self, Tape};
use plimsoll_gateway::privacy::Custodian;
use plimsoll_gateway::{Lens, Vault, releases};
use plimsoll_ledger::{Ledger, LedgerOptions, LedgerReader, Seq};
use plimsoll_store::Store;
use serde_json::Value;

use crate::process::{command, repository, run};

/// The record of `plimsoll demo --quick`.
fn demo(state: &Path) {
    run(&["demo", "--quick", "--state", &state.display().to_string()], &[]);
}

fn replay(state: &Path, args: &[&str]) -> Output {
    let args: Vec<&str> = std::iter::once("replay").chain(args.iter().copied()).collect();
    command(&args, &[("PLIMSOLL_STATE", &state.display().to_string())]).output().unwrap()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)))
}

fn count(changes: &Value, kind: &str, tool: &str) -> u64 {
    let by = changes["changes"][kind].as_array().into_iter().flatten();
    by.filter(|by| by["tool"] == tool).filter_map(|by| by["count"].as_u64()).sum()
}

#[test]
fn the_demo_is_decided_again_to_the_letter_and_as_a_candidate_would() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    demo(&state);

    let all = replay(&state, &["--all", "--json"]);
    let said = json(&all);
    assert_eq!(all.status.code(), Some(0), "{said}");
    assert!(said["acts"].as_u64().unwrap() > 20, "{said}");
    assert_eq!(said["same"], said["acts"]);
    assert_eq!((said["releases"].as_u64(), said["differ"].as_array().map(Vec::len)), (Some(1), Some(0)));

    let one = json(&replay(&state, &["demo-b", "--json"]));
    assert_eq!(one["sessions"], 1);
    assert!(one["acts"].as_u64() < said["acts"].as_u64());
    let none = replay(&state, &["no-such-session"]);
    assert_eq!(none.status.code(), Some(2));
    assert_eq!(replay(&state, &[]).status.code(), Some(2));

    stricter(dir.path(), &state);
    looser(dir.path(), &state);
    without_its_release(&state);
}

/// Each conversation of the demo is played again: a check, an injection, an approval, a kill switch.
#[test]
fn recorded_conversations_are_played_again_without_a_network() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    run(&["demo", "--quick", "--record", "--state", &state.display().to_string()], &[]);
    for session in ["demo-a-refund", "demo-b-inbox", "demo-c-delete", "demo-c-other", "demo-d-stopped"] {
        let output = replay(&state, &[session, "--cassette", "--json"]);
        let said = json(&output);
        assert_eq!(output.status.code(), Some(0), "{said}");
        assert_eq!(said["played"], said["steps"], "{said}");
        assert!(said["decisions"].as_u64().unwrap() >= 2, "{said}");
    }
    let all = replay(&state, &["--all", "--json"]);
    assert_eq!(all.status.code(), Some(0), "{}", json(&all));

    let unrecorded = dir.path().join("unrecorded");
    demo(&unrecorded);
    let refused = replay(&unrecorded, &["demo-a-refund", "--cassette"]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(2), "{said}");
    assert!(said.contains("was not recorded") && said.contains("content: 0.05"), "{said}");
}

/// Whatever is changed on a tape, playing it stops there and says what was recorded and what came.
#[test]
fn a_changed_tape_stops_at_its_first_difference() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    run(&["demo", "--quick", "--record", "--state", &state.display().to_string()], &[]);
    let content = |of: ContentOf, nth: usize, change: &dyn Fn(&mut Content)| {
        played(&state, |entries| {
            let mut all =
                entries.iter_mut().filter_map(|cassette::Read { seq, entry, .. }| match &mut entry.body {
                    EntryBody::Content(content) if entry.session == "demo-b-inbox" && content.of == of => {
                        Some((*seq, content))
                    }
                    _ => None,
                });
            let (seq, content) = all.nth(nth).unwrap();
            change(content);
            seq
        })
    };
    // The model says something else: another act is decided than on record.
    let (_, difference) = content(ContentOf::Answer, 2, &|answer| {
        assert!(answer.text.contains("1840"), "{}", answer.text);
        answer.text = answer.text.replace("1840", "1841");
    });
    let difference = difference.unwrap();
    assert!(difference.recorded.contains("desk.pay_invoice"), "{difference:?}");
    assert_ne!(difference.recorded, difference.again);
    // The client says something else: the model was never asked that.
    let (changed, difference) = content(ContentOf::Request, 0, &|request| {
        request.text = request.text.replace("what is new in the inbox", "what is old in the inbox");
    });
    assert!(difference.is_some_and(|difference| difference.entry >= changed));
    // A secret was taken out of a request.
    let (changed, difference) = content(ContentOf::Request, 1, &|request| request.redacted = true);
    assert!(difference.is_some_and(|d| d.entry == changed && d.recorded.contains("secret")));
    // An answer to something that nobody asks.
    let (_, difference) = played(&state, |entries| {
        let is_call = |entry: &Entry| {
            matches!(&entry.body, EntryBody::Content(c) if c.of == ContentOf::Call)
                && entry.session == "demo-b-inbox"
        };
        let at = entries.iter().rposition(|read| is_call(&read.entry)).unwrap();
        entries.remove(at).seq
    });
    assert!(difference.is_some_and(|difference| difference.again == "nobody asked for it"));
    // Nothing is changed.
    let (_, difference) = played(&state, |_| 0);
    assert_eq!(difference, None);
}

/// The models of today are asked, tools are not: where a model wants the same, the same is decided, and where it wants
/// something else, that is told.
#[test]
fn a_conversation_is_played_with_live_models_and_recorded_tools() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state").display().to_string();
    run(&["demo", "--quick", "--record", "--state", &state], &[]);
    let repo = dir.path().join("repo");
    repository(&repo, &[]);
    let repo = repo.display().to_string();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let model = runtime.block_on(mock::spawn(MockOptions::default())).unwrap();
    let model_url = model.base_url().trim_end_matches("/v1").to_owned();
    let live = |session: &str, url: &str, times: &str| {
        // Nobody listens where the tools are said to be.
        let env =
            [("PLIMSOLL_STATE", state.as_str()), ("MODEL_URL", url), ("DESK_URL", "http://127.0.0.1:1")];
        let args = ["replay", session, "--live", "--times", times, "--repo", repo.as_str(), "--json"];
        command(&args, &env).output().unwrap()
    };
    // A check, an injection, an approval by a person.
    for session in ["demo-a-refund", "demo-b-inbox", "demo-c-delete"] {
        let output = live(session, &model_url, "2");
        let said = json(&output);
        assert_eq!(output.status.code(), Some(0), "{said}");
        assert_eq!(said["runs"].as_array().map(Vec::len), Some(2), "{said}");
        assert_eq!(said["runs"][0]["played"], said["runs"][0]["steps"], "{said}");
        assert!(said["runs"][0]["acts"].as_u64().unwrap() >= 3, "{said}");
    }
    // A model that wants nothing.
    let (url, asked) = unwilling();
    let output = live("demo-b-inbox", &url, "1");
    let said = json(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    let departure = &said["runs"][0]["departure"];
    assert!(departure["recorded"][0].as_str().unwrap().starts_with("desk.list_mail"), "{said}");
    assert_eq!(departure["live"], Value::Array(Vec::new()), "{said}");
    assert!(
        asked.recv().unwrap().contains("what is new in the inbox"),
        "the model was asked what was asked then"
    );
    // No model at all is no departure.
    let output = live("demo-b-inbox", "http://127.0.0.1:1", "1");
    assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stderr));
    // What was sent to them was read first: once for each command, however many runs it made.
    let reads = run(&["log", "--kind", "read", "--json"], &[("PLIMSOLL_STATE", &state)]);
    let live = |session: &str| reads.matches(&format!("\"replay {session} --live\"")).count();
    assert_eq!((live("demo-a-refund"), live("demo-b-inbox"), live("demo-c-delete")), (1, 3, 1), "{reads}");
}

/// A model that calls no tool, and what it was asked.
fn unwilling() -> (String, std::sync::mpsc::Receiver<String>) {
    use std::io::{Read as _, Write as _};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (tell, asked) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = Vec::new();
        let mut piece = [0; 4_096];
        while !request.ends_with(b"}") {
            let read = stream.read(&mut piece).unwrap();
            assert!(read > 0, "the request ended early");
            request.extend_from_slice(&piece[..read]);
        }
        let body = r#"{"id":"x","object":"chat.completion","model":"m","choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":"I would rather not."}}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}"#;
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
        tell.send(String::from_utf8(request).unwrap()).unwrap();
    });
    (url, asked)
}

/// What happened becomes a drill that the rules of that day pass, and looser ones don't.
#[test]
fn a_conversation_becomes_a_drill() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    run(&["demo", "--quick", "--record", "--state", &state.display().to_string()], &[]);
    let (same, loose) = (dir.path().join("same"), dir.path().join("loose"));
    repository(&same, &[]);
    let tier = (
        "tools/desk.yaml",
        "delete_customer: {tier: dangerous, effect: destructive",
        "delete_customer: {tier: safe, effect: read",
    );
    let people =
        ("workflows/support.yaml", "decides: {people: [reviewer], expires: 15m}", "decides: automated");
    repository(&loose, &[tier, people]);
    let sessions = ["demo-a-refund", "demo-b-inbox", "demo-c-delete", "demo-d-stopped"];
    let written = sessions.map(|session| {
        let file = same.join(format!("drills/{session}.yaml"));
        let name = file.display().to_string();
        assert_eq!(replay(&state, &[session, "--to-drill", &name]).status.code(), Some(0));
        assert_eq!(
            replay(&state, &[session, "--to-drill", &name]).status.code(),
            Some(2),
            "it is there already"
        );
        std::fs::copy(&file, loose.join(format!("drills/{session}.yaml"))).unwrap();
        std::fs::read_to_string(&file).unwrap()
    });
    let inbox = &written[1];
    assert!(inbox.contains("drill: \"demo-b-inbox\"") && inbox.contains("DE52999100000012345678"), "{inbox}");
    assert!(written[3].contains("decision: allow}  # on record, entry"), "{}", written[3]);
    let refused = replay(&state, &["demo-a-refund", "--to-drill", "a-refund.txt"]);
    assert_eq!(refused.status.code(), Some(2), "a drill is a file of YAML");
    // Nothing is wrong with what was written, and it ends as it says.
    let drilled = |repo: &Path| {
        let (repo, mut args) = (repo.display().to_string(), vec!["drill", "run", "--json", "--repo"]);
        args.push(&repo);
        args.extend(sessions);
        let output = command(&args, &[]).output().unwrap();
        let ran: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
        (output.status.code(), ran)
    };
    let (code, ran) = drilled(&same);
    assert_eq!(code, Some(0), "{ran:?}");
    assert!(ran.iter().all(|drill| drill["passed"] == true) && ran.len() == sessions.len(), "{ran:?}");
    let expected: usize = written.iter().map(|text| text.matches("decision: ").count()).sum();
    assert_eq!(expected, 10, "a call that was judged has its expectation");
    let (code, ran) = drilled(&loose);
    assert_eq!(code, Some(1), "{ran:?}");
    let failed: Vec<&Value> = ran.iter().filter(|drill| drill["passed"] == false).collect();
    assert!(!failed.is_empty(), "{ran:?}");
    for failure in failed.iter().flat_map(|drill| drill["failures"].as_array().unwrap()) {
        let what = failure["what"].as_str().unwrap();
        assert!(
            what.contains("desk.delete_customer") && what.contains("expected hold; decided allow"),
            "{what}"
        );
    }
}

/// A conversation whose words were erased says so, and by which act; so does one that this program has no key for.
#[test]
fn an_erased_conversation_is_not_called_unrecorded() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    run(&["demo", "--quick", "--record", "--state", &state.display().to_string()], &[]);
    let env = [("PLIMSOLL_STATE", state.to_str().unwrap()), ("USER", "ines")];
    let drill = dir.path().join("drill.yaml").display().to_string();
    let ways = [&["--to-drill", drill.as_str()][..], &["--cassette"], &["--live", "--repo", "/nowhere"]];
    let refused = |session: &str, way: &[&str]| {
        let output = replay(&state, &[&[session], way].concat());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(!said.contains("was not recorded") && !Path::new(&drill).exists(), "{said}");
        said
    };
    for (class, session, whose, words) in [
        ("content", "demo-b-inbox", ["--session", "demo-b-inbox"], "the recorded words of entry"),
        ("arguments", "demo-a-refund", ["--session", "demo-a-refund"], "the arguments of entry"),
        ("identity", "demo-c-delete", ["--subject", "support-agent"], "the names of entry"),
    ] {
        let what = ["--class", class, "--reason", "request 4711", "--json"];
        let erase = [&["erase"], &whose[..], &what].concat();
        let erased: Value = serde_json::from_str(&run(&erase, &env)).unwrap();
        let by = erased["entry"].as_u64().unwrap();
        for way in ways {
            let said = refused(session, way);
            assert!(said.contains(words) && said.contains("were erased by the act of entry"), "{said}");
            assert!(said.contains(&format!("plimsoll show {by}`")), "{said}");
        }
        let shown = run(&["show", &by.to_string()], &env);
        assert!(shown.contains("ines") && shown.contains("request 4711"), "{shown}");
    }
    // What was never recorded lost nothing.
    let unrecorded = dir.path().join("unrecorded");
    demo(&unrecorded);
    let env = [("PLIMSOLL_STATE", unrecorded.to_str().unwrap())];
    run(&["erase", "--session", "demo-b-inbox"], &env);
    let output = replay(&unrecorded, &["demo-b-inbox", "--cassette"]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("was not recorded"), "{output:?}");

    // Keys that are elsewhere are no erasure.
    std::fs::remove_file(state.join("keys.db")).unwrap();
    let said = refused("demo-d-stopped", &["--cassette"]);
    assert!(said.contains("stay sealed here") && said.contains("its keys are not here"), "{said}");
}

/// Plays the inbox conversation after a change to its entries; what changed, and the first difference.
fn played(
    state: &Path,
    change: impl FnOnce(&mut Vec<cassette::Read>) -> u64,
) -> (u64, Option<cassette::Difference>) {
    #[expect(clippy::disallowed_methods, reason = "a test reads for nobody")]
    let lens = Lens::of_dir(state, &Privacy::default(), None).unwrap();
    let records = LedgerReader::open(state.join("ledger")).unwrap().iter_from(Seq(0)).map(Result::unwrap);
    let mut entries: Vec<cassette::Read> =
        records.map(|record| cassette::Read::of(&record, &lens).unwrap()).collect();
    let changed = change(&mut entries);
    let tape = Tape::of("demo-b-inbox", entries).unwrap();
    let bundle = releases::read(state, &tape.ground).unwrap();
    let own = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let played = runtime.block_on(cassette::play(bundle, tape, own.path())).unwrap();
    (changed, played.difference)
}

/// Refunds become an act that people decide about: it says so, and nothing is newly allowed.
fn stricter(dir: &Path, state: &Path) {
    let candidate = dir.join("stricter");
    let change =
        ("tools/desk.yaml", "refund_order:\n    tier: guarded", "refund_order:\n    tier: dangerous");
    let people = (
        "workflows/support.yaml",
        "desk.refund_order:\n",
        "desk.refund_order:\n    decides: {people: [reviewer], expires: 30m}\n",
    );
    repository(&candidate, &[change, people]);
    let path = candidate.display().to_string();
    let output = replay(state, &["--all", "--candidate", &path, "--json"]);
    let said = json(&output);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(count(&said, "newly_held", "desk.refund_order") >= 1, "{said}");
    assert_eq!(said["changes"]["newly_allowed"], Value::Null, "{said}");
    let any = replay(state, &["--all", "--candidate", &path, "--fail-on", "any"]);
    assert_eq!(any.status.code(), Some(1));
    let text = String::from_utf8(any.stdout).unwrap();
    assert!(text.contains("newly held") && text.contains("desk.refund_order by approval: #"), "{text}");
}

/// Customers may be deleted without asking: that is said first, and fails the command.
fn looser(dir: &Path, state: &Path) {
    let candidate = dir.join("looser");
    let tier = (
        "tools/desk.yaml",
        "delete_customer: {tier: dangerous, effect: destructive",
        "delete_customer: {tier: safe, effect: read",
    );
    let people =
        ("workflows/support.yaml", "decides: {people: [reviewer], expires: 15m}", "decides: automated");
    repository(&candidate, &[tier, people]);
    let path = candidate.display().to_string();
    let output = replay(state, &["--all", "--candidate", &path, "--json"]);
    let said = json(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(count(&said, "newly_allowed", "desk.delete_customer") >= 1, "{said}");
    let never = replay(state, &["--all", "--candidate", &path, "--fail-on", "never"]);
    assert_eq!(never.status.code(), Some(0));
    let base = dir.join("as-it-was");
    repository(&base, &[]);
    let base = base.display().to_string();
    let state = state.display().to_string();
    let args = ["diff", &base, &path, "--observed", &state, "--json", "--no-solver"];
    let said = json(&command(&args, &[]).output().unwrap());
    let allowed = &said["observed"]["changes"]["newly_allowed"];
    assert_eq!(allowed[0]["tool"], "desk.delete_customer", "{}", said["observed"]);
    let one = json(&command(&[&args[..], &["--sessions", "1"]].concat(), &[]).output().unwrap());
    assert_eq!(one["observed"]["sessions"], 1);
}

/// Without the kept release nothing is guessed: each act is listed, and the command can't tell.
fn without_its_release(state: &Path) {
    std::fs::remove_dir_all(state.join("releases")).unwrap();
    let output = replay(state, &["--all", "--json"]);
    let said = json(&output);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert_eq!(said["not_replayable"][0]["why"], "release");
    assert_eq!(
        said["not_replayable"][0]["entries"].as_array().map(|all| all.len() as u64),
        said["acts"].as_u64()
    );
}

/// What the program prints, but for the readings: each of these is on record itself.
fn log(state: &Path) -> String {
    let env = state.display().to_string();
    let said = run(&["log", "--limit", "10000", "--json"], &[("PLIMSOLL_STATE", env.as_str())]);
    said.lines().filter(|line| !line.contains("\"kind\":\"read\"")).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_database_is_built_anew_from_the_segments() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    demo(&state);
    let env = state.display().to_string();
    let env = [("PLIMSOLL_STATE", env.as_str())];
    let before = log(&state);
    let status: Value = serde_json::from_str(&run(&["ledger", "status", "--json"], &env)).unwrap();
    assert_eq!((&status["level"], &status["running"]), (&Value::Bool(true), &Value::Bool(false)));
    // Somebody damages the projection: an entry less, another word.
    let sql = rusqlite::Connection::open(state.join("plimsoll.db")).unwrap();
    sql.execute("DELETE FROM entry WHERE seq % 3 = 1", []).unwrap();
    drop(sql);
    assert_ne!(log(&state), before);
    let told: Value = serde_json::from_str(&run(&["ledger", "reindex", "--json"], &env)).unwrap();
    // With the reading in between.
    assert_eq!(told["entries"].as_u64(), status["entries"].as_u64().map(|entries| entries + 1));
    assert_eq!(log(&state), before);

    let held = plimsoll_ledger::hold(&state.join("ledger")).unwrap();
    let refused = command(&["ledger", "reindex"], &env).output().unwrap();
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(2), "{said}");
    assert!(said.contains("writes this ledger") && said.contains("stop it"), "{said}");
    drop(held);
    assert_eq!(log(&state), before, "a refusal threw nothing away");
}

/// An older program took a request to break the glass for unreadable and left a row that says nothing. The ledger has it
/// whole, so building the database anew brings it back.
#[test]
fn a_row_that_an_older_program_gave_up_is_built_anew() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    demo(&state);
    let seq = breaks_the_glass(&state);
    let env = state.display().to_string();
    let env = [("PLIMSOLL_STATE", env.as_str())];
    let grants = || run(&["log", "--kind", "grant", "--json"], &env);
    let before = grants();
    assert!(before.contains("case 17") && before.contains(&format!("\"seq\":{seq}")), "{before}");
    let sql = rusqlite::Connection::open(state.join("plimsoll.db")).unwrap();
    let given_up = "UPDATE entry SET kind = 'unreadable', id = '', at = 0, principal = '' WHERE seq = ?";
    assert_eq!(sql.execute(given_up, [seq.cast_signed()]).unwrap(), 1);
    drop(sql);
    assert_eq!(grants(), "");
    run(&["ledger", "reindex"], &env);
    assert_eq!(grants(), before);
}

/// Puts a request to break the glass on record; its number.
fn breaks_the_glass(state: &Path) -> u64 {
    let (ledger, _) = Ledger::open(LedgerOptions::new(state.join("ledger"))).unwrap();
    let vault = Vault::open_dir(state, &Privacy::default(), None).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let store = Store::open(&state.join("plimsoll.db")).await.unwrap();
        let custodian = Custodian { store, vault, ledger };
        let grant = Grant {
            ticket: "G-1".to_owned(),
            state: GrantState::Asked,
            by: "rosa".to_owned(),
            person: "rosa".to_owned(),
            classes: [FieldClass::Content].into(),
            until: jiff::Timestamp::now(),
            reason: "case 17".to_owned(),
        };
        let seq = custodian.record("rosa", EntryBody::Grant(Box::new(grant))).await.unwrap();
        custodian.project().await.unwrap();
        seq
    })
}
