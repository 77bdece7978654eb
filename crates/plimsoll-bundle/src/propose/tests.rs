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

const KNOWN: [&str; 6] = ["filesystem", "git", "memory", "fetch", "time", "odd"];

/// A picture of every proposal for servers people really have.
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
