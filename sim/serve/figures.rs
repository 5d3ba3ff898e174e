//! Figures for Prometheus, from the events that actors report.

use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric, text::encode},
    metrics::{
        counter::{ConstCounter, Counter},
        family::Family,
        gauge::{ConstGauge, Gauge},
        histogram::{Histogram, exponential_buckets},
    },
    registry::{Metric, Registry},
};

use super::{login_figures::LoginFigures, process};
use crate::{
    crypto::WallTotals,
    event::EventKind,
    protocol::{NodeKind, RegisterError, Registered},
    socket::Rendezvous,
};

pub(super) type Label = [(&'static str, String); 1];
/// Labels that cost nothing.
type Words<const N: usize> = [(&'static str, &'static str); N];

/// By which scheme a server lets users or agents in. It shows the figures of that one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Counted {
    /// Agent tokens: SMPs and site servers.
    AgentTokens,
    /// Login tokens: portals.
    LoginTokens,
}

/// What a server counts.
#[derive(Debug)]
pub struct Figures {
    registry: Registry,
    accepts: Counter,
    refusals: Family<Label, Counter>,
    challenges: Family<Label, Counter>,
    served: Family<Label, Counter>,
    unavailable: Family<Label, Counter>,
    issued: Family<Label, Counter>,
    registrations: Family<[(&'static str, String); 2], Counter>,
    registry_entries: Gauge,
    registry_bytes: Gauge,
    cache_hits: Counter,
    cache_misses: Counter,
    cache_entries: Gauge,
    upstream_in_flight: Gauge,
    upstream_failures: Counter,
    upstream_seconds: Histogram,
    request_seconds: Family<Words<2>, Histogram, fn() -> Histogram>,
    handshakes_failed: Family<Words<1>, Counter>,
    policy_failures: Counter,
    policy_version: Gauge,
    nodes: Gauge,
    nodes_max: Gauge,
    logins: LoginFigures,
    /// Times that the state could not be written.
    pub(super) state_write_failures: Counter,
}

/// What is read when somebody asks, not counted before.
#[derive(Debug)]
struct AsOfNow {
    /// A portal signs nothing.
    operations: Option<Arc<WallTotals>>,
    connections: Rendezvous,
}

impl Figures {
    /// Counts from zero; tells what engines did, and which connections are open, as of when it is asked.
    pub fn new(counted: Counted, operations: Arc<WallTotals>, connections: Rendezvous) -> Self {
        let mut shown = Registry::with_prefix("countersign");
        let operations = (counted == Counted::AgentTokens).then_some(operations);
        shown.register_collector(Box::new(AsOfNow { operations, connections }));
        let request_seconds = Family::new_with_constructor(new_request_histogram as fn() -> Histogram);
        let help = "How long requests took from when they had been read to their answers, by path and status";
        shown.register("request_seconds", help, request_seconds.clone());
        // Figures of the other scheme stay zero, and nobody is to wonder at them.
        let mut hidden = Registry::default();
        let (registry, of_logins) = match counted {
            Counted::AgentTokens => (&mut shown, &mut hidden),
            Counted::LoginTokens => (&mut hidden, &mut shown),
        };
        let upstream_seconds = Histogram::new(exponential_buckets(0.001, 2.0, 14));
        registry.register("upstream_seconds", "How long requests for tokens to the SMP took", upstream_seconds.clone());
        Self {
            accepts: add(registry, "accepts", "Tokens accepted"),
            refusals: add(registry, "refusals", "Tokens turned down, by reason"),
            challenges: add(registry, "challenges", "Answers 401, with a token or without"),
            served: add(registry, "served", "Requests answered with what they asked for"),
            unavailable: add(registry, "unavailable", "Answers 429 and 503, by status"),
            issued: add(registry, "issued", "Tokens issued, to own clients or to sites"),
            registrations: add(registry, "registrations", "Registrations at the SMP, by kind and result"),
            registry_entries: add(registry, "registry_entries", "Tokens in the replay registry"),
            registry_bytes: add(registry, "registry_bytes", "Memory of the replay registry, as of its last look"),
            cache_hits: add(registry, "cache_hits", "First requests answered from the token cache"),
            cache_misses: add(registry, "cache_misses", "First requests for which the SMP was asked"),
            cache_entries: add(registry, "cache_entries", "Tokens in the token cache"),
            upstream_in_flight: add(registry, "upstream_in_flight", "Requests for tokens to the SMP under way"),
            upstream_failures: add(registry, "upstream_failures", "Requests for tokens to the SMP that failed"),
            handshakes_failed: add(registry, "handshakes_failed", "TLS handshakes that failed, by kind"),
            policy_failures: add(registry, "policy_failures", "Registrations and policies that could not be had"),
            policy_version: add(registry, "policy_version", "The version of the policy in force"),
            nodes: add(registry, "nodes", "Nodes that are registered with the SMP"),
            nodes_max: add(registry, "nodes_max", "Nodes beyond which the SMP takes no new agent"),
            state_write_failures: add(registry, "state_write_failures", "Times that state could not be written"),
            logins: LoginFigures::new(of_logins),
            upstream_seconds,
            request_seconds,
            registry: shown,
        }
    }

    /// Counts what an actor reports.
    pub fn hear(&self, event: &EventKind) {
        match event {
            EventKind::Accepted { .. } => _ = self.accepts.inc(),
            EventKind::Refused { why, .. } => _ = self.refusals.get_or_create(&label("reason", name_of(why))).inc(),
            EventKind::Challenged { challenge, .. } => {
                let with = if challenge.is_some() { "token" } else { "nothing" };
                self.challenges.get_or_create(&label("with", with.to_owned())).inc();
            }
            EventKind::Served { agent, .. } => {
                let path = if agent.is_some() { "protected" } else { "public" };
                self.served.get_or_create(&label("path", path.to_owned())).inc();
            }
            EventKind::Unavailable { status, .. } => {
                self.unavailable.get_or_create(&label("status", status.to_string())).inc();
            }
            EventKind::Issued { site, .. } => {
                let to = if site.is_some() { "site" } else { "agent" };
                self.issued.get_or_create(&label("to", to.to_owned())).inc();
            }
            EventKind::RegistryRecorded { state, .. } if state.is_new => _ = self.registry_entries.inc(),
            EventKind::RegistryRemoved { .. } => _ = self.registry_entries.dec(),
            EventKind::RegistryMeasured { entries, bytes, .. } => {
                self.registry_entries.set(i64::from(*entries));
                self.registry_bytes.set(i64::try_from(bytes.0).unwrap_or(i64::MAX));
            }
            EventKind::CacheHit { .. } => _ = self.cache_hits.inc(),
            EventKind::CacheMissed { .. } => _ = self.cache_misses.inc(),
            // A first fetch may take the place of an entry that expired; the next validation tells the true number.
            EventKind::CacheStored { refreshed: false, .. } => _ = self.cache_entries.inc(),
            EventKind::CacheRemoved { .. } => _ = self.cache_entries.dec(),
            EventKind::ValidationStarted { entries, .. } => _ = self.cache_entries.set(i64::from(*entries)),
            EventKind::UpstreamStarted { .. } => _ = self.upstream_in_flight.inc(),
            EventKind::UpstreamEnded { tokens, took_ns, .. } => {
                self.upstream_in_flight.dec();
                self.upstream_seconds.observe(*took_ns as f64 / 1e9);
                if tokens.is_none() {
                    self.upstream_failures.inc();
                }
            }
            EventKind::PolicyFailed { .. } => _ = self.policy_failures.inc(),
            other => self.logins.hear(other),
        }
    }

    /// Counts an answer.
    pub fn answered(&self, path: &'static str, status: u16, took: Duration) {
        let class = match status {
            200..300 => "2xx",
            300..400 => "3xx",
            400..500 => "4xx",
            _ => "5xx",
        };
        self.request_seconds.get_or_create(&[("path", path), ("status", class)]).observe(took.as_secs_f64());
    }

    /// Counts a TLS handshake that failed.
    pub fn handshake_failed(&self, kind: &'static str) {
        self.handshakes_failed.get_or_create(&[("kind", kind)]).inc();
    }

    /// Tells the version of the policy that is in force.
    pub fn policy_is(&self, version: u64) {
        self.policy_version.set(i64::try_from(version).unwrap_or(i64::MAX));
    }

    /// Tells how many nodes are registered.
    pub fn nodes_are(&self, nodes: usize) {
        self.nodes.set(i64::try_from(nodes).unwrap_or(i64::MAX));
    }

    /// Tells beyond how many nodes no new agent is taken.
    pub fn nodes_max_is(&self, nodes: u32) {
        self.nodes_max.set(nodes.into());
    }

    /// Counts what became of a registration.
    pub fn registration(&self, kind: NodeKind, result: &Result<Registered, RegisterError>) {
        let kind = if kind == NodeKind::Site { "site" } else { "agent" };
        let result = match result {
            Ok(Registered::New) => {
                self.nodes.inc();
                "new"
            }
            Ok(Registered::Again) => "again",
            Ok(Registered::Outdated) => "outdated",
            Err(RegisterError::Full(_)) => "full",
            Err(_) => "refused",
        };
        self.registrations.get_or_create(&[("kind", kind.to_owned()), ("result", result.to_owned())]).inc();
    }

    /// All of them in the OpenMetrics text form.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        // A string takes everything.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

pub(super) fn add<M: Metric + Clone + Default>(registry: &mut Registry, name: &str, help: &str) -> M {
    let metric = M::default();
    registry.register(name, help, metric.clone());
    metric
}

pub(super) fn label(name: &'static str, value: String) -> Label {
    [(name, value)]
}

/// Half a millisecond to eight seconds.
fn new_request_histogram() -> Histogram {
    Histogram::new(exponential_buckets(0.0005, 2.0, 15))
}

/// The word that the traces have for it.
pub(super) fn name_of(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(name)) => name,
        _ => "other".to_owned(),
    }
}

impl Collector for AsOfNow {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let mut tell = |name: &str, help: &str, metric: &dyn ErasedMetric| metric.tell(&mut encoder, name, help);
        if let Some(operations) = &self.operations {
            tell("signatures", "RSA signatures made", &ConstCounter::new(operations.signs.load(Relaxed)))?;
            let verifications = operations.verifies.load(Relaxed);
            tell("verifications", "RSA signatures verified", &ConstCounter::new(verifications))?;
        }
        let open = i64::try_from(self.connections.accepted_open()).unwrap_or(i64::MAX);
        tell("connections_open", "Connections that clients have open", &ConstGauge::new(open))?;
        if let Some(seconds) = process::cpu_seconds() {
            tell("process_cpu_seconds", "CPU time that the process took", &ConstCounter::new(seconds))?;
        }
        if let Some(bytes) = process::resident_bytes() {
            let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
            tell("process_resident_memory_bytes", "Memory that the process has", &ConstGauge::new(bytes))?;
        }
        Ok(())
    }
}

trait ErasedMetric {
    fn tell(&self, encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str) -> Result<(), std::fmt::Error>;
}

impl<M: EncodeMetric> ErasedMetric for M {
    fn tell(&self, encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str) -> Result<(), std::fmt::Error> {
        self.encode(encoder.encode_descriptor(name, help, None, self.metric_type())?)
    }
}
