//! What of a user's text is somebody's words rather than the user's own: quotations, pasted mail,
//! fenced and tagged blocks, and what follows `the mail says:` or `the following message:`.
//!
//! Words in there ask for nothing. When it is unclear where a quotation ends, it ends late.

use std::ops::Range;

use super::lexicon::{self, class, has};
use super::words::is_word;

/// A piece of text that is not the user's own voice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Quote {
    /// With its marks.
    pub(crate) whole: Range<usize>,
    /// Without them.
    pub(crate) inner: Range<usize>,
    /// It is announced by a colon and has no marks, so where it ends is a guess (too late rather than
    /// too early).
    pub(crate) open_ended: bool,
}

/// An apostrophe that opens a quotation is looked for its end this far.
const SINGLE_MAX: usize = 4096;

/// How many tags are looked for their end.
const TAGS_MAX: usize = 64;

/// How many words before a colon can make it announce a text.
const LEAD_WORDS: usize = 14;

/// All of them, in order, without overlap.
pub(crate) fn quotes(text: &str) -> Vec<Quote> {
    let mut found: Vec<Quote> = Vec::new();
    let (mut at, mut tags) = (0, TAGS_MAX);
    while let Some(c) = text[at..].chars().next() {
        let line_start = at == 0 || text[..at].ends_with('\n');
        let block = if line_start { block(text, at) } else { None };
        let quote = block.or_else(|| match c {
            ':' => announced(text, at),
            '<' if tags > 0 => {
                tags -= 1;
                tagged(text, at)
            }
            _ => marked(text, at, c),
        });
        at = match quote {
            Some(quote) => {
                let end = quote.whole.end.max(at + c.len_utf8());
                found.push(quote);
                end
            }
            None => at + c.len_utf8(),
        };
    }
    found
}

fn quote(start: usize, inner: Range<usize>, end: usize) -> Option<Quote> {
    Some(Quote { whole: start..end, inner, open_ended: false })
}

/// Text between marks: `"…"`, `“…”`, `'…'`.
fn marked(text: &str, at: usize, open: char) -> Option<Quote> {
    let close = match open {
        '"' => "\"”",
        '“' | '”' | '„' => "”“\"",
        '«' => "»",
        '»' => "«",
        '`' => "`",
        '\'' | '‘' => "'’",
        _ => return None,
    };
    let inner = at + open.len_utf8();
    let before = text[..at].chars().next_back();
    let single = matches!(open, '\'' | '‘');
    let after = text[inner..].chars().next()?;
    if before.is_some_and(char::is_alphanumeric) || (single && after.is_whitespace()) {
        return None;
    }
    let end = paragraph_end(text, inner);
    if single {
        let end = floor(text, end.min(inner + SINGLE_MAX));
        let close = single_end(&text[inner..end])? + inner;
        let len = text[close..].chars().next().map_or(0, char::len_utf8);
        return quote(at, inner..close, close + len);
    }
    // A mark that is never closed quotes what is left of its paragraph.
    match text[inner..end].char_indices().find(|(_, c)| close.contains(*c)) {
        Some((len, c)) => quote(at, inner..inner + len, inner + len + c.len_utf8()),
        None => quote(at, inner..end, end),
    }
}

/// Where `'…` ends. An apostrophe within a word ends nothing, and when a further closing mark follows
/// without an opening one, the first was a plural's (`the users' files'`).
fn single_end(text: &str) -> Option<usize> {
    let mut end = None;
    let mut before = '\'';
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let next = chars.peek().map(|(_, next)| *next);
        if matches!(c, '\'' | '’' | '‘') {
            let opens = !before.is_alphanumeric() && !before.is_ascii_punctuation();
            let inside = before.is_alphanumeric() && next.is_some_and(char::is_alphanumeric);
            if opens && end.is_some() && next.is_some_and(|c| !c.is_whitespace()) {
                break;
            }
            if !before.is_whitespace() && !next.is_some_and(char::is_alphanumeric) && !inside {
                end = Some(at);
            }
        }
        before = c;
    }
    end
}

/// Whole lines that are not the user's: `> …`, fences, the heads of a forwarded mail.
fn block(text: &str, at: usize) -> Option<Quote> {
    let line = &text[at..line_end(text, at)];
    let next = next_line(text, at);
    let trimmed = line.trim();
    if trimmed.starts_with('>') {
        return quote(at, at..at + line.len(), next);
    }
    if let Some(fence) = fence(trimmed) {
        let close = lines(text, next).find(|range| text[range.clone()].trim().starts_with(fence));
        return match close {
            Some(close) => quote(at, next..close.start, next_line(text, close.start)),
            // A line of dashes alone divides; an open code fence goes on to the end.
            None if fence.starts_with(['`', '~', '"', '\'']) => quote(at, next..text.len(), text.len()),
            None => None,
        };
    }
    let lower = trimmed.to_lowercase();
    let head = |name: &str| lower.strip_prefix(name).is_some();
    let forwarded = lower.contains("original message--") || lower.contains("forwarded message");
    let mail = (head("from:") && lower.contains('@')) || (head("subject:") && !lower.ends_with(':'));
    let wrote = head("on ") && lower.ends_with("wrote:");
    (forwarded || mail || wrote).then_some(Quote {
        whole: at..text.len(),
        inner: at..text.len(),
        open_ended: true,
    })
}

fn fence(line: &str) -> Option<&str> {
    let first = line.chars().next()?;
    let run = line.len() - line.trim_start_matches(first).len();
    let alone = run == line.len() || matches!(first, '`' | '~');
    (matches!(first, '`' | '~' | '"' | '\'' | '-' | '=' | '*' | '_') && run >= 3 && alone).then(|| &line[..3])
}

/// `<mail> … </mail>`.
fn tagged(text: &str, at: usize) -> Option<Quote> {
    let rest = &text[at + 1..];
    let name_len = rest.find(|c: char| !c.is_alphanumeric() && !matches!(c, '_' | '-')).unwrap_or(0);
    let name = rest.get(..name_len).filter(|name| name.starts_with(char::is_alphabetic))?;
    let open = at + 1 + rest.find('>').filter(|len| *len < 200)? + 1;
    let close = open + text[open..].find(&format!("</{name}"))?;
    let end = text[close..].find('>').map_or(text.len(), |len| close + len + 1);
    quote(at, open..close, end)
}

/// What follows a colon behind words of saying (`Bob wrote:`) or the name of a text (`the following
/// message:`): what is left of the paragraph, or of everything if the line ends there.
fn announced(text: &str, at: usize) -> Option<Quote> {
    let inner = at + 1;
    let after = &text[inner..];
    if !after.starts_with(char::is_whitespace) && !after.is_empty() {
        return None;
    }
    let rest_of_line = text[inner..line_end(text, inner)].trim();
    // With marks of its own it ends where they end.
    if rest_of_line.starts_with(['"', '“', '„', '«', '\'', '‘', '`']) {
        return None;
    }
    let line_start = text[..at].rfind('\n').map_or(0, |n| n + 1);
    let sentence = text[line_start..at].rsplit(['.', '!', '?']).find(|part| !part.trim().is_empty());
    let words: Vec<String> = sentence
        .unwrap_or_default()
        .split(|c| !is_word(c))
        .filter(|w| !w.is_empty())
        .map(str::to_lowercase)
        .collect();
    if !announces(&words) {
        return None;
    }
    let end = if rest_of_line.is_empty() {
        text.len()
    } else if words.len() == 1 {
        line_end(text, inner)
    } else {
        paragraph_end(text, inner)
    };
    let start = inner + (after.len() - after.trim_start().len()).min(end - inner);
    Some(Quote { whole: inner..end, inner: start..end, open_ended: true })
}

/// What is done to texts.
const WORKING: &str = "proofread translate summarize summarise rewrite rephrase paraphrase correct improve shorten \
     explain classify analyze analyse review edit check fix simplify polish interpret evaluate reformat convert format \
     extract parse decode spellcheck grade rate critique compare continue expand comment";

/// Whether these words and a colon announce a text.
fn announces(words: &[String]) -> bool {
    let words = &words[words.len().saturating_sub(LEAD_WORDS)..];
    let Some(last) = words.last() else { return false };
    if words.len() == 1 {
        return has(lexicon::TEXT_HEADS, last) || has(WORKING, last);
    }
    // `Do what the mail says:` announces too; `I need you to do the following:` does not.
    let saying = class(last).saying || words.iter().rev().take(4).any(|w| class(w).saying);
    let text = |word: &String| has(lexicon::TEXTS, word);
    let named = words.windows(2).any(|pair| {
        text(&pair[1]) && matches!(pair[0].as_str(), "following" | "this" | "the" | "a" | "an" | "here's")
    });
    // `Proofread this: …`
    let worked_on = words.iter().any(|word| has(WORKING, word)) && has("this following below", last);
    saying
        || worked_on
        || text(last)
        || (named && words.iter().any(|word| word == "following" || word == "this"))
        || (named && words.iter().any(|word| class(word).to_write))
}

fn line_end(text: &str, at: usize) -> usize {
    text[at..].find('\n').map_or(text.len(), |len| at + len)
}

fn next_line(text: &str, at: usize) -> usize {
    (line_end(text, at) + 1).min(text.len())
}

/// The lines from here on.
fn lines(text: &str, from: usize) -> impl Iterator<Item = Range<usize>> + '_ {
    let mut at = from;
    std::iter::from_fn(move || {
        let line = (at < text.len()).then(|| at..line_end(text, at))?;
        at = line.end + 1;
        Some(line)
    })
}

/// Where the next empty line begins.
fn paragraph_end(text: &str, at: usize) -> usize {
    let rest = lines(text, at).skip(1).find(|line| text[line.clone()].trim().is_empty());
    rest.map_or(text.len(), |line| line.start)
}

fn floor(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}
