//! How a run went on, in charts that share one axis of time.

use std::collections::BTreeMap;

use super::{
    super::{Report, human},
    chart::{Chart, Corner, Entry, Shape, area, marks, stairs},
    figure::Figures,
    scale::{Decades, HEIGHT, Linear, Tick, TimeAxis, WIDTH, round_duration},
};
use crate::{metrics::Timeline, plan::Plan, types::ActorId};

/// How many kinds of refusal are told apart; the others are drawn together.
const KINDS_MAX: usize = 6;

/// How many servers are told apart by colour.
const SERVERS_MAX: usize = 6;

/// The charts of a run, and what has none since nothing of the kind happened.
#[derive(Clone, Debug)]
pub(super) struct TimelineCharts {
    pub charts: Vec<Chart>,
    pub absent: String,
}

struct Draft<'a> {
    timeline: &'a Timeline,
    figures: &'a Figures,
    axis: TimeAxis,
    charts: Vec<Chart>,
    absent: Vec<&'static str>,
}

/// A series to be drawn: its name, its path in the report, its figures.
struct Series<'a> {
    name: String,
    path: String,
    values: &'a [u64],
}

pub(super) fn timeline_charts(report: &Report, plan: &Plan, figures: &Figures, axis: TimeAxis) -> TimelineCharts {
    let timeline = &report.measurements.timeline;
    let mut draft = Draft { timeline, figures, axis, charts: Vec::new(), absent: Vec::new() };
    draft.authentications();
    draft.refusals();
    draft.batch_refresh();
    draft.slots(u64::from(plan.parameters.upstream_slots));
    draft.entries("Token registry", "registries", "registry_entries", &timeline.registry_entries);
    draft.entries("Token cache", "caches", "cache_entries", &timeline.cache_entries);
    draft.connections();
    let absent = match draft.absent.as_slice() {
        [] => String::new(),
        [only] => format!("No {only} in this run."),
        [most @ .., last] => format!("No {} or {last} in this run.", most.join(", ")),
    };
    TimelineCharts { charts: draft.charts, absent }
}

impl Draft<'_> {
    fn authentications(&mut self) {
        let timeline = self.timeline;
        let kinds = [
            ("one step", "one_step", &timeline.one_step, "c1"),
            ("two steps", "two_step", &timeline.two_step, "c2"),
            ("by an account", "by_account", &timeline.by_account, "c4"),
            ("connection authenticated", "authenticated", &timeline.authenticated, "c5"),
            ("none needed", "public", &timeline.public, "c7"),
            ("failed", "failed", &timeline.failed, "c6"),
        ];
        let series = kinds.map(|(name, path, values, class)| {
            (Series { name: name.into(), path: format!("measurements.timeline.{path}"), values }, class)
        });
        let unit = format!("exchanges ended, per {}", self.slice());
        self.stacked("Authentications", "authentications", unit, series.into_iter().collect());
    }

    fn refusals(&mut self) {
        const CLASSES: [&str; KINDS_MAX] = ["c6", "c2", "c4", "c1", "c3", "c5"];
        let timeline = self.timeline;
        let mut kinds: Vec<_> = timeline.refused.iter().collect();
        kinds.sort_by_key(|(_, values)| std::cmp::Reverse(values.iter().sum::<u64>()));
        let (shown, others) = kinds.split_at(kinds.len().min(KINDS_MAX));
        let mut together = vec![0; timeline.unavailable.len()];
        for (_, values) in others {
            together.iter_mut().zip(*values).for_each(|(sum, value)| *sum += value);
        }
        let mut series: Vec<_> = shown
            .iter()
            .zip(CLASSES)
            .map(|((why, values), class)| {
                let path = format!("measurements.timeline.refused.{}", human::words(why).replace(' ', "_"));
                (Series { name: human::words(why), path, values: values.as_slice() }, class)
            })
            .collect();
        let name = "503 or 429".to_owned();
        let path = "measurements.timeline.unavailable".to_owned();
        series.push((Series { name, path, values: &timeline.unavailable }, "c7"));
        if !others.is_empty() {
            let name = format!("{} other kinds", others.len());
            series.push((Series { name, path: String::new(), values: &together }, "c8"));
        }
        let unit = format!("tokens and requests, per {}", self.slice());
        self.stacked("Refusals", "refusals", unit, series);
    }

    /// Areas on top of each other: kinds that add up.
    fn stacked(&mut self, title: &'static str, absent: &'static str, unit: String, series: Vec<(Series<'_>, &str)>) {
        let series: Vec<_> =
            series.into_iter().filter(|(series, _)| series.values.iter().any(|value| *value > 0)).collect();
        if series.is_empty() {
            return self.absent.push(absent);
        }
        let mut floor = vec![0_u64; series[0].0.values.len()];
        let mut levels = Vec::new();
        for (series, _) in &series {
            let top: Vec<_> = floor.iter().zip(series.values).map(|(below, value)| below + value).collect();
            levels.push((floor, top.clone()));
            floor = top;
        }
        let scale = Linear::up_to(floor.iter().copied().max().unwrap_or(0));
        let shapes = series.iter().zip(levels).map(|((series, class), (below, above))| Shape {
            class: format!("area {class}"),
            path: area(&self.corners(&above, scale), &self.corners(&below, scale), self.end(above.len())),
            name: series.name.clone(),
        });
        let legend = series.iter().map(|(series, class)| Entry {
            class: format!("key {class}"),
            name: series.name.clone(),
            figure: self.figures.count(&format!("{}#sum", series.path)),
            of: "",
        });
        let (shapes, legend) = (shapes.collect(), legend.collect());
        self.chart(title, unit, scale.ticks(human::count), shapes, legend);
    }

    fn batch_refresh(&mut self) {
        let timeline = self.timeline;
        let times = || timeline.refresh_mean_ns.iter().chain(&timeline.refresh_max_ns).copied();
        // Where nothing was refreshed there is no latency, be it ever so small.
        let Some(scale) = Decades::of(times().filter(|nanos| *nanos > 0)) else {
            return self.absent.push("batch refreshes");
        };
        let kinds = [
            ("longest", "refresh_max_ns", &timeline.refresh_max_ns, "line thick c6"),
            ("mean", "refresh_mean_ns", &timeline.refresh_mean_ns, "line thick c1"),
        ];
        // A mark of a short slice in a long run would be too narrow to be seen.
        let width = self.start(1).max(4.0);
        let marks_of = |values: &[u64]| {
            let mark = |(index, nanos): (u64, &u64)| (*nanos > 0).then(|| (self.start(index), scale.y(*nanos)));
            marks(&(0..).zip(values).map(mark).collect::<Vec<_>>(), width)
        };
        let shapes = kinds.iter().map(|(name, _, values, class)| Shape {
            class: (*class).into(),
            path: marks_of(values),
            name: (*name).into(),
        });
        let legend = kinds.iter().map(|(name, path, _, class)| Entry {
            class: (*class).into(),
            name: (*name).into(),
            figure: self.figures.duration(&format!("measurements.timeline.{path}#max")),
            of: "at most",
        });
        let (shapes, legend) = (shapes.collect(), legend.collect());
        let unit = format!("time that validations took, in each {}, on a logarithmic axis", self.slice());
        self.chart("Batch refresh", unit, scale.ticks(), shapes, legend);
    }

    fn slots(&mut self, slots: u64) {
        let timeline = self.timeline;
        let most = timeline.slots_max.iter().chain(&timeline.slot_waiters_max).copied().max().unwrap_or(0);
        if most == 0 {
            return self.absent.push("requests to the issuer");
        }
        let scale = Linear::up_to(most.max(slots));
        let end = self.end(timeline.slots_max.len());
        let in_use = self.corners(&timeline.slots_max, scale);
        let ground = self.corners(&vec![0; timeline.slots_max.len()], scale);
        let limit = scale.y(slots);
        let waiters = stairs(&self.corners(&timeline.slot_waiters_max, scale), end);
        let shape = |class: &str, path: String, name: &str| Shape { class: class.into(), path, name: name.into() };
        let shapes = vec![
            shape("area c1 pale", area(&in_use, &ground, end), "slots in use"),
            shape("line c1", stairs(&in_use, end), "slots in use"),
            shape("line c6", waiters, "waiting for a slot"),
            shape("line limit", stairs(&[(0.0, limit)], WIDTH), "the ceiling"),
        ];
        let entry = |class: &str, name: String, path: &str| Entry {
            class: class.into(),
            name,
            figure: self.figures.count(&format!("measurements.timeline.{path}#max")),
            of: "at most",
        };
        let legend = vec![
            entry("line c1", "slots in use".into(), "slots_max"),
            entry("line c6", "waiting for a slot".into(), "slot_waiters_max"),
            Entry { figure: None, ..entry("line limit", format!("there are {slots}"), "slots_max") },
        ];
        let unit = format!("requests to the issuer at any one site, at most in each {}", self.slice());
        self.chart("Upstream slots", unit, scale.ticks(human::count), shapes, legend);
    }

    /// Lines for the sizes of some servers' stores.
    fn entries(
        &mut self,
        title: &'static str,
        absent: &'static str,
        path: &str,
        servers: &BTreeMap<ActorId, Vec<u64>>,
    ) {
        const CLASSES: [&str; SERVERS_MAX] = ["c1", "c2 dashed", "c3 dotted", "c4 dash-dotted", "c6", "c5 dashed"];
        let used: Vec<_> = servers.iter().filter(|(_, entries)| entries.iter().any(|entries| *entries > 0)).collect();
        let Some(most) = used.iter().flat_map(|(_, entries)| entries.iter()).max() else {
            return self.absent.push(absent);
        };
        let scale = Linear::up_to(*most);
        let are_few = used.len() <= SERVERS_MAX;
        let class = |index: usize| if are_few { format!("line {}", CLASSES[index]) } else { "line thin c1".into() };
        let shapes = used.iter().enumerate().map(|(index, (server, entries))| Shape {
            class: class(index),
            path: stairs(&self.corners(entries, scale), self.end(entries.len())),
            name: server.to_string(),
        });
        let each = used.iter().enumerate().filter(|_| are_few).map(|(index, (server, _))| Entry {
            class: class(index),
            name: server.to_string(),
            figure: self.figures.count(&format!("measurements.timeline.{path}.{server}#max")),
            of: "at most",
        });
        let all = Entry { class: class(0), name: format!("each of {} servers", used.len()), figure: None, of: "" };
        let (shapes, mut legend): (Vec<_>, Vec<_>) = (shapes.collect(), each.collect());
        if !are_few {
            legend.push(all);
        }
        let unit = format!("entries at the end of each {}", self.slice());
        self.chart(title, unit, scale.ticks(human::count), shapes, legend);
    }

    fn connections(&mut self) {
        let values = &self.timeline.connections_max;
        let most = values.iter().copied().max().unwrap_or(0);
        if most == 0 {
            return self.absent.push("connections");
        }
        let scale = Linear::up_to(most);
        let path = stairs(&self.corners(values, scale), self.end(values.len()));
        let shapes = vec![Shape { class: "line c1".into(), path, name: "open".into() }];
        let figure = self.figures.count("measurements.timeline.connections_max#max");
        let legend = vec![Entry { class: "line c1".into(), name: "open".into(), figure, of: "at most" }];
        let unit = format!("open at once, at most in each {}", self.slice());
        self.chart("Connections", unit, scale.ticks(human::count), shapes, legend);
    }

    fn chart(&mut self, title: &'static str, unit: String, y_ticks: Vec<Tick>, shapes: Vec<Shape>, legend: Vec<Entry>) {
        let (x_ticks, note) = (self.axis.ticks(), String::new());
        self.charts.push(Chart { title, unit, y_ticks, x_ticks, shapes, legend, note, is_timeline: true });
    }

    /// How long a slice is, in words.
    fn slice(&self) -> String {
        round_duration(self.timeline.bucket_ms.saturating_mul(1_000_000))
    }

    fn corners(&self, values: &[u64], scale: Linear) -> Vec<Corner> {
        (0..).zip(values).map(|(index, value)| (self.start(index), scale.y(*value).min(HEIGHT))).collect()
    }

    /// Where the slice of an index starts.
    fn start(&self, index: u64) -> f64 {
        self.axis.x(index.saturating_mul(self.timeline.bucket_ms).saturating_mul(1_000_000))
    }

    /// Where so many slices end.
    fn end(&self, length: usize) -> f64 {
        self.start(u64::try_from(length).unwrap_or(u64::MAX))
    }
}
