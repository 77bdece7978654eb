//! Reading results: which fields a text has.

use super::super::records::{Records, Shape};
use super::*;

/// Every value with its path, one a line.
fn fields(text: &str) -> String {
    let records = Records::read(text);
    let line = |id| format!("{}={}", records.path(text, id), records.value(text, id));
    let lines: Vec<String> = (0..records.len()).map(line).collect();
    format!("{:?} {}", records.shape, lines.join("; "))
}

#[test]
fn json_has_fields() {
    let check = |text, expected: &str| assert_eq!(fields(text), expected, "{text}");
    check(r#"{"a": 1, "b": {"c": "x", "d": [true, null]}}"#, "Quoted a=1; b/c=x; b/d=true; b/d=null");
    check(r#"[{"a": "1\n\u00fc\ud83d\ude00"}]"#, "Quoted a=1\nü😀");
    check(r#"["x", "y"]"#, "Quoted =x; =y");
    check("{\"a\": 1}\n{\"a\": 2}\n", "Quoted a=1; a=2");
    check(r#""x""#, "Quoted =x");
    check("42", "Quoted =42");
    check(r#"{"City Hub": "1-1 Tokyo"}"#, "Quoted =City Hub; City Hub=1-1 Tokyo");
    check(r#"{"shared": {"ada@x.org": "r"}}"#, "Quoted shared=ada@x.org; shared/ada@x.org=r");
    for free in [
        "",
        "hello",
        "{\"a\": 1",
        "{\"a\": 1} and more",
        "{\"a\": \"x\ny\"}",
        "{\"a\": 1, \"a\": 2}",
        "{\"a\": b}",
        "[1,,2]",
    ] {
        assert!(fields(free).starts_with("Free "), "{free}");
    }
    check("hello", "Free =hello");
    check("hello\nthere", "Free ");
}

#[test]
fn pythons_repr_has_fields() {
    let check = |text, expected: &str| assert_eq!(fields(text), expected, "{text}");
    check("{'a': 'it\\'s', 'b': None, 'c': (1, 'x'), 'd': True}", "Quoted a=it's; b=None; c=1; c=x; d=True");
    check(
        "[Email(id_='1', sender=\"o'x\", at=datetime.datetime(2024, 5, 15, 10, 0))]",
        "Quoted id_=1; sender=o'x; at=2024-05-15T10:00:00",
    );
    check("{'s': <Status.read: 'read'>, 'u': UUID('ab-1')}", "Quoted s=read; u=ab-1");
    check("datetime.date(2024, 5, 15)", "Quoted =2024-05-15");
    for free in ["{'a': 1, 'a': 2}", "{'a': <Foo object at 0x7f>}", "{'a': f("] {
        check(free, &format!("Free ={free}"));
    }
}

#[test]
fn lines_have_fields() {
    let check = |text, expected: &str| assert_eq!(fields(text), expected, "{text}");
    check("id: 5\ntitle: 'It''s'\nnote: |\n  a\n  b\n", "Lines id=5; title=It's; note=a b");
    check(
        "- id_: '1'\n  people:\n  - a@x.org\n  - b@x.org\n  body: \"x\n    y\"\n- id_: '2'\n  people: []\n",
        "Lines id_=1; people=a@x.org; people=b@x.org; body=x y; id_=2",
    );
    check("user:\n  email: a@x.org\nFrom: me", "Lines user/email=a@x.org; From=me");
    check("- general\n- random\n", "Lines =general; =random");
    check("a: 1\na: 2", "Free ");
    check("Hello there,\nid: 5", "Free ");
    check("id: 5\nsome prose", "Free ");
    check("a: {b: 1}", "Free =a: {b: 1}");
}

/// A protocol's wrapping is opened; JSON in anybody's string is not.
#[test]
fn wrapped_results_are_opened() {
    let check = |text, expected: &str| assert_eq!(fields(text), expected, "{text}");
    check(
        r#"{"content": [{"type": "text", "text": "{\"id\": 5}"}], "isError": false}"#,
        "Quoted type=text; id=5; isError=false",
    );
    check(r#"[{"type": "text", "text": "[{\"id\": 5}]"}]"#, "Quoted type=text; id=5");
    check(r#""{\"id\": 5}""#, "Quoted id=5");
    check(r#"{"result": "{\"id\": 5}"}"#, "Quoted id=5");
    check(r#"{"result": ["a", "b"]}"#, "Quoted =a; =b");
    check(r#"{"content": [], "structuredContent": {"id": 5}}"#, "Quoted id=5");
    check(r#"{"body": "{\"id\": 5}"}"#, "Quoted body={\"id\": 5}");
    check(r#"[{"text": "{\"id\": 5}", "n": 1}]"#, "Quoted text={\"id\": 5}; n=1");
    check(r#"{"result": "plain", "id": 1}"#, "Quoted result=plain; id=1");
}

/// Texts made to be slow or to overflow.
#[test]
fn reading_is_bounded() {
    let nested = "[".repeat(100_000);
    assert_eq!(Records::read(&nested).shape, Shape::Free);
    let closed = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(Records::read(&closed).shape, Shape::Free);
    let many = format!("[{} 1]", "1, ".repeat(super::super::records::SCALARS_MAX));
    assert_eq!(Records::read(&many).shape, Shape::Free);
    let deep: String = (0..200).map(|i| format!("{}a:\n", " ".repeat(i))).collect();
    assert_eq!(Records::read(&deep).shape, Shape::Free);
}

proptest! {
    /// What a JSON writer wrote is read back, value for value.
    #[test]
    fn json_reads_back(values in prop::collection::vec("\\PC{0,20}", 0..6)) {
        let text = json!({ "items": values }).to_string();
        let records = Records::read(&text);
        let read: Vec<&str> = (0..records.len()).map(|id| records.value(&text, id)).collect();
        prop_assert_eq!(read, values);
    }

    #[test]
    fn any_text_can_be_read(text in "[-{}\\[\\]()<>:,'\"\\\\\\n a-c1uxé=|>]{0,60}") {
        let records = Records::read(&text);
        for id in 0..records.len() {
            records.path(&text, id);
            records.value(&text, id);
            records.owner(id, 1);
        }
        for at in 0..=text.len() {
            prop_assert!(records.at(at).all(|id| id < records.len()));
        }
    }
}
