//! A server that draws portlets. It has no key: it asks the front end whose session a login token is for.

use std::{io, sync::Arc};

use bytes::Bytes;
use http::{Method, StatusCode};
use http_body_util::Full;

use super::{
    PortalSettings,
    call::Line,
    door::{INDEX_PATH, answered},
    reply,
};
use crate::{
    actor::{
        Environment,
        http::{Reply, ServerConnection, ServerRequest, Service, empty_reply, serve},
    },
    event::EventKind,
    protocol::{PORTLET_SERVER_PATH, login_token_in},
    types::ActorId,
};

/// What this door has.
const PATHS: &str = "\
The portlet server of a portal. It is asked by the front end.
GET  /portlet/   a portlet; wants a login token, in `Authorization: LoginToken <token>`
";

/// The portlet server of a portal.
#[derive(Debug)]
pub struct PortletServer<E> {
    environment: Arc<E>,
    settings: PortalSettings,
}

impl<E: Environment> PortletServer<E> {
    /// A server that has just started.
    pub fn start(environment: Arc<E>, settings: PortalSettings) -> Arc<Self> {
        environment.record(EventKind::Started { node: settings.node, epoch: None });
        Arc::new(Self { environment, settings })
    }

    /// Serves until its environment says stop.
    ///
    /// # Errors
    /// If the door cannot be opened, or breaks.
    pub async fn run(self: Arc<Self>) -> io::Result<()> {
        let environment = Arc::clone(&self.environment);
        let (origin, parameters) = (self.settings.origin.clone(), Arc::clone(&self.settings.parameters));
        serve(environment, self, origin, parameters).await
    }

    async fn draw(&self, request: &ServerRequest) -> Reply {
        let Some(token) = login_token_in(&request.target, &request.headers) else {
            return empty_reply(StatusCode::UNAUTHORIZED);
        };
        let Some(mut line) = Line::open(&self.environment, &self.settings, ActorId::FrontEnd).await else {
            return empty_reply(StatusCode::BAD_GATEWAY);
        };
        match line.open_session(&token).await {
            Some(StatusCode::OK) => Reply::new(Full::new(Bytes::from_static(b"a portlet"))),
            Some(_) => empty_reply(StatusCode::UNAUTHORIZED),
            None => empty_reply(StatusCode::BAD_GATEWAY),
        }
    }
}

impl<E: Environment> Service for PortletServer<E> {
    async fn answer(self: &Arc<Self>, _connection: &Arc<ServerConnection>, request: ServerRequest) -> Reply {
        let since = self.environment.now();
        let reply = match (&request.method, request.path()) {
            (&Method::GET, INDEX_PATH) => reply::text(PATHS),
            (&Method::GET, PORTLET_SERVER_PATH) => self.draw(&request).await,
            _ => empty_reply(StatusCode::NOT_FOUND),
        };
        answered(&*self.environment, since, &request, &reply);
        reply
    }
}
