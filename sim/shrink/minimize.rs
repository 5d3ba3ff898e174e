//! Delta debugging: the fewest of many that are needed.

use std::iter;

/// Removes items as long as what is left still fails, in ever smaller pieces: first halves of them, at last one of
/// `pieces_max`. If there are no more items than that, none of those that are left can be left out alone. The order is
/// kept.
///
/// `first_that_fails` is given what may be left, the better choice first, and says which is the first that fails. It need
/// not take more than it can try at a time.
pub fn minimize<T: Clone>(
    mut items: Vec<T>,
    pieces_max: usize,
    mut first_that_fails: impl FnMut(&mut dyn Iterator<Item = Vec<T>>) -> Option<usize>,
) -> Vec<T> {
    if items.is_empty() || first_that_fails(&mut iter::once(Vec::new())).is_some() {
        return Vec::new();
    }
    let mut pieces = 2;
    while items.len() > 1 {
        let size = items.len().div_ceil(pieces);
        let mut from = 0;
        let mut is_smaller = false;
        while from < items.len() && size < items.len() {
            let without = |start: usize| [&items[..start], &items[(start + size).min(items.len())..]].concat();
            let Some(place) = first_that_fails(&mut (from..items.len()).step_by(size).map(without)) else { break };
            // What follows has moved up to here.
            from += place * size;
            items = without(from);
            is_smaller = true;
        }
        if is_smaller {
            pieces = pieces.min(items.len()).max(2);
        } else if size == 1 || pieces >= pieces_max {
            break;
        } else {
            pieces = (pieces * 2).min(items.len()).min(pieces_max);
        }
    }
    items
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn left<T: Clone>(items: Vec<T>, pieces_max: usize, mut fails: impl FnMut(&[T]) -> bool) -> Vec<T> {
        minimize(items, pieces_max, |mut choices| Iterator::position(&mut choices, |rest: Vec<T>| fails(&rest)))
    }

    proptest! {
        #[test]
        fn what_is_left_is_what_is_needed(count in 0..60_usize, needed in prop::collection::btree_set(0..60_usize, 0..4)) {
            let needed: Vec<usize> = needed.into_iter().filter(|item| *item < count).collect();
            let mut tries = 0;
            let left = left((0..count).collect(), count, |rest| {
                tries += 1;
                needed.iter().all(|item| rest.contains(item))
            });
            prop_assert_eq!(left, needed);
            prop_assert!(tries <= 40 * (count + 1), "{} tries of {}", tries, count);
        }
    }

    #[test]
    fn nothing_can_be_left_out_alone_even_where_items_depend_on_each_other() {
        // 3 is of use only with 5, or else 8 alone does.
        let fails = |rest: &[u32]| (rest.contains(&3) && rest.contains(&5)) || rest.contains(&8);
        let left = left((0..10).collect(), 10, fails);
        assert!(fails(&left));
        for place in 0..left.len() {
            let mut rest = left.clone();
            rest.remove(place);
            assert!(!fails(&rest));
        }
    }

    #[test]
    fn coarse_pieces_take_few_tries() {
        let mut tries = 0;
        let left = left((0..1_000).collect(), 4, |rest: &[u32]| {
            tries += 1;
            rest.contains(&0) && rest.contains(&400)
        });
        assert!(left.len() < 260 && tries < 40, "{} left after {tries} tries", left.len());
    }
}
