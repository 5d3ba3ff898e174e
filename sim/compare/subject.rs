//! What is compared.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use thiserror::Error;

use crate::{
    metrics::Latencies,
    report::{REPORT_VERSION, Report, Verdict},
    sweep::{Bundle, BundleError, FailureKind},
    types::form_of,
};

/// The runs of one scenario under one profile.
#[derive(Clone, PartialEq, Debug)]
pub struct Subject {
    /// The scenario and the profile.
    pub name: String,
    /// How many runs there were.
    pub runs: u64,
    /// How many of them passed.
    pub passed: u64,
    /// Exchanges of agents that ended.
    pub exchanges: u64,
    /// Those in which the agent got what it asked for.
    pub served: u64,
    /// How long what takes long took.
    pub latencies: Latencies,
    /// What kept runs from passing.
    pub failures: BTreeSet<FailureKind>,
}

/// Why there is nothing to compare.
#[derive(Debug, Error)]
pub enum SubjectError {
    /// The system does not let it be read.
    #[error("failed to read `{}`: {error}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's words.
        #[source]
        error: io::Error,
    },
    /// It is of no known form.
    #[error("{}{place}: {found}; expected a report.json or a sweep.json, or a folder with one of them", path.display())]
    Unknown {
        /// The file or folder.
        path: PathBuf,
        /// Line and column, each after a colon, as far as there are any.
        place: String,
        /// What was found.
        found: String,
    },
    /// It is a sweep, and a broken one.
    #[error(transparent)]
    Sweep(#[from] BundleError),
}

/// Reads a report or a sweep, by the file or by its folder.
///
/// # Errors
/// If it is neither, or cannot be read.
pub fn read(path: &Path) -> Result<Vec<Subject>, SubjectError> {
    #[derive(Deserialize)]
    struct Form {
        countersign_sweep: Option<u32>,
        countersign_report: Option<u32>,
    }
    let unknown =
        |path: &Path, found: String| SubjectError::Unknown { path: path.to_owned(), place: String::new(), found };
    let file = if path.is_dir() {
        let known = [Bundle::FILE, "report.json"].map(|name| path.join(name));
        known
            .into_iter()
            .find(|file| file.is_file())
            .ok_or_else(|| unknown(path, "this is a folder with neither".to_owned()))?
    } else {
        path.to_owned()
    };
    let content = fs::read(&file).map_err(|error| SubjectError::File { path: file.clone(), error })?;
    let found = form_of(&content);
    if found == "the result of a sweep" {
        return Ok(of_sweep(&Bundle::read(&file)?));
    }
    if !["a report", "JSON of another form"].contains(&found) {
        return Err(unknown(&file, format!("this is {found}")));
    }
    let wrong = |error: serde_json::Error| {
        let place = format!(":{}:{}", error.line(), error.column());
        let found = error.to_string();
        let found = if error.is_eof() { "it is cut off here" } else { &found };
        let found = found.split(" at line ").next().unwrap_or_default().to_owned();
        SubjectError::Unknown { path: file.clone(), place, found }
    };
    let form = serde_json::from_slice(&content).map_err(|error| match found {
        "a report" => wrong(error),
        _ => unknown(&file, format!("this is {found}")),
    })?;
    match form {
        Form { countersign_sweep: Some(_), .. } => Ok(of_sweep(&Bundle::read(&file)?)),
        Form { countersign_report: Some(REPORT_VERSION), .. } => {
            Ok(vec![of_report(&serde_json::from_slice(&content).map_err(wrong)?)])
        }
        Form { countersign_report: Some(version), .. } => Err(unknown(
            &file,
            format!("a report of version {version}, and this program reads version {REPORT_VERSION}"),
        )),
        _ => Err(unknown(&file, format!("this is {found}"))),
    }
}

fn of_sweep(bundle: &Bundle) -> Vec<Subject> {
    let subjects = bundle.spec.cases.iter().zip(&bundle.cases).map(|(case, tally)| Subject {
        name: format!("{} ({})", case.scenario, case.profile),
        runs: tally.runs,
        passed: tally.verdicts.get(&Verdict::Passed).copied().unwrap_or(0),
        exchanges: tally.exchanges,
        served: tally.served,
        latencies: tally.latencies.clone(),
        failures: tally.failures.iter().map(|failure| failure.kind.clone()).collect(),
    });
    subjects.collect()
}

fn of_report(report: &Report) -> Subject {
    let authentication = &report.measurements.total.authentication;
    Subject {
        name: format!("{} ({})", report.scenario, report.profile),
        runs: 1,
        passed: u64::from(report.verdict == Verdict::Passed),
        exchanges: authentication.ended,
        served: authentication.served,
        latencies: report.latencies.clone(),
        failures: FailureKind::all_of(report).into_iter().map(|(kind, _)| kind).collect(),
    }
}
