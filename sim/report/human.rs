//! Numbers as people read them: three significant digits and a unit.

/// A count: exact with separators up to 99,999, then `123 k`, `1.23 M`.
pub fn count(value: u64) -> String {
    match value {
        0..100_000 => separated(value),
        _ => scaled(value, &[(1_000, "k"), (1_000_000, "M"), (1_000_000_000, "G"), (1_000_000_000_000, "T")]),
    }
}

/// A duration below a minute as `1.23 ms`, above as `1 h 30 min` or `21 d`.
pub fn duration(nanos: u64) -> String {
    const MINUTE: u64 = 60_000_000_000;
    match nanos {
        0 => "0 s".into(),
        1..1_000 => format!("{nanos} ns"),
        1_000..MINUTE => scaled(nanos, &[(1_000, "µs"), (1_000_000, "ms"), (1_000_000_000, "s")]),
        _ => long_duration(nanos.saturating_add(500_000_000) / 1_000_000_000),
    }
}

/// A size in binary units.
pub fn bytes(value: u64) -> String {
    match value {
        0..1_024 => format!("{value} B"),
        _ => scaled(value, &[(1 << 10, "KiB"), (1 << 20, "MiB"), (1 << 30, "GiB"), (1 << 40, "TiB")]),
    }
}

/// A share given in parts per million, in percent. What is not all is never shown as all, nor something as nothing.
pub fn percent(ppm: u64) -> String {
    match ppm {
        0 => "0 %".into(),
        1..100 => "<0.01 %".into(),
        100..100_000 => format!("{}.{:02} %", ppm / 10_000, ppm / 100 % 100),
        100_000..990_000 => format!("{}.{} %", ppm / 10_000, ppm / 1_000 % 10),
        990_000..1_000_000 => format!("{}.{:02} %", ppm / 10_000, ppm / 100 % 100),
        _ => format!("{} %", separated(ppm / 10_000)),
    }
}

/// How many times as much, given in thousandths: `0.25 ×`, `87 ×`.
pub fn factor(thousandths: u64) -> String {
    match thousandths {
        0..10_000 => format!("{}.{:02} ×", thousandths / 1_000, thousandths / 10 % 100),
        _ => format!("{} ×", count(thousandths / 1_000)),
    }
}

/// A noun with its number: `1 site`, `2 sites`.
pub fn number_of(value: u64, singular: &str) -> String {
    format!("{} {singular}{}", count(value), if value == 1 { "" } else { "s" })
}

/// The word that a value has in JSON, with spaces: `counter used`.
pub fn words(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word.replace('_', " "),
        _ => "?".into(),
    }
}

/// The whole part with a comma between groups of three digits.
pub fn separated(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Three significant digits in the first of the ascending `units` in which fewer than four stand before the point.
fn scaled(value: u64, units: &[(u64, &str)]) -> String {
    let fits = |unit: u64| rounded(value, unit, 1) < 1_000;
    let Some(&(unit, name)) = units.iter().find(|(unit, _)| fits(*unit)).or(units.last()) else {
        return separated(value);
    };
    let (tenths, hundredths) = (rounded(value, unit, 10), rounded(value, unit, 100));
    match (tenths, hundredths) {
        (_, ..1_000) => format!("{}.{:02} {name}", hundredths / 100, hundredths % 100),
        (..1_000, _) => format!("{}.{} {name}", tenths / 10, tenths % 10),
        _ => format!("{} {name}", separated(rounded(value, unit, 1))),
    }
}

/// `value / unit * times`, to the nearest integer.
fn rounded(value: u64, unit: u64, times: u64) -> u64 {
    let (value, unit, times) = (u128::from(value), u128::from(unit), u128::from(times));
    u64::try_from((value * times + unit / 2) / unit).unwrap_or(u64::MAX)
}

fn long_duration(seconds: u64) -> String {
    const HOUR: u64 = 3_600;
    // A day is told in hours, since runs of a day are compared with runs of hours.
    let (days, hours) =
        if seconds < 48 * HOUR { (0, seconds / HOUR) } else { (seconds / (24 * HOUR), seconds / HOUR % 24) };
    let parts = [(days, "d"), (hours, "h"), (seconds / 60 % 60, "min"), (seconds % 60, "s")];
    let shown = parts.iter().filter(|(amount, _)| *amount > 0).take(2);
    shown.map(|(amount, unit)| format!("{} {unit}", separated(*amount))).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_exact_as_long_as_they_are_short() {
        let shown = [0, 999, 1_000, 99_999, 100_000, 999_499, 999_500, 1_234_567, 12_345_678].map(count);
        assert_eq!(shown, ["0", "999", "1,000", "99,999", "100 k", "999 k", "1.00 M", "1.23 M", "12.3 M"]);
    }

    #[test]
    fn durations_have_three_digits_below_a_minute_and_two_units_above() {
        let shown = [
            0,
            999,
            1_000,
            999_499,
            999_500,
            1_234_567,
            12_345_678,
            999_999_999,
            59_000_000_000,
            61_400_000_000,
            3_600_000_000_000,
            5_400_000_000_000,
            86_400_000_000_000,
            190_800_000_000_000,
            1_814_400_000_000_000,
        ]
        .map(duration);
        let expected = [
            "0 s",
            "999 ns",
            "1.00 µs",
            "999 µs",
            "1.00 ms",
            "1.23 ms",
            "12.3 ms",
            "1.00 s",
            "59.0 s",
            "1 min 1 s",
            "1 h",
            "1 h 30 min",
            "24 h",
            "2 d 5 h",
            "21 d",
        ];
        assert_eq!(shown, expected);
    }

    #[test]
    fn sizes_are_binary() {
        let shown = [0, 1_023, 1_024, 12 << 20, 3 << 29, u64::MAX].map(bytes);
        assert_eq!(shown, ["0 B", "1023 B", "1.00 KiB", "12.0 MiB", "1.50 GiB", "16,777,216 TiB"]);
    }

    #[test]
    fn a_share_is_never_rounded_to_all_or_nothing() {
        let shown = [0, 1, 100, 12_345, 123_456, 999_999, 1_000_000].map(percent);
        assert_eq!(shown, ["0 %", "<0.01 %", "0.01 %", "1.23 %", "12.3 %", "99.99 %", "100 %"]);
    }
}
