//! What the SMP knows of its nodes (rules 21, 33, 45; holes 14 and 15; attack 18).

use std::collections::{BTreeMap, BTreeSet};

use thiserror::Error;

use super::{IssueError, NodeKind, RegisterRequest, ServerEntry, ServerKind, SignerKeys};
use crate::{
    crypto::PublicKey,
    types::{Bug, NodeId, Origin, Profile, Thumbprint, UnixSeconds},
};

/// What the SMP knows of its nodes: who registered with which key, which site servers are legitimate, who is revoked.
#[derive(Clone, Debug)]
pub struct Directory {
    smp: ServerEntry,
    nodes: BTreeMap<NodeId, Node>,
    /// Who has a key. Clones of one machine may share theirs (hole 15).
    holders: BTreeMap<Thumbprint, BTreeSet<NodeId>>,
    /// Each with the key that was approved; none if any may come.
    approved_sites: BTreeMap<NodeId, Option<Thumbprint>>,
    revoked: BTreeSet<NodeId>,
    nodes_max: usize,
}

#[derive(Clone, Debug)]
struct Node {
    key: PublicKey,
    role: Role,
    /// When the registration was signed that made it so, by the node's clock, as far as that is known.
    signed: Option<UnixSeconds>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Role {
    Agent,
    Site(Origin, Profile),
}

/// What a registration did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Registered {
    /// The node is new.
    New,
    /// The node was known with this key.
    Again,
    /// The node was known with this key, and signed what is in force later than this, which says otherwise: it changes
    /// nothing.
    Outdated,
}

/// Why a node is not registered.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum RegisterError {
    /// The id has another key. An administrator must change it.
    #[error("{id} is registered with the key {known}, not {found}: an administrator must change its key first")]
    OtherKey {
        /// Which node.
        id: NodeId,
        /// The key that it registered with.
        known: Thumbprint,
        /// The key that it came with now.
        found: Thumbprint,
    },
    /// The id is another kind of node, or the SMP's own.
    #[error("{0} is another kind of node")]
    OtherKind(NodeId),
    /// Another server is reached at this origin. Its tokens would be valid at both.
    #[error("{origin} is the origin of {holder}")]
    OriginTaken {
        /// Which origin.
        origin: Origin,
        /// Whose it is.
        holder: NodeId,
    },
    /// A site server without an origin, or an agent with one.
    #[error("expected an origin for a site server and for nobody else: {0} says otherwise")]
    Origin(NodeId),
    /// No administrator has approved this site server, or one has removed it (attack 18).
    #[error("{0} is no approved site server: an administrator must approve it first")]
    SiteNotApproved(NodeId),
    /// An administrator has approved another key for this site server (attack 18).
    #[error("{id} is approved with the key {approved}, not {found}: whoever has the other key is somebody else")]
    OtherKeyApproved {
        /// Which node.
        id: NodeId,
        /// The key that was approved.
        approved: Thumbprint,
        /// The key that it came with.
        found: Thumbprint,
    },
    /// An administrator has revoked this node.
    #[error("{0} is revoked")]
    Revoked(NodeId),
    /// There are as many nodes as are admitted.
    #[error("there are {0} nodes, as many as `registered_max` admits")]
    Full(usize),
}

impl RegisterError {
    /// The HTTP status of the refusal: 409 for what contradicts an earlier registration, 400 for what is never right,
    /// 403 for what an administrator denies, 503 where there is no room.
    pub const fn status(&self) -> u16 {
        match self {
            Self::OtherKey { .. } | Self::OtherKind(_) | Self::OriginTaken { .. } => 409,
            Self::Origin(_) => 400,
            Self::SiteNotApproved(_) | Self::OtherKeyApproved { .. } | Self::Revoked(_) => 403,
            Self::Full(_) => 503,
        }
    }
}

impl Directory {
    /// The directory of an SMP that knows nobody yet.
    pub fn new(smp: NodeId, origin: Origin, profile: Profile) -> Self {
        Self {
            smp: ServerEntry { id: smp, kind: ServerKind::Smp, origin, profile },
            nodes: BTreeMap::new(),
            holders: BTreeMap::new(),
            approved_sites: BTreeMap::new(),
            revoked: BTreeSet::new(),
            nodes_max: usize::MAX,
        }
    }

    /// Takes no new agent where there are so many nodes: anybody may register. Site servers are the administrator's choice.
    pub fn admit_up_to(&mut self, nodes: usize) {
        self.nodes_max = nodes;
    }

    /// Notes which face of the protocol the SMP itself shows from now on.
    pub fn smp_is(&mut self, profile: Profile) {
        self.smp.profile = profile;
    }

    /// Lets a node register as a site server, whatever its key. Without it, whoever reaches the SMP could make itself
    /// one.
    pub fn approve_site(&mut self, site: NodeId) {
        self.approved_sites.insert(site, None);
    }

    /// Lets a node register as a site server with this key, and nobody else by its name.
    pub fn approve_site_key(&mut self, site: NodeId, kid: Thumbprint) {
        self.approved_sites.insert(site, Some(kid));
    }

    /// Registers a node whose possession of the key was verified. The same node may come again with the same key, and
    /// a site server may move to another origin.
    ///
    /// # Errors
    /// If the registration contradicts what is known, or is not allowed; nothing changes then.
    pub fn register(&mut self, request: &RegisterRequest) -> Result<Registered, RegisterError> {
        self.register_signed(request, None)
    }

    /// The same for a registration whose signature says when it was made: one that is not later than the one in force
    /// changes nothing. Whoever recorded it on its way could else lead the fleet to where a site server was once.
    ///
    /// # Errors
    /// As [`register`](Self::register).
    pub fn register_signed(
        &mut self,
        request: &RegisterRequest,
        signed: Option<UnixSeconds>,
    ) -> Result<Registered, RegisterError> {
        let id = request.id;
        // An agent has nothing that could change.
        let signed = signed.filter(|_| request.kind == NodeKind::Site);
        let role = match (request.kind, &request.origin) {
            (NodeKind::Agent, None) => Role::Agent,
            (NodeKind::Site, Some(origin)) => Role::Site(origin.clone(), request.profile),
            _ => return Err(RegisterError::Origin(id)),
        };
        if self.revoked.contains(&id) {
            return Err(RegisterError::Revoked(id));
        }
        if id == self.smp.id {
            return Err(RegisterError::OtherKind(id));
        }
        if let Role::Site(origin, _) = &role {
            let found = request.public_key.thumbprint();
            match self.approved_sites.get(&id) {
                None => return Err(RegisterError::SiteNotApproved(id)),
                Some(Some(approved)) if *approved != found => {
                    return Err(RegisterError::OtherKeyApproved { id, approved: *approved, found });
                }
                Some(_) => {}
            }
            if let Some(other) = self.servers().find(|server| server.id != id && server.origin == *origin) {
                return Err(RegisterError::OriginTaken { origin: other.origin, holder: other.id });
            }
        }
        let nodes = self.nodes.len();
        let Some(node) = self.nodes.get_mut(&id) else {
            if role == Role::Agent && nodes >= self.nodes_max {
                return Err(RegisterError::Full(self.nodes_max));
            }
            self.holders.entry(request.public_key.thumbprint()).or_default().insert(id);
            self.nodes.insert(id, Node { key: request.public_key.clone(), role, signed });
            return Ok(Registered::New);
        };
        if node.key != request.public_key {
            let (known, found) = (node.key.thumbprint(), request.public_key.thumbprint());
            return Err(RegisterError::OtherKey { id, known, found });
        }
        if std::mem::discriminant(&node.role) != std::mem::discriminant(&role) {
            return Err(RegisterError::OtherKind(id));
        }
        if node.role == role {
            return Ok(Registered::Again);
        }
        if let (Some(known), Some(found)) = (node.signed, signed)
            && found <= known
        {
            return Ok(Registered::Outdated);
        }
        (node.role, node.signed) = (role, signed);
        Ok(Registered::Again)
    }

    /// Every node as it would register today, in the order of their ids: what is kept when the SMP's process ends.
    pub fn registrations(&self) -> impl Iterator<Item = RegisterRequest> {
        self.nodes.keys().filter_map(|id| self.registration(*id))
    }

    /// A node as it would register today.
    pub fn registration(&self, id: NodeId) -> Option<RegisterRequest> {
        let Node { key, role, .. } = self.nodes.get(&id)?;
        let (kind, origin, profile) = match role {
            Role::Agent => (NodeKind::Agent, None, Profile::default()),
            Role::Site(origin, profile) => (NodeKind::Site, Some(origin.clone()), *profile),
        };
        Some(RegisterRequest { id, kind, public_key: key.clone(), origin, profile })
    }

    /// When the registration of a node that is in force was signed, as far as that is known.
    pub fn signed_at(&self, id: NodeId) -> Option<UnixSeconds> {
        self.nodes.get(&id)?.signed
    }

    /// Notes a node that was registered when the SMP's process ended. Nothing is decided anew.
    pub fn restore(&mut self, node: RegisterRequest, signed: Option<UnixSeconds>) {
        let RegisterRequest { id, public_key: key, origin, profile, .. } = node;
        self.holders.entry(key.thumbprint()).or_default().insert(id);
        let role = origin.map_or(Role::Agent, |origin| Role::Site(origin, profile));
        self.nodes.insert(id, Node { key, role, signed });
    }

    /// Gives a registered node another key: it was installed anew, or its key was lost (hole 14). Says whether the
    /// node is registered.
    pub fn change_key(&mut self, id: NodeId, key: PublicKey) -> bool {
        let Some(node) = self.nodes.get_mut(&id) else { return false };
        let old = std::mem::replace(&mut node.key, key.clone());
        node.signed = None;
        self.forget_holder(old.thumbprint(), id);
        self.holders.entry(key.thumbprint()).or_default().insert(id);
        true
    }

    /// Revokes a node, known or not: it gets no token, no policy, and cannot register.
    pub fn revoke(&mut self, id: NodeId) {
        self.revoked.insert(id);
    }

    /// Ends a revocation. Says whether there was one.
    pub fn reinstate(&mut self, id: NodeId) -> bool {
        self.revoked.remove(&id)
    }

    /// Removes a site server: its registration and its approval, so that it cannot just come back (attack 18). Says
    /// whether it was registered.
    pub fn remove_site(&mut self, site: NodeId) -> bool {
        self.approved_sites.remove(&site);
        if !matches!(self.nodes.get(&site), Some(Node { role: Role::Site(..), .. })) {
            return false;
        }
        if let Some(node) = self.nodes.remove(&site) {
            self.forget_holder(node.key.thumbprint(), site);
        }
        true
    }

    /// Forgets an agent, so that its id is free for whoever registers with it next. Says whether it was registered.
    pub fn remove_agent(&mut self, agent: NodeId) -> bool {
        if !matches!(self.nodes.get(&agent), Some(Node { role: Role::Agent, .. })) {
            return false;
        }
        if let Some(node) = self.nodes.remove(&agent) {
            self.forget_holder(node.key.thumbprint(), agent);
        }
        true
    }

    /// The key with which a node registered.
    pub fn key_of(&self, id: NodeId) -> Option<&PublicKey> {
        self.nodes.get(&id).map(|node| &node.key)
    }

    /// The key of this name, if a node has it that is not revoked: whose signed requests are answered.
    pub fn signer_key(&self, kid: Thumbprint) -> Option<&PublicKey> {
        let holder = self.holders.get(&kid)?.iter().find(|id| !self.revoked.contains(id))?;
        self.key_of(*holder)
    }

    /// Whether the key of this name is that of an agent.
    pub fn is_agent_key(&self, kid: Thumbprint) -> bool {
        let of_agent = |id| matches!(self.nodes.get(id), Some(Node { role: Role::Agent, .. }));
        self.holders.get(&kid).is_some_and(|ids| ids.iter().any(of_agent))
    }

    /// The key of an agent that may have tokens.
    ///
    /// # Errors
    /// If there is no such agent, or it is revoked.
    pub fn agent_key(&self, agent: NodeId) -> Result<&PublicKey, IssueError> {
        if self.revoked.contains(&agent) && !Bug::RevokedAgentGetsTokens.is_planted() {
            return Err(IssueError::AgentRevoked);
        }
        match self.nodes.get(&agent) {
            Some(Node { key, role: Role::Agent, .. }) => Ok(key),
            _ => Err(IssueError::UnknownAgent),
        }
    }

    /// The key of a legitimate site server (rule 33).
    pub fn site_key(&self, site: NodeId) -> Option<&PublicKey> {
        self.key_of(site).filter(|_| self.is_site(site))
    }

    /// Where a legitimate site server is reached.
    pub fn site_origin(&self, site: NodeId) -> Option<&Origin> {
        match self.nodes.get(&site).filter(|_| !self.revoked.contains(&site)) {
            Some(Node { role: Role::Site(origin, _), .. }) => Some(origin),
            _ => None,
        }
    }

    /// Whether this is a legitimate site server: approved, registered, and not revoked.
    pub fn is_site(&self, id: NodeId) -> bool {
        self.site_origin(id).is_some()
    }

    /// The servers, as policy lists them: the SMP, then the legitimate site servers in the order of their ids.
    pub fn servers(&self) -> impl Iterator<Item = ServerEntry> {
        let sites = self.nodes.iter().filter_map(|(id, node)| match &node.role {
            Role::Site(origin, profile) if !self.revoked.contains(id) => {
                Some(ServerEntry { id: *id, kind: ServerKind::Site, origin: origin.clone(), profile: *profile })
            }
            _ => None,
        });
        std::iter::once(self.smp.clone()).chain(sites)
    }

    /// Which nodes may register as site servers, and with which key, if only one will do.
    pub fn approved_sites(&self) -> &BTreeMap<NodeId, Option<Thumbprint>> {
        &self.approved_sites
    }

    /// Who is revoked.
    pub fn revoked(&self) -> &BTreeSet<NodeId> {
        &self.revoked
    }

    /// How many nodes are registered.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether no node is registered.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    fn forget_holder(&mut self, kid: Thumbprint, id: NodeId) {
        if let Some(holders) = self.holders.get_mut(&kid) {
            holders.remove(&id);
            if holders.is_empty() {
                self.holders.remove(&kid);
            }
        }
    }
}

impl SignerKeys for Directory {
    fn signer_key(&self, kid: Thumbprint) -> Option<PublicKey> {
        Self::signer_key(self, kid).cloned()
    }

    fn site_key(&self, site: NodeId) -> Option<PublicKey> {
        Self::site_key(self, site).cloned()
    }
}
