//! The configuration files of served SMPs and site servers, and what follows from them.

mod address;
mod approved_site;
mod example;
mod form;
mod log_check;
mod portal;
mod reread;
mod site;
mod smp;
mod tls_files;

pub use address::ListenAddress;
pub use approved_site::ApprovedSite;
pub use example::{PORTAL_EXAMPLE, SITE_EXAMPLE, SMP_EXAMPLE};
pub use form::{AdminTable, LogFormat, LogLevel, LogTable, MetricsTable, TlsTable, UpstreamTable};
pub use portal::{LifetimesTable, PortalConfig, PortalDocument, PortalDoorTable, ServedJobTable, UserTable};
pub use reread::{Reloaded, Reread, Running};
pub use site::{SiteConfig, SiteDocument};
pub use smp::{SmpConfig, SmpDocument};
pub use tls_files::{FileError, TlsFiles, read_trust};

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use crate::{
    protocol::ServerKind,
    scenario::{Configuration, ParameterTable, ScenarioError},
    types::{CryptoTier, Origin, Parameters, Profile},
};

/// What both kinds of server are configured with.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// Where the server opens its door.
    pub listen: SocketAddr,
    /// What others call it; none if it is to be named by the address that it gets.
    pub origin: Option<Origin>,
    /// Where it keeps its key and its state.
    pub state: PathBuf,
    /// Which face of the protocol it shows.
    pub profile: Profile,
    /// Which implementation of the signatures it uses.
    pub crypto: CryptoTier,
    /// Its certificate and key, for TLS.
    pub tls: Option<TlsFiles>,
    /// Where it tells its figures; none if it does not.
    pub metrics: Option<SocketAddr>,
    /// What it logs, and how.
    pub log: LogTable,
    /// The protocol's parameters.
    pub parameters: Parameters,
    /// What they are with either profile, whose defaults fill what the file leaves open.
    pub parameters_by_profile: BTreeMap<Profile, Parameters>,
}

impl ServerConfig {
    /// What others call this server, if its door is at this address.
    pub fn origin_at(&self, address: SocketAddr) -> Origin {
        let named = || {
            let scheme = if self.tls.is_some() { crate::types::Scheme::Https } else { crate::types::Scheme::Http };
            Origin::new(scheme, address.ip().to_string(), address.port())
        };
        self.origin.clone().unwrap_or_else(named)
    }
}

/// The keys that both forms have.
struct Common<'a> {
    origin: &'a Option<Origin>,
    listen: Option<ListenAddress>,
    state: &'a Option<PathBuf>,
    profile: Option<Profile>,
    crypto: Option<CryptoTier>,
    tls: &'a Option<TlsTable>,
    metrics: &'a MetricsTable,
    log: &'a LogTable,
    parameters: &'a ParameterTable,
}

/// What stands where the file says nothing.
struct Defaults {
    listen: SocketAddr,
    metrics: SocketAddr,
    state: &'static str,
    /// Which kind of server writes records; a portal writes none.
    server: Option<ServerKind>,
}

impl Common<'_> {
    fn resolve(&self, source: &Configuration<'_>, defaults: &Defaults) -> Result<ServerConfig, ScenarioError> {
        let profile = self.profile.unwrap_or(Profile::Hardened);
        let listen = self.listen.map_or(defaults.listen, |listen| listen.0);
        let tls = self.tls.as_ref().map(|tls| TlsFiles {
            certificate: beside(source.file, &tls.certificate),
            key: beside(source.file, &tls.key),
        });
        self.log.check(source, defaults.server)?;
        check_origin(source, self.origin.as_ref(), listen, tls.is_some())?;
        let crypto = self.crypto.unwrap_or(CryptoTier::AwsLc);
        if crypto == CryptoTier::Modelled {
            let help = "modelled signatures can be forged by anybody: they are for simulations";
            return Err(source.problem("crypto", "`modelled`", "`aws-lc` or `rsa`", help));
        }
        let parameters = source.parameters(profile, self.parameters)?;
        let by_profile = [Profile::Literal, Profile::Hardened]
            .into_iter()
            .filter_map(|profile| Some((profile, source.parameters(profile, self.parameters).ok()?)));
        Ok(ServerConfig {
            listen,
            origin: self.origin.clone(),
            state: beside(source.file, self.state.as_deref().unwrap_or(Path::new(defaults.state))),
            profile,
            crypto,
            tls,
            metrics: (!self.metrics.off).then(|| self.metrics.listen.map_or(defaults.metrics, |listen| listen.0)),
            log: self.log.clone(),
            parameters,
            parameters_by_profile: by_profile.collect(),
        })
    }
}

fn check_origin(
    source: &Configuration<'_>,
    origin: Option<&Origin>,
    listen: SocketAddr,
    has_tls: bool,
) -> Result<(), ScenarioError> {
    match origin {
        None if listen.ip().is_unspecified() || listen.is_ipv6() => {
            let help = format!("the door at {listen} has no address of its own that others could call it by");
            Err(source.problem("origin", "none", "an origin such as \"http://smp.example:8080\"", help))
        }
        Some(origin) if origin.is_secure() && !has_tls => {
            let help = "an https origin needs a table `[tls]` with `certificate` and `key`; what ends TLS in front of the \
                        server breaks the binding of tokens to their connection";
            Err(source.problem("origin", origin, "an http origin, since there is no certificate", help))
        }
        Some(origin) if !origin.is_secure() && has_tls => {
            Err(source.problem("origin", origin, "an https origin, since there is a certificate", ""))
        }
        _ => Ok(()),
    }
}

/// A path of the file, seen from the folder of the file.
fn beside(file: &str, path: &Path) -> PathBuf {
    Path::new(file).parent().map_or_else(|| path.to_owned(), |folder| folder.join(path))
}
