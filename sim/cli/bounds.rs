//! Numbers on the command line that have bounds.

use std::num::NonZero;

use crate::types::TimeSpan;

/// More threads than this are no machine's business, and a slip of the keyboard.
const JOBS_MAX: usize = 1_024;

/// Reads how many runs are made at the same time.
pub fn jobs(text: &str) -> Result<NonZero<usize>, String> {
    let jobs = text.parse().ok().filter(|jobs: &NonZero<usize>| jobs.get() <= JOBS_MAX);
    jobs.ok_or_else(|| format!("expected a whole number from 1 to {JOBS_MAX}"))
}

/// Reads how long something may take.
pub fn patience(text: &str) -> Result<TimeSpan, String> {
    match text.parse::<TimeSpan>() {
        Ok(time) if time.nanos() > 0 => Ok(time),
        Ok(_) => Err("expected more than no time at all, such as 10m".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_out_of_bounds_is_refused() {
        assert_eq!(jobs("1024").map(NonZero::get), Ok(1_024));
        for wrong in ["0", "1025", "4000000000", "-1", "many", ""] {
            assert!(jobs(wrong).unwrap_err().contains("1 to 1024"), "{wrong}");
        }
        assert_eq!(patience("1m30s").map(TimeSpan::nanos), Ok(90_000_000_000));
        assert!(patience("0s").is_err() && patience("soon").is_err());
    }
}
