//! The same plan makes the same run (S12): in one process and in two, alone and among others, with every crypto tier,
//! with and without jumps over idle time. Where two runs differ, the first event that does is shown.

mod small_plan;

use std::{
    fs,
    io::Write as _,
    path::Path,
    process::{Command, Output, Stdio},
    thread,
};

use countersign::{
    cli::{Exit, Failure, determinism::compare},
    plan::{Bootstrap, ConnectionUse, Plan, Visits},
    trace::first_difference,
    types::{ActorId, ClockModel, CryptoTier, Parameters, Profile, Scheme},
};
use proptest::prelude::*;
use small_plan::{digest, finished, shipped_plan, small_plan, traced, without_jumps};

const PROGRAM: &str = env!("CARGO_BIN_EXE_countersign");
const MODELLED: CryptoTier = CryptoTier::Modelled;

fn countersign(arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(PROGRAM)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

/// The JSON report of a run of the program, without the real world.
fn report(arguments: &[&str], input: &str) -> String {
    let output = countersign(arguments, input);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    // As text, so that the order and the spelling of everything count too. `environment` comes last.
    let (deterministic, environment) = text.split_once("\n  \"environment\": {").unwrap();
    assert!(environment.ends_with("\n  }\n}\n"), "something comes after the environment");
    deterministic.to_owned()
}

fn digest_in(report: &str) -> &str {
    let (_, after) = report.split_once("\n  \"digest\": \"").unwrap();
    &after[..64]
}

/// Storm, and the swarms: of tokens alone, of machines, of kinds of authentication, of portals.
const STORM_AND_SWARMS: [&str; 5] =
    ["hardship/storm", "hardship/swarm", "hardship/swarm_machine", "hardship/swarm_kinds", "hardship/swarm_portal"];

/// Sweeps storm and swarms, both faces, in two processes, with one thread and with two.
fn storm_and_swarms_twice(seeds: &str, seeds_count: usize) {
    let runs = STORM_AND_SWARMS.len() * 2 * seeds_count;
    let sweep = |jobs: &str| {
        let seeds = ["--seeds", seeds, "--profile", "both", "--digests", "--jobs", jobs];
        let output = countersign(&[&["sweep"][..], &STORM_AND_SWARMS, &seeds].concat(), "");
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
        // All but the CPU time, which stands at the end of a scenario's first line.
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().map(|line| line.split(';').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let first = sweep("1");
    let digests = first.iter().filter(|line| line.split(' ').next_back().unwrap().len() == 64).count();
    assert_eq!(digests, runs, "{first:?}");
    assert_eq!(first, sweep("2"));
}

/// S12.
#[test]
fn with_every_fault_and_attacker_on_two_processes_make_the_same_runs() {
    storm_and_swarms_twice("0..3", 3);
}

#[test]
#[ignore = "takes minutes; run by .ci/run"]
fn with_every_fault_and_attacker_on_two_processes_make_the_same_two_hundred_runs() {
    storm_and_swarms_twice("100..120", 20);
}

/// S12.
#[test]
fn the_same_plan_gives_the_same_digest_whatever_ran_before_in_the_process() {
    let plan = small_plan(1, MODELLED);
    let alone = digest(&plan);
    assert_eq!(alone, digest(&plan));
    for other in ["rules/connection_over_tls", "rules/validation_period_5"] {
        digest(&shipped_plan(other, None, None, Some(MODELLED)));
        assert_eq!(alone, digest(&plan), "after {other}");
    }
}

#[test]
fn the_same_plan_gives_the_same_digest_whatever_runs_beside_it_on_another_thread() {
    let plans = [small_plan(1, MODELLED), shipped_plan("rules/connection_authenticated", None, None, Some(MODELLED))];
    let alone = plans.clone().map(|plan| digest(&plan));
    for round in 0..3 {
        let threads = plans.clone().map(|plan| thread::spawn(move || digest(&plan)));
        assert_eq!(threads.map(|thread| thread.join().unwrap()), alone, "round {round}");
    }
}

#[test]
fn a_run_that_was_torn_down_early_leaves_nothing_to_the_next() {
    let plan = small_plan(1, MODELLED);
    let alone = digest(&plan);
    let mut shorter = plan.clone();
    shorter.duration_ms /= 2;
    assert_ne!(digest(&shorter), alone);
    assert_eq!(digest(&plan), alone);
}

#[test]
fn two_processes_write_the_same_report_to_the_byte_but_for_the_environment() {
    let arguments = ["run", "smoke/first_contact", "--format", "json"];
    let first = report(&arguments, "");
    assert_eq!(first, report(&arguments, ""));
    // And a process the same as a library.
    assert_eq!(digest_in(&first), digest(&shipped_plan("smoke/first_contact", None, None, None)));
}

#[test]
fn the_digest_does_not_depend_on_the_crypto_tier() {
    let plan = |crypto| small_plan(3, crypto);
    let (modelled, trace) = traced(&plan(MODELLED), true);
    let real = if cfg!(feature = "aws-lc") { &[CryptoTier::AwsLc, CryptoTier::Rsa][..] } else { &[CryptoTier::Rsa] };
    for crypto in real {
        let (finished, other) = traced(&plan(*crypto), true);
        if let Some(difference) = first_difference(&*trace, &*other).unwrap() {
            panic!("modelled and {crypto}:\n{difference}");
        }
        assert_eq!(finished.digest, modelled.digest, "{crypto}");
    }
}

#[test]
fn the_digest_of_hardened_runs_does_not_depend_on_the_crypto_tier_either() {
    for scheme in [Scheme::Http, Scheme::Https] {
        let plan = |crypto| {
            let mut plan = small_plan(5, crypto);
            (plan.profile, plan.scheme) = (Profile::Hardened, scheme);
            plan
        };
        assert_eq!(digest(&plan(MODELLED)), digest(&plan(CryptoTier::Rsa)), "{scheme:?}");
    }
}

#[test]
fn a_replayed_plan_gives_the_digest_of_the_run_and_another_seed_another() {
    let run = |seed| report(&["run", "rules/window_slide", "--seed", seed, "--format", "json"], "");
    let plan = countersign(&["run", "rules/window_slide", "--seed", "9", "--plan-only"], "").stdout;
    let nine = run("9");
    let replayed = report(&["replay", "-", "--format", "json"], std::str::from_utf8(&plan).unwrap());
    // Each names its own command, and nothing else differs.
    let without_command = |report: &str| {
        let lines = report.lines().filter(|line| !line.trim_start().starts_with("\"reproduce\":"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(without_command(&replayed), without_command(&nine));
    assert_ne!(digest_in(&run("10")), digest_in(&nine));
}

#[test]
fn check_determinism_says_so_when_two_runs_agree() {
    let output = countersign(&["run", "rules/validation_period_5", "--check-determinism"], "");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text, "deterministic: two processes made the same run, event by event\n");
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn two_runs_that_differ_are_shown_with_the_first_event_that_does() {
    // Both in processes of the program, exactly as `--check-determinism` has it; but of two plans.
    let plans = [1, 2].map(|seed| small_plan(seed, MODELLED));
    let (exit, text) = compare(Path::new(PROGRAM), [&plans[0], &plans[1]]).unwrap();
    assert_eq!(exit, Exit::Violated);
    assert!(text.starts_with("NOT DETERMINISTIC: two runs of one plan differ.\n"), "{text}");
    // It is the very first event that differs, found here in another way.
    let [first, second] = plans.map(|plan| String::from_utf8(traced(&plan, true).1).unwrap());
    let number = 1 + first.lines().zip(second.lines()).position(|(first, second)| first != second).unwrap();
    let expected = match number {
        1 => "differ from the first event on".to_owned(),
        number => format!("agree in {} events and part at event {number}.", number - 1),
    };
    assert!(text.contains(&expected), "{expected}: {text}");
    assert!(text.contains("goes on:"), "{text}");
}

#[test]
fn a_run_that_ends_before_the_other_is_a_difference() {
    let plan = small_plan(1, MODELLED);
    let mut shorter = plan.clone();
    shorter.duration_ms -= 30_000;
    let (exit, text) = compare(Path::new(PROGRAM), [&plan, &shorter]).unwrap();
    assert_eq!(exit, Exit::Violated);
    assert!(text.contains("The second run ends there."), "{text}");
}

#[cfg(unix)]
#[test]
fn a_run_that_breaks_down_is_no_difference_but_an_internal_error() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("breaks_down");
    fs::write(&program, "#!/bin/sh\ncat > /dev/null\nexit 101\n").unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let plan = small_plan(1, MODELLED);
    let failure = compare(&program, [&plan, &plan]).unwrap_err();
    assert!(matches!(&failure, Failure::Internal(text) if text.contains("did not come to its end")), "{failure:?}");
}

#[test]
fn the_traces_of_two_seeds_part_where_the_comparison_says() {
    let folder = tempfile::tempdir().unwrap();
    let trace = |seed: &str| {
        let path = folder.path().join(seed);
        let output = countersign(
            &[
                "run",
                "rules/connection_over_tls",
                "--seed",
                seed,
                "--trace",
                path.to_str().unwrap(),
                "--format",
                "json",
            ],
            "",
        );
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        fs::read(path).unwrap()
    };
    let (first, second) = (trace("1"), trace("2"));
    let difference = first_difference(&*first, &*second).unwrap().expect("two seeds make two runs");
    assert_eq!(difference.has_ended(), [false, false]);
    assert!(first_difference(&*first, &*first).unwrap().is_none());
}

#[test]
fn nothing_in_the_project_sets_a_compiler_flag_that_an_installation_would_lose() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for path in [".cargo/config.toml", ".cargo/config", "build.rs"] {
        assert!(!root.join(path).exists(), "{path} may set flags that `cargo install` would lose");
    }
    for path in ["Cargo.toml", ".ci/run"] {
        let text = fs::read_to_string(root.join(path)).unwrap();
        for word in ["RUSTFLAGS", "rustflags", "tokio_unstable", "--cfg"] {
            assert!(!text.contains(word), "{path}: `{word}` would be lost by `cargo install`");
        }
    }
}

/// What a random small plan is made of.
#[derive(Clone, Debug)]
struct Make {
    seed: u64,
    agents: usize,
    sites: usize,
    tick_ms: u64,
    latency_ms: (u64, u64),
    profile: Profile,
    scheme: Scheme,
    interval_ms: u64,
    is_open_model: bool,
    connections: u32,
    requests: u32,
    keeps_connections: bool,
    registers: bool,
    branches: u32,
    sign_ns: u64,
    token_lifetime_s: u64,
}

prop_compose! {
    fn make()(
        (seed, agents, sites) in (any::<u64>(), 1_usize..=5, 0_usize..=2),
        (tick_ms, latency_ticks, latency_spread_ms) in
            (prop::sample::select(vec![1_u64, 3, 10, 100]), 1_u64..=3, 0_u64..=20),
        hardened in any::<bool>(),
        secure in any::<bool>(),
        (interval_ms, is_open_model) in (800_u64..20_000, any::<bool>()),
        (connections, requests, keeps_connections) in (1_u32..=3, 1_u32..=3, any::<bool>()),
        (registers, branches) in (any::<bool>(), 1_u32..=3),
        // From nothing to more than an exchange time-out.
        sign_ns in prop::sample::select(vec![0_u64, 240_000, 40_000_000, 6_000_000_000]),
        token_lifetime_s in 60_u64..=90,
    ) -> Make {
        Make {
            seed,
            agents,
            sites,
            tick_ms,
            latency_ms: (tick_ms * latency_ticks, tick_ms * latency_ticks + latency_spread_ms),
            profile: if hardened { Profile::Hardened } else { Profile::Literal },
            scheme: if secure { Scheme::Https } else { Scheme::Http },
            interval_ms,
            is_open_model,
            connections,
            requests,
            keeps_connections,
            registers,
            branches,
            sign_ns,
            token_lifetime_s,
        }
    }
}

impl Make {
    const DURATION_MS: u64 = 75_000;

    fn plan(&self) -> Plan {
        let mut plan = small_plan(self.seed, MODELLED);
        plan.duration_ms = Self::DURATION_MS;
        plan.network.tick_ms = self.tick_ms;
        (plan.network.latency_ms_min, plan.network.latency_ms_max) = self.latency_ms;
        plan.profile = self.profile;
        plan.scheme = self.scheme;
        plan.costs.sign_ns = self.sign_ns;
        plan.branches = self.branches;
        plan.parameters = Parameters {
            token_lifetime_s: self.token_lifetime_s,
            validation_period_s: Some(20),
            registry_purge_period_s: 45,
            agent_sweep_period_s: 35,
            policy_interval_s: 30,
            keep_alive_idle_s: 10,
            ..Parameters::defaults(self.profile)
        };
        plan.sites.truncate(self.sites);
        let agent = plan.agents[0].clone();
        plan.agents = (0..self.agents)
            .map(|index| {
                let number = u32::try_from(index).unwrap();
                let start_ms = self.seed % 7_001 * u64::from(number);
                let mut agent = agent.clone();
                agent.branch = 1 + number % self.branches;
                agent.server = match self.sites {
                    0 => ActorId::Smp,
                    sites => ActorId::Site(1 + number % u32::try_from(sites).unwrap()),
                };
                agent.clock = ClockModel::default();
                agent.start_ms = start_ms;
                agent.bootstrap = if self.registers { Bootstrap::Register } else { Bootstrap::Installed };
                agent.policy_interval_s = if self.registers { 25 } else { 0 };
                agent.connections = self.connections;
                agent.requests = self.requests;
                agent.connection_use =
                    if self.keeps_connections { ConnectionUse::KeepAlive } else { ConnectionUse::New };
                agent.key = 10 + number;
                agent.visits = if self.is_open_model {
                    let step_ms = usize::try_from(self.interval_ms).unwrap();
                    Visits::At {
                        times_us: (start_ms..Self::DURATION_MS).step_by(step_ms).map(|at_ms| at_ms * 1_000).collect(),
                    }
                } else {
                    let jitter_ms = self.interval_ms / 3;
                    Visits::Every { first_ms: start_ms + jitter_ms, interval_ms: self.interval_ms, jitter_ms }
                };
                agent
            })
            .collect();
        plan
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_plan_runs_the_same_twice_and_without_jumps_over_idle_time(make in make()) {
        let plan = make.plan();
        let first = finished(&plan);
        let again = finished(&plan);
        let stepped = without_jumps(&plan);
        if first.digest != again.digest {
            let difference = first_difference(&*traced(&plan, true).1, &*traced(&plan, true).1).unwrap();
            prop_assert!(false, "twice the same: {}", difference.map_or_else(String::new, |it| it.to_string()));
        }
        if first.digest != stepped.digest {
            let difference = first_difference(&*traced(&plan, true).1, &*traced(&plan, false).1).unwrap();
            prop_assert!(false, "with and without jumps: {}", difference.map_or_else(String::new, |it| it.to_string()));
        }
        prop_assert_eq!(&first.judgement, &stepped.judgement);
        prop_assert_eq!(&first.measurements, &stepped.measurements);
        prop_assert_eq!(stepped.ended.skips, 0);
        prop_assert!(first.judgement.events > 0);
    }
}

#[test]
fn jumps_over_idle_time_save_steps_and_change_nothing() {
    // Four connections of each agent and latencies down to a tick: bytes and timers meet in the same instant.
    let mut plan = shipped_plan("rules/window_slide", None, None, Some(MODELLED));
    plan.duration_ms /= 5;
    let (jumped, stepped) = (finished(&plan), without_jumps(&plan));
    assert_eq!(jumped.digest, stepped.digest);
    assert!(jumped.ended.skips > 0 && jumped.ended.steps * 2 < stepped.ended.steps, "{jumped:?}");
    assert_eq!(jumped.ended.at, stepped.ended.at);
}
