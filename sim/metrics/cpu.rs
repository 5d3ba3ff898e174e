//! A server's virtual CPU: what it computed, how busy it was, who had to wait.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Distribution, Histogram, work_total::WorkTotal};
use crate::{event::EventKind, types::ppm};

/// A server's virtual CPU.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct CpuFigures {
    /// Cores.
    pub cores: u64,
    /// Requests worked on.
    pub requests: u64,
    /// Operations done.
    pub work: WorkTotal,
    /// What the signatures among them cost, in nanoseconds of virtual time, blindings aside.
    pub sign_cost_ns: u64,
    /// What the verifications among them cost, in nanoseconds of virtual time.
    pub verify_cost_ns: u64,
    /// How long cores were occupied, all together, in nanoseconds.
    pub busy_ns: u64,
    /// Share of the time since its planned start that a core was busy, on average over cores, in parts per million.
    pub busy_ppm: u64,
    /// How long work waited for a core, in nanoseconds.
    pub wait_ns: Option<Distribution>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct CpuRecorder {
    requests: u64,
    work: WorkTotal,
    busy_ns: u64,
    wait_ns: Histogram,
}

impl CpuRecorder {
    pub(super) fn hear(&mut self, kind: &EventKind) {
        if let EventKind::Worked { work, waited_ns, busy_ns } = kind {
            self.requests += 1;
            self.work += *work;
            self.busy_ns = self.busy_ns.saturating_add(*busy_ns);
            self.wait_ns.record(*waited_ns);
        }
    }

    pub(super) fn absorb(&mut self, other: &Self) {
        self.requests += other.requests;
        self.work.absorb(&other.work);
        self.busy_ns = self.busy_ns.saturating_add(other.busy_ns);
        self.wait_ns.absorb(&other.wait_ns);
    }

    /// The figures of `cores` cores that were there for `core_ns` nanoseconds, all together.
    pub(super) fn figures(&self, cores: u64, core_ns: u64, costs: &crate::types::Costs) -> CpuFigures {
        CpuFigures {
            cores,
            requests: self.requests,
            work: self.work,
            sign_cost_ns: self.work.signs.saturating_mul(costs.sign_ns),
            verify_cost_ns: self.work.verifies.saturating_mul(costs.verify_ns),
            busy_ns: self.busy_ns,
            busy_ppm: ppm(self.busy_ns, core_ns).unwrap_or(0),
            wait_ns: self.wait_ns.distribution(),
        }
    }
}
