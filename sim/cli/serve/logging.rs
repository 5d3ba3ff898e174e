//! Log lines on standard error.

use std::{
    fmt::{self, Debug},
    io,
};

use tracing::{field::Field, level_filters::LevelFilter};
use tracing_appender::{non_blocking, non_blocking::WorkerGuard};
use tracing_subscriber::{
    Layer,
    field::MakeExt,
    filter::filter_fn,
    fmt::{
        format::{Writer, debug_fn},
        layer,
    },
    layer::SubscriberExt,
    registry,
    util::SubscriberInitExt,
};

use crate::serve::{
    RECORDS,
    config::{LogFormat, LogLevel, LogTable},
};

/// Writes log lines from now on, until what this gives is dropped; that waits for the last of them, for a second at most.
///
/// A thread of its own writes. If nobody reads what it writes, lines are left out: a server must not stop for its log.
pub fn start(table: &LogTable) -> WorkerGuard {
    let level = match table.level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    // Our own lines only: what libraries trace may quote what goes over the wire.
    let own = filter_fn(|metadata| metadata.target().starts_with(env!("CARGO_PKG_NAME")));
    let (writer, guard) = non_blocking(io::stderr());
    let lines = layer().with_writer(writer).with_target(false);
    let lines = match table.format {
        LogFormat::Text => lines.fmt_fields(debug_fn(write_field).delimited(" ")).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    // Whoever set one before has a reason to.
    let important = filter_fn(move |metadata| metadata.target() == RECORDS || *metadata.level() <= level)
        .with_max_level_hint(level.max(LevelFilter::INFO));
    let _ = registry().with(lines.with_filter(own).with_filter(important)).try_init();
    guard
}

/// A field of a line for people: quoted where it would not end where it seems to, and nowhere else.
fn write_field(writer: &mut Writer<'_>, field: &Field, value: &dyn Debug) -> fmt::Result {
    let text = format!("{value:?}");
    if field.name() == "message" {
        return writer.write_str(&text);
    }
    let is_plain =
        |text: &str| !text.is_empty() && !text.contains([' ', '=', '"', '\\']) && !text.contains(char::is_control);
    // Text comes in quotes, everything else without.
    let bare = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    match bare {
        Some(bare) if is_plain(bare) => write!(writer, "{field}={bare}"),
        None if !is_plain(&text) => write!(writer, "{field}={text:?}"),
        _ => write!(writer, "{field}={text}"),
    }
}
