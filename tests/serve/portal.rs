//! A served portal: its users, its jobs, 'Update', and what its folder and its log hold.

use std::{fs, net::SocketAddr, os::unix::fs::PermissionsExt, path::Path};

use countersign::{
    protocol::{LoginTokenRules, with_login_token},
    scenario::Configuration,
    serve::config::{PORTAL_EXAMPLE, PortalDocument},
    types::Profile,
};

use crate::process::{SMP, Served, at_the_same_address, body, http, poll, status};

const USERS: &str = "administration_server.listen = \"127.0.0.1:0\"\nportlet_server.listen = \"127.0.0.1:0\"\n\
                     users = [{ id = \"admin\", administrator = true }, { id = \"reports\" }]\n";

fn portal(folder: &Path, more: &str) -> Served {
    Served::start("portal", folder, &format!("{SMP}{USERS}{more}"))
}

/// The password of a user, as the state folder has it.
fn password(portal: &Served, user: &str) -> String {
    let passwords = fs::read_to_string(portal.folder.join("passwords")).unwrap();
    let line = passwords.lines().find_map(|line| line.strip_prefix(&format!("{user} ")));
    line.unwrap().to_owned()
}

/// The cookie of a name that an answer sets.
fn cookie(answer: &str, name: &str) -> Option<String> {
    let lines = answer.lines().filter(|line| line.to_lowercase().starts_with("set-cookie: "));
    let pairs = lines.filter_map(|line| line.split_once(": ")?.1.split(';').next()?.split_once('='));
    pairs.into_iter().find(|(found, _)| *found == name).map(|(_, value)| value.to_owned())
}

fn get(address: SocketAddr, target: &str, header: &str) -> String {
    http(address, &format!("GET {target} HTTP/1.1\r\nHost: x\r\n{header}"), "")
}

fn log_in(portal: &Served, user: &str, password: &str) -> String {
    let form = format!("user={user}&password={password}&remember=on");
    http(portal.address(), "POST /portal/login HTTP/1.1\r\nHost: x\r\n", &form)
}

#[test]
fn a_user_logs_in_once_and_goes_by_tokens_until_update() {
    let folder = tempfile::tempdir().unwrap();
    let portal = portal(folder.path(), "");
    assert!(body(&get(portal.address(), "/portal/login", "")).contains("<form method=post>"));
    assert_eq!(status(&log_in(&portal, "admin", "wrong")), 401);
    let answer = log_in(&portal, "admin", &password(&portal, "admin"));
    assert_eq!(status(&answer), 200, "{answer}");
    let (session, token) = (cookie(&answer, "session").unwrap(), cookie(&answer, "remember").unwrap());
    let read = LoginTokenRules::new(Profile::Hardened, '|').unwrap().parse(&token).unwrap();
    assert_eq!(read.user, "admin");

    // The cookie stands for the password; portlet and administration server go by tokens of their own.
    let remembered = get(portal.address(), "/portal/", &format!("Cookie: remember={token}\r\n"));
    assert_eq!((status(&remembered), body(&remembered)), (200, "admin"));
    let portlet = get(portal.address(), "/portal/portlet", &format!("Cookie: session={session}\r\n"));
    assert_eq!((status(&portlet), body(&portlet)), (200, "a portlet"));
    let link = get(portal.address(), "/portal/administration", &format!("Cookie: session={session}\r\n"));
    assert_eq!(status(&link), 302, "{link}");
    let location = link.lines().find_map(|line| line.strip_prefix("location: ")).unwrap().to_owned();
    let (origin, target) = location.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let (administration, target) = (origin.parse().unwrap(), format!("/{target}"));
    let entered = get(administration, &target, "");
    assert_eq!(status(&entered), 200);
    // Rule 83: once more, by whoever has seen it.
    assert_eq!(status(&get(administration, &target, "")), 200);
    // Nothing says what a token is for: the cookie opens that door, too.
    assert_eq!(status(&get(administration, &with_login_token("/administration/", &token), "")), 200);
    let there = format!("Cookie: session={}\r\n", cookie(&entered, "session").unwrap());
    let head = format!("POST /administration/impersonate HTTP/1.1\r\nHost: x\r\n{there}");
    let other = http(administration, &head, "user=reports");
    let authorization =
        format!("POST /portal/api/session HTTP/1.1\r\nHost: x\r\nAuthorization: LoginToken {}\r\n", body(&other));
    assert_eq!(body(&http(portal.address(), &authorization, "")), "reports");

    assert_eq!(portal.admin_with("POST", "/update", "").0, 401);
    assert_eq!(portal.admin("GET", "/update").0, 405);
    assert_eq!(portal.admin("GET", "/").1["paths"][2], "POST /update");
    let (status_code, done) = portal.admin("POST", "/update");
    assert!(status_code == 200 && done["done"] == true, "{done}");
    assert_eq!(portal.admin("GET", "/status").1["updates_since_start"], 1);
    let refused = get(portal.address(), "/portal/", &format!("Cookie: remember={token}\r\n"));
    assert_eq!((status(&refused), cookie(&refused, "remember").as_deref()), (401, Some("")));
    assert_eq!(status(&get(administration, &target, "")), 401);

    for (name, figure) in [
        ("countersign_login_tokens_issued_total{use=\"remember_me\"}", 1),
        ("countersign_login_tokens_issued_total{use=\"portlet\"}", 1),
        ("countersign_login_tokens_refused_total{reason=\"bad_tag\"}", 2),
        ("countersign_login_tokens_accepted_total", 6),
        ("countersign_login_key_updates_total", 1),
        ("countersign_passwords_accepted_total", 1),
    ] {
        assert_eq!(portal.figure(name), figure, "{name}");
    }
    assert_eq!(portal.monitoring("/readyz").0, 200);
}

#[test]
fn what_a_portal_keeps_is_private_outlives_it_and_is_in_no_line_of_its_log() {
    let folder = tempfile::tempdir().unwrap();
    let config = "log.level = \"trace\"\n";
    let portal = portal(folder.path(), config);
    let answer = log_in(&portal, "reports", &password(&portal, "reports"));
    let token = cookie(&answer, "remember").unwrap();
    for file in ["login.key", "passwords", "admin.secret"] {
        let mode = fs::metadata(portal.folder.join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    let key = fs::read_to_string(portal.folder.join("login.key")).unwrap();
    let secret = password(&portal, "reports");
    let again = format!("{}{USERS}", at_the_same_address(&portal));
    // What a process wrote before its answer may be read after it: only its end has every line.
    let lines = portal.stop();
    assert!(lines.contains("login token issued") && lines.contains("\"user\":\"reports\""), "{lines}");
    let tag = token.rsplit('|').next().unwrap();
    assert!(![key.trim(), &secret, tag].iter().any(|it| lines.contains(it)), "{lines}");

    let portal = Served::start("portal", folder.path(), &again);
    let remembered = get(portal.address(), "/portal/", &format!("Cookie: remember={token}\r\n"));
    assert_eq!((status(&remembered), body(&remembered)), (200, "reports"), "the key is as it was");
    assert_eq!(password(&portal, "reports"), secret);
    portal.admin("POST", "/update");
    assert_ne!(fs::read_to_string(portal.folder.join("login.key")).unwrap(), key);
    portal.kill();

    // Others may not read it, and what is no key is not taken for one.
    let file = folder.path().join("countersign-portal/login.key");
    fs::write(&file, "12345\n").unwrap();
    let damaged = Served::spawn("portal", folder.path(), &again);
    assert!(
        poll(|| damaged
            .text()
            .contains("eighteen")
            .then_some(())
            .or(damaged.text().contains("18 decimal digits").then_some(())))
        .is_some(),
        "{}",
        damaged.text()
    );
    assert!(!damaged.text().contains("12345"), "{}", damaged.text());
}

#[test]
fn a_portal_that_has_lost_a_part_of_its_state_does_not_begin_anew() {
    let folder = tempfile::tempdir().unwrap();
    portal(folder.path(), "").stop();
    let config = format!("{SMP}{USERS}");
    let state = folder.path().join("countersign-portal");
    for name in ["login.key", "passwords"] {
        let hidden = state.join("hidden");
        fs::rename(state.join(name), &hidden).unwrap();
        let error = Served::spawn("portal", folder.path(), &config).refused();
        assert!(error.contains(&format!("{name} is missing")), "{error}");
        fs::rename(&hidden, state.join(name)).unwrap();
    }
    let passwords = fs::read_to_string(state.join("passwords")).unwrap();
    let cut = |user: &str| passwords[..passwords.find(&format!("{user} ")).unwrap() + user.len() + 1].to_owned();
    for damaged in [String::new(), cut("admin"), cut("admin") + "\n"] {
        fs::write(state.join("passwords"), &damaged).unwrap();
        let error = Served::spawn("portal", folder.path(), &config).refused();
        assert!(error.contains("passwords is damaged"), "{damaged:?}: {error}");
    }
    fs::write(state.join("passwords"), passwords).unwrap();
    portal(folder.path(), "").stop();
}

#[test]
fn two_doors_at_one_address_are_told_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let portal = portal(folder.path(), "");
    let taken = portal.address();
    portal.kill();
    let doors = format!(
        "listen = \"{taken}\"\nadministration_server.listen = \"{taken}\"\n\
                         portlet_server.listen = \"127.0.0.1:0\"\n"
    );
    let config = format!("{}{doors}", SMP.replacen("listen = \"127.0.0.1:0\"\n", "", 1));
    let error = Served::spawn("portal", folder.path(), &config).refused();
    assert!(error.contains(&format!("failed to listen at {taken} for the administration server")), "{error}");
}

#[test]
fn jobs_run_fail_with_update_and_recover() {
    let folder = tempfile::tempdir().unwrap();
    let jobs = "jobs = [{ user = \"reports\", every = \"1500ms\", steps = 4, step = \"300ms\" }]\n";
    let portal = portal(folder.path(), jobs);
    let runs = |outcome: &str| portal.figure(&format!("countersign_jobs_total{{outcome=\"{outcome}\"}}"));
    poll(|| (runs("done") >= 1).then_some(())).expect("a run that is done");
    // Whenever the key changes within a run, that run fails.
    poll(|| {
        portal.admin("POST", "/update");
        (runs("refused") >= 1).then_some(())
    })
    .expect("a run that is refused");
    portal.until("the line of that", |line| line["message"] == "job failed" && line["outcome"] == "refused");
    let done = runs("done");
    poll(|| (runs("done") > done).then_some(())).expect("a run that is done again");
}

#[test]
fn mistakes_in_the_configuration_are_told_with_their_place() {
    let read = |text: &str| {
        let source = Configuration { file: "portal.toml", text, lister: "countersign schema portal" };
        source.read::<PortalDocument>().and_then(|document| document.resolve(&source))
    };
    for (text, said) in [
        ("delimiter = \"a\"", "portal.toml:1:13"),
        ("lifetimes.portlet = \"0s\"", "portal.toml:1:21"),
        ("users = [{ id = \"a\" }]\njobs = [{ user = \"a\", every = \"1ns\" }]", "portal.toml:2:31"),
        ("users = [{ id = \"a\" }]\njobs = [{ user = \"a\", every = \"1s\", step = \"0s\" }]", "would never end"),
        ("users = [{ id = \"a\" }]\njobs = [{ user = \"a\", every = \"1s\", steps = 4_294_967_295 }]", "1 to 100000"),
        ("users = [{ id = \"a|9\" }]", "has the delimiter"),
        ("users = [{ id = \"a b\" }]", "cookie"),
        ("users = [{ id = \"a\" }, { id = \"a\" }]", "each user once"),
        ("jobs = [{ user = \"a\", every = \"1m\" }]", "who is no user"),
        ("admin.listen = \"192.0.2.1:1\"", "a loopback address"),
        ("listne = \"127.0.0.1:1\"", "did you mean `listen`"),
    ] {
        let error = read(text).expect_err(text).render(None);
        assert!(error.contains(said), "{text}\n{error}");
    }
    assert!(read("profile = \"literal\"\nusers = [{ id = \"a|9\" }]").is_ok(), "literal takes what comes");
    let uncommented: String = PORTAL_EXAMPLE
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(key) if key.starts_with("[[") || key.contains(" = ") => format!("{key}\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    assert_eq!(read(&uncommented).unwrap().jobs.len(), 1);
    assert_eq!(format!("{:?}", read(PORTAL_EXAMPLE).unwrap()), format!("{:?}", read("").unwrap()));
}
