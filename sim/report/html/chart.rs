//! A plot with its axes and its legend. Only what is drawn scales with the page: text stays as large as all other.

use askama::Template;

use super::{
    figure::Figure,
    scale::{HEIGHT, Tick, WIDTH, coordinate},
};

/// A plot.
#[derive(Clone, Debug, Template)]
#[template(path = "chart.html")]
pub(super) struct Chart {
    pub title: &'static str,
    /// What the y axis counts, with its unit.
    pub unit: String,
    pub y_ticks: Vec<Tick>,
    pub x_ticks: Vec<Tick>,
    /// What is drawn, from back to front.
    pub shapes: Vec<Shape>,
    pub legend: Vec<Entry>,
    /// What else there is to say.
    pub note: String,
    /// Whether x is the time of the run, so that faults are shaded.
    pub is_timeline: bool,
}

/// A line or an area.
#[derive(Clone, Debug)]
pub(super) struct Shape {
    /// How it looks: one of the classes of the style sheet.
    pub class: String,
    /// The path, in SVG's language.
    pub path: String,
    pub name: String,
}

/// A line of the legend.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub class: String,
    pub name: String,
    /// A figure that stands for all of it, and what it is.
    pub figure: Option<Figure>,
    pub of: &'static str,
}

impl Chart {
    /// The lines behind the plot, one for each tick of y.
    fn grid(&self) -> String {
        let heights = self.y_ticks.iter().filter_map(|tick| tick.at.parse::<f64>().ok());
        heights.map(|at| format!("M0 {}H{WIDTH}", coordinate(HEIGHT - at))).collect()
    }
}

/// A corner of a stair: from `x` on, the height is `y`.
pub(super) type Corner = (f64, f64);

/// A line that goes along and then up or down; it ends at `end`.
pub(super) fn stairs(corners: &[Corner], end: f64) -> String {
    let Some(((x, y), rest)) = corners.split_first() else { return String::new() };
    let mut path = format!("M{} {}", coordinate(*x), coordinate(*y));
    let mut level = coordinate(*y);
    for (x, y) in rest {
        let next = coordinate(*y);
        if next != level {
            path += &format!("H{}V{next}", coordinate(*x));
            level = next;
        }
    }
    path + &format!("H{}", coordinate(end))
}

/// The area between two stairs whose corners have the same `x`.
pub(super) fn area(upper: &[Corner], lower: &[Corner], end: f64) -> String {
    let Some((start, _)) = lower.first() else { return String::new() };
    let ends: Vec<_> = lower.iter().skip(1).map(|(x, _)| *x).chain([end]).collect();
    let mut path = stairs(upper, end);
    let mut level = String::new();
    for ((_, y), x) in lower.iter().zip(ends).rev() {
        let next = coordinate(*y);
        if next != level {
            path += &format!("H{}V{next}", coordinate(x));
            level = next;
        }
    }
    path + &format!("H{}Z", coordinate(*start))
}

/// A mark for each corner that there is, as wide as its step.
pub(super) fn marks(corners: &[Option<Corner>], width: f64) -> String {
    let seen = corners.iter().flatten();
    seen.map(|(x, y)| format!("M{} {}H{}", coordinate(*x), coordinate(*y), coordinate((x + width).min(WIDTH))))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stairs_go_along_then_up_and_leave_out_what_is_level() {
        assert_eq!(stairs(&[(0.0, 100.0), (10.0, 50.0), (20.0, 50.0), (30.0, 0.0)], 40.0), "M0 100H10V50H30V0H40");
        assert_eq!(stairs(&[], 40.0), "");
    }

    #[test]
    fn an_area_goes_back_along_its_lower_edge() {
        let upper = [(0.0, 50.0), (10.0, 20.0)];
        let lower = [(0.0, 100.0), (10.0, 80.0)];
        assert_eq!(area(&upper, &lower, 20.0), "M0 50H10V20H20H20V80H10V100H0Z");
    }

    #[test]
    fn marks_stand_where_there_is_something() {
        assert_eq!(marks(&[None, Some((10.0, 40.0)), None, Some((995.0, 3.0))], 10.0), "M10 40H20M995 3H1000");
    }
}
