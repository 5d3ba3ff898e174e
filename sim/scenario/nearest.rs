//! What somebody may have meant.

/// The known names that look like `found`, the likeliest first; names that look nothing like it are left out.
pub(super) fn nearest<'a>(found: &str, known: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    // The work is quadratic in the lengths: nobody mistypes a name into a page of text.
    if found.len() > 100 {
        return Vec::new();
    }
    let mut scored: Vec<(usize, &str)> = known
        .filter_map(|name| {
            let distance = strsim::damerau_levenshtein(&found.to_lowercase(), name);
            (distance * 2 <= name.chars().count().max(found.chars().count())).then_some((distance, name))
        })
        .collect();
    // Stable: equals stay in the order in which they are known.
    scored.sort_by_key(|(distance, _)| *distance);
    scored.into_iter().map(|(_, name)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_is_recognised_and_a_stranger_is_not() {
        let known = ["tick", "latency", "branches"];
        assert_eq!(nearest("latncy", known.into_iter()), ["latency"]);
        assert_eq!(nearest("Tick", known.into_iter()), ["tick"]);
        assert!(nearest("description", known.into_iter()).is_empty());
        assert!(nearest(&"tick".repeat(1000), known.into_iter()).is_empty());
    }
}
