//! `plimsoll mcp`: the tool door for a client that knows how to start a program and nothing else.
//!
//! An MCP server on standard input and output, one message a line, that relays to a running gateway over HTTP. It
//! holds the client's key and no other credential, and it decides nothing: what it can't read it passes on, so that
//! the gateway says what is wrong with it. Standard output carries the protocol alone; talk goes to standard error.

mod door;
mod lines;
mod relay;
mod tools;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};

use self::door::Door;
use self::lines::Lines;
use self::relay::Relay;
use crate::talk::{Done, Error};

/// Relay one tool server of a running gateway over standard input and output, for a client's config
#[derive(Debug, clap::Args)]
#[command(after_help = "In a client's config, for example:
  {\"mcpServers\": {\"desk\": {\"command\": \"plimsoll\", \"args\": [\"mcp\", \"desk\"], \"env\": {\"PLIMSOLL_KEY\": \"plk_…\"}}}}
Environment: PLIMSOLL_KEY is the API key, unless --key-file names a file that holds it.")]
pub struct Mcp {
    /// The tool server, as the gateway's /mcp/<SERVER> names it
    server: String,
    /// The gateway's data listener
    #[arg(long, env = "PLIMSOLL_URL", default_value = "http://127.0.0.1:7300", value_name = "URL")]
    url: String,
    /// A file that holds the API key
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
}

impl Mcp {
    pub fn run(self) -> Done {
        let door = Door::new(&self.url, &self.server, &self.key()?)?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let done = runtime.block_on(serve(door));
        // A read of standard input can't be taken back: waiting for it would wait for the client.
        runtime.shutdown_background();
        done.map(|()| ExitCode::SUCCESS)
    }

    fn key(&self) -> Result<String, Error> {
        let key = match &self.key_file {
            Some(path) => std::fs::read_to_string(path)
                .map_err(|error| Error::new(format!("the key file {}: {error}", path.display())))?,
            None => std::env::var("PLIMSOLL_KEY").unwrap_or_default(),
        };
        match key.trim() {
            "" => Err(Error::new("there is no API key to come in with").help(
                "make one with `plimsoll key create`, then set PLIMSOLL_KEY or name a file with --key-file",
            )),
            key => Ok(key.to_owned()),
        }
    }
}

/// Takes lines until the client closes standard input or ends us.
async fn serve(door: Door) -> Result<(), Error> {
    let relay = Arc::new(Relay::new(door));
    let mut lines = Lines::new(tokio::io::stdin());
    let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    loop {
        let line = tokio::select! {
            line = lines.next() => line?,
            _ = term.recv() => break,
            _ = int.recv() => break,
        };
        let Some(line) = line else {
            relay.drain().await;
            break;
        };
        if !line.trim_ascii().is_empty() {
            relay.take(line).await;
        }
    }
    relay.leave().await;
    Ok(())
}
