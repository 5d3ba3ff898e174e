//! The SMP's database: what it knows, and what administrators decide. It outlives the SMP's process.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt, mem,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use crate::{
    crypto::{Engine, KeyError, PrivateKey, PublicKey},
    protocol::{
        Account, BearerClaims, BearerToken, Directory, Issuer, NodeKind, Policy, RegisterError, RegisterRequest,
        Registered, ServerKeys, SignerKeys,
    },
    types::{Authentication, BearerKind, Jti, NodeId, Origin, Parameters, Profile, Thumbprint, UnixSeconds, locked},
};

/// The SMP's database, shared by the SMP and its administrators.
#[derive(Clone, Debug)]
pub struct Database {
    records: Arc<Mutex<Records>>,
}

/// What the database holds.
#[derive(Debug)]
pub struct Records {
    /// Nodes, approvals and revocations.
    pub directory: Directory,
    /// Who issues tokens, with the signing key of the day.
    pub issuer: Issuer,
    /// The public keys of all tokens that the SMP stands for, its own identity among them.
    pub server_keys: ServerKeys,
    node: NodeId,
    parameters: Parameters,
    policy_version: u64,
    revoked_bearers: BTreeSet<Jti>,
    journal: Option<Arc<dyn Journal>>,
    exceptions: BTreeMap<NodeId, Authentication>,
    acc: Option<Account>,
}

/// Keeps registrations where they outlive the machine's memory. In the simulation the database outlives everything.
pub trait Journal: fmt::Debug + Send + Sync {
    /// Learns what became of a registration. What it returns comes back once a registration that was taken is kept, and
    /// says whether it is: the node hears of its registration only then. `signed` is when the registration in force was,
    /// where that matters.
    fn registered(
        &self,
        request: &RegisterRequest,
        signed: Option<UnixSeconds>,
        result: &Result<Registered, RegisterError>,
    ) -> Kept;
}

/// Says whether something is kept, once that is known.
pub type Kept = Pin<Box<dyn Future<Output = bool> + Send>>;

impl Database {
    /// The database of a new SMP: it knows nobody yet, and signs tokens with the key of its identity.
    pub fn new(node: NodeId, origin: Origin, key: PrivateKey, profile: Profile, parameters: Parameters) -> Self {
        let mut server_keys = ServerKeys::default();
        server_keys.insert(key.public().clone());
        let records = Records {
            directory: Directory::new(node, origin, profile),
            issuer: Issuer::new(node, key, parameters.token_lifetime()),
            server_keys,
            node,
            parameters,
            policy_version: 1,
            revoked_bearers: BTreeSet::new(),
            journal: None,
            exceptions: BTreeMap::new(),
            acc: None,
        };
        Self { records: Arc::new(Mutex::new(records)) }
    }

    /// Opens the database.
    pub fn open(&self) -> MutexGuard<'_, Records> {
        locked(&self.records)
    }
}

/// It is open only while a key is looked up: nobody waits while signatures are verified.
impl SignerKeys for Database {
    fn signer_key(&self, kid: Thumbprint) -> Option<PublicKey> {
        self.open().directory.signer_key(kid).cloned()
    }

    fn site_key(&self, site: NodeId) -> Option<PublicKey> {
        self.open().directory.site_key(site).cloned()
    }
}

impl Records {
    /// The policy of the day.
    pub fn policy(&self) -> Policy {
        let policy = Policy::new(
            self.policy_version,
            self.directory.servers().collect(),
            &self.parameters,
            self.server_keys.clone(),
            self.directory.revoked().clone(),
        );
        let (exceptions, revoked_bearers) = (self.exceptions.clone(), self.revoked_bearers.clone());
        Policy { exceptions, revoked_bearers, ..policy }
    }

    /// Which kinds of authentication a server offers.
    pub fn authentication_of(&self, server: NodeId) -> Authentication {
        self.exceptions.get(&server).copied().unwrap_or(self.parameters.authentication)
    }

    /// Lets a server offer other kinds of authentication than policy says for all, or what it says.
    pub fn except(&mut self, server: NodeId, authentication: Option<Authentication>) {
        match authentication {
            Some(authentication) => drop(self.exceptions.insert(server, authentication)),
            None => drop(self.exceptions.remove(&server)),
        }
        self.policy_version += 1;
    }

    /// The agent connectivity credentials, as policy spreads them.
    pub fn acc(&self) -> Option<&Account> {
        self.acc.as_ref()
    }

    /// Spreads these agent connectivity credentials from now on.
    pub fn spread_acc(&mut self, account: Account) {
        self.acc = Some(account);
        self.policy_version += 1;
    }

    /// Goes on with what an earlier process left: its policy's version, and whoever keeps registrations.
    pub fn resume(&mut self, policy_version: u64, journal: Arc<dyn Journal>) {
        self.policy_version = policy_version;
        self.journal = Some(journal);
    }

    /// Whether what it holds outlives the machine's memory: a served SMP's, and not a simulated one's.
    pub fn is_kept(&self) -> bool {
        self.journal.is_some()
    }

    /// Registers a node by a request that was `signed` when the node's clock showed that. What comes with it says whether
    /// it is kept; it is nothing where nobody keeps it.
    ///
    /// Only what outlives its process refuses old registrations: the clocks of a simulation go wrong on purpose, and the
    /// fleet must come back all the same.
    ///
    /// # Errors
    /// If the registration contradicts what is known, or is not allowed.
    pub fn register(&mut self, request: &RegisterRequest, signed: UnixSeconds) -> Result<Option<Kept>, RegisterError> {
        let result = self.directory.register_signed(request, self.journal.as_ref().map(|_| signed));
        let in_force = self.directory.signed_at(request.id);
        let kept = self.journal.as_ref().map(|journal| journal.registered(request, in_force, &result));
        result.map(|_| kept)
    }

    /// Notes an agent that registered long ago.
    pub fn install(&mut self, agent: NodeId, public_key: PublicKey) {
        let request =
            RegisterRequest { id: agent, kind: NodeKind::Agent, public_key, origin: None, profile: Profile::default() };
        // It was accepted when the agent registered; what has changed since is the administrator's doing.
        let _ = self.directory.register(&request);
    }

    /// Revokes an agent.
    pub fn revoke(&mut self, agent: NodeId) {
        self.directory.revoke(agent);
        self.policy_version += 1;
    }

    /// Ends an agent's revocation.
    pub fn reinstate(&mut self, agent: NodeId) {
        self.directory.reinstate(agent);
        self.policy_version += 1;
    }

    /// Issues a bearer token with the key of the day (rules 52, 63). Nothing is kept of it: it is good by its signature.
    ///
    /// # Errors
    /// If the key cannot sign.
    pub fn issue_bearer(
        &self,
        kind: BearerKind,
        jti: Jti,
        iat: UnixSeconds,
        lifetime: Option<Duration>,
        engine: &Engine,
    ) -> Result<BearerToken, KeyError> {
        let claims = BearerClaims { iss: self.node, iat, jti, exp: lifetime.map(|lifetime| iat.after(lifetime)) };
        BearerToken::sign(kind, claims, self.issuer.key(), engine)
    }

    /// Revokes a bearer token, for good.
    pub fn revoke_bearer(&mut self, jti: Jti) {
        self.revoked_bearers.insert(jti);
        self.policy_version += 1;
    }

    /// The bearer tokens that were revoked.
    pub fn revoked_bearers(&self) -> &BTreeSet<Jti> {
        &self.revoked_bearers
    }

    /// Signs tokens with another key from now on. The one before is still stood for.
    ///
    /// Answers are signed with the key of the SMP's identity all the same: it is the one that nodes have pinned, and by
    /// which they learn of the new one.
    pub fn rotate_key(&mut self, key: PrivateKey) {
        self.publish_key(key.public().clone());
        self.sign_with(key);
    }

    /// Stands for tokens of this key from now on, though none is signed with it yet: nodes learn of it by policy.
    pub fn publish_key(&mut self, key: PublicKey) {
        self.server_keys.insert(key);
        self.policy_version += 1;
    }

    /// Signs tokens with a key that is published. Policy does not say which key signs, so it stays as it is.
    pub fn sign_with(&mut self, key: PrivateKey) {
        self.issuer = Issuer::new(self.node, key, self.parameters.token_lifetime());
    }

    /// No longer stands for tokens of this key.
    pub fn withdraw_key(&mut self, kid: Thumbprint) {
        self.server_keys = self.server_keys.iter().filter(|key| key.thumbprint() != kid).cloned().collect();
        self.policy_version += 1;
    }

    /// Gives a registered agent another key (hole 14).
    pub fn change_agent_key(&mut self, agent: NodeId, key: PublicKey) {
        self.directory.change_key(agent, key);
    }

    /// Replaces the parameters, and returns those before.
    pub fn change_parameters(&mut self, parameters: Parameters) -> Parameters {
        let key = self.issuer.key().clone();
        self.issuer = Issuer::new(self.node, key, parameters.token_lifetime());
        self.policy_version += 1;
        mem::replace(&mut self.parameters, parameters)
    }

    /// The parameters of the day.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// Which version of policy this is.
    pub fn policy_version(&self) -> u64 {
        self.policy_version
    }

    /// Removes a site server and its approval (attack 18).
    pub fn remove_site(&mut self, site: NodeId) {
        self.directory.remove_site(site);
        self.policy_version += 1;
    }

    /// Lets a node register as a site server, whatever its key.
    pub fn approve_site(&mut self, site: NodeId) {
        self.directory.approve_site(site);
    }

    /// Forgets an agent. Says whether it was registered.
    pub fn remove_agent(&mut self, agent: NodeId) -> bool {
        self.directory.remove_agent(agent)
    }
}
