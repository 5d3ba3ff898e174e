//! From a plan that fails to a small one that fails in the same way.
//!
//! A [`Shrinker`] tries smaller plans, one change at a time, and keeps each that still violates the same invariant in
//! the same way: first a shorter run, then fewer attackers, faults, agents, sites and visits, then plainer values; first by
//! large pieces, so that all later runs cost less, and then one by one. What is left is what the failure needs.
//!
//! Whoever is left out changes what the others draw, so that a failure that hangs on a moment is missed by a smaller plan
//! that could show it. Large pieces are therefore tried with some other seeds too. Nothing is left to chance: the same plan
//! shrinks to the same plan, however many are run at the same time.

mod chosen;
mod duration;
mod faults;
mod goal;
mod leave_out;
mod minimize;
mod plain;
mod shrinker;
mod story;
mod told;
mod tried;

/// A change of a plan that makes it smaller or plainer, or leaves it as it is.
type Change = Box<dyn Fn(&mut crate::plan::Plan)>;

pub use chosen::with_agents;
pub use goal::{Failed, Goal};
pub use shrinker::{Attempt, Shrinker, Shrunk};
pub use story::story;
pub use told::{first_told, scenario_of, told};
