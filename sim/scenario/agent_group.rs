//! Groups of agents in a scenario file.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, de};

use super::{ClockTable, Ranged, Rate};
use crate::{
    plan::{AgentProxy, Bootstrap, Codebase, ConnectionUse, Errand},
    types::{Profile, TimeSpan},
};

/// Agents that behave alike. Where a value is a range, each agent draws its own; `count` is drawn once.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AgentGroup {
    /// How many agents.
    pub count: Ranged<u64>,
    /// Whom they visit: `sites` deals them out evenly over all site servers, `site-2` or `smp` names one server.
    #[serde(default)]
    pub server: Destination,
    /// When they start: a time, or a window within which each agent draws its own. Default: with the run.
    pub start: Option<Ranged<TimeSpan>>,
    /// When they leave for good. Default: never.
    pub leave: Option<Ranged<TimeSpan>>,
    /// What they know at the start: `register` as after an installation, `installed` as after a reboot, `push_install`
    /// before either: they fetch the installer first, with a push-install token.
    #[serde(default = "default_bootstrap")]
    pub bootstrap: Bootstrap,
    /// How often they fetch policy, or `never`. Default `15m`.
    #[serde(default)]
    pub policy_interval: PolicyInterval,
    /// How many requests a visit makes on each connection, one after the other. Default 1.
    #[schemars(range(min = 1, max = 10_000))]
    pub requests: Option<Ranged<u32>>,
    /// How many of these, the first ones, are for what needs no authentication. Default 0.
    #[schemars(range(max = 10_000))]
    pub public_requests: Option<Ranged<u32>>,
    /// On how many connections at the same time a visit makes its requests. Default 1.
    #[schemars(range(min = 1, max = 1_000))]
    pub connections: Option<Ranged<u32>>,
    /// Whether each visit opens connections of its own (`new`) or uses open ones (`keep_alive`). Default `new`.
    pub connection_use: Option<ConnectionUse>,
    /// How the clock of each departs from true time. Default: not at all.
    #[serde(default)]
    pub clock: ClockTable,
    /// Which face of the protocol each shows at first. Default: that of the run.
    pub profile: Option<Profile>,
    /// Where what they fetch lies: at a path over `http`, or at a `unc` path, which takes ACC only. Default `http`.
    pub codebase: Option<Codebase>,
    /// How many clones each has: agents with the same identity and key, as of a machine that was copied. Default 0.
    #[schemars(range(max = 1000))]
    pub clones: Option<Ranged<u32>>,
    /// What they do in a visit: `requests` of an agent, downloads of a `package`, or one call of a program with an `asdk`
    /// token. Default `requests`.
    pub errand: Option<Errand>,
    /// The proxy between them and their server, such as `{ number = 1, passage = "tunnel" }`. Default: none.
    pub proxy: Option<AgentProxy>,
    /// From which other agent they download packages in their visits, counted from 1 over all groups. Default: none, they visit
    /// a server.
    #[schemars(range(min = 1))]
    pub peer: Option<u32>,
    /// Visits at intervals, each agent for itself. A group has either `visits` or `arrivals`.
    pub visits: Option<VisitsTable>,
    /// Visits at a rate of the whole group, whether or not earlier ones are done: an open model.
    pub arrivals: Option<ArrivalsTable>,
}

/// Visits at intervals, or at given times.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VisitsTable {
    /// The interval from visit to visit. The first is due when the agent starts.
    pub every: Option<Ranged<TimeSpan>>,
    /// How far a visit may fall before or after its time; less than half the interval. Default none.
    pub jitter: Option<TimeSpan>,
    /// The times of the visits, instead of `every`: in whole microseconds, ascending, from the start of the run on.
    pub at: Option<Vec<TimeSpan>>,
}

/// Visits at a rate. The agents of the group take turns.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ArrivalsTable {
    /// Whether arrivals come evenly or at random. Default `even`.
    #[serde(default)]
    pub spacing: Spacing,
    /// What happens one after the other, from the start of the group on. A spike is a short phase.
    #[schemars(length(min = 1))]
    pub phases: Vec<Phase>,
}

/// How arrivals follow each other.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Spacing {
    /// As evenly as the rate allows.
    #[default]
    Even,
    /// As a Poisson process of that rate, drawn from the seed.
    Poisson,
}

/// A stretch of time with one rate, or with one that rises or falls evenly.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Phase {
    /// The rate of the whole group, or where it starts and ends: `"5/s"`, `{ from = "1/s", to = "50/s" }`.
    pub rate: PhaseRate,
    /// How long the phase lasts.
    #[serde(rename = "for")]
    pub length: TimeSpan,
}

/// A rate at the start and at the end of a phase.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PhaseRate {
    /// At the start.
    pub from: Rate,
    /// At the end.
    pub to: Rate,
}

/// Whom agents visit.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Destination {
    /// All site servers, each an equal share of the agents.
    #[default]
    Sites,
    /// One site server, counted from 1.
    Site(u32),
    /// The issuer.
    Smp,
}

/// How often an agent fetches policy.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PolicyInterval {
    /// Never.
    Never,
    /// At this interval.
    Every(TimeSpan),
}

impl Default for PolicyInterval {
    fn default() -> Self {
        Self::Every(TimeSpan::from_millis(900_000))
    }
}

const fn default_bootstrap() -> Bootstrap {
    Bootstrap::Register
}

impl FromStr for Destination {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "sites" => return Ok(Self::Sites),
            "smp" => return Ok(Self::Smp),
            _ => {}
        }
        let number = text.strip_prefix("site-").filter(|number| !number.starts_with(['+', '0']));
        number
            .and_then(|number| number.parse().ok())
            .map(Self::Site)
            .ok_or_else(|| format!("found `{text}`, expected `sites`, `smp` or one site such as `site-2`"))
    }
}

impl<'de> Deserialize<'de> for Destination {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl de::Visitor<'_> for Visitor {
            type Value = Destination;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("\"sites\", \"smp\" or one site such as \"site-2\"")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Destination, E> {
                text.parse().map_err(E::custom)
            }
        }

        deserializer.deserialize_str(Visitor)
    }
}

impl<'de> Deserialize<'de> for PolicyInterval {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl de::Visitor<'_> for Visitor {
            type Value = PolicyInterval;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "\"never\" or {}", TimeSpan::EXPECTED)
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<PolicyInterval, E> {
                if text == "never" {
                    return Ok(PolicyInterval::Never);
                }
                text.parse().map(PolicyInterval::Every).map_err(E::custom)
            }
        }

        deserializer.deserialize_str(Visitor)
    }
}

impl<'de> Deserialize<'de> for PhaseRate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Ramp {
            from: Rate,
            to: Rate,
        }

        struct Visitor;

        impl<'de> de::Visitor<'de> for Visitor {
            type Value = PhaseRate;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a rate such as \"5/s\", or `{ from = \"1/s\", to = \"50/s\" }`")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<PhaseRate, E> {
                let rate = text.parse().map_err(E::custom)?;
                Ok(PhaseRate { from: rate, to: rate })
            }

            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<PhaseRate, A::Error> {
                let Ramp { from, to } = Ramp::deserialize(de::value::MapAccessDeserializer::new(map))?;
                Ok(PhaseRate { from, to })
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}
