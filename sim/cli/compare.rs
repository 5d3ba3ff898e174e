//! `compare`: two runs or two sweeps side by side.

use super::{CompareArgs, Exit, Failure, Format, exit::print};
use crate::compare::{Comparison, read};

pub(super) fn compare(args: &CompareArgs) -> Result<Exit, Failure> {
    let subjects = |path| read(path).map_err(|error| Failure::Usage(error.to_string()));
    let comparison = Comparison::of(&subjects(&args.first)?, &subjects(&args.second)?);
    if comparison.pairs.is_empty() {
        let why = "they have no scenario in common under the same profile: there is nothing to compare";
        return Err(Failure::Usage(why.to_owned()));
    }
    match args.format {
        Format::Text => print(&comparison.to_text())?,
        Format::Json => print(&(serde_json::to_string_pretty(&comparison).map_err(Failure::internal)? + "\n"))?,
    };
    Ok(if comparison.is_regression() { Exit::Missed } else { Exit::Holds })
}
