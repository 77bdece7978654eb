//! `environments`, `changes` and `flags` of plimsoll.yaml resolved, and whether anybody can meet what they ask.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use plimsoll_core::Tier;

use super::Loading;
use super::people::{FILE as PEOPLE, Roster};
use crate::diff::RULES;
use crate::forms::release::{AdvanceForm, CanaryForm, EnvironmentForm, FlagForm, SimulateForm, WatchForm};
use crate::forms::{Duration, Share};
use crate::model::{Advance, Canary, Environment, Flag, Power, Project, Shadow, Watch, Workflow};
use crate::suggest::did_you_mean;
use crate::yaml::{Document, pointer};

/// A share of a whole is at most all of it.
const ALL: u32 = 1_000_000;
/// `slower` may be several times what it was.
const TENFOLD: u32 = 10_000_000;
/// The word for the changes that `changes` does not name.
pub(super) const ANY: &str = "*";

impl Loading<'_> {
    pub(super) fn environments(
        &mut self,
        doc: &Document,
        forms: BTreeMap<String, Option<EnvironmentForm>>,
    ) -> BTreeMap<String, Environment> {
        let mut environments = BTreeMap::new();
        for (name, form) in forms {
            let at = pointer(["environments", &name]);
            let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_".contains(&b);
            if name.is_empty() || name.len() > 64 || !name.bytes().all(plain) {
                let message = format!("`{name}` can't be the name of an environment");
                let help = "write small letters, digits and hyphens, at most 64: releases are signed for it";
                self.tell(doc.key_error("release/environment-name", &at, message).help(help));
            }
            let environment = self.environment(doc, &at, form.unwrap_or_default());
            environments.insert(name, environment);
        }
        environments
    }

    fn environment(&mut self, doc: &Document, at: &str, form: EnvironmentForm) -> Environment {
        let default = Environment::default();
        let shadow = form.shadow.map(|shadow| Shadow {
            decisions: shadow.decisions,
            for_s: self.time(doc, &format!("{at}/shadow/for"), shadow.lasts.as_ref(), 0),
        });
        Environment {
            approvals: form.approvals.unwrap_or(default.approvals),
            expires_s: self.time(doc, &format!("{at}/expires"), form.expires.as_ref(), default.expires_s),
            minimum: form.minimum.unwrap_or(default.minimum),
            shadow,
            canary: form.canary.map(|canary| self.canary(doc, &format!("{at}/canary"), &canary)),
            advance: match form.advance {
                AdvanceForm::ByHand => Advance::ByHand,
                AdvanceForm::ByItself => Advance::ByItself,
            },
            watch: self.watch(doc, &format!("{at}/watch"), &form.watch),
            simulate: form.simulate.map(|tier| match tier {
                SimulateForm::Guarded => Tier::Guarded,
                SimulateForm::Dangerous => Tier::Dangerous,
            }),
            mask: form.mask,
        }
    }

    fn canary(&mut self, doc: &Document, at: &str, form: &CanaryForm) -> Canary {
        let share = format!("{at}/share");
        let share_millionths = self.share(doc, &share, Some(&form.share), ALL, 0);
        if form.share.millionths(ALL) == Ok(0) {
            let message = "a canary that gets no session shows nothing";
            self.tell(doc.error("release/share", &share, message).help("write `share: 5%`"));
        }
        Canary {
            share_millionths,
            sessions: form.sessions,
            for_s: self.time(doc, &format!("{at}/for"), form.lasts.as_ref(), 0),
        }
    }

    fn watch(&mut self, doc: &Document, at: &str, form: &WatchForm) -> Watch {
        let default = Watch::default();
        let mut share = |name: &str, given: &Option<Share>, most: u32, default: u32| {
            self.share(doc, &format!("{at}/{name}"), given.as_ref(), most, default)
        };
        Watch {
            refused: share("refused", &form.refused, ALL, default.refused),
            held: share("held", &form.held, ALL, default.held),
            rejected: share("rejected", &form.rejected, ALL, default.rejected),
            failed: share("failed", &form.failed, ALL, default.failed),
            slower: share("slower", &form.slower, TENFOLD, default.slower),
            mix: share("mix", &form.mix, ALL, default.mix),
        }
    }

    fn share(&mut self, doc: &Document, at: &str, given: Option<&Share>, most: u32, default: u32) -> u32 {
        let Some(share) = given else { return default };
        share.millionths(most).unwrap_or_else(|help| {
            self.tell(doc.error("release/share", at, "this is no share").help(help));
            default
        })
    }

    fn time(&mut self, doc: &Document, at: &str, given: Option<&Duration>, default: u64) -> u64 {
        let Some(time) = given else { return default };
        time.seconds().unwrap_or_else(|help| {
            self.tell(doc.error("release/time", at, "this is no stretch of time").help(help));
            default
        })
    }

    pub(super) fn flags(
        &mut self,
        doc: &Document,
        forms: BTreeMap<String, Option<FlagForm>>,
    ) -> BTreeMap<String, Flag> {
        let mut flags = BTreeMap::new();
        for (name, form) in forms {
            let (at, form) = (pointer(["flags", &name]), form.unwrap_or_default());
            let share_millionths = self.share(doc, &format!("{at}/share"), form.share.as_ref(), ALL, 0);
            let (principals, roles): (BTreeSet<_>, BTreeSet<_>) =
                (form.principals.into_iter().collect(), form.roles.into_iter().collect());
            if form.share.is_none() && principals.is_empty() && roles.is_empty() {
                let message = format!("nobody has the flag `{name}`");
                let help = "say who: `share: 10%`, `principals: […]` or `roles: […]`";
                self.tell(doc.warning("flag/nobody", &at, message).help(help));
            }
            flags.insert(name, Flag { workflow: form.workflow, share_millionths, principals, roles });
        }
        flags
    }

    // === compared with the people and the workflows ===

    pub(super) fn compare_releases(
        &mut self,
        doc: &Document,
        project: &Project,
        roster: &Roster,
        workflows: &BTreeMap<String, Arc<Workflow>>,
    ) {
        self.compare_flags(doc, project, workflows);
        self.compare_classes(doc, project, roster);
        if roster.broken {
            return;
        }
        let asks = project.environments.values().any(|environment| environment.approvals > 0);
        if asks {
            self.who_has_no_key(roster);
        }
        for (name, environment) in &project.environments {
            self.compare_signers(doc, name, environment, roster);
        }
    }

    /// A release of which nobody could ever make or approve enough is one that never runs.
    fn compare_signers(&mut self, doc: &Document, name: &str, environment: &Environment, roster: &Roster) {
        let people = &roster.people;
        let at = pointer(["environments", name]);
        let authors: Vec<&str> = people.signers(Power::Author).collect();
        let approvers: BTreeSet<&str> = people.signers(Power::Approve).collect();
        if authors.is_empty() {
            let message =
                format!("`{name}` runs signed releases only, and nobody who may author one has a key");
            let help = "`plimsoll key sign --name NAME` makes one; put its public line under the person in people.yaml, as `key:`";
            self.tell(doc.key_error("release/no-author", &at, message).help(help));
            return;
        }
        let others = |author: &&str| approvers.iter().filter(|person| *person != author).count();
        let most = authors.iter().map(others).max().unwrap_or(0);
        let asked = usize::try_from(environment.approvals).unwrap_or(usize::MAX);
        if asked > most {
            let at = format!("{at}/approvals");
            let message = format!(
                "`{name}` asks for {asked} approval{} besides the author's signature, and at most {most} can be given",
                if asked == 1 { "" } else { "s" },
            );
            let help = match approvers.len() {
                0 => "nobody who may approve has a key: give `key:` and a role with `may: [approve]` in people.yaml"
                    .to_owned(),
                _ => format!(
                    "who may approve and has a key: {}; the author never counts",
                    approvers.iter().copied().collect::<Vec<_>>().join(", ")
                ),
            };
            self.tell(doc.key_error("release/approvals", &at, message).help(help));
        }
    }

    /// Somebody who is said to approve, and can't.
    fn who_has_no_key(&mut self, roster: &Roster) {
        let people = &roster.people;
        let Some(doc) = self.docs.get(PEOPLE).cloned() else { return };
        if people.may.is_empty() {
            return;
        }
        for person in people.roles.keys() {
            if people.may(person, Power::Approve) && !people.keys.contains_key(person) {
                let message = format!("`{person}` may approve releases and has no key to sign them with");
                let help = format!(
                    "`plimsoll key sign --name {person}` makes one and prints its public line for `key:`"
                );
                let at = pointer(["people", person]);
                self.tell(doc.warning("people/no-key", &at, message).help(help));
            }
        }
    }

    fn compare_classes(&mut self, doc: &Document, project: &Project, roster: &Roster) {
        let classes: BTreeSet<&str> = RULES.iter().map(|rule| rule.class()).collect();
        let known = || classes.iter().copied().chain([ANY]);
        for (class, roles) in &project.changes {
            let at = pointer(["changes", class]);
            if known().all(|known| known != class) {
                let message = format!("no change is of the kind `{class}`");
                let help = did_you_mean(class, known());
                self.tell(doc.key_error("changes/unknown-kind", &at, message).help(help));
            }
            if roles.is_empty() {
                let message =
                    format!("nobody could sign for changes of the kind `{class}`: no role is named");
                self.tell(
                    doc.error("changes/nobody", &at, message).help("name a role, or take the line out"),
                );
            }
            if roster.broken {
                continue;
            }
            for (i, role) in roles.iter().enumerate().filter(|(_, role)| !roster.roles.contains_key(*role)) {
                let message = format!("there is no role `{role}`");
                let help = did_you_mean(role, roster.roles.keys().map(String::as_str));
                self.tell(doc.error("changes/unknown-role", &format!("{at}/{i}"), message).help(help));
            }
            let signs = |person: &str| roster.people.roles_of(person).iter().any(|role| roles.contains(role));
            let known = roles.iter().all(|role| roster.roles.contains_key(role));
            let asked = project.environments.values().any(|environment| environment.approvals > 0);
            if known && asked && !roles.is_empty() && !roster.people.signers(Power::Approve).any(signs) {
                let message = format!(
                    "nobody who may approve and has a key has one of the roles that sign for `{class}`"
                );
                let help = "a release with such a change could never run; name another role, or give one of its people a key";
                self.tell(doc.error("changes/nobody", &at, message).help(help));
            }
        }
    }

    fn compare_flags(
        &mut self,
        doc: &Document,
        project: &Project,
        workflows: &BTreeMap<String, Arc<Workflow>>,
    ) {
        for (name, flag) in &project.flags {
            let Some(workflow) = flag.workflow.as_ref().filter(|name| !workflows.contains_key(*name)) else {
                continue;
            };
            let at = format!("{}/workflow", pointer(["flags", name]));
            let diagnostic =
                doc.error("flag/unknown-workflow", &at, format!("there is no workflow `{workflow}`"));
            let file = format!("workflows/{workflow}.yaml");
            self.unknown(diagnostic, workflow, &file, workflows.keys().map(String::as_str));
        }
    }
}
