//! `plimsoll export`: the ledger in forms that others read. Each form is a file of this directory.

mod pack;

use std::path::PathBuf;

use crate::repo::Repo;
use crate::talk::Done;

/// Hand the ledger to others: a pack that an auditor can check
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  plimsoll export --pack audit-2026-11        a directory: checkpoint, tree, entries, and how to check them
  plimsoll export --pack audit-2026-11.tar    the same in one file
The pack holds all entries under the last checkpoint that satisfies trust.txt. It is verified before this command says
that it is done. The gateway may run meanwhile. The entries' content is in it in plain: give it to those who may read it.
Exit codes: 0 written and verified, 1 written and not good, 2 not written.")]
pub struct Export {
    /// Write an evidence pack to a new directory, or to a new file whose name ends in .tar
    #[arg(long, value_name = "DIR|FILE.tar", required = true)]
    pack: PathBuf,
    #[command(flatten)]
    repo: Repo,
}

impl Export {
    pub fn run(self) -> Done {
        pack::run(&self.repo, &self.pack)
    }
}
