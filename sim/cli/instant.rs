//! Instants of a run, as people write them.

use crate::types::{TimeSpan, VirtualTime};

/// Reads an instant: as traces and reports show it (`0:05:12.003`), or as a duration from the start (`5m 12s`).
pub(super) fn parse(text: &str) -> Result<VirtualTime, String> {
    if !text.contains(':') {
        let span: TimeSpan = text.parse().map_err(|error| format!("{error}, or a time such as 0:05:12.003"))?;
        return Ok(VirtualTime(span.nanos()));
    }
    let unknown = || format!("found `{text}`, expected a time such as 0:05:12.003, or a duration such as 5m");
    let (clock, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let is_fraction = (1..=3).contains(&fraction.len()) && fraction.bytes().all(|byte| byte.is_ascii_digit());
    let parts = clock.split(':').map(|part| part.parse::<u64>().ok()).collect::<Option<Vec<_>>>();
    let (Some(&[hours, minutes @ 0..60, seconds @ 0..60]), true) = (parts.as_deref(), is_fraction) else {
        return Err(unknown());
    };
    let millis: u64 = format!("{fraction:0<3}").parse().map_err(|_| unknown())?;
    let total = hours.checked_mul(3_600_000).and_then(|it| it.checked_add(minutes * 60_000 + seconds * 1_000 + millis));
    total.map(VirtualTime::from_millis).ok_or_else(unknown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_read_as_it_is_shown() {
        for millis in [0, 3, 999, 312_003, 3_600_000, 90_061_001] {
            let at = VirtualTime::from_millis(millis);
            assert_eq!(parse(&at.to_string()), Ok(at));
        }
        assert_eq!(parse("5m 12s"), Ok(VirtualTime::from_millis(312_000)));
        assert_eq!(parse("0:00:01.5"), Ok(VirtualTime::from_millis(1_500)));
        for bad in
            ["", "5", "1:2", "0:60:00", "0:00:00.", "0:00:00.0001", "a:b:c", "-1:00:00", "99999999999999999:00:00"]
        {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
