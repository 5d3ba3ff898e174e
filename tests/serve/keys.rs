//! Keys of tokens: an ordinary rotation hurts nobody, and one that cannot wait says what it costs.

use countersign::event::Outcome;
use serde_json::Value;

use crate::{
    agent::Agent,
    pair,
    process::{SMP, Served, at_the_same_address, site_config},
};

const COLD: [Outcome; 1] = [Outcome::ServedTwoStep];

fn status(smp: &Served) -> Value {
    smp.admin("GET", "/status").1
}

#[test]
fn a_rotation_hurts_no_cold_agent_and_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let with_interval = |config: &str| format!("{config}[parameters]\npolicy_interval = \"4s\"\n");
    let smp = Served::start("smp", folder.path(), &with_interval(SMP));
    let site = Served::start("site", folder.path(), &site_config(&smp));
    smp.act(&format!("/sites/{}/approve", site.node()));
    site.until("its registration", |line| line["message"] == "registered with the SMP");
    let old = status(&smp)["signing_key"].clone();
    assert_eq!(status(&smp)["next_signing_key"], Value::Null);

    let rotated = smp.act("/keys/rotate");
    assert_eq!(rotated["signs_in"], "8s", "{rotated}");
    let told = status(&smp);
    assert_eq!((&told["signing_key"], &told["next_signing_key"]), (&old, &rotated["kid"]));
    assert_eq!(told["signs_from"], rotated["signs_from"]);
    let again = smp.admin("POST", "/keys/rotate");
    assert!(again.0 == 409 && again.1["error"].as_str().unwrap().contains("?now=true"), "{again:?}");
    assert_eq!(Agent::new(1).visit(&smp, &site, 1), COLD, "the site does not know the new key yet");

    let config = with_interval(&at_the_same_address(&smp));
    smp.kill();
    let smp = Served::start("smp", folder.path(), &config);
    let told = status(&smp);
    assert_eq!((&told["signing_key"], &told["next_signing_key"]), (&old, &rotated["kid"]), "{told}");
    assert!(told["signs_from"].as_u64() >= rotated["signs_from"].as_u64(), "{told}");
    // Whenever an agent comes, it is served.
    for number in 2.. {
        let has_rotated = status(&smp)["signing_key"] == rotated["kid"];
        assert_eq!(Agent::new(number).visit(&smp, &site, 1), COLD, "agent {number}, rotated: {has_rotated}");
        if has_rotated {
            break;
        }
    }
    assert_eq!(status(&smp)["next_signing_key"], Value::Null);
    assert!(!site.text().contains("does not know"), "{}", site.text());
}

#[test]
fn a_key_that_signs_at_once_costs_what_the_answer_says_and_the_site_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let (smp, site) = pair(folder.path());
    let waiting = smp.act("/keys/rotate");
    let leaked = smp.act("/keys/rotate?now=true");
    assert_eq!(leaked["kid"], waiting["kid"], "the one that some sites may know by now");
    assert_eq!(leaked["cost"], "sites refuse tokens under it until they fetch policy: at most 15m");
    assert_eq!(status(&smp)["signing_key"], leaked["kid"]);
    assert_eq!(smp.admin("POST", "/keys/rotate?now").0, 400);

    for number in [1, 2] {
        assert_ne!(Agent::new(number).visit(&smp, &site, 1), COLD);
    }
    let warning = site.until("a warning", |line| line["level"] == "WARN" && line["kid"] == leaked["kid"]);
    assert!(warning["policy_fetch_in"].as_str().unwrap().starts_with("14m"), "{warning}");
    let warnings = site.text().matches(leaked["kid"].as_str().unwrap()).count();
    assert_eq!(warnings, 1, "{}", site.text());

    // A key that waits can be withdrawn, and never signs.
    let waiting = smp.act("/keys/rotate");
    smp.act(&format!("/keys/{}/withdraw", waiting["kid"].as_str().unwrap()));
    assert_eq!(status(&smp)["next_signing_key"], Value::Null);
    assert_eq!(smp.admin("GET", "/keys").1["keys"].as_array().unwrap().len(), 2);
}
