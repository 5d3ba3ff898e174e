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
    /// The front end of a portal, which users see.
    FrontEnd,
    /// The server that runs a portal's jobs.
    AutomationServer,
    /// A portal's administration server.
    AdministrationServer,
    /// A server that draws portlets.
    PortletServer,
    /// A user's browser.
    Browser(u32),
    /// An HTTP proxy between agents and servers.
    Proxy(u32),
}

/// The actors of which there is one, with their names.
const ALONE: [(&str, ActorId); 5] = [
    ("smp", ActorId::Smp),
    ("front-end", ActorId::FrontEnd),
    ("automation-server", ActorId::AutomationServer),
    ("administration-server", ActorId::AdministrationServer),
    ("portlet-server", ActorId::PortletServer),
];

impl ActorId {
    /// The servers of a portal, those that only call others among them.
    pub const PORTAL: [Self; 4] =
        [Self::FrontEnd, Self::AutomationServer, Self::AdministrationServer, Self::PortletServer];

    /// Whether it has a part in a portal.
    pub const fn is_of_portal(self) -> bool {
        !matches!(self, Self::Smp | Self::Site(_) | Self::Agent(_) | Self::Attacker(_) | Self::Proxy(_))
    }

    /// A number for its kind, and its number within that: 0 if there is only one.
    pub const fn kind_and_number(self) -> (u8, u32) {
        match self {
            Self::Smp => (0, 0),
            Self::Site(number) => (1, number),
            Self::Agent(number) => (2, number),
            Self::Attacker(number) => (3, number),
            Self::FrontEnd => (4, 0),
            Self::AutomationServer => (5, 0),
            Self::AdministrationServer => (6, 0),
            Self::PortletServer => (7, 0),
            Self::Browser(number) => (8, number),
            Self::Proxy(number) => (9, number),
        }
    }

    /// The actor that has these numbers.
    pub const fn of_kind_and_number(kind: u8, number: u32) -> Option<Self> {
        Some(match (kind, number) {
            (0, 0) => Self::Smp,
            (1, number) => Self::Site(number),
            (2, number) => Self::Agent(number),
            (3, number) => Self::Attacker(number),
            (4, 0) => Self::FrontEnd,
            (5, 0) => Self::AutomationServer,
            (6, 0) => Self::AdministrationServer,
            (7, 0) => Self::PortletServer,
            (8, number) => Self::Browser(number),
            (9, number) => Self::Proxy(number),
            _ => return None,
        })
    }
}

impl fmt::Display for ActorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Smp => f.write_str("smp"),
            Self::Site(number) => write!(f, "site-{number}"),
            Self::Agent(number) => write!(f, "agent-{number}"),
            Self::Attacker(number) => write!(f, "attacker-{number}"),
            Self::FrontEnd => f.write_str("front-end"),
            Self::AutomationServer => f.write_str("automation-server"),
            Self::AdministrationServer => f.write_str("administration-server"),
            Self::PortletServer => f.write_str("portlet-server"),
            Self::Browser(number) => write!(f, "browser-{number}"),
            Self::Proxy(number) => write!(f, "proxy-{number}"),
        }
    }
}

// Text where people read, two numbers where only the digest does.
impl Serialize for ActorId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return serializer.collect_str(self);
        }
        self.kind_and_number().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for ActorId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
            return text.parse().map_err(serde::de::Error::custom);
        }
        let (kind, number) = <(u8, u32)>::deserialize(deserializer)?;
        Self::of_kind_and_number(kind, number)
            .ok_or_else(|| serde::de::Error::custom(format!("unknown kind of actor {kind}")))
    }
}

impl FromStr for ActorId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unknown = || {
            format!(
                "`{text}` names no actor: expected `smp`, `site-N`, `agent-N`, `attacker-N` or `proxy-N`; in a portal `front-end`, \
                 `automation-server`, `administration-server`, `portlet-server` or `browser-N`"
            )
        };
        if let Some((_, actor)) = ALONE.iter().find(|(name, _)| *name == text) {
            return Ok(*actor);
        }
        let (kind, number) = text.split_once('-').ok_or_else(unknown)?;
        let number = number.parse().map_err(|_| unknown())?;
        match kind {
            "site" => Ok(Self::Site(number)),
            "agent" => Ok(Self::Agent(number)),
            "attacker" => Ok(Self::Attacker(number)),
            "browser" => Ok(Self::Browser(number)),
            "proxy" => Ok(Self::Proxy(number)),
            _ => Err(unknown()),
        }
    }
}
