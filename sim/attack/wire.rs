//! Attackers on the way between two others: they see whole messages of plain connections, and decide what becomes of
//! each before it arrives.

use std::sync::{Arc, Mutex};

use super::{Direction, Framing, Piece};
use crate::{
    event::{Event, EventKind},
    types::{ActorId, ConnectionId, VirtualTime, locked},
};

/// Somebody on the way.
pub trait Interceptor: Send {
    /// Looks at a message on its way, and decides.
    fn message(&mut self, passing: &Passing<'_>) -> Fate;
}

/// A message on its way.
pub struct Passing<'a> {
    /// On which connection.
    pub connection: ConnectionId,
    /// Who opened the connection.
    pub client: ActorId,
    /// Whom it leads to.
    pub server: ActorId,
    /// Which way the message goes.
    pub direction: Direction,
    /// Its place among the messages of this direction that came to this interceptor, counted from 1.
    pub ordinal: u32,
    /// True time.
    pub now: VirtualTime,
    /// One whole HTTP/1.1 message.
    pub bytes: &'a [u8],
    /// Where the interceptor reports what it does.
    pub report: &'a dyn Fn(EventKind),
}

/// What becomes of a message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fate {
    /// It goes on as it is.
    Pass,
    /// This goes on in its place; it may be two messages.
    Replace(Vec<u8>),
    /// Nothing goes on.
    Drop,
}

/// Is told what interceptors do, at the time and in the name of the attacker.
pub type Witness = Arc<dyn Fn(&Event) + Send + Sync>;

/// Whose connections one attacker intercepts, and when.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reach {
    /// Connections that this actor opened; everybody's if there is none.
    pub client: Option<ActorId>,
    /// Connections that lead to this server; to any if there is none.
    pub server: Option<ActorId>,
    /// From when.
    pub from: VirtualTime,
    /// Until when.
    pub until: VirtualTime,
}

impl Reach {
    fn covers(&self, client: ActorId, server: ActorId) -> bool {
        self.client.is_none_or(|only| only == client) && self.server.is_none_or(|only| only == server)
    }
}

struct Tap {
    attacker: ActorId,
    reaches: Vec<Reach>,
    interceptor: Mutex<Box<dyn Interceptor>>,
}

/// All interceptors of a run.
pub struct Wiretaps {
    taps: Vec<Arc<Tap>>,
    witness: Witness,
}

impl Wiretaps {
    /// Nobody listens yet.
    pub fn new(witness: Witness) -> Self {
        Self { taps: Vec::new(), witness }
    }

    /// Adds an attacker on the way, on all connections that one of its reaches covers. A message passes the attackers in the order in which they were added.
    pub fn add(&mut self, attacker: ActorId, reaches: Vec<Reach>, interceptor: Box<dyn Interceptor>) {
        self.taps.push(Arc::new(Tap { attacker, reaches, interceptor: Mutex::new(interceptor) }));
    }

    /// Whether nobody listens.
    pub fn is_empty(&self) -> bool {
        self.taps.is_empty()
    }

    /// What the bytes of one direction of a connection must pass on arrival; `None` if nobody is on the way. Nobody
    /// reads or changes what is protected by TLS.
    pub fn filter(
        &self,
        connection: ConnectionId,
        client: ActorId,
        server: ActorId,
        direction: Direction,
        is_secure: bool,
    ) -> Option<WireFilter> {
        if is_secure {
            return None;
        }
        let concerned = self.taps.iter().filter(|tap| tap.reaches.iter().any(|reach| reach.covers(client, server)));
        let stages: Vec<_> = concerned.map(|tap| Stage { tap: Arc::clone(tap), ordinal: 0 }).collect();
        (!stages.is_empty()).then(|| WireFilter {
            connection,
            client,
            server,
            direction,
            framing: Framing::new(direction),
            stages,
            witness: Arc::clone(&self.witness),
        })
    }
}

/// One direction of one connection on which somebody sits.
pub struct WireFilter {
    connection: ConnectionId,
    client: ActorId,
    server: ActorId,
    direction: Direction,
    framing: Framing,
    stages: Vec<Stage>,
    witness: Witness,
}

struct Stage {
    tap: Arc<Tap>,
    ordinal: u32,
}

impl WireFilter {
    /// Takes bytes that arrived at `now`; appends to `out` what the reader gets of them and of what arrived before. A
    /// message is held back until it is whole.
    pub fn pass(&mut self, now: VirtualTime, arrived: &[u8], out: &mut Vec<u8>) {
        self.framing.push(arrived);
        while let Some(piece) = self.framing.next_piece() {
            match piece {
                Piece::Opaque(bytes) => out.extend(bytes),
                Piece::Message(message) => self.message(now, message, out),
            }
        }
    }

    /// The stream has ended: what is held back goes on as it is.
    pub fn end(&mut self, out: &mut Vec<u8>) {
        out.extend(self.framing.rest());
    }

    fn message(&mut self, now: VirtualTime, message: Vec<u8>, out: &mut Vec<u8>) {
        let Self { connection, client, server, direction, .. } = *self;
        let mut messages = vec![message];
        for stage in &mut self.stages {
            let covers_now = |reach: &Reach| reach.covers(client, server) && reach.from <= now && now < reach.until;
            let is_active = stage.tap.reaches.iter().any(covers_now);
            let report = |kind| (self.witness)(&Event { at: now, actor: stage.tap.attacker, kind });
            let mut after = Vec::new();
            for bytes in messages {
                stage.ordinal += 1;
                let ordinal = stage.ordinal;
                let passing =
                    Passing { connection, client, server, direction, ordinal, now, bytes: &bytes, report: &report };
                let fate = if is_active { locked(&stage.tap.interceptor).message(&passing) } else { Fate::Pass };
                match fate {
                    Fate::Pass => after.push(bytes),
                    Fate::Replace(other) => split(direction, &other, &mut after),
                    Fate::Drop => {}
                }
            }
            messages = after;
        }
        messages.into_iter().for_each(|bytes| out.extend(bytes));
    }
}

/// Cuts what an interceptor wrote into messages, for the next one.
fn split(direction: Direction, bytes: &[u8], into: &mut Vec<Vec<u8>>) {
    let mut framing = Framing::new(direction);
    framing.push(bytes);
    while let Some(Piece::Message(message) | Piece::Opaque(message)) = framing.next_piece() {
        into.push(message);
    }
    let rest = framing.rest();
    if !rest.is_empty() {
        into.push(rest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMP: ActorId = ActorId::Smp;
    const AGENT: ActorId = ActorId::Agent(1);
    const GET: &[u8] = b"GET /Altiris/x HTTP/1.1\r\nhost: smp\r\n\r\n";

    /// Does with every message what it is told to.
    struct Does(Box<dyn FnMut(&Passing<'_>) -> Fate + Send>);

    impl Interceptor for Does {
        fn message(&mut self, passing: &Passing<'_>) -> Fate {
            (self.0)(passing)
        }
    }

    fn reach(from_ms: u64, until_ms: u64) -> Vec<Reach> {
        let (from, until) = (VirtualTime::from_millis(from_ms), VirtualTime::from_millis(until_ms));
        vec![Reach { client: Some(AGENT), server: Some(SMP), from, until }]
    }

    fn taps(does: Vec<(Vec<Reach>, Does)>) -> (Wiretaps, Arc<Mutex<Vec<Event>>>) {
        let told = Arc::new(Mutex::new(Vec::new()));
        let witness = Arc::clone(&told);
        let mut taps = Wiretaps::new(Arc::new(move |event| locked(&witness).push(event.clone())));
        for (number, (reaches, does)) in (1..).zip(does) {
            taps.add(ActorId::Attacker(number), reaches, Box::new(does));
        }
        (taps, told)
    }

    fn filter(taps: &Wiretaps) -> WireFilter {
        taps.filter(ConnectionId(7), AGENT, SMP, Direction::Request, false).unwrap()
    }

    fn through(filter: &mut WireFilter, at_ms: u64, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        filter.pass(VirtualTime::from_millis(at_ms), bytes, &mut out);
        out
    }

    #[test]
    fn nobody_sits_on_tls_or_on_the_connections_of_others() {
        let (taps, _) = taps(vec![(reach(0, 9), Does(Box::new(|_| Fate::Drop)))]);
        let filter = |client, server, is_secure| {
            taps.filter(ConnectionId(1), client, server, Direction::Request, is_secure).is_some()
        };
        assert!(filter(AGENT, SMP, false));
        assert!(!filter(AGENT, SMP, true));
        assert!(!filter(ActorId::Agent(2), SMP, false));
        assert!(!filter(AGENT, ActorId::Site(1), false));
    }

    #[test]
    fn an_interceptor_acts_within_its_time_only() {
        let (taps, _) = taps(vec![(reach(10, 20), Does(Box::new(|_| Fate::Drop)))]);
        let mut filter = filter(&taps);
        for (at_ms, passes) in [(9, true), (10, false), (19, false), (20, true)] {
            assert_eq!(through(&mut filter, at_ms, GET), if passes { GET } else { b"" }, "at {at_ms} ms");
        }
    }

    #[test]
    fn a_message_is_held_back_until_it_is_whole_and_then_passes_as_it_was() {
        let (taps, _) = taps(vec![(reach(0, 9), Does(Box::new(|_| Fate::Pass)))]);
        let mut filter = filter(&taps);
        let (first, second) = GET.split_at(20);
        assert_eq!(through(&mut filter, 1, first), b"");
        assert_eq!(through(&mut filter, 2, second), GET);
        assert_eq!(through(&mut filter, 3, first), b"");
        let mut rest = Vec::new();
        filter.end(&mut rest);
        assert_eq!(rest, first);
    }

    #[test]
    fn two_messages_in_the_place_of_one_are_two_for_the_next_interceptor() {
        let double = Does(Box::new(|passing| Fate::Replace(passing.bytes.repeat(2))));
        let drop_second = Does(Box::new(|passing| {
            let what = format!("saw {}", passing.ordinal);
            (passing.report)(EventKind::Intercepted { connection: passing.connection, what });
            if passing.ordinal % 2 == 0 { Fate::Drop } else { Fate::Pass }
        }));
        let (taps, told) = taps(vec![(reach(0, 9), double), (reach(0, 9), drop_second)]);
        let mut filter = filter(&taps);
        assert_eq!(through(&mut filter, 3, &GET.repeat(2)), GET.repeat(2));
        let told = locked(&told);
        assert_eq!(told.len(), 4);
        assert!(
            told.iter().all(|event| event.actor == ActorId::Attacker(2) && event.at == VirtualTime::from_millis(3))
        );
    }
}
