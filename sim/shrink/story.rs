//! What a small plan is about, in a sentence.

use std::collections::BTreeMap;

use crate::{plan::Plan, report::human};

/// A plan in one line: who takes part, what goes wrong, and what comes of it.
pub fn story(plan: &Plan, failure: &str) -> String {
    let mut cast: Vec<String> =
        vec![human::number_of(plan.agents.len() as u64, "agent"), human::number_of(plan.sites.len() as u64, "site")];
    if let Some(portal) = &plan.portal {
        let parts = [(portal.browsers.len(), "browser"), (portal.jobs.len(), "job")];
        cast.extend(parts.map(|(count, what)| human::number_of(count as u64, what)));
        // Where there is nobody of a kind, a portal tells enough.
        cast.retain(|part| !part.starts_with("0 "));
    }
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for fault in &plan.faults {
        *counts.entry(fault.kind.name().replace('_', " ")).or_default() += 1;
    }
    for attacker in &plan.attackers {
        *counts.entry(format!("attacker: {}", human::words(&attacker.attack))).or_default() += 1;
    }
    cast.extend(counts.into_iter().map(|(name, count)| if count == 1 { name } else { format!("{name} ×{count}") }));
    let length = human::duration(plan.duration_ms.saturating_mul(1_000_000));
    format!("{failure} (within {length}: {})", cast.join(", "))
}
