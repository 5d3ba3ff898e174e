//! Requests of one part of a portal to another.

use std::sync::Arc;

use bytes::Bytes;
use http::{
    HeaderValue, Method, Response, StatusCode,
    header::{AUTHORIZATION, COOKIE, SET_COOKIE},
};

use super::PortalSettings;
use crate::{
    actor::{
        Environment,
        http::{HttpConnection, RequestHead},
    },
    event::Carried,
    protocol::{SESSION_PATH, login_authorization},
    types::{ActorId, Origin},
};

/// A page is no longer.
const PAGE_BYTES_MAX: u32 = 64 * 1_024;

/// A connection to a server of the portal.
pub struct Line<E: Environment> {
    connection: HttpConnection<E>,
    settings: PortalSettings,
}

/// What a request carries.
#[derive(Clone, Copy, Debug)]
pub enum With<'a> {
    /// Nothing that tells who asks.
    Nothing,
    /// A session, or another cookie.
    Cookie(&'a str, &'a str),
    /// A login token, in the Authorization header.
    Token(&'a str),
}

impl<E: Environment> Line<E> {
    /// Opens a connection. None if it cannot be had in time.
    pub async fn open(environment: &Arc<E>, settings: &PortalSettings, server: ActorId) -> Option<Self> {
        let origin = match server {
            ActorId::AdministrationServer => &settings.administration_server,
            ActorId::PortletServer => &settings.portlet_server,
            _ => &settings.front_end,
        };
        let parameters = &settings.parameters;
        let opened = HttpConnection::open(environment, server, origin, parameters.connect_timeout(), &parameters.caps);
        Some(Self { connection: opened.await.ok()?, settings: settings.clone() })
    }

    /// Whether it can be used again after a pause.
    pub fn is_reusable(&self) -> bool {
        self.connection.is_reusable(&self.settings.parameters)
    }

    /// Sends a request and waits for the answer. None if there is none in time: then the line is of no more use.
    pub async fn ask(&mut self, method: Method, target: &str, with: With<'_>, body: String) -> Option<Response<Bytes>> {
        let header = match with {
            With::Nothing => None,
            With::Cookie(name, value) => Some((COOKIE, format!("{name}={value}"))),
            With::Token(token) => Some((AUTHORIZATION, login_authorization(token))),
        };
        let carries = match with {
            With::Token(_) | With::Cookie(crate::protocol::REMEMBER_COOKIE, _) => Carried::LoginToken,
            _ if target.contains('?') => Carried::LoginToken,
            _ => Carried::Nothing,
        };
        let headers = header.and_then(|(name, value)| Some((name, HeaderValue::try_from(value).ok()?)));
        let head = RequestHead { method, target, headers: headers.into_iter().collect(), carries };
        let patience = self.settings.parameters.exchange_timeout();
        let answer = self.connection.exchange(head, Bytes::from(body), patience, PAGE_BYTES_MAX).await;
        answer.ok().map(|(_, response)| response)
    }

    /// Opens a session at the front end by a login token, as the server API lets anybody.
    pub async fn open_session(&mut self, token: &str) -> Option<StatusCode> {
        let answer = self.ask(Method::POST, SESSION_PATH, With::Token(token), String::new()).await;
        answer.map(|answer| answer.status())
    }
}

/// The cookie of a name that an answer sets, without its attributes; empty if it takes it away.
pub fn set_cookie<'a>(answer: &'a Response<Bytes>, name: &str) -> Option<&'a str> {
    let values = answer.headers().get_all(SET_COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs = values.filter_map(|value| value.split(';').next()?.split_once('='));
    pairs.into_iter().find(|(found, _)| *found == name).map(|(_, value)| value)
}

/// Path and query behind an origin.
pub fn target_at<'a>(location: &'a str, origin: &Origin) -> Option<&'a str> {
    location.strip_prefix(&origin.to_string()).filter(|target| target.starts_with('/'))
}
