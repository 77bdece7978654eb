//! `plimsoll approve`: a person's answer to an act that is held.

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::Subcommand;
use jiff::Timestamp;
use plimsoll_console::chain::{arguments, shown};
use plimsoll_console::{question, words};
use plimsoll_core::{Approval, ApprovalState, ArgumentOrigin};
use serde::Deserialize;
use serde_json::json;

use crate::admin_client::{Admin, AdminClient, part};
use crate::cmd::show::print;
use crate::talk::{self, Done, Error};

/// Answer acts that wait for a person
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  export PLIMSOLL_ADMIN_KEY=pla_...     (plimsoll key create --admin --name rosa)
  plimsoll approve list
  plimsoll approve yes T-k3vw9xqd --comment 'customer called'
An answer is bound to the act that was shown: if anything in it changes, it is asked again.")]
pub struct Approve {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// What waits for an answer
    List {
        #[command(flatten)]
        admin: Admin,
        /// Also what is answered or over
        #[arg(long)]
        all: bool,
        #[arg(long)]
        json: bool,
    },
    /// The act as it is bound: arguments, where they came from, why it is held
    Show {
        id: String,
        #[command(flatten)]
        admin: Admin,
        #[arg(long)]
        json: bool,
    },
    /// Let exactly this act happen, once
    Yes(Answer),
    /// Refuse it
    No(Answer),
}

#[derive(Debug, clap::Args)]
struct Answer {
    id: String,
    #[command(flatten)]
    admin: Admin,
    /// Kept on record with your answer
    #[arg(long, default_value = "")]
    comment: String,
    /// Don't ask again
    #[arg(long)]
    yes: bool,
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Deserialize)]
struct Listed {
    approvals: Vec<Approval>,
}

impl Approve {
    pub fn run(self) -> Done {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            match self.verb {
                Verb::List { admin, all, json } => list(&admin.client()?, all, json).await,
                Verb::Show { id, admin, json } => {
                    let approval = fetch(&admin.client()?, &id).await?;
                    tell(&approval, json, true)?;
                    Ok(ExitCode::SUCCESS)
                }
                Verb::Yes(answer) => say(answer, true).await,
                Verb::No(answer) => say(answer, false).await,
            }
        })
    }
}

async fn list(client: &AdminClient, all: bool, json: bool) -> Done {
    let query = if all { "" } else { "?state=open" };
    let listed: Listed = client.get(&format!("/api/approvals{query}")).await?;
    if json {
        for approval in &listed.approvals {
            talk::data(serde_json::to_string(approval)?);
        }
        return Ok(ExitCode::SUCCESS);
    }
    if listed.approvals.is_empty() {
        talk::say("nothing waits for a person");
    }
    let now = Timestamp::now();
    for approval in &listed.approvals {
        talk::data(line(approval, now));
    }
    Ok(ExitCode::SUCCESS)
}

fn line(approval: &Approval, now: Timestamp) -> String {
    let origins: Vec<ArgumentOrigin> =
        serde_json::from_value(approval.page["origins"].clone()).unwrap_or_default();
    let rows = arguments(&approval.page["arguments"], &origins);
    let aims: Vec<String> = rows.iter().take(2).map(|row| format!("{} = {}", row.name, row.value)).collect();
    let expires = match approval.state {
        ApprovalState::Open => format!("  expires {}", words::when(approval.expires_at, now).near),
        _ => String::new(),
    };
    format!(
        "{}  {:<8}  {}  {}  asked by {}{expires}",
        approval.id,
        approval.state.name(),
        shown(&approval.tool),
        shown(&aims.join(", ")),
        shown(&approval.requester)
    )
}

/// Tickets may be named without their `T-`.
async fn fetch(client: &AdminClient, id: &str) -> Result<Approval, Error> {
    let id = if id.starts_with("T-") { id.to_owned() } else { format!("T-{id}") };
    client.get(&format!("/api/approvals/{}", part(&id))).await
}

/// Shows the act: as data, or beside the conversation.
fn tell(approval: &Approval, json: bool, as_data: bool) -> Result<(), Error> {
    if json {
        talk::data(serde_json::to_string(approval)?);
        return Ok(());
    }
    let lines = question::lines(approval, Timestamp::now());
    match as_data {
        true => print(&lines),
        false => lines.iter().for_each(|line| talk::say(&line.text)),
    }
    Ok(())
}

async fn say(answer: Answer, yes: bool) -> Done {
    let client = answer.admin.client()?;
    let approval = fetch(&client, &answer.id).await?;
    tell(&approval, false, false)?;
    if std::io::stdin().is_terminal() && !answer.yes && !confirmed(yes)? {
        talk::say("not answered");
        return Ok(ExitCode::from(1));
    }
    let body = json!({
        "answer": if yes { "yes" } else { "no" },
        // What was shown above, not what the gateway may hold by now.
        "shown": approval.act_digest,
        "comment": answer.comment,
    });
    let after: Approval = client.post(&format!("/api/approvals/{}", part(&approval.id)), &body).await?;
    if answer.json {
        talk::data(serde_json::to_string(&after)?);
        return Ok(ExitCode::SUCCESS);
    }
    talk::data(match after.state {
        ApprovalState::Granted => format!("{} is granted: the identical call may now happen once", after.id),
        ApprovalState::Open => {
            let yes = after.votes.iter().filter(|vote| vote.yes).count();
            format!("{} has {yes} of {} yes; it waits for others", after.id, after.terms.quorum)
        }
        state => format!("{} is {}", after.id, state.name()),
    });
    Ok(ExitCode::SUCCESS)
}

fn confirmed(yes: bool) -> Result<bool, Error> {
    talk::say(if yes { "\nLet exactly this happen, once? [y/N]" } else { "\nRefuse it? [y/N]" });
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    Ok(matches!(line.trim(), "y" | "Y" | "yes"))
}
