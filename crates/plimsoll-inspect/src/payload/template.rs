//! Whether a text is what was dictated, placeholders filled in.

/// What may stand around a dictated message without being other words.
const GREETINGS: [&str; 8] =
    ["hi", "hello", "hey", "dear", "good morning", "good afternoon", "good evening", "greetings"];
const FAREWELLS: [&str; 17] = [
    "best regards",
    "kind regards",
    "warm regards",
    "many thanks",
    "all the best",
    "yours sincerely",
    "yours truly",
    "best wishes",
    "thank you",
    "sincerely",
    "regards",
    "thanks",
    "cheers",
    "best",
    "love",
    "yours",
    "take care",
];

/// A placeholder is filled with no more than this.
const FILL_MAX: usize = 200;
const NUMBER_MAX: usize = 6;

/// Whether `text` is the template, word by word, with its holes filled by what `may_fill` lets.
/// `variables` are words of the template that stand for something (`k`, in `the k-th`).
pub(super) fn fits(
    template: &str,
    variables: &[String],
    text: &str,
    may_fill: &dyn Fn(&str) -> bool,
) -> bool {
    let (template, text) = (plain(template), plain(text));
    let literals = literals(&template, variables);
    let lower = text.to_ascii_lowercase();
    let Some((first, rest)) = literals.split_first() else { return false };
    let Some(mut at) = lower.starts_with(first.as_str()).then_some(first.len()) else { return false };
    for (index, literal) in rest.iter().enumerate() {
        let last = index + 1 == rest.len();
        // A fill is at least one character.
        let from = at + text[at..].chars().next().map_or(0, char::len_utf8);
        let found = match last {
            true if literal.is_empty() => Some(text.len()),
            true => lower.strip_suffix(literal.as_str()).map(str::len),
            false => lower.get(from..).and_then(|rest| rest.find(literal.as_str())).map(|len| from + len),
        };
        let Some(end) = found.filter(|end| *end >= from && *end > at) else { return false };
        let fill = text[at..end].trim();
        if fill.len() > FILL_MAX || !(is_number(fill) || may_fill(fill)) {
            return false;
        }
        at = end + literal.len();
    }
    at == text.len()
}

/// A message without its greeting and its farewell.
pub(super) fn without_courtesies(text: &str) -> String {
    let mut lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    if lines.len() > 1 && lines.first().is_some_and(|line| is_courtesy(line, &GREETINGS)) {
        lines.remove(0);
    }
    let named =
        |line: &str| words(line) <= 3 && line.chars().all(|c| c.is_alphabetic() || " .-'".contains(c));
    if let [.., farewell, name] = lines.as_slice()
        && lines.len() > 2
        && is_courtesy(farewell, &FAREWELLS)
        && named(name)
    {
        lines.truncate(lines.len() - 2);
    } else if lines.len() > 1 && lines.last().is_some_and(|line| is_courtesy(line, &FAREWELLS)) {
        lines.pop();
    }
    lines.join("\n")
}

/// `Dear Bob,`: a courtesy and at most a name.
fn is_courtesy(line: &str, courtesies: &[&str]) -> bool {
    let lower = line.to_lowercase();
    courtesies.iter().any(|courtesy| {
        let rest = lower.strip_prefix(courtesy);
        rest.is_some_and(|rest| {
            let plain = rest.chars().all(|c| c.is_alphabetic() || " .,!-'".contains(c));
            plain && words(rest) <= 3 && !rest.starts_with(char::is_alphabetic)
        })
    })
}

fn words(text: &str) -> usize {
    text.split_whitespace().count()
}

fn is_number(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    (1..=NUMBER_MAX).contains(&digits) && text.chars().all(|c| c.is_ascii_digit() || ".,:% €$£".contains(c))
}

/// White space is one space, quotes are straight, and what ends a sentence at the end is left out.
fn plain(text: &str) -> String {
    let text = text.replace(['“', '”', '„'], "\"").replace(['’', '‘'], "'");
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    text.trim_end_matches(['.', '!', '?', ' ', '"', '\'']).trim_start_matches(['"', '\'']).to_owned()
}

/// What stands between the holes of a template, in lower case.
fn literals(template: &str, variables: &[String]) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut at = 0;
    while let Some(c) = template[at..].chars().next() {
        let hole = hole(&template[at..]).or_else(|| variable(template, at, variables));
        match hole {
            Some(len) => {
                parts.push(String::new());
                at += len;
            }
            None => {
                if let Some(part) = parts.last_mut() {
                    part.push(c.to_ascii_lowercase());
                }
                at += c.len_utf8();
            }
        }
    }
    parts
}

/// The length of `{hotel_name}`, `<date>` or `[price]` at the beginning.
fn hole(text: &str) -> Option<usize> {
    let close = match text.chars().next()? {
        '{' => '}',
        '<' => '>',
        '[' => ']',
        _ => return None,
    };
    let end = text.find(close)?;
    let inner = text[1..end].trim_matches(|c| c == '{' || c == ' ');
    let named = !inner.is_empty()
        && inner.len() <= 40
        && inner.chars().all(|c| c.is_alphanumeric() || " _-'.".contains(c));
    let end = end + 1 + usize::from(close == '}' && text[end + 1..].starts_with('}'));
    named.then_some(end)
}

fn variable(text: &str, at: usize, variables: &[String]) -> Option<usize> {
    let starts = !text[..at].ends_with(char::is_alphanumeric);
    let found = variables.iter().find(|name| {
        text.get(at..at + name.len()).is_some_and(|word| word.eq_ignore_ascii_case(name))
            && !text[at + name.len()..].starts_with(char::is_alphanumeric)
    })?;
    starts.then_some(found.len())
}
