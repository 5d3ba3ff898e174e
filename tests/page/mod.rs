//! Reads the figures of a page, and looks each up in the report that stands beside it.

use serde_json::Value;

/// Holds every figure of a page against `report.json`, and says how many there are.
pub fn compare(page: &str, report: &str) -> usize {
    let report: Value = serde_json::from_str(report).unwrap();
    let mut compared = 0;
    for piece in page.split("<data ").skip(1) {
        let (tag, rest) = piece.split_once('>').unwrap();
        let text = rest.split_once("</data>").unwrap().0;
        let path = attribute(tag, "data-figure");
        let value: u64 = attribute(tag, "value").parse().unwrap();
        let expected = look_up(&report, path).unwrap_or_else(|| panic!("`{path}` is not in report.json"));
        assert_eq!(value, expected, "{path}");
        assert!(is_of(text, value), "`{text}` is shown for {path}, which is {value}");
        compared += 1;
    }
    compared
}

fn attribute<'a>(tag: &'a str, name: &str) -> &'a str {
    let (_, rest) = tag.split_once(&format!("{name}=\"")).unwrap_or_else(|| panic!("no {name} in <data {tag}>"));
    rest.split_once('"').unwrap().0
}

fn look_up(report: &Value, path: &str) -> Option<u64> {
    let (path, of) = path.split_once('#').map_or((path, ""), |(path, of)| (path, of));
    let mut found = report;
    for name in path.split('.') {
        found = match found {
            Value::Array(items) => items.get(name.parse::<usize>().ok()?)?,
            _ => found.get(name)?,
        };
    }
    match of {
        "" => found.as_u64(),
        "sum" => found.as_array()?.iter().map(Value::as_u64).sum(),
        "max" => found.as_array()?.iter().filter_map(Value::as_u64).max(),
        _ => None,
    }
}

/// Whether the digits that people see are the first of the number, at three places or more.
fn is_of(text: &str, value: u64) -> bool {
    let number: String = text.chars().take_while(|letter| letter.is_ascii_digit() || ".,".contains(*letter)).collect();
    let shown: f64 = number.replace(',', "").parse().unwrap_or(f64::NAN);
    let unit = text[number.len()..].trim();
    let seconds = |factor: f64| factor * 1e9;
    let scale = match unit.split(' ').next().unwrap_or_default() {
        "" | "ns" | "B" => 1.0,
        "k" | "µs" => 1e3,
        "M" | "ms" => 1e6,
        "G" | "s" => 1e9,
        "min" => seconds(60.0),
        "h" => seconds(3_600.0),
        "KiB" => 1024.0,
        "MiB" => 1024.0 * 1024.0,
        "GiB" => 1024.0 * 1024.0 * 1024.0,
        _ => return false,
    };
    // The second unit of a long duration is cut off here: it is less than one of the first.
    let tolerance = if unit.contains(' ') { scale } else { (scale * shown * 0.006).max(0.5 * f64::from(scale > 1.0)) };
    (shown * scale - value as f64).abs() <= tolerance
}
