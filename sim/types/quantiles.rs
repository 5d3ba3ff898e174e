//! How something that varies is distributed, in four numbers.

use serde::{Deserialize, Serialize};

/// A distribution by four of its quantiles. Between them it rises evenly; at the least it is nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quantiles {
    /// Half of all is at most this, in nanoseconds.
    pub p50_ns: u64,
    /// 90 % of all is at most this, in nanoseconds.
    pub p90_ns: u64,
    /// 99 % of all is at most this, in nanoseconds.
    pub p99_ns: u64,
    /// 99.9 % of all is at most this, in nanoseconds.
    pub p999_ns: u64,
}

impl Quantiles {
    /// What so many thousandths of all are at most, in nanoseconds.
    pub fn at(&self, per_mille: u64) -> u64 {
        let known = [(0, 0), (500, self.p50_ns), (900, self.p90_ns), (990, self.p99_ns), (999, self.p999_ns)];
        let between = known.windows(2).find(|pair| per_mille <= pair[1].0);
        let Some([(from, least_ns), (to, most_ns)]) = between else { return self.p999_ns };
        let (rise_ns, part) = (most_ns.saturating_sub(*least_ns), per_mille.saturating_sub(*from));
        let above_ns = u128::from(rise_ns) * u128::from(part) / u128::from((to - from).max(1));
        least_ns.saturating_add(u64::try_from(above_ns).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_rises_evenly_between_what_is_known() {
        let quantiles = Quantiles { p50_ns: 100, p90_ns: 500, p99_ns: 5_000, p999_ns: 5_900 };
        let found = [0, 250, 500, 700, 900, 990, 999, 1_000].map(|per_mille| quantiles.at(per_mille));
        assert_eq!(found, [0, 50, 100, 300, 500, 5_000, 5_900, 5_900]);
        assert_eq!(Quantiles::default().at(700), 0);
        assert_eq!(Quantiles { p999_ns: u64::MAX, ..quantiles }.at(999), u64::MAX);
    }
}
