//! What is declared about a result's fields, applied to the fields it has.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use plimsoll_core::{Integrity, Output};

use super::records::{NodeId, Records, ScalarId, Shape, is_name};

/// The declared fields of one result.
///
/// A name counts at the shallowest level at which the result has it. Deeper down it may stand in
/// something that somebody else composed (a `metadata` object that a stranger filled in), and whoever
/// means a deeper field declares more of its path.
#[derive(Debug)]
pub(super) struct Fields {
    whole: Integrity,
    declared: Arc<Declarations>,
    /// Which values name which object, by object.
    naming: Vec<Naming>,
    /// The objects that the user named, in order.
    pub(super) named: OnceLock<Vec<NodeId>>,
    /// From here on a value may be anybody's, whatever its name says.
    sure: ScalarId,
}

/// What an output declares, and where a text has it: the same wherever the text stands.
#[derive(Debug, Default)]
pub(super) struct Declarations {
    names: Vec<Name>,
    /// Values that are declared fields, by value, each with the position of its name.
    values: Vec<Declared>,
}

/// A declared name, and what is said of it.
#[derive(Debug)]
struct Name {
    name: String,
    trusted: bool,
    directory: bool,
    named_by: bool,
    author: bool,
    /// As what arguments its values may be lent.
    lent: Option<String>,
}

impl Declarations {
    pub(super) fn find(output: &Output, records: &Records, text: &str) -> Self {
        let names = declared_names(output);
        let values = find_declared(&names, records, text);
        let said = |name: &str| Name {
            name: name.to_owned(),
            trusted: output.trusted.contains(name),
            directory: output.directory.contains(name),
            named_by: output.named_by.contains(name),
            author: output.author.as_deref() == Some(name),
            lent: output.lends.get(name).cloned(),
        };
        Self { names: names.into_iter().map(said).collect(), values }
    }
}

impl Name {
    /// How many names deep it is.
    fn depth(&self) -> usize {
        self.name.split('/').count()
    }
}

/// A value, and which of the sorted declared names is its.
type Declared = (ScalarId, u16);

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

impl Fields {
    /// `declared` is what the output declares of this result.
    pub(super) fn of(
        output: &Output,
        records: &Records,
        whole: Integrity,
        declared: Arc<Declarations>,
    ) -> Self {
        let mut fields =
            Self { whole, declared, naming: Vec::new(), named: OnceLock::new(), sure: ScalarId::MAX };
        fields.find_sure(records);
        fields.find_naming(records, is_plainly_trusted(output, whole));
        fields
    }

    /// In lines, only what stands before the first value of somebody else.
    fn find_sure(&mut self, records: &Records) {
        if records.shape == Shape::Lines && self.whole < Integrity::Trusted {
            let is_ours = |name: &Name| name.trusted || name.directory || name.lent.is_some();
            let ours = |id: &ScalarId| self.names_at(*id).any(is_ours);
            self.sure = (0..records.len()).find(|id| !ours(id)).unwrap_or(ScalarId::MAX);
        }
    }

    /// With `by_any`, any value names its record.
    fn find_naming(&mut self, records: &Records, by_any: bool) {
        let mut naming = Vec::new();
        let mut keep = |value: ScalarId, depth: usize, power| {
            let object = records.owner(value, depth);
            naming.extend(object.map(|object| Naming { object, value, power, said: OnceLock::new() }));
        };
        for (id, name) in self.values() {
            if name.directory && id < self.sure {
                keep(id, name.depth(), Power::Directory);
            } else if name.named_by {
                let trusted = self.integrity(id) >= Integrity::Trusted;
                keep(id, name.depth(), if trusted { Power::Trusted } else { Power::Lends });
            }
        }
        if by_any {
            (0..records.len()).for_each(|id| keep(id, 1, Power::Directory));
        }
        naming.sort_by_key(|naming| naming.object);
        self.naming = naming;
    }

    /// The values that are declared fields, each with its name.
    fn values(&self) -> impl Iterator<Item = (ScalarId, &Name)> {
        self.declared.values.iter().map(|(id, name)| (*id, &self.declared.names[usize::from(*name)]))
    }

    /// The declared names of a value.
    fn names_at(&self, id: ScalarId) -> impl Iterator<Item = &Name> {
        let values = &self.declared.values;
        let first = values.partition_point(|(other, _)| *other < id);
        let here = values[first..].iter().take_while(move |(other, _)| *other == id);
        here.map(|(_, name)| &self.declared.names[usize::from(*name)])
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
        self.declared.names.iter().any(|name| name.directory)
    }

    /// As what arguments a value may be lent, each with the object that lends it.
    pub(super) fn lent(&self, records: &Records, id: ScalarId) -> impl Iterator<Item = (&str, NodeId)> {
        let sure = id < self.sure;
        self.names_at(id)
            .filter(move |_| sure)
            .filter_map(move |name| Some((name.lent.as_deref()?, records.holder(id, name.depth())?)))
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
        let theirs = self.values().filter(|(id, name)| name.author && *id < self.sure);
        theirs.filter_map(|(id, name)| Some((id, records.owner(id, name.depth())?))).collect()
    }
}

/// Nothing is said but that the whole result is trusted: then each record is like an entry of a
/// directory, named by any of its values.
fn is_plainly_trusted(output: &Output, whole: Integrity) -> bool {
    whole >= Integrity::Trusted
        && output.trusted.is_empty()
        && output.directory.is_empty()
        && output.named_by.is_empty()
        && output.lends.is_empty()
}

/// The names of which something is declared, sorted.
fn declared_names(output: &Output) -> Vec<&str> {
    let said = (output.trusted.iter())
        .chain(&output.directory)
        .chain(&output.named_by)
        .chain(output.lends.keys())
        .chain(&output.author);
    let names: BTreeSet<&str> = said.map(String::as_str).collect();
    names.into_iter().take(usize::from(u16::MAX)).collect()
}

/// The values of declared fields, each name at its shallowest level, by value.
fn find_declared(names: &[&str], records: &Records, text: &str) -> Vec<Declared> {
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
