//! What else a machine does.

use serde::{Deserialize, Serialize};

use super::ppm;

/// What took the cores of a machine away from whatever computed on them while it was watched: other programs, the kernel, other
/// guests of the same hardware ("steal time"), or a core that was slow for a while.
///
/// It is kept as it came: what makes the tails comes in clusters and on all cores at once, which lengths and distances alone would
/// not tell.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Interruptions {
    /// How long the machine was watched, in nanoseconds. 0: nobody did.
    pub watched_ns: u64,
    /// What took each of its cores, in order.
    pub cores: Vec<Vec<Interruption>>,
}

impl Interruptions {
    /// How much of all cores was taken, in parts per million; 0 if nobody watched.
    pub fn taken_ppm(&self) -> u64 {
        let taken_ns = self.cores.iter().flatten().fold(0, |sum: u64, it| sum.saturating_add(it.length_ns));
        ppm(taken_ns, self.watched_ns.saturating_mul(self.cores.len() as u64)).unwrap_or_default()
    }
}

/// Once.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Interruption {
    /// When it came, in nanoseconds from when the watch began.
    pub at_ns: u64,
    /// How long it took the core, in nanoseconds.
    pub length_ns: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_counts_for_all_cores_together() {
        let once = |length_ns| Interruption { at_ns: 7, length_ns };
        let watch = |watched_ns, cores| Interruptions { watched_ns, cores };
        let cores = vec![vec![once(100), once(200)], vec![once(100)], Vec::new(), Vec::new()];
        assert_eq!(watch(1_000, cores).taken_ppm(), 100_000);
        assert_eq!(watch(1_000, Vec::new()).taken_ppm() + watch(0, vec![vec![once(1)]]).taken_ppm(), 0);
    }
}
