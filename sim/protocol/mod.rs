//! The agent-token protocol, sans-IO: no runtime, socket, clock, entropy or file.
//!
//! Time and randomness are arguments; what happened comes back as plain values.

pub mod jwe;
mod rate_limit;
mod registry;
mod registry_table;
mod token_cache;
mod validation_schedule;
mod window;

pub use rate_limit::RateLimit;
pub use registry::{Registry, RegistrySettings, Use};
pub use token_cache::{CachedToken, Fetched, Stored, TokenCache, TokenCacheSettings, ValidationPlan};
pub use validation_schedule::ValidationSchedule;
pub use window::Window;
mod body;
mod client_tokens;
mod content_digest;
mod directory;
mod key_set;
mod message_signature;
mod policy;
mod registration;
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
