//! Log lines on standard error.

use std::{
    fmt::{self, Debug},
    io,
    sync::{Arc, Mutex},
};

use tracing::{field::Field, level_filters::LevelFilter};
use tracing_appender::{non_blocking, non_blocking::WorkerGuard};
use tracing_subscriber::{
    Layer, Registry,
    field::MakeExt,
    filter::{FilterExt, filter_fn},
    fmt::{
        format::{Writer, debug_fn},
        layer,
    },
    layer::SubscriberExt,
    registry, reload,
    util::SubscriberInitExt,
};

use crate::{
    serve::{
        Audience, RECORDS,
        config::{LogFormat, LogLevel, LogTable},
    },
    types::locked,
};

/// The log of a process. Once it is dropped, its last lines are waited for, for a second at most.
pub struct Log {
    _writer: WorkerGuard,
    level: reload::Handle<LevelFilter, Registry>,
}

/// Turns the log of a server that runs.
#[derive(Clone)]
pub struct LogSwitch {
    level: reload::Handle<LevelFilter, Registry>,
    audience: Arc<Mutex<Audience>>,
}

impl Log {
    /// What turns this log, and the records of whoever listens.
    pub fn switch(&self, audience: &Arc<Mutex<Audience>>) -> LogSwitch {
        LogSwitch { level: self.level.clone(), audience: Arc::clone(audience) }
    }
}

impl LogSwitch {
    /// Goes by this from now on, but for the form of the lines.
    pub fn turn_to(&self, table: &LogTable) {
        // It fails where nobody writes lines any more.
        let _ = self.level.reload(level_of(table));
        locked(&self.audience).writes_records(table);
    }
}

/// Writes log lines from now on.
///
/// A thread of its own writes. If nobody reads what it writes, lines are left out: a server must not stop for its log.
pub fn start(table: &LogTable) -> Log {
    // Our own lines only: what libraries trace may quote what goes over the wire.
    let own = filter_fn(|metadata| metadata.target().starts_with(env!("CARGO_PKG_NAME")));
    let (writer, guard) = non_blocking(io::stderr());
    let (level, handle) = reload::Layer::<_, Registry>::new(level_of(table));
    let lines = layer().with_writer(writer).with_target(false);
    let lines = match table.format {
        LogFormat::Text => lines.fmt_fields(debug_fn(write_field).delimited(" ")).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    // Masks have decided about records.
    let important = level.or(filter_fn(|metadata| metadata.target() == RECORDS));
    // Whoever set one before has a reason to.
    let _ = registry().with(lines.with_filter(own).with_filter(important)).try_init();
    Log { _writer: guard, level: handle }
}

const fn level_of(table: &LogTable) -> LevelFilter {
    match table.level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    }
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
