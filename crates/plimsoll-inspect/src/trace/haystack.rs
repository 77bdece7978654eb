//! All texts of a context: a value is looked for only in those that may have it.

use std::ops::Range;

use super::grams::Grams;
use super::spelling::{Needle, Spelling};

/// Places for which there is room at first: most values stand in a few dozen.
const HITS: usize = 64;

/// A text, folded, and what it holds in short.
pub(super) type Folded<'t> = (&'t [u8], &'t Grams);

/// The filters of all texts, one after the other.
#[derive(Debug)]
pub(super) struct Haystack {
    bits: Vec<u64>,
    /// Where the filter of each text begins, and in the end where another one would.
    starts: Vec<usize>,
}

/// A place of one text at which a value may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hit {
    /// The text's number.
    text: usize,
    pub(super) at: usize,
    pub(super) len: usize,
}

/// Everything that was found, by text; in a text by needle, and then by place.
#[derive(Debug)]
pub(super) struct Hits {
    all: Vec<Hit>,
    /// Each text in which anything was found, with its place among all hits; in order.
    texts: Vec<(usize, Range<usize>)>,
}

impl Haystack {
    pub(super) fn of<'t>(texts: impl Iterator<Item = Folded<'t>> + Clone) -> Self {
        let mut all = Self {
            bits: Vec::with_capacity(texts.clone().map(|(_, grams)| grams.bits().len()).sum()),
            starts: vec![0],
        };
        for (_, grams) in texts {
            all.bits.extend_from_slice(grams.bits());
            all.starts.push(all.bits.len());
        }
        all
    }

    /// Where the value may stand. Every hit still has to be judged. `texts` are those it was made of, by number.
    pub(super) fn hits<'t>(&self, spelling: &Spelling, texts: impl Fn(usize) -> Folded<'t>) -> Hits {
        let mut hits = Vec::with_capacity(HITS);
        for needle in &spelling.needles {
            let len = needle.len();
            for text in self.texts_with(needle) {
                let (folded, grams) = texts(text);
                let mut keep = |at| {
                    let may = spelling.may_stand(folded, at, len);
                    if may {
                        hits.push(Hit { text, at, len });
                    }
                    may
                };
                match grams.places(&needle.asked) {
                    Some(places) => places.filter(|at| needle.is_at(folded, *at)).for_each(|at| {
                        keep(at);
                    }),
                    None => needle.search(folded, keep),
                }
            }
        }
        if spelling.needles.len() > 1 {
            hits.sort_by_key(|hit| hit.text);
        }
        Hits::of(hits)
    }

    /// The texts that may have it.
    fn texts_with<'n>(&'n self, needle: &'n Needle) -> impl Iterator<Item = usize> + use<'n> {
        let texts = self.starts.array_windows().enumerate();
        let may =
            move |(_, [start, end]): &(usize, &[usize; 2])| needle.asked.may_be_in(&self.bits[*start..*end]);
        texts.filter(may).map(|(text, _)| text)
    }
}

impl Hits {
    /// `all` are sorted by text.
    fn of(all: Vec<Hit>) -> Self {
        let mut texts = Vec::with_capacity(all.len().min(HITS));
        let mut end = 0;
        for hits in all.chunk_by(|a, b| a.text == b.text) {
            texts.extend(hits.first().map(|hit| (hit.text, end..end + hits.len())));
            end += hits.len();
        }
        Self { all, texts }
    }

    /// The texts in which anything was found, in order.
    pub(super) fn texts(&self) -> impl ExactSizeIterator<Item = usize> {
        self.texts.iter().map(|(text, _)| *text)
    }

    /// Those in one text.
    pub(super) fn within(&self, text: usize) -> &[Hit] {
        let found = self.texts.binary_search_by_key(&text, |(text, _)| *text).ok();
        found.map_or(&[], |n| &self.all[self.texts[n].1.clone()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::text::fold;
    use plimsoll_core::ArgumentRole as R;
    use proptest::prelude::*;

    fn hits(texts: &[impl AsRef<str>], spelling: &Spelling) -> Hits {
        let folded: Vec<Vec<u8>> = texts.iter().map(|text| fold(text.as_ref().as_bytes())).collect();
        let grams: Vec<Grams> = folded.iter().map(|text| Grams::of(text)).collect();
        let of = |n: usize| (folded[n].as_slice(), &grams[n]);
        Haystack::of((0..texts.len()).map(of)).hits(spelling, of)
    }

    /// Every place of every needle that may stand, by needle: looked for at each byte.
    fn all_places(text: &str, spelling: &Spelling) -> Vec<(usize, usize)> {
        let folded = fold(text.as_bytes());
        let at = |needle: &Needle| {
            let len = needle.len();
            let here = (0..folded.len()).filter(|at| needle.is_at(&folded, *at));
            here.filter(|at| spelling.may_stand(&folded, *at, len)).map(|at| (at, len)).collect::<Vec<_>>()
        };
        spelling.needles.iter().flat_map(at).collect()
    }

    /// Of places that overlap the first may stand for all.
    fn are_all(found: &[(usize, usize)], all: &[(usize, usize)]) -> bool {
        let covers = |(at, len): &(usize, usize)| {
            found.iter().any(|(other, size)| size == len && other <= at && *at < other + size)
        };
        found.iter().all(|place| all.contains(place)) && all.iter().all(covers)
    }

    fn places(hits: &[Hit]) -> Vec<(usize, usize)> {
        hits.iter().map(|hit| (hit.at, hit.len)).collect()
    }

    #[test]
    fn each_text_has_its_own_places() {
        let texts = ["ab", "", "cd ab"];
        assert!(hits(&texts, &Spelling::of("abcd", R::Content, "")).all.is_empty());
        let hits = hits(&texts, &Spelling::of("ab", R::Content, ""));
        assert_eq!(hits.within(0), [Hit { text: 0, at: 0, len: 2 }]);
        assert!(hits.within(1).is_empty());
        assert_eq!(hits.texts().collect::<Vec<_>>(), [0, 2]);
        assert_eq!(hits.within(2), [Hit { text: 2, at: 3, len: 2 }]);
    }

    /// A row of digits too long for an amount: only as much of it as is looked at counts.
    #[test]
    fn a_number_is_found_behind_more_noughts_than_are_looked_at() {
        let text = format!("7{}12", "0".repeat(60));
        let spelling = Spelling::of("12", R::Amount, "/amount");
        assert_eq!(all_places(&text, &spelling).len(), 1);
        assert_eq!(hits(&[text], &spelling).all.len(), 1);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn it_finds_what_is_found_in_each_text_alone(
            texts in prop::collection::vec("[abAB10., -]{0,24}|[ab1.0\n\u{e9}]{0,12}|[a-z0-9 ]{0,80}", 0..6),
            value in "[ab1.0\u{e9}]{1,4}|0{0,2}[1-9][0-9]{0,6}([.,][0-9]{1,3})?|[a-z]{1,2}-?[0-9]{1,2}",
            role in prop::sample::select(vec![R::Content, R::Amount, R::Identifier, R::Recipient, R::Path]),
        ) {
            let spelling = Spelling::of(&value, role, "/order_id");
            let together = hits(&texts, &spelling);
            for (n, text) in texts.iter().enumerate() {
                let (found, all) = (places(together.within(n)), all_places(text, &spelling));
                prop_assert!(are_all(&found, &all), "{found:?} of {all:?}");
            }
        }

        /// The same where the value does stand in one of the texts.
        #[test]
        fn it_finds_a_value_wherever_it_stands(
            before in "[ab10., \u{e9}-]{0,9}",
            after in "[ab10., \u{e9}-]{0,9}",
            value in "[ab1.0\u{e9}]{1,4}|[1-9][0-9]{0,6}([.][0-9]{1,3})?|[a-z]{1,9}[@-]?[0-9]{0,9}",
            role in prop::sample::select(vec![R::Content, R::Amount, R::Identifier, R::Recipient, R::Path]),
        ) {
            let text = format!("{before}{value}{after}");
            let spelling = Spelling::of(&value, role, "/order_id");
            let (found, all) = (places(hits(&["", &text], &spelling).within(1)), all_places(&text, &spelling));
            prop_assert!(are_all(&found, &all), "{found:?} of {all:?}");
        }

        /// What is passed over could not have counted.
        #[test]
        fn nothing_that_stands_whole_is_passed_over(
            text in "[a1.,0 €-]{0,16}",
            value in "[1-9][0-9]{0,3}([.][0-9]{1,2})?|a?1{1,3}",
            role in prop::sample::select(vec![R::Amount, R::Identifier, R::Content, R::Recipient]),
        ) {
            let spelling = Spelling::of(&value, role, "/order_id");
            let folded = fold(text.as_bytes());
            for needle in &spelling.needles {
                for at in needle.finder().find_iter(&folded) {
                    let passed_over = !spelling.may_stand(&folded, at, needle.len());
                    prop_assert!(!(passed_over && spelling.stands_at(&text, &folded, at) == Some(true)));
                }
            }
            prop_assert!(!spelling.equals(&text) || spelling.needles.iter().any(|needle| {
                needle.finder().find_iter(&folded).any(|at| spelling.may_stand(&folded, at, needle.len()))
            }), "what a field says in full is found in it");
        }
    }
}
