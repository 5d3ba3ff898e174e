//! What a [`Shrinker`] leaves out.

use std::collections::BTreeMap;

use super::{
    Change, Shrinker,
    chosen::{with_agents, with_browsers, with_sites},
    duration::cut,
    minimize::minimize,
    plain::{visits_of, visits_told},
};
use crate::{
    plan::{AgentPlan, Plan, Visits},
    types::Parameters,
};

/// With how many other seeds a plan in which actors have other numbers is tried, if the piece that is left out is large:
/// an actor's draws hang on its number.
const OTHER_SEEDS: u64 = 3;

/// A piece is large if it is at least one of so many.
const LARGE: usize = 8;

/// A list of visits is cut into so many pieces at most: there may be thousands.
const VISIT_PIECES_MAX: usize = 64;

/// Ceilings that many agents reach together, as low as they go: the most that can be lowered first.
const LOWER_CEILINGS: [fn(&mut Parameters); 3] = [
    |it| (it.upstream_slots, it.validation_tokens_max, it.batch_size_max) = (1, 1, 1),
    |it| (it.validation_tokens_max, it.batch_size_max) = (1, 1),
    |it| it.upstream_slots = 1,
];

impl Shrinker<'_> {
    pub(super) fn leave_out_attackers(&mut self, pieces_max: usize) {
        self.what = "fewer attackers";
        let all = self.smallest.attackers.clone();
        self.leave_out(all, pieces_max, 0, |plan, attackers| Plan { attackers: attackers.to_vec(), ..plan.clone() });
    }

    pub(super) fn leave_out_faults(&mut self, pieces_max: usize) {
        self.what = "fewer faults";
        let all = self.smallest.faults.clone();
        self.leave_out(all, pieces_max, 0, |plan, faults| Plan { faults: faults.to_vec(), ..plan.clone() });
    }

    pub(super) fn leave_out_agents(&mut self, pieces_max: usize) {
        self.what = "fewer agents";
        // First they only fall silent: the others keep their numbers, and with them their draws.
        self.leave_out(busy(&self.smallest), pieces_max, 0, |plan, kept: &[u32]| {
            let mut plan = plan.clone();
            for (number, agent) in (1..).zip(&mut plan.agents) {
                if !kept.contains(&number) {
                    agent.visits = Visits::At { times_us: Vec::new() };
                }
            }
            plan
        });
        let without_silent = with_agents(&self.smallest, &busy(&self.smallest));
        self.keeps_with_some_seed(without_silent);
        // Numbers change with every plan that is kept: they are counted in the plan with which this begins.
        let whole = self.smallest.clone();
        let all = (1..).take(whole.agents.len()).collect();
        self.leave_out(all, pieces_max, OTHER_SEEDS, |_, kept: &[u32]| with_agents(&whole, kept));
    }

    pub(super) fn leave_out_sites(&mut self, pieces_max: usize) {
        self.what = "fewer sites";
        let whole = self.smallest.clone();
        let all = (1..).take(whole.sites.len()).collect();
        self.leave_out(all, pieces_max, OTHER_SEEDS, |_, kept: &[u32]| with_sites(&whole, kept));
    }

    /// Browsers, then jobs, and what is left of a portal last: without it nothing happens where there are no agents.
    pub(super) fn leave_out_portal(&mut self, pieces_max: usize) {
        if let Some(portal) = self.smallest.portal.clone() {
            self.what = "fewer browsers";
            let whole = self.smallest.clone();
            let all = (1..).take(portal.browsers.len()).collect();
            self.leave_out(all, pieces_max, OTHER_SEEDS, |_, kept: &[u32]| with_browsers(&whole, kept));
            self.what = "fewer jobs";
            self.leave_out(portal.jobs, pieces_max, 0, |plan, jobs| {
                let mut plan = plan.clone();
                plan.portal.iter_mut().for_each(|portal| portal.jobs = jobs.to_vec());
                plan
            });
            self.what = "no portal";
            self.change(&[Box::new(|plan: &mut Plan| plan.portal = None) as Change]);
        }
    }

    /// Early visits of all come before late ones of any: they are left out together.
    pub(super) fn leave_out_visits(&mut self, pieces_max: usize) {
        self.what = "fewer visits";
        self.change(&visits_told(&self.smallest, pieces_max.min(LARGE)));
        let mut all: Vec<(u64, usize)> = Vec::new();
        for (place, visits) in visits_of(&mut self.smallest).enumerate() {
            if let Visits::At { times_us } = visits {
                all.extend(times_us.iter().map(|time_us| (*time_us, place)));
            }
        }
        all.sort_unstable();
        self.leave_out(all, pieces_max.min(VISIT_PIECES_MAX), 0, |plan, kept| {
            let mut plan = plan.clone();
            let mut left: BTreeMap<usize, Vec<u64>> = BTreeMap::new();
            kept.iter().for_each(|(time_us, place)| left.entry(*place).or_default().push(*time_us));
            for (place, visits) in visits_of(&mut plan).enumerate() {
                if let Visits::At { times_us } = visits {
                    *times_us = left.remove(&place).unwrap_or_default();
                }
            }
            plan
        });
    }

    /// It takes fewer agents to reach a lower ceiling. What is not needed becomes as usual again later.
    pub(super) fn lower_ceilings(&mut self) {
        self.what = "lower ceilings";
        for lower in LOWER_CEILINGS {
            let mut lowered = self.smallest.clone();
            lower(&mut lowered.parameters);
            if self.keeps_with_some_seed(lowered) {
                break;
            }
        }
    }

    /// Whether this plan fails with its seed or another. Another seed alone makes nothing smaller.
    fn keeps_with_some_seed(&mut self, plan: Plan) -> bool {
        plan != self.smallest && self.keeps_first(with_seeds(plan, OTHER_SEEDS).map(|plan| (0, plan))).is_some()
    }

    /// Leaves out what the failure does not need of a list; `with` makes a plan that has some of it only.
    fn leave_out<T: Clone>(
        &mut self,
        all: Vec<T>,
        pieces_max: usize,
        other_seeds: u64,
        with: impl Fn(&Plan, &[T]) -> Plan,
    ) {
        let mut left = all.len();
        minimize(all, pieces_max, |choices| {
            let (plan, mut lengths) = (self.smallest.clone(), Vec::new());
            let smaller = choices.enumerate().flat_map(|(place, kept)| {
                lengths.push(kept.len());
                let fewer = Plan { seed: plan.seed, ..cut(&with(&plan, &kept), plan.duration_ms) };
                let is_large = (left - kept.len()).saturating_mul(LARGE) >= left;
                with_seeds(fewer, if is_large { other_seeds } else { 0 }).map(move |plan| (place, plan))
            });
            let kept = self.keeps_first(smaller);
            left = kept.and_then(|place| lengths.get(place)).map_or(left, |length| *length);
            kept
        });
    }
}

/// The numbers of the agents that visit somebody.
fn busy(plan: &Plan) -> Vec<u32> {
    let is_busy = |agent: &AgentPlan| !matches!(&agent.visits, Visits::At { times_us } if times_us.is_empty());
    (1..).zip(&plan.agents).filter(|(_, agent)| is_busy(agent)).map(|(number, _)| number).collect()
}

/// A plan with its own seed, and with so many others.
fn with_seeds(plan: Plan, others: u64) -> impl Iterator<Item = Plan> {
    (0..=others).map(move |more| Plan { seed: plan.seed.wrapping_add(more), ..plan.clone() })
}
