//! When something went wrong on purpose: shaded in every timeline, and named once, in a lane for each kind.

use std::collections::BTreeMap;

use super::{
    super::{Report, human},
    scale::{HEIGHT, TimeAxis, WIDTH, coordinate},
};
use crate::plan::Plan;

/// The faults and attackers of a plan on the axis of its time.
#[derive(Clone, Debug, Default)]
pub(super) struct FaultWindows {
    /// One for each kind that there is.
    pub lanes: Vec<Lane>,
    /// The times of faults, for the background of a timeline.
    pub faults: String,
    /// The times of attackers, for the upper edge of a timeline.
    pub attackers: String,
    /// What has no end, and when all has healed: upright lines in a timeline.
    pub instants: String,
    /// What the upright line of healing stands for, in words.
    pub healed: String,
}

/// All faults, or attackers, of one kind.
#[derive(Clone, Debug)]
pub(super) struct Lane {
    pub name: String,
    pub is_attack: bool,
    pub windows: String,
    pub instants: String,
}

/// The height of a lane in its own units.
const LANE: f64 = 10.0;

/// What has no end is as wide as this, so that it can be seen.
const INSTANT: f64 = 2.0;

#[derive(Default)]
struct Times {
    count: u64,
    /// In nanoseconds of virtual time, from and until.
    windows: Vec<(u64, u64)>,
    instants: Vec<u64>,
}

impl FaultWindows {
    pub(super) fn new(plan: &Plan, report: &Report, axis: TimeAxis) -> Self {
        let nanos = |millis: u64| millis.saturating_mul(1_000_000);
        let mut kinds: BTreeMap<(bool, String), Times> = BTreeMap::new();
        for fault in plan.faults.iter().filter(|fault| nanos(fault.at_ms) <= axis.until_ns) {
            let times = kinds.entry((false, fault.kind.name().replace('_', " "))).or_default();
            times.count += 1;
            match fault.until_ms {
                Some(until_ms) => times.windows.push((nanos(fault.at_ms), nanos(until_ms))),
                None => times.instants.push(nanos(fault.at_ms)),
            }
        }
        for attacker in plan.attackers.iter().filter(|attacker| nanos(attacker.start_ms) <= axis.until_ns) {
            let times = kinds.entry((true, human::words(&attacker.attack))).or_default();
            times.count += 1;
            times.windows.push((nanos(attacker.start_ms), nanos(attacker.until_ms)));
        }
        let all = |is_attack: bool| {
            let of = kinds.iter().filter(|((found, _), _)| *found == is_attack);
            merged(of.flat_map(|(_, times)| times.windows.iter().copied()).collect())
        };
        let healed_ns = report.hardship.healed_at_ms.map(nanos).filter(|at_ns| *at_ns < axis.until_ns);
        let instants = kinds.values().flat_map(|times| times.instants.iter().copied());
        Self {
            faults: rectangles(&all(false), axis, 0.0, HEIGHT),
            // Above the plot, where no line is.
            attackers: rectangles(&all(true), axis, -6.0, -3.0),
            instants: uprights(instants.chain(healed_ns).collect(), axis, HEIGHT),
            healed: healed_ns.map_or_else(String::new, |at_ns| {
                let fair = report.hardship.fair_from_ms.map(nanos);
                let fair = fair.map(|at_ns| format!("; liveness counts from {} on", human::duration(at_ns)));
                format!("all has healed after {}{}", human::duration(at_ns), fair.unwrap_or_default())
            }),
            lanes: kinds.into_iter().map(|((is_attack, name), times)| lane(name, is_attack, times, axis)).collect(),
        }
    }

    pub(super) fn has_faults(&self) -> bool {
        self.lanes.iter().any(|lane| !lane.is_attack)
    }

    pub(super) fn has_attackers(&self) -> bool {
        self.lanes.iter().any(|lane| lane.is_attack)
    }
}

fn lane(name: String, is_attack: bool, times: Times, axis: TimeAxis) -> Lane {
    let name = if times.count > 1 { format!("{name} ×{}", human::count(times.count)) } else { name };
    let windows = rectangles(&merged(times.windows), axis, 0.0, LANE);
    Lane { name, is_attack, windows, instants: uprights(times.instants, axis, LANE) }
}

/// The same times without overlaps, in order.
fn merged(mut windows: Vec<(u64, u64)>) -> Vec<(u64, u64)> {
    windows.sort_unstable();
    let mut merged: Vec<(u64, u64)> = Vec::new();
    for (from, until) in windows {
        match merged.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(until),
            _ => merged.push((from, until)),
        }
    }
    merged
}

fn rectangles(windows: &[(u64, u64)], axis: TimeAxis, top: f64, bottom: f64) -> String {
    let mut path = String::new();
    // Many short ones in a row are one to the eye, and to the size of the page.
    let mut drawn: Option<(f64, f64)> = None;
    let mut draw = |window: Option<(f64, f64)>| {
        if let Some((from, until)) = window {
            path += &format!("M{} {top}H{}V{bottom}H{}Z", coordinate(from), coordinate(until), coordinate(from));
        }
    };
    for (from, until) in windows {
        let from = axis.x(*from).min(WIDTH - INSTANT);
        let until = axis.x(*until).max(from + INSTANT);
        drawn = match drawn {
            Some((start, end)) if from <= end + 0.5 => Some((start, until.max(end))),
            before => {
                draw(before);
                Some((from, until))
            }
        };
    }
    draw(drawn);
    path
}

fn uprights(instants: Vec<u64>, axis: TimeAxis, height: f64) -> String {
    let mut places: Vec<_> = instants.into_iter().map(|at_ns| axis.x(at_ns).clamp(0.5, WIDTH - 0.5).round()).collect();
    places.sort_by(f64::total_cmp);
    places.dedup();
    places.into_iter().map(|x| format!("M{} 0V{height}", coordinate(x))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const AXIS: TimeAxis = TimeAxis { until_ns: 1_000 };

    #[test]
    fn windows_that_overlap_are_one() {
        assert_eq!(merged(vec![(50, 60), (0, 10), (5, 20), (20, 30), (55, 56)]), [(0, 30), (50, 60)]);
    }

    #[test]
    fn a_window_stays_within_the_plot_and_can_always_be_seen() {
        assert_eq!(rectangles(&[(100, 200), (999, 5_000)], AXIS, 0.0, 10.0), "M100 0H200V10H100ZM998 0H1000V10H998Z");
        assert_eq!(rectangles(&[(500, 500)], AXIS, 0.0, 10.0), "M500 0H502V10H500Z");
    }

    #[test]
    fn thousands_of_windows_and_instants_draw_no_more_than_the_plot_has_room_for() {
        let windows: Vec<_> = (0..30_000).map(|number| (number * 10, number * 10 + 1)).collect();
        let axis = TimeAxis { until_ns: 300_000 };
        assert!(rectangles(&windows, axis, 0.0, 10.0).len() < 30_000);
        let instants = (0..30_000).map(|number| number * 10).collect();
        assert!(uprights(instants, axis, 10.0).len() < 20_000);
    }
}
