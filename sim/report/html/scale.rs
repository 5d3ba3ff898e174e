//! Axes: which values have a tick, and where a value lies.

/// The width of a plot in its own units.
pub(super) const WIDTH: f64 = 1_000.0;

/// The height of a plot in its own units.
pub(super) const HEIGHT: f64 = 100.0;

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
            let label = if number == 0 { "0".into() } else { super::super::human::duration(at_ns) };
            Tick { label, at: coordinate(at), place }
        };
        (0..=count).map(tick).collect()
    }
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
}
