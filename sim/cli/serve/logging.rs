//! Log lines on standard error.

use std::io;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::{
    Layer, filter::filter_fn, fmt::layer, layer::SubscriberExt, registry, util::SubscriberInitExt,
};

use crate::serve::config::{LogFormat, LogLevel, LogTable};

/// Writes log lines from now on.
pub fn start(table: &LogTable) {
    let level = match table.level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    // Our own lines only: what libraries trace may quote what goes over the wire.
    let own = filter_fn(|metadata| metadata.target().starts_with(env!("CARGO_PKG_NAME")));
    let lines = layer().with_writer(io::stderr).with_target(false);
    let lines = match table.format {
        LogFormat::Text => lines.boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    // Whoever set one before has a reason to.
    let _ = registry().with(lines.with_filter(own).with_filter(level)).try_init();
}
