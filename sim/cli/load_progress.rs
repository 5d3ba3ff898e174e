//! How a load goes, on a terminal.

use std::time::{Duration, Instant};

use super::progress::{Progress, clock};
use crate::{
    metrics::{Pace, PaceStanding},
    report::human,
    run::Standing,
};

/// Rates are those of the last so long: a shorter time says little.
const RATE_OVER: Duration = Duration::from_millis(1_000);

/// A bar on standard error that grows with real time, beside it what a load has come to. Where nobody looks it is silent.
#[derive(Debug)]
pub(super) struct LoadProgress {
    progress: Progress,
    duration_ms: u64,
    /// When what had been served was last looked at, and the rate until then.
    looked: (Instant, u64),
    served_per_s: u64,
}

impl LoadProgress {
    /// A bar for a load of so many milliseconds. It shows nothing unless `enabled` and standard error is a terminal.
    pub fn new(duration_ms: u64, enabled: bool) -> Self {
        Self {
            progress: Progress::new(duration_ms, enabled),
            duration_ms,
            looked: (Instant::now(), 0),
            served_per_s: 0,
        }
    }

    /// Shows how far the load is.
    pub fn update(&mut self, standing: &Standing<'_>) {
        // Whoever measures must not be held up by figures that nobody sees.
        if !self.progress.is_shown() {
            return;
        }
        let pace = standing.pace.map(Pace::standing).unwrap_or_default();
        let (since, served) = self.looked;
        if since.elapsed() >= RATE_OVER {
            let elapsed_ms = since.elapsed().as_millis().max(1);
            let rate = u128::from(pace.served.saturating_sub(served)) * 1_000 / elapsed_ms;
            self.served_per_s = u64::try_from(rate).unwrap_or(u64::MAX);
            self.looked = (Instant::now(), pace.served);
        }
        let at_ms = standing.at.nanos() / 1_000_000;
        let (duration_ms, served_per_s) = (self.duration_ms, self.served_per_s);
        self.progress.show(at_ms, || message(at_ms, duration_ms, served_per_s, &pace, standing.violations));
    }

    /// Removes the bar: the report takes its place.
    pub fn finish(self) {
        self.progress.finish();
    }
}

fn message(at_ms: u64, duration_ms: u64, served_per_s: u64, pace: &PaceStanding, violations: u64) -> String {
    let mut text = format!("{} of {}, {} served/s", clock(at_ms), clock(duration_ms), human::count(served_per_s));
    let figures = [("p50", pace.one_step_p50_ns), ("p99", pace.one_step_p99_ns), ("lag p99", pace.lag_p99_ns)];
    for (name, nanos) in figures {
        text.extend(nanos.map(|nanos| format!(", {name} {}", human::duration(nanos))));
    }
    if pace.failed > 0 {
        text += &format!(", {} failed", human::count(pace.failed));
    }
    if violations > 0 {
        text += &format!(", {}", human::number_of(violations, "violation"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_tells_rate_latency_lag_and_failures() {
        let pace = PaceStanding {
            served: 1_200,
            failed: 3,
            one_step_p50_ns: Some(510_000),
            one_step_p99_ns: Some(2_900_000),
            lag_p99_ns: Some(204_000),
        };
        let text = message(4_000, 10_000, 401, &pace, 1);
        let expected =
            "0:00:04 of 0:00:10, 401 served/s, p50 510 µs, p99 2.90 ms, lag p99 204 µs, 3 failed, 1 violation";
        assert_eq!(text, expected);
        assert_eq!(message(0, 10_000, 0, &PaceStanding::default(), 0), "0:00:00 of 0:00:10, 0 served/s");
    }
}
