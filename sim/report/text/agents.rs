//! What agents met: latencies, outcomes, refusals, requests.

use super::{
    super::{
        Report,
        exchanges::{Ending, endings},
        human,
        table::Table,
    },
    page::{Page, Style},
};
use crate::metrics::{
    AccountFigures, AgentFigures, Distribution, Measurements, PaceFigures, TrafficFigures, VisitFigures,
};

pub(super) fn write(page: &mut Page, report: &Report) {
    let measured = &report.measurements;
    authentication(page, measured, report.load.as_ref());
    exchanges(page, report);
    refusals(page, report);
    accounts(page, &measured.accounts);
    traffic(page, &measured.traffic, &measured.agents);
}

/// A count of a table: nothing for zero.
pub(super) fn cell(count: u64) -> String {
    if count == 0 { String::new() } else { human::count(count) }
}

/// A duration of a table: nothing for what was not measured.
pub(super) fn duration_cell(nanos: Option<u64>) -> String {
    nanos.map_or_else(String::new, human::duration)
}

fn authentication(page: &mut Page, measured: &Measurements, load: Option<&PaceFigures>) {
    let Measurements { tick_ns, visits, .. } = measured;
    let figures = &measured.total.authentication;
    let mut table = Table::new("Authentication", &["count", "p50", "p90", "p99", "p99.9", "max"]);
    let from_due = [
        ("one step, from when it was due", load.and_then(|load| load.one_step_from_due_ns)),
        ("two steps, from when it was due", load.and_then(|load| load.two_step_from_due_ns)),
    ];
    let rows = [
        ("one step", figures.one_step_ns),
        ("two steps", figures.two_step_ns),
        ("connection authenticated", figures.authenticated_ns),
        ("none needed", figures.public_ns),
        ("by an account", figures.account_ns),
        ("failed", figures.failed_ns),
    ];
    let lag = ("lag of the generator", load.and_then(|load| load.lag_ns));
    for (name, distribution) in rows.into_iter().chain(from_due).chain([lag]) {
        let Some(Distribution { count, p50, p90, p99, p999, max, .. }) = distribution else { continue };
        let latencies = [p50, p90, p99, p999, max].map(human::duration);
        table.row(name, [human::count(count)].into_iter().chain(latencies));
    }
    let is_shown = page.table(&table);
    if let Some(load) = load {
        page.remark(&format!("{} exchanges served in a second", human::count(load.served_per_s)));
    } else if is_shown {
        page.remark(&format!("network legs end on ticks of {} ms: latencies are no finer", tick_ns / 1_000_000));
    }
    if load.is_some() || visits.missed > 0 {
        page.remark(&visits_made(visits));
    }
}

/// How many visits were due, and what became of them.
fn visits_made(visits: &VisitFigures) -> String {
    let mut text = human::number_of(visits.due, "visit") + " due";
    let details = [
        (visits.missed, "of them never begun: their agents were busy or cut off"),
        (visits.retries, "retries beside them"),
    ];
    for (count, what) in details {
        if count > 0 {
            text += &format!(", {} {what}", human::count(count));
        }
    }
    text
}

fn exchanges(page: &mut Page, report: &Report) {
    let mut table = Table::new("Exchanges", &["count", "share"]);
    for Ending { name, count, share_ppm, .. } in endings(report) {
        table.row(name, [human::count(count), human::percent(share_ppm)]);
    }
    page.table(&table);
}

fn refusals(page: &mut Page, report: &Report) {
    let admission = &report.measurements.total.admission;
    let mut table = Table::new("Refusals", &["count"]);
    for (why, count) in &admission.refused {
        table.row(human::words(why), [cell(*count)]);
    }
    for (status, count) in &admission.unavailable {
        table.row(format!("unavailable ({status})"), [cell(*count)]);
    }
    table.row("declined by agents", [cell(report.measurements.agents.tokens_declined)]);
    page.table(&table);
}

/// What came beside tokens, and whom a change of the ACC's password hurt.
fn accounts(page: &mut Page, figures: &AccountFigures) {
    let mut table = Table::new("Accounts beside tokens", &["count"]);
    for (name, count) in [
        ("accepted by Negotiate", figures.negotiate_accepted),
        ("accepted by NTLM (ACC)", figures.ntlm_accepted),
        ("accepted by Basic (ACC)", figures.basic_accepted),
        ("turned down", figures.refused),
        ("agents turned away for an old password", figures.agents_hurt()),
        ("alerts: would not be talked out of tokens", figures.downgrades_refused),
        ("sent on to another server", figures.redirects_followed),
    ] {
        if count > 0 {
            table.row(name, [cell(count)]);
        }
    }
    page.table(&table);
}

fn traffic(page: &mut Page, traffic: &TrafficFigures, agents: &AgentFigures) {
    if traffic.opened == 0 && traffic.sent() == 0 {
        return;
    }
    page.heading(Style::Strong, "Traffic");
    let connections = human::number_of(traffic.opened, "connection");
    let details = [
        (traffic.open_max, "open at most"),
        (traffic.connect_refused, "refused"),
        (traffic.connect_timed_out, "not answered"),
        (traffic.closed_by_peer, "closed by the peer"),
        (traffic.closed_timed_out, "timed out"),
        (traffic.closed_broken, "broken"),
    ];
    page.paragraph("  ", &listed(&connections, details));
    let requests = human::number_of(traffic.sent(), "request");
    let details = [
        (traffic.sent_stored_token, "with a stored token"),
        (traffic.sent_new_token, "with a new token"),
        (traffic.sent_first, "first requests"),
        (traffic.sent_signed, "signed"),
        (traffic.sent_login_token, "with a login token"),
        (traffic.sent_account, "messages of accounts"),
        (traffic.sent_bearer, "with a bearer token"),
        (traffic.sent_bare, "without authentication"),
    ];
    page.paragraph("  ", &listed(&requests, details));
    let details = [
        (agents.countersigned, "countersigned"),
        (agents.tokens_stored, "stored"),
        (agents.tokens_removed.values().sum(), "removed"),
        (agents.policies_failed, "policies not received"),
    ];
    if details.iter().any(|(count, _)| *count > 0) {
        page.paragraph("  ", &listed("tokens at agents", details));
    }
}

/// A sum and those of its parts that are not zero.
fn listed<const N: usize>(sum: &str, parts: [(u64, &str); N]) -> String {
    let parts = parts.iter().filter(|(count, _)| *count > 0);
    let parts: Vec<_> = parts.map(|(count, what)| format!("{} {what}", human::count(*count))).collect();
    if parts.is_empty() { sum.to_owned() } else { format!("{sum}: {}", parts.join(", ")) }
}
