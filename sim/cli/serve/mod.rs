//! `serve`: the SMP and site servers as processes of their own, on real sockets.

mod entropy;
mod logging;
mod portal;
mod reload;
mod running;
mod signals;
mod site;
mod smp;

use std::{
    io,
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand, ValueEnum};
use serde::de::DeserializeOwned;

pub(super) use self::entropy::rng;
use super::{Exit, Failure, exit, profile_parser};
use crate::{
    scenario::{Configuration, read_text},
    serve::{
        BindError, StateError,
        config::{FileError, ListenAddress, PORTAL_EXAMPLE, SITE_EXAMPLE, SMP_EXAMPLE},
    },
    types::{Origin, Profile, Thumbprint},
};

/// What `serve` does.
#[derive(Debug, Subcommand)]
pub enum ServeCommand {
    /// Serve an SMP: the issuer and directory of a fleet
    #[command(after_help = SMP_EXAMPLES)]
    Smp(SmpArgs),
    /// Serve a site server of an SMP
    #[command(after_help = SITE_EXAMPLES)]
    Site(SiteArgs),
    /// Serve a portal that logs users in by login tokens
    #[command(after_help = PORTAL_EXAMPLES)]
    Portal(PortalArgs),
    /// Print a commented configuration file to start from
    Config(ConfigArgs),
}

const SMP_EXAMPLES: &str = "\
Examples:
  countersign serve smp
  countersign serve config smp > smp.toml
  countersign serve smp --config smp.toml

Its state folder holds its keys, what nodes pin (file `pin`) and the secret of
the administrator's door (file `admin.secret`), which lists what it does:
  curl -H \"Authorization: Bearer $(cat countersign-smp/admin.secret)\" \\
    http://127.0.0.1:8070/

SIGHUP reads parameters, approved sites, registered_max and the log again, and
names what it took over and what needs a restart. SIGTERM and Ctrl-C finish what
is under way and exit with 0; a second one ends the process at once.";

const SITE_EXAMPLES: &str = "\
Examples:
  countersign serve site --smp http://127.0.0.1:8080 \\
    --pin \"$(cat countersign-smp/pin)\"
  countersign serve site --config site.toml

It registers once an administrator of the SMP has approved its id and its key,
which it logs (`node`, `kid`), and keeps trying until then.
SIGHUP turns the log (all but its format), and names what needs a restart.
SIGTERM and Ctrl-C finish what is under way and exit with 0; a second one ends
the process at once.";

const PORTAL_EXAMPLES: &str = "\
Examples:
  countersign serve config portal > portal.toml   # then give it `[[users]]`
  countersign serve portal --config portal.toml

Front end, automation, administration and portlet server are one process, over
plain HTTP. Users are in its file (`[[users]]`): without any, nobody can log in.
`GET /` of each door lists its paths; PROTOCOL.md shows each with curl.
  front end              /portal/login  /portal/  /portal/api/session
                         /portal/portlet  /portal/administration
  administration server  /administration/?token=  /administration/impersonate
  portlet server         /portlet/

  password=$(sed -n 's/^admin //p' countersign-portal/passwords)
  curl -c jar -d user=admin -d \"password=$password\" \\
    http://127.0.0.1:8084/portal/login
  curl -b jar http://127.0.0.1:8084/portal/

Its state folder holds the Login Token Key (file `login.key`), the users'
passwords (file `passwords`), and the secret of the administrator's door, where
'Update' is pressed: no login token from before is accepted any more. Sessions
that are open go on, for 20 minutes at most.
  curl -X POST http://127.0.0.1:8074/update \\
    -H \"Authorization: Bearer $(cat countersign-portal/admin.secret)\"

The key is one of 10^18. Whoever has a token may try them one by one: at four
million HMAC-SHA1 a second, one core takes some 4,000 years on average, and what
is a thousand times faster four. `countersign bench` measures this machine. A
copied token needs no key: it is accepted from anybody until it expires.
SIGHUP turns the log (its level), and names what else needs a restart.
SIGTERM and Ctrl-C finish what is under way and exit with 0.";

/// What both kinds of server are told on the command line; it goes before the file.
#[derive(Clone, Debug, Args)]
pub struct ServerArgs {
    /// The configuration file, in TOML [default: none; every key has a default]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Where to open the door; port 0 lets the system choose one
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<ListenAddress>,
    /// What others call this server [default: its scheme and the address of its door]
    #[arg(long, value_name = "URL")]
    pub origin: Option<Origin>,
    /// The folder of keys and state
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// The face of the protocol to show [default: hardened]
    #[arg(long, value_name = "P", value_parser = profile_parser())]
    pub profile: Option<Profile>,
}

/// Arguments of `serve smp`.
#[derive(Debug, Args)]
pub struct SmpArgs {
    /// What every server is told.
    #[command(flatten)]
    pub server: ServerArgs,
}

/// Arguments of `serve site`.
#[derive(Clone, Debug, Args)]
pub struct SiteArgs {
    /// Where the SMP is reached
    #[arg(long, value_name = "URL")]
    pub smp: Option<Origin>,
    /// The thumbprint of the SMP's key, as the SMP logs it
    #[arg(long, value_name = "PIN", allow_hyphen_values = true)]
    pub pin: Option<Thumbprint>,
    /// The certificates that an SMP over https must lead to, in PEM form
    #[arg(long, value_name = "FILE")]
    pub trust: Option<PathBuf>,
    /// What every server is told.
    #[command(flatten)]
    pub server: ServerArgs,
}

/// Arguments of `serve portal`.
#[derive(Clone, Debug, Args)]
pub struct PortalArgs {
    /// The configuration file, in TOML [default: none; every key has a default]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Where to open the front end's door; port 0 lets the system choose one
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<ListenAddress>,
    /// The folder of key and passwords
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// The face of the protocol to show [default: hardened]
    #[arg(long, value_name = "P", value_parser = profile_parser())]
    pub profile: Option<Profile>,
}

/// Arguments of `serve config`.
#[derive(Debug, Args)]
pub struct ConfigArgs {
    /// For which kind of server
    #[arg(value_enum, value_name = "KIND")]
    pub kind: Kind,
}

/// A kind of server.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Kind {
    /// The issuer
    Smp,
    /// A site server
    Site,
    /// A portal
    Portal,
}

pub(super) fn serve(command: &ServeCommand) -> Result<Exit, Failure> {
    match command {
        ServeCommand::Smp(args) => smp::serve(args),
        ServeCommand::Site(args) => site::serve(args),
        ServeCommand::Portal(args) => portal::serve(args),
        ServeCommand::Config(args) => exit::print(match args.kind {
            Kind::Smp => SMP_EXAMPLE,
            Kind::Site => SITE_EXAMPLE,
            Kind::Portal => PORTAL_EXAMPLE,
        }),
    }
}

/// The text of a configuration file and its name; empty where there is none.
struct ConfigText {
    file: String,
    text: String,
    lister: &'static str,
}

impl ConfigText {
    fn read(path: Option<&Path>, lister: &'static str) -> Result<Self, Failure> {
        let Some(path) = path else {
            return Ok(Self { file: "command line".to_owned(), text: String::new(), lister });
        };
        let file = path.display().to_string();
        let text = read_text(path).map_err(|error| {
            let hint = match error.kind() {
                io::ErrorKind::NotFound => {
                    ": `countersign serve config smp` (or `site`, `portal`) prints one to start from"
                }
                _ => "",
            };
            Failure::Usage(format!("failed to read {file}: {error}{hint}"))
        })?;
        Ok(Self { file, text, lister })
    }

    fn source(&self) -> Configuration<'_> {
        Configuration { file: &self.file, text: &self.text, lister: self.lister }
    }

    fn document<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        Ok(self.source().read()?)
    }
}

/// A path of the command line: those of a file are seen from the file's folder.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

impl From<StateError> for Failure {
    fn from(error: StateError) -> Self {
        match &error {
            StateError::Io { error: cause, .. } => Self::of_file(cause.kind(), error.to_string()),
            StateError::Key(_) => Self::internal(error),
            _ => Self::Usage(error.to_string()),
        }
    }
}

impl From<FileError> for Failure {
    fn from(error: FileError) -> Self {
        Self::Usage(error.to_string())
    }
}

impl From<BindError> for Failure {
    fn from(error: BindError) -> Self {
        Self::Usage(error.to_string())
    }
}
