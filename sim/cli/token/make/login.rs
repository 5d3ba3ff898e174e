//! `token make login`.

use std::{path::PathBuf, time::Duration};

use clap::Args;

use super::{
    super::{
        explain::{delimiter, now},
        moment,
    },
    key_file,
};
use crate::{
    cli::{Exit, Failure, exit::print, profile_parser},
    protocol::LoginTokenRules,
    types::{Profile, TimeSpan, UnixSeconds},
};

pub const EXAMPLES: &str = "\
Examples:
  countersign token make login --key countersign-portal/login.key --user admin
  countersign token make login … | countersign token explain - --login-key …

The token logs the user in at each server of the portal, until it ends or
'Update' is pressed: for test stands.";

/// Arguments of `token make login`.
#[derive(Debug, Args)]
pub struct LoginArgs {
    /// The key: the file `login.key` of the portal's state folder
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// Whom it logs in
    #[arg(long, value_name = "ID")]
    user: String,
    /// How long it lives, in whole seconds
    #[arg(long, value_name = "TIME", default_value = "1m")]
    lifetime: TimeSpan,
    /// Make it at this moment, such as 2026-01-05T08:30:00Z or seconds since 1970 [default: now]
    #[arg(long, value_name = "TIME", value_parser = moment::parse)]
    at: Option<UnixSeconds>,
    /// What stands between its fields
    #[arg(long, value_name = "MARK", value_parser = delimiter, default_value_t = LoginTokenRules::DELIMITER)]
    delimiter: char,
    /// The profile of the portal; a hardened one makes none for a user with the delimiter in the id
    #[arg(long, value_name = "P", value_parser = profile_parser(), default_value = "hardened")]
    profile: Profile,
}

pub fn run(args: &LoginArgs) -> Result<Exit, Failure> {
    let usage = |error: &dyn std::fmt::Display| Failure::Usage(error.to_string());
    let key = key_file::login_key(&args.key)?;
    let rules = LoginTokenRules::new(args.profile, args.delimiter).map_err(|error| usage(&error))?;
    let lifetime = Duration::from_nanos(args.lifetime.nanos());
    let (text, _) =
        rules.issue(&key, &args.user, args.at.unwrap_or_else(now), lifetime).map_err(|error| usage(&error))?;
    print(&format!("{text}\n"))
}
