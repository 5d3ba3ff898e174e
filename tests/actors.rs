//! Actors under conditions that shipped scenarios avoid: servers that come late, clients that give up.

use std::sync::{Arc, Mutex, atomic::AtomicBool};

use countersign::{
    event::{Event, EventKind, Listener, Removal},
    plan::{AgentPlan, ConnectionUse, Plan, Visits},
    run,
    scenario::{self, Overrides},
    types::{ActorId, CryptoTier, Parameters, Profile, Scheme, UnixSeconds, VirtualTime},
    world::{self, Controls},
};

/// Keeps what happens.
#[derive(Default)]
struct History(Vec<Event>);

impl Listener for History {
    fn hear(&mut self, event: &Event) {
        self.0.push(event.clone());
    }
}

fn history_of(plan: &Plan) -> Vec<Event> {
    plan.check().unwrap();
    let history = Arc::new(Mutex::new(History::default()));
    let (never, mut nobody) = (AtomicBool::new(false), |_| {});
    let controls = Controls::new(&never, &mut nobody);
    world::run(plan, &history, controls).unwrap();
    std::mem::take(&mut history.lock().unwrap().0)
}

fn violations(plan: &Plan) -> Vec<String> {
    let never = AtomicBool::new(false);
    let finished = run::run(plan, run::Options::new(&never, &mut |_| {})).unwrap();
    finished.judgement.violations.iter().map(|violation| format!("{violation:?}")).collect()
}

/// A plan with one site and some agents that each differ from the first agent of a shipped scenario as `change` says.
fn plan(duration_s: u64, agents: u32, change: impl Fn(u32, &mut AgentPlan)) -> Plan {
    let overrides = Overrides { crypto: Some(CryptoTier::Modelled), ..Overrides::default() };
    let mut plan = scenario::find("smoke/first_contact").unwrap().resolve(Some(1), overrides).unwrap();
    plan.duration_ms = duration_s * 1_000;
    plan.expectation = Default::default();
    plan.agents.truncate(agents as usize);
    for (number, agent) in (1..).zip(&mut plan.agents) {
        agent.start_ms = 0;
        change(number, agent);
    }
    plan
}

#[test]
fn a_retry_takes_no_planned_visit_away() {
    let intervals = Visits::Every { first_ms: 60_000, interval_ms: 600_000, jitter_ms: 0 };
    let instants = Visits::At { times_us: (0..12).map(|index| 60_000_000 + index * 600_000_000).collect() };
    for visits in [intervals, instants] {
        let mut plan = plan(7_200, 1, |_, agent| {
            agent.server = ActorId::Site(1);
            agent.visits = visits.clone();
        });
        plan.sites[0].start_ms = 30 * 60_000;
        let history = history_of(&plan);
        let starts = |after_s: u64| {
            let after = VirtualTime::from_millis(after_s * 1_000);
            let started = |event: &&Event| matches!(event.kind, EventKind::ExchangeStarted { .. });
            let starts = history.iter().filter(|event| event.at >= after).filter(started);
            starts.map(|event| event.at.nanos() / 1_000_000_000).collect::<Vec<_>>()
        };
        assert!(starts(0).len() > 12, "the late server has caused retries");
        // The longest delay is 300 s, so all is well again by then.
        assert_eq!(starts(2_160), (4..12).map(|index| 60 + index * 600).collect::<Vec<_>>());
    }
}

#[test]
fn rule_48_a_removal_is_told_even_if_the_client_has_gone() {
    // The first agent presents a token that has expired by the server's clock only, at the moment at which the
    // second makes the server's queue longer than anybody waits.
    let mut plan = plan(900, 2, |number, agent| {
        agent.server = ActorId::Smp;
        if number == 1 {
            agent.clock.offset_ms = -20_000;
            agent.visits = Visits::At { times_us: vec![10_000_000, 75_000_000] };
        } else {
            agent.connections = 500;
            agent.visits = Visits::At { times_us: vec![74_900_000] };
            agent.leave_ms = Some(74_950);
        }
    });
    plan.parameters.token_lifetime_s = 60;
    plan.parameters.exchange_timeout_ms = 1_000;
    plan.parameters.registry_purge_period_s = 300;
    plan.smp.cores = 1;
    plan.costs.request_ns = 10_000_000;
    let history = history_of(&plan);
    let removed = |event: &&Event| {
        matches!(event.kind, EventKind::RegistryRemoved { why: Removal::ExpiredInUse, .. })
            && event.at < VirtualTime::from_millis(76_000)
    };
    assert_eq!(history.iter().filter(removed).count(), 1);
    assert_eq!(violations(&plan), [""; 0]);
}

#[test]
fn hole_5_an_agent_that_gives_up_its_uid_is_cold() {
    let mut plan = plan(600, 3, |_, agent| {
        agent.visits = Visits::Every { first_ms: 60_000, interval_ms: 60_000, jitter_ms: 0 };
    });
    plan.parameters.counter_jump_max = 2;
    assert_eq!(violations(&plan), [""; 0]);
}

#[test]
fn a_plan_at_the_bounds_of_what_is_let_in_runs() {
    let small = |run_start, header_section_bytes, offset_ms| {
        let mut plan = plan(300, 2, |_, agent| agent.clock.offset_ms = offset_ms);
        plan.sites.iter_mut().for_each(|site| site.clock.offset_ms = offset_ms);
        plan.smp.clock.offset_ms = offset_ms;
        plan.run_start = UnixSeconds(run_start);
        plan.parameters.caps.header_section_bytes = header_section_bytes;
        plan
    };
    let (first, last) = (732 * 86_400, 530 * 366 * 86_400);
    let offset_max = 400 * 86_400_000;
    for (run_start, header_section_bytes, offset_ms) in
        [(first, 8_192, -offset_max), (last, 8_192, offset_max), (first, 64 << 20, 0)]
    {
        let plan = small(run_start, header_section_bytes, offset_ms);
        let served = |event: &Event| matches!(event.kind, EventKind::Served { .. });
        assert!(history_of(&plan).iter().any(served), "{run_start} {header_section_bytes} {offset_ms}");
    }
    for (run_start, header_section_bytes) in [(first - 1, 8_192), (last + 1, 8_192), (u64::MAX, 8_192), (first, 8_191)]
    {
        small(run_start, header_section_bytes, 0).check().unwrap_err();
    }
}

/// Over TLS an authentication ends with its token or when it is old (hole 13).
#[test]
fn hole_13_an_agent_knows_when_the_authentication_of_its_connection_ends() {
    for lifetime_s in [240, 600, 900] {
        let mut plan = plan(3_600, 4, |number, agent| {
            agent.server = ActorId::Site(1);
            agent.connection_use = ConnectionUse::KeepAlive;
            agent.visits =
                Visits::Every { first_ms: 2_000, interval_ms: 15_000 + 5_000 * u64::from(number), jitter_ms: 0 };
        });
        (plan.profile, plan.scheme) = (Profile::Hardened, Scheme::Https);
        plan.parameters = Parameters { token_lifetime_s: lifetime_s, ..Parameters::defaults(Profile::Hardened) };
        for connection_age_max_s in [300, 3_600] {
            plan.parameters.connection_age_max_s = connection_age_max_s;
            assert_eq!(violations(&plan), Vec::<String>::new());
            // Nobody tries without a token where one is needed: that would be challenged, and not be told which token.
            let events = history_of(&plan);
            assert!(events.iter().all(|event| !matches!(event.kind, EventKind::Challenged { challenge: None, .. })));
        }
    }
}
