//! Requests that are no acts: passed on, and the tool list filtered on its way back.

use std::sync::Arc;

use plimsoll_core::{Account, Code, Mode, ToolName};
use plimsoll_wire::json::{Edit, OwnedDoc};
use plimsoll_wire::jsonrpc::{self, Body, Frame, Id};
use plimsoll_wire::mcp::headers::ParamHeader;
use plimsoll_wire::mcp::{Answer, Era, ListedTool, Method, Sender, ToolList, Treatment, Version, render};
use tokio::sync::Notify;

use super::session::Running;
use super::stream::Outlet;
use super::talk::Talk;
use crate::refusal::Refusal;
use crate::upstream::mcp::exchange::{Coming, Exchange};
use crate::upstream::mcp::link::{Link, Unjudged};
use crate::upstream::mcp::live;

/// Passes a request on and gives the answer.
pub(super) async fn relay(talk: Arc<Talk>, doc: OwnedDoc, outlet: Outlet) -> Answer {
    let not_one =
        || Answer::error(400, None, jsonrpc::INVALID_REQUEST, "not a request that can be passed on", None);
    let Ok(frame) = Frame::read(doc.root()) else { return not_one() };
    let (Some(id), Some(method), Some(request)) = (frame.id(), frame.method(), Unjudged::of(&frame)) else {
        return not_one();
    };
    let link = match talk.link(Account::Read).await {
        Ok(link) => link,
        Err(error) => return talk.failed(id, &error),
    };
    if let Some(answer) = unbridged(&talk, &link, id, method) {
        return answer;
    }
    let flight = InFlight::new(&talk, id);
    let began = |upstream: &Id| flight.began(&link, upstream);
    let mut exchange = match link.request(request, talk.era(), &began).await {
        Ok(exchange) => exchange,
        Err(error) => return talk.failed(id, &error),
    };
    if exchange.is_stream() {
        outlet.begin().await;
    }
    loop {
        match exchange.next().await {
            Ok(Coming::Answer(answer)) => {
                // Descriptions of tools are held against what was reviewed, to the letter.
                let answer = match method {
                    "tools/list" => Ok(answer),
                    _ => talk.gateway.masked_answer(&talk.caller, None, answer),
                };
                return match answer {
                    Ok(answer) => finish(&talk, id, method, &exchange, &answer),
                    Err(why) => talk.refused(id, &Refusal::plain(Code::UpstreamGarbage, why)),
                };
            }
            Ok(Coming::Ask(ask)) => talk.ask(&link, &ask, &outlet).await,
            Ok(Coming::Notice(notice)) => {
                if let Some(text) = talk.notice(&link, &notice)
                    && !outlet.send(&text).await
                {
                    return talk.failed(
                        id,
                        &crate::upstream::UpstreamError::Broken {
                            name: link.name().to_owned(),
                            why: "the client left".to_owned(),
                        },
                    );
                }
            }
            Err(error) => return talk.failed(id, &error),
        }
    }
}

/// What the server's era has no word for.
fn unbridged(talk: &Talk, link: &Link, id: &Id, method: &str) -> Option<Answer> {
    let (from, to) = (talk.era(), link.era());
    if from == to {
        return None;
    }
    if method == "server/discover" {
        return Some(Answer { status: 200, body: link.agreed().identity.discover(id) });
    }
    if Method::treat(Sender::Client, method, true, to) != Treatment::Refuse {
        return None;
    }
    let status = if from == Era::Stateless { 404 } else { 200 };
    let message = format!(
        "{method} does not exist in {}, which the server behind the gateway speaks",
        link.agreed().version
    );
    Some(Answer::error(status, Some(id), jsonrpc::METHOD_NOT_FOUND, &message, None))
}

/// The answer as the client gets it.
fn finish(talk: &Talk, id: &Id, method: &str, exchange: &Exchange, doc: &OwnedDoc) -> Answer {
    // To a client with a session, 404 would mean that the session is gone.
    let status = if talk.era() == Era::Stateless { exchange.status() } else { 200 };
    let as_it_came = || Answer { status, body: doc.bytes().to_vec() };
    let Ok(Frame { body: Body::Result { result, .. }, .. }) = Frame::read(doc.root()) else {
        return as_it_came();
    };
    match method {
        "tools/list" => match ToolList::read(result) {
            Ok(list) => {
                let body = list.retain(doc.doc(), |tool| is_shown(talk, tool));
                body.map_or_else(as_it_came, |body| Answer { status, body })
            }
            Err(error) => {
                let why = format!("the server's tool list can't be read: {error}");
                talk.refused(id, &Refusal::plain(Code::UpstreamGarbage, why))
            }
        },
        "server/discover" => {
            let mut edit = Edit::new(doc.doc());
            if let Some(versions) = result.get("supportedVersions") {
                edit.replace(versions, Version::offered());
            }
            if let Some(capabilities) = result.get("capabilities") {
                edit.replace(capabilities, render::capabilities(capabilities, false));
            }
            Answer { status, body: edit.apply() }
        }
        _ => as_it_came(),
    }
}

/// Whether this principal may see a tool here: the workflow lists it, and it still is what a reviewer saw, whatever
/// `drift` says of calls: what nobody reviewed is not read to a model. A workflow that only observes hides nothing.
fn is_shown(talk: &Talk, listed: &ListedTool<'_>) -> bool {
    let name = ToolName::new(talk.server.name.as_str(), listed.name.as_ref());
    let in_workflow = talk.caller.workflow().acts.contains_key(&name);
    let tool = talk.caller.bundle().find_tool(&name).filter(|_| in_workflow);
    let item = listed.item.to_value();
    let same = tool.and_then(|tool| tool.pin.as_ref()).is_some_and(|pin| pin.digest == live::digest(&item));
    if tool.is_some() {
        talk.gateway.saw_tool(&talk.caller, &name, Some(live::digest(&item)));
    }
    let sound = item.get("inputSchema").is_none_or(|schema| ParamHeader::of_schema(schema).is_ok());
    if in_workflow && !(same && sound) {
        let mut refusal = Refusal::plain(
            Code::SchemaDrift,
            "left out of the list: its description is not the reviewed one",
        );
        refusal.tool = Some(name);
        talk.gateway.note_turned(&talk.request, &refusal);
    }
    (in_workflow && same && sound) || talk.caller.workflow().mode == Mode::Observe
}

/// Keeps a request findable for its client's cancellation for as long as it runs.
#[derive(Debug)]
pub(super) struct InFlight {
    session: Option<(Arc<super::session::Session>, Id)>,
    pub cancelled: Arc<Notify>,
}

impl InFlight {
    pub(super) fn new(talk: &Talk, id: &Id) -> Self {
        let session = talk.session.as_ref().map(|session| (Arc::clone(session), id.clone()));
        Self { session, cancelled: Arc::new(Notify::new()) }
    }

    /// The server knows it as `upstream` from now on.
    pub(super) fn began(&self, link: &Arc<Link>, upstream: &Id) {
        if let Some((session, id)) = &self.session {
            let cancelled = Arc::clone(&self.cancelled);
            session.begin(id, Running { link: Arc::clone(link), id: upstream.clone(), cancelled });
        }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        if let Some((session, id)) = &self.session {
            session.end(id);
        }
    }
}
