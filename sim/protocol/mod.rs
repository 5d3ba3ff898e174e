//! The agent-token protocol, sans-IO: no runtime, socket, clock, entropy or file.
//!
//! Time and randomness are arguments; what happened comes back as plain values.

mod account;
mod agent;
mod authentication_choice;
mod authorization;
pub mod base64url;
mod bearer_rules;
mod bearer_token;
mod binding;
mod body;
mod client_tokens;
mod compact;
mod connection;
mod content_digest;
mod countersigned_token;
mod directory;
mod issued_token;
mod issuer;
mod issuer_time;
pub mod jwe;
mod key_set;
mod login_credentials;
mod login_token;
mod login_token_key;
mod message_signature;
mod nonce;
mod package_access;
mod peer_challenge;
mod policy;
mod presented_token;
mod proxy_choice;
mod rate_limit;
mod refusal_answer;
mod registration;
mod registry;
mod remembered_prefixes;
mod request_nonces;
mod signature_base;
mod site_authentication;
mod token_cache;
mod token_storage;
mod validation;
mod validation_schedule;
mod window;
mod windows_handshake;

pub use account::{Account, Password, PasswordHash};
pub use agent::{Agent, Authorization, Declined};
pub use authentication_choice::{AccReason, Choice, NoChoice, Offered, Resource, Situation, TokenState, choose};
pub use authorization::{ChallengeError, Credentials, SCHEME, TokenChallenge};
pub use bearer_rules::{BearerRejection, BearerRules};
pub use bearer_token::{BEARER_SCHEME, BearerClaims, BearerToken, INSTALLER_PATH};
pub use binding::{Binding, RequestFacts};
pub use body::BodyError;
pub use client_tokens::{
    Answer, CLIENT_TOKENS_PATH, ClientToken, ClientTokensError, ClientTokensRequest, ClientTokensResponse, Holder,
    IssueError,
};
pub use connection::ConnectionAuthentication;
pub use content_digest::{ContentDigestError, check_content_digest, content_digest};
pub use countersigned_token::CountersignedToken;
pub use directory::{Directory, RegisterError, Registered};
pub use issued_token::{Claims, Confirmation, IssuedToken};
pub use issuer::{Issuer, Subject};
pub use issuer_time::IssuerTime;
pub use key_set::{Jwks, KeySetError, ServerKeys};
pub use login_credentials::{
    ADMINISTRATION_COOKIE, ADMINISTRATION_LINK, ADMINISTRATION_PATH, IMPERSONATE_PATH, LOGIN_PATH, LOGIN_SCHEME,
    PORTAL_PATH, PORTLET_PATH, PORTLET_SERVER_PATH, REMEMBER_COOKIE, SESSION_COOKIE, SESSION_PATH, cookie, form,
    form_field, login_authorization, login_token_in, with_login_token,
};
pub use login_token::{LoginSyntaxError, LoginToken, LoginTokenRules, LoginTokenRulesError, NoLoginToken};
pub use login_token_key::{LoginTokenKey, LoginTokenKeyError};
pub use message_signature::{
    Answered, MessageError, RequestTarget, SignedHeaders, VerifiedMessage, sign_request, sign_response, verify_request,
    verify_response,
};
pub use nonce::Nonce;
pub use package_access::{PACKAGES_PATH, PackageAccess};
pub use peer_challenge::{KmsKey, PEER_SCHEME, PeerAnswer, PeerChallenges, PeerCredentials, PeerDoor, PeerRequest};
pub use policy::{POLICY_PATH, Policy, PolicyError, ServerEntry, ServerKind};
pub use presented_token::{PresentedToken, VerifyingKeys};
pub use proxy_choice::{ProxyAccounts, ProxyRefusal, answer_proxy, is_token_scheme};
pub use rate_limit::RateLimit;
pub use refusal_answer::{AGENT_REVOKED, RefusalAnswer};
pub use registration::{NodeKind, REGISTER_PATH, RegisterRequest, RegisterResponse, RegistrationError};
pub use registry::{Registry, RegistrySettings, Use};
pub use remembered_prefixes::RememberedPrefixes;
pub use request_nonces::RequestNonces;
pub use site_authentication::{SignerKeys, SiteDenied, SiteRequest, authenticate_site};
pub use token_cache::{CachedToken, Fetched, Stored, TokenCache, TokenCacheSettings, ValidationPlan};
pub use token_storage::{ServerPath, StoredToken, Swept, TokenStorage};
pub use validation::{Acceptance, AgentKeys, Rejection, ServerMemory, ValidationRules};
pub use validation_schedule::ValidationSchedule;
pub use window::Window;
pub use windows_handshake::{AccountCredentials, WindowsMessage, offers, windows_challenge};
