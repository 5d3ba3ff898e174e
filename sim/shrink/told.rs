//! A plan as a scenario tells it.

use super::{Failed, with_agents};
use crate::{
    plan::Plan,
    scenario::{Overrides, Scenario, clones_in_order, spelled},
};

/// The plan as its scenario tells it, which is called `name`: clones come after whom they were made from, sites are alike,
/// and the seed draws whatever else is left to it. `None` if there can be no such scenario.
///
/// What is written of a small plan is a scenario: one that stands in for its plan from the beginning on fails for sure.
pub fn told(plan: &Plan, name: &str) -> Option<Plan> {
    let told = Scenario::from_toml(name, &scenario_of(plan, "A smaller plan.")).ok()?;
    told.resolve(None, Overrides::default()).ok()
}

/// The text of the scenario that tells a plan.
pub fn scenario_of(plan: &Plan, description: &str) -> String {
    spelled(&with_agents(plan, &clones_in_order(plan)), description)
}

/// A plan that fails as its scenario tells it: this one, or the same with another of some seeds.
pub fn first_told(plan: &Plan, fails: &dyn Fn(&Plan) -> Option<Failed>) -> Option<(Plan, Failed)> {
    const SEEDS: u64 = 8;
    let with_seed = |more| Plan { seed: plan.seed.wrapping_add(more), ..plan.clone() };
    (0..SEEDS).map(with_seed).find_map(|plan| fails(&plan).map(|failed| (plan, failed)))
}
