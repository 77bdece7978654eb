//! "Did you mean": the nearest known word, when it is near enough to be what somebody meant.

/// The known word nearest to `word`, unless it differs in more than a third of its letters.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let bound = (word.chars().count() / 3).clamp(1, 4);
    known
        .into_iter()
        .map(|k| (distance(&word.to_lowercase(), &k.to_lowercase()), k))
        .filter(|(d, _)| *d <= bound)
        .min_by_key(|(d, k)| (*d, *k))
        .map(|(_, k)| k)
}

/// ``did you mean `x`?``, or the list of what is known when nothing is near.
pub fn did_you_mean<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let mut known: Vec<&str> = known.into_iter().collect();
    known.sort_unstable();
    known.dedup();
    match nearest(word, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if known.is_empty() => "none is defined yet".to_owned(),
        None if known.len() <= 16 => format!("known here: {}", known.join(", ")),
        None => format!("known here: {}, and {} more", known[..12].join(", "), known.len() - 12),
    }
}

/// Edit distance in which swapping two neighbours counts once (optimal string alignment).
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let same = usize::from(a[i - 1] != b[j - 1]);
            row[j] = (last[j] + 1).min(row[j - 1] + 1).min(last[j - 1] + same);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_words() {
        let known = ["owner", "purpose", "incident_owner", "mode"];
        assert_eq!(nearest("onwer", known), Some("owner"));
        assert_eq!(nearest("Mode", known), Some("mode"));
        assert_eq!(nearest("incidentowner", known), Some("incident_owner"));
        assert_eq!(nearest("colour", known), None);
        assert_eq!(did_you_mean("x", []), "none is defined yet");
    }
}
