//! The local group that access tables name, so that none is rebuilt when a kind of authentication is switched (rule 70).

use std::collections::BTreeSet;

use super::change::{Change, Member};
use crate::types::{Authentication, Bug};

/// The local group `_SMP_USERS`: always there, with those in it whose kind of authentication is on.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Group {
    members: Option<BTreeSet<Member>>,
}

impl Group {
    /// Who is in it; none if it does not exist.
    pub fn members(&self) -> Option<impl Iterator<Item = Member>> {
        self.members.as_ref().map(|members| members.iter().copied())
    }

    /// Creates it if it is not there, and makes its members those whose kind is on.
    pub fn validate(&mut self, on: Authentication, has_account: bool) -> Vec<Change> {
        let mut changes = Vec::new();
        let members = self.members.get_or_insert_with(|| {
            changes.push(Change::GroupCreated);
            BTreeSet::new()
        });
        for (member, belongs) in [(Member::SmpIusr, on.token && has_account), (Member::Acc, on.acc)] {
            let stays = belongs || Bug::MemberNotRemoved.is_planted() && members.contains(&member);
            if stays && members.insert(member) {
                changes.push(Change::MemberAdded { member });
            } else if !stays && members.remove(&member) {
                changes.push(Change::MemberRemoved { member });
            }
        }
        changes
    }

    /// Somebody deletes it.
    pub fn delete(&mut self) -> Option<Change> {
        self.members.take().map(|_| Change::GroupDeleted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: Authentication = Authentication { token: true, acc: true, ..Authentication::NONE };

    #[test]
    fn rule_70_members_follow_the_kinds_that_are_on() {
        let mut group = Group::default();
        for (on, has_account, expected) in [
            (Authentication::TOKENS, true, vec![Member::SmpIusr]),
            (Authentication::TOKENS, false, vec![]),
            (BOTH, true, vec![Member::SmpIusr, Member::Acc]),
            (Authentication { acc: true, ..Authentication::NONE }, true, vec![Member::Acc]),
            (Authentication::NONE, true, vec![]),
        ] {
            group.validate(on, has_account);
            assert_eq!(group.members().unwrap().collect::<Vec<_>>(), expected, "{on:?}, {has_account}");
            assert_eq!(group.validate(on, has_account), [], "a second look changes nothing");
        }
    }

    #[test]
    fn rule_70_a_deleted_group_is_made_again_with_its_members() {
        let mut group = Group::default();
        assert_eq!(group.delete(), None);
        group.validate(BOTH, true);
        assert_eq!(group.delete(), Some(Change::GroupDeleted));
        assert!(group.members().is_none());
        let added = [Member::SmpIusr, Member::Acc].map(|member| Change::MemberAdded { member });
        assert_eq!(group.validate(BOTH, true), [vec![Change::GroupCreated], added.to_vec()].concat());
    }
}
