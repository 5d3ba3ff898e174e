//! Every attack of SPEC section 4 that an attacker makes, against a small fleet, in both profiles: what it must not
//! achieve, and where it must succeed on the literal profile.

mod small_plan;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, atomic::AtomicBool},
};

use countersign::{
    event::{BearerEvent, Close, Event, EventKind, Listener, Outcome, Removal},
    oracle::Oracle,
    plan::{Attack, AttackerPlan, Bootstrap, Errand, Fault, FaultKind, Invariant, Plan, Power, Visits},
    types::{
        ActorId, Authentication, BearerKind, CryptoTier, Parameters, Profile, Refusal, RequestId, Scheme, VirtualTime,
    },
    world::{self, Controls},
};

const PROFILES: [Profile; 2] = [Profile::Literal, Profile::Hardened];
/// Crafted signatures need real ones to be turned down.
const REAL: CryptoTier = if cfg!(feature = "aws-lc") { CryptoTier::AwsLc } else { CryptoTier::Rsa };
const ATTACKER: ActorId = ActorId::Attacker(1);
const VICTIM: ActorId = ActorId::Agent(1);
const SITE: ActorId = ActorId::Site(1);

/// Four agents at two sites; the first agent visits `server`, and everybody is installed.
fn plan(attack: Attack, profile: Profile, server: ActorId) -> Plan {
    let mut plan = small_plan::small_plan(1, REAL);
    plan.profile = profile;
    plan.parameters = Parameters::defaults(profile);
    plan.scheme = Scheme::Http;
    plan.duration_ms = 150_000;
    plan.expectation = Default::default();
    for (number, agent) in (1..).zip(&mut plan.agents) {
        agent.bootstrap = Bootstrap::Installed;
        agent.policy_interval_s = 0;
        agent.clock = Default::default();
        agent.start_ms = 0;
        agent.server = ActorId::Site(1 + number % 2);
        agent.visits = Visits::Every { first_ms: 5_000, interval_ms: 7_000, jitter_ms: 0 };
    }
    plan.agents[0].server = server;
    plan.attackers = vec![AttackerPlan {
        attack,
        server: if attack.is_on_the_issuer() { ActorId::Smp } else { server },
        victim: VICTIM,
        start_ms: 20_000,
        until_ms: 120_000,
        interval_ms: 10_000,
        burst: 60,
        key: 9_000,
    }];
    plan
}

/// Keeps what happens, and has it judged.
struct History {
    events: Vec<Event>,
    oracle: Oracle,
}

impl Listener for History {
    fn hear(&mut self, event: &Event) {
        self.events.push(event.clone());
        self.oracle.hear(event);
    }
}

/// What happened in a run, and which invariants of safety it violated.
struct Told {
    events: Vec<Event>,
    violated: BTreeSet<Invariant>,
}

fn run(plan: &Plan) -> Told {
    plan.check().unwrap();
    let history = Arc::new(Mutex::new(Some(History { events: Vec::new(), oracle: Oracle::new(plan) })));
    struct Heard(Arc<Mutex<Option<History>>>);
    impl Listener for Heard {
        fn hear(&mut self, event: &Event) {
            self.0.lock().unwrap().as_mut().unwrap().hear(event);
        }
    }
    let never = AtomicBool::new(false);
    let mut nobody = |_| {};
    let controls = Controls::new(&never, &mut nobody);
    let ended = world::run(plan, &Arc::new(Mutex::new(Heard(Arc::clone(&history)))), controls).unwrap();
    let History { events, oracle } = history.lock().unwrap().take().unwrap();
    let is_safety = |invariant: &Invariant| format!("{invariant:?}").starts_with('S');
    let violated = oracle.finish(ended.at).counts.into_keys().filter(is_safety).collect();
    Told { events, violated }
}

/// The run without the attackers.
fn run_in_peace(plan: &Plan) -> Told {
    run(&Plan { attackers: Vec::new(), ..plan.clone() })
}

impl Told {
    /// What the attacker tried and the statuses that came back, with how often.
    fn attempts(&self) -> BTreeMap<String, BTreeMap<Option<u16>, u32>> {
        let mut attempts: BTreeMap<String, BTreeMap<_, _>> = BTreeMap::new();
        for event in self.events.iter().filter(|event| event.actor == ATTACKER) {
            if let EventKind::Attempted { what, status } = &event.kind {
                *attempts.entry(what.clone()).or_default().entry(*status).or_default() += 1;
            }
        }
        attempts
    }

    /// What the attacker did and read on the connections of others, with how often.
    fn on_the_wire(&self) -> BTreeMap<String, u32> {
        let mut done = BTreeMap::new();
        for event in self.events.iter().filter(|event| event.actor == ATTACKER) {
            if let EventKind::Intercepted { what, .. } | EventKind::Overheard { what, .. } = &event.kind {
                *done.entry(what.clone()).or_default() += 1;
            }
        }
        done
    }

    /// The requests that the attacker sent.
    fn sent(&self) -> BTreeSet<(u64, u32)> {
        let by_attacker = self.events.iter().filter(|event| event.actor == ATTACKER);
        by_attacker
            .filter_map(|event| match event.kind {
                EventKind::RequestSent { request, .. } => Some(name(request)),
                _ => None,
            })
            .collect()
    }

    /// Why servers refused the attacker's requests, with how often.
    fn refusals(&self) -> BTreeMap<Refusal, u32> {
        let sent = self.sent();
        let mut refusals = BTreeMap::new();
        for event in &self.events {
            if let EventKind::Refused { request, why, .. } = event.kind
                && sent.contains(&name(request))
            {
                *refusals.entry(why).or_default() += 1;
            }
        }
        refusals
    }

    /// How many of the attacker's requests had a token accepted.
    fn accepted(&self) -> usize {
        let sent = self.sent();
        let of_attacker =
            |event: &&Event| matches!(event.kind, EventKind::Accepted { request, .. } if sent.contains(&name(request)));
        self.events.iter().filter(of_attacker).count()
    }

    /// How many of the attacker's requests were served something protected.
    fn served(&self) -> usize {
        let sent = self.sent();
        let of_attacker = |event: &&Event| matches!(event.kind, EventKind::Served { request, agent: Some(_) } if sent.contains(&name(request)));
        self.events.iter().filter(of_attacker).count()
    }

    /// How the victim's exchanges ended, with how often.
    fn outcomes(&self) -> BTreeMap<Outcome, u32> {
        let mut outcomes = BTreeMap::new();
        for event in self.events.iter().filter(|event| event.actor == VICTIM) {
            if let EventKind::ExchangeEnded { outcome, .. } = event.kind {
                *outcomes.entry(outcome).or_default() += 1;
            }
        }
        outcomes
    }
}

impl Told {
    /// How often something happened that `wanted` tells.
    fn count(&self, wanted: impl Fn(&Event) -> bool) -> usize {
        self.events.iter().filter(|event| wanted(event)).count()
    }

    /// How often a server used a public key.
    fn verifies_of(&self, server: ActorId) -> u32 {
        let verifies = |event: &Event| match event.kind {
            EventKind::Worked { work, .. } if event.actor == server => work.verifies,
            _ => 0,
        };
        self.events.iter().map(verifies).sum()
    }

    /// The statuses that came back on whatever was tried, and that something was.
    #[track_caller]
    fn statuses(&self) -> BTreeSet<Option<u16>> {
        let attempts = self.attempts();
        assert!(!attempts.is_empty(), "nothing was tried");
        attempts.into_values().flat_map(BTreeMap::into_keys).collect()
    }

    /// Nothing was accepted, served or recorded for the attacker, and no invariant of safety was violated.
    #[track_caller]
    fn came_to_nothing(&self) {
        let sent = self.sent();
        let recorded = |event: &Event| matches!(event.kind, EventKind::RegistryRecorded { request, .. } if sent.contains(&name(request)));
        assert_eq!((self.accepted(), self.served(), self.count(recorded)), (0, 0, 0));
        assert_eq!(self.violated, BTreeSet::new());
    }

    /// The victim was served whenever it asked.
    #[track_caller]
    fn left_the_victim_alone(&self) {
        let outcomes = self.outcomes();
        assert!(outcomes.len() >= 2 && outcomes.keys().all(|outcome| outcome.is_served()), "{outcomes:?}");
    }
}

fn name(request: RequestId) -> (u64, u32) {
    (request.connection.0, request.ordinal)
}

const SERVERS: [ActorId; 2] = [ActorId::Smp, SITE];

/// Every attack, with what has to be so for it to go anywhere.
fn every_attack(profile: Profile) -> Vec<Plan> {
    let attacks = [
        Attack::AlgorithmConfusion,
        Attack::KeyInjection,
        Attack::AmbiguousJson,
        Attack::WrongParts,
        Attack::Respelling,
        Attack::Oversize,
        Attack::AlteredAgentSignature,
        Attack::AlteredServerPart,
        Attack::Replay,
        Attack::StolenOffer,
        Attack::StolenToken,
        Attack::StolenRequest,
        Attack::CrossServerReplay,
        Attack::CounterTricks,
        Attack::UidSubstitution,
        Attack::ForeignOffer,
        Attack::SpoofedRefusal,
        Attack::StrippedChallenge,
        Attack::RogueSite,
        Attack::TamperedBatch,
        Attack::Eavesdropping,
        Attack::Injection,
        Attack::RegistryFlood,
        Attack::CacheFlood,
        Attack::SlowLoris,
        Attack::KeySwap,
        Attack::FirstRequestFlood,
        Attack::StolenKey,
        Attack::PushInstall,
        Attack::StolenBearer,
        Attack::AccountReplay,
        Attack::AccountGuess,
        Attack::StolenPassword,
        Attack::BearerForgery,
    ];
    attacks.map(|attack| plan(attack, profile, SITE)).into_iter().map(made_ready).collect()
}

fn made_ready(mut plan: Plan) -> Plan {
    let attacker = &mut plan.attackers[0];
    match attacker.attack {
        Attack::StolenOffer | Attack::Eavesdropping => attacker.start_ms = 0,
        // These strike whenever they can, up to a time from which everything is well again.
        Attack::ForeignOffer | Attack::TamperedBatch | Attack::KeySwap => {
            (attacker.start_ms, attacker.until_ms, attacker.interval_ms) = (0, 60_000, 100);
        }
        Attack::SlowLoris => {
            (attacker.start_ms, attacker.until_ms) = (0, 149_000);
            plan.parameters.keep_alive_idle_s = 30;
        }
        Attack::Injection => plan.agents[0].requests = 3,
        Attack::StrippedChallenge => {
            // Before anybody has a token.
            attacker.start_ms = 0;
            plan.parameters.authentication = Authentication { acc: true, ..Authentication::TOKENS };
        }
        _ => {}
    }
    match attacker.attack {
        Attack::TamperedBatch => attacker.victim = SITE,
        // A site server that the SMP does not know: it never came to register.
        Attack::RogueSite => {
            attacker.victim = ActorId::Site(2);
            plan.sites[1].start_ms = plan.duration_ms - 1;
            plan.agents.iter_mut().for_each(|agent| agent.server = SITE);
        }
        Attack::KeySwap => plan.agents[0].bootstrap = Bootstrap::Register,
        Attack::PushInstall | Attack::StolenBearer | Attack::BearerForgery => hand_out_bearer(&mut plan),
        Attack::AccountReplay | Attack::AccountGuess | Attack::StolenPassword => {
            plan.parameters.authentication = Authentication { acc: true, ..Authentication::NONE };
            plan.agents[0].requests = 2;
        }
        _ => {}
    }
    plan
}

/// Gives the victim a bearer token, which is revoked after a minute.
fn hand_out_bearer(plan: &mut Plan) {
    let attacker = &mut plan.attackers[0];
    attacker.start_ms = 0;
    let kind = match attacker.attack {
        Attack::PushInstall => {
            plan.agents[0].bootstrap = Bootstrap::PushInstall;
            BearerKind::PushInstall
        }
        _ => {
            plan.agents[0].errand = Errand::Asdk;
            plan.parameters.authentication = Authentication { asdk: true, ..Authentication::TOKENS };
            BearerKind::Asdk
        }
    };
    plan.parameters.policy_interval_s = 20;
    plan.heal_ms = Some(60_000);
    let kind = FaultKind::BearerToken { kind, lifetime_s: None };
    plan.faults.push(Fault { at_ms: 500, until_ms: Some(60_000), kind });
}

/// Runs an attack in both profiles against both server kinds.
fn everywhere(attack: Attack, check: impl Fn(Profile, ActorId, &Plan, &Told)) {
    for profile in PROFILES {
        for server in SERVERS {
            let plan = made_ready(plan(attack, profile, server));
            check(profile, server, &plan, &run(&plan));
        }
    }
}

/// Runs an attack in both profiles against a site server.
fn at_a_site(attack: Attack, check: impl Fn(Profile, &Plan, &Told)) {
    for profile in PROFILES {
        let plan = made_ready(plan(attack, profile, SITE));
        check(profile, &plan, &run(&plan));
    }
}

#[test]
fn attacks_1_to_4_get_401_before_any_key_is_used() {
    for attack in [Attack::AlgorithmConfusion, Attack::KeyInjection, Attack::AmbiguousJson, Attack::WrongParts] {
        everywhere(attack, |_, server, plan, told| {
            assert_eq!(told.statuses(), [Some(401)].into());
            // What an insider signs in the issuer's place is no confusion of algorithms: it costs a verification.
            let forged = told.refusals().get(&Refusal::BadServerSignature).copied().unwrap_or_default();
            assert_eq!(forged > 0, attack == Attack::AlgorithmConfusion);
            let early = |refusal: &Refusal| {
                matches!(refusal, Refusal::Syntax | Refusal::UnknownServerKey | Refusal::BadServerSignature)
            };
            assert!(told.refusals().keys().all(early), "{attack:?} {:?}", told.refusals());
            told.came_to_nothing();
            told.left_the_victim_alone();
            // A site server also verifies what it fetches for whoever asks.
            if server == ActorId::Smp {
                let in_peace = run_in_peace(plan).verifies_of(server);
                assert_eq!(told.verifies_of(server), in_peace + forged, "{attack:?}");
            }
        });
    }
}

#[test]
fn attack_5_another_spelling_of_a_captured_token_gets_401() {
    everywhere(Attack::Respelling, |_, _, _, told| {
        assert_eq!(told.statuses(), [Some(401)].into());
        assert_eq!(told.attempts().len(), 5, "{:?}", told.attempts());
        assert!(told.refusals().keys().all(|refusal| *refusal == Refusal::Syntax));
        told.came_to_nothing();
        told.left_the_victim_alone();
    });
}

#[test]
fn attack_6_what_is_too_large_is_refused_before_it_is_parsed() {
    everywhere(Attack::Oversize, |_, _, _, told| {
        // A server that has closed may have lost its own last word.
        let refused = [None, Some(401), Some(413), Some(431)];
        assert!(told.statuses().is_subset(&refused.into()), "{:?}", told.attempts());
        assert_eq!(told.attempts().len(), 7);
        told.came_to_nothing();
        told.left_the_victim_alone();
    });
}

#[test]
fn attack_7_an_altered_agent_signature_gets_403_and_the_honest_agent_goes_on() {
    everywhere(Attack::AlteredAgentSignature, |_, _, _, told| {
        assert_eq!(told.statuses(), [Some(403)].into());
        assert_eq!(told.refusals().into_keys().collect::<Vec<_>>(), [Refusal::BadAgentSignature]);
        told.came_to_nothing();
        told.left_the_victim_alone();
    });
}

#[test]
fn attack_8_an_altered_server_part_is_refused() {
    everywhere(Attack::AlteredServerPart, |_, _, _, told| {
        // Where an altered byte makes it another agent's, no token can be offered: 403.
        assert!(told.statuses().is_subset(&[Some(401), Some(403)].into()), "{:?}", told.attempts());
        assert_eq!(told.attempts()["a captured token that lives longer"].keys().collect::<Vec<_>>(), [&Some(401)]);
        let early = |refusal: &Refusal| matches!(refusal, Refusal::Syntax | Refusal::BadServerSignature);
        assert!(told.refusals().keys().all(early) && told.refusals().contains_key(&Refusal::BadServerSignature));
        told.came_to_nothing();
        told.left_the_victim_alone();
    });
}

#[test]
fn attack_9_a_replay_is_refused_while_the_registry_lives() {
    everywhere(Attack::Replay, |_, _, _, told| {
        assert_eq!(told.statuses(), [Some(401)].into());
        assert_eq!(told.attempts().len(), 2, "old and new: {:?}", told.attempts());
        assert_eq!(told.refusals().into_keys().collect::<Vec<_>>(), [Refusal::CounterUsed]);
        told.came_to_nothing();
    });
}

#[test]
fn attack_10_a_stolen_offer_is_useless() {
    everywhere(Attack::StolenOffer, |_, _, _, told| {
        assert_eq!(told.statuses(), [Some(401), Some(403)].into());
        assert!(told.refusals().contains_key(&Refusal::BadAgentSignature));
        told.came_to_nothing();
        told.left_the_victim_alone();
    });
}

#[test]
fn attack_11_a_stolen_unused_token_serves_the_thief_in_literal_and_nobody_in_hardened() {
    everywhere(Attack::StolenToken, |profile, _, _, told| {
        assert!(told.on_the_wire()["took a request with a token off the line"] > 3);
        match profile {
            Profile::Literal => {
                assert_eq!(told.statuses(), [Some(200)].into());
                assert_eq!(told.violated, [Invariant::S13].into());
            }
            Profile::Hardened => {
                assert_eq!(told.statuses(), [Some(401)].into());
                assert_eq!(told.refusals().into_keys().collect::<Vec<_>>(), [Refusal::WrongBinding]);
                told.came_to_nothing();
            }
        }
    });
}

#[test]
fn attack_11_a_stolen_request_is_served_once_as_the_spec_concedes_for_plain_http() {
    everywhere(Attack::StolenRequest, |_, _, _, told| {
        let attempts = told.attempts();
        let (first, again) =
            (&attempts["a stolen request, as it was"], &attempts["a stolen request, as it was, once more"]);
        assert!(first[&Some(200)] > 3 && first.len() == 1, "{attempts:?}");
        assert_eq!(again.keys().collect::<Vec<_>>(), [&Some(401)], "{attempts:?}");
        assert_eq!(told.violated, [Invariant::S13].into());
    });
}

#[test]
fn attack_12_a_token_for_one_server_opens_another_in_literal_and_none_in_hardened() {
    everywhere(Attack::CrossServerReplay, |profile, server, _, told| match profile {
        Profile::Literal => {
            let other = if server == SITE { ActorId::Smp } else { SITE };
            let attempts = told.attempts();
            let to_other = &attempts[&format!("a token captured on its way to {server}, presented to {other}")];
            assert!(to_other.contains_key(&Some(200)), "{attempts:?}");
            assert_eq!(told.violated, [Invariant::S13].into());
        }
        Profile::Hardened => {
            assert_eq!(told.statuses(), [Some(401)].into());
            told.came_to_nothing();
        }
    });
}

#[test]
fn attack_13_counters_are_taken_within_the_window_once_and_jumps_are_capped() {
    everywhere(Attack::CounterTricks, |_, _, _, told| {
        for (what, statuses) in told.attempts() {
            let is_taken = [
                "a first counter that skips some",
                "a counter that was skipped, within the window",
                "the lowest counter within the window",
                "a counter after a jump that is allowed",
            ]
            .contains(&&*what);
            let expected = if is_taken { 200 } else { 401 };
            assert_eq!(statuses.into_keys().collect::<Vec<_>>(), [Some(expected)], "{what}");
        }
        let refusals: Vec<_> = told.refusals().into_keys().collect();
        assert_eq!(refusals, [Refusal::CounterUsed, Refusal::CounterBelowWindow, Refusal::CounterBeyondJumpCap]);
        assert_eq!(told.violated, BTreeSet::new(), "an insider has a right to its own token");
        told.left_the_victim_alone();
    });
}

#[test]
fn attack_14_a_substituted_uid_is_refused_even_when_signed() {
    everywhere(Attack::UidSubstitution, |_, _, _, told| {
        assert_eq!(told.statuses(), [Some(401)].into());
        assert_eq!(told.refusals().into_keys().collect::<Vec<_>>(), [Refusal::UidMismatch]);
        told.came_to_nothing();
    });
}

#[test]
fn attack_15_an_agent_stops_at_an_offer_for_somebody_else() {
    everywhere(Attack::ForeignOffer, |_, _, _, told| {
        let swapped = told.on_the_wire().into_values().sum::<u32>();
        let declined =
            told.count(|event| event.actor == VICTIM && matches!(event.kind, EventKind::TokenDeclined { .. }));
        assert!(swapped > 1);
        assert_eq!(declined, swapped as usize);
        assert_eq!(told.violated, BTreeSet::new());
        assert!(told.outcomes().contains_key(&Outcome::ServedTwoStep), "it goes on when it is left alone");
    });
}

#[test]
fn attack_16_made_up_refusals_cost_availability_only() {
    everywhere(Attack::SpoofedRefusal, |_, _, plan, told| {
        assert_eq!(told.on_the_wire().len(), 4);
        assert_eq!(told.violated, BTreeSet::new());
        let until = VirtualTime::from_millis(plan.attackers[0].until_ms);
        let ended = |event: &Event| event.actor == VICTIM && event.at > until;
        let failed = |event: &Event| {
            ended(event) && matches!(event.kind, EventKind::ExchangeEnded { outcome, .. } if !outcome.is_served())
        };
        assert!(told.count(ended) > 0);
        assert_eq!(told.count(failed), 0, "nothing lasts");
    });
}

#[test]
fn attack_18_nobody_but_a_site_server_gets_tokens() {
    at_a_site(Attack::RogueSite, |_, plan, told| {
        let attempts = told.attempts();
        assert!(attempts.len() >= 7, "{attempts:?}");
        for (what, statuses) in attempts {
            // Registering as an agent is what everybody may do.
            let expected = if what == "a registration as an agent" { 200 } else { 403 };
            assert_eq!(statuses.into_keys().collect::<Vec<_>>(), [Some(expected)], "{what}");
        }
        let issued = |event: &Event| matches!(event.kind, EventKind::Issued { .. });
        assert_eq!(told.count(issued), run_in_peace(plan).count(issued));
        told.came_to_nothing();
        told.left_the_victim_alone();
    });
}

#[test]
fn attack_19_a_site_trusts_no_tampered_batch_answer() {
    at_a_site(Attack::TamperedBatch, |_, plan, told| {
        let done = told.on_the_wire();
        assert!(done.len() >= 5, "{done:?}");
        let failed =
            |event: &Event| event.actor == SITE && matches!(event.kind, EventKind::UpstreamEnded { tokens: None, .. });
        assert_eq!(told.count(failed), done.into_values().sum::<u32>() as usize, "each one failed");
        assert_eq!(told.violated, BTreeSet::new());
        let until = VirtualTime::from_millis(plan.attackers[0].until_ms);
        let served =
            |event: &Event| event.actor == SITE && event.at > until && matches!(event.kind, EventKind::Served { .. });
        assert!(told.count(served) > 0, "it recovers");
        // Sent again, a request brings an answer that the attacker cannot read.
        let attempts: Vec<_> = told.attempts().into_keys().collect();
        assert_eq!(attempts, ["a captured batch request, once more"]);
    });
}

#[test]
fn attack_20_who_listens_reads_tokens_on_their_way_and_no_batch_answer() {
    at_a_site(Attack::Eavesdropping, |_, _, told| {
        let heard: Vec<_> = told.on_the_wire().into_keys().collect();
        assert_eq!(
            heard,
            ["a batch answer that cannot be read", "a token offered to an agent", "a token on its way to a server"]
        );
        told.came_to_nothing();
    });
}

#[test]
fn attack_21_an_injected_request_is_served_in_literal_and_asked_for_a_token_in_hardened() {
    everywhere(Attack::Injection, |profile, _, _, told| {
        let injected = told.on_the_wire()["slipped a request into an authenticated connection"] as usize;
        assert!(injected > 3);
        match profile {
            Profile::Literal => {
                assert_eq!(told.served(), injected);
                assert_eq!(told.violated, [Invariant::S13].into());
            }
            Profile::Hardened => told.came_to_nothing(),
        }
    });
}

#[test]
fn attack_23_forged_tokens_add_no_entry_to_the_registry() {
    everywhere(Attack::RegistryFlood, |_, server, plan, told| {
        assert_eq!(told.refusals(), [(Refusal::BadServerSignature, 600)].into());
        let recorded =
            |event: &Event| event.actor == server && matches!(event.kind, EventKind::RegistryRecorded { .. });
        assert_eq!(told.count(recorded), run_in_peace(plan).count(recorded));
        told.came_to_nothing();
        told.left_the_victim_alone();
    });
}

#[test]
fn attack_24_a_flooded_cache_is_capped_and_keeps_the_victims_entry() {
    at_a_site(Attack::CacheFlood, |_, plan, told| {
        let (mut live, mut most) = (0_u32, 0_u32);
        for event in told.events.iter().filter(|event| event.actor == SITE) {
            match event.kind {
                EventKind::CacheStored { agent, refreshed: false, .. } if agent == Plan::node_of(VICTIM) => live += 1,
                EventKind::CacheRemoved { agent, why: Removal::Capacity, .. } if agent == Plan::node_of(VICTIM) => {
                    live -= 1
                }
                _ => {}
            }
            most = most.max(live);
        }
        assert!((2..=plan.parameters.uids_per_agent_max + 1).contains(&most), "{most} entries for one agent");
        told.left_the_victim_alone();
        assert_eq!(told.outcomes()[&Outcome::ServedTwoStep], 1, "its entry was never displaced");
        told.came_to_nothing();
    });
}

#[test]
fn attack_25_slow_connections_end_and_hold_nobody_up() {
    at_a_site(Attack::SlowLoris, |_, _, told| {
        let ended = |event: &Event| {
            event.actor == ATTACKER && matches!(event.kind, EventKind::ConnectionClosed { why: Close::ByPeer, .. })
        };
        assert!(told.count(ended) >= 60, "the server ends them");
        told.came_to_nothing();
        told.left_the_victim_alone();
    });
}

#[test]
fn attack_30_a_node_trusts_the_pinned_key_only() {
    at_a_site(Attack::KeySwap, |_, plan, told| {
        let done = told.on_the_wire();
        assert_eq!(done.len(), 3, "{done:?}");
        let failed = |event: &Event| event.actor == VICTIM && matches!(event.kind, EventKind::PolicyFailed { .. });
        assert_eq!(told.count(failed), done.into_values().sum::<u32>() as usize, "each one was noticed");
        let until = VirtualTime::from_millis(plan.attackers[0].until_ms);
        let registered = |event: &Event| event.actor == VICTIM && matches!(event.kind, EventKind::Registered { .. });
        assert_eq!(told.count(registered), 1);
        assert!(told.events.iter().any(|event| registered(event) && event.at > until));
        assert_eq!(told.violated, BTreeSet::new());
    });
}

#[test]
fn hole_18_a_flood_of_first_requests_costs_the_issuer_signatures_in_literal_and_is_limited_in_hardened() {
    everywhere(Attack::FirstRequestFlood, |profile, _, plan, told| {
        let issued = |event: &Event| matches!(event.kind, EventKind::Issued { .. });
        let extra = told.count(issued) - run_in_peace(plan).count(issued);
        match profile {
            Profile::Literal => assert_eq!(extra, 600),
            // The bucket is full again by each attempt, and fills on while the attempt lasts.
            Profile::Hardened => {
                let sent = told.count(|event| matches!(event.kind, EventKind::Unavailable { status: 429, .. }));
                assert!((400..560).contains(&extra) && sent > 40, "{extra} {sent}");
            }
        }
        told.came_to_nothing();
    });
}

#[test]
fn a_stolen_key_is_good_until_it_is_revoked() {
    everywhere(Attack::StolenKey, |_, _, _, told| {
        assert_eq!(told.statuses(), [Some(200)].into());
        // The plan says that the key was stolen: what its thief does is no fault of the protocol.
        assert_eq!(told.violated, BTreeSet::new());
        assert!(told.accepted() > 0);
        told.left_the_victim_alone();
    });
}

#[test]
fn over_tls_nobody_reads_or_changes_anything() {
    for mut plan in every_attack(Profile::Literal) {
        if matches!(plan.attackers[0].attack.power(), Power::Listens | Power::OnPath) {
            (plan.scheme, plan.crypto) = (Scheme::Https, CryptoTier::Modelled);
            let told = run(&plan);
            assert_eq!(told.on_the_wire(), BTreeMap::new());
            told.came_to_nothing();
            if plan.agents[0].errand.is_usual() {
                told.left_the_victim_alone();
            } else {
                let served = |event: &Event| {
                    matches!(event.kind, EventKind::Bearer(BearerEvent::Called { status: Some(200), .. }))
                };
                assert!(told.count(served) >= 2);
            }
        }
    }
}

#[test]
fn attack_17_a_challenge_without_its_token_talks_literal_agents_into_acc_and_alerts_hardened_ones() {
    everywhere(Attack::StrippedChallenge, |profile, _, _, told| {
        let sent = told.count(|event| matches!(event.kind, EventKind::CredentialsSent { .. }));
        let alerts = told.count(|event| matches!(event.kind, EventKind::DowngradeRefused { .. }));
        match profile {
            Profile::Literal => assert_eq!((sent > 0, alerts, &told.violated), (true, 0, &[Invariant::S10].into())),
            Profile::Hardened => assert_eq!((sent, alerts > 0, &told.violated), (0, true, &BTreeSet::new())),
        }
    });
}

#[test]
fn s12_every_attack_has_one_digest_in_every_tier() {
    for profile in PROFILES {
        for mut plan in every_attack(profile) {
            plan.duration_ms = 70_000;
            plan.attackers[0].until_ms = plan.duration_ms;
            plan.sites[1].start_ms = plan.sites[1].start_ms.min(plan.duration_ms - 1);
            let real = small_plan::digest(&plan);
            plan.crypto = CryptoTier::Modelled;
            assert_eq!(real, small_plan::digest(&plan), "{:?}", plan.attackers[0].attack);
        }
    }
}

#[test]
fn over_plain_http_a_stolen_token_is_good_for_no_other_request_in_hardened() {
    // One attacker listens, another takes the token off the line.
    let mut plan = plan(Attack::Replay, Profile::Hardened, SITE);
    let thief = AttackerPlan { attack: Attack::StolenToken, key: 9_001, ..plan.attackers[0].clone() };
    plan.attackers.push(thief);
    let told = run(&plan);
    assert_eq!((told.accepted(), &told.violated), (0, &BTreeSet::new()));
    let refused = |event: &Event| matches!(event.kind, EventKind::Refused { why: Refusal::WrongBinding, .. });
    assert!(told.count(refused) > 0, "the same token with another request");
}

#[test]
fn all_attackers_at_once_break_nothing_in_hardened_but_what_the_spec_concedes() {
    let mut plan = plan(Attack::Replay, Profile::Hardened, SITE);
    plan.crypto = CryptoTier::Modelled;
    let attackers = every_attack(Profile::Hardened).into_iter().flat_map(|plan| plan.attackers);
    // A stolen key is good until it is revoked, and so is a site server's. A stolen request is served over plain HTTP.
    let concedes = |attack| matches!(attack, Attack::StolenKey | Attack::RogueSite | Attack::StolenRequest);
    let all = attackers.filter(|attacker| !concedes(attacker.attack));
    plan.attackers = (9_000..).zip(all).map(|(key, attacker)| AttackerPlan { key, ..attacker }).collect();
    let told = run(&plan);
    assert_eq!(told.violated, BTreeSet::new());
    let by_attackers = |event: &Event| matches!(event.actor, ActorId::Attacker(_));
    assert!(told.count(by_attackers) > 1_000);
}

#[test]
fn attack_29_a_push_install_token_opens_the_installer_alone_and_nothing_once_it_is_revoked() {
    everywhere(Attack::PushInstall, |profile, server, _, told| {
        let attempts = told.attempts();
        assert_eq!(attempts.len(), 7, "{attempts:?}");
        for (what, statuses) in &attempts {
            let served = statuses.get(&Some(200)).copied().unwrap_or(0);
            let denied: u32 = [401, 403].iter().filter_map(|status| statuses.get(&Some(*status))).sum();
            let is_installers = what == "a push-install token for the installer";
            assert_eq!(served > 0, is_installers, "{profile:?} {server} {what}: {statuses:?}");
            assert!(denied > 0, "{profile:?} {server} {what}: {statuses:?}");
        }
        // Whoever holds it fetches what it is for: nobody is robbed.
        assert_eq!(told.violated, BTreeSet::new(), "{profile:?} {server}");
        let after = |event: &&Event| event.at > VirtualTime::from_millis(110_000);
        let accepted = |event: &&Event| matches!(event.kind, EventKind::Bearer(BearerEvent::Accepted { .. }));
        assert_eq!(told.events.iter().filter(after).filter(accepted).count(), 0, "{profile:?} {server}");
    });
}

#[test]
fn rule_63_a_stolen_asdk_token_is_accepted_until_it_is_revoked() {
    everywhere(Attack::StolenBearer, |profile, server, _, told| {
        let attempts = told.attempts();
        let statuses = &attempts["a bearer token that was overheard"];
        assert!(statuses[&Some(200)] > 2 && statuses[&Some(401)] > 2, "{profile:?} {server} {statuses:?}");
        assert_eq!(told.violated, [Invariant::S13].into(), "{profile:?} {server}");
    });
}

#[test]
fn the_answer_of_an_account_is_good_once_and_on_its_connection() {
    everywhere(Attack::AccountReplay, |profile, server, _, told| {
        let attempts = told.attempts();
        // With and without a challenge, where it was said and elsewhere.
        assert_eq!(attempts.len(), 4, "{attempts:?}");
        assert_eq!(told.statuses(), [Some(401)].into(), "{profile:?} {server}");
        told.came_to_nothing();
    });
}

#[test]
fn nobody_gets_in_by_an_account_without_its_password() {
    everywhere(Attack::AccountGuess, |profile, server, _, told| {
        assert_eq!(told.attempts().len(), 6);
        assert_eq!(told.statuses(), [Some(401)].into(), "{profile:?} {server}");
        told.came_to_nothing();
    });
}

#[test]
fn a_stolen_password_is_good_until_it_is_another() {
    for profile in PROFILES {
        let mut plan = made_ready(plan(Attack::StolenPassword, profile, SITE));
        let at_ms = plan.duration_ms / 2;
        plan.faults.push(Fault { at_ms, until_ms: None, kind: FaultKind::ChangeAccPassword {} });
        let told = run(&plan);
        let by_attacker = |event: &Event| event.actor == ATTACKER;
        for event in told.events.iter().filter(|event| by_attacker(event)) {
            if let EventKind::Attempted { status, .. } = &event.kind {
                let expected = if event.at < VirtualTime::from_millis(at_ms) { 200 } else { 401 };
                assert_eq!(*status, Some(expected), "{profile:?} at {}", event.at);
            }
        }
        assert_eq!(told.statuses(), [Some(200), Some(401)].into());
        // The plan says that it was stolen: what its thief does is no fault of the protocol.
        assert_eq!(told.violated, BTreeSet::new(), "{profile:?}");
    }
}

#[test]
fn bearer_tokens_that_nobody_signed_are_refused() {
    everywhere(Attack::BearerForgery, |profile, server, _, told| {
        let attempts = told.attempts();
        assert_eq!(attempts.len(), 6, "{attempts:?}");
        assert!(told.statuses().iter().all(|status| matches!(status, Some(401 | 403))), "{profile:?} {server}");
        told.came_to_nothing();
    });
}
