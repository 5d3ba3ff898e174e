//! Which kinds of authentication are on where and when, by the plan.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    plan::{Attack, Codebase, Plan},
    types::{ActorId, Authentication, VirtualTime},
};

/// What policy says of each server, all through the run.
#[derive(Clone, Debug)]
pub struct Kinds {
    is_tokens_only: bool,
    /// Since when each server offers what; empty where everybody has tokens alone.
    servers: BTreeMap<ActorId, Vec<(VirtualTime, Authentication)>>,
    fetches_unc: Vec<bool>,
    acc_fallback: bool,
    is_stripped: bool,
}

impl Kinds {
    pub(super) fn of(plan: &Plan) -> Self {
        let is_tokens_only = plan.is_tokens_only();
        let ends = plan.faults.iter().flat_map(|fault| [Some(fault.at()), fault.until_ms.map(|_| fault.until())]);
        let mut instants: Vec<_> = ends.flatten().chain([VirtualTime::ZERO]).collect();
        instants.sort_unstable();
        instants.dedup();
        let sites = (1..).map(ActorId::Site).take(plan.sites.len());
        let servers = [ActorId::Smp].into_iter().chain(sites).filter(|_| !is_tokens_only);
        let of = |server| instants.iter().map(|at| (*at, plan.authentication_at(server, *at))).collect();
        Self {
            is_tokens_only,
            servers: servers.map(|server| (server, of(server))).collect(),
            fetches_unc: plan.agents.iter().map(|agent| agent.codebase == Codebase::Unc).collect(),
            acc_fallback: plan.parameters.acc_fallback,
            is_stripped: plan.attackers.iter().any(|attacker| attacker.attack == Attack::StrippedChallenge),
        }
    }

    /// Whether there is nothing but tokens anywhere, at any time.
    pub fn is_tokens_only(&self) -> bool {
        self.is_tokens_only
    }

    /// Whether policy lets agents fall back to ACC where tokens fail.
    pub fn acc_fallback(&self) -> bool {
        self.acc_fallback
    }

    /// Whether an agent that learned of policy at `learned` may be talked out of tokens (attack 17): somebody takes them out of
    /// challenges, and that policy had none for this server, so that nothing tells the agent of it.
    pub fn may_be_talked_out(&self, server: ActorId, learned: VirtualTime) -> bool {
        self.is_stripped && !self.may_be_on(server, learned, Duration::ZERO, |authentication| authentication.token)
    }

    /// Whether what an agent fetches lies at a UNC path.
    pub fn fetches_unc(&self, agent: ActorId) -> bool {
        match agent {
            ActorId::Agent(number) => {
                let index = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
                index.and_then(|index| self.fetches_unc.get(index)).copied().unwrap_or(false)
            }
            _ => false,
        }
    }

    /// Whether what an agent does at a server is a matter of tokens: it fetches nothing by a UNC path, and the server has
    /// tokens on all through the run.
    pub fn is_about_tokens(&self, agent: ActorId, server: ActorId) -> bool {
        // No stages are kept where everybody has tokens alone.
        !self.fetches_unc(agent) && self.of_server(server).iter().all(|(_, authentication)| authentication.token)
    }

    /// Whether a server may have on what `is_on` asks for, at some time within `delay` before `at`: it learns of policy late.
    pub fn may_be_on(
        &self,
        server: ActorId,
        at: VirtualTime,
        delay: Duration,
        is_on: impl Fn(Authentication) -> bool,
    ) -> bool {
        let stages = self.of_server(server);
        let ends = stages.iter().skip(1).map(|(from, _)| *from).chain([VirtualTime(u64::MAX)]);
        let spans = stages.iter().zip(ends);
        spans
            .into_iter()
            .any(|((from, authentication), until)| *from <= at && at <= until.after(delay) && is_on(*authentication))
    }

    /// Whether an agent can ever be let in by a server as it is at the end of the run.
    pub fn lets_in_at_last(&self, agent: ActorId, server: ActorId) -> bool {
        let Some((_, last)) = self.of_server(server).last() else { return !self.fetches_unc(agent) };
        if self.fetches_unc(agent) { last.acc } else { last.token || last.windows || last.acc }
    }

    fn of_server(&self, server: ActorId) -> &[(VirtualTime, Authentication)] {
        self.servers.get(&server).map_or(&[], Vec::as_slice)
    }
}
