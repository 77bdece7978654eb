//! The support personality: the agent of the demo, as a small plan for each kind of wish.
//!
//! A wish is read from the user's last message and becomes a list of steps; each step is one call whose arguments come
//! from the message or from an earlier result. A mail that asks for a payment adds a payment to the plan: that is the
//! mistake the demo is about. After a refusal the plan ends and the user is told; "try again" repeats the call.

use serde_json::{Value, json};

use super::answer::{Answer, Proposal};
use super::brain::{clip, summary};
use super::conversation::{Conversation, Turn, last_segment};
use super::support_text::{Payment, amount, customer_id, mail_id, order_id, payment, wants};

/// What the user wants done.
#[derive(Debug, Clone, PartialEq)]
enum Wish {
    Refund { order: String, amount: Option<f64> },
    LookUp { tool: &'static str, key: &'static str, id: String },
    Inbox,
    Delete { customer: String },
    Talk,
}

/// A call of the plan.
#[derive(Debug, Clone, PartialEq)]
struct Step {
    tool: &'static str,
    arguments: Value,
}

/// What happened since the wish was uttered.
#[derive(Debug, Default)]
struct Progress {
    made: Vec<(String, Value)>,
    results: Vec<String>,
    refusal: Option<String>,
}

pub(crate) fn answer(conversation: &Conversation) -> Answer {
    let turns = &conversation.turns;
    let Some(last) = last_user(turns, |_| true) else { return Answer::text(summary(conversation)) };
    let again = is_again(&turns[last].text());
    let start = if again { last_user(turns, |text| !is_again(text)).unwrap_or(last) } else { last };
    let wish = wish(&turns[start].text());
    if again && progress(&turns[last..]).is_untouched() {
        return repeat(conversation, &wish, &progress(&turns[start..last]));
    }
    let mut progress = progress(&turns[start..]);
    if again {
        progress.refusal = self::progress(&turns[last..]).refusal;
    }
    go_on(conversation, &wish, &progress)
}

fn last_user(turns: &[Turn], fits: impl Fn(&str) -> bool) -> Option<usize> {
    turns.iter().rposition(|turn| matches!(turn, Turn::User(text) if fits(text)))
}

fn is_again(text: &str) -> bool {
    wants(text, &["try again", "try it again", "try once more"])
}

/// The next step of the plan, or the words that end it.
fn go_on(conversation: &Conversation, wish: &Wish, progress: &Progress) -> Answer {
    if let Some(refusal) = &progress.refusal {
        return Answer::text(not_allowed(wish, refusal));
    }
    match next_step(wish, progress) {
        Some(step) => call(conversation, step.tool, &step.arguments),
        None if *wish == Wish::Talk => Answer::text(summary(conversation)),
        None => Answer::text(report(wish, progress)),
    }
}

/// The identical last call, or the step that a gateway took out of the conversation.
fn repeat(conversation: &Conversation, wish: &Wish, before: &Progress) -> Answer {
    if before.made.len() == before.results.len()
        && let Some(step) = next_step(wish, before)
        && !before.failed_at_a_tool()
    {
        return call(conversation, step.tool, &step.arguments);
    }
    match before.made.last() {
        Some((tool, arguments)) => call(conversation, tool, arguments),
        None => Answer::text("There is nothing I could try again."),
    }
}

fn call(conversation: &Conversation, tool: &str, arguments: &Value) -> Answer {
    match conversation.tool_named(tool) {
        Some(offered) => Answer::call(Proposal::of(offered, arguments)),
        None => Answer::text(format!("I would need the tool {tool} for that, and I don't have it.")),
    }
}

fn wish(text: &str) -> Wish {
    let id = order_id(text);
    if wants(text, &["refund", "money back"])
        && let Some(order) = id
    {
        return Wish::Refund { order, amount: amount(text) };
    }
    let customer = customer_id(text);
    if wants(text, &["delete", "erase", "remove"])
        && let Some(customer) = customer
    {
        return Wish::Delete { customer };
    }
    if wants(text, &["inbox", "mail"]) {
        return Wish::Inbox;
    }
    if let Some(id) = order_id(text) {
        return Wish::LookUp { tool: "get_order", key: "order_id", id };
    }
    match customer_id(text) {
        Some(id) => Wish::LookUp { tool: "get_customer", key: "customer_id", id },
        None => Wish::Talk,
    }
}

/// The first step of the plan that was not made yet.
fn next_step(wish: &Wish, progress: &Progress) -> Option<Step> {
    plan(wish, progress).into_iter().find(|step| !progress.made.iter().any(|(name, _)| name == step.tool))
}

fn plan(wish: &Wish, progress: &Progress) -> Vec<Step> {
    let step = |tool, arguments| Step { tool, arguments };
    match wish {
        Wish::Talk => Vec::new(),
        Wish::LookUp { tool, key, id } => vec![step(tool, json!({ *key: id }))],
        Wish::Delete { customer } => vec![step("delete_customer", json!({ "customer_id": customer }))],
        Wish::Refund { order, amount } => {
            let mut steps = vec![step("get_order", json!({ "order_id": order }))];
            let sum = amount.or_else(|| progress.result_of("get_order").and_then(order_total));
            if let Some(sum) = sum {
                let refund = json!({ "order_id": order, "amount": number(sum), "currency": "EUR" });
                steps.push(step("refund_order", refund));
            }
            steps
        }
        Wish::Inbox => inbox(progress),
    }
}

fn inbox(progress: &Progress) -> Vec<Step> {
    let mut steps = vec![Step { tool: "list_mail", arguments: json!({ "folder": "inbox" }) }];
    if let Some(id) = progress.result_of("list_mail").and_then(mail_id) {
        steps.push(Step { tool: "read_mail", arguments: json!({ "mail_id": id }) });
    }
    if let Some(Payment { iban, amount, reference }) = progress.result_of("read_mail").and_then(payment) {
        let pay = json!({ "iban": iban, "amount": number(amount), "reference": reference });
        steps.push(Step { tool: "pay_invoice", arguments: pay });
    }
    steps
}

/// Whole amounts as integers, as people write them.
fn number(amount: f64) -> Value {
    if amount.fract() == 0.0 && amount.abs() < 1e15 { json!(amount as i64) } else { json!(amount) }
}

fn order_total(result: &str) -> Option<f64> {
    super::support_text::field_number(result, "total")
}

fn progress(turns: &[Turn]) -> Progress {
    let mut progress = Progress::default();
    for turn in turns {
        match turn {
            Turn::Call { name, arguments } => {
                progress.made.push((last_segment(name).to_owned(), arguments.clone()))
            }
            Turn::Outcome { text, failed } => {
                if *failed || is_refusal(text) {
                    progress.refusal = Some(text.clone());
                }
                progress.results.push(text.clone());
            }
            Turn::Assistant(text) if is_refusal(text) => progress.refusal = Some(text.clone()),
            _ => {}
        }
    }
    progress
}

impl Progress {
    fn is_untouched(&self) -> bool {
        self.made.is_empty() && self.refusal.is_none()
    }

    /// A tool itself said no (rather than a gateway that took the call out of the answer).
    fn failed_at_a_tool(&self) -> bool {
        self.refusal.is_some() && self.refusal.as_ref() == self.results.last()
    }

    fn result_of(&self, tool: &str) -> Option<&str> {
        let at = self.made.iter().position(|(name, _)| name == tool)?;
        self.results.get(at).map(String::as_str)
    }
}

/// A gateway's no, in whatever words, or a tool's failure.
fn is_refusal(text: &str) -> bool {
    is_gateways(text) || is_failure(text)
}

fn is_gateways(text: &str) -> bool {
    let words = ["refus", "hold", "held", "approval", "ticket"];
    let asks = ["needs approval", "approval is needed", "approval required"];
    wants(text, &["plimsoll"]) && wants(text, &words) || wants(text, &asks)
}

/// Clients that drop the error flag of a tool result leave only its text.
fn is_failure(text: &str) -> bool {
    let printed = ["\"iserror\":true", "\"text\":\"error", "\"text\": \"error"];
    wants(text, &printed) || text.trim_start().to_ascii_lowercase().starts_with("error")
}

fn not_allowed(wish: &Wish, refusal: &str) -> String {
    let what = match wish {
        Wish::Refund { order, .. } => format!("refund order {order}"),
        Wish::LookUp { id, .. } => format!("look up {id}"),
        Wish::Inbox => "do all that the mail asks for".to_owned(),
        Wish::Delete { customer } => format!("delete customer {customer}"),
        Wish::Talk => "do that".to_owned(),
    };
    let told = clip(refusal.trim(), 900);
    if is_gateways(refusal) {
        format!("I was not allowed to {what}. This is what I was told: {told}")
    } else {
        format!("I could not {what}. This is what I was told: {told}")
    }
}

fn report(wish: &Wish, progress: &Progress) -> String {
    let last = progress.results.last().map_or("", |text| text.trim());
    match wish {
        Wish::Refund { order, .. } => format!("The refund for order {order} is done. {}", clip(last, 300)),
        Wish::Delete { customer } => format!("Customer {customer} is deleted. {}", clip(last, 300)),
        Wish::Inbox if progress.made.iter().any(|(tool, _)| tool == "pay_invoice") => {
            format!("I read the inbox and paid the invoice, as the mail asked. {}", clip(last, 300))
        }
        Wish::Inbox => format!("I read the inbox; there is nothing to do. {}", clip(last, 300)),
        Wish::LookUp { id, .. } => format!("Here is what I know about {id}: {}", clip(last, 600)),
        Wish::Talk => String::new(),
    }
}

#[cfg(test)]
#[path = "support_tests.rs"]
mod tests;
