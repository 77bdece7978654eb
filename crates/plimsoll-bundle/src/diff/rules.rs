//! The table of what the behaviour diff can say: one line a rule, with its level and why it matters.
//!
//! `docs/diff.md` lists it, and a test compares the two. An id never changes its meaning: approvals,
//! dashboards and suppressions in code scanners refer to it.

use serde::Serialize;

/// How much a change asks of the people who release it, least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Nothing more became possible. Nobody has to approve it.
    Info,
    /// Words or bookkeeping that somebody should read. Any reviewer approves it.
    Notice,
    /// Something behaves otherwise. A reviewer who is not its author approves it.
    Review,
    /// More became possible, less is asked, or something is believed more. The owner approves it.
    Owner,
}

impl Level {
    pub const ALL: [Self; 4] = [Self::Owner, Self::Review, Self::Notice, Self::Info];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Notice => "notice",
            Self::Review => "review",
            Self::Owner => "owner",
        }
    }

    /// Who approves it.
    pub const fn approver(self) -> &'static str {
        match self {
            Self::Info => "nobody",
            Self::Notice => "any reviewer",
            Self::Review => "a reviewer who is not its author",
            Self::Owner => "the owner of what changes, who is not its author",
        }
    }
}

impl std::str::FromStr for Level {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|level| level.name() == text);
        known.ok_or_else(|| format!("`{text}` is no level (info, notice, review, owner)"))
    }
}

/// In which part of the summary line a change is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tally {
    Possible,
    Approvals,
    Mode,
    Trust,
    Data,
    Checks,
    Limits,
    Reached,
    Contract,
    Models,
    Prompts,
    People,
    Evidence,
    Other,
    Stricter,
}

impl Tally {
    /// The words for one, and for several.
    pub const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Possible => ("became possible", "became possible"),
            Self::Approvals => ("asks less of approvers", "ask less of approvers"),
            Self::Mode => ("loosens how a workflow is enforced", "loosen how workflows are enforced"),
            Self::Trust => ("believes more", "believe more"),
            Self::Data => ("shows more data", "show more data"),
            Self::Checks => ("checks less", "check less"),
            Self::Limits => ("raises a limit", "raise limits"),
            Self::Reached => (
                "changes what is reached or with which account",
                "change what is reached or with which account",
            ),
            Self::Contract => ("changes a tool's contract", "change tools' contracts"),
            Self::Models => ("changes a model", "change models"),
            Self::Prompts => ("changes a prompt", "change prompts"),
            Self::People => ("changes who people are", "change who people are"),
            Self::Evidence => ("loses evidence", "lose evidence"),
            Self::Other => ("changes something else", "change something else"),
            Self::Stricter => ("is stricter", "are stricter"),
        }
    }
}

/// One thing the diff can say.
#[derive(Debug)]
pub struct Rule {
    /// Stable: `approval/quorum-lowered`.
    pub id: &'static str,
    pub level: Level,
    pub tally: Tally,
    /// What it is called, in a few words.
    pub title: &'static str,
    /// Why it matters, for the person who has to approve it.
    pub why: &'static str,
}

impl Rule {
    /// The kind of thing that changes; owners are named by it.
    pub fn class(&self) -> &'static str {
        self.id.split('/').next().unwrap_or(self.id)
    }
}

macro_rules! rules {
    ($($name:ident: $id:literal, $level:ident, $tally:ident, $title:literal, $why:literal;)*) => {
        $(pub(crate) static $name: Rule =
            Rule { id: $id, level: Level::$level, tally: Tally::$tally, title: $title, why: $why };)*

        /// Every rule.
        pub static RULES: &[&Rule] = &[$(&$name),*];
    };
}

rules! {
    // what acts may do
    ACT_RUNS: "act/runs-by-itself", Owner, Possible, "an act runs by itself that did not",
        "nobody looks at it any more before it happens";
    ACT_READS: "act/looks-by-itself", Review, Possible, "a look runs by itself that did not",
        "it changes nothing, but the model sees more, and where it looks can carry data out";
    ACT_CHECKED: "act/runs-when-checked", Owner, Possible, "an act runs once its checks pass",
        "a system of record decides now where a person did, or nobody could";
    ACT_HELD: "act/can-be-approved", Review, Possible, "an act can be approved that was refused",
        "it now depends on one person's attention where a rule stood";
    ACT_STRICTER: "act/stricter", Info, Stricter, "an act gets less far than before",
        "users may meet a refusal or a wait that is new to them";
    ACT_ADDED: "act/added", Review, Possible, "a workflow lists another act",
        "what a workflow does not list is refused; this one is judged by the rules now";
    ACT_REMOVED: "act/removed", Info, Stricter, "a workflow no longer lists an act",
        "it is refused from now on";
    ACT_FAILURE: "act/failure-mode", Notice, Other, "what happens when it goes wrong is told otherwise",
        "it is what the person on call and the approver read";
    ACT_WAY_BACK: "act/way-back", Notice, Other, "the way back is told otherwise",
        "approvers weigh an act by whether it can be undone";
    POLICY_BLIND: "policy/not-compared", Review, Possible, "a policy changed that the enumeration can't tell apart",
        "this diff tries cases; none of them shows what this change does, so somebody has to read it";
    POLICY_REASON: "policy/reason", Notice, Other, "a refusal is explained in other words",
        "agents and people act on that sentence";
    INVARIANT: "invariant/not-proved", Owner, Possible, "an invariant was rewritten or dropped, or nothing proves it any more",
        "what must always hold was tried at most, not proved";
    INVARIANT_WEAKENED: "invariant/weakened", Owner, Possible, "what an invariant forbade is allowed",
        "it was to hold whatever else changes";
    INVARIANT_ALONE: "invariant/alone", Review, Possible, "the other policies now allow what an invariant forbids",
        "it is in force and refuses, but nothing else does any more: a mistake in it would be one too many";
    INVARIANT_KEPT: "invariant/reworded", Info, Stricter, "an invariant says it otherwise, and what it said still holds, proved",
        "nothing that it forbade became possible";

    // who has to agree
    DECIDES: "approval/not-needed", Owner, Approvals, "people no longer decide about an act",
        "the workflow's boundary said that a person looks at each one";
    DECIDES_NOW: "approval/needed", Info, Stricter, "people now decide about an act",
        "it waits for them from now on, and what was refused may be approved";
    QUORUM: "approval/quorum-lowered", Owner, Approvals, "fewer people have to say yes",
        "one mistaken or borrowed account is then enough";
    QUORUM_UP: "approval/quorum-raised", Info, Stricter, "more people have to say yes", "it waits longer";
    EXPIRY: "approval/open-longer", Review, Approvals, "a question stays open longer",
        "the older an approval, the less the circumstances are those that the approver saw";
    EXPIRY_DOWN: "approval/open-shorter", Info, Stricter, "a question closes sooner",
        "unanswered is a no, and comes earlier";
    DECIDERS: "approval/role-added", Owner, Approvals, "another role may approve",
        "people who could not say yes to this act now can";
    DECIDERS_DOWN: "approval/role-removed", Info, Stricter, "a role may no longer approve",
        "fewer people can answer";
    UNTRUSTED: "approval/untrusted-allowed", Owner, Approvals, "people may approve what untrusted content chose",
        "a tired approver is then all that stands between a stranger's mail and the account it names";
    UNTRUSTED_NOT: "approval/untrusted-refused", Info, Stricter, "people may no longer approve what untrusted content chose",
        "the user has to name the value instead";

    // workflows
    WORKFLOW_ADDED: "workflow/added", Owner, Possible, "a new workflow", "everything it lists is new";
    WORKFLOW_REMOVED: "workflow/removed", Info, Stricter, "a workflow is gone", "its keys and users are refused";
    MODE: "workflow/mode-looser", Owner, Mode, "the mode lets more happen",
        "observe never stops anything; suggest executes nothing guarded; enforce does what the decision says";
    MODE_UP: "workflow/mode-stricter", Info, Stricter, "the mode lets less happen", "acts that ran may now wait or be refused";
    ROLES: "workflow/roles-wider", Owner, People, "more principals may use the workflow",
        "whoever may use it has all of its acts";
    ROLES_DOWN: "workflow/roles-narrower", Info, Stricter, "fewer principals may use the workflow", "some callers are refused now";
    HOSTED: "workflow/hosted-tools", Owner, Possible, "tools that the provider runs itself are let through",
        "they run where no rule is asked; only the provider's own question stands before them";
    HOSTED_DOWN: "workflow/hosted-tools-stricter", Info, Stricter, "fewer provider-hosted tools are let through", "clients that use them are refused";
    HOSTED_OTHER: "workflow/hosted-tools-stripped", Notice, Other, "requests with provider-hosted tools are treated otherwise",
        "refused is loud, stripped is silent";
    AUTHORISER: "workflow/authoriser", Owner, Trust, "a model may say whether the user asked",
        "its word then stands where the user's own words were needed";
    AUTHORISER_GONE: "workflow/authoriser-gone", Info, Stricter, "no model says any more whether the user asked", "more acts wait for people";
    MEDIA: "workflow/media", Owner, Trust, "images, sound and files pass unread",
        "what they say to the model is not traced and taints nothing that can be shown";
    MEDIA_DOWN: "workflow/media-refused", Info, Stricter, "images, sound and files are refused", "clients that send them are refused";
    WORKFLOW_OWNER: "workflow/owner", Review, People, "somebody else answers for the workflow",
        "they approve its changes and are called at night";
    PURPOSE: "workflow/purpose", Notice, Other, "the purpose is told otherwise", "approvers and auditors judge by it";
    WORKFLOW_MODEL: "workflow/model-added", Review, Models, "a workflow may use another model",
        "its users' data goes there, and it answers otherwise";
    WORKFLOW_MODEL_GONE: "workflow/model-removed", Info, Stricter, "a workflow may no longer use a model", "clients that ask for it are refused";
    MODEL_ORDER: "workflow/model-order", Review, Models, "another model is preferred",
        "requests that several models would answer go to another one";
    WORKFLOW_PROMPT: "workflow/prompt-added", Review, Prompts, "a workflow may use another prompt",
        "its text then counts as the operator's word";
    WORKFLOW_PROMPT_GONE: "workflow/prompt-removed", Info, Stricter, "a workflow may no longer use a prompt", "its text counts as drift";
    WORKFLOW_SOURCE: "workflow/source-added", Owner, Data, "a workflow may look things up in another source",
        "what stands there enters its contexts, and its users see it";
    WORKFLOW_SOURCE_GONE: "workflow/source-removed", Info, Stricter, "a workflow may no longer look things up in a source", "the model no longer sees it there";

    // limits and bounds
    LIMIT: "limit/raised", Owner, Limits, "a limit is raised or gone",
        "it bounds the damage of everything that the other rules let through";
    LIMIT_DOWN: "limit/lowered", Info, Stricter, "a limit is lower or new", "more acts are refused for their number or amount";
    DRIFT: "drift/loosened", Owner, Mode, "less happens when the world is not as reviewed",
        "a provider or tool server that changes by itself then acts under a release that was reviewed for another";
    DRIFT_DOWN: "drift/tightened", Info, Stricter, "more happens when the world is not as reviewed", "acts may wait or be refused";
    DRIFT_RARER: "drift/looks-less-often", Review, Evidence, "the gateway looks at the world less often", "what traffic does not show is then found later or never";
    DRIFT_OFTENER: "drift/looks-more-often", Info, Stricter, "the gateway looks at the world more often", "each look asks models a few short questions";
    ACCEPTED_MODEL: "drift/model-accepted", Owner, Models, "a model is known by something else",
        "from here on the new answers count as the reviewed model";
    ACCEPTED_PLACE: "drift/place-accepted", Owner, Reached, "another address or key counts as the reviewed one",
        "whoever answers there is believed to be the model or tool server";
    BOUND: "bounds/raised", Review, Limits, "a bound of the gateway is raised",
        "bounds keep one client from exhausting it";
    BOUND_DOWN: "bounds/lowered", Notice, Other, "a bound of the gateway is lowered", "requests that fitted may be refused";

    // tools: what is declared about them
    TIER: "tool/tier-lowered", Owner, Possible, "a tool's tier is lowered",
        "safe runs by itself and passes the kill switch; guarded runs by itself under conditions";
    TIER_UP: "tool/tier-raised", Info, Stricter, "a tool's tier is raised", "it asks for more before it runs";
    EFFECT: "tool/effect-played-down", Owner, Trust, "a tool's effect is declared smaller",
        "rules about what leaves, what others feel and what is gone no longer speak about it";
    EFFECT_UP: "tool/effect-graver", Info, Stricter, "a tool's effect is declared graver", "more rules speak about it";
    ACCOUNT: "tool/account-stronger", Owner, Reached, "a tool uses a stronger account",
        "whatever goes wrong in it goes wrong with more rights";
    ACCOUNT_DOWN: "tool/account-weaker", Info, Stricter, "a tool uses a weaker account", "it may fail where it worked";
    ROLE: "tool/argument-role-dropped", Owner, Trust, "an argument no longer has to be proven",
        "untrusted content may then choose it unseen";
    ROLE_OTHER: "tool/argument-role-changed", Review, Trust, "an argument means something else",
        "other rules speak about it, and records lend to it otherwise";
    ROLE_UP: "tool/argument-role-stricter", Info, Stricter, "an argument has to be proven", "acts may wait that ran";
    VERBS: "tool/verbs", Owner, Trust, "more words count as asking for an act",
        "rules take these words for the user's wish";
    VERBS_DOWN: "tool/verbs-fewer", Info, Stricter, "fewer words count as asking for an act", "users may have to say it more plainly";
    CHECK: "tool/check-weaker", Owner, Checks, "a check against the system of record is gone or another",
        "it is what tells a plausible act from a true one";
    CHECK_UP: "tool/check-added", Info, Stricter, "another check has to pass", "acts may fail it";
    FREE: "tool/amount-free-raised", Owner, Limits, "more money moves without a proven amount",
        "up to here nobody has to stand behind how much";
    FREE_DOWN: "tool/amount-free-lowered", Info, Stricter, "less money moves without a proven amount", "amounts have to be named";
    DRAFT: "tool/draft", Notice, Other, "another tool is offered instead of a refused one", "agents follow what they are offered";
    TOOL_ADDED: "tool/added", Notice, Contract, "a server declares another tool",
        "no workflow can call it before it lists it; a line like `server.*` lists it at once";
    TOOL_SHADOWS: "tool/shadows", Owner, Contract, "a tool is named like one of another server",
        "a model that means the one calls the other, and reads the other's description with the one's trust";
    TOOL_REMOVED: "tool/removed", Info, Stricter, "a tool is gone", "acts that use it are refused";

    // tools: what their results are worth
    LABEL: "label/trusted-more", Owner, Trust, "results of a tool are trusted more",
        "whoever may write there then aims acts";
    LABEL_DOWN: "label/trusted-less", Info, Stricter, "results of a tool are trusted less", "acts that rested on them wait";
    READERS: "label/readers-wider", Owner, Trust, "more people may be sent what a tool returns",
        "data flows only to readers that its label names";
    READERS_DOWN: "label/readers-narrower", Info, Stricter, "fewer people may be sent what a tool returns", "more of what goes out waits";
    SENSITIVE: "label/sensitive-dropped", Owner, Trust, "a field is no longer sensitive",
        "it may leave in a text to anybody";
    SENSITIVE_UP: "label/sensitive-added", Info, Stricter, "a field is now sensitive", "texts that hold it wait";
    BELIEVED: "label/server-believed", Owner, Trust, "a server's own labels are believed",
        "it may then raise the trust of whatever it returns";
    BELIEVED_NOT: "label/server-not-believed", Info, Stricter, "a server's own labels no longer raise trust", "acts that rested on them wait";

    // servers
    SERVER_ADDED: "server/added", Review, Reached, "a new tool server",
        "its results enter contexts, and its tools are one line away from every workflow";
    SERVER_REMOVED: "server/removed", Info, Stricter, "a tool server is gone", "its tools are refused";
    REACH: "server/reach", Owner, Reached, "a tool server is reached elsewhere",
        "whatever answers there gets the credentials and the arguments, and its results come back as the old one's";
    CREDENTIAL: "server/credential", Owner, Reached, "a credential of a tool server changes",
        "what an account may do is decided by whose key it is";
    CREDENTIAL_GONE: "server/credential-gone", Info, Stricter, "a tool server no longer gets a credential", "calls with that account fail";

    // contracts: what a server says of its tools, as pinned
    DESCRIPTION: "contract/description", Review, Contract, "a tool describes itself otherwise",
        "a description is an instruction to the model";
    HIDDEN: "contract/hidden-text", Owner, Contract, "a tool's description holds characters that a reader can't see",
        "invisible and direction-changing characters are how instructions are smuggled past review";
    ARGUMENT: "contract/argument-added", Review, Contract, "a tool takes another argument",
        "the model will fill it, with whatever it has seen";
    ARGUMENT_OPEN: "contract/argument-untraced", Owner, Contract, "a tool takes another argument whose origin is not traced",
        "nobody said what it means, so untrusted content may choose it";
    ARGUMENT_GONE: "contract/argument-removed", Notice, Contract, "a tool no longer takes an argument", "calls that give it are refused";
    OPTIONAL: "contract/argument-optional", Review, Contract, "an argument may now be left out",
        "what is absent is chosen by the server, not by the user";
    WIDER: "contract/argument-wider", Review, Contract, "an argument takes more than before",
        "values pass that were invalid when the tool was agreed to";
    NARROWER: "contract/argument-narrower", Info, Stricter, "an argument takes less than before", "calls may be refused as invalid";
    SHAPE: "contract/schema", Review, Contract, "a tool's schema changed in a detail",
        "it is another tool than the one that was agreed to";
    RESULT: "contract/result", Notice, Contract, "a tool returns other fields",
        "labels speak of fields by name; checks read them";
    ANNOTATION: "contract/annotation", Review, Contract, "a tool claims something else about itself",
        "clients decide by these hints whether to ask; Plimsoll does not";
    REVIEWED_BY: "contract/reviewed-by", Notice, People, "another name stands under a pin", "it says who read the tool before it was agreed to";

    // models
    MODEL_ADDED: "model/added", Notice, Models, "another model is declared", "a workflow that lists it may use it";
    MODEL_REMOVED: "model/removed", Info, Stricter, "a model is gone", "requests for it are refused";
    PROVIDER: "model/provider", Owner, Models, "another provider answers", "another house sees the data and shapes the answers";
    ENDPOINT: "model/endpoint", Owner, Models, "a model is asked elsewhere", "whatever answers there sees everything and proposes every act";
    VERSION: "model/version", Review, Models, "another version of a model answers", "what was tried in drills was another model";
    UNPINNED: "model/version-unpinned", Owner, Models, "a model's version is no longer pinned", "the provider may change it any night";
    NAMES: "model/names", Review, Models, "clients may ask a model by more names", "with a `*` they may ask for any model the provider has";
    NAMES_DOWN: "model/names-fewer", Info, Stricter, "clients may ask a model by fewer names", "requests by the others are refused";
    REGION: "model/region", Owner, Models, "a model runs in another region", "data crosses a border";
    PROCESSOR: "model/processor", Owner, Models, "somebody else processes the data", "contracts and notices name processors";
    CLASSES: "model/data-classes", Owner, Models, "a model may be sent more data", "classes of data were kept from it on purpose";
    CLASSES_DOWN: "model/data-classes-fewer", Info, Stricter, "a model may be sent less data", "requests that carry it go elsewhere";
    FALLBACK: "model/fallback", Owner, Models, "another model answers when this one fails", "on a bad day everything goes there";
    FALLBACK_GONE: "model/fallback-gone", Notice, Models, "no other model answers when this one fails", "an outage of the provider is an outage";
    MODEL_KEY: "model/credential", Review, Models, "a model is asked with another credential", "it says who pays and under which terms";

    // prompts
    PROMPT_ADDED: "prompt/added", Notice, Prompts, "a new prompt", "a workflow that lists it may use it as its own word";
    PROMPT_REMOVED: "prompt/removed", Info, Stricter, "a prompt is gone", "its text counts as drift";
    PROMPT_TEXT: "prompt/text", Review, Prompts, "a prompt says something else", "it is what the model is told to be";
    PROMPT_HIDDEN: "prompt/hidden-text", Owner, Prompts, "a prompt holds characters that a reader can't see",
        "instructions hide in what review does not show";
    PROMPT_ROLE: "prompt/role-raised", Owner, Prompts, "a prompt stands higher in the instruction hierarchy", "models obey system text over the user";
    PROMPT_ROLE_DOWN: "prompt/role-lowered", Review, Prompts, "a prompt stands lower in the instruction hierarchy", "the user's words may now override it";
    PROMPT_MOVED: "prompt/moved-up", Owner, Prompts, "text moved up the instruction hierarchy",
        "what was a suggestion of lower standing is now an instruction";
    VARIABLE: "prompt/variable-trusted-more", Owner, Prompts, "a prompt's variable is believed more", "its value then counts as that person's word";
    VARIABLE_OPEN: "prompt/variable-untrusted", Owner, Prompts, "a prompt is fed by a less trusted span", "text of strangers stands inside the instructions";
    VARIABLE_NEW: "prompt/variable-added", Review, Prompts, "a prompt takes another variable", "something outside the repository now stands in it";
    VARIABLE_GONE: "prompt/variable-removed", Notice, Prompts, "a prompt no longer takes a variable", "callers that send it are refused";
    PROMPT_VERSION: "prompt/version", Notice, Prompts, "a prompt calls itself another version", "records name it by that";
    PROMPT_OWNER: "prompt/owner", Review, People, "somebody else answers for a prompt", "they approve its changes";

    // people and who is believed
    GAINED: "people/role-gained", Owner, People, "somebody has another role", "they can now answer what that role answers";
    LOST: "people/role-lost", Info, Stricter, "somebody no longer has a role", "fewer can answer";
    READS: "people/reads-more", Owner, People, "a role may read more of what is sealed",
        "sealed fields hold what people said and who they are";
    READS_DOWN: "people/reads-less", Info, Stricter, "a role may read less of what is sealed", "its people see placeholders";
    ISSUER: "identity/issuer", Owner, People, "tokens are believed that were not, or mean something else",
        "an issuer says who somebody is, in which tenant, with which roles";
    ISSUER_GONE: "identity/issuer-gone", Info, Stricter, "an issuer is no longer believed", "its users are refused";

    // how a release gets into force
    POWER: "people/power-gained", Owner, People, "somebody may do more to releases",
        "who may author, approve, promote and roll back rules every change after this one";
    POWER_DOWN: "people/power-lost", Info, Stricter, "somebody may do less to releases", "others have to do it";
    KEY: "people/key-added", Owner, People, "somebody signs releases with another key",
        "whoever holds it approves in that person's name";
    KEY_GONE: "people/key-gone", Info, Stricter, "a key no longer signs releases", "what it signs counts no more";
    UNSIGNED: "release/unsigned-allowed", Owner, Approvals, "an environment no longer asks for signed releases",
        "whoever can write there decides what the AI may do";
    SIGNED: "release/signed-only", Info, Stricter, "an environment runs signed releases only", "a directory alone no longer runs there";
    APPROVALS: "release/approvals-lowered", Owner, Approvals, "fewer people have to sign a release",
        "one mistaken or borrowed key is then enough";
    APPROVALS_UP: "release/approvals-raised", Info, Stricter, "more people have to sign a release", "it waits longer";
    RELEASE_EXPIRY: "release/expires-later", Review, Approvals, "a release may be put into force for longer",
        "the older a release, the less its results are those of today";
    RELEASE_EXPIRY_DOWN: "release/expires-sooner", Info, Stricter, "a release may be put into force for less long", "it has to be made again";
    MINIMUM: "release/minimum-lowered", Owner, Approvals, "older releases may run again",
        "what was put right since then comes back with them";
    MINIMUM_UP: "release/minimum-raised", Info, Stricter, "older releases may no longer run", "a roll-back can't go below it";
    CONDITIONS: "release/conditions-looser", Owner, Evidence, "a candidate has to show less before it acts",
        "what nobody saw in shadow and canary is seen by everybody at once";
    CONDITIONS_UP: "release/conditions-stricter", Info, Stricter, "a candidate has to show more before it acts", "releases take longer";
    WATCH: "release/watch-looser", Owner, Evidence, "a signal may become worse before a candidate is taken back",
        "it is what takes a bad release back while people sleep";
    WATCH_UP: "release/watch-stricter", Info, Stricter, "a candidate is taken back sooner", "chance alone may take it back";
    SIMULATE: "release/simulate-less", Owner, Possible, "acts are done that were only simulated",
        "what was tried without harm has effects now";
    SIMULATE_UP: "release/simulate-more", Info, Stricter, "more acts are only simulated", "they have no effect there";
    MASK: "release/mask-removed", Owner, Trust, "values about people are no longer masked",
        "people's data reaches an environment that was kept free of it";
    MASK_UP: "release/mask-added", Info, Stricter, "values about people are masked", "results hold made-up values";
    CLASS: "release/signer-looser", Owner, Approvals, "somebody else may sign for a kind of change",
        "whose word stands for a change is what keeps it in the hands of those who answer for it";
    CLASS_UP: "release/signer-stricter", Info, Stricter, "fewer may sign for a kind of change", "releases may wait for them";
    FLAG: "flag/wider", Owner, Possible, "a flag is on for more sessions", "rules may allow what it turns on";
    FLAG_DOWN: "flag/narrower", Review, Other, "a flag is on for fewer sessions", "rules may forbid where it is on, or allow where it is off";

    // the project
    LISTEN: "project/listen", Owner, Reached, "a listener is reachable from elsewhere", "who can connect can try";
    LISTEN_OTHER: "project/listen-moved", Notice, Other, "a listener moves", "clients and probes have to follow";
    ORIGINS: "project/origins", Review, Reached, "more hosts or origins are accepted", "browsers of other sites may then speak to it";
    ORIGINS_DOWN: "project/origins-fewer", Info, Stricter, "fewer hosts or origins are accepted", "some clients are refused";
    ENVIRONMENT: "project/environment", Review, Other, "it calls itself another environment", "policies and records go by that name";
    STORE: "project/store", Review, Evidence, "ledger and database lie elsewhere", "a new place begins without history";
    PROJECT_NAME: "project/name", Notice, Other, "the project is called otherwise", "pages and records name it";

    // evidence
    LEDGER: "evidence/ledger", Owner, Evidence, "what is recorded, kept sealed or witnessed changes",
        "what was not recorded can't be shown, and what is not sealed can be read";
    UNSEALED: "evidence/unsealed", Owner, Data, "a collector is told more of what is sealed here",
        "who holds it there decides who reads it and how long it is kept, and erasing does not reach it";
    SEALED: "evidence/sealed", Info, Stricter, "a collector is told less of what is sealed here", "its pages show less";
    COLLECTOR: "evidence/collector", Owner, Evidence, "what happens is told to another collector, or to none",
        "alarms that hang on it fall silent, and whoever answers at another address hears it";
    COLLECTOR_NEW: "evidence/collector-added", Review, Other, "a collector is told what happens", "names of tools, rules and levels leave the house with it";
    DRILL_GONE: "evidence/drill-gone", Owner, Evidence, "a drill is gone", "nothing shows any more that the scenario ends well";
    DRILL: "evidence/drill", Review, Evidence, "a drill expects or does something else", "a drill that expects less passes more";
    DRILL_NEW: "evidence/drill-added", Info, Stricter, "a new drill", "one more scenario has to end well";
    RISK_GONE: "evidence/risk-gone", Owner, Evidence, "a risk is no longer kept or carried", "a risk that nobody lists has no owner, drill or signal";
    RISK_LOST: "evidence/risk-unwatched", Owner, Evidence, "a risk lost its signal, drill, mitigation or owner", "a control that can't be tested or seen is an intention";
    RISK: "evidence/risk", Review, Evidence, "a risk is described otherwise", "what was accepted is now something else";
    RISK_NEW: "evidence/risk-added", Info, Stricter, "another risk is kept", "it wants an owner, a drill and a signal";

    // retrieval
    SOURCE: "source/changed", Owner, Data, "other passages are returned than before", "it decides what the model sees of whose data";
    SOURCE_NEW: "source/added", Review, Data, "a new source of documents", "what stands in it is one line away from every workflow";
    SOURCE_GONE: "source/removed", Info, Stricter, "a source of documents is gone", "the model no longer sees it";
    SOURCE_OWNER: "source/owner", Review, People, "somebody else answers for a source", "they approve its changes";
    COLLECTION: "source/collection", Owner, Data, "a source returns documents of another collection",
        "its label, readers and filter were written for the documents of the other one";
    PASSAGES: "source/k-raised", Owner, Data, "a question returns more passages", "more of the collection enters a context at once";
    PASSAGES_DOWN: "source/k-lowered", Info, Stricter, "a question returns fewer passages", "answers may lack what stood in the others";
    FILTER: "source/filter-looser", Owner, Data, "passages are returned that the filter kept back",
        "the filter is what keeps one tenant's or role's documents from another's questions";
    FILTER_DOWN: "source/filter-stricter", Info, Stricter, "the filter keeps more passages back", "some questions find nothing any more";
    SOURCE_READERS: "source/readers-wider", Owner, Data, "more people may be sent what a source returns",
        "data flows only to readers that its label names";
    SOURCE_READERS_DOWN: "source/readers-narrower", Info, Stricter, "fewer people may be sent what a source returns", "more of what goes out waits";
    SOURCE_LABEL: "source/trusted-more", Owner, Trust, "passages of a source are trusted more",
        "whoever may write there then aims acts";
    SOURCE_LABEL_DOWN: "source/trusted-less", Info, Stricter, "passages of a source are trusted less", "acts that rested on them wait";
    SOURCE_CLASS: "source/class-dropped", Owner, Data, "passages are no longer said to hold a class of data",
        "what keeps that class back no longer speaks about them";
    SOURCE_CLASS_UP: "source/class-added", Info, Stricter, "passages are said to hold another class of data", "what keeps that class back speaks about them";
    SOURCE_KEPT: "source/kept-longer", Owner, Data, "passages may be kept longer", "what its owner deletes lives on in copies until then";
    SOURCE_KEPT_DOWN: "source/kept-shorter", Info, Stricter, "passages may be kept less long", "they have to be looked up again";

    // what this diff has no words for
    SETTING: "setting/other", Review, Other, "a setting changed that this diff has no words for", "nobody said yet what it means for behaviour, so somebody has to read it";
    NOTE: "setting/note", Notice, Other, "a note for people changed", "it decides nothing, and somebody relies on it";
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn ids_are_unique_and_in_form() {
        let ids: BTreeSet<&str> = RULES.iter().map(|rule| rule.id).collect();
        assert_eq!(ids.len(), RULES.len());
        for rule in RULES {
            let (class, name) = rule.id.split_once('/').unwrap();
            assert!(
                [class, name].iter().all(|p| p.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')),
                "{}",
                rule.id
            );
            assert!(!rule.why.is_empty() && !rule.title.ends_with('.'), "{}", rule.id);
            assert_eq!(rule.level == Level::Info, rule.tally == Tally::Stricter, "{}", rule.id);
        }
    }
}
