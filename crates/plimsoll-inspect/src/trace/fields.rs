//! What is declared about a result's fields, applied to the fields it has.

use plimsoll_core::{Integrity, Output};

use super::records::{NodeId, Records, ScalarId, Shape, is_name};

/// The declared names of one result, each with the depth at which it counts.
///
/// A name counts at the shallowest level at which the result has it. Deeper down it may stand in
/// something that somebody else composed (a `metadata` object that a stranger filled in), and whoever
/// means a deeper field declares more of its path.
#[derive(Debug)]
pub(super) struct Fields<'a> {
    output: &'a Output,
    whole: Integrity,
    depths: Vec<(&'a str, usize)>,
    /// Which values name which object, by object.
    naming: Vec<Naming>,
    /// From here on a value may be anybody's, whatever its name says.
    sure: ScalarId,
}

/// One value by which a user can name an object.
#[derive(Clone, Copy, Debug)]
pub(super) struct Naming {
    pub(super) object: NodeId,
    pub(super) value: ScalarId,
    /// How far the naming goes.
    pub(super) power: Power,
}

/// What a name is good for: anybody may have titled a record like the user's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Power {
    /// Lends the typed values that the declaration lends.
    Lends,
    /// The organisation wrote the name: lends the trusted values too.
    Trusted,
    /// An entry of a directory: lends the directory's values too.
    Directory,
}

impl<'a> Fields<'a> {
    pub(super) fn of(output: &'a Output, records: &Records, text: &str, whole: Integrity) -> Self {
        let mut fields = Self { output, whole, depths: Vec::new(), naming: Vec::new(), sure: ScalarId::MAX };
        let declared = (output.trusted.iter())
            .chain(&output.directory)
            .chain(&output.named_by)
            .chain(output.lends.keys())
            .chain(&output.author);
        let mut names: Vec<&'a str> = declared.map(String::as_str).collect();
        names.sort_unstable();
        names.dedup();
        for id in 0..records.len() {
            let depth = records.names(text, id).count();
            for name in names.iter().filter(|name| covers(records, text, name, id)) {
                match fields.depths.iter_mut().find(|(known, _)| known == name) {
                    Some((_, least)) => *least = depth.min(*least),
                    None => fields.depths.push((name, depth)),
                }
            }
        }
        fields.find_sure(records, text);
        fields.find_naming(records, text);
        fields
    }

    /// In lines, only what stands before the first value of somebody else.
    fn find_sure(&mut self, records: &Records, text: &str) {
        if records.shape == Shape::Lines && self.whole < Integrity::Trusted {
            let ours = |id: &ScalarId| {
                let names = (self.output.trusted.iter())
                    .chain(&self.output.directory)
                    .chain(self.output.lends.keys());
                names.into_iter().any(|name| self.is(records, text, name, *id))
            };
            self.sure = (0..records.len()).find(|id| !ours(id)).unwrap_or(ScalarId::MAX);
        }
    }

    fn find_naming(&mut self, records: &Records, text: &str) {
        let mut naming = Vec::new();
        for id in 0..records.len() {
            let is = |names: &'a std::collections::BTreeSet<String>| {
                names.iter().find(|name| self.is(records, text, name, id))
            };
            let (name, power) = if let Some(name) = is(&self.output.directory).filter(|_| id < self.sure) {
                (name.as_str(), Power::Directory)
            } else if let Some(name) = is(&self.output.named_by) {
                let trusted = self.integrity(records, text, id) >= Integrity::Trusted;
                (name.as_str(), if trusted { Power::Trusted } else { Power::Lends })
            } else if self.is_plainly_trusted() {
                ("*", Power::Directory)
            } else {
                continue;
            };
            let object = records.owner(id, name.split('/').count());
            naming.extend(object.map(|object| Naming { object, value: id, power }));
        }
        naming.sort_by_key(|naming| naming.object);
        self.naming = naming;
    }

    /// Nothing is said but that the whole result is trusted: then each record is like an entry of a
    /// directory, named by any of its values.
    fn is_plainly_trusted(&self) -> bool {
        self.whole >= Integrity::Trusted
            && self.output.trusted.is_empty()
            && self.output.directory.is_empty()
            && self.output.named_by.is_empty()
            && self.output.lends.is_empty()
    }

    /// Whether a value is this declared field.
    pub(super) fn is(&self, records: &Records, text: &str, name: &str, id: ScalarId) -> bool {
        let depth = self.depths.iter().find(|(known, _)| *known == name).map(|(_, depth)| *depth);
        depth.is_some_and(|depth| covers(records, text, name, id) && records.names(text, id).count() == depth)
    }

    /// Who may have written a value.
    pub(super) fn integrity(&self, records: &Records, text: &str, id: ScalarId) -> Integrity {
        let named = |names: &std::collections::BTreeSet<String>| {
            names.iter().any(|name| self.is(records, text, name, id))
        };
        let trusted = id < self.sure && (named(&self.output.trusted) || named(&self.output.directory));
        if trusted { self.whole.max(Integrity::Trusted) } else { self.whole }
    }

    pub(super) fn is_trusted(&self, records: &Records, text: &str, id: ScalarId) -> bool {
        self.integrity(records, text, id) >= Integrity::Trusted
    }

    /// Whether a value is a directory's.
    pub(super) fn is_in_directory(&self, records: &Records, text: &str, id: ScalarId) -> bool {
        id < self.sure && self.output.directory.iter().any(|name| self.is(records, text, name, id))
    }

    /// As what arguments a value may be lent, each with the object that lends it.
    pub(super) fn lent(
        &self,
        records: &Records,
        text: &str,
        id: ScalarId,
    ) -> impl Iterator<Item = (&'a str, NodeId)> {
        let sure = id < self.sure;
        let lends = self.output.lends.iter().filter(move |_| sure);
        lends.filter(move |(name, _)| self.is(records, text, name, id)).filter_map(move |(name, kind)| {
            Some((kind.as_str(), records.owner(id, name.split('/').count())?))
        })
    }

    /// Whether the declaration types this value: then it is only what it says.
    pub(super) fn is_typed(&self, records: &Records, text: &str, id: ScalarId) -> bool {
        self.output.lends.keys().any(|name| self.is(records, text, name, id))
    }

    /// The values by which this object can be named.
    pub(super) fn names_of(&self, object: NodeId) -> &[Naming] {
        let first = self.naming.partition_point(|naming| naming.object < object);
        let rest = &self.naming[first..];
        &rest[..rest.partition_point(|naming| naming.object == object)]
    }

    /// Every value by which any object can be named.
    pub(super) fn naming(&self) -> &[Naming] {
        &self.naming
    }

    /// The authors that this result tells, each with the object they wrote.
    pub(super) fn authors(&self, records: &Records, text: &str) -> Vec<(ScalarId, NodeId)> {
        let Some(author) = self.output.author.as_deref() else { return Vec::new() };
        let ids = (0..records.len().min(self.sure)).filter(|id| self.is(records, text, author, *id));
        ids.filter_map(|id| Some((id, records.owner(id, author.split('/').count())?))).collect()
    }
}

/// Whether a declared name (`email`, `sender/email`, `*`) is the end of a value's path.
pub(super) fn covers(records: &Records, text: &str, declared: &str, id: ScalarId) -> bool {
    let mut names = records.names(text, id);
    if declared == "*" {
        return names.next().is_none_or(|last| !is_name(last));
    }
    declared.rsplit('/').all(|part| names.next() == Some(part))
}
