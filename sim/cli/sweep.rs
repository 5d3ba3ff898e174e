//! `sweep`: many seeds of some scenarios, on all cores.

use std::{
    collections::BTreeMap,
    io::{self, IsTerminal as _},
};

use super::{
    Exit, Failure, SweepArgs,
    environment::stopwatch,
    exit::print,
    interrupt,
    judge::judge,
    parallel::{all_cores, in_order},
    progress::CountProgress,
};
use crate::{
    plan::Invariant,
    report::{Report, Verdict},
    scenario::{self, Overrides, Scenario},
    types::Profile,
};

/// What a scenario came to so far.
#[derive(Default)]
struct Tally {
    runs: u64,
    cpu_ns: u64,
    verdicts: BTreeMap<&'static str, u64>,
    /// In how many runs an invariant could not be judged.
    not_judged: BTreeMap<Invariant, u64>,
    /// Lines about what did not pass.
    faults: Vec<String>,
    digests: Vec<String>,
}

/// What did not pass is shown so often for each scenario.
const SHOWN: usize = 10;

pub(super) fn sweep(args: &SweepArgs) -> Result<Exit, Failure> {
    let asked = args.scenarios.iter().map(|asked| scenario::find(asked).map(|found| (asked.as_str(), found)));
    let found = asked.collect::<Result<Vec<_>, _>>()?;
    let profiles = args.profile.map_or(vec![None], |profile| profile.overrides());
    let in_each = |(asked, scenario)| profiles.iter().map(move |profile| (asked, scenario, *profile));
    let cases: Vec<(&str, &Scenario, Option<Profile>)> =
        found.iter().map(|(asked, scenario)| (*asked, scenario)).flat_map(in_each).collect();
    let seeds = args.seeds.0.clone();
    let interrupted = interrupt::listen();
    let total = (seeds.end - seeds.start).saturating_mul(cases.len() as u64);
    let mut progress = CountProgress::new(total, io::stderr().is_terminal());
    let mut tallies: Vec<Tally> = cases.iter().map(|_| Tally::default()).collect();
    let mut failure = None;
    let work = |(place, seed): (usize, u64)| {
        let (asked, scenario, profile) = cases[place];
        // Of this thread alone: others have their own runs.
        let started_ns = stopwatch();
        let plan = scenario.resolve(Some(seed), Overrides { profile, ..Overrides::default() })?;
        let report = judge(asked, &plan, interrupted)?;
        Ok((place, report, stopwatch().saturating_sub(started_ns)))
    };
    let items = (0..cases.len()).flat_map(|place| seeds.clone().map(move |seed| (place, seed)));
    in_order(
        items,
        args.jobs.unwrap_or_else(all_cores),
        interrupted,
        work,
        |judged: Result<_, Failure>| match judged {
            Ok((place, report, cpu_ns)) => {
                progress.update(|| report.scenario.clone());
                // A run that was cut short is not judged.
                if report.interrupted {
                    return;
                }
                tallies[place].add(&report, cpu_ns, args.digests);
            }
            Err(error) => drop(failure.get_or_insert(error)),
        },
    );
    progress.finish();
    if let Some(failure) = failure {
        return Err(failure);
    }
    let mut text = String::new();
    let mut worst = Exit::Holds;
    let done: u64 = tallies.iter().map(|tally| tally.runs).sum();
    if done < total {
        text.push_str(&format!("interrupted: {done} of {total} runs were finished and are judged\n"));
        worst = Exit::from(Verdict::Inconclusive);
    }
    for ((_, scenario, profile), tally) in cases.iter().zip(&tallies) {
        if tally.runs == 0 {
            continue;
        }
        text.push_str(&tally.text(&scenario.name, profile.unwrap_or(scenario.document.profile)));
        worst = tally.worst().worse(worst);
    }
    print(&text)?;
    Ok(worst)
}

impl Tally {
    fn add(&mut self, report: &Report, cpu_ns: u64, keeps_digest: bool) {
        self.runs += 1;
        self.cpu_ns = self.cpu_ns.saturating_add(cpu_ns);
        *self.verdicts.entry(report.verdict.word()).or_default() += 1;
        for invariant in report.not_judged.keys() {
            *self.not_judged.entry(*invariant).or_default() += 1;
        }
        if report.verdict != Verdict::Passed && self.faults.len() < SHOWN {
            let why = report.reasons().join("; ");
            self.faults.push(format!("    {}: {why}\n      {}", report.verdict.word(), report.reproduce));
        }
        if keeps_digest {
            self.digests.push(format!("    {} {}", report.seed, report.digest));
        }
    }

    fn worst(&self) -> Exit {
        [Verdict::Violated, Verdict::Inconclusive, Verdict::ThresholdMissed]
            .into_iter()
            .find(|verdict| self.verdicts.contains_key(verdict.word()))
            .map_or(Exit::Holds, Exit::from)
    }

    fn text(&self, scenario: &str, profile: Profile) -> String {
        let verdicts: Vec<_> = self.verdicts.iter().map(|(word, count)| format!("{count} {word}")).collect();
        let mean_ms = self.cpu_ns / self.runs.max(1) / 1_000_000;
        let profile = format!("{profile:?}").to_lowercase();
        let mut text = format!("{scenario} ({profile}): {}", verdicts.join(", "));
        if mean_ms > 0 {
            text.push_str(&format!("; {mean_ms} ms of CPU a run"));
        }
        text.push('\n');
        if !self.not_judged.is_empty() {
            let not_judged: Vec<_> = self.not_judged.iter().map(|(it, runs)| format!("{it} in {runs}")).collect();
            text.push_str(&format!("    not judged: {}\n", not_judged.join(", ")));
        }
        for line in self.faults.iter().chain(&self.digests) {
            text.push_str(line);
            text.push('\n');
        }
        text
    }
}
