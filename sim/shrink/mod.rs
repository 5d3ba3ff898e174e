//! From a plan that fails to a small one that fails in the same way.
//!
//! A [`Shrinker`] tries smaller plans, one change at a time, and keeps each that still violates the same invariant in
//! the same way: first a shorter run, then fewer attackers, faults, sites and agents, then plainer values. What is left
//! is what the failure needs. Nothing is drawn: the same plan shrinks to the same plan.

mod chosen;
mod duration;
mod faults;
mod goal;
mod minimize;
mod plain;
mod shrinker;
mod story;

/// A change of a plan that makes it smaller or plainer, or leaves it as it is.
type Change = Box<dyn Fn(&mut crate::plan::Plan)>;

pub use chosen::with_agents;
pub use goal::{Failed, Goal};
pub use shrinker::{Attempt, Shrinker, Shrunk};
pub use story::story;
