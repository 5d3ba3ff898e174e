//! Attacks 1 to 8: hostile tokens, each with its refusal, and with how many keys were used before it.

use countersign::{
    crypto::PrivateKey,
    protocol::{CountersignedToken, Credentials, IssuedToken, RefusalAnswer, TokenChallenge, base64url},
    types::Refusal,
};
use jsonwebtoken::{Algorithm, EncodingKey};
use proptest::prelude::*;

use crate::stage::{PROFILES, Stage, key, real_engines, seconds};

/// Signs whatever header and payload, as somebody could who holds the key.
fn signed(stage: &Stage, header: &str, payload: &str, key: &PrivateKey) -> String {
    let text = format!("{}.{}", base64url::encode(header.as_bytes()), base64url::encode(payload.as_bytes()));
    let signature = stage.engine.sign(key, text.as_bytes()).expect("the key signs");
    format!("{text}.{}", base64url::encode(&signature))
}

/// Countersigns any three parts with any part four, as the agent that they name.
fn countersigned(stage: &Stage, issued: &str, part_four: &str) -> String {
    let text = format!("{issued}.{}", base64url::encode(part_four.as_bytes()));
    let signature = stage.engine.sign(&stage.agent_key, text.as_bytes()).expect("the key signs");
    format!("{text}.{}", base64url::encode(&signature))
}

/// The JSON of one part of an honest token.
fn json_of(stage: &Stage, part: usize) -> String {
    let token = stage.countersign(&stage.issue(), 1);
    let part = token.text().split('.').nth(part).expect("five parts");
    String::from_utf8(base64url::decode(part).expect("base64url")).expect("JSON")
}

fn header(stage: &Stage) -> String {
    json_of(stage, 0)
}

fn payload(stage: &Stage) -> String {
    json_of(stage, 1)
}

fn part_four(stage: &Stage) -> String {
    json_of(stage, 3)
}

/// A token with this header, and all else as it should be, signatures included.
fn with_header(stage: &Stage, header: &str) -> String {
    let issued = signed(stage, header, &payload(stage), stage.issuer.key());
    countersigned(stage, &issued, &part_four(stage))
}

fn with_payload(stage: &Stage, payload: &str) -> String {
    let issued = signed(stage, &header(stage), payload, stage.issuer.key());
    countersigned(stage, &issued, &part_four(stage))
}

fn with_part_four(stage: &Stage, part_four: &str) -> String {
    countersigned(stage, stage.issue().text(), part_four)
}

/// Refused for its form, 401, before any key is used, and without a trace.
#[track_caller]
fn is_malformed(stage: &mut Stage, text: &str) {
    assert_eq!(stage.refusal(text), (Some(Refusal::Syntax), 0), "{text}");
    assert!(matches!(RefusalAnswer::from(Refusal::Syntax), RefusalAnswer::Challenge(_)));
}

/// All of these would pass if the form were not checked: they are built from parts that do.
#[track_caller]
fn is_accepted(stage: &mut Stage, text: &str) {
    assert_eq!(stage.refusal(text), (None, 2), "{text}");
}

fn on_both(test: impl Fn(&mut Stage)) {
    for profile in PROFILES {
        test(&mut Stage::new(profile));
    }
}

#[test]
fn the_parts_of_which_hostile_tokens_are_made_are_sound() {
    on_both(|stage| is_accepted(stage, &with_header(stage, &header(stage))));
    on_both(|stage| is_accepted(stage, &with_payload(stage, &payload(stage))));
    on_both(|stage| is_accepted(stage, &with_part_four(stage, &part_four(stage))));
}

#[test]
fn attack_01_another_algorithm_is_refused_before_any_key_is_used() {
    on_both(|stage| {
        for algorithm in ["none", "None", "nOnE", "HS256", "HS512", "RS384", "RS512", "PS256", "ES256", "rs256", ""] {
            let header = header(stage).replace("RS256", algorithm);
            is_malformed(stage, &with_header(stage, &header));
            // An unsigned token, and one whose signature is empty.
            let unsigned = format!("{}.{}.", base64url::encode(header.as_bytes()), base64url::encode(b"{}"));
            is_malformed(stage, &countersigned(stage, &unsigned, &part_four(stage)));
        }
        for header in [
            header(stage).replace(r#""alg":"RS256","#, ""),
            header(stage).replace(r#""RS256""#, "null"),
            header(stage).replace(r#""RS256""#, "256"),
            header(stage).replace(r#""RS256""#, r#"["RS256"]"#),
            header(stage).replace("JWT", "JWE"),
        ] {
            is_malformed(stage, &with_header(stage, &header));
        }
    });
}

#[test]
fn attack_01_a_mac_keyed_with_the_public_key_is_refused_before_any_key_is_used() {
    on_both(|stage| {
        let public = stage.issuer.key().public().clone();
        let jwk = serde_json::to_vec(&public.to_jwk()).expect("a JWK");
        for secret in [public.modulus(), &jwk] {
            let header = header(stage).replace("RS256", "HS256");
            let text =
                format!("{}.{}", base64url::encode(header.as_bytes()), base64url::encode(payload(stage).as_bytes()));
            let mac = jsonwebtoken::crypto::sign(text.as_bytes(), &EncodingKey::from_secret(secret), Algorithm::HS256);
            let issued = format!("{text}.{}", mac.expect("a MAC"));
            is_malformed(stage, &countersigned(stage, &issued, &part_four(stage)));
        }
    });
}

#[test]
fn attack_02_a_key_id_is_looked_up_and_never_followed() {
    on_both(|stage| {
        let kid = stage.issuer.key().public().thumbprint().to_string();
        for path in
            ["../../etc/passwd", "/dev/null", "https://evil/key", "' OR 1=1 --", "", &kid[1..], &format!("{kid}=")]
        {
            is_malformed(stage, &with_header(stage, &header(stage).replace(&kid, path)));
        }
        // Well-formed, and nobody's: the attacker's own key signs, and names itself.
        let own = key(9);
        let header_of_own = header(stage).replace(&kid, &own.public().thumbprint().to_string());
        let issued = signed(stage, &header_of_own, &payload(stage), &own);
        let text = countersigned(stage, &issued, &part_four(stage));
        assert_eq!(stage.refusal(&text), (Some(Refusal::UnknownServerKey), 0));
        // Nor does the attacker's key verify under the name of the right one.
        let issued = signed(stage, &header(stage), &payload(stage), &own);
        let text = countersigned(stage, &issued, &part_four(stage));
        assert_eq!(stage.refusal(&text), (Some(Refusal::BadServerSignature), 1));
        // What would bring a key along is refused whoever signs.
        let jwk = serde_json::to_string(&own.public().to_jwk()).expect("a JWK");
        for member in
            [&format!(r#""jwk":{jwk}"#), r#""jku":"https://evil/jwks""#, r#""x5u":"https://evil/x""#, r#""x5c":[]"#]
        {
            for signer in [&own, stage.issuer.key()] {
                let header = header(stage).replacen('{', &format!("{{{member},"), 1);
                let text = countersigned(stage, &signed(stage, &header, &payload(stage), signer), &part_four(stage));
                assert_eq!(stage.engine.take_work().verifies, 0);
                let refused = Stage::new(stage.profile).refusal(&text);
                assert_eq!(refused, (Some(Refusal::Syntax), 0), "{member}");
            }
        }
    });
}

#[test]
fn attack_03_duplicate_and_unknown_members_are_refused_before_any_key_is_used() {
    on_both(|stage| {
        let (header, payload, part_four) = (header(stage), payload(stage), part_four(stage));
        for (json, with) in [
            (&header, with_header as fn(&Stage, &str) -> String),
            (&payload, with_payload),
            (&part_four, with_part_four),
        ] {
            let members: serde_json::Map<String, serde_json::Value> = serde_json::from_str(json).expect("an object");
            for (name, value) in &members {
                // Once more: the same value, and another one; first and last.
                let other = if value.is_u64() { "0" } else { r#""x""# };
                for again in [format!(r#""{name}":{value}"#), format!(r#""{name}":{other}"#)] {
                    is_malformed(stage, &with(stage, &json.replacen('{', &format!("{{{again},"), 1)));
                    is_malformed(stage, &with(stage, &format!("{},{again}}}", &json[..json.len() - 1])));
                }
                // Not at all, and nothing.
                let mut fewer = members.clone();
                fewer.shift_remove(name);
                let fewer = serde_json::to_string(&fewer).expect("JSON");
                let null = json.replacen(&format!(r#""{name}":{value}"#), &format!(r#""{name}":null"#), 1);
                assert_ne!(null, *json);
                is_malformed(stage, &with(stage, &null));
                if name != "cb" {
                    is_malformed(stage, &with(stage, &fewer));
                }
            }
            for more in
                [r#""crit":["exp"]"#, r#""crit":[]"#, r#""b64":false"#, r#""cty":"JWT""#, r#""zip":"DEF""#, r#""":0"#]
            {
                is_malformed(stage, &with(stage, &json.replacen('{', &format!("{{{more},"), 1)));
            }
            let values: Vec<_> = members.values().collect();
            for form in [
                serde_json::to_string(&values).expect("JSON"),
                format!("[{json}]"),
                format!("{json}{json}"),
                format!("{json}x"),
                serde_json::to_string(json).expect("JSON"),
                json[..json.len() - 1].to_owned(),
                String::new(),
                "null".to_owned(),
                "{}".to_owned(),
                format!("\u{feff}{json}"),
            ] {
                is_malformed(stage, &with(stage, &form));
            }
        }
        // A nested JWT: a whole token where the payload should be.
        let inner = stage.issue().text().to_owned();
        is_malformed(stage, &with_payload(stage, &inner));
        is_malformed(stage, &with_payload(stage, &format!("\"{inner}\"")));
    });
}

#[test]
fn attack_03_a_nonce_object_or_a_used_counter_in_the_header_is_refused() {
    on_both(|stage| {
        for nonce in [r#"{"uid":"x","ctr":0}"#, r#""ASNFZ4mrze8BI0VniavN7w.1""#, r#""ASNFZ4mrze8BI0VniavN7w""#, "0"] {
            let header = header(stage).replace(r#""ASNFZ4mrze8BI0VniavN7w.0""#, nonce);
            is_malformed(stage, &with_header(stage, &header));
        }
        for exp in ["-1", "1e9", "1750003600.0", "18446744073709551616", "\"1750003600\"", "true"] {
            is_malformed(stage, &with_payload(stage, &payload(stage).replace("1750003600", exp)));
        }
        for counter in ["-1", "01", "1.0", "+1", "18446744073709551616", "1 ", ""] {
            let part_four = part_four(stage).replace("7w.1", &format!("7w.{counter}"));
            is_malformed(stage, &with_part_four(stage, &part_four));
        }
    });
}

#[test]
fn attack_04_any_other_number_of_parts_and_empty_parts_are_refused() {
    on_both(|stage| {
        let token = stage.countersign(&stage.issue(), 1).text().to_owned();
        let parts: Vec<_> = token.split('.').collect();
        for count in 0..5 {
            is_malformed(stage, &parts[..count].join("."));
            is_malformed(stage, &parts[5 - count..].join("."));
        }
        for more in ["", "AAAA", parts[4], &token] {
            is_malformed(stage, &format!("{token}.{more}"));
            is_malformed(stage, &format!("{more}.{token}"));
        }
        for empty in 0..5 {
            let mut stripped = parts.clone();
            stripped[empty] = "";
            is_malformed(stage, &stripped.join("."));
            stripped.remove(empty);
            is_malformed(stage, &stripped.join("."));
        }
        is_malformed(stage, &token.replace('.', ".."));
        is_accepted(stage, &token);
    });
}

#[test]
fn attack_05_a_token_has_one_spelling() {
    on_both(|stage| {
        let token = stage.countersign(&stage.issue(), 1).text().to_owned();
        let parts: Vec<_> = token.split('.').map(str::to_owned).collect();
        for (position, part) in parts.iter().enumerate() {
            let mut variants: Vec<String> =
                ["=", "==", " ", "\n", "\r\n", "\t", "%3D", "A="].map(|tail| format!("{part}{tail}")).into();
            variants.extend([" ", "\n", "="].map(|head| format!("{head}{part}")));
            variants.extend([part.replace('-', "+"), part.replace('_', "/")].into_iter().filter(|other| other != part));
            // The last character of a part carries spare bits: every other value of them is another spelling.
            let spare_bits = [0, 0, 4, 2][part.len() % 4];
            let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
            let last = part.bytes().last().expect("a part");
            let value = alphabet.iter().position(|letter| *letter == last).expect("base64url");
            for other in 1..1 << spare_bits {
                let letter = char::from(alphabet[value | other]);
                variants.push(format!("{}{letter}", &part[..part.len() - 1]));
            }
            for variant in variants {
                let mut parts = parts.clone();
                parts[position] = variant;
                is_malformed(stage, &parts.join("."));
            }
        }
        is_accepted(stage, &token);
    });
}

#[test]
fn attack_05_a_header_in_padded_base64_is_refused_even_if_it_is_signed_so() {
    on_both(|stage| {
        let padded = |json: &str| base64url::encode(json.as_bytes()) + ["", "==", "="][json.len() % 3];
        let mut header = header(stage);
        while header.len().is_multiple_of(3) {
            header.insert(1, ' ');
        }
        let text = format!("{}.{}", padded(&header), base64url::encode(payload(stage).as_bytes()));
        let signature = stage.engine.sign(stage.issuer.key(), text.as_bytes()).expect("the key signs");
        let issued = format!("{text}.{}", base64url::encode(&signature));
        is_malformed(stage, &countersigned(stage, &issued, &part_four(stage)));
        // Without the padding it is another token, and a good one: white space within JSON is no other spelling.
        is_accepted(stage, &with_header(stage, &header));
    });
}

#[test]
fn attack_06_an_oversized_token_is_refused_before_it_is_parsed() {
    on_both(|stage| {
        let long = |length: usize| {
            let padding = " ".repeat(length);
            with_header(stage, &header(stage).replacen('{', &format!("{{{padding}"), 1))
        };
        let max = stage.rules.token_bytes_max;
        assert_eq!(max, 8 << 10);
        let padding = (0..max).find(|padding| long(*padding).len() > max).expect("padding enough");
        let (fits, oversized) = (long(padding - 1), long(padding));
        assert!(fits.len() <= max && oversized.len() > max);
        stage.engine.take_work();
        is_accepted(stage, &fits);
        is_malformed(stage, &oversized);
        stage.engine.take_work();
        assert!(stage.validate_at(&oversized, seconds(1)).is_err());
        assert_eq!(stage.engine.take_work().parses, 0, "it was parsed all the same");
    });
}

#[test]
fn attack_06_a_deep_header_is_refused() {
    on_both(|stage| {
        for depth in [1, 100, 127, 128, 129, 1_000] {
            for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
                let deep = format!("{}0{}", open.repeat(depth), close.repeat(depth));
                let header = header(stage).replacen('{', &format!(r#"{{"a":{deep},"#), 1);
                is_malformed(stage, &with_header(stage, &header));
                is_malformed(stage, &with_header(stage, &deep));
            }
        }
    });
}

#[test]
fn attack_07_an_altered_agent_signature_is_forbidden_and_leaves_the_honest_agent_alone() {
    on_both(|stage| {
        let token = stage.countersign(&stage.issue(), 1);
        let (rest, signature) = token.text().rsplit_once('.').expect("five parts");
        let mut bytes = base64url::decode(signature).expect("base64url");
        bytes[100] ^= 1;
        let altered = format!("{rest}.{}", base64url::encode(&bytes));
        assert_eq!(stage.refusal(&altered), (Some(Refusal::BadAgentSignature), 2));
        assert_eq!(RefusalAnswer::from(Refusal::BadAgentSignature), RefusalAnswer::Forbid);
        // The same counter, honestly signed, is still good (hole 2).
        is_accepted(stage, token.text());
    });
}

#[test]
fn attack_08_an_altered_payload_or_server_signature_is_refused() {
    on_both(|stage| {
        let issued = stage.issue();
        for (from, to) in
            [("1750003600", "1950003600"), ("000000000001", "000000000002"), ("https://smp", "https://sup")]
        {
            let parts: Vec<_> = issued.text().split('.').collect();
            let payload = base64url::encode(payload(stage).replacen(from, to, 1).as_bytes());
            let altered = countersigned(stage, &[parts[0], &payload, parts[2]].join("."), &part_four(stage));
            assert_eq!(stage.refusal(&altered), (Some(Refusal::BadServerSignature), 1), "{from}");
        }
    });
}

/// The refusals that an altered byte of each part may get.
fn refusals_of_part(part: usize) -> &'static [Refusal] {
    match part {
        0..=2 => &[Refusal::Syntax, Refusal::UnknownServerKey, Refusal::BadServerSignature],
        _ => &[Refusal::Syntax, Refusal::BadAgentSignature],
    }
}

#[test]
fn attack_07_and_08_every_altered_character_of_every_part_is_refused() {
    for profile in PROFILES {
        for engine in real_engines().into_iter().take(1).chain([crate::stage::engine()]) {
            let mut stage = Stage::with(profile, engine);
            let token = stage.countersign(&stage.issue(), 1).text().to_owned();
            let mut seen = std::collections::BTreeSet::new();
            for (position, letter) in token.char_indices() {
                let part = token[..position].matches('.').count();
                // The neighbours in value (A and Q differ in one bit), and what is not of the alphabet.
                for other in ['A', 'Q', '-', 'z', '.', '=', '\u{e9}', '\0'].into_iter().filter(|other| *other != letter)
                {
                    let altered = format!("{}{other}{}", &token[..position], &token[position + 1..]);
                    let (refusal, verifies) = stage.refusal(&altered);
                    let refusal = refusal.unwrap_or_else(|| panic!("{other:?} at {position} was accepted"));
                    // A new dot moves the parts, and so does one that is gone.
                    let allowed =
                        if letter == '.' || other == '.' { &[Refusal::Syntax][..] } else { refusals_of_part(part) };
                    assert!(allowed.contains(&refusal), "{refusal:?} for {other:?} at {position}, in part {part}");
                    let expected = match refusal {
                        Refusal::BadServerSignature => 1,
                        Refusal::BadAgentSignature => 2,
                        _ => 0,
                    };
                    assert_eq!(verifies, expected, "{refusal:?} at {position}");
                    seen.insert((part, refusal));
                }
            }
            for wanted in
                [(0, Refusal::UnknownServerKey), (1, Refusal::BadServerSignature), (2, Refusal::BadServerSignature)]
            {
                assert!(seen.contains(&wanted), "{wanted:?} never came up: {seen:?}");
            }
            assert!(seen.contains(&(3, Refusal::BadAgentSignature)) && seen.contains(&(4, Refusal::BadAgentSignature)));
            is_accepted(&mut stage, &token);
        }
    }
}

/// Text that is close to what is expected, so that it gets far into a parser.
fn near_token() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        "[A-Za-z0-9_-]{0,40}",
        r#"[{}\[\]":,a-z0-9.]{0,60}"#.prop_map(|json| base64url::encode(json.as_bytes())),
        any::<Vec<u8>>().prop_map(|bytes| base64url::encode(&bytes)),
        Just(base64url::encode(br#"{"alg":"RS256","typ":"JWT","kid":"","nonce":""}"#)),
        ".{0,20}",
    ];
    prop::collection::vec(part, 0..8).prop_map(|parts| parts.join("."))
}

proptest! {
    #[test]
    fn no_text_panics_where_tokens_and_headers_are_read(text in ".{0,300}", near in near_token(), bytes in any::<Vec<u8>>()) {
        let raw = String::from_utf8_lossy(&bytes);
        let mut stage = Stage::new(PROFILES[bytes.len() % 2]);
        for text in [&*text, &*near, &*raw] {
            prop_assert!(IssuedToken::parse(text).is_none());
            prop_assert!(CountersignedToken::parse(text).is_none());
            prop_assert_eq!(stage.refusal(text), (Some(Refusal::Syntax), 0));
            for prefix in ["", "SMPToken ", "SMPToken token=\"", "smptoken agent=\"", "SMPToken epoch=\"\", "] {
                let value = format!("{prefix}{text}");
                let _ = Credentials::parse(&value);
                let _ = TokenChallenge::parse(&value);
            }
        }
    }

    #[test]
    fn no_cut_and_splice_of_a_good_token_panics_or_is_accepted(
        at in 0_usize..1_600, skip in 0_usize..1_600, splice in prop_oneof![Just(String::new()), near_token()],
        hardened: bool,
    ) {
        let mut stage = Stage::new(PROFILES[usize::from(hardened)]);
        let token = stage.countersign(&stage.issue(), 1).text().to_owned();
        let (at, skip) = (at.min(token.len()), skip.min(token.len()));
        let spliced = format!("{}{splice}{}", &token[..at], &token[(at + skip).min(token.len())..]);
        prop_assume!(spliced != token);
        prop_assert!(stage.refusal(&spliced).0.is_some());
    }
}

#[test]
fn attack_06_credentials_and_challenges_have_one_meaning() {
    for (value, is_token) in [
        ("SMPToken a.b.c.d.e", true),
        ("smptoken a.b.c.d.e", true),
        ("SMPToken a.b.c.d.e, a.b.c.d.e", false),
        ("SMPToken a.b.c.d.e f", false),
        ("SMPTokens a.b.c.d.e", false),
        ("SMPToken\ta.b.c.d.e", false),
        ("Bearer a.b.c.d.e", false),
        ("a.b.c.d.e", false),
    ] {
        let read = Credentials::parse(value);
        assert_eq!(matches!(read, Some(Credentials::Token("a.b.c.d.e"))), is_token, "{value}: {read:?}");
        assert_eq!(read.is_some(), is_token, "{value}");
    }
    let nine = (0..9).map(|number| format!("p{}=\"\"", "x".repeat(number))).collect::<Vec<_>>().join(", ");
    assert_eq!(TokenChallenge::parse(&format!("SMPToken {nine}")), None);
    assert_eq!(TokenChallenge::parse("SMPToken error=\"no_such_error\""), None);
    assert_eq!(
        TokenChallenge::parse("SMPToken realm=\"x\", token=\"a.b.c\"").and_then(|challenge| challenge.token),
        Some("a.b.c")
    );
}
