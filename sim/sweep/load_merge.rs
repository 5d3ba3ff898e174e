//! The shards of a load, put together.

use std::collections::BTreeMap;

use thiserror::Error;

use super::LoadShard;
use crate::{
    plan::Plan,
    report::{Findings, Report},
};

/// Why the shards of a load do not make a whole.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum LoadMergeError {
    /// There is nothing to merge.
    #[error("expected at least one shard of a load to merge")]
    Nothing,
    /// They are not parts of one load.
    #[error("`{other}` is of another load than `{first}`: {difference}")]
    Mixed {
        /// The first shard.
        first: String,
        /// The one that does not go with it.
        other: String,
        /// What differs.
        difference: String,
    },
    /// A part is there twice: its visits would count double.
    #[error("`{first}` and `{other}` are both shard {shard}: name each once")]
    Doubled {
        /// The first of them.
        first: String,
        /// The other.
        other: String,
        /// Which shard.
        shard: String,
    },
    /// Parts are missing.
    #[error("of {count} shards {} missing: {}", if missing.len() == 1 { "one is" } else { "some are" }, missing.join(", "))]
    Gap {
        /// How many parts there are.
        count: u32,
        /// Those that are missing.
        missing: Vec<String>,
    },
}

/// Puts the shards of a load together, each with the name that errors tell: the plan, and its report as if one generator had
/// made all visits. In whichever order they come, the result is the same.
///
/// # Errors
/// If they are not exactly the parts of one load.
pub fn merge_load(shards: Vec<(String, LoadShard)>) -> Result<(Plan, Report), LoadMergeError> {
    let mut parts: BTreeMap<u32, (String, LoadShard)> = BTreeMap::new();
    for (name, shard) in shards {
        let mixed = parts.values().find_map(|(first, known)| Some((first.clone(), known.difference(&shard)?)));
        if let Some((first, difference)) = mixed {
            return Err(LoadMergeError::Mixed { first, other: name, difference });
        }
        if let Some((first, _)) = parts.get(&shard.shard.index) {
            let first = first.clone();
            return Err(LoadMergeError::Doubled { first, other: name, shard: shard.shard.to_string() });
        }
        parts.insert(shard.shard.index, (name, shard));
    }
    let Some(count) = parts.values().next().map(|(_, part)| part.shard.count) else {
        return Err(LoadMergeError::Nothing);
    };
    let missing: Vec<_> =
        (1..=count).filter(|index| !parts.contains_key(index)).map(|index| format!("{index}/{count}")).collect();
    if !missing.is_empty() {
        return Err(LoadMergeError::Gap { count, missing });
    }
    let reproduce = reproduce(&parts);
    let generators: Vec<_> = parts.values().map(|(_, part)| part.generator()).collect();
    let whole = parts.into_values().map(|(_, part)| part).reduce(absorb).ok_or(LoadMergeError::Nothing)?;
    let LoadShard { plan, judgement, metrics, pace, interrupted, ended_at, machine, .. } = whole;
    let findings = Findings {
        judgement,
        latencies: metrics.latencies(),
        measurements: metrics.finish(ended_at),
        pace: Some(pace.finish(ended_at)),
        digest: None,
        interrupted,
        reproduce,
        environment: machine,
    };
    let report = Report::new(&plan, findings).by(generators);
    Ok((plan, report))
}

/// One part and another of the same load.
fn absorb(mut whole: LoadShard, part: LoadShard) -> LoadShard {
    whole.interrupted |= part.interrupted;
    whole.ended_at = whole.ended_at.max(part.ended_at);
    whole.judgement.absorb(part.judgement);
    whole.metrics.absorb(part.metrics);
    whole.pace.absorb(part.pace);
    whole.machine.absorb(&part.machine);
    whole
}

/// The commands of all generators, side by side in a shell of one machine, and that of their merger.
fn reproduce(parts: &BTreeMap<u32, (String, LoadShard)>) -> String {
    let count = parts.len();
    let command = parts.values().next().map_or("", |(_, part)| part.command.as_str());
    format!(
        "for i in $(seq {count}); do {command} --shard $i/{count} --out shard-$i & done; wait; countersign merge 'shard-*'"
    )
}
