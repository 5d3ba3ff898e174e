//! `merge`: the shards of a sweep, put together.

use super::{Exit, Failure, MergeArgs, exit::print, sweep::write};
use crate::{
    report::make_folder,
    sweep::{self, Bundle},
};

pub(super) fn merge(args: &MergeArgs) -> Result<Exit, Failure> {
    let usage = |error: &dyn std::error::Error| Failure::Usage(error.to_string());
    let read = args
        .sweeps
        .iter()
        .map(|path| Ok((path.display().to_string(), Bundle::read(path).map_err(|error| usage(&error))?)));
    let bundles = read.collect::<Result<Vec<_>, Failure>>()?;
    let merged = sweep::merge(bundles).map_err(|error| usage(&error))?;
    if let Some(folder) = &args.out {
        make_folder(folder)?;
        write(folder, &merged)?;
    }
    print(&merged.to_text(false))?;
    Ok(merged.verdict.into())
}
