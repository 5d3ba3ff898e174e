//! What a sweep, or a part of it, came to: a file that says of itself what it is about.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, error::Category};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use super::{CaseTally, Item, Record, Spec, Stop};
use crate::{
    report::{Rule, RuleCoverage, Verdict},
    types::form_of,
};

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
    #[error("{}{place}: {found}; expected what `sweep --out` or `merge --out` wrote as sweep.json", path.display())]
    Broken {
        /// The file.
        path: PathBuf,
        /// Line and column, each after a colon, as far as there are any.
        place: String,
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
        let mut kinds: Vec<&str> = Vec::new();
        for (kind, _) in &record.failures {
            if !kinds.contains(&kind.what.as_str()) {
                kinds.push(&kind.what);
            }
        }
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
        let spec = &self.spec;
        self.runs.sort_unstable_by_key(|run| spec.position(run.item()));
        let worst = self.cases.iter().filter(|tally| tally.runs > 0).map(CaseTally::worst).min();
        // There may be more parts than runs.
        let nothing = if self.spec.runs() == 0 { Verdict::Passed } else { Verdict::Inconclusive };
        let worst = worst.unwrap_or(nothing);
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

    /// As JSON, with a line's end. Before the environment stands a check over all that comes before it.
    ///
    /// # Errors
    /// None that a bundle could cause.
    pub fn to_json(&self) -> serde_json::Result<String> {
        let mut written = serde_json::to_value(self)?;
        let check = check_of(&written);
        if let Some(fields) = written.as_object_mut() {
            let environment = fields.shift_remove(ENVIRONMENT);
            fields.insert(CHECK.to_owned(), check.into());
            fields.extend(environment.map(|environment| (ENVIRONMENT.to_owned(), environment)));
        }
        Ok(serde_json::to_string_pretty(&written)? + "\n")
    }

    /// Reads a file, or the one of the usual name in a folder.
    ///
    /// # Errors
    /// If it cannot be read, or is not as it was written. Of the environment, which is no result, anything is taken.
    pub fn read(path: &Path) -> Result<Self, BundleError> {
        #[derive(Deserialize)]
        struct Version {
            countersign_sweep: u32,
        }
        let path = if path.is_dir() { path.join(Self::FILE) } else { path.to_owned() };
        let content = fs::read(&path).map_err(|error| BundleError::File { path: path.clone(), error })?;
        let broken = |found| BundleError::Broken { path: path.clone(), place: String::new(), found };
        let wrong = |error: serde_json::Error| {
            let place = format!(":{}:{}", error.line(), error.column());
            let found = error.to_string();
            let found = if error.is_eof() { "it is cut off here" } else { &found };
            let found = found.split(" at line ").next().unwrap_or_default().to_owned();
            BundleError::Broken { path: path.clone(), place, found }
        };
        let foreign = || broken(format!("this is {}", form_of(&content)));
        let is_syntax = |error: &serde_json::Error| matches!(error.classify(), Category::Syntax | Category::Eof);
        let version = serde_json::from_slice(&content).map_err(|error| match form_of(&content) {
            "the result of a sweep" => wrong(error),
            "JSON of another form" if is_syntax(&error) => wrong(error),
            _ => foreign(),
        })?;
        let Version { countersign_sweep: version } = version;
        if version != BUNDLE_VERSION {
            return Err(broken(format!("version {version}, and this program reads version {BUNDLE_VERSION}")));
        }
        let bundle: Self = serde_json::from_slice(&content).map_err(wrong)?;
        // Whoever edits a figure is told which one, as far as figures contradict each other.
        bundle.check().map_err(broken)?;
        let written: Value = serde_json::from_slice(&content).map_err(wrong)?;
        if written.get(CHECK).and_then(Value::as_str) != Some(&check_of(&written)) {
            let edited = format!("the `{CHECK}` is not that of the rest: the file was edited; make the sweep again");
            return Err(broken(edited));
        }
        Ok(bundle)
    }

    /// Whether it is one that a sweep can have written.
    fn check(&self) -> Result<(), String> {
        self.spec.check()?;
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
        let mut least = 0;
        for run in &self.runs {
            let position = self.spec.position(run.item()).filter(|position| *position >= least);
            let (seed, case) = (run.seed, run.case);
            let position =
                position.ok_or_else(|| format!("a run of seed {seed} and case {case} that does not belong there"))?;
            least = position.saturating_add(1);
        }
        match &self.stopped {
            None if (self.runs.len() as u64) < self.spec.runs() => {
                Err(format!("{} of {} runs, and no reason why", self.runs.len(), self.spec.runs()))
            }
            _ => Ok(()),
        }
    }
}

pub(super) const CHECK: &str = "check";
const ENVIRONMENT: &str = "environment";

/// SHA-256 over all but the environment and the check itself, as JSON on one line, in hexadecimal.
pub(super) fn check_of(written: &Value) -> String {
    let result = written.as_object().into_iter().flatten().filter(|(key, _)| ![CHECK, ENVIRONMENT].contains(&&***key));
    let result: Map<String, Value> = result.map(|(key, value)| (key.clone(), value.clone())).collect();
    hex::encode(Sha256::digest(Value::Object(result).to_string()))
}

impl RunLine {
    /// Which run of the sweep it is.
    pub fn item(&self) -> Item {
        Item { seed: self.seed, case: self.case }
    }
}
