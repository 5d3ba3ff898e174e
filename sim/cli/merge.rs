//! `merge`: the shards of a sweep or of a load, put together.

use std::path::{Path, PathBuf};

use clap::Args;

use super::{
    Exit, Failure, Format,
    exit::print,
    outcome::{Delivery, Outcome},
    sweep::{JOURNAL, write},
};
use crate::{
    report::make_folder,
    sweep::{self, Bundle, LoadShard},
};

pub(super) const EXAMPLES: &str = "\
Examples:
  countersign merge 'shard-*' --out whole
  countersign merge east/load-shard.json west/load-shard.json

Shards of a load become one report, as if one generator had made it all: its
exit code is that of `load`. That of a sweep is that of its worst run.";

/// Arguments of `merge`.
#[derive(Debug, Args)]
pub struct MergeArgs {
    /// The directories of all shards of one sweep or of one load, or their `sweep.json` or `load-shard.json`; also patterns
    /// such as `shard-*`
    #[arg(required = true, value_name = "DIR")]
    pub sweeps: Vec<String>,
    /// Write the results of the whole into this directory
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

pub(super) fn merge(args: &MergeArgs) -> Result<Exit, Failure> {
    let mut paths = Vec::new();
    for asked in &args.sweeps {
        paths.extend(found(asked)?);
    }
    if let Some(part) = args.out.as_deref().and_then(|out| paths.iter().find(|path| is_within(path, out))) {
        let why = "the whole would take the place of a part, expected another directory";
        return Err(Failure::Usage(format!("`--out` is where `{}` is: {why}", part.display())));
    }
    let (loads, sweeps): (Vec<_>, Vec<_>) = paths.into_iter().partition(|path| LoadShard::is_at(path));
    match (loads.first(), sweeps.first()) {
        (None, _) => merge_sweeps(&sweeps, args.out.as_deref()),
        (_, None) => merge_loads(&loads, args.out.as_deref()),
        (Some(load), Some(other)) => Err(Failure::Usage(format!(
            "`{}` is the shard of a load, and `{}` is none: what is merged must be parts of one whole",
            load.display(),
            other.display()
        ))),
    }
}

fn merge_sweeps(paths: &[PathBuf], out: Option<&Path>) -> Result<Exit, Failure> {
    let bundles = paths.iter().map(|path| Ok((path.display().to_string(), read(path)?)));
    let merged =
        sweep::merge(bundles.collect::<Result<_, Failure>>()?).map_err(|error| Failure::Usage(error.to_string()))?;
    if let Some(folder) = out {
        make_folder(folder)?;
        write(folder, &merged)?;
    }
    print(&merged.to_text(false))?;
    Ok(merged.verdict.into())
}

fn merge_loads(paths: &[PathBuf], out: Option<&Path>) -> Result<Exit, Failure> {
    let usage = |error: &dyn std::error::Error| Failure::Usage(error.to_string());
    let shards = paths.iter().map(|path| Ok((path.display().to_string(), LoadShard::read(path)?)));
    let shards = shards.collect::<Result<_, sweep::LoadShardError>>().map_err(|error| usage(&error))?;
    let (plan, report) = sweep::merge_load(shards).map_err(|error| usage(&error))?;
    Outcome::of_report(report).deliver(&plan, &Delivery { out, trace: None, format: Format::Text }, None)
}

/// Whether a sweep, by its file or its folder, lies in this folder.
fn is_within(path: &Path, folder: &Path) -> bool {
    let Ok(sweep) = path.canonicalize() else { return false };
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
