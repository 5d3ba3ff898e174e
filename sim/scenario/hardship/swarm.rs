//! A random part of everything: what always comes together hides what happens when it does not.

use rand_core::Rng;

use super::{
    attackers::add_attackers,
    hazard::Hazard,
    kinds::{add_kinds_attackers, settle_kinds},
    portal::add_portal_attackers,
    scene::Scene,
    scope::Scope,
    share::Share,
};
use crate::{
    plan::ConnectionUse,
    scenario::Document,
    types::{draw_between, pick},
};

pub(super) fn swarm(scene: &mut Scene<'_>, document: &Document, groups: &[usize]) {
    settle_parameters(scene, document, groups);
    if scene.draws_kinds {
        settle_kinds(scene, document, groups);
    }
    let mut rng = scene.draws.stream("hardship swarm", 0);
    let all = [Scope::Anybody, Scope::Portal].into_iter();
    let all = all.flat_map(|scope| Hazard::ALL.map(|hazard| (hazard, scope)));
    let possible: Vec<_> = all.filter(|(hazard, scope)| hazard.is_possible(scene, *scope)).collect();
    // Every fourth seed has nothing but one kind, much of it: what is rare among others has room there.
    if draw_between(&mut rng, 0, 3) == 0 {
        let Some((hazard, scope)) = possible.get(pick(&mut rng, possible.len())) else { return };
        let (hazard, scope) = (*hazard, *scope);
        let share = Share { hazard, scope, count: (5, 25), length_s: (2, 240), strength: 100 };
        share.add_to(scene);
        return add_some_attackers(scene, &mut rng);
    }
    if draw_between(&mut rng, 0, 1) == 0 {
        scene.let_clocks_wander();
    }
    let eighths = draw_between(&mut rng, 1, 6);
    for scope in [Scope::Anybody, Scope::Portal] {
        for hazard in Hazard::ALL {
            add_hazard(scene, hazard, scope, eighths);
        }
    }
    add_some_attackers(scene, &mut rng);
}

/// In so many eighths of all seeds, some faults of a kind.
fn add_hazard(scene: &mut Scene<'_>, hazard: Hazard, scope: Scope, eighths: u64) {
    // A stream for each, so that one more kind changes no other.
    let key = match scope {
        Scope::Portal => format!("hardship swarm {} portal", hazard.name()),
        _ => format!("hardship swarm {}", hazard.name()),
    };
    let mut rng = scene.draws.stream(&key, 0);
    if draw_between(&mut rng, 0, 7) >= eighths {
        return;
    }
    let most = draw_between(&mut rng, 1, 6);
    let longest_s = draw_between(&mut rng, 2, 300);
    let share =
        Share { hazard, scope, count: (1, most), length_s: (1, longest_s), strength: draw_between(&mut rng, 10, 100) };
    share.add_to(scene);
}

fn add_some_attackers(scene: &mut Scene<'_>, rng: &mut impl Rng) {
    if coin(rng) {
        let most = draw_between(rng, 1, 4);
        if !scene.plan.agents.is_empty() {
            add_attackers(scene, most);
        }
        if scene.draws_kinds {
            add_kinds_attackers(scene, most);
        }
        if scene.plan.portal.is_some() {
            add_portal_attackers(scene, most);
        }
    }
}

/// Parameters that the file leaves open.
fn settle_parameters(scene: &mut Scene<'_>, document: &Document, groups: &[usize]) {
    let draws = scene.draws;
    let rng = |key: &str, user: u64| draws.stream(&format!("hardship swarm {key}"), user);
    let tables = [Some(&document.parameters), document.of(scene.plan.profile).map(|table| &table.parameters)];
    let given = tables.into_iter().flatten().collect::<Vec<_>>();
    let parameters = &mut scene.plan.parameters;
    if given.iter().all(|table| table.token_lifetime.is_none()) {
        parameters.token_lifetime_s = draw_between(&mut rng("token_lifetime", 0), 10, 60) * 60;
    }
    if given.iter().all(|table| table.keep_alive_idle.is_none()) {
        parameters.keep_alive_idle_s = draw_between(&mut rng("keep_alive_idle", 0), 10, 300);
    }
    scene.settle_scheme(document);
    // All agents of a group alike.
    let drawn: Vec<(u32, ConnectionUse)> = (0..document.agents.len() as u64)
        .map(|group| {
            let connections = small(draw_between(&mut rng("connections", group), 1, 3));
            let keeps_alive = coin(&mut rng("connection_use", group));
            (connections, if keeps_alive { ConnectionUse::KeepAlive } else { ConnectionUse::New })
        })
        .collect();
    for (agent, group) in scene.plan.agents.iter_mut().zip(groups) {
        let (Some(table), Some((connections, connection_use))) = (document.agents.get(*group), drawn.get(*group))
        else {
            return;
        };
        if table.connections.is_none() {
            agent.connections = *connections;
        }
        if table.connection_use.is_none() {
            agent.connection_use = *connection_use;
        }
    }
}

fn coin(rng: &mut impl Rng) -> bool {
    draw_between(rng, 0, 1) == 1
}

fn small(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(1)
}
