//! Special tokens and packages (SPEC rules 51, 52, 54, 62, 63, attack 29), as far as the shipped scenarios do not say it
//! themselves: that the oracle notices each thing that could be wrong, and what packages cost whom.

mod small_plan;

use std::collections::{BTreeMap, BTreeSet};

use countersign::{
    event::{BearerEvent, Event, EventKind, Listener as _},
    oracle::Oracle,
    plan::{Invariant, Milestone, Plan},
    types::{ActorId, BearerKind, NodeId, Profile, UnixSeconds, VirtualTime},
};
use small_plan::{history, report, shipped_plan};

const PROFILES: [Profile; 2] = [Profile::Literal, Profile::Hardened];

fn plan(name: &str, profile: Profile) -> Plan {
    shipped_plan(name, None, Some(profile), None)
}

/// Which invariants of safety a history violates.
fn violated(plan: &Plan, events: &[Event]) -> BTreeSet<Invariant> {
    let mut oracle = Oracle::new(plan);
    events.iter().for_each(|event| oracle.hear(event));
    let counts = oracle.finish(VirtualTime::from_millis(plan.duration_ms)).counts;
    counts.into_keys().filter(|invariant| format!("{invariant:?}").starts_with('S')).collect()
}

/// A history in which something is otherwise.
fn otherwise(events: &[Event], mut change: impl FnMut(&mut Event)) -> Vec<Event> {
    let mut events = events.to_vec();
    events.iter_mut().for_each(&mut change);
    events
}

#[test]
fn the_oracle_notices_whatever_may_be_wrong_with_an_accepted_bearer_token() {
    let plan = plan("coexistence/special_tokens", Profile::Literal);
    let sound = history(&plan);
    assert_eq!(violated(&plan, &sound), BTreeSet::new());
    let accepted = |of: BearerKind, change: &dyn Fn(&mut BearerEvent)| {
        let events = otherwise(&sound, |event| {
            if let EventKind::Bearer(accepted @ BearerEvent::Accepted { .. }) = &mut event.kind
                && matches!(accepted, BearerEvent::Accepted { kind, .. } if *kind == of)
            {
                change(accepted);
            }
        });
        violated(&plan, &events)
    };
    // S2: another path, and a token that nobody issued.
    let elsewhere = accepted(BearerKind::PushInstall, &|event| {
        if let BearerEvent::Accepted { path, .. } = event {
            *path = "/Altiris/Secrets/export".into();
        }
    });
    assert_eq!(elsewhere, [Invariant::S2].into());
    let unissued: Vec<_> =
        sound.iter().filter(|it| !matches!(it.kind, EventKind::Bearer(BearerEvent::Issued { .. }))).cloned().collect();
    assert_eq!(violated(&plan, &unissued), [Invariant::S2].into());
    // S3: one that had expired, as it was issued.
    let long_ago = UnixSeconds(plan.run_start.0);
    let expired = otherwise(&sound, |event| {
        if let EventKind::Bearer(
            BearerEvent::Accepted { kind: BearerKind::Asdk, expires, .. }
            | BearerEvent::Issued { kind: BearerKind::Asdk, expires, .. },
        ) = &mut event.kind
        {
            *expires = Some(long_ago);
        }
    });
    assert_eq!(violated(&plan, &expired), [Invariant::S3].into());
    // S7: revoked ten minutes before it was, so that even a site knows.
    let is_revocation = |it: &Event| matches!(it.kind, EventKind::Bearer(BearerEvent::Revoked { .. }));
    let mut early: Vec<_> = sound.iter().filter(|it| is_revocation(it)).cloned().collect();
    let issued = sound.iter().filter(|it| matches!(it.kind, EventKind::Bearer(BearerEvent::Issued { .. })));
    let last_issued = issued.map(|it| it.at).max().unwrap();
    early.iter_mut().for_each(|it| it.at = last_issued);
    let rest = sound.iter().filter(|it| !is_revocation(it));
    let mut events: Vec<_> = rest.cloned().chain(early).collect();
    events.sort_by_key(|it| it.at);
    assert_eq!(violated(&plan, &events), [Invariant::S7].into());
    // S4: served by a token that was accepted for no such request.
    let served: Vec<_> = sound
        .iter()
        .filter(|it| !matches!(it.kind, EventKind::Bearer(BearerEvent::Accepted { kind: BearerKind::Asdk, .. })))
        .cloned()
        .collect();
    assert_eq!(violated(&plan, &served), [Invariant::S4].into());
    // S13: an ASDK token that somebody else brought.
    let callers: BTreeSet<_> = (1..)
        .zip(&plan.agents)
        .filter(|(_, agent)| !agent.errand.is_usual())
        .map(|(number, _)| ActorId::Agent(number))
        .collect();
    let stolen = otherwise(&sound, |event| {
        if callers.contains(&event.actor)
            && matches!(event.kind, EventKind::ConnectionOpened { .. } | EventKind::RequestSent { .. })
        {
            event.actor = ActorId::Attacker(1);
        }
    });
    assert!(violated(&plan, &stolen).contains(&Invariant::S13));
}

#[test]
fn the_oracle_notices_a_package_that_is_handed_out_to_nobody_known_or_labelled_wrong() {
    let plan = plan("coexistence/51_packages", Profile::Literal);
    let sound = history(&plan);
    assert_eq!(violated(&plan, &sound), BTreeSet::new());
    let to_nobody = otherwise(&sound, |event| {
        if let EventKind::Served { agent, .. } = &mut event.kind {
            *agent = None;
        }
    });
    assert_eq!(violated(&plan, &to_nobody), [Invariant::S4].into());
    let mislabelled = otherwise(&sound, |event| {
        if let EventKind::PackageAsked { access, .. } = &mut event.kind {
            *access = "Anonymous".into();
        }
    });
    assert_eq!(violated(&plan, &mislabelled), [Invariant::S4].into());
}

#[test]
fn rule_51_and_62_each_server_labels_its_packages_by_what_it_takes_for_them() {
    let labels = |name| {
        let mut labels: BTreeMap<ActorId, BTreeSet<String>> = BTreeMap::new();
        for event in history(&plan(name, Profile::Hardened)) {
            if let EventKind::PackageAsked { access, .. } = event.kind {
                labels.entry(event.actor).or_default().insert(access);
            }
        }
        labels.into_iter().map(|(actor, labels)| (actor, labels.into_iter().collect::<Vec<_>>())).collect::<Vec<_>>()
    };
    let one = |actor, label: &str| (actor, vec![label.to_owned()]);
    let sites = |number| ActorId::Site(number);
    let expected =
        [one(ActorId::Smp, "Anonymous"), one(sites(1), "Token"), one(sites(2), "ACC"), one(sites(3), "ACC,Token")];
    assert_eq!(labels("coexistence/51_packages"), expected);
    assert_eq!(labels("coexistence/62_anonymous_codebases"), [one(sites(1), "Anonymous")]);
}

#[test]
fn rule_52_a_machine_goes_by_tokens_of_its_own_once_it_has_the_installer() {
    for profile in PROFILES {
        let plan = plan("coexistence/52_push_install", profile);
        let events = history(&plan);
        for number in (1..).take(plan.agents.len()) {
            let own = |wanted: fn(&EventKind) -> bool| {
                events.iter().filter(move |it| it.actor == ActorId::Agent(number) && wanted(&it.kind)).map(|it| it.at)
            };
            let mut fetched = own(|it| matches!(it, EventKind::Bearer(BearerEvent::Called { status: Some(200), .. })));
            let registered = own(|it| matches!(it, EventKind::Registered { .. })).next();
            // Those that came after the revocation and left before there was another token have no agent.
            let came_too_late = plan.agents[number as usize - 1].leave_ms.is_some();
            let fetched_at = fetched.next();
            assert_eq!(fetched_at.is_none(), came_too_late, "{profile:?} agent-{number}");
            assert!(fetched_at <= registered && fetched.next().is_none(), "{profile:?} agent-{number}");
        }
    }
}

// Rule 49, too: what ACC opens, a token opens as well.
#[test]
fn rule_54_a_quick_installer_needs_no_acc_and_uses_it_where_it_has_it() {
    for profile in PROFILES {
        let plan = plan("coexistence/54_quick_installer", profile);
        let report = report(&plan);
        let reached = |milestone| report.milestones.get(&milestone).copied().unwrap_or(0);
        assert!(reached(Milestone::PackageByToken) > 100 && reached(Milestone::PackageByAcc) > 50, "{profile:?}");
        let served = history(&plan).into_iter().filter_map(|it| match it.kind {
            EventKind::Served { agent: Some(agent), .. } => Some((it.actor, agent == NodeId::ACC)),
            _ => None,
        });
        let kinds: BTreeSet<_> = served.collect();
        assert_eq!(kinds, [(ActorId::Site(1), false), (ActorId::Site(2), true)].into(), "{profile:?}");
    }
}
