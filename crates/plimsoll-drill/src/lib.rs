//! Everything Plimsoll is practised against: a model that does as it is told, tool servers that behave, and
//! tool servers that don't.
//!
//! This crate alone knows how an opponent behaves. It has never heard of production: nothing here decides, labels or
//! records, and nothing in the gateway depends on it. The pieces are ordinary HTTP servers on hyper, so that what is
//! measured and tested is the same wire a real provider or tool server would put in front of the gateway.
//!
//! * [`mock`] is a model server for the OpenAI and Anthropic protocols whose behaviour is chosen by the model's name.
//! * [`mcp`] is a small MCP server kit for both eras of the protocol, with three servers built on it.

pub mod mcp;
pub mod mock;
pub mod net;
