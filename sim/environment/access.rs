//! Who may do what on a machine: the management agent's COM interface and its log folder (rules 71, 72, 74).

use super::change::Change;

/// Who asks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Identity {
    /// SYSTEM, as which the management agent runs.
    System,
    /// An administrator.
    Administrator,
    /// Anybody else who is logged on, application pools included.
    User,
}

/// What the COM interface of the management agent does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ComMethod {
    /// Gives out an agent's token, without the agent's signature on it.
    IssueToken,
    /// Judges a token, and hands out the account if it is valid.
    ValidateToken,
    /// Anything else: settings, packages, policies.
    Manage,
}

/// Whether somebody may call a method. It is restricted on servers only (rule 71); there an ordinary user may still ask
/// for a token, which is useless without its agent's key (rule 72), and have one judged (rule 73).
pub const fn may_call(identity: Identity, method: ComMethod, is_server: bool) -> bool {
    match (identity, method) {
        (Identity::System | Identity::Administrator, _) => true,
        (Identity::User, ComMethod::IssueToken | ComMethod::ValidateToken) => is_server,
        (Identity::User, ComMethod::Manage) => !is_server,
    }
}

/// Whom the access table of the log folder names.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Principal {
    /// SYSTEM.
    System,
    /// The group of administrators.
    Administrators,
    /// The group of users.
    Users,
    /// The application pool `DefaultAppPool`.
    DefaultAppPool,
    /// The application pool `Symantec Task Server AppPool`.
    TaskServerAppPool,
    /// The application pool `Symantec Agent AppPool`.
    AgentAppPool,
    /// The application pool `SMP Server AppPool`.
    SmpServerAppPool,
}

/// What a principal may do in the log folder.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Right {
    /// Read, create and write files.
    Write,
    /// Delete files and folders, which whoever rotates a log must.
    Delete,
    /// Change the access table itself.
    ChangeSecurity,
}

/// The access table of the log folder, into which modules write from worker processes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct LogFolder {
    is_open: bool,
}

impl LogFolder {
    /// Makes the table that of tokens on or off, and tells if that changes it.
    pub fn follow(&mut self, tokens_are_on: bool) -> Option<Change> {
        let before = std::mem::replace(&mut self.is_open, tokens_are_on);
        match (before, tokens_are_on) {
            (false, true) => Some(Change::LogFolderOpened),
            (true, false) => Some(Change::LogFolderReset),
            _ => None,
        }
    }

    /// Whether somebody may do something in it.
    pub const fn allows(self, principal: Principal, right: Right) -> bool {
        match (principal, right) {
            (Principal::System | Principal::Administrators, _) => true,
            (_, Right::ChangeSecurity) => false,
            (Principal::Users, right) => matches!(right, Right::Write),
            // Pools are named while tokens are on; else a worker process is a user like others.
            (_, Right::Write) => true,
            (_, Right::Delete) => self.is_open,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_71_the_com_interface_is_restricted_on_servers_only() {
        for method in [ComMethod::IssueToken, ComMethod::ValidateToken, ComMethod::Manage] {
            for is_server in [true, false] {
                assert!(may_call(Identity::System, method, is_server));
                assert!(may_call(Identity::Administrator, method, is_server));
            }
        }
        assert!(!may_call(Identity::User, ComMethod::Manage, true));
        assert!(may_call(Identity::User, ComMethod::Manage, false));
    }

    #[test]
    fn rule_72_an_ordinary_user_may_ask_a_server_for_a_token_and_have_one_judged() {
        assert!(may_call(Identity::User, ComMethod::IssueToken, true));
        assert!(may_call(Identity::User, ComMethod::ValidateToken, true));
        assert!(!may_call(Identity::User, ComMethod::IssueToken, false), "a client has no tokens to give");
    }

    #[test]
    fn rule_74_pools_may_rotate_logs_while_tokens_are_on() {
        use Principal::*;
        let mut folder = LogFolder::default();
        let pools = [DefaultAppPool, TaskServerAppPool, AgentAppPool, SmpServerAppPool];
        let table = |folder: LogFolder| pools.map(|pool| folder.allows(pool, Right::Delete));
        let default = folder;
        assert_eq!(table(folder), [false; 4]);
        assert_eq!(folder.follow(true), Some(Change::LogFolderOpened));
        assert_eq!(folder.follow(true), None);
        assert_eq!(table(folder), [true; 4]);
        for folder in [default, folder] {
            for principal in [System, Administrators] {
                assert!(
                    [Right::Write, Right::Delete, Right::ChangeSecurity].iter().all(|it| folder.allows(principal, *it))
                );
            }
            assert!(folder.allows(Users, Right::Write) && !folder.allows(Users, Right::Delete));
            assert!(pools.iter().chain([&Users]).all(|it| !folder.allows(*it, Right::ChangeSecurity)));
        }
        assert_eq!(folder.follow(false), Some(Change::LogFolderReset));
        assert_eq!(folder, default);
    }
}
