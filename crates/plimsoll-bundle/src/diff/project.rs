//! People, issuers, listeners, bounds.

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_core::FieldClass;
use serde_json::{Value, json};

use super::change::Change;
use super::rules::{self, Rule};
use super::{Diffing, added, both, ticked};
use crate::model::{Bounds, Oidc, Otlp, READS_DEFAULT, WorkflowFrom};

const FILE: &str = "plimsoll.yaml";

impl Diffing<'_> {
    pub(super) fn people(&mut self) {
        let none = Vec::new();
        let (base, head) = (self.base, self.head);
        for (person, before, after) in both(&base.people.roles, &head.people.roles) {
            let (was, is) = (before.unwrap_or(&none), after.unwrap_or(&none));
            let at = crate::yaml::pointer(["people", person, "roles"]);
            for role in added(was, is) {
                let what = format!("`{person}` has the role `{role}`");
                let place = self.at("people.yaml", &at);
                let change =
                    Change::new(&rules::GAINED, &[person, role], place, what, json!(null), json!(true));
                self.tell(change.detail(may_answer(self.head, role)));
            }
            for role in added(is, was) {
                let what = format!("`{person}` no longer has the role `{role}`");
                let place = self.was_at("people.yaml", &at);
                self.tell(Change::new(&rules::LOST, &[person, role], place, what, json!(true), json!(null)));
            }
        }
    }

    /// Which classes of sealed fields each role opens. While no role says anything about it, everybody with an admin key
    /// opens the same; so the first line takes from the others, and the last one gives to them.
    pub(super) fn reads(&mut self) {
        let (was, is) = (&self.base.people.reads, &self.head.people.reads);
        let of = |reads: &BTreeMap<String, BTreeSet<FieldClass>>, role: &str| match reads.is_empty() {
            true => BTreeSet::from(READS_DEFAULT),
            false => reads.get(role).cloned().unwrap_or_default(),
        };
        let roles: BTreeSet<&String> = was.keys().chain(is.keys()).collect();
        let others = was.is_empty() != is.is_empty();
        let mut found = Vec::new();
        for role in roles.into_iter().map(String::as_str).chain(others.then_some("")) {
            let (was, is) = (of(was, role), of(is, role));
            if was == is {
                continue;
            }
            let rule = if is.is_subset(&was) { &rules::READS_DOWN } else { &rules::READS };
            let who = match role {
                "" => "everybody with an admin key whose roles say nothing about it".to_owned(),
                role => format!("`{role}`"),
            };
            let what = format!("{who} opens {}, not {}", classes(&is), classes(&was));
            let place = self.at("people.yaml", &crate::yaml::pointer(["roles", role, "reads"]));
            found.push(Change::new(rule, &[role], place, what, json!(was), json!(is)));
        }
        self.changes.extend(found);
    }

    /// Who is told what happens, and how much of what is sealed here.
    pub(super) fn collector(&mut self) {
        let (was, is) = (self.base.project.telemetry.as_ref(), self.head.project.telemetry.as_ref());
        let at = "/telemetry/otlp";
        let place = if is.is_some() { self.at(FILE, at) } else { self.was_at(FILE, at) };
        let sense = |otlp: &Otlp| {
            let headers: BTreeMap<&String, Value> =
                otlp.headers.iter().map(|(name, value)| (name, super::tools::secret(value))).collect();
            json!([otlp.endpoint, headers])
        };
        let (before, after) = (was.map(sense), is.map(sense));
        if before != after {
            let to = |otlp: &Otlp| format!("the collector at {}", otlp.endpoint);
            let (rule, what) = match (was, is) {
                (None, Some(is)) => (&rules::COLLECTOR_NEW, format!("{} is told what happens", to(is))),
                (Some(was), None) => (&rules::COLLECTOR, format!("{} is told nothing any more", to(was))),
                (Some(was), Some(is)) if was.endpoint != is.endpoint => {
                    (&rules::COLLECTOR, format!("{} is told what happens, not {}", to(is), to(was)))
                }
                _ => (&rules::COLLECTOR, "the collector is told what happens with other headers".to_owned()),
            };
            self.tell(Change::new(rule, &["telemetry"], place.clone(), what, json!(before), json!(after)));
        }
        let told = |otlp: Option<&Otlp>| -> BTreeSet<FieldClass> {
            let Some(otlp) = otlp else { return BTreeSet::new() };
            let all = [
                (otlp.identity, FieldClass::Identity),
                (otlp.arguments, FieldClass::Arguments),
                (otlp.content, FieldClass::Content),
            ];
            all.into_iter().filter(|(is, _)| *is).map(|(_, class)| class).collect()
        };
        let (was, is) = (told(was), told(is));
        if was != is {
            let rule = if is.is_subset(&was) { &rules::SEALED } else { &rules::UNSEALED };
            let what =
                format!("of what is sealed, the collector is told {}, not {}", classes(&is), classes(&was));
            self.tell(Change::new(rule, &["telemetry", "include"], place, what, json!(was), json!(is)));
        }
    }

    pub(super) fn project(&mut self) {
        let (was, is) = (&self.base.project, &self.head.project);
        let mut found: Vec<(&'static Rule, &str, String, Value, Value)> = Vec::new();
        let texts: [(&'static Rule, &str, &str, &String, &String); 3] = [
            (&rules::PROJECT_NAME, "/project", "it is called", &was.name, &is.name),
            (&rules::ENVIRONMENT, "/environment", "it is the environment", &was.environment, &is.environment),
            (&rules::STORE, "/store", "ledger and database lie in", &was.store, &is.store),
        ];
        for (rule, at, does, was, is) in texts {
            if was != is {
                found.push((rule, at, format!("{does} `{is}`, not `{was}`"), json!(was), json!(is)));
            }
        }
        let listeners = [
            ("/listen/data", "data", &was.listen_data, &is.listen_data),
            ("/listen/admin", "admin", &was.listen_admin, &is.listen_admin),
        ];
        for (at, which, was, is) in listeners {
            if was != is {
                let rule = if is_local(is) { &rules::LISTEN_OTHER } else { &rules::LISTEN };
                found.push((
                    rule,
                    at,
                    format!("the {which} listener binds to {is}, not {was}"),
                    json!(was),
                    json!(is),
                ));
            }
        }
        for (at, word, was, is) in
            [("/hosts", "Host", &was.hosts, &is.hosts), ("/origins", "Origin", &was.origins, &is.origins)]
        {
            let (more, fewer) = (added(was, is), added(is, was));
            if !more.is_empty() {
                found.push((
                    &rules::ORIGINS,
                    at,
                    format!("`{word}` may be {} too", ticked(&more)),
                    json!(fewer),
                    json!(more),
                ));
            } else if !fewer.is_empty() {
                found.push((
                    &rules::ORIGINS_DOWN,
                    at,
                    format!("`{word}` may no longer be {}", ticked(&fewer)),
                    json!(fewer),
                    json!(more),
                ));
            }
        }
        for ((name, was), (_, is)) in bounds(&was.bounds).into_iter().zip(bounds(&is.bounds)) {
            if was != is {
                let rule = if is > was { &rules::BOUND } else { &rules::BOUND_DOWN };
                found.push((
                    rule,
                    name,
                    format!("{} is {is}, not {was}", name.trim_start_matches("/bounds/")),
                    json!(was),
                    json!(is),
                ));
            }
        }
        for (rule, at, what, was, is) in found {
            let subject = at.trim_start_matches('/').replace('/', ".");
            let place = self.at(FILE, at);
            self.tell(Change::new(rule, &[&subject], place, what, was, is));
        }
        self.issuers();
    }

    /// An issuer is the same one when issuer, audience and workflow are; anything else about it changes what
    /// its tokens mean.
    fn issuers(&mut self) {
        let sides = [&self.base.project.oidc, &self.head.project.oidc];
        let [was, is] = sides.map(|list| -> BTreeMap<(String, String), Vec<(usize, Value)>> {
            let mut by_name: BTreeMap<_, Vec<_>> = BTreeMap::new();
            for (at, oidc) in list.iter().enumerate() {
                by_name
                    .entry((oidc.issuer.clone(), oidc.audience.clone()))
                    .or_default()
                    .push((at, issuer(oidc)));
            }
            by_name
        });
        for ((name, audience), before, after) in both(&was, &is) {
            let values = |side: Option<&Vec<(usize, Value)>>| -> Vec<Value> {
                let mut values: Vec<Value> =
                    side.into_iter().flatten().map(|(_, value)| value.clone()).collect();
                values.sort_by_key(ToString::to_string);
                values
            };
            let (before_values, after_values) = (values(before), values(after));
            if before_values == after_values {
                continue;
            }
            let subject = [name.as_str(), audience.as_str()];
            let index = after.or(before).and_then(|list| list.first()).map_or(0, |(at, _)| *at);
            let at = format!("/identity/oidc/{index}");
            let place = if after.is_some() { self.at(FILE, &at) } else { self.was_at(FILE, &at) };
            let (rule, what) = match (before.is_some(), after.is_some()) {
                (false, _) => (&rules::ISSUER, format!("tokens of {name} for `{audience}` are believed")),
                (_, false) => {
                    (&rules::ISSUER_GONE, format!("tokens of {name} for `{audience}` are no longer believed"))
                }
                _ => (
                    &rules::ISSUER,
                    format!(
                        "tokens of {name} for `{audience}` mean something else: {}",
                        differing(&before_values, &after_values)
                    ),
                ),
            };
            self.tell(Change::new(rule, &subject, place, what, json!(before_values), json!(after_values)));
        }
    }
}

fn classes(classes: &BTreeSet<FieldClass>) -> String {
    match classes.is_empty() {
        true => "nothing".to_owned(),
        false => ticked(classes.iter().map(|class| class.name())),
    }
}

/// Which of an issuer's settings differ.
fn differing(was: &[Value], is: &[Value]) -> String {
    let (Some(was), Some(is)) = (was.first(), is.first()) else { return String::new() };
    let names = ["kind", "workflow", "roles", "tenant", "on_behalf_of", "keys"];
    let line = |name: &&str| {
        let (was, is) = (&was[*name], &is[*name]);
        (was != is).then(|| {
            if *name == "keys" {
                "other keys sign them".to_owned()
            } else {
                format!("{name} {is}, not {was}")
            }
        })
    };
    names.iter().filter_map(line).collect::<Vec<_>>().join("; ")
}

fn issuer(oidc: &Oidc) -> Value {
    let workflow = match &oidc.workflow {
        WorkflowFrom::Fixed(name) => format!("`{name}`"),
        WorkflowFrom::Claim(claim) => format!("as the claim `{claim}` says"),
    };
    // Keys by value, however their file is laid out; an URL as it is.
    let keys = serde_json::from_str::<Value>(&oidc.jwks).unwrap_or_else(|_| json!(oidc.jwks));
    json!({
        "kind": oidc.kind, "workflow": workflow, "roles": oidc.roles_claim, "tenant": oidc.tenant_claim,
        "on_behalf_of": oidc.on_behalf_of_claim, "keys": plimsoll_core::Digest::of_json(&keys).to_string(),
    })
}

/// What a role may answer.
fn may_answer(bundle: &crate::Bundle, role: &str) -> Vec<String> {
    let mut acts = Vec::new();
    for workflow in bundle.workflows.values() {
        for (tool, boundary) in &workflow.acts {
            if let crate::Decider::People(terms) = &boundary.decides
                && terms.roles.iter().any(|has| has == role)
            {
                acts.push(format!("{tool} in {}", workflow.name));
            }
        }
    }
    acts.is_empty().then(Vec::new).unwrap_or_else(|| vec![format!("it may answer for {}", acts.join(", "))])
}

fn bounds(bounds: &Bounds) -> Vec<(&'static str, u64)> {
    let Bounds {
        request_bytes,
        response_bytes,
        json_depth,
        upstream_timeout_s,
        idle_timeout_s,
        request_timeout_s,
        in_flight,
        segment_bytes,
    } = *bounds;
    let wide = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
    vec![
        ("/bounds/request_bytes", wide(request_bytes)),
        ("/bounds/response_bytes", wide(response_bytes)),
        ("/bounds/json_depth", wide(json_depth)),
        ("/bounds/upstream_timeout", upstream_timeout_s),
        ("/bounds/idle_timeout", idle_timeout_s),
        ("/bounds/request_timeout", request_timeout_s),
        ("/bounds/in_flight", wide(in_flight)),
        ("/bounds/segment_bytes", wide(segment_bytes)),
    ]
}

fn is_local(address: &str) -> bool {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    matches!(host, "localhost" | "[::1]") || host.starts_with("127.")
}
