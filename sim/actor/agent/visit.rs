//! One visit: some connections, some requests on each.

use std::sync::Arc;

use tokio::task::JoinSet;

use super::AgentActor;
use crate::{
    actor::{Environment, HttpConnection, figure::nanos, http::ExchangeError, lock::locked},
    event::{EventKind, Outcome},
    types::VirtualTime,
};

impl<E: Environment> AgentActor<E> {
    /// Makes a visit. Tells whether everything was served.
    pub(super) async fn visit(self: &Arc<Self>) -> bool {
        if self.settings.connections == 1 {
            return self.use_connection().await;
        }
        let mut connections = JoinSet::new();
        for _ in 0..self.settings.connections {
            let agent = Arc::clone(self);
            connections.spawn(async move { agent.use_connection().await });
        }
        connections.join_all().await.into_iter().all(|was_served| was_served)
    }

    /// Makes the requests of a visit on one connection, up to the first that is not served.
    async fn use_connection(&self) -> bool {
        let parameters = &self.settings.parameters;
        let mut connection = locked(&self.kept).pop().filter(|connection| connection.is_reusable(parameters));
        let mut is_authenticated = connection.is_some();
        for number in 0..self.settings.requests {
            let is_public = number < self.settings.public_requests;
            let outcome = self.exchange(&mut connection, is_authenticated, is_public).await;
            if !outcome.is_served() {
                return false;
            }
            is_authenticated |= !is_public;
        }
        if let Some(connection) =
            connection.filter(|connection| self.settings.keeps_connections && connection.is_open())
        {
            locked(&self.kept).push(connection);
        }
        true
    }

    /// Gets one answer, opening the connection first where there is none.
    async fn exchange(
        &self,
        connection: &mut Option<HttpConnection<E>>,
        is_authenticated: bool,
        is_public: bool,
    ) -> Outcome {
        let since = self.environment.now();
        let is_warm = locked(&self.agent).stored(&self.path, self.environment.wall()).is_some();
        // Over plain HTTP each hardened request carries its own token.
        let authenticated = is_authenticated && !self.needs_token_each_time();
        self.environment.record(EventKind::ExchangeStarted {
            server: self.settings.server,
            warm: is_warm,
            authenticated: authenticated || is_public,
        });
        let (outcome, trips) = match self.connected(connection).await {
            Ok(connection) => self.converse(connection, authenticated, is_public).await,
            Err(ExchangeError::ConnectTimedOut | ExchangeError::NotConnected(_)) => (Outcome::NotConnected, 0),
            Err(_) => (Outcome::Broken, 0),
        };
        if matches!(outcome, Outcome::TimedOut | Outcome::Broken) {
            *connection = None;
        }
        self.report(outcome, trips, since);
        outcome
    }

    async fn connected<'a>(
        &self,
        connection: &'a mut Option<HttpConnection<E>>,
    ) -> Result<&'a mut HttpConnection<E>, ExchangeError> {
        match connection {
            Some(connection) => Ok(connection),
            None => {
                let parameters = &self.settings.parameters;
                let opened = HttpConnection::open(
                    &self.environment,
                    self.settings.server,
                    &self.settings.server_origin,
                    parameters.connect_timeout(),
                    &parameters.caps,
                );
                Ok(connection.insert(opened.await?))
            }
        }
    }

    fn needs_token_each_time(&self) -> bool {
        self.settings.profile.binds_request() && !self.path.origin.is_secure()
    }

    fn report(&self, outcome: Outcome, trips: u32, since: VirtualTime) {
        let took_ns = nanos(self.environment.now().since(since));
        self.environment.record(EventKind::ExchangeEnded { server: self.settings.server, outcome, trips, took_ns });
    }
}
