//! A server that remembers verified prefixes decides as one that does not, and verifies one signature less.

use countersign::{
    protocol::{CountersignedToken, IssuedToken, Issuer, Nonce, RememberedPrefixes, ServerKeys},
    types::{Jti, Profile, Refusal, UnixSeconds},
};
use proptest::prelude::*;

use crate::stage::{Keys, LIFETIME_S, NOW, PROFILES, SMP, Stage, UID, key, seconds};

/// The keys that issue: one of them is withdrawn, or comes back, as the property goes.
const ISSUING: [u32; 2] = [0, 5];
const TOKENS: usize = 5;

fn stage(profile: Profile, capacity: u32) -> Stage {
    Stage { remembered: RememberedPrefixes::new(capacity), ..Stage::new(profile) }
}

fn server_keys(numbers: &[u32]) -> ServerKeys {
    numbers.iter().map(|number| key(*number).public().clone()).collect()
}

/// Tokens of both issuing keys; each is a minute younger than the one before.
fn tokens(stage: &Stage) -> Vec<IssuedToken> {
    let token = |number: usize| {
        let lifetime = std::time::Duration::from_secs(LIFETIME_S);
        let issuer = Issuer::new(SMP, key(ISSUING[number % 2]), lifetime);
        let issued_at = UnixSeconds(NOW.0 + 60 * number as u64);
        issuer.issue(stage.subject(), Jti::from_bits(number as u128 + 1), issued_at, &stage.engine).unwrap()
    };
    (0..TOKENS).map(token).collect()
}

#[derive(Clone, Copy, Debug)]
enum Damage {
    None,
    /// One byte of the server signature is another.
    ServerSignature,
    /// Somebody else countersigned.
    AgentSignature,
    /// One byte of the payload is another.
    Payload,
}

#[derive(Clone, Debug)]
enum Step {
    Present {
        token: usize,
        counter: u64,
        damage: Damage,
    },
    /// So much later, in seconds.
    Wait(u64),
    /// Policy brings these server keys: a rotation, a withdrawal, or both keys again.
    Deliver(&'static [u32]),
    /// From now on, this is what is known of the agent's key.
    Agent(Option<u32>),
    /// The agent is revoked.
    Revoke,
    Purge,
}

fn step() -> impl Strategy<Value = Step> {
    let damage = prop_oneof![
        8 => Just(Damage::None),
        1 => Just(Damage::ServerSignature),
        1 => Just(Damage::AgentSignature),
        1 => Just(Damage::Payload),
    ];
    prop_oneof![
        12 => (0..TOKENS, 1_u64..12, damage)
            .prop_map(|(token, counter, damage)| Step::Present { token, counter, damage }),
        2 => prop_oneof![Just(30), Just(900), Just(3_000)].prop_map(Step::Wait),
        2 => prop_oneof![Just(&[0][..]), Just(&[5][..]), Just(&[0, 5][..]), Just(&[0, 5][..])].prop_map(Step::Deliver),
        2 => prop_oneof![Just(Some(1)), Just(Some(1)), Just(Some(2)), Just(None)].prop_map(Step::Agent),
        1 => Just(Step::Revoke),
        1 => Just(Step::Purge),
    ]
}

/// What a server says to a step, as far as anybody can see it.
fn take(stage: &mut Stage, tokens: &[IssuedToken], now_s: &mut u64, step: &Step) -> String {
    match step {
        Step::Present { token, counter, damage } => {
            let text = presented(stage, &tokens[*token], *counter, *damage);
            match stage.validate_at(&text, seconds(*now_s)) {
                Ok(acceptance) => format!("{:?}", acceptance.registered),
                Err(rejection) => format!("{:?} {}", rejection.why, rejection.left_registry),
            }
        }
        Step::Wait(seconds) => {
            *now_s += seconds;
            String::new()
        }
        Step::Deliver(numbers) => stage.server_keys.replace(server_keys(numbers)).to_string(),
        Step::Agent(number) => {
            stage.keys = number.map_or(Keys::NotCached, |number| Keys::Known(key(number).public().clone()));
            String::new()
        }
        Step::Revoke => {
            stage.keys = Keys::Revoked;
            String::new()
        }
        Step::Purge => format!("{:?}", stage.registry.purge(seconds(*now_s))),
    }
}

fn presented(stage: &Stage, issued: &IssuedToken, counter: u64, damage: Damage) -> String {
    let mut text = issued.text().to_owned();
    let place = match damage {
        Damage::ServerSignature => text.rfind('.').map(|dot| dot + 9),
        Damage::Payload => text.rfind('.').map(|dot| dot - 60),
        Damage::None | Damage::AgentSignature => None,
    };
    if let Some(place) = place {
        let other = if &text[place..=place] == "A" { "B" } else { "A" };
        text.replace_range(place..=place, other);
    }
    let signer = if matches!(damage, Damage::AgentSignature) { key(9) } else { stage.agent_key.clone() };
    match IssuedToken::parse(&text) {
        Some(issued) => {
            let nonce = Nonce { uid: UID, counter };
            stage.countersign_with(&issued, nonce, stage.binding(), &signer).text().to_owned()
        }
        None => format!("{text}.e30.AAAA"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_decision_depends_on_what_is_remembered(
        hardened in any::<bool>(),
        capacity in prop_oneof![Just(2_u32), Just(4), Just(1_000)],
        steps in proptest::collection::vec(step(), 1..60),
    ) {
        let profile = PROFILES[usize::from(hardened)];
        let (mut forgetful, mut remembering) = (stage(profile, 0), stage(profile, capacity));
        for stage in [&mut forgetful, &mut remembering] {
            stage.server_keys = server_keys(&ISSUING);
        }
        let tokens = tokens(&forgetful);
        let (mut now_s, mut same_now_s) = (400, 400);
        for (number, step) in steps.iter().enumerate() {
            let expected = take(&mut forgetful, &tokens, &mut now_s, step);
            let found = take(&mut remembering, &tokens, &mut same_now_s, step);
            prop_assert_eq!(found, expected, "step {} of {:?}", number, steps);
            prop_assert_eq!(format!("{:?}", remembering.registry), format!("{:?}", forgetful.registry));
        }
        prop_assert!(remembering.remembered.len() <= capacity as usize);
        prop_assert!(remembering.engine.take_work().verifies <= forgetful.engine.take_work().verifies);
    }
}

/// How a presentation ends, and how many signatures are verified for it.
fn verifies(stage: &mut Stage, token: &CountersignedToken, at_s: u64) -> (Option<Refusal>, u32) {
    stage.engine.take_work();
    let refusal = stage.validate_at(token.text(), seconds(at_s)).err().map(|rejection| rejection.why);
    (refusal, stage.engine.take_work().verifies)
}

#[test]
fn a_remembered_prefix_costs_one_verification_until_it_expires_or_its_key_goes() {
    for profile in PROFILES {
        let mut stage = stage(profile, 10);
        let issued = stage.issue();
        let used: Vec<_> = (1..6).map(|counter| stage.countersign(&issued, counter)).collect();
        assert_eq!(verifies(&mut stage, &used[0], 1), (None, 2));
        assert_eq!(verifies(&mut stage, &used[1], 2), (None, 1));
        assert_eq!(verifies(&mut stage, &used[1], 3), (Some(Refusal::CounterUsed), 1));
        assert_eq!(verifies(&mut stage, &used[2], LIFETIME_S + 600), (Some(Refusal::Expired), 2));
        assert!(stage.remembered.is_empty());
    }
    for profile in PROFILES {
        let mut stage = stage(profile, 10);
        let issued = stage.issue();
        let used: Vec<_> = (1..4).map(|counter| stage.countersign(&issued, counter)).collect();
        assert_eq!(verifies(&mut stage, &used[0], 1), (None, 2));
        stage.server_keys = server_keys(&[5]);
        assert_eq!(verifies(&mut stage, &used[1], 2), (Some(Refusal::UnknownServerKey), 0));
    }
}

#[test]
fn who_has_no_agent_key_puts_nothing_into_the_memory() {
    for profile in PROFILES {
        let mut stage = stage(profile, 10);
        let issued = stage.issue();
        let forged = stage.countersign_with(&issued, Nonce { uid: UID, counter: 1 }, stage.binding(), &key(9));
        for _ in 0..2 {
            assert_eq!(verifies(&mut stage, &forged, 1), (Some(Refusal::BadAgentSignature), 2));
        }
        assert!(stage.remembered.is_empty());
    }
}
