//! Tool servers and what is declared of each tool: tier, effect, account, arguments, results, checks.

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_core::{ArgumentRole, Integrity, Output};
use serde_json::{Value, json};

use super::change::Change;
use super::place::Place;
use super::rules::{self, Rule};
use super::{Diffing, added, both, money, ticked};
use crate::model::{Check, Comparison, Condition, Given, Operand, Reach, Secret, Server, Tool};
use crate::yaml::pointer;

impl Diffing<'_> {
    pub(super) fn servers(&mut self) {
        let (base, head) = (self.base, self.head);
        for (name, before, after) in both(&base.servers, &head.servers) {
            let file = format!("tools/{name}.yaml");
            match (before, after) {
                (None, Some(new)) => {
                    let what = format!("`{name}` is new: {}, {} tools", reached(&new.reach), new.tools.len());
                    let place = self.at(&file, "/server");
                    self.tell(Change::new(
                        &rules::SERVER_ADDED,
                        &[name],
                        place,
                        what,
                        json!(null),
                        reach_sense(&new.reach),
                    ));
                    for tool in new.tools.values() {
                        self.tool_added(&file, tool);
                    }
                }
                (Some(_), None) => {
                    let place = self.was_at(&file, "/server");
                    self.tell(Change::new(
                        &rules::SERVER_REMOVED,
                        &[name],
                        place,
                        format!("`{name}` is gone"),
                        json!(true),
                        json!(null),
                    ));
                }
                (Some(before), Some(after)) => self.server(&file, before, after),
                (None, None) => {}
            }
        }
    }

    fn server(&mut self, file: &str, before: &Server, after: &Server) {
        let name = &after.name;
        let (was, is) = (reach_sense(&before.reach), reach_sense(&after.reach));
        if was != is {
            let key = match after.reach {
                Reach::Http { .. } => "/http",
                Reach::Stdio { .. } => "/stdio",
                Reach::Local => "/local",
            };
            let what = format!("`{name}` is {}, not {}", reached(&after.reach), reached(&before.reach));
            self.tell(Change::new(&rules::REACH, &[name], self.at(file, key), what, was, is));
        }
        for (account, was, is) in both(&before.accounts, &after.accounts) {
            let place = self.at(file, &format!("/accounts/{}", account.name()));
            let subject = [name.as_str(), account.name()];
            let change = match (was, is) {
                (Some(was), Some(is)) if secret(was) == secret(is) => continue,
                (Some(was), Some(is)) => {
                    let what = format!(
                        "`{name}` gets the credential {} for {}, not {}",
                        is.from,
                        account.name(),
                        was.from
                    );
                    Change::new(&rules::CREDENTIAL, &subject, place, what, secret(was), secret(is))
                }
                (None, Some(is)) => {
                    let what = format!("`{name}` gets the credential {} for {}", is.from, account.name());
                    Change::new(&rules::CREDENTIAL, &subject, place, what, json!(null), secret(is))
                }
                (Some(was), None) => {
                    let what = format!("`{name}` no longer gets a credential for {}", account.name());
                    Change::new(&rules::CREDENTIAL_GONE, &subject, place, what, secret(was), json!(null))
                }
                (None, None) => continue,
            };
            self.tell(change);
        }
        if before.believed != after.believed {
            let (rule, what) = match after.believed {
                true => (
                    &rules::BELIEVED,
                    format!("the labels that `{name}` puts on its results may raise their trust"),
                ),
                false => (
                    &rules::BELIEVED_NOT,
                    format!("the labels that `{name}` puts on its results no longer raise their trust"),
                ),
            };
            self.tell(Change::new(
                rule,
                &[name],
                self.at(file, "/ifc"),
                what,
                json!(before.believed),
                json!(after.believed),
            ));
        }
        for (tool, was, is) in both(&before.tools, &after.tools) {
            match (was, is) {
                (None, Some(new)) => self.tool_added(file, new),
                (Some(old), None) => {
                    let place = self.was_at(file, &pointer(["tools", tool]));
                    let what = format!("`{}` is gone", old.name);
                    self.tell(Change::new(
                        &rules::TOOL_REMOVED,
                        &[&old.name.to_string()],
                        place,
                        what,
                        json!(true),
                        json!(null),
                    ));
                }
                (Some(was), Some(is)) => self.tool(file, was, is),
                (None, None) => {}
            }
        }
    }

    fn tool_added(&mut self, file: &str, tool: &Tool) {
        let name = tool.name.to_string();
        let what = format!("`{name}` is new: {}, {}", tool.tier.name(), tool.effect.name());
        let place = self.at(file, &pointer(["tools", &tool.name.tool]));
        let digest = tool.pin.as_ref().map(|pin| pin.digest.to_string());
        let sense = json!([tool.tier.name(), tool.effect.name(), digest]);
        let says = tool.pin.as_ref().and_then(|pin| pin.tool.get("description")).and_then(Value::as_str);
        let says = says.map(|text| format!("it says of itself: \"{}\"", crate::pin::show_hidden(text)));
        let hidden = tool.pin.as_ref().is_some_and(|pin| super::contract::hides(&pin.tool));
        self.tell(
            Change::new(&rules::TOOL_ADDED, &[&name], place.clone(), what, json!(null), sense.clone())
                .detail(says),
        );
        if hidden {
            let what = format!("`{name}` is described with characters that a reader can't see");
            self.tell(Change::new(&rules::HIDDEN, &[&name], place.clone(), what, json!(null), sense));
        }
        for like in self.named_like(tool) {
            let what = format!("`{name}` is named like `{like}`");
            self.tell(Change::new(
                &rules::TOOL_SHADOWS,
                &[&name, &like],
                place.clone(),
                what,
                json!(null),
                json!(true),
            ));
        }
    }

    /// The tools of other servers that a model may take for this one.
    fn named_like(&self, tool: &Tool) -> Vec<String> {
        let folded = crate::pin::folded(&tool.name.tool);
        let others = self.head.servers.values().filter(|server| server.name != tool.name.server);
        let tools = others.flat_map(|server| server.tools.values());
        let like = tools.filter(|other| crate::pin::folded(&other.name.tool) == folded);
        like.map(|other| other.name.to_string()).collect()
    }

    fn tool(&mut self, file: &str, was: &Tool, is: &Tool) {
        let name = is.name.to_string();
        let at = pointer(["tools", &is.name.tool]);
        let place = |key: &str| self.at(file, &format!("{at}{key}"));
        let mut found = Vec::new();
        let mut say = |rule: &'static Rule, key: &str, what: String, was: Value, is: Value| {
            found.push(Change::new(rule, &[&name], place(key), what, was, is));
        };
        if was.tier != is.tier {
            let rule = if is.tier < was.tier { &rules::TIER } else { &rules::TIER_UP };
            say(
                rule,
                "/tier",
                format!("`{name}` is {}, not {}", is.tier.name(), was.tier.name()),
                json!(was.tier),
                json!(is.tier),
            );
        }
        if was.effect != is.effect {
            let rule = if is.effect < was.effect { &rules::EFFECT } else { &rules::EFFECT_UP };
            say(
                rule,
                "/effect",
                format!("the effect of `{name}` is {}, not {}", is.effect.name(), was.effect.name()),
                json!(was.effect),
                json!(is.effect),
            );
        }
        if was.account != is.account {
            let rule = if is.account > was.account { &rules::ACCOUNT } else { &rules::ACCOUNT_DOWN };
            say(
                rule,
                "/account",
                format!("`{name}` uses the account {}, not {}", is.account.name(), was.account.name()),
                json!(was.account),
                json!(is.account),
            );
        }
        if was.amount_free != is.amount_free {
            let free = |free: Option<i64>| free.map_or_else(|| "nothing".to_owned(), money);
            let rule = if is.amount_free > was.amount_free { &rules::FREE } else { &rules::FREE_DOWN };
            let what = format!(
                "`{name}` moves up to {} without a proven amount, not {}",
                free(is.amount_free),
                free(was.amount_free)
            );
            say(rule, "/amount_free", what, json!(was.amount_free), json!(is.amount_free));
        }
        if was.draft != is.draft {
            let to = |draft: &Option<plimsoll_core::ToolName>| {
                draft.as_ref().map_or_else(|| "nothing".to_owned(), |d| format!("`{d}`"))
            };
            let what =
                format!("when `{name}` is refused, {} is offered, not {}", to(&is.draft), to(&was.draft));
            say(&rules::DRAFT, "/draft", what, json!(was.draft), json!(is.draft));
        }
        let (before, after): (BTreeSet<_>, BTreeSet<_>) =
            (was.meaning.verbs.iter().collect(), is.meaning.verbs.iter().collect());
        if before != after {
            let more: Vec<_> = after.difference(&before).collect();
            let fewer = more.is_empty() && !after.is_empty();
            let rule = if fewer { &rules::VERBS_DOWN } else { &rules::VERBS };
            let words = |words: &BTreeSet<&String>| {
                if words.is_empty() { "the words of its name".to_owned() } else { ticked(words) }
            };
            let what = format!("a user asks for `{name}` with {}, not {}", words(&after), words(&before));
            say(rule, "/verbs", what, json!(before), json!(after));
        }
        self.changes.extend(found);
        self.argument_roles(file, was, is);
        self.checks(file, was, is);
        self.output(file, &is.name.tool, &name, &was.meaning.output, &is.meaning.output);
        self.contract(was, is);
    }

    fn argument_roles(&mut self, file: &str, was: &Tool, is: &Tool) {
        let name = is.name.to_string();
        let exists = |tool: &Tool, path: &str| {
            let first = path.split('/').nth(1).unwrap_or_default();
            tool.pin.as_ref().is_none_or(|pin| pin.input_schema["properties"].get(first).is_some())
        };
        for (path, before, after) in both(&was.meaning.roles, &is.meaning.roles) {
            // A whole argument that came or went is told by the contract.
            if before == after || !exists(was, path) || !exists(is, path) {
                continue;
            }
            let rule = weight(before.copied()).cmp(&weight(after.copied()));
            let rule = match rule {
                std::cmp::Ordering::Greater => &rules::ROLE,
                std::cmp::Ordering::Less => &rules::ROLE_UP,
                std::cmp::Ordering::Equal => &rules::ROLE_OTHER,
            };
            let word =
                |role: Option<&ArgumentRole>| role.map_or("nothing that is traced", |role| role.name());
            let argument = path.trim_start_matches('/');
            let what = format!("`{argument}` of `{name}` is {}, not {}", word(after), word(before));
            let place = self.at(file, &pointer(["tools", &is.name.tool, "args", argument]));
            self.tell(Change::new(rule, &[&name, argument], place, what, json!(before), json!(after)));
        }
    }

    fn checks(&mut self, file: &str, was: &Tool, is: &Tool) {
        let name = is.name.to_string();
        let at = pointer(["tools", &is.name.tool, "check"]);
        let senses = |tool: &Tool| -> BTreeMap<String, usize> {
            tool.checks.iter().enumerate().map(|(i, check)| (check_sense(check).to_string(), i)).collect()
        };
        let (before, after) = (senses(was), senses(is));
        for (sense, i) in after.iter().filter(|(sense, _)| !before.contains_key(*sense)) {
            let check = &is.checks[*i];
            let place = self.at(file, &format!("{at}/{i}"));
            let old = was.checks.iter().find(|old| old.name == check.name);
            let stricter = old.is_none_or(|old| is_stricter(old, check));
            let rule = if stricter { &rules::CHECK_UP } else { &rules::CHECK };
            let instead = old.map(|old| format!(", not {}", asks(old))).unwrap_or_default();
            let what = format!("`{name}` is checked by `{}`: {}{instead}", check.name, asks(check));
            let before = old.map(|old| check_sense(old).to_string());
            self.tell(Change::new(rule, &[&name], place, what, json!(before), json!(sense)));
        }
        let gone = before.iter().filter(|(sense, _)| !after.contains_key(*sense));
        for (sense, i) in
            gone.filter(|(_, i)| !is.checks.iter().any(|check| check.name == was.checks[**i].name))
        {
            let check = &was.checks[*i];
            let what = format!("`{name}` is no longer checked by `{}`: {}", check.name, asks(check));
            let place = self.was_at(file, &format!("{at}/{i}"));
            self.tell(Change::new(&rules::CHECK, &[&name], place, what, json!(sense), json!(null)));
        }
    }

    fn output(&mut self, file: &str, tool: &str, name: &str, was: &Output, is: &Output) {
        let at = |key: &str| self.at(file, &format!("{}{key}", pointer(["tools", tool, "output"])));
        let mut found = Labels { name, changes: Vec::new() };
        if was.integrity != is.integrity {
            let trusted = is.integrity > was.integrity;
            let word = |integrity: Integrity| integrity.name();
            found.say(
                trusted,
                at(""),
                "integrity",
                format!("what `{name}` returns is {}, not {}", word(is.integrity), word(was.integrity)),
                json!(was.integrity),
                json!(is.integrity),
            );
        }
        let lists = [
            ("trusted", "only the organisation writes", &was.trusted, &is.trusted),
            ("directory", "is of a directory that the organisation keeps:", &was.directory, &is.directory),
            ("named_by", "names a record:", &was.named_by, &is.named_by),
        ];
        for (key, meaning, was, is) in lists {
            for field in added(was, is) {
                found.say(
                    true,
                    at(&format!("/{key}")),
                    key,
                    format!("of what `{name}` returns, {meaning} `{field}`"),
                    json!(null),
                    json!(field),
                );
            }
            for field in added(is, was) {
                found.say(
                    false,
                    at(&format!("/{key}")),
                    key,
                    format!("of what `{name}` returns, no longer {meaning} `{field}`"),
                    json!(field),
                    json!(null),
                );
            }
        }
        for (field, was, is) in both(&was.lends, &is.lends) {
            if was != is {
                let what = match is {
                    Some(argument) => format!(
                        "a record of `{name}` that the user names lends its `{field}` as `{argument}`"
                    ),
                    None => format!("a record of `{name}` no longer lends its `{field}`"),
                };
                found.say(is.is_some(), at("/lends"), "lends", what, json!([field, was]), json!([field, is]));
            }
        }
        if was.author != is.author {
            let what = match &is.author {
                Some(field) => format!("texts of `{name}` whose `{field}` the user names may aim acts"),
                None => format!("texts of `{name}` inform no more than a stranger's"),
            };
            found.say(
                is.author.is_some(),
                at("/author"),
                "author",
                what,
                json!(was.author),
                json!(is.author),
            );
        }
        for (field, was, is) in both(&was.sensitive, &is.sensitive) {
            let change = match (was, is) {
                (was, is) if was == is => continue,
                (_, Some(class)) if was.is_none() => Change::new(
                    &rules::SENSITIVE_UP,
                    &[name, field],
                    at("/sensitive"),
                    format!("`{field}` of `{name}` is {class} data"),
                    json!(null),
                    json!(class),
                ),
                (Some(old), is) => {
                    let now = is.map_or_else(|| "not sensitive".to_owned(), |class| format!("{class} data"));
                    Change::new(
                        &rules::SENSITIVE,
                        &[name, field],
                        at("/sensitive"),
                        format!("`{field}` of `{name}` is {now}, not {old} data"),
                        json!(old),
                        json!(is),
                    )
                }
                _ => continue,
            };
            found.changes.push(change);
        }
        let changes = found.changes;
        let readers = self.readers(
            [&rules::READERS, &rules::READERS_DOWN],
            &at("/readers"),
            name,
            &was.readers,
            &is.readers,
        );
        self.changes.extend(changes.into_iter().chain(readers));
    }

    /// Who may be sent what a tool or a source returns; nobody named is anybody.
    pub(super) fn readers(
        &self,
        [wider, narrower]: [&'static Rule; 2],
        place: &Place,
        name: &str,
        was: &BTreeSet<String>,
        is: &BTreeSet<String>,
    ) -> Option<Change> {
        let (gained, lost) = (added(was, is), added(is, was));
        let (rule, what) = match (was.is_empty(), is.is_empty()) {
            _ if was == is => return None,
            (_, true) => {
                (wider, format!("anybody may be sent what `{name}` returns, not only {}", ticked(lost)))
            }
            (true, _) => (narrower, format!("what `{name}` returns is for {} only", ticked(gained))),
            _ if !gained.is_empty() => {
                (wider, format!("{} may be sent what `{name}` returns too", ticked(gained)))
            }
            _ => (narrower, format!("{} may no longer be sent what `{name}` returns", ticked(lost))),
        };
        Some(Change::new(rule, &[name], place.clone(), what, json!(was), json!(is)))
    }
}

struct Labels<'n> {
    name: &'n str,
    changes: Vec<Change>,
}

impl Labels<'_> {
    fn say(&mut self, more: bool, place: Place, key: &str, what: String, was: Value, is: Value) {
        let rule = if more { &rules::LABEL } else { &rules::LABEL_DOWN };
        self.changes.push(Change::new(rule, &[self.name, key], place, what, was, is));
    }
}

/// How much a role asks of a value: nothing, that it is searched, that it is proven.
fn weight(role: Option<ArgumentRole>) -> u8 {
    match role {
        None => 0,
        Some(role) if role.aims() => 3,
        Some(role) if role.must_be_proven() => 2,
        Some(_) => 1,
    }
}

/// A secret by where it comes from; a plain one by its digest, which is never shown.
pub(super) fn secret(secret: &Secret) -> Value {
    let plain = !secret.from.contains("${") && !secret.from.starts_with("file:");
    json!([secret.from, plain.then(|| plimsoll_core::Digest::of(secret.reveal().as_bytes()).short())])
}

fn reached(reach: &Reach) -> String {
    match reach {
        Reach::Http { url } => format!("reached at {url}"),
        Reach::Stdio { command, .. } => format!("started as `{}`", command.join(" ")),
        Reach::Local => "run by the client".to_owned(),
    }
}

fn reach_sense(reach: &Reach) -> Value {
    match reach {
        Reach::Http { url } => json!({ "http": url }),
        Reach::Stdio { command, env } => {
            let env: BTreeMap<&String, Value> =
                env.iter().map(|(name, value)| (name, secret(value))).collect();
            json!({ "stdio": command, "env": env })
        }
        Reach::Local => json!("local"),
    }
}

// === checks by what they ask ===

fn check_sense(check: &Check) -> Value {
    let mut require: Vec<String> = check.require.iter().map(condition).collect();
    require.sort();
    json!([check.call, given(check), require])
}

fn given(check: &Check) -> BTreeMap<&String, Value> {
    let value = |given: &Given| match given {
        Given::Argument(path) => json!({ "argument": path }),
        Given::Constant(value) => json!({ "constant": value }),
    };
    check.with.iter().map(|(name, from)| (name, value(from))).collect()
}

/// `b >= a` is `a <= b`.
fn condition(condition: &Condition) -> String {
    use Comparison as C;
    let side = |operand: &Operand| match operand {
        Operand::Argument(path) => format!("argument {path}"),
        Operand::Result(path) => format!("result {path}"),
        Operand::Constant(value) => format!("constant {value}"),
    };
    let (left, right) = (side(&condition.left), side(&condition.right));
    match condition.op {
        C::Greater => format!("{right} < {left}"),
        C::GreaterOrEqual => format!("{right} <= {left}"),
        C::Less => format!("{left} < {right}"),
        C::LessOrEqual => format!("{left} <= {right}"),
        C::Equal => format!("{} = {}", (&left).min(&right), (&left).max(&right)),
        C::NotEqual => format!("{} != {}", (&left).min(&right), (&left).max(&right)),
    }
}

/// The same question with more conditions.
fn is_stricter(old: &Check, new: &Check) -> bool {
    let set = |check: &Check| -> BTreeSet<String> { check.require.iter().map(condition).collect() };
    old.call == new.call && given(old) == given(new) && set(old).is_subset(&set(new))
}

fn asks(check: &Check) -> String {
    let conditions: Vec<&str> = check.require.iter().map(|condition| condition.text.as_str()).collect();
    let with: Vec<String> = check
        .with
        .iter()
        .map(|(name, from)| match from {
            Given::Argument(path) => format!("{name} = ${}", path.trim_start_matches('/')),
            Given::Constant(value) => format!("{name} = {value}"),
        })
        .collect();
    format!("{} of `{}` with {}", conditions.join(" and "), check.call, with.join(", "))
}
