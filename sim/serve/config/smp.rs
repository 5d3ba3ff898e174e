//! The configuration of an SMP.

use std::{
    collections::BTreeSet,
    net::{Ipv4Addr, SocketAddr},
    num::NonZeroU32,
    path::PathBuf,
};

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    AdminTable, ApprovedSite, Common, Defaults, ListenAddress, LogTable, MetricsTable, ServerConfig, TlsTable,
};
use crate::{
    protocol::ServerKind,
    scenario::{Configuration, ParameterTable, ScenarioError},
    serve::ApprovedSites,
    types::{CryptoTier, Origin, Profile},
};

const DEFAULTS: Defaults = Defaults {
    listen: SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8080),
    metrics: SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8090),
    state: "countersign-smp",
    server: Some(ServerKind::Smp),
};
const ADMIN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8070);

const REGISTERED_MAX: u32 = 1_000_000;

/// The configuration of an SMP. Paths are seen from the folder of the file.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(title = "countersign SMP")]
pub struct SmpDocument {
    /// What others call this server. Default: `http://` or `https://` and the address of its door.
    #[schemars(with = "Option<String>")]
    pub origin: Option<Origin>,
    /// Where it opens its door. Default `127.0.0.1:8080`.
    pub listen: Option<ListenAddress>,
    /// The folder of its keys and of what it knows. Default `countersign-smp`.
    pub state: Option<PathBuf>,
    /// Which face of the protocol it shows. Default `hardened`.
    pub profile: Option<Profile>,
    /// Which implementation of the signatures it uses. Default `aws-lc`.
    pub crypto: Option<CryptoTier>,
    /// The site servers that may register, by id, or by `id` and `kid`: then nobody else can by that name. One that an
    /// administrator has removed since stays out; one that is taken out of the list is withdrawn.
    pub approved_sites: Vec<ApprovedSite>,
    /// The nodes beyond which no new agent may register: anybody can, and each takes memory and disk. Default 1000000.
    #[schemars(range(min = 1))]
    pub registered_max: Option<NonZeroU32>,
    /// Certificate and key, for TLS.
    pub tls: Option<TlsTable>,
    /// The administrator's door.
    pub admin: AdminTable,
    /// Figures and health.
    pub metrics: MetricsTable,
    /// The log.
    pub log: LogTable,
    /// The protocol's parameters, where they differ from the profile's defaults. Ranges are not allowed.
    pub parameters: ParameterTable,
}

/// How an SMP is served.
#[derive(Clone, Debug)]
pub struct SmpConfig {
    /// What every server has.
    pub server: ServerConfig,
    /// Where the administrator's door is.
    pub admin: SocketAddr,
    /// Which site servers may register.
    pub approved_sites: ApprovedSites,
    /// Beyond how many nodes no new agent may register.
    pub registered_max: u32,
}

impl SmpDocument {
    /// Works out how the server is to be.
    ///
    /// # Errors
    /// If the document says what cannot be.
    pub fn resolve(&self, source: &Configuration<'_>) -> Result<SmpConfig, ScenarioError> {
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
        let admin = self.admin.listen.map_or(ADMIN, |listen| listen.0);
        if !admin.ip().is_loopback() {
            let help = "whoever reaches this door with the secret decides about the whole fleet";
            return Err(source.problem("admin.listen", admin, "a loopback address such as \"127.0.0.1:8070\"", help));
        }
        let mut ids = BTreeSet::new();
        if let Some(site) = self.approved_sites.iter().find(|site| !ids.insert(site.id)) {
            let help = "with which of the two keys it may register nobody could tell";
            return Err(source.problem("approved_sites", site.id, "each site server once", help));
        }
        let approved_sites = self.approved_sites.iter().map(|site| (site.id, site.kid)).collect();
        let registered_max = self.registered_max.map_or(REGISTERED_MAX, NonZeroU32::get);
        let server = common.resolve(source, &DEFAULTS)?;
        Ok(SmpConfig { server, admin, approved_sites, registered_max })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_that_is_approved_twice_is_an_error_with_its_place() {
        let id = "20000000-0000-4000-8000-000000000001";
        let text = format!("approved_sites = [\"{id}\", \"{id}\"]\n");
        let source = Configuration { file: "smp.toml", text: &text, lister: "" };
        let error = source.read::<SmpDocument>().unwrap().resolve(&source).unwrap_err().render(None);
        assert!(
            error.contains("smp.toml:1:") && error.contains(id) && error.contains("each site server once"),
            "{error}"
        );
    }
}
