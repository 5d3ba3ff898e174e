//! A portal in a scenario file.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{ClockTable, Ranged, VisitsTable};
use crate::types::TimeSpan;

/// A portal whose users are logged in by login tokens: front end, automation server, administration server, portlet server,
/// and the database with the key. A scenario with a portal may have no agents.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PortalTable {
    /// What stands between the fields of a login token: a punctuation mark. Default `|`.
    pub delimiter: Option<char>,
    /// How long login tokens live.
    pub lifetimes: LifetimeTable,
    /// Which users see.
    pub front_end: PortalServerTable,
    /// Which runs the jobs.
    pub automation_server: PortalServerTable,
    /// To which the administration link leads.
    pub administration_server: PortalServerTable,
    /// Which draws portlets.
    pub portlet_server: PortalServerTable,
    /// What the automation server runs.
    pub jobs: Vec<JobTable>,
    /// Groups of browsers that behave alike.
    pub browsers: Vec<BrowserTable>,
}

/// How long login tokens of each use live, in whole seconds.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LifetimeTable {
    /// Of a run of a job. Default `1m`.
    pub automation: Option<Ranged<TimeSpan>>,
    /// Of the link to the administration server. Default `1m`.
    pub administration: Option<Ranged<TimeSpan>>,
    /// Of a portlet's session. Default `10m`.
    pub portlet: Option<Ranged<TimeSpan>>,
    /// Of the cookie that stands for the password. Default `14d`.
    pub remember_me: Option<Ranged<TimeSpan>>,
    /// Of an impersonation. Default `1m`.
    pub impersonation: Option<Ranged<TimeSpan>>,
}

/// A server of the portal.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PortalServerTable {
    /// How its clock departs from true time. Default: not at all.
    pub clock: ClockTable,
}

/// A job that runs again and again.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct JobTable {
    /// As which user it runs.
    pub user: String,
    /// When runs are due.
    pub runs: VisitsTable,
    /// When the first is, if they are due at intervals. Default: with the run.
    pub start: Option<Ranged<TimeSpan>>,
    /// How many requests a run makes, all with one login token. Default 1.
    #[schemars(range(min = 1, max = 100_000))]
    pub steps: Option<Ranged<u32>>,
    /// The time from one request to the next. Default `1s`.
    pub step: Option<Ranged<TimeSpan>>,
}

/// A group of browsers. Where a value is a range, each draws its own.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BrowserTable {
    /// How many there are. Default 1.
    #[schemars(range(min = 1, max = 4000))]
    pub count: Option<Ranged<u32>>,
    /// Who sits before it; of several, the first is `user-1`.
    pub user: String,
    /// When it visits the portal.
    pub visits: VisitsTable,
    /// When the first visit is, if they are due at intervals. Default: with the run.
    pub start: Option<Ranged<TimeSpan>>,
    /// How its clock, by which cookies end, departs from true time. Default: not at all.
    #[serde(default)]
    pub clock: ClockTable,
    /// Whether the user wants to be remembered. Default `false`.
    #[serde(default)]
    pub remembers: bool,
    /// How many portlets a visit shows. Default 0.
    pub portlets: Option<Ranged<u32>>,
    /// Whether the user is an administrator, and follows the link to the administration server. Default `false`.
    #[serde(default)]
    pub administers: bool,
    /// Whom the user becomes there. Default: nobody else.
    pub impersonates: Option<String>,
}
