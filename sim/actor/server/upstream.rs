//! A site's way to its issuer: GetClientTokens requests, at most so many at a time (rules 31, 33, 34, 42; attack 25).

use std::{
    sync::{
        Mutex,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::Duration,
};

use http::{Method, StatusCode};
use thiserror::Error;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::core::Core;
use crate::{
    actor::{
        Environment, HttpConnection,
        enrolment::signed_head,
        figure::{count, nanos},
        http::ExchangeError,
        timeout::timeout,
    },
    crypto::{KeyError, PublicKey},
    event::{EventKind, UpstreamPurpose},
    protocol::{
        Answer, Answered, CLIENT_TOKENS_PATH, ClientToken, ClientTokensError, ClientTokensRequest,
        ClientTokensResponse, Holder, IssueError, IssuedToken, MessageError, RequestTarget, ServerKeys, sign_request,
        verify_response,
    },
    types::{ActorId, Bug, NodeId, Origin, locked},
};

/// The upstream slots and the connections that are open.
#[derive(Debug)]
pub struct Upstream<E: Environment> {
    smp: Origin,
    slots: Semaphore,
    waiting: AtomicU32,
    idle: Mutex<Vec<HttpConnection<E>>>,
}

/// One of the upstream slots. It is free again when this is dropped.
pub struct Slot<'a> {
    permit: Option<SemaphorePermit<'a>>,
    waited: Duration,
}

/// So many fetches may wait for each slot: a cold fleet of ten thousand may wait for the 32 of a site server.
pub const WAITERS_PER_SLOT_MAX: u32 = 512;

/// One of those who wait, for as long as it does.
struct Place<'a>(&'a AtomicU32);

impl<'a> Place<'a> {
    fn taken(waiting: &'a AtomicU32) -> Self {
        waiting.fetch_add(1, Relaxed);
        Self(waiting)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

/// What came back for one agent and uid: a token that the issuer signed for exactly them, and the agent's key; or why
/// the issuer gives them none.
pub type FetchedToken = Result<(IssuedToken, PublicKey), IssueError>;

/// Why nothing came back.
#[derive(Debug, Error)]
pub enum UpstreamError {
    /// No answer.
    #[error(transparent)]
    Exchange(#[from] ExchangeError),
    /// An answer other than 200.
    #[error("the SMP answered {0}")]
    Status(StatusCode),
    /// The answer is not trusted.
    #[error(transparent)]
    Message(#[from] MessageError),
    /// The answer is not the one to our request.
    #[error(transparent)]
    Response(#[from] ClientTokensError),
    /// A token in the answer is not for the agent, uid or server that it stands for (attack 19).
    #[error("the answer holds a token that is not for agent {agent}")]
    ForeignToken {
        /// For whom it was asked.
        agent: NodeId,
    },
    /// So many wait already that nobody else can be kept in mind.
    #[error("as many wait for the SMP as may, {0}: is it slow, or away?")]
    Crowded(u32),
    /// The site's own key cannot sign.
    #[error(transparent)]
    Key(#[from] KeyError),
}

impl<E: Environment> Upstream<E> {
    /// A way to the SMP at `smp` with so many slots.
    pub fn new(smp: Origin, slots: u32) -> Self {
        Self { smp, slots: Semaphore::new(slots as usize), waiting: AtomicU32::new(0), idle: Mutex::default() }
    }

    /// Waits for a slot, first come first served. Who waits takes memory, whether its agent is still there or not; a validation
    /// waits for one at a time.
    ///
    /// # Errors
    /// If a first fetch finds [`WAITERS_PER_SLOT_MAX`] waiting for each slot already.
    pub async fn slot(&self, core: &Core<E>, purpose: UpstreamPurpose) -> Result<Slot<'_>, UpstreamError> {
        let is_planted = Bug::SlotsUnlimited.is_planted() || Bug::LatestWaiterFirst.is_planted();
        if !is_planted && let Ok(permit) = self.slots.try_acquire() {
            core.environment.record(EventKind::SlotAwaited { position: 0 });
            // A real clock has gone on, but nobody has waited.
            return Ok(Slot { permit: Some(permit), waited: Duration::ZERO });
        }
        let waiting_max = core.settings.parameters.upstream_slots.saturating_mul(WAITERS_PER_SLOT_MAX);
        if purpose == UpstreamPurpose::FirstFetch && self.waiting.load(Relaxed) >= waiting_max {
            return Err(UpstreamError::Crowded(waiting_max));
        }
        let since = core.environment.now();
        let position = if self.slots.available_permits() > 0 { 0 } else { self.waiting.load(Relaxed) + 1 };
        core.environment.record(EventKind::SlotAwaited { position });
        let place = Place::taken(&self.waiting);
        let permit = if Bug::SlotsUnlimited.is_planted() {
            None
        } else if Bug::LatestWaiterFirst.is_planted() {
            Some(self.slot_for_latest(core).await)
        } else {
            // Nobody closes the semaphore; a closed one would only mean that there is no more limit.
            self.slots.acquire().await.ok()
        };
        drop(place);
        Ok(Slot { permit, waited: core.environment.now().since(since) })
    }

    /// Planted: whoever has come after this waiter goes before it.
    async fn slot_for_latest(&self, core: &Core<E>) -> SemaphorePermit<'_> {
        const POLL: Duration = Duration::from_millis(10);
        let place = self.waiting.load(Relaxed);
        loop {
            if self.waiting.load(Relaxed) <= place
                && let Ok(permit) = self.slots.try_acquire()
            {
                return permit;
            }
            core.environment.sleep(POLL).await;
        }
    }

    /// A connection to the SMP: one that is open and idle, else a new one.
    pub async fn connection(&self, core: &Core<E>) -> Result<HttpConnection<E>, ExchangeError> {
        let parameters = &core.settings.parameters;
        while let Some(connection) = { locked(&self.idle).pop() } {
            if connection.is_reusable(parameters) {
                return Ok(connection);
            }
        }
        HttpConnection::open(&core.environment, ActorId::Smp, &self.smp, parameters.connect_timeout(), &parameters.caps)
            .await
    }

    /// Keeps a connection for the next request.
    pub fn put_back(&self, connection: HttpConnection<E>) {
        if connection.is_open() {
            locked(&self.idle).push(connection);
        }
    }

    /// Asks for tokens for some agents, in one request on one connection, within the upstream time-out.
    pub async fn fetch(
        &self,
        core: &Core<E>,
        slot: Slot<'_>,
        connection: &mut Option<HttpConnection<E>>,
        server_keys: &ServerKeys,
        wanted: ClientTokensRequest,
        purpose: UpstreamPurpose,
    ) -> Result<Vec<FetchedToken>, UpstreamError> {
        // The SMP may have closed the one of the batch before.
        if connection.as_ref().is_some_and(|connection| !connection.is_open()) {
            *connection = None;
        }
        let since = core.environment.now();
        core.environment.record(EventKind::UpstreamStarted {
            purpose,
            agents: count(wanted.agents.len()),
            slot_waited_ns: nanos(slot.waited),
            connection: connection.as_ref().map(HttpConnection::id),
        });
        let patience = core.settings.parameters.upstream_timeout();
        let exchange = self.exchange(core, connection, server_keys, wanted);
        let result = match timeout(&*core.environment, patience, exchange).await {
            Ok(result) => result,
            Err(_) => Err(ExchangeError::TimedOut.into()),
        };
        let mut slot = slot;
        if result.is_err()
            && Bug::SlotLeaked.is_planted()
            && let Some(permit) = slot.permit.take()
        {
            permit.forget();
        }
        if result.is_err() {
            // An answer may still be under way on it.
            *connection = None;
        }
        core.environment.record(EventKind::UpstreamEnded {
            purpose,
            tokens: result.as_ref().ok().map(|tokens| count(tokens.len())),
            took_ns: nanos(core.environment.now().since(since)),
        });
        drop(slot);
        result
    }

    async fn exchange(
        &self,
        core: &Core<E>,
        connection: &mut Option<HttpConnection<E>>,
        server_keys: &ServerKeys,
        wanted: ClientTokensRequest,
    ) -> Result<Vec<FetchedToken>, UpstreamError> {
        let connection = match connection {
            Some(connection) => connection,
            None => connection.insert(self.connection(core).await?),
        };
        let parameters = &core.settings.parameters;
        let target = RequestTarget::new(&Method::POST, CLIENT_TOKENS_PATH)?;
        let nonce = core.draw_nonce();
        let body = wanted.encode();
        let created = core.environment.wall().seconds();
        let signed = sign_request(target, &body, created, nonce, &core.settings.key, &core.engine)?;
        core.charge(0).await;
        let head = signed_head(Method::POST, CLIENT_TOKENS_PATH, signed);
        let body_bytes_max = parameters.caps.batch_response_bytes;
        let asked = core.environment.now();
        let (_, response) =
            connection.exchange(head, body.into(), parameters.upstream_timeout(), body_bytes_max).await?;
        let (head, body) = response.into_parts();
        if head.status != StatusCode::OK {
            return Err(UpstreamError::Status(head.status));
        }
        let read = || {
            let answered = Answered { target, nonce };
            let key_for = |kid| server_keys.get(kid).cloned();
            let verified = verify_response(head.status, &body, &head.headers, answered, key_for, &core.engine)?;
            locked(&core.issuer_time).learn(verified.created, asked, core.environment.now());
            let answers = ClientTokensResponse::open(
                &body,
                connection.is_secure(),
                &core.settings.key,
                body_bytes_max as usize,
                &core.engine,
            )?
            .matched(&wanted)?;
            answers.into_iter().map(|answer| read_answer(core, answer)).collect()
        };
        let result = read();
        core.charge(0).await;
        result
    }
}

fn read_answer<E: Environment>(core: &Core<E>, answer: Answer) -> Result<FetchedToken, UpstreamError> {
    let Holder { agent, uid } = answer.holder;
    let ClientToken { token, agent_key } = match answer.result {
        Ok(client_token) => client_token,
        Err(error) => return Ok(Err(error)),
    };
    core.engine.count_parse();
    IssuedToken::parse(&token)
        .filter(|token| token.claims.sub == agent && token.uid == uid || Bug::BatchOrderTrusted.is_planted())
        .filter(|token| !core.settings.profile.checks_audience() || token.claims.aud == core.settings.origin)
        .map(|token| Ok((token, agent_key)))
        .ok_or(UpstreamError::ForeignToken { agent })
}
