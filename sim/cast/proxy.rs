//! The proxies of a plan, and what agents have for them.

use std::sync::Arc;

use super::{Cast, servers_of};
use crate::{
    actor::{Domain, ProxyInBetween, ProxySettings},
    plan::{AgentPlan, Passage, Plan},
    types::{ActorId, Origin, Scheme},
};

/// Where proxies listen: at no port that servers have.
const PORT: u16 = 3_128;

impl Cast {
    /// What a proxy is told when it starts. None if the plan has no such proxy.
    pub fn proxy_settings(&self, actor: ActorId) -> Option<ProxySettings> {
        let ActorId::Proxy(number) = actor else { return None };
        let plan = self.plan.proxies.get(usize::try_from(number).ok()?.checked_sub(1)?)?;
        let servers = servers_of(&self.plan).map(|server| (Plan::host_of(server), server));
        Some(ProxySettings {
            node: Plan::node_of(actor),
            origin: origin_of(actor),
            schemes: plan.schemes.clone(),
            asks_for_token: plan.asks_for_token,
            domain: self.domain_of_proxies(),
            servers: servers.collect(),
            scheme: self.plan.scheme,
            parameters: Arc::clone(&self.parameters),
            rng: self.rng(actor, 0),
        })
    }

    /// The proxy in an agent's way, and what the agent has for it.
    pub(super) fn proxy_of(&self, number: u32, agent: &AgentPlan) -> Option<Arc<ProxyInBetween>> {
        let proxy = agent.proxy?;
        let plan = self.plan.proxies.get(usize::try_from(proxy.number).ok()?.checked_sub(1)?)?;
        Some(Arc::new(ProxyInBetween {
            actor: proxy.actor(),
            origin: origin_of(proxy.actor()),
            has_tunnel: proxy.passage == Passage::Tunnel,
            machine_account: self.accounts.of_machine(agent.clone_of.unwrap_or(number)),
            account: self.accounts.for_proxies(),
            allow_basic: plan.allow_basic,
        }))
    }

    /// The accounts that proxies take: those of all machines, and the one that agents were given for them.
    fn domain_of_proxies(&self) -> Domain {
        let domain = Domain::default();
        domain.put(&self.accounts.for_proxies(), Plan::node_of(ActorId::Proxy(1)));
        for (number, _) in (1..).zip(&self.plan.agents).filter(|(_, agent)| agent.proxy.is_some()) {
            domain.put(&self.accounts.of_machine(number), Plan::node_of(ActorId::Agent(number)));
        }
        domain
    }
}

fn origin_of(proxy: ActorId) -> Origin {
    Origin::new(Scheme::Http, Plan::host_of(proxy), PORT)
}
