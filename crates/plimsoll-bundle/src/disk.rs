//! The one place in this crate that touches a file system: a directory becomes a [`Tree`].

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::tree::{MAX_FILE_BYTES, MAX_FILES, MAX_TREE_BYTES, Tree};

/// Why a directory could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("can't read {path}", path = path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("{path} is no directory", path = .0.display())]
    NoDirectory(PathBuf),
    #[error("{path} leads out of plain files: links and devices are not read", path = .0.display())]
    Link(PathBuf),
    #[error("the name {0:?} is not UTF-8")]
    Name(PathBuf),
    #[error("{path} holds more than {MAX_FILE_BYTES} bytes", path = .0.display())]
    FileTooLarge(PathBuf),
    #[error("the repository holds more than {MAX_FILES} files")]
    TooMany,
    #[error("the repository holds more than {MAX_TREE_BYTES} bytes")]
    TooLarge,
}

/// What belongs to a workflow repository. Other files that happen to lie beside them (an
/// application's own sources, say) are neither read nor part of the release.
const FILES: &[&str] = &["plimsoll.yaml", "people.yaml"];
const FOLDERS: &[&str] =
    &["workflows", "prompts", "tools", "sources", "models", "policies", "risks", "drills", "keys"];

/// Whether a path inside a directory belongs to the workflow repository there.
pub fn belongs(path: &str) -> bool {
    let in_folder = path.split_once('/').is_some_and(|(folder, _)| FOLDERS.contains(&folder));
    FILES.contains(&path) || (in_folder && !path.split('/').any(|part| part.starts_with('.')))
}

impl Tree {
    /// Reads a workflow repository. Hidden names (`.git`, `.plimsoll`) are skipped; links are refused,
    /// because what they point at is not what was reviewed.
    ///
    /// # Errors
    /// When something can't be read or a bound is passed.
    pub fn read_dir(root: &Path) -> Result<Self, ReadError> {
        if !root.is_dir() {
            return Err(ReadError::NoDirectory(root.to_owned()));
        }
        let mut tree = Self::default();
        for name in FILES {
            let path = root.join(name);
            if path.symlink_metadata().is_ok() {
                add_file(&mut tree, &path, (*name).to_owned())?;
            }
        }
        for name in FOLDERS {
            let path = root.join(name);
            if path.symlink_metadata().is_ok_and(|m| m.is_dir()) {
                add_folder(&mut tree, &path, name)?;
            }
        }
        Ok(tree)
    }
}

fn add_folder(tree: &mut Tree, folder: &Path, prefix: &str) -> Result<(), ReadError> {
    let io = |source| ReadError::Io { path: folder.to_owned(), source };
    for entry in fs::read_dir(folder).map_err(io)? {
        let entry = entry.map_err(io)?;
        let path = entry.path();
        let name = entry.file_name().into_string().map_err(|_| ReadError::Name(path.clone()))?;
        if name.starts_with('.') {
            continue;
        }
        let inside = format!("{prefix}/{name}");
        if entry.file_type().map_err(io)?.is_dir() {
            add_folder(tree, &path, &inside)?;
        } else {
            add_file(tree, &path, inside)?;
        }
    }
    Ok(())
}

fn add_file(tree: &mut Tree, path: &Path, inside: String) -> Result<(), ReadError> {
    let io = |source| ReadError::Io { path: path.to_owned(), source };
    let metadata = path.symlink_metadata().map_err(io)?;
    if !metadata.is_file() {
        return Err(ReadError::Link(path.to_owned()));
    }
    if metadata.len() > MAX_FILE_BYTES as u64 {
        return Err(ReadError::FileTooLarge(path.to_owned()));
    }
    if tree.0.len() >= MAX_FILES {
        return Err(ReadError::TooMany);
    }
    let bytes = fs::read(path).map_err(io)?;
    if tree.0.values().map(Vec::len).sum::<usize>() + bytes.len() > MAX_TREE_BYTES {
        return Err(ReadError::TooLarge);
    }
    tree.insert(inside, bytes);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_belongs_to_it_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let write = |path: &str| {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x: 1").unwrap();
        };
        for path in ["plimsoll.yaml", "tools/desk.yaml", "policies/invariants/a.cedar", ".git/config"] {
            write(path);
        }
        write("tools/.swp");
        write("src/main.py");
        let tree = Tree::read_dir(dir.path()).unwrap();
        assert!(tree.0.keys().all(|path| belongs(path)));
        assert!(!["tools/.swp", "src/main.py", ".git/config", "tools"].iter().any(|path| belongs(path)));
        let paths: Vec<_> = tree.0.keys().map(String::as_str).collect();
        assert_eq!(paths, ["plimsoll.yaml", "policies/invariants/a.cedar", "tools/desk.yaml"]);
    }

    #[cfg(unix)]
    #[test]
    fn links_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("tools")).unwrap();
        std::os::unix::fs::symlink("/etc/hostname", dir.path().join("tools/a.yaml")).unwrap();
        assert!(matches!(Tree::read_dir(dir.path()), Err(ReadError::Link(_))));
    }
}
