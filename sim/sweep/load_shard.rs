//! What one of several generators of a load heard: a file that says of itself what it is about, and holds everything from
//! which figures are made, so that nothing is lost when the parts are put together.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

use super::bundle::{CHECK, check_of};
use crate::{
    metrics::{Metrics, Pace},
    oracle::Judgement,
    plan::Plan,
    report::{Environment, Generator},
    types::{Origin, Shard, Thumbprint, VirtualTime, form_of},
};

/// The version of the form of a load's shard.
pub const LOAD_SHARD_VERSION: u32 = 2;

/// What one of several generators of a load heard.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LoadShard {
    /// The version of this form: 2, with instants in microseconds.
    pub countersign_load_shard: u32,
    /// The version of the program.
    pub version: String,
    /// Which part of the agents came.
    pub shard: Shard,
    /// Whom they visited.
    pub visited: Visited,
    /// The command that makes the whole load by one generator.
    pub command: String,
    /// The plan of the whole.
    pub plan: Plan,
    /// Whether the load was stopped before its end.
    pub interrupted: bool,
    /// The time that it reached.
    #[serde(rename = "ended_at_ns")]
    pub ended_at: VirtualTime,
    /// What the oracle says.
    pub judgement: Judgement,
    /// What was measured.
    pub metrics: Metrics,
    /// Whether visits came in time.
    pub pace: Pace,
    /// The machine, and what was taken of it.
    pub machine: Environment,
}

/// The servers that a load visited.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Visited {
    /// The origin of the server that all agents visited.
    pub server: Origin,
    /// The origin of the SMP with which they registered.
    pub smp: Origin,
    /// The thumbprint of its key.
    pub pin: Thumbprint,
}

/// Why the shard of a load cannot be read.
#[derive(Debug, Error)]
pub enum LoadShardError {
    /// The system does not let it.
    #[error("failed to read the shard of a load `{}`: {error}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's words.
        #[source]
        error: io::Error,
    },
    /// It is none.
    #[error("{}{place}: {found}; expected what `load --shard` wrote as load-shard.json", path.display())]
    Broken {
        /// The file.
        path: PathBuf,
        /// Line and column, each after a colon, as far as there are any.
        place: String,
        /// What is wrong with it.
        found: String,
    },
}

/// The greatest count that is taken from a file: thousands of parts can be added up, and no sum overflows.
const COUNT_MAX: u64 = 1 << 48;

/// Whether all counts are such that those of thousands of parts can be added up. Histograms see to themselves, and instants
/// are not added.
fn can_be_added(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.as_u64().is_some_and(|count| count <= COUNT_MAX),
        Value::Array(values) => values.iter().all(can_be_added),
        Value::Object(fields) if fields.contains_key("hdr_v2") => true,
        Value::Object(fields) => fields.iter().all(|(name, value)| name == "begun_at" || can_be_added(value)),
        _ => true,
    }
}

impl LoadShard {
    /// The name of its file.
    pub const FILE: &str = "load-shard.json";

    /// Whether a path is that of one, or of a folder with one.
    pub fn is_at(path: &Path) -> bool {
        if path.is_dir() {
            return path.join(Self::FILE).exists();
        }
        fs::read(path).is_ok_and(|content| form_of(&content) == "the shard of a load")
    }

    /// As JSON on one line, with a check over all of it.
    ///
    /// # Errors
    /// None that a shard could cause.
    pub fn to_json(&self) -> serde_json::Result<String> {
        let mut written = serde_json::to_value(self)?;
        let check = check_of(&written);
        if let Some(fields) = written.as_object_mut() {
            fields.insert(CHECK.to_owned(), check.into());
        }
        Ok(written.to_string() + "\n")
    }

    /// Reads a file, or the one of the usual name in a folder.
    ///
    /// # Errors
    /// If it cannot be read, or is not as it was written.
    pub fn read(path: &Path) -> Result<Self, LoadShardError> {
        #[derive(Deserialize)]
        struct Version {
            countersign_load_shard: u32,
        }
        let path = if path.is_dir() { path.join(Self::FILE) } else { path.to_owned() };
        let content = fs::read(&path).map_err(|error| LoadShardError::File { path: path.clone(), error })?;
        let broken = |found| LoadShardError::Broken { path: path.clone(), place: String::new(), found };
        let wrong = |error: serde_json::Error| {
            let found = error.to_string();
            let found = if error.is_eof() { "it is cut off here" } else { &found };
            let found = found.split(" at line ").next().unwrap_or_default().to_owned();
            let place = format!(":{}:{}", error.line(), error.column());
            LoadShardError::Broken { path: path.clone(), place, found }
        };
        match form_of(&content) {
            "the shard of a load" => {}
            other => return Err(broken(format!("this is {other}"))),
        }
        let Version { countersign_load_shard: version } = serde_json::from_slice(&content).map_err(wrong)?;
        if version != LOAD_SHARD_VERSION {
            return Err(broken(format!("version {version}, and this program reads version {LOAD_SHARD_VERSION}")));
        }
        let written: Value = serde_json::from_slice(&content).map_err(wrong)?;
        if written.get(CHECK).and_then(Value::as_str) != Some(&check_of(&written)) {
            return Err(broken(format!("the `{CHECK}` is not that of the rest: the file was edited or damaged")));
        }
        let read: Self = serde_json::from_slice(&content).map_err(wrong)?;
        Shard::new(read.shard.index, read.shard.count).map_err(|error| broken(error.to_string()))?;
        if !read.metrics.is_of(&read.plan) {
            return Err(broken("the figures are not those of the plan".to_owned()));
        }
        if ["judgement", "metrics", "pace"].iter().any(|part| !written.get(part).is_none_or(can_be_added)) {
            return Err(broken("it counts more than any load has".to_owned()));
        }
        Ok(read)
    }

    /// Whose it is, for the report of the whole.
    pub fn generator(&self) -> Generator {
        let pace = self.pace.clone().finish(self.ended_at);
        let agents = (0..self.plan.agents.len()).filter(|index| self.shard.has(*index as u64));
        Generator {
            shard: self.shard,
            agents: agents.count() as u64,
            visits: pace.visits,
            began_unix_ms: self.pace.began().map(|began| began.0 / 1_000_000),
            lag_ns: pace.lag_ns,
            is_late: pace.is_late,
            interrupted: self.interrupted,
            environment: self.machine.clone(),
        }
    }

    /// In what two differ that should be parts of one load, in words; none if they do not.
    pub(super) fn difference(&self, other: &Self) -> Option<String> {
        let differ = |what: &str, mine: &dyn std::fmt::Display, others: &dyn std::fmt::Display| {
            (mine.to_string() != others.to_string()).then(|| format!("{what}: {mine} here, {others} there"))
        };
        let (plan, others) = (&self.plan, &other.plan);
        differ("the version of the program", &self.version, &other.version)
            .or_else(|| differ("the number of shards", &self.shard.count, &other.shard.count))
            .or_else(|| differ("the scenario", &plan.scenario, &others.scenario))
            .or_else(|| differ("the seed", &plan.seed, &others.seed))
            .or_else(|| differ("the profile", &plan.profile, &others.profile))
            .or_else(|| differ("the signatures", &plan.crypto, &others.crypto))
            .or_else(|| differ("the server", &self.visited.server, &other.visited.server))
            .or_else(|| differ("the SMP", &self.visited.smp, &other.visited.smp))
            .or_else(|| differ("the SMP's key", &self.visited.pin, &other.visited.pin))
            .or_else(|| (plan != others).then(|| "the text of the scenario, which makes another plan".to_owned()))
    }
}
