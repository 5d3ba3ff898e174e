//! Rules 9 and 15, hole 13: how long one accept speaks for its connection.

use std::time::Duration;

use countersign::{
    protocol::ConnectionAuthentication,
    types::{Profile, UnixSeconds, VirtualTime, WallTime},
};

use crate::stage::{AGENT, NOW};

const AGE_MAX: Duration = Duration::from_secs(3_600);
const ACCEPTED_AT: VirtualTime = VirtualTime(5_000_000_000);

fn authenticated(expires: UnixSeconds, leeway_s: u64) -> ConnectionAuthentication {
    let mut authentication = ConnectionAuthentication::default();
    authentication.accept(AGENT, ACCEPTED_AT, expires, Duration::from_secs(leeway_s));
    authentication
}

#[test]
fn rule_09_nobody_is_admitted_before_an_accept() {
    for profile in [Profile::Literal, Profile::Hardened] {
        for is_secure in [false, true] {
            let admitted =
                ConnectionAuthentication::default().admits(profile, is_secure, ACCEPTED_AT, NOW.wall(), AGE_MAX);
            assert_eq!(admitted, None);
        }
    }
}

#[test]
fn rule_09_literal_admits_for_ever() {
    let authentication = authenticated(NOW, 0);
    for is_secure in [false, true] {
        for (at, now) in
            [(ACCEPTED_AT, NOW.wall()), (VirtualTime(u64::MAX), WallTime(u64::MAX)), (ACCEPTED_AT, WallTime(0))]
        {
            assert_eq!(authentication.admits(Profile::Literal, is_secure, at, now, AGE_MAX), Some(AGENT));
        }
    }
}

#[test]
fn hole_13_hardened_admits_over_tls_until_the_token_has_expired() {
    let expires = UnixSeconds(NOW.0 + 100);
    for leeway_s in [0, 60] {
        let end = UnixSeconds(expires.0 + leeway_s).wall();
        for (now, admitted) in [(WallTime(end.0 - 1), Some(AGENT)), (end, None), (WallTime(u64::MAX), None)] {
            let authentication = authenticated(expires, leeway_s);
            assert_eq!(authentication.admits(Profile::Hardened, true, ACCEPTED_AT, now, AGE_MAX), admitted, "{now:?}");
            // Over plain HTTP every request carries its own token.
            assert_eq!(authentication.admits(Profile::Hardened, false, ACCEPTED_AT, now, AGE_MAX), None);
        }
    }
}

#[test]
fn hole_13_hardened_admits_over_tls_up_to_the_greatest_age() {
    let authentication = authenticated(UnixSeconds(NOW.0 + 1_000_000), 0);
    let end = ACCEPTED_AT.after(AGE_MAX);
    for (at, admitted) in
        [(ACCEPTED_AT, Some(AGENT)), (VirtualTime(end.0 - 1), Some(AGENT)), (end, None), (VirtualTime(u64::MAX), None)]
    {
        assert_eq!(authentication.admits(Profile::Hardened, true, at, NOW.wall(), AGE_MAX), admitted, "{at:?}");
    }
}

#[test]
fn hole_13_a_new_accept_starts_the_age_anew() {
    let expires = UnixSeconds(NOW.0 + 1_000_000);
    let mut authentication = authenticated(expires, 0);
    let end = ACCEPTED_AT.after(AGE_MAX);
    authentication.accept(AGENT, end, expires, Duration::ZERO);
    assert_eq!(authentication.admits(Profile::Hardened, true, end, NOW.wall(), AGE_MAX), Some(AGENT));
}
