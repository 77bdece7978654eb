//! The desk's tools as they are declared, in one table: name, title, description, what kind of act, arguments.

use std::ops::ControlFlow;

use serde_json::{Value, json};

use crate::mcp::RpcError;

/// What a tool does to the world, as its annotations say.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Act {
    Reads,
    Writes,
    Destroys,
}

struct Tool {
    name: &'static str,
    title: &'static str,
    description: &'static str,
    act: Act,
    /// Name, JSON type, description; names ending in `?` are optional.
    arguments: &'static [(&'static str, &'static str, &'static str)],
}

const TOOLS: &[Tool] = &[
    Tool {
        name: "get_order",
        title: "Look up an order",
        description: "Returns an order: customer, items, total and what was refunded so far.",
        act: Act::Reads,
        arguments: &[("order_id", "string", "the order's number, like A-1001")],
    },
    Tool {
        name: "refund_order",
        title: "Refund an order",
        description: "Pays back part or all of an order to the customer's original means of payment.",
        act: Act::Writes,
        arguments: &[
            ("order_id", "string", "the order's number, like A-1001"),
            ("amount", "number", "how much to pay back"),
            ("currency?", "string", "ISO currency code; the order's currency if left out"),
        ],
    },
    Tool {
        name: "get_customer",
        title: "Look up a customer",
        description: "Returns a customer's name, address and orders.",
        act: Act::Reads,
        arguments: &[("customer_id", "string", "the customer's number, like C-77")],
    },
    Tool {
        name: "delete_customer",
        title: "Delete a customer",
        description: "Deletes a customer and everything known about them. This cannot be undone.",
        act: Act::Destroys,
        arguments: &[("customer_id", "string", "the customer's number, like C-77")],
    },
    Tool {
        name: "list_mail",
        title: "List mail",
        description: "Lists the mails of a folder: number, sender, subject.",
        act: Act::Reads,
        arguments: &[("folder?", "string", "inbox (if left out), archive or sent")],
    },
    Tool {
        name: "read_mail",
        title: "Read a mail",
        description: "Returns one mail with its text.",
        act: Act::Reads,
        arguments: &[("mail_id", "string", "the mail's number, like M-1")],
    },
    Tool {
        name: "send_mail",
        title: "Send a mail",
        description: "Sends a mail in the company's name.",
        act: Act::Writes,
        arguments: &[
            ("to", "string", "the recipient's address"),
            ("subject", "string", "the subject line"),
            ("body", "string", "the text"),
        ],
    },
    Tool {
        name: "pay_invoice",
        title: "Pay an invoice",
        description: "Transfers money from the company's account. This cannot be undone.",
        act: Act::Destroys,
        arguments: PAYMENT,
    },
    Tool {
        name: "draft_payment",
        title: "Prepare a payment",
        description: "Prepares a transfer that a person in accounting releases or throws away.",
        act: Act::Writes,
        arguments: PAYMENT,
    },
];

const PAYMENT: &[(&str, &str, &str)] = &[
    ("iban", "string", "the recipient's account"),
    ("amount", "number", "the amount in EUR"),
    ("reference", "string", "the reference the recipient expects"),
];

/// The declarations, as `tools/list` gives them.
pub(super) fn tools() -> Vec<Value> {
    TOOLS.iter().map(Tool::declaration).collect()
}

pub(super) fn input_schema(name: &str) -> Option<Value> {
    find(name).map(Tool::schema)
}

/// Checks a call against its declaration: an unknown tool is a protocol error, a bad argument is a failed call.
pub(super) fn check(name: &str, arguments: &Value) -> Result<ControlFlow<String>, RpcError> {
    let tool = find(name).ok_or_else(|| RpcError::invalid_params(format!("unknown tool: {name}")))?;
    for (declared, kind, _) in tool.arguments {
        let key = declared.trim_end_matches('?');
        let given = arguments.get(key).filter(|value| !value.is_null());
        let fits = match given {
            None => declared.ends_with('?'),
            Some(value) => {
                if *kind == "number" {
                    value.is_number()
                } else {
                    value.is_string()
                }
            }
        };
        if !fits {
            return Ok(ControlFlow::Break(format!("{name} needs {key}, a {kind}")));
        }
    }
    Ok(ControlFlow::Continue(()))
}

fn find(name: &str) -> Option<&'static Tool> {
    TOOLS.iter().find(|tool| tool.name == name)
}

impl Tool {
    fn declaration(&self) -> Value {
        json!({
            "name": self.name, "title": self.title, "description": self.description, "inputSchema": self.schema(),
            "annotations": {
                "title": self.title, "readOnlyHint": self.act == Act::Reads,
                "destructiveHint": self.act == Act::Destroys, "idempotentHint": self.act == Act::Reads,
                "openWorldHint": matches!(self.name, "send_mail" | "pay_invoice" | "read_mail" | "list_mail"),
            },
        })
    }

    fn schema(&self) -> Value {
        let mut properties = json!({});
        let mut required = Vec::new();
        for (declared, kind, description) in self.arguments {
            let key = declared.trim_end_matches('?');
            properties[key] = json!({ "type": kind, "description": description });
            if *kind == "number" {
                properties[key]["exclusiveMinimum"] = json!(0);
            }
            if key == *declared {
                required.push(key);
            }
        }
        json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
    }
}
