//! How an agent authenticates where several kinds of authentication stand beside each other (rules 1, 49 and 55 to 60): the one
//! table that decides it. Everything that it depends on is an argument, and the agent's wishes are not among it (rule 58).
//!
//! | resource | server offers | tokens so far | then |
//! |---|---|---|---|
//! | UNC | whatever | whatever | ACC; without credentials a typed error (rules 56, 57) |
//! | web | Token | untried | Token, whatever else is offered (rule 59) |
//! | web | no Token, another kind that the agent has | untried | that kind (rules 58, 60); hardened, where policy says that the server does tokens: refused, and an alert (attack 17) |
//! | web | whatever | failed | the machine's own account; else ACC if fallback is on (rule 56). Hardened, where the failure is a verdict on the agent or an untrusted offer: nothing |
//!
//! Whoever adds a kind adds its place here, and its rows to the tests.

use thiserror::Error;

use crate::types::{AccountScheme, Authentication, Bug, Profile};

/// What an agent wants to get.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Resource {
    /// Something over HTTP.
    Web,
    /// A file of a UNC codebase: file access, which knows no tokens.
    Unc,
}

/// Which schemes a server offers: in its challenge, or by policy where there is no challenge to go by.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Offered {
    /// `SMPToken`.
    pub token: bool,
    /// `Negotiate`.
    pub negotiate: bool,
    /// `NTLM`.
    pub ntlm: bool,
}

impl Offered {
    /// What a server offers where these kinds are on.
    pub const fn by(on: Authentication) -> Self {
        Self { token: on.token, negotiate: on.windows, ntlm: on.acc }
    }
}

/// What has come of tokens in this exchange.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TokenState {
    /// Nothing yet, or a stored token met a server that does not take tokens (any more).
    Untried,
    /// The server turned every token down with 401.
    Refused,
    /// 403: the server says that the agent is revoked.
    Forbidden,
    /// The server has no token to give: 503 or 429.
    Unavailable,
    /// The agent does not trust the token that it was offered (rule 6).
    Declined,
}

impl TokenState {
    /// Whether tokens do not work, as opposed to: the agent is not wanted, or somebody is in between.
    const fn is_mere_failure(self) -> bool {
        matches!(self, Self::Refused | Self::Unavailable)
    }
}

/// All that the choice depends on.
#[derive(Clone, Copy, Debug)]
pub struct Situation {
    /// What the agent wants to get.
    pub resource: Resource,
    /// What the server offers.
    pub offered: Offered,
    /// What has come of tokens.
    pub token: TokenState,
    /// Whether the agent has the agent connectivity credentials: policy brings them where ACC is on (rule 53).
    pub has_acc: bool,
    /// Whether its machine has an account of its own.
    pub has_machine_account: bool,
    /// Whether policy lets agents fall back to ACC where tokens fail.
    pub acc_fallback: bool,
    /// Whether policy says that this server does tokens.
    pub policy_has_tokens: bool,
    /// Which face of the protocol the agent shows.
    pub profile: Profile,
}

/// How to authenticate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Choice {
    /// By an agent token.
    Token,
    /// By Windows authentication, with the machine's own account.
    Windows,
    /// By the agent connectivity credentials.
    Acc(AccReason),
}

impl Choice {
    /// The scheme, if it is not that of tokens.
    pub const fn account_scheme(self) -> Option<AccountScheme> {
        match self {
            Self::Token => None,
            Self::Windows => Some(AccountScheme::Negotiate),
            Self::Acc(_) => Some(AccountScheme::Ntlm),
        }
    }
}

/// What allows the agent connectivity credentials to be sent (S10).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AccReason {
    /// The resource is a UNC path.
    Unc,
    /// The server offers no token.
    NoTokenOffered,
    /// Tokens failed, and fallback is on.
    TokenFailed,
}

/// Why there is no way to authenticate.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum NoChoice {
    /// Rule 57.
    #[error(
        "a UNC codebase takes agent connectivity credentials only, and policy has brought none: turn ACC on, or move the package to a codebase on HTTP"
    )]
    UncWithoutAcc,
    /// Attack 17.
    #[error(
        "the server's challenge offers no token though policy says that the server does tokens: somebody in between may have taken it out"
    )]
    Downgrade,
    /// Nothing that the agent has is offered.
    #[error("the server offers no kind of authentication that the agent has")]
    NothingUsable,
    /// The way out would be ACC.
    #[error("tokens failed, and policy does not let agents fall back to ACC")]
    FallbackOff,
    /// Tokens failed, and there is nothing beside them.
    #[error("tokens failed, and the agent has no other credentials that the server takes")]
    NothingBesideTokens,
    /// Hardened: what went wrong with tokens is no reason to go round them.
    #[error("the server refused the agent, or offered a token that is not to be trusted: no reason to go round tokens")]
    NotAFailure,
}

/// Chooses.
///
/// # Errors
/// Why there is nothing to choose.
pub fn choose(situation: &Situation) -> Result<Choice, NoChoice> {
    let Situation { resource, offered, token, has_acc, has_machine_account, profile, .. } = *situation;
    if resource == Resource::Unc {
        return if has_acc { Ok(Choice::Acc(AccReason::Unc)) } else { Err(NoChoice::UncWithoutAcc) };
    }
    let windows = offered.negotiate && has_machine_account;
    let acc = offered.ntlm && has_acc;
    if token == TokenState::Untried {
        if offered.token && Bug::AccPreferredToToken.is_planted() && acc {
            return Ok(Choice::Acc(AccReason::NoTokenOffered));
        }
        if offered.token {
            return Ok(Choice::Token);
        }
        return match (windows, acc) {
            (false, false) => Err(NoChoice::NothingUsable),
            _ if situation.policy_has_tokens && profile.refuses_downgrade() && !Bug::DowngradeFollowed.is_planted() => {
                Err(NoChoice::Downgrade)
            }
            // Its own account before the one that all agents share.
            (true, _) => Ok(Choice::Windows),
            (false, true) => Ok(Choice::Acc(AccReason::NoTokenOffered)),
        };
    }
    if !windows && !acc {
        return Err(NoChoice::NothingBesideTokens);
    }
    if profile.refuses_downgrade() && !token.is_mere_failure() {
        return Err(NoChoice::NotAFailure);
    }
    if windows {
        return Ok(Choice::Windows);
    }
    if !situation.acc_fallback && !Bug::FallbackAlwaysOn.is_planted() {
        return Err(NoChoice::FallbackOff);
    }
    Ok(Choice::Acc(AccReason::TokenFailed))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: Offered = Offered { token: true, negotiate: false, ntlm: false };
    const ALL: Offered = Offered { token: true, negotiate: true, ntlm: true };
    const WINDOWS: Offered = Offered { token: false, negotiate: true, ntlm: false };
    const ACC: Offered = Offered { token: false, negotiate: false, ntlm: true };
    const BOTH_ACCOUNTS: Offered = Offered { token: false, negotiate: true, ntlm: true };
    const NONE: Offered = Offered { token: false, negotiate: false, ntlm: false };
    const FAILED: [TokenState; 4] =
        [TokenState::Refused, TokenState::Forbidden, TokenState::Unavailable, TokenState::Declined];

    /// An agent with every account, at a server that policy says nothing special about.
    fn at(offered: Offered, token: TokenState) -> Situation {
        Situation {
            resource: Resource::Web,
            offered,
            token,
            has_acc: true,
            has_machine_account: true,
            acc_fallback: true,
            policy_has_tokens: false,
            profile: Profile::Literal,
        }
    }

    fn every_offer() -> impl Iterator<Item = Offered> {
        (0..8).map(|bits| Offered { token: bits & 1 > 0, negotiate: bits & 2 > 0, ntlm: bits & 4 > 0 })
    }

    #[test]
    fn rule_56_unc_is_always_acc_whatever_the_server_offers() {
        for offered in every_offer() {
            for token in FAILED.into_iter().chain([TokenState::Untried]) {
                for profile in [Profile::Literal, Profile::Hardened] {
                    let situation =
                        Situation { resource: Resource::Unc, profile, acc_fallback: false, ..at(offered, token) };
                    assert_eq!(choose(&situation), Ok(Choice::Acc(AccReason::Unc)));
                }
            }
        }
    }

    #[test]
    fn rule_57_unc_without_acc_is_an_error_that_says_what_is_wrong() {
        for offered in every_offer() {
            let situation = Situation { resource: Resource::Unc, has_acc: false, ..at(offered, TokenState::Untried) };
            assert_eq!(choose(&situation), Err(NoChoice::UncWithoutAcc));
        }
        assert!(NoChoice::UncWithoutAcc.to_string().contains("UNC codebase"));
    }

    #[test]
    fn rule_59_a_token_is_preferred_to_whatever_else_is_offered() {
        for offered in every_offer().filter(|offered| offered.token) {
            for profile in [Profile::Literal, Profile::Hardened] {
                assert_eq!(choose(&Situation { profile, ..at(offered, TokenState::Untried) }), Ok(Choice::Token));
            }
        }
    }

    #[test]
    fn rule_60_where_no_token_is_offered_the_agent_goes_by_what_is() {
        let untried = |offered| at(offered, TokenState::Untried);
        assert_eq!(choose(&untried(WINDOWS)), Ok(Choice::Windows));
        assert_eq!(choose(&untried(ACC)), Ok(Choice::Acc(AccReason::NoTokenOffered)));
        assert_eq!(choose(&untried(BOTH_ACCOUNTS)), Ok(Choice::Windows), "its own account before the shared one");
        let without_own = Situation { has_machine_account: false, ..untried(BOTH_ACCOUNTS) };
        assert_eq!(choose(&without_own), Ok(Choice::Acc(AccReason::NoTokenOffered)));
    }

    #[test]
    fn what_the_agent_lacks_or_nobody_offers_is_not_chosen() {
        let none = Situation { has_acc: false, has_machine_account: false, ..at(BOTH_ACCOUNTS, TokenState::Untried) };
        assert_eq!(choose(&none), Err(NoChoice::NothingUsable));
        assert_eq!(choose(&at(NONE, TokenState::Untried)), Err(NoChoice::NothingUsable));
        let no_acc = Situation { has_acc: false, ..at(ACC, TokenState::Untried) };
        assert_eq!(choose(&no_acc), Err(NoChoice::NothingUsable));
    }

    #[test]
    fn attack_17_literal_follows_a_challenge_without_a_token_and_hardened_refuses() {
        for (offered, literal) in [(WINDOWS, Choice::Windows), (ACC, Choice::Acc(AccReason::NoTokenOffered))] {
            let known = Situation { policy_has_tokens: true, ..at(offered, TokenState::Untried) };
            assert_eq!(choose(&known), Ok(literal));
            let hardened = Situation { profile: Profile::Hardened, ..known };
            assert_eq!(choose(&hardened), Err(NoChoice::Downgrade));
            // Rule 58: a server of which policy says otherwise is followed.
            assert_eq!(choose(&Situation { policy_has_tokens: false, ..hardened }), Ok(literal));
        }
        // Where nothing is offered that would do, nobody is talked into anything.
        let nothing =
            Situation { policy_has_tokens: true, profile: Profile::Hardened, ..at(NONE, TokenState::Untried) };
        assert_eq!(choose(&nothing), Err(NoChoice::NothingUsable));
    }

    #[test]
    fn rule_56_acc_follows_failed_tokens_only_if_fallback_is_on() {
        for token in FAILED {
            let both = Situation { has_machine_account: false, ..at(ALL, token) };
            assert_eq!(choose(&both), Ok(Choice::Acc(AccReason::TokenFailed)), "{token:?}");
            assert_eq!(choose(&Situation { acc_fallback: false, ..both }), Err(NoChoice::FallbackOff));
            assert_eq!(choose(&Situation { has_acc: false, ..both }), Err(NoChoice::NothingBesideTokens));
            assert_eq!(choose(&at(TOKEN, token)), Err(NoChoice::NothingBesideTokens));
        }
    }

    #[test]
    fn after_failed_tokens_the_machines_own_account_needs_no_fallback() {
        for token in FAILED {
            assert_eq!(choose(&Situation { acc_fallback: false, ..at(ALL, token) }), Ok(Choice::Windows));
        }
    }

    #[test]
    fn hardened_goes_round_tokens_only_where_they_merely_fail() {
        for (token, falls_back) in [
            (TokenState::Refused, true),
            (TokenState::Unavailable, true),
            (TokenState::Forbidden, false),
            (TokenState::Declined, false),
        ] {
            let situation = Situation {
                profile: Profile::Hardened,
                has_machine_account: false,
                policy_has_tokens: true,
                ..at(ALL, token)
            };
            let expected =
                if falls_back { Ok(Choice::Acc(AccReason::TokenFailed)) } else { Err(NoChoice::NotAFailure) };
            assert_eq!(choose(&situation), expected, "{token:?}");
        }
    }

    #[test]
    fn rule_58_every_kind_that_is_on_is_one_that_agents_use() {
        let on = |token, windows, acc| Offered::by(Authentication { token, asdk: true, windows, acc });
        assert_eq!(on(true, false, false), TOKEN);
        assert_eq!(on(false, true, false), WINDOWS);
        assert_eq!(on(false, false, true), ACC);
        assert_eq!(on(false, false, false), NONE);
    }
}
