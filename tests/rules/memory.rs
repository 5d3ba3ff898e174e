//! What a server's memory says when it decides on a token counts, whatever it said when the token's signatures were to be
//! verified (rules 8, 44 to 46).

use std::collections::BTreeSet;

use countersign::{
    protocol::{CountersignedToken, Nonce, RememberedPrefixes, ServerKeys, ServerMemory},
    types::{Profile, Refusal},
};

use crate::stage::{Keys, PROFILES, Stage, UID, empty_digest, facts, key, seconds};

/// What a memory may say of the keys.
fn memories() -> Vec<(ServerKeys, Keys)> {
    let server_keys: [&[u32]; 4] = [&[0], &[0, 5], &[5], &[]];
    let agent_keys = [
        Keys::Known(key(1).public().clone()),
        Keys::Known(key(6).public().clone()),
        Keys::NotCached,
        Keys::Unknown,
        Keys::Revoked,
    ];
    let keys = |numbers: &[u32]| numbers.iter().map(|number| key(*number).public().clone()).collect();
    server_keys.iter().flat_map(|numbers| agent_keys.iter().map(move |agent| (keys(numbers), agent.clone()))).collect()
}

/// A server that has accepted a token's first use, and its next use, countersigned with the key of this number.
fn staged(profile: Profile, remembers: bool, signer: u32) -> (Stage, CountersignedToken) {
    let mut stage = Stage::new(profile);
    stage.remembered = RememberedPrefixes::new(if remembers { 10 } else { 0 });
    let issued = stage.issue();
    let first = stage.countersign(&issued, 1);
    stage.validate_at(first.text(), seconds(1)).expect("an honest token");
    let nonce = Nonce { uid: UID, counter: 2 };
    let next = stage.countersign_with(&issued, nonce, stage.binding(), &key(signer));
    (stage, next)
}

/// What becomes of a token whose signatures were verified when the memory was as it was before, and how many are verified
/// while it decides.
fn decided(stage: &mut Stage, token: &CountersignedToken, before: &(ServerKeys, Keys)) -> (Result<(), Refusal>, u32) {
    let Stage { rules, engine, server_keys, keys, registry, remembered, .. } = stage;
    let (server_keys_before, mut keys_before) = before.clone();
    let mut presented = rules.read(token.text(), engine).expect("it has been parsed before");
    let mut memory =
        ServerMemory { server_keys: &server_keys_before, remembered, agent_keys: &mut keys_before, registry };
    let to_verify = rules.keys_for(&mut presented, &mut memory, seconds(2));
    presented.verify(&to_verify, engine);
    engine.take_work();
    let mut memory = ServerMemory { server_keys, remembered, agent_keys: keys, registry };
    let decided = rules.decide(presented, &facts(&empty_digest()), &mut memory, seconds(2), engine);
    (decided.map(drop).map_err(|rejection| rejection.why), engine.take_work().verifies)
}

#[test]
fn no_decision_depends_on_what_the_memory_said_before() {
    let memories = memories();
    let mut decisions = BTreeSet::new();
    let cases = PROFILES.into_iter().flat_map(|profile| [(profile, false), (profile, true)]);
    for (profile, remembers) in cases {
        for signer in [1, 6, 9] {
            let (mut stage, token) = staged(profile, remembers, signer);
            let begun = (stage.registry.clone(), stage.remembered.clone());
            for (now, keys) in memories.iter().enumerate() {
                (stage.registry, stage.remembered) = begun.clone();
                (stage.server_keys, stage.keys) = keys.clone();
                let expected = stage.validate_at(token.text(), seconds(2)).map(drop).map_err(|rejection| rejection.why);
                let registry = format!("{:?}", stage.registry);
                for (before, keys_before) in memories.iter().enumerate() {
                    (stage.registry, stage.remembered) = begun.clone();
                    let (found, verifies) = decided(&mut stage, &token, keys_before);
                    let case = format!("{profile:?}, remembers: {remembers}, signer {signer}: {now} after {before}");
                    assert_eq!(found, expected, "{case}");
                    assert!(now != before || verifies == 0, "{case}: others wait for {verifies} verifications");
                    assert_eq!(format!("{:?}", stage.registry), registry, "{case}");
                }
                decisions.insert(expected);
            }
        }
    }
    assert_eq!(decisions.len(), 6, "{decisions:?}");
}
