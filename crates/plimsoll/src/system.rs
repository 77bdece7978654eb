//! What the program asks of the system it runs on.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// As many open files as the system allows: each connection is one, each upstream's another, and the
/// usual limit of 1,024 is meant for programs that use `select`.
pub fn raise_open_files() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let _not_allowed = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}

/// Who runs the program, for the record of what they read and erased.
pub fn user() -> String {
    let name = std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).unwrap_or_default();
    let uid = rustix::process::getuid().as_raw();
    if name.is_empty() { format!("os:{uid}") } else { format!("os:{name}") }
}
