//! What the oracle makes of accounts beside tokens, of revoked agents that come with an account, and of a management agent
//! that does nothing for a while: histories by hand, and small runs.

mod history;
mod small_plan;

use countersign::{
    event::{AccountReason, Carried, EventKind, MachineChange},
    oracle::Judgement,
    plan::{Attack, AttackerPlan, Fault, FaultKind, Invariant, MachineFault, Milestone, Plan},
    report::{Report, Verdict},
    scenario::{Overrides, Scenario},
    types::{
        AccountScheme, ActorId, Authentication, ConnectionId, NodeId, Parameters, Profile, RequestId, Scheme,
        VirtualTime,
    },
};
use history::{History, SITE, SMP, agent, node};

const BOTH: [Profile; 2] = [Profile::Literal, Profile::Hardened];
const NOTHING: [Invariant; 0] = [];

/// Tokens, Windows and ACC are on everywhere.
fn plan(profile: Profile, scheme: Scheme) -> Plan {
    let authentication = Authentication { token: true, windows: true, acc: true, asdk: false };
    let parameters = Parameters { authentication, acc_fallback: true, ..Parameters::defaults(profile) };
    Plan { scheme, parameters, ..history::plan(profile) }
}

fn started(profile: Profile, scheme: Scheme) -> History {
    let mut history = History::new(plan(profile, scheme));
    history.start(SMP).start(SITE);
    history
}

/// An agent authenticates a connection by an account, since tokens have failed.
fn authenticate(history: &mut History, connection: ConnectionId, server: ActorId, account: NodeId) -> RequestId {
    let by_acc = account == NodeId::ACC;
    let scheme = if by_acc { AccountScheme::Ntlm } else { AccountScheme::Negotiate };
    let failed = history.send(agent(1), connection, Carried::Nothing);
    history.receive(agent(1), failed, 503);
    history.say(agent(1), EventKind::CredentialsSent { connection, server, scheme, why: AccountReason::TokenFailed });
    let request = history.send(agent(1), connection, Carried::Nothing);
    history.say(server, EventKind::AccountAccepted { request, scheme, account });
    history.say(server, EventKind::Served { request, agent: Some(account) });
    request
}

/// One more request on a connection, served to whoever it is authenticated for.
fn served_again(history: &mut History, connection: ConnectionId, server: ActorId, account: NodeId) {
    let request = history.send(agent(1), connection, Carried::Nothing);
    history.say(server, EventKind::Served { request, agent: Some(account) });
}

#[test]
fn s4_a_token_of_its_own_serves_a_request_long_after_an_account_did() {
    for accepts in [true, false] {
        let mut history = started(Profile::Hardened, Scheme::Http);
        history.at_s(10);
        let connection = history.open(agent(1), SITE);
        authenticate(&mut history, connection, SITE, node(1));
        for at_s in (600..3_600).step_by(600) {
            history.at_s(at_s);
            served_again(&mut history, connection, SITE, node(1));
        }
        // The account is too old by now.
        history.at_s(4_000);
        let token = history.issue(1);
        history.countersign(agent(1), &token, 1);
        let request = history.send(agent(1), connection, Carried::NewToken);
        if accepts {
            history.accept(SITE, request, &token, 1);
        }
        history.serve(SITE, request, 1);
        let expected: &[Invariant] = if accepts { &[] } else { &[Invariant::S4] };
        assert_eq!(history.violated(), expected);
        // The next one has neither.
        served_again(&mut history, connection, SITE, node(1));
        assert_eq!(history.violated(), [Invariant::S4]);
    }
}

#[test]
fn s4_an_account_is_no_excuse_for_a_second_token() {
    for tokens in [1, 2] {
        let mut history = started(Profile::Literal, Scheme::Http);
        history.at_s(10);
        let connection = history.open(agent(1), SITE);
        authenticate(&mut history, connection, SITE, node(1));
        let token = history.issue(1);
        for counter in 1..=tokens {
            history.countersign(agent(1), &token, counter);
            let request = history.send(agent(1), connection, Carried::NewToken);
            history.accept(SITE, request, &token, counter).serve(SITE, request, 1);
        }
        let expected: &[Invariant] = if tokens == 1 { &[] } else { &[Invariant::S4] };
        assert_eq!(history.violated(), expected, "{tokens} tokens");
    }
}

#[test]
fn s4_what_a_module_knew_of_an_account_is_gone_with_it() {
    let mut history = started(Profile::Literal, Scheme::Http);
    history.at_s(10);
    let connection = history.open(agent(1), SITE);
    authenticate(&mut history, connection, SITE, node(1));
    history.say(SITE, EventKind::Machine(MachineChange::ConnectionForgotten { connection }));
    served_again(&mut history, connection, SITE, node(1));
    assert_eq!(history.violated(), [Invariant::S4]);
}

// --- S7 ------------------------------------------------------------------------------------------------

/// What is made of an agent that comes with an account some seconds after it was revoked.
fn after_revocation(profile: Profile, server: ActorId, account: NodeId, after_s: u64, has_module: bool) -> Judgement {
    let mut history = started(profile, Scheme::Https);
    history.at_s(100).say(SMP, EventKind::Revoked { agent: node(1) });
    history.at_s(100 + after_s);
    let connection = history.open(agent(1), server);
    if !has_module {
        // The one that answers the challenge.
        let request = RequestId { connection, ordinal: 2 };
        let taken = MachineChange::RequestTaken { request, worker: 1, module: None, number: 1, protected: true };
        history.say(server, EventKind::Machine(taken));
    }
    authenticate(&mut history, connection, server, account);
    history.judge()
}

#[test]
fn s7_a_hardened_server_turns_the_own_account_of_a_revoked_agent_away_once_it_knows() {
    let violated = |profile, server, after_s, has_module| {
        let judgement = after_revocation(profile, server, node(1), after_s, has_module);
        judgement.counts.into_keys().collect::<Vec<_>>()
    };
    assert_eq!(violated(Profile::Hardened, SMP, 1, true), [Invariant::S7]);
    // A policy interval, and the time-outs of two fetches.
    assert_eq!(violated(Profile::Hardened, SITE, 900, true), NOTHING);
    assert_eq!(violated(Profile::Hardened, SITE, 940, true), [Invariant::S7]);
    // The documents' revocation ends tokens; and a web server by itself knows of none.
    assert_eq!(violated(Profile::Literal, SMP, 1, true), NOTHING);
    assert_eq!(violated(Profile::Hardened, SMP, 1, false), NOTHING);
}

#[test]
fn s4_a_connection_that_an_account_authenticated_ends_with_the_revocation() {
    for (profile, expected) in [(Profile::Literal, &[][..]), (Profile::Hardened, &[Invariant::S4][..])] {
        let mut history = started(profile, Scheme::Http);
        history.at_s(10);
        let connection = history.open(agent(1), SMP);
        authenticate(&mut history, connection, SMP, node(1));
        let under_way = history.send(agent(1), connection, Carried::Nothing);
        history.at_s(20).say(SMP, EventKind::Revoked { agent: node(1) });
        history.serve(SMP, under_way, 1);
        assert_eq!(history.violated(), NOTHING, "it was sent before");
        served_again(&mut history, connection, SMP, node(1));
        assert_eq!(history.violated(), expected, "{profile}");
    }
}

#[test]
fn who_is_revoked_and_comes_with_the_acc_is_seen_and_nobody_is_blamed() {
    for profile in BOTH {
        let Judgement { counts, reached, .. } = after_revocation(profile, SMP, NodeId::ACC, 1, true);
        assert_eq!((counts.len(), reached.get(&Milestone::RevokedServedByAcc)), (0, Some(&1)), "{profile}");
        let own = after_revocation(profile, SMP, node(1), 1, true);
        assert_eq!(own.reached.get(&Milestone::RevokedServedByAcc), None);
        assert!(own.reached.contains_key(&Milestone::ServedAfterRevocation));
    }
}

// --- a management agent that does nothing ----------------------------------------------------------------

fn pause(what: MachineFault, server: ActorId, from_s: u64, until_s: u64) -> Fault {
    let kind = FaultKind::Machine { server, what };
    Fault { at_ms: from_s * 1_000, until_ms: Some(until_s * 1_000), kind }
}

#[test]
fn s8_a_management_agent_that_hangs_cleans_its_cache_up_a_period_later() {
    for what in [MachineFault::HungManagementAgent, MachineFault::StoppedManagementAgent] {
        // A token for an hour is cached, and nobody validates: the period is ten minutes.
        let with = |faults: Vec<Fault>, end_s| {
            let mut history = History::new(Plan { faults, ..history::plan(Profile::Literal) });
            history.start(SITE);
            let token = history.issue(1);
            history.cache(&token, false).at_s(end_s).violated()
        };
        assert_eq!(with(Vec::new(), 4_204), [Invariant::S8]);
        let hangs = || vec![pause(what, SITE, 3_700, 4_100)];
        assert_eq!(with(hangs(), 4_204), NOTHING);
        assert_eq!(with(hangs(), 4_100 + 600), NOTHING);
        assert_eq!(with(hangs(), 4_100 + 604), [Invariant::S8], "it works again");
        assert_eq!(with(vec![pause(what, SMP, 3_700, 4_100)], 4_204), [Invariant::S8], "that is another one's");
        assert_eq!(with(vec![pause(what, SITE, 3_000, 3_400)], 4_204), [Invariant::S8], "that was long ago");
    }
}

#[test]
fn s8_a_management_agent_that_hangs_purges_its_registry_five_minutes_later() {
    const BOUND_S: u64 = 3_600 + 10_800;
    let with = |faults: Vec<Fault>, end_s| {
        let mut history = History::new(Plan { faults, ..history::plan(Profile::Literal) });
        history.start(SMP).start(SITE);
        let token = history.issue(1);
        let request = history.present(1, SITE, &token, 1);
        history.serve(SITE, request, 1).at_s(end_s).violated()
    };
    assert_eq!(with(Vec::new(), BOUND_S + 5), [Invariant::S8]);
    let hangs = || vec![pause(MachineFault::HungManagementAgent, SITE, BOUND_S - 60, BOUND_S + 600)];
    assert_eq!(with(hangs(), BOUND_S + 600 + 300), NOTHING);
    assert_eq!(with(hangs(), BOUND_S + 600 + 305), [Invariant::S8], "it works again");
}

// --- in runs ---------------------------------------------------------------------------------------------------

/// What comes of two site servers and six agents with a machine each, ACC beside tokens, and this besides.
fn run(profile: &str, more: &str) -> Report {
    const COMMON: &str = r#"
        description = "x"
        crypto = "modelled"
        duration = "40m"
        [network]
        latency = { min = "1ms", max = "5ms" }
        [machine]
        refresh_interval = "2m"
        [[agents]]
        count = 6
        policy_interval = "1m"
        start = { min = "2s", max = "8s" }
        visits = { every = "20s", jitter = "2s" }
        [parameters]
        authentication = ["token", "acc"]
        policy_interval = "1m"
    "#;
    run_of(&format!("profile = \"{profile}\"\n{COMMON}{more}"))
}

fn run_of(text: &str) -> Report {
    let resolved = Scenario::from_toml("my.toml", text).and_then(|it| it.resolve(None, Overrides::default()));
    small_plan::report(&resolved.unwrap_or_else(|error| panic!("{}", error.render(None))))
}

fn assert_passes(report: &Report) {
    assert_eq!(report.verdict, Verdict::Passed, "{:?} {:#?}", report.reasons(), report.violations);
}

#[test]
fn s11_is_not_judged_of_a_site_that_cannot_hear_of_policy() {
    let cut_off =
        "[sites]\ncount = 2\n[[faults]]\nat = \"5m\"\nfor = \"25m\"\npartition = { from = \"site-1\", to = \"smp\" }\n";
    let removed = "[sites]\ncount = 2\n[[faults]]\nat = \"5m\"\nfor = \"25m\"\nremove_site = { site = \"site-1\" }\n";
    let change = "[[faults]]\nat = \"6m\"\nchange_policy = { authentication = [\"acc\"] }\n";
    for fault in ["what = \"swapped_module\"", "what = \"deleted_group\"", "what = \"unregistered_module\""] {
        let fault = format!("[[faults]]\nat = \"15m\"\nmachine = {{ server = \"site-1\", {fault} }}\n");
        assert_passes(&run("hardened", &format!("{cut_off}{change}{fault}")));
        assert_passes(&run("literal", &format!("{removed}{change}{fault}")));
    }
}

#[test]
fn rules_25_65_and_70_go_by_what_policy_says_of_that_server() {
    let text = "[sites]\ncount = 2\nauthentication = [[\"token\"], [\"acc\"]]\n";
    assert_passes(&run("hardened", text));
    let changes = "[sites]\ncount = 2\n\
        [[faults]]\nat = \"5m\"\nfor = \"15m\"\nchange_authentication = { server = \"site-1\", authentication = [\"acc\"] }\n\
        [[faults]]\nat = \"25m\"\nfor = \"10m\"\nchange_authentication = { server = \"smp\", authentication = [\"acc\"] }\n";
    assert_passes(&run("hardened", changes));
    // What happened: the account goes and comes back with each exception.
    let resolve =
        |text: &str| Scenario::from_toml("my.toml", text).unwrap().resolve(None, Overrides::default()).unwrap();
    let common = "description = \"x\"\nprofile = \"literal\"\ncrypto = \"modelled\"\nduration = \"40m\"\n[machine]\n\
        [parameters]\npolicy_interval = \"1m\"\n[[agents]]\ncount = 2\nvisits = { every = \"1m\" }\n";
    let removed: Vec<_> = small_plan::history(&resolve(&format!("{common}{changes}")))
        .into_iter()
        .filter(|event| event.kind == EventKind::Machine(MachineChange::AccountRemoved))
        .map(|event| (event.actor, event.at.nanos() / 60_000_000_000))
        .collect();
    assert_eq!(removed.len(), 2, "{removed:?}");
    assert_eq!(removed[1], (SMP, 25));
    assert!(removed[0].0 == SITE && (5..=7).contains(&removed[0].1), "{removed:?}");
    let of_site_2 = small_plan::history(&resolve(&format!("{common}{text}")))
        .into_iter()
        .filter(|event| event.actor == ActorId::Site(2))
        .any(|event| {
            matches!(
                event.kind,
                EventKind::Machine(MachineChange::AccountSet { .. } | MachineChange::ModuleRegistered { .. })
            )
        });
    assert!(!of_site_2, "no token is on there");
}

#[test]
fn rule_68_where_windows_asks_for_more_than_128_characters_there_is_no_account_and_nobody_is_blamed() {
    let text = "description = \"x\"\nprofile = \"hardened\"\ncrypto = \"modelled\"\nduration = \"20m\"\n[sites]\ncount = 1\n\
        [machine]\nrefresh_interval = \"1m\"\npassword_minimum = 200\n[[agents]]\ncount = 2\nvisits = { every = \"20s\" }\n";
    let report = run_of(text);
    assert_eq!(report.violation_counts.len(), 0, "{:#?}", report.violations);
    assert!(report.milestones.contains_key(&Milestone::AccountAlert), "{:?}", report.milestones);
    assert_eq!(report.verdict, Verdict::Inconclusive, "nobody is served");
}

#[test]
fn a_purge_that_is_due_while_the_management_agent_hangs_is_made_up_for() {
    let text = "[sites]\ncount = 1\n[[faults]]\nat = \"9m\"\nfor = \"8m\"\n\
        machine = { server = \"site-1\", what = \"hung_management_agent\" }\n";
    let short = text.replace("[sites]", "registry_purge_period = \"10m\"\ntoken_lifetime = \"5m\"\n[sites]");
    assert_passes(&run("hardened", &short));
    assert_passes(&run("literal", &short.replace("hung", "stopped")));
}

#[test]
fn agents_that_fall_back_to_windows_come_back_to_tokens_on_the_same_connections() {
    let text = "description = \"x\"\nprofile = \"hardened\"\ncrypto = \"modelled\"\nduration = \"1h 30m\"\n[sites]\ncount = 1\n\
        [parameters]\nauthentication = [\"token\", \"windows\"]\n[[agents]]\ncount = 3\n\
        start = { min = \"40s\", max = \"50s\" }\nbootstrap = \"installed\"\nconnection_use = \"keep_alive\"\n\
        visits = { every = \"15s\", jitter = \"5s\" }\n[[faults]]\nat = \"30s\"\nfor = \"1m\"\ncrash = { who = \"smp\" }\n";
    let report = run_of(text);
    // What the end of an account's hour costs in trips is another matter.
    assert_eq!(report.violation_counts.get(&Invariant::S4), None, "{:#?}", report.violations);
    assert!(report.milestones.contains_key(&Milestone::WindowsAccepted), "{:?}", report.milestones);
}

#[test]
fn the_end_of_a_span_is_within_it() {
    // Times are compared by their ends, which a fault and a look have in common.
    let plan = Plan {
        faults: vec![pause(MachineFault::HungManagementAgent, SITE, 10, 20)],
        ..history::plan(Profile::Literal)
    };
    let agents = countersign::oracle::Assumptions::of(&plan).management_agents;
    let at = |seconds: u64| VirtualTime::from_millis(seconds * 1_000);
    assert!(agents.work(SITE, at(0), at(9)) && agents.work(SITE, at(21), at(30)) && agents.work(SMP, at(0), at(30)));
    assert!(
        !agents.work(SITE, at(0), at(10)) && !agents.work(SITE, at(20), at(30)) && !agents.work(SITE, at(12), at(13))
    );
}

/// Tokens are off until 100 s. An agent that has not heard of the change sends ACC where tokens are offered.
fn sends_acc_at_s(at_s: u64, hears: bool, is_stripped: bool) -> Vec<Invariant> {
    let mut plan = plan(Profile::Hardened, Scheme::Http);
    plan.parameters.authentication = Authentication { acc: true, ..Authentication::NONE };
    plan.parameters.acc_fallback = false;
    let offered = Authentication { token: true, acc: true, ..Authentication::NONE };
    let change =
        FaultKind::ChangePolicy { token_lifetime_s: None, validation_period_s: None, authentication: Some(offered) };
    plan.faults.push(Fault { at_ms: 100_000, until_ms: None, kind: change });
    if is_stripped {
        plan.attackers.push(AttackerPlan {
            attack: Attack::StrippedChallenge,
            server: SITE,
            victim: agent(1),
            start_ms: 0,
            until_ms: 9_000_000,
            interval_ms: 1_000,
            burst: 1,
            key: 0,
        });
    }
    let mut history = History::new(plan);
    history.start(SMP).start(SITE).at_s(10);
    history.say(agent(1), EventKind::PolicyReceived { version: 1, keys: 0 });
    history.at_s(at_s);
    if hears {
        history.say(agent(1), EventKind::PolicyReceived { version: 2, keys: 0 });
    }
    let connection = history.open(agent(1), SITE);
    let request = history.send(agent(1), connection, Carried::Nothing);
    history.say(SITE, EventKind::AuthenticationOffered { request, offered });
    let (scheme, why) = (AccountScheme::Ntlm, AccountReason::NoTokenOffered);
    history.say(agent(1), EventKind::CredentialsSent { connection, server: SITE, scheme, why });
    history.violated()
}

#[test]
fn s10_an_agent_can_be_talked_out_of_tokens_only_until_it_hears_of_them() {
    assert_eq!(sends_acc_at_s(110, false, true), NOTHING);
    assert_eq!(sends_acc_at_s(110, true, true), [Invariant::S10], "it has heard of tokens");
    assert_eq!(sends_acc_at_s(110, false, false), [Invariant::S10], "nobody talked it out of them");
}
