//! IBAN (ISO 13616): the length each country fixes, and the check by 97.

/// Countries and the lengths of their account numbers, from the SWIFT registry.
const LENGTHS: &str = "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DK18 DO28 \
     EE20 EG29 ES24 FI18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 \
     KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MR27 MT31 MU30 NL18 NO15 PK24 PL28 PS29 PT25 \
     QA29 RO24 RS22 SA24 SC31 SE24 SI19 SK24 SM27 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20";

/// The longest IBAN with a space after every fourth character.
pub(crate) const SPACED_MAX: usize = 32 + 8;

/// How long an IBAN of this country is.
pub(crate) fn length(country: &[u8]) -> Option<usize> {
    let entry = LENGTHS.split_ascii_whitespace().find(|entry| entry.as_bytes().get(..2) == Some(country))?;
    entry.get(2..)?.parse().ok()
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
    fn published_examples() {
        for good in ["DE89370400440532013000", "GB29NWBK60161331926819", "NO9386011117947"] {
            assert!(is_iban(good.as_bytes()), "{good}");
        }
        for bad in ["DE89370400440532013001", "DE8937040044053201300", "ZZ89370400440532013000", "", "D"] {
            assert!(!is_iban(bad.as_bytes()), "{bad}");
        }
    }
}
