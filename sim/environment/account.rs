//! The local account that stands for everybody whom a token authenticated (rules 64 to 68, 73).

use rand_core::Rng;

use super::{
    change::Change,
    password::{Password, PasswordPolicy, Windows},
};
use crate::types::Bug;

/// How many passwords are tried before the management agent gives up (rule 68).
pub const PASSWORD_TRIES_MAX: u32 = 32;

/// The local account `_SMP_IUSR`. Its password is nowhere: whoever changes it forgets it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Account {
    exists: bool,
}

/// Leave to act as the account. There is no other way to it than [`Account::handle`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AccountHandle(());

impl Account {
    /// Whether it exists.
    pub const fn exists(self) -> bool {
        self.exists
    }

    /// The handle that a module is given with a validation: for a valid token only, and only if there is an account (rule
    /// 73).
    pub const fn handle(self, is_valid: bool) -> Option<AccountHandle> {
        if is_valid && self.exists { Some(AccountHandle(())) } else { None }
    }

    /// Creates the account or gives it a new password: at most 32 tries, and one alert if none will do. `read` is what the
    /// management agent takes for the password policy, which need not be what `windows` goes by (rule 69).
    pub fn update(&mut self, read: PasswordPolicy, windows: Windows, rng: &mut impl Rng) -> Vec<Change> {
        let length = read.length();
        let tries_max = PASSWORD_TRIES_MAX + u32::from(Bug::OneTryTooMany.is_planted());
        for tries in 1..=tries_max {
            let password = Password::draw(length, rng);
            if windows.takes(&password) {
                let created = !self.exists;
                self.exists = true;
                return vec![Change::AccountSet { created, length, tries, password: password.fingerprint() }];
            }
        }
        let alerts = if Bug::AlertForgotten.is_planted() { None } else { Some(Change::AlertSent) };
        [Change::AccountFailed { length, tries: tries_max }].into_iter().chain(alerts).collect()
    }

    /// Removes the account, if there is one.
    pub fn remove(&mut self) -> Option<Change> {
        std::mem::take(&mut self.exists).then_some(Change::AccountRemoved)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::SeedStream;

    const POLICY: PasswordPolicy = PasswordPolicy { minimum_length: 8, complex: true };
    const WINDOWS: Windows = Windows { policy: POLICY, refuses: false };

    #[test]
    fn rule_65_the_account_is_created_updated_and_removed() {
        let (mut account, mut rng) = (Account::default(), SeedStream::new(1).rng("account", 0));
        assert_eq!(account.remove(), None);
        let mut seen = Vec::new();
        for expected in [true, false, false] {
            let changes = account.update(POLICY, WINDOWS, &mut rng);
            let [Change::AccountSet { created, length: 14, tries: 1.., password }] = changes[..] else {
                panic!("{changes:?}")
            };
            assert_eq!(created, expected);
            assert!(!seen.contains(&password), "rule 66: a password repeats");
            seen.push(password);
        }
        assert_eq!(account.remove(), Some(Change::AccountRemoved));
        assert!(!account.exists());
    }

    #[test]
    fn rule_68_exactly_32_tries_then_one_alert_and_the_old_account_stays() {
        let (mut account, mut rng) = (Account::default(), SeedStream::new(1).rng("account", 0));
        let refuses = Windows { refuses: true, ..WINDOWS };
        let failed = [Change::AccountFailed { length: 14, tries: 32 }, Change::AlertSent];
        assert_eq!(account.update(POLICY, refuses, &mut rng), failed);
        assert!(!account.exists());
        account.update(POLICY, WINDOWS, &mut rng);
        assert_eq!(account.update(POLICY, refuses, &mut rng), failed);
        assert!(account.exists());
    }

    #[test]
    fn rule_69_a_misread_policy_makes_passwords_that_windows_refuses() {
        let (mut account, mut rng) = (Account::default(), SeedStream::new(1).rng("account", 0));
        let windows = Windows { policy: PasswordPolicy { minimum_length: 20, complex: true }, refuses: false };
        let changes = account.update(PasswordPolicy { minimum_length: 0, complex: true }, windows, &mut rng);
        assert_eq!(changes, [Change::AccountFailed { length: 14, tries: 32 }, Change::AlertSent]);
        let longer = account.update(PasswordPolicy { minimum_length: 30, complex: true }, windows, &mut rng);
        assert!(matches!(longer[..], [Change::AccountSet { length: 30, .. }]), "{longer:?}");
    }

    // Rule 64, too: the account stands for whoever came by a valid token.
    #[test]
    fn rule_73_a_handle_needs_a_valid_token_and_an_account() {
        let (none, one) = (Account { exists: false }, Account { exists: true });
        assert!(one.handle(true).is_some());
        assert!(one.handle(false).is_none() && none.handle(true).is_none() && none.handle(false).is_none());
    }
}
