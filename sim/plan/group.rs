//! Whom a fault strikes.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use super::Plan;
use crate::types::ActorId;

/// Some of the actors of a plan, as people name them: `smp`, `site-2`, `agent-17`, `branch-1`, `agents`, `sites`,
/// `servers`, `everyone`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Group {
    /// One actor.
    Actor(ActorId),
    /// All agents of a branch, counted from 1.
    Branch(u32),
    /// All agents.
    Agents,
    /// All site servers.
    Sites,
    /// The SMP and all site servers.
    Servers,
    /// Everybody, attackers included.
    Everyone,
}

impl Group {
    /// Whether an actor of `plan` belongs to it.
    pub fn contains(self, actor: ActorId, plan: &Plan) -> bool {
        match (self, actor) {
            (Self::Actor(named), actor) => named == actor,
            (Self::Branch(branch), ActorId::Agent(number)) => {
                plan.agent(number).is_some_and(|agent| agent.branch == branch)
            }
            (Self::Agents, ActorId::Agent(_))
            | (Self::Sites, ActorId::Site(_))
            | (Self::Servers, ActorId::Smp | ActorId::Site(_))
            | (Self::Everyone, _) => true,
            _ => false,
        }
    }
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Actor(actor) => actor.fmt(f),
            Self::Branch(number) => write!(f, "branch-{number}"),
            Self::Agents => f.write_str("agents"),
            Self::Sites => f.write_str("sites"),
            Self::Servers => f.write_str("servers"),
            Self::Everyone => f.write_str("everyone"),
        }
    }
}

impl FromStr for Group {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let branch = text.strip_prefix("branch-").and_then(|number| number.parse().ok());
        match text {
            "agents" => Ok(Self::Agents),
            "sites" => Ok(Self::Sites),
            "servers" => Ok(Self::Servers),
            "everyone" => Ok(Self::Everyone),
            _ => branch.map(Self::Branch).or_else(|| text.parse().ok().map(Self::Actor)).ok_or_else(|| {
                format!(
                    "`{text}` names nobody: expected `smp`, `site-N`, `agent-N`, `attacker-N`, `branch-N`, `agents`, \
                     `sites`, `servers` or `everyone`; in a portal `front-end`, `automation-server`, \
                     `administration-server`, `portlet-server` or `browser-N`"
                )
            }),
        }
    }
}

impl Serialize for Group {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Group {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_group_is_read_as_it_is_written() {
        for text in ["smp", "site-2", "agent-17", "attacker-1", "branch-3", "agents", "sites", "servers", "everyone"] {
            assert_eq!(text.parse::<Group>().unwrap().to_string(), text);
        }
        assert!("branches".parse::<Group>().unwrap_err().contains("names nobody"));
    }
}
