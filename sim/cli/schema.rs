//! `schema`: the JSON Schemas of the files that the program reads.

use clap::{Args, ValueEnum};

use super::{Exit, Failure, exit};
use crate::scenario;

/// Arguments of `schema`.
#[derive(Debug, Args)]
pub struct SchemaArgs {
    /// Of which kind of file
    #[arg(value_enum, default_value_t, value_name = "KIND")]
    pub kind: FileKind,
}

/// A kind of file.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub enum FileKind {
    /// A scenario
    #[default]
    Scenario,
    /// The configuration of an SMP
    #[cfg(feature = "sockets")]
    Smp,
    /// The configuration of a site server
    #[cfg(feature = "sockets")]
    Site,
    /// The configuration of a portal
    #[cfg(feature = "sockets")]
    Portal,
}

pub(super) fn schema(args: &SchemaArgs) -> Result<Exit, Failure> {
    let schema = match args.kind {
        FileKind::Scenario => scenario::schema(),
        #[cfg(feature = "sockets")]
        FileKind::Smp => scenario::schema_of::<crate::serve::config::SmpDocument>(),
        #[cfg(feature = "sockets")]
        FileKind::Site => scenario::schema_of::<crate::serve::config::SiteDocument>(),
        #[cfg(feature = "sockets")]
        FileKind::Portal => scenario::schema_of::<crate::serve::config::PortalDocument>(),
    };
    let text = serde_json::to_string_pretty(&schema).map_err(Failure::internal)?;
    exit::print(&format!("{text}\n"))
}
