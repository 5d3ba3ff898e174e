//! The independent judge of a run.
//!
//! The oracle hears every event and recomputes what is true from them alone: it never asks a server what it
//! believes, and it shares no rule with the protocol. Each invariant of SPEC section 6 has a checker, a small
//! state machine in a file that is named after what the invariant says; its header states the exact reading.
//! What several checkers need to know lies in `facts`, without judgement.
//!
//! A run may have millions of events, so that everything kept here is forgotten once it can no longer matter.
//!
//! | invariant | file |
//! |---|---|
//! | S1 | `accepted_once` |
//! | S2 | `accept_is_signed`, `account_is_proven` |
//! | S3 | `accept_is_in_time` |
//! | S4 | `served_after_accept`, `never_open`, `kind_is_on` |
//! | S5 | `registry_only_verified` |
//! | S6 | `registry_keeps_entry`, `purged_stays_out` |
//! | S7 | `revoked_stays_out` |
//! | S8 | `upstream_within_ceilings`, `registry_entry_leaves`, `stored_token_leaves`, `cache_entry_leaves`; |
//! | | `counter_within_cap`, `fetch_is_shared`, `stored_token_is_good`, `retries_back_off` |
//! | S9 | `challenge_unexpired`, `challenge_is_new` |
//! | S10 | `acc_is_last_resort` |
//! | S11 | `machine_follows_policy` |
//! | S13 | `own_connection`, `token_keeps_path`, `proxy_gets_no_token` |
//! | bearer tokens: S2, S3, S4, S7, S13 | `bearer_is_good` |
//! | peers: S1, S2, S13 | `peer_is_proven` |
//! | L1 to L5 | `two_trips`, `one_trip`, `no_refusal_streak`, `waiters_progress`, `refreshed_in_time` |
//! | L6 | `back_in_time` |
//! | S2, S3, S13, L1 of a portal | `login_token_is_issued`, `login_token_is_in_time`, `login_token_is_own`, `login_token_is_taken`; |
//! | S3, S4 of a portal | `login_token_lifetime`, `session_is_open` |
//!
//! From when on liveness is judged, and for whom, stands in `fairness`. Safety is judged always: each header says what
//! a crash, a clock that was set, or a change of policy excuses, if anything.
//!
//! S12 is judged by whoever compares the digests of two runs.

mod acc_is_last_resort;
mod accept_is_in_time;
mod accept_is_signed;
mod accepted_once;
mod account_is_proven;
mod assumptions;
mod back_in_time;
mod bearer_is_good;
mod cache_entry_leaves;
mod challenge_is_new;
mod challenge_unexpired;
mod checker;
mod counter_within_cap;
mod facts;
mod fairness;
mod fetch_is_shared;
mod kind_is_on;
mod login_token_is_in_time;
mod login_token_is_issued;
mod login_token_is_own;
mod login_token_is_taken;
mod login_token_lifetime;
mod machine_follows_policy;
mod milestones;
mod never_open;
mod no_refusal_streak;
mod one_trip;
mod own_connection;
mod package_is_guarded;
mod peer_is_proven;
mod proxy_gets_no_token;
mod purged_stays_out;
mod refreshed_in_time;
mod registry_entry_leaves;
mod registry_keeps_entry;
mod registry_only_verified;
mod retries_back_off;
mod revoked_stays_out;
mod scene;
mod served_after_accept;
mod session_is_open;
mod stored_token_is_good;
mod stored_token_leaves;
mod token_keeps_path;
mod two_trips;
mod upstream_within_ceilings;
mod violation;
mod waiters_progress;

pub use assumptions::Assumptions;
pub use scene::{Scene, SceneRecorder};
pub use violation::{Findings, Violation};

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

use self::{checker::Checker, facts::Facts, milestones::Milestones};
use crate::{
    event::{Event, Listener},
    plan::{Invariant, Milestone, Plan},
    types::VirtualTime,
};

/// Judges a run while it happens.
pub struct Oracle {
    facts: Facts,
    checkers: Vec<Box<dyn Checker>>,
    milestones: Milestones,
    findings: Findings,
    not_judged: BTreeMap<Invariant, String>,
    second: Option<u64>,
}

/// Those who judge what was accepted and served, whoever was how fast: S1 to S5, S10 and S13.
fn untimed() -> Vec<Box<dyn Checker>> {
    vec![
        Box::<accepted_once::AcceptedOnce>::default(),
        Box::<accept_is_signed::AcceptIsSigned>::default(),
        Box::<accept_is_in_time::AcceptIsInTime>::default(),
        Box::<served_after_accept::ServedAfterAccept>::default(),
        Box::<registry_only_verified::RegistryOnlyVerified>::default(),
        Box::<own_connection::OwnConnection>::default(),
        Box::<token_keeps_path::TokenKeepsPath>::default(),
        Box::<login_token_is_issued::LoginTokenIsIssued>::default(),
        Box::<login_token_is_in_time::LoginTokenIsInTime>::default(),
        Box::<login_token_is_own::LoginTokenIsOwn>::default(),
        Box::<login_token_is_taken::LoginTokenIsTaken>::default(),
        Box::<session_is_open::SessionIsOpen>::default(),
        Box::<acc_is_last_resort::AccIsLastResort>::default(),
        Box::<account_is_proven::AccountIsProven>::default(),
        Box::<kind_is_on::KindIsOn>::default(),
        Box::<bearer_is_good::BearerIsGood>::default(),
        Box::<package_is_guarded::PackageIsGuarded>::default(),
        Box::<proxy_gets_no_token::ProxyGetsNoToken>::default(),
        Box::<peer_is_proven::PeerIsProven>::default(),
    ]
}

/// What the oracle made of a run.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Judgement {
    /// The violations in the order of their discovery, at most [`Findings::KEPT_PER_INVARIANT`] of each invariant.
    pub violations: Vec<Violation>,
    /// How many violations of each invariant there were in all; those that hold are left out.
    pub counts: BTreeMap<Invariant, u64>,
    /// How often each milestone was reached; those that were not are left out.
    pub reached: BTreeMap<Milestone, u64>,
    /// Invariants that could not be judged because the plan breaks what they presuppose, and why.
    pub not_judged: BTreeMap<Invariant, String>,
    /// How many events were heard.
    pub events: u64,
}

impl Judgement {
    /// Takes in what another judge made of others in the same run. What is violated for one of them is violated, and what
    /// one could not judge is not judged. Each numbers the events that it heard by itself.
    pub fn absorb(&mut self, other: Self) {
        self.violations.extend(other.violations);
        self.violations.sort_by_key(|violation| violation.at);
        let mut kept: BTreeMap<Invariant, u64> = BTreeMap::new();
        self.violations.retain(|violation| {
            let kept = kept.entry(violation.invariant).or_default();
            *kept += 1;
            *kept <= Findings::KEPT_PER_INVARIANT
        });
        for (invariant, count) in other.counts {
            *self.counts.entry(invariant).or_default() += count;
        }
        for (milestone, count) in other.reached {
            *self.reached.entry(milestone).or_default() += count;
        }
        self.not_judged.extend(other.not_judged);
        self.events += other.events;
    }
}

impl Oracle {
    /// A judge for runs of `plan`.
    pub fn new(plan: &Plan) -> Self {
        let assumptions = Assumptions::of(plan);
        let mut checkers = untimed();
        checkers.extend([
            Box::<registry_keeps_entry::RegistryKeepsEntry>::default() as Box<dyn Checker>,
            Box::<revoked_stays_out::RevokedStaysOut>::default(),
            Box::<upstream_within_ceilings::UpstreamWithinCeilings>::default(),
            Box::<registry_entry_leaves::RegistryEntryLeaves>::default(),
            Box::<stored_token_leaves::StoredTokenLeaves>::default(),
            Box::<cache_entry_leaves::CacheEntryLeaves>::default(),
            Box::<challenge_unexpired::ChallengeUnexpired>::default(),
            Box::<counter_within_cap::CounterWithinCap>::default(),
            Box::<fetch_is_shared::FetchIsShared>::default(),
            Box::<stored_token_is_good::StoredTokenIsGood>::default(),
            Box::<retries_back_off::RetriesBackOff>::default(),
            Box::<purged_stays_out::PurgedStaysOut>::default(),
            Box::<challenge_is_new::ChallengeIsNew>::default(),
            Box::<waiters_progress::WaitersProgress>::default(),
            Box::<login_token_lifetime::LoginTokenLifetime>::default(),
        ]);
        if let Some(machines) = machine_follows_policy::MachineFollowsPolicy::new(plan) {
            checkers.push(Box::new(machines));
            checkers.push(Box::<never_open::NeverOpen>::default());
        }
        let mut not_judged = BTreeMap::new();
        match assumptions.exchanges_not_judged() {
            Some(why) => not_judged.extend([Invariant::L1, Invariant::L2, Invariant::L3].map(|it| (it, why.clone()))),
            None => checkers.extend([
                Box::<two_trips::TwoTrips>::default() as Box<dyn Checker>,
                Box::<one_trip::OneTrip>::default(),
                Box::<no_refusal_streak::NoRefusalStreak>::default(),
            ]),
        }
        match assumptions.fairness.why_never() {
            Some(why) => drop(not_judged.insert(Invariant::L5, why.to_owned())),
            None => checkers.push(Box::<refreshed_in_time::RefreshedInTime>::default()),
        }
        match back_in_time::why_never(plan, &assumptions) {
            Some(why) => drop(not_judged.insert(Invariant::L6, why)),
            None => checkers.push(Box::new(back_in_time::BackInTime::new(plan))),
        }
        Self::with(assumptions, checkers, not_judged)
    }

    /// A judge for runs of `plan` on real sockets: of what was accepted and served, not of how soon. How fast a machine is
    /// is no property of the protocol.
    pub fn on_sockets(plan: &Plan) -> Self {
        const JUDGED: [Invariant; 7] =
            [Invariant::S1, Invariant::S2, Invariant::S3, Invariant::S4, Invariant::S5, Invariant::S10, Invariant::S13];
        let others = Invariant::ALL.into_iter().filter(|invariant| !JUDGED.contains(invariant));
        let why = "they speak of times, or of an order, that real sockets do not promise".to_owned();
        Self::with(Assumptions::of(plan), untimed(), others.map(|invariant| (invariant, why.clone())).collect())
    }

    /// Nobody's judge: what servers did is not heard, so that nothing can be held against anybody. Milestones of agents are
    /// counted.
    pub fn of_agents_alone(plan: &Plan) -> Self {
        let why = "the servers are somebody else's, and what they do is not heard".to_owned();
        let all = Invariant::ALL.into_iter().map(|invariant| (invariant, why.clone()));
        Self::with(Assumptions::of(plan), Vec::new(), all.collect())
    }

    fn with(
        assumptions: Assumptions,
        checkers: Vec<Box<dyn Checker>>,
        not_judged: BTreeMap<Invariant, String>,
    ) -> Self {
        Self {
            facts: Facts::new(assumptions),
            checkers,
            milestones: Milestones::default(),
            findings: Findings::default(),
            not_judged,
            second: None,
        }
    }

    /// How many violations there are so far.
    pub fn violations(&self) -> u64 {
        self.findings.count()
    }

    /// The violations that are kept whole so far, in the order of their discovery.
    pub fn kept(&self) -> &[Violation] {
        self.findings.kept()
    }

    /// Ends the run at `end` and says what was found. Nothing that was due after `end` is held against anybody.
    pub fn finish(mut self, end: VirtualTime) -> Judgement {
        self.findings.turn_to_end(end);
        self.tick(end);
        for checker in &mut self.checkers {
            checker.finish(end, &self.facts, &mut self.findings);
        }
        self.milestones.finish(end, &self.facts);
        let events = self.findings.events();
        let (violations, counts) = self.findings.into_parts();
        let reached = self.milestones.into_counts();
        Judgement { violations, counts, reached, not_judged: self.not_judged, events }
    }

    fn tick(&mut self, now: VirtualTime) {
        for checker in &mut self.checkers {
            checker.tick(now, &self.facts, &mut self.findings);
        }
        self.facts.fade(now);
    }
}

impl Listener for Oracle {
    fn hear(&mut self, event: &Event) {
        self.findings.turn_to(event);
        let second = event.at.nanos() / 1_000_000_000;
        if self.second != Some(second) {
            self.second = Some(second);
            self.tick(event.at);
        }
        for checker in &mut self.checkers {
            checker.hear(event, &self.facts, &mut self.findings);
        }
        self.milestones.hear(event, &self.facts);
        self.facts.learn(event);
    }
}

impl fmt::Debug for Oracle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Oracle").field("facts", &self.facts).field("findings", &self.findings).finish_non_exhaustive()
    }
}
