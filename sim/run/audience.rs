//! Everybody who listens to a run.

use std::{fmt, io::Write};

use super::{Heard, Listening, Standing, relay::Relay};
use crate::{
    crypto::Stopwatch,
    event::{Event, EventKind, Listener, Visit},
    metrics::{Metrics, Pace},
    oracle::{Oracle, SceneRecorder},
    plan::Plan,
    trace::{Digest, TraceError, TraceHeader, TraceWriter},
    types::{ActorId, VirtualTime},
    world::Ended,
};

/// Oracle, the scene of a violation, metrics, digest and, on request, trace and log.
pub struct Audience {
    oracle: Oracle,
    scene: SceneRecorder,
    metrics: Metrics,
    /// Of a load, and of what stands for one.
    pace: Option<Pace>,
    record: Record,
    log: Option<Box<dyn Listener + Send>>,
    accepted: u64,
    heard: u64,
    stopwatch: Option<Stopwatch>,
    /// What a look at the stopwatch takes at least: it may be more than what is timed.
    look_ns: u64,
    listening: Listening,
}

/// What keeps a run's digest: alone, or with its trace, which has it in every line. Nobody hashes an event twice.
enum Record {
    Digest(Digest),
    Trace(Relay<Trace>),
    /// A load that nobody traces has none: its history never comes again, and hashing it would be charged to what is measured.
    #[cfg(feature = "sockets")]
    Nothing,
}

/// Written beside the run, which takes hardly longer for it.
type Trace = TraceWriter<Box<dyn Write + Send>>;

impl Record {
    /// The digest, and why the trace is not whole, if one was asked for and it is not.
    fn finish(self) -> (Option<String>, Option<TraceError>) {
        match self {
            Self::Digest(digest) => (Some(digest.finish()), None),
            // It had no end before this.
            Self::Trace(mut relay) => match relay.finish() {
                Some(trace) => (Some(trace.digest()), trace.finish().err()),
                None => (None, None),
            },
            #[cfg(feature = "sockets")]
            Self::Nothing => (None, None),
        }
    }
}

impl Listener for Record {
    fn hear(&mut self, event: &Event) {
        match self {
            Self::Digest(digest) => digest.hear(event),
            Self::Trace(relay) => relay.hear(event),
            #[cfg(feature = "sockets")]
            Self::Nothing => {}
        }
    }
}

/// One event in so many is timed: reading a clock costs as much as hearing an event.
const TIMED_EVERY: u64 = 64;

impl Audience {
    /// The audience of a run of `plan`.
    pub fn new(
        plan: &Plan,
        trace: Option<Box<dyn Write + Send>>,
        log: Option<Box<dyn Listener + Send>>,
        stopwatch: Option<Stopwatch>,
    ) -> Self {
        Self {
            oracle: Oracle::new(plan),
            scene: SceneRecorder::new(plan),
            metrics: Metrics::new(plan),
            // A plan whose ends share a machine's cores stands for a load.
            pace: plan.shared_cores.as_ref().map(|cores| Pace::new(plan, cores.count.into())),
            record: match trace {
                None => Record::Digest(Digest::new()),
                Some(to) => Record::Trace(Relay::start("trace", TraceWriter::new(to, &TraceHeader::of(plan)))),
            },
            log,
            accepted: 0,
            heard: 0,
            stopwatch,
            look_ns: stopwatch.map(look).unwrap_or_default(),
            listening: Listening::default(),
        }
    }

    /// The audience of a load of `plan` on real sockets by so many threads. Servers that somebody else has started are not
    /// heard.
    #[cfg(feature = "sockets")]
    pub fn of_load(
        plan: &Plan,
        workers: usize,
        shard: crate::types::Shard,
        hears_servers: bool,
        trace: Option<Box<dyn Write + Send>>,
        stopwatch: Option<Stopwatch>,
    ) -> Self {
        let is_traced = trace.is_some();
        let audience = Self::new(plan, trace, None, stopwatch);
        let record = if is_traced { audience.record } else { Record::Nothing };
        let oracle = if hears_servers { Oracle::on_sockets(plan) } else { Oracle::of_agents_alone(plan) };
        Self {
            oracle,
            record,
            metrics: Metrics::of_part(plan, shard),
            pace: Some(Pace::new(plan, u64::try_from(workers).unwrap_or(u64::MAX))),
            ..audience
        }
    }

    /// What was heard so far.
    pub fn standing(&self, at: VirtualTime) -> Standing<'_> {
        Standing {
            at,
            accepted: self.accepted,
            violations: self.oracle.violations(),
            kept: self.oracle.kept(),
            pace: self.pace.as_ref(),
        }
    }

    /// Learns when a load begins, by the machine's wall clock.
    #[cfg(feature = "sockets")]
    pub fn begins(&mut self, at: crate::types::WallTime) {
        if let Some(pace) = &mut self.pace {
            pace.begins(at);
        }
    }

    /// Asks everybody what they have.
    pub fn finish(self, ended: Ended) -> Heard {
        let judgement = self.oracle.finish(ended.at);
        let (digest, trace_error) = self.record.finish();
        Heard {
            scene: self.scene.finish(&judgement.violations),
            judgement,
            metrics: self.metrics,
            pace: self.pace,
            digest,
            listening: self.listening,
            trace_error,
            ended,
        }
    }
}

fn look(now_ns: Stopwatch) -> u64 {
    let looks = (0..16).map(|_| {
        let before_ns = now_ns();
        now_ns().saturating_sub(before_ns)
    });
    looks.min().unwrap_or_default()
}

impl Listener for Audience {
    fn hear(&mut self, event: &Event) {
        self.accepted += u64::from(matches!(event.kind, EventKind::Accepted { .. }));
        self.heard += 1;
        match self.stopwatch.filter(|_| self.heard.is_multiple_of(TIMED_EVERY)) {
            None => {
                self.judge(event);
                self.metrics.hear(event);
                self.record.hear(event);
            }
            Some(now_ns) => self.hear_timed(event, now_ns),
        }
        if let Some(pace) = &mut self.pace {
            pace.hear(event);
        }
        if let Some(log) = &mut self.log {
            log.hear(event);
        }
    }

    fn visit_begins(&mut self, agent: ActorId, visit: &Visit, at: VirtualTime) {
        self.metrics.visit_begins(agent, visit, at);
        if let Some(pace) = &mut self.pace {
            pace.visit_begins(agent, visit, at);
        }
    }
}

impl Audience {
    fn judge(&mut self, event: &Event) {
        self.oracle.hear(event);
        self.scene.hear(event, self.oracle.kept());
    }

    /// Hears an event, and takes its cost for that of all that were not timed since the last.
    fn hear_timed(&mut self, event: &Event, now_ns: Stopwatch) {
        let mut since_ns = now_ns();
        let look_ns = self.look_ns;
        let mut lap = |total_ns: &mut u64| {
            let at_ns = now_ns();
            *total_ns += at_ns.saturating_sub(since_ns).saturating_sub(look_ns) * TIMED_EVERY;
            since_ns = at_ns;
        };
        self.judge(event);
        lap(&mut self.listening.oracle_ns);
        self.metrics.hear(event);
        lap(&mut self.listening.metrics_ns);
        self.record.hear(event);
        lap(&mut self.listening.trace_ns);
    }
}

impl fmt::Debug for Audience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Audience").field("accepted", &self.accepted).finish_non_exhaustive()
    }
}
