//! `token make`: tokens of every kind as those make them who have the keys, for test stands.

mod agent;
mod bearer;
mod login;

use std::sync::Arc;

use clap::{Args, Subcommand};
use rand_core::Rng;

pub use self::agent::{EXAMPLES as AGENT_EXAMPLES, USAGE};

use super::key_file;
use crate::{
    cli::{Exit, Failure, serve::rng},
    crypto::{Engine, backend},
    types::CryptoTier,
};

/// Arguments of `token make`: without a command it makes the token of an agent.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct MakeArgs {
    /// Another kind of token.
    #[command(subcommand)]
    other: Option<Other>,
    #[command(flatten)]
    agent: Option<agent::AgentTokenArgs>,
}

/// The tokens that are no agent's.
#[derive(Debug, Subcommand)]
enum Other {
    /// Make a login token of a portal
    #[command(after_help = login::EXAMPLES)]
    Login(login::LoginArgs),
    /// Make a token that opens the installer; it never ends
    PushInstall(bearer::IssuerArgs),
    /// Make a token for a program that automates servers
    #[command(after_help = bearer::EXAMPLES)]
    Asdk(bearer::AsdkArgs),
}

pub fn run(args: &MakeArgs) -> Result<Exit, Failure> {
    match (&args.other, &args.agent) {
        (Some(Other::Login(args)), _) => login::run(args),
        (Some(Other::PushInstall(args)), _) => bearer::push_install(args),
        (Some(Other::Asdk(args)), _) => bearer::asdk(args),
        (None, Some(args)) => agent::run(args),
        (None, None) => Err(Failure::Usage("found no key, expected --issuer-key and --agent-key".to_owned())),
    }
}

fn engine() -> Result<Engine, Failure> {
    Ok(Engine::new(backend(CryptoTier::Rsa).map_err(Failure::internal)?, Arc::default(), None))
}

/// Random bits of the operating system's entropy.
fn draw() -> Result<impl FnMut() -> u128, Failure> {
    let mut rng = rng()?;
    Ok(move || u128::from(rng.next_u64()) << 64 | u128::from(rng.next_u64()))
}
