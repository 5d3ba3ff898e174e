//! The protocol's parameters, and what operations cost.

use super::{DAY_MS, DAY_S, HOUR_S, within};
use crate::{
    plan::{PlanError, RUN_DAYS_MAX},
    types::{Caps, Costs, Parameters},
};

/// Checks the protocol's parameters.
///
/// # Errors
/// If one lies outside its bounds.
pub fn check_parameters(parameters: &Parameters) -> Result<(), PlanError> {
    let parameter = |key: &str, found: u64, bounds: std::ops::RangeInclusive<u64>, unit: &str, why: &str| {
        within(&format!("parameters.{key}"), found, bounds, unit, why)
    };
    let p = parameters;
    parameter("token_lifetime_s", p.token_lifetime_s, 60..=DAY_S, "s", "tokens live from a minute to a day")?;
    if let Some(period_s) = p.validation_period_s {
        parameter("validation_period_s", period_s, 1..=DAY_S, "s", "a period of zero would never end")?;
    }
    parameter("look_ahead_s", p.look_ahead_s, 0..=DAY_S, "s", "")?;
    parameter("batch_size_max", p.batch_size_max.into(), 1..=4_096, "", "an empty batch asks for nothing")?;
    let tokens_max = p.validation_tokens_max.into();
    parameter("validation_tokens_max", tokens_max, 1..=1_000_000, "", "an empty validation refreshes nothing")?;
    parameter("upstream_slots", p.upstream_slots.into(), 1..=1_024, "", "without a slot a site never asks the SMP")?;
    parameter("registry_window", p.registry_window.into(), 1..=1_024, "", "1 accepts rising counters only")?;
    parameter("counter_jump_max", p.counter_jump_max, 1..=1 << 62, "", "0 would refuse every second use")?;
    parameter("leeway_s", p.leeway_s, 0..=HOUR_S, "s", "")?;
    for (key, period_s) in [
        ("registry_purge_period_s", p.registry_purge_period_s),
        ("agent_sweep_period_s", p.agent_sweep_period_s),
        ("agent_idle_s", p.agent_idle_s),
        ("keep_alive_idle_s", p.keep_alive_idle_s),
        ("connection_age_max_s", p.connection_age_max_s),
        ("policy_interval_s", p.policy_interval_s),
    ] {
        parameter(key, period_s, 1..=RUN_DAYS_MAX * DAY_S, "s", "a period of zero would never end")?;
    }
    for (key, timeout_ms) in [
        ("connect_timeout_ms", p.connect_timeout_ms),
        ("exchange_timeout_ms", p.exchange_timeout_ms),
        ("upstream_timeout_ms", p.upstream_timeout_ms),
        ("retry_first_ms", p.retry_first_ms),
    ] {
        parameter(key, timeout_ms, 1..=HOUR_S * 1_000, "ms", "nothing happens in no time")?;
    }
    let retries = p.retry_first_ms..=DAY_MS;
    parameter("retry_max_ms", p.retry_max_ms, retries, "ms", "the longest delay is not below the first")?;
    parameter("uids_per_agent_max", p.uids_per_agent_max.into(), 1..=1_024, "", "")?;
    parameter("remembered_prefixes", p.remembered_prefixes.into(), 0..=1_000_000, "", "each takes about 100 bytes")?;
    parameter("first_requests_per_s", p.first_requests_per_s.into(), 1..=1_000_000, "", "0 would let nobody in")?;
    parameter("first_requests_burst", p.first_requests_burst.into(), 1..=1_000_000, "", "0 would let nobody in")?;
    check_caps(&p.caps, p.batch_size_max)
}

/// The HTTP library's own minimum; it panics below.
const HEADER_SECTION_BYTES_MIN: u64 = 8_192;

/// What an agent takes at most in a GetClientTokens request, and its token and key in the encrypted answer.
const REQUEST_ENTRY_BYTES: u64 = 128;
const RESPONSE_ENTRY_BYTES: u64 = 2_048;

fn check_caps(caps: &Caps, batch_size_max: u32) -> Result<(), PlanError> {
    let token = "a token alone takes more than a kilobyte";
    let batch = "a full batch must fit: lower batch_size_max, or raise this";
    // The entries of a full batch, and as much again as one of them for what is around them.
    let for_batch = |entry_bytes: u64| (u64::from(batch_size_max) + 1) * entry_bytes;
    for (key, bytes, bytes_min, why) in [
        ("header_section_bytes", caps.header_section_bytes, HEADER_SECTION_BYTES_MIN, "a header section holds a token"),
        ("token_bytes", caps.token_bytes, 2_048, token),
        ("request_body_bytes", caps.request_body_bytes, for_batch(REQUEST_ENTRY_BYTES), batch),
        ("batch_response_bytes", caps.batch_response_bytes, for_batch(RESPONSE_ENTRY_BYTES), batch),
    ] {
        let place = format!("parameters.caps.{key}");
        within(&place, bytes.into(), bytes_min..=64 << 20, "bytes", why)?;
    }
    Ok(())
}

/// What one operation takes at most.
const COST_NS_MAX: u64 = 10_000_000_000;

pub(super) fn check_costs(costs: &Costs) -> Result<(), PlanError> {
    for (key, cost_ns) in [
        ("sign_ns", costs.sign_ns),
        ("verify_ns", costs.verify_ns),
        ("parse_ns", costs.parse_ns),
        ("seal_ns", costs.seal_ns),
        ("open_ns", costs.open_ns),
        ("blinding_ns", costs.blinding_ns),
        ("request_ns", costs.request_ns),
        ("closing_ns", costs.closing_ns),
        ("wake_min_ns", costs.wake_min_ns),
        ("wake_ns", costs.wake_ns),
        ("rest_ns", costs.rest_ns),
    ] {
        within(&format!("costs.{key}"), cost_ns, 0..=COST_NS_MAX, "ns", "one operation takes at most 10 s")?;
    }
    let why = "a core that has rested for long begins no sooner than after a short rest (wake_min)";
    within("costs.wake_ns", costs.wake_ns, costs.wake_min_ns..=COST_NS_MAX, "ns", why)
}
