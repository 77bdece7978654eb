//! What the user's own words name.

use plimsoll_core::ArgumentRole;

use super::moment::Moment;
use super::prepared::Prepared;
use super::spelling::Spelling;
use super::url::has_scheme;

/// Words that stand in any text: they name nobody and nothing, unless in quotes.
const FILLER: &str = " a about after again all also am an and any anybody are as ask at be because been before but by can \
    could did do does dont every everybody everyone for from get give go had has have he hello help her here hers hey hi \
    him his how i if in into is it its just know let like look make many may maybe me more most much my need new next no \
    not now of off ok on once one only or other our out please same see she should so some still such sure tell than \
    thank thanks that the their them then there these they this those to today tomorrow too up us use very want was we \
    were what when where which who why will with would yes yet you your ";

/// What records are called in general: a record is not named by its kind.
const GENERIC: &str = " account accounts add booking bookings calendar call cancel case change channel channels chat check \
    contact contacts create customer customers date day delete detail details document documents draft each email emails \
    entry entries event events file files find first folder group groups inbox info invite invoice invoices issue issues \
    item items last link links list lists mail mails meeting message messages move name note notes open order orders page \
    pay payment payments people person post product products project projects read record records remove reply report \
    reports reservation reservations schedule send sent set share show subject task tasks text ticket tickets time title \
    transaction transactions transfer transfers two update user users via web website write ";

/// Whether a text holds nothing but words that stand in any text.
pub(super) fn is_filler(text: &str) -> bool {
    words_of(text).all(|word| is_one_of(word, FILLER))
}

fn words_of(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty())
}

/// A word in short, in any case (FNV-1a): two words may look the same, which only costs a second look.
fn sum(word: &str) -> u64 {
    let step =
        |sum: u64, byte: u8| (sum ^ u64::from(byte.to_ascii_lowercase())).wrapping_mul(0x0100_0000_01b3);
    word.bytes().fold(0xcbf2_9ce4_8422_2325, step)
}

fn is_one_of(word: &str, list: &str) -> bool {
    list.contains(&format!(" {} ", word.to_lowercase()))
}

/// Account numbers are at least so long, and people put spaces between their digits.
const SPACED_MIN: usize = 15;
/// Shorter values name nothing.
const NAME_MIN: usize = 3;
/// Longer ones are no names.
const NAME_MAX: usize = 200;

impl Prepared<'_> {
    /// A quick look: the user can't have said a value of which they never said a word. Values that may be
    /// spelt in other words (dates, links, numbers with spaces inside) are looked at in full.
    pub(super) fn user_may_say(&self, value: &str) -> bool {
        let vocabulary = self.found.vocabulary.get_or_init(|| {
            let users = self.spans.iter().filter(|span| span.is_users());
            users.flat_map(|span| words_of(&span.text.exact)).map(sum).collect()
        });
        let spelt = |word: &str| word.len() >= SPACED_MIN || vocabulary.contains(&sum(word));
        // People leave out the ending of a file's name.
        let stem = value.rsplit_once('.').map_or(value, |(stem, _)| stem);
        let other = value.starts_with('+') || has_scheme(value) || Moment::parse(value).is_some();
        other || words_of(stem).all(spelt)
    }

    /// Whether the user said this value: whole, and spelt as its type allows.
    pub(super) fn user_says(&self, spelling: &Spelling) -> bool {
        let hits = self.users_hits(spelling);
        hits.texts().any(|n| self.spans[n].text.stands(spelling, hits.within(n)) == Some(true))
    }

    /// Whether the user named a record by this value of its field `field`.
    pub(super) fn user_names(&self, value: &str, field: &str) -> bool {
        self.user_may_say(value) && names(value, field).iter().any(|spelling| self.user_says(spelling))
    }
}

/// How a text would spell a record's name. Nothing when the value is too common to be one.
pub(super) fn names(value: &str, field: &str) -> Vec<Spelling> {
    let value = value.trim();
    let length = value.chars().count();
    if length > NAME_MAX || value.is_empty() {
        return Vec::new();
    }
    let pointer = format!("/{field}");
    if value.chars().any(|c| c.is_ascii_digit()) && !value.contains(char::is_whitespace) {
        let role = if value.contains('@') { ArgumentRole::Recipient } else { ArgumentRole::Identifier };
        let mut spellings = vec![Spelling::of(value, role, &pointer)];
        spellings.extend(plain_title(value));
        return spellings;
    }
    let common = words_of(value).all(is_common);
    if length < NAME_MIN || common {
        return ['\'', '"']
            .map(|quote| Spelling::of(&format!("{quote}{value}{quote}"), ArgumentRole::Content, ""))
            .into();
    }
    let mut spellings = vec![Spelling::of(value, ArgumentRole::Content, &pointer)];
    spellings.extend(plain_title(value));
    spellings
}

fn is_common(word: &str) -> bool {
    word.chars().count() == 1 || is_one_of(word, FILLER) || is_one_of(word, GENERIC)
}

/// `team-meeting-minutes.docx` as people say it: two words or more, without the ending.
fn plain_title(name: &str) -> Option<Spelling> {
    let (stem, ending) = name.rsplit_once('.')?;
    let is_ending = (1..=5).contains(&ending.len()) && ending.bytes().all(|b| b.is_ascii_alphanumeric());
    let title = stem.replace(['-', '_'], " ");
    let words: Vec<&str> = title.split_whitespace().collect();
    (is_ending && words.len() > 1 && !words.iter().all(|word| is_common(word)))
        .then(|| Spelling::of(&title, ArgumentRole::Content, ""))
}
