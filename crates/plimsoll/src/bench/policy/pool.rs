//! Values that stand in a context, by what they could be used for. An attacker chooses among them.

use plimsoll_core::SpanKind;
use plimsoll_gateway::context::Context;
use serde_json::Value;

/// Values of one kind at most.
pub const VALUES_MAX: usize = 1_024;
/// Days, years and hours that dates are made of at most.
const DAYS_MAX: usize = 64;
const YEARS_MAX: usize = 3;
const HOURS_MAX: usize = 3;
/// Ends of words that look like hosts and are files.
const FILES: [&str; 9] = ["txt", "pdf", "docx", "xlsx", "pptx", "csv", "json", "png", "jpg"];
/// Characters of a field's value at most; what is longer is text.
const FIELD_MAX: usize = 120;

/// The values, those of the user's own words first.
#[derive(Debug, Default)]
pub struct Pool {
    pub emails: Kind,
    pub urls: Kind,
    pub numbers: Kind,
    /// As they are written.
    pub dates: Kind,
    /// Written `2026-05-01` and `2026-05-01 10:00`; a year that is not said is one that stands somewhere.
    pub iso_dates: Kind,
    /// Words that have a digit: `acct-77`, account numbers.
    pub codes: Kind,
    /// Words that begin with a capital inside a sentence, and runs of them.
    pub names: Kind,
    /// Words with a point or slash inside: `notes.txt`.
    pub paths: Kind,
    /// What stands in quotation marks in the user's words.
    pub quoted: Kind,
    /// The user's words.
    pub words: Kind,
    /// Values and names of fields of structured results.
    pub fields: Kind,
}

/// Values of one kind, each once.
#[derive(Debug, Default)]
pub struct Kind(Vec<String>);

impl Kind {
    fn add(&mut self, value: &str) {
        let value = value.trim();
        if !value.is_empty() && self.0.len() < VALUES_MAX && !self.0.iter().any(|known| known == value) {
            self.0.push(value.to_owned());
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl Pool {
    pub fn of(context: &Context<'_>) -> Self {
        let mut pool = Self::default();
        let texts = || context.spans.iter().zip(&context.texts);
        for (_, text) in texts().filter(|(span, _)| span.kind == SpanKind::User) {
            pool.text(text);
            quotations(text).for_each(|quoted| pool.quoted.add(quoted));
            text.split_whitespace().map(bare).for_each(|word| pool.words.add(word));
        }
        for (_, text) in texts().filter(|(span, _)| span.kind == SpanKind::Result) {
            match serde_json::from_str(text) {
                Ok(value) => pool.value(&value),
                Err(_) => pool.text(text),
            }
        }
        for (_, text) in texts().filter(|(span, _)| span.kind == SpanKind::System) {
            pool.text(text);
        }
        pool.make_dates(context);
        pool
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::Object(members) => {
                for (name, member) in members {
                    self.value(member);
                    self.fields.add(name);
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.value(item)),
            Value::String(text) => {
                if text.chars().count() <= FIELD_MAX {
                    self.fields.add(text);
                }
                self.text(text);
            }
            Value::Number(number) => {
                self.numbers.add(&number.to_string());
                self.fields.add(&number.to_string());
            }
            Value::Bool(_) | Value::Null => {}
        }
    }

    fn text(&mut self, text: &str) {
        let words: Vec<&str> = text.split_whitespace().collect();
        let mut run: Vec<&str> = Vec::new();
        let mut begins = true;
        for (n, written) in words.iter().enumerate() {
            let word = bare(written);
            self.word(word);
            if let Some(date) = date_at(&words[n..]) {
                self.dates.add(&date);
            }
            let capital = word.chars().next().is_some_and(char::is_uppercase);
            if capital && !begins {
                run.push(word);
                self.names.add(word);
                self.names.add(&run.join(" "));
            } else {
                run.clear();
            }
            let ends = written.ends_with(['.', '!', '?', ':']);
            if ends || written.ends_with([',', ';', ')']) {
                run.clear();
            }
            begins = ends;
        }
    }

    fn word(&mut self, word: &str) {
        let digit = word.chars().any(|c| c.is_ascii_digit());
        let inner = |mark: char| word.trim_matches(mark).contains(mark);
        if let Some((user, host)) = word.split_once('@') {
            if !user.is_empty() && host.contains('.') {
                self.emails.add(word);
            }
            return;
        }
        let number = word.trim_matches(['$', '€', '£', '%']).replace(',', "");
        if number.parse::<f64>().is_ok_and(f64::is_finite) {
            self.numbers.add(&number);
        } else if digit && word.len() >= 3 {
            self.codes.add(word);
        }
        let host = word.split("://").last().unwrap_or(word).split('/').next().unwrap_or_default();
        if is_host(host) {
            self.urls.add(word);
        }
        if inner('.') || inner('/') || inner('\\') {
            self.paths.add(word);
        }
    }
}

impl Pool {
    fn make_dates(&mut self, context: &Context<'_>) {
        let texts = |users: bool| {
            let all = context.spans.iter().zip(&context.texts);
            all.filter(move |(span, _)| (span.kind == SpanKind::User) == users).map(|(_, text)| text)
        };
        let words = || {
            let texts = texts(true).chain(texts(false));
            texts.flat_map(|text| text.split(|c: char| !c.is_ascii_digit() && c != ':'))
        };
        let is_year = |word: &&str| {
            word.len() == 4 && word.parse::<u16>().is_ok_and(|year| (1990..2100).contains(&year))
        };
        let is_hour = |word: &&str| word.len() == 5 && word.find(':') == Some(2);
        let years = first(words().filter(is_year), YEARS_MAX);
        let hours = first(words().filter(is_hour), HOURS_MAX);
        self.dates_of(&years, &hours);
    }

    fn dates_of(&mut self, years: &[String], hours: &[String]) {
        let days: Vec<Day> = self.dates.iter().filter_map(Day::read).take(DAYS_MAX).collect();
        for Day { year, month, day } in days {
            let own = year.map(|year| year.to_string());
            for year in own.as_ref().map_or(years, std::slice::from_ref) {
                let date = format!("{year}-{month:02}-{day:02}");
                self.iso_dates.add(&date);
                hours.iter().for_each(|hour| self.iso_dates.add(&format!("{date} {hour}")));
            }
        }
    }
}

fn first<'w>(words: impl Iterator<Item = &'w str>, most: usize) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for word in words {
        if found.len() < most && !found.iter().any(|known| known == word) {
            found.push(word.to_owned());
        }
    }
    found
}

/// A day of which perhaps nobody said the year.
struct Day {
    year: Option<u32>,
    month: usize,
    day: u32,
}

impl Day {
    /// Reads what [`date_at`] found.
    fn read(text: &str) -> Option<Self> {
        let number = |word: &str| {
            let digits: String = word.chars().take_while(char::is_ascii_digit).collect();
            digits.parse::<u32>().ok()
        };
        let month = |word: &str| {
            let short: String = word.chars().take(3).collect::<String>().to_lowercase();
            Some(MONTHS.iter().position(|month| *month == short)? + 1)
        };
        let mut parts = text.split([' ', ',', '-', 'T']).filter(|part| !part.is_empty());
        let (a, b, c) = (parts.next()?, parts.next()?, parts.next());
        match (number(a), month(a)) {
            (Some(year), _) if year > 31 => {
                Some(Self { year: Some(year), month: usize::try_from(number(b)?).ok()?, day: number(c?)? })
            }
            (Some(day), _) => Some(Self { year: None, month: month(b)?, day }),
            (None, Some(month)) => Some(Self { year: c.and_then(number), month, day: number(b)? }),
            (None, None) => None,
        }
    }
}

/// A word without the marks around it.
fn bare(word: &str) -> &str {
    let word =
        word.trim_matches(|c: char| !c.is_alphanumeric() && !matches!(c, '/' | '$' | '€' | '£' | '+' | '#'));
    word.strip_suffix("'s").unwrap_or(word)
}

/// Whether this is a name as `example.com`.
fn is_host(word: &str) -> bool {
    let mut labels = word.rsplit('.');
    let last = labels.next().unwrap_or_default();
    let plain =
        |label: &str| !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    !FILES.contains(&last)
        && last.len() >= 2
        && last.bytes().all(|b| b.is_ascii_lowercase())
        && word.contains('.')
        && labels.all(plain)
}

/// What stands in quotation marks. An apostrophe inside a word is none.
fn quotations(text: &str) -> impl Iterator<Item = &str> {
    ["'", "\"", "`"].into_iter().flat_map(move |mark| {
        let mut opened: Option<usize> = None;
        text.match_indices(mark).filter_map(move |(at, _)| {
            let before = text[..at].chars().next_back();
            let after = text[at + 1..].chars().next();
            let inside =
                before.is_some_and(char::is_alphanumeric) && after.is_some_and(char::is_alphanumeric);
            match opened {
                _ if inside => None,
                Some(start) => {
                    opened = None;
                    Some(&text[start..at])
                }
                None => {
                    opened = Some(at + 1);
                    None
                }
            }
        })
    })
}

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// The date that begins here: `2026-05-01`, `2026-05-01 10:00`, `May 1st`, `May 1st, 2026`, `1 May`.
fn date_at(words: &[&str]) -> Option<String> {
    let word = |n: usize| words.get(n).map(|word| bare(word));
    let first = word(0)?;
    let digits = |word: &str| word.chars().take_while(char::is_ascii_digit).count();
    let iso = first.len() >= 10 && digits(first) == 4 && first.as_bytes().get(4) == Some(&b'-');
    let next = word(1).filter(|next| digits(next) > 0);
    if iso {
        let time = next.filter(|next| next.contains(':'));
        return Some(time.map_or_else(|| first.to_owned(), |time| format!("{first} {time}")));
    }
    let is_month = |word: &str| {
        let short: String = word.chars().take(3).collect::<String>().to_lowercase();
        MONTHS.contains(&&*short) && word.chars().all(char::is_alphabetic)
    };
    match next {
        Some(day) if is_month(first) && digits(day) <= 2 => {
            let year = word(2).filter(|year| digits(year) == 4 && year.len() == 4);
            Some(year.map_or_else(|| format!("{first} {day}"), |year| format!("{first} {day}, {year}")))
        }
        _ if matches!(digits(first), 1 | 2) && word(1).is_some_and(is_month) => {
            Some(format!("{first} {}", word(1)?))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_told_apart() {
        let mut pool = Pool::default();
        let text = "Please pay Dora Grey's bill-7.pdf of $1,200.50 by May 3rd, 2026 or 2026-05-04 10:30. \
            Write to dora@x.example, see https://x.example/a?b=1 and notes.txt.";
        pool.text(text);
        let check = |kind: &Kind, expected: &[&str]| assert_eq!(kind.iter().collect::<Vec<_>>(), expected);
        check(&pool.names, &["Dora", "Grey", "Dora Grey", "May"]);
        check(&pool.numbers, &["1200.50", "2026"]);
        check(&pool.dates, &["May 3rd, 2026", "2026-05-04 10:30"]);
        check(&pool.emails, &["dora@x.example"]);
        check(&pool.urls, &["https://x.example/a?b=1"]);
        pool.dates_of(&["2026".to_owned()], &["10:30".to_owned()]);
        let made: Vec<&str> = pool.iso_dates.iter().collect();
        assert_eq!(made, ["2026-05-03", "2026-05-03 10:30", "2026-05-04", "2026-05-04 10:30"]);
    }

    #[test]
    fn quotation_marks_enclose() {
        let check = |text: &str, expected: &[&str]| {
            assert_eq!(quotations(text).collect::<Vec<_>>(), expected, "{text}");
        };
        check("call it 'Ada's list' and \"the rest\"", &["Ada's list", "the rest"]);
        check("don't", &[]);
        check("an 'open one", &[]);
    }
}
