//! The agent-token protocol, sans-IO: no runtime, socket, clock, entropy or file.
//!
//! Time and randomness are arguments; what happened comes back as plain values.

mod body;
mod client_tokens;
mod content_digest;
mod directory;
pub mod jwe;
mod key_set;
mod message_signature;
mod policy;
mod registration;
mod signature_base;
mod site_authentication;

pub use body::BodyError;
pub use client_tokens::{
    Answer, CLIENT_TOKENS_PATH, ClientToken, ClientTokensError, ClientTokensRequest, ClientTokensResponse, Holder,
    IssueError,
};
pub use content_digest::{ContentDigestError, check_content_digest, content_digest};
pub use directory::{Directory, RegisterError, Registered};
pub use key_set::{Jwks, KeySetError, ServerKeys};
pub use message_signature::{
    Answered, MessageError, RequestTarget, SignedHeaders, VerifiedMessage, sign_request, sign_response, verify_request,
    verify_response,
};
pub use policy::{Authentication, POLICY_PATH, Policy, PolicyError, ServerEntry, ServerKind};
pub use registration::{NodeKind, REGISTER_PATH, RegisterRequest, RegisterResponse, RegistrationError};
pub use site_authentication::{SiteDenied, SiteRequest, authenticate_site};
