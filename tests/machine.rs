//! The machine around a server in runs, and how it is judged: S11, and S4 where nothing may open.

mod history;
mod small_plan;

use std::collections::{BTreeMap, BTreeSet};

use countersign::{
    event::{Event, EventKind, Listener, MachineCall, MachineChange, Member, Outcome, Unloading},
    logs::{LogLevels, LogRecord, Scribe, SeverityMask, Source},
    oracle::Oracle,
    plan::{Fault, FaultKind, Invariant, MachineFault, MachinePlan, Milestone, Plan},
    scenario::{Overrides, Scenario, spelled},
    types::{
        Authentication, ConnectionId, CryptoTier, Epoch, Fingerprint, ModuleName, Profile, RequestId, VirtualTime,
    },
};
use history::{SMP, agent, node};
use small_plan::{digest, finished, history as events, report, shipped_plan};

const NOTHING: [Invariant; 0] = [];
const REFRESH_S: u64 = 600;
const END_S: u64 = 7_200;
const MODULE: ModuleName = ModuleName::drawn(1);
const REQUEST: RequestId = RequestId { connection: ConnectionId(1), ordinal: 1 };
const ACC: Authentication = Authentication { acc: true, ..Authentication::NONE };

fn plan() -> Plan {
    let machine = MachinePlan {
        worker_processes: 2,
        call_time_ms: 1,
        call_timeout_ms: 5_000,
        password_minimum: 8,
        refresh_interval_s: REFRESH_S,
    };
    Plan { machine: Some(machine), duration_ms: END_S * 1_000, ..history::plan(Profile::Hardened) }
}

fn password(number: u64, length: u32) -> MachineChange {
    MachineChange::AccountSet { created: number == 0, length, tries: 1, password: Fingerprint(number) }
}

/// Two hours of an SMP's machine on which tokens are on.
fn sound() -> Vec<(u64, MachineChange)> {
    let first = [
        MachineChange::ModuleCopied { module: MODULE },
        MachineChange::ModuleRegistered { module: MODULE, sites: Vec::new() },
        password(0, 14),
        MachineChange::GroupCreated,
        MachineChange::MemberAdded { member: Member::SmpIusr },
        MachineChange::LogFolderOpened,
    ];
    let later = (1..END_S / REFRESH_S).map(|number| (number * REFRESH_S, password(number, 14)));
    first.into_iter().map(|change| (0, change)).chain(later).collect()
}

fn judge(plan: &Plan, changes: Vec<(u64, MachineChange)>) -> Vec<Invariant> {
    judge_events(plan, changes.into_iter().map(|(second, change)| (second, EventKind::Machine(change))).collect())
}

/// What is violated of what an SMP tells, whether or not anything else happens meanwhile.
fn judge_events(plan: &Plan, mut events: Vec<(u64, EventKind)>) -> Vec<Invariant> {
    let started = EventKind::Started { node: Plan::node_of(SMP), epoch: Some(Epoch::from_bits(1)) };
    events.insert(0, (0, started));
    events.extend((0..END_S).step_by(30).map(|second| (second, EventKind::RegistryPurged { removed: 0, kept: 0 })));
    events.sort_by_key(|(second, _)| *second);
    let mut oracle = Oracle::new(plan);
    for (second, kind) in events {
        oracle.hear(&Event { at: VirtualTime::from_millis(second * 1_000), actor: SMP, kind });
    }
    oracle.finish(VirtualTime::from_millis(END_S * 1_000)).counts.into_keys().collect()
}

#[test]
fn s11_holds_where_policy_is_followed() {
    assert_eq!(judge(&plan(), sound()), NOTHING);
}

#[test]
fn s11_an_account_a_member_a_group_a_module_or_a_table_that_does_not_follow_is_noticed() {
    let removed = MachineChange::MemberRemoved { member: Member::SmpIusr };
    for change in [
        MachineChange::AccountRemoved,
        removed,
        MachineChange::MemberAdded { member: Member::Acc },
        MachineChange::GroupDeleted,
        MachineChange::ModuleUnregistered { module: MODULE },
        MachineChange::LogFolderReset,
    ] {
        let mut changes: Vec<_> = sound().into_iter().filter(|(second, _)| *second == 0).collect();
        changes.push((60, change.clone()));
        // Passwords would bring the account back.
        let passwords = sound().into_iter().filter(|(second, _)| *second > 0);
        if change != MachineChange::AccountRemoved {
            changes.extend(passwords);
        }
        assert_eq!(judge(&plan(), changes), [Invariant::S11], "{change:?}");
    }
}

#[test]
fn s11_a_password_that_is_too_old_too_short_tried_too_often_or_had_before_is_noticed() {
    let with = |place: usize, change: MachineChange| {
        let mut changes = sound();
        changes[place].1 = change;
        judge(&plan(), changes)
    };
    let last = sound().len() - 1;
    assert_eq!(with(last, password(99, 14)), NOTHING);
    assert_eq!(with(last, password(99, 13)), [Invariant::S11]);
    assert_eq!(with(last, password(99, 15)), [Invariant::S11]);
    assert_eq!(with(last, password(0, 14)), [Invariant::S11], "it was the first one");
    let tries = |tries| MachineChange::AccountSet { created: false, length: 14, tries, password: Fingerprint(99) };
    assert_eq!(with(last, tries(32)), NOTHING);
    assert_eq!(with(last, tries(33)), [Invariant::S11]);
    let missing = sound().into_iter().filter(|(second, _)| !(1_200..2_400).contains(second)).collect();
    assert_eq!(judge(&plan(), missing), [Invariant::S11]);
}

#[test]
fn s11_the_length_is_the_minimum_between_14_and_128() {
    for (password_minimum, length) in [(0, 14), (13, 14), (14, 14), (15, 15), (128, 128), (129, 128)] {
        let mut plan = plan();
        plan.machine.as_mut().unwrap().password_minimum = password_minimum;
        let of_length = |length: u32| {
            let each = sound().into_iter().enumerate().map(|(number, (second, change))| match change {
                MachineChange::AccountSet { .. } => (second, password(number as u64, length)),
                other => (second, other),
            });
            judge(&plan, each.collect())
        };
        assert_eq!(of_length(length), NOTHING, "{password_minimum}");
        assert_eq!(of_length(length + 1), [Invariant::S11], "{password_minimum}");
    }
}

#[test]
fn s11_giving_up_takes_32_tries_and_one_alert() {
    let failed = |tries| MachineChange::AccountFailed { length: 14, tries };
    let mut plan = plan();
    let refused = FaultKind::Machine { server: SMP, what: MachineFault::RefusedPasswords };
    plan.faults.push(Fault { at_ms: 1_000, until_ms: Some(END_S * 1_000), kind: refused });
    plan.heal_ms = Some(END_S * 1_000);
    let after = |changes: &[MachineChange]| {
        let first = sound().into_iter().filter(|(second, _)| *second == 0);
        judge(&plan, first.chain(changes.iter().map(|change| (600, change.clone()))).collect())
    };
    assert_eq!(after(&[failed(32), MachineChange::AlertSent]), NOTHING);
    assert_eq!(after(&[failed(32)]), [Invariant::S11], "nobody was alerted");
    assert_eq!(after(&[failed(32), failed(32), MachineChange::AlertSent]), [Invariant::S11]);
    assert_eq!(after(&[failed(32), MachineChange::AlertSent, MachineChange::AlertSent]), [Invariant::S11]);
    assert_eq!(after(&[failed(31), MachineChange::AlertSent]), [Invariant::S11]);
    assert_eq!(after(&[failed(33), MachineChange::AlertSent]), [Invariant::S11]);
}

#[test]
fn s11_a_change_of_policy_must_be_followed_within_a_refresh() {
    let mut plan = plan();
    let kind = FaultKind::ChangePolicy { token_lifetime_s: None, validation_period_s: None, authentication: Some(ACC) };
    plan.faults.push(Fault { at_ms: 3_000_000, until_ms: None, kind });
    let before = || sound().into_iter().filter(|(second, _)| *second < 3_000);
    let follows = [
        MachineChange::ModuleUnregistered { module: MODULE },
        MachineChange::AccountRemoved,
        MachineChange::MemberRemoved { member: Member::SmpIusr },
        MachineChange::MemberAdded { member: Member::Acc },
        MachineChange::LogFolderReset,
    ];
    let following = |at: u64| before().chain(follows.iter().map(|change| (at, change.clone()))).collect();
    assert_eq!(judge(&plan, following(3_000)), NOTHING);
    assert_eq!(judge(&plan, following(3_000 + REFRESH_S)), NOTHING);
    assert_eq!(judge(&plan, following(3_000 + 2 * REFRESH_S)), [Invariant::S11], "too late");
    for left_out in 0..follows.len() {
        let mut changes: Vec<_> = following(3_000);
        changes.remove(changes.len() - follows.len() + left_out);
        assert_eq!(judge(&plan, changes), [Invariant::S11], "without {:?}", follows[left_out]);
    }
}

fn taken(worker: u32, module: Option<ModuleName>) -> MachineChange {
    MachineChange::RequestTaken { request: REQUEST, worker, module, number: 1, protected: true }
}

#[test]
fn s11_a_swap_loses_nothing_that_is_in_hand() {
    let unloaded = |worker, why| MachineChange::ModuleUnloaded { worker, module: MODULE, why };
    let left = MachineChange::RequestLeft { request: REQUEST, status: Some(200) };
    let with = |changes: &[MachineChange]| {
        judge(&plan(), sound().into_iter().chain(changes.iter().map(|it| (END_S - 10, it.clone()))).collect())
    };
    let taken = taken(1, Some(MODULE));
    assert_eq!(with(&[taken.clone(), left, unloaded(1, Unloading::Swapped)]), NOTHING);
    assert_eq!(with(&[taken.clone(), unloaded(2, Unloading::Swapped)]), NOTHING, "that one had nothing in hand");
    assert_eq!(with(&[taken.clone(), unloaded(1, Unloading::Unregistered)]), NOTHING, "rule 28: at once");
    assert_eq!(with(&[taken, unloaded(1, Unloading::Swapped)]), [Invariant::S11]);
}

#[test]
fn s4_nothing_opens_without_a_module_or_a_management_agent() {
    let with = |more: Vec<EventKind>| {
        let sound = sound().into_iter().map(|(second, change)| (second, EventKind::Machine(change)));
        judge_events(&plan(), sound.chain(more.into_iter().map(|kind| (END_S - 10, kind))).collect())
    };
    let served = |agent| EventKind::Served { request: REQUEST, agent };
    let failed = |call| EventKind::Machine(MachineChange::CallFailed { request: REQUEST, call, timed_out: true });
    let in_hand = || EventKind::Machine(taken(1, Some(MODULE)));
    let public = MachineChange::RequestTaken { request: REQUEST, worker: 1, module: None, number: 1, protected: false };
    assert_eq!(with(vec![EventKind::Machine(public), served(None)]), NOTHING);
    assert_eq!(with(vec![in_hand(), served(None)]), [Invariant::S4]);
    assert_eq!(with(vec![EventKind::Machine(taken(1, None)), served(None)]), [Invariant::S4]);
    for call in [MachineCall::Issue, MachineCall::Validate] {
        assert_eq!(with(vec![in_hand(), failed(call), served(None)]), [Invariant::S4]);
        assert!(with(vec![in_hand(), failed(call), served(Some(node(1)))]).contains(&Invariant::S4));
        let unavailable = EventKind::Unavailable { request: REQUEST, status: 503 };
        assert_eq!(with(vec![in_hand(), failed(call), unavailable]), NOTHING);
    }
}

// --- in runs ---------------------------------------------------------------------------------------------------

fn machine_plan(name: &str) -> Plan {
    shipped_plan(name, None, None, Some(CryptoTier::Modelled))
}

#[test]
fn a_plan_without_a_machine_does_not_know_of_one() {
    let plan = machine_plan("smoke/first_contact");
    assert!(!plan.to_json().unwrap().contains("machine"));
    assert!(!events(&plan).iter().any(|event| matches!(event.kind, EventKind::Machine(_))));
}

#[test]
fn a_machine_that_answers_at_once_changes_no_outcome() {
    let plan = machine_plan("smoke/first_contact");
    let with = Plan { machine: self::plan().machine, ..plan.clone() };
    let (without, with) = (report(&plan), report(&with));
    for milestone in [Milestone::OneStep, Milestone::TwoStep, Milestone::CacheMiss] {
        assert_eq!(without.milestones.get(&milestone), with.milestones.get(&milestone), "{milestone:?}");
    }
}

#[test]
fn rules_23_and_29_a_swap_under_load_costs_no_exchange() {
    let events = events(&machine_plan("machine/hot_swap"));
    let ended = events.iter().filter_map(|event| match event.kind {
        EventKind::ExchangeEnded { outcome, .. } => Some(outcome),
        _ => None,
    });
    let failed: Vec<Outcome> = ended.filter(|outcome| !outcome.is_served()).collect();
    assert_eq!(failed, []);
}

#[test]
fn rule_20_no_call_takes_longer_than_its_time_out() {
    let plan = machine_plan("machine/slow_agent");
    let timeout_ms = plan.machine.as_ref().unwrap().call_timeout_ms;
    let mut taken = BTreeMap::new();
    let mut failed = 0;
    for event in events(&plan) {
        match event.kind {
            EventKind::Machine(MachineChange::RequestTaken { request, .. }) => drop(taken.insert(request, event.at)),
            EventKind::Machine(MachineChange::CallFailed { request, .. }) => {
                let waited = event.at.since(taken[&request]);
                assert!(waited.as_millis() <= u128::from(timeout_ms) + 10, "{request} waited for {waited:?}");
                failed += 1;
            }
            _ => {}
        }
    }
    assert!(failed > 100, "{failed}");
}

#[test]
fn rule_28_a_module_that_is_unregistered_takes_no_request_and_one_that_is_registered_loads_with_the_first() {
    let events = events(&machine_plan("machine/by_hand"));
    let mut registered = BTreeSet::new();
    let mut loaded = BTreeSet::new();
    let mut refused = 0;
    for event in &events {
        let EventKind::Machine(change) = &event.kind else { continue };
        let server = event.actor;
        match change {
            MachineChange::ModuleRegistered { module, .. } => drop(registered.insert((server, *module))),
            MachineChange::ModuleUnregistered { module } => drop(registered.remove(&(server, *module))),
            MachineChange::ModuleLoaded { worker, module } => {
                assert!(registered.contains(&(server, *module)));
                loaded.insert((server, *worker, *module));
            }
            MachineChange::ModuleUnloaded { worker, module, .. } => drop(loaded.remove(&(server, *worker, *module))),
            MachineChange::RequestTaken { worker, module: Some(module), .. } => {
                assert!(loaded.contains(&(server, *worker, *module)), "{event:?}");
            }
            MachineChange::RequestTaken { module: None, protected: true, .. } => {
                assert!(!registered.iter().any(|(at, _)| *at == server), "{event:?}");
                refused += 1;
            }
            _ => {}
        }
    }
    assert!(refused > 10, "{refused}");
}

// Rule 78, too: each filter finds records of its own.
#[test]
fn rules_75_to_77_logs_of_a_run_are_silent_about_modules_by_default_and_join_by_request() {
    let events = events(&machine_plan("machine/by_hand"));
    let mut scribe = Scribe::default();
    let records: Vec<LogRecord> = events.iter().filter_map(|event| scribe.hear(event)).collect();
    let levels = LogLevels { management_agent: SeverityMask::ALL, module: SeverityMask::NOTHING };
    assert!(!records.iter().any(|record| record.source == Source::Module && levels.allow(record)));
    let ids = |source: Source| -> BTreeSet<RequestId> {
        records.iter().filter(|record| record.source == source).filter_map(|record| record.request).collect()
    };
    let (of_modules, of_clients) = (ids(Source::Module), ids(Source::Client));
    assert!(of_modules.len() > 100 && of_modules.is_subset(&of_clients), "{}", of_modules.len());
    let numbered =
        |record: &LogRecord| record.source != Source::Module || record.request.is_none() || record.number.is_some();
    assert!(records.iter().all(numbered));
    // Neither a password nor a token, by whatever name events know it.
    let secrets: BTreeSet<String> = events
        .iter()
        .filter_map(|event| match &event.kind {
            EventKind::Machine(MachineChange::AccountSet { password, .. }) => Some(password.to_string()),
            EventKind::Issued { token, .. } => Some(token.0.to_string()),
            EventKind::Accepted { presented, .. } => Some(presented.countersigned.0.to_string()),
            _ => None,
        })
        .collect();
    let text: String = records.iter().map(|record| format!("{record}\n")).collect();
    assert!(secrets.len() > 40, "{}", secrets.len());
    assert_eq!(secrets.iter().find(|secret| text.contains(*secret)), None);
}

#[test]
fn a_run_with_machines_is_the_same_again_and_does_not_depend_on_the_crypto_tier() {
    let mut plan = machine_plan("machine/rough_day");
    plan.duration_ms = 8 * 60_000;
    plan.faults.retain(|fault| fault.until_ms.unwrap_or(fault.at_ms) < plan.duration_ms);
    plan.attackers.clear();
    plan.heal_ms = plan.faults.iter().filter_map(|fault| fault.until_ms).max();
    plan.check().unwrap();
    let real = Plan { crypto: CryptoTier::AwsLc, ..plan.clone() };
    assert_eq!(digest(&plan), digest(&plan));
    assert_eq!(digest(&plan), digest(&real));
    assert!(finished(&plan).judgement.violations.is_empty());
}

#[test]
fn a_plan_with_machines_is_spelled_as_a_scenario_and_read_again() {
    let plan = machine_plan("machine/rough_day");
    let text = spelled(&plan, "Spelled.");
    let read = Scenario::from_toml("spelled.toml", &text).unwrap().resolve(None, Overrides::default()).unwrap();
    assert_eq!(read.machine, plan.machine);
    assert_eq!(read.faults, plan.faults);
    assert_eq!(Plan::from_json("plan.json", &plan.to_json().unwrap()).unwrap(), plan);
}

#[test]
fn what_is_wrong_with_a_machine_in_a_scenario_is_told_with_its_place() {
    let error = |machine: &str, fault: &str| {
        let text = format!(
            "description = \"Wrong.\"\nprofile = \"literal\"\nduration = \"1h\"\n{machine}\n[[agents]]\ncount = 1\n\
             server = \"smp\"\nvisits = {{ every = \"1m\" }}\n[[faults]]\nat = \"1m\"\nmachine = {fault}\n"
        );
        let scenario = Scenario::from_toml("wrong.toml", &text);
        scenario.and_then(|it| it.resolve(None, Overrides::default())).unwrap_err().to_string()
    };
    let swap = r#"{ server = "smp", what = "swapped_module" }"#;
    for (machine, fault, said) in [
        ("", swap, "a plan with a machine around its servers"),
        ("[machine]\nworker_processes = 0", swap, "machine.worker_processes"),
        ("[machine]\nrefresh_interval = \"10s\"", swap, "machine.refresh_interval"),
        ("[machine]\ncall_timeout = \"2h\"", swap, "machine.call_timeout"),
        ("[machine]", r#"{ server = "site-1", what = "swapped_module" }"#, "faults[0].machine.server"),
        ("[machine]", r#"{ server = "smp", what = "refused_passwords" }"#, "an end: what breaks must heal"),
        ("[machine]", r#"{ server = "smp", what = "slow_management_agent" }"#, "no `by`"),
        ("[machine]", r#"{ server = "smp", what = "swapped_module", minimum = 3 }"#, "faults[0].machine.minimum"),
        ("[machine]", r#"{ server = "smp", what = "eaten_by_a_dog" }"#, "eaten_by_a_dog"),
    ] {
        let found = error(machine, fault);
        assert!(found.contains(said), "{said}: {found}");
    }
}

#[test]
fn agents_have_no_machine() {
    let events = events(&machine_plan("machine/by_hand"));
    assert!(!events.iter().any(|event| event.actor == agent(1) && matches!(event.kind, EventKind::Machine(_))));
}

#[test]
fn rule_51_a_package_is_downloaded_from_a_server_with_a_machine_by_token_and_by_account() {
    for kinds in ["token", "acc"] {
        let text = format!(
            "description = \"Packages.\"\nprofile = \"hardened\"\nduration = \"5m\"\ncrypto = \"modelled\"\n[machine]\n[sites]\ncount = 1\n\
             [parameters]\nauthentication = [\"{kinds}\"]\n[[agents]]\ncount = 2\nbootstrap = \"installed\"\nerrand = \"package\"\n\
             start = \"10s\"\nvisits = {{ every = \"20s\" }}\n"
        );
        let plan = Scenario::from_toml("packages.toml", &text).unwrap().resolve(None, Overrides::default()).unwrap();
        let ended: Vec<_> = events(&plan)
            .into_iter()
            .filter_map(|event| match event.kind {
                EventKind::ExchangeEnded { outcome, .. } => Some(outcome),
                _ => None,
            })
            .collect();
        assert!(ended.len() > 20 && ended.iter().all(|outcome| outcome.is_served()), "{kinds}: {ended:?}");
    }
}

#[test]
fn rule_67_where_windows_asks_for_more_than_a_password_can_have_there_is_no_account_to_ask_for() {
    let without_account: Vec<_> = sound().into_iter().filter(|(_, change)| !is_of_account(change)).collect();
    let mut plan = plan();
    assert_eq!(judge(&plan, without_account.clone()), [Invariant::S11]);
    if let Some(machine) = &mut plan.machine {
        machine.password_minimum = 129;
    }
    assert_eq!(judge(&plan, without_account), NOTHING);
}

fn is_of_account(change: &MachineChange) -> bool {
    matches!(change, MachineChange::AccountSet { .. } | MachineChange::MemberAdded { member: Member::SmpIusr })
}
