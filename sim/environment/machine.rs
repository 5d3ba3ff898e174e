//! Everything around a server, joined.

use std::{collections::VecDeque, time::Duration};

use rand_chacha::ChaCha20Rng;
use rand_core::Rng;

use super::{
    access::LogFolder,
    account::{Account, AccountHandle},
    change::{Change, Unloading},
    group::Group,
    management_agent::ManagementAgent,
    password::{PasswordPolicy, Windows},
    settings::{Act, MachineSettings},
    setup::Setup,
    web_server::WebServer,
};
use crate::types::{Authentication, Bug, ModuleName, RequestId, VirtualTime};

/// The web sites of an SMP, those with the module first; a site server has the first of them and the last (rule 26).
const WEB_SITES: [&str; 3] = ["Default Web Site", "CEM", "Intranet"];

/// The machine around a server. It outlives the server's processes.
#[derive(Debug)]
pub struct Machine {
    refresh_interval: Duration,
    schedule: VecDeque<(VirtualTime, Act)>,
    rng: ChaCha20Rng,
    /// What passwords are drawn from in every life, with [`Bug::PasswordsRestart`] planted.
    rng_at_start: ChaCha20Rng,
    setup: Setup,
    web_server: WebServer,
    agent: ManagementAgent,
    account: Account,
    group: Group,
    log_folder: LogFolder,
    windows: Windows,
    /// What the management agent reads as the least length of a password, if that is wrong.
    misread: Option<u32>,
    /// The policy that the management agent goes by, with its version.
    policy: Option<(u64, Authentication)>,
    /// Whether somebody has unregistered the module by hand.
    is_held_off: bool,
    refresh_due: Option<VirtualTime>,
}

impl Machine {
    /// A machine on which the management agent's setup has run: the module is there, and not registered.
    pub fn new(settings: MachineSettings, mut rng: ChaCha20Rng) -> Self {
        let mut setup =
            if settings.is_smp { Setup::new(&WEB_SITES, 2) } else { Setup::new(&[WEB_SITES[0], WEB_SITES[2]], 1) };
        setup.copy(draw(&mut rng));
        Self {
            refresh_interval: settings.refresh_interval,
            schedule: settings.schedule.into(),
            rng_at_start: rng.clone(),
            rng,
            setup,
            web_server: WebServer::new(settings.worker_processes),
            agent: ManagementAgent::new(settings.call_time, settings.call_timeout),
            account: Account::default(),
            group: Group::default(),
            log_folder: LogFolder::default(),
            windows: Windows { policy: settings.password_policy, refuses: false },
            misread: None,
            policy: None,
            is_held_off: false,
            refresh_due: None,
        }
    }

    /// The module's life.
    pub const fn setup(&self) -> &Setup {
        &self.setup
    }

    /// The worker processes.
    pub fn web_server(&mut self) -> &mut WebServer {
        &mut self.web_server
    }

    /// The management agent.
    pub const fn agent(&self) -> &ManagementAgent {
        &self.agent
    }

    /// Leave to act as the local account, for a request whose token is valid (rules 64, 73).
    pub const fn handle(&self, is_valid: bool) -> Option<AccountHandle> {
        self.account.handle(is_valid)
    }

    /// What the troubleshooting tool prints of it: the password policy as it is read, and the security settings.
    pub fn dump(&self) -> String {
        let security = super::dump_security_settings(self.account, &self.group, self.log_folder, true);
        super::dump_password_policy(self.read_policy()) + &security
    }

    /// When something is due next, if anything is.
    pub fn due(&self) -> Option<VirtualTime> {
        let act = self.schedule.front().map(|(at, _)| *at);
        let refresh = self.refresh_due.filter(|_| self.agent.answers());
        [act, refresh].into_iter().flatten().min()
    }

    /// The processes of the machine start: the worker processes have nothing loaded, the management agent goes by the
    /// policy that it has kept.
    pub fn start(&mut self, now: VirtualTime) -> Vec<Change> {
        self.web_server.end();
        self.catch_up(now);
        let mut changes = self.start_agent(now);
        changes.extend(self.poll(now));
        changes
    }

    /// While nothing ran, Windows went on: who starts finds it as it is by now.
    fn catch_up(&mut self, now: VirtualTime) {
        let (misread, refuses) = (&mut self.misread, &mut self.windows.refuses);
        self.schedule.retain(|(at, act)| {
            match act {
                Act::Misread(as_length) if *at <= now => *misread = *as_length,
                Act::RefusePasswords(refused) if *at <= now => *refuses = *refused,
                _ => return true,
            }
            false
        });
    }

    /// Does what is due.
    pub fn poll(&mut self, now: VirtualTime) -> Vec<Change> {
        let mut changes = Vec::new();
        while let Some((_, act)) = self.schedule.pop_front_if(|(at, _)| *at <= now) {
            changes.extend(self.act(act, now));
        }
        if self.agent.answers() && self.refresh_due.is_some_and(|due| due <= now) {
            changes.extend(self.refresh(now));
        }
        changes
    }

    /// Policy arrives (rules 25, 30, 65, 70, 74): another version changes the password too (rule 66).
    pub fn policy(&mut self, version: u64, on: Authentication, now: VirtualTime) -> Vec<Change> {
        if self.policy == Some((version, on)) {
            return Vec::new();
        }
        self.policy = Some((version, on));
        if self.agent.answers() { self.refresh(now) } else { Vec::new() }
    }

    /// A request is done with; the file of a module goes with its last instance.
    pub fn leave(&mut self, request: RequestId, status: Option<u16>) -> Vec<Change> {
        let mut changes = self.web_server.leave(request, status);
        changes.extend(self.delete_leftovers());
        changes
    }

    fn act(&mut self, act: Act, now: VirtualTime) -> Vec<Change> {
        match act {
            Act::Policy(version, on) => return self.policy(version, on, now),
            Act::SlowBy(by) => self.agent.slow_by(by),
            Act::Hang(hangs) => {
                self.agent.hang(hangs);
                if !hangs && self.agent.runs() {
                    return self.refresh(now);
                }
            }
            Act::StopAgent if self.agent.runs() => {
                self.agent.stop();
                return vec![Change::ManagementAgentStopped];
            }
            Act::StartAgent if !self.agent.runs() => {
                let started = self.start_agent(now);
                return [Change::ManagementAgentStarted].into_iter().chain(started).collect();
            }
            Act::StopAgent | Act::StartAgent => {}
            Act::SwapModule => return self.swap_module(),
            Act::UnregisterModule => {
                self.is_held_off = true;
                return self.unregister_module();
            }
            Act::RegisterModule => {
                self.is_held_off = false;
                return self.follow_with_module();
            }
            Act::DeleteGroup => return self.group.delete().into_iter().collect(),
            Act::Misread(as_length) => self.misread = as_length,
            Act::RefusePasswords(refuses) => self.windows.refuses = refuses,
        }
        Vec::new()
    }

    fn start_agent(&mut self, now: VirtualTime) -> Vec<Change> {
        self.agent.start();
        if Bug::PasswordsRestart.is_planted() {
            self.rng = self.rng_at_start.clone();
        }
        if self.agent.answers() { self.refresh(now) } else { Vec::new() }
    }

    /// Makes everything what policy says, with a new password. Nothing is done before there is a policy, but for the group.
    fn refresh(&mut self, now: VirtualTime) -> Vec<Change> {
        self.refresh_due = Some(now.after(self.refresh_interval));
        let Some((_, on)) = self.policy else { return self.group.validate(Authentication::NONE, false) };
        let mut changes = self.follow_with_module();
        if on.token {
            changes.extend(self.account.update(self.read_policy(), self.windows, &mut self.rng));
        } else if !Bug::AccountKept.is_planted() {
            changes.extend(self.account.remove());
        }
        changes.extend(self.group.validate(on, self.account.exists()));
        changes.extend(self.log_folder.follow(on.token));
        changes
    }

    /// What the management agent takes for the password policy.
    fn read_policy(&self) -> PasswordPolicy {
        let real = self.windows.policy;
        PasswordPolicy { minimum_length: self.misread.unwrap_or(real.minimum_length), ..real }
    }

    /// Registers or unregisters the module, as policy says (rule 25), unless somebody has taken it off by hand.
    fn follow_with_module(&mut self) -> Vec<Change> {
        let is_wanted = self.policy.is_some_and(|(_, on)| Setup::is_wanted(on)) && !self.is_held_off;
        if !is_wanted {
            return self.unregister_module();
        }
        let registered = self.setup.register();
        self.web_server.register(self.setup.registered());
        registered.into_iter().collect()
    }

    fn unregister_module(&mut self) -> Vec<Change> {
        let Some(module) = self.setup.registered() else { return Vec::new() };
        self.web_server.register(None);
        let unregistered = self.setup.unregister(module);
        unregistered.into_iter().chain(self.web_server.retire(module, Unloading::Unregistered)).collect()
    }

    /// Rules 23 and 29: the new one is copied in and registered, then the old one is unregistered and deleted. One that
    /// still answers requests is locked on disk, and is deleted when it has answered them.
    fn swap_module(&mut self) -> Vec<Change> {
        let old = self.setup.registered();
        let mut changes = vec![self.setup.copy(draw(&mut self.rng))];
        if let Some(old) = old {
            changes.extend(self.follow_with_module());
            changes.extend(self.setup.unregister(old));
            changes.extend(self.web_server.retire(old, Unloading::Swapped));
        }
        changes.extend(self.delete_leftovers());
        changes
    }

    fn delete_leftovers(&mut self) -> Vec<Change> {
        let active = self.setup.active();
        let is_leftover = |module: &ModuleName| Some(*module) != active && !self.web_server.has_loaded(*module);
        let leftovers: Vec<_> = self.setup.files().filter(is_leftover).collect();
        leftovers.into_iter().filter_map(|module| self.setup.delete(module)).collect()
    }
}

fn draw(rng: &mut ChaCha20Rng) -> ModuleName {
    let mut bits = [0; 16];
    rng.fill_bytes(&mut bits);
    ModuleName::drawn(u128::from_be_bytes(bits))
}

#[cfg(test)]
#[path = "machine_tests.rs"]
mod tests;
