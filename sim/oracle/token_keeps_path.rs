//! S13, on the way there: a token goes only the way that its agent got it for (rule 12).
//!
//! Reading: the uid of a `Countersigned` was drawn for one path. An agent that sends it over a connection that was opened
//! to another path of that server, because the server has moved in between, shows its token to whoever is there now.
//! Connections that were opened within the time-out of connecting after a move may be of either path. An agent that
//! starts again has forgotten everything. Attackers go any way they like.

use super::{
    checker::Checker,
    facts::{Facts, FadingMap},
    violation::Findings,
};
use crate::{
    event::{Carried, Event, EventKind},
    plan::Invariant,
    types::{ActorId, ConnectionId, Uid, VirtualTime},
};

#[derive(Debug, Default)]
pub(super) struct TokenKeepsPath {
    /// The server and its port of the day.
    opened: FadingMap<ConnectionId, (ActorId, u16)>,
    signed: FadingMap<ActorId, Uid>,
    used: FadingMap<(ActorId, ActorId, Uid), u16>,
}

impl Checker for TokenKeepsPath {
    fn hear(&mut self, event: &Event, before: &Facts, findings: &mut Findings) {
        let (agent @ ActorId::Agent(_), at) = (event.actor, event.at) else { return };
        let assumptions = &before.assumptions;
        let keep_until = || assumptions.forget_connection_at(at).after(assumptions.lifetime);
        match event.kind {
            EventKind::ConnectionOpened { connection, server, .. } if assumptions.paths.is_mobile(server) => {
                let patience = assumptions.parameters.connect_timeout().saturating_add(assumptions.granularity);
                if let Some(port) = assumptions.paths.port(server, at, patience) {
                    self.opened.insert(connection, (server, port), keep_until());
                }
            }
            EventKind::Countersigned { uid, .. } => self.signed.insert(agent, uid, keep_until()),
            EventKind::RequestSent { request, carries: Carried::StoredToken | Carried::NewToken, .. } => {
                let Some((server, port)) = self.opened.get(&request.connection).copied() else { return };
                let Some(uid) = self.signed.get(&agent).copied() else { return };
                let key = (agent, server, uid);
                match self.used.touch(&key, keep_until()) {
                    Some(known) if *known != port => findings.violated(Invariant::S13, agent, || {
                        format!("{agent} sent the token of uid {uid} with request {request} to {server} on a path that it is not for")
                    }),
                    Some(_) => {}
                    None => self.used.insert(key, port, keep_until()),
                }
            }
            _ => {}
        }
    }

    fn tick(&mut self, now: VirtualTime, _facts: &Facts, _findings: &mut Findings) {
        self.opened.fade(now);
        self.signed.fade(now);
        self.used.fade(now);
    }
}
