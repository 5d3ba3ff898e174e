//! What administrators do to an SMP: each act is in force at once, and kept on disk before it is answered.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use thiserror::Error;
use tokio::sync::{Mutex, OwnedMutexGuard};
use tracing::info;

use super::{Figures, IssuedBearers, KeySource, Knock, NextKey, NodeJournal, Restored, SmpState, StateError};
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
    pub(super) journal: NodeJournal,
    recorder: SocketRecorder,
    pub(super) new_key: KeySource,
    pub(super) figures: Arc<Figures>,
    /// One act at a time: the lock is held until it is kept.
    decisions: Arc<Mutex<Decisions>>,
}

/// What administrators decided and no other part of the SMP holds.
#[derive(Debug, Default)]
pub struct Decisions {
    /// Sites that an administrator removed.
    pub(super) removed_sites: BTreeSet<NodeId>,
    /// Sites whose approval is the configuration's, and ends with it.
    pub(super) configured_sites: BTreeSet<NodeId>,
    /// The key that waits to sign.
    pub(super) next_key: Option<NextKey>,
    /// The push-install and ASDK tokens that were issued.
    pub(super) issued_bearers: IssuedBearers,
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
        let Restored { database, removed_sites, configured_sites, next_key, policy_interval_before_s, issued_bearers } =
            restored;
        let asleep_until = recorder.clock().now().after(Duration::from_secs(policy_interval_before_s));
        let decisions = Decisions { removed_sites, configured_sites, next_key: None, issued_bearers, asleep_until };
        let decisions = Arc::new(Mutex::new(decisions));
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

    /// Which site servers were turned away.
    pub fn waiting(&self) -> Vec<Knock> {
        self.journal.waiting().all().cloned().collect()
    }

    /// Writes down how many nodes the file of nodes holds by now.
    ///
    /// # Errors
    /// If it cannot be kept.
    pub async fn settle(&self) -> Result<(), ActError> {
        let decisions = self.begin().await;
        self.keep(decisions).await
    }

    /// Revokes an agent, known or not. Says whether it is registered.
    ///
    /// # Errors
    /// If it cannot be kept.
    pub async fn revoke(&self, agent: NodeId) -> Result<bool, ActError> {
        let decisions = self.begin().await;
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
        let decisions = self.begin().await;
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
            self.journal.keep(registration, None)
        };
        appended(kept.await)
    }

    /// Forgets an agent, so that its id is free.
    ///
    /// # Errors
    /// If there is no such agent, or it cannot be kept.
    pub async fn remove_agent(&self, agent: NodeId) -> Result<(), ActError> {
        let decisions = self.begin().await;
        let forgotten = {
            let mut records = self.database.open();
            if !records.remove_agent(agent) {
                return Err(ActError::Unknown(format!("{agent} is no registered agent")));
            }
            // Before anybody registers by this name: the file must say what happened in its order.
            self.journal.forget(agent)
        };
        info!(%agent, "an agent's registration is removed");
        let is_forgotten = forgotten.await;
        self.keep(decisions).await?;
        appended(is_forgotten)
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

    /// Begins an act, or waits until the one before is kept.
    pub(super) async fn begin(&self) -> OwnedMutexGuard<Decisions> {
        Arc::clone(&self.decisions).lock_owned().await
    }

    /// Writes the state. The lock goes with it and is open again once it is written: even if nobody waits for that any
    /// more, there is one writer at a time, and what is written last is what was in force last.
    pub(super) async fn keep(&self, decisions: OwnedMutexGuard<Decisions>) -> Result<(), ActError> {
        let text = {
            let records: &Records = &self.database.open();
            self.figures.policy_is(records.policy_version());
            self.figures.nodes_are(records.directory.len());
            self.state.text_of(records, &decisions, self.journal.extent())
        };
        let state = Arc::clone(&self.state);
        let write = move || {
            let written = state.write(&text);
            drop(decisions);
            written
        };
        let written = tokio::task::spawn_blocking(write).await;
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

/// What an act comes to whose line in the file of nodes is kept, or not.
pub(super) fn appended(is_kept: bool) -> Result<(), ActError> {
    if is_kept { Ok(()) } else { Err(ActError::NotKept("failed to append to the file of nodes".to_owned())) }
}
