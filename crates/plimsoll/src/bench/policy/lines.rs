//! How much somebody had to write down.

use plimsoll_bundle::Tree;

/// Lines of `tools/*.yaml` that stand under `tools:` and are neither blank nor comments.
pub fn annotation_lines(tree: &Tree) -> usize {
    let files = tree.in_folder("tools", ".yaml").filter_map(|(path, _)| tree.text(path));
    files.map(of_file).sum()
}

fn of_file(text: &str) -> usize {
    let mut inside = false;
    let mut count = 0;
    for line in text.lines() {
        let told = line.trim();
        if told.is_empty() || told.starts_with('#') {
            continue;
        }
        // A key at the margin ends the section that was open.
        if !line.starts_with([' ', '\t', '-']) {
            inside = line.split(':').next() == Some("tools");
            continue;
        }
        count += usize::from(inside);
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_under_tools_count() {
        let text = "server: a\naccounts:\n  read: ${A}\ntools:\n  # why\n  b: {tier: safe}\n\n  c:\n    tier: safe\n";
        let tree = Tree::from_iter([
            ("tools/a.yaml", text),
            ("tools/b.yaml", "server: b\ntools: # none\n  d: {}\nhttp: x\n"),
            ("tools/a.lock.json", "tools:\n  x"),
            ("models/m.yaml", "tools:\n  x: 1\n"),
        ]);
        assert_eq!(annotation_lines(&tree), 4);
    }
}
