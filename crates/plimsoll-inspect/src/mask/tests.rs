use std::collections::HashSet;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::iban::is_iban;

fn masker() -> Masker {
    Masker::new([7; 32])
}

fn masked(text: &str) -> String {
    masker().text(text).into_owned()
}

/// An account number of a country, with the check digits that it needs.
fn account(country: &str, bban: &str) -> String {
    (0..=98).map(|check| format!("{country}{check:02}{bban}")).find(|iban| is_iban(iban.as_bytes())).unwrap()
}

fn luhn(digits: &str) -> bool {
    super::find::luhn(digits.as_bytes())
}

fn card(body: &str) -> String {
    (0..10).map(|last| format!("{body}{last}")).find(|card| luhn(card)).unwrap()
}

#[test]
fn a_text_keeps_its_shape_and_loses_its_people() {
    let text = "Ada <ada.lovelace@acme.io> pays DE89 3704 0044 0532 0130 00 by 4111-1111-1111-1111, call +49 (30) 555-0100.";
    let fake = masked(text);
    for gone in ["ada.lovelace", "acme.io", "3704 0044", "4111-1111", "555-0100"] {
        assert!(!fake.contains(gone), "{fake}");
    }
    assert!(fake.starts_with("Ada <") && fake.contains("pays DE") && fake.ends_with('.'), "{fake}");
    assert_eq!(fake.matches(['-', '(', ')']).count(), text.matches(['-', '(', ')']).count());
    let iban: String = fake.split("pays ").nth(1).unwrap()[..27].chars().filter(|c| *c != ' ').collect();
    assert!(is_iban(iban.as_bytes()), "{iban}");
    let digits: String =
        fake.split("by ").nth(1).unwrap()[..19].chars().filter(char::is_ascii_digit).collect();
    assert!(luhn(&digits) && digits.starts_with("9999"), "{digits}");
    assert!(fake.contains("call +99"), "{fake}");
    assert_eq!(masked(&fake), fake, "a fake is known again");
}

#[test]
fn people_of_one_house_stay_of_one_house_and_case_is_no_difference() {
    let host = |text: &str| masked(text).split_once('@').unwrap().1.to_owned();
    assert_eq!(host("a@acme.io"), host("b@ACME.io"));
    assert_ne!(host("a@acme.io"), host("a@other.io"));
    assert_eq!(masked("Ada@Acme.io"), masked("ada@acme.io"));
    assert_ne!(masked("a@acme.io"), Masker::new([8; 32]).text("a@acme.io"));
}

#[test]
fn what_has_no_such_form_is_left_alone() {
    for text in [
        "order A-1001 for 12.50 at 2026-11-30T10:00:00Z",
        "1764500000000",
        "user@host",
        "@ada",
        "a@b.c",
        "x@1.23",
        "ada@desk.example.com",
        "ada@desk.test",
        "DE00 1234",
        "4111 1111 1111 1112",
        "+123",
        "a+49305550100",
        "",
        "\u{1F600}@",
    ] {
        assert_eq!(masked(text), text);
    }
}

#[test]
fn a_json_text_inside_a_text_stays_one() {
    let inner =
        json!({ "mail": "x\nada@acme.io\tDE89370400440532013000", "ü": "\u{7}bob@acme.io" }).to_string();
    let fake = masked(&inner);
    let back: Value = serde_json::from_str(&fake).unwrap_or_else(|error| panic!("{error}: {fake}"));
    assert!(!fake.contains("acme") && !fake.contains("370400440532013000"), "{fake}");
    assert!(back["mail"].as_str().unwrap().starts_with("x\n"), "{back}");
}

#[test]
fn declared_fields_are_masked_and_wherever_the_result_repeats_them() {
    let masker = masker();
    let fields = Fields::from([
        ("name".to_owned(), "personal".to_owned()),
        ("to/phone".to_owned(), "personal".to_owned()),
    ]);
    let result = json!({ "name": "Ada Lovelace", "to": [{ "phone": "030 555 0100" }], "phone": "112", "note": "Ada Lovelace called" });
    let names = masker.names_in(&result, &fields);
    assert_eq!(
        names.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
        ["030 555 0100", "Ada Lovelace"]
    );
    let note = masker.with_names("Ada Lovelace called, and ada@acme.io wrote", &names, false);
    assert!(!note.contains("Ada Lovelace") && !note.contains("acme"), "{note}");
    let name = masker.declared("Ada Lovelace");
    assert_eq!((masker.declared(&name), name.as_str()), (name.clone(), names[1].1.as_str()));
    assert_eq!(masker.declared("030 555 0100").len(), "030 555 0100".len());
    assert!(!is_declared(&["phone"], &fields) && is_declared(&["a", "to", "phone"], &fields));
}

const COUNTRIES: [(&str, usize, usize); 5] =
    [("DE", 0, 18), ("NO", 0, 11), ("GB", 4, 14), ("FR", 0, 23), ("NL", 4, 10)];

proptest! {
    #[test]
    fn laws_of_account_numbers(country in 0..5_usize, seed in "[0-9]{23}", letters in "[A-Z]{4}", spaced: bool) {
        let (name, alphas, digits) = COUNTRIES[country];
        let real = account(name, &format!("{}{}", &letters[..alphas], &seed[..digits]));
        let shown = match spaced {
            true => real.as_bytes().chunks(4).map(|four| String::from_utf8_lossy(four).into_owned()).collect::<Vec<_>>().join(" "),
            false => real.clone(),
        };
        let fake = masked(&shown);
        let compact: String = fake.chars().filter(|c| *c != ' ').collect();
        prop_assert!(is_iban(compact.as_bytes()), "{}", fake);
        prop_assert_ne!(&compact, &real);
        prop_assert_eq!(&compact[..2], name);
        prop_assert_eq!(fake.len(), shown.len());
        prop_assert_eq!(masked(&fake), fake.clone());
        prop_assert_eq!(masked(&real), compact, "blanks make no other value");
    }

    #[test]
    fn laws_of_cards_and_numbers(body in "[3-6][0-9]{14}", phone in "[1-8][0-9]{8,13}") {
        let real = card(&body);
        let fake = masked(&real);
        prop_assert!(luhn(&fake) && fake != real && fake.len() == real.len(), "{}", fake);
        prop_assert_eq!(masked(&fake), fake);
        let real = format!("+{phone}");
        let fake = masked(&real);
        prop_assert!(fake != real && fake.len() == real.len() && fake.starts_with("+999"), "{}", fake);
        prop_assert_eq!(masked(&fake), fake);
    }

    #[test]
    fn any_text_is_masked_once(text in ".{0,80}") {
        let once = masked(&text);
        prop_assert_eq!(masked(&once), once);
    }

    #[test]
    fn addresses_go_and_stay_gone(local in "[a-z]{1,8}(\\.[a-z0-9]{1,8})?", host in "[a-z]{2,10}\\.(io|de|co\\.uk)") {
        let real = format!("{local}@{host}");
        let fake = masked(&format!("to {real}, please"));
        prop_assert!(!fake.contains(&real) && fake.contains(".example."), "{}", fake);
        prop_assert_eq!(masked(&fake), fake);
    }
}

#[test]
fn ten_thousand_values_have_ten_thousand_fakes() {
    let all =
        |value: &dyn Fn(u32) -> String| (0..10_000).map(|n| masked(&value(n))).collect::<HashSet<_>>().len();
    assert_eq!(all(&|n| format!("p{n}@acme.io")), 10_000);
    assert_eq!(all(&|n| account("DE", &format!("{n:018}"))), 10_000);
    assert_eq!(all(&|n| card(&format!("41111{n:010}"))), 10_000);
    assert!(all(&|n| format!("+4930{n:09}")) > 9_990);
}
