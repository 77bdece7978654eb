//! A look at the world: tools, addresses, certificates, and models if they are to be asked.

use std::collections::BTreeMap;
use std::sync::Arc;

use plimsoll_bundle::drift::{Drifting, World, unknown};
use plimsoll_bundle::{Bundle, Reach, Server};
use plimsoll_core::Digest;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::gateway::Gateway;
use crate::operate::Operator;
use crate::upstream::reached;

/// What to look at besides tools, addresses and certificates.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Look {
    /// Ask every model the fixed questions: a few short calls, on record like any other.
    #[serde(default)]
    pub probe: bool,
    /// The release that the repository holds, from whoever has both at hand.
    #[serde(default)]
    pub repository: Option<Digest>,
}

/// What a look found.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Looked {
    pub world: World,
    /// What could not be looked at, and why.
    pub failed: Vec<String>,
    /// What has no baseline.
    pub unknown: Vec<String>,
}

impl Gateway {
    /// A person looks at the world.
    pub async fn look_for(self: &Arc<Self>, operator: &Operator, look: Look) -> Vec<String> {
        self.look(look, operator.person()).await.0
    }

    /// Looks at the world, takes over what was seen, and tells what drifted.
    pub(crate) async fn look(self: &Arc<Self>, look: Look, by: &str) -> (Vec<String>, Arc<Vec<Drifting>>) {
        let bundle = self.bundle();
        let mut looked = self.see_tools(&bundle).await;
        let places = reached::of_bundle(&self.http, &bundle).await;
        looked.world.models_at = places.world.models_at;
        looked.world.servers_at = places.world.servers_at;
        looked.failed.extend(places.failed);
        if look.probe {
            self.ask_models(&bundle, by, &mut looked).await;
        }
        looked.world.repository = look.repository;
        let Looked { world, failed, .. } = looked;
        self.drifts.see(|known| {
            known.renew(world);
            // Who still sends it is seen with the next request.
            known.unreleased.clear();
            true
        });
        self.tell_drift(&bundle, by);
        (failed, self.drifts.found(&bundle))
    }

    /// What is known of the world, without looking again.
    pub fn looked(&self) -> Looked {
        Looked { world: self.drifts.world(), failed: Vec::new(), unknown: unknown(&self.bundle()) }
    }

    async fn see_tools(&self, bundle: &Arc<Bundle>) -> Looked {
        let mut looked = Looked::default();
        let Some(tools) = self.tools.get() else { return looked };
        for server in bundle.servers.values().filter(|server| !matches!(server.reach, Reach::Local)) {
            match tools.list(Arc::clone(bundle), Arc::clone(server)).await {
                Ok(live) => drop(looked.world.tools.insert(server.name.clone(), digests(server, &live))),
                Err(error) => looked.failed.push(format!("the tools of {}: {error}", server.name)),
            }
        }
        looked
    }
}

/// The digest of each tool that a server has or should have; `None` where it is gone, or described twice and differently.
pub fn digests(server: &Server, live: &[Value]) -> BTreeMap<String, Option<Digest>> {
    let mut tools: BTreeMap<String, Option<Digest>> = BTreeMap::new();
    for tool in live {
        let Some(name) = tool.get("name").and_then(Value::as_str) else { continue };
        let digest = Some(plimsoll_bundle::pin::digest(tool));
        tools
            .entry(name.to_owned())
            .and_modify(|known| *known = known.filter(|known| Some(*known) == digest))
            .or_insert(digest);
    }
    for name in server.tools.keys() {
        tools.entry(name.clone()).or_insert(None);
    }
    tools
}
