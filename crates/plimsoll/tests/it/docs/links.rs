//! Every relative link of every document leads to a file, and every anchor to a heading.

use super::{documents, read, root};

#[test]
fn every_link_leads_somewhere() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for path in documents() {
        let text = read(&path);
        let prose: String = text.split("```").step_by(2).collect();
        for target in prose.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            count += 1;
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let dir = root().join(&path).parent().unwrap().to_owned();
            let found = if file.is_empty() { root().join(&path) } else { dir.join(file) };
            if !found.exists() {
                wrong.push(format!("{path}: {target} is not there"));
            } else if !anchor.is_empty()
                && !headings(&std::fs::read_to_string(found).unwrap()).contains(&anchor.to_owned())
            {
                wrong.push(format!("{path}: {target} names no heading"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 20, "only {count} links were found");
}

/// The anchors that a page's headings get.
fn headings(text: &str) -> Vec<String> {
    let headings = text.lines().filter_map(|line| line.strip_prefix('#'));
    headings
        .map(|line| line.trim_start_matches('#').trim().to_lowercase())
        .map(|line| {
            line.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_')).collect::<String>()
        })
        .map(|line| line.replace(' ', "-"))
        .collect()
}
