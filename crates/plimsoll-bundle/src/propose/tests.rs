use super::*;
use crate::{Env, Overrides, Tree, load};

fn found(name: &str) -> FoundServer {
    let path = format!("{}/fixtures/mcp/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let tools = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let reach = ProposedReach::Stdio {
        command: vec![format!("mcp-server-{name}"), "--root=/srv/${x}".to_owned()],
        env: vec!["API_TOKEN".to_owned()],
    };
    FoundServer { name: name.to_owned(), reach, protocol: "2025-11-25".to_owned(), tools }
}

fn wishes() -> Wishes {
    Wishes {
        project: "acme".to_owned(),
        workflow: "assistant".to_owned(),
        person: None,
        providers: vec![Provider::OpenAi, Provider::Anthropic],
        today: "2026-11-21".to_owned(),
    }
}

const KNOWN: [&str; 8] = ["filesystem", "git", "memory", "fetch", "time", "odd", "hr", "home"];

/// A picture of every proposal for servers people really have, and for two that were made up: where people are paid, and
/// where doors are unlocked.
#[test]
fn what_is_proposed() {
    let all: Vec<String> = KNOWN.iter().map(|name| write::tools(&found(name))).collect();
    insta::assert_snapshot!(all.join("\n---\n"));
}

#[test]
fn the_files_around_it() {
    let proposal = repository(&wishes(), &[found("time"), found("fetch"), found("memory")]);
    let shown = |path: &str| format!("== {path}\n{}", proposal.files[path]);
    let paths = [
        "plimsoll.yaml",
        "people.yaml",
        "workflows/assistant.yaml",
        "models/main.yaml",
        "models/claude.yaml",
    ];
    insta::assert_snapshot!(paths.map(shown).join("\n"));
    assert_eq!(proposal.environment, ["ANTHROPIC_API_KEY", "OPENAI_API_KEY", "API_TOKEN"]);
}

/// What is proposed loads, but for what only people know; and `check` names exactly that.
#[test]
fn only_people_are_missing() {
    let servers: Vec<FoundServer> = KNOWN.iter().map(|name| found(name)).collect();
    let proposal = repository(&wishes(), &servers);
    let env = Env { var: &|_| Some("x".to_owned()), file: &|_| Err(String::new()) };
    let tree = Tree::from_iter(proposal.files.iter().map(|(path, text)| (path.clone(), text.clone())));
    let missing = load(&tree, env, &Overrides::default()).unwrap_err();
    let allowed = [
        "acts/no-owner",
        "acts/no-failure-mode",
        "acts/no-way-back",
        "people/no-name",
        "workflow/no-purpose",
    ];
    let unexpected: Vec<_> = missing.iter().filter(|d| !allowed.contains(&d.id)).collect();
    assert!(unexpected.is_empty(), "{unexpected:#?}");

    let filled = |text: &str| text.replace("TODO", "Ada");
    let tree = Tree::from_iter(proposal.files.iter().map(|(path, text)| (path.clone(), filled(text))));
    let (bundle, warnings) = load(&tree, env, &Overrides::default())
        .unwrap_or_else(|found| panic!("{}", crate::render::text(&found, &tree, false)));
    assert_eq!(warnings, []);
    // The tool that tried to write YAML of its own is one tool with an odd name.
    let odd = &bundle.servers["odd"];
    assert_eq!(odd.tools.len(), servers[5].tools.len());
    let crate::Reach::Stdio { command, .. } = &odd.reach else { panic!("not stdio") };
    assert_eq!(command[1], "--root=/srv/${x}");
}

/// What a name does not say, the description and closed sets of values may make worse, never better.
#[test]
fn worse_never_better() {
    let judged = |name: &str, description: &str, action: &[&str]| {
        let schema = match action {
            [] => serde_json::json!({ "type": "object" }),
            values => serde_json::json!({ "type": "object", "properties": { "action": { "enum": values } } }),
        };
        let tool = serde_json::json!({ "name": name, "description": description, "inputSchema": schema });
        let judge::Judged { tier, effect, .. } = judge::judge(&tool);
        format!("{} {}", tier.name(), effect.name())
    };
    assert_eq!(judged("firmware", "Firmware of a device.", &[]), "guarded shared");
    assert_eq!(judged("firmware", "Firmware of a device.", &["check", "rollback"]), "guarded shared");
    assert_eq!(judged("firmware", "Firmware of a device.", &["check", "wipe"]), "dangerous destructive");
    assert_eq!(judged("get_firmware", "Firmware of a device.", &["get", "delete"]), "dangerous destructive");
    assert_eq!(judged("supplies", "Order supplies from the shop.", &[]), "dangerous external");
    assert_eq!(judged("supplies", "Lists supplies.", &[]), "guarded shared");
    assert_eq!(judged("hook", "Calls a webhook.", &[]), "guarded egress");
    assert_eq!(judged("unlock_door", "Opens it.", &[]), "dangerous external");
    assert_eq!(judged("grantAccess", "Gives somebody access.", &[]), "dangerous external");
    assert_eq!(judged("list_orders", "Order history.", &[]), "safe read");
}

/// A record lends the id of what it is, and an argument is a choice where something says among what.
#[test]
fn what_is_lent_and_chosen() {
    let slack = serde_json::json!([
        { "name": "slack_list_channels", "inputSchema": { "type": "object" } },
        { "name": "slack_get_channel_history", "inputSchema": { "type": "object" } },
        { "name": "slack_get_user_profile", "inputSchema": { "type": "object" } },
        { "name": "slack_post_message", "inputSchema": { "type": "object", "properties": {
            "channel_id": { "type": "string" }, "user_id": { "type": "string" } } } },
        { "name": "create_pull_request", "inputSchema": { "type": "object", "properties": {
            "head": { "type": "string" }, "head_lines": { "type": "integer" }, "door": { "type": "integer" },
            "share": { "type": "number" }, "sort": { "type": "string" } } } },
    ]);
    let tools = FoundServer { tools: slack.as_array().unwrap().clone(), ..found("odd") };
    let text = write::tools(&tools);
    let line =
        |name: &str| text.lines().find(|line| line.trim_start().starts_with(&format!("{name}:"))).unwrap();
    assert!(line("slack_list_channels").contains("lends: {channel_id: channel_id"));
    assert!(line("slack_get_user_profile").contains("lends: {id: user_id"));
    assert!(!line("slack_get_channel_history").contains("lends"));
    let roles = "{head: identifier, head_lines: choice, door: identifier, share: amount, sort: choice}";
    assert!(line("create_pull_request").contains(roles), "{}", line("create_pull_request"));
}

#[test]
fn names_of_servers() {
    let table = [
        ("desk", "desk"),
        ("git hub", "git-hub"),
        ("a__b.c", "a_b-c"),
        ("@scope/files", "scope-files"),
        ("model", "model-tools"),
        ("…", "tools"),
    ];
    for (text, name) in table {
        assert_eq!(server_name(text), name, "{text}");
    }
}
