//! `shrink`: from a run that fails to a small scenario that fails in the same way.

use std::{
    num::NonZero,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError, atomic::Ordering::Relaxed},
    time::{Duration, Instant},
};

use clap::Args;

#[cfg(feature = "planted-bugs")]
use super::bug_parser;
use super::{
    Exit, Failure, OverrideArgs, bounds,
    exit::{print, warn},
    interrupt,
    judge::judge,
    parallel::all_cores,
    progress::ShrinkProgress,
    run::read_plan,
};
#[cfg(feature = "planted-bugs")]
use crate::types::Bug;
use crate::{
    oracle::Violation,
    plan::{Expectation, Plan},
    report::{self, Report, human, make_folder, write_file},
    scenario::{self, Overrides},
    shrink::{Failed, Goal, Shrinker, Shrunk, first_told, scenario_of, story, told},
    types::{TimeSpan, locked},
};

pub(super) const EXAMPLES: &str = "\
Examples:
  countersign shrink hardship/storm --seed 17
  countersign shrink out/plan.json --invariant S1 --out regressions

Writes NAME.toml and NAME.plan.json; NAME has the scenario's name, the profile,
the invariant and the seed, as in storm-hardened-S13-17.";

/// Arguments of `shrink`.
#[derive(Debug, Args)]
pub struct ShrinkArgs {
    /// A scenario that comes with the program, a file, or a plan (`.json`) that fails
    pub scenario: String,
    /// The seed that fails [default: the scenario's own]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// What is decided here instead of in the scenario.
    #[command(flatten)]
    pub overrides: OverrideArgs,
    /// Plant this bug in every run
    #[cfg(feature = "planted-bugs")]
    #[arg(long, value_name = "BUG", value_parser = bug_parser())]
    pub plant: Option<Bug>,
    /// The invariant that must still be violated [default: the one that is first]
    #[arg(long, value_name = "I")]
    pub invariant: Option<String>,
    /// Write the files into this directory
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub out: PathBuf,
    /// Be content with what was found after this time
    #[arg(long, value_name = "TIME", default_value = "2m", value_parser = bounds::patience)]
    pub max_time: TimeSpan,
    /// How many runs at the same time [default: one for each core]
    #[arg(long, value_name = "N", value_parser = bounds::jobs)]
    pub jobs: Option<NonZero<usize>>,
}

/// Runs a plan, and says how it fails in the way that is looked for, if it does.
type Find<'a> = dyn Fn(&Plan) -> Option<Failed> + Sync + 'a;

pub(super) fn shrink(args: &ShrinkArgs) -> Result<Exit, Failure> {
    let started = Instant::now();
    let whole = plan(args)?;
    make_folder(&args.out)?;
    let interrupted = interrupt::listen();
    let report = judge(&args.scenario, &whole, interrupted)?;
    let violation = violation(args, &report)?;
    let goal = Goal::of(&violation);

    // The first error of a run is the one to tell: a plan that passed its checks should run.
    let failure = Mutex::new(None);
    let find = |plan: &Plan| -> Option<Failed> {
        goal.find(plan, interrupted).unwrap_or_else(|error| {
            locked(&failure).get_or_insert(error.to_string());
            None
        })
    };
    // What is written is a scenario, which cannot tell everything of a plan: so that it fails, each smaller plan is run as
    // its scenario tells it, if the first can be told at all.
    let find_told = |plan: &Plan| told(plan, &whole.scenario).as_ref().and_then(find);
    let (start, at, find): (_, _, &Find<'_>) = match first_told(&whole, &find_told) {
        Some((start, failed)) => (start, failed.at, &find_told),
        None => (whole.clone(), violation.at, &find),
    };
    let fails = |plan: &Plan| find(plan).map(|failed| failed.at);
    let limit = Duration::from_nanos(args.max_time.nanos());
    let is_over = || interrupted.load(Relaxed) || started.elapsed() >= limit;
    let progress = ShrinkProgress::start();
    let jobs = args.jobs.unwrap_or_else(all_cores).get();
    let mut tell = |attempt: crate::shrink::Attempt<'_>| progress.update(attempt);
    let shrunk = Shrinker::new(start, jobs, &fails, &is_over, &mut tell).shrink(at);
    progress.finish();
    if interrupted.load(Relaxed) {
        warn("interrupted: nothing was written");
        return Ok(Exit::Inconclusive);
    }
    let outcome = Outcome { args, whole: &whole, goal: &goal, took: started.elapsed() };
    let text = outcome.write(shrunk, find)?;
    if let Some(error) = failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
        return Err(Failure::Internal(format!("a smaller plan did not run: {error}")));
    }
    print(&text)
}

fn plan(args: &ShrinkArgs) -> Result<Plan, Failure> {
    let path = Path::new(&args.scenario);
    let mut plan = if path.extension().is_some_and(|ending| ending == "json") {
        let overrides = args.overrides.overrides();
        if args.seed.is_some() || overrides != Overrides::default() {
            let why = "a plan has its seed, profile and crypto: leave --seed, --profile and --crypto out";
            return Err(Failure::Usage(why.to_owned()));
        }
        read_plan(path)?
    } else {
        let overrides = args.overrides.overrides();
        scenario::find(&args.scenario)?.resolve(args.seed, overrides)?
    };
    #[cfg(feature = "planted-bugs")]
    {
        plan.bug = args.plant.or(plan.bug);
    }
    // What else the scenario asks for is of no concern.
    plan.expectation = Expectation::default();
    Ok(plan)
}

/// The violation to keep.
fn violation(args: &ShrinkArgs, report: &Report) -> Result<Violation, Failure> {
    let is_meant = |violation: &&Violation| {
        args.invariant.as_ref().is_none_or(|invariant| violation.invariant.to_string().eq_ignore_ascii_case(invariant))
    };
    // Those of one invariant are in their order, those of several are not.
    let found = report.violations.iter().filter(is_meant).min_by_key(|violation| violation.event_number);
    found.cloned().ok_or_else(|| {
        let others: Vec<_> = report.violation_counts.keys().map(ToString::to_string).collect();
        Failure::Usage(match (&args.invariant, others.is_empty()) {
            (_, true) => format!("there is nothing to shrink: no invariant is violated, and what a scenario forbids or misses is none. {}", report.reproduce),
            (Some(invariant), false) => format!("{invariant} is not violated; violated are {}", others.join(", ")),
            (None, false) => "there is nothing to shrink".to_owned(),
        })
    })
}

struct Outcome<'a> {
    args: &'a ShrinkArgs,
    whole: &'a Plan,
    goal: &'a Goal,
    took: Duration,
}

impl Outcome<'_> {
    /// What the files are called, after whatever tells this result from others.
    fn name(&self) -> String {
        let Plan { scenario, profile, seed, .. } = self.whole;
        let stem = Path::new(scenario).file_name().unwrap_or_default().to_string_lossy();
        let stem = stem.trim_end_matches(".toml");
        let suffix = format!("-{profile}-{}-{seed}", self.goal.invariant);
        // What was shrunk once keeps its name.
        format!("{}{suffix}", stem.trim_end_matches(&suffix))
    }

    /// Writes the files, and says what was found.
    fn write(&self, shrunk: Shrunk, find: &Find<'_>) -> Result<String, Failure> {
        let plan = shrunk.plan;
        let about =
            |plan: &Plan, failed: &Failed| story(plan, &format!("{}: {}", self.goal.invariant, failed.sentence));
        let sentence = find(&plan).map_or_else(String::new, |failed| about(&plan, &failed));
        let name = self.name();
        let file = self.args.out.join(format!("{name}.toml"));
        let text = scenario_of(&plan, &sentence);
        let told = told(&plan, &file.display().to_string()).filter(|told| find(told).is_some());
        let plan_file = self.args.out.join(format!("{name}.plan.json"));
        let (plan, again) = match told {
            Some(told) => {
                write_file(&file, || Ok(text))?;
                (told, format!("countersign run {}", file.display()))
            }
            None => {
                let why =
                    "no scenario file was written: it cannot tell all of the plan, and what it tells does not fail";
                (plan, format!("{}\n{why}", report::reproduce_plan(&plan_file.display().to_string())))
            }
        };
        write_file(&plan_file, || Ok(plan.to_json()? + "\n"))?;
        let size = |plan: &Plan| {
            let count = |count: usize, name: &str| human::number_of(count as u64, name);
            let portal = plan.portal.as_ref().map(|portal| format!("{}, ", count(portal.browsers.len(), "browser")));
            format!(
                "{}, {}, {}{}, {}, {}",
                count(plan.agents.len(), "agent"),
                count(plan.sites.len(), "site"),
                portal.unwrap_or_default(),
                count(plan.faults.len(), "fault"),
                count(plan.attackers.len(), "attacker"),
                human::duration(plan.duration_ms.saturating_mul(1_000_000))
            )
        };
        let took_ns = u64::try_from(self.took.as_nanos()).unwrap_or(u64::MAX);
        let runs = human::number_of(shrunk.tried, "run");
        let patience = if shrunk.is_cut_short { "; there was no time to try everything" } else { "" };
        Ok(format!(
            "{sentence}\n\n  before  {}\n  after   {}\n  {runs} in {}{patience}\n\n{again}\n",
            size(self.whole),
            size(&plan),
            human::duration(took_ns)
        ))
    }
}
