//! Many values, of which none is forgotten and few are told apart.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hdrhistogram::{
    Histogram as HdrHistogram,
    serialization::{Deserializer, Serializer as _, V2DeflateSerializer},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Distribution;

/// Collects values for a [`Distribution`]. Its memory depends on the greatest value only.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Histogram {
    buckets: HdrHistogram<u64>,
    sum: u128,
    min: u64,
    max: u64,
}

// All that it holds are whole numbers.
impl Eq for Histogram {}

impl Default for Histogram {
    fn default() -> Self {
        // Three digits are within what the histogram allows, and a histogram without an upper bound grows
        // as far as any u64 needs: neither this nor a record can fail.
        let buckets = HdrHistogram::new(3).expect("three significant digits are allowed");
        Self { buckets, sum: 0, min: u64::MAX, max: 0 }
    }
}

impl Histogram {
    /// Takes in a value.
    pub fn record(&mut self, value: u64) {
        self.record_often(value, 1);
    }

    /// Takes in a value so many times.
    pub fn record_often(&mut self, value: u64, times: u64) {
        if times == 0 {
            return;
        }
        if self.buckets.record_n(value, times).is_err() {
            self.buckets.saturating_record_n(value, times);
        }
        self.sum += u128::from(value) * u128::from(times);
        self.min = self.min.min(value);
        self.max = self.max.max(value);
    }

    /// Adds all values of `other`, without loss.
    pub fn absorb(&mut self, other: &Self) {
        self.buckets.add(&other.buckets).expect("a histogram without an upper bound takes every value");
        self.sum += other.sum;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }

    /// How many values there are.
    pub fn count(&self) -> u64 {
        self.buckets.len()
    }

    /// The value of a rank, counted from 1 for the least, rounded down to the resolution of the histogram.
    pub fn at_rank(&self, rank: u64) -> u64 {
        let mut seen = 0;
        for step in self.buckets.iter_recorded() {
            seen += step.count_at_value();
            if seen >= rank {
                return self.buckets.lowest_equivalent(step.value_iterated_to()).clamp(self.min, self.max);
            }
        }
        self.max
    }

    /// The distribution of the values, or nothing if there was none.
    pub fn distribution(&self) -> Option<Distribution> {
        let count = self.buckets.len();
        let mean = self.sum.checked_div(u128::from(count))?;
        let [p50, p90, p99, p999] = self.percentiles(count, [500, 900, 990, 999]);
        let mean = u64::try_from(mean).unwrap_or(u64::MAX);
        Some(Distribution { count, min: self.min, mean, p50, p90, p99, p999, max: self.max })
    }

    /// The values that occur, ascending, each with how many values are at most as great.
    pub fn steps(&self) -> impl Iterator<Item = (u64, u64)> {
        self.buckets.iter_recorded().scan(0, |seen, step| {
            *seen += step.count_at_value();
            let value = self.buckets.lowest_equivalent(step.value_iterated_to());
            Some((value.clamp(self.min, self.max), *seen))
        })
    }

    /// The values of ascending ranks, in thousandths. Ranks are counted in integers, so that the result hangs on no rounding.
    fn percentiles<const N: usize>(&self, count: u64, per_mille: [u64; N]) -> [u64; N] {
        let mut values = [self.max; N];
        let mut recorded = self.buckets.iter_recorded();
        let (mut seen, mut value) = (0, 0);
        for (percentile, found) in per_mille.into_iter().zip(&mut values) {
            let rank = (u128::from(count) * u128::from(percentile)).div_ceil(1_000);
            while u128::from(seen) < rank {
                let Some(step) = recorded.next() else { return values };
                seen += step.count_at_value();
                value = self.buckets.lowest_equivalent(step.value_iterated_to());
            }
            *found = value.clamp(self.min, self.max);
        }
        values
    }
}

/// A histogram in a file.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Written {
    /// The exact sum of the values.
    sum: u64,
    /// The least value; of none, the greatest number there is.
    min: u64,
    /// The greatest value.
    max: u64,
    /// How many values there are of each size: HdrHistogram's format V2, compressed, in base64, as its tools read it.
    hdr_v2: String,
}

impl From<Histogram> for Written {
    fn from(histogram: Histogram) -> Self {
        // How far a histogram has grown hangs on the order of its values; what is written must not.
        let mut least = HdrHistogram::new_with_max(histogram.buckets.max().max(2), 3).expect("2 is the least maximum");
        least.add(&histogram.buckets).expect("it reaches up to the greatest value");
        let mut bytes = Vec::new();
        V2DeflateSerializer::new().serialize(&least, &mut bytes).expect("a vector takes whatever it is given");
        Self {
            sum: u64::try_from(histogram.sum).unwrap_or(u64::MAX),
            min: histogram.min,
            max: histogram.max,
            hdr_v2: STANDARD.encode(bytes),
        }
    }
}

impl TryFrom<Written> for Histogram {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let Written { sum, min, max, hdr_v2 } = written;
        let bytes = STANDARD.decode(hdr_v2).map_err(|error| format!("the histogram is no base64: {error}"))?;
        let wrong = |error| format!("the histogram is none of HdrHistogram's format V2: {error:?}");
        let found: HdrHistogram<u64> = Deserializer::new().deserialize(&mut bytes.as_slice()).map_err(wrong)?;
        let mut histogram = Self { sum: sum.into(), min, max, ..Self::default() };
        histogram.buckets.add(&found).map_err(|error| format!("the histogram is of another kind: {error}"))?;
        Ok(histogram)
    }
}

impl JsonSchema for Histogram {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Histogram".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        Written::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(values: &[u64]) -> Histogram {
        let mut histogram = Histogram::default();
        values.iter().for_each(|value| histogram.record(*value));
        histogram
    }

    #[test]
    fn what_was_never_measured_has_no_distribution() {
        assert_eq!(of(&[]).distribution(), None);
    }

    #[test]
    fn small_values_are_exact() {
        let values: Vec<u64> = (1..=1_000).collect();
        let expected =
            Distribution { count: 1_000, min: 1, mean: 500, p50: 500, p90: 900, p99: 990, p999: 999, max: 1_000 };
        assert_eq!(of(&values).distribution(), Some(expected));
    }

    #[test]
    fn the_greatest_values_are_kept() {
        let distribution = of(&[0, u64::MAX]).distribution().unwrap();
        assert_eq!((distribution.min, distribution.max), (0, u64::MAX));
    }

    proptest! {
        #[test]
        fn percentiles_are_those_of_the_sorted_values(mut values in prop::collection::vec(any::<u64>(), 1..300)) {
            let distribution = of(&values).distribution().unwrap();
            values.sort_unstable();
            for (per_mille, found) in
                [(500, distribution.p50), (900, distribution.p90), (990, distribution.p99), (999, distribution.p999)]
            {
                let exact = values[(values.len() * per_mille).div_ceil(1_000) - 1];
                prop_assert!(found <= exact && exact - found <= exact / 1_000, "{found} for {exact}");
            }
        }

        #[test]
        fn a_histogram_that_was_written_is_read_as_it_was_and_its_text_hangs_on_no_order(
            mut values in prop::collection::vec(any::<u64>(), 0..50),
        ) {
            let histogram = of(&values);
            let text = serde_json::to_string(&histogram).unwrap();
            let read: Histogram = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(read.distribution().map(|found| (found.count, found.p50, found.p999, found.max)),
                histogram.distribution().map(|found| (found.count, found.p50, found.p999, found.max)));
            prop_assert_eq!(serde_json::to_string(&read).unwrap(), text.clone());
            values.reverse();
            prop_assert_eq!(serde_json::to_string(&of(&values)).unwrap(), text);
        }

        #[test]
        fn merging_loses_nothing(left in prop::collection::vec(0..1u64 << 40, 0..50), right in prop::collection::vec(any::<u64>(), 0..50)) {
            let mut merged = of(&left);
            merged.absorb(&of(&right));
            prop_assert_eq!(merged.distribution(), of(&[left, right].concat()).distribution());
        }
    }
}
