//! `matrix`: runs every attack and every hole under both profiles, and tells what each comes to.

use std::{
    fs,
    io::{self, IsTerminal as _},
    num::NonZero,
    path::{Path, PathBuf},
};

use clap::{Args, ValueEnum};

use super::{
    Exit, Failure, bounds,
    exit::{print, warn},
    interrupt,
    judge::judge,
    parallel::{all_cores, in_order},
    progress::CountProgress,
    schemes::schemes,
};
use crate::{
    report::{MATRIX_VERSION, Matrix, MatrixCell, MatrixRow},
    scenario::{Overrides, Scenario, shipped},
    types::Profile,
};

/// Where the scenarios of attacks and holes are.
const FOLDERS: [&str; 2] = ["attack/", "hole/"];

/// Arguments of `matrix`.
#[derive(Debug, Args)]
pub struct MatrixArgs {
    /// Only scenarios, or dangers, whose names contain one of these [default: all]
    #[arg(value_name = "NAME")]
    pub scenarios: Vec<String>,
    /// Hold ways of authentication against dangers instead, each cell a run or a reason why there is none
    #[arg(long)]
    pub schemes: bool,
    /// Hold the table against this file (`.json`, `.md`, `.html` or text), and show what differs
    #[arg(long, value_name = "FILE")]
    pub check: Option<PathBuf>,
    /// How many runs at the same time [default: one for each core]
    #[arg(long, value_name = "N", value_parser = bounds::jobs)]
    pub jobs: Option<NonZero<usize>>,
    /// How to report on standard output
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub format: MatrixFormat,
}

/// In which form a matrix is reported.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub enum MatrixFormat {
    /// For people
    #[default]
    Text,
    /// A Markdown table
    Markdown,
    /// One JSON document
    Json,
    /// A page, of schemes only
    Html,
}

pub(super) fn matrix(args: &MatrixArgs) -> Result<Exit, Failure> {
    if args.schemes {
        return schemes(args);
    }
    let (matrix, wanted) = make(args)?;
    if matrix.rows.len() < wanted {
        let run = matrix.rows.len();
        warn(&format!("interrupted: {run} of {wanted} scenarios were run under both profiles"));
        if args.check.is_none() {
            print(&render(&matrix, args.format)?)?;
        }
        return Ok(Exit::Inconclusive);
    }
    if let Some(path) = &args.check {
        let exit = if matrix.is_as_expected() { Exit::Holds } else { Exit::Violated };
        return check(path, |format| render(&matrix, format), &format!("{} scenarios", matrix.rows.len()), exit);
    }
    print(&render(&matrix, args.format)?)?;
    Ok(if matrix.is_as_expected() { Exit::Holds } else { Exit::Violated })
}

fn render(matrix: &Matrix, format: MatrixFormat) -> Result<String, Failure> {
    match format {
        MatrixFormat::Text => Ok(matrix.to_text()),
        MatrixFormat::Markdown => Ok(matrix.to_markdown()),
        MatrixFormat::Json => matrix.to_json().map_err(Failure::internal),
        MatrixFormat::Html => Err(Failure::Usage("a page is made of the schemes only: add --schemes".to_owned())),
    }
}

/// Holds the table against a committed one, in the form that the file's ending tells. `size` says how much stands in it, and
/// `exit` is how the command ends if it is as it was.
pub(super) fn check(
    path: &Path,
    render: impl FnOnce(MatrixFormat) -> Result<String, Failure>,
    size: &str,
    exit: Exit,
) -> Result<Exit, Failure> {
    let found = render(match path.extension().and_then(|ending| ending.to_str()) {
        Some("json") => MatrixFormat::Json,
        Some("md") => MatrixFormat::Markdown,
        Some("html") => MatrixFormat::Html,
        _ => MatrixFormat::Text,
    })?;
    let expected = fs::read_to_string(path)
        .map_err(|error| Failure::Usage(format!("failed to read the table `{}`: {error}", path.display())))?;
    if found == expected {
        print(&format!("{}: the table is as it was, {size}\n", path.display()))?;
        return Ok(exit);
    }
    let mut text = format!("{}: the table has changed\n", path.display());
    let (mut before, mut after) = (expected.lines(), found.lines());
    loop {
        match (before.next(), after.next()) {
            (None, None) => break,
            (was, is) if was == is => {}
            (was, is) => {
                was.into_iter().for_each(|line| text.push_str(&format!("- {line}\n")));
                is.into_iter().for_each(|line| text.push_str(&format!("+ {line}\n")));
            }
        }
    }
    print(&text)?;
    Ok(Exit::Violated)
}

/// The table, and how many scenarios should be in it: fewer are if it was interrupted.
fn make(args: &MatrixArgs) -> Result<(Matrix, usize), Failure> {
    let is_wanted = |name: &str| {
        FOLDERS.iter().any(|folder| name.starts_with(folder))
            && (args.scenarios.is_empty() || args.scenarios.iter().any(|part| name.contains(part.as_str())))
    };
    let shipped = shipped().into_iter().filter(|shipped| is_wanted(shipped.name));
    let scenarios = shipped.map(|shipped| Ok(shipped.scenario()?)).collect::<Result<Vec<Scenario>, Failure>>()?;
    if scenarios.is_empty() {
        let wanted = args.scenarios.join(", ");
        return Err(Failure::Usage(format!("no scenario of an attack or a hole is named like {wanted}")));
    }
    let interrupted = interrupt::listen();
    let mut progress = CountProgress::new(scenarios.len() as u64, io::stderr().is_terminal());
    let mut rows = Vec::new();
    let mut failure = None;
    let work = |scenario: &Scenario| {
        let resolve = |profile| {
            let overrides = Overrides { profile: Some(profile), ..Overrides::default() };
            scenario.resolve(None, overrides)
        };
        let (literal, hardened) = (resolve(Profile::Literal)?, resolve(Profile::Hardened)?);
        let reports = [&literal, &hardened].map(|plan| judge(&scenario.name, plan, interrupted));
        let [literal_report, hardened_report] = reports;
        let (literal_report, hardened_report) = (literal_report?, hardened_report?);
        // What was cut short proves nothing.
        Ok((!literal_report.interrupted && !hardened_report.interrupted).then(|| MatrixRow {
            scenario: scenario.name.clone(),
            description: scenario.document.description.clone(),
            seed: literal.seed,
            literal: MatrixCell::new(&literal, &hardened, &literal_report),
            hardened: MatrixCell::new(&hardened, &literal, &hardened_report),
        }))
    };
    let jobs = args.jobs.unwrap_or_else(all_cores);
    in_order(&scenarios, jobs, interrupted, work, |row: Result<Option<MatrixRow>, Failure>| match row {
        Ok(None) => {}
        Ok(Some(row)) => {
            progress.update(|| row.scenario.clone());
            rows.push(row);
        }
        Err(error) => drop(failure.get_or_insert(error)),
    });
    progress.finish();
    match failure {
        Some(failure) => Err(failure),
        None => Ok((Matrix { countersign_matrix: MATRIX_VERSION, rows }, scenarios.len())),
    }
}
