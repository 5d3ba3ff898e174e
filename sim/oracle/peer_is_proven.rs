//! S1, S2 and S13 of downloads from peers (rule 50).
//!
//! Reading, for each package that a peer has `Served`:
//! - S1: it served nobody before for that challenge.
//! - S2: it drew that challenge itself, for that package, since it started last; and the agent that is named has `Answered` it.
//! - S13: that agent opened the connection, and sent the request.

use super::{
    checker::Checker,
    facts::{Facts, FadingMap},
    violation::{Findings, Who},
};
use crate::{
    event::{Event, EventKind, PeerEvent},
    plan::Invariant,
    types::{ActorId, NodeId, PeerChallenge, RequestId, VirtualTime},
};

#[derive(Debug, Default)]
pub(super) struct PeerIsProven {
    drawn: FadingMap<PeerChallenge, Drawn>,
}

#[derive(Clone, Debug)]
struct Drawn {
    by: ActorId,
    path: String,
    /// How often that peer had started by then.
    starts: u32,
    answered_by: Option<NodeId>,
    served: Option<RequestId>,
}

impl Checker for PeerIsProven {
    fn hear(&mut self, event: &Event, before: &Facts, findings: &mut Findings) {
        let EventKind::Peer(what) = &event.kind else { return };
        let keep_until = before.assumptions.forget_connection_at(event.at);
        match what {
            PeerEvent::Challenged { challenge, path, .. } => {
                let starts = starts(event.actor, before);
                let (by, path) = (event.actor, path.clone());
                self.drawn.insert(*challenge, Drawn { by, path, starts, answered_by: None, served: None }, keep_until);
            }
            PeerEvent::Answered { challenge, .. } => {
                if let Some(drawn) = self.drawn.touch(challenge, keep_until) {
                    drawn.answered_by = Some(before.assumptions.identities.node_of(event.actor));
                }
            }
            PeerEvent::Served { request, node, challenge, path } => {
                let faults = self.faults(event.actor, *challenge, *node, path, before);
                let stranger = stranger(*request, *node, event.at, before).map(|fault| (Invariant::S13, fault));
                for (invariant, fault) in faults.into_iter().chain(stranger) {
                    findings.violated(invariant, event.actor, || {
                        format!(
                            "{} handed {path} out to {} in {request} at {}, but {fault}",
                            event.actor,
                            Who(*node),
                            event.at
                        )
                    });
                }
                if let Some(drawn) = self.drawn.touch(challenge, keep_until) {
                    drawn.served = Some(*request);
                }
            }
            PeerEvent::Refused { .. } | PeerEvent::Downloaded { .. } => {}
        }
    }

    fn tick(&mut self, now: VirtualTime, _facts: &Facts, _findings: &mut Findings) {
        self.drawn.fade(now);
    }
}

impl PeerIsProven {
    fn faults(
        &self,
        peer: ActorId,
        challenge: PeerChallenge,
        node: NodeId,
        path: &str,
        before: &Facts,
    ) -> Vec<(Invariant, String)> {
        let Some(drawn) = self.drawn.get(&challenge).filter(|drawn| drawn.by == peer) else {
            return vec![(Invariant::S2, "it never drew that challenge".to_owned())];
        };
        let mut faults = Vec::new();
        if let Some(request) = drawn.served {
            faults.push((Invariant::S1, format!("that challenge was answered before, in {request}")));
        }
        if drawn.starts != starts(peer, before) {
            faults.push((Invariant::S2, "it has started anew since it drew that challenge".to_owned()));
        }
        if drawn.path != path {
            faults.push((Invariant::S2, format!("that challenge was for {}", drawn.path)));
        }
        if drawn.answered_by != Some(node) {
            faults.push((Invariant::S2, "that agent has not answered the challenge".to_owned()));
        }
        faults
    }
}

fn starts(peer: ActorId, before: &Facts) -> u32 {
    before.lives.get(peer).map_or(0, |life| life.starts)
}

/// Who brought the response and should not have it.
fn stranger(request: RequestId, node: NodeId, at: VirtualTime, before: &Facts) -> Option<String> {
    let Some(connection) = before.connections.get(request.connection) else {
        return Some(format!("nobody opened the connection {}", request.connection));
    };
    if !before.assumptions.identities.may_act_for(connection.opener, node, at) {
        return Some(format!("the connection was opened by {}", connection.opener));
    }
    match before.connections.sent(request) {
        Some(sent) if sent.by != connection.opener => Some(format!("the request was sent by {}", sent.by)),
        _ => None,
    }
}
