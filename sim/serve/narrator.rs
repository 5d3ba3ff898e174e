//! Log lines from the events that actors report.
//!
//! Lines name nodes, requests and thumbprints of public keys. They never hold a token, uid, nonce, signature or private
//! key: nothing here takes one out of an event.

use http::StatusCode;
use tracing::{debug, info, trace, warn};

use super::figures::name_of;
use crate::{
    actor::EnrolmentError,
    event::{BearerEvent, Event, EventKind, JobOutcome, PortalEvent},
    protocol::{NodeKind, RegisterError, RegisterRequest, Registered},
    types::{ActorId, NodeId, Thumbprint},
};

/// Tells what happens, and no more than once what goes on.
#[derive(Debug, Default)]
pub struct Narrator {
    site: Option<(NodeId, Thumbprint)>,
    policy_version: u64,
    is_upstream_down: bool,
}

impl Narrator {
    /// Learns which site server it tells of: what an approval has to name.
    pub fn tells_of(&mut self, site: NodeId, kid: Thumbprint) {
        self.site = Some((site, kid));
    }

    /// Writes the line of an event, if it has one.
    pub fn hear(&mut self, event: &Event) {
        let server = name_of_server(event.actor);
        match &event.kind {
            EventKind::Registered { keys } => info!(%server, keys, "registered with the SMP"),
            EventKind::PolicyReceived { version, keys } if *version != self.policy_version => {
                self.policy_version = *version;
                info!(%server, version, keys, "policy received");
            }
            EventKind::PolicyFailed { why } => self.hear_of_no_policy(server, why),
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
                debug!(%server, %request, why = name_of(why), agent = claimed_agent.map(display), "token refused");
            }
            EventKind::Challenged { request, challenge } => {
                debug!(%server, %request, with_token = challenge.is_some(), "challenged");
            }
            EventKind::Unavailable { request, status } => debug!(%server, %request, status, "unavailable"),
            EventKind::Issued { agent, site, .. } => {
                debug!(%server, %agent, site = site.map(display), "token issued");
            }
            EventKind::ValidationEnded { requested, refreshed, removed, .. } => {
                debug!(%server, requested, refreshed, removed, "token cache validated");
            }
            EventKind::RegistryPurged { removed, kept } => debug!(%server, removed, kept, "replay registry purged"),
            EventKind::Portal(PortalEvent::LoginTokenKeyUpdated { updates }) => {
                info!(%server, updates, "'Update' was pressed: login tokens have a new key");
            }
            EventKind::Portal(PortalEvent::LoginTokenIssued { user, purpose, .. }) => {
                debug!(%server, user, purpose = name_of(purpose), "login token issued");
            }
            EventKind::Portal(PortalEvent::LoginTokenAccepted { request, user, .. }) => {
                debug!(%server, %request, user, "login token accepted");
            }
            EventKind::Portal(PortalEvent::LoginTokenRefused { request, why, claimed_user, .. }) => {
                debug!(%server, %request, why = name_of(why), user = claimed_user, "login token refused");
            }
            EventKind::Portal(PortalEvent::LoginTokenDenied { user, purpose }) => {
                warn!(%server, user, purpose = name_of(purpose), "no login token can be made for this user's id");
            }
            EventKind::Portal(PortalEvent::PasswordAccepted { request, user }) => {
                debug!(%server, %request, user, "password accepted")
            }
            EventKind::Portal(PortalEvent::PasswordRefused { request, user }) => {
                debug!(%server, %request, user, is_known = user.is_some(), "password refused");
            }
            EventKind::Portal(PortalEvent::JobEnded { job, outcome: JobOutcome::Done, steps }) => {
                debug!(%server, job, steps, "job done")
            }
            EventKind::Portal(PortalEvent::JobEnded { job, outcome, steps }) => {
                warn!(%server, job, outcome = name_of(outcome), steps, "job failed");
            }
            EventKind::Bearer(BearerEvent::Issued { kind, jti, .. }) => {
                info!(%server, %kind, %jti, "bearer token issued")
            }
            EventKind::Bearer(BearerEvent::Revoked { jti }) => info!(%server, %jti, "bearer token revoked"),
            EventKind::Bearer(BearerEvent::Accepted { request, kind, jti, .. }) => {
                debug!(%server, %request, %kind, %jti, "bearer token accepted");
            }
            EventKind::Bearer(BearerEvent::Refused { request, why, jti }) => {
                debug!(%server, %request, why = name_of(why), jti = jti.map(display), "bearer token refused");
            }
            EventKind::Served { request, .. } => trace!(%server, %request, "served"),
            EventKind::CacheHit { agent, .. } => trace!(%server, %agent, "token found in the cache"),
            EventKind::CacheMissed { agent, .. } => trace!(%server, %agent, "no token in the cache"),
            _ => {}
        }
    }

    /// A site server that nobody has approved is told 403; its operator is told what is missing.
    fn hear_of_no_policy(&self, server: &str, why: &str) {
        let is_denied = why == EnrolmentError::Status(StatusCode::FORBIDDEN).to_string();
        match self.site.filter(|_| is_denied) {
            Some((site, kid)) => warn!(
                %server,
                why,
                "no policy could be had: waits for approval by the SMP's administrator: POST \
                 /sites/{site}/approve?kid={kid}"
            ),
            None => warn!(%server, why, "no policy could be had"),
        }
    }

    /// An SMP that is away is news once, however many requests it fails.
    fn hear_of_upstream(&mut self, event: &Event, has_failed: bool) {
        let server = name_of_server(event.actor);
        match (self.is_upstream_down, has_failed) {
            (false, true) => warn!(%server, "the SMP gives no tokens: agents without a cached one are told to wait"),
            (true, false) => info!(%server, "the SMP gives tokens again"),
            _ => {}
        }
        self.is_upstream_down = has_failed;
    }
}

/// The process serves one actor, so that its number in a plan says nothing.
const fn name_of_server(actor: ActorId) -> &'static str {
    match actor {
        ActorId::Smp => "smp",
        ActorId::FrontEnd => "front-end",
        ActorId::AutomationServer => "automation-server",
        ActorId::AdministrationServer => "administration-server",
        ActorId::PortletServer => "portlet-server",
        _ => "site",
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
            info!(%node, %kid, origin = request.origin.as_ref().map(display), "site server registered");
        }
        (NodeKind::Agent, Ok(registered)) => {
            let result = if *registered == Registered::New { "new" } else { "again" };
            debug!(%node, %kid, result, "agent registered");
        }
        (NodeKind::Agent, Err(why @ RegisterError::Full(_))) if is_news => warn!(%node, %why, "agent turned away"),
        (NodeKind::Site, Err(why)) if is_news => warn!(%node, %kid, %why, "site server turned away"),
        (_, Err(why)) => debug!(%node, %kid, %why, "turned away"),
    }
}
