//! The one- or two-step exchange on a connection (rules 2, 10, 14, 15).

use bytes::Bytes;
use http::{
    HeaderValue, Method, Response, StatusCode,
    header::{AUTHORIZATION, LOCATION, WWW_AUTHENTICATE},
};

use super::{
    AgentActor,
    beside_tokens::{SoFar, offered},
    kinds::{Wanted, Way},
    visit::{Line, LineAuthentication},
};
use crate::{
    actor::{
        Environment,
        hang::hang_if_planted,
        http::{ExchangeError, RequestHead},
    },
    event::{Carried, EventKind, Outcome, Removal},
    protocol::{
        Authorization, CountersignedToken, Credentials, RequestFacts, TokenChallenge, TokenState, content_digest,
    },
    types::{Bug, Epoch, Jti, Undigested, locked},
};

/// A stored token that is refused, a first request, and the answer to its challenge; more would be a loop.
const TRIPS_MAX: u32 = 3;
/// Answers to an agent are short.
pub(super) const BODY_BYTES_MAX: u32 = 64 << 10;

impl<E: Environment> AgentActor<E> {
    /// Sends a request, answers challenges, and tells how it ended and how many trips it took.
    pub(super) async fn converse(
        &self,
        way: &Way,
        line: &mut Line<E>,
        is_authenticated: bool,
        wanted: Wanted,
    ) -> (Outcome, u32) {
        hang_if_planted().await;
        let started = self.environment.now();
        let is_public = wanted.is_public();
        if is_public || is_authenticated {
            let served = if is_public { Outcome::ServedPublic } else { Outcome::ServedAuthenticated };
            match self.send(line, wanted.target(), None, Carried::Nothing).await {
                Ok(response) if is_in(response.status()) => return (served, 1),
                // The server no longer takes the connection for authenticated: start over, with a token.
                Ok(response) if response.status() == StatusCode::UNAUTHORIZED && is_authenticated => {
                    line.authentication = None;
                }
                Ok(response) => return (failed(response.status()), 1),
                Err(error) => return (broken(&error), 1),
            }
        }
        let mut so_far =
            SoFar { started, trips: u32::from(is_authenticated), outcome: Outcome::Unauthorized, offered: None };
        if wanted == Wanted::Unc {
            return self.beside_tokens(way, line, wanted, TokenState::Untried, so_far).await;
        }
        // Where policy says that a server does no tokens, the agent asks what it does: it follows the server (rule 58).
        if !locked(&self.kinds).of_server(way.path.server).token {
            so_far.trips += 1;
            match self.send(line, wanted.target(), None, Carried::Nothing).await {
                Ok(response) if is_in(response.status()) => return (Outcome::ServedAuthenticated, so_far.trips),
                Ok(response) if response.status() == StatusCode::UNAUTHORIZED => {
                    so_far.offered = Some(offered(response.headers()));
                }
                Ok(response) => return (failed(response.status()), so_far.trips),
                Err(error) => return (broken(&error), so_far.trips),
            }
        }
        if so_far.offered.is_none() || self.answers_with_token(way, so_far.offered) {
            so_far = self.by_token(way, line, wanted, so_far).await;
        }
        let token = match (so_far.outcome, so_far.offered) {
            (Outcome::Unauthorized, offered) if !self.answers_with_token(way, offered) => TokenState::Untried,
            (Outcome::Unauthorized, _) => TokenState::Refused,
            (Outcome::Forbidden, _) => TokenState::Forbidden,
            (Outcome::Unavailable, _) => TokenState::Unavailable,
            (Outcome::TokenDeclined, _) => TokenState::Declined,
            (outcome, _) => return (outcome, so_far.trips),
        };
        self.beside_tokens(way, line, wanted, token, so_far).await
    }

    /// Asks with tokens, and tells how far that went.
    async fn by_token(&self, way: &Way, line: &mut Line<E>, wanted: Wanted, so_far: SoFar) -> SoFar {
        let SoFar { started, trips: first_trip, .. } = so_far;
        let mut offers = so_far.offered;
        let ended = |outcome, trips, offered| SoFar { started, trips, outcome, offered };
        let channel_binding = line.connection.channel_binding().map(str::to_owned);
        let digest = content_digest(b"");
        let facts = RequestFacts {
            method: "GET",
            target: wanted.target(),
            content_digest: &digest,
            channel_binding: channel_binding.as_deref(),
        };
        let (path, now) = (&way.path, self.wall());
        let authorization = locked(&self.agent).authorize(path, &facts, now, &self.engine, &mut *locked(&self.rng));
        let mut refused = None;
        let Ok(mut authorization) = authorization else { return ended(Outcome::Broken, first_trip, offers) };
        self.charge().await;
        for trip in first_trip + 1..=first_trip + TRIPS_MAX {
            let response = match self.authorize_and_send(line, wanted, &authorization).await {
                Ok(response) => response,
                Err(error) => return ended(broken(&error), trip, offers),
            };
            if response.status() == StatusCode::UNAUTHORIZED {
                offers = Some(offered(response.headers()));
            }
            match response.status() {
                status if is_in(status) => {
                    if let Authorization::Token { token, .. } = &authorization {
                        let expires = Some(token.issued.claims.exp);
                        line.authentication = Some(LineAuthentication { started, expires });
                    }
                    return ended(self.succeeded(way, &authorization, refused), trip, offers);
                }
                StatusCode::UNAUTHORIZED if trip < first_trip + TRIPS_MAX => {
                    if let Authorization::Token { token, was_stored: true, .. } = &authorization {
                        refused = Some(token.issued.claims.jti);
                    }
                    if !self.answers_with_token(way, offers) {
                        return ended(Outcome::Unauthorized, trip, offers);
                    }
                    match self.answer(way, &response, &authorization, &facts) {
                        Ok(next) => {
                            self.charge().await;
                            authorization = next;
                        }
                        Err(outcome) => return ended(outcome, trip, offers),
                    }
                }
                StatusCode::FORBIDDEN => {
                    self.forbidden(way, &authorization);
                    return ended(Outcome::Forbidden, trip, None);
                }
                StatusCode::UNAUTHORIZED => return ended(Outcome::Unauthorized, trip, offers),
                status => return ended(failed(status), trip, None),
            }
        }
        ended(Outcome::Unauthorized, first_trip + TRIPS_MAX, offers)
    }

    /// Occupies the CPU for the work done since the last call, where an agent has a CPU that is modelled.
    async fn charge(&self) {
        let work = self.engine.take_work();
        let _ = self.environment.occupy(&work).await;
    }

    async fn authorize_and_send(
        &self,
        line: &mut Line<E>,
        wanted: Wanted,
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
        self.send(line, wanted.target(), Some(credentials), carries).await
    }

    /// Sends a request, and notes where its answer sends the agent on.
    pub(super) async fn send(
        &self,
        line: &mut Line<E>,
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
        let response = self.send_on(line, head).await?;
        if response.status() == StatusCode::TEMPORARY_REDIRECT {
            let location = response.headers().get(LOCATION).and_then(|location| location.to_str().ok());
            line.sent_on_to = Some(location.unwrap_or_default().to_owned());
        }
        Ok(response)
    }

    /// What follows on a 401.
    fn answer(
        &self,
        way: &Way,
        response: &Response<Bytes>,
        sent: &Authorization,
        facts: &RequestFacts<'_>,
    ) -> Result<Authorization, Outcome> {
        let values = response.headers().get_all(WWW_AUTHENTICATE).iter();
        let challenge = values.filter_map(|value| value.to_str().ok()).find_map(TokenChallenge::parse);
        let Some(challenge) = challenge else { return Err(Outcome::Unauthorized) };
        let path = &way.path;
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
            self.note_success(way, token, *epoch, None);
        }
        answer.map_err(|why| {
            let server = way.server;
            self.environment.record(EventKind::TokenDeclined { server, why: why.to_string() });
            Outcome::TokenDeclined
        })
    }

    fn succeeded(&self, way: &Way, authorization: &Authorization, refused: Option<Jti>) -> Outcome {
        // A first request is served where the server has accepted a token on the connection before.
        let Authorization::Token { token, epoch, was_stored } = authorization else {
            return Outcome::ServedAuthenticated;
        };
        self.note_success(way, token, *epoch, refused);
        if *was_stored { Outcome::ServedOneStep } else { Outcome::ServedTwoStep }
    }

    fn note_success(&self, way: &Way, token: &CountersignedToken, epoch: Option<Epoch>, refused: Option<Jti>) {
        let now = self.wall();
        if locked(&self.agent).succeeded(&way.path, token, epoch, refused, now) {
            self.environment.record(EventKind::TokenStored {
                server: way.server,
                uid: token.issued.uid,
                jti: token.issued.claims.jti,
                expires: token.issued.claims.exp,
            });
        }
    }

    fn forbidden(&self, way: &Way, authorization: &Authorization) {
        let Authorization::Token { token, .. } = authorization else { return };
        let jti = token.issued.claims.jti;
        if locked(&self.agent).forbidden(&way.path, jti) {
            let server = way.server;
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

/// Whether the agent was let in: it gets what it asked for, or is told where it is.
pub(super) fn is_in(status: StatusCode) -> bool {
    matches!(status, StatusCode::OK | StatusCode::TEMPORARY_REDIRECT)
}

pub(super) fn failed(status: StatusCode) -> Outcome {
    match status {
        StatusCode::UNAUTHORIZED => Outcome::Unauthorized,
        StatusCode::FORBIDDEN => Outcome::Forbidden,
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => Outcome::Unavailable,
        _ => Outcome::Broken,
    }
}

pub(super) fn broken(error: &ExchangeError) -> Outcome {
    match error {
        ExchangeError::TimedOut => Outcome::TimedOut,
        ExchangeError::NotConnected(_) | ExchangeError::ConnectTimedOut => Outcome::NotConnected,
        ExchangeError::Broken(_) => Outcome::Broken,
        ExchangeError::KeptOut(_) => Outcome::NoCredentials,
    }
}
