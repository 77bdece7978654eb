//! Tier, effect and account of a tool, with the reasons.
//!
//! A server's annotations are claims: `destructiveHint: true` is believed, because it makes the
//! proposal stricter; `readOnlyHint: true` only together with a name that says the same.

use plimsoll_core::{Account, ArgumentRole, Effect, Tier};
use serde_json::Value;

use super::roles::{is_credential, roles};
use super::words::{Deed, deed, opening, warning, words};

/// A proposal for one tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    pub tier: Tier,
    pub effect: Effect,
    pub account: Account,
    /// Why, for the comment.
    pub why: Vec<String>,
}

/// Proposes tier, effect and account of a tool as `tools/list` describes it.
pub fn judge(tool: &Value) -> Judged {
    let text = |key: &str| tool.get(key).and_then(Value::as_str).unwrap_or_default();
    let claims = |name: &str| tool.get("annotations").and_then(|a| a.get(name)).and_then(Value::as_bool);
    let mut why = Vec::new();
    let mut deed = by_name(text("name"), &mut why);
    // Where the name says nothing, the description may make it worse than that, never better.
    if deed.is_none()
        && let Some((said, word)) = opening(text("description")).filter(|(said, _)| *said >= Deed::Send)
    {
        why.push(format!("its description begins with `{word}`"));
        deed = Some(said);
    }
    if let Some((said, path, value)) = by_choice(tool)
        && deed.is_none_or(|deed| said > deed)
    {
        why.push(format!("`{path}` may be `{value}`"));
        deed = Some(said);
    }
    if let Some((said, phrase)) = warning(text("description"))
        && deed.is_none_or(|deed| said > deed && (deed != Deed::Read || said >= Deed::Send))
    {
        why.push(format!("its description says \"{phrase}\""));
        deed = Some(said);
    }
    let (tier, effect) = match deed {
        Some(deed) => of_deed(deed),
        None => (Tier::Guarded, Effect::Shared),
    };
    let (tier, effect) = by_claims(tier, effect, claims("readOnlyHint"), claims("destructiveHint"), &mut why);
    let (tier, effect) = by_arguments(tool, deed, tier, effect, &mut why);
    let account = match (deed, effect) {
        (_, Effect::Read) => Account::Read,
        (Some(Deed::Draft), _) => Account::Draft,
        _ => Account::Execute,
    };
    Judged { tier, effect, account, why }
}

fn by_name(name: &str, why: &mut Vec<String>) -> Option<Deed> {
    let Some((deed, word)) = deed(name) else {
        why.push("its name does not say what it does".to_owned());
        return None;
    };
    let means = match deed {
        Deed::Read => "looks",
        Deed::Reach => "asks places outside",
        Deed::Draft => "prepares",
        Deed::Write => "changes things",
        Deed::Send => "tells somebody",
        Deed::Pay => "moves money",
        Deed::Admit => "lets somebody in",
        Deed::Run => "does what it is told",
        Deed::Destroy => "takes something away",
    };
    why.push(format!("`{word}` {means}"));
    Some(deed)
}

/// The worst that an argument with a closed set of values lets be done: `action`, which may be `delete`.
fn by_choice(tool: &Value) -> Option<(Deed, String, String)> {
    let properties = tool.get("inputSchema")?.get("properties")?.as_object()?;
    let values = properties.iter().flat_map(|(name, property)| {
        let values = property.get("enum").and_then(Value::as_array).into_iter().flatten();
        values.filter_map(move |value| Some((name, value.as_str()?)))
    });
    let does = words("action operation op command cmd method verb task do");
    let deeds = values.filter(|(name, _)| words(name).iter().any(|word| does.contains(word)));
    let found = deeds.filter_map(|(name, value)| Some((deed(value)?.0, name.clone(), value.to_owned())));
    found.filter(|(deed, ..)| *deed >= Deed::Write).max_by_key(|(deed, ..)| *deed)
}

fn of_deed(deed: Deed) -> (Tier, Effect) {
    match deed {
        Deed::Read => (Tier::Safe, Effect::Read),
        // What it asks for may leave with the question, unless the arguments say otherwise below.
        Deed::Reach => (Tier::Guarded, Effect::Egress),
        Deed::Draft | Deed::Write => (Tier::Guarded, Effect::Shared),
        Deed::Send => (Tier::Guarded, Effect::Egress),
        Deed::Pay | Deed::Admit => (Tier::Dangerous, Effect::External),
        Deed::Run | Deed::Destroy => (Tier::Dangerous, Effect::Destructive),
    }
}

fn by_claims(
    tier: Tier,
    effect: Effect,
    read_only: Option<bool>,
    destructive: Option<bool>,
    why: &mut Vec<String>,
) -> (Tier, Effect) {
    match (read_only, destructive) {
        // A tool that only reads destroys nothing, whatever the other hint says (the protocol's words).
        (Some(true), _) if effect == Effect::Read => {
            why.push("it claims to be read-only".to_owned());
            (tier, effect)
        }
        (Some(true), _) => {
            why.push("it claims to be read-only, which its name does not confirm".to_owned());
            (tier, effect)
        }
        (_, Some(true)) => {
            why.push("it claims to be destructive".to_owned());
            match effect {
                Effect::Read => (Tier::Guarded, Effect::Shared),
                Effect::External | Effect::Egress => (Tier::Dangerous, effect),
                _ => (Tier::Dangerous, Effect::Destructive),
            }
        }
        (Some(false), _) if effect == Effect::Read => {
            why.push("it claims not to be read-only".to_owned());
            (Tier::Guarded, Effect::Shared)
        }
        _ => (tier, effect),
    }
}

/// A mild name over arguments that can carry anything is not mild, and new keys are for people to give.
fn by_arguments(
    tool: &Value,
    deed: Option<Deed>,
    tier: Tier,
    effect: Effect,
    why: &mut Vec<String>,
) -> (Tier, Effect) {
    let Some(schema) = tool.get("inputSchema") else { return (tier, effect) };
    let found = roles(schema);
    let has = |role: ArgumentRole| found.iter().find(|found| found.role == role);
    let name = tool.get("name").and_then(Value::as_str).unwrap_or_default();
    if let Some(key) = has(ArgumentRole::Credential)
        && deed == Some(Deed::Write)
        && words(name).iter().any(|word| is_credential(word))
    {
        why.push(format!("`{}` is what somebody gets in with", key.path));
        return (Tier::Dangerous, Effect::Shared);
    }
    if let Some(url) = has(ArgumentRole::Url)
        && deed.is_none()
        && tier != Tier::Dangerous
    {
        why.push(format!("`{}` says where it reaches", url.path));
        return (tier.max(Tier::Guarded), Effect::Egress);
    }
    if let Some(url) = has(ArgumentRole::Url)
        && matches!(deed, Some(Deed::Read | Deed::Reach))
        && effect != Effect::Destructive
    {
        // Looking where the user points gives nothing away; sending something along does.
        let carries = [ArgumentRole::Content, ArgumentRole::Code].into_iter().find_map(has);
        return match carries {
            Some(more) => {
                why.push(format!("`{}` leaves with the question", more.path));
                (tier.max(Tier::Guarded), Effect::Egress)
            }
            None => {
                why.push(format!("`{}` says where it looks, and can carry data out", url.path));
                (tier.max(Tier::Guarded), Effect::Read)
            }
        };
    }
    if tier != Tier::Safe {
        return (tier, effect);
    }
    if let Some(code) = has(ArgumentRole::Code) {
        why.push(format!("but `{}` is code, which can do more than look", code.path));
        return (Tier::Guarded, Effect::Shared);
    }
    (tier, effect)
}
