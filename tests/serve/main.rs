//! Served processes: what an operator, a client and an administrator see of them.

#![cfg(all(unix, feature = "sockets"))]

mod agent;
mod approval;
mod bearer;
mod configuration;
mod fleet;
mod hostile;
#[cfg(feature = "judges")]
mod independent;
mod keys;
mod load;
mod node;
mod operator;
mod policy;
mod portal;
mod process;
mod records;
mod replay;
mod shards;
mod state;
#[cfg(target_os = "linux")]
mod validation;

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    path::Path,
    process::Command,
    thread,
    time::Duration,
};

use agent::Agent;
use countersign::event::{EventKind, Outcome};
use process::{PATIENCE, SMP, Served, at_the_same_address, body, http, poll, site_config, smp, status};

/// An SMP and a registered site server.
fn pair(folder: &Path) -> (Served, Served) {
    let smp = smp(folder);
    let site = Served::start("site", folder, &site_config(&smp));
    smp.act(&format!("/sites/{}/approve", site.node()));
    site.until("its registration", |line| line["message"] == "registered with the SMP");
    (smp, site)
}

#[test]
fn a_site_serves_once_it_is_approved_and_both_go_on_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let smp = smp(folder.path());
    let site = Served::start("site", folder.path(), &site_config(&smp));
    smp.until("its refusal", |line| line["message"] == "site server turned away");
    assert_eq!(site.monitoring("/healthz").0, 200);
    assert_eq!(site.monitoring("/readyz").0, 503);
    assert!(TcpStream::connect(site.address()).is_err(), "nobody waits for a site that cannot verify a token");

    smp.act(&format!("/sites/{}/approve", site.node()));
    poll(|| (site.monitoring("/readyz").0 == 200).then_some(())).expect("ready");
    let (mut at_site, mut at_smp) = (Agent::new(1), Agent::new(2));
    assert_eq!(at_site.visit(&smp, &site, 2), [Outcome::ServedTwoStep, Outcome::ServedOneStep]);
    assert_eq!(at_smp.visit(&smp, &smp, 2), [Outcome::ServedTwoStep, Outcome::ServedOneStep]);

    for (name, figure) in [
        ("countersign_accepts_total", 2),
        ("countersign_cache_misses_total", 1),
        ("countersign_cache_entries", 1),
        ("countersign_registry_entries", 1),
        ("countersign_upstream_in_flight", 0),
        ("countersign_policy_version", 1),
        ("countersign_challenges_total{with=\"token\"}", 1),
        ("countersign_served_total{path=\"protected\"}", 2),
    ] {
        assert_eq!(site.figure(name), figure, "{name}");
    }
    assert!(site.figure("countersign_upstream_seconds_count") == 1 && site.figure("countersign_signatures_total") > 0);
    assert_eq!(smp.figure("countersign_issued_total{to=\"site\"}"), 1);
    assert_eq!(smp.figure("countersign_issued_total{to=\"agent\"}"), 1);
    assert_eq!(smp.figure("countersign_registrations_total{kind=\"agent\",result=\"new\"}"), 2);
    assert_eq!(smp.figure("countersign_nodes"), 3);

    // The SMP loses power; at the same address it knows everybody still. The agent does not register anew.
    let smp_config = at_the_same_address(&smp);
    let pin = smp.pin();
    smp.kill();
    let port = site.address().port();
    let site_config = fs::read_to_string(folder.path().join("site.toml")).unwrap();
    site.stop();
    let site =
        Served::start("site", folder.path(), &site_config.replacen("127.0.0.1:0", &format!("127.0.0.1:{port}"), 1));
    assert_eq!(site.monitoring("/readyz").0, 200, "a site with a policy serves without the SMP");
    let smp = Served::start("smp", folder.path(), &smp_config);
    assert_eq!(smp.pin(), pin);
    assert_eq!(smp.figure("countersign_nodes"), 3);
    assert_eq!(at_site.visit(&smp, &site, 1), [Outcome::ServedTwoStep]);
    assert_eq!(smp.figure("countersign_registrations_total{kind=\"agent\",result=\"again\"}"), 0);
}

/// PROTOCOL.md, "Other kinds of authentication".
#[test]
fn what_is_presented_by_a_kind_that_is_off_is_answered_like_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let smp = smp(folder.path());
    let get =
        |path: &str, headers: &str| http(smp.address(), &format!("GET {path} HTTP/1.1\r\nHost: smp\r\n{headers}"), "");
    for path in ["/Altiris/x", "/UNC/x"] {
        let nothing = get(path, "");
        assert_eq!(status(&nothing), 401);
        for credentials in ["NTLM TlRMTVNTUAABAAAA", "NTLM", "Negotiate eyJ9", "Basic QUNDOnB3", "basic nonsense"] {
            assert_eq!(get(path, &format!("Authorization: {credentials}\r\n")), nothing, "{path} {credentials}");
        }
    }
    assert_eq!(smp.figure("countersign_refusals_total{reason=\"syntax\"}"), 0);
    assert!(get("/Altiris/x", "Authorization: Digest x\r\n").contains("invalid_token"), "no kind of ours");
    // Only ACC opens these, and it is off.
    assert!(body(&get("/UNC/x", "")).starts_with("Nothing opens this path"));

    let config = SMP.to_owned() + "[parameters]\nauthentication = [\"token\", \"acc\"]\n";
    fs::write(folder.path().join("smp.toml"), config).unwrap();
    smp.act("/reload");
    let unc = get("/UNC/x", "");
    assert!(body(&unc).starts_with("No token opens this path") && unc.contains("NTLM") && !unc.contains("SMPToken"));
    assert!(body(&get("/Altiris/x", "")).starts_with("This path wants a token"));
    let hello = get("/Altiris/x", "Authorization: NTLM eyJtZXNzYWdlIjoiaGVsbG8ifQ\r\n");
    assert!(hello.contains("NTLM ey") && !hello.contains("SMPToken"), "it is looked at now: {hello}");
}

#[test]
fn curl_sees_what_is_wanted() {
    let folder = tempfile::tempdir().unwrap();
    let smp = smp(folder.path());
    let get =
        |path: &str, headers: &str| http(smp.address(), &format!("GET {path} HTTP/1.1\r\nHost: smp\r\n{headers}"), "");
    let challenge = get("/Altiris/x", "");
    assert_eq!(status(&challenge), 401);
    assert!(challenge.to_lowercase().contains("\r\nwww-authenticate: smptoken epoch=\""), "{challenge}");
    assert!(body(&challenge).contains("Authorization: SMPToken agent="), "{challenge}");
    let unreadable = get("/Altiris/x", "Authorization: SMPToken nonsense\r\n");
    assert!(status(&unreadable) == 401 && unreadable.contains("invalid_token"), "{unreadable}");
    let unknown = "Authorization: SMPToken agent=\"30000000-0000-4000-8000-000000000009\", \
                   nonce=\"AAAAAAAAAAAAAAAAAAAAAA\"\r\n";
    let forbidden = get("/Altiris/x", unknown);
    assert!(status(&forbidden) == 403 && forbidden.to_lowercase().contains("x-smp-nserror: 0x80077003"), "{forbidden}");
    assert!(body(&forbidden).contains("unknown or revoked"));
    assert_eq!(status(&get("/Altiris/Public/x", "")), 200);
    assert!(get("/.well-known/jwks.json", "").contains(&smp.pin()));
}

#[test]
fn an_administrator_needs_the_secret() {
    let folder = tempfile::tempdir().unwrap();
    let smp = smp(folder.path());
    let secret = fs::read_to_string(smp.folder.join("admin.secret")).unwrap();
    let secret = secret.trim();
    let other = secret.chars().rev().collect::<String>();
    for headers in [
        String::new(),
        format!("Authorization: Basic {secret}\r\n"),
        format!("Authorization: Bearer {other}\r\n"),
        format!("Authorization: Bearer {}\r\n", &secret[1..]),
        format!("Authorization: Bearer {secret}x\r\n"),
        format!("Authorization: Bearer {secret}\r\nAuthorization: Bearer {secret}\r\n"),
    ] {
        let (status, answer) = smp.admin_with("POST", "/agents/30000000-0000-4000-8000-000000000001/revoke", &headers);
        assert!(status == 401 && answer["error"].as_str().unwrap().contains("admin.secret"), "{headers}: {answer}");
    }
    assert_eq!(smp.admin("GET", "/status").1["revoked"], serde_json::json!([]));
    for (method, path, expected) in [
        ("GET", "/", 200),
        ("GET", "/sites", 200),
        ("GET", "/nothing", 404),
        ("GET", "/agents/30000000-0000-4000-8000-000000000001", 404),
        ("POST", "/agents/none/revoke", 400),
        ("POST", "/agents/30000000-0000-4000-8000-000000000001/reinstate", 404),
        ("POST", "/sites/30000000-0000-4000-8000-000000000001/remove", 404),
        ("POST", "/keys/none/withdraw", 400),
        ("GET", "/keys/none", 404),
    ] {
        let (status, answer) = smp.admin(method, path);
        assert_eq!(status, expected, "{method} {path}: {answer}");
    }
    for (method, path, allowed) in [
        ("DELETE", "/status", "GET"),
        ("POST", "/", "GET"),
        ("GET", "/keys/rotate", "POST"),
        ("GET", "/agents/30000000-0000-4000-8000-000000000001/revoke", "POST"),
    ] {
        let answer = smp.admin_text(method, path);
        assert!(status(&answer) == 405 && answer.contains(&format!("\r\nallow: {allowed}\r\n")), "{answer}");
    }
}

#[test]
fn what_an_administrator_does_is_in_force_at_once_and_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let (smp, site) = pair(folder.path());
    let mut agent = Agent::new(3);
    assert_eq!(agent.visit(&smp, &smp, 1), [Outcome::ServedTwoStep]);
    let revoked = smp.act(&format!("/agents/{}/revoke", agent.node));
    assert_eq!((&revoked["registered"], &revoked["sites_know_within"]), (&true.into(), &"15m".into()));
    assert_eq!(agent.visit(&smp, &smp, 1), [Outcome::Forbidden]);
    let typo = smp.act("/agents/30000000-0000-4000-8000-00000000dead/revoke");
    assert_eq!((&typo["done"], &typo["registered"]), (&true.into(), &false.into()), "a block in advance");

    let pin = smp.pin();
    let first = smp.act("/keys/rotate?now=true")["kid"].as_str().unwrap().to_owned();
    let second = smp.act("/keys/rotate?now=true")["kid"].as_str().unwrap().to_owned();
    assert_eq!(smp.admin("POST", &format!("/keys/{second}/withdraw")).0, 409, "tokens are signed with it");
    assert_eq!(smp.admin("POST", &format!("/keys/{pin}/withdraw")).0, 409, "nodes have pinned it");
    smp.act(&format!("/keys/{first}/withdraw"));
    smp.act(&format!("/sites/{}/remove", site.node()));
    let version = smp.admin("GET", "/status").1["policy_version"].clone();
    let config = format!("approved_sites = [\"{}\"]\n{}", site.node(), at_the_same_address(&smp));
    smp.kill();

    // The configuration approves the site that was removed.
    let smp = Served::start("smp", folder.path(), &config);
    smp.until("a warning", |line| line["level"] == "WARN" && line["site"] == site.node());
    let status = smp.admin("GET", "/status").1;
    assert_eq!(status["policy_version"], version);
    assert_eq!(status["signing_key"], second);
    assert_eq!(status["sites"], 0);
    let keys = smp.admin("GET", "/keys").1.to_string();
    assert!(keys.contains(&second) && keys.contains(&pin) && !keys.contains(&first), "{keys}");
    assert_eq!(agent.visit(&smp, &smp, 1), [Outcome::Forbidden]);
    smp.act(&format!("/agents/{}/reinstate", agent.node));
    // It knows nothing of the key of the day, so it registers as it did at first.
    let mut agent = Agent::new(3);
    assert_eq!(agent.visit(&smp, &smp, 1), [Outcome::ServedTwoStep]);
    smp.act(&format!("/sites/{}/approve", site.node()));
    assert_eq!(smp.admin("GET", "/sites").1["removed"], serde_json::json!([]));
}

#[test]
fn sighup_reads_policy_again_and_a_broken_file_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let smp = smp(folder.path());
    let config = folder.path().join("smp.toml");
    let site = "20000000-0000-4000-8000-000000000001";
    fs::write(&config, format!("approved_sites = [\"{site}\"]\n{SMP}[parameters]\ntoken_lifetime = \"30m\"\n"))
        .unwrap();
    smp.signal("HUP");
    smp.until("the new policy", |line| line["message"] == "configuration read again" && line["policy_changed"] == true);
    let policy = || smp.admin("GET", "/status").1;
    assert_eq!((&policy()["policy_version"], &policy()["parameters"]["token_lifetime_s"]), (&2.into(), &1_800.into()));
    assert_eq!(smp.admin("GET", "/sites").1["approved_but_not_registered"], serde_json::json!([site]));

    fs::write(&config, format!("{SMP}[parameters]\ntoken_lifetime = \"30s\"\n")).unwrap();
    smp.signal("HUP");
    let error = smp.until("an error", |line| line["level"] == "ERROR");
    assert!(error["why"].as_str().unwrap().contains("smp.toml:6:18: parameters.token_lifetime: found 30s"), "{error}");
    let (status, answer) = smp.admin("POST", "/reload");
    assert!(status == 422 && answer["error"].as_str().unwrap().contains("found 30s"), "{answer}");
    assert_eq!((&policy()["policy_version"], &policy()["parameters"]["token_lifetime_s"]), (&2.into(), &1_800.into()));
}

#[test]
fn sigterm_finishes_what_is_under_way_and_a_second_one_does_not_wait() {
    let folder = tempfile::tempdir().unwrap();
    let mut smp = smp(folder.path());
    let begin = |smp: &Served| {
        let mut stream = TcpStream::connect(smp.address()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(b"POST /Altiris/Public/x HTTP/1.1\r\nHost: smp\r\nContent-Length: 2\r\n\r\n1").unwrap();
        poll(|| (smp.figure("countersign_connections_open") > 0).then_some(())).expect("an open connection");
        thread::sleep(Duration::from_millis(100));
        stream
    };
    let mut busy = begin(&smp);
    smp.signal("TERM");
    smp.until("its farewell", |line| line["message"].as_str().unwrap().starts_with("stopping"));
    assert_eq!(smp.monitoring("/readyz").0, 503);
    assert!(poll(|| TcpStream::connect(smp.address()).is_err().then_some(())).is_some(), "nobody new is taken on");
    busy.write_all(b"2").unwrap();
    let mut answer = String::new();
    busy.read_to_string(&mut answer).unwrap();
    assert_eq!(status(&answer), 200);
    assert_eq!(smp.ended().code(), Some(0));

    let mut smp = Served::start("smp", folder.path(), SMP);
    let _busy = begin(&smp);
    smp.signal("TERM");
    smp.until("its farewell", |line| line["message"].as_str().unwrap().starts_with("stopping"));
    smp.signal("INT");
    assert_eq!(smp.ended().code(), Some(130));
}

/// Puts a certificate and its key into a folder, and gives it to be trusted.
fn certificate(folder: &Path) -> String {
    let certificate = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (pem, key) = (certificate.cert.pem(), folder.join("key.pem"));
    fs::write(folder.join("cert.pem"), &pem).unwrap();
    fs::write(&key, certificate.signing_key.serialize_pem()).unwrap();
    Command::new("chmod").arg("640").arg(&key).status().unwrap();
    pem
}

/// The same configuration with TLS.
fn secured(config: &str) -> String {
    // The name of the certificate and the port that the system chooses make the origin: the port has to be known before.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let config = config.replacen("127.0.0.1:0", &format!("127.0.0.1:{port}"), 1);
    format!("origin = \"https://localhost:{port}\"\n{config}[tls]\ncertificate = \"cert.pem\"\nkey = \"key.pem\"\n")
}

#[test]
fn everything_goes_over_tls_where_there_is_a_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let (pem, key) = (certificate(folder.path()), folder.path().join("key.pem"));
    let smp = Served::start("smp", folder.path(), &secured(SMP));
    let config = site_config(&smp).replace("[parameters]", "trust = \"cert.pem\"\n[parameters]");
    let site = Served::start("site", folder.path(), &secured(&config));
    smp.act(&format!("/sites/{}/approve", site.node()));
    site.until("its registration", |line| line["message"] == "registered with the SMP");
    let mut agent = Agent::new(4).trusting(&pem);
    assert_eq!(agent.visit(&smp, &site, 2), [Outcome::ServedTwoStep, Outcome::ServedOneStep]);
    assert!(agent.events.iter().all(|event| !matches!(event.kind, EventKind::ConnectionOpened { secure: false, .. })));
    site.stop();
    smp.stop();

    Command::new("chmod").arg("644").arg(&key).status().unwrap();
    let error = Served::spawn("smp", folder.path(), &secured(SMP)).refused();
    assert!(error.contains("everybody on this machine may read the private key"), "{error}");
}

/// Everything that is logged, at the level that logs most, with every kind of secret in play.
#[test]
fn log_lines_hold_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    let smp = Served::start("smp", folder.path(), &format!("log.level = \"trace\"\n{SMP}"));
    let site = Served::start("site", folder.path(), &format!("log.level = \"trace\"\n{}", site_config(&smp)));
    smp.act(&format!("/sites/{}/approve", site.node()));
    site.until("its registration", |line| line["message"] == "registered with the SMP");
    let mut agent = Agent::new(5);
    let mut other = Agent::new(9);
    agent.visit(&smp, &site, 2);
    other.visit(&smp, &smp, 2);
    smp.act("/keys/rotate");
    // Whoever sends a secret to the wrong place must not find it in the log.
    let stray = "eyJhbGciOiJSUzI1NiJ9.c3RyYXk.c3RyYXk.c3RyYXk.c3RyYXk";
    http(site.address(), &format!("GET /Altiris/x HTTP/1.1\r\nHost: x\r\nAuthorization: SMPToken {stray}\r\n"), "");
    smp.admin_with("GET", "/status", &format!("Authorization: Bearer {stray}\r\n"));

    let mut secrets = vec!["eyJ".to_owned(), "PRIVATE KEY".to_owned(), "c3RyYXk".to_owned()];
    secrets.push(fs::read_to_string(smp.folder.join("admin.secret")).unwrap().trim().to_owned());
    for state in [&smp.folder, &site.folder] {
        for entry in fs::read_dir(state).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.extension().is_some_and(|extension| extension == "pem") {
                let pem = fs::read_to_string(entry).unwrap();
                secrets.extend(pem.lines().filter(|line| !line.starts_with("-----")).map(str::to_owned));
            }
        }
    }
    for event in agent.events.iter().chain(&other.events) {
        if let EventKind::Countersigned { uid, jti, .. } = &event.kind {
            secrets.extend([uid.to_string(), jti.to_string()]);
        }
    }
    assert!(secrets.len() > 60, "{}", secrets.len());
    let log = smp.stop() + &site.stop();
    for word in ["token accepted", "challenged", "token issued", "token refused", "agent registered", "new key"] {
        assert!(log.contains(word), "{word} is in no line:\n{log}");
    }
    for secret in secrets {
        assert!(!log.contains(&secret), "{secret} is in the log:\n{log}");
    }
}
