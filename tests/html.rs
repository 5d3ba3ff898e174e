//! The report as a page: what stands in it, what does not, and how large it gets.

mod loose_events;
mod page;
mod small_plan;

use std::collections::BTreeMap;

use countersign::{
    event::{Event, EventKind},
    metrics::{BUCKETS_MAX, Histogram, Latencies, Timeline},
    oracle::{Judgement, Scene, Violation},
    plan::{Attack, AttackerPlan, Fault, FaultKind, Group, Invariant, Milestone, Plan},
    report::{Environment, Evidence, Findings, Report, html, space_time_svg, text},
    run::Finished,
    types::{ActorId, CryptoTier, Profile, Refusal, VirtualTime},
};
use loose_events::{fleet, measure, plan, request};

fn findings(plan: &Plan) -> Findings {
    Findings {
        judgement: Judgement::default(),
        measurements: measure(plan, fleet::history(plan, 100, 20)),
        pace: None,
        latencies: Default::default(),
        digest: Some("5eed".repeat(16)),
        interrupted: false,
        reproduce: "countersign run smoke/by_hand --seed 7".into(),
        environment: Environment { version: "0.1.0".into(), wall_ns: 1_234_567_890, cpus: 2, ..Environment::default() },
    }
}

fn latencies() -> Latencies {
    let mut latencies = Latencies::default();
    let mut fill = |of: fn(&mut Latencies) -> &mut Histogram, scale: u64| {
        (0..10_000_u64).for_each(|number| of(&mut latencies).record(number * number % 9_973 * scale));
    };
    fill(|of| &mut of.one_step_ns, 1_000);
    fill(|of| &mut of.two_step_ns, 5_000);
    fill(|of| &mut of.slot_wait_ns, 300);
    fill(|of| &mut of.refresh_ns, 90_000);
    latencies
}

fn page(plan: &Plan, report: &Report, scene: Option<&Scene>) -> String {
    html(report, plan, Evidence { latencies: &latencies(), scene, trace: Some("../a trace #1.jsonl") }).unwrap()
}

fn violation(event_number: u64, what: &str) -> Violation {
    let (invariant, at) = (Invariant::S1, VirtualTime::from_millis(5));
    Violation { invariant, at, actor: ActorId::Site(1), event_number, what: what.into() }
}

#[test]
fn every_figure_is_that_of_the_json() {
    let plan = plan();
    let report = Report::new(&plan, findings(&plan));
    let compared = page::compare(&page(&plan, &report, None), &report.to_json().unwrap());
    assert!(compared > 50, "only {compared} figures");
}

#[test]
fn the_verdict_and_the_command_come_first() {
    let plan = plan();
    let page = page(&plan, &Report::new(&plan, findings(&plan)), None);
    let body = page.split_once("<body>").unwrap().1;
    let places =
        ["PASSED", "countersign run smoke/by_hand --seed 7", "<h2>Violations", "<h2>Timelines", "<h2>Coverage"];
    let found: Vec<_> = places.iter().map(|place| body.find(place).unwrap_or_else(|| panic!("no {place}"))).collect();
    assert!(found.is_sorted(), "{found:?}");
    assert!(!page.contains("Around the violation"), "there is no event to look at more closely");
}

#[test]
fn the_page_asks_for_nothing_from_anywhere() {
    let plan = plan();
    let page = page(&plan, &Report::new(&plan, findings(&plan)), None);
    for asks in ["http://", "https://", "src=", "@import", "url(", "<link rel=\"stylesheet"] {
        assert!(!page.contains(asks), "{asks}");
    }
    assert!(page.contains("default-src 'none'"));
}

#[test]
fn files_are_linked_relative_to_the_page() {
    let plan = plan();
    let page = page(&plan, &Report::new(&plan, findings(&plan)), None);
    for link in ["plan.json", "report.json", "report.txt", "../a%20trace%20%231.jsonl"] {
        assert!(page.contains(&format!("href=\"{link}\"")), "{link}");
    }
}

#[test]
fn what_others_wrote_is_text_and_never_markup() {
    const EVIL: &str = r#"</script><script>alert("1")</script><img src=x onerror='a'>&"#;
    let mut plan = plan();
    plan.scenario = EVIL.into();
    let mut findings = findings(&plan);
    findings.reproduce = EVIL.into();
    findings.judgement.violations = vec![violation(1, EVIL)];
    findings.judgement.counts = BTreeMap::from([(Invariant::S1, 9)]);
    findings.judgement.not_judged = BTreeMap::from([(Invariant::L1, EVIL.into())]);
    let kind = EventKind::Attempted { what: EVIL.into(), status: None };
    let event = Event { at: VirtualTime::ZERO, actor: ActorId::Attacker(1), kind };
    let scene = Scene { violation: violation(1, EVIL), events: vec![(1, event)] };
    let report = Report::new(&plan, findings);
    let latencies = Latencies::default();
    let page =
        html(&report, &plan, Evidence { latencies: &latencies, scene: Some(&scene), trace: Some(EVIL) }).unwrap();
    assert!(!page.contains("<img") && !page.contains("alert(\""), "markup got in");
    assert_eq!((page.matches("<script>").count(), page.matches("</script>").count()), (1, 1));
}

#[test]
fn two_runs_of_one_plan_have_the_same_page_but_for_the_environment() {
    let plan = plan();
    let first = Report::new(&plan, findings(&plan));
    let mut second = first.clone();
    second.environment = Environment { wall_ns: 7, memory_peak_bytes: Some(1), ..Environment::default() };
    let split = |report: &Report| {
        let page = page(&plan, report, None);
        let (above, below) = page.split_once("<footer id=\"environment\">").unwrap();
        let (footer, rest) = below.split_once("</footer>").unwrap();
        ((above.to_owned(), rest.to_owned()), footer.to_owned())
    };
    let (first, second) = (split(&first), split(&second));
    assert_eq!(first.0, second.0);
    assert_ne!(first.1, second.1);
}

#[test]
fn an_empty_run_has_a_page_too() {
    let plan = plan();
    let mut findings = findings(&plan);
    findings.measurements = measure(&plan, []);
    let report = Report::new(&plan, findings);
    let latencies = Latencies::default();
    let page = html(&report, &plan, Evidence { latencies: &latencies, scene: None, trace: None }).unwrap();
    assert!(page.contains("Nothing was measured that takes time."));
    let absent = "No authentications, refusals, batch refreshes, requests to the issuer, registries, caches or \
                  connections in this run.";
    assert!(page.contains(absent), "{page}");
    assert!(!page.contains("NaN") && !page.contains("inf"));
}

#[test]
fn a_violation_is_drawn_with_those_who_have_to_do_with_it_and_nobody_else() {
    let plan =
        small_plan::shipped_plan("attack/21_injection", None, Some(Profile::Literal), Some(CryptoTier::Modelled));
    let Finished { scene, .. } = small_plan::finished(&plan);
    let scene = scene.unwrap();
    assert_eq!(scene.violation.invariant, Invariant::S13);
    let page = page(&plan, &Report::new(&plan, findings(&plan)), Some(&scene));
    let diagram = page.split_once("<figure class=\"space-time\">").unwrap().1.split_once("</figure>").unwrap().0;
    assert!(diagram.contains(&scene.violation.what));
    let actors: Vec<_> = diagram.split("<text class=\"actor\"").skip(1).map(|rest| &rest[..60]).collect();
    let is_shown = |name: &str| actors.iter().any(|actor| actor.contains(&format!(">{name}<")));
    assert!(is_shown("agent-1") && is_shown("attacker-1") && is_shown("site-1"), "{actors:?}");
    assert_eq!(actors.len(), 3);
    let who = diagram.split("<tspan class=\"who\">").skip(1).map(|rest| rest.split('<').next().unwrap());
    assert!(who.clone().count() > 20 && who.into_iter().all(is_shown));
    assert_eq!(diagram.matches("class=\"violating\"").count(), 1);
    let rows = diagram.matches("<title>event ").count();
    assert!((20..=91).contains(&rows), "{rows} rows");
    assert!(diagram.matches("message interception").count() > 1 && diagram.matches("message request").count() > 5);
}

#[test]
fn the_diagram_is_also_a_file_that_stands_alone() {
    let plan =
        small_plan::shipped_plan("attack/21_injection", None, Some(Profile::Literal), Some(CryptoTier::Modelled));
    let Finished { judgement, scene, .. } = small_plan::finished(&plan);
    let mut scene = scene.unwrap();
    // What others wrote is text here, too, and what XML has no place for is left out.
    scene.violation.what += " <script>&\u{1b}";
    let report = Report::new(&plan, Findings { judgement, ..findings(&plan) });
    let drawing = space_time_svg(&report, &scene).unwrap();
    let read = roxmltree::Document::parse(&drawing).unwrap_or_else(|error| panic!("{error}:\n{drawing}"));
    assert_eq!(read.root_element().tag_name().namespace(), Some("http://www.w3.org/2000/svg"));
    let texts = |class: &str| {
        let of =
            read.descendants().filter(|node| node.attribute("class").is_some_and(|found| found.starts_with(class)));
        of.map(|node| node.text().unwrap_or_default().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(texts("heading expected"), ["S13 in attack/21_injection, seed 1"]);
    assert!(
        texts("what").join(" ").ends_with("but the request was sent by attacker-1 <script>&"),
        "{:?}",
        texts("what")
    );
    assert_eq!(texts("command").join(" "), report.reproduce);
    assert_eq!(texts("actor"), ["agent-1", "attacker-1", "site-1"]);
    // The same rows as in the page, in the same order, with one violation among them.
    let page = page(&plan, &report, Some(&scene));
    let rows = |text: &str| {
        let rows = text.split("<g><title>").flat_map(|piece| piece.split("<g class=\"violating\"><title>"));
        let rows = rows.skip(1).map(|row| {
            let (number, rest) = row.split_once('<').unwrap();
            let (_, words) = rest.split_once("<tspan class=\"who\">").unwrap();
            format!("{number} {}", words.split("</text>").next().unwrap())
        });
        rows.collect::<Vec<_>>()
    };
    assert!(rows(&page).len() > 20);
    assert_eq!(rows(&drawing), rows(&page));
    assert_eq!(texts("violating").len(), 1);
    // It asks for nothing from anywhere, and has colours for both kinds of screen.
    assert!(!drawing.replace("http://www.w3.org/2000/svg", "").contains("//"), "{drawing}");
    assert!(!drawing.contains("url(") && drawing.contains("prefers-color-scheme: dark"));
}

#[test]
fn a_run_that_was_stopped_as_asked_says_so_and_when() {
    let plan = plan();
    let stopped = |interrupted, until_ms: Option<u64>| {
        let mut findings = findings(&plan);
        findings.interrupted = interrupted;
        findings.measurements.duration_ns = 120_000_000_000;
        Report::new(&plan, findings).until(until_ms.map(VirtualTime::from_millis))
    };
    const SAID: &str = "stopped at 0:02:00.000 as asked (--until): what comes later is not judged";
    let report = stopped(true, Some(120_000));
    assert_eq!((report.stopped_at_ns, report.meaning()), (Some(120_000_000_000), "the run was stopped as asked"));
    assert!(text(&report, false).contains(SAID) && page(&plan, &report, None).contains(SAID));
    // By hand before that, and at the planned end.
    for (interrupted, until_ms) in [(true, Some(120_001)), (true, None), (false, Some(120_000))] {
        let report = stopped(interrupted, until_ms);
        assert_eq!(report.stopped_at_ns, None);
        assert!(!text(&report, false).contains("as asked") && !page(&plan, &report, None).contains("as asked"));
    }
}

#[test]
fn the_coverage_tells_what_was_seen_and_what_was_not() {
    let mut plan = plan();
    plan.expectation.never = vec![Milestone::AttackServed];
    plan.expectation.reach = vec![Milestone::BatchFull];
    plan.expectation.violations = vec![Invariant::S13, Invariant::L5];
    plan.faults = vec![partition(1, 2); 3];
    let mut findings = findings(&plan);
    findings.judgement.reached = BTreeMap::from([(Milestone::ReplayRefused, 12), (Milestone::AttackServed, 3)]);
    findings.judgement.counts = BTreeMap::from([(Invariant::S13, 4)]);
    findings.judgement.not_judged = BTreeMap::from([(Invariant::L1, "the clocks differ".into())]);
    let report = Report::new(&plan, findings);
    let page = page(&plan, &report, None);
    for part in [
        "1 of 69</span>",
        "<span title=\"Shown by: batch full.\">40: at most 128 agents in a request</span>",
        "<span class=\"faint\">No event tells:</span> <span title=\"Not seen in events: a refusal tells",
        "2 of 130</span>",
        "attack served (forbidden)",
        "batch full (asked for)",
        "1 of 24</span>",
        "0 of 39</span>",
        "violated, as expected <data",
        "held, though a violation is expected",
        "Not judged: the clocks differ",
    ] {
        assert!(page.contains(part), "{part}");
    }
    page::compare(&page, &report.to_json().unwrap());
}

fn partition(at_ms: u64, until_ms: u64) -> Fault {
    let kind = FaultKind::Partition { from: Group::Agents, to: Group::Servers, one_way: false };
    Fault { at_ms, until_ms: Some(until_ms), kind }
}

/// A day of 10,000 agents at 63 sites in which everything happens all the time, each figure unlike the one before.
#[test]
fn the_page_of_the_largest_run_stays_below_two_megabytes() {
    const DAY_MS: u64 = 86_400_000;
    let mut plan = plan();
    plan.duration_ms = DAY_MS;
    plan.sites = vec![plan.smp.clone(); 63];
    plan.faults = (0..30_000).map(|number| partition(number * 2_880, number * 2_880 + 1_000)).collect();
    let attacker = AttackerPlan {
        attack: Attack::Replay,
        server: ActorId::Site(1),
        victim: ActorId::Agent(1),
        start_ms: 0,
        until_ms: DAY_MS,
        interval_ms: 1,
        burst: 1,
        key: 1,
    };
    plan.attackers = vec![attacker; 1_000];
    let mut rise = 0_u64;
    let mut series = || {
        (0..BUCKETS_MAX)
            .map(|number| {
                rise = rise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(number | 1);
                rise >> 44
            })
            .collect::<Vec<_>>()
    };
    let refusals: Vec<Refusal> = serde_json::from_str(
        r#"["syntax", "unknown_server_key", "bad_server_signature", "agent_key_not_cached", "unknown_agent", "agent_revoked",
            "bad_agent_signature", "expired", "stale_epoch", "uid_mismatch", "wrong_audience", "wrong_binding",
            "counter_used", "counter_below_window", "counter_beyond_jump_cap", "below_purge_high_water"]"#,
    )
    .unwrap();
    let timeline = Timeline {
        bucket_ms: 360_000,
        one_step: series(),
        two_step: series(),
        by_account: series(),
        authenticated: series(),
        public: series(),
        failed: series(),
        refused: refusals.into_iter().map(|why| (why, series())).collect(),
        unavailable: series(),
        refreshes: series(),
        refresh_mean_ns: series(),
        refresh_max_ns: series(),
        slots_max: series(),
        slot_waiters_max: series(),
        connections_max: series(),
        registry_entries: (1..=63).map(ActorId::Site).chain([ActorId::Smp]).map(|server| (server, series())).collect(),
        cache_entries: (1..=63).map(|number| (ActorId::Site(number), series())).collect(),
    };
    let mut findings = findings(&plan);
    findings.measurements.timeline = timeline;
    findings.measurements.duration_ns = DAY_MS * 1_000_000;
    let what = "agent-1 met site-1 ".repeat(20);
    findings.judgement.violations =
        Invariant::ALL.into_iter().flat_map(|_| (1..=20).map(|number| violation(number, &what))).collect();
    findings.judgement.counts = BTreeMap::from([(Invariant::S1, 320)]);
    let events = (1..=2_500).map(|number| {
        let kind = EventKind::Refused { request: request(), why: Refusal::CounterBelowWindow, claimed_agent: None };
        (number, Event { at: VirtualTime::from_millis(number), actor: ActorId::Site(1), kind })
    });
    let scene = Scene { violation: violation(2_000, &what), events: events.collect() };
    let report = Report::new(&plan, findings);
    let page = page(&plan, &report, Some(&scene));
    println!("the largest page has {} bytes", page.len());
    assert!(page.len() < 2_000_000, "{} bytes", page.len());
    page::compare(&page, &report.to_json().unwrap());
}
