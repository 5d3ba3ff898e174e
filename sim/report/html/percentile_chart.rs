//! How long things took, over all of them: percentiles on an axis that shows the rare ones best.

use super::{
    chart::{Chart, Corner, Entry, Shape, stairs},
    figure::Figures,
    scale::{Decades, Tick, WIDTH, coordinate},
};
use crate::metrics::{Histogram, Latencies};

/// The looks of the four lines, and where their greatest values stand in the report.
const LOOKS: [(&str, &str); 4] = [
    ("line c1", "authentication.one_step_ns"),
    ("line c2 dashed", "authentication.two_step_ns"),
    ("line c4 dotted", "upstream.slot_wait_ns"),
    ("line c3 dash-dotted", "validation.refresh_ns"),
];

/// The plot, if anything took any time.
pub(super) fn percentile_chart(latencies: &Latencies, figures: &Figures, time: &str) -> Option<Chart> {
    let lines: Vec<_> = latencies.named().into_iter().zip(LOOKS).collect();
    let lines: Vec<_> = lines.into_iter().filter(|((_, found), _)| found.steps().any(|(nanos, _)| nanos > 0)).collect();
    let values = || lines.iter().flat_map(|((_, found), _)| found.steps().map(|(nanos, _)| nanos));
    let scale = Decades::of(values())?;
    let count = lines.iter().map(|((_, found), _)| total(found)).max()?;
    // A line ends with the one slowest of all; the axis ends with the longest line.
    let decades = (count.max(10) as f64).log10();
    let shapes = lines.iter().map(|((name, found), (class, _))| {
        let (corners, end) = corners(found, scale, decades);
        Shape { class: (*class).into(), path: stairs(&corners, end), name: (*name).into() }
    });
    let legend = lines.iter().map(|((name, _), (class, path))| Entry {
        class: (*class).into(),
        name: (*name).into(),
        figure: figures.count(&format!("measurements.total.{path}.count")),
        of: "",
    });
    let at_once = if values().any(|nanos| nanos == 0) { " What took no time lies on the ground." } else { "" };
    Some(Chart {
        title: "Latency by percentile",
        unit: format!("{time} on a logarithmic axis, over the share that was at least as fast"),
        y_ticks: scale.ticks(),
        x_ticks: x_ticks(decades),
        shapes: shapes.collect(),
        legend: legend.collect(),
        note: format!("Each line ends with the slowest of its kind; the legend says how many there were.{at_once}"),
        is_timeline: false,
    })
}

fn total(of: &Histogram) -> u64 {
    of.steps().last().map_or(0, |(_, seen)| seen)
}

/// Where a share of `seen` out of `count` lies: each nine is as wide as the next.
fn x(seen: u64, count: u64, decades: f64) -> f64 {
    let slower = count.saturating_sub(seen).max(1);
    (count as f64 / slower as f64).log10() / decades * WIDTH
}

/// The line of a histogram, and where it ends.
fn corners(of: &Histogram, scale: Decades, decades: f64) -> (Vec<Corner>, f64) {
    let count = total(of);
    let mut corners: Vec<Corner> = Vec::new();
    let mut before = 0;
    for (nanos, seen) in of.steps() {
        let corner = (x(before, count, decades), scale.y(nanos));
        match corners.last_mut() {
            // Closer than can be seen: the slower of the two stays.
            Some(last) if corner.0 - last.0 < 0.5 => last.1 = corner.1,
            _ => corners.push(corner),
        }
        before = seen;
    }
    // Even a single one is a line.
    let start = corners.last().map_or(0.0, |(x, _)| *x);
    (corners, x(count, count, decades).max(start + 4.0).min(WIDTH))
}

fn x_ticks(decades: f64) -> Vec<Tick> {
    let named = ["0 %", "50 %", "90 %", "99 %", "99.9 %", "99.99 %", "99.999 %", "99.9999 %", "99.99999 %"];
    let places = [0.0, 2_f64.log10()].into_iter().chain((1_u8..).map(f64::from));
    let ticks = named.into_iter().zip(places).filter(|(_, place)| *place <= decades + 1e-9);
    ticks
        .map(|(label, place)| {
            let at = place / decades * 100.0;
            let place = match at {
                ..0.5 => "first",
                94.0.. => "last",
                _ if label == "50 %" && decades > 2.5 => "minor",
                _ if decades > 4.0 && matches!(label, "99.99 %" | "99.9999 %") => "minor",
                _ => "",
            };
            Tick { label: label.into(), at: coordinate(at), place }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_nine_is_as_wide_as_the_next() {
        let at = [0, 900, 990, 999, 1_000].map(|seen| coordinate(x(seen, 1_000, 3.0)));
        assert_eq!(at, ["0", "333.3", "666.7", "1000", "1000"]);
        let labels: Vec<_> = x_ticks(3.0).into_iter().map(|tick| (tick.label, tick.at)).collect();
        assert_eq!(labels.last().unwrap(), &("99.9 %".to_owned(), "100".to_owned()));
        assert_eq!(labels.len(), 5);
    }

    #[test]
    fn the_line_of_a_histogram_has_every_percentile() {
        let mut found = Histogram::default();
        (0..900).for_each(|_| found.record(1_000_000));
        (0..100).for_each(|_| found.record(10_000_000));
        let scale = Decades::of([1_000_000, 10_000_000].into_iter()).unwrap();
        let (corners, end) = corners(&found, scale, 3.0);
        let rounded: Vec<_> = corners.iter().map(|(x, y)| (x.round(), y.round())).collect();
        assert_eq!((rounded, end), (vec![(0.0, 100.0), (333.0, 0.0)], 1_000.0));
    }
}
