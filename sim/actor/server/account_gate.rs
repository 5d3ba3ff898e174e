//! How a server lets accounts in, where their kinds are on: the Windows handshake by `Negotiate` and `NTLM`, and `Basic`
//! for people (rules 16, 30, 56, 60).

use std::{sync::Arc, time::Duration};

use http::{
    HeaderValue, StatusCode,
    header::{AUTHORIZATION, WWW_AUTHENTICATE},
};

use super::{
    core::Core,
    gate::{challenge, forbid_and_close, serve},
};
use crate::{
    actor::{
        Environment,
        http::{Reply, ServerConnection, ServerRequest, empty_reply},
    },
    event::{AccountRefusal, EventKind},
    protocol::{AccountCredentials, WindowsMessage},
    types::{AccountScheme, Authentication, Bug, NodeId, ServerChallenge},
};

/// Paths below this stand for file access by a UNC path: no token gets in there, and ACC only (rule 56).
pub(super) const UNC_PATH: &str = "/UNC/";

/// Which kinds of authentication a server has on, by the policy that it goes by.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Kinds {
    /// Those that policy turns on and off.
    pub on: Authentication,
    /// Whether `Basic` is offered beside ACC.
    pub basic: bool,
}

impl Kinds {
    /// Whether a scheme is taken.
    pub(super) const fn takes(self, scheme: AccountScheme) -> bool {
        match scheme {
            AccountScheme::Negotiate => self.on.windows,
            AccountScheme::Ntlm => self.on.acc,
            AccountScheme::Basic => self.on.acc && self.basic,
        }
    }

    /// Whether tokens are taken.
    pub(super) fn takes_tokens(self) -> bool {
        self.on.token || Bug::KindTakenWhenOff.is_planted()
    }

    /// Whether credentials of a scheme are looked at.
    pub(super) fn accepts(self, scheme: AccountScheme) -> bool {
        self.takes(scheme) || Bug::KindTakenWhenOff.is_planted()
    }

    /// The schemes that are offered beside tokens, in their order.
    pub(super) fn schemes(self) -> impl Iterator<Item = AccountScheme> {
        AccountScheme::ALL.into_iter().filter(move |scheme| self.takes(*scheme))
    }

    /// What is left of it where there is no module.
    pub(super) const fn without_tokens(self) -> Self {
        Self { on: Authentication { token: false, asdk: false, ..self.on }, basic: self.basic }
    }

    /// What is left of it for file access.
    pub(super) const fn for_unc(self) -> Self {
        Self { on: Authentication { acc: self.on.acc, ..Authentication::NONE }, basic: false }
    }
}

/// For which account a request on this connection is served, if one was accepted on it.
///
/// Literal: once accepted, always accepted. Hardened: while its kind is on, and no longer than any authentication (hole 13).
pub(super) fn admitted<E: Environment>(core: &Core<E>, connection: &ServerConnection, kinds: Kinds) -> Option<NodeId> {
    let (scheme, account, at) = connection.authentication().account()?;
    let age_max = Duration::from_secs(core.settings.parameters.connection_age_max_s);
    let is_fresh = !core.settings.profile.bounds_connection_age()
        || (kinds.takes(scheme) && core.environment.now().since(at) < age_max);
    is_fresh.then_some(account)
}

/// The credentials of an account that a request carries: the outer `None` if it carries none, the inner one if they cannot
/// be read.
pub(super) fn credentials_of(request: &ServerRequest) -> Option<Option<AccountCredentials>> {
    let mut values = request.headers.get_all(AUTHORIZATION).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => AccountCredentials::parse(value.to_str().ok()?),
        _ => None,
    }
}

/// Whether a request is by a scheme of accounts that is off: it is answered as if it carried nothing.
pub(super) fn is_by_scheme_off(request: &ServerRequest, kinds: Kinds) -> bool {
    let mut values = request.headers.get_all(AUTHORIZATION).iter();
    let scheme = match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok().and_then(AccountCredentials::scheme_of),
        _ => None,
    };
    scheme.is_some_and(|scheme| !kinds.accepts(scheme))
}

/// Answers a request for file access by a UNC path.
pub(super) async fn answer_unc<E: Environment>(
    core: &Core<E>,
    connection: &Arc<ServerConnection>,
    request: &ServerRequest,
    kinds: Kinds,
) -> Reply {
    let is_acc = |account: &NodeId| *account == NodeId::ACC;
    answer_accounts(core, connection, request, kinds.for_unc(), is_acc).await
}

/// Answers a request for a protected path at a web server without the module: it knows no tokens.
pub(super) async fn answer_without_module<E: Environment>(
    core: &Core<E>,
    connection: &Arc<ServerConnection>,
    request: &ServerRequest,
    kinds: Kinds,
) -> Reply {
    answer_accounts(core, connection, request, kinds.without_tokens(), |_| true).await
}

async fn answer_accounts<E: Environment>(
    core: &Core<E>,
    connection: &Arc<ServerConnection>,
    request: &ServerRequest,
    kinds: Kinds,
    is_welcome: impl Fn(&NodeId) -> bool,
) -> Reply {
    if let Some(account) = admitted(core, connection, kinds).filter(is_welcome) {
        core.charge(1).await;
        return serve(core, request, Some(account));
    }
    match credentials_of(request) {
        Some(Some(credentials)) if kinds.accepts(credentials.scheme()) => {
            answer(core, connection, request, credentials, kinds, |_| false).await
        }
        _ => {
            core.charge(1).await;
            challenge(core, request, None, None, kinds)
        }
    }
}

/// Answers a request that carries a message of an account, by a scheme that is on. Whose account it is, `is_out` may tell:
/// that is known to whoever knows policy, and not to a web server by itself.
pub(super) async fn answer<E: Environment>(
    core: &Core<E>,
    connection: &Arc<ServerConnection>,
    request: &ServerRequest,
    credentials: AccountCredentials,
    kinds: Kinds,
    is_out: impl Fn(NodeId) -> bool,
) -> Reply {
    let scheme = credentials.scheme();
    let result = match credentials {
        AccountCredentials::Windows(_, WindowsMessage::Hello {}) => {
            let reply = second_message(core, connection, request, scheme);
            core.charge(1).await;
            return reply;
        }
        // One challenge, one answer: it is gone, whatever the answer is.
        AccountCredentials::Windows(_, WindowsMessage::Response { account, response }) => {
            let mut pending = None;
            connection.authenticate(|authentication| pending = authentication.take_challenge(scheme));
            match pending {
                Some(challenge) => find(core, &account, scheme, |hash| {
                    WindowsMessage::proves(&account, &response, hash, scheme, challenge)
                }),
                None => Err(AccountRefusal::NoChallenge),
            }
        }
        AccountCredentials::Windows(_, WindowsMessage::Challenge { .. }) => Err(AccountRefusal::Malformed),
        AccountCredentials::Basic(account) => find(core, &account.name, scheme, |hash| account.hash() == *hash),
    };
    match result {
        Ok(account) if is_out(account) => {
            let why = AccountRefusal::Revoked;
            core.environment.record(EventKind::AccountRefused { request: request.id, scheme, why });
            core.charge(1).await;
            forbid_and_close(core)
        }
        Ok(account) => {
            // `Basic` is for one request each.
            if scheme != AccountScheme::Basic {
                let now = core.environment.now();
                connection.authenticate(|authentication| authentication.accept_account(scheme, account, now));
            }
            core.environment.record(EventKind::AccountAccepted { request: request.id, scheme, account });
            core.charge(1).await;
            serve(core, request, Some(account))
        }
        Err(why) => {
            core.environment.record(EventKind::AccountRefused { request: request.id, scheme, why });
            core.charge(1).await;
            challenge(core, request, None, None, kinds)
        }
    }
}

/// 401 with a challenge for this connection, and nothing else: a handshake is under way.
fn second_message<E: Environment>(
    core: &Core<E>,
    connection: &ServerConnection,
    request: &ServerRequest,
    scheme: AccountScheme,
) -> Reply {
    let drawn = core.draw_nonce().bits();
    let challenge = ServerChallenge::from_bits(if Bug::AccountChallengeRepeats.is_planted() { 1 } else { drawn });
    connection.authenticate(|authentication| authentication.challenge(scheme, challenge));
    core.environment.record(EventKind::Challenged { request: request.id, challenge: None });
    let mut reply = empty_reply(StatusCode::UNAUTHORIZED);
    // Base64url behind a name: always a valid header value.
    if let Ok(value) = HeaderValue::try_from(WindowsMessage::Challenge { challenge }.to_value(scheme)) {
        reply.headers_mut().append(WWW_AUTHENTICATE, value);
    }
    reply
}

/// The identity of an account that the scheme takes, if what came proves it.
fn find<E: Environment>(
    core: &Core<E>,
    name: &str,
    scheme: AccountScheme,
    proves: impl FnOnce(&crate::protocol::PasswordHash) -> bool,
) -> Result<NodeId, AccountRefusal> {
    let entry = core.settings.domain.find(name).filter(|entry| (entry.node == NodeId::ACC) == scheme.is_acc());
    let entry = entry.ok_or(AccountRefusal::UnknownAccount)?;
    if proves(&entry.hash) || Bug::AccountUnverified.is_planted() {
        Ok(entry.node)
    } else {
        Err(AccountRefusal::WrongPassword)
    }
}
