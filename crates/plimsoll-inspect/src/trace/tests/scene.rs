//! A conversation with tools, and what one act's arguments are found to be in it.

use plimsoll_core::{Effect, Label};

use super::*;

#[derive(Default)]
pub(super) struct Scene {
    spans: Vec<(Span, String, Option<Output>, Option<Value>)>,
}

impl Scene {
    fn push(mut self, kind: SpanKind, integrity: Integrity, source: &str, text: &str) -> Self {
        let index = u32::try_from(self.spans.len()).unwrap();
        self.spans.push((span(index, kind, integrity, source), text.to_owned(), None, None));
        self
    }

    pub(super) fn user(text: &str) -> Self {
        Self::default().and_user(text)
    }

    pub(super) fn and_user(self, text: &str) -> Self {
        self.push(SpanKind::User, Integrity::User, "user", text)
    }

    /// What a tool returned, whose output is declared as in YAML.
    pub(super) fn tool(self, tool: &str, declared: &Value, call: Value, result: &str) -> Self {
        let output: Output = match declared.as_str() {
            Some(whole) => serde_json::from_value(json!({ "integrity": whole })).unwrap(),
            None => serde_json::from_value(declared.clone()).unwrap(),
        };
        let mut scene = self.push(SpanKind::Result, output.integrity, &format!("tool:{tool}"), result);
        let last = scene.spans.last_mut().unwrap();
        last.0.label = Label { integrity: output.integrity, ..output.label() };
        last.2 = Some(output);
        last.3 = Some(call);
        scene
    }

    fn traced(&self) -> Vec<TracedSpan<'_>> {
        let traced = (self.spans.iter()).map(|(span, text, output, call)| TracedSpan {
            span,
            text,
            output: output.as_ref(),
            call: call.as_ref(),
        });
        traced.collect()
    }

    pub(super) fn prepared(&self) -> Prepared<'_> {
        Prepared::new(&self.traced())
    }

    pub(super) fn flow(&self, tool: &str, arguments: &Value, roles: &[(&str, ArgumentRole)]) -> Flow {
        let meaning = Meaning {
            tool: tool.parse().unwrap(),
            effect: Effect::External,
            roles: roles.iter().map(|(path, role)| ((*path).to_owned(), *role)).collect(),
            verbs: Vec::new(),
            output: Output::default(),
        };
        let found = trace(&self.prepared(), arguments, Some(&meaning), &PLAIN);
        // What was found out before any call was known changes nothing.
        let again = Prepared::again(&self.traced(), &self.prepared().settle());
        assert_eq!(trace(&again, arguments, Some(&meaning), &PLAIN), found);
        found
    }

    /// One argument in words: its integrity, whether it is chosen, authored or listed, and by what.
    pub(super) fn says(
        &self,
        tool: &str,
        argument: &str,
        value: impl Into<Value>,
        role: ArgumentRole,
    ) -> String {
        let mut arguments = serde_json::Map::new();
        arguments.insert(argument.to_owned(), value.into());
        let flow = self.flow(tool, &Value::Object(arguments), &[(&format!("/{argument}"), role)]);
        sentence(flow.origins.last().unwrap())
    }
}

pub(super) fn sentence(origin: &ArgumentOrigin) -> String {
    let mut said = vec![origin.integrity.name().to_owned()];
    let facts = [
        ("chosen", origin.chosen),
        ("authored", origin.authored),
        ("listed", origin.listed),
        ("unknown", origin.unknown),
    ];
    said.extend(facts.into_iter().filter(|(_, is)| *is).map(|(fact, _)| fact.to_owned()));
    let lent = origin.chosen || origin.authored;
    let by = origin.found.iter().find_map(|found| found.lent_by.as_ref()).filter(|_| lent);
    said.extend(by.map(|by| format!("by {by}")));
    said.join(" ")
}
