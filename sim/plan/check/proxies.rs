//! Proxies, and who is behind them.

use super::{inside, within};
use crate::{
    plan::{AgentPlan, PROXIES_MAX, Passage, Plan, PlanError},
    types::Scheme,
};

impl Plan {
    pub(super) fn check_proxies(&self) -> Result<(), PlanError> {
        within("proxies", self.proxies.len() as u64, 0..=PROXIES_MAX as u64, "", "each has a host of its own")?;
        for (index, agent) in self.agents.iter().enumerate() {
            self.check_proxy_of(agent).map_err(|error| inside(&format!("agents[{index}]"), error))?;
        }
        Ok(())
    }

    fn check_proxy_of(&self, agent: &AgentPlan) -> Result<(), PlanError> {
        let Some(proxy) = agent.proxy else { return Ok(()) };
        let found = format!("`{}`", proxy.actor());
        if proxy.number == 0 || u64::from(proxy.number) > self.proxies.len() as u64 {
            let expected = match self.proxies.len() {
                0 => "a proxy of the plan, which has none".to_owned(),
                count => format!("from 1 to {count}: proxies count from 1"),
            };
            return Err(PlanError::new("proxy", found, expected));
        }
        if proxy.passage == Passage::Tunnel {
            return Ok(());
        }
        let fault = match (self.scheme, self.is_tokens_only()) {
            (Scheme::Https, _) => "TLS",
            (_, false) => "accounts that authenticate a connection",
            _ => return Ok(()),
        };
        Err(PlanError::new("proxy", format!("{found} that forwards requests, beside {fault}"), "the passage `tunnel`")
            .help("what authenticates a connection goes to its server on one connection, and ends at no proxy"))
    }
}
