//! Whether a batch request comes from a legitimate site server (rule 33, attack 18).

use http::HeaderMap;
use thiserror::Error;

use super::{
    BodyError, ClientTokensError, ClientTokensRequest, MessageError, RequestTarget, VerifiedMessage, verify_request,
};
use crate::{
    crypto::{Engine, PublicKey},
    types::{NodeId, Thumbprint},
};

/// Where the keys of those who sign requests come from.
pub trait SignerKeys {
    /// The key of this name, if it belongs to a node that is not revoked.
    fn signer_key(&self, kid: Thumbprint) -> Option<PublicKey>;

    /// The key of a legitimate site server (rule 33).
    fn site_key(&self, site: NodeId) -> Option<PublicKey>;
}

/// A batch request of a legitimate site server.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SiteRequest {
    /// What it asks for.
    pub request: ClientTokensRequest,
    /// The site's key, to which the answer over plain HTTP is encrypted (rule 34).
    pub site_key: PublicKey,
    /// What its signature says; the answer repeats the nonce.
    pub message: VerifiedMessage,
}

/// Why a batch request gets no token.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum SiteDenied {
    /// It is unsigned, altered, or signed by an unknown key.
    #[error("the batch request is denied: {0}")]
    Message(#[from] MessageError),
    /// Its signer is not the site server that it names, or none at all any more.
    #[error("the batch request is denied: the key {keyid} is not that of a legitimate site server {site}")]
    NotThatSite {
        /// Which site it names.
        site: NodeId,
        /// Who signed it.
        keyid: Thumbprint,
    },
    /// Its body is not accepted.
    #[error(transparent)]
    Request(#[from] ClientTokensError),
}

impl SiteDenied {
    /// The HTTP status of the refusal.
    pub const fn status(&self) -> u16 {
        match self {
            Self::Message(_) | Self::NotThatSite { .. } => 403,
            Self::Request(ClientTokensError::Body(BodyError::TooLarge { .. })) => 413,
            Self::Request(_) => 400,
        }
    }
}

/// Verifies a batch request and its sender.
///
/// The body is parsed after the signature was verified: whoever is no node of the fleet cannot make the SMP parse.
///
/// # Errors
/// If the body is larger than `max_bytes`, the sender is not the legitimate site server that it claims to be, or the
/// request breaks the rules of [`ClientTokensRequest::new`].
pub fn authenticate_site(
    keys: &impl SignerKeys,
    target: RequestTarget<'_>,
    body: &[u8],
    headers: &HeaderMap,
    max_bytes: usize,
    batch_size_max: u32,
    engine: &Engine,
) -> Result<SiteRequest, SiteDenied> {
    if body.len() > max_bytes {
        return Err(ClientTokensError::from(BodyError::TooLarge { found_bytes: body.len(), max_bytes }).into());
    }
    let message = verify_request(target, body, headers, |kid| keys.signer_key(kid), engine)?;
    let request = ClientTokensRequest::decode(body, max_bytes, batch_size_max)?;
    match keys.site_key(request.site).filter(|key| key.thumbprint() == message.keyid) {
        Some(site_key) => Ok(SiteRequest { request, site_key, message }),
        None => Err(SiteDenied::NotThatSite { site: request.site, keyid: message.keyid }),
    }
}
