//! A portal and its login tokens (SPEC rules 79 to 83, attack 28), seen in the events of the shipped scenarios; and what the
//! oracle makes of histories that break them.

mod small_plan;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::AtomicBool,
};

use countersign::{
    event::{Carried, Event, EventKind, JobOutcome, Listener, PortalEvent},
    oracle::{Judgement, Oracle},
    plan::{Expectation, Invariant, Milestone, Plan},
    report::Verdict,
    scenario::{Overrides, Scenario, spelled},
    shrink::{Goal, Shrinker},
    trace::first_difference,
    types::{ActorId, ConnectionId, Fingerprint, LoginRefusal, LoginUse, Profile, RequestId, UnixSeconds, VirtualTime},
};
use small_plan::{finished, history, report, shipped_plan, traced, without_jumps};

const SECOND: u64 = 1_000_000_000;

fn events(name: &str, profile: Profile) -> (Plan, Vec<Event>) {
    let plan = shipped_plan(name, None, Some(profile), None);
    let events = history(&plan);
    (plan, events)
}

/// What became of the login tokens that one server was shown, in order: when, and why it was refused if it was.
fn shown_to(server: ActorId, events: &[Event]) -> Vec<(u64, Option<LoginRefusal>)> {
    let at = |event: &Event| event.at.nanos() / SECOND;
    let shown = events.iter().filter(|event| event.actor == server).filter_map(|event| match &event.kind {
        EventKind::Portal(PortalEvent::LoginTokenAccepted { .. }) => Some((at(event), None)),
        EventKind::Portal(PortalEvent::LoginTokenRefused { why, .. }) => Some((at(event), Some(*why))),
        _ => None,
    });
    shown.collect()
}

#[test]
fn rule_82_a_short_token_dies_in_the_exact_second() {
    for profile in [Profile::Literal, Profile::Hardened] {
        let (_, events) = events("portal/skew_to_the_second", profile);
        // At 2 min the clocks differ by 59 s, at 3 min by 60 s, at 4 min not at all.
        let expected = [(60, None), (120, None), (180, Some(LoginRefusal::Expired)), (240, None)];
        assert_eq!(shown_to(ActorId::AdministrationServer, &events), expected);
    }
}

#[test]
fn rule_80_update_ends_a_run_at_its_next_step_and_the_next_run_goes_well() {
    let (plan, events) = events("portal/update_in_a_job", Profile::Literal);
    let runs: Vec<_> = events
        .iter()
        .filter_map(|event| match event.kind {
            EventKind::Portal(PortalEvent::JobEnded { outcome, steps, .. }) => {
                Some((event.at.nanos() / SECOND, outcome, steps))
            }
            _ => None,
        })
        .collect();
    // It steps at 60, 65 and 70 s; the key changes at 72 s.
    assert_eq!(runs, [(75, JobOutcome::Refused, 3), (395, JobOutcome::Done, 8), (695, JobOutcome::Done, 8)]);
    let update = plan.faults[0].at();
    let issued_before: BTreeSet<_> = events
        .iter()
        .take_while(|event| event.at < update)
        .filter_map(|event| match event.kind {
            EventKind::Portal(PortalEvent::LoginTokenIssued { token, .. }) => Some(token),
            _ => None,
        })
        .collect();
    assert!(issued_before.len() >= 2);
    let accepted_after = events.iter().filter(|event| event.at >= update).filter_map(|event| match event.kind {
        EventKind::Portal(PortalEvent::LoginTokenAccepted { token, .. }) => Some(token),
        _ => None,
    });
    assert_eq!(accepted_after.filter(|token| issued_before.contains(token)).count(), 0, "not one of them");
}

#[test]
fn rule_81_each_use_has_its_own_lifetime() {
    let (plan, events) = events("portal/office_day", Profile::Hardened);
    let portal = plan.portal.as_ref().unwrap();
    let mut uses = BTreeMap::new();
    for event in &events {
        if let EventKind::Portal(PortalEvent::LoginTokenIssued { purpose, expires, .. }) = &event.kind {
            let now = plan.clock_of(event.actor).wall_at(plan.run_start, event.at).seconds();
            assert_eq!(*expires, now.after(portal.lifetimes.of(*purpose)), "{purpose} by {}", event.actor);
            *uses.entry(*purpose).or_insert(0) += 1;
        }
    }
    assert_eq!(uses.into_keys().collect::<Vec<_>>(), LoginUse::ALL);
    assert_eq!((portal.lifetimes.administration_s, portal.lifetimes.portlet_s), (60, 600));
}

#[test]
fn rule_81_a_cookie_stands_for_the_password_for_two_weeks() {
    let (_, events) = events("portal/remember_me", Profile::Literal);
    let days = |user: &str| -> Vec<u64> {
        let of_user = events.iter().filter_map(|event| match &event.kind {
            EventKind::Portal(PortalEvent::PasswordAccepted { user: found, .. }) if found == user => {
                Some(event.at.nanos() / SECOND / 86_400)
            }
            _ => None,
        });
        of_user.collect()
    };
    assert_eq!(days("early"), [0, 14]);
    assert_eq!(days("late"), [0, 14]);
    assert_eq!(days("careful").len(), 21);
    // The slow browser sends its cookie when it is over already; the other one in the very second in which it ends.
    let late = events.iter().filter_map(|event| match &event.kind {
        EventKind::Portal(PortalEvent::LoginTokenRefused { why, claimed_user: Some(user), .. }) => {
            Some((*why, user.as_str()))
        }
        _ => None,
    });
    assert_eq!(late.collect::<Vec<_>>(), [(LoginRefusal::Expired, "early"), (LoginRefusal::Expired, "late")]);
}

#[test]
fn rule_83_a_copy_is_accepted_until_the_second_of_the_expiry_and_never_again() {
    for profile in [Profile::Literal, Profile::Hardened] {
        let (_, events) = events("portal/replay_until_expiry", profile);
        let shown = shown_to(ActorId::AdministrationServer, &events);
        let (accepted, refused): (Vec<_>, Vec<_>) = shown.iter().partition(|(_, why)| why.is_none());
        assert!(accepted.len() >= 11, "{accepted:?}");
        assert!(accepted.iter().all(|(at, _)| (10..70).contains(at)), "{accepted:?}");
        assert!(
            refused.len() >= 20 && refused.iter().all(|(at, why)| *at >= 70 && *why == Some(LoginRefusal::Expired))
        );
    }
}

#[test]
fn attack_28_a_delimiter_in_an_id_logs_in_somebody_else_where_readers_are_lenient() {
    let accepted = |profile| {
        let (_, events) = events("portal/delimiter_in_user_id", profile);
        let by_attacker = openers(&events);
        let accepted = events.iter().filter_map(|event| match &event.kind {
            EventKind::Portal(PortalEvent::LoginTokenAccepted { request, user, expires, .. })
                if matches!(by_attacker.get(&request.connection), Some(ActorId::Attacker(_))) =>
            {
                Some((user.clone(), expires.0))
            }
            _ => None,
        });
        accepted.collect::<BTreeSet<_>>()
    };
    assert_eq!(accepted(Profile::Literal), [("admin".to_owned(), 9_999_999_999)].into());
    assert_eq!(accepted(Profile::Hardened), [].into());
}

fn openers(events: &[Event]) -> BTreeMap<ConnectionId, ActorId> {
    let opened = events.iter().filter_map(|event| match event.kind {
        EventKind::ConnectionOpened { connection, .. } => Some((connection, event.actor)),
        _ => None,
    });
    opened.collect()
}

// Rule 79, too: a user, an expiry and a tag over both.
#[test]
fn attack_28_nothing_that_is_altered_is_accepted() {
    for profile in [Profile::Literal, Profile::Hardened] {
        let (_, events) = events("portal/forged_tokens", profile);
        let attempts: Vec<_> = events
            .iter()
            .filter_map(|event| match &event.kind {
                EventKind::Attempted { what, status } => Some((what.as_str(), *status)),
                _ => None,
            })
            .collect();
        let kinds: BTreeSet<_> = attempts.iter().map(|(what, _)| *what).collect();
        assert_eq!(kinds.len(), 6, "{kinds:?}");
        assert!(attempts.len() > 100 && attempts.iter().all(|(_, status)| *status == Some(401)), "{attempts:?}");
    }
}

#[test]
fn attack_28_where_there_is_one_user_only_strangers_are_forged() {
    for user in ["admin", "user"] {
        let mut plan = shipped_plan("portal/forged_tokens", None, None, None);
        plan.attackers.truncate(1);
        let portal = plan.portal.as_mut().unwrap();
        portal.browsers.truncate(1);
        portal.browsers[0].user = user.to_owned();
        plan.expectation = Expectation::default();
        let report = report(&plan);
        assert!(report.milestones.contains_key(&Milestone::AttackRefused), "{user}: {:?}", report.milestones);
        assert_eq!(report.milestones.get(&Milestone::AttackServed), None, "{user}");
    }
}

#[test]
fn rule_80_update_ends_what_a_stolen_key_is_good_for() {
    let (plan, events) = events("portal/stolen_key", Profile::Hardened);
    let update = plan.faults[0].at();
    let status = |event: &Event| match event.kind {
        EventKind::Attempted { status, .. } => Some((event.at < update, status)),
        _ => None,
    };
    let outcomes: BTreeSet<_> = events.iter().filter_map(status).collect();
    assert_eq!(outcomes, [(true, Some(200)), (false, Some(401))].into());
}

#[test]
fn a_portal_runs_the_same_twice_and_whether_or_not_idle_time_is_jumped_over() {
    for name in ["portal/hardship", "portal/forged_tokens"] {
        let plan = shipped_plan(name, Some(3), None, None);
        let (first, second) = (traced(&plan, true), traced(&plan, true));
        assert_eq!(first_difference(&*first.1, &*second.1).unwrap(), None);
        assert!(plan.duration_ms > 600_000 || first.0.digest == without_jumps(&plan).digest, "{name}");
    }
}

#[test]
fn no_seed_and_no_profile_logs_anybody_in_who_should_not_be() {
    for seed in 1..=12 {
        for profile in [Profile::Literal, Profile::Hardened] {
            let plan = shipped_plan("portal/hardship", Some(seed), Some(profile), None);
            let report = report(&plan);
            assert_eq!(report.verdict, Verdict::Passed, "seed {seed}, {profile}: {:?}", report.violations);
        }
    }
}

#[test]
fn a_portal_shrinks_to_whom_the_failure_needs() {
    let plan = shipped_plan("portal/hardship", Some(2), Some(Profile::Literal), None);
    let violation = finished(&plan).judgement.violations.into_iter().find(|it| it.invariant == Invariant::S2).unwrap();
    let (goal, never) = (Goal::of(&violation), AtomicBool::new(false));
    let fails = |plan: &Plan| {
        plan.check().ok()?;
        goal.find(plan, &never).unwrap().map(|failed| failed.at)
    };
    let shrunk = Shrinker::new(plan, 2, &fails, &|| false, &mut |_| {}).shrink(violation.at).plan;
    let portal = shrunk.portal.as_ref().unwrap();
    assert_eq!((portal.jobs.len(), shrunk.faults.len(), shrunk.attackers.len()), (0, 0, 1), "{shrunk:?}");
    // The attacker names its victim: the first or the second browser, and the first keeps its number.
    assert!(portal.browsers.len() <= 2 && shrunk.duration_ms <= 5 * 60_000, "{shrunk:?}");
}

#[test]
fn a_portal_comes_back_from_a_plan_file_and_from_a_scenario_that_spells_it_out() {
    let plan = shipped_plan("portal/hardship", None, None, None);
    assert_eq!(Plan::from_json("plan.json", &plan.to_json().unwrap()).unwrap(), plan);
    let text = spelled(&plan, "Spelled out.");
    let again = Scenario::from_toml("spelled.toml", &text).unwrap();
    let again =
        again.resolve(None, Overrides::default()).unwrap_or_else(|error| panic!("{}\n{text}", error.render(None)));
    assert_eq!(again.portal, plan.portal, "{text}");
    assert_eq!((again.faults, again.attackers.len()), (plan.faults, plan.attackers.len()));
}

#[test]
fn a_plan_without_a_portal_says_nothing_of_one() {
    let plan = shipped_plan("smoke/first_contact", None, None, None);
    let text = plan.to_json().unwrap();
    assert!(!text.contains("portal") && !text.contains("browser"), "{text}");
}

#[test]
fn mistakes_in_a_portal_are_told_with_their_place() {
    let error = |portal: &str| {
        let text = format!("description = \"x\"\nprofile = \"literal\"\nduration = \"5m\"\n{portal}");
        let resolved = Scenario::from_toml("my.toml", &text).and_then(|it| it.resolve(None, Overrides::default()));
        resolved.unwrap_err().render(None)
    };
    for (portal, expected) in [
        ("[portal]\ndelimiter = \"a\"", "my.toml:5:13"),
        ("[portal]\nlifetimes = { portlet = \"0s\" }", "my.toml:5:25"),
        ("[portal]\nfront_end = { clock = { drift_ppm = 200_000 } }", "my.toml:5:37"),
        ("[[portal.jobs]]\nuser = \"a b\"\nruns = { every = \"1m\" }", "my.toml:5:8"),
        ("[[portal.jobs]]\nuser = \"a\"\nruns = { every = \"1m\" }\nsteps = 0", "my.toml:7:9"),
        ("[[portal.browsers]]\nuser = \"a\"\nvisits = {}", "my.toml:6:10"),
        ("[[portal.browsers]]\nuser = \"a\"\nvisits = { every = \"1m\" }\nimpersonates = \"b\"", "no `administers`"),
        (
            "[[faults]]\nat = \"1m\"\nportal_update = {}\n[[agents]]\ncount = 1\nserver = \"smp\"\nvisits = { every = \"1m\" }",
            "no portal",
        ),
        ("[portal]\n[[faults]]\nat = \"1m\"\nfor = \"1m\"\nportal_update = {}", "for good"),
        ("[portal]\n[[attackers]]\nattack = \"login_replay\"\nvictim = \"browser-1\"", "it has no browser"),
        ("[portal]\n[[attackers]]\nattack = \"login_replay\"\nvictim = \"front-end\"\nserver = \"smp\"", "`front-end`"),
    ] {
        let said = error(portal);
        assert!(said.contains(expected), "{portal}\n{said}");
    }
}

// --- the oracle ------------------------------------------------------------------------------------------

const FRONT_END: ActorId = ActorId::FrontEnd;
const BROWSER: ActorId = ActorId::Browser(1);
const ATTACKER: ActorId = ActorId::Attacker(1);

/// A portal of one browser and an attacker, and a history of it, an event a second.
struct Told {
    plan: Plan,
    events: Vec<(ActorId, EventKind)>,
}

impl Told {
    fn by(attack: &str) -> Self {
        let text = format!(
            "description = \"x\"\nprofile = \"literal\"\nduration = \"10m\"\n[portal]\n[[portal.browsers]]\nuser = \
             \"admin\"\nvisits = {{ every = \"1m\" }}\n[[attackers]]\nattack = \"{attack}\"\nstart = \"3s\"\n"
        );
        let plan = Scenario::from_toml("told.toml", &text).unwrap().resolve(None, Overrides::default()).unwrap();
        let opened = |connection, by| {
            let connection = ConnectionId(connection);
            (by, EventKind::ConnectionOpened { connection, server: FRONT_END, secure: false })
        };
        Self { plan, events: vec![opened(1, BROWSER), opened(2, ATTACKER)] }
    }

    fn start(&self) -> u64 {
        self.plan.run_start.0
    }

    /// At the second that is as many as there are events before.
    fn then(mut self, kind: EventKind) -> Self {
        self.events.push((FRONT_END, kind));
        self
    }

    fn issued(mut self, user: &str, life: u64) -> Self {
        // It lives as long as the plan says of its use.
        self.plan.portal.as_mut().unwrap().lifetimes.remember_me_s = life - self.events.len() as u64;
        let expires = UnixSeconds(self.start() + life);
        self.then(EventKind::Portal(PortalEvent::LoginTokenIssued {
            user: user.into(),
            purpose: LoginUse::RememberMe,
            expires,
            token: TOKEN,
        }))
    }

    fn accepted(self, connection: u64, user: &str, life: u64) -> Self {
        let (request, expires) = (request(connection), UnixSeconds(self.start() + life));
        self.then(EventKind::Portal(PortalEvent::LoginTokenAccepted {
            request,
            user: user.into(),
            expires,
            token: TOKEN,
        }))
    }

    fn updated(self) -> Self {
        self.then(EventKind::Portal(PortalEvent::LoginTokenKeyUpdated { updates: 1 }))
    }

    fn refused(self, why: LoginRefusal) -> Self {
        self.then(EventKind::Portal(PortalEvent::LoginTokenRefused {
            request: request(1),
            why,
            claimed_user: None,
            token: TOKEN,
        }))
    }

    fn violated(self) -> Vec<Invariant> {
        let mut oracle = Oracle::new(&self.plan);
        for (second, (actor, kind)) in (0..).zip(self.events) {
            oracle.hear(&Event { at: VirtualTime::from_millis(second * 1_000), actor, kind });
        }
        let Judgement { counts, .. } = oracle.finish(VirtualTime::from_millis(60_000));
        counts.into_keys().collect()
    }
}

const TOKEN: Fingerprint = Fingerprint(7);

fn request(connection: u64) -> RequestId {
    RequestId { connection: ConnectionId(connection), ordinal: 1 }
}

#[test]
fn s2_a_login_token_was_issued_under_the_key_of_the_day_and_reads_as_it_was_issued() {
    let told = || Told::by("login_replay");
    assert_eq!(told().issued("admin", 60).accepted(1, "admin", 60).violated(), []);
    assert_eq!(told().accepted(1, "admin", 60).violated(), [Invariant::S2], "nobody made it");
    assert_eq!(told().issued("admin|9", 60).accepted(1, "admin", 60).violated(), [Invariant::S2]);
    assert_eq!(told().issued("admin", 60).accepted(1, "admin", 99).violated(), [Invariant::S2]);
    assert_eq!(told().issued("admin", 60).updated().accepted(1, "admin", 60).violated(), [Invariant::S2]);
    assert_eq!(told().updated().issued("admin", 60).accepted(1, "admin", 60).violated(), []);
}

#[test]
fn s2_whoever_stole_the_key_is_excused_until_update() {
    // The attacker starts at 3 s; the first event beside its connection is at 2 s.
    let denied = PortalEvent::LoginTokenDenied { user: "other".into(), purpose: LoginUse::RememberMe };
    let told = || Told::by("login_key_theft").issued("other", 60).then(EventKind::Portal(denied.clone()));
    assert_eq!(told().then_unknown(2).violated(), []);
    assert_eq!(told().updated().then_unknown(2).violated(), [Invariant::S2, Invariant::S13]);
    assert_eq!(told().then_unknown(1).violated(), [Invariant::S2], "the browser has stolen nothing");
}

impl Told {
    fn then_unknown(self, connection: u64) -> Self {
        let expires = UnixSeconds(self.start() + 60);
        let (request, token) = (request(connection), Fingerprint(8));
        self.then(EventKind::Portal(PortalEvent::LoginTokenAccepted { request, user: "admin".into(), expires, token }))
    }
}

#[test]
fn s3_a_login_token_is_of_no_use_in_the_second_of_its_expiry() {
    // It is accepted at 3 s.
    assert_eq!(Told::by("login_replay").issued("admin", 4).accepted(1, "admin", 4).violated(), []);
    assert_eq!(Told::by("login_replay").issued("admin", 3).accepted(1, "admin", 3).violated(), [Invariant::S3]);
    // Whatever it says itself.
    let both = Told::by("login_replay").issued("admin", 3).accepted(1, "admin", 99).violated();
    assert_eq!(both, [Invariant::S2, Invariant::S3]);
}

#[test]
fn s13_nobody_is_logged_in_as_somebody_else() {
    let told = || Told::by("login_delimiter").issued("admin|9999999999", 60);
    assert_eq!(told().accepted(2, "admin|9999999999", 60).violated(), [], "its own account");
    assert_eq!(told().accepted(2, "admin", 60).violated(), [Invariant::S2, Invariant::S13]);
    let copied = Told::by("login_replay").issued("admin", 60).accepted(2, "admin", 60);
    assert_eq!(copied.violated(), [Invariant::S13]);
    let by_nobody = Told::by("login_replay").issued("admin", 60).accepted(9, "admin", 60);
    assert_eq!(by_nobody.violated(), [Invariant::S13]);
}

#[test]
fn l1_a_login_token_that_is_good_is_taken() {
    let told = || Told::by("login_replay");
    assert_eq!(told().issued("admin", 4).refused(LoginRefusal::BadTag).violated(), [Invariant::L1]);
    assert_eq!(told().issued("admin", 3).refused(LoginRefusal::Expired).violated(), []);
    assert_eq!(told().issued("admin", 60).updated().refused(LoginRefusal::BadTag).violated(), []);
    assert_eq!(told().refused(LoginRefusal::BadTag).violated(), [], "nobody made it");
}

#[test]
fn s3_a_login_token_lives_as_long_as_its_use_allows() {
    let of_lifetime = |seconds: u64| {
        let mut told = Told::by("login_replay").issued("admin", 60);
        told.plan.portal.as_mut().unwrap().lifetimes.remember_me_s = seconds;
        told.violated()
    };
    // It is made at 2 s.
    assert_eq!(of_lifetime(58), []);
    assert_eq!((of_lifetime(57), of_lifetime(59)), (vec![Invariant::S3], vec![Invariant::S3]));
    // By the clock of whoever makes it.
    let slow = |lifetime: u64| {
        let mut told = Told::by("login_replay").issued("admin", 60);
        told.plan.portal.as_mut().unwrap().front_end.offset_ms = -10_000;
        told.plan.portal.as_mut().unwrap().lifetimes.remember_me_s = lifetime;
        told.violated()
    };
    assert_eq!((slow(68), slow(58)), (vec![], vec![Invariant::S3]));
}

/// What is violated of what servers tell, at these seconds; browsers 1 and 2 have a connection of their number to each.
fn violated_of(told: &[(u64, ActorId, PortalEvent)]) -> Vec<Invariant> {
    let text = "description = \"x\"\nprofile = \"literal\"\nduration = \"1h\"\n[[portal.browsers]]\nuser = \"admin\"\n\
        administers = true\nvisits = { every = \"1m\" }\n[[portal.browsers]]\nuser = \"user\"\nvisits = { every = \"1m\" }\n";
    let plan = Scenario::from_toml("told.toml", text).unwrap().resolve(None, Overrides::default()).unwrap();
    let mut oracle = Oracle::new(&plan);
    let mut say = |second: u64, actor, kind| {
        oracle.hear(&Event { at: VirtualTime::from_millis(second * 1_000), actor, kind });
    };
    for (connection, browser, server) in [
        (1, 1, FRONT_END),
        (2, 2, FRONT_END),
        (11, 1, ActorId::AdministrationServer),
        (12, 2, ActorId::AdministrationServer),
    ] {
        let connection = ConnectionId(connection);
        say(0, ActorId::Browser(browser), EventKind::ConnectionOpened { connection, server, secure: false });
    }
    for (second, actor, event) in told {
        let event = match event.clone() {
            PortalEvent::LoginTokenIssued { user, purpose, token, .. } => {
                let lifetime = plan.portal.as_ref().unwrap().lifetimes.of(purpose);
                let expires = UnixSeconds(plan.run_start.0 + second).after(lifetime);
                PortalEvent::LoginTokenIssued { user, purpose, expires, token }
            }
            other => other,
        };
        say(*second, *actor, EventKind::Portal(event));
    }
    oracle.finish(VirtualTime::from_millis(3_600_000)).counts.into_keys().collect()
}

fn let_in(connection: u64, user: &str) -> PortalEvent {
    PortalEvent::PasswordAccepted { request: request(connection), user: user.into() }
}

fn opened(connection: u64, user: &str) -> PortalEvent {
    PortalEvent::SessionOpened { request: request(connection), user: user.into() }
}

fn used(connection: u64, user: &str) -> PortalEvent {
    PortalEvent::SessionUsed { request: RequestId { ordinal: 2, ..request(connection) }, user: user.into() }
}

fn token_for(user: &str, purpose: LoginUse) -> PortalEvent {
    // When it expires is put in where it is told.
    PortalEvent::LoginTokenIssued { user: user.into(), purpose, expires: UnixSeconds(0), token: TOKEN }
}

#[test]
fn s4_a_session_is_opened_for_whom_its_request_let_in_and_used_by_nobody_else() {
    const S4: [Invariant; 1] = [Invariant::S4];
    let open = [(1, FRONT_END, let_in(1, "admin")), (1, FRONT_END, opened(1, "admin"))];
    let then = |more: &[(u64, ActorId, PortalEvent)]| violated_of(&[&open[..], more].concat());
    assert_eq!(then(&[(2, FRONT_END, used(1, "admin"))]), []);
    assert_eq!(violated_of(&open[1..]), S4, "nobody was let in");
    assert_eq!(then(&[(1, FRONT_END, opened(1, "admin"))]), S4, "once is enough");
    assert_eq!(violated_of(&[(1, FRONT_END, let_in(1, "user")), (1, FRONT_END, opened(1, "admin"))]), S4);
    assert_eq!(then(&[(2, FRONT_END, used(2, "admin"))]), S4, "another's");
    assert_eq!(then(&[(2, FRONT_END, used(1, "user"))]), S4, "in another's name");
    assert_eq!(then(&[(2, ActorId::AdministrationServer, used(11, "admin"))]), S4, "another server's");
    assert_eq!(then(&[(1_200, FRONT_END, used(1, "admin"))]), []);
    assert_eq!(then(&[(1_201, FRONT_END, used(1, "admin"))]), S4, "it has ended");
    let at_administration = |connection, user| {
        let server = ActorId::AdministrationServer;
        violated_of(&[(1, server, let_in(connection, user)), (1, server, opened(connection, user))])
    };
    assert_eq!((at_administration(11, "admin"), at_administration(12, "user")), (vec![], S4.to_vec()));
}

#[test]
fn s4_each_use_of_login_tokens_has_its_maker_and_a_session_behind_it() {
    use LoginUse::{Administration, Automation, Impersonation, Portlet, RememberMe};
    const S4: [Invariant; 1] = [Invariant::S4];
    let in_session = |server: ActorId, connection, user: &str, at, whom: &str, purpose| {
        let open = [(1, server, let_in(connection, user)), (1, server, opened(connection, user))];
        let use_it = [(2, server, used(connection, user)), (at, server, token_for(whom, purpose))];
        violated_of(&[open, use_it].concat())
    };
    let (front, administration) = (FRONT_END, ActorId::AdministrationServer);
    assert_eq!(in_session(front, 1, "admin", 2, "admin", Administration), []);
    assert_eq!(in_session(front, 2, "user", 2, "user", Administration), S4, "no administrator");
    assert_eq!(in_session(front, 2, "user", 2, "user", Portlet), []);
    assert_eq!(in_session(front, 2, "user", 2, "admin", Portlet), S4, "for somebody else");
    assert_eq!(in_session(front, 2, "user", 3, "user", Portlet), S4, "nobody asked then");
    assert_eq!(in_session(administration, 11, "admin", 2, "user", Impersonation), []);
    assert_eq!(in_session(administration, 11, "admin", 3, "user", Impersonation), S4);
    assert_eq!(in_session(front, 1, "admin", 2, "user", Impersonation), S4, "not there");
    assert_eq!(violated_of(&[(1, ActorId::AutomationServer, token_for("user", Automation))]), []);
    assert_eq!(violated_of(&[(1, FRONT_END, token_for("user", Automation))]), S4);
    assert_eq!(violated_of(&[(1, FRONT_END, token_for("user", RememberMe))]), []);
    assert_eq!(violated_of(&[(1, administration, token_for("admin", RememberMe))]), S4);
}

fn portal_of(profile: &str, more: &str) -> Result<Plan, String> {
    let text = format!("description = \"x\"\nprofile = \"{profile}\"\nduration = \"10m\"\n{more}");
    let resolved = Scenario::from_toml("my.toml", &text).and_then(|it| it.resolve(None, Overrides::default()));
    resolved.map_err(|error| error.render(None))
}

#[test]
fn a_user_for_whom_a_hardened_portal_can_make_no_token_is_a_mistake_in_the_scenario() {
    let browser =
        "[portal]\ndelimiter = \"-\"\n[[portal.browsers]]\nuser = \"a\"\ncount = 2\nvisits = { every = \"1m\" }\n";
    let job = "[portal]\ndelimiter = \"-\"\n[[portal.jobs]]\nuser = \"a-b\"\nruns = { every = \"1m\" }\n";
    let becomes = "[portal]\ndelimiter = \"-\"\n[[portal.browsers]]\nuser = \"a\"\nadministers = true\nimpersonates = \"b-1\"\n\
        visits = { every = \"1m\" }\n";
    for (text, place) in [(browser, "portal.browsers"), (job, "my.toml:7:8"), (becomes, "my.toml:")] {
        let said = portal_of("hardened", text).unwrap_err();
        assert!(said.contains(place) && said.contains("the delimiter `-`"), "{said}");
        // The documents' portal makes them, and reads them wrongly (attack 28).
        portal_of("literal", text).unwrap();
    }
    portal_of("hardened", &browser.replace("count = 2\n", "")).unwrap();
}

#[test]
fn a_portal_into_which_nobody_gets_has_shown_nothing() {
    let text = "[portal]\n[[portal.browsers]]\nuser = \"a\"\nvisits = { every = \"1m\" }\n[[faults]]\nat = \"0s\"\nfor = \"10m\"\n\
        crash = { who = \"front-end\" }\n";
    let nobody = report(&portal_of("hardened", text).unwrap());
    assert_eq!(nobody.verdict, Verdict::Inconclusive, "{:?}", nobody.reasons());
    assert!(nobody.meaning().contains("not one session"), "{}", nobody.meaning());
    let somebody = report(&portal_of("hardened", &text.replace("10m", "1m")).unwrap());
    assert_eq!(somebody.verdict, Verdict::Passed, "{:?}", somebody.reasons());
    let unused = report(&portal_of("hardened", "[portal]\n").unwrap());
    assert_eq!(unused.verdict, Verdict::Passed, "nobody asked: {:?}", unused.reasons());
}

#[test]
fn requests_with_a_login_token_say_so() {
    let (_, events) = events("portal/update_in_a_job", Profile::Literal);
    let openers = openers(&events);
    let carried: BTreeSet<_> = events
        .iter()
        .filter_map(|event| match event.kind {
            EventKind::RequestSent { request, carries, .. } => {
                Some((openers[&request.connection], carries == Carried::LoginToken))
            }
            _ => None,
        })
        .collect();
    assert!(
        carried.contains(&(ActorId::AutomationServer, true)) && !carried.contains(&(ActorId::AutomationServer, false))
    );
    assert!(carried.contains(&(BROWSER, true)) && carried.contains(&(BROWSER, false)));
}
