//! The configuration of a portal.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    num::NonZeroU32,
    path::PathBuf,
};

use schemars::JsonSchema;
use serde::Deserialize;

use super::{AdminTable, Common, Defaults, ListenAddress, LogTable, MetricsTable, ServerConfig};
use crate::{
    protocol::LoginTokenRules,
    scenario::{Configuration, ParameterTable, ScenarioError},
    types::{LoginLifetimes, Origin, Profile, TimeSpan},
};

const fn loopback(port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)
}

const DEFAULTS: Defaults =
    Defaults { listen: loopback(8084), metrics: loopback(8094), state: "countersign-portal", server: None };
const ADMINISTRATION: SocketAddr = loopback(8085);
const PORTLETS: SocketAddr = loopback(8086);
/// Most requests of one run of a job.
const JOB_STEPS_MAX: u32 = 100_000;
const ADMIN: SocketAddr = loopback(8074);

/// The configuration of a portal: all of its servers are one process. Paths are seen from the folder of the file.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(title = "countersign portal")]
pub struct PortalDocument {
    /// What others call the front end. Default: `http://` and the address of its door.
    #[schemars(with = "Option<String>")]
    pub origin: Option<Origin>,
    /// Where the front end opens its door. Default `127.0.0.1:8084`.
    pub listen: Option<ListenAddress>,
    /// The folder of the key and the passwords. Default `countersign-portal`.
    pub state: Option<PathBuf>,
    /// Which face of the protocol it shows. Default `hardened`.
    pub profile: Option<Profile>,
    /// What stands between the fields of a login token: a punctuation mark. Default `|`.
    pub delimiter: Option<char>,
    /// How long login tokens live, in whole seconds.
    pub lifetimes: LifetimesTable,
    /// The users. Each gets a password at the first start, in the file `passwords` of the state folder.
    pub users: Vec<UserTable>,
    /// What the automation server runs.
    pub jobs: Vec<ServedJobTable>,
    /// The administration server.
    pub administration_server: PortalDoorTable,
    /// The portlet server.
    pub portlet_server: PortalDoorTable,
    /// The administrator's door, where 'Update' is pressed.
    pub admin: AdminTable,
    /// Figures and health.
    pub metrics: MetricsTable,
    /// The log.
    pub log: LogTable,
    /// Time-outs and caps, where they differ from the defaults; the others concern agent tokens.
    pub parameters: ParameterTable,
}

/// How long login tokens of each use live.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LifetimesTable {
    /// Of a run of a job. Default `1m`.
    pub automation: Option<TimeSpan>,
    /// Of the link to the administration server. Default `1m`.
    pub administration: Option<TimeSpan>,
    /// Of a portlet's session. Default `10m`.
    pub portlet: Option<TimeSpan>,
    /// Of the cookie that stands for the password. Default `14d`.
    pub remember_me: Option<TimeSpan>,
    /// Of an impersonation. Default `1m`.
    pub impersonation: Option<TimeSpan>,
}

/// A user of the portal.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UserTable {
    /// The user's id.
    pub id: String,
    /// Whether the user may go to the administration server. Default `false`.
    #[serde(default)]
    pub administrator: bool,
}

/// A job that runs again and again.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ServedJobTable {
    /// As which user it runs.
    pub user: String,
    /// The time from run to run.
    pub every: TimeSpan,
    /// How many requests a run makes, all with one login token. Default 1.
    pub steps: Option<NonZeroU32>,
    /// The time from one request to the next. Default `1s`.
    pub step: Option<TimeSpan>,
}

/// The door of another server of the portal.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PortalDoorTable {
    /// Where it is opened. Default `127.0.0.1:8085` for the administration server, `127.0.0.1:8086` for the portlet server.
    pub listen: Option<ListenAddress>,
    /// What others call it. Default: `http://` and the address of its door.
    #[schemars(with = "Option<String>")]
    pub origin: Option<Origin>,
}

/// How a portal is served.
#[derive(Clone, Debug)]
pub struct PortalConfig {
    /// What every server has.
    pub server: ServerConfig,
    /// How login tokens are made and read.
    pub rules: LoginTokenRules,
    /// How long they live.
    pub lifetimes: LoginLifetimes,
    /// The users.
    pub users: Vec<UserTable>,
    /// The jobs.
    pub jobs: Vec<ServedJobTable>,
    /// Door and origin of the administration server.
    pub administration_server: (SocketAddr, Option<Origin>),
    /// Door and origin of the portlet server.
    pub portlet_server: (SocketAddr, Option<Origin>),
    /// Where the administrator's door is.
    pub admin: SocketAddr,
}

impl PortalDocument {
    /// Works out how the portal is to be.
    ///
    /// # Errors
    /// If the document says what cannot be.
    pub fn resolve(&self, source: &Configuration<'_>) -> Result<PortalConfig, ScenarioError> {
        let common = Common {
            origin: &self.origin,
            listen: self.listen,
            state: &self.state,
            profile: self.profile,
            crypto: None,
            tls: &None,
            metrics: &self.metrics,
            log: &self.log,
            parameters: &self.parameters,
        };
        let admin = self.admin.listen.map_or(ADMIN, |listen| listen.0);
        if !admin.ip().is_loopback() {
            let help = "whoever reaches this door with the secret ends everybody's login tokens";
            return Err(source.problem("admin.listen", admin, "a loopback address such as \"127.0.0.1:8074\"", help));
        }
        let server = common.resolve(source, &DEFAULTS)?;
        let delimiter = self.delimiter.unwrap_or(LoginTokenRules::DELIMITER);
        let rules = LoginTokenRules::new(server.profile, delimiter).map_err(|_| {
            let expected = "a punctuation mark that neither Base64 nor cookies use, such as `|`";
            source.problem("delimiter", format!("`{delimiter}`"), expected, "")
        })?;
        self.check_users(source, &rules)?;
        let lifetimes = self.lifetimes(source)?;
        let door = |table: &PortalDoorTable, usual| {
            (table.listen.map_or(usual, |listen: ListenAddress| listen.0), table.origin.clone())
        };
        Ok(PortalConfig {
            server,
            rules,
            lifetimes,
            users: self.users.clone(),
            jobs: self.jobs.clone(),
            administration_server: door(&self.administration_server, ADMINISTRATION),
            portlet_server: door(&self.portlet_server, PORTLETS),
            admin,
        })
    }

    fn check_users(&self, source: &Configuration<'_>, rules: &LoginTokenRules) -> Result<(), ScenarioError> {
        let mut known = BTreeSet::new();
        for (index, user) in self.users.iter().enumerate() {
            let key = format!("users[{index}].id");
            if let Err(why) = rules.check_user(&user.id) {
                let found = format!("{:?}", user.id);
                return Err(source.problem(&key, found, "an id of which login tokens can be made", why.to_string()));
            }
            if !known.insert(user.id.as_str()) {
                return Err(source.problem(&key, format!("`{}` once more", user.id), "each user once", ""));
            }
        }
        for (index, job) in self.jobs.iter().enumerate() {
            if !known.contains(job.user.as_str()) {
                let found = format!("`{}`, who is no user", job.user);
                return Err(source.problem(&format!("jobs[{index}].user"), found, "one of `users`", ""));
            }
            let milliseconds = |span: TimeSpan| span.in_whole(1_000_000).unwrap_or(0);
            if milliseconds(job.every) == 0 {
                let expected = "whole milliseconds, at least `1ms`";
                return Err(source.problem(&format!("jobs[{index}].every"), job.every, expected, ""));
            }
            if let Some(step) = job.step.filter(|step| milliseconds(*step) == 0) {
                let expected = "whole milliseconds, at least `1ms`";
                return Err(source.problem(
                    &format!("jobs[{index}].step"),
                    step,
                    expected,
                    "a step of no time would never end",
                ));
            }
            if let Some(steps) = job.steps.filter(|steps| steps.get() > JOB_STEPS_MAX) {
                let expected = format!("1 to {JOB_STEPS_MAX}");
                return Err(source.problem(&format!("jobs[{index}].steps"), steps, expected, ""));
            }
        }
        Ok(())
    }

    fn lifetimes(&self, source: &Configuration<'_>) -> Result<LoginLifetimes, ScenarioError> {
        const SECOND_NS: u64 = 1_000_000_000;
        let (usual, table) = (LoginLifetimes::default(), &self.lifetimes);
        let seconds = |name: &str, given: Option<TimeSpan>, usual_s: u64| {
            let Some(span) = given else { return Ok(usual_s) };
            span.in_whole(SECOND_NS).filter(|seconds| (1..=400 * 86_400).contains(seconds)).ok_or_else(|| {
                source.problem(&format!("lifetimes.{name}"), span, "whole seconds, from `1s` to `400d`", "")
            })
        };
        Ok(LoginLifetimes {
            automation_s: seconds("automation", table.automation, usual.automation_s)?,
            administration_s: seconds("administration", table.administration, usual.administration_s)?,
            portlet_s: seconds("portlet", table.portlet, usual.portlet_s)?,
            remember_me_s: seconds("remember_me", table.remember_me, usual.remember_me_s)?,
            impersonation_s: seconds("impersonation", table.impersonation, usual.impersonation_s)?,
        })
    }
}
