//! The example with one thing changed, and what is said about it: a case is a line.

use plimsoll_bundle::{Overrides, Tree, load, render};

use crate::example::{env, tree};

const SUPPORT: &str = "workflows/support.yaml";
const DESK: &str = "tools/desk.yaml";
const LOCK: &str = "tools/desk.lock.json";

/// File, text to replace, replacement.
const BREAKS: &[(&str, &str, &str)] = &[
    // the project
    ("plimsoll.yaml", "plimsoll: 1", "plimsoll: 2"),
    ("plimsoll.yaml", "environment: demo", "bounds: {request_bytes: 10 MB}"),
    (
        "plimsoll.yaml",
        "environment: demo",
        "identity: {oidc: [{issuer: x, audience: y, jwks: keys/x.json, workflow: suport}]}",
    ),
    (
        "plimsoll.yaml",
        "environment: demo",
        "identity: {oidc: [{issuer: x, audience: y, jwks: \"http://x/keys\"}]}",
    ),
    ("plimsoll.yaml", "environment: demo", "ledger: {origin: my desk}"),
    ("plimsoll.yaml", "environment: demo", "ledger: {quorum: 1}"),
    ("plimsoll.yaml", "environment: demo", "ledger: {witness_within: soon}"),
    (
        "plimsoll.yaml",
        "environment: demo",
        "ledger: {witnesses: [{name: none, key: example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k, url: ftp://w}]}",
    ),
    (
        "plimsoll.yaml",
        "environment: demo",
        "ledger: {witnesses: [{name: w, key: example.com/foo+530d903b+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k, url: \"https://w\"}]}",
    ),
    // how releases get into force
    ("plimsoll.yaml", "environment: demo", "environments: {production: {}}"),
    ("plimsoll.yaml", "environment: demo", "environments: {production: {aprovals: 2}}"),
    ("plimsoll.yaml", "environment: demo", "environments: {\"Prod 1\": {canary: {share: 5}, expires: soon}}"),
    ("plimsoll.yaml", "environment: demo", "changes: {polcy: [reviewer], act: [revewer], prompt: []}"),
    ("plimsoll.yaml", "environment: demo", "flags: {a: {workflow: suport, share: 101%}, b: {}}"),
    ("people.yaml", "rosa: {roles: [reviewer]}", "rosa: {roles: [reviewer], key: ssh-rsa AAAAB3Nza rosa}"),
    (
        "people.yaml",
        "rosa: {roles: [reviewer]}",
        "rosa: {roles: [reviewer], key: ssh-ed25519 AAAAC3Nza rosa}",
    ),
    ("people.yaml", "reviewer: {purpose", "reviewer: {may: [aprove], purpose"),
    // who decides
    (SUPPORT, "owner: Ines Falk, customer care", "owner: TODO"),
    (
        SUPPORT,
        "    way_back: Charge the amount again with the customer's consent; accounting has the receipt number.\n",
        "",
    ),
    (SUPPORT, "on_failure: The mail bounces", "on_failure: TODO bounces"),
    (SUPPORT, "decides: {people: [reviewer], expires: 15m}", "decides: automated"),
    (SUPPORT, "    decides: {people: [reviewer], expires: 15m}\n", ""),
    (SUPPORT, "people: [treasurer]", "people: [tresurer]"),
    (SUPPORT, "people: [treasurer]", "people: [treasurer], quorum: 3"),
    (SUPPORT, "expires: 1h", "expires: soon"),
    ("people.yaml", "tom: {roles: [treasurer]}", "tom: {roles: [treasure]}"),
    ("people.yaml", "people:\n", "people\n"),
    // what it refers to
    (SUPPORT, "desk.send_mail:", "desk.send_mial:"),
    (SUPPORT, "desk.send_mail:", "dsek.send_mail:"),
    (SUPPORT, "desk.*: automated", "desk.get_customer: automated"),
    (SUPPORT, "models: [main, claude]", "models: [man]"),
    (SUPPORT, "prompts: [support]", "prompts: [suport]"),
    (SUPPORT, "[pays-a-stranger]", "[pay-a-stranger]"),
    (SUPPORT, "workflow: support", "workflow: suport"),
    (SUPPORT, "amount: 500}", "amount: 500, calls: 3}"),
    (
        SUPPORT,
        "{tool: desk.refund_order, per: workflow, window: 1d",
        "{tool: desk.get_order, per: workflow, window: 1d",
    ),
    // the tools
    (DESK, "server: desk", "server: desk\nlocal: true"),
    (DESK, "http: ${DESK_URL}", "http: ${DESK_ADDRESS}"),
    (DESK, "http: ${DESK_URL}", "http: desk.example"),
    (DESK, "http: ${DESK_URL}", "http: http://desk.example/mcp"),
    (DESK, "draft: \"${DESK_DRAFT}\", ", ""),
    (DESK, "\"${DESK_DRAFT}\"", "hunter2"),
    (DESK, "\"${DESK_DRAFT}\"", "file:/run/secrets/draft"),
    (DESK, "accounts: {read", "credential: ${DESK_READ}\naccounts: {read"),
    (DESK, "tier: dangerous", "tier: safe"),
    (DESK, "tier: dangerous", "tier: dangerus"),
    (DESK, "to: recipient", "too: recipient"),
    (DESK, "to: recipient, ", ""),
    (DESK, "to: recipient", "to: recipent"),
    (DESK, "amount: amount, currency: choice}\n    amount_free", "currency: choice}\n    amount_free"),
    (DESK, "call: desk.get_order", "call: desk.get_ordre"),
    (DESK, "call: desk.get_order", "call: desk.refund_order"),
    (DESK, "{order_id: $order_id}", "{order: $oder_id}"),
    (DESK, "amount <= result.total", "amount =< result.total"),
    (DESK, "amount <= result.total", "amuont <= result.total"),
    (DESK, "draft: desk.draft_payment", "draft: draft_payment"),
    (DESK, "list_mail:", "list_mails:"),
    (DESK, "tier: safe, effect: read, args: {mail_id: identifier}", "tier: safe, tier: safe"),
    (DESK, "tools:\n", "tools: {\n"),
    // what its arguments and results mean
    (DESK, "output: trusted}", "output: truste}"),
    (DESK, "output: trusted}", "output: {integritty: trusted, trusted: [totl]}}"),
    (DESK, "output: trusted}", "output: {trusted: total}}"),
    (DESK, "output: trusted}", "output: {named_by: [order_id], lends: {order_id: oder_id, ordr: order_id}}}"),
    (DESK, "output: trusted}", "output: {readers: [treasurer]}}"),
    (DESK, "output: trusted}", "verbs: [look up, \"?\"]}"),
    // the pins
    (LOCK, "This cannot be undone.", "This can be undone."),
    (LOCK, "\"server\": \"desk\"", "\"server\": \"shop\""),
    (LOCK, "\"protocol\"", "\"protocoll\""),
    (LOCK, "\n}\n", "\n"),
    // models, prompts, the rest
    ("models/main.yaml", "provider: openai", "provider: openia"),
    ("models/main.yaml", "names: [\"*\"]", "names: [\"gpt-*-mini\"]\nfallback: cloud"),
    ("prompts/support.md", "version: \"1\"", "version: 1.0"),
    ("prompts/support.md", "You are the assistant of", "You are {{name}}, the assistant of"),
    ("prompts/support.md", "---\nid: support", "id: support"),
    ("drills/inbox-says-pay.yaml", "steps:", "steps: ["),
];

#[test]
fn every_break_is_told_with_its_place() {
    let all: Vec<String> = BREAKS.iter().map(|(file, old, new)| told(file, old, new)).collect();
    insta::assert_snapshot!(all.join("\n"));
}

/// The example with signed releases in production, two approvals each, and one thing changed about that.
const RELEASES: &[(&str, &str, &str)] = &[
    ("plimsoll.yaml", "approvals: 2", "approvals: 3"),
    ("plimsoll.yaml", "approvals: 2", "approvals: 20"),
    ("plimsoll.yaml", "act: [reviewer]", "act: [auditor]"),
    ("people.yaml", "{may: [approve]}", "{may: [promote]}"),
    ("people.yaml", "may: [author, approve]", "may: [approve]"),
    (
        "people.yaml",
        ", key: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIN11pxI+EYWV+tL7qii4zj+OTy4091kYgam/ECkwTGpu ines",
        "",
    ),
    (
        "people.yaml",
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIN11pxI+EYWV+tL7qii4zj+OTy4091kYgam/ECkwTGpu ines",
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIADJDEjJDZ4V/nHj3ZsDUJLk/f/4I6qTRlAkQZtIcRLZ rosa",
    ),
];

#[test]
fn what_no_release_could_ever_meet_is_told() {
    let mut tree = tree();
    tree.insert(
        "people.yaml",
        "\
people:
  rosa: {roles: [reviewer], key: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIADJDEjJDZ4V/nHj3ZsDUJLk/f/4I6qTRlAkQZtIcRLZ rosa}
  tom: {roles: [treasurer], key: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIgh3m9s3XYgI2pY89GXS6q+hiNyngJgMjsxc77ah315 tom}
  ines: {roles: [reviewer, treasurer], key: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIN11pxI+EYWV+tL7qii4zj+OTy4091kYgam/ECkwTGpu ines}
roles:
  reviewer: {may: [author, approve]}
  treasurer: {may: [approve]}
  auditor:
",
    );
    let project = "plimsoll: 1\nproject: support-desk\nenvironments: {production: {approvals: 2}}\nchanges: {act: [reviewer]}\n";
    tree.insert("plimsoll.yaml", project);
    assert!(load(&tree, env(), &Overrides::default()).is_ok_and(|(_, warnings)| warnings.is_empty()));
    let all: Vec<String> =
        RELEASES.iter().map(|(file, old, new)| told_of(tree.clone(), file, old, new)).collect();
    insta::assert_snapshot!(all.join("\n"));
}

/// The example with a source of documents, and one thing changed about that.
const SOURCES: &[(&str, &str, &str)] = &[
    (SUPPORT, "sources: [handbook]", "sources: [handbok]"),
    (HANDBOOK, "k: 5", "k: 5\nrank: best"),
    (HANDBOOK, "filter: {tenant: org}", "filter: {tennant: org}"),
    (HANDBOOK, "filter: {tenant: org}", "filter: {}"),
    (HANDBOOK, "source: handbook", "source: handbooks"),
    (HANDBOOK, "k: 5", "k: 500"),
    (HANDBOOK, "label: untrusted", "label: truste"),
    (HANDBOOK, "label: untrusted", "label: {integrity: user}"),
    (HANDBOOK, "label: untrusted", "readers: [treasurer]"),
    (HANDBOOK, "label: untrusted", "retention: a while"),
    (HANDBOOK, "owner: Ines Falk", "owner: TODO"),
    (HANDBOOK, "collection: handbook-2026\n", ""),
];
const HANDBOOK: &str = "sources/handbook.yaml";

#[test]
fn what_is_said_of_sources() {
    let mut tree = tree();
    tree.insert(
        HANDBOOK,
        "\
source: handbook
owner: Ines Falk
collection: handbook-2026
k: 5
filter: {tenant: org}
label: untrusted
",
    );
    let text =
        tree.text(SUPPORT).unwrap().replace("prompts: [support]", "prompts: [support]\nsources: [handbook]");
    tree.insert(SUPPORT, text);
    let (bundle, warnings) = load(&tree, env(), &Overrides::default()).unwrap();
    // What nothing serves is said once for each source, and is all that is said of a good one.
    let ids: Vec<&str> = warnings.iter().map(|warning| warning.id).collect();
    assert_eq!(ids, ["source/not-served"]);
    assert_eq!(
        (bundle.id, &bundle.workflows["support"].sources[..]),
        (tree.id(), &["handbook".to_owned()][..])
    );
    // The digest of the release covers it.
    let mut other = tree.clone();
    other.insert(HANDBOOK, tree.text(HANDBOOK).unwrap().replace("k: 5", "k: 6"));
    assert_ne!(other.id(), tree.id());
    let all: Vec<String> =
        SOURCES.iter().map(|(file, old, new)| told_of(tree.clone(), file, old, new)).collect();
    insta::assert_snapshot!(all.join("\n"));
}

fn told(file: &str, old: &str, new: &str) -> String {
    told_of(tree(), file, old, new)
}

fn told_of(mut tree: plimsoll_bundle::Tree, file: &str, old: &str, new: &str) -> String {
    let text = tree.text(file).unwrap_or_else(|| panic!("no {file}")).to_owned();
    assert!(text.contains(old), "{file} does not hold {old:?}");
    tree.insert(file, text.replacen(old, new, 1));
    let found = match load(&tree, env(), &Overrides::default()) {
        Ok((_, warnings)) => warnings,
        Err(found) => found,
    };
    let mut lines = vec![format!("{file}: {old:?} → {new:?}")];
    for d in &found {
        let place = render::position(d, &tree).map_or(String::new(), |(l, c)| format!(":{l}:{c}"));
        let shown = d.range.clone().and_then(|r| tree.text(&d.file)?.get(r)).unwrap_or_default();
        lines.push(format!("  {} [{}] {}{place} `{shown}`", d.severity.name(), d.id, d.file));
        lines.push(format!("      {}", d.message));
        lines.extend(d.help.as_ref().map(|help| format!("      → {help}")));
    }
    assert!(!found.is_empty(), "nothing is said about {file}: {old:?} → {new:?}");
    lines.push(String::new());
    lines.join("\n")
}

#[test]
fn the_picture() {
    let mut tree = tree();
    let text = tree.text(SUPPORT).unwrap().replace("owner: Ines Falk, customer care", "onwer: Ines Falk");
    tree.insert(SUPPORT, text.replace("people: [reviewer]", "people: [reviewr]"));
    let found = load(&tree, env(), &Overrides::default()).unwrap_err();
    insta::assert_snapshot!(render::text(&found, &tree, false));
}

/// Whatever bytes stand in a file, loading ends with diagnostics, never with a panic.
#[test]
fn cut_off_anywhere_it_never_panics() {
    for file in ["plimsoll.yaml", "people.yaml", DESK, SUPPORT, "prompts/support.md"] {
        let whole = tree();
        let bytes = whole.0[file].clone();
        for cut in (0..bytes.len()).step_by(251) {
            let mut tree = Tree::from_iter(whole.0.iter().map(|(p, b)| (p.clone(), b.clone())));
            tree.insert(file, &bytes[..cut]);
            let _ = load(&tree, env(), &Overrides::default());
            let mut torn = bytes.clone();
            torn[cut] = 0xff;
            tree.insert(file, torn);
            let found = load(&tree, env(), &Overrides::default()).unwrap_err();
            assert!(found.iter().any(|d| d.id == "file/not-utf8"));
        }
    }
}
