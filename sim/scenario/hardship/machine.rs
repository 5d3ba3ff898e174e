//! What goes wrong on the machine around a server, drawn.

use rand_core::Rng;

use crate::{
    plan::{MachineFault, MachineFaultKind},
    types::draw_between,
};

/// Twice as long as a module waits for an answer, if nobody says otherwise.
const SLOW_MS_MAX: u64 = 10_000;

/// Below and above what a password may be long (rule 67).
const MINIMUM_MAX: u64 = 200;

/// Draws how strong it is, up to `strength` per cent of the strongest.
pub(super) fn draw_machine_fault(kind: MachineFaultKind, rng: &mut impl Rng, strength: u64) -> MachineFault {
    match kind {
        MachineFaultKind::SlowManagementAgent => {
            MachineFault::SlowManagementAgent { by_ms: draw_between(rng, 1, 1 + SLOW_MS_MAX * strength.min(100) / 100) }
        }
        MachineFaultKind::HungManagementAgent => MachineFault::HungManagementAgent,
        MachineFaultKind::StoppedManagementAgent => MachineFault::StoppedManagementAgent,
        MachineFaultKind::SwappedModule => MachineFault::SwappedModule,
        MachineFaultKind::UnregisteredModule => MachineFault::UnregisteredModule,
        MachineFaultKind::DeletedGroup => MachineFault::DeletedGroup,
        MachineFaultKind::MisreadPasswordPolicy => {
            let minimum = draw_between(rng, 0, MINIMUM_MAX);
            MachineFault::MisreadPasswordPolicy { minimum: u32::try_from(minimum).unwrap_or(0) }
        }
        MachineFaultKind::RefusedPasswords => MachineFault::RefusedPasswords,
    }
}
