//! How a server lets requests for protected paths in (rules 2, 3, 8, 9, 15, 45, 46): the same at both server kinds.

use std::{future::Future, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{
    HeaderName, HeaderValue, StatusCode,
    header::{AUTHORIZATION, CONNECTION, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE},
};
use http_body_util::Full;

use super::{
    account_gate::{self, Kinds, UNC_PATH},
    bearer_gate,
    core::Core,
    explanation::{explained, wanted},
};
#[cfg(feature = "planted-bugs")]
use crate::types::locked;
use crate::{
    actor::{
        Environment,
        http::{Reply, ServerConnection, ServerRequest, empty_reply},
    },
    environment::Call,
    event::{Challenge, EventKind, Presented, RegistryState, Removal},
    protocol::{
        AGENT_REVOKED, Acceptance, BearerRejection, BearerToken, CLIENT_TOKENS_PATH, ChallengeError,
        CountersignedToken, Credentials, IssuedToken, PACKAGES_PATH, POLICY_PATH, PackageAccess, REGISTER_PATH,
        RefusalAnswer, Rejection, RequestFacts, TokenChallenge, Use, content_digest,
    },
    types::{AccountScheme, Bug, Jti, NodeId, Refusal, Uid, Undigested, UnixSeconds},
};

/// Paths below this need no authentication (rule 3).
const PUBLIC_PATH: &str = "/Altiris/Public/";
/// Paths below this need authentication.
const PROTECTED_PATH: &str = "/Altiris/";
/// How long a client should wait after 429 or 503, in seconds.
const RETRY_AFTER_S: &str = "1";

static NS_ERROR: HeaderName = HeaderName::from_static("x-smp-nserror");

/// Where a server has its tokens and its agents' keys from.
pub trait TokenServer<E: Environment>: Send + Sync + 'static {
    /// What every server has.
    fn core(&self) -> &Core<E>;

    /// Which kinds of authentication it takes now, by the policy that it goes by (rule 30).
    fn kinds(&self) -> Kinds;

    /// Who gets packages now (rule 51).
    fn packages(&self) -> PackageAccess;

    /// Whether an agent is known to be revoked.
    fn is_revoked(&self, agent: NodeId) -> bool;

    /// Whether a source may ask for a token now (hole 18).
    fn admits_first_request(&self, source: u64) -> bool;

    /// Checks a presented token.
    fn validate(&self, text: &str, request: &RequestFacts<'_>) -> Result<Acceptance, Box<Rejection>>;

    /// Checks a bearer token for this path.
    fn check_bearer(&self, text: &str, path: &str) -> Result<BearerToken, BearerRejection>;

    /// Does what a rejection asks for; tells whether the token should be checked once more (hole 14).
    fn reconsider(self: &Arc<Self>, rejection: &Rejection) -> impl Future<Output = bool> + Send;

    /// A live token for an agent and uid.
    fn token_for(self: &Arc<Self>, agent: NodeId, uid: Uid) -> impl Future<Output = Result<Offer, NoToken>> + Send;
}

/// A token for an agent to countersign.
#[derive(Clone, Debug)]
pub struct Offer {
    /// The three parts.
    pub text: Arc<str>,
    /// For which agent.
    pub agent: NodeId,
    /// For which uid.
    pub uid: Uid,
    /// The token's jti.
    pub jti: Jti,
    /// The token's expiry.
    pub expires: UnixSeconds,
}

impl From<&IssuedToken> for Offer {
    fn from(token: &IssuedToken) -> Self {
        let claims = &token.claims;
        Self { text: token.shared_text(), agent: claims.sub, uid: token.uid, jti: claims.jti, expires: claims.exp }
    }
}

/// Why there is no token for an agent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NoToken {
    /// The agent is unknown or revoked.
    Forbidden,
    /// The issuer cannot be reached.
    Unavailable,
}

/// Answers a request for a path below `/Altiris/`; `None` for any other path.
pub async fn answer<E: Environment, S: TokenServer<E>>(
    server: &Arc<S>,
    connection: &Arc<ServerConnection>,
    request: &ServerRequest,
) -> Option<Reply> {
    let core = server.core();
    if is_public(request.path()) {
        core.charge(1).await;
        return Some(serve(core, request, None));
    }
    if is_below(request.path(), PACKAGES_PATH) {
        let access = server.packages();
        core.environment.record(EventKind::PackageAsked { request: request.id, access: access.to_string() });
        if access.admits(None) || Bug::PackagesForEverybody.is_planted() {
            core.charge(1).await;
            return Some(serve(core, request, None));
        }
    }
    let kinds = server.kinds();
    if request.path().starts_with(UNC_PATH) {
        return Some(account_gate::answer_unc(core, connection, request, kinds).await);
    }
    if !request.path().starts_with(PROTECTED_PATH) {
        return None;
    }
    if let Some(text) = bearer_gate::carried(request) {
        return Some(bearer_gate::answer(&**server, connection, request, text).await);
    }
    let parameters = &core.settings.parameters;
    if Bug::AuthenticationKeptByAddress.is_planted() {
        inherit_authentication(core, connection);
    }
    let admitted = connection.authentication().admits(
        core.settings.profile,
        connection.is_secure,
        core.environment.now(),
        core.clock(),
        Duration::from_secs(parameters.connection_age_max_s),
    );
    // Literal: what was on when the connection was authenticated goes on there (hole 13).
    let is_off = core.settings.profile.bounds_connection_age() && !kinds.takes_tokens();
    if let Some(agent) = admitted.filter(|_| !is_off) {
        core.charge(1).await;
        // Literal: once authenticated, always authenticated (hole 13).
        let ends_with_revocation =
            core.settings.profile.bounds_connection_age() && !Bug::ConnectionOutlivesRevocation.is_planted();
        if ends_with_revocation && server.is_revoked(agent) {
            return Some(forbid_and_close(core));
        }
        return Some(serve(core, request, Some(agent)));
    }
    let is_out = |account| core.settings.profile.turns_revoked_accounts_away() && server.is_revoked(account);
    if let Some(account) = account_gate::admitted(core, connection, kinds) {
        let is_out = is_out(account);
        core.charge(1).await;
        if is_out {
            return Some(forbid_and_close(core));
        }
        return Some(serve(core, request, Some(account)));
    }
    if let Some(Some(credentials)) = account_gate::credentials_of(request)
        && kinds.accepts(credentials.scheme())
    {
        return Some(account_gate::answer(core, connection, request, credentials, kinds, is_out).await);
    }
    if !kinds.takes_tokens() || account_gate::is_by_scheme_off(request, kinds) {
        core.charge(1).await;
        return Some(challenge(core, request, None, None, kinds));
    }
    // Two Authorization headers are as good as none that can be read.
    let mut values = request.headers.get_all(AUTHORIZATION).iter();
    let credentials = match (values.next(), values.next()) {
        (None, _) => {
            core.charge(1).await;
            return Some(challenge(core, request, None, None, kinds));
        }
        (Some(value), None) => value.to_str().ok().and_then(Credentials::parse),
        (Some(_), Some(_)) => None,
    };
    Some(match credentials {
        None => {
            core.charge(1).await;
            core.environment.record(EventKind::Refused {
                request: request.id,
                why: Refusal::Syntax,
                claimed_agent: None,
            });
            challenge(core, request, None, Some(ChallengeError::InvalidToken), kinds)
        }
        Some(Credentials::First { agent, uid }) => {
            core.charge(1).await;
            offer(server, request, agent, uid, None).await
        }
        Some(Credentials::Token(text)) => present(server, connection, request, text).await,
    })
}

/// Planted: a connection that has no authentication yet gets that of its address.
#[cfg_attr(not(feature = "planted-bugs"), expect(unused_variables, reason = "nothing is known of addresses"))]
fn inherit_authentication<E: Environment>(core: &Core<E>, connection: &ServerConnection) {
    #[cfg(feature = "planted-bugs")]
    if connection.authentication() == Default::default()
        && let Some(known) = locked(&core.authentication_by_address).get(&core.environment.source(connection.id))
    {
        connection.authenticate(|authentication| *authentication = *known);
    }
}

/// Whether a path needs no authentication.
fn is_public(path: &str) -> bool {
    is_below(path, PUBLIC_PATH)
}

/// Whether a path lies in a folder. One that another reader could resolve to a place outside does not, however it starts.
fn is_below(path: &str, folder: &str) -> bool {
    let is_plain = !path.contains(['%', '\\']) && path.split('/').all(|segment| !matches!(segment, "." | ".."));
    is_plain && path.starts_with(folder)
}

/// What a path is for, as figures name it.
pub fn kind_of_path(path: &str) -> &'static str {
    match path {
        REGISTER_PATH => "register",
        POLICY_PATH => "policy",
        CLIENT_TOKENS_PATH => "client_tokens",
        _ if is_public(path) => "public",
        _ if path.starts_with(UNC_PATH) => "unc",
        _ if is_below(path, PACKAGES_PATH) => "package",
        _ if path.starts_with(PROTECTED_PATH) => "protected",
        _ => "other",
    }
}

async fn present<E: Environment, S: TokenServer<E>>(
    server: &Arc<S>,
    connection: &Arc<ServerConnection>,
    request: &ServerRequest,
    text: &str,
) -> Reply {
    let core = server.core();
    let digest = content_digest(&request.body);
    let facts = RequestFacts {
        method: request.method.as_str(),
        target: &request.target,
        content_digest: &digest,
        channel_binding: connection.channel_binding.as_deref(),
    };
    if !core.call_management_agent(request.id, Call::Validate).await {
        return uncalled(core, request);
    }
    // What the registry has done is told before anything waits: the client may give up, and this future with it.
    let validate = || {
        let result = server.validate(text, &facts);
        match &result {
            Ok(Acceptance { token, registered }) => {
                record_use(core, request, token, registered);
                let (presented, expires) = (presented(token), token.issued.claims.exp);
                core.environment.record(EventKind::Accepted { request: request.id, presented, expires });
            }
            Err(rejection) => {
                if let (Some(token), Some(registered)) = (&rejection.token, &rejection.registered) {
                    record_use(core, request, token, registered);
                }
                record_removal(core, rejection);
            }
        }
        result
    };
    let mut result = validate();
    core.charge(1).await;
    if let Err(rejection) = &result
        && server.reconsider(rejection).await
    {
        result = validate();
        core.charge(0).await;
    }
    match result {
        Ok(_) if !core.hands_out_account() => unavailable(core, request, StatusCode::SERVICE_UNAVAILABLE),
        Ok(acceptance) => {
            let claims = &acceptance.token.issued.claims;
            connection.authenticate(|authentication| {
                authentication.accept(claims.sub, core.environment.now(), claims.exp, core.rules().leeway);
            });
            #[cfg(feature = "planted-bugs")]
            locked(&core.authentication_by_address)
                .insert(core.environment.source(connection.id), connection.authentication());
            serve(core, request, Some(claims.sub))
        }
        Err(rejection) => refuse(server, request, &rejection).await,
    }
}

async fn refuse<E: Environment, S: TokenServer<E>>(
    server: &Arc<S>,
    request: &ServerRequest,
    rejection: &Rejection,
) -> Reply {
    let core = server.core();
    core.environment.record(EventKind::Refused {
        request: request.id,
        why: rejection.why,
        claimed_agent: rejection.token.as_ref().map(|token| token.issued.claims.sub),
    });
    match (RefusalAnswer::from(rejection.why), &rejection.token) {
        (RefusalAnswer::Forbid, _) => forbid(core),
        (RefusalAnswer::Challenge(error), Some(token)) => {
            offer(server, request, token.issued.claims.sub, token.issued.uid, Some(error)).await
        }
        (RefusalAnswer::Challenge(error), None) => challenge(core, request, None, Some(error), server.kinds()),
    }
}

/// 401 with a token, from wherever this server has its tokens.
async fn offer<E: Environment, S: TokenServer<E>>(
    server: &Arc<S>,
    request: &ServerRequest,
    agent: NodeId,
    uid: Uid,
    error: Option<ChallengeError>,
) -> Reply {
    let core = server.core();
    // A refused token asks for a new one as a first request does, and proves as little (hole 18).
    if !server.admits_first_request(core.environment.source(request.id.connection)) {
        return unavailable(core, request, StatusCode::TOO_MANY_REQUESTS);
    }
    if !core.call_management_agent(request.id, Call::Issue).await {
        return uncalled(core, request);
    }
    match server.token_for(agent, uid).await {
        Ok(token) => challenge(core, request, Some(&token), error, server.kinds()),
        Err(NoToken::Forbidden) => forbid(core),
        Err(NoToken::Unavailable) => unavailable(core, request, StatusCode::SERVICE_UNAVAILABLE),
    }
}

pub(super) fn serve<E: Environment>(core: &Core<E>, request: &ServerRequest, agent: Option<NodeId>) -> Reply {
    core.environment.record(EventKind::Served { request: request.id, agent });
    // Whoever is in is sent on, with the same path (rule 55). Nobody is sent on for what is public.
    if let Some(origin) = &core.settings.redirect_to
        && agent.is_some()
        && let Ok(location) = HeaderValue::try_from(format!("{origin}{}", request.target))
    {
        let mut reply = empty_reply(StatusCode::TEMPORARY_REDIRECT);
        reply.headers_mut().insert(LOCATION, location);
        return reply;
    }
    Reply::new(Full::new(Bytes::from_static(b"OK\n")))
}

/// What a request gets whose call to the management agent failed: never what it asked for (rule 20).
fn uncalled<E: Environment>(core: &Core<E>, request: &ServerRequest) -> Reply {
    if Bug::OpenWithoutManagementAgent.is_planted() {
        return serve(core, request, None);
    }
    unavailable(core, request, StatusCode::SERVICE_UNAVAILABLE)
}

/// 401, with every kind of authentication that is on: tokens first, so that whoever takes the first takes these.
pub(super) fn challenge<E: Environment>(
    core: &Core<E>,
    request: &ServerRequest,
    offer: Option<&Offer>,
    error: Option<ChallengeError>,
    kinds: Kinds,
) -> Reply {
    if !kinds.on.is_tokens_only() {
        core.environment.record(EventKind::AuthenticationOffered { request: request.id, offered: kinds.on });
    }
    core.environment.record(EventKind::Challenged {
        request: request.id,
        challenge: offer.map(|offer| Challenge {
            agent: offer.agent,
            uid: offer.uid,
            jti: offer.jti,
            expires: offer.expires,
            after_refusal: error.is_some(),
        }),
    });
    let epoch = core.settings.profile.binds_epoch().then_some(core.rules().epoch);
    let value = TokenChallenge { token: offer.map(|offer| &*offer.text), error, epoch }.to_value();
    let wanted = wanted(kinds, offer.is_some(), error.is_some());
    let mut reply = explained(core, StatusCode::UNAUTHORIZED, wanted);
    // Tokens and identifiers are printable ASCII, so this is always a valid header value.
    if let Ok(value) = HeaderValue::try_from(value)
        && kinds.takes_tokens()
    {
        reply.headers_mut().insert(WWW_AUTHENTICATE, value);
    }
    for scheme in kinds.schemes() {
        let value = if scheme == AccountScheme::Basic { "Basic realm=\"Altiris\"" } else { scheme.name() };
        reply.headers_mut().append(WWW_AUTHENTICATE, HeaderValue::from_static(value));
    }
    reply
}

fn forbid<E: Environment>(core: &Core<E>) -> Reply {
    let mut reply =
        explained(core, StatusCode::FORBIDDEN, "The agent is unknown or revoked, or the signature is not its own.\n");
    reply.headers_mut().insert(&NS_ERROR, HeaderValue::from_static(AGENT_REVOKED));
    reply
}

/// 403 for the agent of a connection that was authenticated: the connection ends with it (hole 13).
pub(super) fn forbid_and_close<E: Environment>(core: &Core<E>) -> Reply {
    let mut reply = forbid(core);
    reply.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    reply
}

fn unavailable<E: Environment>(core: &Core<E>, request: &ServerRequest, status: StatusCode) -> Reply {
    core.environment.record(EventKind::Unavailable { request: request.id, status: status.as_u16() });
    let why = match status {
        StatusCode::TOO_MANY_REQUESTS => "Too many first requests from this address.\n",
        _ => "The issuer cannot be reached, or too many wait for it.\n",
    };
    let mut reply = explained(core, status, why);
    reply.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_S));
    reply
}

fn record_use<E: Environment>(core: &Core<E>, request: &ServerRequest, token: &CountersignedToken, registered: &Use) {
    core.environment.record(EventKind::RegistryRecorded {
        request: request.id,
        presented: presented(token),
        state: RegistryState {
            epoch: core.rules().epoch,
            is_new: registered.is_new,
            highest: registered.highest,
            slid_by: registered.slid_by,
            expires: token.issued.claims.exp,
            window: registered.window,
        },
    });
}

fn record_removal<E: Environment>(core: &Core<E>, rejection: &Rejection) {
    let Some(token) = rejection.token.as_ref().filter(|_| rejection.left_registry) else { return };
    let claims = &token.issued.claims;
    let why = Removal::ExpiredInUse;
    core.environment.record(EventKind::RegistryRemoved { agent: claims.sub, jti: claims.jti, why });
}

fn presented(token: &CountersignedToken) -> Presented {
    Presented {
        agent: token.issued.claims.sub,
        uid: token.nonce.uid,
        jti: token.issued.claims.jti,
        counter: token.nonce.counter,
        token: Undigested(token.issued.fingerprint()),
        countersigned: Undigested(token.fingerprint()),
    }
}

#[cfg(test)]
mod tests {
    use super::is_public;

    #[test]
    fn rule_3_no_spelling_of_a_protected_path_is_public() {
        for path in ["/Altiris/Public/", "/Altiris/Public/status", "/Altiris/Public/a/b.c", "/Altiris/Public/..a"] {
            assert!(is_public(path), "{path}");
        }
        for path in [
            "/Altiris/Packages/index",
            "/Altiris/Public",
            "/Altiris/Publican",
            "/altiris/public/status",
            "/Altiris/Public/../Packages/index",
            "/Altiris/Public/..",
            "/Altiris/Public/./../Packages",
            "/Altiris/Public/%2e%2e/Packages",
            "/Altiris/Public/..%2fPackages",
            "/Altiris/Public/..\\Packages",
        ] {
            assert!(!is_public(path), "{path}");
        }
    }
}
