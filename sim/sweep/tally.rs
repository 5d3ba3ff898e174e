//! What the runs of a sweep come to together.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{FailureKind, KnownFailure, Record};
use crate::{
    metrics::Latencies,
    plan::{Invariant, Milestone},
    report::Verdict,
};

/// What all runs of one case come to. In whichever order records are taken in, the result is the same.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct CaseTally {
    /// Runs.
    pub runs: u64,
    /// How many ended with which verdict.
    pub verdicts: BTreeMap<Verdict, u64>,
    /// What kept runs from passing, by kind.
    pub failures: Vec<KnownFailure>,
    /// In how many runs each milestone was passed.
    pub milestones: BTreeMap<Milestone, u64>,
    /// In how many runs an invariant could not be judged.
    pub not_judged: BTreeMap<Invariant, u64>,
    /// Events.
    pub events: u64,
    /// Exchanges of agents that ended.
    pub exchanges: u64,
    /// Those in which the agent got what it asked for.
    pub served: u64,
    /// How long what took long took.
    pub latencies: Latencies,
}

impl CaseTally {
    /// Takes in a run. Says whether it brought anything new: a milestone or a kind of failure.
    pub fn add(&mut self, record: &Record) -> bool {
        let before = (self.milestones.len(), self.failures.len());
        let one_of = |(kind, sentence): &(FailureKind, String)| KnownFailure {
            kind: kind.clone(),
            runs: 1,
            seed: record.seed,
            events: record.events,
            sentence: sentence.clone(),
            reproduce: record.reproduce.clone(),
        };
        self.absorb(Self {
            runs: 1,
            verdicts: BTreeMap::from([(record.verdict, 1)]),
            failures: record.failures.iter().map(one_of).collect(),
            milestones: record.milestones.keys().map(|milestone| (*milestone, 1)).collect(),
            not_judged: record.not_judged.iter().map(|invariant| (*invariant, 1)).collect(),
            events: record.events,
            exchanges: record.exchanges,
            served: record.served,
            latencies: record.latencies.clone(),
        });
        (self.milestones.len(), self.failures.len()) != before
    }

    /// Takes in the runs of another shard.
    pub fn absorb(&mut self, other: Self) {
        self.runs = self.runs.saturating_add(other.runs);
        add_counts(&mut self.verdicts, other.verdicts);
        add_counts(&mut self.milestones, other.milestones);
        add_counts(&mut self.not_judged, other.not_judged);
        self.events = self.events.saturating_add(other.events);
        self.exchanges = self.exchanges.saturating_add(other.exchanges);
        self.served = self.served.saturating_add(other.served);
        self.latencies.absorb(&other.latencies);
        for failure in other.failures {
            match self.failures.binary_search_by(|known| known.kind.cmp(&failure.kind)) {
                Ok(place) => self.failures[place].absorb(failure),
                Err(place) => self.failures.insert(place, failure),
            }
        }
    }

    /// The worst verdict of any run.
    pub fn worst(&self) -> Verdict {
        // Verdicts are in their order, the worst first.
        self.verdicts.keys().next().copied().unwrap_or(Verdict::Inconclusive)
    }
}

fn add_counts<K: Ord>(into: &mut BTreeMap<K, u64>, from: BTreeMap<K, u64>) {
    for (key, count) in from {
        let sum = into.entry(key).or_default();
        *sum = sum.saturating_add(count);
    }
}
