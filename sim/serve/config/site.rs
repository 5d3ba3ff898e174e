//! The configuration of a site server.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
};

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Common, Defaults, ListenAddress, LogTable, MetricsTable, ServerConfig, TlsTable, UpstreamTable, beside};
use crate::{
    protocol::ServerKind,
    scenario::{Configuration, ParameterTable, ScenarioError},
    types::{CryptoTier, Origin, Profile, Thumbprint},
};

const DEFAULTS: Defaults = Defaults {
    listen: SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8081),
    metrics: SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8091),
    state: "countersign-site",
    server: Some(ServerKind::Site),
};

/// The configuration of a site server. Paths are seen from the folder of the file.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(title = "countersign site server")]
pub struct SiteDocument {
    /// What others call this server. Default: `http://` or `https://` and the address of its door.
    #[schemars(with = "Option<String>")]
    pub origin: Option<Origin>,
    /// Where it opens its door. Default `127.0.0.1:8081`.
    pub listen: Option<ListenAddress>,
    /// The folder of its key and of its latest policy. Default `countersign-site`.
    pub state: Option<PathBuf>,
    /// Which face of the protocol it shows. Default `hardened`.
    pub profile: Option<Profile>,
    /// Which implementation of the signatures it uses. Default `aws-lc`.
    pub crypto: Option<CryptoTier>,
    /// The SMP that it belongs to.
    pub smp: UpstreamTable,
    /// Certificate and key, for TLS.
    pub tls: Option<TlsTable>,
    /// Figures and health.
    pub metrics: MetricsTable,
    /// The log.
    pub log: LogTable,
    /// The protocol's parameters, where they differ from the profile's defaults. Policy has the last word on those that
    /// concern the whole fleet. Ranges are not allowed.
    pub parameters: ParameterTable,
}

/// How a site server is served.
#[derive(Clone, Debug)]
pub struct SiteConfig {
    /// What every server has.
    pub server: ServerConfig,
    /// Where its SMP is reached.
    pub smp: Origin,
    /// The SMP's key.
    pub pin: Thumbprint,
    /// The file of the certificates that it trusts.
    pub trust: Option<PathBuf>,
}

impl SiteDocument {
    /// Works out how the server is to be.
    ///
    /// # Errors
    /// If the document says what cannot be.
    pub fn resolve(&self, source: &Configuration<'_>) -> Result<SiteConfig, ScenarioError> {
        let common = Common {
            origin: &self.origin,
            listen: self.listen,
            state: &self.state,
            profile: self.profile,
            crypto: self.crypto,
            tls: &self.tls,
            metrics: &self.metrics,
            log: &self.log,
            parameters: &self.parameters,
        };
        let Some(smp) = self.smp.origin.clone() else {
            let help = "give it here or with `--smp`";
            return Err(source.problem("smp.origin", "none", "where the SMP is reached", help));
        };
        let Some(pin) = self.smp.pin else {
            let help = "give it here or with `--pin`; the SMP prints it when it starts, and keeps it in the file `pin` \
                        of its state folder";
            return Err(source.problem("smp.pin", "none", "the thumbprint of the SMP's key", help));
        };
        if smp.is_secure() && self.smp.trust.is_none() {
            let help = format!("{smp} is reached over TLS: name the certificates that its own must lead to");
            return Err(source.problem("smp.trust", "none", "a file of certificates in PEM form", help));
        }
        Ok(SiteConfig {
            server: common.resolve(source, &DEFAULTS)?,
            smp,
            pin,
            trust: self.smp.trust.as_ref().map(|trust| beside(source.file, trust)),
        })
    }
}
