//! The form of a scenario file. The doc comments become the descriptions in its JSON Schema.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    AgentGroup, AttackerTable, ClockTable, CostTable, FaultTable, HardshipTable, MachineTable, ParameterTable,
    PortalTable, ProfileTable, Ranged,
};
use crate::{
    plan::{Expectation, Invariant, Milestone, ProxyPlan, Thresholds},
    types::{ActorId, AuthenticationKind, Bug, CryptoTier, Profile, Scheme, TimeSpan},
};

/// A countersign scenario: who takes part, for how long, and what must come of it.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "countersign scenario")]
pub struct Document {
    /// What the scenario shows, in one sentence.
    pub description: String,
    /// Which face of the protocol: `literal` does what the documents say, `hardened` closes their holes.
    pub profile: Profile,
    /// Which implementation of the signatures. All give the same result; `modelled` is for long runs.
    #[serde(default = "default_crypto")]
    pub crypto: CryptoTier,
    /// How long the run lasts, in virtual time; at most 400 days.
    pub duration: TimeSpan,
    /// The seed that settles everything the scenario leaves open.
    #[serde(default = "default_seed")]
    pub seed: u64,
    /// Whether the servers are reached over TLS (`https`) or not (`http`). Default `http`.
    pub scheme: Option<Scheme>,
    /// The network between clients and servers.
    #[serde(default)]
    pub network: NetworkTable,
    /// The issuer.
    #[serde(default)]
    pub smp: SmpTable,
    /// The site servers.
    #[serde(default)]
    pub sites: SitesTable,
    /// Groups of agents that behave alike.
    #[serde(default)]
    pub agents: Vec<AgentGroup>,
    /// A portal with login tokens, beside the servers and agents.
    pub portal: Option<PortalTable>,
    /// Servers that send agents on to another server for what needs authentication.
    #[serde(default)]
    pub redirects: Vec<RedirectTable>,
    /// HTTP proxies between agents and servers: agents name the one in their way.
    #[serde(default)]
    pub proxies: Vec<ProxyPlan>,
    /// The protocol's parameters, where they differ from the profile's defaults.
    #[serde(default)]
    pub parameters: ParameterTable,
    /// What operations cost on one core of a server, in virtual time.
    #[serde(default)]
    pub costs: CostTable,
    /// What the run must show.
    #[serde(default)]
    pub expect: ExpectTable,
    /// The bug that is planted in the run. Only a build with the cargo feature `planted-bugs` runs such a scenario.
    #[serde(default)]
    pub plant: Option<Bug>,
    /// Figures that the run must not miss.
    #[serde(default)]
    pub thresholds: Thresholds,
    /// What goes wrong, and what administrators do, one by one.
    #[serde(default)]
    pub faults: Vec<FaultTable>,
    /// Faults that the seed draws, and when everything has healed.
    #[serde(default)]
    pub hardship: HardshipTable,
    /// Whoever attacks.
    #[serde(default)]
    pub attackers: Vec<AttackerTable>,
    /// The machine around each server. Default: none, a server stands for itself.
    #[serde(default)]
    pub machine: Option<MachineTable>,
    /// What differs when the run is literal.
    pub literal: Option<ProfileTable>,
    /// What differs when the run is hardened.
    pub hardened: Option<ProfileTable>,
}

impl Document {
    /// What differs in a profile.
    pub(super) fn of(&self, profile: Profile) -> Option<&ProfileTable> {
        match profile {
            Profile::Literal => self.literal.as_ref(),
            Profile::Hardened => self.hardened.as_ref(),
        }
    }
}

/// The network between clients and servers.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct NetworkTable {
    /// The simulation's step, in whole milliseconds; bytes arrive on its boundaries only. Default `1ms`.
    pub tick: Option<TimeSpan>,
    /// The time that bytes need from host to host, at least one tick. A range makes it vary during the run.
    /// Default: one tick.
    pub latency: Option<Ranged<TimeSpan>>,
    /// Over how many branches of the network the agents are spread: faults may strike one (`branch-1`). Default: one per site, at
    /// most four.
    #[schemars(range(min = 1, max = 1024))]
    pub branches: Option<u32>,
}

/// The issuer.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SmpTable {
    /// How many cores its virtual CPU has. Default 4.
    #[schemars(range(min = 1, max = 1024))]
    pub cores: Option<Ranged<u32>>,
    /// When it starts. Default: with the run.
    pub start: Option<Ranged<TimeSpan>>,
    /// How its clock departs from true time. Default: not at all.
    pub clock: ClockTable,
    /// Which face of the protocol it shows at first. Default: that of the run.
    pub profile: Option<Profile>,
    /// Which kinds of authentication it offers. Default: what the parameters say for all.
    pub authentication: Option<Vec<AuthenticationKind>>,
}

/// A server that sends agents on: it lets them in, and then answers 307.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RedirectTable {
    /// Which server.
    pub from: ActorId,
    /// Where it sends them; a server that sends nobody on.
    pub to: ActorId,
}

/// The site servers. Where a value is a range, each site draws its own.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SitesTable {
    /// How many there are. Default 0: the agents visit the SMP.
    pub count: Option<Ranged<u32>>,
    /// How many cores the virtual CPU of each has. Default 2.
    #[schemars(range(min = 1, max = 1024))]
    pub cores: Option<Ranged<u32>>,
    /// When each starts. Default: with the run.
    pub start: Option<Ranged<TimeSpan>>,
    /// How the clock of each departs from true time. Default: not at all.
    pub clock: ClockTable,
    /// Which face of the protocol each shows at first. Default: that of the run.
    pub profile: Option<Profile>,
    /// Which kinds of authentication they offer: a list for the first, one for the second and so on, over and over again.
    /// Default: what the parameters say for all.
    pub authentication: Option<Vec<Vec<AuthenticationKind>>>,
}

/// What the run must show.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ExpectTable {
    /// Invariants that the run is expected to violate; one that holds makes the run inconclusive.
    pub violations: Vec<Invariant>,
    /// What must happen at least once; if it never does the run is inconclusive.
    pub reach: Vec<Milestone>,
    /// What must not happen: if it does, that is a violation.
    pub never: Vec<Milestone>,
}

impl ExpectTable {
    pub(super) fn resolve(&self, thresholds: Thresholds) -> Expectation {
        let Self { violations, reach, never } = self.clone();
        Expectation { violations, reach, never, thresholds }
    }
}

const fn default_crypto() -> CryptoTier {
    CryptoTier::AwsLc
}

const fn default_seed() -> u64 {
    1
}
