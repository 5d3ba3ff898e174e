//! One visit: some connections, some requests on each (rules 9 and 15, hole 13).

use std::{sync::Arc, time::Duration};

use http::HeaderValue;

use super::{
    AgentActor, Peers,
    exchange::broken,
    kinds::{Wanted, Way},
};
use crate::{
    actor::{Environment, HttpConnection, figure::nanos, http::ExchangeError, task::spawned},
    event::{EventKind, Outcome},
    types::{Bug, UnixSeconds, VirtualTime, locked},
};

/// A connection, and what is known of a token that was accepted on it (rule 9).
#[derive(Debug)]
pub(super) struct Line<E: Environment> {
    pub connection: HttpConnection<E>,
    /// What the proxy in between wants to see with each request, if it does.
    pub proxy_credentials: Option<HeaderValue>,
    pub authentication: Option<LineAuthentication>,
    /// Where the latest answer sent the agent on, if it did.
    pub sent_on_to: Option<String>,
}

/// What authenticated a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct LineAuthentication {
    /// When the exchange started that did so: the server accepted it no earlier.
    pub started: VirtualTime,
    /// When the token expires; none if it was an account.
    pub expires: Option<UnixSeconds>,
}

impl<E: Environment> AgentActor<E> {
    /// Makes a visit. Tells whether everything was served.
    pub(super) async fn visit(self: &Arc<Self>) -> bool {
        if self.settings.errand.calls_by_asdk {
            self.call_by_asdk().await;
            return true;
        }
        if let Some(Peers { key, source: Some(source), .. }) = self.settings.errand.peers.as_deref() {
            // Boxed: the usual agent has none, and keeps no room for it.
            Box::pin(self.download(key, source)).await;
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
        let way = self.way();
        let origin = &way.path.origin;
        let is_good = |line: &Line<E>| line.connection.is_reusable(parameters) && line.connection.origin() == origin;
        let mut line = locked(&self.kept).pop().filter(is_good);
        for number in 0..self.settings.requests {
            let wanted = match number < self.settings.public_requests {
                true => Wanted::Public,
                false => self.wanted(way.server),
            };
            if !self.exchange(&way, &mut line, wanted).await.is_served() {
                return false;
            }
            if let Some(location) = line.as_mut().and_then(|line| line.sent_on_to.take())
                && !self.follow(&way, &location, wanted).await
            {
                return false;
            }
        }
        if let Some(line) = line.filter(|line| self.settings.keeps_connections && line.connection.is_open()) {
            locked(&self.kept).push(line);
        }
        true
    }

    /// Goes where a server sent it on, on a connection of its own: that server is asked what it wants, and gets nothing that
    /// was for the first (rule 55). Tells whether it was served.
    async fn follow(&self, from: &Way, location: &str, wanted: Wanted) -> bool {
        let Some(way) = self.way_to(location, wanted) else {
            let why = "it sends agents on to a place that policy does not list: list that server, or end the redirect";
            self.environment.record(EventKind::AuthenticationImpossible { server: from.server, why: why.to_owned() });
            return false;
        };
        self.environment.record(EventKind::RedirectFollowed { from: from.server, to: way.server });
        self.exchange(&way, &mut None, wanted).await.is_served()
    }

    /// Gets one answer, opening the connection first where there is none.
    async fn exchange(&self, way: &Way, line: &mut Option<Line<E>>, wanted: Wanted) -> Outcome {
        let is_public = wanted.is_public();
        let since = self.environment.now();
        let is_warm = locked(&self.agent).stored(&way.path, self.wall()).is_some();
        // Over plain HTTP each hardened request carries its own token, unless an account authenticated the connection.
        let authentication = line.as_ref().and_then(|line| line.authentication);
        if !is_public && authentication.is_some_and(|authentication| self.must_end(way, authentication)) {
            // Where the server does tokens, a new connection takes one at once; on the old one it would have to be asked for.
            *line = None;
        }
        let authentication = line.as_ref().and_then(|line| line.authentication);
        // An account authenticates the connection, whatever the profile: its messages are bound to no request.
        let authenticated = authentication.is_some_and(|it| it.expires.is_none() || !self.needs_token_each_time(way));
        self.environment.record(EventKind::ExchangeStarted {
            server: way.server,
            warm: is_warm,
            authenticated: authenticated || is_public,
        });
        let (outcome, trips) = match self.connected(way, line).await {
            Ok(line) => self.converse(way, line, authenticated, wanted).await,
            Err(error) => (broken(&error), 0),
        };
        if matches!(outcome, Outcome::TimedOut | Outcome::Broken) {
            *line = None;
        }
        self.report(way, outcome, trips, since);
        outcome
    }

    async fn connected<'a>(&self, way: &Way, line: &'a mut Option<Line<E>>) -> Result<&'a mut Line<E>, ExchangeError> {
        match line {
            Some(line) => Ok(line),
            None => {
                let connection = self.open(way).await?;
                Ok(line.insert(Line { connection, proxy_credentials: None, authentication: None, sent_on_to: None }))
            }
        }
    }

    /// Whether a hardened server no longer takes a connection for authenticated, or may not while it answers (hole 13).
    fn must_end(&self, way: &Way, authentication: LineAuthentication) -> bool {
        let path = &way.path;
        // A token over plain HTTP authenticates one request; an account the connection, and not for ever either.
        let is_for_connection = path.origin.is_secure() || authentication.expires.is_none();
        if !is_for_connection || !locked(&self.agent).binds_for(path.server) || Bug::ConnectionAgeUnbounded.is_planted()
        {
            return false;
        }
        let parameters = &self.settings.parameters;
        let margin = parameters.exchange_timeout();
        let age_max = Duration::from_secs(parameters.connection_age_max_s);
        let age = self.environment.now().after(margin).since(authentication.started);
        let is_over = |expires: UnixSeconds| self.environment.wall().after(margin) >= expires.wall();
        age >= age_max || authentication.expires.is_some_and(is_over)
    }

    fn needs_token_each_time(&self, way: &Way) -> bool {
        let path = &way.path;
        !path.origin.is_secure() && locked(&self.agent).binds_for(path.server)
    }

    fn report(&self, way: &Way, outcome: Outcome, trips: u32, since: VirtualTime) {
        let took_ns = nanos(self.environment.now().since(since));
        self.environment.record(EventKind::ExchangeEnded { server: way.server, outcome, trips, took_ns });
    }
}
