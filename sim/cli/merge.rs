//! `merge`: the shards of a sweep, put together.

use std::path::{Path, PathBuf};

use super::{
    Exit, Failure, MergeArgs,
    exit::print,
    sweep::{JOURNAL, write},
};
use crate::{
    report::make_folder,
    sweep::{self, Bundle},
};

pub(super) fn merge(args: &MergeArgs) -> Result<Exit, Failure> {
    let usage = |error: &dyn std::error::Error| Failure::Usage(error.to_string());
    let mut bundles = Vec::new();
    for asked in &args.sweeps {
        for path in found(asked)? {
            bundles.push((path.display().to_string(), read(&path)?));
        }
    }
    let merged = sweep::merge(bundles).map_err(|error| usage(&error))?;
    if let Some(folder) = &args.out {
        make_folder(folder)?;
        write(folder, &merged)?;
    }
    print(&merged.to_text(false))?;
    Ok(merged.verdict.into())
}

fn read(path: &Path) -> Result<Bundle, Failure> {
    Bundle::read(path).map_err(|error| {
        let has_begun = path.join(JOURNAL).exists() && !path.join(Bundle::FILE).exists();
        let more = if has_begun { "; its sweep has not ended: start it again, which goes on, then merge" } else { "" };
        Failure::Usage(format!("{error}{more}"))
    })
}

/// What goes by a name or by a pattern. Not every job has a shell that would know.
fn found(asked: &str) -> Result<Vec<PathBuf>, Failure> {
    if !asked.contains(['*', '?', '[']) || Path::new(asked).exists() {
        return Ok(vec![asked.into()]);
    }
    let paths = glob::glob(asked).map_err(|error| Failure::Usage(format!("`{asked}` is no pattern: {error}")))?;
    let paths: Vec<_> = paths.collect::<Result<_, _>>().map_err(|error| Failure::Usage(error.to_string()))?;
    if paths.is_empty() {
        return Err(Failure::Usage(format!("nothing matches `{asked}`, expected the directories of shards")));
    }
    Ok(paths)
}
