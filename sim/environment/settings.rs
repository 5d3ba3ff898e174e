//! What a machine is like, and what happens to it.

use std::time::Duration;

use super::password::PasswordPolicy;
use crate::types::{Authentication, VirtualTime};

/// What the machine around a server is like.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MachineSettings {
    /// Whether it is the SMP's: then the module works on the main and on the CEM site (rule 26).
    pub is_smp: bool,
    /// How many worker processes its web server has.
    pub worker_processes: u32,
    /// How long a call of the management agent takes.
    pub call_time: Duration,
    /// How long a module waits for an answer.
    pub call_timeout: Duration,
    /// What Windows asks of passwords.
    pub password_policy: PasswordPolicy,
    /// The time from one look at account and group to the next (rule 66).
    pub refresh_interval: Duration,
    /// What happens to it, in the order of its times.
    pub schedule: Vec<(VirtualTime, Act)>,
}

/// Something that happens to a machine from outside.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Act {
    /// Policy arrives: its version, and which kinds of authentication are on.
    Policy(u64, Authentication),
    /// Calls of the management agent take longer by this from now on.
    SlowBy(Duration),
    /// The management agent hangs, or no longer.
    Hang(bool),
    /// The management agent's process ends.
    StopAgent,
    /// The management agent's process starts.
    StartAgent,
    /// Setup brings a new module in (rules 23, 29).
    SwapModule,
    /// Somebody unregisters the module by hand (rule 28).
    UnregisterModule,
    /// Somebody registers the module by hand (rule 28).
    RegisterModule,
    /// Somebody deletes the local group.
    DeleteGroup,
    /// The management agent reads this as the least length of a password, whatever it is; none for what it is (rule 69).
    Misread(Option<u32>),
    /// Windows refuses every password, or no longer.
    RefusePasswords(bool),
}
