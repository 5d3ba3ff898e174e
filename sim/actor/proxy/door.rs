//! Whom a proxy lets through, and what it asks of everybody else.

use http::{
    HeaderValue, StatusCode,
    header::{PROXY_AUTHENTICATE, PROXY_AUTHORIZATION},
};
use rand_core::Rng;

use super::ProxyServer;
use crate::{
    actor::{
        Environment,
        http::{Reply, ServerConnection, ServerRequest, empty_reply},
    },
    event::{EventKind, ProxyCredentials, ProxyEvent},
    protocol::{AccountCredentials, PasswordHash, SCHEME, WindowsMessage, is_token_scheme},
    types::{AccountScheme, ServerChallenge, locked},
};

impl<E: Environment> ProxyServer<E> {
    /// What the proxy answers by itself; none if the request goes through.
    pub(super) fn asks(&self, connection: &ServerConnection, request: &ServerRequest) -> Option<Reply> {
        let value = request.headers.get(PROXY_AUTHORIZATION).and_then(|value| value.to_str().ok());
        let Some(value) = value else {
            let is_open = self.settings.schemes.is_empty() && !self.settings.asks_for_token;
            let is_known = connection.authentication().account().is_some();
            return (!is_open && !is_known).then(|| self.question(request, None));
        };
        let credentials = AccountCredentials::parse(value);
        let what = match &credentials {
            _ if is_token_scheme(value) => ProxyCredentials::Token,
            Some(Some(credentials)) => ProxyCredentials::Account(credentials.scheme()),
            _ => ProxyCredentials::Unknown,
        };
        self.record(ProxyEvent::Received { request: request.id, what });
        // Whoever collects tokens has got what it wanted.
        if what == ProxyCredentials::Token && self.settings.asks_for_token {
            return None;
        }
        let taken = credentials.flatten().filter(|it| self.settings.schemes.contains(&it.scheme()));
        let Some(credentials) = taken else { return Some(self.question(request, None)) };
        let scheme = credentials.scheme();
        let is_proven = match credentials {
            AccountCredentials::Windows(_, WindowsMessage::Hello {}) => {
                let challenge = self.draw_challenge();
                connection.authenticate(|authentication| authentication.challenge(scheme, challenge));
                return Some(self.question(request, Some((scheme, challenge))));
            }
            AccountCredentials::Windows(_, WindowsMessage::Challenge { .. }) => false,
            // One challenge, one answer: it is gone, whatever the answer is.
            AccountCredentials::Windows(_, WindowsMessage::Response { account, response }) => {
                let mut pending = None;
                connection.authenticate(|authentication| pending = authentication.take_challenge(scheme));
                let proves = |hash: &PasswordHash| {
                    pending.is_some_and(|it| WindowsMessage::proves(&account, &response, hash, scheme, it))
                };
                self.settings.domain.find(&account).is_some_and(|entry| proves(&entry.hash))
            }
            AccountCredentials::Basic(account) => {
                self.settings.domain.find(&account.name).is_some_and(|entry| entry.hash == account.hash())
            }
        };
        if !is_proven {
            return Some(self.question(request, None));
        }
        // `Basic` is for one request each.
        if scheme != AccountScheme::Basic {
            let (node, now) = (self.settings.node, self.environment.now());
            connection.authenticate(|authentication| authentication.accept_account(scheme, node, now));
        }
        self.record(ProxyEvent::Admitted { request: request.id, scheme });
        None
    }

    /// 407 with everything that the proxy takes, or in the middle of a handshake with its challenge and nothing else.
    fn question(&self, request: &ServerRequest, handshake: Option<(AccountScheme, ServerChallenge)>) -> Reply {
        let for_token = self.settings.asks_for_token && handshake.is_none();
        self.record(ProxyEvent::Asked { request: request.id, for_token });
        let values = match handshake {
            Some((scheme, challenge)) => vec![WindowsMessage::Challenge { challenge }.to_value(scheme)],
            None => {
                let accounts = self.settings.schemes.iter().map(|scheme| match scheme {
                    AccountScheme::Basic => r#"Basic realm="proxy""#.to_owned(),
                    handshake => handshake.to_string(),
                });
                for_token.then(|| SCHEME.to_owned()).into_iter().chain(accounts).collect()
            }
        };
        let mut reply = empty_reply(StatusCode::PROXY_AUTHENTICATION_REQUIRED);
        for value in values.into_iter().filter_map(|value| HeaderValue::try_from(value).ok()) {
            reply.headers_mut().append(PROXY_AUTHENTICATE, value);
        }
        reply
    }

    fn draw_challenge(&self) -> ServerChallenge {
        let mut bits = [0; 16];
        locked(&self.rng).fill_bytes(&mut bits);
        ServerChallenge::from_bits(u128::from_be_bytes(bits))
    }

    pub(super) fn record(&self, event: ProxyEvent) {
        self.environment.record(EventKind::Proxy(event));
    }
}
