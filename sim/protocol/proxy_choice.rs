//! What answers a proxy's 407 (rule 61): an account, never a token, whatever the proxy offers.
//!
//! The request is no argument, so that one that asks for a WebSocket upgrade, or is sent through a tunnel, is answered for
//! like any other. A proxy is neither the server that issued a token nor trusted by it: whoever asks with 407 would
//! collect tokens.

use thiserror::Error;

use super::offers;
use crate::types::AccountScheme;

/// Which accounts an agent has for a proxy, and how it may use them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ProxyAccounts {
    /// The account of its own machine, by `Negotiate`.
    pub negotiate: bool,
    /// An account by `NTLM`.
    pub ntlm: bool,
    /// An account by `Basic`: its password goes over the line as it is, so that it must be allowed.
    pub basic: bool,
}

impl ProxyAccounts {
    const fn allow(self, scheme: AccountScheme) -> bool {
        match scheme {
            AccountScheme::Negotiate => self.negotiate,
            AccountScheme::Ntlm => self.ntlm,
            AccountScheme::Basic => self.basic,
        }
    }
}

/// Why a 407 is not answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum ProxyRefusal {
    /// There is nothing in it that the agent may use.
    #[error("the proxy asks for an account, and the agent has none by any scheme that the proxy takes")]
    NothingUsable,
    /// The same, and a proxy that asks for tokens is worth a word of its own.
    #[error("the proxy asks for a token: tokens are for servers, and no proxy gets one")]
    TokenWanted,
}

/// Chooses the scheme that answers the values of `Proxy-Authenticate`, by their order of preference and not the proxy's.
///
/// # Errors
/// Why there is none.
pub fn answer_proxy(offered: &[&str], accounts: ProxyAccounts) -> Result<AccountScheme, ProxyRefusal> {
    let is_offered = |scheme| offered.iter().any(|value| offers(value, scheme));
    let chosen = AccountScheme::ALL.into_iter().find(|scheme| accounts.allow(*scheme) && is_offered(*scheme));
    chosen.ok_or_else(|| {
        let wants_token = offered.iter().any(|value| is_token_scheme(value));
        if wants_token { ProxyRefusal::TokenWanted } else { ProxyRefusal::NothingUsable }
    })
}

/// Whether a value of `Proxy-Authenticate` or `Proxy-Authorization` is of a scheme of tokens.
pub fn is_token_scheme(value: &str) -> bool {
    let scheme = value.split(' ').next().unwrap_or_default();
    [super::SCHEME, super::BEARER_SCHEME].iter().any(|name| scheme.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALL: ProxyAccounts = ProxyAccounts { negotiate: true, ntlm: true, basic: true };
    const OFFERS: [&str; 6] =
        ["SMPToken token=\"a.b.c\"", "Bearer realm=\"x\"", "Negotiate", "NTLM", "Basic realm=\"proxy\"", "Digest x"];

    #[test]
    fn rule_61_a_407_never_gets_a_token() {
        for offered in
            [&["SMPToken"][..], &["SMPToken token=\"a.b.c\""], &["bearer"], &["SMPToken", "Bearer", "Digest"]]
        {
            assert_eq!(answer_proxy(offered, ALL), Err(ProxyRefusal::TokenWanted), "{offered:?}");
        }
        assert_eq!(answer_proxy(&["SMPToken", "Bearer", "NTLM"], ALL), Ok(AccountScheme::Ntlm));
    }

    #[test]
    fn rule_61_an_account_answers_as_far_as_it_is_allowed() {
        let every = OFFERS;
        for (accounts, expected) in [
            (ALL, Ok(AccountScheme::Negotiate)),
            (ProxyAccounts { negotiate: false, ..ALL }, Ok(AccountScheme::Ntlm)),
            (ProxyAccounts { basic: true, ..Default::default() }, Ok(AccountScheme::Basic)),
            (ProxyAccounts::default(), Err(ProxyRefusal::TokenWanted)),
        ] {
            assert_eq!(answer_proxy(&every, accounts), expected);
        }
        let no_basic = ProxyAccounts { basic: false, ..ALL };
        assert_eq!(answer_proxy(&["Basic realm=\"proxy\""], no_basic), Err(ProxyRefusal::NothingUsable));
        assert_eq!(answer_proxy(&[], ALL), Err(ProxyRefusal::NothingUsable));
    }

    proptest! {
        #[test]
        fn rule_61_whatever_is_offered_the_answer_was_offered_and_is_allowed(
            offered in prop::collection::vec(prop::sample::select(&OFFERS[..]), 0..6),
            negotiate: bool, ntlm: bool, basic: bool,
        ) {
            let accounts = ProxyAccounts { negotiate, ntlm, basic };
            if let Ok(scheme) = answer_proxy(&offered, accounts) {
                prop_assert!(accounts.allow(scheme) && offered.iter().any(|value| offers(value, scheme)));
                prop_assert!(!is_token_scheme(scheme.name()));
            }
        }
    }
}
