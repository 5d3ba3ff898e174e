//! S2, S3, S4, S7 and S13 of bearer tokens (rules 52, 63).
//!
//! Reading, for each `Accepted` of a bearer token:
//! - S2: the SMP issued a token of that name, kind, expiry and text, with a key that this server need not distrust; and a
//!   push-install token was accepted for the installer's path, as it was sent, and for no other.
//! - S3: the server's own clock shows exp + λ at most, if it has an expiry.
//! - S7: it was not revoked, at the SMP; at a site it was not revoked so long ago that the site must know. A push-install
//!   token has no lifetime that would end it before.
//! - S13: a program to which the plan gives ASDK tokens opened the connection and sent the request. A push-install token is
//!   handed to any machine, and what it opens is for any: whoever brings it, nobody is robbed.
//!
//! S4: a request that is served to whoever has a bearer token carried one itself, and it was accepted for it: no token opens
//! a connection for the next request.

use std::collections::BTreeMap;

use super::{
    checker::Checker,
    facts::{Facts, FadingMap},
    violation::Findings,
};
use crate::{
    event::{BearerEvent, Event, EventKind},
    plan::Invariant,
    types::{BearerKind, Fingerprint, Jti, RequestId, UnixSeconds, VirtualTime},
};

/// The only path that a push-install token opens.
const INSTALLER_PATH: &str = "/Altiris/NSCap/AEXNSC.exe";

#[derive(Debug, Default)]
pub(super) struct BearerIsGood {
    issued: BTreeMap<Jti, Issued>,
    revoked: BTreeMap<Jti, VirtualTime>,
    /// Requests for which a token was accepted, and which have yet to be served.
    accepted: FadingMap<RequestId, BearerKind>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Issued {
    kind: BearerKind,
    expires: Option<UnixSeconds>,
    token: Fingerprint,
    /// Which key of the key pool signed it.
    key: u32,
}

impl Checker for BearerIsGood {
    fn hear(&mut self, event: &Event, before: &Facts, findings: &mut Findings) {
        match &event.kind {
            EventKind::Bearer(BearerEvent::Issued { kind, jti, expires, token }) => {
                let key = before.administration.key(&before.assumptions);
                let issued = Issued { kind: *kind, expires: *expires, token: token.0, key };
                self.issued.insert(*jti, issued);
            }
            EventKind::Bearer(BearerEvent::Revoked { jti }) => drop(self.revoked.insert(*jti, event.at)),
            EventKind::Bearer(BearerEvent::Accepted { request, kind, jti, expires, path, token }) => {
                self.accepted.insert(*request, *kind, before.assumptions.forget_connection_at(event.at));
                let claimed = Claimed { request: *request, kind: *kind, expires: *expires, path, token: token.0 };
                for (invariant, fault) in self.faults(event, *jti, &claimed, before) {
                    findings.violated(invariant, event.actor, || {
                        format!("{} accepted the {kind} token in request {request}, jti {jti}: {fault}", event.actor)
                    });
                }
            }
            EventKind::Served { request, agent: Some(agent) } => {
                let Some(kind) = BearerKind::of_identity(*agent) else { return };
                if self.accepted.remove(request) != Some(kind) {
                    findings.violated(Invariant::S4, event.actor, || {
                        format!(
                            "{} served request {request} at {} as by the {kind} token, and accepted none for it",
                            event.actor, event.at
                        )
                    });
                }
            }
            _ => {}
        }
    }

    fn tick(&mut self, now: VirtualTime, _facts: &Facts, _findings: &mut Findings) {
        self.accepted.fade(now);
    }
}

/// What a server says of a token that it accepted.
struct Claimed<'a> {
    request: RequestId,
    kind: BearerKind,
    expires: Option<UnixSeconds>,
    path: &'a str,
    token: Fingerprint,
}

impl BearerIsGood {
    fn faults(&self, event: &Event, jti: Jti, claimed: &Claimed<'_>, before: &Facts) -> Vec<(Invariant, String)> {
        let (server, at, assumptions) = (event.actor, event.at, &before.assumptions);
        let mut faults = Vec::new();
        if let Some(fault) = self.unissued(event, jti, claimed, before) {
            faults.push((Invariant::S2, fault));
        }
        if claimed.kind == BearerKind::PushInstall && claimed.path != INSTALLER_PATH {
            faults.push((Invariant::S2, format!("it was for `{}`, and opens {INSTALLER_PATH} only", claimed.path)));
        }
        if let Some(expires) = claimed.expires {
            let (clock, _) = assumptions.reckoning(server, before.profile(server), at);
            if clock > expires.wall().after(assumptions.leeway) {
                let expired = assumptions.instant_of(expires);
                faults.push((Invariant::S3, format!("it expired at {expired}, and it was {at}")));
            }
        }
        if let Some(since) = self.revoked.get(&jti)
            && before.administration.must_know(server, *since, at, assumptions)
        {
            faults.push((Invariant::S7, format!("it was revoked at {since}, and it was {at}")));
        }
        if claimed.kind == BearerKind::Asdk
            && let Some(fault) = stranger(claimed.request, before)
        {
            faults.push((Invariant::S13, fault));
        }
        faults
    }

    fn unissued(&self, event: &Event, jti: Jti, claimed: &Claimed<'_>, before: &Facts) -> Option<String> {
        let Some(issued) = self.issued.get(&jti) else { return Some("nobody ever issued it".to_owned()) };
        let Claimed { kind, expires, token, .. } = *claimed;
        if *issued != (Issued { kind, expires, token, key: issued.key }) {
            return Some(format!("a {} token of another text or expiry was issued by that name", issued.kind));
        }
        let since = before.administration.must_distrust(event.actor, issued.key, event.at, &before.assumptions)?;
        Some(format!("server key {} signed it, which was withdrawn at {since}", issued.key))
    }
}

/// Who brought an ASDK token and should not have it.
fn stranger(request: RequestId, before: &Facts) -> Option<String> {
    let Some(connection) = before.connections.get(request.connection) else {
        return Some(format!("nobody opened the connection {}", request.connection));
    };
    if !before.assumptions.identities.has_asdk_token(connection.opener) {
        return Some(format!("{} brought it, to whom nobody gave it", connection.opener));
    }
    match before.connections.sent(request) {
        Some(sent) if sent.by != connection.opener => Some(format!("the request was sent by {}", sent.by)),
        _ => None,
    }
}
