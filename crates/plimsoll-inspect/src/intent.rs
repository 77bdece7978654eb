//! Did the user ask for this kind of act?
//!
//! *Provenance answers who, intent answers whether.* The user's own words are read for directives
//! (`clauses`): `refund Bob`, `can you please refund`, `check it and then refund him`. A wish (`I want
//! to book`), a question (`how do I send money?`), a report (`Bob said to pay`) and whatever is quoted
//! ask for nothing. A directive asks for an act when its verb is one of the tool's: those declared, or
//! those that the tool's name stands for (`verbs`).
//!
//! Only user spans count that nobody else wrote: kind *user*, integrity *user* or higher. All turns
//! count, earlier ones too; `don't send it` and `never mind` take back what was asked before them.
//! `Do all the tasks in the file` delegates: it is reported as a word, and asks for nothing by itself.
//!
//! Limits: the grammar is English. Verbs may be declared in any language and are found at a clause's
//! start; other forms are not found, and then a person is asked. An answer (`yes, do it`) asks for
//! what the user wished before, and for nothing that only the model proposed (`answer`). Whether a condition came true is not known, and `would you pay 50 for this?` is heard as a
//! request. Which of several acts of one kind was meant is
//! the business of the arguments' origins.

mod answer;
mod asking;
mod clause;
mod clauses;
mod lexicon;
mod phrases;
mod quoted;
mod sense;
#[cfg(test)]
mod tests;
mod verbs;
mod words;

use plimsoll_core::{Intent, Meaning};

pub(crate) use asking::Asking;
use clauses::{Directive, How, directives};
pub(crate) use lexicon::{class, has};
pub(crate) use words::{Kind, Token};

/// One text of the user's, read once.
#[derive(Debug)]
pub(crate) struct Words {
    pub(crate) tokens: Vec<Token>,
    pub(crate) directives: Vec<Directive>,
    /// What the user wishes, and did not ask for yet.
    wishes: Vec<Directive>,
    /// It says nothing but to go on.
    goes_on: bool,
}

impl Words {
    pub(crate) fn read(text: &str) -> Self {
        let tokens = words::tokens(text, &quoted::quotes(text));
        let directives = directives(&tokens);
        let (wishes, goes_on) = (answer::wishes(&tokens), answer::goes_on(&tokens));
        Self { tokens, directives, wishes, goes_on }
    }
}

/// Whether the user's words, span by span, ask for the acts of this tool.
pub(crate) fn intent(said: &[(u32, &Words)], meaning: &Meaning) -> Intent {
    let asking = Asking::of(meaning);
    let mut found = None;
    let mut delegated = None;
    // What the user's latest text that wished or asked for anything wished.
    let mut wished = None;
    for (index, words) in said {
        if words.goes_on {
            found = wished.map(|word| (word, *index)).or(found);
            wished = None;
            continue;
        }
        if !words.wishes.is_empty() || !words.directives.is_empty() {
            wished = words.wishes.iter().rev().find_map(|wish| asking.word(wish));
        }
        for directive in &words.directives {
            let word = asking.word(directive);
            match (directive.how, word) {
                (How::Do, Some(word)) => found = Some((word, *index)),
                (How::Do, None) => {
                    delegated = asking::delegation(directive).map(|w| (w, *index)).or(delegated);
                }
                (How::Withdraw, _) | (How::Undo, Some(_)) => found = None,
                // `Send it to Ada, don't send it to Bob`: within one turn that says how. In a later turn
                // it takes back.
                (How::DoNot, Some(_)) => found = found.filter(|(_, earlier)| earlier == index),
                (How::Undo | How::DoNot, None) => {}
            }
        }
    }
    let asked = found.is_some();
    let (word, span) = found.or(delegated).unzip();
    // Those are for people who wonder why nothing was asked for.
    let verbs = if asked { Vec::new() } else { asking.words() };
    Intent { asked, word, span, verbs }
}
