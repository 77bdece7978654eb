//! `plimsoll tools review`: what the tool servers describe otherwise than a person reviewed, and the new pins once
//! somebody has read it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Zoned;
use plimsoll_bundle::diff::Level;
use plimsoll_bundle::pin::{Finding, Lock, Stands, review, show_hidden};
use plimsoll_bundle::propose::lines;
use plimsoll_bundle::{Reach, Server, ToReview};
use plimsoll_gateway::upstream::mcp::{Discovered, discover};
use serde_json::{Value, json};

use crate::repo::Repo;
use crate::talk::{self, Colour, Done, Error, colour, paint};

/// Read what tool servers changed about their tools, and pin what a person accepts
#[derive(Debug, clap::Args)]
pub struct Tools {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Compare each server's tools with its lock file, in the words of `plimsoll diff`
    Review(Review),
}

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Each server is started or reached once, to read its tools; nothing is called.

Examples:
  plimsoll tools review                                  every server of the repository
  plimsoll tools review desk                             one of them
  plimsoll tools review desk --accept refund_order --as ada
  plimsoll tools review desk --accept-all --as ada       after reading all of it

Exit codes, by the highest level that is not accepted: 0 none, 1 info, 3 notice, 4 review, 5 owner; 2 a
server or the repository can't be read.")]
struct Review {
    /// The server; every one when none is named
    #[arg(value_name = "SERVER")]
    server: Option<String>,
    #[command(flatten)]
    repo: Repo,
    /// Pin this tool as it is now (or take its pin out, when it is gone): TOOL, or SERVER.TOOL
    #[arg(long, value_name = "TOOL", requires = "person", num_args = 1..)]
    accept: Vec<String>,
    /// The same for everything that was shown
    #[arg(long, requires = "person", conflicts_with = "accept")]
    accept_all: bool,
    /// Who read it, as in people.yaml
    #[arg(long = "as", value_name = "PERSON")]
    person: Option<String>,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

/// A server as it was found.
struct Seen {
    server: Arc<Server>,
    path: PathBuf,
    lock: Lock,
    live: Discovered,
    findings: Vec<Finding>,
}

impl Tools {
    pub fn run(self) -> Done {
        match self.what {
            What::Review(review) => review.run(),
        }
    }
}

impl Review {
    fn run(self) -> Done {
        let to_review = self.repo.to_review()?;
        self.known_person(&to_review)?;
        let servers = self.servers(&to_review)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let mut seen = Vec::new();
        for server in servers {
            seen.push(self.see(&runtime, server)?);
        }
        let named = self.names(&to_review, &seen);
        for one in &mut seen {
            one.findings = review(&one.server, &one.lock, &one.live.tools, &named);
        }
        let accepted = self.accepted(&seen)?;
        let open = seen.iter().flat_map(|one| one.findings.iter().map(move |finding| (one, finding)));
        let open = open.filter(|(one, finding)| !accepted.contains(&full(one, finding)));
        let highest = open.map(|(_, finding)| finding.level()).max();
        match self.json {
            true => talk::data(told(&seen, &accepted).to_string()),
            false => show(&seen, &accepted),
        }
        for one in seen.iter_mut().filter(|one| one.findings.iter().any(|f| accepted.contains(&full(one, f))))
        {
            write(one, &accepted, self.person.as_deref().unwrap_or_default())?;
        }
        Ok(super::diff::exit_of(highest))
    }

    /// A name that nobody answers for reviews nothing.
    fn known_person(&self, to_review: &ToReview) -> Result<(), Error> {
        let Some(person) = &self.person else { return Ok(()) };
        let people = &to_review.people.roles;
        if people.is_empty() || people.contains_key(person) {
            return Ok(());
        }
        let near = plimsoll_bundle::suggest::nearest(person, people.keys().map(String::as_str));
        let help = near
            .map_or_else(|| "name one of its people".to_owned(), |near| format!("did you mean `{near}`?"));
        Err(Error::new(format!("people.yaml knows no `{person}`")).help(help))
    }

    fn servers<'r>(&self, to_review: &'r ToReview) -> Result<Vec<&'r Arc<Server>>, Error> {
        if let Some(first) = to_review.found.first() {
            let message = format!("{}: {}", first.file, first.message);
            return Err(Error::new(message).help("`plimsoll check` says more"));
        }
        let remote = to_review.servers.values().filter(|server| !matches!(server.reach, Reach::Local));
        let Some(name) = &self.server else { return Ok(remote.collect()) };
        let found: Vec<_> = remote.filter(|server| server.name == *name).collect();
        if found.is_empty() {
            let near = plimsoll_bundle::suggest::nearest(name, to_review.servers.keys().map(String::as_str));
            let error = Error::new(format!("no server `{name}` is reached over MCP here"));
            return Err(error.help(near.map_or_else(
                || "servers are declared in tools/*.yaml".to_owned(),
                |near| format!("did you mean `{near}`?"),
            )));
        }
        Ok(found)
    }

    fn see(&self, runtime: &tokio::runtime::Runtime, server: &Arc<Server>) -> Result<Seen, Error> {
        let path = self.repo.repo.join(format!("tools/{}.lock.json", server.name));
        let told = |why: String| Error::new(format!("{}: {why}", path.display()));
        let lock = match std::fs::read_to_string(&path) {
            Ok(text) => Lock::parse(&text).map_err(told)?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Lock::default(),
            Err(error) => return Err(told(error.to_string())),
        };
        let live = runtime.block_on(discover(Server::clone(server)))?;
        Ok(Seen { server: Arc::clone(server), path, lock, live, findings: Vec::new() })
    }

    /// The tools of every server: as they are, where somebody looked, else as they are pinned.
    fn names(&self, to_review: &ToReview, seen: &[Seen]) -> BTreeMap<String, BTreeSet<String>> {
        let pinned = |server: &Arc<Server>| server.tools.keys().cloned().collect::<BTreeSet<_>>();
        let mut named: BTreeMap<_, _> =
            to_review.servers.values().map(|server| (server.name.clone(), pinned(server))).collect();
        for one in seen {
            let live = one.live.tools.iter().filter_map(|tool| tool["name"].as_str().map(str::to_owned));
            named.insert(one.server.name.clone(), live.collect());
        }
        named
    }

    /// What this run accepts, as `server.tool`.
    fn accepted(&self, seen: &[Seen]) -> Result<BTreeSet<String>, Error> {
        let all = || seen.iter().flat_map(|one| one.findings.iter().map(move |finding| (one, finding)));
        let mut accepted = BTreeSet::new();
        if self.accept_all {
            accepted = all().filter(|(_, f)| f.can_be_accepted()).map(|(one, f)| full(one, f)).collect();
        }
        for wanted in &self.accept {
            let names = |(one, finding): &(&Seen, &Finding)| {
                finding.tool == *wanted && self.server.as_ref().is_none_or(|s| *s == one.server.name)
                    || full(one, finding) == *wanted
            };
            let found: Vec<_> = all().filter(names).collect();
            match &found[..] {
                [] => {
                    return Err(Error::new(format!("nothing changed about a tool `{wanted}`"))
                        .help("`plimsoll tools review` lists what did"));
                }
                [(one, finding)] if finding.can_be_accepted() => {
                    accepted.insert(full(one, finding));
                }
                [_] => {
                    return Err(Error::new(format!(
                        "`{wanted}` can't be pinned: its server describes it twice"
                    )));
                }
                _ => {
                    return Err(Error::new(format!("more than one server has a `{wanted}`"))
                        .help("write SERVER.TOOL"));
                }
            }
        }
        Ok(accepted)
    }
}

fn full(one: &Seen, finding: &Finding) -> String {
    format!("{}.{}", one.server.name, finding.tool)
}

fn show(seen: &[Seen], accepted: &BTreeSet<String>) {
    let on = colour();
    if seen.iter().all(|one| one.findings.is_empty()) {
        talk::say("every tool is as it was pinned");
    }
    for one in seen.iter().filter(|one| !one.findings.is_empty()) {
        talk::data(paint(Colour::Bold, &one.server.name, on));
        for finding in &one.findings {
            let tick = if accepted.contains(&full(one, finding)) { " [accepted]" } else { "" };
            let level = finding.level();
            let tint = if level == Level::Owner { Colour::Red } else { Colour::Yellow };
            let name = show_hidden(&finding.tool);
            talk::data(format!("  {} {name}{tick}", paint(tint, level.name(), on)));
            for said in &finding.said {
                talk::data(format!("      {}", said.what));
                talk::data(format!(
                    "        {}",
                    paint(Colour::Dim, &format!("{}: {}", said.rule.id, said.rule.why), on)
                ));
            }
        }
        next(one);
    }
}

/// What the YAML beside the lock file needs.
fn next(one: &Seen) {
    let file = format!("tools/{}.yaml", one.server.name);
    for finding in &one.findings {
        let declared = |name: &str| one.server.tools.contains_key(name);
        match &finding.stands {
            Stands::Gone if declared(&finding.tool) => {
                talk::say(format!("  take `{}` out of {file}", show_hidden(&finding.tool)));
            }
            Stands::Renamed(old) if declared(old) => {
                let (old, new) = (show_hidden(old), show_hidden(&finding.tool));
                talk::say(format!(
                    "  call `{old}` `{new}` in {file} and wherever workflows and policies name it"
                ));
            }
            _ => {}
        }
    }
    let is_new = |tool: &&Value| {
        let news = |finding: &Finding| finding.stands == Stands::New && tool["name"] == finding.tool.as_str();
        one.findings.iter().any(news)
            && !one.server.tools.contains_key(tool["name"].as_str().unwrap_or_default())
    };
    let new: Vec<Value> = one.live.tools.iter().filter(is_new).cloned().collect();
    if !new.is_empty() {
        talk::say(format!("  lines to add to {file}, if a workflow shall use them:\n{}", lines(&new)));
    }
}

fn told(seen: &[Seen], accepted: &BTreeSet<String>) -> Value {
    let of = |one: &Seen| {
        let findings = one.findings.iter().map(|finding| {
            let (stands, was) = match &finding.stands {
                Stands::New => ("new", None),
                Stands::Gone => ("gone", None),
                Stands::Renamed(old) => ("renamed", Some(old)),
                Stands::Changed => ("changed", None),
                Stands::Twice => ("twice", None),
            };
            let said = finding.said.iter();
            let said =
                said.map(|said| json!({ "rule": said.rule.id, "level": said.rule.level, "what": said.what }));
            json!({ "tool": finding.tool, "stands": stands, "was": was, "level": finding.level(),
                "said": said.collect::<Vec<_>>(), "accepted": accepted.contains(&full(one, finding)) })
        });
        json!({ "server": one.server.name, "tools": findings.collect::<Vec<_>>() })
    };
    json!({ "servers": seen.iter().map(of).collect::<Vec<_>>() })
}

/// Writes the lock file with what was accepted; every other pin stays as it lies there.
fn write(one: &mut Seen, accepted: &BTreeSet<String>, person: &str) -> Result<(), Error> {
    let live = |name: &str| one.live.tools.iter().find(|tool| tool["name"] == name);
    for finding in
        one.findings.iter().filter(|f| accepted.contains(&format!("{}.{}", one.server.name, f.tool)))
    {
        if let Stands::Renamed(old) = &finding.stands {
            one.lock.unpin(old);
        }
        match live(&finding.tool) {
            Some(tool) => one.lock.pin(tool, person),
            None => one.lock.unpin(&finding.tool),
        }
    }
    one.lock.protocol.clone_from(&one.live.protocol);
    one.lock.pinned_at = Zoned::now().date().to_string();
    std::fs::write(&one.path, one.lock.text(&one.server.name))
        .map_err(|error| Error::new(format!("{}: {error}", one.path.display())))?;
    talk::say(format!(
        "  wrote {} as reviewed by {person}; read its diff before you commit it",
        one.path.display()
    ));
    Ok(())
}
