//! Puts the parts of a plan's portal on simulated hosts: each server with a door on one of its own, the rest together.

use std::{future::pending, sync::Arc};

use super::{
    WorldError,
    build::{Computer, Foundation, HostResult},
    clock::HostClock,
    environment::SimulatedEnvironment,
    supervisor::{Run, Started, Starter, supervise, turns_of},
};
use crate::{
    actor::{
        AdministrationServer, AutomationServer, Browser, Cookie, Environment as _, FrontEnd, PortalDatabase,
        PortletServer, SecureStorage,
    },
    crypto::PrivateKey,
    event::{EventKind, PortalEvent},
    plan::{FaultKind, Plan},
    types::{ActorId, ClockModel, VirtualTime},
};

/// Adds the hosts of a portal to a simulation, if the plan has one.
pub fn build_portal(
    foundation: &Arc<Foundation>,
    sim: &mut turmoil::Sim<'_>,
    database: Option<PortalDatabase>,
) -> Result<(), WorldError> {
    let (Some(database), Some(portal)) = (database, &foundation.cast.plan.portal) else { return Ok(()) };
    let part = |actor| Part::new(foundation, actor, &database);
    for actor in [ActorId::FrontEnd, ActorId::AdministrationServer, ActorId::PortletServer] {
        let part = part(actor);
        sim.host(Plan::host_of(actor), move || part.clone().host());
    }
    let callers: Arc<[Part]> = portal.actors().filter(|actor| calls_only(*actor)).map(part).collect();
    let foundation = Arc::clone(foundation);
    sim.host("portal-clients", move || {
        let (callers, foundation) = (Arc::clone(&callers), Arc::clone(&foundation));
        async move {
            foundation.shared.pacers.start();
            let clock = Arc::new(HostClock::new(Arc::clone(&foundation.shared.clock)));
            for part in callers.iter().cloned() {
                let (actor, host_clock) = (part.actor, Arc::clone(&clock));
                // They have no door that might not open, so that they give no error.
                let supervised = async move { drop(part.supervised(host_clock).await) };
                let breakdown = Arc::clone(&foundation.shared.breakdown);
                tokio::task::spawn_local(breakdown.watch(actor, Arc::clone(&clock), supervised));
            }
            pending::<HostResult>().await
        }
    });
    Ok(())
}

/// Whoever only calls others shares a host.
fn calls_only(actor: ActorId) -> bool {
    matches!(actor, ActorId::AutomationServer | ActorId::Browser(_))
}

/// A part of the portal, through all of its lives.
#[derive(Clone)]
struct Part {
    foundation: Arc<Foundation>,
    actor: ActorId,
    database: PortalDatabase,
    wall: Arc<ClockModel>,
    /// Of a browser: it outlives its process.
    jar: SecureStorage<Cookie>,
}

impl Part {
    fn new(foundation: &Arc<Foundation>, actor: ActorId, database: &PortalDatabase) -> Self {
        let wall = Arc::new(foundation.cast.plan.clock_of(actor));
        let (foundation, database) = (Arc::clone(foundation), database.clone());
        Self { foundation, actor, database, wall, jar: SecureStorage::default() }
    }

    /// The host of a server, from the start of the run on.
    async fn host(self) -> HostResult {
        let foundation = Arc::clone(&self.foundation);
        foundation.shared.pacers.start();
        let clock = Arc::new(HostClock::new(Arc::clone(&foundation.shared.clock)));
        if self.actor == ActorId::FrontEnd {
            let (desk, _) = foundation.environment(self.actor, 0, &self.wall, &clock, Computer::default());
            let work = press_update(Arc::clone(&foundation), Arc::clone(&clock), desk, self.database.clone());
            let breakdown = Arc::clone(&foundation.shared.breakdown);
            tokio::task::spawn_local(breakdown.watch(self.actor, Arc::clone(&clock), work));
        }
        self.supervised(clock).await
    }

    async fn supervised(self, clock: Arc<HostClock>) -> HostResult {
        let turns = turns_of(self.actor, VirtualTime::ZERO, &self.foundation.cast.plan);
        supervise(Arc::clone(&clock), turns, PartStarter { part: self, clock }).await
    }
}

/// Presses 'Update' whenever the plan says so, whether or not any server is up: it is done to the database (rule 80).
async fn press_update(
    foundation: Arc<Foundation>,
    clock: Arc<HostClock>,
    desk: Arc<SimulatedEnvironment>,
    database: PortalDatabase,
) {
    let faults = foundation.cast.plan.faults.iter();
    let mut times: Vec<_> =
        faults.filter(|it| matches!(it.kind, FaultKind::PortalUpdate {})).map(|it| it.at()).collect();
    times.sort_unstable();
    for (number, at) in (1..).zip(times) {
        clock.sleep(at.since(clock.now())).await;
        let updates = database.open().update(&mut foundation.cast.seed.rng("login token key", number));
        desk.record(EventKind::Portal(PortalEvent::LoginTokenKeyUpdated { updates }));
    }
}

struct PartStarter {
    part: Part,
    clock: Arc<HostClock>,
}

impl Starter for PartStarter {
    fn start(&self, times_before: u32, now: VirtualTime) -> Option<Started> {
        let Part { foundation, actor, database, wall, jar } = &self.part;
        let cast = &foundation.cast;
        let settings = cast.portal_settings(*actor, times_before)?;
        let (environment, _) = foundation.environment(*actor, times_before, wall, &self.clock, Computer::default());
        let (life, database) = (Arc::clone(&environment), database.clone());
        let run: Run = match *actor {
            ActorId::FrontEnd => Box::pin(async move { FrontEnd::start(life, settings, database).run().await }),
            ActorId::AdministrationServer => {
                Box::pin(async move { AdministrationServer::start(life, settings, database).run().await })
            }
            ActorId::PortletServer => Box::pin(async move { PortletServer::start(life, settings).run().await }),
            ActorId::AutomationServer => {
                let jobs = cast.jobs(now, times_before);
                Box::pin(async move { AutomationServer::start(life, settings, database).run(jobs).await })
            }
            ActorId::Browser(number) => {
                let plan = cast.plan.portal.as_ref()?.browser(number)?;
                let own = cast.browser_settings(plan, now, jar.clone());
                Box::pin(async move { Browser::start(life, settings, own).run().await })
            }
            _ => return None,
        };
        Some(Started { environment, run, agent: None })
    }

    fn key(&self, _number: u32) -> Option<PrivateKey> {
        None
    }
}
