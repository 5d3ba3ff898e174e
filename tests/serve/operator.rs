//! What an operator reads in log, figures and answers, where a server does not do what was hoped for.

use std::{
    collections::BTreeSet,
    fs,
    io::{Read, Write},
    net::TcpStream,
};

use countersign::event::Outcome;

use crate::{
    agent::{Agent, register},
    certificate, pair,
    process::{PATIENCE, SMP, Served, http, is_first_line, poll, site_config, smp, status},
    secured,
};

#[test]
fn a_site_says_that_it_waits_for_approval_and_that_it_listens_once_it_does() {
    let folder = tempfile::tempdir().unwrap();
    let smp = smp(folder.path());
    let site = Served::start("site", folder.path(), &site_config(&smp));
    let kid = site.until("its key", is_first_line)["kid"].as_str().unwrap().to_owned();
    let act = format!("/sites/{}/approve?kid={kid}", site.node());
    let waits = |line: &serde_json::Value| {
        line["level"] == "WARN" && line["message"].as_str().unwrap().contains("waits for approval")
    };
    let warning = site.until("what it waits for", waits);
    assert!(warning["message"].as_str().unwrap().ends_with(&format!("POST {act}")), "{warning}");
    assert_eq!(warning["server"], "site");
    let text = site.text();
    assert!(text.contains(r#""message":"starting""#) && !text.contains(r#""message":"listening""#), "{text}");

    // An operator may do as it says.
    assert_eq!(smp.act(&act)["kid"], kid);
    let listening = site.until("its door", |line| line["message"] == "listening");
    TcpStream::connect(listening["address"].as_str().unwrap()).unwrap();
    // A site that has registered before listens at once.
    site.stop();
    let site = Served::start("site", folder.path(), &site_config(&smp));
    assert!(site.text().contains(r#""message":"listening""#) && !site.text().contains(r#""message":"starting""#));
}

#[test]
fn handshakes_that_fail_are_counted_by_kind() {
    let folder = tempfile::tempdir().unwrap();
    certificate(folder.path());
    let smp = Served::start("smp", folder.path(), &format!("log.level = \"debug\"\n{}", secured(SMP)));
    let failed = |kind: &str| smp.figure(&format!("countersign_handshakes_failed_total{{kind=\"{kind}\"}}"));
    let _silent = TcpStream::connect(smp.address()).unwrap();
    let mut plain = TcpStream::connect(smp.address()).unwrap();
    plain.set_read_timeout(Some(PATIENCE)).unwrap();
    plain.write_all(b"GET /Altiris/x HTTP/1.1\r\nHost: smp\r\n\r\n").unwrap();
    let _ = plain.read_to_end(&mut Vec::new());
    poll(|| (failed("not_tls") == 1).then_some(())).expect("plain HTTP is counted");
    let line = smp.until("a line", |line| line["message"] == "TLS handshake failed");
    assert_eq!((&line["level"], &line["how"]), (&"DEBUG".into(), &"not_tls".into()));

    drop(TcpStream::connect(smp.address()).unwrap());
    poll(|| (failed("closed") == 1).then_some(())).expect("a probe is counted");

    // An alert, as of a client that does not trust the certificate.
    TcpStream::connect(smp.address()).unwrap().write_all(&[0x15, 3, 3, 0, 2, 2, 0x2a]).unwrap();
    poll(|| (failed("refused") == 1).then_some(())).expect("a refusal is counted");
    poll(|| (failed("timed_out") == 1).then_some(())).expect("whoever says nothing is counted");
}

#[test]
fn requests_are_timed_by_path_and_status() {
    let folder = tempfile::tempdir().unwrap();
    let (smp, site) = pair(folder.path());
    assert_eq!(Agent::new(1).visit(&smp, &site, 1), [Outcome::ServedTwoStep]);
    http(site.address(), "GET /elsewhere HTTP/1.1\r\nHost: x\r\n", "");
    let count = |server: &Served, path: &str, status: &str| {
        server.figure(&format!("countersign_request_seconds_count{{path=\"{path}\",status=\"{status}\"}}"))
    };
    for (server, path, status, expected) in [
        (&site, "protected", "4xx", 1),
        (&site, "protected", "2xx", 1),
        (&site, "other", "4xx", 1),
        (&smp, "client_tokens", "2xx", 1),
        (&smp, "register", "2xx", 2),
    ] {
        assert_eq!(count(server, path, status), expected, "{path} {status} at the {}", server.name);
    }
    let buckets = site.monitoring("/metrics").1.matches("countersign_request_seconds_bucket").count();
    assert_eq!(buckets, 3 * 16);
}

#[test]
fn sighup_names_what_needs_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let (smp, site) = pair(folder.path());
    let needs = |server: &Served, config: &str| {
        fs::write(folder.path().join(format!("{}.toml", server.name)), config).unwrap();
        server.signal("HUP");
        let line = server.until("a warning", |line| line["level"] == "WARN" && !line["needs_restart"].is_null());
        assert!(line["message"].as_str().unwrap().starts_with("configuration read again"), "{line}");
        line["needs_restart"].as_str().unwrap().to_owned()
    };
    let config = SMP.replacen("127.0.0.1:0", "127.0.0.1:9", 1).replace("admin.listen = \"127.0.0.1:0\"", "");
    let config = format!(
        "{config}log.level = \"debug\"\nadmin.listen = \"127.0.0.1:9\"\n\
         [parameters]\ntoken_lifetime = \"30m\"\nleeway = \"59s\"\ncaps.token_bytes = 8000\n\
         authentication = [\"token\", \"windows\", \"acc\"]\n"
    );
    assert_eq!(needs(&smp, &config), "listen, parameters.caps.token_bytes, admin.listen");
    let taken_over = smp.until("what is in force", |line| !line["taken_over"].is_null())["taken_over"].clone();
    let taken_over: BTreeSet<_> = taken_over.as_str().unwrap().split(", ").collect();
    let expected = ["log.level", "parameters.authentication", "parameters.leeway", "parameters.token_lifetime"];
    assert_eq!(taken_over, expected.into());
    // The line tells the truth.
    let challenge = http(smp.address(), "GET /Altiris/x HTTP/1.1\r\nHost: x\r\n", "").to_lowercase();
    assert!(challenge.contains("authenticate: ntlm") && challenge.contains("authenticate: negotiate"), "{challenge}");
    smp.until("a line of the new level", |line| line["level"] == "DEBUG");
    let answer = smp.act("/reload");
    assert_eq!(answer["needs_restart"].as_array().unwrap().len(), 3, "it stays so: {answer}");
    assert_eq!(answer["taken_over"].as_array().unwrap().len(), 0, "it is in force already: {answer}");
    let parameters = smp.admin("GET", "/status").1["parameters"].clone();
    assert_eq!(
        (&parameters["token_lifetime_s"], &parameters["leeway_s"]),
        (&1_800.into(), &59.into()),
        "policy applies"
    );

    let config = site_config(&smp).replace("retry_max = \"1s\"", "retry_max = \"2s\"\nupstream_slots = 3");
    assert_eq!(needs(&site, &config), "parameters.upstream_slots, parameters.retry_max");
}

#[test]
fn log_fields_have_one_spelling_and_none_is_empty() {
    let folder = tempfile::tempdir().unwrap();
    let smp = Served::start("smp", folder.path(), &format!("log.level = \"debug\"\n{SMP}"));
    assert_eq!(Agent::new(1).visit(&smp, &smp, 1), [Outcome::ServedTwoStep]);
    http(smp.address(), "GET /Altiris/x HTTP/1.1\r\nHost: x\r\nAuthorization: SMPToken nonsense\r\n", "");
    let refused = smp.until("a refusal", |line| line["message"] == "token refused");
    assert_eq!((&refused["why"], &refused["server"]), (&"syntax".into(), &"smp".into()));
    assert!(refused.get("agent").is_none(), "{refused}");
    assert_eq!(smp.figure("countersign_refusals_total{reason=\"syntax\"}"), 1);
    let issued = smp.until("a token", |line| line["message"] == "token issued");
    assert!(issued.get("site").is_none(), "{issued}");
    assert!(!smp.text().contains("\"\""), "{}", smp.text());

    // A site that nobody has approved, for people: its SMP says so, too.
    let config = site_config(&smp);
    let text = tempfile::tempdir().unwrap();
    let site = Served::spawn("site", text.path(), &config.replace("log.format = \"json\"\n", ""));
    poll(|| site.text().contains("no policy").then_some(())).expect("a warning");
    let lines = site.text();
    let has = |part: &str| assert!(lines.contains(part), "{part} is missing:\n{lines}");
    has(" starting server=site address=127.0.0.1:");
    has(" server=site why=\"the SMP answered 403 Forbidden\"");
    smp.stop();
    let smp = Served::spawn("smp", folder.path(), &config_for_people());
    poll(|| smp.text().contains("listening").then_some(())).expect("an SMP");
    assert!(smp.text().contains(" listening server=smp address=127.0.0.1:"), "{}", smp.text());
    assert!(!smp.text().contains("metrics="), "{}", smp.text());
}

fn config_for_people() -> String {
    SMP.replace("log.format = \"json\"\n", "").replace("metrics.listen = \"127.0.0.1:0\"", "metrics.off = true")
}

#[test]
fn an_smp_takes_no_more_agents_than_it_is_told_to() {
    let folder = tempfile::tempdir().unwrap();
    let config = format!("registered_max = 2\n{SMP}");
    let smp = Served::start("smp", folder.path(), &config);
    assert_eq!([1, 2, 3, 4, 1, 2].map(|number| register(&smp, number)), [200, 200, 503, 503, 200, 200]);
    assert_eq!(smp.figure("countersign_registrations_total{kind=\"agent\",result=\"full\"}"), 2);
    assert_eq!((smp.figure("countersign_nodes"), smp.figure("countersign_nodes_max")), (2, 2));
    smp.until("a warning", |line| line["message"].as_str().is_some_and(|it| it.contains("agent turned away")));
    let warnings = smp.text().matches("agent turned away").count();
    assert_eq!(warnings, 1, "{}", smp.text());
    // Site servers are the administrator's choice.
    let site = Served::start("site", folder.path(), &site_config(&smp));
    smp.act(&format!("/sites/{}/approve", site.node()));
    site.until("its registration", |line| line["message"] == "registered with the SMP");

    fs::write(folder.path().join("smp.toml"), config.replace("registered_max = 2", "registered_max = 4")).unwrap();
    smp.act("/reload");
    assert_eq!([3, 4].map(|number| register(&smp, number)), [200, 503]);
    let zero = Served::spawn("smp", folder.path(), &config.replace("registered_max = 2", "registered_max = 0"));
    assert!(zero.refused().contains("smp.toml:1:18: "));
    assert_eq!(status(&http(smp.address(), "GET /.well-known/jwks.json HTTP/1.1\r\nHost: x\r\n", "")), 200);
}
