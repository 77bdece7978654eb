//! `plimsoll mock`: a model and tool servers to practise against.

use std::process::ExitCode;

use clap::ValueEnum;
use plimsoll_drill::{mcp, mock};
use tokio::net::TcpListener;

use crate::talk::{self, Done};

/// Run the mock model, or a mock MCP server, for trying things without a provider
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The mock model speaks OpenAI Chat and Responses and Anthropic Messages; what it does is chosen by the
model's name: scripted, echo, gullible, refuse, slow, truncating, malformed, flaky, huge, parallel, support.
`gullible` obeys [[call TOOL {json}]] and [[say TEXT]] wherever it reads them."
)]
pub struct Mock {
    /// Where to listen
    #[arg(long, default_value = "127.0.0.1:7310")]
    listen: String,
    /// Serve this MCP server instead of the model
    #[arg(long, value_enum)]
    mcp: Option<Server>,
    /// Speak MCP over standard input and output
    #[arg(long, requires = "mcp")]
    stdio: bool,
    /// Append each executed effect of the desk server to this file, synced before it is answered
    #[arg(long, value_name = "FILE")]
    effects: Option<std::path::PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Server {
    /// Orders, customers, mail, payments
    Desk,
    /// What the MCP conformance suite asks for
    Conformance,
    /// Rug pulls, oversized answers, garbage
    Hostile,
}

impl Mock {
    pub fn run(self) -> Done {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        runtime.block_on(async {
            let desk = mcp::desk::DeskOptions {
                effects_file: self.effects.clone(),
                bearer: std::env::var("DESK_TOKEN").ok(),
                ..Default::default()
            };
            let hostile = mcp::hostile::HostileOptions::default;
            if self.stdio {
                match self.mcp {
                    Some(Server::Conformance) => mcp::conformance::serve_stdio().await?,
                    Some(Server::Hostile) => mcp::hostile::serve_stdio(hostile()).await?,
                    _ => mcp::desk::serve_stdio(desk).await?,
                }
                return Ok(ExitCode::SUCCESS);
            }
            let listener = TcpListener::bind(&self.listen).await?;
            talk::say(format!("listening on http://{}", listener.local_addr()?));
            match self.mcp {
                None => mock::serve(listener, mock::MockOptions::default()).await?,
                Some(Server::Desk) => mcp::desk::serve(listener, desk).await?,
                Some(Server::Conformance) => mcp::conformance::serve(listener).await?,
                Some(Server::Hostile) => mcp::hostile::serve(listener, hostile()).await?,
            }
            Ok(ExitCode::SUCCESS)
        })
    }
}
