//! What is left of a run: a digest by which runs are compared, and a file in which people can look.

mod difference;
mod digest;
mod line;
mod listeners;
mod writer;

pub use difference::{Difference, first_difference};
pub use digest::{DIGEST_VERSION, Digest};
pub use listeners::Listeners;
pub use writer::{TraceError, TraceWriter};
