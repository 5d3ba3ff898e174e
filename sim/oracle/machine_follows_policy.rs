//! S11: account, group and module of each machine follow the policy.
//!
//! Reading, for each server of a plan with machines:
//! - Policy is what it says of that server, be it an exception from what it says of all.
//! - The local account exists if tokens are on, with a password no older than a refresh interval, and does not if they are
//!   off. The local group exists; the account of tokens is in it if that exists, that of agent connectivity credentials if
//!   those are on. The module is registered if tokens or ASDK tokens are on, and not if neither is. The log folder is open
//!   to worker processes if tokens are on.
//! - That is judged once policy has been the same for so long that the server must have followed: a refresh interval, for a
//!   site the policy delay too, and the granularity of time; if the server and its management agent ran for all of that
//!   time, and nothing kept it from the SMP. What the plan breaks on a machine excuses what it breaks, as long.
//! - A password is as long as the least length that the management agent was given to read, but not below 14 nor above 128.
//!   At most 32 are tried; if all are refused that is told, and the SMP is alerted once. No password comes twice.
//! - A module that is swapped out is not unloaded while it has requests in hand (rule 29).

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::{Assumptions, checker::Checker, facts::Facts, violation::Findings};
use crate::{
    event::{Event, EventKind, MachineChange, Member, Unloading},
    plan::{Invariant, MachineFault, Plan},
    types::{ActorId, Authentication, Fingerprint, ModuleName, RequestId, VirtualTime},
};

const TRIES_MAX: u32 = 32;

/// No password is longer: where Windows asks for more, there is none (rule 67).
const PASSWORD_LENGTH_MAX: u32 = 128;

#[derive(Debug)]
pub(super) struct MachineFollowsPolicy {
    refresh: Duration,
    password_minimum: u32,
    /// What policy says of each server from when on: it may except one from what it says of all.
    policies: BTreeMap<ActorId, Vec<(VirtualTime, Authentication)>>,
    faults: BTreeMap<ActorId, Vec<(MachineFault, VirtualTime, VirtualTime)>>,
    machines: BTreeMap<ActorId, Machine>,
    passwords: BTreeSet<(ActorId, Fingerprint)>,
    in_hand: BTreeMap<RequestId, (ActorId, u32, ModuleName)>,
}

/// What a machine has shown.
#[derive(Debug, Default)]
struct Machine {
    runs_since: Option<VirtualTime>,
    password_set: Option<VirtualTime>,
    has_group: bool,
    members: BTreeSet<Member>,
    registered: BTreeSet<ModuleName>,
    has_open_folder: bool,
    /// Whether an alert is owed.
    owes_alert: bool,
    /// What was found wrong and is still so: it is told once.
    told: BTreeSet<&'static str>,
}

impl MachineFollowsPolicy {
    /// The judge of a plan's machines; none if it has none.
    pub fn new(plan: &Plan) -> Option<Self> {
        let machine = plan.machine.as_ref()?;
        let servers = std::iter::once(ActorId::Smp).chain((1..).map(ActorId::Site).take(plan.sites.len()));
        let policies = |server| {
            let changes = plan.policy_changes(server).into_iter();
            changes.map(move |at| (at, plan.authentication_at(server, at))).collect()
        };
        Some(Self {
            refresh: Duration::from_secs(machine.refresh_interval_s),
            password_minimum: machine.password_minimum,
            policies: servers.clone().map(|server| (server, policies(server))).collect(),
            faults: servers.clone().map(|server| (server, plan.machine_faults(server).collect())).collect(),
            machines: servers.map(|server| (server, Machine::default())).collect(),
            passwords: BTreeSet::new(),
            in_hand: BTreeMap::new(),
        })
    }

    /// The faults of a server's machine that last at some time of a span, its ends included.
    fn faults(&self, server: ActorId, from: VirtualTime, to: VirtualTime) -> impl Iterator<Item = MachineFault> {
        let faults = self.faults.get(&server).into_iter().flatten();
        faults
            .filter(move |(what, start, end)| {
                let end = if what.may_end() { *end } else { *start };
                *start <= to && from <= end
            })
            .map(|(what, ..)| *what)
    }

    /// What policy has said of a server for all of a span, if it was the same.
    fn constant(&self, server: ActorId, from: VirtualTime, to: VirtualTime) -> Option<Authentication> {
        let policies = self.policies.get(&server)?;
        let at_start = policies.iter().rev().find(|(at, _)| *at <= from).map(|(_, on)| *on)?;
        let changes = policies.iter().any(|(at, on)| from < *at && *at <= to && *on != at_start);
        (!changes).then_some(at_start)
    }

    fn lengths(&self, server: ActorId, at: VirtualTime) -> Vec<u32> {
        let misread = self.faults(server, at, at).filter_map(|what| match what {
            MachineFault::MisreadPasswordPolicy { minimum } => Some(minimum),
            _ => None,
        });
        misread.chain([self.password_minimum]).map(|minimum| minimum.clamp(14, PASSWORD_LENGTH_MAX)).collect()
    }

    fn check_length(&self, event: &Event, length: u32, findings: &mut Findings) {
        let expected = self.lengths(event.actor, event.at);
        if !expected.contains(&length) {
            findings.violated(Invariant::S11, event.actor, || {
                format!("{} made passwords of {length} characters, expected {}", event.actor, expected[0])
            });
        }
    }

    /// What is wrong with a machine, if it had to follow by now.
    fn wrongs(
        &self,
        server: ActorId,
        machine: &Machine,
        now: VirtualTime,
        assumptions: &Assumptions,
    ) -> Vec<&'static str> {
        let slack = assumptions.granularity.saturating_mul(2);
        let news = if server == ActorId::Smp { Duration::ZERO } else { assumptions.policy_delay() };
        let patience = self.refresh.saturating_add(news).saturating_add(slack);
        let Some(from) = now.nanos().checked_sub(u64::try_from(patience.as_nanos()).unwrap_or(u64::MAX)) else {
            return Vec::new();
        };
        let from = VirtualTime(from);
        let has_run = machine.runs_since.is_some_and(|since| since <= from);
        let Some(on) = self.constant(server, from, now).filter(|_| has_run) else { return Vec::new() };
        let faults: Vec<_> = self.faults(server, from, now).collect();
        let has_agent = !faults
            .iter()
            .any(|what| matches!(what, MachineFault::HungManagementAgent | MachineFault::StoppedManagementAgent));
        // The machine's own faults do not keep a site from the SMP, and are looked at one by one.
        let hears = server == ActorId::Smp || assumptions.hindrances.leave_way_alone(server, from, now);
        if !has_agent || !hears {
            return Vec::new();
        }
        let is_struck = |by: fn(&MachineFault) -> bool| faults.iter().any(by);
        let no_password = self.password_minimum > PASSWORD_LENGTH_MAX
            || is_struck(|what| {
                matches!(what, MachineFault::RefusedPasswords | MachineFault::MisreadPasswordPolicy { .. })
            });
        let has_account = machine.password_set.is_some();
        let is_old = machine.password_set.is_some_and(|set| set < from);
        let member = |member, belongs: bool| machine.members.contains(&member) != belongs;
        let by_hand = is_struck(|what| matches!(what, MachineFault::UnregisteredModule));
        let no_group = is_struck(|what| matches!(what, MachineFault::DeletedGroup));
        let wrongs = [
            (on.token && !has_account && !no_password, "has no account, though tokens are on"),
            (!on.token && has_account, "has an account, though tokens are off"),
            (on.token && is_old && !no_password, "has not changed its account's password in time"),
            (!machine.has_group && !no_group, "has no group"),
            (
                member(Member::SmpIusr, on.token && has_account) && !no_group,
                "has not taken its account into or out of its group",
            ),
            (member(Member::Acc, on.acc) && !no_group, "has not taken the ACC account into or out of its group"),
            (
                machine.registered.is_empty() == (on.token || on.asdk) && !by_hand,
                "has not registered or unregistered its module",
            ),
            (machine.has_open_folder != on.token, "has not changed access to its log folder"),
        ];
        wrongs.into_iter().filter(|(is_wrong, _)| *is_wrong).map(|(_, what)| what).collect()
    }

    fn look(&mut self, now: VirtualTime, assumptions: &Assumptions, findings: &mut Findings) {
        for server in self.machines.keys().copied().collect::<Vec<_>>() {
            let Some(machine) = self.machines.get(&server) else { continue };
            let wrongs = self.wrongs(server, machine, now, assumptions);
            let Some(machine) = self.machines.get_mut(&server) else { continue };
            machine.told.retain(|what| wrongs.contains(what));
            for what in wrongs {
                if machine.told.insert(what) {
                    findings.violated(Invariant::S11, server, || format!("at {now} {server} {what}"));
                }
            }
        }
    }

    fn hear_change(&mut self, event: &Event, change: &MachineChange, findings: &mut Findings) {
        let server = event.actor;
        match change {
            MachineChange::AccountSet { length, .. } | MachineChange::AccountFailed { length, .. } => {
                self.check_length(event, *length, findings);
            }
            MachineChange::ModuleUnloaded { worker, module, why: Unloading::Swapped } => {
                let lost = self.in_hand.iter().find(|(_, it)| **it == (server, *worker, *module));
                if let Some((request, _)) = lost {
                    findings.violated(Invariant::S11, server, || {
                        format!(
                            "{server} unloaded {module} for another at {}, with request {request} in hand",
                            event.at
                        )
                    });
                }
                self.in_hand.retain(|_, it| *it != (server, *worker, *module));
            }
            MachineChange::RequestTaken { request, worker, module: Some(module), .. } => {
                self.in_hand.insert(*request, (server, *worker, *module));
            }
            MachineChange::RequestLeft { request, .. } => drop(self.in_hand.remove(request)),
            _ => {}
        }
        let mut wrong = |what: String| findings.violated(Invariant::S11, server, || format!("{server} {what}"));
        let Some(machine) = self.machines.get_mut(&server) else { return };
        if machine.owes_alert && *change != MachineChange::AlertSent {
            machine.owes_alert = false;
            wrong(format!("could not update its account, and alerted nobody by {}", event.at));
        }
        match change {
            MachineChange::AccountSet { tries, password, .. } => {
                machine.password_set = Some(event.at);
                if !(1..=TRIES_MAX).contains(tries) {
                    wrong(format!("tried {tries} passwords at {}, at most {TRIES_MAX} are allowed", event.at));
                }
                if !self.passwords.insert((server, *password)) {
                    wrong(format!("gave its account a password at {} that it had before", event.at));
                }
            }
            MachineChange::AccountFailed { tries, .. } => {
                machine.owes_alert = true;
                if *tries != TRIES_MAX {
                    wrong(format!("gave up after {tries} passwords at {}, expected {TRIES_MAX}", event.at));
                }
            }
            MachineChange::AlertSent if !std::mem::take(&mut machine.owes_alert) => {
                wrong(format!("sent an alert at {} that was not called for", event.at));
            }
            MachineChange::AccountRemoved => machine.password_set = None,
            MachineChange::GroupCreated => machine.has_group = true,
            MachineChange::GroupDeleted => {
                machine.has_group = false;
                machine.members.clear();
            }
            MachineChange::MemberAdded { member } => drop(machine.members.insert(*member)),
            MachineChange::MemberRemoved { member } => drop(machine.members.remove(member)),
            MachineChange::ModuleRegistered { module, .. } => drop(machine.registered.insert(*module)),
            MachineChange::ModuleUnregistered { module } => drop(machine.registered.remove(module)),
            MachineChange::LogFolderOpened => machine.has_open_folder = true,
            MachineChange::LogFolderReset => machine.has_open_folder = false,
            _ => {}
        }
    }
}

impl Checker for MachineFollowsPolicy {
    fn hear(&mut self, event: &Event, _before: &Facts, findings: &mut Findings) {
        match &event.kind {
            EventKind::Machine(change) => self.hear_change(event, change, findings),
            EventKind::Started { .. } => {
                if let Some(machine) = self.machines.get_mut(&event.actor) {
                    machine.runs_since = Some(event.at);
                }
            }
            EventKind::Stopped { .. } => {
                self.in_hand.retain(|_, (server, ..)| *server != event.actor);
                if let Some(machine) = self.machines.get_mut(&event.actor) {
                    machine.runs_since = None;
                }
            }
            _ => {}
        }
    }

    fn tick(&mut self, now: VirtualTime, facts: &Facts, findings: &mut Findings) {
        self.look(now, &facts.assumptions, findings);
    }

    fn finish(&mut self, end: VirtualTime, _facts: &Facts, findings: &mut Findings) {
        for (server, machine) in &self.machines {
            if machine.owes_alert {
                findings.violated(Invariant::S11, *server, || {
                    format!("{server} could not update its account, and alerted nobody by {end}")
                });
            }
        }
    }
}
