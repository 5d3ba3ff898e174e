//! What was run, and what came of it.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    super::{Report, Verdict, Violation, human},
    page::{JOINT, Page, Style},
};
use crate::{
    plan::{Invariant, Milestone},
    types::VirtualTime,
};

/// How many violations of one invariant are shown.
const SHOWN_PER_INVARIANT: usize = 3;

pub(super) fn write(page: &mut Page, report: &Report) {
    let style = match report.verdict {
        Verdict::Passed => Style::Good,
        Verdict::Violated => Style::Bad,
        Verdict::Inconclusive | Verdict::ThresholdMissed => Style::Doubtful,
    };
    let word = page.styled(style, report.verdict.word());
    let run = format!("seed {}, {}, {}", report.seed, human::words(&report.profile), report.crypto);
    page.line(&format!("{word}  {}  ({run})", page.styled(Style::Strong, &report.scenario)));
    what_ran(page, report);
    if report.verdict != Verdict::Passed {
        faults(page, report);
        page.heading(Style::Strong, "To see it again");
        page.line(&format!("  {}", report.reproduce));
    }
    expected_violations(page, report);
    if !report.not_judged.is_empty() {
        page.heading(Style::Strong, "Not judged");
        not_judged(page, &report.not_judged);
    }
    reached(page, report);
    still_exposed(page, report);
}

/// Why each invariant was not judged; many of the same reason in a line.
fn not_judged(page: &mut Page, all: &BTreeMap<Invariant, String>) {
    const ONE_BY_ONE_MAX: usize = 4;
    let reasons: BTreeSet<_> = all.values().collect();
    if let (1, Some(why)) = (reasons.len(), reasons.first())
        && all.len() > ONE_BY_ONE_MAX
    {
        let invariants: Vec<_> = all.keys().copied().collect();
        page.paragraph("  ", &format!("{}: {why}", listed(&invariants)));
        return;
    }
    for (invariant, why) in all {
        page.paragraph(&lead(*invariant), why);
    }
}

/// Everything that keeps the run from passing.
fn faults(page: &mut Page, report: &Report) {
    if !report.violation_counts.is_empty() {
        page.heading(Style::Bad, "Violations");
        for (invariant, count) in &report.violation_counts {
            let found = report.violations.iter().filter(|found| found.invariant == *invariant);
            violations(page, *invariant, found, *count);
        }
    }
    let absent = report.expected_violations.iter().filter(|expected| expected.count == 0);
    let (unknown, held): (Vec<_>, Vec<_>) =
        absent.map(|expected| expected.invariant).partition(|invariant| report.not_judged.contains_key(invariant));
    for (heading, invariants) in [
        ("Held, though the scenario expects a violation", held),
        ("Not judged, though the scenario expects a violation", unknown),
    ] {
        if !invariants.is_empty() {
            page.heading(Style::Doubtful, heading);
            page.paragraph("  ", &listed(&invariants));
        }
    }
    if !report.milestones_forbidden.is_empty() {
        page.heading(Style::Bad, "Reached, though the scenario forbids it");
        page.paragraph("  ", &counted(&report.milestones_forbidden));
    }
    if !report.milestones_missing.is_empty() {
        page.heading(Style::Doubtful, "Never reached, though the scenario asks for it");
        let missing = report.milestones_missing.iter().map(|milestone| joined(&human::words(milestone)));
        page.paragraph("  ", &missing.collect::<Vec<_>>().join(", "));
    }
    if !report.thresholds_missed.is_empty() {
        page.heading(Style::Doubtful, "Objectives missed");
        for missed in &report.thresholds_missed {
            page.paragraph("  ", &missed.to_string());
        }
    }
}

fn what_ran(page: &mut Page, report: &Report) {
    let meaning = report.meaning();
    let unknown: Vec<_> = report.not_judged.keys().copied().collect();
    let unknown = match unknown.len() {
        0 => String::new(),
        // In words, further below.
        6.. => format!("; {} of the invariants were not judged", unknown.len()),
        _ => format!("; not judged: {}", listed(&unknown)),
    };
    page.line(&format!("{meaning} (exit {}){unknown}", report.exit_code));
    if let Some(line) = report.stop_line() {
        page.line(&page.styled(Style::Doubtful, &line));
    }
    page.blank();

    let (cast, measured) = (report.cast, &report.measurements);
    let planned_ns = cast.duration_ms.saturating_mul(1_000_000);
    let length = if measured.duration_ns < planned_ns {
        format!("{} of {}", human::duration(measured.duration_ns), human::duration(planned_ns))
    } else {
        human::duration(measured.duration_ns)
    };
    let transport = if cast.secure { "HTTPS" } else { "plain HTTP" };
    let (agents, sites) = (human::number_of(cast.agents, "agent"), human::number_of(cast.sites, "site"));
    page.line(&match cast.browsers {
        None => format!("{agents}, {sites} and the issuer over {transport}"),
        Some(browsers) if cast.agents == 0 => {
            format!("a portal with {} over {transport}", human::number_of(browsers, "browser"))
        }
        Some(browsers) => {
            let browsers = human::number_of(browsers, "browser");
            format!("{agents}, {sites}, the issuer and a portal with {browsers} over {transport}")
        }
    });
    for line in report.hardship.lines() {
        page.paragraph("", &line);
    }
    let environment = &report.environment;
    let real_time = if environment.wall_ns == 0 {
        String::new()
    } else {
        let pace = human::factor(environment.virtual_ms_per_wall_s);
        format!(" in {} of real time ({pace} as fast)", human::duration(environment.wall_ns))
    };
    page.line(&match &report.load {
        None => format!("{length} of virtual time{real_time}"),
        Some(load) => format!("{length} on real sockets, {}", human::number_of(load.workers, "thread")),
    });
    let mut facts = vec![human::number_of(measured.events, "event")];
    facts.extend(report.digest.iter().map(|digest| format!("digest {}", digest.get(..16).unwrap_or(digest))));
    page.line(&facts.join(", "));
}

/// The first of `count` violations of one invariant.
fn violations<'a>(page: &mut Page, invariant: Invariant, found: impl Iterator<Item = &'a Violation>, count: u64) {
    let mut more = count;
    for violation in found.take(SHOWN_PER_INVARIANT) {
        // As it stands in the trace, to be searched for.
        let text = format!("at {} (event {}): {}", violation.at, violation.event_number, violation.what);
        page.paragraph(&lead(invariant), &text);
        more = more.saturating_sub(1);
    }
    if more > 0 {
        page.remark(&format!("and {} more of {invariant}", human::count(more)));
    }
}

fn expected_violations(page: &mut Page, report: &Report) {
    let happened: Vec<_> = report.expected_violations.iter().filter(|expected| expected.count > 0).collect();
    if !happened.is_empty() {
        page.heading(Style::Strong, "Violations that the scenario expects");
        for expected in happened {
            violations(page, expected.invariant, expected.first.iter(), expected.count);
        }
    }
}

fn reached(page: &mut Page, report: &Report) {
    if !report.milestones.is_empty() {
        page.heading(Style::Strong, "Reached");
        page.paragraph("  ", &counted(&report.milestones));
    }
}

fn counted(milestones: &BTreeMap<Milestone, u64>) -> String {
    let named = milestones.iter();
    let named = named.map(|(name, count)| joined(&format!("{} {}", human::words(name), human::count(*count))));
    named.collect::<Vec<_>>().join(", ")
}

/// What a mixed fleet leaves open: a line for each server and time, and once what the numbers stand for.
fn still_exposed(page: &mut Page, report: &Report) {
    if report.still_exposed.is_empty() {
        return;
    }
    page.heading(Style::Strong, "Still exposed");
    for exposure in &report.still_exposed {
        let at = VirtualTime::from_millis;
        let numbers: Vec<_> = exposure.holes.iter().map(|hole| hole.number.to_string()).collect();
        let text = format!("{} to {}: holes {}", at(exposure.from_ms), at(exposure.until_ms), numbers.join(", "));
        page.paragraph(&format!("  {:<9}", exposure.server.to_string()), &text);
    }
    let holes = report.still_exposed.iter().flat_map(|exposure| &exposure.holes);
    let meanings: BTreeMap<_, _> = holes.map(|hole| (hole.number, hole.what.as_str())).collect();
    let meanings: Vec<_> = meanings.iter().map(|(number, what)| format!("{number}: {what}")).collect();
    page.remark(&meanings.join("; "));
}

fn listed(invariants: &[Invariant]) -> String {
    invariants.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// The name of an invariant, where its text starts in the same column as all others.
fn lead(invariant: Invariant) -> String {
    format!("  {:<5}", invariant.to_string())
}

fn joined(words: &str) -> String {
    words.replace(' ', &JOINT.to_string())
}
