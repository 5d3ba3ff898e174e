//! `sweep`: many seeds of some scenarios, on all cores.

use std::{
    collections::BTreeSet,
    io::{self, IsTerminal as _},
    num::NonZero,
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use super::{
    Exit, Failure, SweepArgs, SweepSeeds, determinism,
    environment::{cpu_name, own_program, stopwatch, system},
    exit::{print, warn},
    github, interrupt,
    judge::judge,
    parallel::{all_cores, in_order},
    progress::SweepProgress,
    shard,
};
use crate::{
    report::{Verdict, WriteError, human, make_folder, reproduce, write_file},
    sweep::{Bundle, BundleEnvironment, Case, Item, Journal, Record, Spec, Stop, program_hash, select},
    types::{Shard, locked},
};

/// The name of the journal in the folder of a sweep.
pub(super) const JOURNAL: &str = "journal.jsonl";

pub(super) fn sweep(args: &SweepArgs) -> Result<Exit, Failure> {
    let started = Instant::now();
    let cases = cases(args)?;
    let spec = spec(args, &cases)?;
    if args.check_determinism {
        return check_determinism(args, &cases, &spec);
    }
    let summary = args.github.then(github::summary_file).transpose()?;
    let (journal, before) = match &args.out {
        None => (None, Vec::new()),
        Some(folder) => {
            make_folder(folder)?;
            let (journal, before) = Journal::open(&folder.join(JOURNAL), &spec)?;
            (Some(Mutex::new(journal)), before)
        }
    };
    let mut tracker = Tracker::new(args, &spec, started);
    // A run may be there twice, if the sweep was killed while it was begun anew: one is like the other.
    let mut done = BTreeSet::new();
    for record in &before {
        if done.insert(record.item()) {
            tracker.add(record);
        }
    }
    if !done.is_empty() {
        warn(&format!("{} of {} runs were made before and are kept", done.len(), spec.runs()));
    }
    let interrupted = interrupt::listen();
    let over = AtomicBool::new(tracker.stop.is_some());
    let mut failure = None;
    let work = |item: Item| {
        let record = record(&cases[item.case], item, interrupted)?;
        // A run that was cut short is not judged.
        let Some(record) = record else {
            over.store(true, Relaxed);
            return Ok(None);
        };
        if let Some(journal) = &journal {
            locked(journal).add(&record)?;
        }
        Ok(Some(record))
    };
    let items = spec.items().filter(|item| !done.contains(item));
    let jobs = args.jobs.unwrap_or_else(all_cores);
    in_order(items, jobs, &over, work, |judged: Result<Option<Record>, Failure>| {
        match judged {
            Ok(None) => tracker.stop = Some(Stop::Interrupted),
            Ok(Some(record)) => tracker.add(&record),
            Err(error) => drop(failure.get_or_insert(error)),
        }
        if failure.is_some() || tracker.stop.is_some() {
            over.store(true, Relaxed);
        }
    });
    if let Some(failure) = failure {
        return Err(failure);
    }
    let bundle = tracker.finish(interrupted.load(Relaxed));
    if let Some(folder) = &args.out {
        write(folder, &bundle)?;
    }
    print(&bundle.to_text(args.digests))?;
    if bundle.stopped.is_some() && args.out.is_some() {
        warn("the same command goes on from here");
    }
    // It depends on the machine, so it is no part of the result.
    let new = bundle.runs.len().saturating_sub(done.len()) as u64;
    if new > 0 {
        warn(&pace(&bundle, new));
    }
    if let Some(summary) = summary {
        print(&bundle.to_annotations())?;
        github::append(&summary, &bundle.to_markdown())?;
    }
    Ok(exit(args, &bundle))
}

/// How a sweep ends. What a part came to is no failure of the job that made it, but that it was stopped is one.
fn exit(args: &SweepArgs, bundle: &Bundle) -> Exit {
    match bundle.stopped {
        None if args.exit_zero => Exit::Holds,
        Some(_) if args.exit_zero => Exit::from(bundle.verdict).worse(Exit::Inconclusive),
        _ => bundle.verdict.into(),
    }
}

/// How fast it was, where `new` runs were made in this process.
fn pace(bundle: &Bundle, new: u64) -> String {
    let BundleEnvironment { cpu_ns, wall_ns, .. } = bundle.environment;
    let all = bundle.runs.len() as u64;
    let per_second = u128::from(new).saturating_mul(10_000_000_000).checked_div(u128::from(wall_ns)).unwrap_or(0);
    format!(
        "{} in {}: {}.{} a second; {} of CPU time for each of {}",
        human::number_of(new, "run"),
        human::duration(wall_ns),
        per_second / 10,
        per_second % 10,
        human::duration(cpu_ns.checked_div(all).unwrap_or(0)),
        human::separated(all)
    )
}

/// Makes each run twice in processes of their own, up to the first that differs.
fn check_determinism(args: &SweepArgs, cases: &[Case], spec: &Spec) -> Result<Exit, Failure> {
    let program = own_program()?;
    let interrupted = interrupt::listen();
    let over = AtomicBool::new(false);
    let work = |item: Item| {
        let case = &cases[item.case];
        let plan = case.resolve(item.seed)?;
        let compared = determinism::compare(&program, [&plan, &plan]);
        if interrupted.load(Relaxed) {
            over.store(true, Relaxed);
            return Ok(None);
        }
        compared.map(|(exit, text)| Some((exit, format!("{}\n{text}", reproduce(&case.asked, &plan)))))
    };
    let (mut same, mut found) = (0_u64, None);
    // Each makes two processes.
    let jobs = NonZero::new(args.jobs.unwrap_or_else(all_cores).get().div_ceil(2)).unwrap_or(NonZero::<usize>::MIN);
    in_order(spec.items(), jobs, &over, work, |compared: Result<_, Failure>| {
        match compared {
            Ok(Some((Exit::Holds, _))) if found.is_none() => same += 1,
            Ok(None | Some((Exit::Holds, _))) => {}
            Ok(Some((exit, text))) => drop(found.get_or_insert(Ok((exit, text)))),
            Err(error) => drop(found.get_or_insert(Err(error))),
        }
        if found.is_some() {
            over.store(true, Relaxed);
        }
    });
    if let Some(found) = found {
        let (exit, text) = found?;
        print(&format!(
            "{} made the same run twice, then this one did not:\n\n{text}",
            human::number_of(same, "seed")
        ))?;
        return Ok(exit);
    }
    let runs = human::number_of(same, "run");
    if same < spec.runs() {
        print(&format!("interrupted: {runs} of {} were made twice, and were the same\n", spec.runs()))?;
        return Ok(Exit::Inconclusive);
    }
    print(&format!("deterministic: {runs}, each the same in two processes, event by event\n"))
}

fn cases(args: &SweepArgs) -> Result<Vec<Case>, Failure> {
    let profiles = args.profile.map_or(vec![None], |profile| profile.overrides());
    let mut cases = Vec::new();
    for asked in &args.scenarios {
        for (asked, scenario) in select(asked)? {
            let in_each = profiles.iter().map(|profile| Case {
                asked: asked.clone(),
                scenario: scenario.clone(),
                profile: *profile,
            });
            cases.extend(in_each);
        }
    }
    Ok(cases)
}

fn spec(args: &SweepArgs, cases: &[Case]) -> Result<Spec, Failure> {
    let shard = match args.shard {
        None => Shard::WHOLE,
        Some(source) => shard::settle(source)?,
    };
    let failed = |error: io::Error| Failure::Internal(format!("failed to read this program's own file: {error}"));
    let (cases, seeds) = match &args.seeds {
        SweepSeeds::Range(seeds) => (cases.iter().map(Case::spec).collect(), seeds.0.clone()),
        SweepSeeds::Own => (cases.iter().map(Case::spec_with_own_seed).collect(), 0..1),
    };
    Ok(Spec {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        program_sha256: program_hash(&own_program()?).map_err(failed)?,
        cases,
        seeds_from: seeds.start,
        seeds_to: seeds.end,
        shard,
    })
}

/// Makes one run. None if it was interrupted.
fn record(case: &Case, item: Item, interrupted: &AtomicBool) -> Result<Option<Record>, Failure> {
    // Of this thread alone: others have their own runs.
    let before_ns = stopwatch();
    let plan = case.resolve(item.seed)?;
    let report = judge(&case.asked, &plan, interrupted)?;
    let cpu_ns = stopwatch().saturating_sub(before_ns);
    Ok((!report.interrupted).then(|| Record::new(item.case, report, cpu_ns)))
}

/// Adds up what comes, and sees when it is enough.
struct Tracker {
    bundle: Bundle,
    started: Instant,
    time_max: Option<Duration>,
    failures_max: Option<u64>,
    stale_max: Option<u64>,
    failures: u64,
    /// Runs since the last that brought something new.
    stale: u64,
    stop: Option<Stop>,
    progress: SweepProgress,
}

impl Tracker {
    fn new(args: &SweepArgs, spec: &Spec, started: Instant) -> Self {
        Self {
            bundle: Bundle::new(spec.clone()),
            started,
            time_max: args.max_time.map(|time| Duration::from_nanos(time.nanos())),
            failures_max: args.max_failures.map(NonZero::get),
            stale_max: args.max_stale.map(NonZero::get),
            failures: 0,
            stale: 0,
            stop: None,
            progress: SweepProgress::new(spec.runs(), io::stderr().is_terminal()),
        }
    }

    fn add(&mut self, record: &Record) {
        self.stale = if self.bundle.add(record) { 0 } else { self.stale + 1 };
        self.failures += u64::from(record.verdict != Verdict::Passed);
        self.progress.update(&self.bundle, self.failures);
        let is_reached = |found: u64, most: Option<u64>| most.is_some_and(|most| found >= most);
        if is_reached(self.failures, self.failures_max) {
            self.stop.get_or_insert(Stop::Failures);
        } else if is_reached(self.stale, self.stale_max) {
            self.stop.get_or_insert(Stop::Stale);
        } else if self.time_max.is_some_and(|most| self.started.elapsed() >= most) {
            self.stop.get_or_insert(Stop::Time);
        }
    }

    fn finish(mut self, was_interrupted: bool) -> Bundle {
        self.progress.finish();
        let environment = &mut self.bundle.environment;
        environment.systems = vec![system()];
        environment.cpus = cpu_name().into_iter().collect();
        environment.wall_ns = u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let is_whole = self.bundle.runs.len() as u64 == self.bundle.spec.runs();
        let stop = if was_interrupted { Some(Stop::Interrupted) } else { self.stop };
        self.bundle.finish(stop.filter(|_| !is_whole))
    }
}

/// Everything that is left behind beside the journal.
pub(super) fn write(folder: &Path, bundle: &Bundle) -> Result<(), WriteError> {
    write_file(&folder.join("sweep.txt"), || Ok(bundle.to_text(false)))?;
    write_file(&folder.join("junit.xml"), || bundle.to_junit().map_err(io::Error::other))?;
    write_file(&folder.join("summary.md"), || Ok(bundle.to_markdown()))?;
    // At last: who finds it finds the others.
    write_file(&folder.join(Bundle::FILE), || Ok(bundle.to_json()?))
}
