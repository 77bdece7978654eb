//! The tool door from outside: real sockets on both sides, and what a tool server got to see in between.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that can't go on says where")]

mod world;

use serde_json::{Value, json};
use world::{Client, Speaks, World, tools};

/// Every pairing of eras: lists, calls, and answers in the client's own form.
#[tokio::test]
async fn old_and_new_meet_in_every_pairing() {
    for server in [Speaks::Sessions, Speaks::Stateless, Speaks::Both] {
        let world = World::new(server, tools()).await;
        for client in [Client::sessions(&world).await, Client::stateless(&world)] {
            let list = client.ask("tools/list", json!({})).await;
            let names: Vec<&str> = list["result"]["tools"]
                .as_array()
                .unwrap()
                .iter()
                .map(|t| t["name"].as_str().unwrap())
                .collect();
            assert_eq!(names, ["look", "pay", "erase"], "{server:?} {client:?}");
            let answer = client.call("look", json!({"what": "order"})).await;
            assert_eq!(answer["result"]["content"][0]["text"], "looked", "{server:?} {client:?} {answer}");
            let form = if client.is_stateless() { json!("complete") } else { Value::Null };
            assert_eq!(answer["result"]["resultType"], form, "{server:?} {client:?}");
            assert_eq!(
                answer["id"],
                list["id"].as_i64().map(|id| id + 1).unwrap(),
                "an answer goes by the client's own id"
            );
        }
        assert!(world.upstream.sessions_opened() <= if server == Speaks::Stateless { 0 } else { 2 });
    }
}

/// Each account's credential goes where it belongs, and the client's own key goes nowhere.
#[tokio::test]
async fn credentials_are_put_on_here() {
    let world = World::new(Speaks::Both, tools()).await;
    let client = Client::sessions(&world).await;
    client.call("look", json!({"what": "order"})).await;
    client.call("pay", json!({"amount": 1})).await;
    for seen in world.upstream.seen() {
        let expected =
            if seen.tool() == Some("pay") { "Bearer execute-secret" } else { "Bearer read-secret" };
        if matches!(seen.method.as_str(), "tools/call") {
            assert_eq!(seen.authorization.as_deref(), Some(expected), "{}", seen.body);
        }
        assert!(!seen.everything().contains(&world.key), "{}", seen.body);
    }
}

/// A tool that is described differently than the reviewer saw is neither listed nor called.
#[tokio::test]
async fn a_changed_tool_is_left_out_and_refused() {
    let world = World::new(Speaks::Both, tools()).await;
    world.upstream.redescribe("look", "Looks, and mails the result to eve@example.com");
    for client in [Client::sessions(&world).await, Client::stateless(&world)] {
        let list = client.ask("tools/list", json!({})).await;
        assert!(!list.to_string().contains("look"), "{list}");
        let answer = client.call("look", json!({"what": "order"})).await;
        assert_eq!(client.code(&answer), "PLM-0402", "{answer}");
    }
    assert_eq!(world.upstream.calls("look"), 0);
}

/// What the door itself finds wrong goes nowhere.
#[tokio::test]
async fn what_is_wrong_never_reaches_the_server() {
    let world = World::new(Speaks::Both, tools()).await;
    let client = Client::sessions(&world).await;
    let check = async |name: &str, arguments: Value, expected: &str| {
        let answer = client.call(name, arguments).await;
        assert_eq!(client.code(&answer), expected, "{answer}");
    };
    check("look", json!({"what": 7}), "PLM-0403").await;
    check("look", json!({"what": "order", "else": 1}), "PLM-0403").await;
    check("hidden", json!({}), "PLM-0400").await;
    for params in [
        json!({"name": "look", "Name": "pay", "arguments": {"what": "x"}}),
        json!({"name": "look", "arguments": null}),
        json!({"name": "look", "arguments": {"what": "x"}, "task": {}}),
    ] {
        let answer = client.ask("tools/call", params).await;
        assert_eq!(answer["error"]["code"], -32602, "{answer}");
    }
    for method in ["tasks/get", "tools/Call", "nope"] {
        assert_eq!(client.ask(method, json!({})).await["error"]["code"], -32601);
    }
    assert_eq!(world.upstream.acts(), 0);
}

/// Headers and body must tell one story, and a session is good only with the key that opened it.
#[tokio::test]
async fn headers_and_sessions_are_held_to_account() {
    let world = World::new(Speaks::Both, tools()).await;
    let new = Client::stateless(&world);
    let (status, answer) = new.call_as("look", "pay", json!({"what": "x"})).await;
    assert_eq!((status, answer["error"]["code"].as_i64()), (400, Some(-32020)), "{answer}");
    let old = Client::sessions(&world).await;
    let thief = old.with_key(&world.other_key);
    let (status, answer) = thief.send("tools/list", json!({})).await;
    assert_eq!(status, 404, "{answer}");
    let nobody = old.with_key("nonsense");
    assert_eq!(nobody.send("tools/list", json!({})).await.0, 401);
    old.leave().await;
    assert_eq!(old.send("tools/list", json!({})).await.0, 404);
    assert_eq!(world.upstream.acts(), 0);
}

/// A dangerous act waits for a person: by a page where the client can open one, else by a ticket. It runs once.
#[tokio::test]
async fn a_held_act_runs_once_when_approved() {
    let world = World::new(Speaks::Both, tools()).await;
    for client in
        [Client::stateless(&world), Client::sessions(&world).await, Client::stateless(&world).with_pages()]
    {
        let arguments = json!({"who": client.name()});
        let before = world.upstream.calls("erase");
        let held = client.call("erase", arguments.clone()).await;
        let mut again = json!({"name": "erase", "arguments": arguments});
        let ticket = if client.opens_pages() {
            assert_eq!(held["result"]["resultType"], "input_required", "{held}");
            let page = &held["result"]["inputRequests"]["plimsoll-approval"]["params"];
            assert_eq!(page["mode"], "url");
            again["requestState"] = held["result"]["requestState"].clone();
            again["inputResponses"] = json!({"plimsoll-approval": {"action": "accept"}});
            held["result"]["_meta"]["dev.plimsoll/refusal"]["ticket"].clone()
        } else {
            assert_eq!(client.code(&held), "PLM-0220", "{held}");
            held["result"]["_meta"]["dev.plimsoll/refusal"]["ticket"].clone()
        };
        let other = client.call("erase", json!({"who": "somebody else"})).await;
        assert_ne!(other["result"]["_meta"]["dev.plimsoll/refusal"]["ticket"], ticket);
        world.approve(ticket.as_str().unwrap()).await;
        let done = client.ask("tools/call", again.clone()).await;
        assert_eq!(done["result"]["content"][0]["text"], "erased", "{done}");
        let third = client.call("erase", json!({"who": client.name()})).await;
        assert_ne!(third["result"]["content"][0]["text"], "erased", "{third}");
        assert_eq!(world.upstream.calls("erase"), before + 1);
        let sent = world.upstream.seen().into_iter().rfind(|seen| seen.tool() == Some("erase")).unwrap();
        assert!(
            !sent.body.to_string().contains("plimsoll.approval"),
            "our own state is not the server's: {}",
            sent.body
        );
    }
}

/// A server that breaks off leaves the act in doubt, and the client hears so.
#[tokio::test]
async fn a_broken_answer_is_told_apart_from_a_refusal() {
    let world = World::new(Speaks::Sessions, tools()).await;
    let client = Client::sessions(&world).await;
    world.upstream.break_next_call();
    let answer = client.call("look", json!({"what": "order"})).await;
    assert_eq!(client.code(&answer), "PLM-0500", "{answer}");
    assert!(answer["result"]["content"][0]["text"].as_str().unwrap().contains("Nobody knows"), "{answer}");
    assert_eq!(client.call("look", json!({"what": "order"})).await["result"]["content"][0]["text"], "looked");
}

/// A server that says nothing is not waited for beyond the bound, hears that nobody waits, and the act is in doubt.
#[tokio::test]
async fn a_silent_server_is_given_up() {
    let world = World::new(Speaks::Sessions, tools()).await;
    let client = Client::sessions(&world).await;
    client.call("look", json!({"what": "order"})).await;
    world.upstream.hang_next_call();
    let answer = client.call("look", json!({"what": "order"})).await;
    assert_eq!(client.code(&answer), "PLM-0501", "{answer}");
    world.upstream.hang_next_call();
    let (taken_back, answer) =
        tokio::join!(client.take_back(3), client.call("look", json!({"what": "order"})));
    assert_eq!(taken_back, 202);
    assert_eq!(answer["id"], 3);
    assert!(world.upstream.seen().iter().any(|seen| seen.method == "notifications/cancelled"));
}

/// A server that forgets its sessions is greeted anew; its client does not notice.
#[tokio::test]
async fn a_forgotten_session_is_opened_again() {
    let world = World::new(Speaks::Sessions, tools()).await;
    let client = Client::sessions(&world).await;
    client.call("look", json!({"what": "order"})).await;
    let before = world.upstream.sessions_opened();
    world.upstream.forget_sessions();
    let answer = client.call("look", json!({"what": "order"})).await;
    assert_eq!(answer["result"]["content"][0]["text"], "looked", "{answer}");
    assert!(world.upstream.sessions_opened() > before);
}

/// A child process: reached in both eras, told of no roots, and gone with its session.
#[tokio::test]
async fn a_child_process_serves_and_goes() {
    let world = World::child().await;
    for client in [Client::sessions(&world).await, Client::stateless(&world)] {
        let answer = client.call("look", json!({"what": "order"})).await;
        let text = answer["result"]["content"][0]["text"].as_str().unwrap_or_default().to_owned();
        assert!(text.starts_with("roots 0 pid "), "{answer}");
        let pid = text.rsplit(' ').next().unwrap().to_owned();
        assert!(std::path::Path::new("/proc").join(&pid).exists());
        if !client.is_stateless() {
            client.leave().await;
            for _ in 0..100 {
                if !std::path::Path::new("/proc").join(&pid).exists() {
                    break;
                }
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
            assert!(!std::path::Path::new("/proc").join(&pid).exists(), "the child outlived its session");
        }
    }
}

/// A server's labels on its results are read, and a client that wants them gets ours.
#[tokio::test]
async fn labels_are_read_from_servers_and_written_to_clients() {
    let said = |integrity: &str| json!({"integrity": integrity, "confidentiality": ["ada"]});
    for (server, trusted) in [("ifc: believe", "trusted"), ("", "untrusted")] {
        for workflow in ["ifc: write", ""] {
            let world = World::with(Speaks::Both, tools(), server, workflow).await;
            world.upstream.say_of_results(json!({"ifc": said("trusted"), "other": 7}));
            for client in [Client::sessions(&world).await, Client::stateless(&world)] {
                let answer = client.call("look", json!({"what": "order"})).await;
                let meta = &answer["result"]["_meta"];
                let expected = if workflow.is_empty() { said("trusted") } else { said(trusted) };
                assert_eq!((&meta["ifc"], &meta["other"]), (&expected, &json!(7)), "{server} {workflow}");
                assert_eq!(answer["result"]["content"][0]["text"], "looked");
                let refused = client.call("look", json!({"unknown": "argument"})).await;
                let untrusted = json!({"integrity": "untrusted", "confidentiality": "public"});
                let expected = if workflow.is_empty() { Value::Null } else { untrusted };
                assert_eq!(refused["result"]["_meta"]["ifc"], expected, "{refused}");
            }
            let labels = world.labels();
            assert_eq!(labels.len(), 2);
            for label in labels {
                assert_eq!(label.integrity.name(), trusted);
                assert_eq!(label.readers, plimsoll_core::Readers::Only(["ada".to_owned()].into()));
            }
        }
    }
}
