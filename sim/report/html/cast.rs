//! Whom a space-time diagram shows, and which events: those that have to do with the violation.

use std::collections::BTreeSet;

use super::event_words::other;
use crate::{
    event::{Event, EventKind},
    oracle::Scene,
    types::{ActorId, ConnectionId},
};

/// How many actors are shown.
const ACTORS_MAX: usize = 8;

/// How many events before the violation are shown.
const BEFORE_MAX: usize = 60;

/// How many events after the violation are shown.
const AFTER_MAX: usize = 30;

/// The part of a scene that has to do with its violation.
#[derive(Clone, Debug)]
pub(super) struct Cast<'a> {
    /// From left to right: who asks, who is in between, who answers.
    pub actors: Vec<ActorId>,
    pub events: Vec<&'a (u64, Event)>,
}

impl<'a> Cast<'a> {
    pub(super) fn of(scene: &'a Scene) -> Self {
        let violation = &scene.violation;
        let mut actors = vec![violation.actor];
        let mut connections: BTreeSet<ConnectionId> = BTreeSet::new();
        if let Some((_, event)) = scene.events.iter().find(|(number, _)| *number == violation.event_number) {
            join(&mut actors, event.actor);
            connections.extend(event.kind.connection());
            other(&event.kind).into_iter().for_each(|actor| join(&mut actors, actor));
        }
        // The oracle's sentence names who and what it is about, with events that may lie far back.
        for word in violation.what.split(|letter: char| !letter.is_alphanumeric() && letter != '-' && letter != '.') {
            word.parse().into_iter().for_each(|actor| join(&mut actors, actor));
            connections.extend(named_connection(word));
        }
        // Whoever shares those connections, and then what else these had to do with each other.
        for (_, event) in &scene.events {
            if event.kind.connection().is_some_and(|found| connections.contains(&found)) {
                join(&mut actors, event.actor);
                if let EventKind::ConnectionOpened { server, .. } = event.kind {
                    join(&mut actors, server);
                }
            }
        }
        for (_, event) in &scene.events {
            if let EventKind::ConnectionOpened { connection, server, .. } = event.kind
                && actors.contains(&event.actor)
                && actors.contains(&server)
            {
                connections.insert(connection);
            }
        }
        let events = scene.events.iter().filter(|(number, event)| {
            *number == violation.event_number || has_to_do_with(event, &actors, &connections, violation.actor)
        });
        let (before, after): (Vec<_>, Vec<_>) = events.partition(|(number, _)| *number <= violation.event_number);
        let before = before.iter().skip(before.len().saturating_sub(BEFORE_MAX + 1));
        let events: Vec<_> = before.chain(after.iter().take(AFTER_MAX)).copied().collect();
        actors.retain(|actor| {
            *actor == violation.actor
                || events.iter().any(|(_, event)| event.actor == *actor || other(&event.kind) == Some(*actor))
        });
        actors.sort_by_key(|actor| match actor {
            ActorId::Agent(number) => (0, *number),
            ActorId::Attacker(number) => (1, *number),
            ActorId::Site(number) => (2, *number),
            ActorId::Smp => (3, 0),
            ActorId::Browser(number) => (0, *number),
            other => (2, other.kind_and_number().0.into()),
        });
        Self { actors, events }
    }
}

/// Adds whom there is room for.
fn join(actors: &mut Vec<ActorId>, actor: ActorId) {
    if actors.len() < ACTORS_MAX && !actors.contains(&actor) {
        actors.push(actor);
    }
}

/// The connection of a word such as `c12` or, for a request on it, `c12.3`.
fn named_connection(word: &str) -> Option<ConnectionId> {
    let number = word.strip_prefix('c')?.split('.').next()?;
    number.parse().ok().map(ConnectionId)
}

fn has_to_do_with(event: &Event, actors: &[ActorId], connections: &BTreeSet<ConnectionId>, violator: ActorId) -> bool {
    let is_about = |kind: &EventKind| match (kind.connection(), other(kind)) {
        (Some(connection), _) => connections.contains(&connection),
        (None, Some(other)) => actors.contains(&other),
        // What an actor does by itself matters if it is the one that went wrong, or has no thousand others to serve.
        (None, None) => event.actor == violator || !matches!(event.actor, ActorId::Smp | ActorId::Site(_)),
    };
    // Work is there all the time and tells nothing.
    let is_noise = matches!(event.kind, EventKind::Worked { .. } | EventKind::RegistryMeasured { .. });
    !is_noise && actors.contains(&event.actor) && is_about(&event.kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_are_found_by_name() {
        let named = ["c12", "c12.3", "c", "counter", "12", "c-1"].map(named_connection);
        assert_eq!(named, [Some(ConnectionId(12)), Some(ConnectionId(12)), None, None, None, None]);
    }
}
