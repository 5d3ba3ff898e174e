//! When a site validates its token cache, and how far ahead it looks (rules 37 and 38, holes 8 and 9).

use std::time::Duration;

use crate::types::{Parameters, Profile};

const MINUTE_S: u64 = 60;
const FIRST: Duration = Duration::from_secs(5 * MINUTE_S);
/// The margin by which a hardened look-ahead is longer than the period (hole 8).
const MARGIN: Duration = Duration::from_secs(MINUTE_S);

/// When a site validates its token cache, and how far ahead it looks (rules 37, 38).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ValidationSchedule {
    /// From the site's start to its first validation.
    pub first_after: Duration,
    /// From one validation to the next.
    pub period: Duration,
    /// How much time a token may have left to be refreshed (rule 37).
    pub look_ahead: Duration,
    /// The most tokens of one validation, where what is left is not put off to the next period (hole 9).
    ceiling: Option<u32>,
}

impl ValidationSchedule {
    /// The schedule that follows from a policy's parameters.
    ///
    /// A period that is set holds from the start. One that is not set is 5 minutes at first, then 5, 10 or
    /// 30 minutes by the lifetime of tokens (rule 38). The hardened look-ahead covers the period and a
    /// margin, so that every token is seen in time at least once (hole 8). A period of zero is taken as
    /// one second.
    pub fn new(profile: Profile, parameters: &Parameters) -> Self {
        let set = parameters.validation_period_s.map(|period_s| Duration::from_secs(period_s.max(1)));
        let period = set.unwrap_or_else(|| period_by_lifetime(parameters.token_lifetime_s));
        let first_after = set.unwrap_or(FIRST);
        let look_ahead = Duration::from_secs(parameters.look_ahead_s);
        let look_ahead =
            if profile.stretches_look_ahead() { look_ahead.max(period.saturating_add(MARGIN)) } else { look_ahead };
        let ceiling = profile.validates_overflow_at_once().then_some(parameters.validation_tokens_max);
        Self { first_after, period, look_ahead, ceiling }
    }

    /// How many validations a period has, one right after the other, if so much is due in the first one.
    ///
    /// The ceiling holds for each of them (rule 39). What becomes due meanwhile waits for the next period: else a site
    /// whose agents ask faster than it can refresh would never stop.
    pub fn validations(&self, due: u32) -> u32 {
        self.ceiling.map_or(1, |ceiling| due.div_ceil(ceiling.max(1)).max(1))
    }
}

const fn period_by_lifetime(token_lifetime_s: u64) -> Duration {
    const SHORT_LIFETIME_S: u64 = 65 * MINUTE_S;
    const MEDIUM_LIFETIME_S: u64 = (8 * 60 + 10) * MINUTE_S;
    let minutes = match token_lifetime_s {
        0..SHORT_LIFETIME_S => 5,
        SHORT_LIFETIME_S..MEDIUM_LIFETIME_S => 10,
        MEDIUM_LIFETIME_S.. => 30,
    };
    Duration::from_secs(minutes * MINUTE_S)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: [Profile; 2] = [Profile::Literal, Profile::Hardened];

    fn schedule(profile: Profile, token_lifetime_s: u64, validation_period_s: Option<u64>) -> ValidationSchedule {
        let parameters = Parameters { token_lifetime_s, validation_period_s, ..Parameters::defaults(profile) };
        ValidationSchedule::new(profile, &parameters)
    }

    #[test]
    fn rule_38_the_period_follows_the_token_lifetime() {
        let table = [
            (60, 5),
            (3_600, 5),
            (65 * 60 - 1, 5),
            (65 * 60, 10),
            (8 * 3_600, 10),
            (490 * 60 - 1, 10),
            (490 * 60, 30),
            (86_400, 30),
            (u64::MAX, 30),
        ];
        for (lifetime_s, minutes) in table {
            for profile in BOTH {
                let schedule = schedule(profile, lifetime_s, None);
                assert_eq!(schedule.period.as_secs(), minutes * 60, "a lifetime of {lifetime_s} s");
                assert_eq!(schedule.first_after.as_secs(), 300, "a lifetime of {lifetime_s} s");
            }
        }
    }

    #[test]
    fn rule_38_a_period_that_is_set_wins() {
        for profile in BOTH {
            let schedule = schedule(profile, 3_600, Some(42));
            assert_eq!((schedule.first_after.as_secs(), schedule.period.as_secs()), (42, 42));
            assert_eq!(self::schedule(profile, 3_600, Some(0)).period.as_secs(), 1);
        }
    }

    #[test]
    fn hole_9_only_hardened_validates_again_for_what_was_left() {
        for (due, hardened) in [(0, 1), (1, 1), (4_096, 1), (4_097, 2), (8_192, 2), (8_193, 3), (u32::MAX, 1 << 20)] {
            assert_eq!(schedule(Profile::Literal, 3_600, None).validations(due), 1);
            assert_eq!(schedule(Profile::Hardened, 3_600, None).validations(due), hardened, "{due} due");
        }
    }

    #[test]
    fn hole_8_only_the_hardened_look_ahead_covers_the_period() {
        for (period_s, literal_s, hardened_s) in
            [(300, 900, 900), (840, 900, 900), (841, 900, 901), (1_800, 900, 1_860), (u64::MAX, 900, u64::MAX)]
        {
            assert_eq!(schedule(Profile::Literal, 3_600, Some(period_s)).look_ahead.as_secs(), literal_s);
            assert_eq!(schedule(Profile::Hardened, 3_600, Some(period_s)).look_ahead.as_secs(), hardened_s);
        }
    }
}
