//! Log lines from the events that actors report.
//!
//! Lines name nodes, requests and thumbprints of public keys. They never hold a token, uid, nonce, signature or private
//! key: nothing here takes one out of an event.

use tracing::{debug, info, trace, warn};

use crate::{
    event::{Event, EventKind},
    protocol::{NodeKind, RegisterError, RegisterRequest, Registered},
};

/// Tells what happens, and no more than once what goes on.
#[derive(Debug, Default)]
pub struct Narrator {
    policy_version: u64,
    is_upstream_down: bool,
}

impl Narrator {
    /// Writes the line of an event, if it has one.
    pub fn hear(&mut self, event: &Event) {
        let server = event.actor;
        match &event.kind {
            EventKind::Registered { keys } => info!(%server, keys, "registered with the SMP"),
            EventKind::PolicyReceived { version, keys } if *version != self.policy_version => {
                self.policy_version = *version;
                info!(%server, version, keys, "policy received");
            }
            EventKind::PolicyFailed { why } => warn!(%server, why, "no policy could be had"),
            EventKind::PolicyChanged { version } => info!(%server, version, "policy changed"),
            EventKind::Revoked { agent } => info!(%server, %agent, "agent revoked"),
            EventKind::Reinstated { agent } => info!(%server, %agent, "agent reinstated"),
            EventKind::SiteApproved { site } => info!(%server, %site, "site server approved"),
            EventKind::SiteRemoved { site } => info!(%server, %site, "site server removed"),
            EventKind::UpstreamEnded { tokens, .. } => self.hear_of_upstream(event, tokens.is_none()),
            EventKind::Accepted { request, presented, .. } => {
                debug!(%server, %request, agent = %presented.agent, counter = presented.counter, "token accepted");
            }
            EventKind::Refused { request, why, claimed_agent } => {
                let agent = claimed_agent.map(|agent| agent.to_string()).unwrap_or_default();
                debug!(%server, %request, ?why, agent, "token refused");
            }
            EventKind::Challenged { request, challenge } => {
                debug!(%server, %request, with_token = challenge.is_some(), "challenged");
            }
            EventKind::Unavailable { request, status } => debug!(%server, %request, status, "unavailable"),
            EventKind::Issued { agent, site, .. } => {
                let site = site.map(|site| site.to_string()).unwrap_or_default();
                debug!(%server, %agent, site, "token issued");
            }
            EventKind::ValidationEnded { requested, refreshed, removed, .. } => {
                debug!(%server, requested, refreshed, removed, "token cache validated");
            }
            EventKind::RegistryPurged { removed, kept } => debug!(%server, removed, kept, "replay registry purged"),
            EventKind::Served { request, .. } => trace!(%server, %request, "served"),
            EventKind::CacheHit { agent, .. } => trace!(%server, %agent, "token found in the cache"),
            EventKind::CacheMissed { agent, .. } => trace!(%server, %agent, "no token in the cache"),
            _ => {}
        }
    }

    /// An SMP that is away is news once, however many requests it fails.
    fn hear_of_upstream(&mut self, event: &Event, has_failed: bool) {
        let server = event.actor;
        match (self.is_upstream_down, has_failed) {
            (false, true) => warn!(%server, "the SMP gives no tokens: agents without a cached one are told to wait"),
            (true, false) => info!(%server, "the SMP gives tokens again"),
            _ => {}
        }
        self.is_upstream_down = has_failed;
    }
}

/// Writes the line of a registration at the SMP. A site server is rare and worth one, but for what it was told before
/// (`is_news`): anybody may knock as often as it likes. Agents come by the thousand.
pub fn tell_registration(request: &RegisterRequest, result: &Result<Registered, RegisterError>, is_news: bool) {
    let (node, kid) = (request.id, request.public_key.thumbprint());
    match (request.kind, result) {
        (NodeKind::Site, Ok(Registered::Outdated)) => {
            let origin = request.origin.as_ref().map(ToString::to_string).unwrap_or_default();
            warn!(
                %node, %kid, origin, profile = %request.profile,
                "a registration changes nothing: the site server has signed a later one. Somebody replays it, or its clock \
                 was set back; if it really is there, remove and approve it"
            );
        }
        (NodeKind::Site, Ok(_)) => {
            let origin = request.origin.as_ref().map(ToString::to_string).unwrap_or_default();
            info!(%node, %kid, origin, "site server registered");
        }
        (NodeKind::Agent, Ok(registered)) => debug!(%node, %kid, ?registered, "agent registered"),
        (NodeKind::Site, Err(why)) if is_news => warn!(%node, %kid, %why, "site server turned away"),
        (_, Err(why)) => debug!(%node, %kid, %why, "turned away"),
    }
}
