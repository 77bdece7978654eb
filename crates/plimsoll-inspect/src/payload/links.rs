//! Where a text leads to: links, e-mail addresses, account numbers.

use plimsoll_core::ArgumentRole;

use crate::iban;

/// Endings of two letters that are more often those of files.
const FILE_ENDINGS: &str = " cc cs db gz go hs js jl kt md ml ph pl ps py rb rs sh so ts vb xz ";

/// Endings of domains with more than two letters.
const DOMAINS: &str = " com org net edu gov mil int info biz name pro app dev xyz top site online shop store club live \
    cloud blog tech page link click space website world email agency today news digital media group company solutions \
    services network systems team work works zone host fun icu vip bond lol mobi asia example test invalid localhost ";

/// As many digits in one piece are a number of something.
const NUMBER_MIN: usize = 9;

/// Everything in the text that leads somewhere, with the role in which it is looked for.
pub(super) fn reaching(text: &str) -> impl Iterator<Item = (&str, ArgumentRole)> {
    let divides = |c: char| {
        c.is_whitespace()
            || matches!(
                c,
                '<' | '>'
                    | '"'
                    | '\''
                    | '('
                    | ')'
                    | '['
                    | ']'
                    | '{'
                    | '}'
                    | '|'
                    | '`'
                    | ','
                    | ';'
                    | '“'
                    | '”'
                    | '«'
                    | '»'
                    | '*'
            )
    };
    let words = text.split(divides).filter_map(|word| Some((link(word)?, ArgumentRole::Url)));
    let addresses = text.split(divides).filter_map(|word| Some((address(word)?, ArgumentRole::Recipient)));
    let accounts = accounts(text).into_iter().map(|account| (account, ArgumentRole::Account));
    words.chain(addresses).chain(accounts)
}

fn trimmed(word: &str) -> &str {
    word.trim_end_matches(['.', ':', '!', '?', '…', '_', '~']).trim_start_matches(['.', ':', '_', '~', '!'])
}

/// The link in a word: with a scheme, with `www.`, or a host by itself.
fn link(word: &str) -> Option<&str> {
    let word = trimmed(word);
    if let Some(at) = word.find("://") {
        let scheme = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-');
        let start = word[..at]
            .rfind(|c| !scheme(c))
            .map_or(0, |i| i + word[i..].chars().next().map_or(1, char::len_utf8));
        return Some(&word[start..]).filter(|link| link.len() > 3 + at - start);
    }
    let starts =
        |prefix: &str| word.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
    if starts("javascript:") || starts("data:") {
        return Some(word);
    }
    // `see:evil.example`, `=evil.example`
    let word = word.trim_start_matches(|c: char| !c.is_alphanumeric());
    let word =
        word.split_once('=').filter(|(name, _)| !name.contains(['.', '/'])).map_or(word, |(_, value)| value);
    let host = &word[..word.find(['/', '?', '#', ':']).unwrap_or(word.len())];
    let path = word.len() > host.len() + 1;
    (!host.contains('@') && is_host(host, path)).then_some(word)
}

fn is_host(host: &str, has_path: bool) -> bool {
    let mut labels = host.split('.').rev();
    let (Some(last), Some(_)) = (labels.next(), labels.clone().next()) else { return false };
    let plain = |label: &str| !label.is_empty() && label.chars().all(|c| c.is_alphanumeric() || c == '-');
    if !host.split('.').all(plain) {
        return false;
    }
    if host.split('.').count() == 4 && host.split('.').all(|part| part.parse::<u8>().is_ok()) {
        return true;
    }
    let lower = last.to_lowercase();
    let listed = |list: &str| list.contains(&format!(" {lower} "));
    let www = host.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("www."));
    let ending = match last.chars().count() {
        // `the end.It goes on`: a space is missing.
        2 => !listed(FILE_ENDINGS) && !last.starts_with(char::is_uppercase),
        _ => listed(DOMAINS) || lower.starts_with("xn--") || !lower.is_ascii(),
    };
    last.chars().all(char::is_alphabetic) && (www || ending || (has_path && lower.len() > 1))
        || lower.starts_with("xn--")
}

/// The e-mail address in a word.
fn address(word: &str) -> Option<&str> {
    let word = trimmed(word);
    if word.contains("://") {
        return None;
    }
    let word = word.rsplit_once(':').map_or(word, |(_, rest)| rest);
    let word = &word[..word.find(['?', '/', '&']).unwrap_or(word.len())];
    let (local, domain) = word.split_once('@')?;
    let domain_is_one =
        domain.contains('.') && domain.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-'));
    (!local.is_empty() && domain_is_one).then_some(word)
}

/// Account numbers: IBANs, what looks like them, and long numbers.
fn accounts(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(len) = text[from..].find(|c: char| c.is_alphanumeric()) {
        let at = from + len;
        let word_end = text[at..].find(|c: char| !c.is_alphanumeric()).map_or(text.len(), |len| at + len);
        let end = spaced_iban(text, at).or_else(|| spaced_card(text, at)).unwrap_or(word_end);
        let word = &text[at..end];
        let digits = word.bytes().filter(u8::is_ascii_digit).count();
        let letters = word.bytes().take_while(u8::is_ascii_alphabetic).count();
        let looks = digits >= NUMBER_MIN && (digits == word.len() || (letters == 2 && word.len() >= 15));
        if end > word_end || looks {
            found.push(word);
        }
        from = end;
    }
    found
}

/// Where an IBAN, perhaps in groups, ends.
fn spaced_iban(text: &str, at: usize) -> Option<usize> {
    let country = text.as_bytes().get(at..at + 2)?.to_ascii_uppercase();
    let length = iban::length(&country)?;
    compacted(text, at, length).filter(|(compact, _)| iban::is_iban(compact)).map(|(_, end)| end)
}

/// Where a card's number in groups of four ends.
fn spaced_card(text: &str, at: usize) -> Option<usize> {
    let (compact, end) = compacted(text, at, 16)?;
    let digits = compact.iter().all(u8::is_ascii_digit);
    let groups = text[at..end].split([' ', '-']).map(str::len);
    (digits && end - at == 19 && groups.eq([4; 4])).then_some(end)
}

/// So many letters and digits, over single spaces and hyphens, in upper case, and where they end.
fn compacted(text: &str, at: usize, length: usize) -> Option<(Vec<u8>, usize)> {
    let mut compact = Vec::with_capacity(length);
    let mut joined = false;
    for (offset, b) in text.as_bytes()[at..].iter().enumerate() {
        if b.is_ascii_alphanumeric() {
            compact.push(b.to_ascii_uppercase());
            joined = false;
        } else if matches!(b, b' ' | b'-') && !joined {
            joined = true;
        } else {
            return None;
        }
        if compact.len() == length {
            let end = at + offset + 1;
            let goes_on = text[end..].starts_with(|c: char| c.is_alphanumeric());
            return (!goes_on).then_some((compact, end));
        }
    }
    None
}
