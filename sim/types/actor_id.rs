//! Who acts in a run.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// One actor of a run, as people name it: `smp`, `site-2`, `agent-17`, `attacker-1`.
///
/// The number is the position in the plan, counted from 1. The protocol knows nodes by
/// [`NodeId`](crate::types::NodeId); this name is for events and reports.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum ActorId {
    /// The issuer.
    Smp,
    /// A site server.
    Site(u32),
    /// An agent.
    Agent(u32),
    /// An attacker.
    Attacker(u32),
}

impl fmt::Display for ActorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Smp => f.write_str("smp"),
            Self::Site(number) => write!(f, "site-{number}"),
            Self::Agent(number) => write!(f, "agent-{number}"),
            Self::Attacker(number) => write!(f, "attacker-{number}"),
        }
    }
}

// Text where people read, two numbers where only the digest does.
impl Serialize for ActorId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return serializer.collect_str(self);
        }
        match self {
            Self::Smp => (0u8, 0u32),
            Self::Site(number) => (1, *number),
            Self::Agent(number) => (2, *number),
            Self::Attacker(number) => (3, *number),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for ActorId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
            return text.parse().map_err(serde::de::Error::custom);
        }
        match <(u8, u32)>::deserialize(deserializer)? {
            (0, 0) => Ok(Self::Smp),
            (1, number) => Ok(Self::Site(number)),
            (2, number) => Ok(Self::Agent(number)),
            (3, number) => Ok(Self::Attacker(number)),
            (kind, _) => Err(serde::de::Error::custom(format!("unknown kind of actor {kind}"))),
        }
    }
}

impl FromStr for ActorId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unknown = || format!("`{text}` names no actor: expected `smp`, `site-N`, `agent-N` or `attacker-N`");
        if text == "smp" {
            return Ok(Self::Smp);
        }
        let (kind, number) = text.split_once('-').ok_or_else(unknown)?;
        let number = number.parse().map_err(|_| unknown())?;
        match kind {
            "site" => Ok(Self::Site(number)),
            "agent" => Ok(Self::Agent(number)),
            "attacker" => Ok(Self::Attacker(number)),
            _ => Err(unknown()),
        }
    }
}
