//! Collects the figures of one server.

use serde::{Deserialize, Serialize};

use super::{
    AdmissionFigures, CacheFigures, Latencies, RegistryFigures, ServerFigures, authentication::AuthenticationRecorder,
    cpu::CpuRecorder, upstream::UpstreamRecorder, validation::ValidationRecorder,
};
use crate::{event::EventKind, types::Costs};

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct ServerRecorder {
    /// Cores of its virtual CPU.
    cores: u64,
    /// When it is planned to start, in nanoseconds of virtual time.
    start_ns: u64,
    authentication: AuthenticationRecorder,
    admission: AdmissionFigures,
    registry: RegistryFigures,
    cpu: CpuRecorder,
    site: Option<Box<SiteRecorder>>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct SiteRecorder {
    /// Most tokens that one validation may ask for (rule 39).
    validation_tokens_max: u32,
    cache: CacheFigures,
    validation: ValidationRecorder,
    upstream: UpstreamRecorder,
}

impl ServerRecorder {
    pub(super) fn smp(plan: &crate::plan::ServerPlan) -> Self {
        Self { cores: u64::from(plan.cores), start_ns: plan.start_ms.saturating_mul(1_000_000), ..Self::default() }
    }

    pub(super) fn site(plan: &crate::plan::ServerPlan, validation_tokens_max: u32) -> Self {
        let site = SiteRecorder { validation_tokens_max, ..SiteRecorder::default() };
        Self { site: Some(Box::new(site)), ..Self::smp(plan) }
    }

    /// Learns of an exchange of an agent with this server.
    pub(super) fn hear_exchange(&mut self, kind: &EventKind) {
        self.authentication.hear(kind);
    }

    /// Learns of what this server did.
    pub(super) fn hear(&mut self, kind: &EventKind) {
        self.admission.hear(kind);
        self.registry.hear(kind);
        self.cpu.hear(kind);
        if let Some(site) = &mut self.site {
            site.cache.hear(kind);
            site.validation.hear(kind, site.validation_tokens_max);
            site.upstream.hear(kind);
        }
    }

    /// Takes in another server's figures, all but its CPU's size.
    pub(super) fn absorb(&mut self, other: &Self) {
        self.authentication.absorb(&other.authentication);
        self.admission.absorb(&other.admission);
        self.registry.absorb(&other.registry);
        self.cpu.absorb(&other.cpu);
        if let Some(other) = &other.site {
            let site = self.site.get_or_insert_default();
            site.cache.absorb(&other.cache);
            site.validation.absorb(&other.validation);
            site.upstream.absorb(&other.upstream);
        }
    }

    /// Whether it is of a server that the plan has like this one.
    pub(super) fn is_like(&self, new: &Self) -> bool {
        let tokens_max = |it: &Self| it.site.as_ref().map(|site| site.validation_tokens_max);
        (self.cores, self.start_ns, tokens_max(self)) == (new.cores, new.start_ns, tokens_max(new))
    }

    pub(super) fn add_to(&self, latencies: &mut Latencies) {
        self.authentication.add_to(latencies);
        if let Some(site) = &self.site {
            site.upstream.add_to(latencies);
            site.validation.add_to(latencies);
        }
    }

    /// Entries of its registry now.
    pub(super) fn registry_entries(&self) -> u64 {
        self.registry.entries
    }

    /// Entries of its cache now, if it is a site.
    pub(super) fn cache_entries(&self) -> Option<u64> {
        self.site.as_ref().map(|site| site.cache.entries)
    }

    pub(super) fn cores(&self) -> u64 {
        self.cores
    }

    /// The time that its cores had until `end_ns`, all together, in nanoseconds.
    pub(super) fn core_ns(&self, end_ns: u64) -> u64 {
        end_ns.saturating_sub(self.start_ns).saturating_mul(self.cores)
    }

    pub(super) fn figures(&self, cores: u64, core_ns: u64, costs: &Costs) -> ServerFigures {
        ServerFigures {
            authentication: self.authentication.figures(),
            admission: self.admission.clone(),
            registry: self.registry.clone(),
            cpu: self.cpu.figures(cores, core_ns, costs),
            cache: self.site.as_ref().map(|site| site.cache.clone()),
            validation: self.site.as_ref().map(|site| site.validation.figures()),
            upstream: self.site.as_ref().map(|site| site.upstream.figures()),
        }
    }
}
