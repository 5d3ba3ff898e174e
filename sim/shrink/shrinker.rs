//! Tries smaller plans, and keeps those that still fail.

use std::{iter, thread};

use super::{Change, duration::cut, faults::smaller, plain::plainer, tried::Tried};
use crate::{plan::Plan, types::VirtualTime};

/// At first, nothing less than one of so many pieces is left out.
const COARSE: usize = 4;

/// What is made plainer in groups of agents is so in so many.
const GROUPS: usize = 8;

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
    pub(super) smallest: Plan,
    pub(super) what: &'static str,
    tried: u64,
    kept: u64,
    in_vain: Tried,
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
        let (what, in_vain, jobs) = ("the plan", Tried::default(), jobs.max(1));
        Self { smallest: plan, what, tried: 0, kept: 0, in_vain, jobs, fails, is_over, progress }
    }

    /// Shrinks until nothing can be left out any more.
    pub fn shrink(mut self, failed_at: VirtualTime) -> Shrunk {
        self.shorten(failed_at);
        self.lower_ceilings();
        self.pass(COARSE);
        loop {
            let before = self.smallest.clone();
            self.pass(usize::MAX);
            if self.smallest == before || (self.is_over)() {
                break;
            }
        }
        Shrunk { plan: self.smallest, tried: self.tried, is_cut_short: (self.is_over)() }
    }

    fn pass(&mut self, pieces_max: usize) {
        self.leave_out_attackers(pieces_max);
        self.leave_out_faults(pieces_max);
        self.leave_out_agents(pieces_max);
        self.leave_out_sites(pieces_max);
        self.leave_out_portal(pieces_max);
        self.leave_out_visits(pieces_max);
        self.what = "plainer values";
        self.change(&plainer(&self.smallest, if pieces_max > COARSE { GROUPS } else { 1 }));
        if pieces_max > COARSE {
            self.what = "smaller faults";
            self.change(&smaller(&self.smallest));
        }
    }

    /// Whether this plan fails; if so it is the smallest from now on.
    pub(super) fn keeps(&mut self, plan: Plan) -> bool {
        self.keeps_first(iter::once((0, plan))).is_some()
    }

    /// Makes each of these changes that lets the plan fail all the same.
    pub(super) fn change(&mut self, changes: &[Change]) {
        let mut from = 0;
        while from < changes.len() {
            let before = self.smallest.clone();
            let changed = changes.iter().enumerate().skip(from).map(|(place, change)| {
                let mut plan = before.clone();
                change(&mut plan);
                (place, plan)
            });
            // Those after the first that is made are tried again, with it.
            from = self.keeps_first(changed).map_or(changes.len(), |made| made + 1);
        }
    }

    /// Keeps the first of these plans that fails, and says by which number it goes. As many are run at the same time as
    /// there are jobs; which is kept does not hang on it.
    pub(super) fn keeps_first(&mut self, mut plans: impl Iterator<Item = (usize, Plan)>) -> Option<usize> {
        let fails = self.fails;
        loop {
            let is_worth_it = |plan: &Plan| *plan != self.smallest && plan.check().is_ok() && !self.in_vain.has(plan);
            let batch = plans.by_ref().filter(|(_, plan)| is_worth_it(plan));
            let batch: Vec<(usize, Plan)> = if (self.is_over)() { Vec::new() } else { batch.take(self.jobs).collect() };
            if batch.is_empty() {
                return None;
            }
            let failed: Vec<Option<VirtualTime>> = thread::scope(|scope| {
                let running: Vec<_> = batch.iter().map(|(_, plan)| scope.spawn(move || fails(plan))).collect();
                // A run that panics has not failed in the same way.
                running.into_iter().map(|run| run.join().ok().flatten()).collect()
            });
            self.tried += batch.len() as u64;
            // A run that was cut short says nothing; whoever asks for it asks for the end of shrinking.
            batch.iter().zip(&failed).filter(|(_, at)| at.is_none()).for_each(|((_, plan), _)| self.in_vain.add(plan));
            let first = batch.into_iter().zip(failed).find_map(|((place, plan), at)| at.map(|at| (place, plan, at)));
            if let Some((place, plan, at)) = first {
                self.smallest = plan;
                self.kept += 1;
                self.tell();
                self.shorten_if_much(at);
                return Some(place);
            }
            self.tell();
        }
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
}

impl std::fmt::Debug for Shrinker<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shrinker").field("what", &self.what).field("tried", &self.tried).finish_non_exhaustive()
    }
}
