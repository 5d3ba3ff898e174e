//! Policy: what the SMP tells every node, again and again (SPEC section 1, endpoint `/NS/Agent/Policy`).

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{BodyError, ServerKeys, body};
use crate::types::{Authentication, Bug, Jti, NodeId, Origin, Parameters, Profile};

/// Where policy is fetched, with GET. Request and response are signed.
pub const POLICY_PATH: &str = "/NS/Agent/Policy";

/// What the SMP tells every node.
///
/// Of the protocol's parameters it carries those on which nodes must agree, or that an administrator changes for the
/// whole fleet. What each node may settle for itself (time-outs, caps, sweeps) stays in its own configuration.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Rises with every change.
    pub version: u64,
    /// The SMP and the site servers.
    pub servers: Vec<ServerEntry>,
    /// Which kinds of authentication servers offer.
    pub authentication: Authentication,
    /// Servers that offer other kinds, and which.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub exceptions: BTreeMap<NodeId, Authentication>,
    /// Whether agents may fall back to ACC where tokens fail; left out where they may (rule 56).
    #[serde(default = "on", skip_serializing_if = "is_on")]
    pub acc_fallback: bool,
    /// Whether servers offer `Basic` beside ACC; left out where they do not (rule 50).
    #[serde(default, skip_serializing_if = "is_off")]
    pub basic: bool,
    /// Whether site servers hand out packages without authentication; left out where they do not (rule 62).
    #[serde(default, skip_serializing_if = "is_off")]
    pub anonymous_codebases: bool,
    /// The agent connectivity credentials, sealed for the agent that gets this policy; left out where ACC is off everywhere,
    /// and for site servers (rule 53).
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "body::present")]
    pub acc: Option<String>,
    /// How long an issued token lives, in seconds. Sites derive their validation period from it (rule 38).
    pub token_lifetime_s: u64,
    /// The period of a site's cache validation, in seconds, where it is not left to the token lifetime (rule 38).
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "body::present")]
    pub validation_period_s: Option<u64>,
    /// How long before its expiry a requested token is refreshed, in seconds (rule 37).
    pub look_ahead_s: u64,
    /// Most tokens in one validation (rule 39).
    pub validation_tokens_max: u32,
    /// Most agents in one GetClientTokens request; the SMP refuses more (rule 40).
    pub batch_size_max: u32,
    /// Width of the registry's window in counters (hole 3).
    pub registry_window: u32,
    /// How far a counter may jump ahead (hole 5).
    pub counter_jump_max: u64,
    /// How long past its expiry a token is still accepted, in seconds (hole 16).
    pub leeway_s: u64,
    /// How often nodes fetch policy, in seconds.
    pub policy_interval_s: u64,
    /// The server keys to trust from now on (rule 43).
    pub jwks: ServerKeys,
    /// The agents that an administrator has revoked.
    pub revoked: BTreeSet<NodeId>,
    /// The bearer tokens that an administrator has revoked (rule 52); left out where there are none.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub revoked_bearers: BTreeSet<Jti>,
}

/// One server of the policy.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerEntry {
    /// Its identity; it is the audience of the tokens for it.
    pub id: NodeId,
    /// What it is.
    pub kind: ServerKind,
    /// Where it is reached; a hardened agent binds its tokens to it (hole 11).
    pub origin: Origin,
    /// Which face of the protocol it shows. Agents believe this and not the server's challenge, since whoever sits in
    /// between could make a hardened server look like another.
    #[serde(default, skip_serializing_if = "Profile::is_literal")]
    pub profile: Profile,
}

/// What a server is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ServerKind {
    /// The issuer.
    Smp,
    /// A site server.
    Site,
}

/// Why a policy is not accepted.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum PolicyError {
    /// The body cannot be read.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// A parameter lies outside its range (SPEC section 8).
    #[error("policy member `{member}` is {found}, expected {min} to {max}")]
    OutOfRange {
        /// Which member.
        member: &'static str,
        /// Its value.
        found: u64,
        /// The least value.
        min: u64,
        /// The greatest value.
        max: u64,
    },
    /// A server stands there twice.
    #[error("policy lists the server {0} twice")]
    RepeatedServer(NodeId),
}

const fn on() -> bool {
    true
}

// Serde hands over references.
fn is_on(value: &bool) -> bool {
    *value
}

fn is_off(value: &bool) -> bool {
    !value
}

impl Policy {
    /// The policy that spreads `parameters`.
    pub fn new(
        version: u64,
        servers: Vec<ServerEntry>,
        parameters: &Parameters,
        jwks: ServerKeys,
        revoked: BTreeSet<NodeId>,
    ) -> Self {
        Self {
            version,
            servers,
            authentication: parameters.authentication,
            exceptions: BTreeMap::new(),
            acc_fallback: parameters.acc_fallback,
            basic: parameters.basic,
            anonymous_codebases: parameters.anonymous_codebases,
            acc: None,
            token_lifetime_s: parameters.token_lifetime_s,
            validation_period_s: parameters.validation_period_s,
            look_ahead_s: parameters.look_ahead_s,
            validation_tokens_max: parameters.validation_tokens_max,
            batch_size_max: parameters.batch_size_max,
            registry_window: parameters.registry_window,
            counter_jump_max: parameters.counter_jump_max,
            leeway_s: parameters.leeway_s,
            policy_interval_s: parameters.policy_interval_s,
            jwks,
            revoked,
            revoked_bearers: BTreeSet::new(),
        }
    }

    /// Takes over the parameters that this policy carries.
    pub fn apply_to(&self, parameters: &mut Parameters) {
        parameters.authentication = self.authentication;
        parameters.acc_fallback = self.acc_fallback;
        parameters.basic = self.basic;
        parameters.anonymous_codebases = self.anonymous_codebases;
        parameters.token_lifetime_s = self.token_lifetime_s;
        parameters.validation_period_s = self.validation_period_s;
        parameters.look_ahead_s = self.look_ahead_s;
        parameters.validation_tokens_max = self.validation_tokens_max;
        parameters.batch_size_max = self.batch_size_max;
        parameters.registry_window = self.registry_window;
        parameters.counter_jump_max = self.counter_jump_max;
        parameters.leeway_s = self.leeway_s;
        parameters.policy_interval_s = self.policy_interval_s;
    }

    /// Reads the body of a policy response of at most `max_bytes` bytes. Verify its signature first.
    ///
    /// # Errors
    /// If it is too large, malformed, contradicts itself, or carries a parameter that no node can work with.
    pub fn decode(body: &[u8], max_bytes: usize) -> Result<Self, PolicyError> {
        let policy: Self = body::decode(body, max_bytes)?;
        policy.check()?;
        Ok(policy)
    }

    /// The body of a policy response.
    pub fn encode(&self) -> Vec<u8> {
        body::encode(self)
    }

    /// Checks what the form alone does not.
    ///
    /// # Errors
    /// If a parameter lies outside its range, or a server is listed twice.
    pub fn check(&self) -> Result<(), PolicyError> {
        let day_s = 24 * 3_600;
        let any = u64::from(u32::MAX);
        for (member, found, min, max) in [
            ("token_lifetime_s", self.token_lifetime_s, 60, day_s),
            // A period of zero would never end.
            ("validation_period_s", self.validation_period_s.unwrap_or(1), 1, day_s),
            ("look_ahead_s", self.look_ahead_s, 0, day_s),
            ("validation_tokens_max", self.validation_tokens_max.into(), 1, any),
            ("batch_size_max", self.batch_size_max.into(), 1, any),
            ("registry_window", self.registry_window.into(), 1, 1_024),
            ("counter_jump_max", self.counter_jump_max, 1, u64::MAX),
            ("leeway_s", self.leeway_s, 0, day_s),
            ("policy_interval_s", self.policy_interval_s, 1, any),
        ] {
            if !(min..=max).contains(&found) {
                return Err(PolicyError::OutOfRange { member, found, min, max });
            }
        }
        let mut seen = BTreeSet::new();
        match self.servers.iter().find(|server| !seen.insert(server.id)) {
            Some(server) => Err(PolicyError::RepeatedServer(server.id)),
            None => Ok(()),
        }
    }

    /// What it says of a server.
    pub fn server(&self, server: NodeId) -> Option<&ServerEntry> {
        self.servers.iter().find(|entry| entry.id == server)
    }

    /// The server that is reached at an origin.
    pub fn server_at(&self, origin: &Origin) -> Option<&ServerEntry> {
        self.servers.iter().find(|entry| entry.origin == *origin)
    }

    /// Where a server is reached.
    pub fn origin_of(&self, server: NodeId) -> Option<&Origin> {
        self.server(server).map(|entry| &entry.origin)
    }

    /// Which kinds of authentication a server offers.
    pub fn authentication_of(&self, server: NodeId) -> Authentication {
        self.exceptions.get(&server).copied().unwrap_or(self.authentication)
    }

    /// Whether some server has ACC on.
    pub fn has_acc(&self) -> bool {
        self.authentication.acc || self.exceptions.values().any(|on| on.acc)
    }

    /// Whether an administrator has revoked this agent.
    pub fn is_revoked(&self, node: NodeId) -> bool {
        self.revoked.contains(&node) && !Bug::RevocationIgnoredBySite.is_planted()
    }
}
