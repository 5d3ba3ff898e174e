//! Delta debugging: the fewest of many that are needed.

/// Removes items as long as `still_fails` says so of those that are left, in ever smaller pieces; at the end none of
/// them can be left out alone. The order is kept.
pub fn minimize<T: Clone>(mut items: Vec<T>, mut still_fails: impl FnMut(&[T]) -> bool) -> Vec<T> {
    if items.is_empty() || still_fails(&[]) {
        return Vec::new();
    }
    let mut pieces = 2;
    while items.len() > 1 {
        let size = items.len().div_ceil(pieces);
        let mut from = 0;
        let mut is_smaller = false;
        while from < items.len() && items.len() > 1 {
            let to = (from + size).min(items.len());
            let rest = [&items[..from], &items[to..]].concat();
            if !rest.is_empty() && still_fails(&rest) {
                // What follows has moved up to here.
                items = rest;
                is_smaller = true;
            } else {
                from = to;
            }
        }
        if size == 1 && !is_smaller {
            break;
        }
        pieces = if is_smaller { pieces.max(2) } else { pieces * 2 }.min(items.len().max(2));
    }
    items
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_left_is_what_is_needed(count in 0..60_usize, needed in prop::collection::btree_set(0..60_usize, 0..4)) {
            let needed: Vec<usize> = needed.into_iter().filter(|item| *item < count).collect();
            let mut tries = 0;
            let left = minimize((0..count).collect(), |rest| {
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
        let left = minimize((0..10).collect(), fails);
        assert!(fails(&left));
        for place in 0..left.len() {
            let mut rest = left.clone();
            rest.remove(place);
            assert!(!fails(&rest));
        }
    }
}
