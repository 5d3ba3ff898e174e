//! What one run of a sweep came to.

use std::{collections::BTreeMap, fs, io, path::Path};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{FailureKind, Item};
use crate::{
    metrics::Latencies,
    plan::{Invariant, Milestone},
    report::{Report, Verdict},
};

/// What one run came to: all of it follows from the plan but the time that it took.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Record {
    /// Which of the sweep's cases, counted from 0.
    pub case: usize,
    /// The seed.
    pub seed: u64,
    /// The result in one word.
    pub verdict: Verdict,
    /// The digest of the run's history, in hexadecimal.
    pub digest: String,
    /// How many events the run had.
    pub events: u64,
    /// What keeps it from passing, and the oracle's first sentence of each.
    pub failures: Vec<(FailureKind, String)>,
    /// The milestones that it passed, and how often.
    pub milestones: BTreeMap<Milestone, u64>,
    /// Invariants that could not be judged.
    pub not_judged: Vec<Invariant>,
    /// Exchanges of agents that ended.
    pub exchanges: u64,
    /// Those in which the agent got what it asked for.
    pub served: u64,
    /// How long what took long took.
    pub latencies: Latencies,
    /// The command that makes the run again.
    pub reproduce: String,
    /// CPU time that the run took of the real world, in nanoseconds.
    pub cpu_ns: u64,
}

impl Record {
    /// Which run of the sweep it is of.
    pub fn item(&self) -> Item {
        Item { seed: self.seed, case: self.case }
    }

    /// What a report says, in short.
    pub fn new(case: usize, report: Report, cpu_ns: u64) -> Self {
        let authentication = &report.measurements.total.authentication;
        let failures = FailureKind::all_of(&report);
        Self {
            case,
            seed: report.seed,
            verdict: report.verdict,
            digest: report.digest.unwrap_or_default(),
            events: report.events,
            failures,
            milestones: report.milestones,
            not_judged: report.not_judged.keys().copied().collect(),
            exchanges: authentication.ended,
            served: authentication.served,
            latencies: report.latencies,
            reproduce: report.reproduce,
            cpu_ns,
        }
    }
}

/// SHA-256 of a program's file, in hexadecimal: runs of different programs are not compared.
///
/// # Errors
/// If the file cannot be read.
pub fn program_hash(program: &Path) -> io::Result<String> {
    Ok(hex::encode(Sha256::digest(fs::read(program)?)))
}
