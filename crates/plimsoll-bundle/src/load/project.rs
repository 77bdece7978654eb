//! `plimsoll.yaml` resolved.

use std::collections::BTreeMap;
use std::sync::Arc;

use plimsoll_core::{FieldClass, PrincipalKind};

use super::Loading;
use crate::diagnostic::Diagnostic;
use crate::forms::project::{BoundsForm, KindForm, OidcForm, PrivacyForm};
use crate::forms::{Duration, ProjectForm, Size};
use crate::model::{Bounds, Oidc, Privacy, Project, RootKey, Workflow, WorkflowFrom};
use crate::yaml::Document;

const FILE: &str = "plimsoll.yaml";

impl Loading<'_> {
    pub(super) fn project(&mut self) -> Option<Project> {
        if !self.tree.contains(FILE) {
            self.tell(
                Diagnostic::error(
                    "project/missing",
                    FILE,
                    "this is no workflow repository: plimsoll.yaml is missing",
                )
                .help("write `plimsoll: 1` and `project: <name>` into it, or run `plimsoll init`"),
            );
            return None;
        }
        let (form, doc): (ProjectForm, Document) = self.form(FILE)?;
        let oidc = form.identity.oidc.iter().enumerate();
        let oidc = oidc.filter_map(|(i, issuer)| self.oidc(&doc, i, issuer)).collect();
        let ledger = self.ledger(&doc, &form.ledger);
        let telemetry = form.telemetry.otlp.as_ref().map(|otlp| self.otlp(&doc, otlp));
        let bounds = self.bounds(&doc, &form.bounds);
        let drift = self.drift(&doc, &form.drift);
        let privacy = self.privacy(&doc, form.privacy);
        let environments = self.environments(&doc, form.environments);
        let flags = self.flags(&doc, form.flags);
        let text = |given: Option<String>, default: &str| given.unwrap_or_else(|| default.to_owned());
        Some(Project {
            name: form.project,
            environment: self
                .overrides
                .environment
                .clone()
                .unwrap_or_else(|| text(form.environment, "development")),
            listen_data: text(form.listen.data, "127.0.0.1:7300"),
            listen_admin: text(form.listen.admin, "127.0.0.1:7301"),
            store: text(form.store, ".plimsoll"),
            hosts: form.hosts,
            origins: form.origins,
            oidc,
            ledger,
            telemetry,
            privacy,
            drift,
            bounds,
            environments,
            changes: form.changes,
            flags,
        })
    }

    fn oidc(&mut self, doc: &Document, index: usize, form: &OidcForm) -> Option<Oidc> {
        let at = format!("/identity/oidc/{index}");
        self.jwks(doc, &format!("{at}/jwks"), &form.jwks);
        let workflow = match (&form.workflow, &form.workflow_claim) {
            (Some(name), None) => WorkflowFrom::Fixed(name.clone()),
            (None, Some(claim)) => WorkflowFrom::Claim(claim.clone()),
            _ => {
                let message = "an issuer needs either `workflow` or `workflow_claim`";
                self.tell(doc.error("identity/workflow", &at, message));
                return None;
            }
        };
        let kind = match form.kind {
            KindForm::User => PrincipalKind::User,
            KindForm::Service => PrincipalKind::Service,
            KindForm::Agent => PrincipalKind::Agent,
        };
        Some(Oidc {
            issuer: form.issuer.clone(),
            audience: form.audience.clone(),
            jwks: self.keys_of(&form.jwks),
            workflow,
            roles_claim: form.roles_claim.clone(),
            tenant_claim: form.tenant_claim.clone(),
            on_behalf_of_claim: form.on_behalf_of_claim.clone(),
            kind,
        })
    }

    /// The text of a key file, or the URL where keys are published.
    fn keys_of(&self, jwks: &str) -> String {
        self.tree.text(jwks).unwrap_or(jwks).to_owned()
    }

    /// Keys decide who is believed: they come over TLS, from this machine, or from the repository.
    fn jwks(&mut self, doc: &Document, at: &str, jwks: &str) {
        if jwks.is_empty() || jwks.starts_with("https://") || is_loopback(jwks) || self.is_open_name(jwks) {
            return;
        }
        if jwks.contains("://") {
            let message = format!("keys must come over https, not from `{jwks}`");
            self.tell(
                doc.error("identity/jwks", at, message)
                    .help("use an https:// URL or a file of this repository"),
            );
        } else if !self.tree.contains(jwks) {
            let message = format!("there is no file `{jwks}` in this repository");
            self.tell(
                doc.error("identity/jwks", at, message)
                    .help("put the issuer's JWKS into keys/, or name its https:// URL"),
            );
        }
    }

    pub(super) fn compare_issuers(
        &mut self,
        doc: &Document,
        project: &Project,
        workflows: &BTreeMap<String, Arc<Workflow>>,
    ) {
        for (i, issuer) in project.oidc.iter().enumerate() {
            if let WorkflowFrom::Fixed(name) = &issuer.workflow
                && !workflows.contains_key(name)
            {
                let at = format!("/identity/oidc/{i}/workflow");
                let diagnostic =
                    doc.error("identity/unknown-workflow", &at, format!("there is no workflow `{name}`"));
                let file = format!("workflows/{name}.yaml");
                self.unknown(diagnostic, name, &file, workflows.keys().map(String::as_str));
            }
        }
    }

    fn privacy(&mut self, doc: &Document, form: PrivacyForm) -> Privacy {
        let mut tell = |at: &str, message: String, help: &str| {
            self.tell(doc.error("privacy/value", &format!("/privacy/{at}"), message).help(help));
        };
        let root = match (form.keys.file, form.keys.command) {
            (None, None) => RootKey::default(),
            (Some(file), None) if !file.trim().is_empty() => RootKey::File(file),
            (None, Some(command)) if !command.is_empty() => RootKey::Command(command),
            _ => {
                let message = "the root key comes from either a `file` or a `command`".to_owned();
                tell("keys", message, "write `keys: { file: /etc/plimsoll/root.key }`");
                RootKey::default()
            }
        };
        if let Some(key) = &form.audit_key {
            let digits = key.strip_prefix("plimsoll-audit-").unwrap_or_default();
            if digits.len() != 64 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                let help = "`plimsoll key audit` makes a pair and prints the public half, `plimsoll-audit-…`";
                tell("audit_key", "this is no public audit key".to_owned(), help);
            }
        }
        let asked = [
            (FieldClass::Identity, &form.retention.identity),
            (FieldClass::Arguments, &form.retention.arguments),
            (FieldClass::Content, &form.retention.content),
        ];
        let mut retention_s = BTreeMap::new();
        for (class, time) in asked {
            match time.as_ref().map(Duration::seconds) {
                Some(Ok(seconds)) => drop(retention_s.insert(class, seconds)),
                Some(Err(help)) => {
                    let message = format!("`{}` is no stretch of time", class.name());
                    tell(&format!("retention/{}", class.name()), message, &help);
                }
                None => {}
            }
        }
        Privacy { root, audit_key: form.audit_key, retention_s }
    }

    fn bounds(&mut self, doc: &Document, form: &BoundsForm) -> Bounds {
        let default = Bounds::default();
        let mut size = |name: &str, given: &Option<Size>, default: usize| {
            given.as_ref().map_or(default, |size| {
                size.bytes().unwrap_or_else(|help| {
                    self.tell(
                        doc.error("bounds/value", &format!("/bounds/{name}"), format!("`{name}` is no size"))
                            .help(help),
                    );
                    default
                })
            })
        };
        let request_bytes = size("request_bytes", &form.request_bytes, default.request_bytes);
        let response_bytes = size("response_bytes", &form.response_bytes, default.response_bytes);
        let segment_bytes = size("segment_bytes", &form.segment_bytes, default.segment_bytes);
        let mut time = |name: &str, given: &Option<Duration>, default: u64| {
            given.as_ref().map_or(default, |time| {
                time.seconds().unwrap_or_else(|help| {
                    self.tell(
                        doc.error(
                            "bounds/value",
                            &format!("/bounds/{name}"),
                            format!("`{name}` is no stretch of time"),
                        )
                        .help(help),
                    );
                    default
                })
            })
        };
        Bounds {
            request_bytes,
            response_bytes,
            json_depth: form.json_depth.unwrap_or(default.json_depth),
            upstream_timeout_s: time("upstream_timeout", &form.upstream_timeout, default.upstream_timeout_s),
            idle_timeout_s: time("idle_timeout", &form.idle_timeout, default.idle_timeout_s),
            request_timeout_s: time("request_timeout", &form.request_timeout, default.request_timeout_s),
            in_flight: form.in_flight.unwrap_or(default.in_flight),
            segment_bytes,
        }
    }
}

/// Whether a URL names this machine, in plain HTTP.
pub(super) fn is_loopback(url: &str) -> bool {
    let host = |rest: &str| {
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
        !authority.contains('@') && matches!(host, "localhost" | "127.0.0.1" | "[::1]")
    };
    url.strip_prefix("http://").is_some_and(host)
}
