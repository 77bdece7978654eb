//! What the compiler says about policies that are wrong, and what it makes of those that are right.

use super::*;

/// Each complaint as `id line:text-it-points-at: message | help`.
fn complaints(text: &str) -> String {
    let desk = Desk::new();
    let found = match desk.compile(&[("policies/own.cedar", text)]) {
        Ok(engine) => engine.warnings().to_vec(),
        Err(found) => found,
    };
    let show = |d: &Diagnostic| {
        let place = d.range.clone().map_or_else(
            || "-".to_owned(),
            |range| {
                let line = 1 + text[..range.start].matches('\n').count();
                let at: String = text[range].split_whitespace().collect::<Vec<_>>().join(" ");
                format!("{line} `{at}`")
            },
        );
        let help = d.help.as_deref().map_or_else(String::new, |help| format!(" | {help}"));
        format!("{} {place}: {}{help}", d.id, d.message)
    };
    found.iter().map(show).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_shipped_policies_load_without_a_word() {
    assert_eq!(complaints(""), "");
    let nothing = Desk { servers: BTreeMap::new(), workflows: BTreeMap::new(), models: BTreeMap::new() };
    assert!(nothing.shipped().warnings().is_empty());
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    let text = [
        r#"permit (principal, action, resource);"#,
        r#"@id("safe-acts") permit (principal, action, resource); // a; comment"#,
        r#"@id("a;b") permit (principal, action == Action::"desk.refund_ordr", resource);"#,
        r#"@id("c") forbid (principal, action in Action::"guarded", resource) when { context.flow.account < 1 };"#,
        r#"@id("d") forbid (principal, action, resource) when { context.args.iban == "x" };"#,
        r#"@id("e") forbid (principal, action, resource) when { context.mode == 3 };"#,
        r#"@id("f") forbid (principal, action == Action::"desk.read_order", resource) when { context.mode == "a" && false };"#,
        r#"@id("g") forbid (principal is Person, action, resource);"#,
        r#"@id("h") forbid (principal == ?principal, action, resource);"#,
        r#"@id("i") forbid (principal, action in [Action::"own"], resource == Server::"x");"#,
    ]
    .join("\n");
    picture("complaints.txt", &complaints(&text));
}

#[test]
fn what_does_not_parse_is_said_with_its_place() {
    assert_eq!(
        complaints("@id(\"a\")\npermit (principal, action, resource)\nwhen { context.mode = \"x\" };"),
        "cedar/parse 3 `context.mode = \"x\"`: '=' is not a valid operator in Cedar | try using '==' instead"
    );
}

#[test]
fn a_server_can_not_be_named_like_a_group() {
    let mut desk = Desk::new();
    let safe = server("safe".into(), BTreeMap::new());
    desk.servers.insert("safe".into(), safe);
    let found = desk.compile(&[]).unwrap_err();
    assert_eq!(found[0].id, "cedar/reserved-server");
}

#[test]
fn the_schema_is_written_to_be_read() {
    picture("schema.cedarschema", Desk::new().shipped().schema());
}

#[test]
fn a_slice_holds_what_can_match_and_no_more() {
    let desk = Desk::new();
    let shipped = desk.shipped();
    let own = r#"
        @id("1") forbid (principal in Workflow::"other", action, resource) when { context.deferred };
        @id("2") forbid (principal, action in Action::"mail", resource) when { context.deferred };
        @id("3") forbid (principal, action, resource in Server::"bank") when { context.deferred };
        @id("4") forbid (principal is Agent in Workflow::"support", action, resource) when { context.deferred };"#;
    let engine = desk.with(own);
    let more = |workflow: &str, tool: &str| {
        engine.slice_size(workflow, &name(tool)) - shipped.slice_size(workflow, &name(tool))
    };
    assert_eq!(more("support", "mail.send"), 2);
    assert_eq!(more("support", "bank.pay"), 2);
    assert_eq!(more("support", "desk.read_order"), 1);
    assert_eq!(more("other", "desk.read_order"), 1);
    assert_eq!(engine.slice_size("other", &name("bank.pay")), 0, "not in that workflow");
}
