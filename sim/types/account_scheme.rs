//! The schemes by which an account authenticates, beside agent tokens.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// By which scheme an account authenticates (rule 16).
///
/// Each scheme takes one kind of account, so that a challenge tells the agent whose account is wanted.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AccountScheme {
    /// Windows authentication, by the account of the agent's own machine.
    Negotiate,
    /// The same handshake, by the agent connectivity credentials (ACC), which all agents share.
    Ntlm,
    /// Name and password of the ACC as they are: for people with a browser (rule 50). No agent ever sends it.
    Basic,
}

impl AccountScheme {
    /// All of them, in the order in which servers offer them.
    pub const ALL: [Self; 3] = [Self::Negotiate, Self::Ntlm, Self::Basic];

    /// Its name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Negotiate => "Negotiate",
            Self::Ntlm => "NTLM",
            Self::Basic => "Basic",
        }
    }

    /// Whether it takes the agent connectivity credentials, and not an account of a machine's own.
    pub const fn is_acc(self) -> bool {
        !matches!(self, Self::Negotiate)
    }
}

impl fmt::Display for AccountScheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
