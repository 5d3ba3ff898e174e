//! `token make push-install` and `token make asdk`.

use std::{path::PathBuf, time::Duration};

use clap::Args;

use super::{
    super::{explain::now, moment},
    draw, engine, key_file,
};
use crate::{
    cli::{Exit, Failure, exit::print},
    protocol::{BearerClaims, BearerToken},
    types::{BearerKind, Jti, NodeId, TimeSpan, UnixSeconds},
};

pub const EXAMPLES: &str = "\
Examples:
  countersign token make asdk --issuer-key identity.pem --lifetime 30d
  countersign token make push-install --issuer-key identity.pem

Whoever has such a token may use it, wherever the key is trusted: for test
stands. A served SMP issues them at its administrators' door, and revokes them.";

/// Arguments of `token make push-install`.
#[derive(Debug, Args)]
pub struct IssuerArgs {
    /// The issuer's private key, in PEM (PKCS#8), as `serve smp` keeps it
    #[arg(long, value_name = "FILE")]
    issuer_key: PathBuf,
    /// The issuer
    #[arg(long, value_name = "GUID", default_value = "00000000-0000-0000-0000-000000000000")]
    issuer: NodeId,
    /// Issue it at this moment, such as 2026-01-05T08:30:00Z or seconds since 1970 [default: now]
    #[arg(long, value_name = "TIME", value_parser = moment::parse)]
    at: Option<UnixSeconds>,
    /// Its name, by which it is revoked [default: drawn]
    #[arg(long, value_name = "JTI", allow_hyphen_values = true)]
    jti: Option<Jti>,
}

/// Arguments of `token make asdk`.
#[derive(Debug, Args)]
pub struct AsdkArgs {
    #[command(flatten)]
    issuer: IssuerArgs,
    /// How long it lives [default: for ever]
    #[arg(long, value_name = "TIME")]
    lifetime: Option<TimeSpan>,
}

pub fn push_install(args: &IssuerArgs) -> Result<Exit, Failure> {
    make(BearerKind::PushInstall, args, None)
}

pub fn asdk(args: &AsdkArgs) -> Result<Exit, Failure> {
    make(BearerKind::Asdk, &args.issuer, args.lifetime)
}

fn make(kind: BearerKind, args: &IssuerArgs, lifetime: Option<TimeSpan>) -> Result<Exit, Failure> {
    let key = key_file::private_key(&args.issuer_key)?;
    let mut bits = draw()?;
    let iat = args.at.unwrap_or_else(now);
    let exp = lifetime.map(|lifetime| iat.after(Duration::from_nanos(lifetime.nanos())));
    let jti = args.jti.unwrap_or_else(|| Jti::from_bits(bits()));
    let claims = BearerClaims { iss: args.issuer, iat, jti, exp };
    let token = BearerToken::sign(kind, claims, &key, &engine()?).map_err(Failure::internal)?;
    print(&format!("{}\n", token.text()))
}
