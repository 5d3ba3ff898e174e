//! The report as one page: to be opened without a network, on a phone, or printed.
//!
//! Styles and drawings stand in the page itself, which asks for nothing from anywhere. All figures are those of
//! `report.json`, and say where they stand there. Without scripts only the button that copies a command is missing.

mod cast;
mod chart;
mod coverage;
mod event_words;
mod fault_windows;
mod figure;
mod latency_table;
mod passing_words;
mod percentile_chart;
mod scale;
mod scheme_table;
mod space_time;
mod space_time_file;
mod timeline_charts;

use askama::Template;

use self::{
    chart::Chart,
    coverage::{Coverage, Part},
    fault_windows::FaultWindows,
    figure::{Figure, Figures},
    latency_table::LatencyRow,
    percentile_chart::percentile_chart,
    scale::TimeAxis,
    scheme_table::SchemeRow,
    space_time::SpaceTime,
    space_time_file::SpaceTimeFile,
    timeline_charts::{TimelineCharts, timeline_charts},
};
use super::{
    Generator, Report, Verdict, Violation,
    exchanges::{Ending, endings},
    human,
    prediction::{Foretold, foretold, prediction_title, told_round},
    write::SPACE_TIME,
};
use crate::{metrics::Latencies, oracle::Scene, plan::Plan};

/// What the page shows beside the report and its plan.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    /// How long what takes long took, whole.
    pub latencies: &'a Latencies,
    /// The events around a violation, if there was one.
    pub scene: Option<&'a Scene>,
    /// Where the trace is, as seen from the page, if one was written.
    pub trace: Option<&'a str>,
}

/// How many violations of one invariant are listed.
const SHOWN_PER_INVARIANT: usize = 3;

/// The whole page.
#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    report: &'a Report,
    /// The class that goes with the verdict: `good`, `bad` or `doubtful`.
    verdict_class: &'static str,
    profile: String,
    facts: Vec<Fact>,
    violations: Vec<Listed<'a>>,
    files: Vec<(String, &'static str)>,
    space_time: Option<SpaceTime>,
    fault_windows: FaultWindows,
    x_ticks: Vec<scale::Tick>,
    timeline: TimelineCharts,
    percentiles: Option<Chart>,
    /// What kind of time passed.
    time: &'static str,
    latencies: Vec<LatencyRow>,
    schemes: Vec<SchemeRow>,
    exchanges: Vec<ExchangeRow>,
    prediction_title: String,
    told_round: Option<String>,
    prediction: Vec<Foretold>,
    coverage: Coverage,
    environment: Vec<Fact>,
    /// The processes that made a load together, each in a line.
    generators: Vec<String>,
}

impl Page<'_> {
    /// The lists of the coverage, each with what is said if nothing of it was seen.
    fn parts(&self) -> [(&'static str, &Part, &'static str); 4] {
        let Coverage { rules, milestones, faults, attacks, .. } = &self.coverage;
        [
            ("Rules exercised", rules, "None came up."),
            ("Sometimes-assertions reached", milestones, "None was reached."),
            ("Kinds of fault", faults, "Nothing went wrong on purpose."),
            ("Kinds of attack", attacks, "Nobody attacked."),
        ]
    }
}

/// A figure with its name.
struct Fact {
    name: &'static str,
    text: String,
    figure: Option<Figure>,
}

/// One way in which exchanges ended.
struct ExchangeRow {
    name: String,
    count: String,
    figure: Option<Figure>,
    share: String,
}

/// The violations of one invariant.
struct Listed<'a> {
    shown: Vec<&'a Violation>,
    is_expected: bool,
    more: String,
}

/// The report as a page of HTML.
///
/// # Errors
/// Never in practice: a page is text, and there is always room for more.
pub fn html(report: &Report, plan: &Plan, evidence: Evidence<'_>) -> Result<String, askama::Error> {
    let figures = Figures::new(report);
    let planned_ns = plan.duration_ms.saturating_mul(1_000_000);
    let until_ns = if report.interrupted { report.measurements.duration_ns.min(planned_ns) } else { planned_ns };
    let axis = TimeAxis { until_ns };
    let files = [
        ("report.txt", "the report as text"),
        ("report.json", "every figure"),
        ("plan.json", "the run spelled out, to replay"),
    ];
    let files = files.into_iter().map(|(path, what)| (path.to_owned(), what));
    let picture = evidence.scene.map(|_| (SPACE_TIME.to_owned(), "the diagram below, as a file of its own"));
    let trace = evidence.trace.map(|path| (path.to_owned(), "every event, as lines of JSON"));
    let page = Page {
        report,
        verdict_class: match report.verdict {
            Verdict::Passed => "good",
            Verdict::Violated => "bad",
            Verdict::Inconclusive | Verdict::ThresholdMissed => "doubtful",
        },
        profile: human::words(&report.profile),
        facts: facts(report, &figures),
        violations: violations(report),
        files: files.chain(picture).chain(trace).collect(),
        space_time: evidence.scene.map(|scene| SpaceTime::new(scene, is_expected(report, scene))),
        fault_windows: FaultWindows::new(plan, report, axis),
        x_ticks: axis.ticks(),
        timeline: timeline_charts(report, plan, &figures, axis),
        percentiles: percentile_chart(evidence.latencies, &figures, time_of(report)),
        time: time_of(report),
        latencies: latency_table::rows(&figures),
        schemes: scheme_table::rows(report, &figures),
        exchanges: exchanges(report, &figures),
        prediction_title: prediction_title(report),
        told_round: told_round(report),
        prediction: foretold(report),
        coverage: Coverage::new(report, &figures),
        environment: environment(report, &figures),
        generators: report.generators.iter().map(generator).collect(),
    };
    page.render()
}

/// The events around a violation as a drawing that stands alone, to be put into a bug report.
///
/// # Errors
/// Never in practice: a drawing is text, and there is always room for more.
pub fn space_time_svg(report: &Report, scene: &Scene) -> Result<String, askama::Error> {
    SpaceTimeFile::new(report, scene, is_expected(report, scene)).render()
}

/// Whether the scenario expects what the scene shows.
fn is_expected(report: &Report, scene: &Scene) -> bool {
    report.expected_violations.iter().any(|expected| expected.invariant == scene.violation.invariant)
}

/// What kind of time passed.
const fn time_of(report: &Report) -> &'static str {
    if report.load.is_some() { "real time" } else { "virtual time" }
}

fn facts(report: &Report, figures: &Figures) -> Vec<Fact> {
    let fact = |name, figure| Fact { name, text: String::new(), figure };
    let count = |name, path| fact(name, figures.count(path));
    let (who, what) = if report.cast.agents == 0 {
        // In a portal there is nobody but browsers and jobs.
        (
            vec![],
            vec![
                count("passwords accepted", "measurements.schemes.password.accepted"),
                count("login tokens accepted", "measurements.schemes.login_token.accepted"),
                count("login tokens refused", "measurements.schemes.login_token.refused"),
            ],
        )
    } else {
        (
            vec![count("agents", "cast.agents"), count("sites", "cast.sites")],
            vec![
                count("exchanges", "measurements.total.authentication.started"),
                count("served", "measurements.total.authentication.served"),
                count("visits never begun", "measurements.visits.missed"),
                count("served in a second", "load.served_per_s"),
                count("tokens accepted", "measurements.total.admission.accepted"),
            ],
        )
    };
    let whole =
        [fact(time_of(report), figures.duration("measurements.duration_ns")), count("events", "measurements.events")];
    let facts =
        who.into_iter().chain(whole).chain(what).chain([count("connections at most", "measurements.traffic.open_max")]);
    let transport = if report.cast.secure { "HTTPS" } else { "plain HTTP" };
    // Of a simulated run there is no rate, and servers that somebody else has started are not heard.
    let hears_servers = report.load.is_none() || report.measurements.total.admission.accepted > 0;
    let is_told = |fact: &Fact| fact.figure.is_some() && (fact.name != "tokens accepted" || hears_servers);
    let transport = Fact { name: "transport", text: transport.into(), figure: None };
    facts.filter(is_told).chain([transport]).collect()
}

fn exchanges(report: &Report, figures: &Figures) -> Vec<ExchangeRow> {
    let row = |Ending { name, count, share_ppm, path }: Ending| ExchangeRow {
        name,
        count: human::count(count),
        figure: path.and_then(|path| figures.count(&path)),
        share: human::percent(share_ppm),
    };
    endings(report).into_iter().map(row).collect()
}

/// Those that the scenario does not expect, and then those that it does.
fn violations(report: &Report) -> Vec<Listed<'_>> {
    let more = |count: u64, shown: usize| match count.saturating_sub(u64::try_from(shown).unwrap_or(u64::MAX)) {
        0 => String::new(),
        more => human::count(more),
    };
    let unexpected = report.violation_counts.iter().map(|(invariant, count)| {
        let of = report.violations.iter().filter(|found| found.invariant == *invariant);
        let shown: Vec<_> = of.take(SHOWN_PER_INVARIANT).collect();
        Listed { more: more(*count, shown.len()), shown, is_expected: false }
    });
    let expected = report.expected_violations.iter().filter(|expected| expected.count > 0).map(|expected| {
        let shown: Vec<_> = expected.first.iter().collect();
        Listed { more: more(expected.count, shown.len()), shown, is_expected: true }
    });
    unexpected.chain(expected).filter(|listed| !listed.shown.is_empty()).collect()
}

fn generator(one: &Generator) -> String {
    let Generator { shard, agents, visits, lag_ns, is_late, environment, .. } = one;
    let lag = lag_ns.map(|lag| format!("late by {} at the 99th percentile", human::duration(lag.p99)));
    let facts = [
        Some(format!("{shard}: {}", human::number_of(*agents, "agent"))),
        Some(human::number_of(*visits, "visit")),
        lag,
        is_late.then(|| "too late".to_owned()),
        environment.cpu_ns.map(|cpu_ns| format!("{} of CPU time", human::duration(cpu_ns))),
        Some(environment.system.clone()),
        environment.cpu.clone(),
    ];
    facts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// What differs from run to run. It stands at the end of the page, by itself.
fn environment(report: &Report, figures: &Figures) -> Vec<Fact> {
    let found = &report.environment;
    let text = |name, text: &str| Fact { name, text: text.to_owned(), figure: None };
    let fact = |name, figure| Fact { name, text: String::new(), figure };
    let facts = [
        text("countersign", &found.version),
        text("system", &found.system),
        text("CPU", found.cpu.as_deref().unwrap_or_default()),
        fact("CPUs", figures.count("environment.cpus")),
        fact("real time", figures.duration("environment.wall_ns")),
        fact("CPU time", figures.duration("environment.cpu_ns")),
        fact("most memory", figures.bytes("environment.memory_peak_bytes")),
    ];
    facts.into_iter().filter(|fact| fact.figure.is_some() || !fact.text.is_empty()).collect()
}
