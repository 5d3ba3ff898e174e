//! What administrators do to an SMP: each act is in force at once, and kept on disk before it is answered.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use thiserror::Error;
use tokio::sync::{Mutex, MutexGuard};
use tracing::{info, warn};

use super::{
    Figures, KeySource, NodeJournal, Restored, SmpState, StateError, config::SmpConfig, key_rotation::NextKey,
};
use crate::{
    actor::{Database, Records},
    crypto::{KeyError, PublicKey},
    event::EventKind,
    socket::SocketRecorder,
    types::{ActorId, NodeId, Thumbprint, UnixSeconds, VirtualTime},
};

/// An SMP's database and where it is kept.
#[derive(Debug)]
pub struct SmpRecords {
    /// The database itself.
    pub database: Database,
    pub(super) state: Arc<SmpState>,
    journal: NodeJournal,
    recorder: SocketRecorder,
    pub(super) new_key: KeySource,
    figures: Arc<Figures>,
    /// One act at a time: the lock is held until it is kept.
    pub(super) decisions: Mutex<Decisions>,
}

/// What administrators decided and no other part of the SMP holds.
#[derive(Debug, Default)]
pub struct Decisions {
    /// Sites that an administrator removed.
    pub(super) removed_sites: BTreeSet<NodeId>,
    /// The key that waits to sign.
    pub(super) next_key: Option<NextKey>,
    /// Until when a site may sleep that has not heard of a shorter policy interval.
    pub(super) asleep_until: VirtualTime,
}

/// Why an administrator's act did not succeed.
#[derive(Debug, Error)]
pub enum ActError {
    /// There is no such thing.
    #[error("{0}")]
    Unknown(String),
    /// It would break the SMP.
    #[error("{0}")]
    Conflict(String),
    /// It is in force, but not kept.
    #[error("in force until the next restart, but not kept: {0}")]
    NotKept(String),
    /// No key could be made.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A key could not be kept.
    #[error(transparent)]
    State(#[from] StateError),
}

impl SmpRecords {
    /// Joins a database with where it is kept. Needs a running tokio runtime.
    pub fn new(
        restored: Restored,
        state: Arc<SmpState>,
        journal: NodeJournal,
        recorder: SocketRecorder,
        new_key: KeySource,
        figures: Arc<Figures>,
    ) -> Arc<Self> {
        let Restored { database, removed_sites, next_key, policy_interval_before_s } = restored;
        let asleep_until = recorder.clock().now().after(Duration::from_secs(policy_interval_before_s));
        let decisions = Mutex::new(Decisions { removed_sites, next_key: None, asleep_until });
        let records = Arc::new(Self { database, state, journal, recorder, new_key, figures, decisions });
        // Nobody else has it yet, so that nobody holds the lock.
        if let (Some(key), Ok(mut decisions)) = (next_key, records.decisions.try_lock()) {
            let kid = key.public().thumbprint();
            let signs_in = records.span_until(records.let_sign_later(&mut decisions, key));
            info!(%kid, %signs_in, "a published key waits to sign");
        }
        records
    }

    /// The thumbprint of the SMP's identity.
    pub fn pin(&self) -> Thumbprint {
        self.state.identity().public().thumbprint()
    }

    /// The SMP's id.
    pub fn node(&self) -> NodeId {
        self.state.node()
    }

    /// Which site servers an administrator has removed.
    pub async fn removed_sites(&self) -> BTreeSet<NodeId> {
        self.decisions.lock().await.removed_sites.clone()
    }

    /// Lets a node register as a site server.
    ///
    /// # Errors
    /// If it cannot be kept.
    pub async fn approve_site(&self, site: NodeId) -> Result<(), ActError> {
        let mut decisions = self.decisions.lock().await;
        decisions.removed_sites.remove(&site);
        self.database.open().approve_site(site);
        self.tell(EventKind::SiteApproved { site });
        self.keep(decisions).await
    }

    /// Removes a site server and its approval.
    ///
    /// # Errors
    /// If it is neither approved nor registered, or its removal cannot be kept.
    pub async fn remove_site(&self, site: NodeId) -> Result<(), ActError> {
        let mut decisions = self.decisions.lock().await;
        {
            let mut records = self.database.open();
            if !records.directory.approved_sites().contains(&site) && !records.directory.is_site(site) {
                return Err(ActError::Unknown(format!("{site} is no site server")));
            }
            records.remove_site(site);
        }
        decisions.removed_sites.insert(site);
        self.tell(EventKind::SiteRemoved { site });
        let is_forgotten = self.journal.forget(site).await;
        self.keep(decisions).await?;
        if is_forgotten { Ok(()) } else { Err(ActError::NotKept("failed to append to the file of nodes".to_owned())) }
    }

    /// Revokes an agent, known or not. Says whether it is registered.
    ///
    /// # Errors
    /// If it cannot be kept.
    pub async fn revoke(&self, agent: NodeId) -> Result<bool, ActError> {
        let decisions = self.decisions.lock().await;
        let is_registered = {
            let mut records = self.database.open();
            records.revoke(agent);
            records.directory.key_of(agent).is_some()
        };
        self.tell(EventKind::Revoked { agent });
        self.keep(decisions).await?;
        Ok(is_registered)
    }

    /// Ends a revocation.
    ///
    /// # Errors
    /// If there is none, or this cannot be kept.
    pub async fn reinstate(&self, agent: NodeId) -> Result<(), ActError> {
        let decisions = self.decisions.lock().await;
        {
            let mut records = self.database.open();
            if !records.directory.revoked().contains(&agent) {
                return Err(ActError::Unknown(format!("{agent} is not revoked")));
            }
            records.reinstate(agent);
        }
        self.tell(EventKind::Reinstated { agent });
        self.keep(decisions).await
    }

    /// Gives a registered agent another key.
    ///
    /// # Errors
    /// If there is no such agent, or it cannot be kept.
    pub async fn change_agent_key(&self, agent: NodeId, key: PublicKey) -> Result<(), ActError> {
        let kept = {
            let mut records = self.database.open();
            if records.directory.agent_key(agent).is_err() && !records.directory.revoked().contains(&agent) {
                return Err(ActError::Unknown(format!("{agent} is no registered agent")));
            }
            records.change_agent_key(agent, key);
            let registration = records.directory.registration(agent);
            let Some(registration) = registration else {
                return Err(ActError::Unknown(format!("{agent} is no registered agent")));
            };
            info!(%agent, kid = %registration.public_key.thumbprint(), "an agent has another key");
            self.journal.keep(registration)
        };
        if kept.await { Ok(()) } else { Err(ActError::NotKept("failed to append to the file of nodes".to_owned())) }
    }

    /// Takes over what the configuration says of policy and registration: parameters, how many nodes there may be, and
    /// approvals of sites that were not removed since. Says whether policy changed.
    ///
    /// # Errors
    /// If it cannot be kept.
    pub async fn configure(&self, config: &SmpConfig) -> Result<bool, ActError> {
        let (parameters, approved) = (&config.server.parameters, &config.approved_sites);
        let mut decisions = self.decisions.lock().await;
        let mut events = Vec::new();
        {
            let mut records = self.database.open();
            records.directory.admit_up_to(config.registered_max as usize);
            for site in approved {
                if decisions.removed_sites.contains(site) {
                    warn!(%site, "the configuration approves a site that an administrator has removed: it stays out until an \
                                  administrator approves it");
                } else if !records.directory.approved_sites().contains(site) {
                    records.approve_site(*site);
                    events.push(EventKind::SiteApproved { site: *site });
                }
            }
            if records.parameters() != parameters {
                let before = records.change_parameters(parameters.clone());
                // A site that fetched policy just now wakes by the interval that it knows.
                let asleep_until = self.now().after(Duration::from_secs(before.policy_interval_s));
                decisions.asleep_until = decisions.asleep_until.max(asleep_until);
                events.push(EventKind::PolicyChanged { version: records.policy_version() });
            }
        }
        self.figures.nodes_max_is(config.registered_max);
        let has_changed = !events.is_empty();
        events.into_iter().for_each(|event| self.tell(event));
        self.keep(decisions).await?;
        Ok(has_changed)
    }

    /// Monotonic time.
    pub(super) fn now(&self) -> VirtualTime {
        self.recorder.clock().now()
    }

    /// What the machine's wall clock shows.
    pub(super) fn wall(&self) -> UnixSeconds {
        self.recorder.clock().wall().seconds()
    }

    pub(super) fn tell(&self, event: EventKind) {
        self.recorder.record(ActorId::Smp, event);
    }

    pub(super) async fn keep(&self, decisions: MutexGuard<'_, Decisions>) -> Result<(), ActError> {
        let text = {
            let records: &Records = &self.database.open();
            self.figures.policy_is(records.policy_version());
            self.figures.nodes_are(records.directory.len());
            self.state.text_of(records, &decisions)
        };
        let state = Arc::clone(&self.state);
        let written = tokio::task::spawn_blocking(move || state.write(&text)).await;
        match written {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => {
                self.figures.state_write_failures.inc();
                Err(ActError::NotKept(error.to_string()))
            }
            Err(error) => Err(ActError::NotKept(error.to_string())),
        }
    }
}
