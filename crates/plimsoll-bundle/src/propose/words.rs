//! What verbs mean, as far as a name can tell.

/// What a tool's name says it does, from the mildest to the worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Deed {
    /// Looks.
    Read,
    /// Looks at places outside: the question itself leaves the house.
    Reach,
    /// Prepares what a person carries out.
    Draft,
    /// Changes what others share.
    Write,
    /// Tells somebody something.
    Send,
    /// Moves money.
    Pay,
    /// Lets somebody in, or lets somebody do more.
    Admit,
    /// Does whatever it is told.
    Run,
    /// Something is gone afterwards.
    Destroy,
}

const VERBS: &[(Deed, &[&str])] = &[
    (
        Deed::Read,
        &[
            "get",
            "list",
            "read",
            "search",
            "find",
            "query",
            "show",
            "describe",
            "view",
            "lookup",
            "look",
            "check",
            "count",
            "status",
            "log",
            "diff",
            "info",
            "convert",
            "current",
            "inspect",
            "tree",
            "stat",
            "head",
            "tail",
            "grep",
            "retrieve",
            "load",
            "browse",
            "compare",
            "summarize",
            "explain",
            "validate",
            "calculate",
            "allowed",
            "translate",
            "resolve",
        ],
    ),
    (Deed::Reach, &["fetch", "crawl", "scrape", "download", "navigate", "curl", "http", "request", "visit"]),
    (Deed::Draft, &["draft", "prepare", "propose", "suggest", "preview"]),
    (
        Deed::Write,
        &[
            "create",
            "add",
            "update",
            "set",
            "write",
            "edit",
            "modify",
            "change",
            "move",
            "rename",
            "copy",
            "insert",
            "append",
            "save",
            "put",
            "patch",
            "merge",
            "commit",
            "assign",
            "close",
            "open",
            "approve",
            "schedule",
            "book",
            "register",
            "enable",
            "disable",
            "start",
            "stop",
            "restart",
            "install",
            "import",
            "mark",
            "tag",
            "label",
            "archive",
            "restore",
            "checkout",
            "init",
            "make",
            "mkdir",
            "upsert",
            "link",
            "subscribe",
            "cancel",
            "stage",
            "branch",
            "store",
            "remember",
            "complete",
            "reopen",
            "lock",
            "sync",
            "replace",
        ],
    ),
    (
        Deed::Send,
        &[
            "send",
            "post",
            "publish",
            "share",
            "email",
            "mail",
            "notify",
            "tweet",
            "reply",
            "forward",
            "invite",
            "upload",
            "push",
            "deploy",
            "call",
            "dial",
            "sms",
            "export",
            "submit",
            "broadcast",
            "comment",
        ],
    ),
    (
        Deed::Pay,
        &[
            "pay", "transfer", "refund", "charge", "purchase", "buy", "withdraw", "payout", "wire", "remit",
            "donate", "trade",
        ],
    ),
    (
        Deed::Admit,
        &[
            "unlock",
            "disarm",
            "grant",
            "authorize",
            "authorise",
            "impersonate",
            "elevate",
            "promote",
            "override",
            "bypass",
        ],
    ),
    (
        Deed::Run,
        &[
            "execute", "exec", "run", "eval", "shell", "bash", "command", "script", "invoke", "terminal",
            "spawn",
        ],
    ),
    (
        Deed::Destroy,
        &[
            "delete",
            "remove",
            "drop",
            "destroy",
            "purge",
            "wipe",
            "erase",
            "truncate",
            "uninstall",
            "revoke",
            "terminate",
            "kill",
            "reset",
            "overwrite",
            "rm",
            "unlink",
            "clear",
            "forget",
            "ban",
            "shred",
            "format",
            "prune",
            "discard",
        ],
    ),
];

/// Phrases in a description that say more than a mild name.
const WARNINGS: &[(Deed, &[&str])] = &[
    (
        Deed::Destroy,
        &[
            "cannot be undone",
            "can't be undone",
            "can not be undone",
            "irreversib",
            "permanently",
            "overwrite",
            "deletes ",
            "delete ",
            "removes ",
            "destroy",
            "wipe",
            "discards ",
        ],
    ),
    (Deed::Run, &["executes ", "runs arbitrary", "arbitrary code", "shell command", "arbitrary sql"]),
    (Deed::Pay, &["transfers money", "charges ", "pays ", "moves funds"]),
    (Deed::Send, &["sends ", "send an", "publishes ", "posts to"]),
    (Deed::Write, &["creates ", "updates ", "modifies ", "writes ", "changes "]),
];

/// Whether a word says what is done.
pub(super) fn is_verb(word: &str) -> bool {
    VERBS.iter().any(|(_, verbs)| verbs.contains(&word))
}

/// One of them: `event` for `events`.
pub(super) fn singular(word: &str) -> String {
    let plain = match word {
        _ if word.len() < 4 || word.ends_with("ss") || word.ends_with("us") => word.to_owned(),
        _ if word.ends_with("ies") => format!("{}y", &word[..word.len() - 3]),
        _ => {
            let es = ["ches", "shes", "sses", "xes"].iter().any(|end| word.ends_with(end));
            word.strip_suffix(if es { "es" } else { "s" }).unwrap_or(word).to_owned()
        }
    };
    match &*plain {
        "people" => "person".to_owned(),
        _ => plain,
    }
}

/// The words of a name: `deleteCustomer`, `delete_customer` and `delete-customer` are the same.
pub(super) fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = vec![String::new()];
    let mut before_lower = false;
    for c in name.chars() {
        if !c.is_alphanumeric() || (c.is_uppercase() && before_lower) {
            words.push(String::new());
        }
        if c.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(c.to_lowercase());
        }
        before_lower = c.is_lowercase() || c.is_ascii_digit();
    }
    words.retain(|word| !word.is_empty());
    words
}

/// The deed a name tells, with the word that tells it. The first verb counts; a later, worse one counts
/// too, unless the first says that it only looks.
pub(super) fn deed(name: &str) -> Option<(Deed, String)> {
    let mut told: Option<(Deed, String)> = None;
    for word in words(name) {
        let Some((deed, _)) = VERBS.iter().find(|(_, verbs)| verbs.contains(&word.as_str())) else {
            continue;
        };
        match &told {
            None => told = Some((*deed, word)),
            Some((Deed::Read, _)) => {}
            Some((first, _)) if *deed == Deed::Destroy && *first < Deed::Destroy => {
                told = Some((*deed, word))
            }
            Some(_) => {}
        }
    }
    told
}

/// Verbs that begin a description and say more than the same word in a name, where it may be a noun.
const OPENING: &[(Deed, &[&str])] = &[
    (Deed::Pay, &["order", "orders", "reorder", "bid", "bids", "checkout", "subscribe", "subscribes"]),
    (Deed::Send, &["call", "calls", "trigger", "triggers", "text", "message", "alert", "alerts"]),
];

/// What the first word of a description says is done: of a tool whose name does not say it.
pub(super) fn opening(description: &str) -> Option<(Deed, String)> {
    let first = words(description.split_whitespace().next()?).pop()?;
    let says = |verbs: &[&str]| {
        let plain = first.strip_suffix('s').filter(|_| !first.ends_with("ss"));
        verbs.contains(&first.as_str()) || plain.is_some_and(|plain| verbs.contains(&plain))
    };
    let (deed, _) = OPENING.iter().chain(VERBS).find(|(_, verbs)| says(verbs))?;
    Some((*deed, first))
}

/// The worst that a description says, with the phrase that says it.
pub(super) fn warning(description: &str) -> Option<(Deed, &'static str)> {
    let text = format!("{} ", description.to_lowercase());
    WARNINGS.iter().find_map(|(deed, phrases)| {
        let phrase = phrases.iter().find(|phrase| starts_word(&text, phrase))?;
        Some((*deed, phrase.trim()))
    })
}

/// Whether a phrase stands in the text at the beginning of a word, and is not denied right before.
fn starts_word(text: &str, phrase: &str) -> bool {
    text.match_indices(phrase).any(|(at, _)| {
        let before = &text[..at];
        let denied = ["not ", "never ", "n't ", "without ", "no "].iter().any(|no| before.ends_with(no));
        !denied && !before.ends_with(char::is_alphanumeric)
    })
}
