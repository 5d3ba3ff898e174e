//! The state folder: private, kept, and never silently replaced.

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::Path,
    thread,
    time::Duration,
};

use countersign::event::Outcome;

use crate::{
    agent::{Agent, register},
    process::{SMP, Served, is_first_line, site_config, smp},
};

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn the_first_start_makes_private_keys_and_the_second_finds_them() {
    let folder = tempfile::tempdir().unwrap();
    let smp = smp(folder.path());
    let site = Served::start("site", folder.path(), &site_config(&smp));
    for state in [&smp.folder, &site.folder] {
        assert_eq!(fs::metadata(state).unwrap().mode() & 0o777, 0o700);
        for entry in fs::read_dir(state).unwrap().map(|entry| entry.unwrap()) {
            assert_eq!(entry.metadata().unwrap().mode() & 0o777, 0o600, "{}", entry.path().display());
        }
    }
    assert_eq!(fs::read_to_string(smp.folder.join("pin")).unwrap().trim(), smp.pin());
    assert_eq!(fs::read_to_string(site.folder.join("node")).unwrap().trim(), site.node());
    assert_ne!(smp.pin(), site.until("its key", is_first_line)["kid"]);

    let second = Served::spawn("smp", folder.path(), SMP).refused();
    assert!(second.contains("another process uses the state in"), "{second}");
    let (pin, smp_node, site_node, config) = (smp.pin(), smp.node(), site.node(), site_config(&smp));
    let secret = fs::read(smp.folder.join("admin.secret")).unwrap();
    smp.stop();
    site.stop();
    let smp = Served::start("smp", folder.path(), SMP);
    let site = Served::start("site", folder.path(), &config);
    assert_eq!((smp.pin(), smp.node(), site.node()), (pin, smp_node, site_node));
    assert_eq!(fs::read(smp.folder.join("admin.secret")).unwrap(), secret);
}

#[test]
fn secrets_that_others_may_read_are_not_used() {
    let folder = tempfile::tempdir().unwrap();
    let smp = smp(folder.path());
    let state = smp.folder.clone();
    smp.stop();
    for (name, mode) in [("identity.pem", 0o640), ("admin.secret", 0o604), ("smp.json", 0o620), ("", 0o755)] {
        let path = state.join(name);
        let before = fs::metadata(&path).unwrap().mode() & 0o777;
        set_mode(&path, mode);
        let error = Served::spawn("smp", folder.path(), SMP).refused();
        let expected = format!("(mode {mode:03o}), which holds secrets: run `chmod go= ");
        assert!(error.contains("others on this machine may read") && error.contains(&expected), "{error}");
        set_mode(&path, before);
    }
    Served::start("smp", folder.path(), SMP).stop();
}

#[test]
fn a_damaged_state_is_an_error_and_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let smp = smp(folder.path());
    let mut agent = Agent::new(6);
    assert_eq!(agent.visit(&smp, &smp, 1), [Outcome::ServedTwoStep]);
    assert_eq!(Agent::new(7).visit(&smp, &smp, 1), [Outcome::ServedTwoStep]);
    let state = smp.folder.clone();
    smp.stop();
    let change = |name: &str, change: &dyn Fn(&str) -> String| {
        let path = state.join(name);
        let whole = fs::read_to_string(&path).unwrap();
        let damaged = change(&whole);
        fs::write(&path, &damaged).unwrap();
        (path, whole, damaged)
    };
    for (name, damage, why) in [
        (
            "smp.json",
            (|text| text.replace("\"policy_version\": 1", "\"policy_version\": 2")) as fn(&str) -> String,
            "hash",
        ),
        ("smp.json", |_| String::new(), "is damaged"),
        ("smp.json", |text| text[..text.len() / 2].to_owned(), "is damaged"),
        ("nodes.jsonl", |text| text.replacen("\"agent\"", "\"agenT\"", 1), "nodes.jsonl is damaged: line 1: its check"),
        ("nodes.jsonl", |text| text.replacen('{', "[", 1), "line 1"),
        (
            "identity.pem",
            |_| "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n".to_owned(),
            "no RSA private key",
        ),
        ("admin.secret", |_| "short\n".to_owned(), "at least 43 characters"),
    ] {
        let (path, whole, damaged) = change(name, &damage);
        let error = Served::spawn("smp", folder.path(), SMP).refused();
        assert!(error.contains(why), "{name}: {error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), damaged, "{name} was replaced");
        fs::write(&path, whole).unwrap();
    }
    // Lines that are gone leave no trace in those that stay.
    for (damage, why) in [
        ((|text| text[..text.find('\n').unwrap() + 1].to_owned()) as fn(&str) -> String, "it has 1 lines"),
        (|_| String::new(), "registrations are missing: it has 0 lines in row 0, and had at least 2 in row 0"),
    ] {
        let (path, whole, damaged) = change("nodes.jsonl", &damage);
        let error = Served::spawn("smp", folder.path(), SMP).refused();
        assert!(error.contains(why) && error.contains("Restore it from a copy"), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), damaged, "it was replaced");
        fs::write(&path, whole).unwrap();
    }
    for name in ["identity.pem", "smp.json", "nodes.jsonl"] {
        let (path, hidden) = (state.join(name), state.join("hidden"));
        fs::rename(&path, &hidden).unwrap();
        let error = Served::spawn("smp", folder.path(), SMP).refused();
        assert!(error.contains(&format!("{name} is missing")), "{error}");
        fs::rename(&hidden, &path).unwrap();
    }

    // A line that was cut off by a loss of power was never acknowledged. What is before it counts.
    change("nodes.jsonl", &|text| format!("{text}0badc0de {{\"registered\":{{\"id\":\"3000"));
    let smp = Served::start("smp", folder.path(), SMP);
    assert!(smp.text().contains("the last line was cut off"));
    assert_eq!(smp.figure("countersign_nodes"), 2);
    assert_eq!(Agent::new(8).visit(&smp, &smp, 1), [Outcome::ServedTwoStep]);
    smp.kill();
    let smp = Served::start("smp", folder.path(), SMP);
    assert_eq!(smp.figure("countersign_nodes"), 3);
    assert!(!smp.text().contains("cut off"));
}

#[test]
fn a_node_whose_registration_cannot_be_kept_is_told_so() {
    let folder = tempfile::tempdir().unwrap();
    // Room for the SMP's own state and a handful of nodes.
    let smp = Served::start_limited("smp", folder.path(), SMP, "-f 6");
    let refused = (1..50).find(|number| register(&smp, *number) != 200).expect("a full disk");
    assert!(refused > 1);
    assert_eq!(register(&smp, refused), 503, "it stays so");
    assert!(smp.figure("countersign_state_write_failures_total") >= 2);
    smp.until("an error", |line| line["level"] == "ERROR");
    smp.kill();

    let smp = Served::start("smp", folder.path(), SMP);
    assert!(!smp.text().contains("cut off"), "no half line is left");
    assert_eq!(smp.figure("countersign_nodes"), u64::from(refused - 1));
    assert_eq!((1..=refused).map(|number| register(&smp, number)).max(), Some(200));
    assert_eq!(smp.figure("countersign_registrations_total{kind=\"agent\",result=\"new\"}"), 1);
}

#[test]
fn a_state_without_its_middle_is_no_first_start() {
    let folder = tempfile::tempdir().unwrap();
    let smp = smp(folder.path());
    let site = Served::start("site", folder.path(), &site_config(&smp));
    let (config, states) = (site_config(&smp), [smp.folder.clone(), site.folder.clone()]);
    smp.stop();
    site.stop();
    for (state, kind, config) in [(&states[0], "smp", SMP), (&states[1], "site", &config)] {
        let name = format!("{kind}.json");
        fs::rename(state.join(&name), state.join("hidden")).unwrap();
        let error = Served::spawn(kind, folder.path(), config).refused();
        assert!(error.contains(&format!("{name} is missing")), "{error}");
        fs::rename(state.join("hidden"), state.join(&name)).unwrap();
    }
}

/// An administrator's script may end in the middle of what it asked for.
#[test]
fn acts_whose_askers_hang_up_neither_damage_the_state_nor_lose_those_of_others() {
    let folder = tempfile::tempdir().unwrap();
    let smp = smp(folder.path());
    let path = |number: u32| format!("/agents/30000000-0000-4000-8000-{number:012}/revoke");
    // Enough for a write to take its time.
    (0..300).for_each(|number| drop(smp.act(&path(number))));
    for number in 0..300 {
        let stream = smp.ask_and_go(&path(1_000 + number));
        thread::sleep(Duration::from_micros(u64::from(number) * 5));
        drop(stream);
        smp.act(&path(2_000 + number));
        let text = fs::read_to_string(smp.folder.join("smp.json")).unwrap();
        assert!(text.ends_with("}\n"), "half a file after {number}: {} bytes", text.len());
        assert!(text.contains(&format!("-{:012}\"", 2_000 + number)), "act {number} was answered, and is lost");
    }
    smp.kill();
    let smp = Served::start("smp", folder.path(), SMP);
    let revoked = smp.admin("GET", "/status").1["revoked"].as_array().unwrap().len();
    assert!(revoked >= 600, "{revoked}");
}

/// Whoever pins another key has a reason: the one before may have leaked.
#[test]
fn a_site_that_is_told_another_pin_trusts_no_policy_of_the_one_before() {
    let folder = tempfile::tempdir().unwrap();
    let (smp, site) = crate::pair(folder.path());
    assert_eq!(site.monitoring("/readyz").0, 200);
    let (pin, other) = (smp.pin(), site.until("its key", is_first_line)["kid"].as_str().unwrap().to_owned());
    let config = site_config(&smp);
    site.stop();
    let site = Served::spawn("site", folder.path(), &config.replace(&pin, &other));
    site.until("why", |line| line["message"].as_str().is_some_and(|it| it.contains("it registers anew")));
    site.until("its first line", is_first_line);
    assert_eq!(site.monitoring("/readyz").0, 503);
    site.stop();
    // Nothing was lost.
    let site = Served::start("site", folder.path(), &config);
    assert_eq!(site.monitoring("/readyz").0, 200);
}
