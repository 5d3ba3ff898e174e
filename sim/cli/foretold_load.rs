//! A load that is foretold and then made, once or in several rounds.

use std::{borrow::Cow, sync::atomic::Ordering::Relaxed};

use super::{
    Exit, Failure, costs,
    exit::warn,
    load::{LoadArgs, Making, make, tell_duration},
    outcome::{Delivery, Outcome},
    predict::predict,
    trace_file::TraceFile,
};
use crate::{
    metrics::Round,
    plan::Plan,
    report::{self, Verdict},
    scenario::Scenario,
    types::MeasuredMachine,
};

/// What came of all rounds.
pub(super) struct Rounds {
    /// The load that is told: that of the round with the worst verdict, the first of those.
    told: (Plan, Outcome),
    ended: Ended,
}

/// Why there are no more rounds.
enum Ended {
    AllMade,
    /// With so many made.
    Interrupted(usize),
    Failed(Failure),
}

/// Foretells the load of a scenario and makes it, in as many rounds as are asked for: the first by this seed and each other by the next,
/// with costs of its own unless they are `known`. `reproduce` is the command that does all of this again.
///
/// A round that fails or is interrupted ends them, and counts only if it is the first.
pub(super) fn foretell_and_make(
    args: &LoadArgs,
    scenario: &Scenario,
    seed: u64,
    known: Option<&MeasuredMachine>,
    reproduce: &str,
    mut making: Making<'_>,
) -> Result<Rounds, Failure> {
    let count = args.rounds.unwrap_or(1);
    let (mut told, mut figures, mut ended): (Option<(Plan, Outcome)>, _, _) = (None, Vec::new(), Ended::AllMade);
    for number in 0..count {
        let plan = scenario.resolve(Some(seed.wrapping_add(number.into())), args.overrides())?;
        if count > 1 {
            warn(&format!("round {} of {count}, with seed {}", number + 1, plan.seed));
        }
        let outcome = match round(&plan, known, reproduce, making.again()) {
            Err(failure) if told.is_none() => return Err(failure),
            Err(failure) => {
                ended = Ended::Failed(failure);
                break;
            }
            Ok(outcome) if outcome.report.interrupted && told.is_some() => {
                ended = Ended::Interrupted(figures.len());
                break;
            }
            Ok(outcome) => outcome,
        };
        let was_interrupted = outcome.report.interrupted;
        figures.extend(outcome.report.round());
        told = Some(match told {
            Some(told) if !is_worse(outcome.report.verdict, told.1.report.verdict) => told,
            _ => (plan, outcome),
        });
        if was_interrupted {
            break;
        }
    }
    let mut told = told.ok_or_else(|| Failure::Internal("no round was made".to_owned()))?;
    keep(figures, &mut told.1);
    Ok(Rounds { told, ended })
}

/// Foretells a load, and makes it.
fn round(
    plan: &Plan,
    known: Option<&MeasuredMachine>,
    reproduce: &str,
    making: Making<'_>,
) -> Result<Outcome, Failure> {
    let machine = match known {
        Some(known) => Cow::Borrowed(known),
        None => {
            warn("measuring what operations cost on this machine, for some 80 seconds");
            Cow::Owned(costs::measure(plan.crypto)?)
        }
    };
    let cores = u32::try_from(making.workers.get()).unwrap_or(u32::MAX);
    let predicted = predict(plan, &machine, cores, making.interrupted, &mut |_| {})?.figures;
    // What was cut off foretells nothing.
    let predicted = Some(predicted).filter(|_| !making.interrupted.load(Relaxed));
    tell_duration(plan);
    let mut outcome = make(reproduce.to_owned(), plan, making)?;
    if let Some(load) = &mut outcome.report.load {
        load.predicted = predicted;
    }
    Ok(outcome)
}

/// Of one round alone there is no middle.
fn keep(figures: Vec<Round>, outcome: &mut Outcome) {
    if let Some(load) = outcome.report.load.as_mut().filter(|_| figures.len() > 1) {
        load.rounds = figures;
    }
}

fn is_worse(one: Verdict, other: Verdict) -> bool {
    one < other
}

impl Rounds {
    /// Writes and prints the report of the load that is told.
    pub fn deliver(self, to: &Delivery<'_>, trace_file: Option<TraceFile>) -> Result<Exit, Failure> {
        let Self { told: (plan, mut outcome), ended } = self;
        if let Ended::Interrupted(rounds) = ended {
            let made = report::human::number_of(rounds as u64, "round");
            warn(&format!("interrupted: of all rounds the report has {made}"));
            outcome.report = outcome.report.cut_short();
        }
        let exit = outcome.deliver(&plan, to, trace_file)?;
        if let Ended::Failed(failure) = ended { Err(failure) } else { Ok(exit) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_inconclusive_round_is_worse_than_one_that_missed_a_threshold() {
        use Verdict::{Inconclusive, Passed, ThresholdMissed, Violated};
        for (worse, better) in [(ThresholdMissed, Passed), (Inconclusive, ThresholdMissed), (Violated, Inconclusive)] {
            assert!(is_worse(worse, better) && !is_worse(better, worse) && !is_worse(worse, worse));
        }
    }
}
