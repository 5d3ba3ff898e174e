//! `bugs`: plants each bug in turn, and runs seeds until an invariant notices it.

use std::{
    io::{self, IsTerminal as _},
    sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
};

use super::{
    BugsArgs, Exit, Failure, TableFormat,
    environment::stopwatch,
    exit::print,
    interrupt,
    judge::judge,
    parallel::{all_cores, in_order},
    progress::CountProgress,
};
use crate::{
    plan::Plan,
    report::{Found, HUNT_VERSION, Hunt, Hunted, Trail, Verdict},
    scenario::{self, Overrides, Scenario},
    types::{Bug, Profile},
};

/// Where bugs are hunted unless the command says otherwise: plain random, swarms, and what is rare in all of these: the clocks of
/// all servers set back at the same time, and days on which everything happens to kinds of authentication, special tokens,
/// accounts and bearer tokens that somebody forges, proxies and peers, machines and a portal.
pub const HUNTING_GROUNDS: [&str; 12] = [
    "hardship/storm",
    "hardship/swarm",
    "hardship/swarm_machine",
    "hardship/swarm_kinds",
    "hardship/swarm_portal",
    "hole/19_clock_back",
    "coexistence/all_at_once",
    "coexistence/special_tokens",
    "scheme/forgers",
    "coexistence/in_between",
    "machine/rough_day",
    "portal/hardship",
];

/// One bug in one scenario.
struct Case {
    bug: Bug,
    /// The name or path by which the scenario was asked for.
    asked: String,
    scenario: Scenario,
    /// The least seed that has found it so far: later ones need not be tried.
    found_by: AtomicU64,
}

/// What one seed came to, under both profiles.
#[derive(Default)]
struct Tried {
    case: usize,
    cpu_ns: u64,
    false_alarms: u64,
    found: Option<Found>,
}

pub(super) fn bugs(args: &BugsArgs) -> Result<Exit, Failure> {
    if !Bug::CAN_BE_PLANTED {
        return Err(Failure::Usage(Bug::BUILD_NEEDED.to_owned()));
    }
    let bugs = if args.bugs.is_empty() { Bug::ALL } else { &args.bugs };
    let find = |asked: &String| scenario::find(asked).map(|scenario| (asked.clone(), scenario));
    let grounds = args.scenario.iter().map(find).collect::<Result<Vec<_>, _>>()?;
    let cases: Vec<_> = bugs
        .iter()
        .flat_map(|&bug| grounds.iter().cloned().map(move |(asked, scenario)| (bug, asked, scenario)))
        .filter(|(bug, _, scenario)| bug.needs_portal() == scenario.document.portal.is_some())
        .map(|(bug, asked, scenario)| Case { bug, asked, scenario, found_by: AtomicU64::new(u64::MAX) })
        .collect();
    let hunt = hunt(&cases, args)?;
    let text = match args.format {
        TableFormat::Text => hunt.to_text(),
        TableFormat::Markdown => hunt.to_markdown(),
        TableFormat::Json => hunt.to_json().map_err(Failure::internal)?,
    };
    print(&text)?;
    Ok(match (hunt.found_all(), hunt.interrupted) {
        (true, _) => Exit::Holds,
        (false, false) => Exit::Violated,
        (false, true) => Exit::Inconclusive,
    })
}

/// Hunts in every case by ascending seeds, up to the first that finds its bug.
fn hunt(cases: &[Case], args: &BugsArgs) -> Result<Hunt, Failure> {
    let seeds = args.seeds.0.clone();
    let interrupted = interrupt::listen();
    let per_case = seeds.end - seeds.start;
    let mut progress = CountProgress::new(per_case * cases.len() as u64, io::stderr().is_terminal());
    let trail = |case: &Case| Trail { scenario: case.scenario.name.clone(), ..Trail::default() };
    let mut trails: Vec<_> = cases.iter().map(trail).collect();
    let mut failure = None;

    let items = (0..cases.len()).flat_map(|case| seeds.clone().map(move |seed| (case, seed)));
    let work = |(place, seed)| {
        let case: &Case = &cases[place];
        if case.found_by.load(Relaxed) < seed {
            return Ok(Tried { case: place, ..Tried::default() });
        }
        let tried = try_seed(case, seed, interrupted)?;
        if tried.found.is_some() {
            case.found_by.fetch_min(seed, Relaxed);
        }
        Ok(Tried { case: place, ..tried })
    };
    in_order(items, args.jobs.unwrap_or_else(all_cores), interrupted, work, |tried: Result<Tried, Failure>| {
        let tried = match tried {
            Ok(tried) => tried,
            Err(error) => {
                // The others have nothing to add to it.
                interrupted.store(true, Relaxed);
                failure.get_or_insert(error);
                return;
            }
        };
        progress.update(|| cases[tried.case].bug.to_string());
        let trail = &mut trails[tried.case];
        if trail.found.is_none() {
            trail.seeds += 1;
            trail.cpu_ns += tried.cpu_ns;
            trail.false_alarms += tried.false_alarms;
            trail.found = tried.found;
        }
    });
    progress.finish();
    if let Some(failure) = failure {
        return Err(failure);
    }
    let mut trails = trails.into_iter();
    let hunted = |cases: &[Case]| {
        let bug = cases.first()?.bug;
        Some(Hunted { bug, what: bug.what().to_owned(), trails: trails.by_ref().take(cases.len()).collect() })
    };
    Ok(Hunt {
        countersign_hunt: HUNT_VERSION,
        seeds_from: seeds.start,
        seeds_to: seeds.end,
        interrupted: interrupted.load(Relaxed),
        bugs: cases.chunk_by(|one, next| one.bug == next.bug).filter_map(hunted).collect(),
    })
}

/// Runs one seed under one profile and then the other, up to the first run that is violated because of the bug.
fn try_seed(case: &Case, seed: u64, interrupted: &AtomicBool) -> Result<Tried, Failure> {
    let mut tried = Tried::default();
    for profile in [Profile::Literal, Profile::Hardened] {
        let overrides = Overrides { profile: Some(profile), ..Overrides::default() };
        let mut plan = case.scenario.resolve(Some(seed), overrides)?;
        plan.bug = Some(case.bug);
        let before_ns = stopwatch();
        let planted = judge(&case.asked, &plan, interrupted)?;
        tried.cpu_ns += stopwatch().saturating_sub(before_ns);
        if planted.verdict != Verdict::Violated {
            continue;
        }
        // What the sound protocol does as well is no proof of the bug.
        let sound = judge(&case.asked, &Plan { bug: None, ..plan }, interrupted)?;
        if sound.verdict == Verdict::Violated || sound.interrupted {
            tried.false_alarms += u64::from(!sound.interrupted);
            continue;
        }
        tried.found = Some(Found {
            seed,
            profile,
            caught_by: planted.violation_counts.keys().copied().collect(),
            what: planted.violations.first().map(|violation| violation.what.clone()).unwrap_or_default(),
            reproduce: planted.reproduce,
        });
        break;
    }
    Ok(tried)
}
