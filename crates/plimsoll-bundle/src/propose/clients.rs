//! The MCP servers that a client's configuration already names.
//!
//! Claude Code, Claude Desktop, Cursor and others keep `{"mcpServers": {name: …}}`, VS Code `servers`.
//! Values of environment variables and headers are credentials: their names are kept, never they.

use serde_json::Value;

use super::{ProposedReach, server_name};

/// A server that a client knows.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientServer {
    pub name: String,
    pub reach: ProposedReach,
    /// The environment the client gives it, to start it with while its tools are read.
    pub env: Vec<(String, String)>,
    /// Headers that the client sends.
    pub headers: Vec<(String, String)>,
}

/// Names of variables and headers, never their values.
impl std::fmt::Debug for ClientServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names =
            |pairs: &[(String, String)]| pairs.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
        f.debug_struct("ClientServer")
            .field("name", &self.name)
            .field("reach", &self.reach)
            .field("env", &names(&self.env))
            .field("headers", &names(&self.headers))
            .finish()
    }
}

/// Reads a client's configuration.
///
/// # Errors
/// In words, when it is not such a file or a server in it can't be reached as MCP over stdio or HTTP.
pub fn parse(text: &str) -> Result<Vec<ClientServer>, String> {
    let config: Value = serde_json::from_str(text).map_err(|e| format!("this is not JSON: {e}"))?;
    let servers = ["mcpServers", "servers"].iter().find_map(|key| config.get(key)?.as_object());
    let servers = servers.ok_or("it has no `mcpServers`")?;
    servers.iter().map(|(name, server)| client_server(name, server)).collect()
}

fn client_server(name: &str, server: &Value) -> Result<ClientServer, String> {
    let text = |key: &str| server.get(key).and_then(Value::as_str);
    let env = pairs(server.get("env"));
    let reach = match (text("command"), text("url").or(text("serverUrl")).or(text("httpUrl"))) {
        (Some(command), None) => {
            let arguments = server.get("args").and_then(Value::as_array).into_iter().flatten();
            let arguments = arguments.filter_map(|a| a.as_str().map(str::to_owned));
            ProposedReach::Stdio {
                command: std::iter::once(command.to_owned()).chain(arguments).collect(),
                env: env.iter().map(|(name, _)| name.clone()).collect(),
            }
        }
        (None, Some(_)) if text("type").is_some_and(|t| t.eq_ignore_ascii_case("sse")) => {
            return Err(format!(
                "`{name}` speaks the retired SSE transport; ask its maker for streamable HTTP"
            ));
        }
        (None, Some(url)) => {
            let wants = !pairs(server.get("headers")).is_empty();
            let credential = wants.then(|| format!("{}_TOKEN", variable(name)));
            ProposedReach::Http { url: url.to_owned(), credential }
        }
        _ => return Err(format!("`{name}` has neither `command` nor `url`")),
    };
    Ok(ClientServer { name: server_name(name), reach, env, headers: pairs(server.get("headers")) })
}

/// `GIT_HUB` from `git hub`.
fn variable(name: &str) -> String {
    server_name(name).replace('-', "_").to_ascii_uppercase()
}

fn pairs(value: Option<&Value>) -> Vec<(String, String)> {
    let entries = value.and_then(Value::as_object).into_iter().flatten();
    entries.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_clients_write() {
        let servers = parse(
            r#"{"mcpServers": {
                "files": {"command": "npx", "args": ["-y", "@modelcontextprotocol/server-filesystem", "/srv"]},
                "git hub": {"command": "gh-mcp", "env": {"GITHUB_TOKEN": "ghp_x"}},
                "desk": {"type": "http", "url": "http://127.0.0.1:9/mcp", "headers": {"Authorization": "Bearer x"}}
            }}"#,
        )
        .unwrap();
        let shown = format!("{servers:#?}");
        assert!(!shown.contains("ghp_x") && !shown.contains("Bearer"), "{shown}");
        insta::assert_snapshot!(shown);
    }

    #[test]
    fn what_can_not_be_read() {
        for text in [
            "",
            "{}",
            r#"{"mcpServers": {"x": {}}}"#,
            r#"{"mcpServers": {"x": {"type": "sse", "url": "http://x"}}}"#,
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
