//! One visit: some connections, some requests on each.

use std::sync::Arc;

use super::AgentActor;
use crate::{
    actor::{Environment, HttpConnection, figure::nanos, http::ExchangeError, lock::locked, task::spawned},
    event::{EventKind, Outcome},
    types::VirtualTime,
};

/// A connection, and whether a token was accepted on it (rule 9).
#[derive(Debug)]
pub(super) struct Line<E: Environment> {
    connection: HttpConnection<E>,
    is_authenticated: bool,
}

impl<E: Environment> AgentActor<E> {
    /// Makes a visit. Tells whether everything was served.
    pub(super) async fn visit(self: &Arc<Self>) -> bool {
        if self.settings.connections == 1 {
            return self.use_connection().await;
        }
        let connections = (0..self.settings.connections).map(|_| {
            let agent = Arc::clone(self);
            spawned(&*self.environment, async move { agent.use_connection().await })
        });
        let connections: Vec<_> = connections.collect();
        let mut was_served = true;
        for connection in connections {
            was_served &= connection.await.unwrap_or(false);
        }
        was_served
    }

    /// Makes the requests of a visit on one connection, up to the first that is not served.
    async fn use_connection(&self) -> bool {
        let parameters = &self.settings.parameters;
        let origin = self.path().origin;
        let is_good = |line: &Line<E>| line.connection.is_reusable(parameters) && *line.connection.origin() == origin;
        let mut line = locked(&self.kept).pop().filter(is_good);
        for number in 0..self.settings.requests {
            let is_public = number < self.settings.public_requests;
            if !self.exchange(&mut line, is_public).await.is_served() {
                return false;
            }
        }
        if let Some(line) = line.filter(|line| self.settings.keeps_connections && line.connection.is_open()) {
            locked(&self.kept).push(line);
        }
        true
    }

    /// Gets one answer, opening the connection first where there is none.
    async fn exchange(&self, line: &mut Option<Line<E>>, is_public: bool) -> Outcome {
        let since = self.environment.now();
        let is_warm = locked(&self.agent).stored(&self.path(), self.wall()).is_some();
        // Over plain HTTP each hardened request carries its own token.
        let is_authenticated = line.as_ref().is_some_and(|line| line.is_authenticated);
        let authenticated = is_authenticated && !self.needs_token_each_time();
        self.environment.record(EventKind::ExchangeStarted {
            server: self.settings.server,
            warm: is_warm,
            authenticated: authenticated || is_public,
        });
        let (outcome, trips) = match self.connected(line).await {
            Ok(line) => {
                let (outcome, trips) = self.converse(&mut line.connection, authenticated, is_public).await;
                line.is_authenticated |= outcome.is_served() && !is_public;
                (outcome, trips)
            }
            Err(ExchangeError::ConnectTimedOut | ExchangeError::NotConnected(_)) => (Outcome::NotConnected, 0),
            Err(_) => (Outcome::Broken, 0),
        };
        if matches!(outcome, Outcome::TimedOut | Outcome::Broken) {
            *line = None;
        }
        self.report(outcome, trips, since);
        outcome
    }

    async fn connected<'a>(&self, line: &'a mut Option<Line<E>>) -> Result<&'a mut Line<E>, ExchangeError> {
        match line {
            Some(line) => Ok(line),
            None => {
                let (parameters, origin) = (&self.settings.parameters, self.path().origin);
                let opened = HttpConnection::open(
                    &self.environment,
                    self.settings.server,
                    &origin,
                    parameters.connect_timeout(),
                    &parameters.caps,
                );
                Ok(line.insert(Line { connection: opened.await?, is_authenticated: false }))
            }
        }
    }

    fn needs_token_each_time(&self) -> bool {
        let path = self.path();
        !path.origin.is_secure() && locked(&self.agent).binds_for(path.server)
    }

    fn report(&self, outcome: Outcome, trips: u32, since: VirtualTime) {
        let took_ns = nanos(self.environment.now().since(since));
        self.environment.record(EventKind::ExchangeEnded { server: self.settings.server, outcome, trips, took_ns });
    }
}
