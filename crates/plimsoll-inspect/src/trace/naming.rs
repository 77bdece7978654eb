//! Short identifiers are numbers like any other until something names them: `order 13`, `#13`.

/// Words that announce an identifier whatever it is of.
const ID_WORDS: [&str; 6] = ["id", "ids", "no", "nr", "number", "num"];

/// Things that are numbered.
const NUMBERED: [&str; 20] = [
    "account",
    "booking",
    "case",
    "claim",
    "contract",
    "customer",
    "event",
    "file",
    "invoice",
    "issue",
    "item",
    "message",
    "order",
    "payment",
    "product",
    "project",
    "reservation",
    "task",
    "ticket",
    "user",
];

/// Whether what follows `before` is written as an identifier, of the right kind of thing: `order 13`
/// for `order_id`, `#13` or `id 13` for anything, never `June 13`. Without `nouns` any kind will do.
pub(super) fn is_named_as_id(before: &str, nouns: Option<&[String]>) -> bool {
    let nouns = nouns.unwrap_or_default();
    let fits = |word: &str| {
        let word = singular(word);
        let numbered = NUMBERED.contains(&word.as_str());
        (nouns.contains(&word), nouns.is_empty() && numbered, !nouns.is_empty() && numbered)
    };
    let trimmed = before.trim_end();
    let hash = trimmed.ends_with('#');
    let trimmed = trimmed.trim_end_matches(['#', ':', '=', '"', '\'', '.', ' ']);
    let word = word_before(trimmed);
    let (of_ours, of_any, of_others) = fits(word);
    if hash {
        return !of_others || of_ours;
    }
    if ID_WORDS.contains(&word.to_ascii_lowercase().as_str()) {
        let previous = trimmed[..trimmed.len() - word.len()].trim_end_matches(['_', '-', ' ']);
        let (of_ours, _, of_others) = fits(word_before(previous));
        return !of_others || of_ours;
    }
    of_ours || of_any
}

/// The letters and digits that end a text, after white space.
pub(super) fn word_before(text: &str) -> &str {
    let text = text.trim_end();
    let start = text.char_indices().rev().take_while(|(_, c)| c.is_alphanumeric()).last();
    start.map_or("", |(at, _)| &text[at..])
}

/// The letters and digits that begin a text, after white space.
pub(super) fn word_after(text: &str) -> &str {
    let text = text.trim_start();
    let end = text.find(|c: char| !c.is_alphanumeric()).unwrap_or(text.len());
    &text[..end]
}

fn singular(word: &str) -> String {
    let word = word.to_ascii_lowercase();
    word.strip_suffix('s').map_or(word.clone(), str::to_owned)
}

/// The words of a name, without those that say no more than *identifier*.
pub(super) fn nouns(name: &str) -> Vec<String> {
    const EMPTY: [&str; 12] =
        ["id", "ids", "no", "nr", "number", "num", "key", "ref", "code", "tool", "get", "value"];
    let mut words = vec![String::new()];
    let mut lower = false;
    for c in name.chars() {
        if !c.is_alphanumeric() || (c.is_uppercase() && lower) {
            words.push(String::new());
        }
        lower = c.is_lowercase();
        if let (true, Some(word)) = (c.is_alphanumeric(), words.last_mut()) {
            word.push(c);
        }
    }
    words.retain(|word| !word.is_empty() && !EMPTY.contains(&word.to_ascii_lowercase().as_str()));
    words.iter().map(|word| singular(word)).collect()
}
