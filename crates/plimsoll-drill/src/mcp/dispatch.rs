//! From a method's name to its answer, in both eras. Transports call [`answer`] and send what it returns.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::broadcast::error::RecvError;

use super::STATELESS_VERSION;
use super::context::{Context, Era};
use super::hub::Change;
use super::rpc::RpcError;
use super::service::{Reply, Service};

const META_SERVER: &str = "io.modelcontextprotocol/serverInfo";
const META_SUBSCRIPTION: &str = "io.modelcontextprotocol/subscriptionId";

/// Methods the stateless era removed.
const REMOVED: &[&str] =
    &["initialize", "ping", "logging/setLevel", "resources/subscribe", "resources/unsubscribe"];

/// Results a client may keep for a while.
const CACHEABLE: &[&str] = &[
    "server/discover",
    "tools/list",
    "prompts/list",
    "resources/list",
    "resources/templates/list",
    "resources/read",
];

/// The answer to one request.
pub(crate) async fn reply<S: Service>(service: &S, cx: &Context, method: &str) -> Result<Reply, RpcError> {
    match cx.era {
        Era::Sessions => in_session(service, cx, method).await,
        Era::Stateless => stateless(service, cx, method).await,
    }
}

/// The answer as the text of a JSON-RPC message.
pub(crate) async fn answer<S: Service>(
    service: Arc<S>,
    cx: Context,
    method: String,
) -> Result<String, RpcError> {
    reply(&*service, &cx, &method).await.map(|reply| match reply {
        Reply::Raw(text) => text,
        Reply::Result(result) => json!({ "jsonrpc": "2.0", "id": cx.id, "result": result }).to_string(),
    })
}

async fn in_session<S: Service>(service: &S, cx: &Context, method: &str) -> Result<Reply, RpcError> {
    match method {
        "ping" | "logging/setLevel" => Ok(Reply::Result(json!({}))),
        _ => common(service, cx, method).await,
    }
}

async fn stateless<S: Service>(service: &S, cx: &Context, method: &str) -> Result<Reply, RpcError> {
    if REMOVED.contains(&method) {
        return Err(RpcError::method_not_found(method));
    }
    let reply = match method {
        "server/discover" => Reply::Result(discover(service)),
        "subscriptions/listen" => listen(service, cx).await,
        _ => common(service, cx, method).await?,
    };
    Ok(match reply {
        Reply::Result(result) => Reply::Result(dressed(service, method, result)),
        raw @ Reply::Raw(_) => raw,
    })
}

async fn common<S: Service>(service: &S, cx: &Context, method: &str) -> Result<Reply, RpcError> {
    match method {
        "tools/list" => Ok(Reply::Result(json!({ "tools": service.tools() }))),
        "tools/call" => {
            let name = cx.params.get("name").and_then(Value::as_str);
            let name = name.ok_or_else(|| RpcError::invalid_params("tools/call needs a name"))?;
            let none = json!({});
            let arguments = cx.params.get("arguments").filter(|value| !value.is_null()).unwrap_or(&none);
            if !arguments.is_object() {
                return Err(RpcError::invalid_params("arguments must be an object"));
            }
            service.call_tool(cx, name, arguments).await
        }
        _ => service.other(cx, method, &cx.params).await,
    }
}

fn discover<S: Service>(service: &S) -> Value {
    json!({
        "supportedVersions": [STATELESS_VERSION],
        "capabilities": service.capabilities(),
        "instructions": service.identity().instructions,
    })
}

/// What the stateless era wants around every result.
fn dressed<S: Service>(service: &S, method: &str, mut result: Value) -> Value {
    let Some(object) = result.as_object_mut() else { return result };
    object.entry("resultType").or_insert_with(|| json!("complete"));
    if CACHEABLE.contains(&method) && object.get("resultType").and_then(Value::as_str) == Some("complete") {
        object.entry("ttlMs").or_insert_with(|| json!(0));
        object.entry("cacheScope").or_insert_with(|| json!("private"));
    }
    let identity = service.identity();
    let meta = object.entry("_meta").or_insert_with(|| json!({}));
    meta[META_SERVER] = json!({ "name": identity.name, "version": identity.version });
    result
}

/// Keeps the stream open and passes on the changes the client asked for, until it goes away.
async fn listen<S: Service>(service: &S, cx: &Context) -> Reply {
    let wanted = Wanted::agreed(&service.capabilities(), cx.params.get("notifications"));
    let mut changes = cx.hub.changes();
    let tag = json!({ META_SUBSCRIPTION: cx.id });
    let acknowledged = json!({ "_meta": tag, "notifications": wanted.to_value() });
    let mut there = cx.notify("notifications/subscriptions/acknowledged", acknowledged).await;
    while there {
        let change = tokio::select! {
            change = changes.recv() => change,
            () = cx.out.closed() => break,
        };
        match change {
            Ok(change) if wanted.includes(&change) => {
                let mut params = change.params();
                params["_meta"] = tag.clone();
                there = cx.notify(change.method(), params).await;
            }
            Ok(_) | Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => break,
        }
    }
    Reply::Result(json!({ "_meta": tag }))
}

/// What a listener asked for, as far as the server can tell of it.
#[derive(Debug, Default)]
struct Wanted {
    tools: bool,
    prompts: bool,
    resources: bool,
    uris: Vec<String>,
}

impl Wanted {
    fn agreed(capabilities: &Value, filter: Option<&Value>) -> Self {
        let asked = |key: &str| filter.and_then(|f| f.get(key));
        let can = |path: &str| capabilities.pointer(path).and_then(Value::as_bool).unwrap_or(false);
        let flag = |key: &str, path: &str| asked(key).and_then(Value::as_bool).unwrap_or(false) && can(path);
        let uris =
            asked("resourceSubscriptions").and_then(Value::as_array).filter(|_| can("/resources/subscribe"));
        Self {
            tools: flag("toolsListChanged", "/tools/listChanged"),
            prompts: flag("promptsListChanged", "/prompts/listChanged"),
            resources: flag("resourcesListChanged", "/resources/listChanged"),
            uris: uris.into_iter().flatten().filter_map(|uri| uri.as_str().map(str::to_owned)).collect(),
        }
    }

    fn includes(&self, change: &Change) -> bool {
        match change {
            Change::Tools => self.tools,
            Change::Prompts => self.prompts,
            Change::Resources => self.resources,
            Change::Resource(uri) => self.uris.contains(uri),
        }
    }

    fn to_value(&self) -> Value {
        let flags = [
            ("toolsListChanged", self.tools),
            ("promptsListChanged", self.prompts),
            ("resourcesListChanged", self.resources),
        ];
        let mut value = json!({});
        for (key, _) in flags.iter().filter(|(_, on)| *on) {
            value[*key] = json!(true);
        }
        if !self.uris.is_empty() {
            value["resourceSubscriptions"] = json!(self.uris);
        }
        value
    }
}
