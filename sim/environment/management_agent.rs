//! The management agent as a module sees it: somebody to call, who may be slow or not there (rule 20).

use std::time::Duration;

/// The management agent of a machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ManagementAgent {
    call_time: Duration,
    call_timeout: Duration,
    /// By how much each call takes longer.
    slow_by: Duration,
    /// Whether it takes calls and never answers.
    hangs: bool,
    runs: bool,
    /// How often it has started: a call into an earlier life never comes back.
    lives: u32,
}

/// How a call goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CallPlan {
    /// How long the module waits.
    pub wait: Duration,
    /// Whether an answer comes by then.
    pub is_answered: bool,
    /// Whether the module gave up by itself.
    pub timed_out: bool,
    life: u32,
}

impl ManagementAgent {
    /// One that has never run.
    pub const fn new(call_time: Duration, call_timeout: Duration) -> Self {
        Self { call_time, call_timeout, slow_by: Duration::ZERO, hangs: false, runs: false, lives: 0 }
    }

    /// Whether it runs and answers.
    pub const fn answers(&self) -> bool {
        self.runs && !self.hangs
    }

    /// Whether it runs.
    pub const fn runs(&self) -> bool {
        self.runs
    }

    /// It starts, with empty memory.
    pub fn start(&mut self) {
        self.runs = true;
        self.lives = self.lives.saturating_add(1);
    }

    /// It ends.
    pub fn stop(&mut self) {
        self.runs = false;
    }

    /// Calls take longer by this from now on.
    pub fn slow_by(&mut self, slow_by: Duration) {
        self.slow_by = slow_by;
    }

    /// It hangs, or no longer.
    pub fn hang(&mut self, hangs: bool) {
        self.hangs = hangs;
    }

    /// How a call that begins now goes, if nothing happens meanwhile. It never takes longer than the time-out.
    pub fn call(&self) -> CallPlan {
        let takes = self.call_time.saturating_add(self.slow_by);
        let timed_out = self.runs && (self.hangs || takes > self.call_timeout);
        let wait = match (self.runs, timed_out) {
            // That nobody is there is known at once.
            (false, _) => Duration::ZERO,
            (true, true) => self.call_timeout,
            (true, false) => takes,
        };
        CallPlan { wait, is_answered: self.runs && !timed_out, timed_out, life: self.lives }
    }

    /// Whether the answer of a call that began as planned is there, now that it is due.
    pub const fn has_answered(&self, call: CallPlan) -> bool {
        call.is_answered && self.answers() && call.life == self.lives
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    fn running() -> ManagementAgent {
        let mut agent = ManagementAgent::new(MS(1), MS(5_000));
        agent.start();
        agent
    }

    #[test]
    fn rule_20_a_call_is_bounded_by_its_time_out_and_never_answered_by_nobody() {
        let mut agent = running();
        let call = agent.call();
        assert_eq!((call.wait, call.is_answered), (MS(1), true));
        assert!(agent.has_answered(call));
        agent.slow_by(MS(4_999));
        assert_eq!((agent.call().wait, agent.call().is_answered), (MS(5_000), true));
        agent.slow_by(MS(60_000));
        assert_eq!((agent.call().wait, agent.call().is_answered, agent.call().timed_out), (MS(5_000), false, true));
        agent.slow_by(Duration::ZERO);
        agent.hang(true);
        assert_eq!((agent.call().wait, agent.call().is_answered), (MS(5_000), false));
        agent.hang(false);
        agent.stop();
        assert_eq!((agent.call().wait, agent.call().is_answered, agent.call().timed_out), (MS(0), false, false));
    }

    #[test]
    fn rule_20_a_call_into_an_earlier_life_or_one_that_hangs_meanwhile_is_not_answered() {
        let mut agent = running();
        let call = agent.call();
        agent.stop();
        assert!(!agent.has_answered(call));
        agent.start();
        assert!(!agent.has_answered(call), "the one that was called is gone");
        let call = agent.call();
        agent.hang(true);
        assert!(!agent.has_answered(call));
    }
}
