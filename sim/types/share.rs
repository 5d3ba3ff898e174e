//! Parts of a whole.

/// The share of `part` in `whole`, in parts per million, rounded down; none of nothing.
pub fn ppm(part: u64, whole: u64) -> Option<u64> {
    let share = (u128::from(part) * 1_000_000).checked_div(u128::from(whole))?;
    Some(u64::try_from(share).unwrap_or(u64::MAX))
}
