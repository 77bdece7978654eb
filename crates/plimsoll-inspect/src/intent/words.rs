//! A user's text as words and marks, with quotations as one token each.

use super::quoted::Quote;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Word,
    /// Something with digits, dots or signs: an address, a file, a link, an identifier.
    Value,
    /// An amount or a count, perhaps with a currency's sign.
    Number,
    Quoted,
    Comma,
    Colon,
    Dash,
    Open,
    Close,
    /// The end of a sentence.
    End,
    /// The end of a question.
    Asks,
    /// A point of a list begins.
    Bullet,
    Paragraph,
}

#[derive(Clone, Debug)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    /// In lower case; empty for marks and quotations.
    pub(crate) text: String,
    pub(crate) capital: bool,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Token {
    pub(crate) fn is(&self, word: &str) -> bool {
        self.kind == Kind::Word && self.text == word
    }

    /// Ends a sentence.
    pub(crate) fn ends(&self) -> bool {
        matches!(self.kind, Kind::End | Kind::Asks | Kind::Bullet | Kind::Paragraph)
    }
}

pub(crate) fn is_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '\'' | '’' | '-')
}

const ABBREVIATIONS: [&str; 9] = ["e.g", "i.e", "mr", "mrs", "ms", "dr", "vs", "approx", "st"];

pub(crate) fn tokens(text: &str, quotes: &[Quote]) -> Vec<Token> {
    let mut reader = Reader { text, tokens: Vec::new() };
    let mut at = 0;
    for quote in quotes {
        reader.read(at, quote.whole.start);
        reader.push(Kind::Quoted, quote.inner.start, quote.inner.end);
        if quote.open_ended || text[quote.whole.start..quote.inner.start].contains('\n') {
            reader.push(Kind::End, quote.whole.end, quote.whole.end);
        }
        at = quote.whole.end;
    }
    reader.read(at, text.len());
    reader.tokens
}

struct Reader<'t> {
    text: &'t str,
    tokens: Vec<Token>,
}

impl Reader<'_> {
    fn push(&mut self, kind: Kind, start: usize, end: usize) {
        let worded = matches!(kind, Kind::Word | Kind::Value | Kind::Number);
        let raw = &self.text[start..end];
        let text = if worded { plain(raw) } else { String::new() };
        let capital = raw.starts_with(char::is_uppercase);
        self.tokens.push(Token { kind, text, capital, start, end });
    }

    fn read(&mut self, from: usize, to: usize) {
        let mut at = from;
        while let Some(c) = self.text[at..to].chars().next() {
            let next = at + c.len_utf8();
            at = match c {
                '\n' => self.newline(at, to),
                c if c.is_whitespace() => next,
                c if starts_word(c) => self.word(at, to),
                _ => {
                    self.mark(c, at, next);
                    next
                }
            };
        }
    }

    fn mark(&mut self, c: char, at: usize, next: usize) {
        let spaced = self.text[next..].starts_with(char::is_whitespace) || next == self.text.len();
        let kind = match c {
            '.' | '…' if self.is_abbreviation() => return,
            '.' | '!' | '…' | ';' => Kind::End,
            '?' => Kind::Asks,
            ',' => Kind::Comma,
            ':' => Kind::Colon,
            '–' | '—' => Kind::Dash,
            '-' | '*' | '•' | '·' if self.at_start() && spaced => Kind::Bullet,
            '-' if spaced => Kind::Dash,
            '(' | '[' => Kind::Open,
            ')' | ']' => Kind::Close,
            _ => return,
        };
        self.push(kind, at, next);
        self.enumerate();
    }

    fn is_abbreviation(&self) -> bool {
        self.tokens.last().is_some_and(|last| ABBREVIATIONS.contains(&last.text.as_str()))
    }

    /// Whether a sentence may begin here.
    fn at_start(&self) -> bool {
        self.tokens.last().is_none_or(|last| last.ends() || last.kind == Kind::Colon)
    }

    /// `1.` and `b)` at the beginning of a sentence are the bullets of a list.
    fn enumerate(&mut self) {
        let [.., before, number, mark] = self.tokens.as_slice() else {
            return self.enumerate_first();
        };
        let short = number.text.len() <= 2 && matches!(number.kind, Kind::Number | Kind::Word);
        let numbered = number.kind == Kind::Number || mark.kind == Kind::Close;
        let starts = before.ends() || matches!(before.kind, Kind::Colon | Kind::Open);
        if short && numbered && starts && matches!(mark.kind, Kind::End | Kind::Close) {
            let (start, end) = (number.start, mark.end);
            self.tokens.truncate(self.tokens.len() - 2);
            self.push(Kind::Bullet, start, end);
        }
    }

    fn enumerate_first(&mut self) {
        if let [number, mark] = self.tokens.as_slice()
            && number.kind == Kind::Number
            && number.text.len() <= 2
            && matches!(mark.kind, Kind::End | Kind::Close)
        {
            let (start, end) = (number.start, mark.end);
            self.tokens.clear();
            self.push(Kind::Bullet, start, end);
        }
    }

    /// A line's end is a sentence's end when a mark stands before it or a capital letter, a number or a
    /// bullet behind it; otherwise the text was only wrapped.
    fn newline(&mut self, at: usize, to: usize) -> usize {
        let rest = &self.text[at..to];
        let space = rest.len() - rest.trim_start().len();
        let behind = rest.trim_start().chars().next();
        if rest[..space].matches('\n').count() > 1 {
            self.push(Kind::Paragraph, at, at);
        } else if behind
            .is_none_or(|c| c.is_uppercase() || c.is_numeric() || matches!(c, '-' | '*' | '•' | '('))
            && !self.tokens.last().is_some_and(|last| last.kind == Kind::Colon)
        {
            self.push(Kind::End, at, at);
        }
        at + space
    }

    fn word(&mut self, at: usize, to: usize) -> usize {
        let mut end = at;
        let mut chars = self.text[at..to].char_indices().peekable();
        let linked = ["http://", "https://", "www."]
            .iter()
            .any(|p| self.text.get(at..at + p.len()).is_some_and(|start| start.eq_ignore_ascii_case(p)));
        let mut before = ' ';
        while let Some((offset, c)) = chars.next() {
            let next = chars.peek().map_or(' ', |(_, next)| *next);
            let second = self.text[at + offset..to].chars().nth(2).unwrap_or(' ');
            let goes_on = c.is_alphanumeric()
                || offset == 0
                || (joins(c, before, next, linked) && !ends_sentence(c, before, next, second));
            if !goes_on {
                break;
            }
            before = c;
            end = at + offset + c.len_utf8();
        }
        let raw = &self.text[at..end];
        let kind = if raw.chars().all(|c| c.is_alphabetic() || matches!(c, '\'' | '’' | '-')) {
            Kind::Word
        } else if raw.chars().all(|c| c.is_numeric() || ".,%+-".contains(c) || is_currency(c)) {
            Kind::Number
        } else {
            Kind::Value
        };
        self.push(kind, at, end);
        end
    }
}

fn starts_word(c: char) -> bool {
    c.is_alphanumeric() || is_currency(c) || matches!(c, '#' | '@' | '/' | '{' | '&' | '+')
}

fn is_currency(c: char) -> bool {
    matches!(c, '$' | '€' | '£' | '¥' | '₹' | '₽' | '₩' | '₺')
}

/// Whether this sign goes on with a word.
fn joins(c: char, before: char, next: char, linked: bool) -> bool {
    let inner = next.is_alphanumeric();
    match c {
        ',' => before.is_numeric() && next.is_numeric(),
        ':' => (before.is_numeric() && next.is_numeric()) || next == '/',
        '\'' | '’' | '-' | '_' | '.' | '@' | '/' | '+' | '=' | '&' | '~' | '#' => {
            inner || (c == '/' && next == '/') || (c == '/' && linked)
        }
        '?' => linked && inner,
        '%' | '}' => true,
        c => is_currency(c) || c == '_',
    }
}

/// `websites.Note`: a space is missing.
fn ends_sentence(c: char, before: char, next: char, second: char) -> bool {
    c == '.' && before.is_lowercase() && next.is_uppercase() && !second.is_uppercase() && !second.is_numeric()
}

/// In lower case, with one kind of apostrophe, and without what only spelling varies.
fn plain(raw: &str) -> String {
    let lower = raw.to_lowercase().replace('’', "'");
    let lower = lower.strip_suffix("'s").filter(|rest| !VERBAL.contains(rest)).unwrap_or(&lower);
    match lower {
        "e-mail" => "email".to_owned(),
        "e-mails" => "emails".to_owned(),
        "to-do" => "todo".to_owned(),
        "to-dos" => "todos".to_owned(),
        other => other.to_owned(),
    }
}

/// Words behind which `'s` is a verb or a pronoun, not a genitive.
const VERBAL: [&str; 14] =
    ["it", "that", "what", "he", "she", "there", "here", "who", "let", "how", "where", "when", "this", "why"];
