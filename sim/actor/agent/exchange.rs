//! The one- or two-step exchange on a connection (rules 2, 10, 14, 15).

use bytes::Bytes;
use http::{
    HeaderValue, Method, Response, StatusCode,
    header::{AUTHORIZATION, WWW_AUTHENTICATE},
};

use super::{
    AgentActor,
    visit::{Line, LineAuthentication},
};
use crate::{
    actor::{
        Environment, HttpConnection,
        hang::hang_if_planted,
        http::{ExchangeError, RequestHead},
        lock::locked,
    },
    event::{Carried, EventKind, Outcome, Removal},
    protocol::{
        Authorization, CountersignedToken, Credentials, RequestFacts, ServerPath, TokenChallenge, content_digest,
    },
    types::{Bug, Epoch, Jti, Undigested},
};

/// Where agents get what needs authentication.
const PROTECTED_TARGET: &str = "/Altiris/Packages/index";
/// Where agents get what needs none (rule 3).
const PUBLIC_TARGET: &str = "/Altiris/Public/status";
/// A stored token that is refused, a first request, and the answer to its challenge; more would be a loop.
const TRIPS_MAX: u32 = 3;
/// Answers to an agent are short.
const BODY_BYTES_MAX: u32 = 64 << 10;

impl<E: Environment> AgentActor<E> {
    /// Sends a request, answers challenges, and tells how it ended and how many trips it took.
    pub(super) async fn converse(&self, line: &mut Line<E>, is_authenticated: bool, is_public: bool) -> (Outcome, u32) {
        hang_if_planted().await;
        let started = self.environment.now();
        if is_public || is_authenticated {
            let target = if is_public { PUBLIC_TARGET } else { PROTECTED_TARGET };
            let served = if is_public { Outcome::ServedPublic } else { Outcome::ServedAuthenticated };
            match self.send(&mut line.connection, target, None, Carried::Nothing).await {
                Ok(response) if response.status() == StatusCode::OK => return (served, 1),
                // The server no longer takes the connection for authenticated: start over, with a token.
                Ok(response) if response.status() == StatusCode::UNAUTHORIZED && is_authenticated => {
                    line.authentication = None;
                }
                Ok(response) => return (failed(response.status()), 1),
                Err(error) => return (broken(&error), 1),
            }
        }
        let first_trip = u32::from(is_authenticated);
        let channel_binding = line.connection.channel_binding().map(str::to_owned);
        let digest = content_digest(b"");
        let facts = RequestFacts {
            method: "GET",
            target: PROTECTED_TARGET,
            content_digest: &digest,
            channel_binding: channel_binding.as_deref(),
        };
        let (path, now) = (self.path(), self.wall());
        let authorization = locked(&self.agent).authorize(&path, &facts, now, &self.engine, &mut *locked(&self.rng));
        let mut refused = None;
        let Ok(mut authorization) = authorization else { return (Outcome::Broken, first_trip) };
        self.charge().await;
        for trip in first_trip + 1..=first_trip + TRIPS_MAX {
            let response = match self.authorize_and_send(&mut line.connection, &authorization).await {
                Ok(response) => response,
                Err(error) => return (broken(&error), trip),
            };
            match response.status() {
                StatusCode::OK => {
                    if let Authorization::Token { token, .. } = &authorization {
                        line.authentication = Some(LineAuthentication { started, expires: token.issued.claims.exp });
                    }
                    return (self.succeeded(&path, &authorization, refused), trip);
                }
                StatusCode::UNAUTHORIZED if trip < first_trip + TRIPS_MAX => {
                    if let Authorization::Token { token, was_stored: true, .. } = &authorization {
                        refused = Some(token.issued.claims.jti);
                    }
                    match self.answer(&path, &response, &authorization, &facts) {
                        Ok(next) => {
                            self.charge().await;
                            authorization = next;
                        }
                        Err(outcome) => return (outcome, trip),
                    }
                }
                StatusCode::FORBIDDEN => {
                    self.forbidden(&path, &authorization);
                    return (Outcome::Forbidden, trip);
                }
                status => return (failed(status), trip),
            }
        }
        (Outcome::Unauthorized, first_trip + TRIPS_MAX)
    }

    /// Occupies the CPU for the work done since the last call, where an agent has a CPU that is modelled.
    async fn charge(&self) {
        let work = self.engine.take_work();
        let _ = self.environment.occupy(&work).await;
    }

    async fn authorize_and_send(
        &self,
        connection: &mut HttpConnection<E>,
        authorization: &Authorization,
    ) -> Result<Response<Bytes>, ExchangeError> {
        let (credentials, carries) = match authorization {
            Authorization::First { uid } => {
                let agent = self.settings.node;
                (Credentials::First { agent, uid: *uid }.to_value(), Carried::FirstRequest)
            }
            Authorization::Token { token, was_stored, .. } => {
                self.record_countersigned(token);
                let carries = if *was_stored { Carried::StoredToken } else { Carried::NewToken };
                (Credentials::Token(token.text()).to_value(), carries)
            }
        };
        self.send(connection, PROTECTED_TARGET, Some(credentials), carries).await
    }

    async fn send(
        &self,
        connection: &mut HttpConnection<E>,
        target: &str,
        credentials: Option<String>,
        carries: Carried,
    ) -> Result<Response<Bytes>, ExchangeError> {
        let mut headers = Vec::new();
        if let Some(credentials) = credentials {
            let value = HeaderValue::try_from(credentials).map_err(|error| ExchangeError::Broken(error.into()))?;
            headers.push((AUTHORIZATION, value));
        }
        let head = RequestHead { method: Method::GET, target, headers, carries };
        let patience = self.settings.parameters.exchange_timeout();
        let (_, response) = connection.exchange(head, Bytes::new(), patience, BODY_BYTES_MAX).await?;
        Ok(response)
    }

    /// What follows on a 401.
    fn answer(
        &self,
        path: &ServerPath,
        response: &Response<Bytes>,
        sent: &Authorization,
        facts: &RequestFacts<'_>,
    ) -> Result<Authorization, Outcome> {
        let values = response.headers().get_all(WWW_AUTHENTICATE).iter();
        let challenge = values.filter_map(|value| value.to_str().ok()).find_map(TokenChallenge::parse);
        let Some(challenge) = challenge else { return Err(Outcome::Unauthorized) };
        let mut agent = locked(&self.agent);
        if challenge.token.is_none() {
            return match sent {
                // The server could not tell whose token that was; tell it.
                Authorization::Token { .. } => Ok(agent.ask_anew(path, &mut *locked(&self.rng))),
                Authorization::First { .. } => Err(Outcome::Unauthorized),
            };
        }
        let answer = agent.answer(path, &challenge, facts, &self.engine);
        drop(agent);
        if let Ok(Authorization::Token { token, epoch, .. }) = &answer
            && Bug::TokenStoredTooSoon.is_planted()
        {
            self.note_success(path, token, *epoch, None);
        }
        answer.map_err(|why| {
            let server = self.settings.server;
            self.environment.record(EventKind::TokenDeclined { server, why: why.to_string() });
            Outcome::TokenDeclined
        })
    }

    fn succeeded(&self, path: &ServerPath, authorization: &Authorization, refused: Option<Jti>) -> Outcome {
        // A first request is served where the server has accepted a token on the connection before.
        let Authorization::Token { token, epoch, was_stored } = authorization else {
            return Outcome::ServedAuthenticated;
        };
        self.note_success(path, token, *epoch, refused);
        if *was_stored { Outcome::ServedOneStep } else { Outcome::ServedTwoStep }
    }

    fn note_success(&self, path: &ServerPath, token: &CountersignedToken, epoch: Option<Epoch>, refused: Option<Jti>) {
        let now = self.wall();
        if locked(&self.agent).succeeded(path, token, epoch, refused, now) {
            self.environment.record(EventKind::TokenStored {
                server: self.settings.server,
                uid: token.issued.uid,
                jti: token.issued.claims.jti,
                expires: token.issued.claims.exp,
            });
        }
    }

    fn forbidden(&self, path: &ServerPath, authorization: &Authorization) {
        let Authorization::Token { token, .. } = authorization else { return };
        let jti = token.issued.claims.jti;
        if locked(&self.agent).forbidden(path, jti) {
            let server = self.settings.server;
            self.environment.record(EventKind::StoredTokenRemoved { server, jti, why: Removal::Forbidden });
        }
    }

    fn record_countersigned(&self, token: &CountersignedToken) {
        self.environment.record(EventKind::Countersigned {
            agent: self.settings.node,
            uid: token.nonce.uid,
            jti: token.issued.claims.jti,
            counter: token.nonce.counter,
            expires: token.issued.claims.exp,
            token: Undigested(token.issued.fingerprint()),
            countersigned: Undigested(token.fingerprint()),
        });
    }
}

fn failed(status: StatusCode) -> Outcome {
    match status {
        StatusCode::UNAUTHORIZED => Outcome::Unauthorized,
        StatusCode::FORBIDDEN => Outcome::Forbidden,
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => Outcome::Unavailable,
        _ => Outcome::Broken,
    }
}

fn broken(error: &ExchangeError) -> Outcome {
    match error {
        ExchangeError::TimedOut => Outcome::TimedOut,
        ExchangeError::NotConnected(_) | ExchangeError::ConnectTimedOut => Outcome::NotConnected,
        ExchangeError::Broken(_) => Outcome::Broken,
    }
}
