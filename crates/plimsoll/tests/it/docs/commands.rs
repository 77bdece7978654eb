//! Every `plimsoll …` that a document shows is a verb of the program with flags it has.

use std::collections::BTreeMap;
use std::process::Command;

use super::{blocks, documents, read};

/// The help of each verb, asked once.
#[derive(Default)]
struct Helps(BTreeMap<Vec<String>, String>);

impl Helps {
    fn of(&mut self, verbs: &[String]) -> &str {
        self.0.entry(verbs.to_vec()).or_insert_with(|| {
            let asked =
                Command::new(env!("CARGO_BIN_EXE_plimsoll")).args(verbs).arg("--help").output().unwrap();
            assert!(asked.status.success(), "plimsoll {} --help: {asked:?}", verbs.join(" "));
            String::from_utf8(asked.stdout).unwrap()
        })
    }

    fn has_verb(&mut self, verbs: &[String], word: &str) -> bool {
        let help = self.of(verbs);
        let Some((_, list)) = help.split_once("Commands:\n") else { return false };
        let list = list.split("\n\n").next().unwrap_or_default();
        list.lines().any(|line| line.split_whitespace().next() == Some(word))
    }

    /// What is wrong with a command line, if anything.
    fn check(&mut self, line: &str) -> Option<String> {
        let words = words(line);
        let mut verbs = Vec::new();
        for word in words.iter().skip(1).take_while(|word| !word.starts_with('-')) {
            if !self.has_verb(&verbs, word) {
                break;
            }
            verbs.push(word.clone());
        }
        let plain = words.iter().skip(1).any(|word| !word.starts_with(['-', '…', '<']));
        if verbs.is_empty() && plain {
            return Some(format!("there is no such verb: {line}"));
        }
        let help = self.of(&verbs).to_owned();
        // A word after a verb of verbs has to be one of its verbs.
        let next = words.get(1 + verbs.len());
        if help.contains("\nCommands:\n")
            && !verbs.is_empty()
            && next.is_some_and(|word| !word.starts_with(['-', '…']))
        {
            return Some(format!("`{}` has no `{}`: {line}", verbs.join(" "), next.unwrap()));
        }
        let flags =
            words.iter().filter_map(|word| word.split('=').next()).filter(|word| word.starts_with("--"));
        let known = |flag: &str| {
            let mut words = help.split(|c: char| c.is_whitespace() || matches!(c, ',' | '[' | ']' | '='));
            words.any(|word| word == flag)
        };
        let unknown: Vec<&str> = flags.filter(|flag| !known(flag)).collect();
        (!unknown.is_empty()).then(|| format!("`{}` has no {unknown:?}: {line}", verbs.join(" ")))
    }
}

/// A command line as a shell divides it, as far as documents need it.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), String::new(), None);
    for letter in line.chars() {
        match quote {
            Some(open) if letter == open => quote = None,
            Some(_) => word.push(letter),
            None if matches!(letter, '\'' | '"') => quote = Some(letter),
            None if letter.is_whitespace() => {
                words.extend((!word.is_empty()).then(|| std::mem::take(&mut word)))
            }
            None if letter == '#' && word.is_empty() => break,
            None => word.push(letter),
        }
    }
    words.extend((!word.is_empty()).then_some(word));
    let end = words.iter().position(|word| matches!(word.as_str(), "|" | "&&" | ">" | "&" | ";"));
    words.truncate(end.unwrap_or(words.len()));
    words
}

/// The lines of a document that call the program: in blocks for the shell, and between single backquotes.
fn shown(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    for block in blocks(text).iter().filter(|block| block.kind == "sh") {
        let joined = block.text.replace("\\\n", " ");
        for line in joined.lines() {
            let all = words(line);
            let rest = all.iter().position(|word| !is_assignment(word)).unwrap_or(all.len());
            if all.get(rest).is_some_and(|word| word == "plimsoll") {
                let from = line.find("plimsoll ").unwrap_or(0);
                lines.push(line[from..].to_owned());
            }
        }
    }
    for line in text.lines() {
        lines.extend(
            line.split('`')
                .skip(1)
                .step_by(2)
                .filter(|code| code.starts_with("plimsoll "))
                .map(str::to_owned),
        );
    }
    lines
}

fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| name.bytes().all(|b| b.is_ascii_uppercase() || b == b'_'))
}

#[test]
fn every_command_shown_exists() {
    let mut helps = Helps::default();
    let mut wrong = Vec::new();
    let mut count = 0;
    for path in documents() {
        for line in shown(&read(&path)) {
            count += 1;
            wrong.extend(helps.check(&line).map(|why| format!("{path}: {why}")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 30, "only {count} command lines were found");
}

#[test]
fn what_is_wrong_is_seen() {
    let mut helps = Helps::default();
    assert_eq!(helps.check("plimsoll check --json --repo ."), None);
    assert_eq!(helps.check("plimsoll key create --name a --workflow w   # a comment --odd"), None);
    assert!(helps.check("plimsoll chekc").is_some());
    assert!(helps.check("plimsoll check --jsno").is_some());
    assert!(helps.check("plimsoll key crate").is_some());
    assert_eq!(shown("```sh\nA_B=c plimsoll up\n```\nand `plimsoll check`").len(), 2);
}
