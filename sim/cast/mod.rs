//! Who takes part in a run of a plan, and with what settings: the same in the simulated world and on real sockets.

mod accounts;
mod machine;
mod peers;
mod portal;
mod proxy;

pub use portal::{password_of, rules_of};

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use rand_chacha::ChaCha20Rng;

pub use self::accounts::Accounts;
use crate::{
    actor::{
        AgentSettings, BearerDesk, Coexistence, Database, Domain, Errand, Knowledge, KnownKinds, SecureStorage,
        ServerSettings, SiteSettings, Visits as AgentVisits,
    },
    crypto::{KeyPool, KeyPoolError, PrivateKey},
    plan::{self, AgentPlan, Bootstrap, Codebase, ConnectionUse, Plan, Visits},
    protocol::{Policy, ServerEntry, ServerKeys, ServerKind},
    types::{ActorId, NodeId, Parameters, SeedStream, Thumbprint, VirtualTime},
};

/// The actors of a plan, before they live.
#[derive(Debug)]
pub struct Cast {
    /// The plan.
    pub plan: Plan,
    /// Where everybody's keys come from.
    pub keys: KeyPool,
    /// Where everybody's random numbers come from.
    pub seed: SeedStream,
    /// Where administrators hand out bearer tokens.
    pub desk: BearerDesk,
    parameters: Arc<Parameters>,
    smp_key: PrivateKey,
    /// The servers to which others send agents on.
    redirected_to: Arc<[(NodeId, ActorId)]>,
    /// Everybody's accounts.
    pub accounts: Accounts,
    /// The Windows domain, which knows these accounts.
    pub domain: Domain,
}

impl Cast {
    /// The cast of a plan.
    ///
    /// # Errors
    /// If the plan names a key that the pool does not have.
    pub fn new(plan: &Plan) -> Result<Self, KeyPoolError> {
        let seed = SeedStream::new(plan.seed);
        let keys = KeyPool::new(seed);
        let smp_key = keys.private_key(plan.smp.key)?;
        let desk = BearerDesk::default();
        let accounts = Accounts::of(plan, seed);
        let domain = accounts.domain();
        let parameters = Arc::new(plan.parameters.clone());
        let targets: BTreeSet<_> = servers_of(plan).filter_map(|it| plan.server(it)?.redirect_to).collect();
        let redirected_to = targets.into_iter().map(|server| (Plan::node_of(server), server)).collect();
        Ok(Self { plan: plan.clone(), keys, seed, desk, parameters, smp_key, redirected_to, accounts, domain })
    }

    /// The SMP's key, by which all others know it.
    pub fn pinned(&self) -> Thumbprint {
        self.smp_key.public().thumbprint()
    }

    /// The key of a server.
    ///
    /// # Errors
    /// If the pool does not have it, or the plan no such server.
    pub fn server_key(&self, server: ActorId) -> Result<PrivateKey, KeyPoolError> {
        match self.plan.server(server) {
            Some(plan) if server != ActorId::Smp => self.keys.private_key(plan.key),
            _ => Ok(self.smp_key.clone()),
        }
    }

    /// The SMP's database when the run starts: all sites are approved, and agents that registered long ago are known.
    ///
    /// # Errors
    /// If the pool does not have an agent's key.
    pub fn database(&self) -> Result<Database, KeyPoolError> {
        let (plan, actor) = (&self.plan, ActorId::Smp);
        let profile = plan.profile_of(actor, VirtualTime::ZERO);
        let (origin, key) = (plan.origin_of(actor), self.smp_key.clone());
        let database = Database::new(Plan::node_of(actor), origin, key, profile, plan.parameters.clone());
        let mut records = database.open();
        for site in (1..).map(ActorId::Site).take(plan.sites.len()) {
            records.approve_site(Plan::node_of(site));
        }
        for (number, agent) in (1..).zip(&plan.agents) {
            if agent.bootstrap == Bootstrap::Installed {
                let key = self.keys.private_key(agent.key)?.public().clone();
                records.install(plan.identity_of(ActorId::Agent(number)), key);
            }
        }
        // Before anybody has heard of a policy: the run starts with what it says now, as its first version.
        for server in servers_of(plan) {
            if let Some(authentication) = plan.exception_at(server, VirtualTime::ZERO) {
                records.except(Plan::node_of(server), Some(authentication));
            }
        }
        if let Some(account) = self.accounts.acc(0) {
            records.spread_acc(account);
        }
        drop(records);
        Ok(database)
    }

    /// What a server is told when it starts at `now`, for the first time or after so many lives.
    pub fn server_settings(
        &self,
        server: ActorId,
        key: PrivateKey,
        times_before: u32,
        now: VirtualTime,
    ) -> ServerSettings {
        ServerSettings {
            node: Plan::node_of(server),
            origin: self.plan.origin_at(server, now),
            key,
            profile: self.plan.profile_of(server, now),
            parameters: Arc::clone(&self.parameters),
            rng: self.rng(server, times_before),
            domain: self.domain.clone(),
            redirect_to: self.plan.server(server).and_then(|it| it.redirect_to).map(|to| self.plan.origin_at(to, now)),
        }
    }

    /// What a site server is told beside that.
    pub fn site_settings(&self, secure_storage: SecureStorage<Policy>) -> SiteSettings {
        SiteSettings { smp: self.plan.origin_of(ActorId::Smp), pinned: self.pinned(), secure_storage }
    }

    /// What an agent has in its secure storage when it starts for the first time.
    pub fn secure_storage(&self, agent: &AgentPlan) -> SecureStorage<Knowledge> {
        if agent.bootstrap != Bootstrap::Installed {
            return SecureStorage::default();
        }
        let server = self.entry(agent.server);
        let server_keys: ServerKeys = [self.smp_key.public().clone()].into_iter().collect();
        SecureStorage::with(Knowledge { server_keys, server: Some(server), kinds: self.known_kinds() })
    }

    /// What an agent is told when it starts at `now`, for the first time or after so many lives; none if there is no such
    /// agent, or it has left by then.
    pub fn agent_settings(
        &self,
        number: u32,
        secure_storage: SecureStorage<Knowledge>,
        times_before: u32,
        now: VirtualTime,
    ) -> Option<AgentSettings> {
        let (plan, actor) = (&self.plan, ActorId::Agent(number));
        let agent = plan.agent(number)?;
        let leaves_at = agent.leave_ms.map(VirtualTime::from_millis);
        if leaves_at.is_some_and(|leaves_at| leaves_at <= now) {
            return None;
        }
        Some(AgentSettings {
            node: plan.identity_of(actor),
            // The plan was checked: the pool has every key that it names.
            key: self.keys.private_key(plan.agent_key_at(number, now)?).ok()?,
            profile: plan.profile_of(actor, now),
            parameters: Arc::clone(&self.parameters),
            smp: plan.origin_of(ActorId::Smp),
            pinned: self.pinned(),
            secure_storage,
            server: agent.server,
            server_node: Some(Plan::node_of(agent.server)),
            server_origin: plan.origin_of(agent.server),
            visits: visits(&agent.visits, now),
            requests: agent.requests,
            public_requests: agent.public_requests,
            connections: agent.connections,
            keeps_connections: agent.connection_use == ConnectionUse::KeepAlive,
            policy_interval: Duration::from_secs(agent.policy_interval_s),
            leaves_at,
            coexistence: self.coexistence(number, agent),
            rng: self.rng(actor, times_before),
            errand: Errand {
                desk: self.desk.clone(),
                installs_first: agent.bootstrap == Bootstrap::PushInstall,
                calls_by_asdk: agent.errand == plan::Errand::Asdk,
                fetches_packages: agent.errand == plan::Errand::Package,
                peers: self.peers(number, agent),
            },
        })
    }

    /// What an agent knows of other kinds of authentication than tokens when it is set up.
    fn coexistence(&self, number: u32, agent: &AgentPlan) -> Coexistence {
        Coexistence {
            machine_account: self.accounts.machine(agent.clone_of.unwrap_or(number)),
            fetches_unc: agent.codebase == Codebase::Unc,
            servers: Arc::clone(&self.redirected_to),
            proxy: self.proxy_of(number, agent),
        }
    }

    /// What an agent knows from policy that registered long ago.
    fn known_kinds(&self) -> KnownKinds {
        let (plan, start) = (&self.plan, VirtualTime::ZERO);
        let exceptions = servers_of(plan).filter_map(|it| Some((Plan::node_of(it), plan.exception_at(it, start)?)));
        let exceptions: BTreeMap<_, _> = exceptions.collect();
        let has_acc = plan.parameters.authentication.acc || exceptions.values().any(|on| on.acc);
        let entries = self.redirected_to.iter().map(|(_, server)| self.entry(*server));
        KnownKinds {
            authentication: plan.parameters_at(start).authentication,
            acc_fallback: plan.parameters.acc_fallback,
            anonymous_codebases: plan.parameters.anonymous_codebases,
            acc: self.accounts.acc(0).filter(|_| has_acc),
            servers: entries.collect(),
            exceptions,
        }
    }

    /// A server, as policy lists it when the run starts.
    fn entry(&self, server: ActorId) -> ServerEntry {
        ServerEntry {
            id: Plan::node_of(server),
            kind: if server == ActorId::Smp { ServerKind::Smp } else { ServerKind::Site },
            origin: self.plan.origin_of(server),
            profile: self.plan.profile_of(server, VirtualTime::ZERO),
        }
    }

    /// The random numbers of an actor for its next life.
    pub(crate) fn rng(&self, actor: ActorId, times_before: u32) -> ChaCha20Rng {
        let (kind, number) = match actor {
            ActorId::Smp => ("smp", 0),
            ActorId::Site(number) => ("site", number),
            ActorId::Agent(number) => ("agent", number),
            ActorId::Attacker(number) => ("attacker", number),
            ActorId::FrontEnd => ("front end", 0),
            ActorId::AutomationServer => ("automation server", 0),
            ActorId::AdministrationServer => ("administration server", 0),
            ActorId::PortletServer => ("portlet server", 0),
            ActorId::Browser(number) => ("browser", number),
            ActorId::Proxy(number) => ("proxy", number),
        };
        match times_before {
            0 => self.seed.rng(kind, number.into()),
            times => self.seed.rng(&format!("{kind} after {times} restarts"), number.into()),
        }
    }
}

fn servers_of(plan: &Plan) -> impl Iterator<Item = ActorId> {
    [ActorId::Smp].into_iter().chain((1..).map(ActorId::Site).take(plan.sites.len()))
}

fn visits(planned: &Visits, now: VirtualTime) -> AgentVisits {
    match planned {
        Visits::Every { first_ms, interval_ms, jitter_ms } => AgentVisits::Every {
            first: VirtualTime::from_millis(*first_ms),
            interval: Duration::from_millis(*interval_ms),
            jitter: Duration::from_millis(*jitter_ms),
        },
        // Calls that came while it was down are lost.
        Visits::At { times_us } => {
            AgentVisits::At(times_us.iter().copied().map(VirtualTime::from_micros).filter(|at| *at >= now).collect())
        }
    }
}
