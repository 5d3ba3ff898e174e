//! What an SMP keeps: its identity, its keys, and what administrators decided. Its nodes have a file of their own.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use rand_core::Rng;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Decisions, Extent, IssuedBearers, KeySource, KnownNode, NextKey, NodeJournal, StateError, StateFolder, identity,
    state_file,
};
use crate::{
    actor::{Database, Records},
    crypto::PrivateKey,
    protocol::{Issuer, ServerKeys},
    types::{Jti, NodeId, Origin, Parameters, Profile, Thumbprint},
};

const KIND: &str = "smp";
/// For people and scripts; nothing reads it.
const PIN: &str = "pin";

/// What the file says.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    node: NodeId,
    policy_version: u64,
    /// Compared: policy has a new version if they changed.
    parameters: Value,
    signing_key: Thumbprint,
    /// Published, and waits to sign.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    next_signing_key: Option<Thumbprint>,
    server_keys: ServerKeys,
    approved_sites: BTreeSet<NodeId>,
    /// Of those, the ones of which one key alone is approved.
    #[serde(default)]
    approved_keys: BTreeMap<NodeId, Thumbprint>,
    #[serde(default)]
    configured_sites: BTreeSet<NodeId>,
    removed_sites: BTreeSet<NodeId>,
    revoked: BTreeSet<NodeId>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    issued_bearers: IssuedBearers,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    revoked_bearers: BTreeSet<Jti>,
    /// What the file of nodes held by then. It may hold more, and never less.
    #[serde(default)]
    nodes: Option<Extent>,
}

/// What an SMP knew when its process ended.
#[derive(Debug)]
pub struct Restored {
    /// The database as it was.
    pub database: Database,
    /// The site servers that an administrator has removed.
    pub removed_sites: BTreeSet<NodeId>,
    /// Those whose approval is the configuration's.
    pub configured_sites: BTreeSet<NodeId>,
    /// The key that is published and waits to sign.
    pub next_key: Option<PrivateKey>,
    /// The policy interval that sites may know.
    pub policy_interval_before_s: u64,
    /// The push-install and ASDK tokens that were issued.
    pub issued_bearers: IssuedBearers,
}

/// The state of an SMP on disk.
#[derive(Debug)]
pub struct SmpState {
    folder: Arc<StateFolder>,
    identity: PrivateKey,
    node: NodeId,
    kept: Option<Kept>,
}

impl SmpState {
    /// The name of the file.
    pub const FILE: &str = "smp.json";

    /// Reads the state; at the first start draws an identity and makes its key.
    ///
    /// # Errors
    /// If it cannot be read or written, or is damaged.
    pub fn open(folder: Arc<StateFolder>, rng: &mut impl Rng, new_key: KeySource) -> Result<Self, StateError> {
        let text = folder.read(Self::FILE)?;
        let kept: Option<Kept> =
            text.map(|text| state_file::decode(KIND, &folder.path_of(Self::FILE), &text)).transpose()?;
        let identity = identity::key_of(&folder, Self::FILE, kept.is_some(), new_key)?;
        if kept.is_none() && folder.read(PIN)?.is_some() {
            return Err(StateError::Missing { path: folder.path_of(Self::FILE), other: folder.path_of(PIN) });
        }
        let node = kept.as_ref().map_or_else(|| identity::draw_node(rng), |kept| kept.node);
        Ok(Self { folder, identity, node, kept })
    }

    /// Shows the pin to people and scripts. It comes last: where it stands, the rest was there.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn show_pin(&self) -> Result<(), StateError> {
        self.folder.write(PIN, format!("{}\n", self.identity.public().thumbprint()).as_bytes())
    }

    /// What the file of nodes holds at least.
    pub fn nodes_kept(&self) -> Option<Extent> {
        self.kept.as_ref()?.nodes
    }

    /// Its id.
    pub fn node(&self) -> NodeId {
        self.node
    }

    /// The key of its identity, which nodes have pinned.
    pub fn identity(&self) -> &PrivateKey {
        &self.identity
    }

    /// What was known, with these `nodes`.
    ///
    /// # Errors
    /// If a signing key cannot be read.
    pub fn restore(
        &self,
        origin: Origin,
        profile: Profile,
        parameters: Parameters,
        nodes: Vec<KnownNode>,
        journal: NodeJournal,
    ) -> Result<Restored, StateError> {
        let lifetime = parameters.token_lifetime();
        let now = serde_json::to_value(&parameters).unwrap_or_default();
        let policy_interval_s = parameters.policy_interval_s;
        let database = Database::new(self.node, origin, self.identity.clone(), profile, parameters);
        let mut restored = Restored {
            database: database.clone(),
            removed_sites: BTreeSet::new(),
            configured_sites: BTreeSet::new(),
            next_key: None,
            policy_interval_before_s: policy_interval_s,
            issued_bearers: IssuedBearers::new(),
        };
        if self.kept.is_none() && !nodes.is_empty() {
            let other = self.folder.path_of(NodeJournal::FILE);
            return Err(StateError::Missing { path: self.folder.path_of(Self::FILE), other });
        }
        {
            let mut records = database.open();
            for (node, signed) in nodes {
                records.directory.restore(node, signed);
            }
            let mut policy_version = 1;
            if let Some(kept) = &self.kept {
                for site in &kept.approved_sites {
                    match kept.approved_keys.get(site) {
                        Some(kid) => records.directory.approve_site_key(*site, *kid),
                        None => records.directory.approve_site(*site),
                    }
                }
                for node in &kept.revoked {
                    records.directory.revoke(*node);
                }
                for jti in &kept.revoked_bearers {
                    records.revoke_bearer(*jti);
                }
                restored.issued_bearers.clone_from(&kept.issued_bearers);
                records.server_keys = kept.server_keys.clone();
                records.issuer = Issuer::new(self.node, self.signing_key(kept.signing_key)?, lifetime);
                restored.next_key = kept.next_signing_key.map(|kid| self.signing_key(kid)).transpose()?;
                restored.removed_sites.clone_from(&kept.removed_sites);
                restored.configured_sites.clone_from(&kept.configured_sites);
                let before = kept.parameters.get("policy_interval_s").and_then(Value::as_u64);
                restored.policy_interval_before_s = before.unwrap_or(policy_interval_s);
                policy_version = kept.policy_version + u64::from(kept.parameters != now);
            }
            records.resume(policy_version, Arc::new(journal));
        }
        Ok(restored)
    }

    fn signing_key(&self, kid: Thumbprint) -> Result<PrivateKey, StateError> {
        if kid == self.identity.public().thumbprint() {
            return Ok(self.identity.clone());
        }
        let name = name_of_signing_key(kid);
        let missing =
            || StateError::Missing { path: self.folder.path_of(&name), other: self.folder.path_of(Self::FILE) };
        self.folder.read_key(&name)?.ok_or_else(missing)
    }

    /// Keeps a key that is to sign tokens.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn keep_signing_key(&self, key: &PrivateKey) -> Result<(), StateError> {
        self.folder.write_key(&name_of_signing_key(key.public().thumbprint()), key)
    }

    /// The text of the file, for what the database holds now.
    pub(super) fn text_of(&self, records: &Records, decisions: &Decisions, nodes: Extent) -> Vec<u8> {
        let approved = records.directory.approved_sites();
        let kept = Kept {
            node: self.node,
            policy_version: records.policy_version(),
            parameters: serde_json::to_value(records.parameters()).unwrap_or_default(),
            signing_key: records.issuer.key().public().thumbprint(),
            next_signing_key: decisions.next_key.as_ref().map(NextKey::kid),
            server_keys: records.server_keys.clone(),
            approved_sites: approved.keys().copied().collect(),
            approved_keys: approved.iter().filter_map(|(site, kid)| Some((*site, (*kid)?))).collect(),
            configured_sites: decisions.configured_sites.clone(),
            removed_sites: decisions.removed_sites.clone(),
            revoked: records.directory.revoked().clone(),
            issued_bearers: decisions.issued_bearers.clone(),
            revoked_bearers: records.revoked_bearers().clone(),
            nodes: Some(nodes),
        };
        // These types have text keys and no serializer that fails.
        state_file::encode(KIND, &kept).unwrap_or_default()
    }

    /// Writes the file.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(super) fn write(&self, text: &[u8]) -> Result<(), StateError> {
        self.folder.write(Self::FILE, text)
    }
}

fn name_of_signing_key(kid: Thumbprint) -> String {
    format!("signing-{kid}.pem")
}
