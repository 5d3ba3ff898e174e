//! The token of an agent, as an issuer and the agent make it.

use std::{path::PathBuf, time::Duration};

use clap::Args;

use super::{
    super::{explain::now, moment},
    draw, engine,
    key_file::private_key,
};
use crate::{
    cli::{Exit, Failure, exit::print},
    protocol::{Binding, CountersignedToken, Issuer, Nonce, RequestFacts, Subject, content_digest},
    types::{Epoch, Jti, NodeId, Origin, TimeSpan, Uid, UnixSeconds},
};

/// The one that clap writes is wider than a terminal.
pub const USAGE: &str = "\
countersign token make [OPTIONS] --issuer-key <FILE>
         --agent-key <FILE> --agent <GUID> --audience <URL>
       countersign token make <login | push-install | asdk> …";

pub const EXAMPLES: &str = "\
Examples:
  openssl genpkey -algorithm RSA -out agent.pem
  countersign token make --issuer-key issuer.pem --agent-key agent.pem \\
    --agent 0a9e0000-0000-4000-8000-000000000011 --audience http://site-1
  countersign token make … --epoch AP8A_wD_AP8A_wD_AP8A_w --target /Altiris/x

An SMP signs tokens with identity.pem of its state folder, and after a rotation
with signing-….pem. The token is good wherever that key is trusted and the agent
is known: for test stands.

Without a command it makes the token of an agent.";

/// What the token of an agent needs.
#[derive(Debug, Args)]
pub struct AgentTokenArgs {
    /// The issuer's private key, in PEM (PKCS#8), as `serve smp` keeps it
    #[arg(long, value_name = "FILE")]
    pub issuer_key: PathBuf,
    /// The agent's private key, in PEM (PKCS#8)
    #[arg(long, value_name = "FILE")]
    pub agent_key: PathBuf,
    /// The agent
    #[arg(long, value_name = "GUID")]
    pub agent: NodeId,
    /// The server that the token is for, as policy names it
    #[arg(long, value_name = "URL")]
    pub audience: Origin,
    /// The issuer
    #[arg(long, value_name = "GUID", default_value = "00000000-0000-0000-0000-000000000000")]
    pub issuer: NodeId,
    /// How long it lives
    #[arg(long, value_name = "TIME", default_value = "60m")]
    pub lifetime: TimeSpan,
    /// Issue it at this moment, such as 2026-01-05T08:30:00Z or seconds since 1970 [default: now]
    #[arg(long, value_name = "TIME", value_parser = moment::parse)]
    pub at: Option<UnixSeconds>,
    /// The uid [default: drawn]
    #[arg(long, value_name = "UID", allow_hyphen_values = true)]
    pub uid: Option<Uid>,
    /// Which use of the uid it is
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    pub counter: u64,
    /// Stop once it is issued: three parts, without the agent's signature
    #[arg(long, conflicts_with_all = ["counter", "epoch", "method", "target"])]
    pub three_parts: bool,
    /// Bind it to a request to this start of a hardened server, from its challenges
    #[arg(long, value_name = "EPOCH", requires = "target", allow_hyphen_values = true)]
    pub epoch: Option<Epoch>,
    /// The method of that request, which has no body
    #[arg(long, value_name = "METHOD", default_value = "GET")]
    pub method: String,
    /// Path and query of that request
    #[arg(long, value_name = "TARGET", requires = "epoch")]
    pub target: Option<String>,
}

pub fn run(args: &AgentTokenArgs) -> Result<Exit, Failure> {
    let (issuer_key, agent_key) = (private_key(&args.issuer_key)?, private_key(&args.agent_key)?);
    let (engine, mut bits) = (engine()?, draw()?);
    let subject = Subject {
        agent: args.agent,
        uid: args.uid.unwrap_or_else(|| Uid::from_bits(bits())),
        agent_key: agent_key.public().thumbprint(),
        audience: args.audience.clone(),
    };
    let nonce = Nonce { uid: subject.uid, counter: args.counter };
    let issuer = Issuer::new(args.issuer, issuer_key, Duration::from_nanos(args.lifetime.nanos()));
    let at = args.at.unwrap_or_else(now);
    let issued = issuer.issue(subject, Jti::from_bits(bits()), at, &engine).map_err(Failure::internal)?;
    if args.three_parts {
        return print(&format!("{}\n", issued.text()));
    }
    let no_body = content_digest(b"");
    let binding = args.epoch.zip(args.target.as_deref()).map(|(epoch, target)| {
        let request = RequestFacts { method: &args.method, target, content_digest: &no_body, channel_binding: None };
        Binding::to(&request, args.audience.clone(), epoch)
    });
    let token = CountersignedToken::sign(&issued, nonce, binding, &agent_key, &engine).map_err(Failure::internal)?;
    print(&format!("{}\n", token.text()))
}
