//! The shards of a sweep, put together.

use std::collections::BTreeMap;

use thiserror::Error;

use super::{Bundle, BundleEnvironment};

/// Why bundles do not make a whole.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum MergeError {
    /// There is nothing to merge.
    #[error("expected at least one sweep to merge")]
    Nothing,
    /// They are not parts of one sweep.
    #[error("`{other}` is of another sweep than `{first}`: {difference}")]
    Mixed {
        /// The first bundle.
        first: String,
        /// The one that does not go with it.
        other: String,
        /// What differs.
        difference: String,
    },
    /// Two say different things of the same part.
    #[error("`{first}` and `{other}` are both shard {shard}, and differ in what it came to")]
    Overlap {
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
    /// A part was stopped before its end.
    #[error("`{name}` was stopped before its end: {why}; make its runs again, then merge")]
    Stopped {
        /// Its name.
        name: String,
        /// Why it was stopped.
        why: String,
    },
}

/// Puts the shards of a sweep together, each with the name that errors tell. In whichever order they come, and if one
/// comes twice, the result is the same: that of a sweep that made all the runs itself.
///
/// # Errors
/// If they are not exactly the parts of one sweep.
pub fn merge(bundles: Vec<(String, Bundle)>) -> Result<Bundle, MergeError> {
    let Some((first_name, first)) = bundles.first() else { return Err(MergeError::Nothing) };
    let (first_name, whole, count) = (first_name.clone(), first.spec.whole(), first.spec.shard.count);
    let mut parts: BTreeMap<u32, (String, Bundle)> = BTreeMap::new();
    for (name, bundle) in bundles {
        let shard = bundle.spec.shard;
        let mixed = |difference| MergeError::Mixed { first: first_name.clone(), other: name.clone(), difference };
        if let Some(difference) = whole.difference(&bundle.spec.whole()) {
            return Err(mixed(difference));
        }
        if shard.count != count {
            return Err(mixed(format!("{count} shards here, {} there", shard.count)));
        }
        if let Some(why) = bundle.stopped {
            return Err(MergeError::Stopped { name, why: why.to_string() });
        }
        match parts.get(&shard.index) {
            None => drop(parts.insert(shard.index, (name, bundle))),
            Some((_, known)) if known.cases == bundle.cases && known.runs == bundle.runs => {}
            Some((known, _)) => {
                return Err(MergeError::Overlap { first: known.clone(), other: name, shard: shard.to_string() });
            }
        }
    }
    let missing: Vec<_> =
        (1..=count).filter(|index| !parts.contains_key(index)).map(|index| format!("{index}/{count}")).collect();
    if !missing.is_empty() {
        return Err(MergeError::Gap { count, missing });
    }
    let mut merged = Bundle::new(whole);
    for (_, bundle) in parts.into_values() {
        for (tally, part) in merged.cases.iter_mut().zip(bundle.cases) {
            tally.absorb(part);
        }
        merged.runs.extend(bundle.runs);
        merged.environment.absorb(bundle.environment);
    }
    Ok(merged.finish(None))
}

impl BundleEnvironment {
    /// Adds up what two parts took.
    fn absorb(&mut self, other: Self) {
        self.cpu_ns = self.cpu_ns.saturating_add(other.cpu_ns);
        self.wall_ns = self.wall_ns.max(other.wall_ns);
        for (all, more) in [(&mut self.systems, other.systems), (&mut self.cpus, other.cpus)] {
            all.extend(more);
            all.sort();
            all.dedup();
        }
    }
}
