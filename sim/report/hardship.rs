//! What went wrong in a run on purpose.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::human;
use crate::{
    oracle::Assumptions,
    plan::{Attack, Plan},
    types::VirtualTime,
};

/// The faults and attackers of a plan.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Hardship {
    /// How many faults of each kind there were.
    pub faults: BTreeMap<String, u64>,
    /// When everything had healed, in milliseconds of virtual time.
    pub healed_at_ms: Option<u64>,
    /// From when on liveness was judged, in milliseconds of virtual time: once the network was fair again.
    #[serde(default)]
    pub fair_from_ms: Option<u64>,
    /// How many attackers there were of each kind.
    pub attackers: BTreeMap<Attack, u64>,
    /// The bug that was planted, if one was.
    pub planted: Option<String>,
}

impl Hardship {
    /// What goes wrong in a plan.
    pub(super) fn of(plan: &Plan) -> Self {
        let fairness = Assumptions::of(plan).fairness;
        let healed = fairness.healed();
        let mut hardship = Self {
            healed_at_ms: healed.map(millis),
            fair_from_ms: healed.map(|_| millis(fairness.from())),
            planted: plan.bug.map(|bug| bug.name().to_owned()),
            ..Self::default()
        };
        for fault in &plan.faults {
            *hardship.faults.entry(fault.kind.name().to_owned()).or_default() += 1;
        }
        for attacker in &plan.attackers {
            *hardship.attackers.entry(attacker.attack).or_default() += 1;
        }
        hardship
    }

    /// As sentences, one for each that there is something to say about.
    pub(super) fn lines(&self) -> Vec<String> {
        let listed = |counts: Vec<(String, u64)>| {
            let words = counts.into_iter().map(|(name, count)| match count {
                1 => name.replace('_', " "),
                count => format!("{} ×{count}", name.replace('_', " ")),
            });
            words.collect::<Vec<_>>().join(", ")
        };
        let mut lines = Vec::new();
        if !self.faults.is_empty() {
            let time = |at_ms: u64| human::duration(at_ms.saturating_mul(1_000_000));
            let healed = self.healed_at_ms.map(|at_ms| format!("; all is healed from {} on", time(at_ms)));
            let fair = self.fair_from_ms.map(|at_ms| format!(", and liveness counts from {} on", time(at_ms)));
            let healed = healed.into_iter().chain(fair).collect::<String>();
            let counts = self.faults.iter().map(|(name, count)| (name.clone(), *count)).collect();
            lines.push(format!("faults: {}{healed}", listed(counts)));
        }
        if !self.attackers.is_empty() {
            let counts = self.attackers.iter().map(|(attack, count)| (human::words(attack), *count)).collect();
            lines.push(format!("attackers: {}", listed(counts)));
        }
        lines.extend(self.planted.iter().map(|bug| format!("planted bug: {bug}")));
        lines
    }
}

fn millis(at: VirtualTime) -> u64 {
    at.nanos() / 1_000_000
}
