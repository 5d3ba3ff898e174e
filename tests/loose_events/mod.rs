//! Events one by one, and the plan that they belong to: for those who count.

#![allow(dead_code, reason = "each suite uses its own part")]

pub mod fleet;

use countersign::{
    event::{Event, EventKind, Listener, Outcome, Presented, RegistryState},
    metrics::{Measurements, Metrics},
    plan::{Expectation, Network, PLAN_VERSION, Plan, ServerPlan},
    types::{
        ActorId, ClockModel, ConnectionId, Costs, CryptoTier, Epoch, Jti, NodeId, Parameters, Profile, RequestId,
        Scheme, Uid, Undigested, UnixSeconds, VirtualTime,
    },
};

pub const SMP: ActorId = ActorId::Smp;
pub const SITE: ActorId = ActorId::Site(1);
pub const OTHER_SITE: ActorId = ActorId::Site(2);
pub const AGENT: ActorId = ActorId::Agent(1);

pub const MILLISECOND: u64 = 1_000_000;

/// A plan with two sites of two cores, no agents and 10 s of virtual time.
pub fn plan() -> Plan {
    let server = ServerPlan {
        clock: ClockModel::default(),
        cores: 2,
        start_ms: 0,
        key: 0,
        profile: None,
        authentication: None,
        redirect_to: None,
    };
    Plan {
        version: PLAN_VERSION,
        scenario: "smoke/by_hand".into(),
        seed: 7,
        profile: Profile::Literal,
        crypto: CryptoTier::Modelled,
        duration_ms: 10_000,
        run_start: UnixSeconds(1_800_000_000),
        network: Network { tick_ms: 1, latency_ms_min: 1, latency_ms_max: 2 },
        parameters: Parameters::defaults(Profile::Literal),
        costs: Costs {
            sign_ns: 240_000,
            verify_ns: 16_000,
            parse_ns: 1_000,
            seal_ns: 20_000,
            open_ns: 260_000,
            request_ns: 5_000,
            blinding_ns: 0,
            closing_ns: 0,
            wake_min_ns: 0,
            wake_ns: 0,
            rest_ns: 0,
        },
        scheme: Scheme::Http,
        smp: server.clone(),
        sites: vec![server.clone(), server],
        branches: 1,
        agents: Vec::new(),
        faults: Vec::new(),
        heal_ms: None,
        shared_cores: None,
        attackers: Vec::new(),
        machine: None,
        proxies: Vec::new(),
        portal: None,
        bug: None,
        expectation: Expectation::default(),
    }
}

/// Measures a history, whose events come one millisecond after the other, until the end of the plan.
pub fn measure(plan: &Plan, history: impl IntoIterator<Item = (ActorId, EventKind)>) -> Measurements {
    let mut metrics = Metrics::new(plan);
    for (at_ms, (actor, kind)) in (1..).zip(history) {
        metrics.hear(&Event { at: VirtualTime::from_millis(at_ms), actor, kind });
    }
    metrics.finish(VirtualTime::from_millis(plan.duration_ms))
}

pub fn request() -> RequestId {
    RequestId { connection: ConnectionId(1), ordinal: 1 }
}

pub fn node() -> NodeId {
    Plan::node_of(AGENT)
}

pub fn uid() -> Uid {
    Uid::from_bits(1)
}

pub fn jti() -> Jti {
    Jti::from_bits(2)
}

pub fn expires() -> UnixSeconds {
    UnixSeconds(1_800_003_600)
}

pub fn presented() -> Presented {
    Presented {
        agent: node(),
        uid: uid(),
        jti: jti(),
        counter: 1,
        token: Undigested::default(),
        countersigned: Undigested::default(),
    }
}

pub fn exchange(server: ActorId, outcome: Outcome, took_ns: u64) -> (ActorId, EventKind) {
    (AGENT, EventKind::ExchangeEnded { server, outcome, trips: 1, took_ns })
}

pub fn recorded(server: ActorId, is_new: bool, slid_by: u64) -> (ActorId, EventKind) {
    let state =
        RegistryState { epoch: Epoch::from_bits(3), is_new, highest: 1, slid_by, expires: expires(), window: 1 };
    (server, EventKind::RegistryRecorded { request: request(), presented: presented(), state })
}
