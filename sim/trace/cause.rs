//! Which earlier event made an event happen, as far as events alone tell.

use std::time::Duration;

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use super::{asking::Asking, parties::Parties};
use crate::{
    event::{Carried, Close, Event, EventKind, Removal, UpstreamPurpose},
    types::{ActorId, ConnectionId, VirtualTime},
};

/// Finds the cause of each event among those before it.
///
/// It names no cause where two could be meant, and forgets connections that were closed, actors that stopped and
/// whatever came to its end.
#[derive(Clone, Debug, Default)]
pub struct Causes {
    heard: u64,
    parties: Parties,
    asking: Asking,
    connections: HashMap<ConnectionId, Course, FixedState>,
    actors: HashMap<ActorId, Doing, FixedState>,
}

/// How far a connection is.
#[derive(Clone, Copy, Debug, Default)]
struct Course {
    opened: u64,
    ordinal: u32,
    /// The latest request, and what the server has said to it so far.
    sent: Option<u64>,
    decided: Option<u64>,
    answered: Option<(u64, u16)>,
    /// The latest response.
    received: Option<(u64, u16)>,
}

/// What an actor is doing.
#[derive(Clone, Debug, Default)]
struct Doing {
    /// Its latest event.
    latest: Option<Latest>,
    exchanges: Vec<Started<ActorId>>,
    slots: Vec<Started<()>>,
    upstreams: Vec<Started<UpstreamPurpose>>,
    validation: Option<u64>,
    /// Its latest answer from the issuer.
    fetched: Option<Latest>,
}

#[derive(Clone, Copy, Debug)]
struct Latest {
    number: u64,
    at: VirtualTime,
    step: Step,
}

/// What the next step of the same actor may follow from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    Received,
    Countersigned,
    Other,
}

#[derive(Clone, Copy, Debug)]
struct Started<T> {
    number: u64,
    at: VirtualTime,
    what: T,
}

impl Causes {
    /// Learns of the next event; gives the number of the one that caused it. Events are counted from 1.
    pub fn hear(&mut self, event: &Event) -> Option<u64> {
        self.heard += 1;
        for connection in self.parties.hear(event) {
            self.connections.remove(&connection);
            self.asking.forget(connection);
        }
        let cause = self.cause(event);
        let ends = event.kind.connection().and_then(|connection| self.parties.of(connection));
        self.asking.hear(self.heard, event, ends);
        self.note(event);
        cause
    }

    fn cause(&mut self, event: &Event) -> Option<u64> {
        let Event { at, actor, kind } = event;
        match kind {
            EventKind::CacheHit { agent, .. } | EventKind::CacheMissed { agent, .. } => {
                return self.asking.by(*agent, *actor);
            }
            EventKind::Issued { agent, site: None, .. } => return self.asking.by(*agent, *actor),
            EventKind::Issued { agent, uid, site: Some(site), .. } => {
                return self.asking.by(*site, *actor).or_else(|| self.asking.missed(*site, *agent, *uid));
            }
            _ => {}
        }
        let course = kind.connection().and_then(|connection| self.connections.get(&connection)).copied();
        let doing = self.actors.entry(*actor).or_default();
        let course = course.unwrap_or_default();
        // A request that is not the latest of its connection any more.
        let is_stale = kind.request().is_some_and(|request| request.ordinal < course.ordinal);
        match kind {
            EventKind::ConnectionOpened { server, .. } | EventKind::ConnectFailed { server, .. } => {
                only(doing.exchanges.iter().filter(|exchange| exchange.what == *server))
            }
            EventKind::ConnectionClosed { why: Close::TimedOut | Close::Broken, .. } => course.sent,
            EventKind::Countersigned { .. } => {
                doing.just_now(*at, Step::Received).or_else(|| only(doing.exchanges.iter()))
            }
            EventKind::RequestSent { carries, .. } => match carries {
                Carried::StoredToken | Carried::NewToken if doing.just_now(*at, Step::Countersigned).is_some() => {
                    doing.just_now(*at, Step::Countersigned)
                }
                // A challenge asks for another request; any other response leaves nothing to do.
                _ => course.received.filter(|(_, status)| *status == 401).map(|(number, _)| number).or_else(|| {
                    let server = self.parties.of(kind.connection()?)?.server;
                    let exchange = only(doing.exchanges.iter().filter(|exchange| exchange.what == server));
                    exchange.max((course.ordinal == 0).then_some(course.opened)).filter(|number| *number > 0)
                }),
            },
            EventKind::RegistryRecorded { .. } | EventKind::Accepted { .. } | EventKind::Refused { .. }
                if !is_stale =>
            {
                course.sent
            }
            EventKind::Served { .. } | EventKind::Challenged { .. } | EventKind::Unavailable { .. } if !is_stale => {
                course.decided.or(course.sent)
            }
            EventKind::ResponseReceived { status, .. } if !is_stale => {
                // Another status is not what the server said: somebody was in between.
                course.answered.filter(|(_, said)| said == status).map(|(number, _)| number).or(course.sent)
            }
            EventKind::Intercepted { .. } | EventKind::Overheard { .. } => {
                course.answered.map(|(number, _)| number).or(course.sent)
            }
            EventKind::ExchangeEnded { server, took_ns, .. } => take(&mut doing.exchanges, server, *at, *took_ns),
            EventKind::UpstreamStarted { purpose, slot_waited_ns, .. } => {
                let slot = take(&mut doing.slots, &(), *at, *slot_waited_ns);
                if *purpose == UpstreamPurpose::Validation { doing.validation } else { slot }
            }
            EventKind::UpstreamEnded { purpose, took_ns, .. } => take(&mut doing.upstreams, purpose, *at, *took_ns),
            EventKind::ValidationEnded { .. } => doing.validation.take(),
            EventKind::CacheRemoved { why: Removal::ExpiredSweep, .. } => doing.validation,
            EventKind::CacheStored { .. } => doing.fetched.filter(|fetched| fetched.at == *at).map(|it| it.number),
            EventKind::TokenStored { .. }
            | EventKind::TokenDeclined { .. }
            | EventKind::StoredTokenRemoved { why: Removal::Forbidden | Removal::Replaced, .. }
            | EventKind::Attempted { status: Some(_), .. } => doing.just_now(*at, Step::Received),
            _ => None,
        }
    }

    fn note(&mut self, event: &Event) {
        let Event { at, actor, kind } = event;
        let (number, at) = (self.heard, *at);
        let doing = self.actors.entry(*actor).or_default();
        let step = match kind {
            EventKind::ResponseReceived { .. } => Step::Received,
            EventKind::Countersigned { .. } => Step::Countersigned,
            _ => Step::Other,
        };
        doing.latest = Some(Latest { number, at, step });
        match kind {
            EventKind::ExchangeStarted { server, .. } => doing.exchanges.push(Started { number, at, what: *server }),
            EventKind::SlotAwaited { .. } => doing.slots.push(Started { number, at, what: () }),
            EventKind::UpstreamStarted { purpose, .. } => doing.upstreams.push(Started { number, at, what: *purpose }),
            EventKind::UpstreamEnded { .. } => doing.fetched = Some(Latest { number, at, step }),
            EventKind::ValidationStarted { .. } => doing.validation = Some(number),
            EventKind::Stopped { .. } => drop(self.actors.remove(actor)),
            EventKind::ConnectionOpened { connection, .. } => {
                self.connections.insert(*connection, Course { opened: number, ..Course::default() });
            }
            _ => {}
        }
        let Some(request) = kind.request() else { return };
        // A connection that was never opened, or was forgotten, is not taken up again.
        let Some(course) = self.connections.get_mut(&request.connection) else { return };
        match kind {
            EventKind::RequestSent { .. } => {
                let Course { opened, received, .. } = *course;
                let ordinal = request.ordinal;
                *course = Course { opened, ordinal, sent: Some(number), received, ..Course::default() };
            }
            _ if request.ordinal < course.ordinal => {}
            EventKind::Accepted { .. } | EventKind::Refused { .. } => course.decided = Some(number),
            EventKind::Served { .. } => course.answered = Some((number, 200)),
            EventKind::Challenged { .. } => course.answered = Some((number, 401)),
            EventKind::Unavailable { status, .. } => course.answered = Some((number, *status)),
            EventKind::ResponseReceived { status, .. } => {
                course.received = Some((number, *status));
            }
            _ => {}
        }
        if matches!(kind, EventKind::Refused { .. }) {
            // It is the answer itself if nothing follows it.
            course.answered = Some((number, 403));
        }
    }
}

impl Doing {
    /// The actor's latest event, if it was that step and no time has passed since: nothing was waited for in between.
    fn just_now(&self, at: VirtualTime, step: Step) -> Option<u64> {
        self.latest.filter(|latest| latest.at == at && latest.step == step).map(|latest| latest.number)
    }
}

/// The only one, if there is exactly one.
fn only<'a, T: 'a>(mut of: impl Iterator<Item = &'a Started<T>>) -> Option<u64> {
    let first = of.next()?;
    of.next().is_none().then_some(first.number)
}

/// Takes away what started so long ago, and names it if nothing else started like that.
fn take<T: PartialEq>(from: &mut Vec<Started<T>>, what: &T, at: VirtualTime, took_ns: u64) -> Option<u64> {
    let is_it = |started: &Started<T>| started.what == *what && at.since(started.at) == Duration::from_nanos(took_ns);
    let number = only(from.iter().filter(|started| is_it(started)));
    if let Some(position) = from.iter().position(is_it) {
        from.remove(position);
    }
    number
}
