//! One visit: some connections, some requests on each.

use std::{sync::Arc, time::Duration};

use super::AgentActor;
use crate::{
    actor::{Environment, HttpConnection, figure::nanos, http::ExchangeError, lock::locked, task::spawned},
    event::{EventKind, Outcome},
    types::{Bug, UnixSeconds, VirtualTime},
};

/// A connection, and what is known of a token that was accepted on it (rule 9).
#[derive(Debug)]
pub(super) struct Line<E: Environment> {
    pub connection: HttpConnection<E>,
    pub authentication: Option<LineAuthentication>,
}

/// The token that authenticated a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct LineAuthentication {
    /// When the exchange started that presented it: the server accepted it no earlier.
    pub started: VirtualTime,
    /// When it expires.
    pub expires: UnixSeconds,
}

impl<E: Environment> AgentActor<E> {
    /// Makes a visit. Tells whether everything was served.
    pub(super) async fn visit(self: &Arc<Self>) -> bool {
        if self.settings.errand.calls_by_asdk {
            self.call_by_asdk().await;
            return true;
        }
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
        let authentication = line.as_ref().and_then(|line| line.authentication);
        if !is_public && authentication.is_some_and(|authentication| self.must_end(authentication)) {
            // A new connection takes a token at once; on the old one it would have to be asked for.
            *line = None;
        }
        let is_authenticated = line.as_ref().is_some_and(|line| line.authentication.is_some());
        let authenticated = is_authenticated && !self.needs_token_each_time();
        self.environment.record(EventKind::ExchangeStarted {
            server: self.settings.server,
            warm: is_warm,
            authenticated: authenticated || is_public,
        });
        let (outcome, trips) = match self.connected(line).await {
            Ok(line) => self.converse(line, authenticated, is_public).await,
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
                Ok(line.insert(Line { connection: opened.await?, authentication: None }))
            }
        }
    }

    /// Whether a hardened server no longer takes a connection for authenticated, or may not while it answers (hole 13).
    fn must_end(&self, authentication: LineAuthentication) -> bool {
        let path = self.path();
        if !path.origin.is_secure()
            || !locked(&self.agent).binds_for(path.server)
            || Bug::ConnectionAgeUnbounded.is_planted()
        {
            return false;
        }
        let parameters = &self.settings.parameters;
        let margin = parameters.exchange_timeout();
        let age_max = Duration::from_secs(parameters.connection_age_max_s);
        let age = self.environment.now().after(margin).since(authentication.started);
        age >= age_max || self.environment.wall().after(margin) >= authentication.expires.wall()
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
