//! The report as files.

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use thiserror::Error;

use super::{Evidence, Report, html, space_time_svg, text};
use crate::plan::Plan;

/// The name of the file with the events around a violation.
pub(super) const SPACE_TIME: &str = "space-time.svg";

/// Why a report could not be written. What was there before is still there.
#[derive(Debug, Error)]
pub enum WriteError {
    /// The folder could not be made.
    #[error("failed to create the folder `{}`: {error}; name a folder that you may write to with --out", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The system's words.
        #[source]
        error: io::Error,
    },
    /// A file could not be written.
    #[error("failed to write `{}`: {error}; free some space, or name another place with --out", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's words.
        #[source]
        error: io::Error,
    },
}

/// Makes the folder for a report. Ask before a long run, not after it.
///
/// # Errors
/// If the folder cannot be made.
pub fn make_folder(folder: &Path) -> Result<(), WriteError> {
    fs::create_dir_all(folder).map_err(|error| WriteError::Folder { path: folder.into(), error })
}

/// Writes `report.json`, `report.txt`, `report.html` and `plan.json` into `folder`, which is made if it is not there; and
/// `space-time.svg` if there was a violation. A drawing of an earlier run does not stay beside the report of this one.
///
/// Each file is whole or, if something fails, as it was before.
///
/// # Errors
/// If the folder or a file cannot be written.
pub fn write(folder: &Path, report: &Report, plan: &Plan, evidence: Evidence<'_>) -> Result<(), WriteError> {
    make_folder(folder)?;
    write_file(&folder.join("plan.json"), || Ok(serde_json::to_string_pretty(plan)? + "\n"))?;
    write_file(&folder.join("report.txt"), || Ok(text(report, false)))?;
    let drawing = folder.join(SPACE_TIME);
    match evidence.scene {
        Some(scene) => write_file(&drawing, || space_time_svg(report, scene).map_err(io::Error::other))?,
        None => match fs::remove_file(&drawing) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(WriteError::File { path: drawing, error });
            }
            _ => {}
        },
    }
    write_file(&folder.join("report.html"), || html(report, plan, evidence).map_err(io::Error::other))?;
    write_file(&folder.join("report.json"), || Ok(report.to_json()?))
}

/// Replaces a file in one step, so that a full disk leaves no half of it. What is no file, as a pipe or a device, is
/// written to.
///
/// # Errors
/// If the content cannot be made, or the file not be written. What was there before is still there.
pub fn write_file(path: &Path, content: impl FnOnce() -> io::Result<String>) -> Result<(), WriteError> {
    let failed = |error| WriteError::File { path: path.into(), error };
    let content = content().map_err(failed)?;
    let target = behind_links(path);
    if target.is_dir() {
        return Err(failed(io::ErrorKind::IsADirectory.into()));
    }
    if is_no_file(&target) {
        let opened = fs::File::options().write(true).open(&target);
        return opened.and_then(|mut file| file.write_all(content.as_bytes())).map_err(failed);
    }
    let partial = target.with_added_extension("partial");
    let write = || {
        let mut file = fs::File::create(&partial)?;
        file.write_all(content.as_bytes())?;
        file.sync_all()?;
        fs::rename(&partial, &target)
    };
    write().map_err(|error| {
        // It may not be there; the first error is the one to tell.
        let _ = fs::remove_file(&partial);
        failed(error)
    })
}

/// Where a path leads: whoever replaces a file replaces what a link leads to, and not the link.
pub fn behind_links(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

/// Whether there is something that no file can take the place of: a pipe, a device.
pub fn is_no_file(path: &Path) -> bool {
    path.exists() && !path.is_file()
}
