//! Packages from one agent to another (rule 50): whoever has them draws a challenge for each download, and whoever wants one
//! answers with the key that the fleet has from its key management. No token and no account is of use there.

use std::{
    io,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use http::{
    HeaderValue, Method, Response, StatusCode,
    header::{AUTHORIZATION, WWW_AUTHENTICATE},
};
use http_body_util::Full;
use rand_chacha::ChaCha20Rng;

use super::{AgentActor, exchange::BODY_BYTES_MAX};
use crate::{
    actor::{
        Environment, HttpConnection,
        http::{Reply, RequestHead, ServerConnection, ServerRequest, Service, empty_reply, serve},
    },
    event::{Carried, EventKind, PeerEvent},
    protocol::{KmsKey, PeerAnswer, PeerChallenges, PeerCredentials, PeerDoor, PeerRequest},
    types::{ActorId, NodeId, Origin, Parameters, locked},
};

/// What is downloaded.
const PACKAGE_PATH: &str = "/packages/tools.zip";
/// The package is a stand-in.
const PACKAGE: &[u8] = b"tools";

/// What an agent has to do with peers.
#[derive(Clone, Debug)]
pub struct Peers {
    /// The fleet's key.
    pub key: KmsKey,
    /// Where it hands packages out, if it does.
    pub door: Option<Origin>,
    /// From whom it downloads, if it does.
    pub source: Option<PeerSource>,
}

/// An agent that has packages for others.
#[derive(Clone, Debug)]
pub struct PeerSource {
    /// What events call it.
    pub actor: ActorId,
    /// Its identity.
    pub node: NodeId,
    /// Where it is reached.
    pub origin: Origin,
}

/// An agent's door for others. The challenges that are open are in memory: whoever starts anew has drawn none.
#[derive(Debug)]
struct PeerServer<E> {
    environment: Arc<E>,
    door: Mutex<PeerDoor>,
    rng: Mutex<ChaCha20Rng>,
}

/// Hands packages out at `origin` until the environment says stop.
///
/// # Errors
/// If the door cannot be opened, or breaks.
pub(super) async fn hand_out<E: Environment>(
    environment: Arc<E>,
    (node, key, origin): (NodeId, KmsKey, Origin),
    parameters: Arc<Parameters>,
    rng: ChaCha20Rng,
) -> io::Result<()> {
    let door = PeerDoor { node, key, is_troubleshooting: false, challenges: PeerChallenges::default() };
    let server = PeerServer { environment: Arc::clone(&environment), door: Mutex::new(door), rng: Mutex::new(rng) };
    serve(environment, Arc::new(server), origin, parameters).await
}

impl<E: Environment> Service for PeerServer<E> {
    async fn answer(self: &Arc<Self>, _connection: &Arc<ServerConnection>, request: ServerRequest) -> Reply {
        if request.method != Method::GET || request.path() != PACKAGE_PATH {
            return empty_reply(StatusCode::NOT_FOUND);
        }
        let (id, path) = (request.id, request.path().to_owned());
        let authorization = request.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let asked = PeerRequest { authorization, path: &path, is_browser: false };
        let answer = locked(&self.door).answer(&asked, self.environment.now(), &mut *locked(&self.rng));
        match answer {
            PeerAnswer::Serve => {
                if let Some(PeerCredentials { peer: node, challenge, .. }) =
                    authorization.and_then(PeerCredentials::parse)
                {
                    self.record(PeerEvent::Served { request: id, node, challenge, path });
                }
                Reply::new(Full::new(Bytes::from_static(PACKAGE)))
            }
            PeerAnswer::Challenge { challenge, offered, refused } => {
                refused.into_iter().for_each(|why| self.record(PeerEvent::Refused { request: id, why }));
                self.record(PeerEvent::Challenged { request: id, challenge, path });
                let mut reply = empty_reply(StatusCode::UNAUTHORIZED);
                for value in offered.into_iter().filter_map(|value| HeaderValue::try_from(value).ok()) {
                    reply.headers_mut().append(WWW_AUTHENTICATE, value);
                }
                reply
            }
            // Nobody looks for trouble in a run.
            PeerAnswer::CheckBasic(_) => empty_reply(StatusCode::FORBIDDEN),
        }
    }
}

impl<E: Environment> PeerServer<E> {
    fn record(&self, event: PeerEvent) {
        self.environment.record(EventKind::Peer(event));
    }
}

impl<E: Environment> AgentActor<E> {
    /// Opens its door for others, if it has packages for them.
    pub(super) fn open_door(&self) {
        let Some(Peers { key, door: Some(origin), .. }) = self.settings.errand.peers.as_deref() else { return };
        let mut seed = self.settings.rng.clone();
        // A stream of its own: what others ask for must not change what the agent itself draws.
        seed.set_stream(1);
        let (environment, parameters) = (Arc::clone(&self.environment), Arc::clone(&self.settings.parameters));
        let who = (self.settings.node, key.clone(), origin.clone());
        self.environment.spawn(async move {
            // Without its door the agent does everything else as before.
            let _ = hand_out(environment, who, parameters, seed).await;
        });
    }

    /// Downloads a package from a peer, on a connection of its own. Nobody repeats what fails: the next visit is another.
    pub(super) async fn download(&self, key: &KmsKey, source: &PeerSource) {
        let status = self.download_from(key, source).await.map(|status| status.as_u16());
        self.environment.record(EventKind::Peer(PeerEvent::Downloaded { peer: source.actor, status }));
    }

    async fn download_from(&self, key: &KmsKey, source: &PeerSource) -> Option<StatusCode> {
        let PeerSource { actor, node, origin } = source;
        let parameters = &self.settings.parameters;
        let patience = parameters.connect_timeout();
        let opened = HttpConnection::open(&self.environment, *actor, origin, patience, &parameters.caps);
        let mut connection = opened.await.ok()?;
        let challenged = self.ask(&mut connection, None).await?;
        let offered = challenged.headers().get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
        let offered: Vec<_> = offered.collect();
        let answer = PeerCredentials::answer(&offered, key, self.settings.node, *node, PACKAGE_PATH);
        let Some(credentials) = answer else { return Some(challenged.status()) };
        self.environment.record(EventKind::Peer(PeerEvent::Answered {
            connection: connection.id(),
            peer: *actor,
            challenge: credentials.challenge,
            path: PACKAGE_PATH.to_owned(),
        }));
        self.ask(&mut connection, Some(credentials.to_value())).await.map(|answer| answer.status())
    }

    async fn ask(&self, connection: &mut HttpConnection<E>, response: Option<String>) -> Option<Response<Bytes>> {
        let carries = if response.is_some() { Carried::PeerResponse } else { Carried::Nothing };
        let value = response.and_then(|response| HeaderValue::try_from(response).ok());
        let headers = value.map(|value| (AUTHORIZATION, value)).into_iter().collect();
        let head = RequestHead { method: Method::GET, target: PACKAGE_PATH, headers, carries };
        let patience = self.settings.parameters.exchange_timeout();
        let answer = connection.exchange(head, Bytes::new(), patience, BODY_BYTES_MAX).await.ok()?;
        Some(answer.1)
    }
}
