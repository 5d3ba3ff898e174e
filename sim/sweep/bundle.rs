//! What a sweep, or a part of it, came to: a file that says of itself what it is about.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{CaseTally, Item, Record, Spec, Stop};
use crate::report::{Rule, RuleCoverage, Verdict};

/// The version of the bundle's form.
pub const BUNDLE_VERSION: u32 = 1;

/// What a sweep, or a part of it, came to.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Bundle {
    /// The version of this form: 1.
    pub countersign_sweep: u32,
    /// The worst verdict of any run; a sweep that was interrupted is at best inconclusive.
    pub verdict: Verdict,
    /// Which runs it was to make.
    pub spec: Spec,
    /// Why it was stopped before it had made them all, if it was.
    pub stopped: Option<Stop>,
    /// Rules that no run exercised, of those that events show.
    #[serde(default)]
    pub rules_not_exercised: Vec<Rule>,
    /// What the runs came to, for each of the spec's cases.
    pub cases: Vec<CaseTally>,
    /// Each run, in the order of the spec.
    pub runs: Vec<RunLine>,
    /// The real world: the only part that differs between two sweeps of one spec.
    pub environment: BundleEnvironment,
}

/// One run, in short.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct RunLine {
    /// The seed.
    pub seed: u64,
    /// Which of the cases, counted from 0.
    pub case: usize,
    /// The result in one word.
    pub verdict: Verdict,
    /// The digest of the run's history, in hexadecimal.
    pub digest: String,
    /// What kept it from passing, in a few words; empty if it passed.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
    /// The command that makes it again, if it did not pass.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reproduce: String,
}

/// What a sweep took of the real world.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct BundleEnvironment {
    /// CPU time of all runs, in nanoseconds.
    pub cpu_ns: u64,
    /// Time on the wall, in nanoseconds, of the latest part that was made in one go.
    pub wall_ns: u64,
    /// Operating system and architecture.
    pub systems: Vec<String>,
    /// CPUs.
    pub cpus: Vec<String>,
}

/// Why a bundle cannot be read.
#[derive(Debug, Error)]
pub enum BundleError {
    /// The system does not let it.
    #[error("failed to read the sweep `{}`: {error}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's words.
        #[source]
        error: io::Error,
    },
    /// It is none.
    #[error("{}: {found}; expected what `sweep --out` or `merge --out` wrote as sweep.json", path.display())]
    Broken {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        found: String,
    },
}

impl Bundle {
    /// The name of its file.
    pub const FILE: &str = "sweep.json";

    /// An empty one.
    pub fn new(spec: Spec) -> Self {
        Self {
            countersign_sweep: BUNDLE_VERSION,
            verdict: Verdict::Passed,
            cases: vec![CaseTally::default(); spec.cases.len()],
            spec,
            stopped: None,
            rules_not_exercised: Vec::new(),
            runs: Vec::new(),
            environment: BundleEnvironment::default(),
        }
    }

    /// Takes in what a run came to. Says whether it brought anything new.
    pub fn add(&mut self, record: &Record) -> bool {
        let Record { case, seed, verdict, digest, cpu_ns, .. } = record;
        self.environment.cpu_ns = self.environment.cpu_ns.saturating_add(*cpu_ns);
        let kinds: Vec<_> = record.failures.iter().map(|(kind, _)| kind.what.as_str()).collect();
        let reproduce = if *verdict == Verdict::Passed { String::new() } else { record.reproduce.clone() };
        self.runs.push(RunLine {
            seed: *seed,
            case: *case,
            verdict: *verdict,
            digest: digest.clone(),
            why: kinds.join(", "),
            reproduce,
        });
        self.cases.get_mut(*case).is_some_and(|tally| tally.add(record))
    }

    /// Puts the runs in their order, and sums up.
    pub fn finish(mut self, stopped: Option<Stop>) -> Self {
        self.runs.sort_unstable_by_key(RunLine::item);
        let worst = self.cases.iter().filter(|tally| tally.runs > 0).map(CaseTally::worst).min();
        let worst = worst.unwrap_or(Verdict::Inconclusive);
        let is_cut_short = stopped == Some(Stop::Interrupted);
        self.verdict = if is_cut_short { worst.min(Verdict::Inconclusive) } else { worst };
        self.stopped = stopped;
        let mut milestones = BTreeMap::new();
        for (milestone, runs) in self.cases.iter().flat_map(|tally| &tally.milestones) {
            *milestones.entry(*milestone).or_default() += runs;
        }
        self.rules_not_exercised = RuleCoverage::of(&milestones).not_exercised;
        self
    }

    /// As JSON, with a line's end.
    ///
    /// # Errors
    /// None that a bundle could cause.
    pub fn to_json(&self) -> serde_json::Result<String> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }

    /// Reads a file, or the one of the usual name in a folder.
    ///
    /// # Errors
    /// If it cannot be read, or is none.
    pub fn read(path: &Path) -> Result<Self, BundleError> {
        #[derive(Deserialize)]
        struct Version {
            countersign_sweep: u32,
        }
        let path = if path.is_dir() { path.join(Self::FILE) } else { path.to_owned() };
        let text = fs::read_to_string(&path).map_err(|error| BundleError::File { path: path.clone(), error })?;
        let broken = |found| BundleError::Broken { path: path.clone(), found };
        let wrong = |error: serde_json::Error| broken(error.to_string());
        let version: Version = serde_json::from_str(&text).map_err(wrong)?;
        if version.countersign_sweep != BUNDLE_VERSION {
            return Err(broken(format!("version {}, and this program reads version 1", version.countersign_sweep)));
        }
        let bundle: Self = serde_json::from_str(&text).map_err(wrong)?;
        bundle.check().map_err(broken)?;
        Ok(bundle)
    }

    /// Whether it is one that a sweep can have written.
    fn check(&self) -> Result<(), String> {
        if self.cases.len() != self.spec.cases.len() {
            return Err(format!("{} tallies of {} cases", self.cases.len(), self.spec.cases.len()));
        }
        for (place, tally) in self.cases.iter().enumerate() {
            let runs = self.runs.iter().filter(|run| run.case == place).count() as u64;
            let by_verdict = tally.verdicts.values().fold(0_u64, |sum, count| sum.saturating_add(*count));
            if tally.runs != runs || by_verdict != runs {
                return Err(format!("case {place} counts {} runs and lists {runs}", tally.runs));
            }
        }
        let mut due = self.spec.items();
        for run in &self.runs {
            if !due.any(|item| item == run.item()) {
                let (seed, case) = (run.seed, run.case);
                return Err(format!("a run of seed {seed} and case {case} that does not belong there"));
            }
        }
        match &self.stopped {
            None if (self.runs.len() as u64) < self.spec.runs() => {
                Err(format!("{} of {} runs, and no reason why", self.runs.len(), self.spec.runs()))
            }
            _ => Ok(()),
        }
    }
}

impl RunLine {
    /// Which run of the sweep it is.
    pub fn item(&self) -> Item {
        Item { seed: self.seed, case: self.case }
    }
}
