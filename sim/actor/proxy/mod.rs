//! An HTTP proxy between agents and servers: it asks whoever comes for an account (rule 61), then forwards requests or opens a
//! tunnel. It is no part of what the documents describe, and stands for whatever is in a company's network.

mod door;
mod passage;

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex},
};

use http::Method;
use rand_chacha::ChaCha20Rng;

use self::passage::Upstream;
use super::{
    Domain, Environment,
    http::{Reply, ServerConnection, ServerRequest, Service, serve},
};
use crate::{
    event::EventKind,
    types::{AccountScheme, ActorId, ConnectionId, NodeId, Origin, Parameters, Scheme, locked},
};

/// What a proxy is told when it is set up.
#[derive(Clone, Debug)]
pub struct ProxySettings {
    /// Its identity.
    pub node: NodeId,
    /// Where it is reached.
    pub origin: Origin,
    /// By which schemes it takes accounts. With none it lets everybody through, unless it wants a token.
    pub schemes: Vec<AccountScheme>,
    /// Whether it asks for tokens, too.
    pub asks_for_token: bool,
    /// The accounts that it takes.
    pub domain: Domain,
    /// The hosts that can be reached through it, and what events call them.
    pub servers: Arc<[(String, ActorId)]>,
    /// What its servers speak at the far end of a tunnel.
    pub scheme: Scheme,
    /// Time-outs and caps.
    pub parameters: Arc<Parameters>,
    /// Where its random numbers come from.
    pub rng: ChaCha20Rng,
}

/// A proxy.
#[derive(Debug)]
pub struct ProxyServer<E: Environment> {
    environment: Arc<E>,
    settings: ProxySettings,
    rng: Mutex<ChaCha20Rng>,
    /// For each client's connection its own to the server: what authenticates a connection is shared with nobody
    /// (attack 21).
    upstream: Mutex<BTreeMap<ConnectionId, Upstream<E>>>,
}

impl<E: Environment> ProxyServer<E> {
    /// A proxy that has just started.
    pub fn start(environment: Arc<E>, settings: ProxySettings) -> Arc<Self> {
        environment.record(EventKind::Started { node: settings.node, epoch: None });
        let rng = Mutex::new(settings.rng.clone());
        Arc::new(Self { environment, settings, rng, upstream: Mutex::default() })
    }

    /// Serves until its environment says stop.
    ///
    /// # Errors
    /// If the door cannot be opened, or breaks.
    pub async fn run(self: Arc<Self>) -> io::Result<()> {
        let environment = Arc::clone(&self.environment);
        let (origin, parameters) = (self.settings.origin.clone(), Arc::clone(&self.settings.parameters));
        serve(environment, self, origin, parameters).await
    }

    /// What events call a host; none if it cannot be reached from here.
    fn server(&self, host: &str) -> Option<ActorId> {
        self.settings.servers.iter().find(|(known, _)| known == host).map(|(_, server)| *server)
    }

    fn take_upstream(&self, client: ConnectionId) -> Option<Upstream<E>> {
        locked(&self.upstream).remove(&client)
    }

    /// Keeps a connection for the next request of its client. Those whose clients have gone are closed by the way.
    fn keep_upstream(&self, client: ConnectionId, upstream: Upstream<E>) {
        let mut kept = locked(&self.upstream);
        kept.retain(|_, upstream| upstream.has_client());
        kept.insert(client, upstream);
    }
}

impl<E: Environment> Service for ProxyServer<E> {
    async fn answer(self: &Arc<Self>, connection: &Arc<ServerConnection>, request: ServerRequest) -> Reply {
        match self.asks(connection, &request) {
            Some(question) => question,
            None if request.method == Method::CONNECT => self.open_tunnel(request).await,
            None => self.forward(connection, request).await,
        }
    }
}
