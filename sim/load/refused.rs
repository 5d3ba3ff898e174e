//! What a plan may have in the simulation only.

use super::LoadError;
use crate::{plan::Plan, types::CryptoTier};

/// Refuses what cannot be done to real sockets and clocks, rather than leave it out in silence.
pub(super) fn check(plan: &Plan) -> Result<(), LoadError> {
    let reasons = [
        (!plan.faults.is_empty(), "faults"),
        (!plan.attackers.is_empty(), "attackers"),
        (plan.bug.is_some(), "a planted bug"),
        (plan.crypto == CryptoTier::Modelled, "modelled signatures"),
    ];
    match reasons.into_iter().find(|(is_there, _)| *is_there) {
        Some((_, what)) => Err(LoadError::OnlySimulated(what)),
        None => Ok(()),
    }
}
