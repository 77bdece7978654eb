//! `plimsoll drift`: the world, held against the release.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use jiff::Zoned;
use plimsoll_bundle::drift::{ModelLock, Seen, World, compare, model_lock, unknown};
use plimsoll_bundle::pin::{Lock, show_hidden};
use plimsoll_bundle::{Bundle, Reach};
use plimsoll_core::{Digest, Drifted};
use plimsoll_gateway::drift::{Looked, digests};
use plimsoll_gateway::upstream::http::HttpClient;
use plimsoll_gateway::upstream::mcp::discover;
use plimsoll_gateway::upstream::reached;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::admin_client::Admin;
use crate::repo::Repo;
use crate::talk::{self, Colour, Done, Error, colour, paint};

/// Compare the world with the release: tools, models, prompts, addresses, certificates, configuration
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Without --gateway it looks from here at what needs no gateway: tools, addresses, certificates. With it, the
running gateway looks, adds what it saw in traffic (names and fingerprints of models, unreleased prompts), and
is told which release this repository holds.

Examples:
  plimsoll drift                                 tools, addresses and certificates, from here
  plimsoll drift --gateway                       what the running gateway sees
  plimsoll drift --gateway --probe               and ask every model a few fixed questions (costs tokens)
  plimsoll drift --gateway --probe --accept --as ada
                                                 write what was seen into the lock files, for review
Exit codes: 0 nothing drifted, 1 something did, 2 not everything could be looked at.")]
pub struct Drift {
    #[command(flatten)]
    repo: Repo,
    /// Ask the running gateway
    #[arg(long)]
    gateway: bool,
    #[command(flatten)]
    admin: Admin,
    /// Let the gateway ask every model the fixed questions
    #[arg(long, requires = "gateway")]
    probe: bool,
    /// Write what was seen of models, addresses and certificates into the lock files
    #[arg(long, requires = "person")]
    accept: bool,
    /// Who read it, as in people.yaml
    #[arg(long = "as", value_name = "PERSON")]
    person: Option<String>,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

/// What was found, from here or by the gateway.
#[derive(Debug, Deserialize)]
struct Found {
    release: Digest,
    drift: Vec<Drifted>,
    #[serde(flatten)]
    looked: Looked,
}

impl Drift {
    pub fn run(self) -> Done {
        // Who looks from here reaches tool servers with their credentials.
        let loaded = self.repo.load(self.gateway)?;
        let tree = loaded.tree;
        let Some(bundle) = loaded.bundle.map(Arc::new) else {
            return Err(Error::new("the workflow repository does not load").help("`plimsoll check` says why"));
        };
        self.known_person(&bundle)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let found = match self.gateway {
            true => {
                let look = json!({ "probe": self.probe, "repository": tree.id() });
                runtime.block_on(self.admin.client()?.post("/api/drift", &look))?
            }
            false => runtime.block_on(look(&bundle))?,
        };
        match self.json {
            true => talk::data(told(&found).to_string()),
            false => show(&found),
        }
        if self.accept {
            accept(
                &self.repo.repo,
                &bundle,
                &found.looked.world,
                self.person.as_deref().unwrap_or_default(),
            )?;
        }
        Ok(ExitCode::from(match (found.looked.failed.is_empty(), found.drift.is_empty() || self.accept) {
            (false, _) => 2,
            (true, false) => 1,
            (true, true) => 0,
        }))
    }

    fn known_person(&self, bundle: &Bundle) -> Result<(), Error> {
        let (Some(person), people) = (&self.person, &bundle.people.roles) else { return Ok(()) };
        if people.is_empty() || people.contains_key(person) {
            return Ok(());
        }
        let near = plimsoll_bundle::suggest::nearest(person, people.keys().map(String::as_str));
        let help = near
            .map_or_else(|| "name one of its people".to_owned(), |near| format!("did you mean `{near}`?"));
        Err(Error::new(format!("people.yaml knows no `{person}`")).help(help))
    }
}

/// Looks from here.
async fn look(bundle: &Bundle) -> Result<Found, Error> {
    let urls = bundle.models.values().map(|model| model.url.as_str());
    let servers = bundle.servers.values().filter_map(|server| match &server.reach {
        Reach::Http { url } => Some(url.as_str()),
        Reach::Stdio { .. } | Reach::Local => None,
    });
    let http = HttpClient::new(urls.chain(servers).any(|url| url.starts_with("https:")))?;
    let mut looked = reached::of_bundle(&http, bundle).await;
    for server in bundle.servers.values().filter(|server| !matches!(server.reach, Reach::Local)) {
        match discover((**server).clone()).await {
            Ok(found) => drop(looked.world.tools.insert(server.name.clone(), digests(server, &found.tools))),
            Err(error) => looked.failed.push(format!("the tools of {}: {error}", server.name)),
        }
    }
    looked.unknown = unknown(bundle);
    let drift = compare(bundle, &looked.world).iter().map(|drifting| drifting.as_fact(bundle)).collect();
    Ok(Found { release: bundle.id, drift, looked })
}

fn show(found: &Found) {
    let on = colour();
    for drift in &found.drift {
        let tint =
            if drift.policy == plimsoll_core::DriftPolicy::Alert { Colour::Yellow } else { Colour::Red };
        let policy = paint(tint, drift.policy.name(), on);
        talk::data(format!(
            "{policy} {} {}: {}",
            drift.of.name(),
            show_hidden(&drift.subject),
            show_hidden(&drift.text)
        ));
    }
    if found.drift.is_empty() {
        talk::say(format!("nothing that was looked at drifted from release {}", found.release.short()));
    }
    for failed in &found.looked.failed {
        talk::say(format!("not looked at: {}", show_hidden(failed)));
    }
    for lacking in &found.looked.unknown {
        talk::say(format!(
            "nothing to hold it against: {lacking} (`plimsoll drift --accept --as YOU` writes it)"
        ));
    }
    if found.drift.iter().any(|drift| drift.of == plimsoll_core::DriftKind::Tools) {
        talk::say("`plimsoll tools review` shows what changed about tools, and pins it");
    }
}

fn told(found: &Found) -> Value {
    json!({ "release": found.release, "drift": found.drift, "failed": found.looked.failed,
        "unknown": found.looked.unknown, "world": found.looked.world })
}

/// Writes what was seen into the lock files. Tools are accepted one by one, by `plimsoll tools review`.
fn accept(repo: &Path, bundle: &Bundle, world: &World, person: &str) -> Result<(), Error> {
    let today = Zoned::now().date().to_string();
    for (id, model) in &bundle.models {
        let (seen, at) = (world.models.get(id), world.models_at.get(id));
        if seen.is_none() && at.is_none() {
            continue;
        }
        let was = model.lock.clone().unwrap_or_default();
        let mut lock = ModelLock { model: id.clone(), ..was.clone() };
        if let Some(seen) = seen {
            let before = std::mem::replace(&mut lock.seen, seen.clone());
            // Without --probe nothing was counted: what was accepted before stays.
            if seen.tokens.is_empty() {
                lock.seen = Seen { tokens: before.tokens, answers: before.answers, ..lock.seen };
            }
        }
        lock.reached = at.cloned().or(lock.reached);
        if lock != was {
            lock.measured_at.clone_from(&today);
            person.clone_into(&mut lock.reviewed_by);
            write(&repo.join(format!("models/{id}.lock.json")), &model_lock(&lock), person)?;
        }
    }
    for (name, at) in &world.servers_at {
        let path = repo.join(format!("tools/{name}.lock.json"));
        let Some(server) = bundle.servers.get(name).filter(|server| server.reached.as_ref() != Some(at))
        else {
            continue;
        };
        let told = |why: String| Error::new(format!("{}: {why}", path.display()));
        let text = std::fs::read_to_string(&path).map_err(|error| told(error.to_string()))?;
        let mut lock = Lock::parse(&text).map_err(told)?;
        lock.reach(at);
        write(&path, &lock.text(&server.name), person)?;
    }
    Ok(())
}

fn write(path: &Path, text: &str, person: &str) -> Result<(), Error> {
    std::fs::write(path, text).map_err(|error| Error::new(format!("{}: {error}", path.display())))?;
    talk::say(format!(
        "wrote {} as accepted by {person}; read its diff before you commit it",
        path.display()
    ));
    Ok(())
}
