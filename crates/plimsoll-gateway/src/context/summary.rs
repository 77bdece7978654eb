//! Texts that say of themselves that they sum up what was said before: what a client leaves of a
//! conversation that became too long. A model wrote them, whatever role they come in.

use super::sessions::SUMMARY_MIN;

/// Bytes of a text in which it says what it is.
const HEAD_BYTES: usize = 600;

/// How clients introduce a summary, in lower case.
const SAYINGS: [&str; 15] = [
    // Claude Code.
    "session is being continued from a previous conversation",
    "conversation is summarized below",
    // Codex.
    "another language model started to solve this problem and produced a summary",
    // Agent frameworks.
    "summary of the conversation",
    "summary of our conversation",
    "summary of the previous conversation",
    "summary of previous conversation",
    "summary of the earlier conversation",
    "summary of the chat",
    "summary of previous messages",
    "conversation summary",
    "previous conversation summary",
    "<summary>",
    "<conversation_summary>",
    "<context_summary>",
];

/// Each of them has one of these, and few other texts do.
const HINTS: [&str; 2] = ["summar", "session is being continued"];

/// Whether a text of the user's or the system's says that it is a summary of the conversation.
pub(super) fn says_so(text: &str) -> bool {
    if text.len() < SUMMARY_MIN {
        return false;
    }
    let head = text[..text.floor_char_boundary(HEAD_BYTES)].to_ascii_lowercase();
    HINTS.iter().any(|hint| head.contains(hint)) && SAYINGS.iter().any(|saying| head.contains(saying))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_saying_is_passed_over() {
        for saying in SAYINGS {
            assert!(HINTS.iter().any(|hint| saying.contains(hint)), "{saying}");
            assert!(says_so(&format!("{saying}\n{}", "x".repeat(900))), "{saying}");
        }
    }

    #[test]
    fn what_clients_write_before_a_summary() {
        let check = |head: &str, bytes: usize| says_so(&format!("{head}\n{}", "x".repeat(bytes)));
        assert!(check(
            "This session is being continued from a previous conversation that ran out of context.",
            900
        ));
        assert!(check(
            "Another language model started to solve this problem and produced a summary of its thinking",
            900
        ));
        assert!(check("Here is a summary of the conversation so far:", 500));
        assert!(!check("Please write a summary of the conversation so far", 100));
        assert!(!check("Please pay the invoice", 900));
    }
}
