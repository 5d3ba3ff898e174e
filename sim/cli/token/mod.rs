//! `token`: makes and explains tokens, for whoever holds one from a log or a browser.

mod account;
mod agent_token;
mod bearer;
mod checked;
mod checks;
mod explain;
mod explanation;
mod found;
mod key_file;
mod login;
#[cfg(feature = "sockets")]
mod make;
mod message_line;
mod moment;
mod page;
mod unread;

use clap::Subcommand;

pub use self::{
    checked::{Checked, Known, Outcome, Reason},
    explain::ExplainArgs,
    explanation::{Explanation, Part, Said, explain},
};

use super::{Exit, Failure};

/// What `token` does.
#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// Say what a token is, what each part of it says and which checks it would fail
    #[command(after_help = explain::EXAMPLES)]
    Explain(ExplainArgs),
    /// Make a token of any kind, for test stands
    #[cfg(feature = "sockets")]
    #[command(after_help = make::AGENT_EXAMPLES, override_usage = make::USAGE)]
    Make(make::MakeArgs),
}

/// Does it.
pub(super) fn token(command: &TokenCommand) -> Result<Exit, Failure> {
    match command {
        TokenCommand::Explain(args) => explain::run(args),
        #[cfg(feature = "sockets")]
        TokenCommand::Make(args) => make::run(args),
    }
}
