//! What an agent does where tokens are not wanted, or do not work (rules 55 to 60): it goes by
//! [`choose`], and an account authenticates by a Windows handshake.

use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode, header::WWW_AUTHENTICATE};

use super::{
    AgentActor,
    exchange::{broken, failed, is_in},
    kinds::{Wanted, Way},
    visit::{Line, LineAuthentication},
};
use crate::{
    actor::{Environment, http::ExchangeError},
    event::{AccountReason, Carried, EventKind, Outcome},
    protocol::{
        AccReason, Account, Choice, NoChoice, Offered, Resource, Situation, TokenChallenge, TokenState, WindowsMessage,
        choose, offers, windows_challenge,
    },
    types::{AccountScheme, VirtualTime, locked},
};

/// How far an exchange has come.
#[derive(Clone, Copy, Debug)]
pub(super) struct SoFar {
    /// When it started.
    pub started: VirtualTime,
    /// How many requests it has taken.
    pub trips: u32,
    /// How it ends if nothing else helps.
    pub outcome: Outcome,
    /// What the server offered last, if it was heard.
    pub offered: Option<Offered>,
}

impl<E: Environment> AgentActor<E> {
    /// Goes on with another kind of authentication, if there is one to go on with.
    pub(super) async fn beside_tokens(
        &self,
        way: &Way,
        line: &mut Line<E>,
        wanted: Wanted,
        token: TokenState,
        so_far: SoFar,
    ) -> (Outcome, u32) {
        let choice = self.choice(way, wanted, token, so_far.offered);
        let account = match choice {
            Ok(Choice::Acc(_)) => locked(&self.kinds).acc.clone(),
            Ok(Choice::Windows) => self.settings.coexistence.machine_account.clone(),
            Ok(Choice::Token) | Err(_) => None,
        };
        match (choice, account) {
            (Ok(choice), Some(account)) if line.connection.is_open() => {
                self.handshake(way, line, wanted, &account, reason(choice, token), so_far).await
            }
            (Ok(_), _) => (so_far.outcome, so_far.trips),
            (Err(why), _) => (self.give_up(way, line, why, so_far.outcome), so_far.trips),
        }
    }

    /// What the table says of this situation.
    pub(super) fn choice(
        &self,
        way: &Way,
        wanted: Wanted,
        token: TokenState,
        offered: Option<Offered>,
    ) -> Result<Choice, NoChoice> {
        let kinds = locked(&self.kinds);
        let by_policy = kinds.of_server(way.path.server);
        choose(&Situation {
            resource: if wanted == Wanted::Unc { Resource::Unc } else { Resource::Web },
            offered: offered.unwrap_or_else(|| Offered::by(by_policy)),
            token,
            has_acc: kinds.acc.is_some(),
            has_machine_account: self.settings.coexistence.machine_account.is_some(),
            acc_fallback: kinds.acc_fallback,
            policy_has_tokens: by_policy.token,
            profile: self.settings.profile,
        })
    }

    /// Whether a challenge that offers this is answered with a token (rule 59).
    pub(super) fn answers_with_token(&self, way: &Way, offered: Option<Offered>) -> bool {
        self.choice(way, Wanted::Protected, TokenState::Untried, offered) == Ok(Choice::Token)
    }

    /// Says why there is no way to authenticate, where there could be others than tokens.
    fn give_up(&self, way: &Way, line: &Line<E>, why: NoChoice, outcome: Outcome) -> Outcome {
        let (connection, server) = (line.connection.id(), way.server);
        match why {
            NoChoice::Downgrade => {
                self.environment.record(EventKind::DowngradeRefused { connection, server });
                // Policy may have changed since: whoever is in between cannot change that.
                self.doubt_policy();
                Outcome::DowngradeRefused
            }
            NoChoice::UncWithoutAcc => {
                self.environment.record(EventKind::AuthenticationImpossible { server, why: why.to_string() });
                Outcome::NoCredentials
            }
            _ => {
                if !locked(&self.kinds).is_tokens_only() {
                    self.environment.record(EventKind::AuthenticationImpossible { server, why: why.to_string() });
                }
                outcome
            }
        }
    }

    /// Authenticates the connection with an account: it says so, is challenged, and answers. Nothing is tried twice.
    async fn handshake(
        &self,
        way: &Way,
        line: &mut Line<E>,
        wanted: Wanted,
        account: &Account,
        (scheme, why): (AccountScheme, AccountReason),
        so_far: SoFar,
    ) -> (Outcome, u32) {
        let trips = so_far.trips + 1;
        let hello = WindowsMessage::Hello {};
        let challenge = match self.send_message(line, wanted, &hello, scheme, Carried::AccountHello).await {
            Ok(response) => match (response.status(), windows_challenge(response.headers(), scheme)) {
                (StatusCode::UNAUTHORIZED, Some(challenge)) => challenge,
                (status, _) if is_in(status) => return (Outcome::ServedAuthenticated, trips),
                (status, _) => return (failed(status), trips),
            },
            Err(error) => return (broken(&error), trips),
        };
        let (connection, server) = (line.connection.id(), way.server);
        self.environment.record(EventKind::CredentialsSent { connection, server, scheme, why });
        let answer = WindowsMessage::answer(account, scheme, challenge);
        let trips = trips + 1;
        match self.send_message(line, wanted, &answer, scheme, Carried::AccountResponse).await {
            Ok(response) if is_in(response.status()) => {
                line.authentication = Some(LineAuthentication { started: so_far.started, expires: None });
                (Outcome::ServedByAccount, trips)
            }
            Ok(response) => (failed(response.status()), trips),
            Err(error) => (broken(&error), trips),
        }
    }

    async fn send_message(
        &self,
        line: &mut Line<E>,
        wanted: Wanted,
        message: &WindowsMessage,
        scheme: AccountScheme,
        carries: Carried,
    ) -> Result<Response<Bytes>, ExchangeError> {
        self.send(line, wanted.target(), Some(message.to_value(scheme)), carries).await
    }
}

/// By which scheme the chosen account authenticates, and what allows it.
const fn reason(choice: Choice, token: TokenState) -> (AccountScheme, AccountReason) {
    match choice {
        Choice::Acc(AccReason::Unc) => (AccountScheme::Ntlm, AccountReason::Unc),
        Choice::Acc(AccReason::NoTokenOffered) => (AccountScheme::Ntlm, AccountReason::NoTokenOffered),
        Choice::Acc(AccReason::TokenFailed) => (AccountScheme::Ntlm, AccountReason::TokenFailed),
        Choice::Windows | Choice::Token => match token {
            TokenState::Untried => (AccountScheme::Negotiate, AccountReason::NoTokenOffered),
            _ => (AccountScheme::Negotiate, AccountReason::TokenFailed),
        },
    }
}

/// What a 401 offers.
pub(super) fn offered(headers: &HeaderMap) -> Offered {
    let mut found = Offered::default();
    for value in headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok()) {
        found.token |= TokenChallenge::parse(value).is_some();
        found.negotiate |= offers(value, AccountScheme::Negotiate);
        found.ntlm |= offers(value, AccountScheme::Ntlm);
    }
    found
}
