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
    if let Some(shard) = args.out.as_deref().and_then(|out| bundles.iter().find(|(name, _)| is_within(name, out))) {
        let why = "the whole would take the place of a part, expected another directory";
        return Err(Failure::Usage(format!("`--out` is where `{}` is: {why}", shard.0)));
    }
    let merged = sweep::merge(bundles).map_err(|error| usage(&error))?;
    if let Some(folder) = &args.out {
        make_folder(folder)?;
        write(folder, &merged)?;
    }
    print(&merged.to_text(false))?;
    Ok(merged.verdict.into())
}

/// Whether a sweep, by its file or its folder, lies in this folder.
fn is_within(name: &str, folder: &Path) -> bool {
    let Ok(sweep) = Path::new(name).canonicalize() else { return false };
    let home = if sweep.is_file() { sweep.parent().unwrap_or(&sweep) } else { &sweep };
    folder.canonicalize().is_ok_and(|folder| folder == home)
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
