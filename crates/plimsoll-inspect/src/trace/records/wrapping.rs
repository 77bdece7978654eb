//! The wrapping that protocols put around a whole result: it is no part of what the tool said.

use super::{NodeId, Records, ScalarId};

/// Texts of an MCP result that are opened.
const TEXTS_MAX: usize = 64;
/// The object that is the whole result.
const OUTER: NodeId = 1;

/// Where the strings begin that hold a result or a part of it: a lone string, the lone member `result`,
/// the `text` of MCP's `content`.
pub(super) fn strings(records: &Records, text: &str) -> Vec<u32> {
    if let Some(only) = records.only() {
        let names: Vec<&str> = records.names(text, only).collect();
        let opens = matches!(names[..], [] | ["result"]);
        return if opens { vec![records.scalars[0].start] } else { Vec::new() };
    }
    let is_text = |id: &ScalarId| {
        let mut names = records.names(text, *id);
        names.next() == Some("text")
            && matches!((names.next(), names.next()), (None | Some("content"), None))
            && records.within(records.scalars[*id as usize].node).any(|other| {
                records.names(text, other).next() == Some("type") && records.value(text, other) == "text"
            })
    };
    let texts = (0..records.len()).filter(is_text).take(TEXTS_MAX);
    texts.map(|id| records.scalars[id as usize].start).collect()
}

/// Takes the wrapping's names off the paths: `structuredContent`, a lone `result`, and `content` when its
/// texts were opened.
pub(super) fn forget(records: &mut Records, text: &str, opened: bool) {
    if records.nodes.get(OUTER as usize).is_none_or(|outer| outer.is_list || outer.parent != 0) {
        return;
    }
    let members = |records: &Records| {
        let nodes = records.nodes.iter().skip(1).filter(|node| node.parent == OUTER).count();
        nodes + records.scalars.iter().filter(|scalar| scalar.node == OUTER).count()
    };
    let lone = members(records) == 1;
    let drop = |name: &str| match name {
        "structuredContent" => true,
        "content" => opened,
        "result" => lone,
        _ => false,
    };
    let dropped: Vec<usize> = (2..records.nodes.len())
        .filter(|n| {
            let node = &records.nodes[*n];
            node.parent == OUTER && node.name.is_some_and(|name| drop(records.piece(text, name)))
        })
        .collect();
    for node in dropped {
        records.nodes[node].name = None;
    }
    if let (true, Some(scalar)) = (lone, records.scalars.first().filter(|scalar| scalar.node == OUTER))
        && scalar.name.is_some_and(|name| drop(records.piece(text, name)))
    {
        records.scalars[0].name = None;
    }
}
