//! Progress of a run in virtual time, on a terminal.

use std::{
    collections::BTreeSet,
    io::{self, IsTerminal as _},
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::{shrink::Attempt, sweep::Bundle};

/// A bar on standard error that grows with virtual time. Where nobody looks at a terminal it is silent.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
    started: Instant,
    drawn: Option<Instant>,
    duration_ms: u64,
}

/// Updates that come sooner after each other than this are not drawn; a run may have thousands in a second.
const DRAW_INTERVAL: Duration = Duration::from_millis(100);

const TEMPLATE: &str = "{bar:24.green} {percent:>3} %  {msg}";

impl Progress {
    /// A bar for a run of `duration_ms` milliseconds of virtual time, at its start. It shows nothing unless
    /// `enabled` and standard error is a terminal.
    pub fn new(duration_ms: u64, enabled: bool) -> Self {
        let shown = enabled && io::stderr().is_terminal();
        let target = if shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(duration_ms), target);
        // The template is ours: where it were refused, the default bar does as well.
        if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
            bar.set_style(style.progress_chars("━╸ "));
        }
        Self { bar, started: Instant::now(), drawn: None, duration_ms }
    }

    /// Shows that `virtual_ms` milliseconds have passed, in which `accepted` tokens were accepted and
    /// `violations` invariants violated.
    pub fn update(&mut self, virtual_ms: u64, accepted: u64, violations: u64) {
        let (duration_ms, started) = (self.duration_ms, self.started);
        self.show(virtual_ms, || message(virtual_ms, duration_ms, started.elapsed(), accepted, violations));
    }

    /// Whether anybody can see it.
    pub fn is_shown(&self) -> bool {
        !self.bar.is_hidden()
    }

    /// Shows that so many milliseconds have passed, and what is to be said of them.
    pub(super) fn show(&mut self, at_ms: u64, message: impl FnOnce() -> String) {
        if self.bar.is_hidden() || self.drawn.is_some_and(|drawn| drawn.elapsed() < DRAW_INTERVAL) {
            return;
        }
        self.drawn = Some(Instant::now());
        self.bar.set_message(message());
        self.bar.set_position(at_ms.min(self.duration_ms));
    }

    /// Removes the bar: the report takes its place.
    pub fn finish(self) {
        self.bar.finish_and_clear();
    }
}

/// A bar on standard error that grows with the number of runs that are done. Where nobody looks it is silent.
#[derive(Debug)]
pub struct CountProgress {
    bar: ProgressBar,
    drawn: Option<Instant>,
    done: u64,
}

impl CountProgress {
    /// A bar for `total` runs. It shows nothing unless `enabled` and standard error is a terminal.
    pub fn new(total: u64, enabled: bool) -> Self {
        Self { bar: Progress::new(total, enabled).bar, drawn: None, done: 0 }
    }

    /// Shows that one more is done, and what it was.
    pub fn update(&mut self, what: impl FnOnce() -> String) {
        self.done += 1;
        if self.bar.is_hidden() || self.drawn.is_some_and(|drawn| drawn.elapsed() < DRAW_INTERVAL) {
            return;
        }
        self.drawn = Some(Instant::now());
        self.bar.set_message(what());
        self.bar.set_position(self.done);
    }

    /// Removes the bar: the report takes its place.
    pub fn finish(self) {
        self.bar.finish_and_clear();
    }
}

/// A bar on standard error that grows with the runs of a sweep. Where nobody looks it is silent.
#[derive(Debug)]
pub struct SweepProgress {
    bar: ProgressBar,
    started: Instant,
    drawn: Option<Instant>,
}

impl SweepProgress {
    /// A bar for `total` runs. It shows nothing unless `enabled` and standard error is a terminal.
    pub fn new(total: u64, enabled: bool) -> Self {
        Self { bar: Progress::new(total, enabled).bar, started: Instant::now(), drawn: None }
    }

    /// Shows how far a sweep is, with how many runs that did not pass.
    pub fn update(&mut self, sweep: &Bundle, failures: u64) {
        if self.bar.is_hidden() || self.drawn.is_some_and(|drawn| drawn.elapsed() < DRAW_INTERVAL) {
            return;
        }
        self.drawn = Some(Instant::now());
        let done = sweep.runs.len() as u64;
        let per_minute = u128::from(done).saturating_mul(60_000).checked_div(self.started.elapsed().as_millis());
        let kinds: usize = sweep.cases.iter().map(|tally| tally.failures.len()).sum();
        let milestones: BTreeSet<_> = sweep.cases.iter().flat_map(|tally| tally.milestones.keys()).collect();
        self.bar.set_message(format!(
            "{done} of {} runs, {} a minute, {failures} failed ({kinds} kinds), {} milestones reached",
            sweep.spec.runs(),
            per_minute.unwrap_or(0),
            milestones.len()
        ));
        self.bar.set_position(done);
    }

    /// Removes the bar: the result takes its place.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// A line on standard error that tells how far shrinking is. Where nobody looks it is silent.
#[derive(Debug)]
pub struct ShrinkProgress {
    bar: ProgressBar,
}

impl ShrinkProgress {
    /// A line that tells nothing yet.
    pub fn start() -> Self {
        let bar = Progress::new(0, true).bar;
        if let Ok(style) = ProgressStyle::with_template("{elapsed:>4}  {msg}") {
            bar.set_style(style);
        }
        Self { bar }
    }

    /// Tells what is tried and what is left.
    pub fn update(&self, attempt: Attempt<'_>) {
        let Attempt { what, tried, kept, smallest } = attempt;
        self.bar.set_message(format!(
            "{what}: {tried} runs, {kept} kept; {} agents, {} sites, {} faults, {} attackers, {} left",
            smallest.agents.len(),
            smallest.sites.len(),
            smallest.faults.len(),
            smallest.attackers.len(),
            clock(smallest.duration_ms)
        ));
    }

    /// Removes the line: the result takes its place.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

fn message(virtual_ms: u64, duration_ms: u64, elapsed: Duration, accepted: u64, violations: u64) -> String {
    let speed = u128::from(virtual_ms).checked_div(elapsed.as_millis()).unwrap_or(0);
    let found = match violations {
        0 => String::new(),
        1 => ", 1 violation".into(),
        several => format!(", {several} violations"),
    };
    format!("{} of {}, {speed} × real time, {accepted} accepted{found}", clock(virtual_ms), clock(duration_ms))
}

pub(super) fn clock(millis: u64) -> String {
    let seconds = millis / 1_000;
    format!("{}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_tells_time_speed_accepts_and_violations() {
        let message = message(90_061_000, 180_000_000, Duration::from_secs(10), 1_234, 2);
        assert_eq!(message, "25:01:01 of 50:00:00, 9006 × real time, 1234 accepted, 2 violations");
    }

    #[test]
    fn the_template_is_one() {
        assert!(ProgressStyle::with_template(TEMPLATE).is_ok());
    }

    #[test]
    fn elsewhere_it_is_silent() {
        let mut progress = Progress::new(10_000, false);
        progress.update(20_000, 7, 0);
        assert!(progress.drawn.is_none());
        progress.finish();
    }
}
