//! What a job on GitHub shows of itself.

use std::{
    env,
    fs::OpenOptions,
    io::Write as _,
    path::{Path, PathBuf},
};

use super::Failure;

/// The file that GitHub shows as the job's summary. Ask before a long sweep, not after it.
///
/// # Errors
/// If the environment does not tell.
pub(super) fn summary_file() -> Result<PathBuf, Failure> {
    const NAME: &str = "GITHUB_STEP_SUMMARY";
    env::var_os(NAME).map(PathBuf::from).ok_or_else(|| {
        Failure::Usage(format!("the environment variable `{NAME}` is not set: is this a step of a job on GitHub?"))
    })
}

/// Adds a page to the summary: other steps may have written there.
///
/// # Errors
/// If the file cannot be written.
pub(super) fn append(summary: &Path, page: &str) -> Result<(), Failure> {
    let mut options = OpenOptions::new();
    let written = options.create(true).append(true).open(summary).and_then(|mut file| file.write_all(page.as_bytes()));
    written.map_err(|error| Failure::Internal(format!("failed to write `{}`: {error}", summary.display())))
}
