//! The fakes: each of its value's format, each nobody's.

use plimsoll_core::Digest;

use super::Masker;
use super::find::{Kind, luhn};

/// Letters and digits that nobody mistakes for one another.
const LETTERS: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz023456789";
/// Given and family names of nobody in particular.
const GIVEN: [&str; 16] = [
    "Alex", "Billie", "Charlie", "Dana", "Eli", "Francis", "Gabi", "Harper", "Indra", "Jo", "Kim", "Lou",
    "Mika", "Noa", "Robin", "Sam",
];
const FAMILY: [&str; 16] = [
    "Ashby", "Birch", "Calder", "Dunmore", "Elm", "Fenwick", "Garland", "Holt", "Ives", "Juniper", "Kestrel",
    "Larch", "Marlow", "North", "Oakes", "Pike",
];
/// No card begins so (ISO/IEC 7812-1: 9 is for national use, and no scheme has these).
const CARD: &str = "9999";
/// No country has this code (ITU-T E.164).
const PHONE: &str = "999";
/// Characters at the end of an account number that say under the key that it is a fake.
const TAG: usize = 6;

impl Masker {
    pub(super) fn fake(&self, kind: Kind, value: &str) -> String {
        match kind {
            Kind::Email => self.email(value),
            Kind::Iban => self.iban(value),
            Kind::Card => self.card(value),
            Kind::Phone => self.phone(value),
        }
    }

    /// A stream of bytes that only this key makes of this value.
    fn bytes(&self, of: &str, value: &str) -> impl Iterator<Item = u8> {
        let mut seed = self.key.to_vec();
        seed.extend_from_slice(of.as_bytes());
        seed.push(0);
        seed.extend_from_slice(value.as_bytes());
        let seed = *Digest::of(&seed).as_bytes();
        (0_u32..).flat_map(move |block| {
            let mut part = seed.to_vec();
            part.extend_from_slice(&block.to_be_bytes());
            *Digest::of(&part).as_bytes()
        })
    }

    fn word(&self, of: &str, value: &str, length: usize) -> String {
        self.bytes(of, value).take(length).map(|b| char::from(LETTERS[usize::from(b % 32)])).collect()
    }

    /// Ten letters at a host of its own under `example.com`, `.org` or `.net`: people of one house stay of one house.
    fn email(&self, value: &str) -> String {
        let value_low = value.to_lowercase();
        let Some((_, host)) = value_low.rsplit_once('@') else { return value.to_owned() };
        if is_reserved(host) {
            return value.to_owned();
        }
        let top = ["com", "org", "net"][usize::from(self.bytes("top", host).next().unwrap_or(0) % 3)];
        format!("{}@{}.example.{top}", self.word("local", &value_low, 10), self.word("host", host, 6))
    }

    /// The same country, length and kinds of characters, and check digits that are right.
    fn iban(&self, value: &str) -> String {
        let compact: String = value.chars().filter(|c| *c != ' ').map(|c| c.to_ascii_uppercase()).collect();
        if self.is_fake_iban(&compact) {
            return value.to_owned();
        }
        let (country, bban) = (&compact[..2], &compact[4..]);
        let mut tries = (0_u32..).map(|n| {
            let body = self.like(&format!("iban{n}"), &compact, &bban[..bban.len() - TAG]);
            let tag = self.like("tag", &format!("{country}{body}"), &bban[bban.len() - TAG..]);
            let check = 98 - remainder(&format!("{body}{tag}{country}00"));
            format!("{country}{check:02}{body}{tag}")
        });
        // The first is the value itself once in many millions.
        let fake = tries.find(|fake| *fake != compact).unwrap_or_default();
        laid_out(value, &fake)
    }

    /// Whether an account number ends with its own tag.
    fn is_fake_iban(&self, compact: &str) -> bool {
        let (Some(country), Some(bban)) = (compact.get(..2), compact.get(4..)) else { return false };
        let Some((body, tag)) = bban.len().checked_sub(TAG).map(|at| bban.split_at(at)) else { return false };
        self.like("tag", &format!("{country}{body}"), tag) == tag
    }

    /// As many digits, the last of them right.
    fn card(&self, value: &str) -> String {
        let plain: String = value.chars().filter(char::is_ascii_digit).collect();
        if plain.starts_with(CARD) {
            return value.to_owned();
        }
        let mut fake = CARD.to_owned();
        fake.extend(self.bytes("card", &plain).take(plain.len() - CARD.len() - 1).map(digit));
        let last = ('0'..='9').find(|last| luhn(format!("{fake}{last}").as_bytes()));
        fake.extend(last);
        laid_out(value, &fake)
    }

    fn phone(&self, value: &str) -> String {
        let plain: String = value.chars().filter(char::is_ascii_digit).collect();
        if plain.starts_with(PHONE) {
            return value.to_owned();
        }
        let mut fake = PHONE.to_owned();
        fake.extend(self.bytes("phone", &plain).take(plain.len() - PHONE.len()).map(digit));
        laid_out(value, &fake)
    }

    /// `Robin Marlow k7qd2`: the last word says under the key that it is a fake.
    pub(super) fn name(&self, value: &str) -> String {
        let mut bytes = self.bytes("name", value.trim());
        let mut pick = |from: &[&'static str; 16]| from[usize::from(bytes.next().unwrap_or(0) % 16)];
        let (given, family) = (pick(&GIVEN), pick(&FAMILY));
        let own = self.word("own", value.trim(), 3);
        let tag = self.word("name-tag", &format!("{given} {family} {own}"), 4);
        format!("{given} {family} {own}{tag}")
    }

    /// Whether a value is a name or number that this key made up.
    pub(super) fn is_fake(&self, value: &str) -> bool {
        let Some((names, last)) = value.rsplit_once(' ') else { return false };
        let (Some(own), Some(tag)) = (last.get(..3), last.get(3..)) else { return false };
        tag.len() == 4 && self.word("name-tag", &format!("{names} {own}"), 4) == tag
    }

    /// Other digits for the digits of a value that has no form.
    pub(super) fn digits(&self, of: &str, value: &str) -> String {
        let mut tries = (0_u32..).map(|n| self.like(&format!("{of}{n}"), value, value));
        // A value without digits has nothing to hide here.
        let has_digits = value.chars().any(|c| c.is_ascii_digit());
        if has_digits { tries.find(|fake| fake != value).unwrap_or_default() } else { value.to_owned() }
    }

    /// Digits for digits and capitals for letters, as a pattern has them.
    fn like(&self, of: &str, value: &str, pattern: &str) -> String {
        let fake = |(c, byte): (char, u8)| match c {
            '0'..='9' => digit(byte),
            'A'..='Z' => char::from(b'A' + byte % 26),
            other => other,
        };
        pattern.chars().zip(self.bytes(of, value)).map(fake).collect()
    }
}

fn digit(byte: u8) -> char {
    char::from(b'0' + byte % 10)
}

/// Whether a host is set aside for examples (RFC 2606, RFC 6761): nobody is reached there.
fn is_reserved(host: &str) -> bool {
    let within = |name: &str| host == name || host.strip_suffix(name).is_some_and(|rest| rest.ends_with('.'));
    ["example", "test", "invalid", "localhost", "example.com", "example.org", "example.net"]
        .into_iter()
        .any(within)
}

/// The characters of a fake where the letters and digits of a value stand.
fn laid_out(value: &str, fake: &str) -> String {
    let mut fake = fake.chars();
    let put = |c: char| if c.is_ascii_alphanumeric() { fake.next().unwrap_or(c) } else { c };
    value.chars().map(put).collect()
}

/// What is left of a number in the letters of an account number, divided by 97 (ISO 7064).
fn remainder(text: &str) -> u32 {
    text.bytes().fold(0, |rest, b| match b {
        b'0'..=b'9' => (rest * 10 + u32::from(b - b'0')) % 97,
        b'A'..=b'Z' => (rest * 100 + u32::from(b - b'A' + 10)) % 97,
        _ => rest,
    })
}
