//! Puts the proxies of a plan on simulated hosts, each on one of its own.

use std::sync::Arc;

use super::{
    build::{Computer, Foundation},
    clock::HostClock,
};
use crate::{
    actor::ProxyServer,
    plan::Plan,
    types::{ActorId, ClockModel},
};

/// Adds the hosts of proxies to a simulation, if the plan has any.
pub fn build_proxies(foundation: &Arc<Foundation>, sim: &mut turmoil::Sim<'_>) {
    for actor in (1..).map(ActorId::Proxy).take(foundation.cast.plan.proxies.len()) {
        let foundation = Arc::clone(foundation);
        sim.host(Plan::host_of(actor), move || {
            let foundation = Arc::clone(&foundation);
            async move {
                foundation.shared.pacers.start();
                let clock = Arc::new(HostClock::new(Arc::clone(&foundation.shared.clock)));
                // Nothing that a proxy decides depends on the time of day.
                let wall = Arc::new(ClockModel::default());
                let (environment, _) = foundation.environment(actor, 0, &wall, &clock, Computer::default());
                let Some(settings) = foundation.cast.proxy_settings(actor) else { return Ok(()) };
                Ok(ProxyServer::start(environment, settings).run().await?)
            }
        });
    }
}
