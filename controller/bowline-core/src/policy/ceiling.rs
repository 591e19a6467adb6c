//! Is this Target allowed by the controller's side at all?

use std::fmt;

use super::Ceiling;
use crate::desired::kind::Target;
use crate::live::{UnknownCategory, UnknownReason};
use crate::name::{AccountId, ResourceName, RoleArn};

/// What of a Target the ceiling does not allow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outside {
    /// The account that it is in.
    Account(AccountId),
    /// The role that would be assumed for it.
    Role(RoleArn),
}

impl fmt::Display for Outside {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(account) => write!(formatter, "account {account} is not allowed"),
            Self::Role(role) => write!(formatter, "the role {role} is not allowed"),
        }
    }
}

impl Outside {
    /// What would allow it.
    fn way_in(&self) -> String {
        match self {
            Self::Account(account) => format!("{account} to `ceiling.accounts`"),
            Self::Role(role) => format!("{role} to `ceiling.roles`"),
        }
    }
}

/// What of a Target is outside of the ceiling; empty when it is within. Nothing of a Target that is outside is read, and
/// nothing is done there: otherwise a merge in git could make Bowline assume a role that nobody on its side named.
pub fn outside(target: &Target, ceiling: &Ceiling) -> Vec<Outside> {
    let mut found = Vec::new();
    if !ceiling.accounts.is_empty() && !ceiling.accounts.contains(&target.account_id) {
        found.push(Outside::Account(target.account_id.clone()));
    }
    if let Some(role) = target.assume_role.as_ref().map(|role| &role.arn)
        && !ceiling.roles.is_empty()
        && !ceiling.roles.contains(role)
    {
        found.push(Outside::Role(role.clone()));
    }
    found
}

/// Why nothing of a Target may be read; absent when it is within the ceiling.
pub fn unreadable(name: &ResourceName, target: &Target, ceiling: &Ceiling) -> Option<UnknownReason> {
    let found = outside(target, ceiling);
    if found.is_empty() {
        return None;
    }
    let what: Vec<String> = found.iter().map(ToString::to_string).collect();
    let ways_in: Vec<String> = found.iter().map(Outside::way_in).collect();
    Some(UnknownReason {
        category: UnknownCategory::OutsideCeiling,
        message: format!(
            "Target {name} is outside the ceiling of bowline.yaml: {}; AWS was not asked for anything of it",
            what.join(", and ")
        ),
        hint: format!(
            "If the Target is right, add {} in bowline.yaml and restart Bowline; otherwise correct the Target.",
            ways_in.join(" and ")
        ),
        aws: None,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::desired::kind::AssumeRole;
    use crate::plan::fixture::{Fixture, ceiling as anything, name};

    const ROLE: &str = "arn:aws:iam::111122223333:role/bowline";
    const OTHER_ROLE: &str = "arn:aws:iam::111122223333:role/admin";

    fn account(text: &str) -> AccountId {
        AccountId::parse(text).unwrap()
    }

    fn role(text: &str) -> RoleArn {
        RoleArn::parse(text).unwrap()
    }

    /// A Target in 111122223333 with this role.
    fn target(assumed: Option<&str>) -> Target {
        let mut target = Fixture::new().desired.targets[&name("prod")].spec.clone();
        target.assume_role = assumed.map(|arn| AssumeRole { arn: role(arn), external_id: None });
        target
    }

    fn ceiling(accounts: &[&str], roles: &[&str]) -> Ceiling {
        Ceiling {
            accounts: accounts.iter().copied().map(account).collect(),
            roles: roles.iter().copied().map(role).collect(),
            capabilities: Some(BTreeSet::new()),
            ..anything()
        }
    }

    #[test]
    fn accounts_and_roles_that_are_not_listed_are_outside_unless_nothing_is() {
        let (here, there) = ("111122223333", "999922223333");
        let no_account = || Outside::Account(account(here));
        let no_role = || Outside::Role(role(OTHER_ROLE));
        let cases = [
            (None, ceiling(&[], &[]), vec![]),
            (Some(OTHER_ROLE), ceiling(&[], &[]), vec![]),
            (Some(ROLE), ceiling(&[here, there], &[ROLE]), vec![]),
            (None, ceiling(&[here], &[ROLE]), vec![]),
            (None, ceiling(&[there], &[]), vec![no_account()]),
            (Some(OTHER_ROLE), ceiling(&[here], &[ROLE]), vec![no_role()]),
            (Some(OTHER_ROLE), ceiling(&[there], &[ROLE]), vec![no_account(), no_role()]),
        ];
        for (assumed, ceiling, expected) in cases {
            assert_eq!(outside(&target(assumed), &ceiling), expected, "{assumed:?} {ceiling:?}");
        }
    }

    #[test]
    fn the_reason_names_what_is_outside_and_where_to_allow_it() {
        let why = unreadable(&name("prod"), &target(Some(OTHER_ROLE)), &ceiling(&["999922223333"], &[ROLE]));
        let expected = UnknownReason {
            category: UnknownCategory::OutsideCeiling,
            message: "Target prod is outside the ceiling of bowline.yaml: account 111122223333 is not allowed, and the \
                      role arn:aws:iam::111122223333:role/admin is not allowed; AWS was not asked for anything of it"
                .to_owned(),
            hint: "If the Target is right, add 111122223333 to `ceiling.accounts` and \
                   arn:aws:iam::111122223333:role/admin to `ceiling.roles` in bowline.yaml and restart Bowline; \
                   otherwise correct the Target."
                .to_owned(),
            aws: None,
        };
        assert_eq!(why, Some(expected));
        assert_eq!(unreadable(&name("prod"), &target(None), &ceiling(&[], &[])), None);
    }
}
