//! What an agent knows of kinds of authentication beside tokens, and of the ways to its servers. All of it is from policy: the
//! agent itself turns nothing on or off (rule 58), and keeps ACC exactly where it is on (rule 53).

use std::{collections::BTreeMap, sync::Arc};

use super::ProxyInBetween;
use crate::{
    crypto::{Engine, PrivateKey},
    protocol::{Account, Policy, ServerEntry, ServerPath},
    types::{ActorId, Authentication, NodeId},
};

/// What an agent is told of this when it is set up. By default it knows of nothing but tokens.
#[derive(Clone, Debug, Default)]
pub struct Coexistence {
    /// The account of its machine, where there is one.
    pub machine_account: Option<Account>,
    /// Whether what it fetches lies at a UNC path.
    pub fetches_unc: bool,
    /// The servers to which others may send it on: what they are called on the wire and in events.
    pub servers: Arc<[(NodeId, ActorId)]>,
    /// The proxy between it and its servers, where there is one.
    pub proxy: Option<Arc<ProxyInBetween>>,
}

/// What policy says of it.
#[derive(Clone, Debug, Default)]
pub struct KnownKinds {
    /// Which kinds servers offer.
    pub authentication: Authentication,
    /// Servers that offer other kinds.
    pub exceptions: BTreeMap<NodeId, Authentication>,
    /// Whether it may fall back to ACC where tokens fail.
    pub acc_fallback: bool,
    /// The agent connectivity credentials; none where ACC is off (rule 53).
    pub acc: Option<Account>,
    /// Whether site servers hand out packages without authentication.
    pub anonymous_codebases: bool,
    /// Where the servers are reached to which it may be sent on.
    pub servers: Arc<[ServerEntry]>,
}

impl KnownKinds {
    /// What a policy says to an agent with this key.
    pub(super) fn of(policy: &Policy, settings: &Coexistence, key: &PrivateKey, engine: &Engine) -> Self {
        let may_be_sent_on = !settings.servers.is_empty();
        Self {
            authentication: policy.authentication,
            exceptions: policy.exceptions.clone(),
            acc_fallback: policy.acc_fallback,
            anonymous_codebases: policy.anonymous_codebases,
            acc: policy.acc.as_deref().and_then(|sealed| Account::open(sealed, key, engine)),
            servers: if may_be_sent_on { policy.servers.as_slice().into() } else { Arc::default() },
        }
    }

    /// Which kinds a server offers.
    pub(super) fn of_server(&self, server: NodeId) -> Authentication {
        self.exceptions.get(&server).copied().unwrap_or(self.authentication)
    }

    /// Whether there is nothing but tokens anywhere.
    pub(super) fn is_tokens_only(&self) -> bool {
        self.authentication.is_tokens_only() && self.exceptions.is_empty() && self.acc.is_none()
    }
}

/// The way to a server.
#[derive(Clone, Debug)]
pub(super) struct Way {
    /// What events call it.
    pub server: ActorId,
    /// To which tokens are bound.
    pub path: ServerPath,
}

/// What an exchange is to get.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Wanted {
    /// What needs no authentication (rule 3).
    Public,
    /// What needs authentication.
    Protected,
    /// A file at a UNC path (rule 56).
    Unc,
    /// A package (rule 51).
    Package,
    /// A package for which nobody need authenticate, as far as the agent knows.
    AnonymousPackage,
}

impl Wanted {
    /// The target of its request.
    pub const fn target(self) -> &'static str {
        match self {
            Self::Public => "/Altiris/Public/status",
            Self::Protected => "/Altiris/Packages/index",
            Self::Unc => "/UNC/packages/index",
            Self::Package | Self::AnonymousPackage => "/Altiris/Codebases/tools.zip",
        }
    }

    /// Whether it needs no authentication.
    pub const fn is_public(self) -> bool {
        matches!(self, Self::Public | Self::AnonymousPackage)
    }
}
