//! A property of drawn plans: whatever goes wrong, no invariant is violated. Each case is a seed, a profile of hardship
//! and a face of the protocol, resolved to a plan as the command does it. What fails is shrunk as the command does it, and
//! left behind as a scenario file.

use std::{
    fs,
    path::Path,
    sync::atomic::AtomicBool,
    time::{Duration, Instant},
};

use countersign::{
    oracle::Violation,
    plan::{Expectation, Plan},
    run::{Options, run},
    scenario::{Overrides, Scenario, find},
    shrink::{Failed, Goal, Shrinker, Shrunk, first_told, scenario_of, story, told},
    types::{Bug, CryptoTier, Profile},
};
use proptest::{
    prelude::*,
    sample::select,
    test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner},
};

const HARDSHIPS: [&str; 4] = ["hardship/calm", "hardship/flaky", "hardship/storm", "hardship/swarm"];

/// How many plans are run at the same time while one is shrunk; what comes of it does not depend on it.
const JOBS: usize = 2;

/// As long as the command has patience unless it is told otherwise.
const TIME_MAX: Duration = Duration::from_secs(120);

/// Tries so many cases, the same each time: more of them go further. The error says what failed, and names the file that
/// shows it, in `folder`.
pub fn every_hardship_is_withstood(
    profile: Profile,
    bug: Option<Bug>,
    cases: u32,
    folder: &Path,
) -> Result<(), String> {
    // Shrinking a seed leads nowhere: what shrinks is the plan.
    let config = Config { cases, max_shrink_iters: 0, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let property = |(seed, hardship): (u32, &str)| {
        let overrides = Overrides { profile: Some(profile), crypto: Some(CryptoTier::Modelled) };
        let plan = find(hardship).unwrap().resolve(Some(seed.into()), overrides).unwrap();
        let plan = Plan { bug, expectation: Expectation::default(), ..plan };
        match first_violation(&plan) {
            None => Ok(()),
            Some(violation) => Err(TestCaseError::fail(shrunk(&plan, &violation, folder).said)),
        }
    };
    runner.run(&(any::<u32>(), select(&HARDSHIPS[..])), property).map_err(|error| error.to_string())
}

/// What the oracle finds first.
pub fn first_violation(plan: &Plan) -> Option<Violation> {
    let finished = run(plan, Options::new(&AtomicBool::new(false), &mut |_| {})).unwrap();
    finished.judgement.violations.into_iter().min_by_key(|violation| violation.event_number)
}

/// What came of shrinking a plan.
pub struct Small {
    pub shrunk: Shrunk,
    pub goal: Goal,
    /// Whether the file, read again, fails in the same way.
    pub fails_again: bool,
    pub said: String,
}

/// Shrinks a plan that fails, and writes it as a scenario that is named after the invariant and the seed.
pub fn shrunk(plan: &Plan, violation: &Violation, folder: &Path) -> Small {
    let goal = Goal::of(violation);
    let (never, started) = (AtomicBool::new(false), Instant::now());
    let is_over = || started.elapsed() >= TIME_MAX;
    let find = |plan: &Plan| -> Option<Failed> { goal.find(plan, &never).unwrap() };
    let find_told = |plan: &Plan| told(plan, &plan.scenario).as_ref().and_then(find);
    let (start, failed) =
        first_told(plan, &find_told).expect("a scenario that tells the plan fails, with one of the seeds");
    let fails = |plan: &Plan| find_told(plan).map(|failed| failed.at);
    let shrunk = Shrinker::new(start, JOBS, &fails, &is_over, &mut |_| {}).shrink(failed.at);
    let small = &shrunk.plan;
    let sentence = find_told(small).map_or_else(|| violation.what.clone(), |failed| failed.sentence);
    let text = scenario_of(small, &story(small, &format!("{}: {sentence}", goal.invariant)));
    let file = folder.join(format!("{}-{}.toml", goal.invariant, plan.seed));
    fs::write(&file, &text).unwrap();
    let again = Scenario::from_toml(&file.display().to_string(), &text).unwrap();
    let again = again.resolve(None, Overrides::default()).unwrap();
    let said = format!(
        "{} with seed {} ({}): {}: {}\n  shrunk: countersign run {}",
        plan.scenario,
        plan.seed,
        plan.profile,
        goal.invariant,
        violation.what,
        file.display()
    );
    Small { fails_again: find(&again).is_some(), shrunk, goal, said }
}
