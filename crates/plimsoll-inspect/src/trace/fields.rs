//! What is declared about a result's fields, applied to the fields it has.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use plimsoll_core::{Integrity, Output};

use super::records::{NodeId, Records, ScalarId, Shape, is_name};

/// The declared fields of one result.
///
/// A name counts at the shallowest level at which the result has it. Deeper down it may stand in
/// something that somebody else composed (a `metadata` object that a stranger filled in), and whoever
/// means a deeper field declares more of its path.
#[derive(Debug)]
pub(super) struct Fields<'a> {
    output: &'a Output,
    whole: Integrity,
    names: Vec<Name<'a>>,
    /// Values that are declared fields, by value, each with the position of its name.
    declared: Vec<Declared>,
    /// Which values name which object, by object.
    naming: Vec<Naming>,
    /// The objects that the user named, in order.
    pub(super) named: OnceLock<Vec<NodeId>>,
    /// From here on a value may be anybody's, whatever its name says.
    sure: ScalarId,
}

/// A declared name, and what is said of it.
#[derive(Clone, Copy, Debug)]
struct Name<'a> {
    name: &'a str,
    trusted: bool,
    directory: bool,
    /// As what arguments its values may be lent.
    lent: Option<&'a str>,
}

impl<'a> Name<'a> {
    fn of(output: &'a Output, name: &'a str) -> Self {
        Self {
            name,
            trusted: output.trusted.contains(name),
            directory: output.directory.contains(name),
            lent: output.lends.get(name).map(String::as_str),
        }
    }
}

/// A value, and which of the sorted declared names is its.
pub(super) type Declared = (ScalarId, u16);

/// One value by which a user can name an object.
#[derive(Debug)]
pub(super) struct Naming {
    pub(super) object: NodeId,
    pub(super) value: ScalarId,
    /// How far the naming goes.
    pub(super) power: Power,
    /// Whether the user named the object by it; looked up once.
    pub(super) said: OnceLock<bool>,
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
    /// `declared` are those of its values that are declared fields, as [`find_declared`] found them.
    pub(super) fn of(
        output: &'a Output,
        records: &Records,
        whole: Integrity,
        declared: Vec<Declared>,
    ) -> Self {
        let names = declared_names(output).into_iter().map(|name| Name::of(output, name)).collect();
        let mut fields = Self {
            output,
            whole,
            names,
            declared,
            naming: Vec::new(),
            named: OnceLock::new(),
            sure: ScalarId::MAX,
        };
        fields.find_sure(records);
        fields.find_naming(records);
        fields
    }

    /// In lines, only what stands before the first value of somebody else.
    fn find_sure(&mut self, records: &Records) {
        if records.shape == Shape::Lines && self.whole < Integrity::Trusted {
            let is_ours = |name: Name<'_>| name.trusted || name.directory || name.lent.is_some();
            let ours = |id: &ScalarId| self.names_at(*id).any(is_ours);
            self.sure = (0..records.len()).find(|id| !ours(id)).unwrap_or(ScalarId::MAX);
        }
    }

    fn find_naming(&mut self, records: &Records) {
        let mut naming = Vec::new();
        let mut keep = |value: ScalarId, name: &str, power| {
            let object = records.owner(value, name.split('/').count());
            naming.extend(object.map(|object| Naming { object, value, power, said: OnceLock::new() }));
        };
        for (id, name) in self.declared.iter().map(|(id, name)| (*id, self.names[usize::from(*name)])) {
            if name.directory && id < self.sure {
                keep(id, name.name, Power::Directory);
            } else if self.output.named_by.contains(name.name) {
                let trusted = self.integrity(id) >= Integrity::Trusted;
                keep(id, name.name, if trusted { Power::Trusted } else { Power::Lends });
            }
        }
        if self.is_plainly_trusted() {
            (0..records.len()).for_each(|id| keep(id, "*", Power::Directory));
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

    /// The declared names of a value.
    fn names_at(&self, id: ScalarId) -> impl Iterator<Item = Name<'a>> + use<'_, 'a> {
        let first = self.declared.partition_point(|(other, _)| *other < id);
        let here = self.declared[first..].iter().take_while(move |(other, _)| *other == id);
        here.map(|(_, name)| self.names[usize::from(*name)])
    }

    /// Who may have written a value.
    pub(super) fn integrity(&self, id: ScalarId) -> Integrity {
        let trusted = id < self.sure && self.names_at(id).any(|name| name.trusted || name.directory);
        if trusted { self.whole.max(Integrity::Trusted) } else { self.whole }
    }

    pub(super) fn is_trusted(&self, id: ScalarId) -> bool {
        self.integrity(id) >= Integrity::Trusted
    }

    /// Whether a value is a directory's.
    pub(super) fn is_in_directory(&self, id: ScalarId) -> bool {
        id < self.sure && self.names_at(id).any(|name| name.directory)
    }

    /// Whether it lists entries of a directory.
    pub(super) fn is_directory(&self) -> bool {
        !self.output.directory.is_empty()
    }

    /// As what arguments a value may be lent, each with the object that lends it.
    pub(super) fn lent(&self, records: &Records, id: ScalarId) -> impl Iterator<Item = (&'a str, NodeId)> {
        let sure = id < self.sure;
        self.names_at(id)
            .filter(move |_| sure)
            .filter_map(move |name| Some((name.lent?, records.holder(id, name.name.split('/').count())?)))
    }

    /// Whether the declaration types this value: then it is only what it says.
    pub(super) fn is_typed(&self, id: ScalarId) -> bool {
        self.names_at(id).any(|name| name.lent.is_some())
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
    pub(super) fn authors(&self, records: &Records) -> Vec<(ScalarId, NodeId)> {
        let Some(author) = self.output.author.as_deref() else { return Vec::new() };
        let theirs =
            |(id, name): &&Declared| self.names[usize::from(*name)].name == author && *id < self.sure;
        let object = |(id, _): &Declared| Some((*id, records.owner(*id, author.split('/').count())?));
        self.declared.iter().filter(theirs).filter_map(object).collect()
    }
}

/// The names of which something is declared, sorted.
pub(super) fn declared_names(output: &Output) -> Vec<&str> {
    let said = (output.trusted.iter())
        .chain(&output.directory)
        .chain(&output.named_by)
        .chain(output.lends.keys())
        .chain(&output.author);
    let names: BTreeSet<&str> = said.map(String::as_str).collect();
    names.into_iter().take(usize::from(u16::MAX)).collect()
}

/// The values of declared fields, each name at its shallowest level, by value.
pub(super) fn find_declared(names: &[&str], records: &Records, text: &str) -> Vec<Declared> {
    let ends: Vec<&str> = names.iter().map(|name| name.rsplit('/').next().unwrap_or_default()).collect();
    let mut least = vec![usize::MAX; names.len()];
    let mut found = Vec::new();
    for id in 0..records.len() {
        let last = records.names(text, id).next();
        for (n, name) in names.iter().enumerate() {
            if (ends[n] == "*" || last == Some(ends[n])) && covers(records, text, name, id) {
                let depth = records.names(text, id).count();
                least[n] = least[n].min(depth);
                found.push((id, u16::try_from(n).unwrap_or(u16::MAX), depth));
            }
        }
    }
    let shallow =
        |(id, name, depth): (ScalarId, u16, usize)| (depth == least[usize::from(name)]).then_some((id, name));
    found.into_iter().filter_map(shallow).collect()
}

/// Whether a declared name (`email`, `sender/email`, `*`) is the end of a value's path.
pub(super) fn covers(records: &Records, text: &str, declared: &str, id: ScalarId) -> bool {
    let mut names = records.names(text, id);
    if declared == "*" {
        return names.next().is_none_or(|last| !is_name(last));
    }
    declared.rsplit('/').all(|part| names.next() == Some(part))
}
