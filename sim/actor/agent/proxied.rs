//! What an agent does where a proxy is between it and its server (rule 61): what the proxy asks for is answered with an
//! account or not at all, whether the proxy forwards requests or opens a tunnel.
//!
//! It is so for visits. What the agent says to the SMP in its own name goes there directly.

use std::io;

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode,
    header::{PROXY_AUTHENTICATE, PROXY_AUTHORIZATION},
};

use super::{AgentActor, exchange::BODY_BYTES_MAX, kinds::Way, visit::Line};
use crate::{
    actor::{
        Environment, HttpConnection,
        http::{ExchangeError, RequestHead},
    },
    event::{Carried, EventKind, ProxyEvent},
    protocol::{
        Account, Authorization, Credentials, ProxyAccounts, ProxyRefusal, RequestFacts, WindowsMessage, answer_proxy,
        content_digest, is_token_scheme,
    },
    types::{AccountScheme, ActorId, Bug, Origin, ServerChallenge, locked},
};

/// A proxy, and what an agent has for it.
#[derive(Clone, Debug)]
pub struct ProxyInBetween {
    /// What events call it.
    pub actor: ActorId,
    /// Where it is reached.
    pub origin: Origin,
    /// Whether requests go through a tunnel; else the proxy forwards each.
    pub has_tunnel: bool,
    /// The account of the agent's machine, for `Negotiate`.
    pub machine_account: Account,
    /// The account that the proxy's owner gave the agents, for `NTLM` and `Basic`. It is not the ACC.
    pub account: Account,
    /// Whether `Basic` may carry it.
    pub allow_basic: bool,
}

impl<E: Environment> AgentActor<E> {
    /// Opens a connection to a server, by way of the proxy if there is one.
    pub(super) async fn open(&self, way: &Way) -> Result<HttpConnection<E>, ExchangeError> {
        let origin = &way.path.origin;
        match &self.settings.coexistence.proxy {
            // Boxed: the usual agent has none, and keeps no room for it.
            Some(proxy) if proxy.has_tunnel => Box::pin(self.open_tunnel(proxy, way)).await,
            Some(proxy) => self.connect(way.server, origin, Some(&proxy.origin)).await,
            None => self.connect(way.server, origin, None).await,
        }
    }

    async fn connect(
        &self,
        server: ActorId,
        origin: &Origin,
        proxy: Option<&Origin>,
    ) -> Result<HttpConnection<E>, ExchangeError> {
        let parameters = &self.settings.parameters;
        let patience = parameters.connect_timeout();
        HttpConnection::open_by(&self.environment, server, origin, proxy, patience, &parameters.caps).await
    }

    async fn open_tunnel(&self, proxy: &ProxyInBetween, way: &Way) -> Result<HttpConnection<E>, ExchangeError> {
        let origin = &way.path.origin;
        let mut connection = self.connect(proxy.actor, origin, Some(&proxy.origin)).await?;
        let target = format!("{}:{}", origin.host(), origin.port());
        let (method, headers, carries) = (Method::CONNECT, Vec::new(), Carried::Nothing);
        let head = RequestHead { method, target: &target, headers, carries };
        let answer = self.pass(proxy, &mut connection, head, &mut None).await?;
        match answer.status() {
            StatusCode::OK => connection.through(answer, way.server).await,
            status => Err(ExchangeError::NotConnected(io::Error::other(format!("the proxy answered {status}")))),
        }
    }

    /// Sends a request to the server of a line, by way of the proxy if there is one.
    pub(super) async fn send_on(
        &self,
        line: &mut Line<E>,
        head: RequestHead<'_>,
    ) -> Result<Response<Bytes>, ExchangeError> {
        match &self.settings.coexistence.proxy {
            Some(proxy) if !proxy.has_tunnel => {
                let target = format!("{}{}", line.connection.origin(), head.target);
                let head = RequestHead { target: &target, ..head };
                Box::pin(self.pass(proxy, &mut line.connection, head, &mut line.proxy_credentials)).await
            }
            _ => self.exchange_on(&mut line.connection, head).await,
        }
    }

    /// Sends a request to a proxy. If that asks who it is, the request is sent once more with the answer.
    async fn pass(
        &self,
        proxy: &ProxyInBetween,
        connection: &mut HttpConnection<E>,
        head: RequestHead<'_>,
        known: &mut Option<HeaderValue>,
    ) -> Result<Response<Bytes>, ExchangeError> {
        let answer = self.exchange_on(connection, with(&head, known.clone())).await?;
        if answer.status() != StatusCode::PROXY_AUTHENTICATION_REQUIRED {
            return Ok(answer);
        }
        let asked = values(answer.headers());
        let for_token = asked.iter().any(|value| is_token_scheme(value));
        if for_token
            && Bug::TokenForProxy.is_planted()
            && let Some(token) = self.token_in_hand(&head)
        {
            return self.exchange_on(connection, with(&head, Some(token))).await;
        }
        let accounts = ProxyAccounts { negotiate: true, ntlm: true, basic: proxy.allow_basic };
        let declined = |why: ProxyRefusal| {
            let (connection, proxy, text) = (connection.id(), proxy.actor, why.to_string());
            let declined = ProxyEvent::Declined { connection, proxy, for_token, why: text };
            self.environment.record(EventKind::Proxy(declined));
            ExchangeError::KeptOut(why.to_string())
        };
        let scheme = answer_proxy(&asked, accounts).map_err(declined)?;
        let account = if scheme.is_acc() { &proxy.account } else { &proxy.machine_account };
        let credentials = match scheme {
            AccountScheme::Basic => format!("{scheme} {}", account.to_basic()),
            _ => {
                let hello = header_value(WindowsMessage::Hello {}.to_value(scheme))?;
                // It cannot get through yet: what is for the server stays here.
                let alone = RequestHead { headers: Vec::new(), carries: Carried::Nothing, ..head.clone() };
                let answer = self.exchange_on(connection, with(&alone, Some(hello))).await?;
                let challenge = challenge_of(answer.headers(), scheme);
                let challenge = challenge.ok_or_else(|| kept_out("the proxy does not go on with its own handshake"))?;
                WindowsMessage::answer(account, scheme, challenge).to_value(scheme)
            }
        };
        let credentials = header_value(credentials)?;
        // A handshake authenticates the connection, `Basic` one request.
        *known = (scheme == AccountScheme::Basic).then(|| credentials.clone());
        let answer = self.exchange_on(connection, with(&head, Some(credentials))).await?;
        match answer.status() {
            StatusCode::PROXY_AUTHENTICATION_REQUIRED => Err(kept_out("the proxy does not take the account")),
            _ => Ok(answer),
        }
    }

    async fn exchange_on(
        &self,
        connection: &mut HttpConnection<E>,
        head: RequestHead<'_>,
    ) -> Result<Response<Bytes>, ExchangeError> {
        let patience = self.settings.parameters.exchange_timeout();
        connection.exchange(head, Bytes::new(), patience, BODY_BYTES_MAX).await.map(|(_, response)| response)
    }

    /// What no proxy must get: the stored token, countersigned for this request.
    fn token_in_hand(&self, head: &RequestHead<'_>) -> Option<HeaderValue> {
        let digest = content_digest(b"");
        let (method, target) = (head.method.as_str(), head.target);
        let facts = RequestFacts { method, target, content_digest: &digest, channel_binding: None };
        let (path, now) = (self.path(), self.wall());
        let authorization = locked(&self.agent).authorize(&path, &facts, now, &self.engine, &mut *locked(&self.rng));
        let Ok(Authorization::Token { token, .. }) = authorization else { return None };
        HeaderValue::try_from(Credentials::Token(token.text()).to_value()).ok()
    }
}

/// The request with these credentials for the proxy.
fn with<'a>(head: &RequestHead<'a>, credentials: Option<HeaderValue>) -> RequestHead<'a> {
    let mut head = head.clone();
    head.headers.extend(credentials.map(|value| -> (HeaderName, HeaderValue) { (PROXY_AUTHORIZATION, value) }));
    head
}

fn values(headers: &HeaderMap) -> Vec<&str> {
    headers.get_all(PROXY_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok()).collect()
}

fn challenge_of(headers: &HeaderMap, scheme: AccountScheme) -> Option<ServerChallenge> {
    let messages = values(headers).into_iter().filter_map(|value| WindowsMessage::parse(value, scheme));
    messages.into_iter().find_map(|message| match message {
        WindowsMessage::Challenge { challenge } => Some(challenge),
        WindowsMessage::Hello {} | WindowsMessage::Response { .. } => None,
    })
}

fn header_value(text: String) -> Result<HeaderValue, ExchangeError> {
    HeaderValue::try_from(text).map_err(|error| ExchangeError::Broken(error.into()))
}

fn kept_out(why: &str) -> ExchangeError {
    ExchangeError::KeptOut(why.to_owned())
}
