//! A portal of a plan: its servers, jobs and browsers.

use serde::{Deserialize, Serialize};

use super::{Attack, Plan, Visits, nth};
use crate::types::{ActorId, ClockModel, LoginLifetimes};

/// How many browsers a portal can have: they share one host.
pub const BROWSERS_MAX: usize = 4_000;

/// How many jobs a portal can have.
pub const JOBS_MAX: usize = 1_000;

/// A portal. Its servers share a database, and nothing else: each has a clock of its own.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PortalPlan {
    /// What stands between the fields of a login token.
    pub delimiter: char,
    /// How long login tokens live.
    pub lifetimes: LoginLifetimes,
    /// The clock of the front end.
    pub front_end: ClockModel,
    /// The clock of the automation server.
    pub automation_server: ClockModel,
    /// The clock of the administration server.
    pub administration_server: ClockModel,
    /// The clock of the portlet server. Nothing it does depends on it: it asks the front end whose token it has.
    pub portlet_server: ClockModel,
    /// What the automation server runs; job 1 is the first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub jobs: Vec<JobPlan>,
    /// The users' browsers; `browser-1` is the first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub browsers: Vec<BrowserPlan>,
}

/// A job, which runs again and again as some user.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobPlan {
    /// As whom.
    pub user: String,
    /// When its runs are due. One that is due while another is under way is left out.
    pub runs: Visits,
    /// How many requests a run makes, all with one login token.
    pub steps: u32,
    /// The time from one request to the next, in milliseconds.
    pub step_ms: u64,
}

/// A browser, and whoever sits before it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BrowserPlan {
    /// Who that is.
    pub user: String,
    /// Its clock, by which cookies end.
    pub clock: ClockModel,
    /// When it visits the portal. Its session is over by the next visit.
    pub visits: Visits,
    /// Whether the user wants to be remembered.
    pub remembers: bool,
    /// How many portlets a visit shows.
    pub portlets: u32,
    /// Whether a visit follows the link to the administration server.
    pub administers: bool,
    /// Who the user becomes there, if that is wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub impersonates: Option<String>,
}

impl PortalPlan {
    /// The browser of that number, counted from 1.
    pub fn browser(&self, number: u32) -> Option<&BrowserPlan> {
        nth(&self.browsers, number)
    }

    /// The clock of an actor of the portal, without what faults do to it.
    pub fn clock(&self, actor: ActorId) -> Option<&ClockModel> {
        match actor {
            ActorId::FrontEnd => Some(&self.front_end),
            ActorId::AutomationServer => Some(&self.automation_server),
            ActorId::AdministrationServer => Some(&self.administration_server),
            ActorId::PortletServer => Some(&self.portlet_server),
            ActorId::Browser(number) => self.browser(number).map(|browser| &browser.clock),
            _ => None,
        }
    }

    /// The clocks of all who take part in it, servers first.
    pub fn clocks_mut(&mut self) -> impl Iterator<Item = &mut ClockModel> {
        let Self { front_end, automation_server, administration_server, portlet_server, browsers, .. } = self;
        let servers = [front_end, automation_server, administration_server, portlet_server];
        servers.into_iter().chain(browsers.iter_mut().map(|browser| &mut browser.clock))
    }

    /// Everybody who takes part in it.
    pub fn actors(&self) -> impl Iterator<Item = ActorId> {
        ActorId::PORTAL.into_iter().chain((1..).map(ActorId::Browser).take(self.browsers.len()))
    }
}

impl Plan {
    /// The account that an attacker has in the portal, if its attack needs one: an id that a lenient reader takes for the
    /// victim's, with an expiry far away (attack 28).
    pub fn account_of_attacker(&self, number: u32) -> Option<String> {
        let portal = self.portal.as_ref()?;
        let attacker = nth(&self.attackers, number).filter(|attacker| attacker.attack == Attack::LoginDelimiter)?;
        let ActorId::Browser(victim) = attacker.victim else { return None };
        Some(format!("{}{}9999999999", portal.browser(victim)?.user, portal.delimiter))
    }
}
