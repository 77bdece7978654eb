//! Cases as lines, and the laws: the prefilter misses nothing, and chunks do not matter.

use proptest::prelude::*;
use regex::bytes::Regex;
use serde_json::json;

use super::*;
use crate::key::{self, KeyKind, base62_crc};

/// Instances of every form, put together here so that no scanner takes this file for a leak.
fn samples() -> Vec<(&'static str, String)> {
    let with_crc = |prefix: &str, body: &str| {
        let check = String::from_utf8(base62_crc(body.as_bytes()).to_vec()).unwrap();
        format!("{prefix}{body}{check}")
    };
    let body = "zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ";
    let mixed = "aB3dE6gH9jK2mN5pQ8rS1tU4vW7xY0zA3bC6dE9fG2hI5jK8lM1nO4pQ7rS0tU3vW6x";
    let forty = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzEXAMPLEKE";
    vec![
        ("plimsoll-key", key::mint([1; 32], KeyKind::User).secret),
        ("plimsoll-key", key::mint([2; 32], KeyKind::Admin).secret),
        ("aws-access-key-id", format!("AKIA{}", "IOSFODNN7EXAMPLE")),
        ("github-token", with_crc("ghp_", body)),
        ("github-token", with_crc("ghs_", body)),
        ("github-token", format!("github_pat_{}_{}", &mixed[..22], &mixed[..59])),
        ("gitlab-token", format!("glpat-{}", &mixed[..20])),
        ("slack-token", format!("xoxb-123456789012-123456789012-{}", &mixed[..24])),
        ("slack-token", format!("hooks.slack.com/services/T0123ABCD/B0123ABCD/{}", &mixed[..24])),
        ("stripe-key", format!("sk_live_{}", &mixed[..24])),
        ("anthropic-key", format!("sk-ant-api03-{mixed}")),
        ("openai-key", format!("sk-proj-{mixed}")),
        ("openai-key", format!("sk-{}T3BlbkFJ{}", &mixed[..20], &mixed[20..40])),
        ("openai-key", format!("sk-or-v1-{}", "0123456789abcdef".repeat(4))),
        ("google-key", format!("AIza{}", &mixed[..35])),
        ("npm-token", with_crc("npm_", body)),
        ("pypi-token", format!("pypi-AgEIcHlwaS5vcmc{mixed}")),
        ("jwt", format!("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.{}", &mixed[..43])),
        ("private-key", pem("\n")),
        ("private-key", pem("\\n")),
        ("payment-card", "4111111111111111".into()),
        ("payment-card", "5555 5555 5555 4444".into()),
        ("payment-card", "3782-822463-10005".into()),
        ("payment-card", "30569309025904".into()),
        ("aws-secret-key", format!("secret_access_key = \"{forty}\"")),
    ]
}

fn pem(line: &str) -> String {
    let row = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj";
    let rows = [row; 4].join(line);
    format!("-----BEGIN RSA PRIVATE KEY-----{line}{rows}{line}-----END RSA PRIVATE KEY-----")
}

fn ids<'r>(redactor: &'r Redactor, text: &str) -> Vec<&'r str> {
    redactor.scan(text.as_bytes()).into_iter().map(|hit| hit.id).collect()
}

#[test]
fn every_detector_finds_its_own() {
    let samples = samples();
    for (id, secret) in &samples {
        for (before, after) in
            [("", ""), ("key: ", "."), ("\"", "\""), ("\\n", "\\n"), ("%22", "%22"), ("é", "é")]
        {
            let text = format!("{before}{secret}{after}");
            assert_eq!(ids(&PLAIN, &text), [*id], "{text}");
            let clean = PLAIN.redact(&text);
            assert!(clean.starts_with(before) && clean.ends_with(after), "{clean}");
            let lost = clean.len() - before.len() - after.len();
            assert!(*id == "aws-secret-key" || lost == "[redacted:]".len() + id.len(), "{clean}");
        }
    }
    for detector in DETECTORS.iter().filter(|d| d.default) {
        assert!(samples.iter().any(|(id, _)| *id == detector.id), "{} has no sample", detector.id);
    }
}

#[test]
fn what_is_no_secret() {
    for text in [
        "",
        "ghp_zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0mLq18 has a wrong check",
        "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx is a placeholder",
        "a risk-proj-assessment, a task-ant-farm",
        "4111111111111112 fails Luhn; 0.4111111111111111 is a decimal",
        "id-4111111111111111 and 4111111111111111-4 are identifiers; 84111111111111111 is longer",
        "timestamps 1753000000000000 and 2026-06-13 12:00:00",
        "put your key after -----BEGIN PRIVATE KEY----- and before -----END PRIVATE KEY-----",
        "eyJust a word; eyJhbGciOiJIUzI1NiJ9 alone; eyJ0eXAiOiJKV1QifQ.abc has no alg",
        "DE89370400440532013000",
        "sk_test_aB3dE6gH9jK2mN5pQ8rS1tU4",
    ] {
        assert_eq!(ids(&PLAIN, text), [""; 0], "{text}");
        assert!(matches!(PLAIN.redact(text), Cow::Borrowed(_)));
    }
}

#[test]
fn bank_accounts_only_when_asked() {
    let redactor = Redactor::with(&[], &["iban"]);
    assert_eq!(redactor.redact("to DE89 3704 0044 0532 0130 00."), "to [redacted:iban].");
    assert_eq!(redactor.redact("to GB29NWBK60161331926819"), "to [redacted:iban]");
    assert_eq!(redactor.count("to DE89 3704 0044 0532 0130 01"), 0);
}

#[test]
fn the_pair_of_aws() {
    let text = "id AKIAIOSFODNN7EXAMPLE, the other wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY, done";
    assert_eq!(
        PLAIN.redact(text),
        "id [redacted:aws-access-key-id], the other [redacted:aws-secret-key], done"
    );
    let json = r#"{"SecretAccessKey": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEK3Y"}"#;
    assert_eq!(PLAIN.redact(json), r#"{"SecretAccessKey": "[redacted:aws-secret-key]"}"#);
    assert_eq!(PLAIN.count("a digest wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY alone"), 0);
}

#[test]
fn known_secrets_in_every_spelling() {
    let redactor = Redactor::new(&[("up stream", "p@ss/word \"42\""), ("short", "1234")]);
    for (text, expected) in [
        (r#"is p@ss/word "42"!"#, "is [redacted:secret:up_stream]!"),
        (r#"{"k":"p@ss/word \"42\""}"#, r#"{"k":"[redacted:secret:up_stream]"}"#),
        (r#"{"k":"p@ss\/word \"42\""}"#, r#"{"k":"[redacted:secret:up_stream]"}"#),
        ("?k=p%40ss%2Fword%20%2242%22&x", "?k=[redacted:secret:up_stream]&x"),
        ("?k=p%40ss%2fword%20%2242%22&x", "?k=[redacted:secret:up_stream]&x"),
        ("glued-xp@ss/word \"42\"", "glued-x[redacted:secret:up_stream]"),
        ("1234", "1234"),
    ] {
        assert_eq!(redactor.redact(text), expected);
    }
    // `user:p@ss/word "42"` in base 64.
    let clean = redactor.redact("Basic dXNlcjpwQHNzL3dvcmQgIjQyIg==").into_owned();
    assert!(clean.contains("[redacted:secret:up_stream]"), "{clean}");
    let long = "x".repeat(100) + &"é".repeat(100);
    let redactor = Redactor::new(&[("long", &long)]);
    assert_eq!(redactor.redact(&format!("<{long}>")), "<[redacted:secret:long]>");
    assert_eq!(redactor.redact(&format!("<{}è>", &long[..200])), "<[redacted:secret:long]è>");
}

#[test]
fn json_stays_json() {
    let key = key::mint([3; 32], KeyKind::User).secret;
    let body = format!(r#"{{"n": 4111111111111111, "t": "a\n{key}", "x":1.50}}"#);
    let clean = PLAIN.redact_bytes_of_json(body.as_bytes()).unwrap();
    let clean: serde_json::Value = serde_json::from_slice(&clean).unwrap();
    assert_eq!(clean, json!({"n": "[redacted:payment-card]", "t": "a\n[redacted:plimsoll-key]", "x": 1.5}));

    let body = format!(r#"{{"a":1.50, "t":"{}"}}"#, pem("\\n"));
    let clean = PLAIN.redact_bytes_of_json(body.as_bytes()).unwrap();
    assert_eq!(clean, br#"{"a":1.50, "t":"[redacted:private-key]"}"#);

    let hidden = format!(r#"{{"t":"\u0070{}"}}"#, &key[1..]);
    let clean = PLAIN.redact_bytes_of_json(hidden.as_bytes()).unwrap();
    assert_eq!(clean, br#"{"t":"[redacted:plimsoll-key]"}"#);

    assert_eq!(PLAIN.redact_bytes_of_json(br#"{"a":"\u003cb\u003e"}"#), None);
    assert!(PLAIN.redact_bytes_of_json(format!("not json {key}").as_bytes()).is_some());
    assert_eq!(
        PLAIN.redact_json(&json!({key.clone(): [key, 1, null]})),
        json!({"[redacted:plimsoll-key]": ["[redacted:plimsoll-key]", 1, null]})
    );
}

#[test]
fn ordinary_text_is_not_held_back() {
    let mut stream = StreamRedactor::new(&PLAIN);
    let text = "The order 13 of June 2026 was refunded: 12.00 euro, as Ada asked. See https://shop.example/a?b=1 for more — good bye!";
    for word in text.split_inclusive(' ') {
        assert!(matches!(stream.push(word), Cow::Borrowed(out) if out == word), "{word}");
        assert_eq!(stream.held(), 0);
    }
    assert_eq!(stream.finish(), "");
}

#[test]
fn channels_do_not_mix() {
    let mut channels = Channels::new(&PLAIN);
    assert_eq!(channels.push(0, "card 4111 1111"), "card ");
    assert_eq!(channels.push(1, " 1111 1111"), " 1111 1111");
    assert_eq!(channels.push(0, " 1111 1111"), "");
    assert_eq!(channels.finish_all(), [(0, "[redacted:payment-card]".to_owned())]);
}

/// The table again, in another notation, by which the recognisers are checked.
fn oracle(text: &[u8]) -> Vec<Range<usize>> {
    const SIMPLE: [&str; 8] = [
        r"pl[ka]_[0-9A-Za-z]{49}",
        r"A[KS]IA[A-Z2-7]{16}",
        r"gh[pousr]_[0-9A-Za-z]{36}",
        r"npm_[0-9A-Za-z]{36}",
        r"AIza[\w-]{35}",
        r"sk-ant-[\w-]{40,}",
        r"sk-proj-[\w-]{40,}",
        r"glpat-[\w-]{20,}",
    ];
    static REGEX: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(&format!("(?-u){}", SIMPLE.join("|"))).unwrap());
    REGEX.find_iter(text).map(|m| m.range()).collect()
}

/// Random text with samples, halves of samples and near misses planted.
fn planted() -> impl Strategy<Value = String> {
    let samples: Vec<String> = samples().into_iter().map(|(_, secret)| secret).collect();
    let piece = prop_oneof![
        4 => "[ -~]{0,12}",
        2 => "[0-9 -]{0,24}",
        1 => "\\PC{0,4}",
        1 => prop::sample::select(vec!["sk-", "eyJ", "-----BEGIN ", "AKIA", "T3BlbkFJ", "\\n", "%2", "%", "%22", "%C3", "\\u0022", "4111 ", " "]).prop_map(str::to_owned),
        4 => prop::sample::select(samples.clone()),
        2 => (prop::sample::select(samples), any::<prop::sample::Index>()).prop_map(|(s, at)| {
            let at = at.index(s.len() + 1);
            s[..at].to_owned()
        }),
        1 => prop::sample::select(KNOWN.to_vec()).prop_map(|(_, secret)| secret.to_owned()),
    ];
    prop::collection::vec(piece, 0..10).prop_map(|pieces| pieces.concat())
}

const KNOWN: [(&str, &str); 3] = [
    ("one", "T3BlbkFJ-and-more"),
    ("two", "hunter2/hunter2"),
    (
        "long",
        "0123456789abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyzé!",
    ),
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn the_prefilter_misses_nothing(text in planted(), shift in "x{0,4} ?") {
        let redactor = Redactor::with(&KNOWN, &["iban"]);
        let text = shift + &text;
        prop_assert_eq!(redactor.scan(text.as_bytes()), redactor.look(text.as_bytes(), None));
    }

    #[test]
    fn arbitrary_bytes_are_harmless(bytes: Vec<u8>) {
        let redactor = Redactor::with(&KNOWN, &["iban"]);
        prop_assert_eq!(redactor.scan(&bytes), redactor.look(&bytes, None));
    }

    #[test]
    fn recognisers_agree_with_patterns(samples in prop::collection::vec(prop::sample::select(samples()), 0..4)) {
        let text = samples.iter().map(|(_, s)| s.as_str()).collect::<Vec<_>>().join(" . ");
        let hits = PLAIN.scan(text.as_bytes());
        for range in oracle(text.as_bytes()) {
            prop_assert!(hits.iter().any(|hit| hit.range == range), "{:?}", &text[range]);
        }
    }

    #[test]
    fn cards_are_found_at_every_offset(offset in 0_usize..80, card in prop::sample::select(vec![
        "4111111111111111", "4111 1111 1111 1111", "5555-5555-5555-4444", "378282246310005",
        "3782 822463 10005", "30569309025904", "3056 930902 5904", "6011111111111117",
    ])) {
        let text = format!("{} {card}", "x".repeat(offset));
        prop_assert_eq!(PLAIN.count(&text), 1);
    }

    #[test]
    fn chunks_do_not_matter(text in planted(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12)) {
        let redactor = Redactor::with(&KNOWN, &["iban"]);
        let places: Vec<usize> = (0..=text.len()).filter(|i| text.is_char_boundary(*i)).collect();
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| places[cut.index(places.len())]).collect();
        cuts.extend([0, text.len()]);
        cuts.sort_unstable();
        let mut stream = StreamRedactor::new(&redactor);
        let mut out = String::new();
        for cut in cuts.windows(2) {
            out += &stream.push(&text[cut[0]..cut[1]]);
            prop_assert!(stream.held() <= STREAM_HOLD_MAX);
        }
        out += &stream.finish();
        prop_assert_eq!(out, redactor.redact(&text));
    }

    #[test]
    fn one_character_at_a_time(text in planted()) {
        let mut stream = StreamRedactor::new(&PLAIN);
        let mut out = String::new();
        for c in text.chars() {
            out += &stream.push(c.encode_utf8(&mut [0; 4]));
            prop_assert!(stream.held() <= STREAM_HOLD_MAX);
        }
        out += &stream.finish();
        prop_assert_eq!(out, PLAIN.redact(&text));
    }
}
