//! What is left of a run: a digest by which runs are compared, and a file in which people can look.

mod cause;
mod difference;
mod digest;
mod header;
mod line;
mod listeners;
mod parties;
mod reader;
mod shown;
mod writer;

pub use cause::Causes;
pub use difference::{Difference, first_difference};
pub use digest::{DIGEST_VERSION, Digest};
pub use header::{TRACE_VERSION, TraceHeader};
pub use listeners::Listeners;
pub use parties::{Ends, Parties};
pub use reader::{ReadError, Record, TraceReader};
pub use writer::{TraceError, TraceWriter};
