//! The same scenario with more or less going on.

use super::{AgentGroup, Ranged, Scenario};

impl Scenario {
    /// The same scenario with so many times as much going on, in thousandths: arrivals come at that multiple of their rate,
    /// and of agents that visit at intervals there are so many times as many, and at least one.
    ///
    /// Errors in the scaled scenario are told at the places of this one.
    pub fn scaled(&self, per_mille: u64) -> Self {
        let mut scaled = self.clone();
        scaled.document.agents.iter_mut().for_each(|group| scale(group, per_mille));
        scaled
    }
}

fn scale(group: &mut AgentGroup, per_mille: u64) {
    match &mut group.arrivals {
        Some(arrivals) => {
            for phase in &mut arrivals.phases {
                phase.rate.from = phase.rate.from.scaled(per_mille);
                phase.rate.to = phase.rate.to.scaled(per_mille);
            }
        }
        None => {
            let Ranged { min, max } = group.count;
            group.count = Ranged { min: times(min, per_mille).max(1), max: times(max, per_mille).max(1) };
        }
    }
}

/// A multiple in thousandths, rounded down.
pub(super) fn times(value: u64, per_mille: u64) -> u64 {
    u64::try_from(u128::from(value) * u128::from(per_mille) / 1_000).unwrap_or(u64::MAX)
}
