//! What became of the exchanges of a run.

use super::{Report, human};

/// One way in which exchanges ended, or did not.
#[derive(Clone, Debug)]
pub(super) struct Ending {
    pub name: String,
    pub count: u64,
    /// Of all that began or should have, in parts per million.
    pub share_ppm: u64,
    /// Where the count stands in the report.
    pub path: Option<String>,
}

/// Those that occurred: the served ones first, whatever was not served by its outcome, and what never came to an end or a
/// beginning.
pub(super) fn endings(report: &Report) -> Vec<Ending> {
    const PLACE: &str = "measurements.total.authentication";
    let figures = &report.measurements.total.authentication;
    let missed = report.measurements.visits.exchanges_missed;
    let all = figures.started.max(figures.ended).saturating_add(missed).max(1);
    let ending = |name: String, count: u64, path: Option<String>| {
        let share = u128::from(count) * 1_000_000 / u128::from(all);
        Ending { name, count, share_ppm: u64::try_from(share).unwrap_or(u64::MAX), path }
    };
    let failed = figures.outcomes.iter().filter(|(outcome, _)| !outcome.is_served()).map(|(outcome, count)| {
        let key = serde_json::to_value(outcome).ok().and_then(|key| key.as_str().map(str::to_owned));
        ending(human::words(outcome), *count, key.map(|key| format!("{PLACE}.outcomes.{key}")))
    });
    let served = ending("served".into(), figures.served, Some(format!("{PLACE}.served")));
    let not_ended = ending("not ended".into(), figures.started.saturating_sub(figures.ended), None);
    let never = ending("never begun".into(), missed, Some("measurements.visits.exchanges_missed".into()));
    [served].into_iter().chain(failed).chain([not_ended, never]).filter(|ending| ending.count > 0).collect()
}
