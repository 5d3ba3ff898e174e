//! S4, for packages: a Package Server hands none to whoever has not authenticated, unless codebases are anonymous (rule 51).
//!
//! Reading: a request for a package at a site server is `Served` for somebody, unless the plan makes codebases anonymous.
//! The SMP's are for everybody. The access type that the server tells (rule 62) agrees: `Anonymous` there and nowhere else.

use super::{
    checker::Checker,
    facts::{Facts, FadingMap},
    violation::Findings,
};
use crate::{
    event::{Event, EventKind},
    plan::Invariant,
    types::{ActorId, RequestId, VirtualTime},
};

#[derive(Debug, Default)]
pub(super) struct PackageIsGuarded {
    /// Requests for packages that need authentication.
    asked: FadingMap<RequestId, ()>,
}

impl Checker for PackageIsGuarded {
    fn hear(&mut self, event: &Event, before: &Facts, findings: &mut Findings) {
        let assumptions = &before.assumptions;
        match &event.kind {
            EventKind::PackageAsked { request, access } => {
                let is_open = event.actor == ActorId::Smp || assumptions.parameters.anonymous_codebases;
                if !is_open {
                    self.asked.insert(*request, (), assumptions.forget_connection_at(event.at));
                }
                if is_open != (access == "Anonymous") {
                    findings.violated(Invariant::S4, event.actor, || {
                        let expected = if is_open { "`Anonymous`" } else { "the kinds that are on" };
                        format!("{} tells `{access}` for the package of {request}, and not {expected}", event.actor)
                    });
                }
            }
            EventKind::Served { request, agent } if self.asked.remove(request).is_some() && agent.is_none() => {
                findings.violated(Invariant::S4, event.actor, || {
                    format!("{} handed out a package in {request} at {} to nobody known", event.actor, event.at)
                });
            }
            _ => {}
        }
    }

    fn tick(&mut self, now: VirtualTime, _facts: &Facts, _findings: &mut Findings) {
        self.asked.fade(now);
    }
}
