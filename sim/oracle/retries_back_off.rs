//! S8, the rate of retries: an agent that fails again and again waits longer and longer (SPEC section 8).
//!
//! Reading: before its n-th retry in a row an agent waits for a time drawn between 0 and 2^(n−1) times the first delay, up
//! to the longest delay, so that a short wait says nothing but many do. From the fifth failure on, where a wait is
//! drawn from 16 times the first delay and more, eight waits in a row of at most the first delay (and two ticks) are
//! one too many: by chance they happen once in 10^9 times and less often. A visit that is planned may come at any time, so
//! that agents are judged whose visits are a minute apart or more, and that work on one connection.

use std::{collections::BTreeMap, time::Duration};

use super::{checker::Checker, facts::Facts, violation::Findings};
use crate::{
    event::{Event, EventKind},
    plan::Invariant,
    types::{ActorId, VirtualTime},
};

const JUDGED_FROM: u32 = 5;
const SHORT_WAITS: u32 = 8;

#[derive(Clone, Copy, Debug)]
struct Streak {
    failures: u32,
    short_waits: u32,
    failed: VirtualTime,
}

#[derive(Debug, Default)]
pub(super) struct RetriesBackOff {
    streaks: BTreeMap<ActorId, Streak>,
}

impl Checker for RetriesBackOff {
    fn hear(&mut self, event: &Event, before: &Facts, findings: &mut Findings) {
        let (agent @ ActorId::Agent(_), at) = (event.actor, event.at) else { return };
        match event.kind {
            EventKind::Started { .. } => drop(self.streaks.remove(&agent)),
            EventKind::ExchangeEnded { outcome, .. } => {
                if outcome.is_served() || !before.assumptions.visits_seldom(agent) {
                    self.streaks.remove(&agent);
                    return;
                }
                let streak = self.streaks.entry(agent).or_insert(Streak { failures: 0, short_waits: 0, failed: at });
                streak.failures = streak.failures.saturating_add(1);
                streak.failed = at;
            }
            EventKind::ExchangeStarted { .. } => {
                let Some(streak) = self.streaks.get_mut(&agent) else { return };
                let parameters = &before.assumptions.parameters;
                let first = Duration::from_millis(parameters.retry_first_ms);
                let ticks = before.assumptions.granularity.saturating_sub(Duration::from_secs(1));
                let is_short = at.since(streak.failed) <= first.saturating_add(ticks);
                let is_drawn_from_much = parameters.retry_max_ms / 16 >= parameters.retry_first_ms;
                if streak.failures < JUDGED_FROM || !is_drawn_from_much {
                    return;
                }
                streak.short_waits = if is_short { streak.short_waits.saturating_add(1) } else { 0 };
                if streak.short_waits == SHORT_WAITS {
                    let failures = streak.failures;
                    findings.violated(Invariant::S8, agent, || {
                        format!("{agent} has failed {failures} times in a row and tries again at once: the last {SHORT_WAITS} waits were {first:?} or less")
                    });
                }
            }
            _ => {}
        }
    }
}
