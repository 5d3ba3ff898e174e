//! The tables that the forms of both servers are made of. The doc comments become the descriptions in their schemas.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use super::ListenAddress;
use crate::logs::{LogFilter, SeverityMask};
use crate::types::{Origin, Thumbprint};

/// Certificate and key, for TLS. Without this table connections are plain.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TlsTable {
    /// The file of the chain of certificates in PEM form, the server's own first.
    pub certificate: PathBuf,
    /// The file of the private key in PEM form. Nobody but its owner and group may read it.
    pub key: PathBuf,
}

/// The SMP of a site server.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct UpstreamTable {
    /// Where the SMP is reached.
    #[schemars(with = "Option<String>")]
    pub origin: Option<Origin>,
    /// The thumbprint of the SMP's key. The SMP prints it when it starts, and keeps it in the file `pin` of its state.
    #[schemars(with = "Option<String>")]
    pub pin: Option<Thumbprint>,
    /// For an https origin: the file of the certificates to trust, in PEM form.
    pub trust: Option<PathBuf>,
}

/// The administrator's door.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AdminTable {
    /// Where it is opened: on loopback only. Default `127.0.0.1:8070`.
    pub listen: Option<ListenAddress>,
}

/// Figures for Prometheus (`/metrics`), and health (`/healthz`, `/readyz`).
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MetricsTable {
    /// Where they are told. Default: `127.0.0.1:8090` for an SMP, `127.0.0.1:8091` for a site server.
    pub listen: Option<ListenAddress>,
    /// Whether they are not told at all.
    pub off: bool,
}

/// What is logged to standard error, and how.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LogTable {
    /// The least important lines that are written. `info` is quiet under load; `debug` has a line for every accept and refusal.
    pub level: LogLevel,
    /// Lines for people, or one JSON object each.
    pub format: LogFormat,
    /// What is written beside it as records of a management agent: the sum of 1 (error), 2 (warning), 4 (info), 8 (trace),
    /// 0x10 (verbose) and 0x20 (debug). Default 0: nothing. A portal writes none.
    pub severity: SeverityMask,
    /// What of each request is written as records of a module: 0x20 (debug) is all that a served one has. It must be on in
    /// `severity` too. Default 0: nothing.
    pub module_severity: SeverityMask,
    /// Only records with one of these words: IISModule, Request:, Response:, Token, SiteServer, Token registry; at a site
    /// server also Token cache and Server keys:. Words of clients and Windows machines, and words that the masks leave
    /// nothing of, are refused. Default: all records.
    pub filter: Vec<LogFilter>,
}

/// How important a line must be to be written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// What keeps the server from doing its work.
    Error,
    /// What an operator should look at.
    Warn,
    /// Starts, stops, registrations, policy.
    #[default]
    Info,
    /// Every accept, challenge and refusal.
    Debug,
    /// Everything that the server reports.
    Trace,
}

/// How lines are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object each.
    Json,
}
