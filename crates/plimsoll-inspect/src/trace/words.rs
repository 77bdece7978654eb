//! What the user's own words name.

use plimsoll_core::ArgumentRole;

use super::prepared::Prepared;
use super::spelling::Spelling;

/// Words that everybody uses all the time: by them nobody names a record, unless in quotes.
const COMMON: &str = " a about account add after again all also an and any are as ask at be been before book booking but \
    by call calendar can cancel case change channel check contact could create customer date day delete details do \
    document done dont draft each email emails entry event events every everybody file files find first for from get \
    give group has have hello help her here hi him his how if in inbox info into invite invoice invoices is issue it \
    item its just know last let like link list look mail mails make many me meeting message messages more most move \
    my name need new next no not note now of off ok on one only open or order orders other our out page pay payment \
    people person please post product project read record remove reply report reservation same schedule see send \
    sent set share she should show so some subject tell text thank thanks that the their them then there they this \
    ticket time title to today tomorrow transaction transfer two up update use user users via was we web website what \
    when where which who will with would write yes you your ";

/// Shorter values name nothing.
const NAME_MIN: usize = 3;
/// Longer ones are no names.
const NAME_MAX: usize = 200;

impl Prepared<'_> {
    /// Whether the user said this value: whole, and spelt as its type allows.
    pub(super) fn user_says(&self, spelling: &Spelling) -> bool {
        self.spans.iter().any(|span| span.is_users() && span.text.stands(spelling) == Some(true))
    }

    /// Whether the user named a record by this value of its field `field`.
    pub(super) fn user_names(&self, value: &str, field: &str) -> bool {
        names(value, field).iter().any(|spelling| self.user_says(spelling))
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
    let common = value.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).all(is_common);
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
    let word = word.to_lowercase();
    word.chars().count() == 1 || COMMON.contains(&format!(" {word} "))
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
