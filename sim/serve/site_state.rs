//! What a site server keeps: its identity, its key, and its latest policy.

use std::sync::Arc;

use rand_core::Rng;
use serde::{Deserialize, Serialize};
use tracing::{error, warn};

use super::{Figures, KeySource, StateError, StateFolder, identity, state_file};
use crate::{
    actor::SecureStorage,
    crypto::PrivateKey,
    protocol::Policy,
    types::{NodeId, Thumbprint},
};

const FILE: &str = "site.json";
const KIND: &str = "site";
/// For people and scripts; nothing reads it.
const NODE: &str = "node";

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    node: NodeId,
    policy: Option<Policy>,
    /// The key by which the policy was trusted in the first place.
    #[serde(default)]
    pin: Option<Thumbprint>,
}

/// The state of a site server on disk.
#[derive(Debug)]
pub struct SiteState {
    folder: Arc<StateFolder>,
    identity: PrivateKey,
    kept: Kept,
}

impl SiteState {
    /// Reads the state; at the first start draws an identity and makes its key. A policy that came by another pin than this one
    /// is not trusted any more; one that was kept by a version that kept no pin is.
    ///
    /// # Errors
    /// If it cannot be read or written, or is damaged.
    pub fn open(
        folder: Arc<StateFolder>,
        pin: Thumbprint,
        rng: &mut impl Rng,
        new_key: KeySource,
    ) -> Result<Self, StateError> {
        let path = folder.path_of(FILE);
        let kept: Option<Kept> = folder.read(FILE)?.map(|text| state_file::decode(KIND, &path, &text)).transpose()?;
        if kept.is_none() && folder.read(NODE)?.is_some() {
            return Err(StateError::Missing { path, other: folder.path_of(NODE) });
        }
        let identity = identity::key_of(&folder, FILE, kept.is_some(), new_key)?;
        let is_new = kept.is_none();
        let mut kept = kept.unwrap_or_else(|| Kept { node: identity::draw_node(rng), policy: None, pin: None });
        if kept.policy.is_some() && kept.pin.is_some_and(|kept| kept != pin) {
            warn!(
                %pin,
                "another key of the SMP is pinned than that by which this site registered, so that it registers anew: start \
                 it with the pin of before if that was not meant"
            );
            kept.policy = None;
        }
        kept.pin = Some(pin);
        if let Some(policy) = &kept.policy {
            policy.check().map_err(|error| StateError::Damaged { path, why: error.to_string() })?;
        }
        if is_new {
            write(&folder, &kept)?;
        }
        // Last: where it stands, the rest was there.
        folder.write(NODE, format!("{}\n", kept.node).as_bytes())?;
        Ok(Self { folder, identity, kept })
    }

    /// Its id.
    pub fn node(&self) -> NodeId {
        self.kept.node
    }

    /// Its key.
    pub fn identity(&self) -> &PrivateKey {
        &self.identity
    }

    /// Whether it has registered in an earlier life.
    pub fn has_policy(&self) -> bool {
        self.kept.policy.is_some()
    }

    /// Where the actor keeps its policy.
    pub fn storage(&self, figures: Arc<Figures>) -> SecureStorage<Policy> {
        let (folder, node, pin) = (Arc::clone(&self.folder), self.kept.node, self.kept.pin);
        SecureStorage::kept_by(self.kept.policy.clone(), move |policy: &Policy| {
            figures.policy_is(policy.version);
            // Some kilobytes, once in a policy interval. A site that loses them registers anew.
            if let Err(error) = write(&folder, &Kept { node, policy: Some(policy.clone()), pin }) {
                error!(%error, "failed to keep the policy");
                figures.state_write_failures.inc();
            }
        })
    }
}

fn write(folder: &StateFolder, kept: &Kept) -> Result<(), StateError> {
    // These types have text keys and no serializer that fails.
    folder.write(FILE, &state_file::encode(KIND, kept).unwrap_or_default())
}
