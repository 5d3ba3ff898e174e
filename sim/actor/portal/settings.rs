//! What every part of a portal is told.

use std::sync::Arc;

use rand_chacha::ChaCha20Rng;

use crate::{
    protocol::LoginTokenRules,
    types::{LoginLifetimes, NodeId, Origin, Parameters},
};

/// What a server of a portal, or a browser, is told when it is set up.
#[derive(Clone, Debug)]
pub struct PortalSettings {
    /// Its identity.
    pub node: NodeId,
    /// Where it is reached; browsers and the automation server have no door.
    pub origin: Origin,
    /// Where the front end is reached.
    pub front_end: Origin,
    /// Where the administration server is reached.
    pub administration_server: Origin,
    /// Where the portlet server is reached.
    pub portlet_server: Origin,
    /// How login tokens are made and read.
    pub rules: LoginTokenRules,
    /// How long they live.
    pub lifetimes: LoginLifetimes,
    /// Time-outs and caps.
    pub parameters: Arc<Parameters>,
    /// Where its random numbers come from.
    pub rng: ChaCha20Rng,
}
