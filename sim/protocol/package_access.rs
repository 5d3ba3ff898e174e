//! Who may download a package (rules 51, 62).

use std::fmt;

use super::ServerKind;
use crate::types::{Authentication, AuthenticationKind};

/// Paths below this are packages.
pub const PACKAGES_PATH: &str = "/Altiris/Codebases/";

/// The access type of a server's packages, as the console shows it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PackageAccess {
    /// Whoever asks.
    Anonymous,
    /// Whoever authenticates by one of these kinds; nobody if neither is on.
    Authenticated {
        /// By the agent connectivity credentials.
        acc: bool,
        /// By an agent token.
        token: bool,
    },
}

impl PackageAccess {
    /// The access type of a server of this kind: packages of the SMP need no authentication, those of site servers do unless
    /// policy makes codebases anonymous.
    pub const fn of(server: ServerKind, anonymous_codebases: bool, on: Authentication) -> Self {
        if matches!(server, ServerKind::Smp) || anonymous_codebases {
            return Self::Anonymous;
        }
        Self::Authenticated { acc: on.acc, token: on.token }
    }

    /// Whether a package is handed out to somebody who authenticated by this kind, or did not.
    pub const fn admits(self, by: Option<AuthenticationKind>) -> bool {
        match (self, by) {
            (Self::Anonymous, _) => true,
            (Self::Authenticated { acc, .. }, Some(AuthenticationKind::Acc)) => acc,
            (Self::Authenticated { token, .. }, Some(AuthenticationKind::Token)) => token,
            (Self::Authenticated { .. }, _) => false,
        }
    }
}

impl fmt::Display for PackageAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Anonymous => "Anonymous",
            Self::Authenticated { acc: true, token: true } => "ACC,Token",
            Self::Authenticated { acc: true, token: false } => "ACC",
            Self::Authenticated { acc: false, token: true } => "Token",
            Self::Authenticated { acc: false, token: false } => "None",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: [AuthenticationKind; 4] =
        [AuthenticationKind::Token, AuthenticationKind::Asdk, AuthenticationKind::Windows, AuthenticationKind::Acc];

    fn every_setting() -> impl Iterator<Item = Authentication> {
        (0..16_usize).map(|bits| {
            KINDS.into_iter().enumerate().filter(|(place, _)| bits >> place & 1 == 1).map(|(_, kind)| kind).collect()
        })
    }

    fn presented() -> impl Iterator<Item = Option<AuthenticationKind>> {
        KINDS.into_iter().map(Some).chain([None])
    }

    #[test]
    fn rule_51_the_smp_asks_nobody_and_a_package_server_asks_for_acc_or_a_token() {
        for on in every_setting() {
            let smp = PackageAccess::of(ServerKind::Smp, false, on);
            assert!(presented().all(|by| smp.admits(by)), "{on:?}");
            let site = PackageAccess::of(ServerKind::Site, false, on);
            assert!(!site.admits(None), "{on:?}");
            assert_eq!(site.admits(Some(AuthenticationKind::Acc)), on.acc);
            assert_eq!(site.admits(Some(AuthenticationKind::Token)), on.token);
            assert!(!site.admits(Some(AuthenticationKind::Windows)) && !site.admits(Some(AuthenticationKind::Asdk)));
        }
    }

    #[test]
    fn rule_62_the_label_says_who_is_let_in() {
        for on in every_setting() {
            let anonymous = PackageAccess::of(ServerKind::Site, true, on);
            assert_eq!(anonymous.to_string(), "Anonymous");
            assert!(presented().all(|by| anonymous.admits(by)));
            let expected = match (on.acc, on.token) {
                (true, true) => "ACC,Token",
                (true, false) => "ACC",
                (false, true) => "Token",
                (false, false) => "None",
            };
            assert_eq!(PackageAccess::of(ServerKind::Site, false, on).to_string(), expected);
        }
    }
}
