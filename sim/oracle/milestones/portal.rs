//! Milestones of a portal.

use std::collections::BTreeSet;

use crate::{
    event::{Event, EventKind, JobOutcome, PortalEvent},
    oracle::facts::{Facts, opener},
    plan::Milestone,
    types::{ActorId, LoginRefusal, LoginUse},
};

/// What milestones of jobs need to know beside the facts.
#[derive(Debug, Default)]
pub(super) struct Jobs {
    /// Those whose latest run did not go well.
    failed: BTreeSet<u32>,
}

/// Tells of each milestone that an event reaches.
pub(super) fn of(event: &Event, before: &Facts, jobs: &mut Jobs, mut reached: impl FnMut(Milestone)) {
    match &event.kind {
        EventKind::Portal(PortalEvent::PasswordAccepted { .. }) => reached(Milestone::PasswordLogin),
        EventKind::Portal(PortalEvent::SessionOpened { .. }) => reached(Milestone::PortalSession),
        EventKind::Portal(PortalEvent::LoginTokenDenied { .. }) => reached(Milestone::LoginTokenDenied),
        EventKind::Portal(PortalEvent::LoginTokenKeyUpdated { .. }) => reached(Milestone::LoginKeyUpdated),
        EventKind::Portal(PortalEvent::LoginTokenRefused { why, .. }) => reached(match why {
            LoginRefusal::Syntax => Milestone::LoginSyntaxRefused,
            LoginRefusal::BadTag => Milestone::LoginTagRefused,
            LoginRefusal::Expired => Milestone::LoginExpiredRefused,
            // A plan's portal knows everybody of the plan.
            LoginRefusal::UnknownUser => return,
        }),
        EventKind::Portal(PortalEvent::LoginTokenAccepted { request, user, token, .. }) => {
            let Some(issued) = before.login_tokens.issued(*token) else { return };
            reached(match issued.purpose {
                LoginUse::Automation => Milestone::AutomationLogin,
                LoginUse::Administration => Milestone::AdministrationLogin,
                LoginUse::Portlet => Milestone::PortletLogin,
                LoginUse::RememberMe => Milestone::RememberedLogin,
                LoginUse::Impersonation => Milestone::ImpersonationLogin,
            });
            if issued.user != *user {
                reached(Milestone::LoginMisread);
            }
            if issued.accepts > 0 && matches!(opener(*request, &before.connections), Some(ActorId::Attacker(_))) {
                reached(Milestone::LoginReplayed);
            }
        }
        EventKind::Portal(PortalEvent::JobEnded { job, outcome, .. }) => match outcome {
            JobOutcome::Done => {
                reached(Milestone::JobDone);
                if jobs.failed.remove(job) {
                    reached(Milestone::JobRecovered);
                }
            }
            JobOutcome::Refused | JobOutcome::Denied | JobOutcome::Unreachable => {
                if *outcome == JobOutcome::Refused {
                    reached(Milestone::JobRefused);
                }
                jobs.failed.insert(*job);
            }
        },
        _ => {}
    }
}
