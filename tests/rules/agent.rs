//! Rules 2, 5, 6 and 10 to 14, attack 15: the agent's side.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use countersign::{
    crypto::Engine,
    protocol::{
        Agent, Authorization, CountersignedToken, Declined, IssuedToken, ServerPath, Subject, Swept, TokenChallenge,
    },
    types::{Epoch, Jti, NodeId, Parameters, Profile, Refusal, Uid, WallTime},
};
use rand_chacha::ChaCha20Rng;

use crate::stage::{
    AGENT, EPOCH, LIFETIME_S, NOW, PROFILES, Stage, asked_uid, empty_digest, facts, key, origin, path, rng, seconds,
    sent_token,
};

const DAY_S: u64 = 24 * 3_600;

/// An agent before its server, with its own random numbers.
struct Pair {
    stage: Stage,
    agent: Agent,
    path: ServerPath,
    rng: ChaCha20Rng,
}

impl Pair {
    fn new(profile: Profile) -> Self {
        let stage = Stage::new(profile);
        let agent = stage.agent();
        Self { stage, agent, path: path(), rng: rng(1) }
    }

    fn authorize_at(&mut self, now: WallTime) -> Authorization {
        let digest = empty_digest();
        let Self { stage, agent, path, rng } = self;
        agent.authorize(path, &facts(&digest), now, &stage.engine, rng).expect("the key signs")
    }

    fn answer(&mut self, challenge: &TokenChallenge<'_>) -> Result<Authorization, Declined> {
        let digest = empty_digest();
        let Self { stage, agent, path, .. } = self;
        agent.answer(path, challenge, &facts(&digest), &stage.engine)
    }

    /// The uid of the path.
    fn uid(&mut self) -> Uid {
        asked_uid(&self.agent.ask_anew(&self.path, &mut self.rng))
    }

    /// Two steps up to the countersigned token.
    fn countersigned(&mut self, jti: u128) -> CountersignedToken {
        let uid = self.uid();
        let issued = self.stage.issue_for(uid, jti);
        let challenge = self.stage.challenge(&issued);
        let answer = self.answer(&challenge).expect("an honest offer");
        sent_token(&answer).0.clone()
    }

    /// Two steps, and the server's yes.
    fn warm(&mut self, jti: u128, now: WallTime) -> CountersignedToken {
        let token = self.countersigned(jti);
        let Self { agent, path, .. } = self;
        agent.succeeded(path, &token, Some(EPOCH), None, now);
        token
    }

    fn stored_jti(&self, now: WallTime) -> Option<Jti> {
        self.agent.stored(&self.path, now).map(|stored| stored.token.claims.jti)
    }
}

#[test]
fn rule_02_and_10_the_first_use_takes_two_steps_and_the_next_ones_take_one() {
    for profile in PROFILES {
        let mut pair = Pair::new(profile);
        let first = pair.authorize_at(seconds(1));
        let uid = asked_uid(&first);
        let issued = pair.stage.issue_for(uid, 1);
        let challenge = pair.stage.challenge(&issued);
        let answer = pair.answer(&challenge).expect("an honest offer");
        let (token, was_stored) = sent_token(&answer);
        assert!(!was_stored);
        assert_eq!(pair.stage.refusal(token.text()).0, None, "the server accepts it");
        assert!(pair.agent.succeeded(&pair.path, token, Some(EPOCH), None, seconds(1)), "it is new");
        for counter in 2..5 {
            let stored = pair.authorize_at(seconds(counter));
            let (token, was_stored) = sent_token(&stored);
            assert!(was_stored);
            assert_eq!(token.nonce.counter, counter);
            assert_eq!(pair.stage.refusal(token.text()).0, None);
            assert!(!pair.agent.succeeded(&pair.path, token, Some(EPOCH), None, seconds(counter)), "it is not new");
        }
    }
}

#[test]
fn rule_06_the_server_signature_is_checked_first_and_the_uid_after_it() {
    for profile in PROFILES {
        let stranger = key(9);
        let forged_by_stranger = |pair: &Pair, uid| {
            IssuedToken::sign(uid, pair.stage.issue().claims, &stranger, &pair.stage.engine).expect("the key signs")
        };
        let altered = |token: &IssuedToken| {
            let (signed, signature) = token.text().rsplit_once('.').expect("three parts");
            let first = if signature.starts_with('A') { 'B' } else { 'A' };
            IssuedToken::parse(&format!("{signed}.{first}{}", &signature[1..])).expect("its form is sound")
        };
        let foreign = Uid::from_bits(99);
        type Offer<'a> = Box<dyn Fn(&Pair, Uid) -> IssuedToken + 'a>;
        let offers: [(Offer<'_>, Declined, u32); 6] = [
            (Box::new(|pair, uid| forged_by_stranger(pair, uid)), Declined::UnknownServerKey, 0),
            (Box::new(|pair, _| forged_by_stranger(pair, foreign)), Declined::UnknownServerKey, 0),
            (Box::new(|pair, uid| altered(&pair.stage.issue_for(uid, 1))), Declined::BadServerSignature, 1),
            // Doubly bad: the signature speaks first.
            (Box::new(|pair, _| altered(&pair.stage.issue_for(foreign, 1))), Declined::BadServerSignature, 1),
            (Box::new(|pair, _| pair.stage.issue_for(foreign, 1)), Declined::ForeignUid, 1),
            (
                Box::new(|pair, uid| {
                    let subject = Subject { agent: NodeId::from_bits(4), uid, ..pair.stage.subject() };
                    pair.stage.issuer.issue(subject, Jti::from_bits(1), NOW, &pair.stage.engine).expect("signs")
                }),
                Declined::ForeignUid,
                1,
            ),
        ];
        for (offer, declined, verifies) in offers {
            let mut pair = Pair::new(profile);
            let uid = pair.uid();
            let token = offer(&pair, uid);
            let challenge = pair.stage.challenge(&token);
            pair.stage.engine.take_work();
            assert_eq!(pair.answer(&challenge).map(|_| ()), Err(declined.clone()));
            let work = pair.stage.engine.take_work();
            assert_eq!((work.verifies, work.signs), (verifies, 0), "{declined:?}: no five-part token leaves the agent");
            assert_eq!(pair.stored_jti(seconds(1)), None);
            // Nor has it cost the honest token its counter.
            assert_eq!(pair.countersigned(1).nonce.counter, 1);
        }
    }
}

#[test]
fn rule_06_an_offer_that_is_no_token_or_too_large_is_declined_unread() {
    for profile in PROFILES {
        let mut pair = Pair::new(profile);
        let uid = pair.uid();
        let good = pair.stage.issue_for(uid, 1);
        let large = format!("{}.{}.{}", "A".repeat(4_000), "A".repeat(4_000), "A".repeat(1_000));
        for (text, parses) in [("", 1), ("a.b.c", 1), (&*format!("{}.x", good.text()), 1), (&*large, 0)] {
            let challenge = TokenChallenge { token: Some(text), ..pair.stage.challenge(&good) };
            pair.stage.engine.take_work();
            assert_eq!(pair.answer(&challenge).map(|_| ()), Err(Declined::Syntax));
            let work = pair.stage.engine.take_work();
            assert_eq!((work.parses, work.verifies, work.signs), (parses, 0, 0));
        }
        assert_eq!(pair.answer(&TokenChallenge::default()).map(|_| ()), Err(Declined::Syntax));
    }
}

#[test]
fn attack_15_a_token_for_the_uid_of_another_path_is_declined() {
    for profile in PROFILES {
        let mut pair = Pair::new(profile);
        let uid = pair.uid();
        let token = pair.stage.issue_for(uid, 1);
        pair.path.origin = origin("https://smp:8443");
        assert_ne!(pair.uid(), uid);
        let challenge = pair.stage.challenge(&token);
        assert_eq!(pair.answer(&challenge).map(|_| ()), Err(Declined::ForeignUid));
    }
}

#[test]
fn hole_6_and_11_a_hardened_agent_declines_a_foreign_audience_and_a_missing_epoch() {
    for (profile, audience, epoch) in
        [(Profile::Hardened, Err(Declined::WrongAudience), Err(Declined::NoEpoch)), (Profile::Literal, Ok(()), Ok(()))]
    {
        let mut pair = Pair::new(profile);
        pair.agent.server_is(pair.path.server, profile);
        let subject = Subject { uid: pair.uid(), audience: origin("https://site-1"), ..pair.stage.subject() };
        let token = pair.stage.issuer.issue(subject, Jti::from_bits(1), NOW, &pair.stage.engine).expect("signs");
        let challenge = pair.stage.challenge(&token);
        assert_eq!(pair.answer(&challenge).map(|_| ()), audience);
        let uid = pair.uid();
        let token = pair.stage.issue_for(uid, 1);
        let challenge = TokenChallenge { epoch: None, ..pair.stage.challenge(&token) };
        assert_eq!(pair.answer(&challenge).map(|_| ()), epoch);
    }
}

#[test]
fn hole_6_and_12_a_hardened_agent_binds_for_a_server_that_policy_or_a_challenge_calls_hardened_and_for_no_other() {
    let mut pair = Pair::new(Profile::Hardened);
    let uid = pair.uid();
    let token = pair.stage.issue_for(uid, 1);
    let is_bound = |pair: &mut Pair, epoch| {
        let challenge = TokenChallenge { epoch, ..pair.stage.challenge(&token) };
        match pair.answer(&challenge) {
            Ok(Authorization::Token { token, .. }) => Ok(token.binding.is_some()),
            Ok(Authorization::First { .. }) => panic!("no token"),
            Err(why) => Err(why),
        }
    };
    let epoch = pair.stage.challenge(&token).epoch;
    assert!(epoch.is_some());
    assert_eq!(is_bound(&mut pair, None), Ok(false), "nobody says that it is hardened");
    assert_eq!(is_bound(&mut pair, epoch), Ok(true), "its challenge says so");
    assert_eq!(is_bound(&mut pair, None), Err(Declined::NoEpoch), "and is not forgotten");
    pair.agent.server_is(pair.path.server, Profile::Literal);
    assert_eq!(is_bound(&mut pair, None), Ok(false), "policy takes it back");
    pair.agent.server_is(pair.path.server, Profile::Hardened);
    assert_eq!(is_bound(&mut pair, None), Err(Declined::NoEpoch), "policy says so");
}

#[test]
fn rule_06_and_43_a_token_of_a_key_that_is_still_to_be_delivered_is_declined_until_then() {
    let mut pair = Pair::new(Profile::Literal);
    let trusted = std::mem::take(&mut pair.agent.server_keys);
    let uid = pair.uid();
    let token = pair.stage.issue_for(uid, 1);
    let challenge = pair.stage.challenge(&token);
    assert_eq!(pair.answer(&challenge).map(|_| ()), Err(Declined::UnknownServerKey));
    pair.agent.server_keys = trusted;
    assert!(pair.answer(&challenge).is_ok());
}

/// Whatever else two requests of an agent do, taking a counter is one step (hole 4).
#[test]
fn rule_07_parallel_connections_never_share_a_counter() {
    const THREADS: u64 = 8;
    const USES: u64 = 250;
    let pair = {
        let mut pair = Pair::new(Profile::Literal);
        pair.warm(1, seconds(1));
        Arc::new(Mutex::new(pair))
    };
    let threads: Vec<_> = (0..THREADS)
        .map(|_| {
            let pair = Arc::clone(&pair);
            std::thread::spawn(move || {
                let next = |_| sent_token(&pair.lock().expect("no panic").authorize_at(seconds(2))).0.nonce.counter;
                (0..USES).map(next).collect::<Vec<_>>()
            })
        })
        .collect();
    let mut counters: Vec<_> = threads.into_iter().flat_map(|thread| thread.join().expect("no panic")).collect();
    counters.sort_unstable();
    // The first one went with the two-step exchange.
    assert_eq!(counters, (2..=THREADS * USES + 1).collect::<Vec<_>>());
}

#[test]
fn rule_05_a_token_is_kept_per_server() {
    let mut pair = Pair::new(Profile::Literal);
    pair.warm(1, seconds(1));
    let smp = pair.path.clone();
    let site = ServerPath { server: NodeId::from_bits(2), origin: origin("http://site-1") };
    pair.path = site.clone();
    assert_eq!(pair.stored_jti(seconds(2)), None);
    pair.warm(2, seconds(2));
    assert_eq!(pair.stored_jti(seconds(3)), Some(Jti::from_bits(2)));
    pair.path = smp;
    assert_eq!(pair.stored_jti(seconds(3)), Some(Jti::from_bits(1)));
    // The server's start goes with it (hole 6).
    assert_eq!(pair.agent.stored(&pair.path, seconds(3)).and_then(|stored| stored.epoch), Some(EPOCH));
}

#[test]
fn rule_10_a_token_is_sent_up_front_until_the_very_moment_of_its_expiry() {
    let mut pair = Pair::new(Profile::Hardened);
    pair.warm(1, seconds(1));
    let end = seconds(LIFETIME_S);
    assert!(matches!(pair.authorize_at(WallTime(end.0 - 1)), Authorization::Token { was_stored: true, .. }));
    for now in [end, WallTime(u64::MAX)] {
        assert!(matches!(pair.authorize_at(now), Authorization::First { .. }), "{now:?}");
    }
}

#[test]
fn rule_11_a_start_begins_with_no_token_and_draws_new_uids() {
    let mut pair = Pair::new(Profile::Literal);
    pair.warm(1, seconds(1));
    let before = pair.uid();
    pair.agent = pair.stage.agent();
    assert_eq!(pair.stored_jti(seconds(2)), None);
    let after = asked_uid(&pair.authorize_at(seconds(2)));
    assert_ne!(after, before);
    // One per path, and the same as long as the path is the same.
    assert_eq!(pair.uid(), after);
    let mut uids = BTreeSet::from([before, after]);
    for (server, host) in [(3, "http://site-1"), (4, "http://site-1"), (3, "https://site-1"), (3, "http://site-1:81")] {
        pair.path = ServerPath { server: NodeId::from_bits(server), origin: origin(host) };
        assert!(uids.insert(pair.uid()), "{server} {host}");
    }
}

#[test]
fn rule_12_the_token_of_an_old_path_is_never_sent_again() {
    for moved_to in ["https://smp:8443", "http://smp", "https://smp-2"] {
        let mut pair = Pair::new(Profile::Literal);
        pair.warm(1, seconds(1));
        let old_path = pair.path.clone();
        let other = ServerPath { server: NodeId::from_bits(2), origin: origin("http://site-1") };
        pair.path = other.clone();
        pair.warm(2, seconds(1));
        pair.path = ServerPath { origin: origin(moved_to), ..old_path.clone() };
        assert!(matches!(pair.authorize_at(seconds(2)), Authorization::First { .. }), "another way, no token");
        assert_eq!(pair.agent.path_is(&pair.path), [Jti::from_bits(1)]);
        assert_eq!(pair.agent.path_is(&pair.path), []);
        // Nor if the path should be the old one again: the uid was given up with the token.
        pair.path = old_path;
        assert!(matches!(pair.authorize_at(seconds(2)), Authorization::First { .. }));
        pair.path = other;
        assert_eq!(pair.stored_jti(seconds(2)), Some(Jti::from_bits(2)), "another server's token stays");
    }
}

#[test]
fn rule_13_a_sweep_removes_what_has_expired_or_was_idle_for_24_hours() {
    let warm_for_a_week = || {
        let mut pair = Pair::new(Profile::Literal);
        let lifetime = Duration::from_secs(7 * DAY_S);
        pair.stage.issuer = countersign::protocol::Issuer::new(crate::stage::SMP, key(0), lifetime);
        pair.warm(1, seconds(0));
        pair
    };
    let gone = |why: fn(Jti) -> Swept| vec![(path(), why(Jti::from_bits(1)))];
    let day = seconds(DAY_S);
    for (now, swept) in [
        (WallTime(day.0 - 1), vec![]),
        (day, gone(Swept::Idle)),
        (WallTime(seconds(7 * DAY_S).0 - 1), gone(Swept::Idle)),
        // Both: the expiry is the better reason.
        (seconds(7 * DAY_S), gone(Swept::Expired)),
    ] {
        let mut pair = warm_for_a_week();
        assert_eq!(pair.agent.sweep(now), swept, "{now:?}");
        assert_eq!(pair.agent.sweep(now), [], "once is enough");
    }
    // A use starts the day anew.
    let mut pair = warm_for_a_week();
    let used = pair.authorize_at(seconds(20 * 3_600));
    let (token, _) = sent_token(&used);
    pair.agent.succeeded(&pair.path, token, Some(EPOCH), None, seconds(20 * 3_600));
    assert_eq!(pair.agent.sweep(seconds(30 * 3_600)), []);
    // A token that lives for an hour goes with the first sweep after it, whether it was used or not.
    let mut pair = Pair::new(Profile::Literal);
    pair.warm(1, seconds(0));
    assert_eq!(pair.agent.sweep(WallTime(seconds(LIFETIME_S).0 - 1)), []);
    assert_eq!(pair.agent.sweep(seconds(LIFETIME_S)), gone(Swept::Expired));
}

#[test]
fn rule_13_a_sweep_leaves_uid_and_counter() {
    let mut pair = Pair::new(Profile::Literal);
    pair.warm(1, seconds(0));
    let uid = pair.uid();
    pair.agent.sweep(seconds(LIFETIME_S));
    assert_eq!(pair.countersigned(2).nonce, countersign::protocol::Nonce { uid, counter: 2 });
}

#[test]
fn rule_14_a_token_is_stored_only_after_it_succeeded() {
    for profile in PROFILES {
        let mut pair = Pair::new(profile);
        pair.countersigned(1);
        assert_eq!(pair.stored_jti(seconds(1)), None, "answered, but not yet served");
        pair.warm(2, seconds(1));
        pair.countersigned(3);
        assert_eq!(pair.stored_jti(seconds(2)), Some(Jti::from_bits(2)), "the second leg failed: nothing has changed");
    }
}

#[test]
fn rule_14_a_403_drops_the_stored_token_and_no_other() {
    let mut pair = Pair::new(Profile::Literal);
    pair.warm(1, seconds(1));
    assert!(!pair.agent.forbidden(&pair.path, Jti::from_bits(2)), "403 on another token");
    assert_eq!(pair.stored_jti(seconds(2)), Some(Jti::from_bits(1)));
    assert!(pair.agent.forbidden(&pair.path, Jti::from_bits(1)));
    assert_eq!(pair.stored_jti(seconds(2)), None);
    assert!(!pair.agent.forbidden(&pair.path, Jti::from_bits(1)));
    assert!(matches!(pair.authorize_at(seconds(2)), Authorization::First { .. }));
}

#[test]
fn rule_14_a_slow_exchange_does_not_put_an_older_token_back() {
    let mut pair = Pair::new(Profile::Literal);
    let slow = pair.countersigned(1);
    let newer = {
        let subject = Subject { uid: pair.uid(), ..pair.stage.subject() };
        let later = countersign::types::UnixSeconds(NOW.0 + 10);
        let issued = pair.stage.issuer.issue(subject, Jti::from_bits(2), later, &pair.stage.engine).expect("signs");
        let challenge = pair.stage.challenge(&issued);
        sent_token(&pair.answer(&challenge).expect("an honest offer")).0.clone()
    };
    assert!(pair.agent.succeeded(&pair.path, &newer, None, None, seconds(11)));
    assert!(!pair.agent.succeeded(&pair.path, &slow, None, None, seconds(12)));
    assert_eq!(pair.stored_jti(seconds(13)), Some(Jti::from_bits(2)));
}

#[test]
fn hole_5_a_uid_is_given_up_before_its_counters_reach_the_cap_on_jumps() {
    for profile in PROFILES {
        let mut pair = Pair::new(profile);
        let parameters = Parameters { counter_jump_max: 3, ..Parameters::defaults(profile) };
        let trusted = pair.stage.server_keys.clone();
        pair.agent = Agent::new(AGENT, key(1), profile, &parameters, trusted);
        let first = pair.warm(1, seconds(1));
        let uid = first.nonce.uid;
        for counter in 2..=3 {
            let stored = pair.authorize_at(seconds(2));
            assert_eq!(sent_token(&stored).0.nonce, countersign::protocol::Nonce { uid, counter });
        }
        // A server that has never seen this uid would refuse counter 4; so a new uid starts at 1, with a new token.
        let renewed = asked_uid(&pair.authorize_at(seconds(3)));
        assert_ne!(renewed, uid);
        assert_eq!(pair.countersigned(2).nonce.counter, 1);
        // The last answers to the old uid change nothing.
        assert!(!pair.agent.succeeded(&pair.path, &first, Some(EPOCH), None, seconds(4)));
        assert_eq!(pair.stored_jti(seconds(4)), None);
    }
}

#[test]
fn hole_6_a_stale_epoch_is_overcome_by_the_next_challenge() {
    let mut pair = Pair::new(Profile::Hardened);
    pair.warm(1, seconds(1));
    pair.stage.rules.epoch = Epoch::from_bits(4);
    let stored = pair.authorize_at(seconds(2));
    assert_eq!(pair.stage.refusal(sent_token(&stored).0.text()).0, Some(Refusal::StaleEpoch));
    let uid = pair.uid();
    let token = pair.stage.issue_for(uid, 2);
    let challenge = TokenChallenge { epoch: Some(Epoch::from_bits(4)), ..pair.stage.challenge(&token) };
    let answer = pair.answer(&challenge).expect("an honest offer");
    assert_eq!(pair.stage.refusal(sent_token(&answer).0.text()).0, None);
}

#[test]
fn an_agent_whose_key_does_not_sign_says_so() {
    let Some(engine) = crate::stage::real_engines().pop() else { return };
    let stage = Stage::new(Profile::Literal);
    let broken = countersign::crypto::PrivateKey::new(vec![1, 2, 3], key(1).public().clone());
    let parameters = Parameters::defaults(Profile::Literal);
    let mut agent = Agent::new(AGENT, broken, Profile::Literal, &parameters, stage.server_keys.clone());
    let (digest, path, rng) = (empty_digest(), path(), &mut rng(1));
    let uid = asked_uid(&agent.ask_anew(&path, rng));
    let real = Stage::with(Profile::Literal, engine);
    let token = real.issue_for(uid, 1);
    let answer = |engine: &Engine, agent: &mut Agent| {
        agent.answer(&path, &real.challenge(&token), &facts(&digest), engine).map(|_| ())
    };
    agent.server_keys = real.server_keys.clone();
    assert!(matches!(answer(&real.engine, &mut agent), Err(Declined::Key(_))));
}
