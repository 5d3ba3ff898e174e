//! Where the real time went.

use super::{
    super::{Environment, Report, human, table::Table},
    page::Page,
};

pub(super) fn write(page: &mut Page, report: &Report) {
    let environment = &report.environment;
    if environment.wall_ns == 0 {
        return;
    }
    time(page, environment);
    let mut facts = Vec::new();
    facts.extend(environment.memory_peak_bytes.map(|bytes| format!("{} of memory at most", human::bytes(bytes))));
    facts.extend(environment.cpu_percent_of_floor.map(|percent| {
        format!("{} the CPU time of its cryptography alone", human::factor(percent.saturating_mul(10)))
    }));
    if !facts.is_empty() {
        page.paragraph("  ", &facts.join(", "));
    }
    let mut machine = vec![format!("countersign {}", environment.version), environment.system.clone()];
    machine.extend(environment.cpu.clone());
    if !environment.cpu_features.is_empty() {
        machine.push(environment.cpu_features.join(" "));
    }
    page.remark(&machine.join(", "));
}

/// The CPU time by what it was spent on.
fn time(page: &mut Page, environment: &Environment) {
    let mut table = Table::new("Real time", &["took", "share", "operations", "per core and second"]);
    let whole = environment.cpu_ns.unwrap_or(environment.wall_ns).max(1);
    let share = |nanos: u64| {
        let ppm = u128::from(nanos) * 1_000_000 / u128::from(whole);
        human::percent(u64::try_from(ppm).unwrap_or(u64::MAX))
    };
    let (signs, verifies) = (environment.signs, environment.verifies);
    for (name, operations) in [("signatures", signs), ("verifications", verifies)] {
        if operations.took_ns > 0 {
            let pace = operations.per_core_s.map_or_else(String::new, human::count);
            let (took, count) = (human::duration(operations.took_ns), human::count(operations.count));
            table.row(name, [took, share(operations.took_ns), count, pace]);
        }
    }
    let listening = environment.listening;
    let parts = [("oracle", listening.oracle_ns), ("metrics", listening.metrics_ns), ("digest", listening.trace_ns)];
    for (name, took_ns) in parts.into_iter().filter(|(_, took_ns)| *took_ns > 0) {
        table.row(name, [human::duration(took_ns), share(took_ns)]);
    }
    let known_ns = parts.iter().fold(signs.took_ns.saturating_add(verifies.took_ns), |sum, (_, took_ns)| sum + took_ns);
    if let (Some(cpu_ns), 1..) = (environment.cpu_ns, known_ns) {
        let rest = cpu_ns.saturating_sub(known_ns);
        table.row("network and actors", [human::duration(rest), share(rest)]);
    }
    if let Some(cpu_ns) = environment.cpu_ns {
        table.row("CPU in all", [human::duration(cpu_ns)]);
    }
    table.row("elapsed", [human::duration(environment.wall_ns)]);
    page.table(&table);
}
