//! Puts the actors of a plan on simulated hosts: each server on one of its own, agents and attackers together.

use std::{
    error::Error,
    future::pending,
    sync::{Arc, Mutex},
};

use super::{
    WorldError,
    administrator::Administrator,
    breakdown::Breakdown,
    clock::{HostClock, WorldClock},
    connections::Connections,
    cpu::VirtualCpu,
    environment::SimulatedEnvironment,
    life::Life,
    network::Network,
    pacer::Pacers,
    portal::build_portal,
    proxy::build_proxies,
    recorder::Recorder,
    supervisor::{Run, Started, Starter, supervise, turns_of},
    surroundings::Surroundings,
};
use crate::{
    actor::{
        AgentActor, Database, Environment as _, Knowledge, PortalDatabase, SecureStorage, SharedMachine, SiteServer,
        SmpServer,
    },
    attack::{AtPortal, Attacker, AttackerSettings, SharedLoot, StolenAccounts, Wiretaps, interceptor},
    cast::{Cast, password_of, rules_of},
    crypto::{Backend, Engine, KeyUses, PrivateKey, Stopwatch, WallTotals, backend},
    plan::{AgentPlan, Attack, AttackerPlan, Plan},
    protocol::Policy,
    types::{ActorId, ClockModel, VirtualTime},
};

/// What all actors of a world share.
#[derive(Clone)]
pub struct Shared {
    pub clock: Arc<WorldClock>,
    pub recorder: Arc<Recorder>,
    pub pacers: Pacers,
    pub totals: Arc<WallTotals>,
    pub breakdown: Arc<Breakdown>,
    pub shared_cpu: Option<Arc<VirtualCpu>>,
    pub stopwatch: Option<Stopwatch>,
}

/// What is worked out once per plan.
pub struct Foundation {
    pub cast: Cast,
    pub shared: Shared,
    backend: Arc<dyn Backend>,
    surroundings: Arc<Surroundings>,
    /// Of everybody, where the plan has one machine.
    attackers: Vec<Intruder>,
}

/// An attacker and what it shares with its part on the wire.
struct Intruder {
    actor: ActorId,
    settings: AttackerSettings,
    loot: SharedLoot,
}

const AGENTS_PER_HOST: usize = 4_096;
/// Connections that the agents of a host may have open at the same time. A host has 64,511 ports, and one that was cut
/// off while it connected stays taken for a while.
const CONNECTIONS_PER_HOST: u32 = 16_384;

pub type HostResult = Result<(), Box<dyn Error>>;

/// Adds every host of a plan to a simulation.
pub fn build_hosts(sim: &mut turmoil::Sim<'_>, plan: &Plan, shared: &Shared) -> Result<(), WorldError> {
    let cast = Cast::new(plan)?;
    let backend = backend(plan.crypto)?;
    let portal = cast.portal_database();
    let attackers = intruders(&cast, portal.as_ref())?;
    let surroundings = Surroundings {
        connections: Connections::default(),
        network: Network::new(plan),
        wiretaps: wiretaps(&attackers, &backend, shared),
        seed: cast.seed,
        breakdown: Arc::clone(&shared.breakdown),
    };
    let foundation =
        Arc::new(Foundation { cast, shared: shared.clone(), backend, surroundings: Arc::new(surroundings), attackers });
    foundation.smp(sim)?;
    for site in (1..).map(ActorId::Site).take(plan.sites.len()) {
        foundation.site(sim, site)?;
    }
    foundation.clients(sim)?;
    build_proxies(&foundation, sim);
    build_portal(&foundation, sim, portal)
}

fn intruders(cast: &Cast, portal: Option<&PortalDatabase>) -> Result<Vec<Intruder>, WorldError> {
    let (plan, keys) = (&cast.plan, &cast.keys);
    let mut intruders = Vec::new();
    for number in (1..).take(plan.attackers.len()) {
        // An attack on somebody who is not there goes nowhere.
        if let Some(mut settings) = AttackerSettings::of(plan, number, keys)? {
            settings.portal = at_portal(cast, number, portal);
            settings.stolen_accounts = stolen_accounts(cast, &settings.plan);
            intruders.push(Intruder { actor: ActorId::Attacker(number), settings, loot: SharedLoot::default() });
        }
    }
    Ok(intruders)
}

/// The accounts whose passwords an attacker has.
fn stolen_accounts(cast: &Cast, attacker: &AttackerPlan) -> Option<StolenAccounts> {
    let victim = match (attacker.attack, attacker.victim) {
        (Attack::StolenPassword, ActorId::Agent(number)) => number,
        _ => return None,
    };
    Some(StolenAccounts { acc: cast.accounts.acc(0)?, machine: cast.accounts.machine(victim)? })
}

/// What an attacker on a portal knows of it: how its tokens look, and whatever its power gives it.
fn at_portal(cast: &Cast, number: u32, portal: Option<&PortalDatabase>) -> Option<AtPortal> {
    let plan = cast.plan.portal.as_ref()?;
    let account = cast.plan.account_of_attacker(number);
    let victim = match cast.plan.attackers.get(usize::try_from(number).ok()?.checked_sub(1)?)?.victim {
        ActorId::Browser(number) => plan.browser(number),
        _ => None,
    };
    Some(AtPortal {
        rules: rules_of(&cast.plan, plan)?,
        delimiter: plan.delimiter,
        front_end: cast.plan.origin_of(ActorId::FrontEnd),
        users: {
            let (administrators, others) = plan.browsers.iter().partition::<Vec<_>, _>(|browser| browser.administers);
            let impersonated = plan.browsers.iter().filter_map(|browser| browser.impersonates.as_ref());
            let at_browsers = administrators.into_iter().chain(others).map(|browser| &browser.user);
            at_browsers.chain(impersonated).chain(plan.jobs.iter().map(|job| &job.user)).cloned().collect()
        },
        victim_user: victim.map(|browser| browser.user.clone()),
        account: account.map(|user| {
            let password = password_of(&user, cast.seed);
            (user, password)
        }),
        database: portal?.clone(),
    })
}

/// The attackers that sit on the connections of others, if there are any.
fn wiretaps(attackers: &[Intruder], backend: &Arc<dyn Backend>, shared: &Shared) -> Option<Wiretaps> {
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
    (!wiretaps.is_empty()).then_some(wiretaps)
}

impl Foundation {
    fn smp(self: &Arc<Self>, sim: &mut turmoil::Sim<'_>) -> Result<(), WorldError> {
        let (actor, database) = (ActorId::Smp, self.cast.database()?);
        for Intruder { settings, .. } in self.attackers.iter().filter(|attacker| attacker.settings.is_insider()) {
            database.open().install(settings.node, settings.key.public().clone());
        }
        let administrator = Administrator::new(&self.cast, database.clone())?;
        let key = self.cast.server_key(actor)?;
        let (kind, machine) = (ServerState::Smp(database), self.cast.machine(actor));
        let server = Server { foundation: Arc::clone(self), actor, key, kind, machine };
        sim.host(Plan::host_of(actor), move || server.clone().host(Some(administrator.clone())));
        Ok(())
    }

    fn site(self: &Arc<Self>, sim: &mut turmoil::Sim<'_>, actor: ActorId) -> Result<(), WorldError> {
        let key = self.cast.server_key(actor)?;
        let kind = ServerState::Site(SecureStorage::default());
        let server = Server { foundation: Arc::clone(self), actor, key, kind, machine: self.cast.machine(actor) };
        sim.host(Plan::host_of(actor), move || server.clone().host(None));
        Ok(())
    }

    /// Whoever only calls others shares hosts, agents on whatever branch and all attackers: who can reach whom is a matter of
    /// the network, not of the host, and every host costs each step of the simulation a microsecond or two.
    fn clients(self: &Arc<Self>, sim: &mut turmoil::Sim<'_>) -> Result<(), WorldError> {
        let plan = &self.cast.plan;
        let mut residents = Vec::with_capacity(plan.agents.len());
        for (number, agent) in (1..).zip(&plan.agents) {
            // That the key is there is seen now, where it can still be told.
            self.cast.keys.private_key(agent.key)?;
            residents.push(Resident {
                foundation: Arc::clone(self),
                number,
                secure_storage: self.cast.secure_storage(agent),
                wall: Arc::new(plan.clock_of(ActorId::Agent(number))),
            });
        }
        // Whoever has a door has a host of its own, by the name under which others call it.
        let (peers, residents): (Vec<_>, Vec<_>) = residents.into_iter().partition(|agent| plan.is_peer(agent.number));
        for peer in peers {
            self.client_host(sim, Plan::host_of(ActorId::Agent(peer.number)), [peer].into(), false);
        }
        let mut rest = residents.as_slice();
        for number in 1.. {
            let (agents, others) = rest.split_at(self.room(rest));
            self.client_host(sim, format!("clients-{number}"), agents.into(), number == 1);
            rest = others;
            if rest.is_empty() {
                break;
            }
        }
        Ok(())
    }

    /// How many agents find room on one host: at least one, if there is one.
    fn room(&self, agents: &[Resident]) -> usize {
        let mut connections = 0_u32;
        let plans = agents.iter().map(|agent| self.cast.plan.agent(agent.number));
        let fits = plans.take(AGENTS_PER_HOST).take_while(|plan| {
            connections = connections.saturating_add(plan.map_or(1, |plan| plan.connections));
            connections <= CONNECTIONS_PER_HOST
        });
        fits.count().max(1).min(agents.len())
    }

    fn client_host(
        self: &Arc<Self>,
        sim: &mut turmoil::Sim<'_>,
        name: String,
        agents: Arc<[Resident]>,
        has_attackers: bool,
    ) {
        let foundation = Arc::clone(self);
        sim.host(name, move || {
            let (agents, foundation) = (Arc::clone(&agents), Arc::clone(&foundation));
            async move {
                foundation.shared.pacers.start();
                let clock = Arc::new(HostClock::new(Arc::clone(&foundation.shared.clock)));
                for agent in agents.iter().cloned() {
                    let agent = AgentStarter { agent, clock: Arc::clone(&clock) };
                    let start = VirtualTime::from_millis(agent.plan().map_or(0, |plan| plan.start_ms));
                    let turns = turns_of(agent.actor(), start, &foundation.cast.plan);
                    let (actor, clock_of_agent) = (agent.actor(), Arc::clone(&clock));
                    // Agents have no door that might not open, so that they give no error.
                    let supervised = async move { drop(supervise(clock_of_agent, turns, agent).await) };
                    let breakdown = Arc::clone(&foundation.shared.breakdown);
                    tokio::task::spawn_local(breakdown.watch(actor, Arc::clone(&clock), supervised));
                }
                if has_attackers {
                    foundation.start_attackers(&clock);
                }
                pending::<HostResult>().await
            }
        });
    }

    /// Starts all attackers, each with an environment of its own.
    fn start_attackers(&self, clock: &Arc<HostClock>) {
        let wall = Arc::new(ClockModel::default());
        for Intruder { actor, settings, loot } in &self.attackers {
            let (environment, engine) = self.environment(*actor, 0, &wall, clock, Computer::default());
            let spawner = Arc::clone(&environment);
            spawner.spawn(Attacker::new(environment, engine, settings.clone(), Arc::clone(loot)).run());
        }
    }

    /// Environment and engine of an actor for its next life.
    pub fn environment(
        &self,
        actor: ActorId,
        times_before: u32,
        wall: &Arc<ClockModel>,
        clock: &Arc<HostClock>,
        computer: Computer,
    ) -> (Arc<SimulatedEnvironment>, Arc<Engine>) {
        let shared = &self.shared;
        let engine = Engine::new(Arc::clone(&self.backend), Arc::clone(&shared.totals), shared.stopwatch);
        let mishaps = || Mutex::new(self.cast.seed.rng(&format!("network of {actor}"), times_before.into()));
        let environment = SimulatedEnvironment {
            actor,
            clock: Arc::clone(clock),
            wall: Arc::clone(wall),
            run_start: self.cast.plan.run_start,
            cpu: shared.shared_cpu.clone().or(computer.cpu.map(Arc::new)),
            costs: self.cast.plan.costs,
            key_uses: KeyUses::default(),
            surroundings: Arc::clone(&self.surroundings),
            mishaps: (!self.surroundings.network.is_untroubled()).then(mishaps),
            machine: computer.machine,
            life: Life::default(),
            recorder: Arc::clone(&shared.recorder),
        };
        (Arc::new(environment), Arc::new(engine))
    }
}

/// A server, through all of its lives.
#[derive(Clone)]
struct Server {
    foundation: Arc<Foundation>,
    actor: ActorId,
    key: PrivateKey,
    kind: ServerState,
    machine: Option<SharedMachine>,
}

/// What an actor runs on; agents and attackers have nothing of it that is modelled.
#[derive(Default)]
pub struct Computer {
    cpu: Option<VirtualCpu>,
    machine: Option<SharedMachine>,
}

/// What a server keeps from one life to the next.
#[derive(Clone)]
enum ServerState {
    Smp(Database),
    Site(SecureStorage<Policy>),
}

impl Server {
    /// The host of a server, from the start of the run on.
    async fn host(self, administrator: Option<Administrator>) -> HostResult {
        let foundation = Arc::clone(&self.foundation);
        foundation.shared.pacers.start();
        let clock = Arc::new(HostClock::new(Arc::clone(&foundation.shared.clock)));
        let wall = Arc::new(foundation.cast.plan.clock_of(self.actor));
        if let Some(administrator) = administrator {
            let (desk, engine) = foundation.environment(self.actor, 0, &wall, &clock, Computer::default());
            let work = administrator.work(Arc::clone(&clock), desk, engine);
            let breakdown = Arc::clone(&foundation.shared.breakdown);
            tokio::task::spawn_local(breakdown.watch(self.actor, Arc::clone(&clock), work));
        }
        let start_ms = foundation.cast.plan.server(self.actor).map_or(0, |server| server.start_ms);
        let turns = turns_of(self.actor, VirtualTime::from_millis(start_ms), &foundation.cast.plan);
        supervise(Arc::clone(&clock), turns, ServerStarter { server: self, wall, clock }).await
    }
}

struct ServerStarter {
    server: Server,
    wall: Arc<ClockModel>,
    clock: Arc<HostClock>,
}

impl Starter for ServerStarter {
    fn start(&self, times_before: u32, now: VirtualTime) -> Option<Started> {
        let Server { foundation, actor, key, kind, machine } = &self.server;
        let cast = &foundation.cast;
        let cpu = VirtualCpu::new(cast.plan.server(*actor)?.cores, cast.plan.costs);
        let computer = Computer { cpu: Some(cpu), machine: machine.clone() };
        let (environment, engine) = foundation.environment(*actor, times_before, &self.wall, &self.clock, computer);
        let settings = cast.server_settings(*actor, key.clone(), times_before, now);
        let life = Arc::clone(&environment);
        let run: Run = match kind.clone() {
            ServerState::Smp(database) => {
                Box::pin(async move { SmpServer::start(life, engine, settings, database).run().await })
            }
            ServerState::Site(secure_storage) => {
                let site = cast.site_settings(secure_storage);
                Box::pin(async move { SiteServer::start(life, engine, settings, site).run().await })
            }
        };
        Some(Started { environment, run, agent: None })
    }

    fn key(&self, _number: u32) -> Option<PrivateKey> {
        None
    }
}

/// An agent, through all of its lives.
#[derive(Clone)]
struct Resident {
    foundation: Arc<Foundation>,
    number: u32,
    secure_storage: SecureStorage<Knowledge>,
    wall: Arc<ClockModel>,
}

struct AgentStarter {
    agent: Resident,
    clock: Arc<HostClock>,
}

impl AgentStarter {
    fn actor(&self) -> ActorId {
        ActorId::Agent(self.agent.number)
    }

    fn plan(&self) -> Option<&AgentPlan> {
        self.agent.foundation.cast.plan.agent(self.agent.number)
    }
}

impl Starter for AgentStarter {
    fn start(&self, times_before: u32, now: VirtualTime) -> Option<Started> {
        let (agent, cast) = (&self.agent, &self.agent.foundation.cast);
        let settings = cast.agent_settings(agent.number, agent.secure_storage.clone(), times_before, now)?;
        let (environment, engine) =
            agent.foundation.environment(self.actor(), times_before, &agent.wall, &self.clock, Computer::default());
        let actor = AgentActor::start(Arc::clone(&environment), engine, settings);
        let life = Arc::clone(&actor);
        let run = Box::pin(async move {
            life.run().await;
            Ok(())
        });
        Some(Started { environment, run, agent: Some(actor) })
    }

    fn key(&self, number: u32) -> Option<PrivateKey> {
        // The plan was checked: the pool has every key that it names.
        self.agent.foundation.cast.keys.private_key(number).ok()
    }
}
