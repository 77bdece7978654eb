//! The two states that `plimsoll diff` compares: directories, release files, or revisions read through `git`.
//!
//! Nothing is checked out: the files of a revision are read from git's objects, and only those that belong
//! to a workflow repository.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use plimsoll_bundle::diff::load_for_diff;
use plimsoll_bundle::disk::belongs;
use plimsoll_bundle::release::Release;
use plimsoll_bundle::tree::{MAX_FILE_BYTES, MAX_FILES, MAX_TREE_BYTES};
use plimsoll_bundle::{Bundle, Tree};

use crate::talk::{self, Error};

/// Where a state lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    Dir(PathBuf),
    /// A release file.
    Release(PathBuf),
    /// A commit of the git repository that holds this directory.
    Commit {
        repo: PathBuf,
        name: String,
        id: String,
    },
}

/// A state that loads.
#[derive(Debug)]
pub struct State {
    pub name: String,
    pub tree: Tree,
    pub bundle: Bundle,
    /// The release it is, when it comes from a release file.
    pub release: Option<Release>,
}

impl Source {
    /// Understands `BASE..HEAD`, `BASE...HEAD`, `BASE`, `BASE HEAD`; without a BASE, the last commit.
    pub fn pair(base: Option<&str>, head: Option<&str>, repo: &Path) -> Result<(Self, Self), Error> {
        let here = || Self::Dir(repo.to_owned());
        let one = |text: &str| Self::of(text, repo);
        match (base, head) {
            (None, _) => Ok((one("HEAD")?, here())),
            (Some(base), Some(head)) => Ok((one(base)?, one(head)?)),
            (Some(base), None) if holds_repository(Path::new(base)) || Path::new(base).is_file() => {
                Ok((one(base)?, here()))
            }
            (Some(range), None) => match range.split_once("...") {
                Some((base, head)) => {
                    let (base, head) = (or_head(base), or_head(head));
                    let fork = git(repo, &["merge-base", "--end-of-options", base, head])
                        .map_err(|error| error.help(format!("`{base}` and `{head}` need a common commit; in a shallow clone, fetch more of it")))?;
                    Ok((one(fork.trim())?, one(head)?))
                }
                None => match range.split_once("..") {
                    Some((base, "")) => Ok((one(or_head(base))?, here())),
                    Some((base, head)) => Ok((one(or_head(base))?, one(head)?)),
                    None => Ok((one(range)?, here())),
                },
            },
        }
    }

    /// A directory that holds a workflow repository, a release file, or else a revision.
    pub fn of(text: &str, repo: &Path) -> Result<Self, Error> {
        let path = Path::new(text);
        if holds_repository(path) {
            return Ok(Self::Dir(path.to_owned()));
        }
        if path.is_file() {
            return Ok(Self::Release(path.to_owned()));
        }
        if path.is_dir() {
            return Err(Error::new(format!("{} holds no plimsoll.yaml", path.display()))
                .help("name a directory with a workflow repository, or a git revision"));
        }
        let id = git(repo, &["rev-parse", "--verify", "--quiet", "--end-of-options", &format!("{text}^{{commit}}")])
            .map_err(|error| match error.message.is_empty() {
                false => error,
                true => Error::new(format!("`{text}` is neither a directory with a plimsoll.yaml, nor a release file, nor a revision of {}", repo.display()))
                    .help("compare two directories with `plimsoll diff OLD NEW`, or revisions with `plimsoll diff BASE..HEAD`"),
            })?;
        Ok(Self::Commit { repo: repo.to_owned(), name: text.to_owned(), id: id.trim().to_owned() })
    }

    /// Reads and loads it.
    pub fn read(&self) -> Result<State, Error> {
        let mut release = None;
        let (name, tree) = match self {
            Self::Dir(path) => (path.display().to_string(), Tree::read_dir(path)?),
            Self::Release(path) => {
                let read = super::release::read(path)?;
                let name = format!("release {} ({})", read.predicate().sequence, read.id().short());
                let tree = read.tree().clone();
                release = Some(read);
                (name, tree)
            }
            Self::Commit { repo, name, id } => {
                let short = id.get(..12).unwrap_or(id);
                let shown = if id.starts_with(name.as_str()) {
                    short.to_owned()
                } else {
                    format!("{name} ({short})")
                };
                (shown, tree_of(repo, id, name)?)
            }
        };
        if !tree.contains("plimsoll.yaml") {
            return Err(Error::new(format!("{name} holds no plimsoll.yaml"))
                .help("there has to be a workflow repository on both sides; name it with --repo when it is not here"));
        }
        match load_for_diff(&tree) {
            Ok(bundle) => Ok(State { name, tree, bundle, release }),
            Err(found) => {
                talk::say(plimsoll_bundle::render::text(&found, &tree, false).trim_end());
                Err(Error::new(format!("{name} does not load, so nobody can say what it would do"))
                    .help("put right what `plimsoll check` says, then compare again"))
            }
        }
    }
}

fn or_head(text: &str) -> &str {
    if text.is_empty() { "HEAD" } else { text }
}

fn holds_repository(path: &Path) -> bool {
    path.join("plimsoll.yaml").is_file()
}

// === git ===

fn command(repo: &Path) -> Command {
    let mut command = Command::new("git");
    // Paths are taken as they are, and nothing is fetched or refreshed on the way.
    command.arg("-C").arg(repo).env("GIT_LITERAL_PATHSPECS", "1").env("GIT_OPTIONAL_LOCKS", "0");
    command
}

/// What a git command says; an empty message when git only said no.
fn git(repo: &Path, args: &[&str]) -> Result<String, Error> {
    let done = command(repo).args(args).stdin(Stdio::null()).output().map_err(|error| missing(&error))?;
    if done.status.success() {
        return Ok(String::from_utf8_lossy(&done.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&done.stderr);
    let said = said.lines().next().unwrap_or_default().trim_start_matches("fatal: ").to_owned();
    Err(Error::new(if said.is_empty() { String::new() } else { format!("git {}: {said}", args[0]) }))
}

fn missing(error: &std::io::Error) -> Error {
    let help = "compare two directories with `plimsoll diff OLD NEW`, which needs no git";
    if error.kind() == std::io::ErrorKind::NotFound {
        return Error::new("`git` is not there: revisions are read with it").help(help);
    }
    Error::new(format!("`git` can't be started: {error}")).help(help)
}

/// One file of a commit.
struct Blob {
    path: String,
    id: String,
}

/// The workflow repository in a commit, below the directory of `repo`.
fn tree_of(repo: &Path, commit: &str, name: &str) -> Result<Tree, Error> {
    let list = git(repo, &["ls-tree", "-r", "-z", "-l", "--end-of-options", commit])?;
    let mut blobs = Vec::new();
    for line in list.split('\0').filter(|line| !line.is_empty()) {
        let (about, path) = line.split_once('\t').unwrap_or_default();
        if !belongs(path) {
            continue;
        }
        let words: Vec<&str> = about.split_whitespace().collect();
        let [mode, kind, id, size] = words[..] else {
            return Err(Error::new(format!("git ls-tree said something unknown: {line}")));
        };
        if kind != "blob" || mode == "120000" {
            return Err(Error::new(format!("{path} in {name} leads out of plain files: links are not read")));
        }
        if size.parse::<usize>().is_ok_and(|size| size > MAX_FILE_BYTES) {
            return Err(Error::new(format!("{path} in {name} holds more than {MAX_FILE_BYTES} bytes")));
        }
        blobs.push(Blob { path: path.to_owned(), id: id.to_owned() });
    }
    if blobs.len() > MAX_FILES {
        return Err(Error::new(format!("{name} holds more than {MAX_FILES} files")));
    }
    contents(repo, blobs, name)
}

/// Reads the blobs in one go: `git cat-file --batch`.
fn contents(repo: &Path, blobs: Vec<Blob>, name: &str) -> Result<Tree, Error> {
    let mut child = command(repo)
        .args(["cat-file", "--batch"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| missing(&error))?;
    let (Some(mut asks), Some(mut answers)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(Error::new("git gave no pipes"));
    };
    let ids: String = blobs.iter().map(|blob| format!("{}\n", blob.id)).collect();
    // In a thread of its own: git answers while it is still being asked.
    let asking = std::thread::spawn(move || asks.write_all(ids.as_bytes()));
    let mut all = Vec::new();
    let most = MAX_TREE_BYTES + MAX_FILES * 128;
    answers.by_ref().take(most as u64).read_to_end(&mut all)?;
    drop(answers);
    let asked = asking.join().is_ok_and(|written| written.is_ok());
    let status = child.wait()?;
    if !asked || !status.success() {
        return Err(Error::new(format!("git could not read the files of {name}")));
    }
    let mut tree = Tree::default();
    let mut rest = all.as_slice();
    for blob in blobs {
        let told = || Error::new(format!("git could not read {} of {name}", blob.path));
        let line = rest.iter().position(|byte| *byte == b'\n').ok_or_else(told)?;
        let header = String::from_utf8_lossy(&rest[..line]).into_owned();
        let size: usize = header.rsplit(' ').next().and_then(|size| size.parse().ok()).ok_or_else(told)?;
        let bytes = rest.get(line + 1..line + 1 + size).ok_or_else(told)?;
        tree.insert(blob.path.clone(), bytes);
        rest = rest.get(line + 2 + size..).unwrap_or_default();
    }
    Ok(tree)
}
