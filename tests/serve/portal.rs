//! A served portal: its users, its jobs, 'Update', and what its folder and its log hold.

use std::{collections::BTreeMap, fs, net::SocketAddr, os::unix::fs::PermissionsExt, path::Path};

use countersign::{
    protocol::{
        ADMINISTRATION_LINK, ADMINISTRATION_PATH, IMPERSONATE_PATH, LOGIN_PATH, LoginTokenRules, PORTAL_PATH,
        PORTLET_PATH, PORTLET_SERVER_PATH, SESSION_PATH, with_login_token,
    },
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
    let other = get(portal.address(), "/portal/?token=wrong", &format!("Cookie: remember={token}\r\n"));
    assert_eq!((status(&other), cookie(&other, "remember")), (401, None), "nobody tried the cookie: it stays");
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
    let there = format!("Cookie: administration={}\r\n", cookie(&entered, "administration").unwrap());
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

/// The cookies of a browser: it knows them by name and path, and not by port (RFC 6265 section 8.5).
#[derive(Default)]
struct Jar(BTreeMap<(String, String), String>);

impl Jar {
    /// One request, and the cookies of its answer.
    fn ask(&mut self, address: SocketAddr, method: &str, target: &str, form: &str) -> String {
        let fits = |path: &str| target.starts_with(path);
        let cookies =
            self.0.iter().filter(|((_, path), _)| fits(path)).map(|((name, _), value)| format!("{name}={value}"));
        let cookies = cookies.collect::<Vec<_>>().join("; ");
        let header = if cookies.is_empty() { String::new() } else { format!("Cookie: {cookies}\r\n") };
        let answer = http(address, &format!("{method} {target} HTTP/1.1\r\nHost: x\r\n{header}"), form);
        for line in answer.lines().filter(|line| line.to_lowercase().starts_with("set-cookie: ")) {
            let mut parts = line.split_once(": ").unwrap().1.split("; ");
            let (name, value) = parts.next().unwrap().split_once('=').unwrap();
            let path = parts.find_map(|part| part.strip_prefix("Path=")).unwrap();
            self.0.insert((name.to_owned(), path.to_owned()), value.to_owned());
        }
        answer
    }
}

#[test]
fn whoever_follows_the_link_on_one_host_stays_logged_in() {
    let folder = tempfile::tempdir().unwrap();
    let portal = portal(folder.path(), "");
    let (front_end, mut jar) = (portal.address(), Jar::default());
    let form = format!("user=admin&password={}", password(&portal, "admin"));
    assert_eq!(status(&jar.ask(front_end, "POST", "/portal/login", &form)), 200);
    let link = jar.ask(front_end, "GET", "/portal/administration", "");
    let location = link.lines().find_map(|line| line.strip_prefix("location: http://")).unwrap();
    let (administration, target) = location.split_once('/').unwrap();
    let administration = administration.parse().unwrap();
    assert_eq!(status(&jar.ask(administration, "GET", &format!("/{target}"), "")), 200);
    let page = jar.ask(front_end, "GET", "/portal/", "");
    assert_eq!((status(&page), body(&page)), (200, "admin"));
    // And the other way round: back at the front end, the session at the administration server goes on.
    let impersonated = jar.ask(administration, "POST", "/administration/impersonate", "user=reports");
    assert_eq!(status(&impersonated), 200);
    assert_eq!(status(&jar.ask(administration, "POST", "/administration/impersonate", "user=nobody")), 404);
    let names: Vec<_> = jar.0.keys().map(|(name, path)| format!("{name} {path}")).collect();
    assert_eq!(names, ["administration /administration/", "session /portal/"]);
}

#[test]
fn a_user_who_is_taken_out_of_the_configuration_is_let_in_no_more() {
    let folder = tempfile::tempdir().unwrap();
    for profile in ["literal", "hardened"] {
        let users = format!("profile = \"{profile}\"\n{USERS}");
        let before = Served::start("portal", folder.path(), &format!("{SMP}{users}"));
        let token = cookie(&log_in(&before, "reports", &password(&before, "reports")), "remember").unwrap();
        let others = cookie(&log_in(&before, "admin", &password(&before, "admin")), "remember").unwrap();
        let again = at_the_same_address(&before);
        before.stop();
        let config = format!("{again}{}", users.replace(", { id = \"reports\" }", ""));
        let portal = Served::start("portal", folder.path(), &config);
        let remembered = |token: &str| get(portal.address(), "/portal/", &format!("Cookie: remember={token}\r\n"));
        let refused = remembered(&token);
        assert_eq!((status(&refused), cookie(&refused, "remember").as_deref()), (401, Some("")), "{profile}");
        assert_eq!(status(&remembered(&others)), 200, "{profile}: who is left is let in");
        assert_eq!(portal.figure("countersign_login_tokens_refused_total{reason=\"unknown_user\"}"), 1);
        portal.stop();
    }
}

#[test]
fn passwords_that_fail_leave_a_line_and_a_figure_and_never_the_password() {
    let folder = tempfile::tempdir().unwrap();
    let portal = portal(folder.path(), "log.level = \"debug\"\n");
    for (user, password) in
        [("admin", "guess-one"), ("admin", "guess-two"), ("typed-in-the-wrong-field", "guess-three")]
    {
        assert_eq!(status(&log_in(&portal, user, password)), 401);
    }
    assert_eq!(portal.figure("countersign_passwords_refused_total"), 3);
    assert_eq!(portal.figure("countersign_request_seconds_count{path=\"login\",status=\"4xx\"}"), 3);
    get(portal.address(), "/portal/", "");
    assert_eq!(portal.figure("countersign_request_seconds_count{path=\"portal\",status=\"4xx\"}"), 1);
    let text = portal.stop();
    let refused: Vec<_> = text.lines().filter(|line| line.contains("password refused")).collect();
    assert_eq!(refused.len(), 3, "{text}");
    assert_eq!(refused.iter().filter(|line| line.contains("\"user\":\"admin\"")).count(), 2, "{text}");
    assert!(!text.contains("guess") && !text.contains("typed-in"), "{text}");
}

#[test]
fn a_portal_shows_the_figures_of_a_portal_and_an_smp_those_of_an_smp() {
    let folder = tempfile::tempdir().unwrap();
    let (portal, smp) = (portal(folder.path(), ""), Served::start("smp", folder.path(), SMP));
    // A family of figures is shown once it has one.
    get(portal.address(), "/portal/", "");
    get(smp.address(), "/Altiris/x", "");
    let (of_portal, of_smp) = (portal.monitoring("/metrics").1, smp.monitoring("/metrics").1);
    for figure in ["login_tokens_accepted", "passwords_refused", "login_key_updates"] {
        let name = format!("# TYPE countersign_{figure} ");
        assert!(of_portal.contains(&name) && !of_smp.contains(&name), "{figure}");
    }
    for figure in ["registry_entries", "signatures", "nodes", "accepts", "cache_entries", "policy_version"] {
        let name = format!("# TYPE countersign_{figure} ");
        assert!(of_smp.contains(&name) && !of_portal.contains(&name), "{figure}");
    }
    for figure in ["request_seconds", "connections_open"] {
        let name = format!("# TYPE countersign_{figure} ");
        assert!(of_smp.contains(&name) && of_portal.contains(&name), "{figure}");
    }
}

#[test]
fn every_path_is_listed_at_its_door_in_the_help_and_in_the_documents() {
    let folder = tempfile::tempdir().unwrap();
    let portal = portal(folder.path(), "");
    let line = portal.until("where it is", |line| line["message"] == "listening");
    let at = |member: &str| line[member].as_str().unwrap().trim_start_matches("http://").parse::<SocketAddr>().unwrap();
    let help = assert_cmd::Command::new(env!("CARGO_BIN_EXE_countersign")).args(["serve", "portal", "--help"]).output();
    let help = String::from_utf8(help.unwrap().stdout).unwrap();
    let document = include_str!("../../PROTOCOL.md");
    for (door, paths) in [
        ("address", &[LOGIN_PATH, PORTAL_PATH, SESSION_PATH, PORTLET_PATH, ADMINISTRATION_LINK][..]),
        ("administration_server", &[ADMINISTRATION_PATH, IMPERSONATE_PATH]),
        ("portlet_server", &[PORTLET_SERVER_PATH]),
    ] {
        let list = get(at(door), "/", "");
        assert_eq!(status(&list), 200);
        for path in paths {
            assert!(body(&list).contains(&format!(" {path}")), "{door}: {list}");
            assert!(help.contains(path), "{path} in the help:\n{help}");
            assert!(document.contains(&format!(" {path}")), "{path} in PROTOCOL.md");
        }
        // What is listed is there.
        for (method, path) in body(&list).lines().filter_map(|line| line.split_once(" /")) {
            let path = path.split([' ', '?']).next().unwrap();
            let head = format!("{} /{path} HTTP/1.1\r\nHost: x\r\n", method.trim());
            assert!(matches!(status(&http(at(door), &head, "")), 200 | 400 | 401), "{method} /{path}");
        }
    }
    assert_eq!(portal.monitoring("/").0, 200);
}

#[test]
fn a_portal_without_users_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let doors = "administration_server.listen = \"127.0.0.1:0\"\nportlet_server.listen = \"127.0.0.1:0\"\n";
    let portal = Served::start("portal", folder.path(), &format!("{SMP}{doors}"));
    let warning = portal.until("a warning", |line| line["level"] == "WARN");
    let message = warning["message"].as_str().unwrap();
    assert!(message.contains("nobody can log in") && message.contains("`[[users]]`"), "{message}");
}

#[test]
fn sighup_turns_the_log_of_a_portal_and_names_what_needs_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let portal = portal(folder.path(), "");
    let config =
        format!("{SMP}{}log.level = \"debug\"\n", USERS.replace("{ id = \"reports\" }", "{ id = \"others\" }"));
    fs::write(folder.path().join("portal.toml"), config).unwrap();
    portal.signal("HUP");
    let line = portal.until("that it was read", |line| !line["needs_restart"].is_null());
    assert_eq!((&line["needs_restart"], &line["taken_over"]), (&"users".into(), &"log.level".into()), "{line}");
    log_in(&portal, "reports", "wrong");
    portal.until("a line of the new level", |line| line["message"] == "password refused" && line["user"] == "reports");
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
