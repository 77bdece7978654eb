use super::*;

#[test]
fn nothing_is_no_repository() {
    let found = load(&Tree::default(), Env::empty(), &Overrides::default()).unwrap_err();
    let ids: Vec<_> = found.iter().map(|d| d.id).collect();
    assert_eq!(ids, ["project/missing", "workflow/none"]);
}
