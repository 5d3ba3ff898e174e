//! `token explain`: what a token says, and what would become of it.

use std::{
    io::{self, Read as _},
    path::PathBuf,
    time::{SystemTime, UNIX_EPOCH},
};

use clap::{
    Args,
    builder::{PossibleValuesParser, TypedValueParser},
};

use super::{Known, explain, found::TEXT_BYTES_MAX, key_file, moment, page};
use crate::{
    cli::{Exit, Failure, Format, exit::print, profile_parser},
    protocol::LoginTokenRules,
    types::{AuthenticationKind, Epoch, Origin, Profile, UnixSeconds},
};

pub const EXAMPLES: &str = "\
Examples:
  curl -si http://127.0.0.1:8081/Altiris/x -H 'Authorization: SMPToken …' \\
    | countersign token explain - --origin http://127.0.0.1:8081
  countersign token explain - --jwks jwks.json --agent-key public.pem < token
  countersign token explain - --login-key login.key < cookie
  countersign token explain - --jwks jwks.json --kinds token,asdk \\
    --target /Altiris/NSCap/AEXNSC.exe < push-install-token

Push-install, ASDK and login tokens are told by their form, as are messages of
Windows authentication; no key and no password is shown.

A token on the command line is seen by whoever lists processes: read it from
standard input unless it has expired.

Exits with 0 if everything that was checked holds, with 1 if a check fails and
with 2 if there is nothing to read.";

/// Arguments of `token explain`.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// The token, or an address, a header or a whole message with one; `-` is standard input
    #[arg(default_value = "-", value_name = "TEXT", allow_hyphen_values = true)]
    pub text: String,
    /// The server keys, as /.well-known/jwks.json serves them
    #[arg(long, value_name = "FILE")]
    pub jwks: Option<PathBuf>,
    /// The agent's public key, in PEM or as a JWK
    #[arg(long, value_name = "FILE")]
    pub agent_key: Option<PathBuf>,
    /// The key of a portal's login tokens: the file `login.key` of its state folder
    #[arg(long, value_name = "FILE")]
    pub login_key: Option<PathBuf>,
    /// What stands between the fields of a login token [default: |]
    #[arg(long, value_name = "MARK", value_parser = delimiter)]
    pub delimiter: Option<char>,
    /// The kinds of authentication that policy has on, for push-install and ASDK tokens
    #[arg(long, value_name = "KINDS", value_delimiter = ',', value_parser = kind_parser())]
    pub kinds: Option<Vec<AuthenticationKind>>,
    /// The server to which the token is sent, as policy names it
    #[arg(long, value_name = "URL")]
    pub origin: Option<Origin>,
    /// The method of the request
    #[arg(long, value_name = "METHOD")]
    pub method: Option<String>,
    /// Path and query of the request
    #[arg(long, value_name = "TARGET")]
    pub target: Option<String>,
    /// The epoch of the server, from its challenges
    #[arg(long, value_name = "EPOCH", allow_hyphen_values = true)]
    pub epoch: Option<Epoch>,
    /// The profile of the server [default: that of the token's form; hardened for three parts]
    #[arg(long, value_name = "P", value_parser = profile_parser())]
    pub profile: Option<Profile>,
    /// Look at it at this moment, such as 2026-01-05T08:30:00Z or seconds since 1970 [default: now]
    #[arg(long, value_name = "TIME", value_parser = moment::parse)]
    pub at: Option<UnixSeconds>,
    /// How to report on standard output
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub format: Format,
}

pub fn run(args: &ExplainArgs) -> Result<Exit, Failure> {
    let known = Known {
        at: args.at.unwrap_or_else(now),
        profile: args.profile,
        server_keys: args.jwks.as_deref().map(key_file::server_keys).transpose()?,
        agent_key: args.agent_key.as_deref().map(key_file::agent_key).transpose()?,
        origin: args.origin.clone(),
        epoch: args.epoch,
        method: args.method.clone(),
        target: args.target.clone(),
        authentication: args.kinds.as_ref().map(|kinds| kinds.iter().copied().collect()),
        login_key: args.login_key.as_deref().map(key_file::login_key).transpose()?,
        delimiter: args.delimiter,
    };
    let text = if args.text == "-" { standard_input()? } else { args.text.clone() };
    let explanation = explain(&text, &known).map_err(Failure::Usage)?;
    print(&match args.format {
        Format::Text => page::text(&explanation),
        Format::Json => serde_json::to_string_pretty(&explanation).map_err(Failure::internal)? + "\n",
    })?;
    Ok(if explanation.holds() { Exit::Holds } else { Exit::Violated })
}

/// A mark that may stand between the fields of a login token.
pub(super) fn delimiter(text: &str) -> Result<char, String> {
    let mut marks = text.chars();
    let (Some(mark), None) = (marks.next(), marks.next()) else {
        return Err("expected one punctuation mark, such as `|`".to_owned());
    };
    LoginTokenRules::new(Profile::Literal, mark).map(|_| mark).map_err(|error| error.to_string())
}

fn kind_parser() -> impl TypedValueParser<Value = AuthenticationKind> {
    const ALL: [AuthenticationKind; 4] =
        [AuthenticationKind::Token, AuthenticationKind::Asdk, AuthenticationKind::Windows, AuthenticationKind::Acc];
    PossibleValuesParser::new(ALL.map(AuthenticationKind::name))
        .map(|name| ALL.into_iter().find(|kind| kind.name() == name).unwrap_or(AuthenticationKind::Token))
}

/// No more than is too much, however much there is.
fn standard_input() -> Result<String, Failure> {
    let mut bytes = Vec::new();
    let most = u64::try_from(TEXT_BYTES_MAX).unwrap_or(u64::MAX).saturating_add(1);
    io::stdin()
        .take(most)
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::Usage(format!("failed to read standard input: {error}")))?;
    String::from_utf8(bytes).map_err(|_| Failure::Usage("standard input is no text, expected a token".to_owned()))
}

/// What the clock of this machine shows. One before 1970 shows 1970.
pub(super) fn now() -> UnixSeconds {
    UnixSeconds(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()))
}
