//! IBAN (ISO 13616): the length each country fixes, and the check by 97.

use std::sync::LazyLock;

/// Countries and the lengths of their account numbers, from the SWIFT registry.
const LENGTHS: &str = "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DK18 DO28 \
     EE20 EG29 ES24 FI18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 \
     KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MR27 MT31 MU30 NL18 NO15 PK24 PL28 PS29 PT25 \
     QA29 RO24 RS22 SA24 SC31 SE24 SI19 SK24 SM27 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20";

/// The shortest IBAN, of Norway.
pub(crate) const SHORTEST: usize = 15;

/// The longest IBAN with a space after every fourth character.
pub(crate) const SPACED_MAX: usize = 32 + 8;

/// How long an IBAN of this country is.
pub(crate) fn length(country: &[u8]) -> Option<usize> {
    let length = *BY_COUNTRY.get(place(country)?)?;
    (length > 0).then_some(usize::from(length))
}

/// [`LENGTHS`] at the places of their countries, because every word of a text is asked about; 0 where there is none.
static BY_COUNTRY: LazyLock<[u8; 26 * 26]> = LazyLock::new(|| {
    let mut table = [0; 26 * 26];
    for (country, length) in LENGTHS.split_ascii_whitespace().filter_map(|entry| entry.split_at_checked(2)) {
        if let (Some(place), Ok(length)) = (place(country.as_bytes()), length.parse()) {
            table[place] = length;
        }
    }
    table
});

fn place(country: &[u8]) -> Option<usize> {
    let [first @ b'A'..=b'Z', second @ b'A'..=b'Z'] = *country else { return None };
    Some(usize::from(first - b'A') * 26 + usize::from(second - b'A'))
}

/// Whether these bytes, without spaces and in upper case, are an IBAN.
pub(crate) fn is_iban(compact: &[u8]) -> bool {
    let Some(country) = compact.get(..2) else { return false };
    if length(country) != Some(compact.len()) || !compact[2..4].iter().all(u8::is_ascii_digit) {
        return false;
    }
    let mut rest = 0_u32;
    for &b in compact[4..].iter().chain(&compact[..4]) {
        rest = match b {
            b'0'..=b'9' => rest * 10 + u32::from(b - b'0'),
            b'A'..=b'Z' => rest * 100 + u32::from(b - b'A' + 10),
            _ => return false,
        } % 97;
    }
    rest == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_country_has_its_length() {
        assert_eq!(LENGTHS.split_ascii_whitespace().count(), BY_COUNTRY.iter().filter(|n| **n > 0).count());
        let shortest = BY_COUNTRY.iter().copied().filter(|n| *n > 0).min();
        assert_eq!(shortest.map(usize::from), Some(SHORTEST));
        assert_eq!([length(b"AD"), length(b"XK"), length(b"ZZ")], [Some(24), Some(20), None]);
        assert_eq!([length(b"d"), length(b"de"), length(b"DE8")], [None; 3]);
    }

    #[test]
    fn published_examples() {
        for good in ["DE89370400440532013000", "GB29NWBK60161331926819", "NO9386011117947"] {
            assert!(is_iban(good.as_bytes()), "{good}");
        }
        for bad in ["DE89370400440532013001", "DE8937040044053201300", "ZZ89370400440532013000", "", "D"] {
            assert!(!is_iban(bad.as_bytes()), "{bad}");
        }
    }
}
