//! Which implementation of the signatures a run uses.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The implementation behind every RSA operation. All tiers decide alike and give the same digest (S12).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CryptoTier {
    /// AWS-LC: the fastest real signatures.
    AwsLc,
    /// The pure-Rust `rsa` crate.
    Rsa,
    /// A keyed hash of the same size stands in for the signature. For long runs; it forges easily, so
    /// it is no use against attackers that craft signatures.
    Modelled,
}

impl CryptoTier {
    /// The name that scenarios and the command line use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AwsLc => "aws-lc",
            Self::Rsa => "rsa",
            Self::Modelled => "modelled",
        }
    }
}

impl fmt::Display for CryptoTier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
