//! What administrators do at the SMP, as the plan says.

use std::{sync::Arc, time::Duration};

use rand_core::Rng as _;

use super::{clock::HostClock, environment::SimulatedEnvironment};
use crate::{
    actor::{BearerDesk, Database, Domain, Environment as _},
    cast::Cast,
    crypto::{Engine, KeyPoolError, PrivateKey},
    event::{BearerEvent, EventKind},
    plan::{Fault, FaultKind, Plan},
    protocol::Account,
    types::{Authentication, BearerKind, Jti, NodeId, Parameters, Undigested, VirtualTime},
};

/// Something that an administrator does.
#[derive(Clone, Debug)]
enum Act {
    Revoke(NodeId),
    Reinstate(NodeId),
    RotateKey { number: u32, key: PrivateKey },
    WithdrawKey { number: u32, key: PrivateKey },
    ChangeAgentKey { agent: NodeId, key: PrivateKey },
    ChangeParameters(Box<Parameters>),
    RemoveSite(NodeId),
    ApproveSite(NodeId),
    ChangeAccPassword { account: Account, domain: Domain },
    ChangeAuthentication { server: NodeId, authentication: Option<Authentication> },
    IssueBearer { kind: BearerKind, jti: Jti, lifetime: Option<Duration> },
    RevokeBearer { jti: Jti },
}

/// The administrators of a plan.
#[derive(Clone, Debug)]
pub struct Administrator {
    acts: Vec<(VirtualTime, Act)>,
    database: Database,
    desk: BearerDesk,
}

impl Administrator {
    /// The administrators of a plan, who work on this database.
    ///
    /// # Errors
    /// If the key pool lacks a key of the plan.
    pub fn new(cast: &Cast, database: Database) -> Result<Self, KeyPoolError> {
        let Cast { plan, keys, .. } = cast;
        let mut jtis = cast.seed.rng("bearer tokens", 0);
        let mut acts = Vec::new();
        // The key from which a rotation takes over is withdrawn when that rotation is over; but not the key of the SMP's
        // identity, with which it signs its answers and which every node has pinned.
        let mut rotations: Vec<_> = plan.faults.iter().filter(|fault| is_rotation(&fault.kind)).collect();
        rotations.sort_by_key(|fault| fault.at_ms);
        let mut in_use = plan.smp.key;
        for fault in rotations {
            let FaultKind::RotateServerKey { key: number } = fault.kind else { continue };
            acts.push((fault.at(), Act::RotateKey { number, key: keys.private_key(number)? }));
            if fault.until_ms.is_some() && in_use != plan.smp.key {
                acts.push((fault.until(), Act::WithdrawKey { number: in_use, key: keys.private_key(in_use)? }));
            }
            in_use = number;
        }
        for fault in &plan.faults {
            // It is over when the last of those that overlap is.
            let goes_on = |other: &Fault| other.kind == fault.kind && other.lasts_at(fault.until());
            let mut until = |act| {
                if fault.until_ms.is_some() && !plan.faults.iter().any(goes_on) {
                    acts.push((fault.until(), act));
                }
            };
            let act = match &fault.kind {
                FaultKind::Revoke { agent } => {
                    until(Act::Reinstate(plan.identity_of(*agent)));
                    Act::Revoke(plan.identity_of(*agent))
                }
                FaultKind::RemoveSite { site } => {
                    until(Act::ApproveSite(Plan::node_of(*site)));
                    Act::RemoveSite(Plan::node_of(*site))
                }
                FaultKind::ChangeAgentKey { agent, key } => {
                    Act::ChangeAgentKey { agent: plan.identity_of(*agent), key: keys.private_key(*key)? }
                }
                FaultKind::ChangePolicy { .. } => {
                    until(Act::ChangeParameters(Box::new(plan.parameters_at(fault.until()))));
                    Act::ChangeParameters(Box::new(plan.parameters_at(fault.at())))
                }
                FaultKind::ChangeAuthentication { server, .. } => {
                    let node = Plan::node_of(*server);
                    let act =
                        |at| Act::ChangeAuthentication { server: node, authentication: plan.exception_at(*server, at) };
                    until(act(fault.until()));
                    act(fault.at())
                }
                FaultKind::BearerToken { kind, lifetime_s } => {
                    let mut bits = [0; 16];
                    jtis.fill_bytes(&mut bits);
                    let jti = Jti::from_bits(u128::from_be_bytes(bits));
                    // Each is a token of its own, so that none outlives its fault.
                    if fault.until_ms.is_some() {
                        acts.push((fault.until(), Act::RevokeBearer { jti }));
                    }
                    Act::IssueBearer { kind: *kind, jti, lifetime: lifetime_s.map(Duration::from_secs) }
                }
                _ => continue,
            };
            acts.push((fault.at(), act));
        }
        for (changes, at) in (1..).zip(plan.acc_password_changes()) {
            if let Some(account) = cast.accounts.acc(changes) {
                acts.push((at, Act::ChangeAccPassword { account, domain: cast.domain.clone() }));
            }
        }
        acts.sort_by_key(|(at, _)| *at);
        Ok(Self { acts, database, desk: cast.desk.clone() })
    }

    /// Does everything when its time has come. What is done is reported as the SMP's.
    pub async fn work(self, clock: Arc<HostClock>, smp: Arc<SimulatedEnvironment>, engine: Arc<Engine>) {
        let Self { acts, database, desk } = self;
        for (at, act) in acts {
            clock.sleep(at.since(clock.now())).await;
            if let Act::IssueBearer { kind, jti, lifetime } = act {
                let issued = database.open().issue_bearer(kind, jti, smp.wall().seconds(), lifetime, &engine);
                // The key of the day has signed before.
                let Ok(token) = issued else { continue };
                let (expires, fingerprint) = (token.claims.exp, Undigested(token.fingerprint()));
                smp.record(EventKind::Bearer(BearerEvent::Issued { kind, jti, expires, token: fingerprint }));
                desk.hand_out(token);
            } else if let Some(event) = act.carry_out(&database) {
                smp.record(event);
            }
        }
    }
}

const fn is_rotation(kind: &FaultKind) -> bool {
    matches!(kind, FaultKind::RotateServerKey { .. })
}

impl Act {
    /// Does it, and says what was done; the agent itself tells of its key.
    fn carry_out(self, database: &Database) -> Option<EventKind> {
        let mut records = database.open();
        Some(match self {
            Self::Revoke(agent) => {
                records.revoke(agent);
                EventKind::Revoked { agent }
            }
            Self::Reinstate(agent) => {
                records.reinstate(agent);
                EventKind::Reinstated { agent }
            }
            Self::RotateKey { number, key } => {
                records.rotate_key(key);
                EventKind::ServerKeyRotated { key: number }
            }
            Self::WithdrawKey { number, key } => {
                records.withdraw_key(key.public().thumbprint());
                EventKind::ServerKeyWithdrawn { key: number }
            }
            // Done before: it takes more than the database.
            Self::IssueBearer { .. } => return None,
            Self::RevokeBearer { jti } => {
                records.revoke_bearer(jti);
                EventKind::Bearer(BearerEvent::Revoked { jti })
            }
            Self::ChangeAgentKey { agent, key } => {
                records.change_agent_key(agent, key.public().clone());
                return None;
            }
            Self::ChangeParameters(parameters) => {
                records.change_parameters(*parameters);
                EventKind::PolicyChanged { version: records.policy_version() }
            }
            Self::ChangeAccPassword { account, domain } => {
                domain.put(&account, NodeId::ACC);
                records.spread_acc(account);
                EventKind::AccPasswordChanged { version: records.policy_version() }
            }
            Self::ChangeAuthentication { server, authentication } => {
                records.except(server, authentication);
                EventKind::PolicyChanged { version: records.policy_version() }
            }
            Self::RemoveSite(site) => {
                records.remove_site(site);
                EventKind::SiteRemoved { site }
            }
            Self::ApproveSite(site) => {
                records.approve_site(site);
                EventKind::SiteApproved { site }
            }
        })
    }
}
