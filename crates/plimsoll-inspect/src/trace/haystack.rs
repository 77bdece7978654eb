//! All texts of a context in one: a value is looked for once, not in each of hundreds of short results.

use std::ops::Range;

use super::spelling::Spelling;

/// Stands between two texts. No text has this byte, so nothing is found across two of them.
const BETWEEN: u8 = 0xff;

/// Texts one after the other, folded.
#[derive(Debug)]
pub(super) struct Haystack {
    texts: Vec<u8>,
    /// Where each text begins, and in the end where another one would.
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
    /// `texts` are folded.
    pub(super) fn of<'t>(texts: impl Iterator<Item = &'t [u8]> + Clone) -> Self {
        let mut all = Self {
            texts: Vec::with_capacity(texts.clone().map(|text| text.len() + 1).sum()),
            starts: vec![0],
        };
        for text in texts {
            all.texts.extend_from_slice(text);
            all.texts.push(BETWEEN);
            all.starts.push(all.texts.len());
        }
        all
    }

    /// Where the value may stand. Every hit still has to be judged.
    pub(super) fn hits(&self, spelling: &Spelling) -> Hits {
        let mut hits = Vec::new();
        for needle in &spelling.needles {
            let len = needle.needle().len();
            let mut text = 0;
            for at in needle.find_iter(&self.texts) {
                while self.starts[text + 1] <= at {
                    text += 1;
                }
                if spelling.may_stand(&self.texts, at, len) {
                    hits.push(Hit { text, at: at - self.starts[text], len });
                }
            }
        }
        if spelling.needles.len() > 1 {
            hits.sort_by_key(|hit| hit.text);
        }
        Hits::of(hits)
    }
}

impl Hits {
    /// `all` are sorted by text.
    fn of(all: Vec<Hit>) -> Self {
        let mut texts = Vec::new();
        let mut end = 0;
        for hits in all.chunk_by(|a, b| a.text == b.text) {
            texts.extend(hits.first().map(|hit| (hit.text, end..end + hits.len())));
            end += hits.len();
        }
        Self { all, texts }
    }

    /// The texts in which anything was found, in order.
    pub(super) fn texts(&self) -> impl Iterator<Item = usize> + use<> {
        self.texts.iter().map(|(text, _)| *text).collect::<Vec<_>>().into_iter()
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

    #[test]
    fn nothing_is_found_across_two_texts() {
        let texts = ["ab", "", "cd ab"];
        let all = Haystack::of(texts.iter().map(|text| text.as_bytes()));
        assert!(all.hits(&Spelling::of("abcd", R::Content, "")).all.is_empty());
        let hits = all.hits(&Spelling::of("ab", R::Content, ""));
        assert_eq!(hits.within(0), [Hit { text: 0, at: 0, len: 2 }]);
        assert!(hits.within(1).is_empty());
        assert_eq!(hits.texts().collect::<Vec<_>>(), [0, 2]);
        assert_eq!(hits.within(2), [Hit { text: 2, at: 3, len: 2 }]);
    }

    proptest! {
        #[test]
        fn it_finds_what_is_found_in_each_text_alone(
            texts in prop::collection::vec("[ab1.0\n\u{e9}]{0,12}", 0..6),
            value in "[ab1.0\u{e9}]{1,4}",
            role in prop::sample::select(vec![R::Content, R::Amount, R::Identifier]),
        ) {
            let folded: Vec<Vec<u8>> = texts.iter().map(|text| fold(text.as_bytes())).collect();
            let spelling = Spelling::of(&value, role, "/order_id");
            let together = Haystack::of(folded.iter().map(Vec::as_slice)).hits(&spelling);
            for (n, text) in folded.iter().enumerate() {
                let alone = Haystack::of(std::iter::once(text.as_slice())).hits(&spelling);
                let places = |hits: &[Hit]| hits.iter().map(|hit| (hit.at, hit.len)).collect::<Vec<_>>();
                prop_assert_eq!(places(together.within(n)), places(alone.within(0)));
            }
        }

        /// What is passed over could not have counted.
        #[test]
        fn nothing_that_stands_whole_is_passed_over(
            text in "[a1.,0 €-]{0,16}",
            value in "[1-9][0-9]{0,3}([.][0-9]{1,2})?|a?1{1,3}",
            role in prop::sample::select(vec![R::Amount, R::Identifier]),
        ) {
            let spelling = Spelling::of(&value, role, "/order_id");
            let folded = fold(text.as_bytes());
            for needle in &spelling.needles {
                for at in needle.find_iter(&folded) {
                    let passed_over = !spelling.may_stand(&folded, at, needle.needle().len());
                    prop_assert!(!(passed_over && spelling.stands_at(&text, &folded, at) == Some(true)));
                }
            }
            prop_assert!(!spelling.equals(&text) || spelling.needles.iter().any(|needle| {
                needle.find_iter(&folded).any(|at| spelling.may_stand(&folded, at, needle.needle().len()))
            }), "what a field says in full is found in it");
        }
    }
}
