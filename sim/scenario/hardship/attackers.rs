//! Attackers that nobody must give way to.

use super::scene::Scene;
use crate::{
    plan::{Attack, AttackerPlan},
    scenario::attacker_table::{usual_server, usual_victim},
    types::{ActorId, Profile, draw_between, pick},
};

/// Attacks that fail in both profiles, whatever else goes wrong.
const REFUSED_BY_BOTH: [Attack; 14] = [
    Attack::AlgorithmConfusion,
    Attack::KeyInjection,
    Attack::AmbiguousJson,
    Attack::WrongParts,
    Attack::Respelling,
    Attack::Oversize,
    Attack::AlteredAgentSignature,
    Attack::AlteredServerPart,
    Attack::StolenOffer,
    Attack::CounterTricks,
    Attack::UidSubstitution,
    Attack::RogueSite,
    Attack::Eavesdropping,
    Attack::RegistryFlood,
];

/// Attacks that only hardened withstands: replays after a restart and at other servers, and theft (holes 6, 11, 12).
const REFUSED_BY_HARDENED: [Attack; 3] = [Attack::Replay, Attack::CrossServerReplay, Attack::StolenToken];

/// Draws attackers, at most `most`. Every second one against a hardened fleet is one that only hardened withstands.
pub(super) fn add_attackers(scene: &mut Scene<'_>, most: u64) {
    let mut rng = scene.draws.stream("hardship attackers", 0);
    let withstands_all = scene.plan.profile == Profile::Hardened && scene.is_hardened_throughout();
    for _ in 0..draw_between(&mut rng, 1, most) {
        let attack = if pick(&mut rng, 2) == 0 && withstands_all {
            REFUSED_BY_HARDENED[pick(&mut rng, REFUSED_BY_HARDENED.len())]
        } else {
            REFUSED_BY_BOTH[pick(&mut rng, REFUSED_BY_BOTH.len())]
        };
        let victim = match usual_victim(attack) {
            ActorId::Site(_) => match scene.site(&mut rng) {
                Some(site) => site,
                None => continue,
            },
            _ => scene.agent(&mut rng),
        };
        let floods = attack == Attack::RegistryFlood;
        let start_ms = draw_between(&mut rng, scene.from_ms, scene.heal_ms - 1);
        // Long enough, as a rule, for what it has captured to grow old.
        let least_ms = (start_ms + (scene.heal_ms - start_ms) / 2).max(start_ms + 1);
        let Some(key) = scene.keys.next_of_pool() else { return };
        scene.add_attacker(AttackerPlan {
            attack,
            server: usual_server(scene.plan, attack, victim),
            victim,
            start_ms,
            until_ms: draw_between(&mut rng, least_ms, scene.heal_ms),
            interval_ms: draw_between(&mut rng, 2_000, 30_000),
            burst: if floods { u32::try_from(draw_between(&mut rng, 1, 50)).unwrap_or(1) } else { 1 },
            key,
        });
    }
}
