//! Chapters of the manual that are read from the code: codes, endpoints, bounds.

use std::fmt::Write as _;

use plimsoll_bundle::Bounds;
use plimsoll_console::{Auth, Needs, ROUTES};
use plimsoll_core::Code;
use plimsoll_gateway::server::Endpoint;
use plimsoll_wire::json::Limits;

use super::{bless, root};

const NOTE: &str =
    "<!-- Written by a test from the code: BLESS=1 cargo test -p plimsoll --test it docs -->\n";

#[test]
fn codes() {
    let mut page = format!(
        "# Codes\n{NOTE}\n\
         Every refusal, hold and fault has a code that never changes its meaning. The agent reads it in the answer, the ledger keeps it, \
         and the console and `plimsoll log` show it.\n\n\
         01 stops and modes · 02 rules, approvals, checks · 03 limits · 04 the request · 05 the machinery\n"
    );
    for code in Code::ALL {
        let row = code.row();
        let _ = write!(page, "\n## {} {}\n\n{}\n\n*Next:* {}\n", row.id, row.title, row.meaning, row.next);
    }
    bless("docs/codes.md", &page);
}

#[test]
fn diff_rules() {
    let mut page = format!(
        "# Rules of the behaviour diff\n{NOTE}\n\
         Each line of [the behaviour diff](diff.md) is told by one of these. An id never changes its meaning.\n"
    );
    for level in plimsoll_bundle::diff::Level::ALL {
        let _ = write!(
            page,
            "\n## {}: {} approves\n\n| rule | what | why it matters |\n|---|---|---|\n",
            level.name(),
            level.approver()
        );
        for rule in plimsoll_bundle::diff::RULES.iter().filter(|rule| rule.level == level) {
            let _ = writeln!(page, "| `{}` | {} | {} |", rule.id, rule.title, rule.why);
        }
    }
    bless("docs/diff-rules.md", &page);
}

#[test]
fn endpoints() {
    let mut page = format!(
        "# Endpoints\n{NOTE}\n\
         What is not in these tables is refused.\n\n\
         ## The data listener\n\n\
         Default `127.0.0.1:7300`. A caller says who it is with an API key (`plk_…`) or a token of a trusted issuer, as \
         `Authorization: Bearer …` or `x-api-key`. The two health endpoints ask for nothing.\n\n\
         | method | path | what |\n|---|---|---|\n"
    );
    for (methods, path, endpoint) in Endpoint::TABLE {
        let methods: Vec<&str> = methods.iter().map(|method| method.as_str()).collect();
        let _ = writeln!(page, "| {} | `{path}` | {} |", methods.join(", "), what(*endpoint));
    }
    page.push_str(
        "\n## The admin listener\n\n\
         Default `127.0.0.1:7301`. Programs come with an admin key (`pla_…`) as `Authorization: Bearer …`; people log in with the \
         same key and get a cookie, which opens the pages and never the API.\n\n\
         | method | path | who |\n|---|---|---|\n",
    );
    for route in ROUTES {
        let who = match route.auth {
            Auth::Nobody => "anybody who reaches the listener",
            Auth::Key => "an admin key",
            Auth::Login => "a person who has logged in",
        };
        let needs = match route.needs {
            Needs::Nothing => String::new(),
            Needs::Power(power) => format!("; they need the power `{}`", power.name()),
            Needs::Vote => "; they need a role that the question names, and did not ask it".to_owned(),
            Needs::Reads => "; of what is sealed they see what their roles read".to_owned(),
            Needs::Another => "; not whoever asked".to_owned(),
        };
        let _ = writeln!(page, "| {} | `{}` | {who}{needs} |", route.method, route.path);
    }
    bless("docs/endpoints.md", &page);
}

fn what(endpoint: Endpoint) -> &'static str {
    match endpoint {
        Endpoint::Live => "the process runs",
        Endpoint::Ready => "it can take acts: 503 when the ledger can't write",
        Endpoint::Chat => "OpenAI Chat Completions, plain and streamed",
        Endpoint::Responses => "OpenAI Responses, plain and streamed",
        Endpoint::Messages => "Anthropic Messages, plain and streamed",
        Endpoint::CountTokens => "Anthropic token counting",
        Endpoint::Embeddings => "OpenAI embeddings",
        Endpoint::Models => "the models this caller's workflow names",
        Endpoint::Mcp => "MCP over streamable HTTP; without a name where the workflow has one server",
    }
}

#[test]
fn bounds() {
    let mut page = format!(
        "# Bounds\n{NOTE}\n\
         Everything that grows has a bound with a name. What is over it is refused, waits, or is forgotten, as its line says.\n\n\
         ## Set in `plimsoll.yaml`, under `bounds`\n\n| name | default | meaning |\n|---|---|---|\n"
    );
    for (name, default, meaning) in configured(Bounds::default()) {
        let _ = writeln!(page, "| `{name}` | {default} | {meaning} |");
    }
    let json = Limits::DEFAULT;
    let _ = write!(
        page,
        "\nA JSON text that is read, of either side, has at most {} values and keys.\n\n\
         ## Fixed\n\n| where | name | value | meaning |\n|---|---|---|---|\n",
        thousands(json.nodes as u128)
    );
    let constants = constants();
    assert!(constants.len() > 30, "only {} bounds were found", constants.len());
    for Constant { place, name, value, meaning } in constants {
        let _ = writeln!(page, "| {place} | `{name}` | {value} | {meaning} |");
    }
    bless("docs/bounds.md", &page);
}

/// The bounds of the project's file, with the descriptions of its schema.
fn configured(bounds: Bounds) -> Vec<(String, String, String)> {
    let schema: serde_json::Value = serde_json::from_str(&super::read("schemas/plimsoll.json")).unwrap();
    let forms = schema["$defs"]["BoundsForm"]["properties"].as_object().unwrap();
    // Destructured, so that a new bound has to be added here.
    let Bounds {
        request_bytes,
        response_bytes,
        json_depth,
        upstream_timeout_s,
        idle_timeout_s,
        request_timeout_s,
        in_flight,
        segment_bytes,
    } = bounds;
    let values = [
        ("request_bytes", size(request_bytes as u128)),
        ("response_bytes", size(response_bytes as u128)),
        ("json_depth", thousands(json_depth as u128)),
        ("upstream_timeout", format!("{upstream_timeout_s} s")),
        ("idle_timeout", format!("{idle_timeout_s} s")),
        ("request_timeout", format!("{request_timeout_s} s")),
        ("in_flight", thousands(in_flight as u128)),
        ("segment_bytes", size(segment_bytes as u128)),
    ];
    let meaning = |name: &str| {
        let text = forms.get(name).and_then(|form| form["description"].as_str()).unwrap_or_default();
        text.split(" Default").next().unwrap_or_default().trim_end_matches('.').to_owned()
    };
    values.into_iter().map(|(name, value)| (name.to_owned(), value, meaning(name))).collect()
}

struct Constant {
    place: String,
    name: String,
    value: String,
    meaning: String,
}

/// The named bounds of the program, where they are declared: constants with a unit or an end in their name.
fn constants() -> Vec<Constant> {
    let mut found = Vec::new();
    for krate in ["core", "wire", "inspect", "bundle", "ledger", "store", "gateway", "console"] {
        let mut files = Vec::new();
        sources(&root().join(format!("crates/plimsoll-{krate}/src")), &mut files);
        files.sort();
        for file in &files {
            let text = std::fs::read_to_string(file).unwrap();
            let inside = file.strip_prefix(root().join(format!("crates/plimsoll-{krate}/src"))).unwrap();
            let place = format!("{krate}: {}", inside.with_extension("").display());
            let lines: Vec<&str> = text.lines().collect();
            for (n, line) in lines.iter().enumerate() {
                let Some((name, value)) = declared(line) else { continue };
                // What only concerns how texts are looked at is their own business.
                if matches!(krate, "inspect" | "bundle") && !line.trim().starts_with("pub const") {
                    continue;
                }
                let meaning: Vec<&str> =
                    lines[..n].iter().rev().map_while(|line| line.trim().strip_prefix("/// ")).collect();
                let meaning: Vec<&str> = meaning.into_iter().rev().collect();
                let meaning = meaning.join(" ").replace("[`", "`").replace("`]", "`").replace('|', "\\|");
                if meaning.is_empty() {
                    continue;
                }
                found.push(Constant { place: place.clone(), name: name.to_owned(), value, meaning });
            }
        }
    }
    found
}

fn sources(dir: &std::path::Path, into: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()) {
        let name = entry.file_name().unwrap().to_string_lossy().into_owned();
        if entry.is_dir() && name != "tests" && name != "snapshots" {
            sources(&entry, into);
        } else if name.ends_with(".rs") && name != "tests.rs" && name != "conformance.rs" {
            into.push(entry);
        }
    }
}

/// `pub const NAME_MAX: usize = 8_192;` → its name and its value for people.
fn declared(line: &str) -> Option<(&str, String)> {
    let rest = line.trim().trim_start_matches("pub(crate) ").trim_start_matches("pub(super) ");
    let rest = rest.trim_start_matches("pub ").strip_prefix("const ")?;
    let (name, rest) = rest.split_once(": ")?;
    let (kind, value) = rest.split_once(" = ")?;
    let value = value.strip_suffix(';')?;
    let ends = ["_MAX", "_MIN", "_S", "_MS", "_BYTES", "_CHARS", "_LIFE", "_HELD", "_COMMITS", "_BATCH"];
    let is_bound = ends.iter().any(|end| name.ends_with(end)) || name.starts_with("MAX_");
    let is_number = matches!(kind, "usize" | "u64" | "u32" | "u16" | "i64" | "Duration" | "SignedDuration");
    (is_bound && is_number).then(|| (name, said(name, value)))
}

fn said(name: &str, value: &str) -> String {
    let number = |text: &str| text.trim().replace('_', "").parse::<u128>().ok();
    let plain = match value.split_once("<<") {
        Some((left, right)) => number(left).zip(number(right)).map(|(left, right)| left << right),
        None => match value.split_once('*') {
            Some((left, right)) => number(left).zip(number(right)).map(|(left, right)| left * right),
            None => number(value),
        },
    };
    match plain {
        Some(number) if name.contains("BYTES") => size(number),
        Some(number) if name.ends_with("_PER_S") => format!("{} per second", thousands(number)),
        Some(number) if name.ends_with("_S") => format!("{} s", thousands(number)),
        Some(number) if name.ends_with("_MS") => format!("{} ms", thousands(number)),
        Some(number) => thousands(number),
        None => duration(value).unwrap_or_else(|| value.to_owned()),
    }
}

/// `SignedDuration::from_hours(24)` → `24 h`.
fn duration(value: &str) -> Option<String> {
    let (unit, number) = value.split_once("Duration::from_")?.1.trim_end_matches(')').split_once('(')?;
    let unit = [("hours", "h"), ("mins", "min"), ("secs", "s"), ("millis", "ms")]
        .iter()
        .find(|(name, _)| *name == unit)?
        .1;
    Some(format!("{} {unit}", number.replace('_', ",")))
}

fn size(bytes: u128) -> String {
    match bytes {
        n if n >= 1 << 30 && n.is_multiple_of(1 << 30) => format!("{} GiB", n >> 30),
        n if n >= 1 << 20 && n.is_multiple_of(1 << 20) => format!("{} MiB", n >> 20),
        n if n >= 1 << 10 && n.is_multiple_of(1 << 10) => format!("{} KiB", n >> 10),
        n => format!("{} B", thousands(n)),
    }
}

fn thousands(number: u128) -> String {
    let digits = number.to_string();
    let first = digits.len() % 3;
    let mut text = digits[..first].to_owned();
    for group in digits.as_bytes()[first..].chunks(3) {
        if !text.is_empty() {
            text.push(',');
        }
        text.push_str(std::str::from_utf8(group).unwrap());
    }
    text
}

#[test]
fn export() {
    let mut page = format!(
        "# Export\n{NOTE}\n\
         `plimsoll export` hands the ledger to others. `--pack` is [for auditors](verify-a-pack.md). The other forms are for systems that collect events; `--since`, `--workflow`, \
         `--session` and `--tool` choose entries, `--to` names a file.\n\n\
         | form | a line is |\n|---|---|\n\
         | `--jsonl` | one entry with its number as `seq`; what is sealed is opened by the keys at hand |\n\
         | `--otlp` | one OTLP request in its JSON encoding, `resourceSpans` or `resourceLogs`, as the OpenTelemetry Collector's file receiver reads it |\n\
         | `--ocsf` | one event of OCSF {} |\n\n\
         `--otlp` and `--ocsf` leave out who asked, arguments, reasons and texts. `--include identity,arguments,content` adds them; everything was redacted before it came into the ledger. What is opened for an export is [on record](privacy.md#who-reads), with `--reason`.\n\n\
         ## Live\n\n\
         A gateway tells a collector what happens while it happens, by OTLP over HTTP in JSON:\n\n\
         ```yaml\ntelemetry:                       # in plimsoll.yaml\n  otlp:\n    endpoint: https://collector.example:4318\n    headers: {{authorization: \"${{OTLP_TOKEN}}\"}}\n    include: []                  # identity, arguments, content\n```\n\n\
         No act waits for it. What is to be sent waits in the ledger; a collector that is down is tried again after 1 s, 2 s and so on to {} s, and one that is more than {} entries behind misses the oldest. \
         `/metrics` counts both: `plimsoll_telemetry_sent_total` and `plimsoll_telemetry_dropped_total`. It hears what is recorded after the start of the gateway; `plimsoll export --otlp` has the rest.\n\n\
         ## OpenTelemetry\n\n\
         An act that was carried out is a span from its intent to its outcome, of the kind *client*: `chat <model>`, `embeddings <model>` or `tools/call <tool>`. A call in a model's answer that passed is \
         an *internal* span `propose <tool>`, and the call at the tool door that followed from it is its child. What was held or refused never ran: it is a log record `plimsoll.decision` of the same \
         trace, as are approvals, kill switches, releases and keys. The trace is the caller's (`traceparent`), or else one for each session.\n\n\
         The names are those of the OpenTelemetry conventions for generative AI and MCP as read on {}; both are in development. Nobody has agreed on names for guardrails and approvals yet: these are ours.\n\n\
         | attribute | says | goes out |\n|---|---|---|\n",
        plimsoll_export::ocsf::VERSION,
        plimsoll_gateway::telemetry::TELEMETRY_RETRY_MAX_S,
        plimsoll_gateway::telemetry::TELEMETRY_LAG_MAX,
        plimsoll_export::names::REVISION,
    );
    for attribute in plimsoll_export::names::ALL {
        let goes = match attribute.goes {
            plimsoll_export::names::Goes::Always => "always",
            plimsoll_export::names::Goes::Identity => "with `identity`",
            plimsoll_export::names::Goes::Arguments => "with `arguments`",
            plimsoll_export::names::Goes::Content => "with `content`",
        };
        let _ = writeln!(page, "| `{}` | {} | {goes} |", attribute.name, attribute.says);
    }
    page.push_str(
        "\n## OCSF\n\nAPI Activity has the profiles `ai_operation` (model calls: `ai_model`, `message_context`), `security_control` and `trace`. `metadata.uid` is the number of the entry. What has no place \
         stands under `unmapped.plimsoll`. A call in a model's answer that passed is told by the call at the tool door.\n\n\
         | entry | class | activity | ended |\n|---|---|---|---|\n",
    );
    for (entry, class, activity, ended) in plimsoll_export::ocsf::TABLE {
        let _ = writeln!(page, "| {entry} | {class} | {activity} | {ended} |");
    }
    page.push_str("\nThe events are tested against the attributes that the schema requires of these classes and objects, not with a validator of OCSF's own.\n");
    bless("docs/export.md", &page);
}
