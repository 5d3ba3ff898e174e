//! `compare`: two runs or two sweeps side by side.

use super::{CompareArgs, Exit, Failure, Format, exit::print};
use crate::compare::{Comparison, read};

pub(super) fn compare(args: &CompareArgs) -> Result<Exit, Failure> {
    let subjects = |path| read(path).map_err(|error| Failure::Usage(error.to_string()));
    let comparison = Comparison::of(&subjects(&args.first)?, &subjects(&args.second)?);
    if comparison.pairs.is_empty() {
        return Err(Failure::Usage(format!(
            "found nothing to compare: `{}` has {}, `{}` has {}; expected a scenario of the same name under the same profile",
            args.first.display(),
            comparison.only_first.join(", "),
            args.second.display(),
            comparison.only_second.join(", ")
        )));
    }
    match args.format {
        Format::Text => print(&comparison.to_text())?,
        Format::Json => print(&(serde_json::to_string_pretty(&comparison).map_err(Failure::internal)? + "\n"))?,
    };
    Ok(if comparison.is_regression() { Exit::Missed } else { Exit::Holds })
}
