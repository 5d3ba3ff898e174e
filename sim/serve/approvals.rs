//! Which site servers may register: what administrators decide at their door, and what the configuration says.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use tracing::{info, warn};

use super::{ActError, Decisions, SmpRecords, config::SmpConfig, smp_records::appended};
use crate::{
    crypto::PublicKey,
    event::EventKind,
    protocol::{Directory, NodeKind},
    types::{NodeId, Thumbprint},
};

/// The site servers that may register, each with its key, if only that will do.
pub type ApprovedSites = BTreeMap<NodeId, Option<Thumbprint>>;

impl SmpRecords {
    /// Which site servers an administrator has removed.
    pub async fn removed_sites(&self) -> BTreeSet<NodeId> {
        self.begin().await.removed_sites.clone()
    }

    /// Lets a node register as a site server with this key; without one, with the key that it has or that waits, and
    /// with any if nobody has come by its name. Tells which.
    ///
    /// # Errors
    /// If it is something else, has another key, several keys wait, or it cannot be kept.
    pub async fn approve_site(&self, site: NodeId, kid: Option<Thumbprint>) -> Result<Option<Thumbprint>, ActError> {
        let mut decisions = self.begin().await;
        let kid = {
            let mut records = self.database.open();
            let kid = self.key_to_approve(&records.directory, site, kid)?;
            match kid {
                Some(kid) => records.directory.approve_site_key(site, kid),
                None => records.approve_site(site),
            }
            kid
        };
        decisions.removed_sites.remove(&site);
        decisions.configured_sites.remove(&site);
        match kid {
            Some(kid) => info!(%site, %kid, "the site server is approved with this key"),
            None => warn!(%site, "the site server is approved with any key: whoever comes first by its name is it"),
        }
        self.tell(EventKind::SiteApproved { site });
        self.keep(decisions).await?;
        Ok(kid)
    }

    fn key_to_approve(
        &self,
        directory: &Directory,
        site: NodeId,
        named: Option<Thumbprint>,
    ) -> Result<Option<Thumbprint>, ActError> {
        let registration = directory.registration(site);
        if registration.as_ref().is_some_and(|node| node.kind == NodeKind::Agent) {
            return Err(ActError::Conflict(format!(
                "{site} is registered as an agent: if that is not who it should be, POST /agents/{site}/remove first"
            )));
        }
        if let Some(known) = registration.map(|node| node.public_key.thumbprint()) {
            return match named {
                Some(named) if named != known => Err(ActError::Conflict(format!(
                    "{site} is registered with the key {known}: remove it before you approve another"
                ))),
                _ => Ok(Some(known)),
            };
        }
        let approved = directory.approved_sites().get(&site).copied().flatten();
        if named.or(approved).is_some() {
            return Ok(named.or(approved));
        }
        match self.journal.waiting().keys_of(site).as_slice() {
            [] => Ok(None),
            [kid] => Ok(Some(*kid)),
            several => {
                let keys: Vec<_> = several.iter().map(ToString::to_string).collect();
                Err(ActError::Conflict(format!(
                    "{} keys wait for the name {site}: {}. Compare with what the site server logs as its `kid`, and name \
                     it: POST /sites/{site}/approve?kid=...",
                    several.len(),
                    keys.join(", ")
                )))
            }
        }
    }

    /// Removes a site server and its approval.
    ///
    /// # Errors
    /// If it is neither approved nor registered, or its removal cannot be kept.
    pub async fn remove_site(&self, site: NodeId) -> Result<(), ActError> {
        let mut decisions = self.begin().await;
        {
            let records = self.database.open();
            if !records.directory.approved_sites().contains_key(&site) && !records.directory.is_site(site) {
                return Err(ActError::Unknown(format!("{site} is no site server")));
            }
        }
        decisions.removed_sites.insert(site);
        decisions.configured_sites.remove(&site);
        let is_forgotten = self.end_site(site).await;
        self.keep(decisions).await?;
        appended(is_forgotten)
    }

    /// Ends a site server's approval and registration. Says whether that is kept in the file of nodes.
    async fn end_site(&self, site: NodeId) -> bool {
        let forgotten = {
            let mut records = self.database.open();
            records.remove_site(site);
            self.journal.forget(site)
        };
        self.journal.waiting().is_settled(site);
        self.tell(EventKind::SiteRemoved { site });
        forgotten.await
    }

    /// Takes over what the configuration says of policy and registration: parameters, how many nodes there may be, and
    /// approvals of sites that were not removed since. An approval that it does not say any more is withdrawn, but for those
    /// that administrators gave. Says whether policy changed.
    ///
    /// # Errors
    /// If it cannot be kept.
    pub async fn configure(&self, config: &SmpConfig) -> Result<bool, ActError> {
        let (parameters, approved) = (&config.server.parameters, &config.approved_sites);
        let mut decisions = self.begin().await;
        let before = self.database.open().policy_version();
        let (mut is_forgotten, mut has_changed) = (true, false);
        let said: Vec<_> = decisions.configured_sites.iter().copied().collect();
        for site in said {
            let known = key_of(&self.database.open().directory, site);
            let is_same = approved.get(&site).is_some_and(|kid| kid.is_none() || known.is_none() || *kid == known);
            if !is_same {
                warn!(%site, "the configuration approves this site server no more: it is withdrawn");
                decisions.configured_sites.remove(&site);
                is_forgotten &= self.end_site(site).await;
                has_changed = true;
            }
        }
        for (site, kid) in approved {
            has_changed |= self.approve_configured(&mut decisions, *site, *kid);
        }
        {
            let mut records = self.database.open();
            records.directory.admit_up_to(config.registered_max as usize);
            if records.parameters() != parameters {
                let before = records.change_parameters(parameters.clone());
                // A site that fetched policy just now wakes by the interval that it knows.
                let asleep_until = self.now().after(Duration::from_secs(before.policy_interval_s));
                decisions.asleep_until = decisions.asleep_until.max(asleep_until);
                self.tell(EventKind::PolicyChanged { version: records.policy_version() });
            }
            has_changed |= records.policy_version() != before;
        }
        self.figures.nodes_max_is(config.registered_max);
        self.keep(decisions).await?;
        appended(is_forgotten)?;
        Ok(has_changed)
    }

    /// Says whether that changes anything.
    fn approve_configured(&self, decisions: &mut Decisions, site: NodeId, kid: Option<Thumbprint>) -> bool {
        let mut records = self.database.open();
        if decisions.removed_sites.contains(&site) {
            warn!(%site, "the configuration approves a site that an administrator has removed: it stays out until an \
                          administrator approves it");
            return false;
        }
        let known = key_of(&records.directory, site);
        match (records.directory.approved_sites().get(&site), kid) {
            (Some(_), Some(kid)) if known.is_some_and(|known| known != kid) => {
                warn!(%site, %kid, "the configuration approves another key than the one that is approved: that stays");
                false
            }
            (Some(None), Some(kid)) => {
                records.directory.approve_site_key(site, kid);
                true
            }
            (Some(_), _) => false,
            (None, kid) => {
                match kid {
                    Some(kid) => records.directory.approve_site_key(site, kid),
                    None => records.approve_site(site),
                }
                decisions.configured_sites.insert(site);
                self.tell(EventKind::SiteApproved { site });
                true
            }
        }
    }
}

/// The key of a site server, as it registered or was approved; none if it is not known yet.
fn key_of(directory: &Directory, site: NodeId) -> Option<Thumbprint> {
    let approved = directory.approved_sites().get(&site).copied().flatten();
    directory.site_key(site).map(PublicKey::thumbprint).or(approved)
}
