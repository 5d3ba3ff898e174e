//! Rule 8: the order of the checks at both server kinds, and rules 44 to 46 and 48 as far as they hang on it.

use std::{collections::BTreeSet, time::Duration};

use countersign::{
    protocol::{Binding, ChallengeError, IssuedToken, Nonce, RefusalAnswer, RequestFacts, base64url, content_digest},
    types::{Epoch, Jti, Profile, Refusal, Uid, UnixSeconds, WallTime},
};

use crate::stage::{
    AGENT, EPOCH, JTI, Keys, LIFETIME_S, NOW, PROFILES, Stage, UID, empty_digest, facts, key, origin, seconds,
};

/// In the order of rule 8, and each apart from all others. Where one check has several refusals, they exclude each
/// other.
const CHECKS: [&[Refusal]; 12] = [
    &[Refusal::Syntax],
    &[Refusal::UnknownServerKey],
    &[Refusal::BadServerSignature],
    &[Refusal::AgentKeyNotCached, Refusal::UnknownAgent, Refusal::AgentRevoked],
    &[Refusal::BadAgentSignature],
    &[Refusal::Expired],
    &[Refusal::StaleEpoch],
    &[Refusal::UidMismatch],
    &[Refusal::WrongAudience],
    &[Refusal::WrongBinding],
    &[Refusal::CounterUsed, Refusal::CounterBelowWindow, Refusal::CounterBeyondJumpCap],
    &[Refusal::BelowPurgeHighWater],
];

/// What only the hardened profile checks.
const HARDENED_ONLY: [Refusal; 4] =
    [Refusal::StaleEpoch, Refusal::WrongAudience, Refusal::WrongBinding, Refusal::BelowPurgeHighWater];

/// The refusals of each server kind for an agent's key (rule 44).
const AGENT_KEY: [(&str, &[Refusal]); 2] = [
    ("site", &[Refusal::AgentKeyNotCached, Refusal::AgentRevoked]),
    ("SMP", &[Refusal::UnknownAgent, Refusal::AgentRevoked]),
];

/// Every set of faults that one token can have at a server of this kind.
fn every_set_of_faults(profile: Profile, agent_key: &[Refusal]) -> Vec<BTreeSet<Refusal>> {
    let mut sets = vec![BTreeSet::new()];
    for check in CHECKS {
        let possible = check.iter().filter(|refusal| {
            (check.len() != 3 || check[0] != Refusal::AgentKeyNotCached || agent_key.contains(refusal))
                && (profile == Profile::Hardened || !HARDENED_ONLY.contains(refusal))
        });
        let with: Vec<_> = possible
            .flat_map(|fault| {
                sets.iter().map(|set| set.iter().copied().chain([*fault]).collect::<BTreeSet<_>>()).collect::<Vec<_>>()
            })
            .collect();
        sets.extend(with);
    }
    sets
}

/// A server and a token with exactly these faults, and when it is presented.
fn staged(profile: Profile, faults: &BTreeSet<Refusal>) -> (Stage, String, WallTime) {
    let has = |fault| faults.contains(&fault);
    let mut stage = Stage::new(profile);
    let issuing_key = if has(Refusal::UnknownServerKey) { key(9) } else { stage.issuer.key().clone() };
    let audience = if has(Refusal::WrongAudience) { origin("https://site-1") } else { stage.rules.origin.clone() };
    let issued = {
        let honest = stage.issue();
        let claims = countersign::protocol::Claims { aud: audience, ..honest.claims };
        IssuedToken::sign(UID, claims, &issuing_key, &stage.engine).expect("the key signs")
    };
    let issued = if has(Refusal::BadServerSignature) { with_altered_signature(&issued) } else { issued };
    if has(Refusal::AgentKeyNotCached) {
        stage.keys = Keys::NotCached;
    } else if has(Refusal::UnknownAgent) {
        stage.keys = Keys::Unknown;
    } else if has(Refusal::AgentRevoked) {
        stage.keys = Keys::Revoked;
    }
    let binding = stage.binding().map(|binding| Binding {
        epoch: if has(Refusal::StaleEpoch) { Epoch::from_bits(1) } else { EPOCH },
        htm: if has(Refusal::WrongBinding) { "POST".into() } else { binding.htm.clone() },
        ..binding
    });
    // Uses of the same token, by an entry that outlives any purge below.
    let outlives = UnixSeconds(NOW.0 + 10 * LIFETIME_S);
    let mut counter = 200;
    let mut record = |counter| stage.registry.check_and_record(AGENT, JTI, counter, outlives).expect("it is new");
    if has(Refusal::CounterUsed) {
        record(counter);
    } else if has(Refusal::CounterBelowWindow) {
        record(counter + 64);
    } else if has(Refusal::CounterBeyondJumpCap) {
        counter = (1 << 20) + 1;
    }
    if has(Refusal::BelowPurgeHighWater) {
        // Another token of the same expiry, which the purge forgets.
        let expires = UnixSeconds(NOW.0 + LIFETIME_S);
        stage.registry.check_and_record(AGENT, Jti::from_bits(77), 1, expires).expect("it is new");
        stage.registry.purge(seconds(2 * LIFETIME_S));
    }
    let uid = if has(Refusal::UidMismatch) { Uid::from_bits(5) } else { UID };
    let countersigning_key = if has(Refusal::BadAgentSignature) { key(2) } else { stage.agent_key.clone() };
    let token = stage.countersign_with(&issued, Nonce { uid, counter }, binding, &countersigning_key);
    let text = if has(Refusal::Syntax) { format!("{}=", token.text()) } else { token.text().to_owned() };
    let now = if has(Refusal::Expired) { seconds(LIFETIME_S + 60) } else { seconds(LIFETIME_S - 1) };
    (stage, text, now)
}

fn with_altered_signature(issued: &IssuedToken) -> IssuedToken {
    let (signed, signature) = issued.text().rsplit_once('.').expect("three parts");
    let mut bytes = base64url::decode(signature).expect("base64url");
    bytes[0] ^= 1;
    IssuedToken::parse(&format!("{signed}.{}", base64url::encode(&bytes))).expect("its form is sound")
}

/// How many signatures must have been verified before each refusal: an attacker pays for the ones before.
fn verifies_before(refusal: Option<Refusal>) -> u32 {
    match refusal {
        Some(Refusal::Syntax | Refusal::UnknownServerKey) => 0,
        Some(
            Refusal::BadServerSignature | Refusal::AgentKeyNotCached | Refusal::UnknownAgent | Refusal::AgentRevoked,
        ) => 1,
        _ => 2,
    }
}

/// The server signature is among them at the SMP too (hole 1), and no forgery touches the registry (hole 2).
#[test]
fn rule_08_and_44_a_token_with_any_faults_gets_the_refusal_of_the_first_at_both_server_kinds() {
    for profile in PROFILES {
        for (server, agent_key) in AGENT_KEY {
            let sets = every_set_of_faults(profile, agent_key);
            // Each check doubles the sets, that of the agent's key triples them, that of the counter has four ways.
            assert_eq!(sets.len(), if profile == Profile::Hardened { 12_288 } else { 768 });
            for faults in sets {
                let (mut stage, text, now) = staged(profile, &faults);
                let first = CHECKS.iter().flat_map(|check| check.iter()).find(|fault| faults.contains(fault)).copied();
                let before = format!("{:?}", stage.registry);
                let had_entry = !stage.registry.is_empty();
                stage.engine.take_work();
                let result = stage.validate_at(&text, now);
                let verifies = stage.engine.take_work().verifies;
                let context = || format!("{profile:?} {server} {faults:?}");
                assert_eq!(result.as_ref().err().map(|rejection| rejection.why), first, "{}", context());
                assert_eq!(verifies, verifies_before(first), "{}", context());
                match (first, &result) {
                    (None, _) => assert_eq!(stage.registry.len(), 1, "{}", context()),
                    // Both signatures are verified by then, so the entry may go (rule 48).
                    (Some(Refusal::Expired), Err(rejection)) => {
                        assert_eq!(rejection.left_registry, had_entry, "{}", context());
                        assert!(stage.registry.is_empty(), "{}", context());
                    }
                    _ => assert_eq!(format!("{:?}", stage.registry), before, "{}", context()),
                }
            }
        }
    }
}

#[test]
fn rule_08_the_refusals_are_declared_in_the_order_of_the_checks() {
    let declared: Vec<_> = CHECKS.iter().flat_map(|check| check.iter().copied()).collect();
    let mut sorted = declared.clone();
    sorted.sort_unstable();
    assert_eq!(declared, sorted);
}

#[test]
fn rule_45_and_46_each_refusal_has_the_answer_of_the_specification() {
    use ChallengeError::{ExpiredToken, InvalidToken, ReplayedToken};
    use RefusalAnswer::{Challenge, Forbid};
    let answer = |refusal: Refusal| match refusal {
        Refusal::Syntax
        | Refusal::UnknownServerKey
        | Refusal::BadServerSignature
        | Refusal::UidMismatch
        | Refusal::WrongAudience
        | Refusal::WrongBinding => (Challenge(InvalidToken), "invalid_token"),
        Refusal::AgentKeyNotCached => (Challenge(InvalidToken), "invalid_token"),
        Refusal::BadAgentSignature | Refusal::AgentRevoked | Refusal::UnknownAgent => (Forbid, ""),
        Refusal::Expired | Refusal::StaleEpoch | Refusal::BelowPurgeHighWater => {
            (Challenge(ExpiredToken), "expired_token")
        }
        Refusal::CounterUsed | Refusal::CounterBelowWindow | Refusal::CounterBeyondJumpCap => {
            (Challenge(ReplayedToken), "replayed_token")
        }
    };
    for refusal in CHECKS.iter().flat_map(|check| check.iter().copied()) {
        let (expected, word) = answer(refusal);
        let found = RefusalAnswer::from(refusal);
        assert_eq!(found, expected, "{refusal:?}");
        if let Challenge(error) = found {
            assert_eq!(error.word(), word, "{refusal:?}");
        }
    }
    assert_eq!(countersign::protocol::AGENT_REVOKED, "0x80077003");
}

/// The leeway is that of the profile (hole 16).
#[test]
fn rule_08_a_token_ends_with_its_expiry_and_leeway_to_the_nanosecond() {
    for (profile, leeway_s) in [(Profile::Literal, 0), (Profile::Hardened, 60)] {
        let end = seconds(LIFETIME_S + leeway_s);
        for (now, refusal) in [
            (WallTime(0), None),
            (WallTime(end.0 - 1), None),
            (end, Some(Refusal::Expired)),
            (WallTime(end.0 + 1), Some(Refusal::Expired)),
            (WallTime(u64::MAX), Some(Refusal::Expired)),
        ] {
            let mut stage = Stage::new(profile);
            let token = stage.countersign(&stage.issue(), 1);
            let found = stage.validate_at(token.text(), now).err().map(|rejection| rejection.why);
            assert_eq!(found, refusal, "{profile:?} at {now:?}");
        }
    }
}

#[test]
fn rule_48_an_expired_token_leaves_the_registry_as_soon_as_it_is_seen_and_only_then() {
    for profile in PROFILES {
        let mut stage = Stage::new(profile);
        let issued = stage.issue();
        let use_once = |stage: &mut Stage, counter, now| {
            let token = stage.countersign(&issued, counter);
            stage.validate_at(token.text(), now).err().map(|rejection| (rejection.why, rejection.left_registry))
        };
        assert_eq!(use_once(&mut stage, 1, seconds(1)), None);
        // Nobody else can clear the entry: not by a forged signature, nor by a refused counter.
        let forged = stage.countersign_with(&issued, Nonce { uid: UID, counter: 2 }, stage.binding(), &key(2));
        let end = seconds(LIFETIME_S + 60);
        let rejection = stage.validate_at(forged.text(), end).expect_err("a stranger signed");
        assert_eq!((rejection.why, rejection.left_registry), (Refusal::BadAgentSignature, false));
        assert_eq!(use_once(&mut stage, 1, seconds(2)), Some((Refusal::CounterUsed, false)));
        assert_eq!(stage.registry.len(), 1);
        assert_eq!(use_once(&mut stage, 2, end), Some((Refusal::Expired, true)));
        assert_eq!(stage.registry.len(), 0);
        assert_eq!(use_once(&mut stage, 3, end), Some((Refusal::Expired, false)));
        // A clock that is set back reopens the token in the literal profile only (hole 19).
        let reopened = (profile == Profile::Hardened).then_some((Refusal::BelowPurgeHighWater, false));
        assert_eq!(use_once(&mut stage, 1, seconds(3)), reopened, "{profile:?}");
    }
}

/// What may change between signing and presenting a hardened token, and what comes of it.
#[test]
fn hole_12_a_hardened_token_is_good_for_the_request_and_server_that_it_was_signed_for_only() {
    let digest = empty_digest();
    let other_digest = content_digest(b"another body");
    let honest = facts(&digest);
    let wrong = Some(Refusal::WrongBinding);
    let requests = [
        (honest, None),
        (RequestFacts { method: "POST", ..honest }, wrong),
        (RequestFacts { method: "get", ..honest }, wrong),
        (RequestFacts { target: "/Altiris/Packages/index", ..honest }, wrong),
        (RequestFacts { target: "/Altiris/Packages/index?part=2", ..honest }, wrong),
        (RequestFacts { target: "/Altiris/packages/index?part=1", ..honest }, wrong),
        (RequestFacts { content_digest: &other_digest, ..honest }, wrong),
        (RequestFacts { channel_binding: None, ..honest }, wrong),
        (RequestFacts { channel_binding: Some("AAAA"), ..honest }, wrong),
    ];
    for (request, refusal) in requests {
        let mut stage = Stage::new(Profile::Hardened);
        let token = stage.countersign(&stage.issue(), 1);
        let found = stage.validate_request(token.text(), &request, seconds(1)).err().map(|rejection| rejection.why);
        assert_eq!(found, refusal, "{request:?}");
        // The literal profile binds to none of it (attacks 12 and 21).
        let mut stage = Stage::new(Profile::Literal);
        let token = stage.countersign(&stage.issue(), 1);
        assert!(stage.validate_request(token.text(), &request, seconds(1)).is_ok(), "{request:?}");
    }
    // A token signed for a plain connection is not good on a secure one.
    let mut stage = Stage::new(Profile::Hardened);
    let binding = stage.binding().map(|binding| Binding { cb: None, ..binding });
    let token = stage.countersign_with(&stage.issue(), Nonce { uid: UID, counter: 1 }, binding, &key(1));
    assert_eq!(stage.refusal(token.text()).0, wrong);
}

#[test]
fn hole_6_and_11_a_hardened_token_is_good_at_its_server_and_for_this_start_of_it_only() {
    let other = || origin("https://site-1");
    for refusal in [Refusal::WrongAudience, Refusal::StaleEpoch] {
        for (profile, expected) in [(Profile::Hardened, Some(refusal)), (Profile::Literal, None)] {
            let mut stage = Stage::new(profile);
            let token = stage.countersign(&stage.issue(), 1);
            match refusal {
                Refusal::WrongAudience => stage.rules.origin = other(),
                _ => stage.rules.epoch = Epoch::from_bits(9),
            }
            assert_eq!(stage.refusal(token.text()).0, expected, "{refusal:?}, {profile:?}");
        }
    }
    // Both the issuer's and the agent's audience count.
    let mut stage = Stage::new(Profile::Hardened);
    let binding = stage.binding().map(|binding| Binding { aud: other(), ..binding });
    let token = stage.countersign_with(&stage.issue(), Nonce { uid: UID, counter: 1 }, binding, &key(1));
    assert_eq!(stage.refusal(token.text()).0, Some(Refusal::WrongAudience));
}

#[test]
fn a_token_of_the_other_profile_is_no_token() {
    for profile in PROFILES {
        let mut stage = Stage::new(profile);
        let other = Stage::new(if profile == Profile::Literal { Profile::Hardened } else { Profile::Literal });
        let token = other.countersign(&other.issue(), 1);
        assert_eq!(stage.refusal(token.text()), (Some(Refusal::Syntax), 0), "{profile:?}");
    }
}

#[test]
fn attack_14_a_substituted_uid_is_refused_though_it_is_signed() {
    for profile in PROFILES {
        let mut stage = Stage::new(profile);
        for uid in [Uid::from_bits(0), Uid::from_bits(UID.bits() ^ 1)] {
            let token = stage.countersign_with(&stage.issue(), Nonce { uid, counter: 1 }, stage.binding(), &key(1));
            assert_eq!(stage.refusal(token.text()), (Some(Refusal::UidMismatch), 2));
        }
    }
}

#[test]
fn attack_10_a_stolen_three_part_token_is_useless() {
    for profile in PROFILES {
        let mut stage = Stage::new(profile);
        let issued = stage.issue();
        assert_eq!(stage.refusal(issued.text()), (Some(Refusal::Syntax), 0));
        // The thief's own key, own agent or own uid do not help.
        let thief = stage.countersign_with(&issued, Nonce { uid: UID, counter: 1 }, stage.binding(), &key(3));
        assert_eq!(stage.refusal(thief.text()).0, Some(Refusal::BadAgentSignature));
    }
}

#[test]
fn attack_13_counters_in_the_window_pass_once_and_others_never() {
    for profile in PROFILES {
        let mut stage = Stage::new(profile);
        let issued = stage.issue();
        let jump = 1 << 20;
        for (counter, expected) in [
            (0, Some(Refusal::CounterBelowWindow)),
            (100, None),
            (100, Some(Refusal::CounterUsed)),
            (37, None),
            (37, Some(Refusal::CounterUsed)),
            (36, Some(Refusal::CounterBelowWindow)),
            (100 + jump + 1, Some(Refusal::CounterBeyondJumpCap)),
            (u64::MAX, Some(Refusal::CounterBeyondJumpCap)),
            (100 + jump, None),
            (100, Some(Refusal::CounterBelowWindow)),
        ] {
            let token = stage.countersign(&issued, counter);
            assert_eq!(stage.refusal(token.text()).0, expected, "{counter}");
        }
    }
}

#[test]
fn rule_18_tokens_are_told_apart_by_agent_and_jti_only() {
    let mut stage = Stage::new(Profile::Literal);
    let token = stage.countersign(&stage.issue(), 1);
    assert_eq!(stage.refusal(token.text()).0, None);
    assert_eq!(stage.refusal(token.text()).0, Some(Refusal::CounterUsed));
    // A new jti for the same agent and uid starts a window of its own, as a refusal's challenge gives it (rule 46).
    let again = stage.issue_for(UID, 77);
    let token = stage.countersign(&again, 1);
    assert_eq!(stage.refusal(token.text()).0, None);
    assert_eq!(stage.registry.len(), 2);
}

#[test]
fn rule_21_the_issuer_stamps_time_lifetime_audience_and_key() {
    let stage = Stage::new(Profile::Literal);
    let issued = stage.issue();
    assert_eq!(issued.claims.iat, NOW);
    assert_eq!(issued.claims.exp, NOW.after(Duration::from_secs(LIFETIME_S)));
    assert_eq!(issued.claims.aud, stage.rules.origin);
    assert_eq!(issued.claims.cnf.jkt, key(1).public().thumbprint());
    assert_eq!((issued.claims.sub, issued.uid, issued.claims.jti), (AGENT, UID, JTI));
    assert!(issued.is_signed_by(key(0).public(), &stage.engine));
}
