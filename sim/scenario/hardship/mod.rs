//! Faults, and attackers, that a seed draws by a named profile.

mod attackers;
mod hazard;
mod kinds;
mod machine;
mod portal;
mod profiles;
mod scene;
mod scope;
mod share;
mod swarm;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    Document, Ranged,
    draws::{Draws, MILLISECOND},
    key_supply::KeySupply,
    problem::Problem,
};
use crate::{plan::Plan, types::TimeSpan};
use scene::Scene;

/// Faults that the seed draws, and when everything has healed.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct HardshipTable {
    /// Which faults are drawn, beside those of `[[faults]]`. Default: none.
    pub profile: Option<HardshipProfile>,
    /// When the first may strike. Default: after a tenth of the run.
    pub from: Option<Ranged<TimeSpan>>,
    /// When everything has healed: up to then only safety is judged, from then on liveness too. Default: half of the
    /// run for a profile, else when the last of `[[faults]]` is over.
    pub heal: Option<Ranged<TimeSpan>>,
    /// Whether `swarm` draws kinds of authentication, too: which are on at first, where the file leaves that open, and how
    /// policy, passwords and special tokens change. Default `false`.
    pub kinds: bool,
}

/// A named mixture of faults. What each draws leaves an honest fleet able to recover: clock steps leave all clocks within half
/// of the shortest token lifetime, and what a policy must tell is changed only where everybody fetches policy in
/// time. Rolled back memory and new agent keys, from which literal does not recover (holes 7 and 14), strike
/// hardened fleets only.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HardshipProfile {
    /// A little delay, clocks that wander a little, and one short crash of an agent.
    Calm,
    /// Loss, delay, duplicates, reordering, short partitions, crashes of agents and of a site.
    Flaky,
    /// Everything that can go wrong, everything that an administrator does, and attackers that nobody must give way to.
    Storm,
    /// Each seed has a random part of everything in random strength, attackers that nobody must give way to, and
    /// random parameters where the file leaves them open. Some seeds have nothing but one kind of fault, much of it.
    /// Where the scenario has a `machine` or a `portal`, what happens to these is drawn, too.
    Swarm,
}

impl HardshipTable {
    /// Draws what the profile asks for, and settles when everything has healed. Comes after all else. `groups` tells of each
    /// agent which table of the file it comes from.
    ///
    /// # Errors
    /// If there is no time for it.
    pub(super) fn add_to(
        &self,
        plan: &mut Plan,
        document: &Document,
        groups: &[usize],
        draws: &Draws,
        keys: &mut KeySupply,
    ) -> Result<(), Problem> {
        let time = |key: &str, given: Option<Ranged<TimeSpan>>| {
            given.map(|range| draws.time(&format!("hardship.{key}"), 0, range, MILLISECOND)).transpose()
        };
        let (from_ms, heal_ms) = (time("from", self.from)?, time("heal", self.heal)?);
        if self.kinds && self.profile != Some(HardshipProfile::Swarm) {
            return Err(Problem::new(
                "hardship.kinds",
                "`true` without `profile = \"swarm\"`",
                "a swarm that draws them",
            ));
        }
        let Some(profile) = self.profile else {
            if self.from.is_some() {
                return Err(Problem::new(
                    "hardship.from",
                    "no `profile`",
                    "a profile, whose faults strike from then on",
                ));
            }
            plan.heal_ms = heal_ms.or_else(|| plan.faults.iter().filter_map(|fault| fault.until_ms).max());
            return Ok(());
        };
        let from_ms = from_ms.unwrap_or(plan.duration_ms / 10);
        let heal_ms = heal_ms.unwrap_or(plan.duration_ms / 2);
        if !(from_ms < heal_ms && heal_ms <= plan.duration_ms) {
            let expected = format!(
                "a time after {}, when the first may strike, and within the run of {}",
                TimeSpan::from_millis(from_ms),
                TimeSpan::from_millis(plan.duration_ms)
            );
            return Err(Problem::new("hardship.heal", TimeSpan::from_millis(heal_ms), expected));
        }
        plan.heal_ms = Some(heal_ms);
        let mut scene = Scene { plan, draws, keys, from_ms, heal_ms, step_ms_max: None, draws_kinds: self.kinds };
        match profile {
            HardshipProfile::Calm => profiles::calm(&mut scene),
            HardshipProfile::Flaky => profiles::flaky(&mut scene),
            HardshipProfile::Storm => profiles::storm(&mut scene, document),
            HardshipProfile::Swarm => swarm::swarm(&mut scene, document, groups),
        }
        Ok(())
    }
}
