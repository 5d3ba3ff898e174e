//! The portal of a plan, as far as invariants speak of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use crate::{
    plan::{Attack, Plan},
    types::{ActorId, ClockModel, LoginLifetimes, VirtualTime},
};

/// Clocks, accounts and thieves of a portal; nothing of a plan without one.
#[derive(Clone, Debug, Default)]
pub struct PortalAssumptions {
    clocks: BTreeMap<ActorId, ClockModel>,
    /// The accounts that attackers have of their own.
    accounts: BTreeMap<ActorId, String>,
    /// Who has the key out of the database, and since when.
    thieves: BTreeMap<ActorId, VirtualTime>,
    /// By how much a clock of the portal is ever wrong, at most.
    skew: Duration,
    lifetimes: Option<LoginLifetimes>,
    administrators: BTreeSet<String>,
}

impl PortalAssumptions {
    pub(super) fn of(plan: &Plan) -> Self {
        let Some(portal) = &plan.portal else { return Self::default() };
        let attackers = || (1..).zip(&plan.attackers);
        let accounts = attackers()
            .filter_map(|(number, _)| plan.account_of_attacker(number).map(|user| (ActorId::Attacker(number), user)));
        let thieves = attackers().filter(|(_, attacker)| attacker.attack == Attack::LoginKeyTheft);
        let thieves = thieves.map(|(number, it)| (ActorId::Attacker(number), VirtualTime::from_millis(it.start_ms)));
        let administrators = portal.browsers.iter().filter(|browser| browser.administers);
        let end = VirtualTime::from_millis(plan.duration_ms);
        let errors = portal.actors().map(|actor| plan.clock_of(actor).error_bounds_nanos(VirtualTime::ZERO, end));
        let worst = errors.map(|(least, most)| least.unsigned_abs().max(most.unsigned_abs())).max().unwrap_or(0);
        Self {
            skew: Duration::from_nanos(u64::try_from(worst).unwrap_or(u64::MAX)),
            clocks: portal.actors().map(|actor| (actor, plan.clock_of(actor))).collect(),
            accounts: accounts.collect(),
            thieves: thieves.collect(),
            lifetimes: Some(portal.lifetimes),
            administrators: administrators.map(|browser| browser.user.clone()).collect(),
        }
    }

    /// By how much a clock of the portal is ever wrong, at most.
    pub fn skew(&self) -> Duration {
        self.skew
    }

    /// How long login tokens live.
    pub fn lifetimes(&self) -> Option<&LoginLifetimes> {
        self.lifetimes.as_ref()
    }

    /// Whether a user may go to the administration server.
    pub fn is_administrator(&self, user: &str) -> bool {
        self.administrators.contains(user)
    }

    /// The clock of an actor of the portal, with what faults do to it.
    pub fn clock(&self, actor: ActorId) -> Option<&ClockModel> {
        self.clocks.get(&actor)
    }

    /// The user that an attacker is, if it has an account of its own.
    pub fn account(&self, attacker: ActorId) -> Option<&str> {
        self.accounts.get(&attacker).map(String::as_str)
    }

    /// Since when an attacker has the key out of the database, if it does.
    pub fn thief_since(&self, attacker: ActorId) -> Option<VirtualTime> {
        self.thieves.get(&attacker).copied()
    }
}
