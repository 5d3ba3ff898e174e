//! Many runs of some scenarios: which they are, what they come to, and how that is kept.
//!
//! A [`Spec`] says which runs a sweep makes; two sweeps of one spec make the same runs. Each run leaves a [`Record`].
//! Records go into a [`Journal`] as they come, so that a sweep that is killed goes on where it was, and add up to a
//! [`Bundle`]: a file that says of itself what it is about. The bundles of the shards of one sweep, merged, are the
//! bundle of the whole, to the byte, outside their `environment`.

mod annotations;
mod bundle;
mod cluster;
mod failure;
mod journal;
mod junit;
mod markdown;
mod merge;
mod record;
mod selection;
mod shard;
mod spec;
mod stop;
mod tally;
mod text;

pub use bundle::{BUNDLE_VERSION, Bundle, BundleEnvironment, BundleError, RunLine};
pub use cluster::Dealt;
pub use failure::{FailureKind, KnownFailure};
pub use journal::{JOURNAL_VERSION, Journal, JournalError};
pub use merge::{MergeError, merge};
pub use record::{Record, program_hash};
pub use selection::{SelectionError, select};
pub use shard::{Shard, ShardError, ShardSource};
pub use spec::{Case, CaseSpec, Item, Spec};
pub use stop::Stop;
pub use tally::CaseTally;
