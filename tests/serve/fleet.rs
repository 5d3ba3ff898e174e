//! The whole of it: an SMP and two sites as processes, through everything that happens to a fleet.

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    path::Path,
    thread,
    time::Duration,
};

use countersign::event::Outcome;

use crate::{
    agent::Agent,
    certificate,
    process::{PATIENCE, SMP, Served, poll, site_config},
    secured,
};

/// A site server in a folder of its own, approved and registered.
fn site(folder: &Path, smp: &Served, config: &str) -> Served {
    fs::create_dir_all(folder).unwrap();
    let site = Served::start("site", folder, config);
    smp.act(&format!("/sites/{}/approve", site.node()));
    site.until("its registration", |line| line["message"] == "registered with the SMP");
    site
}

/// The configuration with the address that the server has by now.
fn settled(config: &str, server: &Served) -> String {
    if config.starts_with("origin = ") {
        return config.to_owned();
    }
    let config = config.replacen("127.0.0.1:0", &server.address().to_string(), 1);
    format!("origin = \"{}\"\n{config}", server.origin())
}

#[test]
fn a_fleet_goes_through_restarts_rotation_and_revocation_in_both_profiles_plain_and_over_tls() {
    for profile in ["literal", "hardened"] {
        for is_secure in [false, true] {
            through_everything(profile, is_secure);
        }
    }
}

fn through_everything(profile: &str, is_secure: bool) {
    let folder = tempfile::tempdir().unwrap();
    let folders = [folder.path().join("one"), folder.path().join("two")];
    folders.iter().for_each(|folder| fs::create_dir(folder).unwrap());
    let trust = is_secure.then(|| {
        let pem = certificate(folder.path());
        for own in &folders {
            for file in ["cert.pem", "key.pem"] {
                fs::copy(folder.path().join(file), own.join(file)).unwrap();
            }
        }
        pem
    });
    let of_profile = |config: &str| {
        let config = format!("profile = \"{profile}\"\n{config}");
        if is_secure { secured(&config) } else { config }
    };
    let agent = |number| match &trust {
        None => Agent::new(number),
        Some(pem) => Agent::new(number).trusting(pem),
    };
    let smp_config = of_profile(&format!("{SMP}[parameters]\npolicy_interval = \"1s\"\n"));
    let smp = Served::start("smp", folder.path(), &smp_config);
    let site_config = |smp: &Served| {
        let config = site_config(smp);
        let config =
            if is_secure { config.replace("[parameters]", "trust = \"cert.pem\"\n[parameters]") } else { config };
        of_profile(&config)
    };
    let (one_config, two_config) = (site_config(&smp), site_config(&smp));
    let (one, two) = (site(&folders[0], &smp, &one_config), site(&folders[1], &smp, &two_config));
    let both = [Outcome::ServedTwoStep, Outcome::ServedOneStep];
    let (mut at_one, mut at_two, mut at_smp) = (agent(1), agent(2), agent(3));
    assert_eq!(at_one.visit(&smp, &one, 2), both, "{profile}, secure: {is_secure}");
    assert_eq!(at_two.visit(&smp, &two, 2), both);
    assert_eq!(at_smp.visit(&smp, &smp, 2), both);

    // A site and then the SMP lose their processes, and come back with what they kept.
    let (one_config, smp_config) = (settled(&one_config, &one), settled(&smp_config, &smp));
    one.kill();
    let one = Served::start("site", &folders[0], &one_config);
    assert_eq!(at_one.visit(&smp, &one, 2), both);
    smp.kill();
    let smp = Served::start("smp", folder.path(), &smp_config);
    assert_eq!(at_one.visit(&smp, &one, 2), both);

    // Another key is published, and signs once both sites have it.
    let kid = smp.act("/keys/rotate")["kid"].clone();
    let keys = |site: &Served| site.figure("countersign_policy_version");
    let version = smp.figure("countersign_policy_version");
    poll(|| (keys(&one) >= version && keys(&two) >= version).then_some(())).expect("the new policy");
    assert_eq!(agent(4).visit(&smp, &two, 2), both);
    poll(|| (smp.admin("GET", "/status").1["signing_key"] == kid).then_some(())).expect("the new key");
    assert_eq!(agent(5).visit(&smp, &two, 2), both);

    // A revoked agent stays out of all of them; the others do not notice.
    let node = at_two.node;
    smp.act(&format!("/agents/{node}/revoke"));
    let version = smp.figure("countersign_policy_version");
    poll(|| (keys(&one) >= version && keys(&two) >= version).then_some(())).expect("the new policy");
    assert_eq!(at_two.visit(&smp, &two, 1), [Outcome::Forbidden]);
    // These agents fetch no policy: whoever is to know the new key registers again.
    assert_eq!(agent(1).visit(&smp, &one, 2), both);

    // What is under way is answered, while the door is closed.
    if !is_secure {
        let mut busy = TcpStream::connect(one.address()).unwrap();
        busy.set_read_timeout(Some(PATIENCE)).unwrap();
        busy.write_all(b"POST /Altiris/Public/x HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n1").unwrap();
        thread::sleep(Duration::from_millis(200));
        one.signal("TERM");
        let address = one.address();
        poll(|| TcpStream::connect(address).is_err().then_some(())).expect("the door is closed");
        busy.write_all(b"2").unwrap();
        let mut answer = String::new();
        busy.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    // A second signal would end it at once.
    if is_secure {
        one.stop()
    } else {
        one.has_stopped()
    };
    two.stop();
    smp.stop();
}
