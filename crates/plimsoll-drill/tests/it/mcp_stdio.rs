//! Both eras over a pair of pipes.

use std::sync::Arc;

use plimsoll_drill::mcp::{conformance::Conformance, serve_lines};
use serde_json::{Value, json};
use tokio::io::{
    AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, DuplexStream, Lines, ReadHalf, WriteHalf,
};

struct Peer {
    write: WriteHalf<DuplexStream>,
    lines: Lines<BufReader<ReadHalf<DuplexStream>>>,
}

impl Peer {
    fn start() -> Self {
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        let (read, write) = tokio::io::split(theirs);
        tokio::spawn(serve_lines(Arc::new(Conformance::default()), BufReader::new(read), write));
        let (read, write) = tokio::io::split(ours);
        Self { write, lines: BufReader::new(read).lines() }
    }

    async fn say(&mut self, line: &str) {
        self.write.write_all(format!("{line}\n").as_bytes()).await.unwrap();
    }

    async fn hear(&mut self) -> Value {
        serde_json::from_str(&self.lines.next_line().await.unwrap().unwrap()).unwrap()
    }

    async fn ask(&mut self, message: Value) -> Value {
        self.say(&message.to_string()).await;
        self.hear().await
    }
}

#[tokio::test]
async fn the_session_era_asks_back_in_the_middle() {
    let mut peer = Peer::start();
    let early = peer.ask(json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"})).await;
    assert_eq!(early["error"]["code"], -32600);
    let params = json!({"protocolVersion": "2025-11-25", "capabilities": {"elicitation": {}}});
    let opened = peer.ask(json!({"jsonrpc": "2.0", "id": 2, "method": "initialize", "params": params})).await;
    assert_eq!(opened["result"]["protocolVersion"], "2025-11-25");
    let call = json!({"name": "test_elicitation", "arguments": {"message": "who?"}});
    let question = peer.ask(json!({"jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": call})).await;
    assert_eq!(question["method"], "elicitation/create");
    let result = json!({"action": "decline"});
    let answer = peer.ask(json!({"jsonrpc": "2.0", "id": question["id"], "result": result})).await;
    assert_eq!(answer["id"], 3);
    assert_eq!(answer["result"]["content"][0]["text"], "User response: action=decline, content={}");
}

#[tokio::test]
async fn the_stateless_era_needs_no_opening() {
    let mut peer = Peer::start();
    let meta = json!({"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}});
    let found = peer
        .ask(json!({"jsonrpc": "2.0", "id": 1, "method": "server/discover", "params": {"_meta": meta}}))
        .await;
    assert_eq!(found["result"]["resultType"], "complete");
    let bare = peer.ask(json!({"jsonrpc": "2.0", "id": 2, "method": "server/discover"})).await;
    assert_eq!(bare["error"]["code"], -32602);
    peer.say("this is not json").await;
    assert_eq!(peer.hear().await["error"]["code"], -32700);
}
