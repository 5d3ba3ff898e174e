//! `matrix --schemes`: what each danger comes to with each way of authentication.

use std::{
    collections::BTreeMap,
    io::{self, IsTerminal as _},
};

use serde::Deserialize;

use super::{
    Exit, Failure,
    exit::{print, warn},
    interrupt,
    judge::judge,
    matrix::{self, MatrixArgs, MatrixFormat},
    parallel::{all_cores, in_order},
    progress::CountProgress,
};
use crate::{
    plan::Milestone,
    report::{Exposed, MatrixCell, NotRun, Report, SCHEME_MATRIX_VERSION, SchemeCell, SchemeMatrix, SchemeRow, Shown},
    scenario::{Overrides, shipped},
    types::Profile,
};

/// The ways of authentication: the keys of the file, and how the columns are headed.
const SCHEMES: [(&str, &str); 7] = [
    ("agent_literal", "agent token, literal"),
    ("agent_hardened", "agent token, hardened"),
    ("login_token", "login token"),
    ("acc", "ACC"),
    ("windows", "Windows"),
    ("push_install", "push-install token"),
    ("asdk", "ASDK token"),
];

/// The file that says which run shows what.
const FILE: &str = include_str!("schemes.toml");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Dangers {
    dangers: Vec<Danger>,
}

#[derive(Deserialize)]
struct Danger {
    name: String,
    description: String,
    /// Which of the two times tells how long somebody was let in.
    #[serde(default)]
    exposure: Exposed,
    /// By the keys of [`SCHEMES`].
    #[serde(flatten)]
    cells: BTreeMap<String, Source>,
}

#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, untagged)]
enum Source {
    Run(Run),
    Immune { immune: String },
    NoRemedy { no_remedy: String },
    NotApplicable { not_applicable: String },
    NotTried { not_tried: String },
}

/// A scenario, and under which profile.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(deny_unknown_fields)]
struct Run {
    run: String,
    profile: Option<Profile>,
    /// What exposes it if it comes to pass, though no invariant falls.
    exposed_by: Option<Milestone>,
}

pub(super) fn schemes(args: &MatrixArgs) -> Result<Exit, Failure> {
    let Dangers { dangers } =
        toml::from_str(FILE).map_err(|error| Failure::Internal(format!("failed to read the table: {error}")))?;
    let wanted = |danger: &&Danger| {
        let name = danger.name.to_lowercase();
        args.scenarios.is_empty() || args.scenarios.iter().any(|part| name.contains(&part.to_lowercase()))
    };
    let dangers: Vec<_> = dangers.iter().filter(wanted).collect();
    if dangers.is_empty() {
        return Err(Failure::Usage(format!("no danger is named like {}", args.scenarios.join(", "))));
    }
    let cells = || dangers.iter().flat_map(|danger| danger.cells.values());
    let runs = cells().filter_map(|source| match source {
        Source::Run(run) => Some(run.clone()),
        _ => None,
    });
    let mut runs: Vec<Run> = runs.collect();
    runs.sort();
    runs.dedup();
    let shown = make(&runs, args)?;
    if shown.len() < runs.len() {
        warn(&format!("interrupted: {} of {} runs were made", shown.len(), runs.len()));
        return Ok(Exit::Inconclusive);
    }
    let rows = dangers.iter().map(|danger| SchemeRow {
        danger: danger.name.clone(),
        description: danger.description.clone(),
        cells: SCHEMES.iter().map(|(key, _)| cell(danger.cells.get(*key), &shown, danger.exposure)).collect(),
    });
    let table = SchemeMatrix {
        countersign_scheme_matrix: SCHEME_MATRIX_VERSION,
        schemes: SCHEMES.iter().map(|(_, heading)| (*heading).to_owned()).collect(),
        rows: rows.collect(),
    };
    let render = |format| match format {
        MatrixFormat::Text => Ok(table.to_text()),
        MatrixFormat::Markdown => Ok(table.to_markdown()),
        MatrixFormat::Json => table.to_json().map_err(Failure::internal),
        MatrixFormat::Html => table.to_html().map_err(Failure::internal),
    };
    let exit = if table.is_as_expected() { Exit::Holds } else { Exit::Violated };
    match &args.check {
        Some(path) => matrix::check(path, render, &format!("{} runs", runs.len()), exit),
        None => {
            print(&render(args.format)?)?;
            Ok(exit)
        }
    }
}

fn cell(source: Option<&Source>, shown: &BTreeMap<Run, Made>, exposed: Exposed) -> SchemeCell {
    match source {
        Some(Source::Run(run)) => match shown.get(run) {
            Some(made) => SchemeCell::Shown(Box::new(made.shown(run, exposed))),
            None => not_run(NotRun::NotTried, &format!("`{}` was not run", run.run)),
        },
        Some(Source::Immune { immune }) => not_run(NotRun::Immune, immune),
        Some(Source::NoRemedy { no_remedy }) => not_run(NotRun::NoRemedy, no_remedy),
        Some(Source::NotApplicable { not_applicable }) => not_run(NotRun::NotApplicable, not_applicable),
        Some(Source::NotTried { not_tried }) => not_run(NotRun::NotTried, not_tried),
        None => not_run(NotRun::NotTried, "no scenario shows it"),
    }
}

fn not_run(counts_as: NotRun, why: &str) -> SchemeCell {
    SchemeCell::NotRun { counts_as, why: why.to_owned() }
}

/// A run that was made.
struct Made {
    cell: MatrixCell,
    report: Box<Report>,
}

impl Made {
    /// What it shows in a cell.
    fn shown(&self, run: &Run, exposed: Exposed) -> Shown {
        Shown::new(&run.run, self.cell.clone(), &self.report, exposed, run.exposed_by)
    }
}

/// Makes every run once, however many cells show it.
fn make(runs: &[Run], args: &MatrixArgs) -> Result<BTreeMap<Run, Made>, Failure> {
    let interrupted = interrupt::listen();
    let mut progress = CountProgress::new(runs.len() as u64, io::stderr().is_terminal());
    let work = |run: &Run| -> Result<Option<Made>, Failure> {
        let found = shipped().into_iter().find(|shipped| shipped.name == run.run);
        let found = found.ok_or_else(|| Failure::Internal(format!("no scenario is named `{}`", run.run)))?;
        let scenario = found.scenario()?;
        let resolve = |profile| scenario.resolve(None, Overrides { profile, ..Overrides::default() });
        let plan = resolve(run.profile)?;
        let other = resolve(Some(match plan.profile {
            Profile::Literal => Profile::Hardened,
            Profile::Hardened => Profile::Literal,
        }))?;
        let report: Report = judge(&scenario.name, &plan, interrupted)?;
        // What was cut short proves nothing.
        let is_whole = !report.interrupted;
        Ok(is_whole.then(|| Made { cell: MatrixCell::new(&plan, &other, &report), report: Box::new(report) }))
    };
    let (mut shown, mut failure) = (BTreeMap::new(), None);
    let jobs = args.jobs.unwrap_or_else(all_cores);
    let mut made = runs.iter();
    in_order(runs, jobs, interrupted, work, |one: Result<Option<Made>, Failure>| {
        let run = made.next();
        match one {
            Ok(None) => {}
            Ok(Some(one)) => {
                progress.update(|| one.report.scenario.clone());
                shown.extend(run.map(|run| (run.clone(), one)));
            }
            Err(error) => drop(failure.get_or_insert(error)),
        }
    });
    progress.finish();
    match failure {
        Some(failure) => Err(failure),
        None => Ok(shown),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_danger_has_a_run_or_a_reason_for_every_scheme() {
        let Dangers { dangers } = toml::from_str(FILE).unwrap();
        assert_eq!(dangers.len(), 11);
        for Danger { name, cells, .. } in dangers {
            for key in cells.keys() {
                assert!(SCHEMES.iter().any(|(known, _)| known == key), "{name}: `{key}` is no scheme");
            }
            for (key, _) in SCHEMES {
                assert!(cells.contains_key(key), "{name}: nothing is said of `{key}`");
            }
            for run in cells.values() {
                let Source::Run(run) = run else { continue };
                assert!(shipped().iter().any(|shipped| shipped.name == run.run), "{name}: no scenario `{}`", run.run);
            }
        }
    }
}
