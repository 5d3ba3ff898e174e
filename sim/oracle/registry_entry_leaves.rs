//! S8, the registry: an entry is gone by exp + λ + the purge period (rule 48).
//!
//! Reading: since its `RegistryRecorded` the entry has a `RegistryRemoved`, or its server stopped or started again, by
//! exp + λ + `registry_purge_period_s` + σ, and the granularity of time. A management agent that hangs or is gone purges
//! nothing: it makes up for that within five minutes of working again.

use std::{collections::BTreeMap, time::Duration};

use super::{
    assumptions::Assumptions,
    checker::Checker,
    facts::Facts,
    violation::{Findings, Who},
};
use crate::{
    event::{Event, EventKind},
    plan::Invariant,
    types::{ActorId, UnixSeconds, VirtualTime},
};

#[derive(Debug, Default)]
pub(super) struct RegistryEntryLeaves {
    /// Up to which expiry the entries of a server have been judged.
    judged: BTreeMap<ActorId, UnixSeconds>,
}

impl Checker for RegistryEntryLeaves {
    fn hear(&mut self, event: &Event, before: &Facts, findings: &mut Findings) {
        // What is removed within the second that a tick has not seen yet.
        let EventKind::RegistryRemoved { agent, jti, .. } = &event.kind else { return };
        let Some(entry) = before.registries.get(event.actor, *agent, *jti) else { return };
        let judged = self.judged.get(&event.actor).copied().unwrap_or(UnixSeconds(0));
        let bound = before.assumptions.instant_of(entry.expires).after(stay(&before.assumptions));
        if entry.expires > judged && event.at > bound && purges(event.actor, event.at, &before.assumptions) {
            findings.violated(Invariant::S8, event.actor, || {
                format!(
                    "{} removed {}, jti {jti} from its registry only at {}; the bound was {bound}",
                    event.actor,
                    Who(*agent),
                    event.at
                )
            });
        }
    }

    fn tick(&mut self, now: VirtualTime, facts: &Facts, findings: &mut Findings) {
        let stay = stay(&facts.assumptions);
        let Some(latest) = now.nanos().checked_sub(nanos(stay)) else { return };
        let to = facts.assumptions.second_before(VirtualTime(latest));
        for (server, registry) in facts.registries.iter() {
            if !purges(server, now, &facts.assumptions) {
                continue;
            }
            let judged = self.judged.entry(server).or_insert(UnixSeconds(0));
            for (expires, agent, jti) in registry.expiring(*judged, to) {
                findings.violated(Invariant::S8, server, || {
                    let expiry = facts.assumptions.instant_of(expires);
                    format!(
                        "{server} still holds {}, jti {jti} in its registry at {now}; it expired at {expiry} and had to go by {}",
                        Who(agent),
                        expiry.after(stay)
                    )
                });
            }
            *judged = to.max(*judged);
        }
    }
}

/// Whether a server has had the time to purge what was left to purge: it looks every five minutes.
fn purges(server: ActorId, now: VirtualTime, assumptions: &Assumptions) -> bool {
    let patience = Duration::from_secs(300).saturating_add(assumptions.granularity);
    let from = VirtualTime(now.nanos().saturating_sub(nanos(patience)));
    assumptions.management_agents.work(server, from, now)
}

/// How long past its expiry an entry may stay.
fn stay(assumptions: &Assumptions) -> Duration {
    assumptions
        .leeway
        .saturating_add(Duration::from_secs(assumptions.parameters.registry_purge_period_s))
        .saturating_add(assumptions.skew)
        .saturating_add(assumptions.granularity)
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
