//! `token`: what it tells of tokens, good and bad, and what it keeps to itself.

use std::{fs, path::Path, process::Output};

use assert_cmd::Command;
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use countersign::{
    cli::token::{Known, explain},
    crypto::{Engine, KeyPool, PrivateKey, PublicKey, backend},
    protocol::{
        Binding, CountersignedToken, Credentials, IssuedToken, Issuer, Nonce, RequestFacts, ServerKeys, Subject,
        TokenChallenge, content_digest,
    },
    types::{CryptoTier, Epoch, Jti, NodeId, SeedStream, Uid, UnixSeconds},
};
use proptest::prelude::*;

/// Monday, 5 January 2026, at 08:00:00 UTC.
const ISSUED: UnixSeconds = UnixSeconds(1_767_600_000);
const AT: &str = "2026-01-05T08:12:00Z";
const UID: Uid = Uid::from_bits(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef);
const EPOCH: Epoch = Epoch::from_bits(0x00ff_00ff_00ff_00ff_00ff_00ff_00ff_00ff);

fn key(number: u32) -> PrivateKey {
    KeyPool::new(SeedStream::new(1)).private_key(number).unwrap()
}

fn engine() -> Engine {
    Engine::new(backend(CryptoTier::Rsa).unwrap(), Default::default(), None)
}

fn issued() -> IssuedToken {
    let issuer = Issuer::new(NodeId::from_bits(1 << 124), key(0), std::time::Duration::from_secs(3_600));
    let subject = Subject {
        agent: NodeId::from_bits(3 << 124),
        uid: UID,
        agent_key: key(2).public().thumbprint(),
        audience: "http://site-1".parse().unwrap(),
    };
    issuer.issue(subject, Jti::from_bits(7), ISSUED, &engine()).unwrap()
}

fn signed_for(uid: Uid, is_bound: bool) -> String {
    let digest = content_digest(b"");
    let binding = is_bound.then(|| {
        let request =
            RequestFacts { method: "GET", target: "/Altiris/x?y=1", content_digest: &digest, channel_binding: None };
        Binding::to(&request, "http://site-1".parse().unwrap(), EPOCH)
    });
    let nonce = Nonce { uid, counter: 5 };
    CountersignedToken::sign(&issued(), nonce, binding, &key(2), &engine()).unwrap().text().to_owned()
}

fn literal() -> String {
    signed_for(UID, false)
}

fn hardened() -> String {
    signed_for(UID, true)
}

/// Another payload under the same signatures.
fn altered(token: &str) -> String {
    let parts: Vec<_> = token.split('.').collect();
    let payload = String::from_utf8(URL_SAFE_NO_PAD.decode(parts[1]).unwrap()).unwrap();
    let later = payload.replace("1767603600", "1767690000");
    assert_ne!(payload, later);
    let payload = URL_SAFE_NO_PAD.encode(later);
    [&[parts[0], &payload], &parts[2..]].concat().join(".")
}

fn spki_pem(key: &PublicKey) -> String {
    let mut der = hex::decode("30820122300d06092a864886f70d01010105000382010f003082010a0282010100").unwrap();
    der.extend(key.modulus());
    der.extend([2, 3, 1, 0, 1]);
    pem("PUBLIC KEY", &der)
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<_> = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

/// A folder with the keys of everybody, in the forms in which operators have them.
fn desk() -> tempfile::TempDir {
    let desk = tempfile::tempdir().unwrap();
    let jwks = |key: &PrivateKey| {
        let keys: ServerKeys = [key.public().clone()].into_iter().collect();
        serde_json::to_string(&keys).unwrap()
    };
    let jwk = |key: &PrivateKey| serde_json::to_string(&key.public().to_jwk()).unwrap();
    for (name, text) in [
        ("jwks.json", jwks(&key(0))),
        ("other-jwks.json", jwks(&key(1))),
        ("agent.pem", spki_pem(key(2).public())),
        ("agent.jwk", jwk(&key(2))),
        ("other.jwk", jwk(&key(3))),
        ("private.pem", pem("PRIVATE KEY", &key(2).pkcs8().unwrap())),
        ("issuer.pem", pem("PRIVATE KEY", &key(0).pkcs8().unwrap())),
        ("private.jwk", jwk(&key(2)).replace('{', r#"{"d":"c2VjcmV0","#)),
        ("private-jwks.json", jwks(&key(0)).replace(r#"{"kty""#, r#"{"d":"c2VjcmV0","kty""#)),
    ] {
        fs::write(desk.path().join(name), text).unwrap();
    }
    desk
}

fn countersign(folder: &Path, arguments: &[&str], input: &str) -> Output {
    let mut command = Command::cargo_bin("countersign").unwrap();
    command.current_dir(folder).arg("token").args(arguments).write_stdin(input).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// What is told of a token, with the exit code.
fn told(input: &str, arguments: &[&str]) -> String {
    let desk = desk();
    let output = countersign(desk.path(), &[&["explain", "-", "--at", AT], arguments].concat(), input);
    let (said, errors) = (text(&output.stdout), text(&output.stderr));
    assert!(said.starts_with('{') || said.lines().all(|line| line.chars().count() <= 80), "{said}");
    format!("{said}{errors}(exit {})\n", output.status.code().unwrap())
}

const KEYS: [&str; 4] = ["--jwks", "jwks.json", "--agent-key", "agent.pem"];
const REQUEST: [&str; 8] =
    ["--origin", "http://site-1", "--method", "GET", "--target", "/Altiris/x?y=1", "--epoch", "AP8A_wD_AP8A_wD_AP8A_w"];

#[test]
fn a_good_token_holds_whatever_is_asked() {
    let all = [&KEYS[..], &REQUEST].concat();
    insta::assert_snapshot!("good_hardened", told(&hardened(), &all));
    insta::assert_snapshot!("good_literal", told(&literal(), &KEYS));
    insta::assert_snapshot!("three_parts", told(issued().text(), &["--jwks", "jwks.json"]));
    assert_eq!(
        told(&hardened(), &all),
        told(&hardened(), &[&all[..2], &["--agent-key", "agent.jwk"], &all[4..]].concat())
    );
}

#[test]
fn what_nobody_told_is_not_checked() {
    insta::assert_snapshot!("nothing_known", told(&hardened(), &[]));
}

#[test]
fn each_check_fails_by_itself_and_says_why() {
    let all = [&KEYS[..], &REQUEST].concat();
    let of_another_start = |uid| signed_for(uid, true);
    let mut answers = String::new();
    for (what, token, changed) in [
        ("expired", hardened(), &["--at", "2026-01-05T09:01:00Z"][..]),
        ("wrong agent key", hardened(), &["--agent-key", "other.jwk"]),
        ("unknown kid", hardened(), &["--jwks", "other-jwks.json"]),
        ("altered payload", altered(&hardened()), &[]),
        ("another uid", of_another_start(Uid::from_bits(9)), &[]),
        ("another server", hardened(), &["--origin", "http://site-2"]),
        ("another start", hardened(), &["--epoch", "AAAAAAAAAAAAAAAAAAAAAA"]),
        ("another method", hardened(), &["--method", "POST"]),
        ("another target", hardened(), &["--target", "/Altiris/z"]),
        ("the other profile", hardened(), &["--profile", "literal"]),
    ] {
        // What is given here takes the place of what is given for all.
        let kept = all.chunks(2).filter(|pair| !changed.starts_with(&pair[..1])).flatten();
        let at: &[&str] = if changed.first() == Some(&"--at") { &[] } else { &["--at", AT] };
        let arguments: Vec<_> = ["explain", "-"].iter().chain(at).chain(kept).chain(changed).copied().collect();
        let desk = desk();
        let output = countersign(desk.path(), &arguments, &token);
        assert_eq!(output.status.code(), Some(1), "{what}: {output:?}");
        let (_, checks) = text(&output.stdout).split_once("Checks at").unwrap();
        let failed = checks.lines().skip(1).filter(|line| !line.contains(" holds ") && !line.contains(" not checked "));
        answers.push_str(&format!(
            "{what}\n{}\n\n",
            failed.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
        ));
    }
    insta::assert_snapshot!("failures", answers);
}

#[test]
fn a_token_is_read_wherever_it_stands() {
    let (token, issued) = (literal(), issued().text().to_owned());
    let expected = told(&token, &KEYS);
    let header = format!("> Authorization: {}\r\n", Credentials::Token(&token).to_value());
    assert_eq!(told(&header, &KEYS), expected);
    let desk = desk();
    let argument = countersign(desk.path(), &[&["explain", &token, "--at", AT], &KEYS[..]].concat(), "");
    assert!(expected.starts_with(text(&argument.stdout)));
    let challenge = TokenChallenge { token: Some(&issued), ..Default::default() }.to_value();
    let answer =
        format!("HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: NTLM\r\nWWW-Authenticate: {challenge}\r\n\r\n");
    assert_eq!(told(&answer, &KEYS), told(&issued, &KEYS));
    let first = Credentials::First { agent: NodeId::from_bits(3 << 124), uid: UID }.to_value();
    insta::assert_snapshot!("first_request", told(&first, &[]));
}

#[test]
fn a_login_token_is_read_as_far_as_it_can_be() {
    insta::assert_snapshot!("login", told("1|1175181932|b7QDEolhC7kNUDjlAlZJ7xnKqSA=", &[]));
    assert!(told("1|1767603600|b7QDEolhC7kNUDjlAlZJ7xnKqSA=", &[]).ends_with("(exit 0)\n"));
}

#[test]
fn the_json_form_has_it_all() {
    let json = told(&altered(&hardened()), &[&KEYS[..], &["--format", "json"]].concat());
    let json = json.strip_suffix("(exit 1)\n").unwrap();
    let json: serde_json::Value = serde_json::from_str(json).unwrap();
    assert_eq!((&json["countersign_token"], &json["kind"]), (&1.into(), &"five_parts".into()));
    let check = |name: &str| json["checks"].as_array().unwrap().iter().find(|check| check["check"] == name).unwrap();
    assert_eq!(check("server signature")["refusal"], "bad_server_signature");
    assert_eq!(check("method")["outcome"], "not_checked");
    assert_eq!(json["parts"][0]["says"][2]["value"], UID.to_string());
    assert_eq!(json["answer"], "401 with another token and error=\"invalid_token\"");
}

#[test]
fn what_cannot_be_read_says_why_and_shows_nothing_of_a_secret() {
    let desk = desk();
    let private = fs::read_to_string(desk.path().join("private.pem")).unwrap();
    let four_parts = literal().rsplit_once('.').unwrap().0.to_owned();
    let long = "x".repeat(9_000);
    let mut refused = String::new();
    for (what, input, arguments) in [
        ("garbage", "hello", &[][..]),
        ("nothing", "", &[]),
        ("four parts", &four_parts, &[]),
        ("an algorithm of its own", "eyJhbGciOiJub25lIiwidHlwIjoiSldUIiwia2lkIjoiIiwibm9uY2UiOiIifQ.e30.AA", &[]),
        ("too long", &long, &[]),
        ("a private key for a token", &private, &[]),
        ("a private PEM for a public key", &literal(), &["--agent-key", "private.pem"]),
        ("a private JWK for a public key", &literal(), &["--agent-key", "private.jwk"]),
        ("a private key among server keys", &literal(), &["--jwks", "private-jwks.json"]),
        ("a JWK for a JWKS", &literal(), &["--jwks", "agent.jwk"]),
        ("no file", &literal(), &["--jwks", "nowhere.json"]),
        ("a broken login token", "1|2|x", &[]),
    ] {
        let output = countersign(desk.path(), &[&["explain"], arguments].concat(), input);
        assert_eq!((output.status.code(), text(&output.stdout)), (Some(2), ""), "{what}");
        let error = text(&output.stderr);
        assert!(!error.contains("c2VjcmV0") && !error.contains(private.lines().nth(1).unwrap()), "{error}");
        refused.push_str(&format!("{what}\n{error}\n"));
    }
    insta::assert_snapshot!("refused", refused);
}

#[test]
fn the_help_reads_well_at_80_columns() {
    let mut all = String::new();
    let desk = desk();
    for arguments in [&["--help"][..], &["explain", "--help"], &["make", "--help"]] {
        let output = countersign(desk.path(), arguments, "");
        all.push_str(&format!("$ countersign token {}\n{}\n", arguments.join(" "), text(&output.stdout)));
    }
    assert!(all.lines().all(|line| line.chars().count() <= 80), "{all}");
    insta::assert_snapshot!("help", all);
}

#[cfg(feature = "sockets")]
mod make {
    use super::*;

    const AGENT: &str = "30000000-0000-0000-0000-000000000000";

    fn make(desk: &Path, arguments: &[&str]) -> Output {
        let keys = ["make", "--issuer-key", "issuer.pem", "--agent-key", "private.pem", "--agent", AGENT];
        countersign(desk, &[&keys[..], &["--audience", "http://site-1", "--at", "1767600000"], arguments].concat(), "")
    }

    #[test]
    fn what_is_made_stands_every_check() {
        let desk = desk();
        let bound = ["--epoch", &EPOCH.to_string(), "--target", "/Altiris/x?y=1", "--counter", "3"];
        for (arguments, kind) in [(&[][..], "literal"), (&bound, "hardened"), (&["--three-parts"], "three")] {
            let output = make(desk.path(), arguments);
            let token = text(&output.stdout);
            assert_eq!((output.status.code(), token.lines().count()), (Some(0), 1), "{output:?}");
            let all = [&KEYS[..], if kind == "hardened" { &REQUEST } else { &[] }].concat();
            let told = told(token, &all);
            assert!(told.ends_with("Everything that was checked holds.\n(exit 0)\n"), "{told}");
        }
        let uid = ["--uid", &UID.to_string()];
        let [one, other] = [(); 2].map(|()| make(desk.path(), &uid).stdout);
        assert_ne!(one, other, "each token has a name of its own");
    }

    #[test]
    fn a_key_that_others_may_read_is_warned_of_and_a_public_one_is_no_private_one() {
        let desk = desk();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = |mode| fs::set_permissions(desk.path().join("private.pem"), fs::Permissions::from_mode(mode));
            fs::set_permissions(desk.path().join("issuer.pem"), fs::Permissions::from_mode(0o600)).unwrap();
            mode(0o640).unwrap();
            let output = make(desk.path(), &[]);
            assert!(
                text(&output.stderr).starts_with("warning: private.pem may be read by others (mode 640)"),
                "{output:?}"
            );
            mode(0o600).unwrap();
            assert_eq!(text(&make(desk.path(), &[]).stderr), "");
        }
        fs::copy(desk.path().join("agent.pem"), desk.path().join("private.pem")).unwrap();
        let output = make(desk.path(), &[]);
        assert_eq!((output.status.code(), text(&output.stdout)), (Some(2), ""));
        assert!(text(&output.stderr).contains("private.pem is no private key"), "{output:?}");
    }
}

fn known() -> Known {
    Known {
        at: ISSUED,
        profile: None,
        server_keys: Some([key(0).public().clone()].into_iter().collect()),
        agent_key: Some(key(2).public().clone()),
        origin: None,
        epoch: None,
        method: None,
        target: None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_text_panics(text in ".{0,200}") {
        let _ = explain(&text, &known());
    }

    /// What is close to a token is read or refused, and holds only where it says the same.
    #[test]
    fn no_changed_token_panics_or_holds(at in 0_usize..2_000, letter in "[A-Za-z0-9_.|=-]", moment in any::<u64>()) {
        let token = hardened();
        let at = at % token.len();
        let changed = format!("{}{letter}{}", &token[..at], &token[at + 1..]);
        let explained = explain(&changed, &Known { at: UnixSeconds(moment), ..known() });
        if changed != token {
            prop_assert!(explained.is_err() || explained.is_ok_and(|explanation| !explanation.holds()));
        }
    }
}
