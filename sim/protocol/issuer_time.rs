//! What the issuer's clock shows, as far as its signed answers tell (hole 17, attack 22).

use std::time::Duration;

use crate::types::{Parameters, Profile, UnixSeconds, VirtualTime, WallTime};

/// Keeps the issuer's time, so that a node whose clock is wrong does not misjudge the tokens that the issuer dates.
///
/// Each signed answer says when it was `created`, and its nonce that this was between question and answer. From then on
/// the node counts with a clock that nobody sets. What comes of it lies between the node's own clock and the issuer's,
/// whatever the answer took: a slow answer corrects less, and never too much. Nothing is corrected that the leeway
/// makes up for, so that a node with a good clock goes by that alone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct IssuerTime {
    keeps: bool,
    leeway: Duration,
    told: Option<Told>,
}

/// What the latest answer tells.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Told {
    at: VirtualTime,
    /// The least that the issuer's clock can have shown then.
    least: WallTime,
    /// The most.
    most: WallTime,
}

impl IssuerTime {
    /// Nothing is known yet: the own clock decides.
    pub fn new(profile: Profile, parameters: &Parameters) -> Self {
        Self { keeps: profile.keeps_issuer_time(), leeway: parameters.leeway(), told: None }
    }

    /// Corrects what is further off than this from now on.
    pub fn go_by(&mut self, leeway: Duration) {
        self.leeway = leeway;
    }

    /// Learns from a verified answer of the issuer, by a clock that nobody sets.
    pub fn learn(&mut self, created: UnixSeconds, asked: VirtualTime, answered: VirtualTime) {
        const SECOND: Duration = Duration::from_secs(1);
        let least = created.wall();
        let most = least.after(SECOND).after(answered.since(asked));
        self.told = Some(Told { at: answered, least, most });
    }

    /// The time to judge tokens by, when the own clock shows `own` and the clock that nobody sets `now`.
    pub fn judge(&self, own: WallTime, now: VirtualTime) -> WallTime {
        let Some(Told { at, least, most }) = self.told.filter(|_| self.keeps) else { return own };
        let since = now.since(at);
        let (least, most) = (least.after(since), most.after(since));
        if own.after(self.leeway) < least {
            least
        } else if own > most.after(self.leeway) {
            most
        } else {
            own
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const START: UnixSeconds = UnixSeconds(1_767_600_000);

    fn hardened() -> IssuerTime {
        IssuerTime::new(Profile::Hardened, &Parameters::defaults(Profile::Hardened))
    }

    fn at(seconds: u64) -> VirtualTime {
        VirtualTime(seconds * 1_000_000_000)
    }

    #[test]
    fn hole_17_literal_goes_by_its_own_clock() {
        let mut literal = IssuerTime::new(Profile::Literal, &Parameters::defaults(Profile::Literal));
        literal.learn(START, at(1), at(1));
        assert_eq!(literal.judge(UnixSeconds(5).wall(), at(2)), UnixSeconds(5).wall());
    }

    #[test]
    fn hole_17_until_the_issuer_has_answered_the_own_clock_decides() {
        assert_eq!(hardened().judge(UnixSeconds(5).wall(), at(2)), UnixSeconds(5).wall());
    }

    #[test]
    fn hole_17_what_the_leeway_makes_up_for_is_not_corrected() {
        let mut time = hardened();
        time.learn(START, at(10), at(12));
        // The issuer's clock shows from 100 s to 103 s more than at the start of the second told.
        for (own_s, judged_s) in [(0, 100), (39, 100), (40, 40), (100, 100), (163, 163), (164, 103), (9_000, 103)] {
            let own = UnixSeconds(START.0 + own_s).wall();
            let judged = UnixSeconds(START.0 + judged_s).wall();
            assert_eq!(time.judge(own, at(112)), judged, "{own_s} s");
        }
    }

    proptest! {
        #[test]
        fn hole_17_the_time_judged_by_lies_between_the_own_clock_and_the_issuers(
            (asked, took, since) in (0_u64..1 << 50, 0_u64..1 << 36, 0_u64..1 << 50),
            issuer_at_start in (1_u64 << 60)..(1 << 61),
            signed_after in 0_u64..1 << 36,
            own in (1_u64 << 60)..(1 << 61),
        ) {
            let signed = asked + signed_after.min(took);
            let mut time = hardened();
            let created = WallTime(issuer_at_start + signed).seconds();
            time.learn(created, VirtualTime(asked), VirtualTime(asked + took));
            let now = asked + took + since;
            let (own, issuer) = (WallTime(own), WallTime(issuer_at_start + now));
            let judged = time.judge(own, VirtualTime(now));
            prop_assert!(own.min(issuer) <= judged && judged <= own.max(issuer));
            // It is wrong by no more than the leeway, a second and the time that the answer took.
            let wrong = judged.since(issuer).max(issuer.since(judged));
            prop_assert!(wrong <= Duration::from_secs(61) + Duration::from_nanos(took));
        }
    }
}
