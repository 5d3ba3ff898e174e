//! What an attacker knows and has when it starts.

use std::sync::Arc;

use rand_chacha::ChaCha20Rng;

use super::Reach;
use crate::{
    actor::PortalDatabase,
    crypto::{KeyPool, KeyPoolError, PrivateKey, PublicKey},
    plan::{Attack, AttackerPlan, Plan, Power},
    protocol::{Account, LoginTokenRules},
    types::{ActorId, NodeId, Origin, Parameters, SeedStream, VirtualTime},
};

/// What an attacker is told when it is set up. Beside what its power gives it, all of this is public.
#[derive(Clone, Debug)]
pub struct AttackerSettings {
    /// Who attacks whom, how and when.
    pub plan: AttackerPlan,
    /// Its own identity: for insiders that of a registered agent.
    pub node: NodeId,
    /// Its own key.
    pub key: PrivateKey,
    /// The identity of its victim.
    pub victim: NodeId,
    /// The public key of its victim.
    pub victim_public_key: PublicKey,
    /// The private key of its victim, where it has that.
    pub stolen_key: Option<PrivateKey>,
    /// Where the attacked server is reached.
    pub origin: Origin,
    /// All servers, the SMP first.
    pub servers: Vec<(ActorId, Origin)>,
    /// How many agents there are.
    pub agents: u32,
    /// The SMP's identity.
    pub smp_node: NodeId,
    /// The SMP's public key.
    pub smp_key: PublicKey,
    /// The protocol's parameters.
    pub parameters: Arc<Parameters>,
    /// What it knows of a portal, if there is one.
    pub portal: Option<AtPortal>,
    /// The accounts whose passwords it has, if that is its power.
    pub stolen_accounts: Option<StolenAccounts>,
    /// Where its random numbers come from.
    pub rng: ChaCha20Rng,
}

/// The accounts of which an attacker has the passwords, as they were when the run began.
#[derive(Clone, Debug)]
pub struct StolenAccounts {
    /// The agent connectivity credentials.
    pub acc: Account,
    /// The account of the victim's machine.
    pub machine: Account,
}

/// What an attacker on a portal knows of it.
#[derive(Clone, Debug)]
pub struct AtPortal {
    /// How login tokens are made and read: that is public.
    pub rules: LoginTokenRules,
    /// What stands between their fields.
    pub delimiter: char,
    /// Where the front end is reached.
    pub front_end: Origin,
    /// The names of all users but attackers, those of administrators first: they are no secret.
    pub users: Vec<String>,
    /// The user at the victim's browser, if the victim is one.
    pub victim_user: Option<String>,
    /// User and password of its own account, if it has one.
    pub account: Option<(String, String)>,
    /// The database with the key: only a thief of keys looks into it.
    pub database: PortalDatabase,
}

impl AttackerSettings {
    /// The settings of the attacker of that number, counted from 1. `None` if the plan has no such attacker, or its
    /// victim or server does not exist.
    ///
    /// # Errors
    /// If the key pool lacks a key that the plan names.
    pub fn of(plan: &Plan, number: u32, keys: &KeyPool) -> Result<Option<Self>, KeyPoolError> {
        let index = usize::try_from(number).unwrap_or(usize::MAX).wrapping_sub(1);
        let Some(attacker) = plan.attackers.get(index).cloned() else { return Ok(None) };
        let victim_key = match attacker.victim {
            ActorId::Agent(agent) => plan.agent(agent).map(|agent| agent.key),
            // Nobody there has a key of this kind.
            _ if attacker.attack.is_on_a_portal() => plan.portal.as_ref().map(|_| attacker.key),
            server => plan.server(server).map(|server| server.key),
        };
        let has_door = attacker.attack.is_on_a_portal() || attacker.attack.is_on_a_peer();
        let has_server = has_door || plan.server(attacker.server).is_some();
        let (Some(victim_key), true) = (victim_key, has_server) else { return Ok(None) };
        let victim_key = keys.private_key(victim_key)?;
        // A removed site server still has its key; that is what the attack is about.
        let is_former_site = attacker.attack == Attack::RogueSite && matches!(attacker.victim, ActorId::Site(_));
        let has_key = attacker.attack.power() == Power::HasKey || is_former_site;
        let sites = (1..).zip(&plan.sites).map(|(number, _)| ActorId::Site(number));
        let servers = [ActorId::Smp].into_iter().chain(sites).map(|server| (server, plan.origin_of(server)));
        Ok(Some(Self {
            node: Plan::node_of(ActorId::Attacker(number)),
            key: keys.private_key(attacker.key)?,
            victim: Plan::node_of(attacker.victim),
            victim_public_key: victim_key.public().clone(),
            stolen_key: has_key.then_some(victim_key),
            origin: match attacker.server {
                peer @ ActorId::Agent(_) => Plan::origin_of_peer(peer),
                server => plan.origin_of(server),
            },
            servers: servers.collect(),
            agents: u32::try_from(plan.agents.len()).unwrap_or(u32::MAX),
            smp_node: Plan::node_of(ActorId::Smp),
            smp_key: keys.private_key(plan.smp.key)?.public().clone(),
            parameters: Arc::new(plan.parameters.clone()),
            portal: None,
            stolen_accounts: None,
            rng: SeedStream::new(plan.seed).rng("attacker", number.into()),
            plan: attacker,
        }))
    }

    /// Whether the attacker is a registered agent.
    pub fn is_insider(&self) -> bool {
        self.plan.attack.power() == Power::Insider && !self.plan.attack.is_on_a_portal()
    }

    /// When it starts.
    pub fn start(&self) -> VirtualTime {
        VirtualTime::from_millis(self.plan.start_ms)
    }

    /// When it stops.
    pub fn until(&self) -> VirtualTime {
        VirtualTime::from_millis(self.plan.until_ms)
    }

    /// Where the SMP is reached.
    pub fn smp_origin(&self) -> &Origin {
        // The SMP stands first; a list without it would only mean that the attack goes nowhere.
        self.servers.first().map_or(&self.origin, |(_, origin)| origin)
    }

    /// The connections on which the attacker sits, if its power lets it. Several, where it needs several.
    pub fn reaches(&self) -> Vec<Reach> {
        let AttackerPlan { attack, server, victim, .. } = self.plan;
        let reach = |client, server| Reach { client, server, from: self.start(), until: self.until() };
        if !matches!(attack.power(), Power::Listens | Power::OnPath) {
            return Vec::new();
        }
        match attack {
            // Whatever the victim says anywhere, and how the attacked server gets its tokens.
            Attack::Eavesdropping => {
                let upstream = (server != ActorId::Smp).then(|| reach(Some(server), Some(ActorId::Smp)));
                [reach(Some(victim), None)].into_iter().chain(upstream).collect()
            }
            // What is captured on the way to one server is for another, too.
            Attack::CrossServerReplay | Attack::LoginReplay => vec![reach(Some(victim), None)],
            // An answer for another site server is captured on that one's connections. The SMP never sends itself any.
            Attack::TamperedBatch => vec![reach(None, Some(ActorId::Smp))],
            Attack::KeySwap => vec![reach(Some(victim), Some(ActorId::Smp))],
            _ => vec![reach(Some(victim), Some(server))],
        }
    }
}
