//! Servers that somebody else has started.

use std::{io, net::ToSocketAddrs as _};

use crate::{
    actor::{AgentSettings, SecureStorage},
    plan::{Bootstrap, Plan},
    socket::ClientTls,
    types::{ActorId, NodeId, Origin, Scheme, SeedStream, Thumbprint, WallTime},
};

/// Servers that somebody else has started, and that are to bear the load.
#[derive(Clone, Debug)]
pub struct Target {
    /// The server that all agents visit.
    pub server: Origin,
    /// Where agents register.
    pub smp: Origin,
    /// The SMP's key, by its thumbprint.
    pub pin: Thumbprint,
    /// Whose certificates are trusted; without it, only plain connections are made.
    pub trust: Option<ClientTls>,
    /// Whether somebody said that it is his own. Else agents connect to this machine alone, whatever policy tells them.
    pub is_owned: bool,
}

impl Target {
    /// Whether both servers are on this machine: whatever their names say, all of their addresses are loopback.
    ///
    /// # Errors
    /// If a name has no address.
    pub fn is_loopback(&self) -> io::Result<bool> {
        for origin in [&self.server, &self.smp] {
            let mut addresses = (origin.host(), origin.port()).to_socket_addrs()?;
            if !addresses.all(|address| address.ip().to_canonical().is_loopback()) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Puts the target in the place of the plan's servers: all agents visit it, and have registered before the load begins.
    /// What only servers see cannot be asked for, since they are not heard.
    pub fn replace_servers(&self, plan: &mut Plan) {
        plan.scheme = if self.server.is_secure() { Scheme::Https } else { Scheme::Http };
        let server = if self.server == self.smp { ActorId::Smp } else { ActorId::Site(1) };
        plan.sites.truncate(if server == ActorId::Smp { 0 } else { 1 });
        for agent in &mut plan.agents {
            agent.server = server;
            agent.bootstrap = Bootstrap::Installed;
        }
        plan.expectation.reach.retain(|milestone| milestone.is_seen_by_agents());
    }

    /// Sends an agent of a plan there instead. It registers like a new one, and learns from policy who its server is. Its
    /// identity belongs to its seed, since its key does: another seed is another fleet, and not one with stolen names.
    ///
    /// Its random numbers hang on when the load begins: servers remember the nonces and counters of earlier loads of the seed.
    pub(super) fn aim(&self, settings: AgentSettings, number: u32, seed: u64, begin: WallTime) -> AgentSettings {
        const SEED_BITS: u32 = 42;
        let of_seed = u128::from(seed & ((1 << SEED_BITS) - 1)) << 80;
        AgentSettings {
            node: NodeId::from_bits(settings.node.bits() | of_seed),
            smp: self.smp.clone(),
            pinned: self.pin,
            secure_storage: SecureStorage::default(),
            // It is known by its place alone.
            server_node: None,
            server_origin: self.server.clone(),
            rng: SeedStream::new(seed ^ begin.0).rng("agent of a load", number.into()),
            ..settings
        }
    }
}
