//! Where drawn faults and attackers strike in a portal.

use rand_core::Rng;

use super::scene::Scene;
use crate::{
    plan::{Attack, AttackerPlan, Group},
    types::{ActorId, Profile, draw_between, pick},
};

impl Scene<'_> {
    /// Somebody of the portal: a server as often as a browser.
    pub fn of_portal(&self, rng: &mut impl Rng) -> ActorId {
        match self.browser(rng) {
            Some(browser) if draw_between(rng, 0, 1) == 0 => browser,
            _ => ActorId::PORTAL[pick(rng, ActorId::PORTAL.len())],
        }
    }

    /// Two sides of the portal's network. All but the way from a browser to the administration server lead to the front end.
    pub fn sides_of_portal(&self, rng: &mut impl Rng) -> (Group, Group) {
        let to = if draw_between(rng, 0, 3) == 0 { ActorId::AdministrationServer } else { ActorId::FrontEnd };
        let from = match self.of_portal(rng) {
            from if from == to || draw_between(rng, 0, 3) == 0 => Group::Everyone,
            from => Group::Actor(from),
        };
        // Of what has one direction, either.
        if pick(rng, 2) == 0 { (from, Group::Actor(to)) } else { (Group::Actor(to), from) }
    }

    fn browser(&self, rng: &mut impl Rng) -> Option<ActorId> {
        let count = self.plan.portal.as_ref()?.browsers.len();
        let number = u32::try_from(pick(rng, count)).ok()?.saturating_add(1);
        (count > 0).then_some(ActorId::Browser(number))
    }
}

/// Draws attackers of the portal, at most `most`: forgers, and against a hardened portal somebody with a delimiter in an id
/// (attack 28). Whoever copies a token is logged in by nature (rule 83).
pub(super) fn add_portal_attackers(scene: &mut Scene<'_>, most: u64) {
    let mut rng = scene.draws.stream("hardship attackers portal", 0);
    for _ in 0..draw_between(&mut rng, 1, most) {
        let Some(victim) = scene.browser(&mut rng) else { return };
        let has_delimiter = draw_between(&mut rng, 0, 1) == 0 && scene.plan.profile == Profile::Hardened;
        let attack = if has_delimiter { Attack::LoginDelimiter } else { Attack::LoginForgery };
        let doors = [ActorId::FrontEnd, ActorId::AdministrationServer, ActorId::PortletServer];
        let start_ms = draw_between(&mut rng, scene.from_ms, scene.heal_ms - 1);
        let Some(key) = scene.keys.next_of_pool() else { return };
        scene.add_attacker(AttackerPlan {
            attack,
            server: doors[pick(&mut rng, doors.len())],
            victim,
            start_ms,
            until_ms: draw_between(&mut rng, start_ms + 1, scene.heal_ms),
            interval_ms: draw_between(&mut rng, 2_000, 30_000),
            burst: 1,
            key,
        });
    }
}
