//! *Yes, do it*: an answer has no verb of its own. What it asks for is what the user wished before, in words of their
//! own (`I would like to book a room`): a wish asks for nothing until the user says to go on. What only the
//! model proposed is asked for by nobody, whatever the answer was to.

use super::clauses::{Directive, How, directives};
use super::lexicon::has;
use super::words::{Kind, Token};

/// How a wish begins.
const WISHES: &str = "i want to|i wish to|i need to|i have to|i'd like to|i would like to|i'd love to|i would love to|\
     i'm looking to|i am looking to|i'm hoping to|i am hoping to|we want to|we wish to|we need to|we have to|\
     we'd like to|we would like to|we're looking to|we are looking to";
/// Words before it.
const BEFORE: &str = "hi hello hey there dear so ok okay well actually now and then yes thanks";

/// What says to go on. An answer that agrees and says no more (`yes`, `fine`) may be to another question.
const GOES_ON: &str =
    "do it|do that|do this|do so|go ahead|go for it|go on|proceed|please do|make it so|carry on";
/// What may stand around it.
const AROUND: &str = "yes yeah yep yup ok okay sure perfect great good fine right correct confirmed absolutely alright \
     agreed please pls then now just thanks thank you sounds looks that and it's is very so";
/// Longer answers say something else as well.
const ANSWER_MAX: usize = 10;

/// What the user wishes in this text.
pub(super) fn wishes(tokens: &[Token]) -> Vec<Directive> {
    let mut found = Vec::new();
    let sentences = tokens.split(Token::ends);
    for sentence in sentences {
        let passed = |token: &&Token| token.kind == Kind::Comma || has(BEFORE, &token.text);
        let begins = sentence.iter().take_while(passed).count();
        let said = &sentence[begins..];
        let asked = tokens_end(tokens, sentence) == Some(Kind::Asks);
        if let Some(len) = begun(said, WISHES).filter(|_| !asked) {
            found.extend(directives(&said[len..]).into_iter().filter(|wish| wish.how == How::Do));
        }
    }
    found
}

/// Whether this text, all of it, says to go on with what was spoken of.
pub(super) fn goes_on(tokens: &[Token]) -> bool {
    let words: Vec<Token> = tokens.iter().filter(|token| !is_mark(token)).cloned().collect();
    let plain = words.len() <= ANSWER_MAX && words.iter().all(|token| token.kind == Kind::Word);
    let question = tokens.iter().any(|token| token.kind == Kind::Asks);
    if !plain || question {
        return false;
    }
    let (mut at, mut goes) = (0, false);
    while at < words.len() {
        match begun(&words[at..], GOES_ON) {
            Some(len) => (at, goes) = (at + len, true),
            None if has(AROUND, &words[at].text) => at += 1,
            None => return false,
        }
    }
    goes
}

fn is_mark(token: &Token) -> bool {
    matches!(token.kind, Kind::Comma | Kind::Dash | Kind::End | Kind::Paragraph)
}

/// What ends a sentence of these tokens.
fn tokens_end(tokens: &[Token], sentence: &[Token]) -> Option<Kind> {
    let last = sentence.last()?;
    tokens.iter().find(|token| token.ends() && token.start >= last.start).map(|token| token.kind)
}

/// How many tokens the longest of these phrases takes at the beginning.
fn begun(tokens: &[Token], phrases: &str) -> Option<usize> {
    let fits = |phrase: &&str| {
        let mut words = phrase.split(' ');
        let len = words.clone().count();
        tokens.len() >= len && tokens.iter().take(len).all(|token| words.next().is_some_and(|w| token.is(w)))
    };
    phrases.split('|').filter(fits).map(|phrase| phrase.split(' ').count()).max()
}
