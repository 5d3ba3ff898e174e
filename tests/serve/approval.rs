//! Who may be a site server: whose name, with which key, and for how long (attack 18).

use std::fs;

use countersign::types::Profile;
use serde_json::json;

use crate::{
    node::Node,
    process::{SMP, Served, at_the_same_address, smp},
};

const ORIGIN: &str = "http://127.0.0.1:9";

fn registers(smp: &Served, node: &Node, created: u64) -> u16 {
    node.site(ORIGIN, Profile::Hardened, created).send(smp)
}

#[test]
fn an_approval_is_for_a_key_and_not_for_whoever_knows_the_name() {
    let folder = tempfile::tempdir().unwrap();
    let smp = smp(folder.path());
    let (site, thief) = (Node::new(1), Node::with_key(1, 66));
    assert_eq!(registers(&smp, &site, 10), 403);
    assert_eq!(registers(&smp, &site, 11), 403);
    let waiting = &smp.admin("GET", "/sites").1["turned_away"];
    let why = format!("{} is no approved site server: an administrator must approve it first", site.id);
    let expected = json!([{ "id": site.id, "kid": site.kid(), "origin": ORIGIN, "times": 2, "why": why }]);
    assert_eq!(*waiting, expected);

    // Two keys wait: an administrator has to compare.
    assert_eq!(registers(&smp, &thief, 12), 403);
    let (status, answer) = smp.admin("POST", &format!("/sites/{}/approve", site.id));
    let answer = answer["error"].as_str().unwrap();
    assert!(status == 409 && answer.contains(&site.kid()) && answer.contains(&thief.kid()), "{answer}");
    assert_eq!(smp.admin("POST", &format!("/sites/{}/approve?key=x", site.id)).0, 400);
    let approved = smp.act(&format!("/sites/{}/approve?kid={}", site.id, site.kid()));
    assert_eq!(approved["kid"], site.kid());
    assert_eq!(registers(&smp, &thief, 13), 403);

    // Neither another approval of the name nor a restart gives it to the other.
    assert_eq!(smp.act(&format!("/sites/{}/approve", site.id))["kid"], site.kid());
    let config = at_the_same_address(&smp);
    smp.kill();
    let smp = Served::start("smp", folder.path(), &config);
    assert_eq!(registers(&smp, &thief, 14), 403);
    assert_eq!(registers(&smp, &site, 15), 200);
    assert_eq!(registers(&smp, &thief, 16), 403);
    assert_eq!(smp.admin("POST", &format!("/sites/{}/approve?kid={}", site.id, thief.kid())).0, 409);

    // The only one that waits is taken at its word, and nobody after it.
    let other = Node::new(2);
    assert_eq!(registers(&smp, &other, 17), 403);
    assert_eq!(smp.act(&format!("/sites/{}/approve", other.id))["kid"], other.kid());
    assert_eq!(Node::with_key(2, 66).site("http://127.0.0.1:10", Profile::Hardened, 18).send(&smp), 403);
    assert_eq!(other.site("http://127.0.0.1:10", Profile::Hardened, 19).send(&smp), 200);
}

#[test]
fn a_name_that_a_stranger_registered_as_an_agent_can_be_freed() {
    let folder = tempfile::tempdir().unwrap();
    let smp = smp(folder.path());
    let (site, thief) = (Node::new(3), Node::with_key(3, 66));
    assert_eq!(thief.agent().send(&smp), 200);
    let (status, answer) = smp.admin("POST", &format!("/sites/{}/approve", site.id));
    assert!(status == 409 && answer["error"].as_str().unwrap().contains("registered as an agent"), "{answer}");
    smp.act(&format!("/agents/{}/remove", site.id));
    assert_eq!(smp.admin("POST", &format!("/agents/{}/remove", site.id)).0, 404);
    let config = at_the_same_address(&smp);
    smp.kill();
    let smp = Served::start("smp", folder.path(), &config);
    assert_eq!(smp.admin("GET", &format!("/agents/{}", site.id)).0, 404);
    assert_eq!(registers(&smp, &site, 10), 403);
    smp.act(&format!("/sites/{}/approve", site.id));
    assert_eq!(registers(&smp, &site, 11), 200);
    assert_eq!(thief.agent().send(&smp), 409);
}

#[test]
fn what_the_configuration_approves_no_more_is_withdrawn() {
    let folder = tempfile::tempdir().unwrap();
    let (named, keyed, by_hand) = (Node::new(4), Node::new(5), Node::new(6));
    let approved = format!(
        "approved_sites = [\"{}\", {{ id = \"{}\", kid = \"{}\" }}, \"{}\"]\n",
        named.id,
        keyed.id,
        keyed.kid(),
        by_hand.id
    );
    let smp = Served::start("smp", folder.path(), &format!("{approved}{SMP}"));
    assert_eq!(Node::with_key(5, 66).site("http://127.0.0.1:5", Profile::Hardened, 1).send(&smp), 403);
    for (node, port) in [(&named, 4), (&keyed, 5), (&by_hand, 6)] {
        assert_eq!(node.site(&format!("http://127.0.0.1:{port}"), Profile::Hardened, 2).send(&smp), 200);
    }
    smp.act(&format!("/sites/{}/approve", by_hand.id));
    let registered = |smp: &Served| {
        let sites = smp.admin("GET", "/sites").1["registered"].clone();
        sites.as_array().unwrap().iter().map(|site| site["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(registered(&smp).len(), 3);

    fs::write(folder.path().join("smp.toml"), approved.replace(&format!("\"{}\", ", named.id), "") + SMP).unwrap();
    smp.signal("HUP");
    smp.until("a warning", |line| line["level"] == "WARN" && line["site"] == named.id.to_string());
    smp.until("the end", |line| line["message"] == "configuration read again" && line["policy_changed"] == true);
    assert_eq!(registered(&smp), [keyed.id.to_string(), by_hand.id.to_string()]);
    assert_eq!(named.site("http://127.0.0.1:4", Profile::Hardened, 3).send(&smp), 403);

    // The same at a start; what was approved at the door stays.
    let config = at_the_same_address(&smp);
    smp.stop();
    let smp = Served::start("smp", folder.path(), &config);
    assert_eq!(registered(&smp), [by_hand.id.to_string()]);
    assert_eq!(keyed.site("http://127.0.0.1:5", Profile::Hardened, 4).send(&smp), 403);
    let config = at_the_same_address(&smp);
    smp.stop();
    let smp = Served::start("smp", folder.path(), &(approved + &config));
    assert_eq!(keyed.site("http://127.0.0.1:5", Profile::Hardened, 5).send(&smp), 200, "it may come back");
}
