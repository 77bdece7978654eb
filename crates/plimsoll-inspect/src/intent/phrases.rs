//! Phrases with which people begin a clause, before the verb.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::words::{Kind, Token};

/// What a phrase does to the clause that it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phrase {
    /// Nothing: `then`, `go ahead and`.
    Filler,
    /// A greeting; a name may follow.
    Greeting,
    /// The verb that follows is asked for, wherever the clause stands: `please`, `can you`.
    Ask,
    /// The same, and the verb ends in `ing`.
    AskDoing,
    /// The verb that follows is asked *not* to be done.
    Not,
    NotDoing,
    /// Everything before is taken back.
    Withdraw,
}

const TABLE: &[(Phrase, &str)] = &[
    (
        Phrase::Filler,
        "also|then|next|after that|after this|afterwards|afterward|finally|lastly|first|firstly|first of all|second|\
         secondly|third|thirdly|now|so|just|kindly|simply|quickly|immediately|directly|again|always|maybe|perhaps|ok|\
         okay|alright|great|perfect|good|cool|fine|thanks|thank you|thx|cheers|sure|yes|yeah|yep|right|well|actually|\
         and|but|or|plus|meanwhile|in addition|additionally|furthermore|moreover|besides|if so|if not|if yes|\
         if possible|if needed|if necessary|go ahead and|go and|go on and|feel free to|try to|try and|remember to|\
         proceed to|proceed and|help me|help me to|help us|help us to|help|start by|once|once done|when done|\
         when you're done|once you're done|let's|lets|let us|tomorrow|today|tonight|later|instead|otherwise|else|note that|\
         keep in mind that|bear in mind that|don't hesitate to|do not hesitate to|do me a favor and|do me a favour and|\
         do us a favor and|your turn|step|to start|to begin with|one more thing|by the way|btw|fyi|asap|urgent|urgently|\
         it's ok|it's okay|it's fine|that's ok|that's okay|that's fine|that's good|that's right|that's correct|looks good|\
         looks fine|sounds good|sounds great|agreed|i agree|no problem|of course|absolutely|correct|understood|\
         carefully|automatically|still|also please|it would be great to|not only",
    ),
    (
        Phrase::Greeting,
        "hi|hello|hey|dear|good morning|good afternoon|good evening|hi there|hello there|hey there|greetings",
    ),
    (
        Phrase::Ask,
        "please|pls|plz|can you|could you|would you|will you|can u|could u|i need you to|we need you to|i want you to|\
         we want you to|i'd like you to|i would like you to|we'd like you to|we would like you to|i'd love you to|\
         i expect you to|i am asking you to|i'm asking you to|i ask you to|may i ask you to|can i ask you to|\
         make sure to|make sure you|make sure that you|be sure to|be sure you|don't forget to|do not forget to|\
         dont forget to|never forget to|your task is to|your job is to|the task is to|your goal is to|your assignment is to|\
         you should|you must|you need to|you have to|you are to|you should also|you must also|you also need to|\
         you first need to|you first have to|you must first|you should first|you then need to|you also have to|\
         i was hoping you could|i was hoping you can|i'm hoping you could|i'm hoping you can|i was wondering if you could|\
         i was wondering if you can|i wonder if you could|i'd appreciate it if you could|i would appreciate it if you could|\
         it would be great if you could|it would be nice if you could|it'd be great if you could|would you be so kind as to|\
         would you be so kind to|could you be so kind as to|would you be able to|could i get you to|can i get you to|\
         can we|could we|bitte|por favor|s'il te plaît|s'il vous plaît|per favore|alstublieft|proszę|i hereby ask you to|\
         i authorize you to|i authorise you to|i instruct you to|can you please|could you please",
    ),
    (Phrase::AskDoing, "would you mind|do you mind|can you start by|please start by|could you start by"),
    (
        Phrase::Not,
        "do not|don't|dont|never|not|not to|you must not|you mustn't|you should not|you shouldn't|you may not|you cannot|\
         you can't|you must never|you should never|i don't want you to|i do not want you to|i'd rather you didn't|\
         i would rather you didn't|i'd prefer you didn't|no need to|there's no need to|there is no need to|\
         you don't need to|you do not need to|you don't have to|you do not have to|make sure not to|make sure to not|\
         make sure you don't|make sure you do not|make sure that you don't|make sure to never|make sure you never|\
         be careful not to|be sure not to|please do not|please don't|under no circumstances|in no case|by no means|\
         i forbid you to|you are not to|you're not to|you are not allowed to|you're not allowed to|can you not|could you not",
    ),
    (
        Phrase::NotDoing,
        "without|avoid|stop|refrain from|instead of|rather than|hold off on|hold off|skip|no|keep from|before",
    ),
    (
        Phrase::Withdraw,
        "never mind|nevermind|forget it|forget that|forget about it|forget about that|scratch that|cancel that|\
         belay that|stop that|i changed my mind|i've changed my mind|stop|don't|do not|don't do it|do not do it|\
         don't do that|do not do that|don't bother|no don't|wait don't|please don't|please stop",
    ),
];

type Phrases = HashMap<&'static str, Vec<(Vec<&'static str>, Phrase)>>;

/// First word to (further words, what it does), longest first.
static PHRASES: LazyLock<Phrases> = LazyLock::new(|| {
    let mut phrases = Phrases::new();
    for (what, table) in TABLE {
        for phrase in table.split('|') {
            let mut words = phrase.split_ascii_whitespace();
            if let Some(first) = words.next() {
                phrases.entry(first).or_default().push((words.collect(), *what));
            }
        }
    }
    for list in phrases.values_mut() {
        list.sort_by_key(|(rest, _)| std::cmp::Reverse(rest.len()));
    }
    phrases
});

/// The longest phrase that begins these tokens, and how many tokens it is.
pub(crate) fn phrase(tokens: &[Token]) -> Option<(Phrase, usize)> {
    let first = tokens.first().filter(|token| token.kind == Kind::Word)?;
    let known = PHRASES.get(first.text.as_str())?;
    known.iter().find_map(|(rest, what)| {
        let words = tokens.get(1..=rest.len())?;
        let same = words.iter().zip(rest).all(|(token, word)| token.is(word));
        let len = 1 + rest.len();
        // What is taken back is taken back by a whole clause.
        let ends =
            tokens.get(len).is_none_or(|next| next.ends() || matches!(next.kind, Kind::Comma | Kind::Dash));
        (same && (*what != Phrase::Withdraw || ends)).then_some((*what, len))
    })
}
