//! What is left of a run: a digest by which runs are compared, and a file in which people can look.

mod asking;
mod cause;
mod difference;
mod digest;
mod explain;
mod export;
mod filter;
mod header;
mod line;
mod listeners;
mod log;
mod parties;
mod reader;
mod selection;
mod shown;
mod telling;
mod words;
mod writer;

pub use cause::Causes;
pub use difference::{Difference, first_difference};
pub use digest::{DIGEST_VERSION, Digest};
pub use explain::Story;
pub use export::{Mermaid, Perfetto, Shiviz};
pub use filter::{Filter, FilterError};
pub use header::{TRACE_VERSION, TraceHeader};
pub use listeners::Listeners;
pub use log::EventLog;
pub use parties::{Ends, Parties};
pub use reader::{ReadError, Record, TraceReader};
pub use selection::Selection;
pub use writer::{TraceError, TraceWriter};
