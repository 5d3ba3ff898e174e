//! Signed requests that somebody recorded on their way, and sends again.

use countersign::types::Profile;
use serde_json::Value;

use crate::{
    node::Node,
    process::{Served, at_the_same_address, smp},
};

#[test]
fn an_old_registration_does_not_lead_the_fleet_back() {
    let folder = tempfile::tempdir().unwrap();
    let smp = smp(folder.path());
    let site = Node::new(1);
    smp.act(&format!("/sites/{}/approve", site.id));
    let place = |smp: &Served| -> (Value, Value) {
        let site = &smp.admin("GET", "/sites").1["registered"][0];
        (site["origin"].clone(), site["profile"].clone())
    };
    let old = site.site("http://127.0.0.1:66", Profile::Literal, 1_000);
    let new = site.site("http://127.0.0.1:7", Profile::Hardened, 2_000);
    let now = ("http://127.0.0.1:7".into(), "hardened".into());
    assert_eq!((old.send(&smp), new.send(&smp)), (200, 200));
    assert_eq!(place(&smp), now);
    assert_eq!(old.send(&smp), 200, "an honest node with a wrong clock gets its policy");
    assert_eq!(place(&smp), now);
    smp.until("a warning", |line| line["level"] == "WARN" && line["node"] == site.id.to_string());

    let config = at_the_same_address(&smp);
    smp.kill();
    let smp = Served::start("smp", folder.path(), &config);
    assert_eq!(old.send(&smp), 200);
    assert_eq!(place(&smp), now);
    assert_eq!(site.site("http://127.0.0.1:8", Profile::Hardened, 2_001).send(&smp), 200);
    assert_eq!(place(&smp).0, "http://127.0.0.1:8", "it may still move");
}

#[test]
fn a_request_for_tokens_is_answered_once() {
    let folder = tempfile::tempdir().unwrap();
    let smp = smp(folder.path());
    let (site, agent) = (Node::new(1), Node::new(2));
    smp.act(&format!("/sites/{}/approve", site.id));
    assert_eq!(site.site("http://127.0.0.1:9", Profile::Hardened, 1).send(&smp), 200);
    assert_eq!(agent.agent().send(&smp), 200);
    // No clock decides: one of 1970 will do.
    let request = site.tokens(agent.id, 128, 2);
    assert_eq!(request.send(&smp), 200);
    let signatures = smp.figure("countersign_issued_total{to=\"site\"}");
    assert_eq!(signatures, 128);
    assert!((0..5).all(|_| request.send(&smp) == 409));
    assert_eq!(smp.figure("countersign_issued_total{to=\"site\"}"), signatures);
    assert_eq!(site.tokens(agent.id, 1, 3).send(&smp), 200);
}

#[test]
fn nobody_is_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let smp = smp(folder.path());
    let nobody = Node { id: countersign::types::NodeId::from_bits(0), ..Node::new(1) };
    assert_eq!(nobody.agent().send(&smp), 400);
}
