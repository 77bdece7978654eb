//! `plimsoll init`: the first workflow repository, from the tools a team already has.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use jiff::Zoned;
use plimsoll_bundle::propose::clients::{self, ClientServer};
use plimsoll_bundle::propose::{FoundServer, ProposedReach, Wishes, repository, server_name};
use plimsoll_bundle::{Provider, Reach, Secret, Server};
use plimsoll_core::Account;
use plimsoll_gateway::upstream::mcp::discover;

use crate::talk::{self, Done, Error};

/// Write a workflow repository for the MCP servers you have, with a proposed tier for every tool
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  plimsoll init --mcp 'npx -y @modelcontextprotocol/server-filesystem /srv/docs'
  plimsoll init --mcp crm=http://127.0.0.1:9000/mcp --mcp 'git=uvx mcp-server-git'
  plimsoll init --config ~/.claude.json
Each server is started or reached once, to read its tools; nothing is called. What only people know stays
TODO in the files, and `plimsoll check` lists it. What servers change later: `plimsoll tools review`.")]
pub struct Init {
    /// Where to write; must hold no plimsoll.yaml yet
    #[arg(default_value = ".")]
    dir: PathBuf,
    /// An MCP server: `command args` or a URL, with `name=` before it to name it; may be repeated
    #[arg(long = "mcp", value_name = "[NAME=]SERVER")]
    servers: Vec<String>,
    /// A client's MCP configuration file (the one with `mcpServers`)
    #[arg(long, value_name = "FILE")]
    config: Vec<PathBuf>,
    /// The environment variable that holds the servers' bearer credential, when they want one
    #[arg(long, value_name = "NAME")]
    credential: Option<String>,
    /// The workflow's name
    #[arg(long, default_value = "assistant")]
    workflow: String,
    /// The project's name; the directory's name when not given
    #[arg(long)]
    project: Option<String>,
    /// Who approves at first, as in people.yaml
    #[arg(long, value_name = "PERSON")]
    person: Option<String>,
    /// Show what would be written
    #[arg(long)]
    dry_run: bool,
}

/// A server as it was named on the command line.
struct Named {
    name: String,
    reach: ProposedReach,
    env: Vec<(String, String)>,
    bearer: Option<String>,
}

impl Init {
    pub fn run(self) -> Done {
        if self.dir.join("plimsoll.yaml").exists() && !self.dry_run {
            return Err(Error::new(format!("{} has a plimsoll.yaml already", self.dir.display()))
                .help("use an empty directory; `plimsoll tools review` looks at its servers again"));
        }
        let named = self.named()?;
        if named.is_empty() {
            return Err(Error::new("no MCP server was named")
                .help("plimsoll init --mcp 'command args', or --config FILE of a client"));
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let mut found = Vec::new();
        for server in &named {
            talk::say(format!("reading the tools of `{}` ...", server.name));
            let discovered = runtime.block_on(discover(resolve(server)))?;
            talk::say(format!("  {} tool(s), MCP {}", discovered.tools.len(), discovered.protocol));
            found.push(FoundServer {
                name: server.name.clone(),
                reach: server.reach.clone(),
                protocol: discovered.protocol,
                tools: discovered.tools,
            });
        }
        let proposal = repository(&self.wishes(), &found);
        if self.dry_run {
            for (path, text) in &proposal.files {
                talk::data(format!("── {path}\n{text}"));
            }
            return Ok(ExitCode::SUCCESS);
        }
        for (path, text) in &proposal.files {
            write(&self.dir.join(path), text)?;
            talk::say(format!("  wrote {path}"));
        }
        self.next_steps(&proposal.environment);
        Ok(ExitCode::SUCCESS)
    }

    fn named(&self) -> Result<Vec<Named>, Error> {
        let mut named: Vec<Named> = Vec::new();
        for text in &self.servers {
            named.push(self.parse(text)?);
        }
        for path in &self.config {
            let text = std::fs::read_to_string(path)
                .map_err(|error| Error::new(format!("{}: {error}", path.display())))?;
            let servers =
                clients::parse(&text).map_err(|error| Error::new(format!("{}: {error}", path.display())))?;
            named.extend(servers.into_iter().map(of_client));
        }
        let mut seen = BTreeMap::new();
        for server in &mut named {
            let count = seen.entry(server.name.clone()).or_insert(0_u32);
            *count += 1;
            if *count > 1 {
                server.name = format!("{}-{count}", server.name);
            }
        }
        Ok(named)
    }

    fn parse(&self, text: &str) -> Result<Named, Error> {
        let (name, rest) = match text.split_once('=') {
            Some((name, rest)) if !name.contains([' ', '/', ':']) => (Some(name), rest),
            _ => (None, text),
        };
        let rest = rest.trim();
        if rest.starts_with("http://") || rest.starts_with("https://") {
            let credential = self.credential.clone();
            let bearer = credential.as_ref().map(std::env::var).transpose().map_err(|_| {
                Error::new(format!("{} is not set", credential.as_deref().unwrap_or_default()))
            })?;
            let name = name.map_or_else(|| name_of_url(rest), server_name);
            return Ok(Named {
                name,
                reach: ProposedReach::Http { url: rest.to_owned(), credential },
                env: Vec::new(),
                bearer,
            });
        }
        let command = words(rest)?;
        let name = name.map_or_else(|| name_of_command(&command), server_name);
        Ok(Named {
            name,
            reach: ProposedReach::Stdio { command, env: Vec::new() },
            env: Vec::new(),
            bearer: None,
        })
    }

    fn wishes(&self) -> Wishes {
        let here = std::path::absolute(&self.dir).unwrap_or_else(|_| self.dir.clone());
        let project = here.file_name().map(|name| name.to_string_lossy().into_owned());
        Wishes {
            project: self.project.clone().or(project).unwrap_or_else(|| "project".to_owned()),
            workflow: self.workflow.clone(),
            person: self.person.clone(),
            providers: vec![Provider::OpenAi, Provider::Anthropic],
            today: Zoned::now().date().to_string(),
        }
    }

    fn next_steps(&self, environment: &[String]) {
        let repo = self.dir.display();
        talk::say("\nNext:");
        talk::say(format!(
            "  1. plimsoll check --repo {repo}     what only you know: owners, failure modes, ways back"
        ));
        let set: Vec<String> = environment.iter().map(|name| format!("{name}=…")).collect();
        talk::say(format!(
            "  2. {} plimsoll up --repo {repo}     it starts in observe mode: it decides and records, and stops nothing",
            set.join(" ")
        ));
    }
}

fn of_client(server: ClientServer) -> Named {
    let bearer = server.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("authorization"));
    let bearer = bearer.map(|(_, value)| value.trim_start_matches("Bearer ").to_owned());
    Named { name: server_name(&server.name), reach: server.reach, env: server.env, bearer }
}

/// The server with its credentials, for this one look.
fn resolve(named: &Named) -> Server {
    let reach = match &named.reach {
        ProposedReach::Http { url, .. } => Reach::Http { url: url.clone() },
        ProposedReach::Stdio { command, .. } => {
            let env = named
                .env
                .iter()
                .map(|(name, value)| (name.clone(), Secret::new(name.as_str(), value.as_str())));
            Reach::Stdio { command: command.clone(), env: env.collect() }
        }
    };
    let accounts = named
        .bearer
        .iter()
        .map(|bearer| (Account::Read, Secret::new("the client's config", bearer.as_str())));
    Server {
        name: named.name.clone(),
        reach,
        accounts: accounts.collect(),
        tools: BTreeMap::new(),
        lock: None,
        reached: None,
        believed: false,
    }
}

fn name_of_url(url: &str) -> String {
    let host = url.split("://").nth(1).unwrap_or(url).split(['/', ':']).next().unwrap_or("server");
    let is_address = host.chars().all(|c| c.is_ascii_digit() || c == '.');
    server_name(if is_address || host == "localhost" {
        "tools"
    } else {
        host.split('.').next().unwrap_or(host)
    })
}

/// `npx -y @scope/server-filesystem /srv` is called `filesystem`.
fn name_of_command(command: &[String]) -> String {
    let runners = ["npx", "uvx", "node", "python", "python3", "uv", "run", "bunx", "docker", "exec"];
    let last = |word: &str| word.rsplit('/').next().unwrap_or(word).to_owned();
    let word = command.iter().find(|word| !word.starts_with('-') && !runners.contains(&last(word).as_str()));
    let name = last(word.or(command.first()).map_or("server", String::as_str));
    let name = name.split('@').next().unwrap_or(&name);
    server_name(
        name.trim_start_matches("mcp-server-")
            .trim_start_matches("server-")
            .trim_end_matches(".py")
            .trim_end_matches(".js"),
    )
}

/// Splits a command line at blanks; quotes keep words together, as in a shell.
fn words(text: &str) -> Result<Vec<String>, Error> {
    let mut words = Vec::new();
    let mut word = String::new();
    let (mut quote, mut begun) = (None, false);
    for c in text.chars() {
        match quote {
            Some(open) if c == open => quote = None,
            Some(_) => word.push(c),
            None if c == '"' || c == '\'' => (quote, begun) = (Some(c), true),
            None if c.is_whitespace() => {
                if begun {
                    words.push(std::mem::take(&mut word));
                }
                begun = false;
            }
            None => {
                word.push(c);
                begun = true;
            }
        }
    }
    if quote.is_some() {
        return Err(Error::new(format!("a quote is not closed in: {text}")));
    }
    if begun {
        words.push(word);
    }
    if words.is_empty() {
        return Err(Error::new("--mcp needs a command or a URL"));
    }
    Ok(words)
}

fn write(path: &Path, text: &str) -> Result<(), Error> {
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    std::fs::write(path, text).map_err(|error| Error::new(format!("{}: {error}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_get_the_names_people_would_give() {
        let name = |text: &str| name_of_command(&words(text).unwrap_or_else(|e| panic!("{e:?}")));
        assert_eq!(name("npx -y @modelcontextprotocol/server-filesystem /srv/docs"), "filesystem");
        assert_eq!(name("uvx mcp-server-git --repository ."), "git");
        assert_eq!(name("python3 'my tools/desk.py'"), "desk");
        assert_eq!(name_of_url("https://crm.example.com/mcp"), "crm");
        assert_eq!(name_of_url("http://127.0.0.1:9000/mcp"), "tools");
    }

    #[test]
    fn quotes_keep_words_together() {
        assert_eq!(words("a 'b c' \"d\"").unwrap_or_default(), ["a", "b c", "d"]);
        assert!(words("a 'b").is_err());
    }
}
