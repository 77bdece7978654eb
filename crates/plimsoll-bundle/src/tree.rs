//! A workflow repository as files in memory.
//!
//! Everything else in this crate works on a [`Tree`], so a directory, a git commit and a signed
//! release are all the same to it. Reading a directory is in `disk`.

use std::collections::BTreeMap;

use plimsoll_core::Digest;
use serde_json::{Map, Value};

/// Path inside the repository, with `/` → the file's bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree(pub BTreeMap<String, Vec<u8>>);

/// The most files a repository may hold.
pub const MAX_FILES: usize = 10_000;
/// The most bytes one file may hold: 4 MiB.
pub const MAX_FILE_BYTES: usize = 4 << 20;
/// The most bytes a repository may hold in all: 64 MiB.
pub const MAX_TREE_BYTES: usize = 64 << 20;

impl Tree {
    /// The release: the digest of the canonical manifest, which maps each path to the SHA-256 of the
    /// file's bytes. It speaks of bytes, never of parsed YAML.
    pub fn id(&self) -> Digest {
        let manifest: Map<String, Value> = self
            .0
            .iter()
            .map(|(path, bytes)| (path.clone(), Value::String(Digest::of(bytes).to_string())))
            .collect();
        Digest::of_json(&Value::Object(manifest))
    }

    pub fn insert(&mut self, path: impl Into<String>, bytes: impl Into<Vec<u8>>) {
        self.0.insert(path.into(), bytes.into());
    }

    /// The file as text, if it exists and is UTF-8.
    pub fn text(&self, path: &str) -> Option<&str> {
        self.0.get(path).and_then(|bytes| std::str::from_utf8(bytes).ok())
    }

    pub fn contains(&self, path: &str) -> bool {
        self.0.contains_key(path)
    }

    /// The files directly in `folder` whose names end in `.extension`, as (path, bare name), in order.
    pub fn in_folder<'a>(
        &'a self,
        folder: &'a str,
        extension: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.0.keys().filter_map(move |path| {
            let name = path.strip_prefix(folder)?.strip_prefix('/')?.strip_suffix(extension)?;
            (!name.contains('/')).then_some((path.as_str(), name))
        })
    }
}

impl<P: Into<String>, B: Into<Vec<u8>>> FromIterator<(P, B)> for Tree {
    fn from_iter<I: IntoIterator<Item = (P, B)>>(files: I) -> Self {
        Self(files.into_iter().map(|(path, bytes)| (path.into(), bytes.into())).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_release_is_about_bytes() {
        let a = Tree::from_iter([("a.yaml", "x: 1\n"), ("b.yaml", "y: 2\n")]);
        let b = Tree::from_iter([("a.yaml", "x:  1\n"), ("b.yaml", "y: 2\n")]);
        assert_ne!(a.id(), b.id());
        assert_eq!(a.id(), a.clone().id());
    }

    #[test]
    fn folders_are_flat() {
        let tree = Tree::from_iter([
            ("tools/a.yaml", ""),
            ("tools/a.lock.json", ""),
            ("tools/x/b.yaml", ""),
            ("toolsy.yaml", ""),
        ]);
        assert_eq!(tree.in_folder("tools", ".yaml").collect::<Vec<_>>(), [("tools/a.yaml", "a")]);
    }
}
