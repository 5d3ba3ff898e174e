//! Rules 2, 3, 9, 18, 42, 45 and 46 and attacks 6 to 8 at the doors of real servers, in bytes.

use std::time::Duration;

use countersign::{
    event::{EventKind, UpstreamPurpose},
    protocol::{CLIENT_TOKENS_PATH, ChallengeError, IssuedToken, POLICY_PATH, ServerPath, TokenChallenge},
    types::{ActorId, Jti, Parameters, Profile, Refusal},
};

use crate::{
    client::{Client, TARGET, line},
    pipes::{Net, SITE, path_of, run},
    stage::{NOW, PROFILES},
    wire::{Answer, Wire},
};

fn jti(challenge: &TokenChallenge<'_>) -> Jti {
    IssuedToken::parse(challenge.token.expect("a token")).expect("three parts").claims.jti
}

/// An SMP, or an SMP and a site, and the way to the server.
async fn served(profile: Profile, server: ActorId) -> (std::sync::Arc<Net>, ServerPath) {
    served_with(server, profile, &Parameters::defaults(profile), 3).await
}

async fn served_with(
    server: ActorId,
    profile: Profile,
    parameters: &Parameters,
    agents: u32,
) -> (std::sync::Arc<Net>, ServerPath) {
    let net = Net::new();
    net.start_smp(profile, parameters, agents);
    tokio::time::sleep(Duration::from_millis(1)).await;
    if server == SITE {
        net.start_site(profile, parameters);
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    (net, path_of(server))
}

fn wire(net: &Net, path: &ServerPath) -> Wire {
    Wire(net.connect(&path.origin).expect("an open door"))
}

/// Runs a test at both server kinds, in both profiles.
fn everywhere<F: Future<Output = ()>>(test: impl Fn(Profile, ActorId) -> F) {
    for profile in PROFILES {
        for server in [ActorId::Smp, SITE] {
            run(test(profile, server));
        }
    }
}

/// The refusals that a server recorded, in order.
fn refusals(net: &Net, server: ActorId) -> Vec<Refusal> {
    let kinds = net.events_of(server).into_iter();
    kinds.filter_map(|kind| if let EventKind::Refused { why, .. } = kind { Some(why) } else { None }).collect()
}

fn verifies(net: &Net, server: ActorId) -> u32 {
    let kinds = net.events_of(server).into_iter();
    kinds.map(|kind| if let EventKind::Worked { work, .. } = kind { work.verifies } else { 0 }).sum()
}

fn count(net: &Net, server: ActorId, is_it: impl Fn(&EventKind) -> bool) -> usize {
    net.events_of(server).iter().filter(|kind| is_it(kind)).count()
}

#[test]
fn rule_02_03_and_09_a_challenge_an_answer_and_an_authenticated_connection() {
    everywhere(|profile, server| async move {
        let (net, path) = served(profile, server).await;
        let mut client = Client::new(1, profile, &path);
        let mut wire = wire(&net, &path);
        // Rule 3: nothing is asked of whoever needs no authentication, even if it offers one.
        for headers in [vec![], vec!["Authorization: SMPToken nonsense"]] {
            let public = wire.get("/Altiris/Public/status", &headers).await;
            assert_eq!((public.status, public.values("www-authenticate")), (200, vec![]));
        }
        // Who says nothing gets a challenge without a token: the server knows of nobody to make one for.
        let bare = wire.get(TARGET, &[]).await;
        let challenge = bare.challenge();
        assert_eq!((challenge.token, challenge.error), (None, None));
        assert_eq!(challenge.epoch.is_some(), profile == Profile::Hardened);
        // Rule 2.
        let challenged = wire.get(TARGET, &[&client.first()]).await;
        assert_eq!(challenged.challenge().error, None);
        let token = client.token(&challenged.challenge());
        let before = verifies(&net, server);
        assert_eq!(wire.get(TARGET, &[&line(token.text())]).await.status, 200);
        assert_eq!(verifies(&net, server) - before, 2, "server signature and agent signature");
        // Rule 9: later requests on the connection are not verified; hardened wants a token each over plain HTTP.
        for _ in 0..3 {
            let later = wire.get(TARGET, &[]).await;
            assert_eq!(later.status, if profile == Profile::Literal { 200 } else { 401 });
        }
        assert_eq!(verifies(&net, server) - before, 2);
        // Another connection is another matter.
        let mut other = Wire(net.connect(&path.origin).expect("an open door"));
        assert_eq!(other.get(TARGET, &[]).await.status, 401);
        assert_eq!(refusals(&net, server), []);
    });
}

#[test]
fn rule_18_and_46_a_replayed_token_is_refused_with_a_new_one() {
    everywhere(|profile, server| async move {
        let (net, path) = served(profile, server).await;
        let mut client = Client::new(1, profile, &path);
        let token = client.authenticate(&mut wire(&net, &path)).await;
        let mut thief = wire(&net, &path);
        let replayed = thief.get(TARGET, &[&line(token.text())]).await;
        let challenge = replayed.challenge();
        assert_eq!(challenge.error, Some(ChallengeError::ReplayedToken));
        assert_eq!(refusals(&net, server), [Refusal::CounterUsed]);
        // A site that keeps to the letter hands out the cached token once more (hole 7); all others have a new jti.
        let is_stuck = profile == Profile::Literal && server == SITE;
        assert_eq!(jti(&challenge) == token.issued.claims.jti, is_stuck);
        // One trip more and the agent is in: its counter has gone on.
        let answer = client.token(&challenge);
        assert_eq!(wire(&net, &path).get(TARGET, &[&line(answer.text())]).await.status, 200);
    });
}

#[test]
fn rule_45_and_attack_07_a_bad_agent_signature_is_403_and_lasts_for_nothing() {
    everywhere(|profile, server| async move {
        let (net, path) = served(profile, server).await;
        let mut client = Client::new(1, profile, &path);
        let challenged = wire(&net, &path).get(TARGET, &[&client.first()]).await;
        let honest = client.token(&challenged.challenge());
        let (rest, signature) = honest.text().rsplit_once('.').expect("five parts");
        let other = if signature.starts_with('A') { 'B' } else { 'A' };
        let forged = wire(&net, &path).get(TARGET, &[&line(&format!("{rest}.{other}{}", &signature[1..]))]).await;
        assert_eq!((forged.status, forged.values("x-smp-nserror")), (403, vec!["0x80077003"]));
        assert_eq!(forged.values("www-authenticate"), Vec::<&str>::new());
        assert_eq!(refusals(&net, server), [Refusal::BadAgentSignature]);
        assert_eq!(count(&net, server, |kind| matches!(kind, EventKind::RegistryRecorded { .. })), 0);
        // The very token whose signature was altered is still good.
        assert_eq!(wire(&net, &path).get(TARGET, &[&line(honest.text())]).await.status, 200);
    });
}

#[test]
fn rule_46_and_attacks_01_to_08_each_refusal_has_its_answer_on_the_wire() {
    everywhere(|profile, server| async move {
        let (net, path) = served(profile, server).await;
        let mut client = Client::new(1, profile, &path);
        let challenged = wire(&net, &path).get(TARGET, &[&client.first()]).await;
        let token = client.token(&challenged.challenge());
        let parts: Vec<_> = token.text().split('.').collect();
        let altered = |part: usize| {
            let other = if parts[part].starts_with('A') { "B" } else { "A" };
            let text = format!("{other}{}", &parts[part][1..]);
            (0..5).map(|at| if at == part { &*text } else { parts[at] }).collect::<Vec<_>>().join(".")
        };
        let before = verifies(&net, server);
        for (text, refusal, has_token) in [
            (parts[..3].join("."), Refusal::Syntax, false),
            (altered(0), Refusal::Syntax, false),
            (format!("{}=", token.text()), Refusal::Syntax, false),
            (format!("{}.A", token.text()), Refusal::Syntax, false),
            (altered(2), Refusal::BadServerSignature, true),
        ] {
            let refused = wire(&net, &path).get(TARGET, &[&line(&text)]).await;
            let challenge = refused.challenge();
            assert_eq!(challenge.error, Some(ChallengeError::InvalidToken), "{refusal:?}");
            assert_eq!(challenge.token.is_some(), has_token, "{refusal:?}");
            assert_eq!(refusals(&net, server).last(), Some(&refusal));
        }
        assert_eq!(verifies(&net, server) - before, 1, "only the last was worth a look at a key");
        assert_eq!(count(&net, server, |kind| matches!(kind, EventKind::RegistryRecorded { .. })), 0);
        // An unknown agent is forbidden, whatever it asks.
        let mut stranger = Client::new(9, profile, &path);
        let forbidden = wire(&net, &path).get(TARGET, &[&stranger.first()]).await;
        assert_eq!((forbidden.status, forbidden.values("x-smp-nserror")), (403, vec!["0x80077003"]));
    });
}

#[test]
fn rule_44_and_46_an_expired_token_is_refused_with_a_new_one() {
    const LEEWAY_S: u64 = 60;
    // A validation after the expiry, the site has dropped the token that nobody presented: without a key it cannot
    // look further (rule 36).
    let later = [
        (3_600 + LEEWAY_S, Refusal::Expired, ChallengeError::ExpiredToken),
        (3_600 + 301, Refusal::AgentKeyNotCached, ChallengeError::InvalidToken),
    ];
    for (after_s, at_site, error_at_site) in later {
        everywhere(|profile, server| async move {
            let (net, path) = served(profile, server).await;
            let mut client = Client::new(1, profile, &path);
            let challenged = wire(&net, &path).get(TARGET, &[&client.first()]).await;
            let token = client.token(&challenged.challenge());
            tokio::time::sleep(Duration::from_secs(after_s)).await;
            let refused = wire(&net, &path).get(TARGET, &[&line(token.text())]).await;
            let challenge = refused.challenge();
            let (refusal, error) = match server {
                SITE => (at_site, error_at_site),
                _ => (Refusal::Expired, ChallengeError::ExpiredToken),
            };
            assert_eq!((refusals(&net, server), challenge.error), (vec![refusal], Some(error)));
            let answer = client.token(&challenge);
            assert!(answer.issued.claims.exp.0 > NOW.0 + after_s, "a new one, not the old one out of the cache");
            assert_eq!(wire(&net, &path).get(TARGET, &[&line(answer.text())]).await.status, 200);
        });
    }
}

#[test]
fn rule_44_a_site_without_the_agents_key_fetches_it_with_the_new_token() {
    for profile in PROFILES {
        run(async move {
            let (net, path) = served(profile, SITE).await;
            // A token that the SMP issued for this site, as for an earlier start of it.
            let mut client = Client::new(1, profile, &path);
            let challenged = wire(&net, &path).get(TARGET, &[&client.first()]).await;
            let token = client.token(&challenged.challenge());
            let net = Net::new();
            let parameters = Parameters::defaults(profile);
            net.start_smp(profile, &parameters, 3);
            tokio::time::sleep(Duration::from_millis(1)).await;
            net.start_site(profile, &parameters);
            tokio::time::sleep(Duration::from_secs(1)).await;
            let refused = wire(&net, &path).get(TARGET, &[&line(token.text())]).await;
            assert_eq!(refusals(&net, SITE), [Refusal::AgentKeyNotCached]);
            assert_eq!(refused.challenge().error, Some(ChallengeError::InvalidToken));
            let answer = client.token(&refused.challenge());
            assert_eq!(wire(&net, &path).get(TARGET, &[&line(answer.text())]).await.status, 200);
        });
    }
}

#[test]
fn attack_06_two_authorization_headers_are_no_credentials() {
    everywhere(|profile, server| async move {
        let (net, path) = served(profile, server).await;
        let mut client = Client::new(1, profile, &path);
        let first = client.first();
        let twice = wire(&net, &path).get(TARGET, &[&first, &first]).await;
        assert_eq!(twice.challenge().error, Some(ChallengeError::InvalidToken));
        let challenged = wire(&net, &path).get(TARGET, &[&first]).await;
        let token = line(client.token(&challenged.challenge()).text());
        let before = verifies(&net, server);
        for headers in [[&*token, &*token], [&*first, &*token], ["Authorization: Basic dTpw", &*token]] {
            let refused = wire(&net, &path).get(TARGET, &headers).await;
            assert_eq!(refused.challenge().error, Some(ChallengeError::InvalidToken));
        }
        assert_eq!(verifies(&net, server), before);
        assert_eq!(wire(&net, &path).get(TARGET, &[&token]).await.status, 200);
    });
}

#[test]
fn attack_06_what_is_too_large_or_unreadable_is_refused_before_it_is_parsed() {
    everywhere(|profile, server| async move {
        let (net, path) = served(profile, server).await;
        let large = format!("GET {TARGET} HTTP/1.1\r\nHost: server\r\nX: {}\r\n\r\n", "a".repeat(20 << 10));
        let declared = format!("POST {TARGET} HTTP/1.1\r\nHost: server\r\nContent-Length: {}\r\n\r\n", 2 << 20);
        let chunk = format!("10000\r\n{}\r\n", "a".repeat(0x10000));
        let chunked =
            format!("POST {TARGET} HTTP/1.1\r\nHost: server\r\nTransfer-Encoding: chunked\r\n\r\n{}", chunk.repeat(17));
        for (request, status) in [
            (&*large, 431),
            (&*declared, 413),
            (&*chunked, 413),
            ("nonsense\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost : server\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n", 400),
        ] {
            let mut wire = wire(&net, &path);
            wire.send(request.as_bytes()).await;
            let answer = wire.read().await;
            let shown: String = request.chars().take(40).collect();
            assert_eq!(answer.map(|answer: Answer| answer.status), Some(status), "{shown:?}");
            assert!(wire.is_closed().await, "{shown:?}");
        }
        assert_eq!(verifies(&net, server), if server == SITE { 1 } else { 0 }, "only the registration was verified");
        assert_eq!(refusals(&net, server), []);
    });
}

#[test]
fn other_paths_and_methods_are_not_found_or_not_allowed() {
    run(async {
        let (net, path) = served(Profile::Literal, ActorId::Smp).await;
        for (target, status) in [
            ("/", 404),
            ("/altiris/x", 404),
            ("/Altiris", 404),
            (CLIENT_TOKENS_PATH, 405),
            ("/NS/Agent/Register", 405),
            (POLICY_PATH, 403),
            ("/.well-known/jwks.json", 200),
            ("/Altiris/Public", 401),
        ] {
            assert_eq!(wire(&net, &path).get(target, &[]).await.status, status, "{target}");
        }
    });
}

#[test]
fn rule_09_an_idle_connection_is_closed_after_the_keep_alive_time() {
    everywhere(|profile, server| async move {
        let (net, path) = served(profile, server).await;
        // Half a header is idle, too (attack 25).
        for (started, half) in [(true, ""), (false, ""), (false, "GET / HTT")] {
            let mut wire = wire(&net, &path);
            if started {
                assert_eq!(wire.get("/Altiris/Public/status", &[]).await.status, 200);
            }
            wire.send(half.as_bytes()).await;
            let since = tokio::time::Instant::now();
            assert!(wire.is_closed().await);
            assert_eq!(since.elapsed().as_secs(), 120, "{started} {half:?}");
        }
        // A request in time keeps it open.
        let mut wire = wire(&net, &path);
        for _ in 0..4 {
            tokio::time::sleep(Duration::from_secs(119)).await;
            assert_eq!(wire.get("/Altiris/Public/status", &[]).await.status, 200);
        }
    });
}

#[test]
fn hole_18_hardened_limits_first_requests_and_forged_tokens_per_source() {
    everywhere(|profile, server| async move {
        let (net, path) = served(profile, server).await;
        let mut client = Client::new(1, profile, &path);
        let challenged = wire(&net, &path).get(TARGET, &[&client.first()]).await;
        let honest = client.token(&challenged.challenge());
        let parts: Vec<_> = honest.text().split('.').collect();
        let forged = line(&[parts[0], parts[1], parts[4], parts[3], parts[4]].join("."));
        for number in 1..40 {
            let header = if number % 2 == 0 { client.first() } else { forged.clone() };
            assert_eq!(wire(&net, &path).get(TARGET, &[&header]).await.status, 401);
        }
        for header in [client.first(), forged] {
            let last = wire(&net, &path).get(TARGET, &[&header]).await;
            if profile == Profile::Hardened {
                assert_eq!((last.status, last.values("retry-after")), (429, vec!["1"]));
            } else {
                assert_eq!(last.status, 401);
            }
        }
        // Who has a token gets in all the same, and the others soon.
        assert_eq!(wire(&net, &path).get(TARGET, &[&line(honest.text())]).await.status, 200);
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(wire(&net, &path).get(TARGET, &[&client.first()]).await.status, 401);
    });
}

/// Agents that ask all at once at a site whose SMP has become a black hole.
async fn asked_at_once(profile: Profile, agents: u32) -> (std::sync::Arc<Net>, Vec<(Answer, Duration)>) {
    let parameters = Parameters { first_requests_burst: 1_000, ..Parameters::defaults(profile) };
    let (net, path) = served_with(SITE, profile, &parameters, agents).await;
    net.black_hole(&path_of(ActorId::Smp).origin);
    let since = tokio::time::Instant::now();
    let mut asked = Vec::new();
    for number in 1..=agents {
        let (net, path) = (std::sync::Arc::clone(&net), path.clone());
        asked.push(tokio::spawn(async move {
            let mut client = Client::new(number, profile, &path);
            let answer = wire(&net, &path).get(TARGET, &[&client.first()]).await;
            (answer, since.elapsed())
        }));
    }
    let mut answers = Vec::new();
    for asked in asked {
        answers.push(asked.await.expect("no panic"));
    }
    (net, answers)
}

#[test]
fn a_site_that_cannot_reach_the_smp_says_503_and_when_to_come_again() {
    for profile in PROFILES {
        let (_, answers) = run(asked_at_once(profile, 1));
        let (answer, took) = &answers[0];
        assert_eq!((answer.status, answer.values("retry-after")), (503, vec!["1"]));
        assert_eq!(took.as_secs(), 5, "the time-out of a connection");
        assert_eq!(answer.values("www-authenticate"), Vec::<&str>::new());
    }
}

#[test]
fn rule_42_at_most_32_fetches_are_in_flight_and_whoever_waits_gets_its_turn() {
    for profile in PROFILES {
        let agents = 70;
        let (net, answers) = run(asked_at_once(profile, agents));
        let (mut in_flight, mut most) = (0_i32, 0);
        let mut waited = Vec::new();
        for kind in net.events_of(SITE) {
            match kind {
                EventKind::UpstreamStarted { purpose, agents, slot_waited_ns, .. } => {
                    assert_eq!((purpose, agents), (UpstreamPurpose::FirstFetch, 1));
                    in_flight += 1;
                    most = most.max(in_flight);
                    waited.push(slot_waited_ns / 1_000_000_000);
                }
                EventKind::UpstreamEnded { tokens, .. } => {
                    assert_eq!(tokens, None);
                    in_flight -= 1;
                }
                _ => {}
            }
        }
        assert_eq!((most, in_flight, waited.len()), (32, 0, 70));
        // First come, first served, in rounds of one time-out (L4).
        assert_eq!([waited[0], waited[31], waited[32], waited[63], waited[64], waited[69]], [0, 0, 5, 5, 10, 10]);
        let mut took: Vec<_> = answers.iter().map(|(_, took)| took.as_secs()).collect();
        took.sort_unstable();
        assert_eq!([took[0], took[31], took[32], took[63], took[64], took[69]], [5, 5, 10, 10, 15, 15]);
        assert!(answers.iter().all(|(answer, _)| answer.status == 503));
    }
}
