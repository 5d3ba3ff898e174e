//! A load that is foretold and then made, once or in several rounds.

use super::{
    Failure, costs,
    exit::warn,
    load::{LoadArgs, Making, make},
    outcome::Outcome,
    predict::predict,
};
use crate::{metrics::Round, plan::Plan, report::Verdict, scenario::Scenario};

/// Foretells the load of a scenario and makes it, in as many rounds as are asked for: each with the next seed, and costs of its own
/// unless a file has them. `reproduce` is the command that does all of this again.
///
/// What came of the round with the worst verdict is told, the first of those, with the figures of all rounds. An interruption ends the
/// rounds, and its own counts only if it is the first.
pub(super) fn foretell_and_make(
    args: &LoadArgs,
    scenario: &Scenario,
    seed: u64,
    reproduce: &str,
    mut making: Making<'_>,
) -> Result<(Plan, Outcome), Failure> {
    let rounds = args.rounds.unwrap_or(1);
    let mut made = Vec::new();
    for number in 0..rounds {
        let plan = scenario.resolve(Some(seed.wrapping_add(number.into())), args.overrides())?;
        if rounds > 1 {
            warn(&format!("round {} of {rounds}, with seed {}", number + 1, plan.seed));
        }
        let outcome = round(args, &plan, reproduce, making.again())?;
        let was_interrupted = outcome.report.interrupted;
        if !was_interrupted || made.is_empty() {
            made.push((plan, outcome));
        }
        if was_interrupted {
            break;
        }
    }
    let figures: Vec<Round> = made.iter().filter_map(|(_, outcome)| outcome.report.round()).collect();
    let worst = worst(made, |(_, outcome)| outcome.report.verdict);
    let (plan, mut outcome) = worst.ok_or_else(|| Failure::Internal("no round was made".to_owned()))?;
    if let Some(load) = outcome.report.load.as_mut().filter(|_| rounds > 1) {
        load.rounds = figures;
    }
    Ok((plan, outcome))
}

/// What has the worst verdict, the first of those that have.
fn worst<T>(made: Vec<T>, verdict: impl Fn(&T) -> Verdict) -> Option<T> {
    made.into_iter().min_by_key(verdict)
}

/// Foretells a load, and makes it.
fn round(args: &LoadArgs, plan: &Plan, reproduce: &str, making: Making<'_>) -> Result<Outcome, Failure> {
    let machine = match &args.costs {
        Some(path) => costs::read(path)?,
        None => {
            warn("measuring what operations cost on this machine, for some 80 seconds");
            costs::measure(plan.crypto)?
        }
    };
    costs::tell_if_busy(&machine.interruptions);
    let cores = u32::try_from(making.workers.get()).unwrap_or(u32::MAX);
    let predicted = predict(plan, &machine, cores, making.interrupted, &mut |_| {})?.figures;
    let mut outcome = make(reproduce.to_owned(), plan, making)?;
    if let Some(load) = &mut outcome.report.load {
        load.predicted = Some(predicted);
    }
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_round_with_the_worst_verdict_is_told() {
        use Verdict::{Inconclusive, Passed, ThresholdMissed, Violated};
        let told = |verdicts: &[Verdict]| worst((0..verdicts.len()).collect(), |number| verdicts[*number]);
        assert_eq!(told(&[Passed, Passed]), Some(0));
        assert_eq!(told(&[Passed, ThresholdMissed, Passed, ThresholdMissed]), Some(1));
        assert_eq!(told(&[ThresholdMissed, Inconclusive, Violated, Violated]), Some(2));
        assert_eq!(told(&[]), None);
    }
}
