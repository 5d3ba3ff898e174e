//! Kinds of authentication beside each other, drawn.

use rand_core::Rng;

use super::scene::Scene;
use crate::{
    plan::{Attack, AttackerPlan, Bootstrap, Codebase, Errand, FaultKind},
    scenario::{Document, attacker_table::usual_server},
    types::{ActorId, Authentication, BearerKind, Profile, draw_between, pick},
};

/// Kinds of which some are on; at times none by which an agent gets in.
pub(super) fn some_kinds(rng: &mut impl Rng) -> Authentication {
    let mut one_of = |count| draw_between(rng, 1, count) == 1;
    Authentication { token: !one_of(3), asdk: one_of(2), windows: one_of(3), acc: one_of(2) }
}

/// A token for installers or for programs. Now and then one that expires (rules 52, 63).
pub(super) fn bearer_token(rng: &mut impl Rng) -> FaultKind {
    let kind = if draw_between(rng, 0, 1) == 0 { BearerKind::PushInstall } else { BearerKind::Asdk };
    let expires = kind == BearerKind::Asdk && draw_between(rng, 0, 1) == 0;
    FaultKind::BearerToken { kind, lifetime_s: expires.then(|| draw_between(rng, 10, 600)) }
}

/// Draws which kinds are on at first and what agents do, where the file leaves that open.
pub(super) fn settle_kinds(scene: &mut Scene<'_>, document: &Document, groups: &[usize]) {
    let draws = scene.draws;
    let rng = |key: &str, user: u64| draws.stream(&format!("hardship swarm {key}"), user);
    let tables = [Some(&document.parameters), document.of(scene.plan.profile).map(|table| &table.parameters)];
    let given = tables.into_iter().flatten().collect::<Vec<_>>();
    let parameters = &mut scene.plan.parameters;
    if given.iter().all(|table| table.authentication.is_none()) {
        let on = some_kinds(&mut rng("authentication", 0));
        // Agents get in by something.
        let none = !(on.token || on.windows || on.acc);
        parameters.authentication = Authentication { token: on.token || none, ..on };
    }
    if given.iter().all(|table| table.acc_fallback.is_none()) {
        parameters.acc_fallback = coin(&mut rng("acc_fallback", 0));
    }
    if given.iter().all(|table| table.anonymous_codebases.is_none()) {
        parameters.anonymous_codebases = draw_between(&mut rng("anonymous_codebases", 0), 0, 2) == 0;
    }
    if document.sites.authentication.is_none() {
        for (number, site) in (1..).zip(&mut scene.plan.sites) {
            let mut rng = rng("site authentication", number);
            site.authentication = (draw_between(&mut rng, 0, 2) == 0).then(|| some_kinds(&mut rng));
        }
    }
    for (number, (agent, group)) in (1..).zip(scene.plan.agents.iter_mut().zip(groups)) {
        let Some(table) = document.agents.get(*group) else { return };
        let mut rng = rng("agent", number);
        if table.errand.is_none() && agent.clone_of.is_none() {
            agent.errand = match draw_between(&mut rng, 0, 9) {
                0 => Errand::Asdk,
                1 | 2 => Errand::Package,
                _ => Errand::Requests,
            };
        }
        if table.codebase.is_none() && agent.errand == Errand::Requests && draw_between(&mut rng, 0, 9) == 0 {
            agent.codebase = Codebase::Unc;
        }
    }
}

/// Draws attackers on what lives beside tokens, at most `most`. Those who take the token out of challenges have their way with
/// literal agents (attack 17), and are drawn against hardened ones only.
pub(super) fn add_kinds_attackers(scene: &mut Scene<'_>, most: u64) {
    let mut rng = scene.draws.stream("hardship attackers kinds", 0);
    let installers: Vec<_> = (1..)
        .map(ActorId::Agent)
        .zip(&scene.plan.agents)
        .filter(|(_, agent)| agent.bootstrap == Bootstrap::PushInstall)
        .map(|(actor, _)| actor)
        .collect();
    let withstands_all = scene.plan.profile == Profile::Hardened && scene.is_hardened_throughout();
    for _ in 0..draw_between(&mut rng, 1, most) {
        let (attack, victim) = match installers.get(pick(&mut rng, installers.len())) {
            Some(installer) if !withstands_all || coin(&mut rng) => (Attack::PushInstall, *installer),
            _ if withstands_all => (Attack::StrippedChallenge, scene.agent(&mut rng)),
            _ => return,
        };
        let start_ms = draw_between(&mut rng, scene.from_ms, scene.heal_ms - 1);
        let Some(key) = scene.keys.next_of_pool() else { return };
        let server = usual_server(scene.plan, attack, victim);
        scene.add_attacker(AttackerPlan {
            attack,
            server,
            victim,
            // An installer is fetched once: whoever is to overhear it is there from the start.
            start_ms: if attack == Attack::PushInstall { 0 } else { start_ms },
            until_ms: draw_between(&mut rng, start_ms + 1, scene.heal_ms),
            interval_ms: draw_between(&mut rng, 2_000, 30_000),
            burst: 1,
            key,
        });
    }
}

fn coin(rng: &mut impl Rng) -> bool {
    draw_between(rng, 0, 1) == 1
}
