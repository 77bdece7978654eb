//! The command line: the one place that writes to a terminal, reads the environment and knows exit codes.
//!
//! Standard output is data, standard error is talk. Exit codes: 0 yes, 1 no, 2 could not tell.
#![forbid(unsafe_code)]
#![expect(unreachable_pub, reason = "a binary has no outside: here `pub` means beyond this module")]

mod admin_client;
mod agent;
mod bench;
mod chain;
mod cmd;
mod drills;
mod opener;
mod replay;
mod repo;
mod signing;
mod system;
mod talk;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// A gateway keeps many small things for long and makes some larger ones for each request. glibc's allocator searches what
/// lies between them, and takes the longer for it the longer the gateway has served (docs/measurements/gateway.md). This one
/// is SQLite's, too. `.cargo/config.toml` tells it to give back what is free.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

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
  plimsoll diff                     what your change makes possible
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
    /// What a change of the repository makes possible: the behaviour diff, for reviewers
    Diff(cmd::diff::Diff),
    /// What the AI may do, signed: make a release, approve it, put it into force, take it back
    Release(cmd::release::Release),
    /// What tool servers changed about their tools, for the person who pins it
    Tools(cmd::tools::Tools),
    /// Compare the world with the release: tools, models, prompts, addresses, certificates
    Drift(cmd::drift::Drift),
    /// Drills: scripted conversations, decided without a model, and compared with what they expect
    Drill(cmd::drill::Drill),
    /// Whether what must always hold does: invariants, proved with cvc5, or tried where it is not installed
    Prove(cmd::prove::Prove),
    /// Run the gateway for a workflow repository
    Up(cmd::up::Up),
    /// Look at repository, ledger, database and tool servers, and say what is wrong
    Doctor(cmd::doctor::Doctor),
    /// Relay one tool server of a running gateway over standard input and output, for a client's config
    Mcp(cmd::mcp::Mcp),
    /// What happened, one entry a line
    Log(cmd::log::Log),
    /// One action chain: who asked, what the model saw, what it proposed, what was decided, what came of it
    Show(cmd::show::Show),
    /// A decision in plain words, for the person accountable for it; or a code's meaning
    Explain(cmd::explain::Explain),
    /// Decide recorded acts again: as they were decided, or as a candidate would decide them
    Replay(cmd::replay::Replay),
    /// Check that a ledger, a pack or a receipt is what it was when it was written
    Verify(cmd::verify::Verify),
    /// The proof that one entry is in the ledger, for somebody who has nothing but trust.txt
    Receipt(cmd::receipt::Receipt),
    /// Hand the ledger to others: a pack that an auditor can check
    Export(cmd::export::Export),
    /// Remember what a ledger was, and cosign only what it grew into
    Witness(cmd::witness::Witness),
    /// Answer acts that wait for a person
    Approve(cmd::approve::Approve),
    /// Stop guarded and dangerous acts, in every mode, within a second
    Stop(cmd::stop::Stop),
    /// Lift a kill switch
    Resume(cmd::stop::Resume),
    /// Destroy the keys of a person or session: nobody can read what was sealed, and every proof still holds
    Erase(cmd::erase::Erase),
    /// Keep the keys of a person or session from erasure and retention, until the hold is lifted
    Hold(cmd::erase::Hold),
    /// Make, list and revoke API keys, admin keys, audit keys; make a key that signs releases
    Key(cmd::key::Key),
    /// Look after the record: how it stands, and building its database anew
    Ledger(cmd::ledger::Ledger),
    /// Measure what it costs, and what a policy costs and stops
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
        Command::Diff(args) => args.run(),
        Command::Release(args) => args.run(),
        Command::Tools(args) => args.run(),
        Command::Drift(args) => args.run(),
        Command::Drill(args) => args.run(),
        Command::Prove(args) => args.run(),
        Command::Up(args) => args.run(),
        Command::Mcp(args) => args.run(),
        Command::Log(args) => args.run(),
        Command::Show(args) => args.run(),
        Command::Explain(args) => args.run(),
        Command::Replay(args) => args.run(),
        Command::Verify(args) => args.run(),
        Command::Receipt(args) => args.run(),
        Command::Export(args) => args.run(),
        Command::Witness(args) => args.run(),
        Command::Approve(args) => args.run(),
        Command::Stop(args) => args.run(),
        Command::Resume(args) => args.run(),
        Command::Erase(args) => args.run(),
        Command::Hold(args) => args.run(),
        Command::Key(args) => args.run(),
        Command::Ledger(args) => args.run(),
        Command::Bench(args) => args.run(),
        Command::Mock(args) => args.run(),
    };
    done.unwrap_or_else(|error| {
        talk::error(&error);
        ExitCode::from(2)
    })
}
