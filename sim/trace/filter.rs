//! Which events are shown while a run goes on.

use std::{fmt, str::FromStr};

use serde::{
    Deserialize as _,
    de::{self, IntoDeserializer as _, value::StrDeserializer},
};
use thiserror::Error;

use super::{Parties, line::LineIn, shown};
use crate::{
    event::{Event, EventKind},
    plan::Invariant,
    types::ActorId,
};

/// A choice of events, as in `agent-7,accepted`: actors, kinds of event, and invariants, which stand for the kinds from
/// which they are judged.
///
/// An event is chosen if it is of one of the kinds (or none is named) and concerns one of the actors (or none is named):
/// as its own, by its name, or on a connection of its.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Filter {
    actors: Vec<ActorId>,
    kinds: Vec<String>,
}

/// Why a text is not a [`Filter`].
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("`{word}` is no actor, kind of event or invariant; expected words such as agent-7, site-1, S4{}", nearest(.word))]
pub struct FilterError {
    /// The word that is not understood.
    pub word: String,
}

impl FromStr for Filter {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut filter = Self::default();
        for word in text.split(',').map(str::trim) {
            let invariant = Invariant::ALL.into_iter().find(|invariant| invariant.to_string() == word);
            if let Ok(actor) = word.parse() {
                filter.actors.push(actor);
            } else if kinds().contains(&word) {
                filter.kinds.push(word.to_owned());
            } else if let Some(invariant) = invariant {
                filter.kinds.extend(judged_from(invariant).iter().map(|kind| (*kind).to_owned()));
            } else {
                return Err(FilterError { word: word.to_owned() });
            }
        }
        Ok(filter)
    }
}

impl Filter {
    /// Whether an event is chosen; `parties` knows the connections up to it.
    pub(super) fn matches(&self, line: &LineIn, event: &Event, parties: &Parties) -> bool {
        let is_kind = self.kinds.is_empty() || self.kinds.iter().any(|kind| kind == shown::named(&line.kind).0);
        is_kind && (self.actors.is_empty() || self.actors.iter().any(|actor| concerns(*actor, line, event, parties)))
    }
}

fn concerns(actor: ActorId, line: &LineIn, event: &Event, parties: &Parties) -> bool {
    let is_at_an_end = |parties: &Parties| {
        let ends = event.kind.connection().and_then(|connection| parties.of(connection));
        ends.is_some_and(|ends| ends.opener == actor || ends.server == actor)
    };
    let name = actor.to_string();
    event.actor == actor || is_at_an_end(parties) || shown::facts(line).iter().any(|(_, value)| *value == name)
}

/// The kinds of event from which an invariant is judged.
const fn judged_from(invariant: Invariant) -> &'static [&'static str] {
    match invariant {
        Invariant::S1 => &["accepted", "started"],
        Invariant::S2 => &["issued", "countersigned", "accepted"],
        Invariant::S3 => &["accepted"],
        Invariant::S4 => &["accepted", "served", "revoked"],
        Invariant::S5 => &["registry_recorded", "issued", "countersigned"],
        Invariant::S6 => &["registry_recorded", "registry_removed", "registry_purged", "accepted"],
        Invariant::S7 => &["revoked", "reinstated", "accepted"],
        Invariant::S8 => {
            &["upstream_started", "upstream_ended", "validation_ended", "registry_removed", "cache_removed"]
        }
        Invariant::S9 => &["challenged", "cache_stored"],
        Invariant::S10 => &["credentials_sent", "authentication_offered", "refused", "token_declined"],
        Invariant::S13 => &["connection_opened", "request_sent", "accepted", "served"],
        Invariant::L1 | Invariant::L2 => &["exchange_started", "exchange_ended"],
        Invariant::L3 => &["response_received", "refused", "challenged"],
        Invariant::L4 => &["slot_awaited", "upstream_started", "upstream_ended"],
        Invariant::L5 => &["cache_stored", "cache_hit", "cache_removed", "validation_started", "validation_ended"],
        Invariant::L6 => &["started", "stopped", "exchange_ended"],
    }
}

/// The names of all kinds of event, as the trace has them.
fn kinds() -> &'static [&'static str] {
    let nameless: StrDeserializer<'_, Names> = "".into_deserializer();
    EventKind::deserialize(nameless).err().map_or(&[], |Names(names)| names)
}

/// The error of whoever looks for an event without a name: it learns which names there are.
#[derive(Debug, Error)]
#[error("no kind of event has this name")]
struct Names(&'static [&'static str]);

impl de::Error for Names {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self(&[])
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        Self(expected)
    }
}

fn nearest(word: &str) -> String {
    let best = kinds().iter().min_by_key(|kind| strsim::damerau_levenshtein(word, kind));
    best.map_or_else(String::new, |kind| format!(" or {kind}"))
}
