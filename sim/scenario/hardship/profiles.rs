//! The named mixtures of faults.

use super::{attackers::add_attackers, hazard::Hazard, scene::Scene, scope::Scope, share::Share};
use crate::scenario::Document;

type Bounds = (u64, u64);

const fn share(hazard: Hazard, scope: Scope, count: Bounds, length_s: Bounds, strength: u64) -> Share {
    Share { hazard, scope, count, length_s, strength }
}

const CALM: &[Share] = &[
    share(Hazard::Delay, Scope::Clients, (1, 3), (20, 120), 5),
    share(Hazard::Crash, Scope::Clients, (1, 1), (2, 10), 100),
];

const FLAKY: &[Share] = &[
    share(Hazard::Partition, Scope::Clients, (2, 4), (5, 30), 100),
    share(Hazard::Delay, Scope::Clients, (1, 3), (30, 180), 40),
    share(Hazard::Loss, Scope::Clients, (1, 3), (30, 180), 40),
    share(Hazard::Duplicate, Scope::Clients, (1, 2), (60, 300), 40),
    share(Hazard::Reorder, Scope::Clients, (1, 2), (60, 300), 40),
    share(Hazard::Crash, Scope::Clients, (2, 4), (5, 60), 100),
    share(Hazard::Crash, Scope::Sites, (1, 1), (5, 30), 100),
];

const STORM: &[Share] = &[
    share(Hazard::Partition, Scope::Clients, (1, 4), (10, 90), 100),
    share(Hazard::Partition, Scope::Anybody, (1, 3), (10, 90), 100),
    share(Hazard::Delay, Scope::Anybody, (1, 3), (30, 180), 100),
    share(Hazard::Loss, Scope::Anybody, (1, 3), (30, 180), 100),
    share(Hazard::SlowLink, Scope::Anybody, (1, 2), (30, 120), 60),
    share(Hazard::BlackHole, Scope::Anybody, (1, 2), (10, 60), 100),
    share(Hazard::Duplicate, Scope::Anybody, (1, 2), (60, 300), 100),
    share(Hazard::Reorder, Scope::Anybody, (1, 2), (60, 300), 100),
    share(Hazard::Crash, Scope::Clients, (2, 6), (5, 90), 100),
    share(Hazard::Crash, Scope::Sites, (1, 2), (5, 90), 100),
    share(Hazard::PowerLoss, Scope::Sites, (1, 1), (10, 60), 100),
    share(Hazard::PowerLoss, Scope::Smp, (1, 1), (10, 60), 100),
    share(Hazard::Overload, Scope::Anybody, (1, 2), (30, 180), 40),
    share(Hazard::Rollback, Scope::Clients, (1, 2), (60, 300), 100),
    // The second withdraws the key of the first.
    share(Hazard::RotateServerKey, Scope::Smp, (2, 3), (20, 240), 100),
    share(Hazard::ChangeAgentKey, Scope::Clients, (1, 2), (1, 1), 100),
    share(Hazard::ChangePolicy, Scope::Smp, (1, 1), (60, 600), 100),
    share(Hazard::Move, Scope::Sites, (1, 1), (60, 600), 100),
    share(Hazard::Revoke, Scope::Clients, (2, 4), (60, 600), 100),
    share(Hazard::RemoveSite, Scope::Sites, (0, 1), (60, 300), 100),
    // Last: how far they may go depends on the policy changes before.
    share(Hazard::ClockStep, Scope::Anybody, (1, 3), (60, 300), 100),
];

pub(super) fn calm(scene: &mut Scene<'_>) {
    scene.let_clocks_wander();
    CALM.iter().for_each(|share| share.add_to(scene));
}

pub(super) fn flaky(scene: &mut Scene<'_>) {
    FLAKY.iter().for_each(|share| share.add_to(scene));
}

pub(super) fn storm(scene: &mut Scene<'_>, document: &Document) {
    scene.settle_scheme(document);
    scene.let_clocks_wander();
    STORM.iter().for_each(|share| share.add_to(scene));
    add_attackers(scene, 3);
}
