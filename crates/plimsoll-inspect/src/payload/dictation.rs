//! Did the user dictate what this act says?
//!
//! Dictated is a text in quotes behind a word that announces one (`titled 'Lunch'`, `the following
//! message: …`, `the subject should be '…'`), or what follows such a word without quotes, up to the end
//! of some sentence. It belongs to the directive before it; words that only add to one (`use the title`,
//! `set the description`) are looked through.
//!
//! Once something was dictated for an act, its other content must be dictated too, or known, or empty,
//! unless the user asked for something to be composed: `send a summary, with the subject 'News'`.

use plimsoll_core::ArgumentRole;

use super::FreeText;
use super::template::{fits, without_courtesies};
use crate::intent::{Asking, Kind, Token, Words, class, has};
use crate::trace::Prepared;

/// Words that announce a short text, and names of arguments for one.
const TITLES: &str =
    "titled called named entitled title subject name heading headline filename caption topic";
const TITLE_NAMES: &str =
    "title subject name filename file_name heading headline summary topic label event_title";
/// Words that announce a text.
const BODIES: &str = "message body text description content contents note comment reply question saying says say \
     answer words announcement post tweet reminder sentence paragraph memo letter response statement";
/// Words that do when nothing nearer does.
const WEAK: &str = "email mail sms event meeting appointment task file document page channel";
/// Arguments for other things than text.
const OTHER_NAMES: &str = "location place venue address tag tags category priority status color";
/// Words between the announcing word and the text.
const BETWEEN: &str = "is be should must will to the a an of as with it this that following exactly just only set use \
     using my his her their your our new line field value please in its reads read for them him everyone all there";
/// Directives that add to another one.
const ADDING: &str = "use set make include put add mention attach give call name title write say book let do keep note \
     ensure remember leave mark insert state specify start end begin invite";
/// Who asks for one of these asks for words that are not dictated.
const COMPOSED: &str = "summary summaries feedback information info details overview explanation recap review draft \
     list report notes thoughts suggestion suggestions result results analysis outline minutes agenda update updates \
     answer about regarding explaining explain describing describe containing mention mentioning including based \
     recommendations recommendation comparison content explanation poem story";

/// Words before a text that are looked at.
const LEAD_MAX: usize = 9;
/// Ends at which a text without quotes may end.
const ENDS_MAX: usize = 64;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slot {
    Title,
    Body,
    Other,
}

/// One dictated text.
#[derive(Debug)]
struct Dictated<'t> {
    slot: Slot,
    /// One text, or, when it is unclear where it ends, several that begin alike.
    texts: Vec<&'t str>,
    variables: Vec<String>,
}

/// Whether content of this act is neither dictated nor known, although the user dictated some of it.
pub(super) fn is_undictated(
    prepared: &Prepared<'_>,
    texts: &[FreeText<'_>],
    asking: impl FnOnce() -> Asking,
) -> bool {
    let content = || {
        texts.iter().filter(|text| {
            matches!(text.role, ArgumentRole::Content | ArgumentRole::Code) && !text.text.trim().is_empty()
        })
    };
    let said: Vec<(&str, &Words)> = prepared
        .user_texts()
        .map(|(_, text)| text)
        .zip(prepared.words().into_iter().map(|(_, words)| words))
        .collect();
    let may_dictate = |(text, words): &(&str, &Words)| !leads(words, text).is_empty();
    if content().all(|text| text.known) || !said.iter().any(may_dictate) {
        return false;
    }
    let asking = asking();
    let mut composed = false;
    let mut dictated = Vec::new();
    for (text, words) in &said {
        composed |= words.directives.iter().any(|directive| {
            let asks = asking.word(directive).is_some();
            let end = directive.end.min(words.tokens.len());
            asks && words.tokens[directive.verb..end].iter().any(|token| has(COMPOSED, &token.text))
        });
        dictated.extend(dictations(words, text, &asking));
    }
    let may_fill = |fill: &str| prepared.is_trusted(fill, ArgumentRole::Content);
    let is_dictated = |text: &FreeText<'_>| {
        let plain = without_courtesies(text.text);
        dictated.iter().any(|d: &Dictated<'_>| {
            let fits = |template: &&str| {
                fits(template, &d.variables, text.text, &may_fill)
                    || (d.slot == Slot::Body && fits(template, &d.variables, &plain, &may_fill))
            };
            d.texts.iter().any(fits)
        })
    };
    // A title is no rule for an act whose content has no title.
    let bound = |slot: Slot| dictated.iter().any(|d| d.slot == slot);
    let binding = content().any(|text| bound(slot_of(text.name)));
    binding
        && content().any(|text| (bound(slot_of(text.name)) || !composed) && !text.known && !is_dictated(text))
}

fn slot_of(name: &str) -> Slot {
    let name = name.to_lowercase();
    if has(TITLE_NAMES, &name) {
        Slot::Title
    } else if has(OTHER_NAMES, &name) {
        Slot::Other
    } else {
        Slot::Body
    }
}

/// What the user dictated for the acts that these directives ask for.
fn dictations<'t>(words: &Words, text: &'t str, asking: &Asking) -> Vec<Dictated<'t>> {
    let leads = leads(words, text).into_iter().filter(|lead| belongs(words, lead, asking));
    leads
        .map(|lead| Dictated {
            slot: lead.slot,
            texts: texts(text, &lead),
            variables: variables(&text[lead.start..]),
        })
        .filter(|dictated| !dictated.texts.is_empty())
        .collect()
}

/// Where a dictated text begins.
#[derive(Debug)]
struct Lead {
    slot: Slot,
    /// The token that announces it.
    token: usize,
    start: usize,
    end: usize,
    /// Where it ends is unclear.
    open_ended: bool,
    /// Its end may be at any word.
    wordwise: bool,
    /// A thing and its name: `an event 'Lunch'`.
    weak: bool,
}

fn leads(words: &Words, text: &str) -> Vec<Lead> {
    let tokens = &words.tokens;
    let found = (0..tokens.len()).filter_map(|at| match tokens[at].kind {
        Kind::Quoted => quoted_lead(tokens, at),
        Kind::Word => plain_lead(tokens, at, text),
        _ => None,
    });
    found.filter(|lead| lead.end > lead.start + 2).collect()
}

/// A text in quotes, or behind a colon, and the word that announces it.
fn quoted_lead(tokens: &[Token], at: usize) -> Option<Lead> {
    let open_ended = tokens.get(at + 1).is_some_and(|t| t.kind == Kind::End && t.start == t.end);
    let before = tokens[..at].iter().enumerate().rev().take(LEAD_MAX);
    let mut weak = None;
    for (index, token) in before {
        let (word, next) = (token.text.as_str(), tokens.get(index + 1));
        if !matches!(token.kind, Kind::Word | Kind::Colon | Kind::Comma)
            || (token.kind == Kind::Comma && index + 1 != at)
        {
            break;
        }
        let lead = |slot, weak| Lead {
            slot,
            token: index,
            start: tokens[at].start,
            end: tokens[at].end,
            open_ended,
            wordwise: false,
            weak,
        };
        if has(TITLES, word) {
            return Some(lead(Slot::Title, false));
        }
        if has(BODIES, word) && !refers(tokens, index, next) {
            return Some(lead(Slot::Body, false));
        }
        if has(OTHER_NAMES, word) {
            return Some(lead(Slot::Other, false));
        }
        if has(WEAK, word) {
            weak = weak.or((index + 1 == at).then(|| lead(Slot::Title, true)));
        } else if token.kind == Kind::Word && !has(BETWEEN, word) && !open_ended {
            break;
        }
    }
    weak
}

/// `reply to the message 'X'` speaks of a text that is there already.
fn refers(tokens: &[Token], at: usize, next: Option<&Token>) -> bool {
    let word = |back: usize| at.checked_sub(back).map_or("", |at| tokens[at].text.as_str());
    let determined = has("the his her their its that this", word(1));
    determined && has("to in on from about of", word(2)) && next.is_some_and(|next| next.kind == Kind::Quoted)
}

/// A text without quotes: `with description Catch up`, `called Team Lunch`, `saying I'm late`.
fn plain_lead(tokens: &[Token], at: usize, text: &str) -> Option<Lead> {
    let word = tokens[at].text.as_str();
    let previous = at.checked_sub(1).map_or("", |at| tokens[at].text.as_str());
    let mut next = at + 1;
    let is_said = word == "saying";
    let is_named = has("titled called entitled named", word) && !class(previous).pronoun;
    let is_field = previous == "with" && (has(TITLES, word) || has(BODIES, word));
    let mut is_equated = false;
    if has(TITLES, word) || has(BODIES, word) {
        let links =
            tokens[next..].iter().take(2).take_while(|t| has("should must is be to as", &t.text)).count();
        is_equated = links > 0;
        next += links;
    }
    let first = tokens.get(next).filter(|t| matches!(t.kind, Kind::Word | Kind::Value | Kind::Number))?;
    let marked = first.capital || first.kind != Kind::Word;
    let begins = (is_said && first.text != "that") || ((is_named || is_field || is_equated) && marked);
    let end = text[first.start..].find("\n\n").map_or(text.len(), |len| first.start + len);
    let slot = if has(TITLES, word) { Slot::Title } else { Slot::Body };
    begins.then_some(Lead {
        slot,
        token: at,
        start: first.start,
        end,
        open_ended: true,
        wordwise: !is_said && !is_field,
        weak: false,
    })
}

/// Whether what was dictated here is for an act that the directive before it asks for.
fn belongs(words: &Words, lead: &Lead, asking: &Asking) -> bool {
    let before = words.directives.iter().rev().filter(|directive| directive.verb <= lead.token);
    // `The subject of the mail should be …` may follow other directives.
    let stated = words.directives.iter().all(|d| d.verb > lead.token || d.end <= lead.token);
    for directive in before {
        let verb = &words.tokens[directive.verb].text;
        if asking.word(directive).is_some() {
            return !lead.weak || (asking.makes() && directive.end > lead.token);
        }
        if !stated && !has(ADDING, verb) {
            return false;
        }
    }
    false
}

/// The text, or its beginnings up to where it may end.
fn texts<'t>(text: &'t str, lead: &Lead) -> Vec<&'t str> {
    let whole = &text[lead.start..lead.end];
    if !lead.open_ended {
        return vec![whole];
    }
    let mut found = vec![whole];
    let mut chars = whole.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let next = chars.peek().map_or(' ', |(_, next)| *next);
        let ends = c == '\n' || c == '(' || (matches!(c, '.' | '!' | '?') && !next.is_alphanumeric());
        if (ends || (lead.wordwise && (c.is_whitespace() || c == ','))) && at > 0 && found.len() < ENDS_MAX {
            found.push(whole[..at].trim_end());
        }
    }
    found
}

/// `… the k-th (where k is the rank)`: words that stand for something.
fn variables(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let words: Vec<&str> = text
        .split(|c: char| !c.is_alphanumeric() && c != '_')
        .filter(|word| !word.is_empty())
        .take(400)
        .collect();
    for window in words.windows(3) {
        let equates =
            matches!(window[2].to_lowercase().as_str(), "is" | "stands" | "means" | "denotes" | "should");
        if window[0].eq_ignore_ascii_case("where") && equates && window[1].len() <= 20 {
            found.push(window[1].to_owned());
        }
    }
    found
}
