//! What a whole machine does.

use super::*;
use crate::{
    environment::{Call, Member, Principal, Right},
    types::{ConnectionId, SeedStream},
};

const NOW: VirtualTime = VirtualTime::ZERO;
const ACC: Authentication = Authentication { acc: true, ..Authentication::NONE };

fn at(seconds: u64) -> VirtualTime {
    VirtualTime::from_millis(seconds * 1_000)
}

fn machine(schedule: Vec<(VirtualTime, Act)>) -> Machine {
    let settings = MachineSettings {
        is_smp: false,
        worker_processes: 2,
        call_time: Duration::from_millis(1),
        call_timeout: Duration::from_secs(5),
        password_policy: PasswordPolicy { minimum_length: 8, complex: true },
        refresh_interval: Duration::from_secs(600),
        schedule,
    };
    Machine::new(settings, SeedStream::new(1).rng("machine", 0))
}

fn started(schedule: Vec<(VirtualTime, Act)>, on: Authentication) -> Machine {
    let mut machine = machine(schedule);
    machine.start(NOW);
    machine.policy(1, on, NOW);
    machine
}

fn request(connection: u64) -> RequestId {
    RequestId { connection: ConnectionId(connection), ordinal: 1 }
}

fn passwords(changes: &[Change]) -> usize {
    changes.iter().filter(|change| matches!(change, Change::AccountSet { .. })).count()
}

#[test]
fn rules_25_65_70_and_74_nothing_before_policy_and_everything_with_it() {
    let mut machine = machine(Vec::new());
    assert_eq!(machine.start(NOW), [Change::GroupCreated], "the group is always there");
    assert!(machine.handle(true).is_none());
    let changes = machine.policy(1, Authentication::TOKENS, NOW);
    assert!(
        matches!(
            changes[..],
            [
                Change::ModuleRegistered { .. },
                Change::AccountSet { created: true, length: 14, .. },
                Change::MemberAdded { member: Member::SmpIusr },
                Change::LogFolderOpened,
            ]
        ),
        "{changes:?}"
    );
    assert!(machine.handle(true).is_some() && machine.handle(false).is_none());
    let changes = machine.policy(2, ACC, NOW);
    assert!(
        matches!(
            changes[..],
            [
                Change::ModuleUnregistered { .. },
                Change::AccountRemoved,
                Change::MemberRemoved { member: Member::SmpIusr },
                Change::MemberAdded { member: Member::Acc },
                Change::LogFolderReset,
            ]
        ),
        "{changes:?}"
    );
    assert!(!machine.log_folder.allows(Principal::AgentAppPool, Right::Delete));
}

#[test]
fn rule_25_an_asdk_token_alone_registers_the_module_and_needs_no_account() {
    let mut machine = machine(Vec::new());
    machine.start(NOW);
    let asdk = Authentication { asdk: true, ..Authentication::NONE };
    assert!(matches!(machine.policy(1, asdk, NOW)[..], [Change::ModuleRegistered { .. }]));
    assert!(machine.handle(true).is_none());
}

#[test]
fn rule_66_a_new_password_at_start_at_policy_change_and_at_each_refresh() {
    let mut machine = started(Vec::new(), Authentication::TOKENS);
    assert_eq!(passwords(&machine.policy(1, Authentication::TOKENS, at(1))), 0, "the same policy is no change");
    assert_eq!(passwords(&machine.policy(2, Authentication::TOKENS, at(2))), 1);
    assert_eq!(machine.due(), Some(at(602)));
    assert_eq!(passwords(&machine.poll(at(601))), 0);
    assert_eq!(passwords(&machine.poll(at(602))), 1);
    assert_eq!(passwords(&machine.start(at(700))), 1, "policy is kept across starts");
    assert_eq!(machine.due(), Some(at(1_300)));
}

#[test]
fn rule_70_a_group_that_somebody_deletes_is_back_at_the_next_refresh() {
    let mut machine = started(vec![(at(10), Act::DeleteGroup)], Authentication::TOKENS);
    assert_eq!(machine.poll(at(10)), [Change::GroupDeleted]);
    let changes = machine.poll(at(600));
    assert!(changes.contains(&Change::GroupCreated), "{changes:?}");
    assert!(changes.contains(&Change::MemberAdded { member: Member::SmpIusr }));
}

#[test]
fn rules_23_and_24_a_swap_copies_registers_unregisters_and_deletes_in_that_order() {
    let mut machine = started(vec![(at(1), Act::SwapModule)], Authentication::TOKENS);
    let old = machine.setup().registered().unwrap();
    machine.web_server().take(request(1), true, NOW);
    let changes = machine.poll(at(1));
    let new = machine.setup().registered().unwrap();
    assert_ne!(old, new);
    assert_eq!(machine.setup().active(), Some(new));
    let sites = vec!["Default Web Site".to_owned()];
    assert_eq!(
        changes,
        [
            Change::ModuleCopied { module: new },
            Change::ModuleRegistered { module: new, sites },
            Change::ModuleUnregistered { module: old },
        ],
        "the old one answers what it has in hand first"
    );
    let unloaded = Change::ModuleUnloaded { worker: 2, module: old, why: Unloading::Swapped };
    let left = Change::RequestLeft { request: request(1), status: Some(200) };
    assert_eq!(machine.leave(request(1), Some(200)), [left, unloaded, Change::ModuleDeleted { module: old }]);
}

#[test]
fn rule_28_unregistered_by_hand_it_stays_off_until_somebody_registers_it() {
    let acts = vec![(at(1), Act::UnregisterModule), (at(2), Act::RegisterModule)];
    let mut machine = started(acts, Authentication::TOKENS);
    assert!(matches!(machine.poll(at(1))[..], [Change::ModuleUnregistered { .. }]));
    machine.policy(2, Authentication::TOKENS, at(1));
    assert_eq!(machine.setup().registered(), None);
    assert!(matches!(machine.poll(at(2))[..], [Change::ModuleRegistered { .. }]));
}

#[test]
fn rule_28_nobody_registers_by_hand_what_policy_does_not_want() {
    let mut machine = started(vec![(at(1), Act::RegisterModule)], ACC);
    assert_eq!(machine.poll(at(1)), []);
}

#[test]
fn a_management_agent_that_is_down_does_nothing_and_catches_up() {
    let acts = vec![(at(1), Act::StopAgent), (at(2), Act::DeleteGroup), (at(900), Act::StartAgent)];
    let mut machine = started(acts, Authentication::TOKENS);
    assert_eq!(machine.poll(at(1)), [Change::ManagementAgentStopped]);
    assert_eq!(machine.poll(at(2)), [Change::GroupDeleted]);
    assert_eq!(machine.policy(2, ACC, at(3)), []);
    assert_eq!(machine.due(), Some(at(900)), "no refresh without a management agent");
    let changes = machine.poll(at(900));
    assert!(changes.contains(&Change::ManagementAgentStarted) && changes.contains(&Change::AccountRemoved));
    assert!(!changes.contains(&Change::MemberAdded { member: Member::SmpIusr }));
}

#[test]
fn rule_26_on_an_smp_the_module_works_on_two_sites_of_three() {
    let settings = MachineSettings {
        is_smp: true,
        worker_processes: 1,
        call_time: Duration::ZERO,
        call_timeout: Duration::from_secs(1),
        password_policy: PasswordPolicy { minimum_length: 0, complex: false },
        refresh_interval: Duration::from_secs(60),
        schedule: Vec::new(),
    };
    let mut machine = Machine::new(settings, SeedStream::new(1).rng("machine", 0));
    machine.start(NOW);
    let changes = machine.policy(1, Authentication::TOKENS, NOW);
    let Change::ModuleRegistered { module, sites } = &changes[0] else { panic!("{changes:?}") };
    assert_eq!(sites, &["Default Web Site", "CEM"]);
    let configuration = machine.setup().configuration();
    assert!(!configuration.is_registered(*module, "Intranet") && configuration.is_registered(*module, "CEM"));
}

#[test]
fn a_dump_tells_of_a_misread_policy() {
    let mut machine = started(vec![(at(1), Act::Misread(Some(40)))], Authentication::TOKENS);
    assert!(machine.dump().contains("minimum password length: 8\n"));
    machine.poll(at(1));
    assert!(machine.dump().contains("minimum password length: 40\nc"), "{}", machine.dump());
    assert!(machine.dump().contains("account _SMP_IUSR: exists\n"));
}

#[test]
fn whoever_starts_finds_windows_as_it_has_become_meanwhile() {
    let schedule = vec![
        (at(1), Act::Misread(Some(40))),
        (at(9), Act::Misread(None)),
        (at(11), Act::RefusePasswords(true)),
        (at(19), Act::RefusePasswords(false)),
    ];
    let mut machine = started(schedule, Authentication::TOKENS);
    machine.poll(at(1));
    // Down from 5 s to 10 s, and from 10 s to 20 s.
    for again in [at(10), at(20)] {
        let changes = machine.start(again);
        assert!(changes.iter().any(|it| matches!(it, Change::AccountSet { length: 14, tries: 1, .. })), "{changes:?}");
    }
}

#[test]
fn calls_have_names_that_events_carry() {
    assert_eq!(serde_json::to_string(&Call::Validate).unwrap(), "\"validate\"");
}
