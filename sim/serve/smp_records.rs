//! What administrators do to an SMP: each act is in force at once, and kept on disk before it is answered.

use std::{collections::BTreeSet, sync::Arc};

use thiserror::Error;
use tokio::sync::{Mutex, MutexGuard};
use tracing::{info, warn};

use super::{Figures, KeySource, NodeJournal, SmpState, StateError};
use crate::{
    actor::{Database, Records},
    crypto::{KeyError, PublicKey},
    event::EventKind,
    socket::SocketRecorder,
    types::{ActorId, NodeId, Parameters, Thumbprint},
};

/// An SMP's database and where it is kept.
#[derive(Debug)]
pub struct SmpRecords {
    /// The database itself.
    pub database: Database,
    state: Arc<SmpState>,
    journal: NodeJournal,
    recorder: SocketRecorder,
    new_key: KeySource,
    figures: Arc<Figures>,
    /// Sites that an administrator removed. One act at a time: the lock is held until it is kept.
    removed_sites: Mutex<BTreeSet<NodeId>>,
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
    /// Joins a database with where it is kept.
    pub fn new(
        database: Database,
        removed_sites: BTreeSet<NodeId>,
        state: Arc<SmpState>,
        journal: NodeJournal,
        recorder: SocketRecorder,
        new_key: KeySource,
        figures: Arc<Figures>,
    ) -> Self {
        Self { database, state, journal, recorder, new_key, figures, removed_sites: Mutex::new(removed_sites) }
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
        self.removed_sites.lock().await.clone()
    }

    /// Lets a node register as a site server.
    ///
    /// # Errors
    /// If it cannot be kept.
    pub async fn approve_site(&self, site: NodeId) -> Result<(), ActError> {
        let mut removed = self.removed_sites.lock().await;
        removed.remove(&site);
        self.database.open().approve_site(site);
        self.tell(EventKind::SiteApproved { site });
        self.keep(removed).await
    }

    /// Removes a site server and its approval.
    ///
    /// # Errors
    /// If it is neither approved nor registered, or its removal cannot be kept.
    pub async fn remove_site(&self, site: NodeId) -> Result<(), ActError> {
        let mut removed = self.removed_sites.lock().await;
        {
            let mut records = self.database.open();
            if !records.directory.approved_sites().contains(&site) && !records.directory.is_site(site) {
                return Err(ActError::Unknown(format!("{site} is no site server")));
            }
            records.remove_site(site);
        }
        removed.insert(site);
        self.tell(EventKind::SiteRemoved { site });
        let is_forgotten = self.journal.forget(site).await;
        self.keep(removed).await?;
        if is_forgotten { Ok(()) } else { Err(ActError::NotKept("failed to append to the file of nodes".to_owned())) }
    }

    /// Revokes an agent, known or not.
    ///
    /// # Errors
    /// If it cannot be kept.
    pub async fn revoke(&self, agent: NodeId) -> Result<(), ActError> {
        let removed = self.removed_sites.lock().await;
        self.database.open().revoke(agent);
        self.tell(EventKind::Revoked { agent });
        self.keep(removed).await
    }

    /// Ends a revocation.
    ///
    /// # Errors
    /// If there is none, or this cannot be kept.
    pub async fn reinstate(&self, agent: NodeId) -> Result<(), ActError> {
        let removed = self.removed_sites.lock().await;
        {
            let mut records = self.database.open();
            if !records.directory.revoked().contains(&agent) {
                return Err(ActError::Unknown(format!("{agent} is not revoked")));
            }
            records.reinstate(agent);
        }
        self.tell(EventKind::Reinstated { agent });
        self.keep(removed).await
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

    /// Makes a key, and signs tokens with it from now on.
    ///
    /// # Errors
    /// If it cannot be made or kept.
    pub async fn rotate_key(&self) -> Result<Thumbprint, ActError> {
        let removed = self.removed_sites.lock().await;
        let new_key = self.new_key;
        let made = tokio::task::spawn_blocking(new_key).await;
        let key = made.map_err(|error| ActError::NotKept(error.to_string()))??;
        let kid = key.public().thumbprint();
        self.state.keep_signing_key(&key)?;
        let number = {
            let mut records = self.database.open();
            records.rotate_key(key);
            u32::try_from(records.server_keys.len()).unwrap_or(u32::MAX)
        };
        info!(%kid, "tokens are signed with a new key");
        self.tell(EventKind::ServerKeyRotated { key: number });
        self.keep(removed).await?;
        Ok(kid)
    }

    /// No longer stands for tokens of a key.
    ///
    /// # Errors
    /// If there is no such key, it is needed, or this cannot be kept.
    pub async fn withdraw_key(&self, kid: Thumbprint) -> Result<(), ActError> {
        let removed = self.removed_sites.lock().await;
        {
            let mut records = self.database.open();
            if records.server_keys.get(kid).is_none() {
                return Err(ActError::Unknown(format!("no key has the thumbprint {kid}")));
            }
            if kid == self.pin() {
                let why =
                    "this is the key of the SMP's identity: nodes have pinned it, and its answers are signed with it";
                return Err(ActError::Conflict(why.to_owned()));
            }
            if records.issuer.key().public().thumbprint() == kid {
                return Err(ActError::Conflict("tokens are signed with this key: rotate it first".to_owned()));
            }
            records.withdraw_key(kid);
        }
        info!(%kid, "a key is withdrawn");
        self.tell(EventKind::ServerKeyWithdrawn { key: 0 });
        self.keep(removed).await
    }

    /// Takes over what the configuration says of policy: parameters, and approvals of sites that were not removed since.
    /// Says whether policy changed.
    ///
    /// # Errors
    /// If it cannot be kept.
    pub async fn configure(&self, parameters: Parameters, approved: &BTreeSet<NodeId>) -> Result<bool, ActError> {
        let removed = self.removed_sites.lock().await;
        let mut events = Vec::new();
        {
            let mut records = self.database.open();
            for site in approved {
                if removed.contains(site) {
                    warn!(%site, "the configuration approves a site that an administrator has removed: it stays out until an \
                                  administrator approves it");
                } else if !records.directory.approved_sites().contains(site) {
                    records.approve_site(*site);
                    events.push(EventKind::SiteApproved { site: *site });
                }
            }
            if *records.parameters() != parameters {
                records.change_parameters(parameters);
                events.push(EventKind::PolicyChanged { version: records.policy_version() });
            }
        }
        let has_changed = !events.is_empty();
        events.into_iter().for_each(|event| self.tell(event));
        self.keep(removed).await?;
        Ok(has_changed)
    }

    fn tell(&self, event: EventKind) {
        self.recorder.record(ActorId::Smp, event);
    }

    async fn keep(&self, removed: MutexGuard<'_, BTreeSet<NodeId>>) -> Result<(), ActError> {
        let text = {
            let records: &Records = &self.database.open();
            self.figures.policy_is(records.policy_version());
            self.figures.nodes_are(records.directory.len());
            self.state.text_of(records, &removed)
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
