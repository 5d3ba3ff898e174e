//! Everybody who listens to a run.

use std::{fmt, io::Write};

use super::Finished;
use crate::{
    event::{Event, EventKind, Listener},
    metrics::Metrics,
    oracle::Oracle,
    plan::Plan,
    trace::{Digest, TraceWriter},
    world::Ended,
};

/// Oracle, metrics, digest and, on request, trace.
pub struct Audience {
    oracle: Oracle,
    metrics: Metrics,
    digest: Digest,
    trace: Option<TraceWriter<Box<dyn Write + Send>>>,
    accepted: u64,
}

impl Audience {
    /// The audience of a run of `plan`.
    pub fn new(plan: &Plan, trace: Option<Box<dyn Write + Send>>) -> Self {
        Self {
            oracle: Oracle::new(plan),
            metrics: Metrics::new(plan),
            digest: Digest::new(),
            trace: trace.map(TraceWriter::new),
            accepted: 0,
        }
    }

    /// Tokens accepted and violations found so far.
    pub fn standing(&self) -> (u64, u64) {
        (self.accepted, self.oracle.violations())
    }

    /// Asks everybody for their say.
    pub fn finish(self, ended: Ended) -> Finished {
        Finished {
            judgement: self.oracle.finish(ended.at),
            measurements: self.metrics.finish(ended.at),
            digest: self.digest.finish(),
            trace_error: self.trace.and_then(|trace| trace.finish().err()),
            ended,
        }
    }
}

impl Listener for Audience {
    fn hear(&mut self, event: &Event) {
        self.accepted += u64::from(matches!(event.kind, EventKind::Accepted { .. }));
        self.oracle.hear(event);
        self.metrics.hear(event);
        self.digest.hear(event);
        self.trace.hear(event);
    }
}

impl fmt::Debug for Audience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Audience").field("accepted", &self.accepted).finish_non_exhaustive()
    }
}
