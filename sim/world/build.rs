//! Puts the actors of a plan on simulated hosts: one host per server, and many agents on each branch.

use std::{collections::BTreeMap, error::Error, future::pending, sync::Arc, time::Duration};

use super::{
    WorldError,
    clock::{HostClock, WorldClock},
    connections::Connections,
    cpu::VirtualCpu,
    environment::SimulatedEnvironment,
    pacer::Pacers,
    recorder::Recorder,
};
use crate::{
    actor::{
        AgentActor, AgentSettings, Environment as _, ServerSettings, SiteServer, SiteSettings, SmpServer, SmpSettings,
        Visits as AgentVisits,
    },
    attack::{Attacker, AttackerSettings, SharedLoot, Wiretaps, interceptor},
    crypto::{Backend, Engine, KeyPool, PrivateKey, Stopwatch, WallTotals, backend},
    plan::{AgentPlan, Bootstrap, ConnectionUse, Plan, ServerPlan, Visits},
    protocol::ServerKeys,
    types::{ActorId, ClockModel, Parameters, SeedStream, VirtualTime},
};

/// What all actors of a world share.
#[derive(Clone)]
pub struct Shared {
    pub clock: Arc<WorldClock>,
    pub connections: Arc<Connections>,
    pub recorder: Arc<Recorder>,
    pub pacers: Pacers,
    pub totals: Arc<WallTotals>,
    pub stopwatch: Option<Stopwatch>,
}

/// What is worked out once per plan.
struct Builder<'a> {
    plan: &'a Plan,
    shared: &'a Shared,
    backend: Arc<dyn Backend>,
    parameters: Arc<Parameters>,
    keys: KeyPool,
    seed: SeedStream,
    smp_key: PrivateKey,
    attackers: Arc<Vec<Intruder>>,
    wiretaps: Arc<Wiretaps>,
}

/// An attacker and what it shares with its part on the wire.
struct Intruder {
    actor: ActorId,
    settings: AttackerSettings,
    loot: SharedLoot,
}

/// Adds every host of a plan to a simulation.
pub fn build_hosts(sim: &mut turmoil::Sim<'_>, plan: &Plan, shared: &Shared) -> Result<(), WorldError> {
    let seed = SeedStream::new(plan.seed);
    let keys = KeyPool::new(seed);
    let mut attackers = Vec::new();
    for number in (1..).take(plan.attackers.len()) {
        // An attack on somebody who is not there goes nowhere.
        if let Some(settings) = AttackerSettings::of(plan, number, &keys)? {
            attackers.push(Intruder { actor: ActorId::Attacker(number), settings, loot: SharedLoot::default() });
        }
    }
    let backend = backend(plan.crypto)?;
    let builder = Builder {
        plan,
        shared,
        wiretaps: Arc::new(wiretaps(&attackers, &backend, shared)),
        backend,
        parameters: Arc::new(plan.parameters.clone()),
        smp_key: keys.private_key(plan.smp.key)?,
        keys,
        seed,
        attackers: Arc::new(attackers),
    };
    builder.smp(sim)?;
    for (index, site) in plan.sites.iter().enumerate() {
        builder.site(sim, number_of(index), site)?;
    }
    builder.branches(sim)?;
    builder.attackers(sim);
    Ok(())
}

/// The attackers that sit on the connections of others.
fn wiretaps(attackers: &[Intruder], backend: &Arc<dyn Backend>, shared: &Shared) -> Wiretaps {
    let (clock, recorder) = (Arc::clone(&shared.clock), Arc::clone(&shared.recorder));
    let mut wiretaps = Wiretaps::new(Arc::new(move |event| {
        if !recorder.is_closed() {
            clock.note_activity();
            recorder.record(event);
        }
    }));
    for Intruder { actor, settings, loot } in attackers {
        let engine = Engine::new(Arc::clone(backend), Arc::clone(&shared.totals), shared.stopwatch);
        if let Some(interceptor) = interceptor(settings, &Arc::new(engine), loot) {
            wiretaps.add(*actor, settings.reaches(), interceptor);
        }
    }
    wiretaps
}

/// Actors are counted from 1.
fn number_of(index: usize) -> u32 {
    u32::try_from(index + 1).unwrap_or(u32::MAX)
}

type HostResult = Result<(), Box<dyn Error>>;

impl Builder<'_> {
    fn smp(&self, sim: &mut turmoil::Sim<'_>) -> Result<(), WorldError> {
        let settings = self.server_settings(ActorId::Smp, &self.plan.smp)?;
        let mut installed = Vec::new();
        for (index, agent) in self.plan.agents.iter().enumerate() {
            if agent.bootstrap == Bootstrap::Installed {
                let node = Plan::node_of(ActorId::Agent(number_of(index)));
                installed.push((node, self.keys.private_key(agent.key)?.public().clone()));
            }
        }
        for attacker in self.attackers.iter().filter(|attacker| attacker.settings.is_insider()) {
            installed.push((attacker.settings.node, attacker.settings.key.public().clone()));
        }
        let approved_sites =
            (0..self.plan.sites.len()).map(|index| Plan::node_of(ActorId::Site(number_of(index)))).collect();
        let smp = SmpSettings { approved_sites, installed };
        let host = self.host(&self.plan.smp, ActorId::Smp);
        sim.host(Plan::host_of(ActorId::Smp), move || {
            let (host, settings, smp) = (host.clone(), settings.clone(), smp.clone());
            async move {
                let (environment, engine) = host.start().await;
                SmpServer::start(environment, engine, settings, smp).run().await?;
                Ok(())
            }
        });
        Ok(())
    }

    fn site(&self, sim: &mut turmoil::Sim<'_>, number: u32, site: &ServerPlan) -> Result<(), WorldError> {
        let actor = ActorId::Site(number);
        let settings = self.server_settings(actor, site)?;
        let host = self.host(site, actor);
        let upstream =
            SiteSettings { smp: self.plan.origin_of(ActorId::Smp), pinned: self.smp_key.public().thumbprint() };
        sim.host(Plan::host_of(actor), move || {
            let (host, settings, upstream) = (host.clone(), settings.clone(), upstream.clone());
            async move {
                let (environment, engine) = host.start().await;
                SiteServer::start(environment, engine, settings, upstream).run().await?;
                Ok(())
            }
        });
        Ok(())
    }

    fn branches(&self, sim: &mut turmoil::Sim<'_>) -> Result<(), WorldError> {
        let mut branches: BTreeMap<u32, Vec<(ActorId, ClockModel, Duration, AgentSettings)>> = BTreeMap::new();
        for (index, agent) in self.plan.agents.iter().enumerate() {
            let actor = ActorId::Agent(number_of(index));
            let settings = self.agent_settings(number_of(index), agent)?;
            let start = Duration::from_millis(agent.start_ms);
            branches.entry(agent.branch).or_default().push((actor, self.plan.clock_of(actor), start, settings));
        }
        for (branch, agents) in branches {
            let agents = Arc::new(agents);
            let template = self.host(&self.plan.smp, ActorId::Smp);
            sim.host(format!("branch-{branch}"), move || {
                let (agents, template) = (Arc::clone(&agents), template.clone());
                async move {
                    template.shared.pacers.start();
                    let clock = Arc::new(HostClock::new(Arc::clone(&template.shared.clock)));
                    for (actor, wall, start, settings) in agents.iter().cloned() {
                        let (environment, engine) = template.agent(actor, wall, &clock);
                        let spawner = Arc::clone(&environment);
                        spawner.spawn(async move {
                            environment.clock.sleep(start).await;
                            AgentActor::start(environment, engine, settings).run().await;
                        });
                    }
                    pending::<HostResult>().await
                }
            });
        }
        Ok(())
    }

    /// All attackers live on one host, each with an environment of its own.
    fn attackers(&self, sim: &mut turmoil::Sim<'_>) {
        if self.attackers.is_empty() {
            return;
        }
        let attackers = Arc::clone(&self.attackers);
        let template = self.host(&self.plan.smp, ActorId::Smp);
        sim.host("attackers", move || {
            let (attackers, template) = (Arc::clone(&attackers), template.clone());
            async move {
                template.shared.pacers.start();
                let clock = Arc::new(HostClock::new(Arc::clone(&template.shared.clock)));
                for Intruder { actor, settings, loot } in attackers.iter() {
                    let (environment, engine) = template.agent(*actor, ClockModel::default(), &clock);
                    let spawner = Arc::clone(&environment);
                    spawner.spawn(Attacker::new(environment, engine, settings.clone(), Arc::clone(loot)).run());
                }
                pending::<HostResult>().await
            }
        });
    }

    fn server_settings(&self, actor: ActorId, server: &ServerPlan) -> Result<ServerSettings, WorldError> {
        Ok(ServerSettings {
            node: Plan::node_of(actor),
            origin: self.plan.origin_of(actor),
            key: self.keys.private_key(server.key)?,
            profile: self.plan.profile,
            parameters: Arc::clone(&self.parameters),
            rng: match actor {
                ActorId::Site(number) => self.seed.rng("site", number.into()),
                _ => self.seed.rng("smp", 0),
            },
        })
    }

    fn agent_settings(&self, number: u32, agent: &AgentPlan) -> Result<AgentSettings, WorldError> {
        let installed_keys = (agent.bootstrap == Bootstrap::Installed).then(|| {
            let mut keys = ServerKeys::default();
            keys.insert(self.smp_key.public().clone());
            keys
        });
        Ok(AgentSettings {
            node: Plan::node_of(ActorId::Agent(number)),
            key: self.keys.private_key(agent.key)?,
            profile: self.plan.profile,
            parameters: Arc::clone(&self.parameters),
            smp: self.plan.origin_of(ActorId::Smp),
            pinned: self.smp_key.public().thumbprint(),
            installed_keys,
            server: agent.server,
            server_node: Plan::node_of(agent.server),
            server_origin: self.plan.origin_of(agent.server),
            visits: match &agent.visits {
                Visits::Every { first_ms, interval_ms, jitter_ms } => AgentVisits::Every {
                    first: VirtualTime::from_millis(*first_ms),
                    interval: Duration::from_millis(*interval_ms),
                    jitter: Duration::from_millis(*jitter_ms),
                },
                Visits::At { times_ms } => {
                    AgentVisits::At(times_ms.iter().copied().map(VirtualTime::from_millis).collect())
                }
            },
            requests: agent.requests,
            public_requests: agent.public_requests,
            connections: agent.connections,
            keeps_connections: agent.connection_use == ConnectionUse::KeepAlive,
            policy_interval: Duration::from_secs(agent.policy_interval_s),
            leaves_at: agent.leave_ms.map(VirtualTime::from_millis),
            rng: self.seed.rng("agent", number.into()),
        })
    }

    fn host(&self, server: &ServerPlan, actor: ActorId) -> HostTemplate {
        HostTemplate {
            actor,
            wall: self.plan.clock_of(actor),
            start: Duration::from_millis(server.start_ms),
            cores: server.cores,
            plan_start: self.plan.run_start,
            costs: self.plan.costs,
            backend: Arc::clone(&self.backend),
            shared: self.shared.clone(),
            wiretaps: Arc::clone(&self.wiretaps),
        }
    }
}

/// What a host needs each time that it starts.
#[derive(Clone)]
struct HostTemplate {
    actor: ActorId,
    wall: ClockModel,
    start: Duration,
    cores: u32,
    plan_start: crate::types::UnixSeconds,
    costs: crate::types::Costs,
    backend: Arc<dyn Backend>,
    shared: Shared,
    wiretaps: Arc<Wiretaps>,
}

impl HostTemplate {
    /// A server's environment and engine, once its time has come.
    async fn start(&self) -> (Arc<SimulatedEnvironment>, Arc<Engine>) {
        self.shared.pacers.start();
        let clock = Arc::new(HostClock::new(Arc::clone(&self.shared.clock)));
        clock.sleep(self.start).await;
        self.environment(self.actor, self.wall.clone(), &clock, Some(VirtualCpu::new(self.cores)))
    }

    /// An agent's environment and engine.
    fn agent(
        &self,
        actor: ActorId,
        wall: ClockModel,
        clock: &Arc<HostClock>,
    ) -> (Arc<SimulatedEnvironment>, Arc<Engine>) {
        self.environment(actor, wall, clock, None)
    }

    fn environment(
        &self,
        actor: ActorId,
        wall: ClockModel,
        clock: &Arc<HostClock>,
        cpu: Option<VirtualCpu>,
    ) -> (Arc<SimulatedEnvironment>, Arc<Engine>) {
        let engine = Engine::new(Arc::clone(&self.backend), Arc::clone(&self.shared.totals), self.shared.stopwatch);
        let environment = SimulatedEnvironment {
            actor,
            clock: Arc::clone(clock),
            wall,
            run_start: self.plan_start,
            cpu,
            costs: self.costs,
            connections: Arc::clone(&self.shared.connections),
            recorder: Arc::clone(&self.shared.recorder),
            wiretaps: Arc::clone(&self.wiretaps),
        };
        (Arc::new(environment), Arc::new(engine))
    }
}
