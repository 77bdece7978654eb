//! What the lines of `tools/*.yaml` say about results, held against pinned output schemas.

use plimsoll_bundle::{Bundle, Diagnostic, Env, Overrides, Tree, load, pin, render};
use plimsoll_core::{Integrity, Output, Readers};
use serde_json::{Value, json};

/// A file server whose search tells what it returns, with this line for the search.
fn files(line: &str) -> Result<(Bundle, Vec<Diagnostic>), String> {
    let tree = tree(line);
    load(&tree, Env::empty(), &Overrides::default()).map_err(|found| told(&found, &tree))
}

fn tree(line: &str) -> Tree {
    let mut tree = Tree::default();
    tree.insert("plimsoll.yaml", "plimsoll: 1\nproject: files\n");
    tree.insert("people.yaml", "people: {}\n");
    let workflow = "workflow: office\npurpose: x\nowner: Ines\nacts:\n  \
                    files.*: {on_failure: it is seen, way_back: the old version}\n";
    tree.insert("workflows/office.yaml", workflow);
    let tools = format!(
        "server: files\nlocal: true\ntools:\n  search: {line}\n  \
         append: {{tier: guarded, effect: shared, args: {{file_id: identifier, \"lines/*/text\": content}}}}\n"
    );
    tree.insert("tools/files.yaml", tools);
    let lock = pin::lock_file("files", "2025-11-25", "2026-11-20", "Ines", &pinned());
    tree.insert("tools/files.lock.json", lock);
    tree
}

fn pinned() -> [Value; 2] {
    let text = json!({"type": "string"});
    [
        json!({"name": "search",
            "inputSchema": {"type": "object", "properties": {"query": text}},
            "outputSchema": {"type": "object", "properties": {"result": {"type": "array", "items": {"$ref": "#/$defs/File"}}},
                "$defs": {"File": {"type": "object", "properties": {"id": text, "filename": text, "owner": text, "text": text}}}}}),
        json!({"name": "append", "inputSchema": {"type": "object", "properties":
            {"file_id": text, "lines": {"type": "array", "items": {"type": "object", "properties": {"text": text}}}}}}),
    ]
}

fn told(found: &[Diagnostic], tree: &Tree) -> String {
    let line = |d: &Diagnostic| {
        let shown = d.range.clone().and_then(|r| tree.text(&d.file)?.get(r)).unwrap_or_default();
        let (line, column) = render::position(d, tree).unwrap_or_default();
        let help = d.help.as_deref().unwrap_or_default();
        format!("[{}] {}:{line}:{column} `{shown}` {}; {help}", d.id, d.file, d.message)
    };
    found.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn one_line_says_who_may_write_each_field() {
    let line = "{tier: safe, effect: read, args: {query: query}, verbs: [Look Up, find], output: {trusted: [id], \
                named_by: [File/filename, filename], lends: {id: file_id}, author: owner, \
                sensitive: {text: internal}, readers: [\"*@acme.example\"]}}";
    let said = files(&line.replace("File/filename, ", "")).unwrap();
    let search = said.0.find_tool(&"files.search".parse().unwrap()).unwrap();
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let map = |a: &str, b: &str| [(a.to_owned(), b.to_owned())].into();
    let output = Output {
        integrity: Integrity::Untrusted,
        trusted: set(&["id"]),
        named_by: set(&["filename"]),
        lends: map("id", "file_id"),
        author: Some("owner".to_owned()),
        sensitive: map("text", "internal"),
        readers: set(&["*@acme.example"]),
        ..Output::default()
    };
    assert_eq!(search.meaning.output, output);
    assert_eq!(search.meaning.verbs, ["look up", "find"]);
    assert_eq!(output.label().readers, Readers::Only(set(&["*@acme.example"])));
    // A field is a name of the path: the definition's own name is none.
    assert!(files(line).unwrap_err().contains("no field `File/filename`"));
}

#[test]
fn a_word_is_enough() {
    let worth = |line: &str| {
        let bundle = files(line).unwrap().0;
        bundle.find_tool(&"files.search".parse().unwrap()).unwrap().meaning.output.integrity
    };
    assert_eq!(worth("{tier: safe, effect: read, output: trusted}"), Integrity::Trusted);
    assert_eq!(worth("{tier: safe, effect: read, output: {integrity: trusted}}"), Integrity::Trusted);
    assert_eq!(worth("{tier: safe, effect: read, output: untrusted}"), Integrity::Untrusted);
    assert_eq!(worth("{tier: safe, effect: read, output: {trusted: [result/id]}}"), Integrity::Untrusted);
    assert_eq!(worth("{tier: safe, effect: read}"), Integrity::Untrusted, "nobody said anything");
}

#[test]
fn what_is_not_there_is_told_with_its_place() {
    let all: Vec<String> = [
        "{trusted: [di], directory: [ownr]}",
        "{named_by: [name], lends: {id: file, fid: file_id}}",
        "{lends: {id: recipient}, named_by: [filename]}",
        "{author: writer}",
        "{sensitive: {txt: internal}}",
        "{readers: [acme]}",
        "{trusted: id}",
        "{integrity: user}",
        "trustd",
        "{feilds: [id]}",
    ]
    .iter()
    .map(|output| {
        let line = format!("{{tier: safe, effect: read, output: {output}}}");
        format!("{output}\n{}\n", files(&line).err().unwrap_or_else(|| "it loads".to_owned()))
    })
    .collect();
    insta::assert_snapshot!(all.join("\n"));
}
