//! A plan as a scenario file in which the seed has nothing left to draw.

use std::fmt::Write as _;

use serde::Serialize;
use serde_json::Value;

use super::{CostTable, spelled_portal::spelled_portal};
use crate::{
    plan::{
        AgentPlan, AgentProxy, Bootstrap, Codebase, ConnectionUse, Fault, FaultKind, MachineFault, Plan, ServerPlan,
        Visits,
    },
    types::{ActorId, Authentication, ClockModel, Costs, Parameters, Scheme, TimeSpan},
};

/// Spells a plan out as the text of a scenario.
///
/// What a file cannot tell is left out: which keys somebody has, that sites differ from each other, that clones visit at
/// other times than whom they were made from. So the plan that comes of the text may be another one: whoever needs what the
/// first one showed runs it.
pub fn spelled(plan: &Plan, description: &str) -> String {
    let mut text = Text(String::new());
    text.line(format_args!("description = {}", quoted(description)));
    text.line(format_args!("profile = \"{}\"", plan.profile));
    text.line(format_args!("crypto = \"{}\"", plan.crypto));
    text.line(format_args!("duration = {}", millis(plan.duration_ms)));
    text.line(format_args!("seed = {}", plan.seed));
    if plan.scheme == Scheme::Https {
        text.line(format_args!("scheme = \"https\""));
    }
    if let Some(bug) = plan.bug {
        text.line(format_args!("plant = \"{bug}\""));
    }
    text.network(plan);
    text.server("smp", &plan.smp, 4, None);
    if let Some(site) = plan.sites.first() {
        text.server("sites", site, 2, Some(plan.sites.len()));
        text.sites_that_differ(plan);
    }
    text.parameters(plan);
    text.costs(plan);
    text.machine(plan);
    for (number, agent) in (1..).zip(&plan.agents).filter(|(_, agent)| agent.clone_of.is_none()) {
        text.agent(plan, number, agent);
    }
    for proxy in &plan.proxies {
        text.line(format_args!("\n[[proxies]]"));
        text.line(format_args!("schemes = {}", name(&proxy.schemes)));
        text.line(format_args!("asks_for_token = {}\nallow_basic = {}", proxy.asks_for_token, proxy.allow_basic));
    }
    for line in plan.portal.iter().flat_map(spelled_portal) {
        text.line(format_args!("{line}"));
    }
    let heal_ms = plan.faults.iter().filter_map(|fault| fault.until_ms).max();
    if plan.heal_ms != heal_ms {
        text.table("hardship");
        plan.heal_ms.into_iter().for_each(|heal_ms| text.line(format_args!("heal = {}", millis(heal_ms))));
    }
    plan.faults.iter().for_each(|fault| text.fault(fault));
    for attacker in &plan.attackers {
        text.line(format_args!("\n[[attackers]]"));
        text.line(format_args!("attack = {}", name(&attacker.attack)));
        text.line(format_args!("server = \"{}\"", attacker.server));
        text.line(format_args!("victim = \"{}\"", attacker.victim));
        text.line(format_args!("start = {}", millis(attacker.start_ms)));
        text.line(format_args!("until = {}", millis(attacker.until_ms)));
        text.line(format_args!("every = {}", millis(attacker.interval_ms)));
        text.line(format_args!("burst = {}", attacker.burst));
    }
    text.0
}

struct Text(String);

impl Text {
    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.0, "{line}");
    }

    fn table(&mut self, name: &str) {
        self.line(format_args!("\n[{name}]"));
    }

    fn network(&mut self, plan: &Plan) {
        let network = plan.network;
        self.table("network");
        self.line(format_args!("tick = {}", millis(network.tick_ms)));
        let (least, most) = (millis(network.latency_ms_min), millis(network.latency_ms_max));
        if least == most {
            self.line(format_args!("latency = {least}"));
        } else {
            self.line(format_args!("latency = {{ min = {least}, max = {most} }}"));
        }
        self.line(format_args!("branches = {}", plan.branches));
    }

    fn server(&mut self, table: &str, server: &ServerPlan, usual_cores: u32, count: Option<usize>) {
        let usual = ServerPlan {
            clock: ClockModel::default(),
            cores: usual_cores,
            start_ms: 0,
            key: server.key,
            profile: None,
            authentication: None,
            redirect_to: server.redirect_to,
        };
        if count.is_none() && *server == usual {
            return;
        }
        self.table(table);
        count.into_iter().for_each(|count| self.line(format_args!("count = {count}")));
        if server.cores != usual_cores {
            self.line(format_args!("cores = {}", server.cores));
        }
        if server.start_ms > 0 {
            self.line(format_args!("start = {}", millis(server.start_ms)));
        }
        self.clock(&server.clock);
        server.profile.into_iter().for_each(|profile| self.line(format_args!("profile = \"{profile}\"")));
        if count.is_none()
            && let Some(kinds) = server.authentication
        {
            self.line(format_args!("authentication = {}", list_of(kinds)));
        }
    }

    /// Which kinds each site offers, and who sends agents on to whom.
    fn sites_that_differ(&mut self, plan: &Plan) {
        if plan.sites.iter().any(|site| site.authentication.is_some()) {
            let kinds = plan.sites.iter().map(|site| site.authentication.unwrap_or(plan.parameters.authentication));
            let lists: Vec<_> = kinds.map(list_of).collect();
            self.line(format_args!("authentication = [{}]", lists.join(", ")));
        }
        let sites = (1..).map(ActorId::Site).zip(&plan.sites);
        for (from, server) in [(ActorId::Smp, &plan.smp)].into_iter().chain(sites) {
            if let Some(to) = server.redirect_to {
                self.line(format_args!("\n[[redirects]]\nfrom = \"{from}\"\nto = \"{to}\""));
            }
        }
    }

    fn clock(&mut self, clock: &ClockModel) {
        clock_facts(clock).into_iter().for_each(|facts| self.line(format_args!("clock = {{ {facts} }}")));
    }

    /// Those that are not the profile's defaults. The unit is the last word of a parameter's name, and is none of the key's.
    fn parameters(&mut self, plan: &Plan) {
        let json = |parameters: &Parameters| serde_json::to_value(parameters).unwrap_or_default();
        let kinds = plan.parameters.authentication;
        let mut lines = Vec::new();
        if !kinds.is_tokens_only() {
            lines.push(format!("authentication = {}", list_of(kinds)));
        }
        if !plan.parameters.acc_fallback {
            lines.push("acc_fallback = false".to_owned());
        }
        if plan.parameters.basic {
            lines.push("basic = true".to_owned());
        }
        if plan.parameters.anonymous_codebases {
            lines.push("anonymous_codebases = true".to_owned());
        }
        changed(&json(&plan.parameters), &json(&Parameters::defaults(plan.profile)), "", &mut lines);
        if !lines.is_empty() {
            self.table("parameters");
            lines.iter().for_each(|line| self.line(format_args!("{line}")));
        }
    }

    /// Those that are not the usual ones. A key is its field without the unit, which is always the nanosecond.
    fn costs(&mut self, plan: &Plan) {
        let json = |costs: &Costs| serde_json::to_value(costs).unwrap_or_default();
        let (own, usual) = (json(&plan.costs), json(&CostTable::default().resolve()));
        let differing = own.as_object().into_iter().flatten().filter(|(field, value)| usual.get(field) != Some(*value));
        let lines: Vec<_> = differing
            .filter_map(|(field, value)| {
                let span = TimeSpan::from_nanos(value.as_u64()?);
                Some(format!("{} = \"{span}\"", field.strip_suffix("_ns")?))
            })
            .collect();
        if !lines.is_empty() {
            self.table("costs");
            lines.iter().for_each(|line| self.line(format_args!("{line}")));
        }
    }

    fn machine(&mut self, plan: &Plan) {
        let Some(machine) = &plan.machine else { return };
        self.table("machine");
        self.line(format_args!("worker_processes = {}", machine.worker_processes));
        self.line(format_args!("call_time = {}", millis(machine.call_time_ms)));
        self.line(format_args!("call_timeout = {}", millis(machine.call_timeout_ms)));
        self.line(format_args!("password_minimum = {}", machine.password_minimum));
        self.line(format_args!("refresh_interval = \"{}\"", TimeSpan::from_secs(machine.refresh_interval_s)));
    }

    fn agent(&mut self, plan: &Plan, number: u32, agent: &AgentPlan) {
        self.line(format_args!("\n[[agents]]"));
        self.line(format_args!("count = 1"));
        self.line(format_args!("server = \"{}\"", agent.server));
        if agent.start_ms > 0 {
            self.line(format_args!("start = {}", millis(agent.start_ms)));
        }
        agent.leave_ms.into_iter().for_each(|leave_ms| self.line(format_args!("leave = {}", millis(leave_ms))));
        if agent.bootstrap != Bootstrap::Register {
            self.line(format_args!("bootstrap = {}", name(&agent.bootstrap)));
        }
        if !agent.errand.is_usual() {
            self.line(format_args!("errand = {}", name(&agent.errand)));
        }
        if let Some(AgentProxy { number, passage }) = agent.proxy {
            self.line(format_args!("proxy = {{ number = {number}, passage = {} }}", name(&passage)));
        }
        agent.peer.into_iter().for_each(|peer| self.line(format_args!("peer = {peer}")));
        match agent.policy_interval_s {
            0 => self.line(format_args!("policy_interval = \"never\"")),
            900 => {}
            seconds => self.line(format_args!("policy_interval = \"{}\"", TimeSpan::from_secs(seconds))),
        }
        for (key, value, usual) in [
            ("requests", agent.requests, 1),
            ("public_requests", agent.public_requests, 0),
            ("connections", agent.connections, 1),
        ] {
            if value != usual {
                self.line(format_args!("{key} = {value}"));
            }
        }
        if agent.connection_use == ConnectionUse::KeepAlive {
            self.line(format_args!("connection_use = \"keep_alive\""));
        }
        if agent.codebase == Codebase::Unc {
            self.line(format_args!("codebase = \"unc\""));
        }
        self.clock(&agent.clock);
        agent.profile.into_iter().for_each(|profile| self.line(format_args!("profile = \"{profile}\"")));
        let clones = plan.agents.iter().filter(|other| other.clone_of == Some(number)).count();
        if clones > 0 {
            self.line(format_args!("clones = {clones}"));
        }
        match &agent.visits {
            Visits::Every { interval_ms, jitter_ms: 0, .. } => {
                self.line(format_args!("visits = {{ every = {} }}", millis(*interval_ms)));
            }
            Visits::Every { interval_ms, jitter_ms, .. } => {
                let (every, jitter) = (millis(*interval_ms), millis(*jitter_ms));
                self.line(format_args!("visits = {{ every = {every}, jitter = {jitter} }}"));
            }
            Visits::At { times_us } => {
                let times: Vec<_> = times_us.iter().map(|time_us| micros(*time_us)).collect();
                self.line(format_args!("visits = {{ at = [{}] }}", times.join(", ")));
            }
        }
    }

    fn fault(&mut self, fault: &Fault) {
        self.line(format_args!("\n[[faults]]"));
        self.line(format_args!("at = {}", millis(fault.at_ms)));
        fault.until_ms.into_iter().for_each(|until_ms| self.line(format_args!("until = {}", millis(until_ms))));
        self.line(format_args!("{} = {{ {} }}", fault.kind.name(), facts(&fault.kind).join(", ")));
    }
}

/// What a clock's table says; nothing of a right clock.
pub(super) fn clock_facts(clock: &ClockModel) -> Option<String> {
    let mut facts = Vec::new();

    if clock.offset_ms != 0 {
        facts.push(format!("offset = {}", signed(clock.offset_ms)));
    }
    if clock.drift_ppm != 0 {
        facts.push(format!("drift_ppm = {}", clock.drift_ppm));
    }
    if let Some(wander) = clock.wander {
        let (amplitude, period) = (millis(wander.amplitude_ms), millis(wander.period_ms));
        facts.push(format!("wander = {{ amplitude = {amplitude}, period = {period} }}"));
    }
    (!facts.is_empty()).then(|| facts.join(", "))
}

/// What a fault's table says.
fn facts(kind: &FaultKind) -> Vec<String> {
    let actor = |key: &str, actor: &dyn std::fmt::Display| format!("{key} = \"{actor}\"");
    let sides = |from: &dyn std::fmt::Display, to: &dyn std::fmt::Display| vec![actor("from", from), actor("to", to)];
    match kind {
        FaultKind::Partition { from, to, one_way } => {
            let mut facts = sides(from, to);
            facts.extend(one_way.then(|| "one_way = true".to_owned()));
            facts
        }
        FaultKind::Delay { from, to, added_ms_min, added_ms_max } => {
            let (least, most) = (millis(*added_ms_min), millis(*added_ms_max));
            let added = if least == most { most } else { format!("{{ min = {least}, max = {most} }}") };
            [sides(from, to), vec![format!("added = {added}")]].concat()
        }
        FaultKind::Loss { from, to, lost_ppm } => [sides(from, to), vec![format!("lost_ppm = {lost_ppm}")]].concat(),
        FaultKind::SlowLink { from, to, bytes_per_s } => {
            [sides(from, to), vec![format!("bytes_per_s = {bytes_per_s}")]].concat()
        }
        FaultKind::BlackHole { server } => vec![actor("server", server)],
        FaultKind::Duplicate { clients, share_ppm } => {
            vec![actor("clients", clients), format!("share_ppm = {share_ppm}")]
        }
        FaultKind::Reorder { clients, share_ppm, held_ms_max } => vec![
            actor("clients", clients),
            format!("share_ppm = {share_ppm}"),
            format!("held_max = {}", millis(*held_ms_max)),
        ],
        FaultKind::Crash { who } | FaultKind::PowerLoss { who } => vec![actor("who", who)],
        FaultKind::Overload { server, slowdown } => vec![actor("server", server), format!("slowdown = {slowdown}")],
        FaultKind::ClockStep { who, by_ms } => vec![actor("who", who), format!("by = {}", signed(*by_ms))],
        FaultKind::Rollback { agent } | FaultKind::ChangeAgentKey { agent, .. } | FaultKind::Revoke { agent } => {
            vec![actor("agent", agent)]
        }
        FaultKind::RotateServerKey { .. } | FaultKind::PortalUpdate {} => Vec::new(),
        FaultKind::ChangePolicy { token_lifetime_s, validation_period_s, authentication } => {
            let fact = |key: &str, seconds: &Option<u64>| {
                seconds.map(|seconds| format!("{key} = \"{}\"", TimeSpan::from_secs(seconds)))
            };
            let lifetime = fact("token_lifetime", token_lifetime_s);
            let kinds = authentication.map(|on| format!("authentication = {}", list_of(on)));
            lifetime.into_iter().chain(fact("validation_period", validation_period_s)).chain(kinds).collect()
        }
        FaultKind::Move { site, port } => vec![actor("site", site), format!("port = {port}")],
        FaultKind::RemoveSite { site } => vec![actor("site", site)],
        FaultKind::ChangeAccPassword {} => Vec::new(),
        FaultKind::ChangeAuthentication { server, authentication } => {
            vec![actor("server", server), format!("authentication = {}", list_of(*authentication))]
        }
        FaultKind::BearerToken { kind, lifetime_s } => {
            let lifetime = lifetime_s.map(|seconds| format!("lifetime = \"{}\"", TimeSpan::from_secs(seconds)));
            [format!("kind = {}", name(kind))].into_iter().chain(lifetime).collect()
        }
        FaultKind::Upgrade { actor: who, profile } => vec![actor("actor", who), format!("profile = \"{profile}\"")],
        FaultKind::Machine { server, what } => {
            let more = match what {
                MachineFault::SlowManagementAgent { by_ms } => Some(format!("by = {}", millis(*by_ms))),
                MachineFault::MisreadPasswordPolicy { minimum } => Some(format!("minimum = {minimum}")),
                _ => None,
            };
            let what = actor("what", &what.name());
            [actor("server", server), what].into_iter().chain(more).collect()
        }
    }
}

/// The lines of those fields that differ.
fn changed(own: &Value, usual: &Value, before: &str, lines: &mut Vec<String>) {
    let (Value::Object(own), Value::Object(usual)) = (own, usual) else { return };
    for (field, value) in own {
        let other = usual.get(field).unwrap_or(&Value::Null);
        if value == other {
            continue;
        }
        if value.is_object() {
            changed(value, other, &format!("{before}{field}."), lines);
            continue;
        }
        let Some(number) = value.as_u64() else { continue };
        let timed = [("_ms", TimeSpan::from_millis(number)), ("_s", TimeSpan::from_secs(number))];
        let timed = timed.into_iter().filter(|_| !field.ends_with("_per_s"));
        let span = timed.into_iter().find_map(|(unit, span)| Some((field.strip_suffix(unit)?, span)));
        lines.push(match span {
            Some((key, span)) => format!("{before}{key} = \"{span}\""),
            None => format!("{before}{field} = {number}"),
        });
    }
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// The names of kinds of authentication, as an array.
fn list_of(on: Authentication) -> String {
    let names: Vec<_> = on.kinds().map(|kind| quoted(kind.name())).collect();
    format!("[{}]", names.join(", "))
}

pub(super) fn micros(number: u64) -> String {
    format!("\"{}\"", TimeSpan::from_micros(number))
}

pub(super) fn millis(number: u64) -> String {
    format!("\"{}\"", TimeSpan::from_millis(number))
}

fn signed(number_ms: i64) -> String {
    let sign = if number_ms < 0 { "-" } else { "" };
    format!("\"{sign}{}\"", TimeSpan::from_millis(number_ms.unsigned_abs()))
}

/// The name of a unit variant, in quotes.
fn name(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// The plan with each clone right behind whom it was made from, as a file has them: for that, agents change numbers.
pub fn clones_in_order(plan: &Plan) -> Vec<u32> {
    let clones_of = |number: u32| {
        let clones = (1..).zip(&plan.agents).filter(move |(_, agent)| agent.clone_of == Some(number));
        clones.map(|(clone, _)| clone)
    };
    let originals = (1..).zip(&plan.agents).filter(|(_, agent)| agent.clone_of.is_none());
    originals.flat_map(|(number, _)| std::iter::once(number).chain(clones_of(number))).collect()
}
