//! A world held against a release.

use std::collections::BTreeSet;

use plimsoll_core::{DriftKind, Drifted};

use super::{Certificate, Reached, Seen, World};
use crate::model::{Bundle, Model, Reach, Server};
use crate::pin::show_hidden;

/// What of a certificate is compared.
type Part = fn(&Certificate) -> &String;

/// Something that is other than the release says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drifting {
    pub of: DriftKind,
    /// The model, server or workflow; the project, of its configuration.
    pub subject: String,
    /// Lower case, one line, nothing hidden.
    pub text: String,
}

impl Drifting {
    /// As a fact of a case: what its policy does.
    pub fn as_fact(&self, bundle: &Bundle) -> Drifted {
        let policy = bundle.project.drift.policy(self.of);
        Drifted { of: self.of, subject: self.subject.clone(), policy, text: self.text.clone() }
    }
}

/// Everything that drifted, in a stable order.
pub fn compare(bundle: &Bundle, world: &World) -> Vec<Drifting> {
    let mut found = Vec::new();
    for (name, live) in &world.tools {
        if let Some(server) = bundle.servers.get(name) {
            tools(server, live, &mut found);
        }
    }
    for (id, model) in &bundle.models {
        if let Some(seen) = world.models.get(id) {
            fingerprint(model, seen, &mut found);
        }
        let lock = model.lock.as_ref().and_then(|lock| lock.reached.as_ref());
        reached(id, lock, world.models_at.get(id), &mut found);
    }
    for (name, server) in &bundle.servers {
        reached(name, server.reached.as_ref(), world.servers_at.get(name), &mut found);
    }
    if let Some(repository) = world.repository.filter(|id| *id != bundle.id) {
        let text = format!("the repository holds {repository}, and the gateway runs {}", bundle.id);
        tell(&mut found, DriftKind::Configuration, &bundle.project.name, text);
    }
    for workflow in world.unreleased.iter().filter(|name| bundle.workflows.contains_key(*name)) {
        let text = format!("system text in `{workflow}` is no released prompt");
        tell(&mut found, DriftKind::Prompts, workflow, text);
    }
    found.sort_by(|a, b| (a.of, &a.subject, &a.text).cmp(&(b.of, &b.subject, &b.text)));
    found
}

/// What of a release has no baseline, so that nothing can be held against it.
pub fn unknown(bundle: &Bundle) -> Vec<String> {
    let mut lacking = Vec::new();
    for model in bundle.models.values() {
        match &model.lock {
            None => lacking.push(format!("models/{}.lock.json", model.id)),
            Some(lock) if lock.reached.is_none() => {
                lacking.push(format!("`reached` of models/{}.lock.json", model.id));
            }
            Some(_) => {}
        }
    }
    let remote = bundle.servers.values().filter(|server| !matches!(server.reach, Reach::Local));
    lacking.extend(
        remote
            .filter(|server| server.reached.is_none())
            .map(|s| format!("`reached` of tools/{}.lock.json", s.name)),
    );
    lacking
}

fn tell(found: &mut Vec<Drifting>, of: DriftKind, subject: &str, text: String) {
    found.push(Drifting {
        of,
        subject: subject.to_owned(),
        text: show_hidden(&text.replace(['\n', '\r'], " ")),
    });
}

fn tools(
    server: &Server,
    live: &std::collections::BTreeMap<String, Option<plimsoll_core::Digest>>,
    found: &mut Vec<Drifting>,
) {
    for (name, tool) in &server.tools {
        let Some(pin) = &tool.pin else { continue };
        let text = match live.get(name) {
            None => continue,
            Some(Some(digest)) if *digest == pin.digest => continue,
            Some(Some(_)) => {
                format!("`{}` is described differently than \"{}\" reviewed", tool.name, pin.reviewed_by)
            }
            Some(None) => format!("the server has no `{}` any more, or describes it twice", tool.name),
        };
        tell(found, DriftKind::Tools, &server.name, text);
    }
}

fn fingerprint(model: &Model, seen: &Seen, found: &mut Vec<Drifting>) {
    let id = &model.id;
    let mut other = |of: &str, known: &BTreeSet<String>, seen: &BTreeSet<String>| {
        let new: Vec<String> = seen.difference(known).map(|name| format!("\"{name}\"")).collect();
        if !known.is_empty() && !new.is_empty() {
            let known: Vec<String> = known.iter().map(|name| format!("\"{name}\"")).collect();
            let text = format!("`{id}` answers with the {of} {}, not {}", new.join(", "), known.join(", "));
            tell(found, DriftKind::Models, id, text);
        }
    };
    let pinned: BTreeSet<String> = model.version.iter().cloned().collect();
    let Some(lock) = &model.lock else {
        other("name", &pinned, &seen.names);
        return;
    };
    let accepted = &lock.seen;
    let names = if accepted.names.is_empty() { &pinned } else { &accepted.names };
    other("name", names, &seen.names);
    other("fingerprint", &accepted.fingerprints, &seen.fingerprints);
    let counted = |(question, was): (&String, &u64)| {
        let is = seen.tokens.get(question).filter(|is| *is != was)?;
        Some(format!("{is} tokens of `{question}`, not {was}"))
    };
    let counts: Vec<String> = accepted.tokens.iter().filter_map(counted).collect();
    if !counts.is_empty() {
        tell(found, DriftKind::Models, id, format!("`{id}` counts {}", counts.join(", ")));
    }
    // A model at temperature 0 may still answer one question in another way now and then; half of them is another model.
    let asked: Vec<_> =
        accepted.answers.iter().filter_map(|(q, was)| Some((was, seen.answers.get(q)?))).collect();
    let differing = asked.iter().filter(|(was, is)| was != is).count();
    if differing > 0 && differing * 2 >= asked.len() {
        let text = format!("`{id}` answers {differing} of {} fixed questions otherwise", asked.len());
        tell(found, DriftKind::Models, id, text);
    }
}

fn reached(subject: &str, was: Option<&Reached>, is: Option<&Reached>, found: &mut Vec<Drifting>) {
    let (Some(was), Some(is)) = (was, is) else { return };
    if was.endpoint != is.endpoint {
        let text = format!("`{subject}` is reached at {}, not {}", is.endpoint, was.endpoint);
        tell(found, DriftKind::Endpoints, subject, text);
    }
    if was.redirect != is.redirect {
        let said = |to: &Option<String>| to.clone().unwrap_or_else(|| "nowhere".to_owned());
        let text = format!("`{subject}` redirects to {}, not {}", said(&is.redirect), said(&was.redirect));
        tell(found, DriftKind::Endpoints, subject, text);
    }
    let said = |certificate: Option<&Certificate>, part: Part| {
        certificate.map_or_else(|| "none".to_owned(), |certificate| format!("\"{}\"", part(certificate)))
    };
    let parts: [(&str, Part); 2] = [("key", |c| &c.key), ("issuer", |c| &c.issuer)];
    for (what, part) in parts {
        let (was, is) = (said(was.certificate.as_ref(), part), said(is.certificate.as_ref(), part));
        if was != is {
            let text = format!("`{subject}` proves itself with the {what} {is}, not {was}");
            tell(found, DriftKind::Certificates, subject, text);
        }
    }
}

#[cfg(test)]
mod tests;
