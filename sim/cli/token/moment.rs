//! Moments as people write and read them.

use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{
    report::human,
    types::{UnixSeconds, WallTime},
};

const DAY_NS: u64 = 86_400_000_000_000;

/// Reads seconds since 1970, or a date as in `2026-01-05T08:30:00Z`.
pub fn parse(text: &str) -> Result<UnixSeconds, String> {
    if let Ok(seconds) = text.parse() {
        return Ok(UnixSeconds(seconds));
    }
    // So that a moment can be given back as it was shown.
    let date = text.trim().replacen(" UTC", "Z", 1).replacen(' ', "T", 1);
    let date = OffsetDateTime::parse(&date, &Rfc3339).ok();
    let seconds = date.and_then(|date| u64::try_from(date.unix_timestamp()).ok());
    seconds
        .map(UnixSeconds)
        .ok_or_else(|| "expected seconds since 1970, or a moment such as 2026-01-05T08:30:00Z".to_owned())
}

/// The date and time, in UTC.
pub fn date(moment: UnixSeconds) -> String {
    let date = i64::try_from(moment.0).ok().and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok());
    match date.and_then(|date| date.format(&Rfc3339).ok()) {
        Some(date) => date.replacen('T', " ", 1).replacen('Z', " UTC", 1),
        None => "after the year 9999".to_owned(),
    }
}

/// How far a moment is away.
pub fn away(moment: UnixSeconds, now: WallTime) -> String {
    let nanos = |from: WallTime, to: WallTime| u64::try_from(to.since(from).as_nanos()).unwrap_or(u64::MAX);
    let (ahead, ago) = (nanos(now, moment.wall()), nanos(moment.wall(), now));
    match (ahead, ago) {
        (0, 0) => "now".to_owned(),
        (0, ago) => format!("{} ago", span(ago)),
        (ahead, _) => format!("in {}", span(ahead)),
    }
}

/// From two days on, in days.
fn span(nanos: u64) -> String {
    match nanos / DAY_NS {
        0 | 1 => human::duration(nanos),
        days => human::number_of(days, "day"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_read_as_it_is_shown() {
        let moment = UnixSeconds(1_767_600_000);
        assert_eq!(date(moment), "2026-01-05 08:00:00 UTC");
        for text in ["1767600000", "2026-01-05T08:00:00Z", "2026-01-05 08:00:00 UTC", "2026-01-05T09:00:00+01:00"] {
            assert_eq!(parse(text), Ok(moment), "{text}");
        }
        for text in ["", "soon", "-1", "1969-12-31T23:59:59Z", "2026-13-05T08:00:00Z"] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert_eq!(date(UnixSeconds(u64::MAX)), "after the year 9999");
    }

    #[test]
    fn a_moment_is_so_far_away() {
        let now = UnixSeconds(1_000).wall();
        for (moment, told) in
            [(1_000, "now"), (1_060, "in 1 min"), (940, "1 min ago"), (1_000 + 3 * 86_400, "in 3 days")]
        {
            assert!(away(UnixSeconds(moment), now).starts_with(told), "{}", away(UnixSeconds(moment), now));
        }
    }
}
