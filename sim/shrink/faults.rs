//! Smaller faults and plainer attackers.

use super::Change;
use crate::{
    plan::{AttackerPlan, Fault, FaultKind, MachineFault, Plan},
    types::Authentication,
};

const SECOND_MS: u64 = 1_000;

/// What makes a fault less.
const FAULT_CHANGES: [fn(&mut Fault); 8] = [
    |it| it.until_ms = it.until_ms.filter(|_| it.kind.must_end()),
    |it| shorten(it, 8),
    |it| shorten(it, 2),
    |it| shorten(it, 1),
    // On a whole second.
    |it| {
        let early_ms = it.at_ms % SECOND_MS;
        it.at_ms -= early_ms;
        it.until_ms = it.until_ms.map(|until_ms| until_ms - early_ms);
    },
    |it| match &mut it.kind {
        FaultKind::Delay { added_ms_min, added_ms_max, .. } => *added_ms_min = *added_ms_max,
        FaultKind::ClockStep { by_ms, .. } => *by_ms -= *by_ms % 60_000,
        FaultKind::Loss { lost_ppm, .. } => *lost_ppm = 1_000_000,
        FaultKind::Duplicate { share_ppm, .. } | FaultKind::Reorder { share_ppm, .. } => *share_ppm = 1_000_000,
        FaultKind::Machine { what: MachineFault::SlowManagementAgent { by_ms }, .. } => *by_ms = 10_000,
        FaultKind::BearerToken { lifetime_s, .. } => *lifetime_s = None,
        _ => {}
    },
    |it| keep_kinds(it, |on| Authentication { asdk: false, ..on }),
    |it| keep_kinds(it, |on| Authentication { windows: false, ..on }),
];

/// What makes an attacker plainer. One that stops at the end of time stops with the run.
const ATTACKER_CHANGES: [fn(&mut AttackerPlan); 5] = [
    |it| it.burst = 1,
    |it| it.start_ms = 0,
    |it| it.start_ms -= it.start_ms % SECOND_MS,
    |it| it.until_ms = u64::MAX,
    |it| it.interval_ms -= if it.interval_ms > SECOND_MS { it.interval_ms % SECOND_MS } else { 0 },
];

/// Changes after which one fault or one attacker is less than it was.
pub fn smaller(plan: &Plan) -> Vec<Change> {
    let mut changes: Vec<Change> = Vec::new();
    for place in 0..plan.faults.len() {
        for change in FAULT_CHANGES {
            changes.push(Box::new(move |plan| plan.faults.get_mut(place).into_iter().for_each(change)));
        }
    }
    for place in 0..plan.attackers.len() {
        for change in ATTACKER_CHANGES {
            changes.push(Box::new(move |plan| {
                let duration_ms = plan.duration_ms;
                if let Some(attacker) = plan.attackers.get_mut(place) {
                    change(attacker);
                    attacker.until_ms = attacker.until_ms.min(duration_ms);
                }
            }));
        }
    }
    changes.push(Box::new(|plan| plan.heal_ms = plan.faults.iter().filter_map(|fault| fault.until_ms).max()));
    changes
}

/// Fewer kinds of authentication, where they change.
fn keep_kinds(fault: &mut Fault, of: fn(Authentication) -> Authentication) {
    match &mut fault.kind {
        FaultKind::ChangePolicy { authentication: Some(on), .. }
        | FaultKind::ChangeAuthentication { authentication: on, .. } => *on = of(*on),
        _ => {}
    }
}

/// To a part of its length, in whole seconds if it takes that long.
fn shorten(fault: &mut Fault, part: u64) {
    let Some(until_ms) = fault.until_ms else { return };
    let length_ms = until_ms.saturating_sub(fault.at_ms) / part;
    let length_ms = if length_ms > SECOND_MS { length_ms - length_ms % SECOND_MS } else { length_ms };
    if length_ms > 0 {
        fault.until_ms = Some(fault.at_ms + length_ms);
    }
}
