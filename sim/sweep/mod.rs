//! Many runs of some scenarios: which they are, what they come to, and how that is kept.
//!
//! A [`Spec`] says which runs a sweep makes; two sweeps of one spec make the same runs. Each run leaves a [`Record`].
//! Records go into a [`Journal`] as they come, so that a sweep that is killed goes on where it was, and add up to a
//! [`Bundle`]: a file that says of itself what it is about. The bundles of the shards of one sweep, merged, are the
//! bundle of the whole, to the byte, outside their `environment`.
//!
//! A load on real sockets that several generators made is kept in the same way: each leaves a [`LoadShard`], and merged they
//! make one report.

mod annotations;
mod bundle;
mod cluster;
mod failure;
mod journal;
mod junit;
mod load_merge;
mod load_shard;
mod markdown;
mod merge;
mod record;
mod selection;
mod spec;
mod stop;
mod tally;
mod text;

pub use bundle::{BUNDLE_VERSION, Bundle, BundleEnvironment, BundleError, RunLine};
pub use cluster::Dealt;
pub use failure::{FailureKind, KnownFailure};
pub use journal::{JOURNAL_VERSION, Journal, JournalError};
pub use load_merge::{LoadMergeError, merge_load};
pub use load_shard::{LOAD_SHARD_VERSION, LoadShard, LoadShardError, Visited};
pub use merge::{MergeError, merge};
pub use record::{Record, program_hash};
pub use selection::{SelectionError, select};
pub use spec::{Case, CaseSpec, Item, Spec};
pub use stop::Stop;
pub use tally::CaseTally;
