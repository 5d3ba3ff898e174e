//! What the plan's faults make of the network: for any two actors and any instant, without a state of its own but for
//! narrow lines.
//!
//! All of it acts where an actor opens a connection, and where it reads from one. Nothing is ever told to the
//! simulated network below, which repairs what it has cut and tells peers what they could not know.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use rand_core::Rng;

use crate::{
    actor::Disturbance,
    plan::{Fault, FaultKind, Group, Plan},
    types::{ActorId, VirtualTime, locked},
};

/// The network of a plan.
#[derive(Clone, Debug, Default)]
pub struct Network {
    /// None if nothing goes wrong in it.
    troubled: Option<Arc<Troubled>>,
}

#[derive(Debug)]
struct Troubled {
    plan: Plan,
    lines: Vec<[Arc<Line>; 2]>,
}

impl Network {
    /// The network of `plan`.
    pub fn new(plan: &Plan) -> Self {
        let troubled = (!plan.faults.is_empty()).then(|| {
            let lines = plan.faults.iter().map(|_| [Arc::default(), Arc::default()]).collect();
            Arc::new(Troubled { plan: plan.clone(), lines })
        });
        Self { troubled }
    }

    /// Whether nothing ever goes wrong in it.
    pub fn is_untroubled(&self) -> bool {
        self.troubled.is_none()
    }

    /// The way from one actor to another; none if no fault ever concerns it.
    pub fn way(&self, from: ActorId, to: ActorId) -> Option<Way> {
        let Troubled { plan, lines } = &**self.troubled.as_ref()?;
        let has = |group: Group, actor| group.contains(actor, plan);
        let mut way = Way::default();
        for (fault, lines) in plan.faults.iter().zip(lines) {
            let span = Span::of(fault);
            // Which of the two directions this way is, where a fault names two sides.
            let direction = |one: &Group, other: &Group| {
                let forth = has(*one, from) && has(*other, to);
                let back = has(*other, from) && has(*one, to);
                if forth { Some(0) } else { back.then_some(1) }
            };
            match &fault.kind {
                FaultKind::Partition { from: one, to: other, one_way } => {
                    way.cuts
                        .extend(direction(one, other).filter(|direction| *direction == 0 || !one_way).map(|_| span));
                }
                FaultKind::PowerLoss { who } if has(*who, from) || has(*who, to) => way.cuts.push(span),
                FaultKind::BlackHole { server } if *server == to => way.swallowed.push(span),
                FaultKind::Delay { from: one, to: other, added_ms_min, added_ms_max } => {
                    let added_ms = (*added_ms_min, *added_ms_max);
                    way.delays.extend(direction(one, other).map(|_| (span, added_ms)));
                }
                FaultKind::Loss { from: one, to: other, lost_ppm } => {
                    way.losses.extend(direction(one, other).map(|_| (span, *lost_ppm)));
                }
                FaultKind::SlowLink { from: one, to: other, bytes_per_s } => {
                    let line = direction(one, other).map(|direction| Arc::clone(&lines[direction]));
                    way.lines.extend(line.map(|line| (span, *bytes_per_s, line)));
                }
                _ => {}
            }
        }
        (!way.is_untroubled()).then_some(way)
    }

    /// What happens to a request of a client on its way.
    pub fn disturbance(&self, client: ActorId, now: VirtualTime, rng: &mut dyn Rng) -> Disturbance {
        let mut disturbance = Disturbance::default();
        let Some(troubled) = &self.troubled else { return disturbance };
        for fault in troubled.plan.faults.iter().filter(|fault| fault.lasts_at(now)) {
            match fault.kind {
                FaultKind::Duplicate { clients, share_ppm } if clients.contains(client, &troubled.plan) => {
                    disturbance.is_duplicated |= happens(share_ppm, rng);
                }
                FaultKind::Reorder { clients, share_ppm, held_ms_max }
                    if clients.contains(client, &troubled.plan) && happens(share_ppm, rng) =>
                {
                    disturbance.held += Duration::from_millis(between(0, held_ms_max, rng));
                }
                _ => {}
            }
        }
        disturbance
    }

    /// How many times as long work takes on a server.
    pub fn slowdown(&self, server: ActorId, now: VirtualTime) -> u32 {
        let Some(troubled) = &self.troubled else { return 1 };
        let slowdowns = troubled.plan.faults.iter().filter(|fault| fault.lasts_at(now)).map(|fault| match fault.kind {
            FaultKind::Overload { server: overloaded, slowdown } if overloaded == server => slowdown,
            _ => 1,
        });
        slowdowns.fold(1, u32::saturating_mul)
    }
}

/// From when to when.
#[derive(Clone, Copy, Debug)]
struct Span {
    from: VirtualTime,
    until: VirtualTime,
}

impl Span {
    fn of(fault: &Fault) -> Self {
        Self { from: fault.at(), until: fault.until() }
    }

    fn contains(self, now: VirtualTime) -> bool {
        self.from <= now && now < self.until
    }

    /// Whether any of it lies between two instants.
    fn meets(self, since: VirtualTime, now: VirtualTime) -> bool {
        self.from <= now && since < self.until
    }
}

/// The way from one actor to another, with everything that ever goes wrong on it.
#[derive(Clone, Debug, Default)]
pub struct Way {
    cuts: Vec<Span>,
    /// When what is sent does not arrive, though connections can be opened.
    swallowed: Vec<Span>,
    delays: Vec<(Span, (u64, u64))>,
    losses: Vec<(Span, u32)>,
    lines: Vec<(Span, u64, Arc<Line>)>,
}

/// One direction of a narrow line: when it has carried what it was given so far.
#[derive(Debug, Default)]
pub struct Line {
    busy_until: Mutex<VirtualTime>,
}

impl Line {
    fn carry(&self, now: VirtualTime, bytes: usize, bytes_per_s: u64) -> VirtualTime {
        let mut busy_until = locked(&self.busy_until);
        let nanos = (bytes as u64).saturating_mul(1_000_000_000) / bytes_per_s.max(1);
        *busy_until = now.max(*busy_until).after(Duration::from_nanos(nanos));
        *busy_until
    }
}

/// How long TCP waits before it sends a lost segment again; it doubles each time (RFC 6298 section 2, with the minimum
/// that Linux has).
const RETRANSMISSION: Duration = Duration::from_millis(200);
/// After so many losses in a row no user waits any longer.
const RETRANSMISSIONS_MAX: u32 = 12;

impl Way {
    fn is_untroubled(&self) -> bool {
        self.cuts.is_empty()
            && self.swallowed.is_empty()
            && self.delays.is_empty()
            && self.losses.is_empty()
            && self.lines.is_empty()
    }

    /// Whether a connection can be opened over it now.
    pub fn is_open(&self, now: VirtualTime) -> bool {
        !self.cuts.iter().any(|span| span.contains(now))
    }

    /// Whether a connection that was opened at `since` has fallen silent: whatever was cut stays cut.
    pub fn is_silent(&self, since: VirtualTime, now: VirtualTime) -> bool {
        self.cuts.iter().chain(&self.swallowed).any(|span| span.meets(since, now))
    }

    /// How much longer than usual `bytes` that would arrive now are under way.
    pub fn extra(&self, now: VirtualTime, bytes: usize, rng: &mut dyn Rng) -> Duration {
        let mut extra = self.added(now, rng);
        for (_, lost_ppm) in self.losses.iter().filter(|(span, _)| span.contains(now)) {
            extra += retransmissions(*lost_ppm, rng);
        }
        for (_, bytes_per_s, line) in self.lines.iter().filter(|(span, ..)| span.contains(now)) {
            extra += line.carry(now, bytes, *bytes_per_s).since(now);
        }
        extra
    }

    /// How much longer than usual a packet without bytes is under way.
    pub fn added(&self, now: VirtualTime, rng: &mut dyn Rng) -> Duration {
        let delays = self.delays.iter().filter(|(span, _)| span.contains(now));
        delays.map(|(_, (min, max))| Duration::from_millis(between(*min, *max, rng))).sum()
    }

    /// Whether a single packet is lost now.
    pub fn loses(&self, now: VirtualTime, rng: &mut dyn Rng) -> bool {
        let losses = self.losses.iter().filter(|(span, _)| span.contains(now));
        // All of them draw, so that what one does changes nothing for the others.
        losses.fold(false, |is_lost, (_, lost_ppm)| is_lost | happens(*lost_ppm, rng))
    }
}

fn retransmissions(lost_ppm: u32, rng: &mut dyn Rng) -> Duration {
    let mut waited = Duration::ZERO;
    for doublings in 0..RETRANSMISSIONS_MAX {
        if !happens(lost_ppm, rng) {
            break;
        }
        waited += RETRANSMISSION * (1 << doublings);
    }
    waited
}

fn happens(share_ppm: u32, rng: &mut dyn Rng) -> bool {
    rng.next_u64() % 1_000_000 < u64::from(share_ppm)
}

fn between(min: u64, max: u64, rng: &mut dyn Rng) -> u64 {
    min + rng.next_u64() % (max.saturating_sub(min) + 1)
}
