//! Push-install and ASDK tokens of a served SMP: issued, used, revoked, and kept.

use std::fs;

use countersign::protocol::{BearerToken, INSTALLER_PATH};
use serde_json::{Value, json};

use crate::process::{SMP, Served, at_the_same_address, http, poll, site_config, status};

const LOG: &str = "log.level = \"debug\"\n";
const POLICY: &str = "[parameters]\nauthentication = [\"token\", \"asdk\"]\npolicy_interval = \"2s\"\n";
const ELSEWHERE: &str = "/Altiris/Task/Run";

fn ask(server: &Served, path: &str, token: &str) -> u16 {
    let head = format!("GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n");
    status(&http(server.address(), &head, ""))
}

fn issue(smp: &Served, query: &str) -> (String, String, Value) {
    let answer = smp.act(&format!("/bearer-tokens?{query}"));
    let (token, jti) = (answer["token"].as_str().unwrap(), answer["jti"].as_str().unwrap());
    assert_eq!(BearerToken::parse(token).unwrap().claims.jti.to_string(), jti);
    (token.to_owned(), jti.to_owned(), answer)
}

#[test]
fn a_bearer_token_is_good_until_it_is_revoked_at_the_smp_at_sites_and_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let smp = Served::start("smp", folder.path(), &format!("{LOG}{SMP}{POLICY}"));
    let site = Served::start("site", folder.path(), &site_config(&smp));
    smp.act(&format!("/sites/{}/approve", site.node()));
    site.until("its policy", |line| line["message"] == "policy received");
    site.until("its registration", |line| line["message"] == "registered with the SMP");
    let (push, jti, answer) = issue(&smp, "kind=push_install");
    assert_eq!((&answer["expires"], &answer["is_on"]), (&Value::Null, &true.into()));
    let (asdk, other, answer) = issue(&smp, "kind=asdk&lifetime=1h");
    let kept = smp.admin("GET", "/status").1["bearer_tokens"][&other].clone();
    assert_eq!(kept["kind"], "asdk");
    assert_eq!(kept["expires"], kept["issued"].as_u64().unwrap() + 3_600);
    assert_eq!(kept["expires"], answer["expires"]);
    for server in [&smp, &site] {
        let seen = [(&push, INSTALLER_PATH), (&push, ELSEWHERE), (&asdk, ELSEWHERE)];
        assert_eq!(seen.map(|(token, path)| ask(server, path, token)), [200, 403, 200]);
    }

    let revoked = smp.act(&format!("/bearer-tokens/{jti}/revoke"));
    assert_eq!((&revoked["issued"], &revoked["sites_know_within"]), (&true.into(), &"2s".into()));
    assert_eq!((ask(&smp, INSTALLER_PATH, &push), ask(&smp, ELSEWHERE, &asdk)), (401, 200));
    poll(|| (ask(&site, INSTALLER_PATH, &push) == 401).then_some(())).expect("the site hears of it");
    assert_eq!(ask(&site, ELSEWHERE, &asdk), 200);
    let typo = smp.act("/bearer-tokens/AAAAAAAAAAAAAAAAAAAAAA/revoke");
    assert_eq!((&typo["done"], &typo["issued"]), (&true.into(), &false.into()));

    let config = format!("{}{POLICY}", at_the_same_address(&smp));
    let before = smp.admin("GET", "/status").1;
    for member in ["bearer_tokens", "revoked_bearer_tokens"] {
        assert!(before[member].to_string().contains(&jti), "{before}");
    }
    let (log, state) = (smp.text(), fs::read_to_string(smp.folder.join("smp.json")).unwrap());
    for secret in [&push, &asdk] {
        let signature = secret.rsplit('.').next().unwrap();
        assert!(!log.contains(signature) && !state.contains(signature));
    }
    assert!(log.contains("bearer token issued") && log.contains("bearer token revoked"), "{log}");
    smp.kill();
    let smp = Served::start("smp", folder.path(), &config);
    let after = smp.admin("GET", "/status").1;
    for member in ["bearer_tokens", "revoked_bearer_tokens", "policy_version"] {
        assert_eq!(after[member], before[member], "{member}");
    }
    assert_eq!((ask(&smp, INSTALLER_PATH, &push), ask(&smp, ELSEWHERE, &asdk)), (401, 200));
}

#[test]
fn an_order_that_makes_no_token_is_told_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let smp = Served::start("smp", folder.path(), SMP);
    for (method, path, expected) in [
        ("POST", "/bearer-tokens", 400),
        ("POST", "/bearer-tokens?kind=agent", 400),
        ("POST", "/bearer-tokens?kind=push_install&lifetime=1h", 400),
        ("POST", "/bearer-tokens?kind=asdk&lifetime=never", 400),
        ("POST", "/bearer-tokens/none/revoke", 400),
        ("GET", "/bearer-tokens?kind=asdk", 405),
    ] {
        let (status, answer) = smp.admin(method, path);
        assert!(status == expected && answer["error"].is_string(), "{method} {path}: {status} {answer}");
    }
    assert_eq!(smp.admin_with("POST", "/bearer-tokens?kind=asdk", "").0, 401);
    let told = smp.admin("GET", "/status").1;
    assert_eq!((&told["bearer_tokens"], &told["revoked_bearer_tokens"]), (&json!({}), &json!([])));
    // Policy has only agent tokens on: the answer says that nobody takes it yet.
    let (token, _, answer) = issue(&smp, "kind=asdk");
    assert_eq!((&answer["is_on"], ask(&smp, ELSEWHERE, &token)), (&false.into(), 401));
}
