//! S2: every accept follows an issue by the trusted issuer and a signature by that agent over those bytes.
//!
//! Reading: the fingerprints in `Accepted` are those of an earlier `Issued` by the SMP and of an earlier
//! `Countersigned` by the actor whose node the token names; and agent, uid, jti, expiry and counter are the
//! ones that were signed. A clone (hole 15) and, from its start on, an attacker to whom the plan gives the agent's key
//! count as that agent. The issuer is trusted for as long as its key is: a token signed with a key that was withdrawn is
//! accepted by nobody who must have heard of it (as S7 reads it for a revocation).

use super::{checker::Checker, facts::Facts, violation::Findings};
use crate::{
    event::{Event, EventKind},
    plan::Invariant,
};

#[derive(Debug, Default)]
pub(super) struct AcceptIsSigned;

impl Checker for AcceptIsSigned {
    fn hear(&mut self, event: &Event, before: &Facts, findings: &mut Findings) {
        let EventKind::Accepted { request, presented, expires } = &event.kind else { return };
        if let Some(fault) = before.signatures.fault(presented, *expires) {
            findings.violated(Invariant::S2, event.actor, || {
                format!("{} accepted request {request}: {fault}", event.actor)
            });
        }
        let Some(key) = before.signatures.server_key(presented) else { return };
        let (server, at) = (event.actor, event.at);
        if let Some(since) = before.administration.must_distrust(server, key, at, &before.assumptions) {
            findings.violated(Invariant::S2, server, || {
                format!(
                    "{server} accepted request {request}, jti {} at {at}, signed with server key {key}, which was withdrawn at {since}",
                    presented.jti
                )
            });
        }
    }
}
