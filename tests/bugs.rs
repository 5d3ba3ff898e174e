//! Planted bugs: each can be named, each changes what happens, and only while it is planted.

mod hardship_property;
#[path = "bugs/machine.rs"]
mod machine;
#[path = "bugs/portal.rs"]
mod portal;
#[path = "bugs/shrinking.rs"]
mod shrinking;
#[path = "rules/stage.rs"]
#[allow(dead_code, reason = "the rules' suite uses the rest")]
mod stage;
#[path = "bugs/swarm.rs"]
mod swarm;

use std::{sync::atomic::AtomicBool, thread, time::Duration};

use countersign::{
    plan::{Invariant, Plan},
    protocol::{
        Answer, BearerClaims, BearerRules, BearerToken, Binding, CachedToken, ClientTokensRequest,
        ClientTokensResponse, ConnectionAuthentication, CountersignedToken, Directory, Fetched, Holder, INSTALLER_PATH,
        IssueError, NodeKind, Nonce, Policy, RegisterRequest, Registry, RegistrySettings, ServerKeys, ServerPath,
        TokenCache, TokenCacheSettings, TokenStorage, Window, base64url,
    },
    run::{Options, run},
    scenario::{Overrides, Scenario, shipped},
    types::{
        Authentication, BearerKind, Bug, CryptoTier, Epoch, Jti, NodeId, Parameters, Planting, Profile, Thumbprint,
        Uid, UnixSeconds, VirtualTime,
    },
};
use stage::{AGENT, JTI, LIFETIME_S, NOW, SMP, Stage, UID, empty_digest, facts, key, origin, path, rng, seconds};

const EXPIRES: UnixSeconds = UnixSeconds(NOW.0 + LIFETIME_S);

/// What `effect` shows with this bug planted, or with none.
fn shown(bug: Option<Bug>, effect: fn() -> String) -> String {
    let _planting = Planting::of(bug);
    effect()
}

/// Proves that a bug, and not its name alone, changes what `effect` shows.
fn changes(bug: Bug, effect: fn() -> String) {
    let (sound, planted) = (shown(None, effect), shown(Some(bug), effect));
    assert_ne!(sound, planted, "{bug} changes nothing");
    assert_eq!(shown(None, effect), sound, "{bug} stays when it is gone");
}

#[test]
fn every_bug_has_one_name_and_says_what_it_does() {
    assert!(Bug::ALL.len() >= 28);
    for bug in Bug::ALL {
        assert_eq!(bug.name().parse(), Ok(*bug));
        assert_eq!(serde_json::to_value(bug).unwrap(), bug.name());
        assert!(bug.what().contains(". ") || bug.what().ends_with('.'), "{bug}: {}", bug.what());
        assert_eq!(Bug::ALL.iter().filter(|other| other.name() == bug.name()).count(), 1);
    }
    assert_eq!("no_such_bug".parse::<Bug>(), Err(()));
}

#[test]
fn a_bug_is_planted_on_one_thread_while_its_guard_lives() {
    let (first, second) = (Bug::CounterRace, Bug::SlotLeaked);
    assert!(Bug::ALL.iter().all(|bug| !bug.is_planted()));
    let outer = Planting::of(Some(first));
    {
        let _inner = Planting::of(Some(second));
        assert_eq!((first.is_planted(), second.is_planted()), (false, true), "one fault at a time");
    }
    assert!(first.is_planted());
    assert!(thread::spawn(move || !first.is_planted()).join().unwrap(), "other runs are sound");
    drop(outer);
    assert!(!first.is_planted());
}

#[test]
fn a_plan_and_a_scenario_name_the_bug_that_their_run_has() {
    let plan = honest(1, Profile::Literal, Some(Bug::CounterRestarts));
    let read = Plan::from_json("plan.json", &plan.to_json().unwrap()).unwrap();
    assert_eq!(read.bug, Some(Bug::CounterRestarts));
    assert_ne!(digest(&read), digest(&Plan { bug: None, ..plan }));
    assert!(!Bug::CounterRestarts.is_planted(), "the run is over");
}

#[test]
fn bugs_of_the_registry_show() {
    changes(Bug::WindowOffByOne, || {
        let mut window = Window::new(64);
        format!("{:?}", [1, 1].map(|counter| window.check_and_record(counter, 10)))
    });
    changes(Bug::JumpCapMissing, || format!("{:?}", Window::new(64).check(11, 10)));
    changes(Bug::RegistryKeyedOnText, || {
        let mut stage = Stage::new(Profile::Literal);
        let issued = stage.issue();
        let tokens = [1, 2].map(|counter| stage.countersign(&issued, counter));
        tokens.map(|token| stage.validate_at(token.text(), seconds(1)).unwrap().registered.is_new.to_string()).join(" ")
    });
    changes(Bug::CounterRecordedFirst, || {
        let mut stage = Stage::new(Profile::Literal);
        let nonce = Nonce { uid: UID, counter: 1 };
        let forged = stage.countersign_with(&stage.issue(), nonce, None, &key(2));
        format!("{:?}", stage.validate_at(forged.text(), seconds(1)).unwrap_err().registered)
    });
    fn purged() -> (Registry, usize) {
        let parameters = Parameters::defaults(Profile::Hardened);
        let mut registry = Registry::new(RegistrySettings::new(Profile::Hardened, &parameters), stage::EPOCH);
        registry.check_and_record(AGENT, JTI, 1, EXPIRES).unwrap();
        let within_leeway = registry.purge(seconds(LIFETIME_S + 1)).len();
        registry.purge(seconds(LIFETIME_S + 61));
        (registry, within_leeway)
    }
    changes(Bug::RetentionWithoutLeeway, || purged().1.to_string());
    changes(Bug::HighWaterMarkLost, || format!("{:?}", purged().0.check_and_record(AGENT, JTI, 1, EXPIRES)));
}

/// What a hardened server says of a token that is right but for what `spoil` does to it.
fn verdict(spoil: impl FnOnce(&Stage) -> String) -> String {
    let mut stage = Stage::new(Profile::Hardened);
    let text = spoil(&stage);
    match stage.validate_at(&text, seconds(1)) {
        Ok(_) => "accepted".to_owned(),
        Err(rejection) => format!("{:?}", rejection.why),
    }
}

/// Replaces one of the first three parts, before the agent signs.
fn with_part(stage: &Stage, place: usize, part: &[u8]) -> String {
    let issued = stage.issue();
    let mut parts: Vec<_> = issued.text().split('.').map(str::to_owned).collect();
    parts[place].clear();
    base64url::encode_onto(part, &mut parts[place]);
    let text = parts.join(".");
    let (nonce, binding) = (Nonce { uid: UID, counter: 1 }, stage.binding());
    let countersigned = |issued| CountersignedToken::sign(&issued, nonce, binding, &stage.agent_key, &stage.engine);
    // What cannot be read as a token is presented as it is.
    match countersign::protocol::IssuedToken::parse(&text) {
        Some(issued) => countersigned(issued).unwrap().text().to_owned(),
        None => text,
    }
}

#[test]
fn checks_that_are_left_out_show() {
    const NONCE: Nonce = Nonce { uid: UID, counter: 1 };
    assert_eq!(verdict(|stage| stage.countersign(&stage.issue(), 1).text().to_owned()), "accepted");
    changes(Bug::ServerSignatureUnverified, || verdict(|stage| with_part(stage, 2, &[1; 256])));
    changes(Bug::AlgNoneAccepted, || {
        verdict(|stage| {
            let issued = stage.issue();
            let header = format!(r#"{{"alg":"none","typ":"JWT","kid":"{}","nonce":"{}.0"}}"#, issued.kid, issued.uid);
            with_part(stage, 0, header.as_bytes())
        })
    });
    changes(Bug::AgentSignatureUnverified, || {
        verdict(|stage| stage.countersign_with(&stage.issue(), NONCE, stage.binding(), &key(2)).text().to_owned())
    });
    changes(Bug::UidUnchecked, || {
        verdict(|stage| {
            let nonce = Nonce { uid: Uid::from_bits(1), ..NONCE };
            stage.countersign_with(&stage.issue(), nonce, stage.binding(), &stage.agent_key).text().to_owned()
        })
    });
    changes(Bug::EpochUnchecked, || {
        verdict(|stage| {
            let binding = stage.binding().map(|binding| Binding { epoch: Epoch::from_bits(1), ..binding });
            stage.countersign_with(&stage.issue(), NONCE, binding, &stage.agent_key).text().to_owned()
        })
    });
    changes(Bug::AudienceUnchecked, || {
        verdict(|stage| {
            let (aud, epoch) = (origin("https://site-1"), Epoch::from_bits(1));
            let subject = countersign::protocol::Subject { audience: aud.clone(), ..stage.subject() };
            let issued = stage.issuer.issue(subject, JTI, NOW, &stage.engine).unwrap();
            let binding = stage.binding().map(|binding| Binding { aud, epoch, ..binding });
            stage.countersign_with(&issued, NONCE, binding, &stage.agent_key).text().to_owned()
        })
    });
    changes(Bug::BindingUnchecked, || {
        verdict(|stage| {
            let binding = stage.binding().map(|binding| Binding { htm: "POST".to_owned(), ..binding });
            stage.countersign_with(&stage.issue(), NONCE, binding, &stage.agent_key).text().to_owned()
        })
    });
    changes(Bug::ConnectionAgeUnbounded, || {
        let mut authentication = ConnectionAuthentication::default();
        authentication.accept(AGENT, VirtualTime::ZERO, EXPIRES, Duration::ZERO);
        let late = VirtualTime::from_millis(3_600_000);
        format!("{:?}", authentication.admits(Profile::Hardened, true, late, seconds(1), Duration::from_secs(60)))
    });
}

#[test]
fn what_is_withdrawn_and_revoked_shows() {
    changes(Bug::WithdrawnKeyKept, || {
        let mut keys: ServerKeys = [key(0).public().clone()].into_iter().collect();
        keys.replace(ServerKeys::default());
        keys.len().to_string()
    });
    changes(Bug::RevocationIgnoredBySite, || {
        let parameters = Parameters::defaults(Profile::Literal);
        let policy = Policy::new(1, vec![], &parameters, ServerKeys::default(), [AGENT].into());
        policy.is_revoked(AGENT).to_string()
    });
    changes(Bug::RevokedAgentGetsTokens, || {
        let mut directory = Directory::new(SMP, origin("https://smp"), Profile::Literal);
        let public_key = key(1).public().clone();
        directory
            .register(&RegisterRequest {
                id: AGENT,
                kind: NodeKind::Agent,
                public_key,
                origin: None,
                profile: Profile::Literal,
            })
            .unwrap();
        directory.revoke(AGENT);
        directory.agent_key(AGENT).is_ok().to_string()
    });
}

#[test]
fn bugs_of_bearer_tokens_show() {
    fn verdict(path: &str, revoked: &[Jti]) -> String {
        let engine = stage::engine();
        let claims = BearerClaims { iss: SMP, iat: NOW, jti: JTI, exp: None };
        let token = BearerToken::sign(BearerKind::PushInstall, claims, &key(0), &engine).unwrap();
        let server_keys: ServerKeys = [key(0).public().clone()].into_iter().collect();
        let rules = BearerRules {
            authentication: Authentication::TOKENS,
            revoked: &revoked.iter().copied().collect(),
            server_keys: &server_keys,
            leeway: Duration::ZERO,
            token_bytes_max: 8_192,
        };
        rules.check(token.text(), path, seconds(0), &engine).is_ok().to_string()
    }
    changes(Bug::BearerRevocationIgnored, || verdict(INSTALLER_PATH, &[JTI]));
    changes(Bug::InstallerPathBySuffix, || verdict("/Altiris/Secrets/AEXNSC.exe", &[]));
}

/// A cache with three tokens of three agents, all asked for again, and room for two in a batch and in a validation.
fn cache() -> TokenCache {
    let mut cache = TokenCache::new(TokenCacheSettings {
        uids_per_agent_max: 16,
        resets_requested_on_refresh: true,
        validation_tokens_max: 2,
        batch_size_max: 1,
    });
    for number in 1..=3 {
        cache.store(agent(number), UID, cached(), Fetched::First);
        cache.presented(agent(number), UID);
    }
    cache
}

fn agent(number: u128) -> NodeId {
    NodeId::from_bits(AGENT.bits() + number)
}

fn cached() -> CachedToken {
    CachedToken {
        text: "".into(),
        kid: Thumbprint([1; 32]),
        jti: JTI,
        expires: EXPIRES,
        agent_key: key(1).public().clone(),
    }
}

#[test]
fn bugs_of_the_cache_show() {
    let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
    assert_eq!(cache().validate(seconds(LIFETIME_S - 60), minutes(5)).due, 3);
    changes(Bug::CacheKeyedByAgent, || format!("{:?}", cache().presented(agent(1), Uid::from_bits(9))));
    changes(Bug::ExpiredTokenOffered, || format!("{:?}", cache().first_request(agent(1), UID, EXPIRES.wall())));
    changes(Bug::RefreshFlagKept, || {
        let mut cache = cache();
        cache.store(agent(1), UID, cached(), Fetched::Refresh);
        cache.validate(EXPIRES.wall(), Duration::ZERO).due.to_string()
    });
    changes(Bug::LookAheadIgnored, || {
        cache().validate(seconds(LIFETIME_S - 60), Duration::from_secs(300)).due.to_string()
    });
    changes(Bug::CacheNeverCleaned, || {
        let mut cache = cache();
        cache.store(agent(4), UID, cached(), Fetched::First);
        cache.validate(EXPIRES.wall(), Duration::ZERO).removed.len().to_string()
    });
    let batches = || {
        let plan = cache().validate(EXPIRES.wall(), Duration::ZERO);
        format!("{:?}", plan.batches.iter().map(Vec::len).collect::<Vec<_>>())
    };
    changes(Bug::ValidationCeilingIgnored, batches);
    changes(Bug::BatchTooLarge, batches);
    changes(Bug::BatchOrderTrusted, || {
        let holders = [1, 2].map(|number| Holder { agent: agent(number), uid: UID });
        let request = ClientTokensRequest::new(SMP, holders.to_vec(), 128).unwrap();
        // What came tells the two apart: only the second agent is revoked.
        let answer = |place: usize, error| Answer { holder: holders[place], result: Err(error) };
        let tokens = vec![answer(1, IssueError::AgentRevoked), answer(0, IssueError::UnknownAgent)];
        format!("{:?}", ClientTokensResponse { tokens }.matched(&request))
    });
}

/// An agent's storage with one token.
fn storage() -> TokenStorage {
    let mut storage = TokenStorage::new(100);
    let uid = storage.uid(&path(), &mut rng(1));
    let token = Stage::new(Profile::Literal).issue_for(uid, 1);
    assert!(storage.succeeded(&path(), &token, None, None, seconds(0)));
    storage
}

#[test]
fn bugs_of_agents_show() {
    fn counters() -> String {
        let mut storage = storage();
        let uid = storage.known_uid(&path()).unwrap();
        format!("{:?}", [1, 2].map(|_| storage.next_nonce(&path(), uid).map(|nonce| nonce.counter)))
    }
    assert_eq!(shown(None, counters), "[Some(1), Some(2)]");
    changes(Bug::CounterRace, counters);
    changes(Bug::CounterRestarts, counters);
    changes(Bug::SweepNeverRemoves, || storage().sweep(EXPIRES.wall(), Duration::from_secs(1)).len().to_string());
    changes(Bug::TokenSentOnNewPath, || {
        let detour = ServerPath { origin: origin("https://gateway"), ..path() };
        storage().live(&detour, seconds(1)).is_some().to_string()
    });
    changes(Bug::ForbiddenTokenKept, || {
        let stage = Stage::new(Profile::Literal);
        let mut agent = stage.agent();
        let (digest, now) = (empty_digest(), seconds(1));
        let asked = agent.authorize(&path(), &facts(&digest), now, &stage.engine, &mut rng(1)).unwrap();
        let issued = stage.issue_for(stage::asked_uid(&asked), 1);
        let answer = agent.answer(&path(), &stage.challenge(&issued), &facts(&digest), &stage.engine).unwrap();
        agent.succeeded(&path(), stage::sent_token(&answer).0, None, None, now);
        agent.forbidden(&path(), Jti::from_bits(1));
        agent.stored(&path(), now).is_some().to_string()
    });
}

/// Honest agents that do much in little time: several connections, short lives, small ceilings, a late site.
fn honest(seed: u64, profile: Profile, bug: Option<Bug>) -> Plan {
    const HONEST: &str = r#"
        description = "Honest agents that do much in little time."
        profile = "literal"
        duration = "12m"
        scheme = "https"
        sites = { count = 1, start = "30s" }
        [[agents]]
        count = 8
        connections = 2
        visits = { every = "20s", jitter = "5s" }
        [[agents]]
        count = 4
        connection_use = "keep_alive"
        visits = { every = "20s", jitter = "5s" }
        [[agents]]
        count = 4
        clock = { offset = "-50s" }
        visits = { every = "50s", jitter = "20s" }
        [[agents]]
        count = 8
        start = "1m"
        visits = { every = "100s" }
        [parameters]
        token_lifetime = "2m"
        validation_period = "1m"
        look_ahead = "70s"
        leeway = "30s"
        batch_size_max = 2
        upstream_slots = 1
        registry_purge_period = "1m"
        connection_age_max = "90s"
    "#;
    let overrides = Overrides { profile: Some(profile), crypto: Some(CryptoTier::Modelled) };
    let mut plan = Scenario::from_toml("honest.toml", HONEST).unwrap().resolve(Some(seed), overrides).unwrap();
    plan.bug = bug;
    plan
}

fn digest(plan: &Plan) -> String {
    run(plan, Options::new(&AtomicBool::new(false), &mut |_| {})).unwrap().digest.unwrap()
}

#[test]
fn bugs_of_actors_change_a_run() {
    // What a bug does may need a moment that one seed has and another has not, or a hole that only literal has.
    let runs = || (1..=6).flat_map(|seed| [Profile::Hardened, Profile::Literal].map(move |profile| (seed, profile)));
    let of = |bug| runs().map(move |(seed, profile)| digest(&honest(seed, profile, bug)));
    let sound: Vec<_> = of(None).collect();
    let bugs = [
        Bug::PurgeNeverRuns,
        Bug::LeewayAddedTwice,
        Bug::ExpiryByWrongClock,
        Bug::AuthenticationKeptByAddress,
        Bug::ConnectionPerBatch,
        Bug::FirstFetchNotShared,
        Bug::SlotsUnlimited,
        Bug::LatestWaiterFirst,
        Bug::TokenStoredTooSoon,
        Bug::RetryWithoutBackoff,
    ];
    let same = |bug: &&Bug| of(Some(**bug)).eq(sound.iter().cloned());
    assert_eq!(bugs.iter().filter(same).collect::<Vec<_>>(), Vec::<&Bug>::new(), "these change nothing");
    // What needs a fault or an attacker leaves honest agents alone.
    for bug in [Bug::SlotLeaked, Bug::ReplayNotEvicted, Bug::ConnectionOutlivesRevocation, Bug::JumpCapMissing] {
        assert_eq!(digest(&honest(1, Profile::Hardened, Some(bug))), sound[0], "{bug}");
    }
}

/// The scenarios that must be caught: by which invariants, and by no others.
const NEGATIVE: [(&str, &[Invariant]); 25] = [
    ("negative/acc_preferred", &[Invariant::S10]),
    ("negative/account_answer_again", &[Invariant::S2, Invariant::S13]),
    ("negative/batch_too_large", &[Invariant::S8]),
    ("negative/bearer_opens_connection", &[Invariant::S4]),
    ("negative/connection_too_old", &[Invariant::S4]),
    ("negative/counter_starts_again", &[Invariant::L1, Invariant::L2, Invariant::L3]),
    ("negative/counter_used_twice", &[Invariant::S1, Invariant::S6]),
    ("negative/downgrade_followed", &[Invariant::S10]),
    ("negative/expired_offer", &[Invariant::S9]),
    ("negative/fallback_always_on", &[Invariant::S10]),
    ("negative/forged_bearer", &[Invariant::S2, Invariant::S13]),
    ("negative/forged_token", &[Invariant::S2, Invariant::S5]),
    ("negative/forgery_burns_counter", &[Invariant::S5]),
    ("negative/installer_by_suffix", &[Invariant::S2]),
    ("negative/kind_taken_when_off", &[Invariant::S4]),
    ("negative/not_refreshed", &[Invariant::S8, Invariant::L5]),
    ("negative/old_password_accepted", &[Invariant::S2]),
    ("negative/package_for_everybody", &[Invariant::S4]),
    ("negative/peer_challenge_reused", &[Invariant::S1, Invariant::S13]),
    ("negative/purged_within_leeway", &[Invariant::S6]),
    ("negative/revoked_bearer_accepted", &[Invariant::S7]),
    ("negative/revoked_still_in", &[Invariant::S7]),
    ("negative/slot_never_returned", &[Invariant::S8, Invariant::L4, Invariant::L6]),
    ("negative/stolen_token", &[Invariant::S13]),
    ("negative/token_for_proxy", &[Invariant::S13]),
];

#[test]
fn every_scenario_that_must_be_caught_is_caught_by_what_it_says() {
    let shipped: Vec<_> = shipped().into_iter().filter(|shipped| shipped.name.starts_with("negative/")).collect();
    assert_eq!(shipped.iter().map(|shipped| shipped.name).collect::<Vec<_>>(), NEGATIVE.map(|(name, _)| name));
    for (shipped, (name, caught_by)) in shipped.iter().zip(NEGATIVE) {
        let scenario = shipped.scenario().unwrap();
        let said = scenario.document.description.split(':').next().unwrap().rsplit(' ').next().unwrap();
        assert!(caught_by.iter().any(|invariant| invariant.to_string() == said), "{name} says {said}");
        let planted = scenario.resolve(None, Overrides::default()).unwrap();
        let violated = |plan: &Plan| {
            let run = run(plan, Options::new(&AtomicBool::new(false), &mut |_| {})).unwrap();
            run.judgement.counts.into_keys().collect::<Vec<_>>()
        };
        assert_eq!(violated(&planted), caught_by, "{name}");
        assert_eq!(violated(&Plan { bug: None, ..planted }), [], "{name} without its bug");
    }
}

#[test]
fn a_bug_is_found_by_the_command_and_shown_by_the_command_that_it_prints() {
    let countersign = |arguments: &[&str]| {
        let mut command = assert_cmd::Command::cargo_bin("countersign").unwrap();
        command.args(arguments).output().unwrap()
    };
    let hunt = ["bugs", "counter_restarts", "--scenario", "smoke/first_contact", "--seeds", "3..5", "--format", "json"];
    let output = countersign(&hunt);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let hunt: countersign::report::Hunt = serde_json::from_slice(&output.stdout).unwrap();
    let trail = &hunt.bugs[0].trails[0];
    let found = trail.found.as_ref().unwrap();
    assert_eq!((trail.seeds, found.seed, found.profile), (1, 3, Profile::Literal));
    assert!(!found.caught_by.is_empty() && !found.what.is_empty());

    let show: Vec<_> = found.reproduce.split(' ').skip(1).collect();
    assert_eq!(countersign(&show).status.code(), Some(1));
    let sound: Vec<_> = show[..show.len() - 2].to_vec();
    assert_eq!(countersign(&sound).status.code(), Some(0));

    let missed = ["bugs", "slot_leaked", "--scenario", "smoke/first_contact", "--seeds", "0..1", "--jobs", "1"];
    let output = countersign(&missed);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stdout).contains("Not found: slot_leaked."));
}

/// A scenario in which agents hang, as a file.
fn hanging(folder: &tempfile::TempDir, bug: Bug) -> String {
    let file = folder.path().join(format!("{bug}.toml"));
    let text = format!(
        r#"
        description = "Agents that hang."
        profile = "literal"
        crypto = "modelled"
        duration = "10m"
        plant = "{bug}"
        sites = {{ count = 1 }}
        agents = [{{ count = 3, start = "1m", visits = {{ every = "1m" }} }}]
        "#
    );
    std::fs::write(&file, text).unwrap();
    file.to_str().unwrap().to_owned()
}

#[test]
fn a_run_that_hangs_ends_with_the_name_of_whoever_hangs() {
    let folder = tempfile::tempdir().unwrap();
    let said = [
        (Bug::TaskNeverRests, "is spinning: a task of its ran 1000000 times, and virtual time did not advance"),
        (Bug::PollNeverReturns, "is spinning: a task of its has run for 2 s of CPU time without a pause"),
    ];
    assert_eq!(said.map(|(bug, _)| bug).as_slice().len(), Bug::HANGS.len());
    for (bug, said) in said {
        let (file, trace) = (hanging(&folder, bug), folder.path().join(format!("{bug}.jsonl")));
        let mut command = assert_cmd::Command::cargo_bin("countersign").unwrap();
        let output = command.args(["run", &file, "--trace", trace.to_str().unwrap()]).output().unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(70), "{errors}");
        assert!(errors.contains(said) && errors.contains("agent-") && errors.contains("0:01:"), "{errors}");
        assert!(!trace.exists() && trace.with_added_extension("partial").exists(), "a part is not called the whole");
    }
}

#[test]
fn a_sweep_that_hangs_names_the_run_and_keeps_what_was_done() {
    let folder = tempfile::tempdir().unwrap();
    let (file, out) = (hanging(&folder, Bug::PollNeverReturns), folder.path().join("sweep"));
    let mut command = assert_cmd::Command::cargo_bin("countersign").unwrap();
    let arguments = ["sweep", "smoke/first_contact", &file, "--seeds", "5..6", "--jobs", "1", "--out"];
    let output = command.args(arguments).arg(&out).output().unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(70), "{errors}");
    assert!(errors.contains(&format!("countersign run {file} --seed 5")), "{errors}");
    let journal = std::fs::read_to_string(out.join("journal.jsonl")).unwrap();
    let lines: Vec<serde_json::Value> = journal.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.len() >= 2, "the sweep, and the run that was made before: {journal}");
}

#[test]
fn a_run_that_waits_for_whoever_reads_its_trace_does_not_hang() {
    let mut child = std::process::Command::new(assert_cmd::cargo::cargo_bin!("countersign"))
        .args(["run", "smoke/first_contact", "--trace", "-"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    // Longer than one poll may take of the CPU.
    thread::sleep(Duration::from_secs(4));
    assert_eq!(child.try_wait().unwrap(), None, "it ended before anybody read: the trace is too short for this test");
    let mut trace = String::new();
    std::io::Read::read_to_string(child.stdout.as_mut().unwrap(), &mut trace).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(trace.ends_with("}\n"));
}
