//! Tries smaller plans, and keeps those that still fail.

use std::thread;

use super::{
    Change,
    chosen::{with_agents, with_sites},
    duration::cut,
    faults::smaller,
    minimize::minimize,
    plain::{plainer, told_one_by_one},
};
use crate::{
    plan::{Plan, Visits},
    types::VirtualTime,
};

/// How far shrinking is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Attempt<'a> {
    /// What is tried, in a word or two.
    pub what: &'static str,
    /// Plans that were run.
    pub tried: u64,
    /// Of these, how many failed as the first did, and were kept.
    pub kept: u64,
    /// The smallest so far.
    pub smallest: &'a Plan,
}

/// The smallest plan that was found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Shrunk {
    /// The plan.
    pub plan: Plan,
    /// Plans that were run.
    pub tried: u64,
    /// Whether it was left alone before everything had been tried.
    pub is_cut_short: bool,
}

/// Shrinks a plan.
pub struct Shrinker<'a> {
    smallest: Plan,
    what: &'static str,
    tried: u64,
    kept: u64,
    jobs: usize,
    /// When a plan fails as the first did, if it does.
    fails: &'a (dyn Fn(&Plan) -> Option<VirtualTime> + Sync),
    is_over: &'a (dyn Fn() -> bool + Sync),
    progress: &'a mut dyn FnMut(Attempt<'_>),
}

impl<'a> Shrinker<'a> {
    /// Begins with a plan that fails. `fails` runs a plan and says when it failed in the same way, if it did; up to
    /// `jobs` plans are run at the same time. Once `is_over`, nothing more is tried.
    pub fn new(
        plan: Plan,
        jobs: usize,
        fails: &'a (dyn Fn(&Plan) -> Option<VirtualTime> + Sync),
        is_over: &'a (dyn Fn() -> bool + Sync),
        progress: &'a mut dyn FnMut(Attempt<'_>),
    ) -> Self {
        Self { smallest: plan, what: "the plan", tried: 0, kept: 0, jobs: jobs.max(1), fails, is_over, progress }
    }

    /// Shrinks until nothing can be left out any more.
    pub fn shrink(mut self, failed_at: VirtualTime) -> Shrunk {
        self.shorten(failed_at);
        loop {
            let before = self.smallest.clone();
            self.leave_out_attackers();
            self.leave_out_faults();
            self.leave_out_agents();
            self.leave_out_sites();
            self.leave_out_visits();
            self.make_plainer();
            if self.smallest == before || (self.is_over)() {
                break;
            }
        }
        Shrunk { plan: self.smallest, tried: self.tried, is_cut_short: (self.is_over)() }
    }

    /// Whether this plan fails; if so it is the smallest from now on.
    fn keeps(&mut self, plan: Plan) -> bool {
        let is_worth_it = plan != self.smallest && plan.check().is_ok() && !(self.is_over)();
        is_worth_it && self.keeps_first(vec![(0, plan)]).is_some()
    }

    /// Makes each of these changes that lets the plan fail all the same. Several are tried at the same time; which are
    /// made does not hang on how many.
    fn change(&mut self, changes: Vec<Change>) {
        let mut from = 0;
        while from < changes.len() && !(self.is_over)() {
            let mut plans = Vec::new();
            let mut next = from;
            while next < changes.len() && plans.len() < self.jobs {
                let mut plan = self.smallest.clone();
                changes[next](&mut plan);
                if plan != self.smallest && plan.check().is_ok() {
                    plans.push((next, plan));
                }
                next += 1;
            }
            // Those after the first that is made are tried again, with it.
            from = self.keeps_first(plans).map_or(next, |made| made + 1);
        }
    }

    /// Keeps the first of these plans that fails, and says which it was.
    fn keeps_first(&mut self, plans: Vec<(usize, Plan)>) -> Option<usize> {
        let fails = self.fails;
        let failed: Vec<Option<VirtualTime>> = thread::scope(|scope| {
            let running: Vec<_> = plans.iter().map(|(_, plan)| scope.spawn(move || fails(plan))).collect();
            // A run that panics has not failed in the same way.
            running.into_iter().map(|run| run.join().ok().flatten()).collect()
        });
        self.tried += plans.len() as u64;
        let first = plans.into_iter().zip(failed).find_map(|((place, plan), at)| at.map(|at| (place, plan, at)));
        let Some((place, plan, at)) = first else {
            self.tell();
            return None;
        };
        self.smallest = plan;
        self.kept += 1;
        self.tell();
        self.shorten_if_much(at);
        Some(place)
    }

    fn tell(&mut self) {
        let Self { what, tried, kept, smallest, .. } = self;
        (self.progress)(Attempt { what, tried: *tried, kept: *kept, smallest });
    }

    /// The run need not go on after it has failed.
    fn shorten(&mut self, failed_at: VirtualTime) {
        self.what = "a shorter run";
        let failed_ms = failed_at.nanos().div_ceil(1_000_000);
        // To a whole second, a little later: not everything is noticed at once.
        for later_s in [1, 10, 60] {
            let duration_ms = (failed_ms / 1_000 + later_s) * 1_000;
            if duration_ms < self.smallest.duration_ms && self.keeps(cut(&self.smallest, duration_ms)) {
                return;
            }
        }
    }

    fn shorten_if_much(&mut self, failed_at: VirtualTime) {
        let failed_ms = failed_at.nanos() / 1_000_000;
        if failed_ms.saturating_mul(4) < self.smallest.duration_ms.saturating_mul(3) {
            let what = self.what;
            self.shorten(failed_at);
            self.what = what;
        }
    }

    fn leave_out_attackers(&mut self) {
        self.what = "fewer attackers";
        let all = self.smallest.attackers.clone();
        minimize(all, |attackers| {
            let fewer = Plan { attackers: attackers.to_vec(), ..self.smallest.clone() };
            self.keeps(cut(&fewer, fewer.duration_ms))
        });
    }

    fn leave_out_faults(&mut self) {
        self.what = "fewer faults";
        let all = self.smallest.faults.clone();
        minimize(all, |faults| {
            let fewer = Plan { faults: faults.to_vec(), ..self.smallest.clone() };
            self.keeps(cut(&fewer, fewer.duration_ms))
        });
    }

    fn leave_out_agents(&mut self) {
        self.what = "fewer agents";
        self.leave_out(self.smallest.agents.len(), with_agents);
    }

    fn leave_out_sites(&mut self) {
        self.what = "fewer sites";
        self.leave_out(self.smallest.sites.len(), with_sites);
    }

    /// Leaves out actors of a kind of which there are `count`; `with` makes a plan with some of them only.
    fn leave_out(&mut self, count: usize, with: fn(&Plan, &[u32]) -> Plan) {
        // Numbers change with every plan that is kept: they are counted in the plan with which this began.
        let whole = self.smallest.clone();
        minimize((1..).take(count).collect(), |kept: &[u32]| {
            let duration_ms = self.smallest.duration_ms;
            self.keeps(cut(&with(&whole, kept), duration_ms))
        });
    }

    fn leave_out_visits(&mut self) {
        self.what = "fewer visits";
        for place in 0..self.smallest.agents.len() {
            if let Some(told) = told_one_by_one(&self.smallest, place) {
                self.keeps(told);
            }
            let Some(Visits::At { times_ms }) = self.smallest.agents.get(place).map(|agent| agent.visits.clone())
            else {
                continue;
            };
            minimize(times_ms, |times_ms| {
                let mut fewer = self.smallest.clone();
                if let Some(agent) = fewer.agents.get_mut(place) {
                    agent.visits = Visits::At { times_ms: times_ms.to_vec() };
                }
                self.keeps(fewer)
            });
        }
    }

    fn make_plainer(&mut self) {
        self.what = "plainer values";
        self.change(plainer(&self.smallest));
        self.what = "smaller faults";
        self.change(smaller(&self.smallest));
    }
}

impl std::fmt::Debug for Shrinker<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shrinker").field("what", &self.what).field("tried", &self.tried).finish_non_exhaustive()
    }
}
