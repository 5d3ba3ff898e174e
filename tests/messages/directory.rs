//! What the SMP knows of its nodes: rules 33 and 45, attack 18, hole 14.

use countersign::protocol::{Directory, IssueError, NodeKind, RegisterError, RegisterRequest, Registered};
use proptest::prelude::*;

use super::*;

fn directory() -> Directory {
    Directory::new(SMP, "http://smp".parse().unwrap(), Profile::Literal)
}

fn agent(id: u128, number: u8) -> RegisterRequest {
    let public_key = key(number).public().clone();
    RegisterRequest { id: node(id), kind: NodeKind::Agent, public_key, origin: None, profile: Profile::Literal }
}

fn site(id: u128, number: u8, origin: &str) -> RegisterRequest {
    RegisterRequest { kind: NodeKind::Site, origin: Some(origin.parse().unwrap()), ..agent(id, number) }
}

#[test]
fn the_same_key_may_come_again_and_another_is_a_conflict() {
    let mut directory = directory();
    assert_eq!(directory.register(&agent(1, 1)), Ok(Registered::New));
    assert_eq!(directory.register(&agent(1, 1)), Ok(Registered::Again));
    let refused = directory.register(&agent(1, 2)).unwrap_err();
    let (known, found) = (key(1).public().thumbprint(), key(2).public().thumbprint());
    assert_eq!(refused, RegisterError::OtherKey { id: node(1), known, found });
    assert_eq!(refused.status(), 409);
    assert_eq!(directory.key_of(node(1)), Some(key(1).public()));
    assert_eq!(directory.signer_key(found), None);
}

#[test]
fn an_administrator_may_change_a_key() {
    let mut directory = directory();
    assert!(!directory.change_key(node(1), key(2).public().clone()));
    directory.register(&agent(1, 1)).unwrap();
    assert!(directory.change_key(node(1), key(2).public().clone()));
    assert_eq!(directory.agent_key(node(1)), Ok(key(2).public()));
    assert_eq!(directory.signer_key(key(1).public().thumbprint()), None);
    assert_eq!(directory.register(&agent(1, 2)), Ok(Registered::Again));
}

/// Attack 18: registration alone makes no site server.
#[test]
fn a_site_must_be_approved_and_stays_away_once_removed() {
    let mut directory = directory();
    let rogue = directory.register(&site(1, 1, "http://site-1")).unwrap_err();
    assert_eq!((rogue.status(), rogue), (403, RegisterError::SiteNotApproved(node(1))));
    assert!(!directory.is_site(node(1)));

    directory.approve_site(node(1));
    assert!(!directory.is_site(node(1)), "approval alone brings no key");
    assert_eq!(directory.register(&site(1, 1, "http://site-1")), Ok(Registered::New));
    assert!(directory.is_site(node(1)));
    assert_eq!(directory.site_key(node(1)), Some(key(1).public()));

    assert!(directory.remove_site(node(1)));
    assert!(!directory.remove_site(node(1)));
    assert_eq!((directory.site_key(node(1)), directory.signer_key(key(1).public().thumbprint())), (None, None));
    assert_eq!(directory.register(&site(1, 1, "http://site-1")), Err(RegisterError::SiteNotApproved(node(1))));
    assert_eq!(directory.servers().count(), 1);
}

#[test]
fn two_servers_never_share_an_origin() {
    let mut directory = directory();
    directory.approve_site(node(1));
    directory.approve_site(node(2));
    let taken = |holder| RegisterError::OriginTaken { origin: "http://smp".parse().unwrap(), holder };
    assert_eq!(directory.register(&site(1, 1, "http://smp")), Err(taken(SMP)));
    directory.register(&site(1, 1, "http://site-1")).unwrap();
    assert_eq!(directory.register(&site(2, 2, "http://site-1")).unwrap_err().status(), 409);
    // A site server may move.
    assert_eq!(directory.register(&site(1, 1, "https://site-1")), Ok(Registered::Again));
    let origins: Vec<String> = directory.servers().map(|server| server.origin.to_string()).collect();
    assert_eq!(origins, ["http://smp", "https://site-1"]);
}

#[test]
fn a_node_keeps_its_kind() {
    let mut directory = directory();
    directory.approve_site(node(1));
    directory.register(&agent(1, 1)).unwrap();
    assert_eq!(directory.register(&site(1, 1, "http://site-1")), Err(RegisterError::OtherKind(node(1))));
    let smp = RegisterRequest { id: SMP, ..agent(1, 1) };
    assert_eq!(directory.register(&smp), Err(RegisterError::OtherKind(SMP)));
    let without_origin = RegisterRequest { origin: None, ..site(1, 1, "http://site-1") };
    assert_eq!(directory.register(&without_origin).unwrap_err().status(), 400);
}

#[test]
fn only_an_unrevoked_agent_gets_tokens() {
    let mut directory = directory();
    directory.approve_site(node(2));
    directory.register(&agent(1, 1)).unwrap();
    directory.register(&site(2, 2, "http://site-2")).unwrap();
    assert_eq!(directory.agent_key(node(1)), Ok(key(1).public()));
    assert_eq!(directory.agent_key(node(2)), Err(IssueError::UnknownAgent), "a site server is no agent");
    assert_eq!(directory.agent_key(node(3)), Err(IssueError::UnknownAgent));

    directory.revoke(node(1));
    assert_eq!(directory.agent_key(node(1)), Err(IssueError::AgentRevoked));
    assert_eq!(directory.signer_key(key(1).public().thumbprint()), None);
    assert_eq!(directory.register(&agent(1, 1)).unwrap_err().status(), 403);
    assert!(directory.revoked().contains(&node(1)));
    assert!(directory.reinstate(node(1)));
    assert!(!directory.reinstate(node(1)));
    assert_eq!(directory.agent_key(node(1)), Ok(key(1).public()));

    directory.revoke(node(2));
    assert!(!directory.is_site(node(2)));
    assert_eq!(directory.servers().count(), 1);
}

#[derive(Clone, Debug)]
enum Step {
    Register(u8, u8),
    ChangeKey(u8, u8),
    Revoke(u8),
    Reinstate(u8),
    RemoveSite(u8),
}

fn step() -> impl Strategy<Value = Step> {
    let (id, number) = (0_u8..4, 0_u8..3);
    prop_oneof![
        (id.clone(), number.clone()).prop_map(|(id, key)| Step::Register(id, key)),
        (id.clone(), number).prop_map(|(id, key)| Step::ChangeKey(id, key)),
        id.clone().prop_map(Step::Revoke),
        id.clone().prop_map(Step::Reinstate),
        id.prop_map(Step::RemoveSite),
    ]
}

proptest! {
    /// A model: one row per node. Nodes 0 and 1 are agents, 2 and 3 site servers; keys may be shared (hole 15).
    #[test]
    fn the_directory_agrees_with_a_naive_table(steps in prop::collection::vec(step(), 0..40)) {
        let mut directory = directory();
        (2..4).for_each(|id| directory.approve_site(node(id)));
        let (mut keys, mut revoked, mut removed) = ([None; 4], [false; 4], [false; 4]);
        let is_site = |id: usize| id >= 2;
        for step in steps {
            match step {
                Step::Register(id, number) => {
                    let at = usize::from(id);
                    let request = match is_site(at) {
                        true => site(id.into(), number, &format!("http://site-{id}")),
                        false => agent(id.into(), number),
                    };
                    let allowed = !revoked[at] && !removed[at] && keys[at].is_none_or(|known| known == number);
                    prop_assert_eq!(directory.register(&request).is_ok(), allowed);
                    if allowed {
                        keys[at] = Some(number);
                    }
                }
                Step::ChangeKey(id, number) => {
                    let row = &mut keys[usize::from(id)];
                    prop_assert_eq!(directory.change_key(node(id.into()), key(number).public().clone()), row.is_some());
                    *row = row.map(|_| number);
                }
                Step::Revoke(id) => {
                    directory.revoke(node(id.into()));
                    revoked[usize::from(id)] = true;
                }
                Step::Reinstate(id) => {
                    let was = std::mem::take(&mut revoked[usize::from(id)]);
                    prop_assert_eq!(directory.reinstate(node(id.into())), was);
                }
                Step::RemoveSite(id) => {
                    let at = usize::from(id);
                    prop_assert_eq!(directory.remove_site(node(id.into())), is_site(at) && keys[at].is_some());
                    if is_site(at) {
                        (keys[at], removed[at]) = (None, true);
                    }
                }
            }
            for at in 0..4 {
                let (id, public) = (node(at as u128), keys[at].map(|number| key(number).public().clone()));
                prop_assert_eq!(directory.key_of(id).cloned(), public.clone());
                prop_assert_eq!(directory.is_site(id), is_site(at) && public.is_some() && !revoked[at]);
                let may_have_tokens = !is_site(at) && public.is_some() && !revoked[at];
                prop_assert_eq!(directory.agent_key(id).ok().cloned(), public.filter(|_| may_have_tokens));
            }
            for number in 0..3 {
                let public = key(number).public().clone();
                let held = (0..4).any(|at| keys[at] == Some(number) && !revoked[at]);
                prop_assert_eq!(directory.signer_key(public.thumbprint()).cloned(), held.then_some(public));
            }
            prop_assert_eq!(directory.len(), keys.iter().flatten().count());
        }
    }
}
