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
        Account, BearerClaims, BearerToken, Binding, CountersignedToken, Credentials, IssuedToken, Issuer,
        LoginTokenRules, Nonce, Password, RequestFacts, ServerKeys, Subject, TokenChallenge, WindowsMessage,
        content_digest, with_login_token,
    },
    types::{
        AccountScheme, BearerKind, CryptoTier, Epoch, Jti, LoginRefusal, NodeId, Profile, SeedStream, ServerChallenge,
        Uid, UnixSeconds,
    },
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
        ("login.key", format!("{LOGIN_KEY}\n")),
        ("other.key", "876543210987654321\n".to_owned()),
        ("issuer.pem", pem("PRIVATE KEY", &key(0).pkcs8().unwrap())),
        ("private.jwk", jwk(&key(2)).replace('{', r#"{"d":"c2VjcmV0","#)),
        ("private-jwks.json", jwks(&key(0)).replace(r#"{"kty""#, r#"{"d":"c2VjcmV0","kty""#)),
    ] {
        let path = desk.path().join(name);
        fs::write(&path, text).unwrap();
        #[cfg(unix)]
        fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
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

/// The one that the portal's document shows.
const SAMPLE: &str = "1|1175181932|b7QDEolhC7kNUDjlAlZJ7xnKqSA=";
const LOGIN_KEY: &str = "123456789012345678";

fn login_token(user: &str, profile: Profile, delimiter: char) -> String {
    let rules = LoginTokenRules::new(profile, delimiter).unwrap();
    let hour = std::time::Duration::from_secs(3_600);
    rules.issue(&LOGIN_KEY.parse().unwrap(), user, ISSUED, hour).unwrap().0
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
    insta::assert_snapshot!("login", told(SAMPLE, &[]));
    assert!(told("1|1767603600|b7QDEolhC7kNUDjlAlZJ7xnKqSA=", &[]).ends_with("(exit 0)\n"));
}

#[test]
fn a_login_token_is_read_out_of_each_place_that_a_portal_has_for_it() {
    let token = login_token("admin", Profile::Hardened, '|');
    let expected = told(&token, &[]);
    let target = with_login_token("/administration/", &token);
    for text in [
        format!("Authorization: LoginToken {token}"),
        format!("Cookie: session=x; remember={token}"),
        format!("Set-Cookie: remember={token}; Max-Age=1209600; Path=/; HttpOnly"),
        format!("Location: http://127.0.0.1:8085{target}"),
        format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n"),
        format!(
            "HTTP/1.1 200 OK\r\nset-cookie: session=x; Path=/\r\nset-cookie: remember={token}; Path=/\r\n\r\nhello"
        ),
    ] {
        assert_eq!(told(&text, &[]), expected, "{text}");
    }
    let expected = "this is no login token: its first field, the user, is not";
    assert!(told(&token.replace("admin", "bob smith"), &[]).contains(expected));
}

/// What is told is what a portal of that profile, delimiter and key says.
#[test]
fn a_login_token_holds_where_its_portal_takes_it() {
    let (key, moment) = (LOGIN_KEY.parse().unwrap(), UnixSeconds(ISSUED.0 + 720));
    let good = login_token("admin", Profile::Hardened, '|');
    let hardened = LoginTokenRules::new(Profile::Hardened, '|').unwrap();
    let (ended, _) = hardened.issue(&key, "admin", ISSUED, std::time::Duration::from_secs(720)).unwrap();
    let tag = good.rsplit('|').next().unwrap();
    for (what, token) in [
        ("good", good.clone()),
        ("another delimiter", login_token("admin", Profile::Hardened, '!')),
        ("four fields", login_token("admin|9999999999", Profile::Literal, '|')),
        ("altered", good.replace("admin", "adm1n")),
        ("a leading zero", good.replace("|17", "|017")),
        ("ended", ended),
        ("no padding", good.replace('=', "")),
        ("two fields", format!("admin|{tag}")),
    ] {
        for profile in [Profile::Literal, Profile::Hardened] {
            for delimiter in ['|', '!'] {
                let rules = LoginTokenRules::new(profile, delimiter).unwrap();
                let (name, mark) = (profile.to_string(), delimiter.to_string());
                let arguments = ["--login-key", "login.key", "--profile", &name, "--delimiter", &mark];
                let told = told(&token, &arguments);
                let word = match rules.verify(&key, &token, moment) {
                    Ok(_) => "Everything that was checked holds.\n(exit 0)",
                    Err(LoginRefusal::Syntax) if told.ends_with("(exit 2)\n") => "A portal refuses it as `syntax`",
                    Err(LoginRefusal::Syntax) => "syntax            FAILS",
                    Err(LoginRefusal::BadTag) => "tag               FAILS",
                    Err(LoginRefusal::Expired) => "expiry            FAILS",
                    Err(LoginRefusal::UnknownUser) => panic!("nobody but a portal knows its users"),
                };
                let is_hint = told.contains("If the portal has that delimiter, say --delimiter '");
                assert!(told.contains(word) || is_hint, "{what}, {profile}, {delimiter}: {told}");
                assert!(!told.contains(LOGIN_KEY));
            }
        }
    }
    insta::assert_snapshot!(
        "login_four_fields",
        told(&login_token("admin|9999999999", Profile::Literal, '|'), &["--login-key", "login.key"])
    );
    let hint = told(&login_token("admin", Profile::Hardened, '!'), &[]);
    assert!(hint.contains("`!` between its fields, expected `|`") && hint.ends_with("(exit 2)\n"), "{hint}");
    let last = ["--at", "2026-01-05T08:59:59Z"];
    let at = |moment: &[&str]| {
        let desk = desk();
        let arguments = [&["explain", &good, "--login-key", "login.key"], moment].concat();
        countersign(desk.path(), &arguments, "").status.code()
    };
    assert_eq!((at(&last), at(&["--at", "2026-01-05T09:00:00Z"])), (Some(0), Some(1)));
    let rotated = told(&good, &["--login-key", "other.key"]);
    assert!(rotated.contains("tag               FAILS        not of that key") && rotated.contains("answers 401."));
}

fn bearer(kind: BearerKind, exp: Option<u64>) -> String {
    let claims = BearerClaims {
        iss: NodeId::from_bits(1 << 124),
        iat: ISSUED,
        jti: Jti::from_bits(7),
        exp: exp.map(UnixSeconds),
    };
    BearerToken::sign(kind, claims, &key(0), &engine()).unwrap().text().to_owned()
}

const INSTALLER: [&str; 2] = ["--target", "/Altiris/NSCap/AEXNSC.exe?x=1"];
const ON: [&str; 2] = ["--kinds", "token,asdk"];

#[test]
fn a_bearer_token_is_explained_with_each_check_of_a_server() {
    let (push, asdk) = (bearer(BearerKind::PushInstall, None), bearer(BearerKind::Asdk, Some(ISSUED.0 + 3_600)));
    let all = [&KEYS[..2], &INSTALLER, &ON].concat();
    insta::assert_snapshot!("push_install", told(&push, &all));
    insta::assert_snapshot!("asdk", told(&format!("Authorization: Bearer {asdk}"), &KEYS[..2]));
    for (what, token, arguments, check, answer) in [
        (
            "another key",
            &push,
            [&["--jwks", "other-jwks.json"], &INSTALLER[..], &ON].concat(),
            "server key",
            "401 with",
        ),
        ("altered", &altered(&asdk), all.clone(), "server signature", "401 with"),
        ("token off", &push, [&KEYS[..2], &INSTALLER, &["--kinds", "asdk,windows"]].concat(), "kind", "401 with"),
        ("asdk off", &asdk, [&KEYS[..2], &["--kinds", "token"]].concat(), "kind", "401 with"),
        ("another path", &push, [&KEYS[..2], &["--target", "/Altiris/x"], &ON].concat(), "path", "403 with"),
    ] {
        let told = told(token, &arguments);
        let failed: Vec<_> = told.lines().filter(|line| line.contains(" FAILS ")).collect();
        assert!(failed.len() == 1 && failed[0].trim_start().starts_with(check), "{what}: {told}");
        assert!(told.contains(&format!("A server answers {answer} WWW-Authenticate: Bearer")), "{what}: {told}");
        assert!(told.ends_with("(exit 1)\n"), "{what}: {told}");
    }
    // Hardened with a leeway of a minute, literal without.
    for (profile, second, code) in [("hardened", 59, 0), ("hardened", 60, 1), ("literal", 0, 1)] {
        let at = (ISSUED.0 + 3_600 + second).to_string();
        let desk = desk();
        let arguments = [&["explain", "-", "--at", &at, "--profile", profile], &KEYS[..2]].concat();
        assert_eq!(countersign(desk.path(), &arguments, &asdk).status.code(), Some(code), "{profile}, {second}");
    }
}

#[test]
fn credentials_of_accounts_are_explained_without_a_password() {
    let account = Account { name: "ACC".into(), password: Password::new("correct horse").unwrap() };
    let basic = format!("Authorization: Basic {}", account.to_basic());
    let told_of_basic = told(&basic, &[]);
    assert!(told_of_basic.contains("account        ACC") && !told_of_basic.contains("correct"), "{told_of_basic}");
    assert!(!told_of_basic.contains(&account.to_basic()) && told_of_basic.ends_with("(exit 0)\n"));
    assert!(!told(&basic, &["--format", "json"]).contains("correct"));
    let challenge = ServerChallenge::from_bits(7);
    let mut all = String::new();
    for message in [
        WindowsMessage::Hello {},
        WindowsMessage::Challenge { challenge },
        WindowsMessage::answer(&account, AccountScheme::Ntlm, challenge),
    ] {
        all += &told(&message.to_value(AccountScheme::Ntlm), &[]);
    }
    insta::assert_snapshot!("windows", all);
}

#[test]
fn a_guessed_profile_is_told() {
    let guessed = told(&literal(), &["--origin", "http://site-2"]);
    assert!(guessed.contains("say --profile hardened"), "{guessed}");
    let told_literal = told(&literal(), &["--origin", "http://site-2", "--profile", "literal"]);
    assert!(told_literal.contains("not checked  a literal server does not compare it"), "{told_literal}");
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
        ("a leading zero", "admin|01795600000|b7QDEolhC7kNUDjlAlZJ7xnKqSA=", &[]),
        ("another delimiter", "1!1175181932!b7QDEolhC7kNUDjlAlZJ7xnKqSA=", &[]),
        ("an answer without a token", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK", &[]),
        ("a typed type", "eyJhbGciOiJSUzI1NiIsInR5cCI6InB1c2gtaW5zdGFsbCtqd3QifQ.e30.AA", &[]),
        ("unread credentials", "Authorization: Basic c2VjcmV0", &[]),
        ("a private PEM for a login key", SAMPLE, &["--login-key", "private.pem"]),
        ("no login key", SAMPLE, &["--login-key", "agent.jwk"]),
        ("a delimiter that is none", SAMPLE, &["--delimiter", "="]),
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
    for arguments in [
        &["--help"][..],
        &["explain", "--help"],
        &["make", "--help"],
        &["make", "login", "--help"],
        &["make", "push-install", "--help"],
        &["make", "asdk", "--help"],
    ] {
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
    fn tokens_of_the_other_kinds_stand_every_check_too() {
        let desk = desk();
        let made = |arguments: &[&str]| {
            let output = countersign(desk.path(), &[&["make"], arguments, &["--at", "1767600000"]].concat(), "");
            assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""));
            text(&output.stdout).to_owned()
        };
        let issuer = ["--issuer-key", "issuer.pem"];
        let jti = Jti::from_bits(u128::MAX).to_string();
        let push = made(&[&["push-install", "--jti", &jti], &issuer[..]].concat());
        let asdk = made(&[&["asdk", "--lifetime", "2h"], &issuer[..]].concat());
        let all = [&KEYS[..2], &INSTALLER, &ON].concat();
        for (token, says) in [(&push, jti.as_str()), (&asdk, "in 1 h 48 min")] {
            let told = told(token, &all);
            assert!(told.ends_with("Everything that was checked holds.\n(exit 0)\n") && told.contains(says), "{told}");
        }
        let login = ["login", "--key", "login.key", "--user", "admin", "--lifetime", "1h"];
        assert_eq!(made(&login).trim_end(), login_token("admin", Profile::Hardened, '|'));
        let other = made(&[&login[..], &["--delimiter", "!"]].concat());
        assert_eq!(other.trim_end(), login_token("admin", Profile::Hardened, '!'));

        let crafted = ["make", "login", "--key", "login.key", "--user", "admin|9999999999"];
        let output = countersign(desk.path(), &crafted, "");
        assert_eq!((output.status.code(), text(&output.stdout)), (Some(2), ""));
        assert!(text(&output.stderr).contains("has the delimiter of login tokens in it"), "{output:?}");
        let literal = countersign(desk.path(), &[&crafted[..], &["--profile", "literal"]].concat(), "");
        assert_eq!(literal.status.code(), Some(0));
        for arguments in [&["make"][..], &["make", "login", "--user", "x"], &["make", "asdk"]] {
            assert_eq!(countersign(desk.path(), arguments, "").status.code(), Some(2), "{arguments:?}");
        }
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
        server_keys: Some([key(0).public().clone()].into_iter().collect()),
        agent_key: Some(key(2).public().clone()),
        ..Known::nothing_at(ISSUED)
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
