//! Which requests servers are busy with, and who sent them: some events name an agent and not its request.

use std::collections::{BTreeMap, BTreeSet};

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use super::parties::Ends;
use crate::{
    event::{Carried, Event, EventKind, UpstreamPurpose},
    types::{ActorId, ConnectionId, NodeId, RequestId, Uid},
};

/// How many fetches are remembered that are not over.
const MISSED_MAX: usize = 4_096;

/// Which requests are not answered yet, and what sites have missed in their caches and not got yet.
#[derive(Clone, Debug, Default)]
pub(super) struct Asking {
    /// Clones have one name on the wire.
    actors: BTreeMap<NodeId, BTreeSet<ActorId>>,
    requests: HashMap<ConnectionId, Asked, FixedState>,
    by_sender: HashMap<ActorId, Vec<ConnectionId>, FixedState>,
    attackers: BTreeSet<ActorId>,
    missed: BTreeMap<(ActorId, NodeId, Uid), u64>,
}

#[derive(Clone, Copy, Debug)]
struct Asked {
    request: RequestId,
    ends: Ends,
    /// Whether it asks for a token, or will get one because what it carries was refused.
    for_token: bool,
    /// The latest event that it led to at the server, at first its own.
    number: u64,
}

impl Asking {
    /// The request, or its refusal, for which a server asks or is asked for a token of this node; none if several could
    /// be meant. Whatever an attacker sends could.
    pub fn by(&self, node: NodeId, server: ActorId) -> Option<u64> {
        let own = self.actors.get(&node).into_iter().flatten();
        let own = own.flat_map(|actor| self.of(*actor)).filter(|asked| asked.for_token);
        let attackers = self.attackers.iter().flat_map(|actor| self.of(*actor));
        let mut meant = own.chain(attackers).filter(|asked| asked.ends.server == server);
        let first = meant.next()?;
        meant.next().is_none().then_some(first.number)
    }

    /// Where a site missed a token that it is getting now; none if it is not known to be.
    pub fn missed(&self, site: NodeId, agent: NodeId, uid: Uid) -> Option<u64> {
        let mut sites = self.actors.get(&site)?.iter();
        let site = sites.next().filter(|_| sites.next().is_none())?;
        self.missed.get(&(*site, agent, uid)).copied()
    }

    fn of(&self, sender: ActorId) -> impl Iterator<Item = &Asked> {
        let connections = self.by_sender.get(&sender).into_iter().flatten();
        connections.filter_map(|connection| self.requests.get(connection))
    }

    /// Learns of the next event. `ends` are those of the connection that it is about.
    pub fn hear(&mut self, number: u64, event: &Event, ends: Option<Ends>) {
        let actor = event.actor;
        match &event.kind {
            EventKind::Started { node, .. } => drop(self.actors.entry(*node).or_default().insert(actor)),
            EventKind::Stopped { .. } => {
                // Nobody answers any more.
                let ended: Vec<_> =
                    self.requests.values().filter(|asked| asked.ends.server == actor).copied().collect();
                ended.iter().for_each(|asked| self.forget(asked.request.connection));
                self.missed.retain(|(site, ..), _| *site != actor);
            }
            EventKind::RequestSent { request, carries, .. } => {
                let Some(ends) = ends else { return };
                let for_token = matches!(carries, Carried::FirstRequest | Carried::Signature);
                let own = self.by_sender.entry(ends.opener).or_default();
                if !own.contains(&request.connection) {
                    own.push(request.connection);
                }
                if matches!(ends.opener, ActorId::Attacker(_)) {
                    self.attackers.insert(ends.opener);
                }
                self.requests.insert(request.connection, Asked { request: *request, ends, for_token, number });
            }
            EventKind::Refused { request, .. } => {
                if let Some(asked) = self.requests.get_mut(&request.connection).filter(|it| it.request == *request) {
                    (asked.for_token, asked.number) = (true, number);
                }
            }
            EventKind::Accepted { request, .. }
            | EventKind::Served { request, .. }
            | EventKind::Challenged { request, .. }
            | EventKind::Unavailable { request, .. }
            | EventKind::ResponseReceived { request, .. }
                if self.requests.get(&request.connection).is_some_and(|asked| asked.request == *request) =>
            {
                self.forget(request.connection);
            }
            EventKind::CacheMissed { agent, uid } => {
                self.missed.insert((actor, *agent, *uid), number);
                if self.missed.len() > MISSED_MAX {
                    self.missed.pop_first();
                }
            }
            EventKind::CacheStored { agent, uid, .. } => drop(self.missed.remove(&(actor, *agent, *uid))),
            // It is not told whose fetch this was.
            EventKind::UpstreamEnded { purpose: UpstreamPurpose::FirstFetch, tokens, .. } if *tokens != Some(1) => {
                self.missed.retain(|(site, ..), _| *site != actor);
            }
            _ => {}
        }
    }

    /// Forgets what was asked on a connection.
    pub fn forget(&mut self, connection: ConnectionId) {
        let Some(asked) = self.requests.remove(&connection) else { return };
        if let Some(connections) = self.by_sender.get_mut(&asked.ends.opener) {
            connections.retain(|known| *known != connection);
        }
    }
}
