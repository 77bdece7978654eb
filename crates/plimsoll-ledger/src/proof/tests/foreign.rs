//! Foreign bytes: every reader gives a value or an error, whatever it is given; a value it gives reads back as itself.

use proptest::prelude::*;

use super::*;

/// Pieces of which near misses are made.
fn texts() -> impl Strategy<Value = Vec<u8>> {
    let (dir, checkpoint) = tiled(5);
    let receipt = Receipt::make(&Dir(dir.path().to_owned()), checkpoint.clone(), 3).unwrap().encode();
    let request = AddCheckpoint { old: 3, proof: vec![[7; 32]], checkpoint: checkpoint.clone() }.encode();
    let policy = String::from_utf8(policy().encode()).unwrap();
    let whole = [checkpoint.encode(), receipt, request, policy];
    let lines: Vec<String> =
        whole.iter().flat_map(|text| text.split_inclusive('\n')).map(str::to_owned).collect();
    let piece = prop_oneof![
        6 => proptest::sample::select(lines),
        1 => "[ -~\u{2014}\u{a0}]{0,12}\n",
        1 => Just("\n".to_owned()),
        1 => Just("old 18446744073709551615\n".to_owned()),
        1 => Just("18446744073709551615\n".to_owned()),
    ];
    let texts = prop_oneof![
        proptest::sample::select(whole.to_vec()).prop_map(String::into_bytes),
        proptest::collection::vec(piece, 0..14).prop_map(|pieces| pieces.concat().into_bytes()),
        proptest::collection::vec(any::<u8>(), 0..80),
    ];
    (texts, any::<(usize, u8, bool)>()).prop_map(|(mut text, (at, byte, change))| {
        if change && !text.is_empty() {
            let at = at % text.len();
            text[at] = byte;
        }
        text
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]
    #[test]
    fn readers_give_a_value_or_an_error(bytes in texts()) {
        if let Ok(checkpoint) = SignedCheckpoint::parse(&bytes) {
            prop_assert_eq!(checkpoint.encode().into_bytes(), bytes.clone());
            let _judged = policy().judge(&checkpoint);
            // Also one that nobody signed, of whatever size, is looked at without harm.
            let files = Memory([(CHECKPOINT.to_owned(), bytes.clone())].into());
            let _problems = problems(&files, &[checkpoint]);
        }
        if let Ok(receipt) = Receipt::parse(&bytes) {
            prop_assert_eq!(receipt.encode().into_bytes(), bytes.clone());
            let _checked = receipt.check(&policy());
        }
        if let Ok(request) = AddCheckpoint::parse(&bytes) {
            prop_assert_eq!(request.encode().into_bytes(), bytes.clone());
        }
        if let Ok(policy) = Policy::parse(&bytes) {
            prop_assert_eq!(Policy::parse(&policy.encode()), Ok(policy));
        }
        let _entries = bundle_entries(&bytes);
        let _tile = std::str::from_utf8(&bytes).ok().and_then(Tile::parse);
    }
}

#[test]
fn what_is_wrong_with_a_policy_is_said() {
    let (log, w1) = (ledger_key().verifier().to_string(), witness_key(1).verifier().to_string());
    let check = |text: &str, says: &str| {
        let text = text.replace("LOG", &log).replace("W1", &w1);
        assert_eq!(Policy::parse(text.as_bytes()).unwrap_err().to_string(), says, "{text}");
    };
    check("log LOG\n", "line 0: it has no `quorum` line");
    check("quorum none\nquorum none\n", "line 2: there is a second `quorum` line");
    check(
        "log LOG\nlog LOG https://twice\nquorum none\n",
        "line 2: this ledger's key is in the policy twice",
    );
    check("log W1\nquorum none\n", "line 1: this is a witness' key, not a ledger's");
    check("witness a LOG\nquorum none\n", "line 1: this is a ledger's key, not a witness'");
    check("witness none W1\n", "line 1: the name `none` is taken");
    check("witness a W1\nwitness b W1\n", "line 2: this witness' key is in the policy twice");
    check("quorum a\nwitness a W1\n", "line 1: `a` is not defined on a line before");
    check("witness a W1\ngroup g 2 a\n", "line 2: a group of 1 needs `any`, `all` or a number from 1 to 1");
    check(
        "witness a W1\ngroup g 1 a\ngroup h 1 a\n",
        "line 3: `a` is a member of a group already: it would count twice",
    );
    check(
        "witness a W1\ngroup g 1 a a\n",
        "line 2: `a` is a member of a group already: it would count twice",
    );
    check("log LOG\rquorum none\n", "line 1: it contains a control character");
    check("wittness a W1\n", "line 1: `wittness` with these words is not known here");
}

/// The nested example of the specification: two groups, both of which it takes.
#[test]
fn groups_of_groups() {
    let mut text = format!("# two houses\n\n\tlog {}\n", ledger_key().verifier());
    for n in 1..=6 {
        text += &format!("witness w{n} {} https://w{n}.example\n", witness_key(n).verifier());
    }
    text += "group x 2 w1 w2 w3\ngroup y any w4 w5 w6\ngroup both all x y\nquorum both\n";
    let policy = Policy::parse(text.as_bytes()).unwrap();
    assert_eq!(Policy::parse(&policy.encode()), Ok(policy.clone()));
    let check = |who: &[u8], good| {
        let mut checkpoint = SignedCheckpoint::sign(crate::tests::head_of([]), &ledger_key());
        for n in who {
            let key = witness_key(*n);
            let line = checkpoint.cosign(&key, NOW);
            checkpoint.add_cosignature(line, key.verifier()).unwrap();
        }
        assert_eq!(policy.judge(&checkpoint).is_ok(), good, "{who:?}");
    };
    check(&[1, 2, 4], true);
    check(&[1, 3, 6], true);
    check(&[1, 2, 3], false);
    check(&[1, 4, 5, 6], false);
    check(&[], false);
}
