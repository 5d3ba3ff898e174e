//! What servers did: registry, cache, validations, requests to the issuer, CPU.

use std::collections::BTreeMap;

use super::{
    super::{Report, human, table::Table},
    agents::{cell, duration_cell},
    page::Page,
};
use crate::{
    event::Removal,
    metrics::{
        CacheFigures, CpuFigures, Distribution, RegistryFigures, ServerFigures, UpstreamFigures, ValidationFigures,
    },
};

/// With more servers than this, a table shows their total only.
const SHOWN_MAX: usize = 8;

pub(super) fn write(page: &mut Page, report: &Report) {
    // In a portal nobody comes to the servers of agents.
    if report.cast.agents == 0 && report.cast.sites == 0 {
        return;
    }
    let columns = ["uses", "replays refused", "removed", "purges", "entries", "most", "memory", "window used"];
    table(page, report, "Token registry", &columns, |server| Some(registry(server)));
    removals(page, &report.measurements.total.registry.removed);
    let columns = ["hits", "misses", "stored", "refreshed", "removed", "entries", "most"];
    table(page, report, "Token cache", &columns, |server| server.cache.as_ref().map(cache));
    if let Some(cache) = &report.measurements.total.cache {
        removals(page, &cache.removed);
    }
    let columns = ["runs", "due at most", "requested", "refreshed", "batches", "p50", "p99", "max"];
    table(page, report, "Cache validation", &columns, |server| server.validation.as_ref().map(validation));
    let columns =
        ["fetches", "batches", "failed", "in flight", "p50", "p99", "waited", "queue", "wait p99", "wait max"];
    table(page, report, "To the issuer", &columns, |server| server.upstream.as_ref().map(upstream));
    if let Some(agents) = report.measurements.total.upstream.as_ref().and_then(|upstream| upstream.batch_agents) {
        let Distribution { mean, min, max, .. } = agents;
        page.remark(&format!("agents in a batch: {min} to {max}, {mean} on average"));
    }
    let columns = ["cores", "busy", "signed", "verified", "busy time", "wait p50", "wait p99", "wait max"];
    if report.load.is_none() {
        table(page, report, "Virtual CPU", &columns, |server| Some(cpu(&server.cpu)));
    }
}

/// One row for each server that has such figures, and one for all if there are several.
fn table(
    page: &mut Page,
    report: &Report,
    title: &str,
    columns: &[&'static str],
    cells: impl Fn(&ServerFigures) -> Option<Vec<String>>,
) {
    let measured = &report.measurements;
    let rows: Vec<_> =
        measured.servers.iter().filter_map(|(name, server)| Some((name.to_string(), cells(server)?))).collect();
    let mut table = Table::new(title, columns);
    let several = rows.len() > 1;
    if rows.len() <= SHOWN_MAX {
        rows.into_iter().for_each(|(name, cells)| table.row(name, cells));
    }
    if several && let Some(cells) = cells(&measured.total) {
        table.row("all", cells);
    }
    page.table(&table);
}

/// Why entries were removed.
fn removals(page: &mut Page, removed: &BTreeMap<Removal, u64>) {
    let reasons = removed.iter().map(|(why, count)| format!("{} {}", human::words(why), human::count(*count)));
    if !removed.is_empty() {
        page.remark(&format!("removed: {}", reasons.collect::<Vec<_>>().join(", ")));
    }
}

fn size_cell(bytes: u64) -> String {
    if bytes == 0 { String::new() } else { human::bytes(bytes) }
}

fn share_cell(ppm: u64) -> String {
    if ppm == 0 { String::new() } else { human::percent(ppm) }
}

fn registry(server: &ServerFigures) -> Vec<String> {
    let RegistryFigures { recorded, purges, entries, entries_max, bytes_max, window_occupancy_max_ppm, .. } =
        server.registry;
    vec![
        cell(recorded),
        cell(server.admission.replays_refused),
        cell(server.registry.removed.values().sum()),
        cell(purges),
        cell(entries),
        cell(entries_max),
        size_cell(bytes_max),
        share_cell(window_occupancy_max_ppm),
    ]
}

fn cache(cache: &CacheFigures) -> Vec<String> {
    let removed = cache.removed.values().sum();
    [cache.hits, cache.misses, cache.stored, cache.refreshed, removed, cache.entries, cache.entries_max]
        .map(cell)
        .into()
}

fn validation(validation: &ValidationFigures) -> Vec<String> {
    let took = validation.refresh_ns;
    vec![
        cell(validation.ended),
        cell(validation.due_max),
        cell(validation.requested),
        cell(validation.refreshed),
        cell(validation.batches),
        duration_cell(took.map(|took| took.p50)),
        duration_cell(took.map(|took| took.p99)),
        duration_cell(took.map(|took| took.max)),
    ]
}

fn upstream(upstream: &UpstreamFigures) -> Vec<String> {
    // Who found a slot free did not wait; if all did, there is nothing to tell.
    let wait = upstream.slot_wait_ns.filter(|wait| wait.max > 0);
    vec![
        cell(upstream.first_fetches),
        cell(upstream.batches),
        cell(upstream.failed),
        cell(upstream.in_flight_max),
        duration_cell(upstream.first_fetch_ns.map(|took| took.p50)),
        duration_cell(upstream.first_fetch_ns.map(|took| took.p99)),
        cell(upstream.slot_waits),
        cell(upstream.slot_queue_max),
        duration_cell(wait.map(|wait| wait.p99)),
        duration_cell(wait.map(|wait| wait.max)),
    ]
}

fn cpu(cpu: &CpuFigures) -> Vec<String> {
    if cpu.requests == 0 {
        return Vec::new();
    }
    let wait = cpu.wait_ns.filter(|wait| wait.max > 0);
    vec![
        cell(cpu.cores),
        share_cell(cpu.busy_ppm),
        cell(cpu.work.signs),
        cell(cpu.work.verifies),
        human::duration(cpu.busy_ns),
        duration_cell(wait.map(|wait| wait.p50)),
        duration_cell(wait.map(|wait| wait.p99)),
        duration_cell(wait.map(|wait| wait.max)),
    ]
}
