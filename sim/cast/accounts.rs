//! The accounts of a plan. Where a plan has tokens alone there are none, and nothing is drawn.

use crate::{
    actor::Domain,
    plan::Plan,
    protocol::{Account, Password},
    types::{ActorId, NodeId, SeedStream},
};

/// The accounts of a plan: one for each machine, and the agent connectivity credentials.
#[derive(Clone, Copy, Debug)]
pub struct Accounts {
    seed: SeedStream,
    agents: u32,
    are_there: bool,
}

impl Accounts {
    /// Those of a plan.
    pub fn of(plan: &Plan, seed: SeedStream) -> Self {
        let agents = u32::try_from(plan.agents.len()).unwrap_or(u32::MAX);
        Self { seed, agents, are_there: !plan.is_tokens_only() }
    }

    /// The agent connectivity credentials after so many changes of the password.
    pub fn acc(&self, changes: u64) -> Option<Account> {
        let password = || Password::draw(&mut self.seed.rng("password of ACC", changes));
        self.are_there.then(|| Account { name: Account::ACC.to_owned(), password: password() })
    }

    /// The account of an agent's machine.
    pub fn machine(&self, agent: u32) -> Option<Account> {
        self.are_there.then(|| self.of_machine(agent))
    }

    /// The same, wherever it is asked for: proxies take it though servers may take tokens alone.
    pub(super) fn of_machine(&self, agent: u32) -> Account {
        let name = Account::name_of(Plan::node_of(ActorId::Agent(agent)));
        Account { name, password: Password::draw(&mut self.seed.rng("password of machine", agent.into())) }
    }

    /// The account that agents were given for proxies.
    pub(super) fn for_proxies(&self) -> Account {
        Account { name: "proxy".to_owned(), password: Password::draw(&mut self.seed.rng("password for proxies", 0)) }
    }

    /// The domain that knows all of them.
    pub(super) fn domain(&self) -> Domain {
        let domain = Domain::default();
        if let Some(acc) = self.acc(0) {
            domain.put(&acc, NodeId::ACC);
            for agent in 1..=self.agents {
                self.machine(agent).into_iter().for_each(|it| domain.put(&it, Plan::node_of(ActorId::Agent(agent))));
            }
        }
        domain
    }
}
