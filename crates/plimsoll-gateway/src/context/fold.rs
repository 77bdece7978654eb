//! Two forms of a text in which copies of it are the same: *folded*, for noticing a copy whatever was done
//! to it on the way, and *spaced*, for saying that nothing was.

use std::ops::Range;

/// What a byte becomes.
const FOLDS: [u8; 256] = folds();
/// Of a byte that is left out.
const NOTHING: u8 = 0;
/// Of a byte that says nothing without those after it.
const ELSE: u8 = 0xff;

const fn folds() -> [u8; 256] {
    let mut folds = [ELSE; 256];
    let mut byte = 0;
    while byte < 0x80_u8 {
        folds[byte as usize] = match byte {
            b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => byte.to_ascii_lowercase(),
            b'\\' => ELSE,
            _ => NOTHING,
        };
        byte += 1;
    }
    folds
}

/// A text without its case, white space, punctuation and escapes: what is left of it when it is indented
/// anew, quoted, put into JSON or taken out of it.
#[derive(Debug)]
pub(super) struct Folded<'t> {
    text: &'t str,
    pub bytes: Vec<u8>,
    /// Where in the text each byte comes from.
    at: Vec<u32>,
}

impl<'t> Folded<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        let mut folded =
            Self { text, bytes: Vec::with_capacity(text.len()), at: Vec::with_capacity(text.len()) };
        let bytes = text.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            at = folded.plain(at);
            at = match bytes.get(at) {
                None => break,
                Some(b'\\') => folded.escape(at),
                Some(_) => folded.letter(at),
            };
        }
        folded
    }

    /// Everything from here to the next escape or character beyond ASCII, where it ends. What a byte is decides nothing
    /// but what it becomes: in a text of words, every fifth guess of a processor would be wrong.
    fn plain(&mut self, from: usize) -> usize {
        let bytes = &self.text.as_bytes()[from..];
        let run = bytes.iter().position(|byte| FOLDS[usize::from(*byte)] == ELSE).unwrap_or(bytes.len());
        let kept = self.bytes.len();
        self.bytes.resize(kept + run, 0);
        self.at.resize(kept + run, 0);
        let (into, places) = (&mut self.bytes[kept..], &mut self.at[kept..]);
        let mut n = 0;
        for (at, byte) in bytes[..run].iter().enumerate() {
            let fold = FOLDS[usize::from(*byte)];
            into[n] = fold;
            places[n] = u32::try_from(from + at).unwrap_or(u32::MAX);
            n += usize::from(fold != NOTHING);
        }
        self.bytes.truncate(kept + n);
        self.at.truncate(kept + n);
        from + run
    }

    fn push(&mut self, byte: u8, at: usize) {
        self.bytes.push(byte);
        self.at.push(u32::try_from(at).unwrap_or(u32::MAX));
    }

    /// A character beyond ASCII.
    fn letter(&mut self, at: usize) -> usize {
        let Some(letter) = self.text[at..].chars().next() else { return at + 1 };
        self.keep(letter, at);
        at + letter.len_utf8()
    }

    fn keep(&mut self, letter: char, at: usize) {
        if letter.is_alphanumeric() {
            for lower in letter.to_lowercase() {
                for byte in lower.encode_utf8(&mut [0; 4]).bytes() {
                    self.push(byte, at);
                }
            }
        }
    }

    /// What JSON writes after backslashes, however often it was put into a string of its own. The same is
    /// done to text that was never escaped, so that both sides of a comparison lose the same.
    fn escape(&mut self, at: usize) -> usize {
        let (next, letter) = escaped(self.text.as_bytes(), at);
        if let Some(letter) = letter {
            self.keep(letter, at);
        }
        next
    }

    /// The folded bytes that come from this part of the text.
    pub(super) fn within(&self, part: &Range<usize>) -> Range<usize> {
        let place = |at: usize| self.at.partition_point(|from| (*from as usize) < at);
        place(part.start)..place(part.end)
    }

    /// The part of the text that these folded bytes come from.
    pub(super) fn part(&self, range: &Range<usize>) -> Range<usize> {
        let (Some(first), Some(last)) = (self.at.get(range.start), self.at.get(range.end.wrapping_sub(1)))
        else {
            return 0..0;
        };
        *first as usize..self.after(*last as usize)
    }

    /// Where the character or escape that begins here ends.
    fn after(&self, at: usize) -> usize {
        match self.text.as_bytes()[at] {
            b'\\' => escaped(self.text.as_bytes(), at).0,
            0..=0x7f => at + 1,
            _ => at + self.text[at..].chars().next().map_or(1, char::len_utf8),
        }
    }
}

/// Where an escape that begins with the backslash at `at` ends, and the character that it spells.
fn escaped(bytes: &[u8], at: usize) -> (usize, Option<char>) {
    let end = |from: usize| from + bytes[from..].iter().take_while(|byte| **byte == b'\\').count();
    let name = end(at);
    match bytes.get(name) {
        Some(b'n' | b'r' | b't' | b'b' | b'f') => (name + 1, None),
        Some(b'u') => {
            let Some(unit) = hex(bytes, name + 1) else { return (name, None) };
            let after = name + 5;
            if let Some(letter) = char::from_u32(unit) {
                return (after, Some(letter));
            }
            let low = end(after);
            let pair = (low > after && bytes.get(low) == Some(&b'u')).then(|| hex(bytes, low + 1)).flatten();
            match pair.filter(|low| (0xdc00..0xe000).contains(low) && (0xd800..0xdc00).contains(&unit)) {
                Some(second) => {
                    (low + 5, char::from_u32(0x10000 + ((unit - 0xd800) << 10) + (second - 0xdc00)))
                }
                None => (after, None),
            }
        }
        _ => (name, None),
    }
}

fn hex(bytes: &[u8], at: usize) -> Option<u32> {
    let digits = bytes.get(at..at + 4)?;
    digits.iter().try_fold(0, |sum, digit| Some(sum << 4 | char::from(*digit).to_digit(16)?))
}

/// The text with every run of white space as one space and none around it: nothing but indentation and line
/// breaks differs between two texts that are the same like this.
pub(super) fn spaced(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for word in text.split_ascii_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    out
}

/// The lines of a text and the strings of JSON in it: what is written as a line in one place is a string in another.
pub(super) fn segments(text: &str) -> Vec<Range<usize>> {
    let bytes = text.as_bytes();
    let (mut out, mut start, mut at) = (Vec::new(), 0, 0);
    while let Some(found) = memchr::memchr3(b'\n', b'"', b'\\', &bytes[at..]) {
        at += found;
        let next = match bytes[at] {
            b'\\' => {
                let (next, _) = escaped(bytes, at);
                match bytes.get(next.wrapping_sub(1)) {
                    Some(b'n' | b'r') if next > at + 1 => next,
                    _ => {
                        at = next;
                        continue;
                    }
                }
            }
            _ => at + 1,
        };
        out.push(start..at);
        (start, at) = (next, next);
    }
    out.push(start..bytes.len());
    out.retain(|part| part.len() >= 2);
    out
}

/// Whether a text has so many words, in the way a reader counts them: an address, a link or a number is one.
pub(super) fn has_words(text: &str, least: usize) -> bool {
    let between = |c: char| c.is_whitespace() || matches!(c, '"' | '{' | '}' | '[' | ']' | ',');
    let words = text.split(between).filter(|word| word.contains(char::is_alphanumeric));
    words.take(least).count() == least
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(text: &str) -> String {
        String::from_utf8(Folded::new(text).bytes).unwrap()
    }

    #[test]
    fn copies_fold_alike() {
        let raw = "Dear Ada,\n\tplease pay \"Bob\" 12.50 \u{fc}ber \u{1f30d} PayPal \u{dc}";
        let json = serde_json::to_string(raw).unwrap();
        let twice = serde_json::to_string(&json).unwrap();
        let ascii = r#""Dear Ada,\n\tplease pay \"Bob\" 12.50 \u00fcber \ud83c\udf0d PayPal \u00dc""#;
        for copy in [raw, &json, &twice, ascii, "> dear ada, please\n> pay *Bob* 1250 über 🌍 paypal ü"] {
            assert_eq!(folded(copy), "dearadapleasepaybob1250überpaypalü", "{copy}");
        }
    }

    #[test]
    fn a_part_comes_back_whole() {
        let text = r#"x \u00fcber "Ürgs\n" z"#;
        let folded = Folded::new(text);
        assert_eq!(&text[folded.part(&(1..folded.bytes.len() - 1))], r#"\u00fcber "Ürgs"#);
        assert_eq!(folded.within(&folded.part(&(1..4))), 1..4);
    }

    #[test]
    fn odd_escapes_end() {
        for text in
            ["\\", "\\\\", "\\u12", "\\ud83c", "\\ud83c\\u0041x", "\\n", "a\\", "\\uzzzz", "\u{a0}\\é"]
        {
            let folded = Folded::new(text);
            for n in 0..folded.bytes.len() {
                assert!(text.get(folded.part(&(n..n + 1))).is_some(), "{text}");
            }
            let _all_on_boundaries: Vec<&str> = segments(text).into_iter().map(|part| &text[part]).collect();
        }
    }

    #[test]
    fn lines_and_strings_are_segments() {
        let of = |text: &'static str| segments(text).into_iter().map(|part| &text[part]).collect::<Vec<_>>();
        assert_eq!(
            of("one line\nanother \"with a string\" in it"),
            ["one line", "another ", "with a string", " in it"]
        );
        assert_eq!(
            of(r#"{"body": "first\nsecond \\\"quoted\\\""}"#),
            ["body", ": ", "first", "second \\\\\\", "quoted\\\\\\"]
        );
    }
}
