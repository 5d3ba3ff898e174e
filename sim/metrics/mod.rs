//! What a run measures: counts and latencies from the event stream, in bounded memory.
//!
//! Nothing here reads a clock: every figure is in virtual time, and the same in every run of the same plan.
//! There is one file per concern; each takes what it needs from an event and leaves the rest.

mod accounts;
mod admission;
mod agents;
mod authentication;
mod cache;
mod cpu;
mod distribution;
mod exposure;
mod histogram;
mod latencies;
mod measurements;
mod pace;
mod prediction;
mod registry;
mod schemes;
mod server;
mod threshold;
mod timeline;
mod traffic;
mod upstream;
mod validation;
mod visits;
mod work_total;

pub use accounts::AccountFigures;
pub use admission::AdmissionFigures;
pub use agents::AgentFigures;
pub use authentication::AuthenticationFigures;
pub use cache::CacheFigures;
pub use cpu::CpuFigures;
pub use distribution::Distribution;
pub use exposure::ExposureFigures;
pub use histogram::Histogram;
pub use latencies::Latencies;
pub use measurements::{Measurements, ServerFigures};
pub use pace::{BEGIN_SPREAD_NS_MAX, LAG_P99_NS_MAX, Pace, PaceFigures, PaceLatencies, PaceStanding};
pub use prediction::{LoadFigures, Round, Slower, per_s};
pub use registry::RegistryFigures;
pub use schemes::{Scheme, SchemeFigures};
pub use threshold::{MissedThreshold, missed_thresholds};
pub use timeline::{BUCKETS_MAX, Timeline};
pub use traffic::TrafficFigures;
pub use upstream::UpstreamFigures;
pub use validation::ValidationFigures;
pub use visits::VisitFigures;
pub use work_total::WorkTotal;

use accounts::AccountRecorder;
use exposure::ExposureRecorder;
use schemes::SchemeRecorder;
use serde::{Deserialize, Serialize};
use server::ServerRecorder;
use timeline::TimelineRecorder;
use visits::VisitRecorder;

use crate::{
    event::{Event, EventKind, Listener, Visit},
    plan::Plan,
    types::{ActorId, Costs, Shard, VirtualTime},
};

/// Measures a run while it happens.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Metrics {
    costs: Costs,
    tick_ns: u64,
    events: u64,
    traffic: TrafficFigures,
    agents: AgentFigures,
    accounts: AccountRecorder,
    smp: ServerRecorder,
    /// `site-1` is the first.
    sites: Vec<ServerRecorder>,
    timeline: TimelineRecorder,
    visits: VisitRecorder,
    #[serde(default)]
    exposure: ExposureRecorder,
    #[serde(default)]
    schemes: SchemeRecorder,
}

impl Metrics {
    /// Prepares to measure a run of `plan`.
    pub fn new(plan: &Plan) -> Self {
        Self::of_part(plan, Shard::WHOLE)
    }

    /// Prepares to measure what comes of a part of the agents of `plan`.
    pub fn of_part(plan: &Plan, shard: Shard) -> Self {
        let tokens_max = plan.parameters.validation_tokens_max;
        Self {
            costs: plan.costs,
            tick_ns: plan.network.tick_ms.saturating_mul(1_000_000),
            events: 0,
            traffic: TrafficFigures::default(),
            agents: AgentFigures::default(),
            accounts: AccountRecorder::default(),
            smp: ServerRecorder::smp(&plan.smp),
            sites: plan.sites.iter().map(|site| ServerRecorder::site(site, tokens_max)).collect(),
            timeline: TimelineRecorder::new(plan.duration_ms, plan.sites.len()),
            visits: VisitRecorder::new(plan, shard),
            exposure: ExposureRecorder::default(),
            schemes: SchemeRecorder::default(),
        }
    }

    /// How long what takes long took until now, at all servers together.
    pub fn latencies(&self) -> Latencies {
        let mut latencies = Latencies::default();
        for server in [&self.smp].into_iter().chain(&self.sites) {
            server.add_to(&mut latencies);
        }
        latencies
    }

    /// Takes in what was measured of others in the same run of the same plan, as if this had heard it all. What each server
    /// did must have been heard by one of them alone.
    ///
    /// All is exact but how many connections were open at most, at any time and in each slice: that is the sum of what
    /// each had at most; and whose connection a server decided on, which no part knows if an attacker's is in another.
    pub fn absorb(&mut self, mut other: Self) {
        self.timeline.close_up_to(other.timeline.closed(), &self.smp, &self.sites);
        other.timeline.close_up_to(self.timeline.closed(), &other.smp, &other.sites);
        self.timeline.absorb(&other.timeline);
        self.events += other.events;
        self.traffic.absorb(&other.traffic);
        self.agents.absorb(&other.agents);
        self.accounts.absorb(&other.accounts);
        self.visits.absorb(other.visits);
        self.exposure.absorb(&other.exposure);
        self.schemes.absorb(&other.schemes);
        self.smp.absorb(&other.smp);
        for (site, more) in self.sites.iter_mut().zip(&other.sites) {
            site.absorb(more);
        }
    }

    /// Whether it is one that a run of `plan` can have left, as far as its shape tells.
    pub fn is_of(&self, plan: &Plan) -> bool {
        let new = Self::new(plan);
        self.costs == new.costs
            && self.tick_ns == new.tick_ns
            && self.smp.is_like(&new.smp)
            && self.sites.len() == new.sites.len()
            && self.sites.iter().zip(&new.sites).all(|(site, new)| site.is_like(new))
            && self.timeline.is_like(&new.timeline)
    }

    /// What was measured, when the run ends at `end`.
    pub fn finish(mut self, end: VirtualTime) -> Measurements {
        let figures =
            |server: &ServerRecorder| server.figures(server.cores(), server.core_ns(end.nanos()), &self.costs);
        let sites = (1..).map(ActorId::Site).zip(self.sites.iter().map(figures));
        let servers = [(ActorId::Smp, figures(&self.smp))].into_iter().chain(sites).collect();

        let mut all = ServerRecorder::default();
        let (mut cores, mut core_ns) = (0, 0_u64);
        for server in [&self.smp].into_iter().chain(&self.sites) {
            all.absorb(server);
            cores += server.cores();
            core_ns = core_ns.saturating_add(server.core_ns(end.nanos()));
        }
        self.agents.sign_cost_ns = self.agents.signs.saturating_mul(self.costs.sign_ns);
        self.agents.verify_cost_ns = self.agents.verifies.saturating_mul(self.costs.verify_ns);
        Measurements {
            events: self.events,
            duration_ns: end.nanos(),
            tick_ns: self.tick_ns,
            visits: self.visits.figures(end),
            exposure: self.exposure.figures(),
            schemes: self.schemes.figures(),
            traffic: self.traffic,
            total: all.figures(cores, core_ns, &self.costs),
            agents: self.agents,
            accounts: self.accounts.figures(),
            servers,
            timeline: self.timeline.finish(end, &self.smp, &self.sites),
        }
    }

    fn server(&mut self, actor: ActorId) -> Option<&mut ServerRecorder> {
        match actor {
            ActorId::Smp => Some(&mut self.smp),
            ActorId::Site(number) => nth(&mut self.sites, number),
            _ => None,
        }
    }
}

impl Listener for Metrics {
    fn hear(&mut self, event: &Event) {
        self.events += 1;
        // Before this event is heard: the slice ends with what was true until now.
        if self.timeline.is_due(event.at) {
            self.timeline.close_until(event.at, &self.smp, &self.sites);
        }
        self.timeline.hear(event);
        self.traffic.hear(&event.kind);
        self.exposure.hear(event);
        self.schemes.hear(event);
        self.accounts.hear(event);
        if let EventKind::ExchangeStarted { server, .. } | EventKind::ExchangeEnded { server, .. } = &event.kind {
            if let Some(server) = self.server(*server) {
                server.hear_exchange(&event.kind);
            }
        } else if let Some(server) = self.server(event.actor) {
            server.hear(&event.kind);
        } else {
            self.agents.hear(&event.kind);
        }
    }

    fn visit_begins(&mut self, agent: ActorId, visit: &Visit, _: VirtualTime) {
        self.visits.begins(agent, visit);
    }
}

/// The element that people call the `number`th, counted from 1.
fn nth<T>(of: &mut [T], number: u32) -> Option<&mut T> {
    of.get_mut(usize::try_from(number).ok()?.checked_sub(1)?)
}
