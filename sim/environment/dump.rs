//! What the troubleshooting tool prints of a machine (rule 69).

use super::{
    access::{ComMethod, Identity, LogFolder, Principal, Right, may_call},
    account::Account,
    change::Member,
    group::Group,
    password::PasswordPolicy,
};

/// `SMATOOL /SYSTEM DUMP PASSWORDPOLICY`: the password policy as the management agent reads it, and what it makes of it.
/// Where it differs from what Windows goes by, it was misread.
pub fn dump_password_policy(read: PasswordPolicy) -> String {
    format!(
        "minimum password length: {}\ncomplexity: {}\nlength of passwords made: {}\n",
        read.minimum_length,
        if read.complex { "three of four classes" } else { "none" },
        read.length()
    )
}

/// `SMATOOL /SYSTEM DUMP SECURITYSETTINGS`: account, group and access tables.
pub fn dump_security_settings(account: Account, group: &Group, folder: LogFolder, is_server: bool) -> String {
    let mut text = format!("account _SMP_IUSR: {}\n", if account.exists() { "exists" } else { "none" });
    let members = group.members().map(|members| {
        let names: Vec<_> = members
            .map(|member| match member {
                Member::SmpIusr => "_SMP_IUSR",
                Member::Acc => "ACC",
            })
            .collect();
        if names.is_empty() { "empty".to_owned() } else { names.join(", ") }
    });
    text.push_str(&format!("group _SMP_USERS: {}\n", members.unwrap_or_else(|| "none".to_owned())));
    for identity in [Identity::System, Identity::Administrator, Identity::User] {
        let may: Vec<_> = [ComMethod::IssueToken, ComMethod::ValidateToken, ComMethod::Manage]
            .into_iter()
            .filter(|method| may_call(identity, *method, is_server))
            .map(|method| format!("{method:?}"))
            .collect();
        text.push_str(&format!("COM {identity:?}: {}\n", may.join(", ")));
    }
    for principal in [
        Principal::System,
        Principal::Administrators,
        Principal::Users,
        Principal::DefaultAppPool,
        Principal::TaskServerAppPool,
        Principal::AgentAppPool,
        Principal::SmpServerAppPool,
    ] {
        let may: Vec<_> = [Right::Write, Right::Delete, Right::ChangeSecurity]
            .into_iter()
            .filter(|right| folder.allows(principal, *right))
            .map(|right| format!("{right:?}"))
            .collect();
        text.push_str(&format!("log folder {principal:?}: {}\n", may.join(", ")));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Authentication;

    #[test]
    fn rule_69_a_dump_shows_what_was_read_and_what_follows_from_it() {
        let dump = |minimum_length| dump_password_policy(PasswordPolicy { minimum_length, complex: true });
        assert!(dump(8).contains("minimum password length: 8\n") && dump(8).contains("passwords made: 14\n"));
        assert!(dump(20).contains("passwords made: 20\n") && dump(300).contains("passwords made: 128\n"));
    }

    #[test]
    fn rule_69_a_dump_of_security_settings_names_account_group_and_tables() {
        let mut group = Group::default();
        let dump = |group: &Group| dump_security_settings(Account::default(), group, LogFolder::default(), true);
        assert!(dump(&group).contains("account _SMP_IUSR: none\ngroup _SMP_USERS: none\n"));
        group.validate(Authentication { acc: true, ..Authentication::TOKENS }, false);
        let text = dump(&group);
        assert!(text.contains("group _SMP_USERS: ACC\n") && text.contains("COM User: IssueToken, ValidateToken\n"));
        assert!(text.contains("log folder DefaultAppPool: Write\n"), "{text}");
    }
}
