//! Which actor may act in whose name.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    plan::{Attack, Errand, Plan},
    types::{ActorId, NodeId, VirtualTime},
};

/// The identities of a plan: everybody has one of its own, but clones share one (hole 15), and whoever stole an
/// agent's key, or a password, is that agent in everybody's eyes from its start on, since the scenario says so.
#[derive(Clone, Debug)]
pub struct Identities {
    clones: BTreeMap<ActorId, NodeId>,
    thieves: Vec<(ActorId, NodeId, VirtualTime)>,
    /// To whom ASDK tokens are handed out.
    asdk: BTreeSet<ActorId>,
}

impl Identities {
    pub(super) fn of(plan: &Plan) -> Self {
        let agents = (1..).map(ActorId::Agent).zip(&plan.agents);
        let clones = agents.filter_map(|(actor, agent)| Some((actor, Plan::node_of(ActorId::Agent(agent.clone_of?)))));
        let attackers = (1..).map(ActorId::Attacker).zip(&plan.attackers);
        let mut thieves = Vec::new();
        for (actor, plan) in attackers {
            let (victim, start) = (Plan::node_of(plan.victim), VirtualTime::from_millis(plan.start_ms));
            match plan.attack {
                Attack::StolenKey => thieves.push((actor, victim, start)),
                // Of either account, whichever servers take.
                Attack::StolenPassword => thieves.extend([(actor, victim, start), (actor, NodeId::ACC, start)]),
                _ => {}
            }
        }
        let asdk = (1..).map(ActorId::Agent).zip(&plan.agents).filter(|(_, agent)| agent.errand == Errand::Asdk);
        let asdk = asdk.map(|(actor, _)| actor).collect();
        Self { clones: clones.collect(), thieves, asdk }
    }

    /// Whether the plan gives an actor ASDK tokens (rule 63).
    pub fn has_asdk_token(&self, actor: ActorId) -> bool {
        self.asdk.contains(&actor)
    }

    /// The node that an actor is.
    pub fn node_of(&self, actor: ActorId) -> NodeId {
        self.clones.get(&actor).copied().unwrap_or_else(|| Plan::node_of(actor))
    }

    /// Whether what an actor does in the name of a node at that time is done by that node, as far as the plan says.
    pub fn may_act_for(&self, actor: ActorId, node: NodeId, at: VirtualTime) -> bool {
        // The ACC is an account of all agents, and of nobody else.
        node == NodeId::ACC && matches!(actor, ActorId::Agent(_))
            || self.node_of(actor) == node
            || self.thieves.iter().any(|thief| thief.0 == actor && thief.1 == node && thief.2 <= at)
    }
}
