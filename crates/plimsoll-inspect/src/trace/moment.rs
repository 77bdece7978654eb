//! Dates, times of day and durations, as arguments write them and as people say them.
//!
//! *On May 26th at 10 for one hour*: people leave out what they think is clear. What can be told from
//! their own words and from a trusted current date is filled in here; `tomorrow` and the like are not.

/// A day; people often leave the year out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Day {
    pub(super) year: Option<u16>,
    pub(super) month: u8,
    pub(super) day: u8,
}

/// A time of day, in seconds from midnight.
pub(super) type Clock = u32;

/// What an argument or a field of type time says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    pub(super) day: Option<Day>,
    pub(super) clock: Option<Clock>,
    /// Seconds east of Greenwich, when it says.
    pub(super) offset: Option<i32>,
}

/// What a text says about time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Times {
    pub(super) days: Vec<Day>,
    pub(super) clocks: Vec<Clock>,
    /// Durations in minutes.
    pub(super) lasting: Vec<u32>,
}

impl Day {
    fn new(year: Option<u32>, month: u32, day: u32) -> Option<Self> {
        const LENGTHS: [u32; 12] = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        let length = *LENGTHS.get(month.checked_sub(1)? as usize)?;
        let year = match year {
            Some(year) => Some(u16::try_from(year).ok().filter(|year| (1900..2200).contains(year))?),
            None => None,
        };
        let valid = (1..=length).contains(&day);
        valid.then_some(Self { year, month: u8::try_from(month).ok()?, day: u8::try_from(day).ok()? })
    }

    /// Whether this is the same day of a year, whatever the year.
    pub(super) fn recurs(self, other: Self) -> bool {
        (self.month, self.day) == (other.month, other.day)
    }

    /// Days since a fixed one, for telling how far two days are apart.
    fn number(self) -> Option<i64> {
        let year = i64::from(self.year?) - i64::from(self.month <= 2);
        let month = (i64::from(self.month) + 9) % 12;
        Some(year * 365 + year / 4 - year / 100 + year / 400 + (month * 306 + 5) / 10 + i64::from(self.day))
    }
}

impl Moment {
    /// `2026-06-13`, `2026-06-13 10:00`, `2026-06-13T10:00:00.000Z`, `10:00`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (date, rest) = match text.get(..10).and_then(iso) {
            Some(day) => (Some(day), &text[10..]),
            None => (None, text),
        };
        if date.is_some() && rest.is_empty() {
            return Some(Self { day: date, clock: None, offset: None });
        }
        let rest = if date.is_some() { rest.strip_prefix(['T', 't', ' '])? } else { rest };
        let split = rest.find(['Z', 'z', '+', '-']).unwrap_or(rest.len());
        let (clock, zone) = (clock(rest[..split].trim_end())?, &rest[split..]);
        let offset = match zone {
            "" => None,
            "Z" | "z" => Some(0),
            zone => {
                let sign = if zone.starts_with('-') { -1 } else { 1 };
                let digits = zone[1..].replace(':', "");
                let (hours, minutes) = (digits.get(..2)?, digits.get(2..4).unwrap_or("00"));
                Some(sign * (hours.parse::<i32>().ok()? * 3600 + minutes.parse::<i32>().ok()? * 60))
            }
        };
        Some(Self { day: date, clock: Some(clock), offset })
    }

    /// Minutes from one moment to a later one.
    pub(super) fn minutes_until(self, later: Self) -> Option<u32> {
        let days = match (self.day, later.day) {
            (None, None) => 0,
            (Some(a), Some(b)) => b.number()? - a.number()?,
            _ => return None,
        };
        let same_zone = self.offset == later.offset;
        let seconds = days * 86_400 + i64::from(later.clock?) - i64::from(self.clock?);
        (same_zone && seconds % 60 == 0).then(|| u32::try_from(seconds / 60).ok()).flatten()
    }
}

/// `2026-06-13`
fn iso(text: &str) -> Option<Day> {
    let mut parts = text.split('-');
    let mut next = |len| parts.next().filter(|part| part.len() == len).and_then(number);
    let (year, month, day) = (next(4)?, next(2)?, next(2)?);
    parts.next().is_none().then(|| Day::new(Some(year), month, day)).flatten()
}

/// `10:00`, `9:05:30`, `10:00:00.000`
fn clock(text: &str) -> Option<Clock> {
    let text = text.split_once('.').map_or(text, |(whole, _)| whole);
    let mut parts = text.split(':');
    let hour = parts.next().filter(|part| part.len() <= 2).and_then(number)?;
    let mut next = || parts.next().map(|part| number(part).filter(|n| part.len() == 2 && *n < 60));
    let minute = next()??;
    let second = next().unwrap_or(Some(0))?;
    (hour < 24 && parts.next().is_none()).then_some(hour * 3600 + minute * 60 + second)
}

fn number(text: &str) -> Option<u32> {
    let plain = !text.is_empty() && text.len() <= 4 && text.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

impl Times {
    /// Everything a text says about time. `folded` is in lower case.
    pub(super) fn read(folded: &str) -> Self {
        let words = words(folded);
        let mut times = Self::default();
        let mut at = 0;
        while at < words.len() {
            let rest = &words[at..];
            at +=
                times.date(rest).or_else(|| times.clock(rest)).or_else(|| times.duration(rest)).unwrap_or(1);
        }
        times
    }

    /// How many words a date takes.
    fn date(&mut self, words: &[&str]) -> Option<usize> {
        let at = |n: usize| words.get(n).copied().unwrap_or_default();
        let year = |n: usize| {
            let n = n + usize::from(at(n) == ",");
            number(at(n)).filter(|_| at(n).len() == 4).map_or((None, n), |year| (Some(year), n + 1))
        };
        if let Some((date, time)) = at(0).get(..10).and_then(iso).map(|day| (day, &at(0)[10..])) {
            let clock = match time {
                "" => None,
                time => Some(Moment::parse(at(0)).filter(|_| time.starts_with('t'))?.clock?),
            };
            self.days.push(date);
            self.clocks.extend(clock);
            return Some(1);
        }
        if let Some(day) = dotted(at(0)) {
            self.days.push(day);
            return Some(1);
        }
        let (day, used) = if let Some(month) = month(at(0)) {
            let at_day = 1 + usize::from(at(1) == ".") + usize::from(at(1) == "the");
            let day = ordinal(at(at_day))?;
            let (year, used) = year(at_day + 1);
            (Day::new(year, month, day)?, if year.is_some() { used } else { at_day + 1 })
        } else {
            let day = ordinal(at(0))?;
            let at_month = 1 + usize::from(at(1) == "of") + usize::from(at(1) == ".");
            let month = month(at(at_month))?;
            let (year, used) = year(at_month + 1);
            (Day::new(year, month, day)?, if year.is_some() { used } else { at_month + 1 })
        };
        self.days.push(day);
        Some(used)
    }

    fn clock(&mut self, words: &[&str]) -> Option<usize> {
        let at = |n: usize| words.get(n).copied().unwrap_or_default();
        let (said, suffix) = match at(0) {
            "noon" => return self.keep_clock(12 * 3600, 1),
            "midnight" => return self.keep_clock(0, 1),
            word => match word.strip_suffix("am").or(word.strip_suffix("pm")) {
                Some(said) if !said.is_empty() => (said, &word[said.len()..]),
                _ => (word, ""),
            },
        };
        let (half, used) = match (suffix, at(1)) {
            ("", "am" | "a.m" | "a.m.") => (Some("am"), 2),
            ("", "pm" | "p.m" | "p.m.") => (Some("pm"), 2),
            ("", "o'clock") => (None, 2),
            ("", _) => (None, 1),
            (half, _) => (Some(half), 1),
        };
        let seconds = match clock(said) {
            Some(seconds) => seconds,
            None if half.is_some() || used == 2 => number(said).filter(|hour| *hour < 24)? * 3600,
            None => return None,
        };
        let seconds = match half {
            Some("pm") if (1..12 * 3600).contains(&seconds) => seconds + 12 * 3600,
            Some("am") if seconds >= 12 * 3600 => seconds.checked_sub(12 * 3600).filter(|s| *s < 3600)?,
            _ => seconds,
        };
        self.keep_clock(seconds, used)
    }

    fn keep_clock(&mut self, clock: Clock, used: usize) -> Option<usize> {
        self.clocks.push(clock);
        Some(used)
    }

    /// `1-hour`, `one hour`, `90 min`, `2 hours and 30 minutes`, `half an hour`, `1.5 h`.
    fn duration(&mut self, words: &[&str]) -> Option<usize> {
        let (mut minutes, mut used) = lasting(words)?;
        let more = words.get(used..).unwrap_or_default();
        let and = usize::from(more.first() == Some(&"and"));
        let rest = more.get(and..).unwrap_or_default();
        if rest.starts_with(&["a", "half"]) {
            (minutes, used) = (minutes + 30, used + and + 2);
        } else if let Some((extra, words)) = lasting(rest).filter(|(extra, _)| *extra < 60) {
            (minutes, used) = (minutes + extra, used + and + words);
        }
        self.lasting.push(minutes);
        Some(used)
    }
}

fn lasting(words: &[&str]) -> Option<(u32, usize)> {
    const NUMBERS: [&str; 13] = [
        "", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    ];
    let at = |n: usize| words.get(n).copied().unwrap_or_default();
    let unit = |word: &str| match word {
        "hour" | "hours" | "hr" | "hrs" | "h" => Some(60),
        "minute" | "minutes" | "min" | "mins" => Some(1),
        _ => None,
    };
    if at(0) == "half" {
        let used = 1 + usize::from(matches!(at(1), "an" | "a"));
        return unit(at(used)).filter(|unit| *unit == 60).map(|_| (30, used + 1));
    }
    let glued = at(0).find(|c: char| c.is_ascii_alphabetic()).filter(|n| *n > 0).map(|n| at(0).split_at(n));
    let (count, unit, used) = match glued {
        Some((count, word)) => (count.trim_end_matches('-'), unit(word)?, 1),
        None => match at(0).split_once('-') {
            Some((count, word)) => (count, unit(word)?, 1),
            None => (at(0), unit(at(1))?, 2),
        },
    };
    let named = NUMBERS.iter().position(|name| *name == count && !name.is_empty());
    let tenths = match (named, count) {
        (Some(count), _) => u32::try_from(count).ok()? * 10,
        (None, "a" | "an") => 10,
        (None, count) => {
            let (whole, part) = count.split_once(['.', ',']).unwrap_or((count, "0"));
            number(whole)?.checked_mul(10)?.checked_add(number(part).filter(|_| part.len() == 1)?)?
        }
    };
    let minutes = tenths.checked_mul(unit)?;
    (minutes % 10 == 0 && minutes > 0).then_some((minutes / 10, used))
}

/// `13.6.2026`, `6/13/2026`: where it is clear which is the month.
fn dotted(word: &str) -> Option<Day> {
    let mark = ['.', '/'].into_iter().find(|mark| word.contains(*mark))?;
    let mut parts = word.split(mark);
    let mut next = || parts.next().and_then(number);
    let (first, second, year) = (next()?, next()?, next()?);
    (parts.next().is_none() && year >= 1000).then_some(())?;
    match mark {
        '.' => Day::new(Some(year), second, first),
        _ if first > 12 || first == second => Day::new(Some(year), second, first),
        _ if second > 12 => Day::new(Some(year), first, second),
        _ => None,
    }
}

/// `26`, `26th`.
fn ordinal(word: &str) -> Option<u32> {
    let endings = ["st", "nd", "rd", "th"];
    let digits = endings.iter().find_map(|ending| word.strip_suffix(ending)).unwrap_or(word);
    number(digits).filter(|day| digits.len() <= 2 && (1..=31).contains(day))
}

fn month(word: &str) -> Option<u32> {
    let full = super::number::MONTHS.iter().position(|month| {
        *month == word || (month.get(..3) == Some(word)) || (*month == "september" && word == "sept")
    })?;
    u32::try_from(full + 1).ok()
}

/// Words, numbers with their inner marks, and commas.
fn words(text: &str) -> Vec<&str> {
    let inner = |c: char| matches!(c, '-' | ':' | '.' | '/' | '\'' | ',' | '+');
    let mut found = Vec::new();
    for piece in text.split_whitespace() {
        let word = piece.trim_matches(|c: char| !c.is_alphanumeric());
        let comma = piece.trim_end_matches(['\'', '"', ')']).ends_with(',');
        let whole = word.chars().all(|c| c.is_alphanumeric() || inner(c));
        if whole && !word.is_empty() {
            // `June 13,2026` and `10:00-11:00`; dates keep their marks.
            let parts = |c: char| c == ',' || (c == '-' && word.contains(':') && !word.contains('t'));
            found.extend(word.split(parts).filter(|part| !part.is_empty()));
        } else {
            found.extend(
                word.split(|c: char| !c.is_alphanumeric() && !inner(c)).filter(|part| !part.is_empty()),
            );
        }
        if comma {
            found.push(",");
        }
    }
    found
}
