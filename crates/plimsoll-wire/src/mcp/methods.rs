//! The one table of methods: who may say what, in which era, and what becomes of it.
//!
//! What is not in the table does not pass. A test writes the table down as a picture, so that a change is seen.

use super::era::Era;

/// Which side sends a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sender {
    Client,
    Server,
}

/// What the gateway does with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Treatment {
    /// Goes to the other side as it came.
    Pass,
    /// Is an act: identified, decided, recorded, and only then performed.
    Judge,
    /// Goes through; from the answer, what this principal may not use is cut out.
    Filter,
    /// The gateway answers, from what it knows of the other side.
    Answer,
    /// Goes to the client if the client declared that it can answer, else the server is told that it can't.
    Ask,
    /// Is answered with "method not found" and goes nowhere.
    Refuse,
}

/// One row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Method {
    pub name: &'static str,
    pub from: Sender,
    /// Whether an answer is due.
    pub request: bool,
    /// In the sessions era.
    pub sessions: Treatment,
    /// In the stateless era.
    pub stateless: Treatment,
    /// The parameter that the `Mcp-Name` header repeats.
    pub named: Option<&'static str>,
    /// Why, where it is not plain.
    pub why: &'static str,
}

const fn row(
    name: &'static str,
    from: Sender,
    request: bool,
    sessions: Treatment,
    stateless: Treatment,
    named: Option<&'static str>,
    why: &'static str,
) -> Method {
    Method { name, from, request, sessions, stateless, named, why }
}

use Sender::{Client, Server};
use Treatment::{Answer, Ask, Filter, Judge, Pass, Refuse};

const TASKS: &str = "a task's result would arrive outside the call that was judged";
const ROOTS: &str = "a child process is told that there are none: a client must not widen what it may touch";
const GONE: &str = "removed in 2026-07-28";

#[rustfmt::skip]
impl Method {
    pub const ALL: &'static [Method] = &[
        row("initialize",                          Client, true,  Answer, Refuse, None, "the gateway keeps a session of its own on each side"),
        row("server/discover",                     Client, true,  Answer, Answer, None, "in the sessions era it is the probe of a client that speaks both"),
        row("ping",                                Client, true,  Answer, Refuse, None, GONE),
        row("tools/list",                          Client, true,  Filter, Filter, None, "only what the workflow lists and the pin confirms"),
        row("tools/call",                          Client, true,  Judge,  Judge,  Some("name"), "the act"),
        row("resources/list",                      Client, true,  Pass,   Pass,   None, ""),
        row("resources/templates/list",            Client, true,  Pass,   Pass,   None, ""),
        row("resources/read",                      Client, true,  Pass,   Pass,   Some("uri"), ""),
        row("resources/subscribe",                 Client, true,  Pass,   Refuse, None, GONE),
        row("resources/unsubscribe",               Client, true,  Pass,   Refuse, None, GONE),
        row("subscriptions/listen",                Client, true,  Refuse, Pass,   None, "new in 2026-07-28"),
        row("prompts/list",                        Client, true,  Pass,   Pass,   None, ""),
        row("prompts/get",                         Client, true,  Pass,   Pass,   Some("name"), ""),
        row("completion/complete",                 Client, true,  Pass,   Pass,   None, ""),
        row("logging/setLevel",                    Client, true,  Pass,   Refuse, None, GONE),
        row("tasks/get",                           Client, true,  Refuse, Refuse, None, TASKS),
        row("tasks/result",                        Client, true,  Refuse, Refuse, None, TASKS),
        row("tasks/list",                          Client, true,  Refuse, Refuse, None, TASKS),
        row("tasks/update",                        Client, true,  Refuse, Refuse, None, TASKS),
        row("tasks/cancel",                        Client, true,  Refuse, Refuse, None, TASKS),
        row("notifications/initialized",           Client, false, Answer, Refuse, None, "the gateway says it to the server itself"),
        row("notifications/cancelled",             Client, false, Pass,   Pass,   None, "the id is that of the request on the other side"),
        row("notifications/progress",              Client, false, Pass,   Refuse, None, ""),
        row("notifications/roots/list_changed",    Client, false, Pass,   Refuse, None, ROOTS),
        row("notifications/tasks/status",          Client, false, Refuse, Refuse, None, TASKS),

        row("ping",                                Server, true,  Answer, Refuse, None, GONE),
        row("sampling/createMessage",              Server, true,  Ask,    Refuse, None, "in 2026-07-28 it stands inside `input_required`"),
        row("elicitation/create",                  Server, true,  Ask,    Refuse, None, "in 2026-07-28 it stands inside `input_required`"),
        row("roots/list",                          Server, true,  Ask,    Refuse, None, ROOTS),
        row("tasks/get",                           Server, true,  Refuse, Refuse, None, TASKS),
        row("tasks/result",                        Server, true,  Refuse, Refuse, None, TASKS),
        row("tasks/list",                          Server, true,  Refuse, Refuse, None, TASKS),
        row("tasks/cancel",                        Server, true,  Refuse, Refuse, None, TASKS),
        row("notifications/cancelled",             Server, false, Pass,   Pass,   None, ""),
        row("notifications/progress",              Server, false, Pass,   Pass,   None, ""),
        row("notifications/message",               Server, false, Pass,   Pass,   None, ""),
        row("notifications/resources/updated",     Server, false, Pass,   Pass,   None, ""),
        row("notifications/resources/list_changed", Server, false, Pass,  Pass,   None, ""),
        row("notifications/tools/list_changed",    Server, false, Pass,   Pass,   None, "and the pins are compared again"),
        row("notifications/prompts/list_changed",  Server, false, Pass,   Pass,   None, ""),
        row("notifications/elicitation/complete",  Server, false, Pass,   Refuse, None, GONE),
        row("notifications/subscriptions/acknowledged", Server, false, Refuse, Pass, None, "new in 2026-07-28"),
        row("notifications/tasks/status",          Server, false, Refuse, Refuse, None, TASKS),
    ];
}

impl Method {
    /// The row of a method, if there is one. A request and a notification of the same name are different things.
    #[must_use]
    pub fn find(from: Sender, name: &str, request: bool) -> Option<&'static Self> {
        Self::ALL.iter().find(|row| row.from == from && row.request == request && row.name == name)
    }

    #[must_use]
    pub const fn treatment(&self, era: Era) -> Treatment {
        match era {
            Era::Sessions => self.sessions,
            Era::Stateless => self.stateless,
        }
    }

    /// What becomes of a message; what is not in the table is refused.
    #[must_use]
    pub fn treat(from: Sender, name: &str, request: bool, era: Era) -> Treatment {
        Self::find(from, name, request).map_or(Refuse, |row| row.treatment(era))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table() {
        use std::fmt::Write as _;
        let mut picture = String::new();
        for row in Method::ALL {
            let kind = if row.request { "request" } else { "notification" };
            let (from, sessions, stateless) = (row.from, row.sessions, row.stateless);
            let line = format!(
                "{from:<7?} {kind:<13} {name:<42} {sessions:<9?} {stateless:<9?} {why}",
                from = format!("{from:?}"),
                sessions = format!("{sessions:?}"),
                stateless = format!("{stateless:?}"),
                name = row.name,
                why = row.why
            );
            writeln!(picture, "{}", line.replace('"', "").trim_end()).unwrap();
        }
        insta::assert_snapshot!(picture);
    }

    #[test]
    fn names_stand_once() {
        for (index, row) in Method::ALL.iter().enumerate() {
            let again = Method::ALL[index + 1..]
                .iter()
                .any(|r| (r.from, r.request, r.name) == (row.from, row.request, row.name));
            assert!(!again, "{}", row.name);
        }
    }

    #[test]
    fn what_is_not_in_the_table_is_refused() {
        for name in ["", "tools/Call", "tools/call ", "TOOLS/CALL", "unknown/method", "tasks/get"] {
            for era in [Era::Sessions, Era::Stateless] {
                for from in [Client, Server] {
                    assert_eq!(Method::treat(from, name, true, era), Refuse, "{name}");
                }
            }
        }
        // A call without an id would have an effect and no answer.
        assert_eq!(Method::treat(Client, "tools/call", false, Era::Sessions), Refuse);
    }
}
