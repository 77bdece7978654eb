//! Workflows: mode, who may use them, who decides about each act, limits.

use plimsoll_core::{ApprovalTerms, Mode, ToolName};
use serde_json::json;

use super::change::Change;
use super::rules::{self, Rule};
use super::{Diffing, added, both, money, ticked, time};
use crate::model::{Boundary, Decider, HostedTools, Limit, LimitMeasure, LimitPer, Workflow};

impl Diffing<'_> {
    pub(super) fn workflows(&mut self) {
        let (base, head) = (self.base, self.head);
        for (name, before, after) in both(&base.workflows, &head.workflows) {
            let file = format!("workflows/{name}.yaml");
            match (before, after) {
                (None, Some(new)) => {
                    let what = format!("`{name}` is new: {}", new.purpose.trim());
                    let after = json!([new.mode.name(), new.roles]);
                    self.tell(Change::new(
                        &rules::WORKFLOW_ADDED,
                        &[name],
                        self.at(&file, "/workflow"),
                        what,
                        json!(null),
                        after,
                    ));
                }
                (Some(_), None) => {
                    let what = format!("`{name}` is gone");
                    self.tell(Change::new(
                        &rules::WORKFLOW_REMOVED,
                        &[name],
                        self.was_at(&file, "/workflow"),
                        what,
                        json!(true),
                        json!(null),
                    ));
                }
                (Some(before), Some(after)) => self.workflow(&file, before, after),
                (None, None) => {}
            }
        }
    }

    fn workflow(&mut self, file: &str, before: &Workflow, after: &Workflow) {
        self.mode(file, before, after);
        self.who_may_use(file, before, after);
        self.what_it_uses(file, before, after);
        self.answers_for(file, before, after);
        self.hosted(file, before, after);
        for (tool, was, is) in both(&before.acts, &after.acts) {
            if let (Some(was), Some(is)) = (was, is) {
                self.boundary(&after.name, tool, was, is);
            }
        }
        self.limits(file, &after.name, &before.limits, &after.limits);
        for risk in added(after.risks.iter(), before.risks.iter()) {
            let what = format!("`{}` no longer carries the risk `{risk}`", after.name);
            let place = self.at(file, "/risks");
            self.tell(Change::new(
                &rules::RISK_GONE,
                &[&after.name, risk],
                place,
                what,
                json!(true),
                json!(null),
            ));
        }
        for risk in added(before.risks.iter(), after.risks.iter()) {
            let what = format!("`{}` carries the risk `{risk}`", after.name);
            let place = self.at(file, "/risks");
            self.tell(Change::new(
                &rules::RISK_NEW,
                &[&after.name, risk],
                place,
                what,
                json!(null),
                json!(true),
            ));
        }
    }

    fn mode(&mut self, file: &str, before: &Workflow, after: &Workflow) {
        // How much happens: nothing guarded, what is decided, everything.
        let freedom = |mode: Mode| match mode {
            Mode::Suggest => 0,
            Mode::Enforce => 1,
            Mode::Observe => 2,
        };
        let (was, is) = (before.mode, after.mode);
        if was == is {
            return;
        }
        let rule = if freedom(is) > freedom(was) { &rules::MODE } else { &rules::MODE_UP };
        let what = format!("`{}` goes from {} to {}", after.name, was.name(), is.name());
        let place = self.at(file, "/mode");
        let mut change = Change::new(rule, &[&after.name], place, what, json!(was.name()), json!(is.name()));
        if freedom(is) > freedom(was) {
            let (acts, shown) = self.lets_happen(&after.name, was, is);
            change = change.detail(acts);
            if let Some(shown) = shown {
                change = change.example(shown);
            }
        }
        self.tell(change);
    }

    fn who_may_use(&mut self, file: &str, before: &Workflow, after: &Workflow) {
        let name = &after.name;
        let (gained, lost) = (added(&before.roles, &after.roles), added(&after.roles, &before.roles));
        let place = self.at(file, "/roles");
        let change = |rule: &'static Rule, what: String| {
            Change::new(
                rule,
                &[name],
                place.clone(),
                what,
                json!(sorted(&before.roles)),
                json!(sorted(&after.roles)),
            )
        };
        let found = match (before.roles.is_empty(), after.roles.is_empty()) {
            (true, true) => return,
            (false, true) => change(
                &rules::ROLES,
                format!("any key or token of `{name}` may use it, not only {}", ticked(lost)),
            ),
            (true, false) => {
                change(&rules::ROLES_DOWN, format!("`{name}` now needs one of the roles {}", ticked(gained)))
            }
            _ if !gained.is_empty() => change(
                &rules::ROLES,
                format!("principals with the role {} may use `{name}` too", ticked(gained)),
            ),
            _ if !lost.is_empty() => change(
                &rules::ROLES_DOWN,
                format!("principals with the role {} may no longer use `{name}`", ticked(lost)),
            ),
            _ => return,
        };
        self.tell(found);
    }

    fn what_it_uses(&mut self, file: &str, before: &Workflow, after: &Workflow) {
        let name = &after.name;
        self.uses(
            file,
            name,
            "model",
            [&before.models, &after.models],
            [&rules::WORKFLOW_MODEL, &rules::WORKFLOW_MODEL_GONE],
        );
        self.uses(
            file,
            name,
            "prompt",
            [&before.prompts, &after.prompts],
            [&rules::WORKFLOW_PROMPT, &rules::WORKFLOW_PROMPT_GONE],
        );
        self.uses(
            file,
            name,
            "source",
            [&before.sources, &after.sources],
            [&rules::WORKFLOW_SOURCE, &rules::WORKFLOW_SOURCE_GONE],
        );
        let kept = |list: &[String], other: &[String]| -> Vec<String> {
            list.iter().filter(|id| other.contains(id)).cloned().collect()
        };
        let (was, is) = (kept(&before.models, &after.models), kept(&after.models, &before.models));
        if was != is {
            let what =
                format!("`{name}` prefers its models in the order {}, not {}", ticked(&is), ticked(&was));
            self.tell(Change::new(
                &rules::MODEL_ORDER,
                &[name],
                self.at(file, "/models"),
                what,
                json!(was),
                json!(is),
            ));
        }
        if before.authoriser != after.authoriser {
            let place = self.at(file, "/authoriser");
            let (was, is) = (json!(before.authoriser), json!(after.authoriser));
            let (rule, what) = match &after.authoriser {
                Some(model) => (
                    &rules::AUTHORISER,
                    format!("the model `{model}` may say in `{name}` whether the user asked for an act"),
                ),
                None => (
                    &rules::AUTHORISER_GONE,
                    format!("no model says any more in `{name}` whether the user asked"),
                ),
            };
            self.tell(Change::new(rule, &[name], place, what, was, is));
        }
    }

    fn uses(
        &mut self,
        file: &str,
        name: &str,
        word: &str,
        [was, is]: [&Vec<String>; 2],
        [more, less]: [&'static Rule; 2],
    ) {
        let place = self.at(file, &format!("/{word}s"));
        for id in added(was, is) {
            let what = format!("`{name}` may use the {word} `{id}`");
            self.tell(Change::new(more, &[name, id], place.clone(), what, json!(null), json!(true)));
        }
        for id in added(is, was) {
            let what = format!("`{name}` may no longer use the {word} `{id}`");
            self.tell(Change::new(less, &[name, id], place.clone(), what, json!(true), json!(null)));
        }
    }

    fn answers_for(&mut self, file: &str, before: &Workflow, after: &Workflow) {
        let name = &after.name;
        let texts: [(&'static Rule, &str, &str, &String, &String); 3] = [
            (&rules::WORKFLOW_OWNER, "owner", "answers for", &before.owner, &after.owner),
            (
                &rules::WORKFLOW_OWNER,
                "incident_owner",
                "is called when it is about",
                &before.incident_owner,
                &after.incident_owner,
            ),
            (&rules::PURPOSE, "purpose", "is the purpose of", &before.purpose, &after.purpose),
        ];
        for (rule, key, does, was, is) in texts {
            if was.trim() != is.trim() {
                let what = format!("\"{}\" {does} `{name}`, not \"{}\"", is.trim(), was.trim());
                let place = self.at(file, &format!("/{key}"));
                self.tell(Change::new(rule, &[name, key], place, what, json!(was.trim()), json!(is.trim())));
            }
        }
    }

    fn hosted(&mut self, file: &str, before: &Workflow, after: &Workflow) {
        let name = &after.name;
        let word = |hosted: HostedTools| match hosted {
            HostedTools::Refuse => "refused",
            HostedTools::Strip => "stripped from requests",
            HostedTools::Approve => "let through when the provider asks first",
        };
        let (was, is) = (before.hosted_tools, after.hosted_tools);
        if was != is {
            let rule = match (was, is) {
                (_, HostedTools::Approve) => &rules::HOSTED,
                (HostedTools::Approve, _) => &rules::HOSTED_DOWN,
                _ => &rules::HOSTED_OTHER,
            };
            let what = format!("provider-hosted tools in `{name}` are {}, not {}", word(is), word(was));
            self.tell(Change::new(
                rule,
                &[name],
                self.at(file, "/hosted_tools"),
                what,
                json!(word(was)),
                json!(word(is)),
            ));
        }
        if before.media != after.media {
            let (rule, what) = match after.media {
                true => (&rules::MEDIA, format!("images, sound and files pass `{name}` unread")),
                false => (&rules::MEDIA_DOWN, format!("images, sound and files are refused in `{name}`")),
            };
            self.tell(Change::new(
                rule,
                &[name],
                self.at(file, "/media"),
                what,
                json!(before.media),
                json!(after.media),
            ));
        }
    }

    fn boundary(&mut self, workflow: &str, tool: &ToolName, was: &Boundary, is: &Boundary) {
        let act = tool.to_string();
        let subject = [workflow, &act];
        let place = self.at_head.act(workflow, tool, "/decides");
        match (&was.decides, &is.decides) {
            (Decider::Automated, Decider::Automated) => {}
            (Decider::People(terms), Decider::Automated) => {
                let what =
                    format!("`{act}` is automated in `{workflow}`; {} decided about it", people(terms));
                self.tell(Change::new(
                    &rules::DECIDES,
                    &subject,
                    place.clone(),
                    what,
                    sense(terms),
                    json!("automated"),
                ));
            }
            (Decider::Automated, Decider::People(terms)) => {
                let what = format!("{} decide about `{act}` in `{workflow}`", people(terms));
                self.tell(Change::new(
                    &rules::DECIDES_NOW,
                    &subject,
                    place.clone(),
                    what,
                    json!("automated"),
                    sense(terms),
                ));
            }
            (Decider::People(was), Decider::People(is)) => self.terms(subject, tool, was, is),
        }
        if was.untrusted != is.untrusted {
            let (rule, what) = match is.untrusted {
                true => (
                    &rules::UNTRUSTED,
                    format!(
                        "for `{act}` people may also approve a recipient, account, URL or credential that untrusted content chose"
                    ),
                ),
                false => (
                    &rules::UNTRUSTED_NOT,
                    format!("for `{act}` people may no longer approve what untrusted content chose"),
                ),
            };
            let place = self.at_head.act(workflow, tool, "/decides/untrusted");
            self.tell(Change::new(rule, &subject, place, what, json!(was.untrusted), json!(is.untrusted)));
        }
        let texts: [(&'static Rule, &str, &str, &String, &String); 2] = [
            (&rules::ACT_FAILURE, "on_failure", "what happens when", &was.on_failure, &is.on_failure),
            (&rules::ACT_WAY_BACK, "way_back", "the way back when", &was.way_back, &is.way_back),
        ];
        for (rule, key, tells, was, is) in texts {
            if was.trim() != is.trim() {
                let what = format!("{tells} `{act}` goes wrong is \"{}\", not \"{}\"", is.trim(), was.trim());
                let place = self.at_head.act(workflow, tool, &format!("/{key}"));
                self.tell(Change::new(rule, &subject, place, what, json!(was.trim()), json!(is.trim())));
            }
        }
    }

    fn terms(&mut self, subject: [&str; 2], tool: &ToolName, was: &ApprovalTerms, is: &ApprovalTerms) {
        let [workflow, act] = subject;
        let at = |key: &str| self.at_head.act(workflow, tool, &format!("/decides/{key}"));
        let (quorum, expires, roles) = (at("quorum"), at("expires"), at("people"));
        if was.quorum != is.quorum {
            let rule = if is.quorum < was.quorum { &rules::QUORUM } else { &rules::QUORUM_UP };
            let what = format!("`{act}` needs {} yes, not {}", is.quorum, was.quorum);
            self.tell(Change::new(rule, &subject, quorum, what, json!(was.quorum), json!(is.quorum)));
        }
        let (before, after) = (was.expires_after_s, is.expires_after_s);
        if before != after {
            let rule = if after > before { &rules::EXPIRY } else { &rules::EXPIRY_DOWN };
            let what = format!("an approval of `{act}` stays open {}, not {}", time(after), time(before));
            self.tell(Change::new(rule, &subject, expires, what, json!(before), json!(after)));
        }
        for role in added(&was.roles, &is.roles) {
            let what = format!("`{role}` may approve `{act}` too");
            self.tell(Change::new(
                &rules::DECIDERS,
                &[workflow, act, role],
                roles.clone(),
                what,
                json!(null),
                json!(true),
            ));
        }
        for role in added(&is.roles, &was.roles) {
            let what = format!("`{role}` may no longer approve `{act}`");
            self.tell(Change::new(
                &rules::DECIDERS_DOWN,
                &[workflow, act, role],
                roles.clone(),
                what,
                json!(true),
                json!(null),
            ));
        }
    }

    /// Limits have no names: equal ones are set aside, and the rest is paired by what it counts.
    fn limits(&mut self, file: &str, workflow: &str, before: &[Limit], after: &[Limit]) {
        let mut was: Vec<&Limit> = before.iter().filter(|limit| !after.contains(limit)).collect();
        for (at, is) in after.iter().enumerate().filter(|(_, limit)| !before.contains(limit)) {
            let place = self.at(file, &format!("/limits/{at}"));
            let same = |old: &&Limit| (&old.tool, old.per, old.measure) == (&is.tool, is.per, is.measure);
            let nearest = was
                .iter()
                .position(|old| same(old) && old.window_s == is.window_s)
                .or_else(|| was.iter().position(same));
            let old = nearest.map(|at| was.remove(at));
            let rule = match old {
                Some(old) if is.at_most <= old.at_most && is.window_s >= old.window_s => &rules::LIMIT_DOWN,
                Some(_) => &rules::LIMIT,
                None => &rules::LIMIT_DOWN,
            };
            let instead = old.map(|old| format!(", not {}", limit(old))).unwrap_or_default();
            let what = format!("`{workflow}` allows {}{instead}", limit(is));
            self.tell(Change::new(
                rule,
                &[workflow, &counted(is)],
                place,
                what,
                json!(old.map(limit)),
                json!(limit(is)),
            ));
        }
        for old in was {
            let at = before.iter().position(|limit| limit == old).unwrap_or(0);
            let place = self.was_at(file, &format!("/limits/{at}"));
            let what = format!("`{workflow}` no longer limits {}", limit(old));
            self.tell(Change::new(
                &rules::LIMIT,
                &[workflow, &counted(old)],
                place,
                what,
                json!(limit(old)),
                json!(null),
            ));
        }
    }
}

fn sorted(list: &[String]) -> Vec<&String> {
    let mut list: Vec<&String> = list.iter().collect();
    list.sort();
    list
}

fn people(terms: &ApprovalTerms) -> String {
    format!("{} of {}", terms.quorum, ticked(&terms.roles))
}

fn sense(terms: &ApprovalTerms) -> serde_json::Value {
    json!([sorted(&terms.roles), terms.quorum, terms.expires_after_s])
}

fn counted(limit: &Limit) -> String {
    let what = limit.tool.as_ref().map_or_else(|| "every tool".to_owned(), ToString::to_string);
    let per = match limit.per {
        LimitPer::Workflow => "workflow",
        LimitPer::Principal => "principal",
        LimitPer::Requester => "requester",
    };
    format!("{what} per {per}")
}

/// `10 calls of desk.refund_order per requester in 1h`.
fn limit(limit: &Limit) -> String {
    let most = match limit.measure {
        LimitMeasure::Calls => format!("{} calls of", limit.at_most),
        LimitMeasure::Amount => format!("an amount of {} by", money(limit.at_most)),
    };
    format!("{most} {} in {}", counted(limit), time(limit.window_s))
}
