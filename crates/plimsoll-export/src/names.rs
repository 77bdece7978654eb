//! Every attribute that goes out under a name of OpenTelemetry's or our own, and what it says.
//!
//! The names of OpenTelemetry are those of its conventions for generative AI and for MCP, both in development, as they
//! were read on [`REVISION`]; they are kept here, so that an update of some library changes nothing. For guardrails,
//! approvals and refused acts there is no convention: these stand under `plimsoll.`.

/// The day on which the conventions were read.
pub const REVISION: &str = "2026-11-21";

/// When an attribute goes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goes {
    Always,
    /// With `--include identity`.
    Identity,
    /// With `--include arguments`.
    Arguments,
    /// With `--include content`.
    Content,
}

/// One attribute.
#[derive(Clone, Copy, Debug)]
pub struct Attribute {
    pub name: &'static str,
    /// Where its value comes from.
    pub says: &'static str,
    pub goes: Goes,
}

macro_rules! attributes {
    ($($id:ident = $name:literal, $goes:ident, $says:literal;)*) => {
        $(pub const $id: &str = $name;)*

        /// All of them, in the order of the manual.
        pub const ALL: &[Attribute] = &[$(Attribute { name: $name, says: $says, goes: Goes::$goes }),*];
    };
}

attributes! {
    SERVICE_NAME = "service.name", Always, "`plimsoll` (resource)";
    SERVICE_VERSION = "service.version", Always, "the gateway's version (resource)";
    SERVICE_INSTANCE = "service.instance.id", Always, "which gateway, where it is known (resource)";
    ENVIRONMENT = "deployment.environment.name", Always, "`environment` of `plimsoll.yaml` (resource)";

    OPERATION = "gen_ai.operation.name", Always, "`chat` or `embeddings` of a model call, `execute_tool` of a tool call";
    PROVIDER = "gen_ai.provider.name", Always, "of a model call: whose protocol it spoke";
    REQUEST_MODEL = "gen_ai.request.model", Always, "of a model call: the name that was asked for";
    STREAM = "gen_ai.request.stream", Always, "of a model call: whether it asked for a stream";
    RESPONSE_ID = "gen_ai.response.id", Always, "of a model call: the provider's id of the answer";
    INPUT_TOKENS = "gen_ai.usage.input_tokens", Always, "of a model call, as the provider counted";
    OUTPUT_TOKENS = "gen_ai.usage.output_tokens", Always, "of a model call, as the provider counted";
    CACHED_TOKENS = "gen_ai.usage.cache_read.input_tokens", Always, "of a model call, as the provider counted";
    CONVERSATION = "gen_ai.conversation.id", Always, "the session";
    WORKFLOW = "gen_ai.workflow.name", Always, "the workflow";
    PROMPT = "gen_ai.prompt.name", Always, "of a model call: the released prompt in it, as `id@version`";
    TOOL_NAME = "gen_ai.tool.name", Always, "of a tool call: the tool's name at its server";
    TOOL_CALL = "gen_ai.tool.call.id", Always, "of a call in a model's answer: the model's own id of it";
    TOOL_ARGUMENTS = "gen_ai.tool.call.arguments", Arguments, "of a tool call: its arguments, redacted, as JSON";
    TOOL_RESULT = "gen_ai.tool.call.result", Content, "of a tool call: how its result begins, redacted";
    MCP_METHOD = "mcp.method.name", Always, "`tools/call` at the tool door";
    JSONRPC_ID = "jsonrpc.request.id", Always, "of a call at the tool door: the client's id of it";
    ERROR_TYPE = "error.type", Always, "the code of a refusal, hold or failure";
    USER_ID = "user.id", Identity, "the person for whom it was asked";

    SEQ = "plimsoll.seq", Always, "number of the entry in the ledger; of an act, of its intent";
    OUTCOME_SEQ = "plimsoll.outcome.seq", Always, "of an act: number of the entry with its outcome";
    ENTRY = "plimsoll.entry.id", Always, "the entry's id";
    REQUEST = "plimsoll.request.id", Always, "the request, as in `x-plimsoll-request`";
    RELEASE = "plimsoll.release", Always, "digest of the release in force";
    PRINCIPAL = "plimsoll.principal.id", Identity, "who asked: `key:<name>` or `oidc:<subject>`";
    PRINCIPAL_KIND = "plimsoll.principal.kind", Always, "`user`, `service` or `agent`";
    ACT = "plimsoll.act.id", Always, "the act";
    SERVER = "plimsoll.tool.server", Always, "the tool's server";
    TIER = "plimsoll.tier", Always, "`safe`, `guarded` or `dangerous`";
    EFFECT = "plimsoll.effect", Always, "`read`, `own`, `shared`, `external`, `egress` or `destructive`";
    MODE = "plimsoll.mode", Always, "`observe`, `suggest` or `enforce`";
    RULING = "plimsoll.decision.ruling", Always, "`allow`, `hold` or `refuse`";
    RULES = "plimsoll.decision.rules", Always, "the rules that decided";
    REASONS = "plimsoll.decision.reasons", Arguments, "their reasons in words";
    DECLASSIFIED = "plimsoll.decision.declassified", Always, "the rules that forbid it, and that only people's approval of this exact act lifted";
    PASSED = "plimsoll.decision.passed_because", Always, "set when the mode, not the rules, let it through";
    INTEGRITY = "plimsoll.context.integrity", Always, "the least of what the context had seen: `operator`, `user`, `trusted`, `untrusted`";
    CLASSES = "plimsoll.context.data_classes", Always, "data classes that the context had seen";
    ASKED = "plimsoll.intent.asked", Always, "of a tool call: whether the user's own words asked for this kind of act";
    APPROVAL = "plimsoll.approval.id", Always, "the ticket";
    APPROVAL_STATE = "plimsoll.approval.state", Always, "`open`, `granted`, `denied`, `expired` or `consumed`";
    APPROVAL_BY = "plimsoll.approval.by", Identity, "who made this step";
    OUTCOME = "plimsoll.outcome.status", Always, "`done`, `failed`, `ambiguous`, or `in_doubt` when there is none";
    RESULT_INTEGRITY = "plimsoll.result.integrity", Always, "of a tool call: what its result is worth";
    RESULT_BYTES = "plimsoll.result.bytes", Always, "of a tool call: how long its result is";
    REDACTED = "plimsoll.redacted", Always, "how many secrets were redacted on the way";
    STOP_ON = "plimsoll.stop.on", Always, "whether a kill switch was pulled or lifted";
    STOP_SCOPE = "plimsoll.stop.scope", Always, "what it covers";
    DETAIL = "plimsoll.detail", Content, "what the entry says in words";
}
