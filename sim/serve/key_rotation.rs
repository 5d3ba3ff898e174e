//! How an SMP comes to sign tokens with another key.
//!
//! A site refuses tokens of a key that its policy does not have. So a new key is published first, and signs once every site
//! has had the time to fetch policy: nobody notices. Who cannot wait, since the key in use has leaked, says so.

use std::{sync::Arc, time::Duration};

use tokio::sync::OwnedMutexGuard;
use tracing::{error, info, warn};

use super::{ActError, Decisions, SmpRecords};
use crate::{
    crypto::PrivateKey,
    event::EventKind,
    types::{Thumbprint, TimeSpan, UnixSeconds},
};

/// More than a site's fetch of policy takes, with the time-outs that are usual.
const MARGIN: Duration = Duration::from_secs(30);

/// A key that is published and does not sign yet.
#[derive(Debug)]
pub struct NextKey {
    pub(super) key: PrivateKey,
    /// When it begins to sign.
    pub signs_from: UnixSeconds,
}

impl NextKey {
    /// Its thumbprint.
    pub fn kid(&self) -> Thumbprint {
        self.key.public().thumbprint()
    }
}

impl SmpRecords {
    /// Makes a key and publishes it; it signs tokens once every site has had the time to fetch it. Tells which key it is, and
    /// when it begins.
    ///
    /// # Errors
    /// If another one waits to sign, or it cannot be made or kept.
    pub async fn rotate_key(self: &Arc<Self>) -> Result<(Thumbprint, UnixSeconds), ActError> {
        let mut decisions = self.begin().await;
        if let Some(next) = &decisions.next_key {
            let (kid, from) = (next.kid(), next.signs_from.0);
            let why = format!(
                "the key {kid} is published and signs from {from} on: wait for it, let it sign at once with \
                 `?now=true`, or withdraw it"
            );
            return Err(ActError::Conflict(why));
        }
        let key = self.make_key().await?;
        let kid = key.public().thumbprint();
        self.database.open().publish_key(key.public().clone());
        let signs_from = self.let_sign_later(&mut decisions, key);
        let signs_in = self.span_until(signs_from);
        info!(%kid, %signs_in, "a new key is published: it signs tokens once every site has had the time to fetch it");
        self.keep(decisions).await?;
        Ok((kid, signs_from))
    }

    /// Signs tokens with another key from now on: the one that waits to sign, else a new one. Sites refuse them until they
    /// fetch policy.
    ///
    /// # Errors
    /// If it cannot be made or kept.
    pub async fn rotate_key_now(&self) -> Result<Thumbprint, ActError> {
        let mut decisions = self.begin().await;
        let key = match decisions.next_key.take() {
            Some(next) => next.key,
            None => {
                let key = self.make_key().await?;
                self.database.open().publish_key(key.public().clone());
                key
            }
        };
        let (kid, sites_know_within) = (key.public().thumbprint(), span_of(self.longest_sleep(&decisions)));
        warn!(%kid, %sites_know_within, "a new key signs at once: sites refuse tokens under it until they fetch policy");
        self.sign_with(key, decisions).await?;
        Ok(kid)
    }

    /// No longer stands for tokens of a key.
    ///
    /// # Errors
    /// If there is no such key, it is needed, or this cannot be kept.
    pub async fn withdraw_key(&self, kid: Thumbprint) -> Result<(), ActError> {
        let mut decisions = self.begin().await;
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
        // One that waits to sign never does.
        decisions.next_key.take_if(|next| next.kid() == kid);
        info!(%kid, "a key is withdrawn");
        self.tell(EventKind::ServerKeyWithdrawn { key: 0 });
        self.keep(decisions).await
    }

    /// The key that waits to sign, and from when on it does.
    pub async fn next_key(&self) -> Option<(Thumbprint, UnixSeconds)> {
        self.begin().await.next_key.as_ref().map(|next| (next.kid(), next.signs_from))
    }

    /// Has a published key sign once every site has had the time to fetch it, and tells when that is.
    ///
    /// After a restart this counts anew: while the SMP was away, sites may have asked in vain.
    pub(super) fn let_sign_later(self: &Arc<Self>, decisions: &mut Decisions, key: PrivateKey) -> UnixSeconds {
        let sleep = self.longest_sleep(decisions);
        let wait = sleep + sleep.min(MARGIN);
        let signs_from = self.wall().after(wait);
        let kid = key.public().thumbprint();
        decisions.next_key = Some(NextKey { key, signs_from });
        let records = Arc::clone(self);
        // By the clock that nobody sets; the other one is for people.
        tokio::spawn(async move {
            tokio::time::sleep(wait).await;
            records.let_sign(kid).await;
        });
        signs_from
    }

    async fn let_sign(&self, kid: Thumbprint) {
        let mut decisions = self.begin().await;
        let Some(next) = decisions.next_key.take_if(|next| next.kid() == kid) else { return };
        info!(%kid, "tokens are signed with the new key");
        if let Err(error) = self.sign_with(next.key, decisions).await {
            error!(%error, "failed to keep which key signs: at the next start it waits to sign again");
        }
    }

    async fn sign_with(&self, key: PrivateKey, decisions: OwnedMutexGuard<Decisions>) -> Result<(), ActError> {
        let number = {
            let mut records = self.database.open();
            records.sign_with(key);
            u32::try_from(records.server_keys.len()).unwrap_or(u32::MAX)
        };
        self.tell(EventKind::ServerKeyRotated { key: number });
        self.keep(decisions).await
    }

    /// A new key, on disk before anybody hears of it.
    async fn make_key(&self) -> Result<PrivateKey, ActError> {
        let new_key = self.new_key;
        let made = tokio::task::spawn_blocking(new_key).await;
        let key = made.map_err(|error| ActError::NotKept(error.to_string()))??;
        self.state.keep_signing_key(&key)?;
        Ok(key)
    }

    /// How long it is until then.
    pub(super) fn span_until(&self, then: UnixSeconds) -> TimeSpan {
        TimeSpan::from_secs(then.0.saturating_sub(self.wall().0))
    }

    /// How long a site may take to learn of what policy says now.
    pub async fn sites_know_within(&self) -> TimeSpan {
        span_of(self.longest_sleep(&*self.begin().await))
    }

    /// How long a site may sleep before it fetches policy: for the interval, or for the longer one that it knows.
    fn longest_sleep(&self, decisions: &Decisions) -> Duration {
        let interval = Duration::from_secs(self.database.open().parameters().policy_interval_s);
        decisions.asleep_until.since(self.now()).max(interval)
    }
}

/// For people, in whole seconds.
fn span_of(duration: Duration) -> TimeSpan {
    TimeSpan::from_secs(duration.as_secs() + u64::from(duration.subsec_nanos() > 0))
}
