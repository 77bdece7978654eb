//! One tool resolved: what its arguments mean, its checks, its draft twin.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use plimsoll_core::{Account, ArgumentRole, Effect, Meaning, Tier, ToolName};

use super::Loading;
use crate::check::pointed;
use crate::forms::tools::{AccountForm, CheckForm, EffectForm, RoleForm, TierForm, ToolForm};
use crate::model::{Check, Condition, Given, Operand, Pin, Secret, Server, Tool};
use crate::schema::{self, Found};
use crate::suggest::did_you_mean;
use crate::yaml::{Document, pointer};

impl Loading<'_> {
    pub(super) fn tool(
        &mut self,
        doc: &Document,
        name: ToolName,
        form: &ToolForm,
        pin: Option<Pin>,
        accounts: &BTreeMap<Account, Secret>,
    ) -> Tool {
        let at = pointer(["tools", &name.tool]);
        let effect = effect(form.effect);
        let account = match form.account {
            Some(AccountForm::Read) => Account::Read,
            Some(AccountForm::Draft) => Account::Draft,
            Some(AccountForm::Execute) => Account::Execute,
            None if effect == Effect::Read => Account::Read,
            None => Account::Execute,
        };
        if !accounts.is_empty() && !accounts.contains_key(&account) {
            let message =
                format!("`{name}` uses the account `{}`, for which no credential is given", account.name());
            let help = format!("add `{}: ${{NAME}}` under `accounts`", account.name());
            self.tell(doc.error("tool/no-account", &at, message).help(help));
        }
        let tier = tier(form.tier);
        self.sane(doc, &at, &name, tier, effect);
        let roles = self.roles(doc, &at, form, pin.as_ref());
        if let Some(pin) = pin.as_ref().filter(|_| tier != Tier::Safe) {
            self.unlabelled(doc, &at, &name, pin, &roles);
        }
        let verbs = self.verbs(doc, &at, &form.verbs);
        let output = self.output(doc, &at, &form.output, pin.as_ref());
        let checks = form.check.iter().enumerate();
        let checks = checks
            .filter_map(|(i, c)| self.check(doc, &format!("{at}/check/{i}"), c, pin.as_ref()))
            .collect();
        let draft = form.draft.as_ref().and_then(|text| self.tool_name(doc, &format!("{at}/draft"), text));
        Tool {
            tier,
            effect,
            account,
            amount_free: self.amount_free(doc, &at, form, &roles),
            meaning: Meaning { tool: name.clone(), effect, roles, verbs, output },
            name,
            checks,
            draft,
            pin,
        }
    }

    /// A tier that contradicts the effect is a mistake that costs.
    fn sane(&mut self, doc: &Document, at: &str, name: &ToolName, tier: Tier, effect: Effect) {
        if tier == Tier::Safe && matches!(effect, Effect::Destructive | Effect::External | Effect::Egress) {
            let message = format!("`{name}` is `safe` although its effect is `{}`", effect.name());
            let help = "safe acts run by themselves and pass the kill switch: make it guarded or dangerous, or correct the effect";
            self.tell(doc.error("tool/tier", &format!("{at}/tier"), message).help(help));
        }
    }

    fn roles(
        &mut self,
        doc: &Document,
        at: &str,
        form: &ToolForm,
        pin: Option<&Pin>,
    ) -> BTreeMap<String, ArgumentRole> {
        let mut roles = BTreeMap::new();
        for (path, given) in &form.args {
            let path_pointer = format!("/{}", path.trim_start_matches('/'));
            if let Some(Found::Missing(known)) = pin.map(|pin| schema::find(&pin.input_schema, &path_pointer))
            {
                let message = format!("the pinned schema has no argument `{path}`");
                let place = format!("{at}/args{}", pointer([path.as_str()]));
                let help =
                    did_you_mean(path.rsplit('/').next().unwrap_or(path), known.iter().map(String::as_str));
                self.tell(doc.key_error("tool/unknown-argument", &place, message).help(help));
            }
            roles.insert(path_pointer, role(*given));
        }
        roles
    }

    /// An argument without a role is not traced.
    fn unlabelled(
        &mut self,
        doc: &Document,
        at: &str,
        name: &ToolName,
        pin: &Pin,
        roles: &BTreeMap<String, ArgumentRole>,
    ) {
        let covered: BTreeSet<&str> = roles.keys().filter_map(|path| path.split('/').nth(1)).collect();
        let open: Vec<String> =
            schema::names(&pin.input_schema).into_iter().filter(|n| !covered.contains(n.as_str())).collect();
        if !open.is_empty() {
            let message = format!("nobody said what these arguments of `{name}` mean: {}", open.join(", "));
            let help = format!(
                "add `args: {{{}: <role>}}`; where their values come from is not traced without",
                open[0]
            );
            self.tell(doc.warning("tool/no-role", at, message).help(help));
        }
    }

    fn amount_free(
        &mut self,
        doc: &Document,
        at: &str,
        form: &ToolForm,
        roles: &BTreeMap<String, ArgumentRole>,
    ) -> Option<i64> {
        let amount = form.amount_free.as_ref()?;
        let place = format!("{at}/amount_free");
        if !roles.values().any(|role| *role == ArgumentRole::Amount) {
            let message = "`amount_free` is given, but no argument has the role `amount`";
            self.tell(doc.error("tool/amount", &place, message).help("add it to `args`"));
        }
        match amount.hundredths() {
            Ok(amount) => Some(amount),
            Err(help) => {
                self.tell(doc.error("tool/amount", &place, "this is no amount").help(help));
                None
            }
        }
    }

    fn check(&mut self, doc: &Document, at: &str, form: &CheckForm, pin: Option<&Pin>) -> Option<Check> {
        let call = self.tool_name(doc, &format!("{at}/call"), &form.call)?;
        let mut with = BTreeMap::new();
        for (name, scalar) in &form.with {
            let place = format!("{at}{}", pointer(["with", name.as_str()]));
            let given = match scalar.0.as_str().and_then(|text| text.strip_prefix('$')) {
                Some(path) => {
                    self.argument(doc, &place, &pointed(path), pin);
                    Given::Argument(pointed(path))
                }
                None => Given::Constant(scalar.0.clone()),
            };
            with.insert(name.clone(), given);
        }
        let mut require = Vec::new();
        for (i, text) in form.require.iter().enumerate() {
            let place = format!("{at}/require/{i}");
            match Condition::parse(text) {
                Ok(condition) => {
                    for operand in [&condition.left, &condition.right] {
                        if let Operand::Argument(path) = operand {
                            self.argument(doc, &place, path, pin);
                        }
                    }
                    require.push(condition);
                }
                Err(message) => self.tell(doc.error("check/condition", &place, message)),
            }
        }
        Some(Check { name: form.name.clone(), call, with, require })
    }

    fn argument(&mut self, doc: &Document, place: &str, path: &str, pin: Option<&Pin>) {
        if let Some(Found::Missing(known)) = pin.map(|pin| schema::find(&pin.input_schema, path)) {
            let name = path.trim_start_matches('/').replace('/', ".");
            let message = format!("the act has no argument `{name}`");
            let help = did_you_mean(&name, known.iter().map(String::as_str));
            self.tell(doc.error("check/unknown-argument", place, message).help(help));
        }
    }

    pub(super) fn tool_name(&mut self, doc: &Document, at: &str, text: &str) -> Option<ToolName> {
        match text.parse::<ToolName>() {
            Ok(name) => Some(name),
            Err(message) => {
                self.tell(
                    doc.error("tool/name", at, message)
                        .help("write `server.tool`, for example `desk.get_order`"),
                );
                None
            }
        }
    }

    /// Checks call safe tools that exist; drafts exist; what a record lends, some tool takes.
    pub(super) fn compare_tools(&mut self, servers: &BTreeMap<String, Arc<Server>>) {
        for tool in servers.values().flat_map(|server| server.tools.values()) {
            let Some(doc) = self.docs.get(&format!("tools/{}.yaml", tool.name.server)).cloned() else {
                continue;
            };
            let at = pointer(["tools", &tool.name.tool]);
            for (i, check) in tool.checks.iter().enumerate() {
                self.compare_check(&doc, &format!("{at}/check/{i}"), check, servers);
            }
            if let Some(draft) = &tool.draft {
                self.known_tool(&doc, &format!("{at}/draft"), draft, servers);
            }
            self.compare_lends(&doc, &at, tool, servers);
            self.conveniences(&doc, &at, tool);
        }
    }

    fn compare_check(
        &mut self,
        doc: &Document,
        at: &str,
        check: &Check,
        servers: &BTreeMap<String, Arc<Server>>,
    ) {
        let Some(tool) = self.known_tool(doc, &format!("{at}/call"), &check.call, servers) else { return };
        if tool.tier != Tier::Safe {
            let message =
                format!("a check can only call a safe tool; `{}` is {}", check.call, tool.tier.name());
            self.tell(doc.error("check/not-safe", &format!("{at}/call"), message));
        }
        let Some(pin) = &tool.pin else { return };
        for name in check.with.keys() {
            if let Found::Missing(known) = schema::find(&pin.input_schema, &pointer([name.as_str()])) {
                let message = format!("`{}` has no argument `{name}`", check.call);
                let help = did_you_mean(name, known.iter().map(String::as_str));
                self.tell(
                    doc.key_error(
                        "check/unknown-argument",
                        &format!("{at}{}", pointer(["with", name])),
                        message,
                    )
                    .help(help),
                );
            }
        }
        let Some(output) = pin.tool.get("outputSchema") else { return };
        for (i, condition) in check.require.iter().enumerate() {
            for operand in [&condition.left, &condition.right] {
                if let Operand::Result(path) = operand
                    && let Found::Missing(known) = schema::find(output, path)
                {
                    let name = path.trim_start_matches('/').replace('/', ".");
                    let message = format!("the result of `{}` has no `{name}`", check.call);
                    let help = did_you_mean(&name, known.iter().map(String::as_str));
                    self.tell(
                        doc.error("check/unknown-result", &format!("{at}/require/{i}"), message).help(help),
                    );
                }
            }
        }
    }

    pub(super) fn known_tool<'s>(
        &mut self,
        doc: &Document,
        at: &str,
        name: &ToolName,
        servers: &'s BTreeMap<String, Arc<Server>>,
    ) -> Option<&'s Arc<Tool>> {
        let file = format!("tools/{}.yaml", name.server);
        let Some(server) = servers.get(&name.server) else {
            let diagnostic =
                doc.error("tool/unknown-server", at, format!("there is no tool server `{}`", name.server));
            self.unknown(diagnostic, &name.server, &file, servers.keys().map(String::as_str));
            return None;
        };
        let found = server.tools.get(&name.tool);
        if found.is_none() {
            let diagnostic =
                doc.error("tool/unknown", at, format!("`{}` has no tool `{}`", name.server, name.tool));
            let all: Vec<String> = server.tools.values().map(|tool| tool.name.to_string()).collect();
            self.unknown(diagnostic, &name.to_string(), &file, all.iter().map(String::as_str));
        }
        found
    }
}

fn tier(form: TierForm) -> Tier {
    match form {
        TierForm::Safe => Tier::Safe,
        TierForm::Guarded => Tier::Guarded,
        TierForm::Dangerous => Tier::Dangerous,
    }
}

fn effect(form: EffectForm) -> Effect {
    match form {
        EffectForm::Read => Effect::Read,
        EffectForm::Own => Effect::Own,
        EffectForm::Shared => Effect::Shared,
        EffectForm::External => Effect::External,
        EffectForm::Egress => Effect::Egress,
        EffectForm::Destructive => Effect::Destructive,
    }
}

fn role(form: RoleForm) -> ArgumentRole {
    match form {
        RoleForm::Recipient => ArgumentRole::Recipient,
        RoleForm::Account => ArgumentRole::Account,
        RoleForm::Amount => ArgumentRole::Amount,
        RoleForm::Url => ArgumentRole::Url,
        RoleForm::Path => ArgumentRole::Path,
        RoleForm::Identifier => ArgumentRole::Identifier,
        RoleForm::Query => ArgumentRole::Query,
        RoleForm::Content => ArgumentRole::Content,
        RoleForm::Code => ArgumentRole::Code,
        RoleForm::Credential => ArgumentRole::Credential,
        RoleForm::Time => ArgumentRole::Time,
        RoleForm::Choice => ArgumentRole::Choice,
    }
}
