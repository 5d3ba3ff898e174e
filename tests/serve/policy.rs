//! Policy has the last word, at the SMP and at its sites.

use std::fs;

use crate::{
    node::Node,
    process::{SMP, Served, poll, site_config},
};

#[test]
fn counters_and_windows_are_those_of_the_policy_of_the_day() {
    let folder = tempfile::tempdir().unwrap();
    let config =
        |parameters: &str| format!("profile = \"literal\"\n{SMP}[parameters]\npolicy_interval = \"1s\"\n{parameters}");
    let smp = Served::start("smp", folder.path(), &config("counter_jump_max = 5\nregistry_window = 1\n"));
    let site = Served::start("site", folder.path(), &format!("profile = \"literal\"\n{}", site_config(&smp)));
    smp.act(&format!("/sites/{}/approve", site.node()));
    site.until("its registration", |line| line["message"] == "registered with the SMP");
    let agent = Node::new(1);
    assert_eq!(agent.agent().send(&smp), 200);
    for server in [&smp, &site] {
        // A jump too far, then one that is not, and one back, which a window of one counter does not know any more.
        assert_eq!(agent.use_token(server, 1, &[1_000, 5, 4]), [401, 200, 401], "{}", server.name);
    }

    fs::write(folder.path().join("smp.toml"), config("counter_jump_max = 100000\n")).unwrap();
    smp.signal("HUP");
    smp.until("the new policy", |line| line["message"] == "configuration read again");
    let version = smp.figure("countersign_policy_version");
    poll(|| (site.figure("countersign_policy_version") == version).then_some(())).expect("the new policy");
    for server in [&smp, &site] {
        assert_eq!(agent.use_token(server, 2, &[1_000, 999]), [200, 200], "{}", server.name);
    }
}

#[test]
fn a_site_asks_for_no_more_tokens_at_once_than_policy_lets_it() {
    let folder = tempfile::tempdir().unwrap();
    let config = "[parameters]\nbatch_size_max = 2\ntoken_lifetime = \"1m\"\nvalidation_period = \"3s\"\n";
    let smp = Served::start("smp", folder.path(), &format!("profile = \"literal\"\n{SMP}{config}"));
    let site = Served::start("site", folder.path(), &format!("profile = \"literal\"\n{}", site_config(&smp)));
    smp.act(&format!("/sites/{}/approve", site.node()));
    site.until("its registration", |line| line["message"] == "registered with the SMP");
    for number in 1..=5 {
        let agent = Node::new(number);
        assert_eq!(agent.agent().send(&smp), 200);
        assert_eq!(agent.use_token(&site, 1, &[1]), [200]);
        // Asked for again, so it is due.
        assert_eq!(agent.use_token(&site, 1, &[2]), [200]);
    }
    poll(|| (smp.figure("countersign_issued_total{to=\"site\"}") >= 10).then_some(()))
        .expect("a validation of all five");
}
