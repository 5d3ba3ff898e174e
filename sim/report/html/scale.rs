//! Axes: which values have a tick, and where a value lies.

use super::super::human;

/// The width of a plot in its own units.
pub(super) const WIDTH: f64 = 1_000.0;

/// The height of a plot in its own units.
pub(super) const HEIGHT: f64 = 100.0;

/// What happened at once lies this low on a logarithmic axis, below the least time that can be told.
const GROUND: f64 = 8.0;

/// With more round numbers than this, a logarithmic axis has only the powers of ten.
const TICKS_MAX: usize = 7;

/// A place on an axis with what is written there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Tick {
    /// What is written.
    pub label: String,
    /// How far along the axis it is, in percent.
    pub at: String,
    /// How it is set: `first` and `last` keep within the plot, `minor` is left out where there is little room.
    pub place: &'static str,
}

/// As short as a coordinate can be told: a tenth of a unit is less than a screen shows.
pub(super) fn coordinate(value: f64) -> String {
    let text = format!("{value:.1}");
    match text.strip_suffix(".0") {
        Some("-0") => "0".into(),
        Some(whole) => whole.into(),
        None => text,
    }
}

/// A duration that is round, without digits that tell nothing.
pub(super) fn round_duration(nanos: u64) -> String {
    human::duration(nanos).replace(".00 ", " ").replace(".0 ", " ")
}

/// From zero up to a round number, with at most five ticks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Linear {
    step: u64,
    top: u64,
}

impl Linear {
    /// The least round axis that holds `max`.
    pub(super) fn up_to(max: u64) -> Self {
        let max = max.max(1);
        let powers = (0..20).filter_map(|exponent| 10_u64.checked_pow(exponent));
        let mut steps = powers.flat_map(|power| [1, 2, 5].map(|times| power.saturating_mul(times)));
        let step = steps.find(|step| max.div_ceil(*step) <= 4).unwrap_or(u64::MAX);
        Self { step, top: step.saturating_mul(max.div_ceil(step)) }
    }

    /// How far from the top a value lies.
    pub(super) fn y(self, value: u64) -> f64 {
        HEIGHT - HEIGHT * value.min(self.top) as f64 / self.top as f64
    }

    pub(super) fn ticks(self, label: impl Fn(u64) -> String) -> Vec<Tick> {
        let values = (0..=self.top / self.step).map(|count| self.step.saturating_mul(count));
        values.map(|value| Tick { label: label(value), at: coordinate(HEIGHT - self.y(value)), place: "" }).collect()
    }
}

/// The time of a run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct TimeAxis {
    /// When it ends, in nanoseconds of virtual time.
    pub until_ns: u64,
}

impl TimeAxis {
    /// How far from the left an instant lies; what is later than the end lies at the end.
    pub(super) fn x(self, at_ns: u64) -> f64 {
        let until_ns = self.until_ns.max(1);
        WIDTH * at_ns.min(until_ns) as f64 / until_ns as f64
    }

    /// Round instants, at most nine.
    pub(super) fn ticks(self) -> Vec<Tick> {
        const STEPS_MS: [u64; 25] = [
            1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000, 120_000, 300_000, 600_000,
            1_800_000, 3_600_000, 7_200_000, 10_800_000, 21_600_000, 43_200_000, 86_400_000,
        ];
        let steps = STEPS_MS.into_iter().map(|step_ms| step_ms * 1_000_000);
        let step = steps.into_iter().find(|step| self.until_ns / step <= 8).unwrap_or(self.until_ns.div_ceil(8).max(1));
        let count = self.until_ns / step;
        let tick = |number: u64| {
            let (at_ns, at) = (number * step, self.x(number * step) / WIDTH * 100.0);
            let place = match number {
                0 => "first",
                _ if at > 94.0 => "last",
                // Every other one, so that the last before the end stays.
                _ if (count - number) % 2 == 1 => "minor",
                _ => "",
            };
            let label = if number == 0 { "0".into() } else { round_duration(at_ns) };
            Tick { label, at: coordinate(at), place }
        };
        (0..=count).map(tick).collect()
    }
}

/// A logarithmic axis of durations.
#[derive(Clone, Copy, Debug)]
pub(super) struct Decades {
    least_ns: u64,
    most_ns: u64,
    has_ground: bool,
}

impl Decades {
    /// From a round duration below the least to one above the greatest; none if nothing took any time.
    pub(super) fn of(values: impl Iterator<Item = u64>) -> Option<Self> {
        let (mut least, mut most, mut has_ground) = (u64::MAX, 0, false);
        for nanos in values {
            has_ground |= nanos == 0;
            if nanos > 0 {
                least = least.min(nanos);
                most = most.max(nanos);
            }
        }
        if most == 0 {
            return None;
        }
        let mut least_ns = round().take_while(|nanos| *nanos <= least).last()?;
        let mut most_ns = round().find(|nanos| *nanos >= most && *nanos > least_ns).unwrap_or(u64::MAX);
        if round().filter(|nanos| (least_ns..=most_ns).contains(nanos)).count() > TICKS_MAX {
            least_ns = powers().take_while(|nanos| *nanos <= least).last()?;
            most_ns = powers().find(|nanos| *nanos >= most).unwrap_or(u64::MAX);
        }
        Some(Self { least_ns, most_ns, has_ground })
    }

    pub(super) fn y(self, nanos: u64) -> f64 {
        let ground = if self.has_ground { GROUND } else { 0.0 };
        if nanos == 0 {
            return HEIGHT;
        }
        let share = (nanos.max(self.least_ns) as f64 / self.least_ns as f64).log10()
            / (self.most_ns as f64 / self.least_ns as f64).log10();
        (HEIGHT - ground) * (1.0 - share)
    }

    /// Powers of ten, and what lies between them if they are few.
    pub(super) fn ticks(self) -> Vec<Tick> {
        let within: Vec<_> = round().filter(|nanos| (self.least_ns..=self.most_ns).contains(nanos)).collect();
        let shown =
            if within.len() > TICKS_MAX { powers().filter(|nanos| within.contains(nanos)).collect() } else { within };
        let tick = |nanos| Tick { label: round_duration(nanos), at: coordinate(HEIGHT - self.y(nanos)), place: "" };
        let mut ticks: Vec<_> = shown.into_iter().map(tick).collect();
        if self.has_ground {
            ticks.push(Tick { label: "0".into(), at: "0".into(), place: "" });
        }
        ticks
    }
}

/// 1, 10, 100 ns and so on.
fn powers() -> impl Iterator<Item = u64> {
    (0..20).filter_map(|exponent| 10_u64.checked_pow(exponent))
}

/// 1, 2, 5, 10, 20 ns and so on.
fn round() -> impl Iterator<Item = u64> {
    powers().flat_map(|power| [1, 2, 5].into_iter().filter_map(move |times| power.checked_mul(times)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_linear_axis_is_round_and_holds_its_greatest_value() {
        for (max, labels) in [
            (0, "0 1"),
            (1, "0 1"),
            (4, "0 1 2 3 4"),
            (5, "0 2 4 6"),
            (32, "0 10 20 30 40"),
            (1_001, "0 500 1000 1500"),
        ] {
            let ticks = Linear::up_to(max).ticks(|value| value.to_string());
            assert_eq!(ticks.iter().map(|tick| tick.label.as_str()).collect::<Vec<_>>().join(" "), labels);
            assert_eq!((ticks[0].at.as_str(), ticks.last().unwrap().at.as_str()), ("0", "100"));
        }
        assert_eq!(Linear::up_to(u64::MAX).y(u64::MAX), 0.0);
    }

    #[test]
    fn time_has_round_ticks() {
        let labels = |until_ns| {
            let ticks = TimeAxis { until_ns }.ticks();
            ticks.iter().map(|tick| tick.label.clone()).collect::<Vec<_>>().join(", ")
        };
        assert_eq!(labels(0), "0");
        assert_eq!(labels(600_000_000_000), "0, 2 min, 4 min, 6 min, 8 min, 10 min");
        assert_eq!(labels(86_400_000_000_000), "0, 3 h, 6 h, 9 h, 12 h, 15 h, 18 h, 21 h, 24 h");
    }

    #[test]
    fn coordinates_are_short() {
        assert_eq!([0.0, -0.01, 12.0, 12.34, 99.96].map(coordinate), ["0", "0", "12", "12.3", "100"]);
    }

    #[test]
    fn the_axis_of_durations_is_round_and_logarithmic() {
        let axis = Decades::of([3_000_000, 40_000_000].into_iter()).unwrap();
        assert_eq!((axis.least_ns, axis.most_ns), (2_000_000, 50_000_000));
        assert_eq!((axis.y(2_000_000), axis.y(50_000_000)), (HEIGHT, 0.0));
        assert!((axis.y(10_000_000) - 50.0).abs() < 1e-9);
        let labels: Vec<_> = axis.ticks().into_iter().map(|tick| tick.label).collect();
        assert_eq!(labels, ["2 ms", "5 ms", "10 ms", "20 ms", "50 ms"]);
        assert!(Decades::of([0].into_iter()).is_none());
        // Over many decades it begins and ends with one.
        let labels = |values: [u64; 2]| {
            let ticks = Decades::of(values.into_iter()).unwrap().ticks();
            ticks.into_iter().map(|tick| tick.label).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(labels([3_000_000, 4_000_000_000]), "1 ms 10 ms 100 ms 1 s 10 s");
        assert_eq!(labels([1, u64::MAX]).split(' ').next(), Some("1"));
    }
}
