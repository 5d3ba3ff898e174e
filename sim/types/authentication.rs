//! Which kinds of authentication servers offer.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which kinds of authentication servers offer (rules 30, 58).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Authentication {
    /// Agent tokens.
    pub token: bool,
    /// ASDK tokens (rule 63).
    pub asdk: bool,
    /// Windows authentication.
    pub windows: bool,
    /// Agent connectivity credentials, the account and its password.
    pub acc: bool,
}

impl Authentication {
    /// Agent tokens and nothing beside them.
    pub const TOKENS: Self = Self { token: true, ..Self::NONE };
    /// Nothing at all: whoever asks for a protected path is turned away.
    pub const NONE: Self = Self { token: false, asdk: false, windows: false, acc: false };

    /// Whether servers offer agent tokens and nothing beside them.
    pub fn is_tokens_only(&self) -> bool {
        *self == Self::TOKENS
    }

    /// Which kinds are on, in the order of [`AuthenticationKind`].
    pub fn kinds(self) -> impl Iterator<Item = AuthenticationKind> {
        let all = [
            (self.token, AuthenticationKind::Token),
            (self.asdk, AuthenticationKind::Asdk),
            (self.windows, AuthenticationKind::Windows),
            (self.acc, AuthenticationKind::Acc),
        ];
        all.into_iter().filter(|(is_on, _)| *is_on).map(|(_, kind)| kind)
    }
}

impl Default for Authentication {
    fn default() -> Self {
        Self::TOKENS
    }
}

impl FromIterator<AuthenticationKind> for Authentication {
    fn from_iter<I: IntoIterator<Item = AuthenticationKind>>(kinds: I) -> Self {
        let mut on = Self::NONE;
        for kind in kinds {
            match kind {
                AuthenticationKind::Token => on.token = true,
                AuthenticationKind::Asdk => on.asdk = true,
                AuthenticationKind::Windows => on.windows = true,
                AuthenticationKind::Acc => on.acc = true,
            }
        }
        on
    }
}

/// A kind of authentication that policy turns on and off.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AuthenticationKind {
    /// Agent tokens.
    Token,
    /// ASDK tokens (rule 63).
    Asdk,
    /// Windows authentication.
    Windows,
    /// Agent connectivity credentials, the account and its password.
    Acc,
}

impl AuthenticationKind {
    /// As scenario files spell it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Asdk => "asdk",
            Self::Windows => "windows",
            Self::Acc => "acc",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_kinds_says_which_are_on() {
        let all =
            [AuthenticationKind::Token, AuthenticationKind::Asdk, AuthenticationKind::Windows, AuthenticationKind::Acc];
        for bits in 0..16_usize {
            let some = || all.into_iter().enumerate().filter(|(place, _)| bits >> place & 1 == 1).map(|(_, kind)| kind);
            assert!(some().collect::<Authentication>().kinds().eq(some()), "{bits:b}");
        }
        assert!(Authentication::default().is_tokens_only() && !Authentication::NONE.is_tokens_only());
    }
}
