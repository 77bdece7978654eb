//! `plimsoll show`: one action chain from top to bottom.

use std::process::ExitCode;

use clap::ValueEnum;
use plimsoll_console::chain::{self, Chain, Line, PART_ENTRIES, Step, Tone, Window};
use serde_json::{Value, json};

use crate::admin_client::{Admin, part};
use crate::opener::{ReadArgs, Record};
use crate::repo::Repo;
use crate::talk::{self, Colour, Done, Error};

/// One action chain: who asked, what the model saw, what it proposed, what was decided, what came of it
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  plimsoll show 42                  the act of entry 42, with the model's answer that proposed it
  plimsoll show s-inbox             a session by the beginning of its id
  plimsoll show s-inbox --newest --entries 50    the end of a long session, latest first
  plimsoll show 42 --settle done    an act in doubt: you looked it up, and it happened
It reads the database beside the gateway, which need not run; --settle needs it, and your admin key.")]
pub struct Show {
    /// Number of an entry, or the beginning of the id of a session, act or request
    id: String,
    #[command(flatten)]
    repo: Repo,
    #[arg(long)]
    json: bool,
    /// Of a long session: begin with this entry
    #[arg(long, value_name = "N")]
    from: Option<u64>,
    /// Of a long session: the latest first
    #[arg(long)]
    newest: bool,
    /// Of a long session: how many entries at once
    #[arg(long, value_name = "N", default_value_t = PART_ENTRIES)]
    entries: usize,
    /// What came of the act in doubt, as the system of record says
    #[arg(long, value_enum)]
    settle: Option<Came>,
    #[command(flatten)]
    read: ReadArgs,
    #[command(flatten)]
    admin: Admin,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Came {
    /// It happened
    Done,
    /// It did not
    Failed,
}

impl Show {
    pub fn run(self) -> Done {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let record = Record::open(&self.repo, &self.read).await?;
            let window = Window { from: self.from, newest_first: self.newest, entries: self.entries };
            let chain = record.find(&self.id, window).await?;
            record.note(&format!("show {}", self.id)).await;
            if let Some(came) = self.settle {
                return self.settle(&chain, came).await;
            }
            match self.json {
                true => talk::data(serde_json::to_string(&chain)?),
                false => {
                    print(&chain::lines(&chain));
                    self.say_more(&chain);
                }
            }
            Ok(ExitCode::SUCCESS)
        })
    }

    /// How to read on.
    fn say_more(&self, chain: &Chain) {
        if let Some(more) = chain.more {
            let order = if self.newest { " --newest" } else { "" };
            talk::say(format!("read on with: plimsoll show {} --from {}{order}", self.id, more.from));
        }
    }

    async fn settle(&self, chain: &Chain, came: Came) -> Done {
        let open: Vec<&chain::Act> = chain
            .steps
            .iter()
            .filter_map(|step| match step {
                Step::Act(act) if matches!(act.verdict(), "in doubt" | "ambiguous") => Some(&**act),
                _ => None,
            })
            .collect();
        let act = match open.as_slice() {
            [only] => only,
            [] => return Err(Error::new(format!("nothing of `{}` is in doubt", self.id))),
            several => {
                let ids: Vec<String> =
                    several.iter().map(|act| format!("{} ({})", act.seq, act.tool)).collect();
                return Err(Error::new("several acts of it are in doubt")
                    .help(format!("name one: {}", ids.join(", "))));
            }
        };
        let body = json!({ "done": came == Came::Done });
        let path = format!("/api/acts/{}/settle", part(&act.ids.act));
        let _settled: Value = self.admin.client()?.post(&path, &body).await?;
        let what = if came == Came::Done { "happened" } else { "did not happen" };
        talk::data(format!("settled: {} (#{}) {what}", act.tool, act.seq));
        Ok(ExitCode::SUCCESS)
    }
}

/// Lines as data.
pub fn print(lines: &[Line]) {
    for line in lines {
        talk::data(paint(line.tone, &line.text));
    }
}

/// One line in its colour, where colour is wanted.
pub fn paint(tone: Tone, text: &str) -> String {
    let colour = match tone {
        Tone::Plain => return text.to_owned(),
        Tone::Title => Colour::Bold,
        Tone::Good => Colour::Green,
        Tone::Warn => Colour::Yellow,
        Tone::Bad => Colour::Red,
        Tone::Quiet => Colour::Dim,
    };
    talk::paint(colour, text, talk::colour())
}
