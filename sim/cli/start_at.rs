//! When several generators begin together.

use super::{Failure, exit::warn};
use crate::{
    report::human,
    socket::RealClock,
    types::{UnixSeconds, WallTime},
};

/// Whoever waits longer has mistaken the unit.
const AHEAD_MAX_S: u64 = 3_600;

/// Reads seconds since 1970.
pub(super) fn parse(text: &str) -> Result<UnixSeconds, String> {
    let seconds = text.parse().map_err(|_| "expected whole seconds since 1970, such as $(($(date +%s) + 10))")?;
    Ok(UnixSeconds(seconds))
}

/// The instant, if it is soon.
pub(super) fn settle(start_at: UnixSeconds) -> Result<WallTime, Failure> {
    let now = RealClock::start().wall();
    let at = check(start_at, now).map_err(Failure::Usage)?;
    warn(&format!("the load begins in {}", human::duration(nanos(now, at))));
    Ok(at)
}

fn nanos(from: WallTime, to: WallTime) -> u64 {
    u64::try_from(to.since(from).as_nanos()).unwrap_or(u64::MAX)
}

fn check(start_at: UnixSeconds, now: WallTime) -> Result<WallTime, String> {
    let (at, seconds) = (start_at.wall(), start_at.0);
    let wrong = |away: String| {
        format!(
            "`--start-at {seconds}` is {away} by this machine's clock, expected a time within the next hour, in seconds \
             since 1970, such as $(($(date +%s) + 10))"
        )
    };
    if at <= now {
        return Err(wrong(format!("{} ago", human::duration(nanos(at, now)))));
    }
    if nanos(now, at) > AHEAD_MAX_S * 1_000_000_000 {
        return Err(wrong(format!("{} ahead", human::duration(nanos(now, at)))));
    }
    Ok(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_is_soon() {
        let now = WallTime(1_800_000_000_500_000_000);
        let at = |text: &str| parse(text).and_then(|seconds| check(seconds, now));
        assert_eq!(at("1800000001"), Ok(WallTime(1_800_000_001_000_000_000)));
        assert!(at("1800003600").is_ok());
        for (text, told) in [
            ("1800000000", "500 ms ago"),
            ("0", "ago by this machine's clock"),
            ("1800003601", "1 h 1 s ahead"),
            ("1800000010000", "ahead by"),
            ("18446744073709551615", "ahead by"),
            ("soon", "whole seconds since 1970"),
            ("-1", "whole seconds since 1970"),
        ] {
            let error = at(text).unwrap_err();
            assert!(error.contains(told), "{text}: {error}");
        }
    }
}
