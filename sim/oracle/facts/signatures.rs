//! Which tokens the issuer issued, and which their agents countersigned.

use super::FadingMap;
use crate::{
    event::{Event, EventKind, Presented},
    oracle::{Assumptions, violation::Who},
    types::{ActorId, Fingerprint, Jti, NodeId, Uid, UnixSeconds, VirtualTime},
};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct IssuedToken {
    agent: NodeId,
    uid: Uid,
    jti: Jti,
    expires: UnixSeconds,
    /// Which key of the key pool signed it.
    key: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct CountersignedToken {
    by: NodeId,
    uid: Uid,
    counter: u64,
    token: Fingerprint,
}

/// Every signature that was honestly made and may still be presented, by the fingerprint of the bytes signed.
#[derive(Debug, Default)]
pub struct Signatures {
    issued: FadingMap<Fingerprint, IssuedToken>,
    countersigned: FadingMap<Fingerprint, CountersignedToken>,
}

impl Signatures {
    /// Why a token that a server takes for good is not: nobody trusted issued it, its agent did not sign
    /// it, or it says something else than was signed. None if all is well.
    pub fn fault(&self, presented: &Presented, expires: UnixSeconds) -> Option<String> {
        let Presented { agent, uid, jti, counter, token, countersigned } = *presented;
        let Some(issued) = self.issued.get(&token.0) else {
            return Some(format!("the issuer never issued the token {} (jti {jti}) for {}", token.0, Who(agent)));
        };
        if *issued != (IssuedToken { agent, uid, jti, expires, key: issued.key }) {
            return Some(format!(
                "the token {} was issued for {}, uid {}, jti {}, expiry {}, not for {}, uid {uid}, jti {jti}, expiry {}",
                token.0,
                Who(issued.agent),
                issued.uid,
                issued.jti,
                issued.expires.0,
                Who(agent),
                expires.0
            ));
        }
        let Some(signed) = self.countersigned.get(&countersigned.0) else {
            return Some(format!("{} never countersigned the five parts {} (jti {jti})", Who(agent), countersigned.0));
        };
        (*signed != CountersignedToken { by: agent, uid, counter, token: token.0 }).then(|| {
            format!(
                "the five parts {} were countersigned by {} with counter {} over token {}, not by {} with counter {counter} over token {}",
                countersigned.0, Who(signed.by), signed.counter, signed.token, Who(agent), token.0
            )
        })
    }

    /// Which key of the key pool signed a token.
    pub fn server_key(&self, presented: &Presented) -> Option<u32> {
        self.issued.get(&presented.token.0).map(|issued| issued.key)
    }

    pub(super) fn learn(&mut self, event: &Event, server_key: u32, assumptions: &Assumptions) {
        match event.kind {
            // Only the plan's issuer is trusted; who else issues, forges.
            EventKind::Issued { agent, uid, jti, expires, token, .. } if event.actor == ActorId::Smp => {
                let keep_until = assumptions.forget_token_at(expires, event.at);
                self.issued.insert(token.0, IssuedToken { agent, uid, jti, expires, key: server_key }, keep_until);
            }
            EventKind::Countersigned { agent, uid, counter, expires, token, countersigned, .. } => {
                let keep_until = assumptions.forget_token_at(expires, event.at);
                // Whose key it is shows in who acts, not in whom the token names.
                let identities = &assumptions.identities;
                let is_own = identities.may_act_for(event.actor, agent, event.at);
                let by = if is_own { agent } else { identities.node_of(event.actor) };
                let signed = CountersignedToken { by, uid, counter, token: token.0 };
                self.countersigned.insert(countersigned.0, signed, keep_until);
            }
            _ => {}
        }
    }

    pub(super) fn fade(&mut self, now: VirtualTime) {
        self.issued.fade(now);
        self.countersigned.fade(now);
    }
}
