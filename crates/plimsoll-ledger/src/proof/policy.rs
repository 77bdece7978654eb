//! C2SP tlog-policy: whom to trust, and how many of them it takes. Pure.

use std::fmt::Write as _;

use plimsoll_core::{KeyKind, VerifierKey};

use super::POLICY_BYTES_MAX;
use super::checkpoint::SignedCheckpoint;
use super::key::{Signed, check};

/// A trust policy: known ledgers, known witnesses, and which of them are enough.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    pub logs: Vec<PolicyLog>,
    pub witnesses: Vec<PolicyWitness>,
    groups: Vec<Group>,
    quorum: Member,
}

/// A ledger whose checkpoints are believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyLog {
    pub key: VerifierKey,
    pub url: Option<String>,
}

/// A witness whose cosignatures count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyWitness {
    /// What the policy calls it. Any bytes are a name; shown, bytes that are no text become question marks.
    pub name: Vec<u8>,
    pub key: VerifierKey,
    pub url: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Group {
    name: Vec<u8>,
    threshold: usize,
    members: Vec<Member>,
}

/// A place in the lists of witnesses or groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Member {
    None,
    Witness(usize),
    Group(usize),
}

/// Why a text is no policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct PolicyError {
    /// From 1; 0 for the text as a whole.
    pub line: usize,
    pub what: String,
}

/// A cosignature that was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cosigned {
    pub witness: String,
    /// Seconds since 1970, by the witness' clock.
    pub at: u64,
}

/// A checkpoint that satisfies a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trusted {
    pub log: VerifierKey,
    pub cosigned: Vec<Cosigned>,
}

impl Policy {
    /// The policy of one ledger and its witnesses, of which `quorum` have to have cosigned.
    ///
    /// # Errors
    /// When two keys are the same, or there are fewer witnesses than the quorum.
    pub fn of(
        log: &VerifierKey,
        witnesses: &[(String, VerifierKey, String)],
        quorum: usize,
    ) -> Result<Self, PolicyError> {
        let mut text = format!("log {log}\n");
        for (name, key, url) in witnesses {
            let _infallible = writeln!(text, "witness {name} {key} {url}");
        }
        match quorum {
            0 => text.push_str("quorum none\n"),
            quorum => {
                let names: Vec<&str> = witnesses.iter().map(|(name, ..)| name.as_str()).collect();
                let _infallible = writeln!(text, "group enough {quorum} {}\nquorum enough", names.join(" "));
            }
        }
        Self::parse(text.as_bytes())
    }

    /// Reads a policy (tlog-policy, "Policy file syntax and structure").
    ///
    /// # Errors
    /// With the line that is wrong.
    pub fn parse(bytes: &[u8]) -> Result<Self, PolicyError> {
        let whole = |what: &str| PolicyError { line: 0, what: what.to_owned() };
        if bytes.len() > POLICY_BYTES_MAX {
            return Err(whole("the policy is too long"));
        }
        let mut reading = Reading::default();
        let text = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        for (n, line) in text.split(|&byte| byte == b'\n').enumerate() {
            reading.line(line).map_err(|what| PolicyError { line: n + 1, what })?;
        }
        let Reading { logs, witnesses, groups, quorum, .. } = reading;
        let quorum = quorum.ok_or_else(|| whole("it has no `quorum` line"))?;
        Ok(Self { logs, witnesses, groups, quorum })
    }

    /// The policy as text.
    pub fn encode(&self) -> Vec<u8> {
        let mut text = Vec::new();
        let mut line = |parts: &[&[u8]]| {
            text.extend_from_slice(&parts.join(&b' '));
            text.push(b'\n');
        };
        for log in &self.logs {
            let key = log.key.to_string();
            let url = log.url.as_ref().map(String::as_bytes);
            line(&[b"log".as_slice(), key.as_bytes()].into_iter().chain(url).collect::<Vec<_>>());
        }
        for witness in &self.witnesses {
            let key = witness.key.to_string();
            let url = witness.url.as_ref().map(String::as_bytes);
            let parts = [b"witness".as_slice(), &witness.name, key.as_bytes()];
            line(&parts.into_iter().chain(url).collect::<Vec<_>>());
        }
        for group in &self.groups {
            let threshold = group.threshold.to_string();
            let members = group.members.iter().map(|member| self.name(*member));
            let parts = [b"group".as_slice(), &group.name, threshold.as_bytes()];
            line(&parts.into_iter().chain(members).collect::<Vec<_>>());
        }
        line(&[b"quorum".as_slice(), self.name(self.quorum)]);
        text
    }

    /// Whether the policy asks for witnesses at all.
    pub fn wants_witnesses(&self) -> bool {
        self.quorum != Member::None
    }

    /// Whether this checkpoint is to be believed: signed by a known ledger, cosigned by enough witnesses, and without
    /// a wrong signature of anybody known (signed-note, "Signatures").
    ///
    /// # Errors
    /// Why not, as a sentence.
    pub fn judge(&self, checkpoint: &SignedCheckpoint) -> Result<Trusted, String> {
        let origin = checkpoint.origin();
        let mut log = None;
        for known in self.logs.iter().filter(|log| log.key.name() == origin) {
            match check(checkpoint.note(), &known.key) {
                Signed::Good { .. } => log = Some(&known.key),
                Signed::Wrong => {
                    return Err(format!(
                        "the signature of `{origin}` is wrong: the checkpoint was changed after it was signed, or \
                         somebody without the ledger's key made it"
                    ));
                }
                Signed::Not => {}
            }
        }
        let Some(log) = log else { return Err(self.unknown(origin)) };
        let (mut cosigned, mut who) = (Vec::new(), vec![false; self.witnesses.len()]);
        for (n, witness) in self.witnesses.iter().enumerate() {
            match check(checkpoint.note(), &witness.key) {
                Signed::Good { at } => {
                    who[n] = true;
                    cosigned.push(Cosigned { witness: shown(&witness.name), at });
                }
                Signed::Wrong => {
                    let name = shown(&witness.name);
                    return Err(format!(
                        "the cosignature of witness `{name}` is wrong: it is not over this checkpoint"
                    ));
                }
                Signed::Not => {}
            }
        }
        if !self.is_witnessed(self.quorum, &who) {
            let named: Vec<&str> = cosigned.iter().map(|cosigned| cosigned.witness.as_str()).collect();
            let named = if named.is_empty() { "nobody".to_owned() } else { named.join(", ") };
            let quorum = shown(self.name(self.quorum));
            return Err(format!(
                "too few witnesses have cosigned it: {named}, but the policy asks for `{quorum}`. Without them this may \
                 be a second history made with the ledger's key"
            ));
        }
        Ok(Trusted { log: log.clone(), cosigned })
    }

    fn unknown(&self, origin: &str) -> String {
        if self.logs.iter().any(|log| log.key.name() == origin) {
            return format!("it is not signed with the key that the policy trusts for `{origin}`");
        }
        let known: Vec<&str> = self.logs.iter().map(|log| log.key.name()).collect();
        format!("it is a checkpoint of `{origin}`; the policy trusts `{}`", known.join("`, `"))
    }

    fn is_witnessed(&self, member: Member, who: &[bool]) -> bool {
        match member {
            Member::None => true,
            Member::Witness(n) => who[n],
            Member::Group(n) => {
                let group = &self.groups[n];
                group.members.iter().filter(|member| self.is_witnessed(**member, who)).count()
                    >= group.threshold
            }
        }
    }

    fn name(&self, member: Member) -> &[u8] {
        match member {
            Member::None => b"none",
            Member::Witness(n) => &self.witnesses[n].name,
            Member::Group(n) => &self.groups[n].name,
        }
    }
}

fn shown(name: &[u8]) -> String {
    String::from_utf8_lossy(name).replace(|c: char| c.is_control(), "\u{fffd}")
}

#[derive(Debug, Default)]
struct Reading {
    logs: Vec<PolicyLog>,
    witnesses: Vec<PolicyWitness>,
    groups: Vec<Group>,
    quorum: Option<Member>,
    /// Names that are members of a group already: nobody counts twice.
    grouped: Vec<Vec<u8>>,
}

impl Reading {
    fn line(&mut self, line: &[u8]) -> Result<(), String> {
        if line.iter().any(|&byte| (byte < b' ' && byte != b'\t') || byte == 0x7f) {
            return Err("it contains a control character".to_owned());
        }
        let words: Vec<&[u8]> =
            line.split(|byte| matches!(byte, b' ' | b'\t')).filter(|word| !word.is_empty()).collect();
        match words[..] {
            [] => Ok(()),
            [first, ..] if first.starts_with(b"#") => Ok(()),
            [b"log", key, ref url @ ..] if url.len() <= 1 => {
                let key = self.key(key, KeyKind::Ledger)?;
                if self.logs.iter().any(|log| log.key.public() == key.public()) {
                    return Err("this ledger's key is in the policy twice".to_owned());
                }
                self.logs.push(PolicyLog { key, url: url.first().map(|url| shown(url)) });
                Ok(())
            }
            [b"witness", name, key, ref url @ ..] if url.len() <= 1 => {
                let key = self.key(key, KeyKind::Witness)?;
                self.is_new(name)?;
                if self.witnesses.iter().any(|witness| witness.key.public() == key.public()) {
                    return Err("this witness' key is in the policy twice".to_owned());
                }
                let url = url.first().map(|url| shown(url));
                self.witnesses.push(PolicyWitness { name: name.to_vec(), key, url });
                Ok(())
            }
            [b"group", name, threshold, ref members @ ..] if !members.is_empty() => {
                self.is_new(name)?;
                let threshold = match threshold {
                    b"any" => Some(1),
                    b"all" => Some(members.len()),
                    number => std::str::from_utf8(number)
                        .ok()
                        .and_then(super::checkpoint::decimal)
                        .map(|n| n as usize),
                };
                let threshold = threshold.filter(|n| (1..=members.len()).contains(n)).ok_or_else(|| {
                    format!(
                        "a group of {} needs `any`, `all` or a number from 1 to {}",
                        members.len(),
                        members.len()
                    )
                })?;
                let members = members.iter().map(|name| self.member(name)).collect::<Result<_, _>>()?;
                self.groups.push(Group { name: name.to_vec(), threshold, members });
                Ok(())
            }
            [b"quorum", name] => {
                if self.quorum.is_some() {
                    return Err("there is a second `quorum` line".to_owned());
                }
                self.quorum = Some(if name == b"none" { Member::None } else { self.find(name)? });
                Ok(())
            }
            [first, ..] => Err(format!("`{}` with these words is not known here", shown(first))),
        }
    }

    fn key(&self, key: &[u8], kind: KeyKind) -> Result<VerifierKey, String> {
        let key = std::str::from_utf8(key).map_err(|_| "the key is not text".to_owned())?;
        let key: VerifierKey = key.parse().map_err(|error| format!("{error}"))?;
        match (key.kind() == kind, kind) {
            (true, _) => Ok(key),
            (false, KeyKind::Ledger) => Err("this is a witness' key, not a ledger's".to_owned()),
            (false, KeyKind::Witness) => Err("this is a ledger's key, not a witness'".to_owned()),
        }
    }

    fn is_new(&self, name: &[u8]) -> Result<(), String> {
        match name == b"none" || self.find(name).is_ok() {
            true => Err(format!("the name `{}` is taken", shown(name))),
            false => Ok(()),
        }
    }

    fn find(&self, name: &[u8]) -> Result<Member, String> {
        let witness = self.witnesses.iter().position(|witness| witness.name == name).map(Member::Witness);
        let group = || self.groups.iter().position(|group| group.name == name).map(Member::Group);
        witness.or_else(group).ok_or_else(|| format!("`{}` is not defined on a line before", shown(name)))
    }

    fn member(&mut self, name: &[u8]) -> Result<Member, String> {
        let member = self.find(name)?;
        if self.grouped.iter().any(|other| other == name) {
            return Err(format!("`{}` is a member of a group already: it would count twice", shown(name)));
        }
        self.grouped.push(name.to_vec());
        Ok(member)
    }
}
