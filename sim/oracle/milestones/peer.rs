//! Milestones of peers.

use crate::{event::PeerEvent, plan::Milestone, types::PeerRefusal};

/// The milestone that an event between peers reaches, if any.
pub(super) fn of(event: &PeerEvent) -> Option<Milestone> {
    match event {
        PeerEvent::Served { .. } => Some(Milestone::PeerServed),
        PeerEvent::Refused { why: PeerRefusal::UnknownChallenge, .. } => Some(Milestone::PeerReplayRefused),
        PeerEvent::Refused { .. } => Some(Milestone::PeerResponseRefused),
        PeerEvent::Challenged { .. } | PeerEvent::Answered { .. } | PeerEvent::Downloaded { .. } => None,
    }
}
