//! The command line: the one place that writes to a terminal, reads the environment and knows exit codes.
//!
//! Standard output is data, standard error is talk. Exit codes: 0 yes, 1 no, 2 could not tell.
#![forbid(unsafe_code)]

mod agent;
mod bench;
mod chain;
mod cmd;
mod repo;
mod system;
mod talk;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The control plane for AI workflows: what an AI proposes happens only after it was identified,
/// labelled, decided, recorded and, where a person must decide, approved.
#[derive(Debug, Parser)]
#[command(name = "plimsoll", version, max_term_width = 100, after_help = AFTER_HELP)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
First steps:
  plimsoll demo                     see it work, with nothing but this program
  plimsoll init --mcp 'CMD ARGS'    write a workflow repository for the tools you have
  plimsoll check                    what is missing in it, with file, line and fix
  plimsoll up                       run the gateway
Exit codes: 0 yes, 1 no, 2 could not tell.";

#[derive(Debug, Subcommand)]
enum Command {
    /// See it work: a support desk, a model that obeys anybody, and four short conversations
    Demo(cmd::demo::Demo),
    /// Write a workflow repository for the MCP servers you have
    Init(cmd::init::Init),
    /// Validate a workflow repository: every mistake with file, line and fix
    Check(cmd::check::Check),
    /// Run the gateway for a workflow repository
    Up(cmd::up::Up),
    /// Look at repository, ledger, database and tool servers, and say what is wrong
    Doctor(cmd::doctor::Doctor),
    /// Relay one tool server of a running gateway over standard input and output, for a client's config
    Mcp(cmd::mcp::Mcp),
    /// Make, list and revoke API keys and admin keys
    Key(cmd::key::Key),
    /// Measure what it costs: the gateway against the least that a proxy can do
    Bench(cmd::bench::Bench),
    /// Run the mock model or a mock MCP server, for trying things without a provider
    Mock(cmd::mock::Mock),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command {
        Command::Demo(args) => args.run(),
        Command::Init(args) => args.run(),
        Command::Doctor(args) => args.run(),
        Command::Check(args) => args.run(),
        Command::Up(args) => args.run(),
        Command::Mcp(args) => args.run(),
        Command::Key(args) => args.run(),
        Command::Bench(args) => args.run(),
        Command::Mock(args) => args.run(),
    };
    done.unwrap_or_else(|error| {
        talk::error(&error);
        ExitCode::from(2)
    })
}
