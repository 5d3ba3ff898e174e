//! What stays open while a fleet moves from one profile to the other.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    oracle::Assumptions,
    plan::{FaultKind, Plan},
    types::{ActorId, Profile, VirtualTime},
};

/// The holes of the SPEC that a server leaves open for some time while others of its fleet have closed them.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Exposure {
    /// Which server.
    #[schemars(with = "String")]
    pub server: ActorId,
    /// From when on, in milliseconds of virtual time.
    pub from_ms: u64,
    /// Until when, in milliseconds of virtual time: at most the end of the run.
    pub until_ms: u64,
    /// Which holes.
    pub holes: Vec<OpenHole>,
}

/// A hole of SPEC section 5 that is open.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct OpenHole {
    /// Its number.
    pub number: u8,
    /// What it lets happen.
    pub what: String,
}

/// What the servers of a mixed fleet leave open, by server and time; nothing if all actors have one profile all the
/// time, since then the profile itself says it.
pub(super) fn exposures(plan: &Plan) -> Vec<Exposure> {
    let assumptions = Assumptions::of(plan);
    if assumptions.profiles.uniform().is_some() || !is_mixed(plan) {
        return Vec::new();
    }
    let looks_ahead_too_short = |profile| assumptions.look_ahead_min(profile) < assumptions.period;
    let mut exposures: Vec<Exposure> = Vec::new();
    for server in servers(plan) {
        let edges: Vec<_> = edges(plan).into_iter().chain([plan.duration_ms]).collect();
        for (from_ms, until_ms) in edges.iter().copied().zip(edges.iter().copied().skip(1)) {
            let profile = plan.profile_of(server, VirtualTime::from_millis(from_ms));
            let holes = open(profile, server, looks_ahead_too_short(profile));
            match exposures.last_mut() {
                _ if holes.is_empty() => {}
                Some(last) if last.server == server && last.until_ms == from_ms && last.holes == holes => {
                    last.until_ms = until_ms;
                }
                _ => exposures.push(Exposure { server, from_ms, until_ms, holes }),
            }
        }
    }
    exposures
}

/// The holes that a server of a profile leaves open.
fn open(profile: Profile, server: ActorId, looks_ahead_too_short: bool) -> Vec<OpenHole> {
    let is_site = matches!(server, ActorId::Site(_));
    [
        (6, !profile.binds_epoch(), "a captured token works again after a restart"),
        (7, is_site && !profile.evicts_on_replay(), "a used-up token is handed out for ever"),
        (8, is_site && looks_ahead_too_short, "tokens expire unrefreshed between two validations"),
        (10, is_site && !profile.resets_requested_on_refresh(), "tokens of departed agents are refreshed for ever"),
        (11, !profile.checks_audience(), "a token captured at another server works"),
        (12, !profile.binds_request(), "a token works for any request on any connection"),
        (13, !profile.bounds_connection_age(), "connections outlive expiry and revocation"),
        (14, is_site && !profile.refetches_agent_key(), "an agent with a new key reads as revoked"),
        (18, !profile.limits_first_requests(), "first requests cost signatures without limit"),
        (19, !profile.keeps_purge_high_water(), "a clock set back reopens purged tokens"),
    ]
    .into_iter()
    .filter(|(_, is_open, _)| *is_open)
    .map(|(number, _, what)| OpenHole { number, what: what.to_owned() })
    .collect()
}

fn servers(plan: &Plan) -> impl Iterator<Item = ActorId> {
    std::iter::once(ActorId::Smp).chain((1..).map(ActorId::Site).take(plan.sites.len()))
}

/// Whether two actors differ at some time, or one from itself.
fn is_mixed(plan: &Plan) -> bool {
    let agents = (1..).map(ActorId::Agent).take(plan.agents.len());
    let actors: Vec<_> = servers(plan).chain(agents).collect();
    let instants = edges(plan);
    let mut profiles = instants
        .iter()
        .flat_map(|at_ms| actors.iter().map(|actor| plan.profile_of(*actor, VirtualTime::from_millis(*at_ms))));
    let first = profiles.next();
    profiles.any(|profile| Some(profile) != first)
}

/// The instants within the run at which some software changes, and its start.
fn edges(plan: &Plan) -> BTreeSet<u64> {
    let upgrades = plan.faults.iter().filter(|fault| matches!(fault.kind, FaultKind::Upgrade { .. }));
    let within = upgrades.map(|fault| fault.at_ms).filter(|at_ms| *at_ms < plan.duration_ms);
    std::iter::once(0).chain(within).collect()
}
