//! S13, for proxies: a token goes to the server that it is for, and no proxy on the way is asked in by it (rule 61).
//!
//! Reading: nothing that a proxy gets in `Proxy-Authorization` is of a scheme of tokens, whoever sent it and whatever the
//! proxy had asked for. What it forwards in `Authorization` is for the server, and judged there.

use super::{checker::Checker, facts::Facts, violation::Findings};
use crate::{
    event::{Event, EventKind, ProxyCredentials, ProxyEvent},
    plan::Invariant,
};

#[derive(Debug, Default)]
pub(super) struct ProxyGetsNoToken;

impl Checker for ProxyGetsNoToken {
    fn hear(&mut self, event: &Event, before: &Facts, findings: &mut Findings) {
        let EventKind::Proxy(ProxyEvent::Received { request, what: ProxyCredentials::Token }) = event.kind else {
            return;
        };
        findings.violated(Invariant::S13, event.actor, || {
            let opener = before.connections.get(request.connection).map(|connection| connection.opener.to_string());
            let giver = opener.as_deref().unwrap_or("somebody");
            format!("{} got a token from {giver} with {request} at {}: no proxy is to have one", event.actor, event.at)
        });
    }
}
