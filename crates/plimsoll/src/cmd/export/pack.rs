//! `plimsoll export --pack`: an evidence pack.

use std::path::Path;
use std::process::ExitCode;

use plimsoll_ledger::proof::{Dir, Files, Memory, Pack, Verification, pack, verify};

use crate::cmd::verify::own::Own;
use crate::cmd::verify::tell;
use crate::repo::Repo;
use crate::talk::{self, Done, Error};

pub(super) fn run(repo: &Repo, to: &Path) -> Done {
    let own = Own::open(repo)?;
    let checkpoint = own.believed()?;
    let is_tar = to.extension().is_some_and(|end| end == "tar");
    let target = if is_tar { Pack::Tar(to) } else { Pack::Dir(to) };
    let files = pack(&own.files, &checkpoint, &own.trust, &target)?;
    let read: Box<dyn Files> = match is_tar {
        true => Box::new(Memory::from_tar(to)?),
        false => Box::new(Dir(to.to_owned())),
    };
    let what = Verification { files: &*read, policy: &own.policy, earlier: &[], segments: None };
    match verify(&what, &mut |_, _| {}) {
        Ok(verified) => {
            talk::data(format!("{}: {files} files, {} entries", to.display(), verified.head.size));
            tell::good(&verified);
            talk::say("note: send trust.txt by another way than the pack; see docs/verify-a-pack.md");
            Ok(ExitCode::SUCCESS)
        }
        Err(problems) => {
            tell::bad(&problems);
            Err(Error::new("the pack is not good: the ledger's files are damaged")
                .help("`plimsoll verify` says where; a start of the gateway makes missing tiles again"))
        }
    }
}
