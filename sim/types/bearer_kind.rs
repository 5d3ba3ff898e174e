//! The special tokens: whoever holds one may use it.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::NodeId;

/// A kind of bearer token (rules 52, 63).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BearerKind {
    /// With it a machine that has no agent yet fetches the installer, and nothing else. It never expires.
    PushInstall,
    /// With it a program that automates the servers calls them. It may have an expiry.
    Asdk,
}

impl BearerKind {
    /// Both.
    pub const ALL: [Self; 2] = [Self::PushInstall, Self::Asdk];

    /// As scenario files spell it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::PushInstall => "push_install",
            Self::Asdk => "asdk",
        }
    }

    /// Under which identity events know whoever comes with one: the token names nobody.
    pub const fn identity(self) -> NodeId {
        match self {
            Self::PushInstall => NodeId::PUSH_INSTALL,
            Self::Asdk => NodeId::ASDK,
        }
    }

    /// The kind of which an identity is that.
    pub fn of_identity(node: NodeId) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.identity() == node)
    }
}

impl fmt::Display for BearerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
