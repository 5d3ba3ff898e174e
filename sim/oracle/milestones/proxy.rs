//! Milestones of proxies.

use crate::{
    event::{ProxyCredentials, ProxyEvent},
    plan::Milestone,
};

/// The milestone that an event at a proxy reaches, if any.
pub(super) fn of(event: &ProxyEvent) -> Option<Milestone> {
    match event {
        ProxyEvent::Asked { for_token: true, .. } => Some(Milestone::ProxyAskedForToken),
        ProxyEvent::Received { what: ProxyCredentials::Token, .. } => Some(Milestone::ProxyGotToken),
        ProxyEvent::Admitted { .. } => Some(Milestone::ProxyAdmitted),
        ProxyEvent::Forwarded { .. } => Some(Milestone::ProxyForwarded),
        ProxyEvent::TunnelOpened { .. } => Some(Milestone::ProxyTunnelOpened),
        ProxyEvent::Declined { .. } => Some(Milestone::ProxyDeclined),
        ProxyEvent::Asked { .. } | ProxyEvent::Received { .. } => None,
    }
}
