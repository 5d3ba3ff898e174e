//! What login tokens are for, how long they live, and why one is turned down.

use std::{fmt, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a login token is made for (rule 81). The token does not say so: any server takes any of them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LoginUse {
    /// The automation server runs a job as some user.
    Automation,
    /// A user follows the link to the administration server.
    Administration,
    /// A portlet server asks whose session it serves.
    Portlet,
    /// The browser keeps it as a cookie, instead of a password.
    RememberMe,
    /// An administrator becomes somebody else.
    Impersonation,
}

impl LoginUse {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Automation, Self::Administration, Self::Portlet, Self::RememberMe, Self::Impersonation];
}

impl fmt::Display for LoginUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Automation => "automation",
            Self::Administration => "administration",
            Self::Portlet => "portlet",
            Self::RememberMe => "remember me",
            Self::Impersonation => "impersonation",
        })
    }
}

/// Why a login token is turned down. The order of the variants is the order of the checks.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LoginRefusal {
    /// It is no login token: too long, too few or too many fields, or a field in another spelling.
    Syntax,
    /// Its tag is not that of its text under the key of the day: it is forged, or older than 'Update' (rule 80).
    BadTag,
    /// Its time is over, by the clock of whoever reads it (rule 82).
    Expired,
    /// The portal has no such user, or no more: there is nobody whose session could be opened.
    UnknownUser,
}

impl fmt::Display for LoginRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Syntax => "syntax",
            Self::BadTag => "bad tag",
            Self::Expired => "expired",
            Self::UnknownUser => "unknown user",
        })
    }
}

/// How long a login token of each use lives, in seconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoginLifetimes {
    /// Of a run of a job.
    pub automation_s: u64,
    /// Of the link to the administration server.
    pub administration_s: u64,
    /// Of a portlet's session.
    pub portlet_s: u64,
    /// Of the cookie.
    pub remember_me_s: u64,
    /// Of an impersonation.
    pub impersonation_s: u64,
}

impl Default for LoginLifetimes {
    /// The minute of the link and the ten of a portlet are the portal's own; the rest is ours.
    fn default() -> Self {
        Self { automation_s: 60, administration_s: 60, portlet_s: 600, remember_me_s: 14 * 86_400, impersonation_s: 60 }
    }
}

impl LoginLifetimes {
    /// How long a token for this use lives.
    pub const fn of(&self, purpose: LoginUse) -> Duration {
        Duration::from_secs(match purpose {
            LoginUse::Automation => self.automation_s,
            LoginUse::Administration => self.administration_s,
            LoginUse::Portlet => self.portlet_s,
            LoginUse::RememberMe => self.remember_me_s,
            LoginUse::Impersonation => self.impersonation_s,
        })
    }
}
