//! S4, for kinds of authentication: nobody gets in by a kind that is off (rule 30).
//!
//! Reading: for each `Accepted` and each `AccountAccepted` the plan has that kind on at that server, or had within the time
//! in which the server may not have learned of the change: at once at the SMP, a policy interval and its time-outs at a
//! site. Not judged where something kept the site from the SMP in that time.

use std::time::Duration;

use super::{checker::Checker, facts::Facts, violation::Findings};
use crate::{
    event::{BearerEvent, Event, EventKind},
    plan::Invariant,
    types::{AccountScheme, ActorId, Authentication, BearerKind, VirtualTime},
};

#[derive(Debug, Default)]
pub(super) struct KindIsOn;

impl Checker for KindIsOn {
    fn hear(&mut self, event: &Event, before: &Facts, findings: &mut Findings) {
        let assumptions = &before.assumptions;
        let is_asdk = matches!(&event.kind, EventKind::Bearer(BearerEvent::Accepted { kind: BearerKind::Asdk, .. }));
        if assumptions.kinds.is_tokens_only() && !is_asdk {
            return;
        }
        let (request, name, is_on): (_, _, fn(Authentication) -> bool) = match event.kind {
            EventKind::Accepted { request, .. } => (request, "token", |on| on.token),
            EventKind::AccountAccepted { request, scheme: AccountScheme::Negotiate, .. } => {
                (request, "Windows account", |on| on.windows)
            }
            EventKind::AccountAccepted { request, .. } => (request, "ACC", |on| on.acc),
            EventKind::Bearer(BearerEvent::Accepted { request, kind: BearerKind::Asdk, .. }) => {
                (request, "ASDK token", |on| on.asdk)
            }
            EventKind::Bearer(BearerEvent::Accepted { request, .. }) => (request, "push-install token", |on| on.token),
            _ => return,
        };
        let (server, at) = (event.actor, event.at);
        let delay = match server {
            ActorId::Smp => assumptions.granularity,
            _ => assumptions.policy_delay(),
        };
        let since =
            VirtualTime(at.nanos().saturating_sub(delay.saturating_mul(2).as_nanos().try_into().unwrap_or(u64::MAX)));
        if assumptions.kinds.may_be_on(server, at, delay, is_on)
            || !assumptions.hindrances.leave_alone(server, since, at) && delay > Duration::ZERO
        {
            return;
        }
        findings.violated(Invariant::S4, server, || {
            format!(
                "{server} let request {request} in by a {name} at {at}, but that kind of authentication is off there"
            )
        });
    }
}
