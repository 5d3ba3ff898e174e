//! Why a text is no token: the decision is the protocol's, the words are for people.

use serde_json::{Map, Value};

use crate::protocol::base64url;

const NAMES: [&str; 5] = ["header", "payload", "server signature", "nonce", "agent signature"];
const NONCE: [&str; 7] = ["nonce", "aud", "epoch", "htm", "htu", "content_digest", "cb"];

/// What the parts of a kind of token have.
struct Form {
    typ: &'static str,
    header: &'static [&'static str],
    payload: &'static [&'static str],
    /// Of the payload.
    may_lack: &'static [&'static str],
}

const AGENT: Form = Form {
    typ: "JWT",
    header: &["alg", "typ", "kid", "nonce"],
    payload: &["iss", "sub", "aud", "iat", "exp", "jti", "cnf"],
    may_lack: &[],
};
const PUSH_INSTALL: Form =
    Form { typ: "push-install+jwt", header: &["alg", "typ", "kid"], payload: &["iss", "iat", "jti"], may_lack: &[] };
const ASDK: Form = Form { typ: "asdk+jwt", payload: &["iss", "iat", "jti", "exp"], may_lack: &["exp"], ..PUSH_INSTALL };

/// What is wrong with a text that the protocol did not read.
pub fn why(text: &str) -> String {
    let parts: Vec<_> = text.split('.').collect();
    if !matches!(parts.len(), 3 | 5) {
        let found = if parts.len() == 1 { "found no dot".to_owned() } else { format!("found {} parts", parts.len()) };
        return format!("this is no token: {found}, expected three or five parts with a dot between them");
    }
    let form = form_of(&parts);
    let wrong = parts.iter().zip(NAMES).enumerate().find_map(|(at, (part, name))| {
        wrong_with(part, at, form).map(|why| format!("this is no token: part {}, the {name}, {why}", at + 1))
    });
    wrong.unwrap_or_else(|| {
        "this is no token: each part is well-formed, but a value in one is not of the form that PROTOCOL.md shows"
            .to_owned()
    })
}

/// An explicit type says which token it is meant to be.
fn form_of(parts: &[&str]) -> &'static Form {
    let header = parts.first().and_then(|part| base64url::decode(part));
    let header: Option<Value> = header.and_then(|header| serde_json::from_slice(&header).ok());
    let typ = header.as_ref().and_then(|header| header.get("typ")?.as_str());
    [&PUSH_INSTALL, &ASDK].into_iter().find(|form| parts.len() == 3 && typ == Some(form.typ)).unwrap_or(&AGENT)
}

fn wrong_with(part: &str, at: usize, form: &Form) -> Option<String> {
    if part.is_empty() {
        return Some("is empty".to_owned());
    }
    let Some(bytes) = base64url::decode(part) else {
        return Some("is not base64url in its one spelling, without padding".to_owned());
    };
    let (members, may_lack): (&[&str], &[&str]) = match at {
        0 => (form.header, &[]),
        1 => (form.payload, form.may_lack),
        3 => (&NONCE, &NONCE[1..]),
        _ => return None,
    };
    let Ok(Value::Object(object)) = serde_json::from_slice(&bytes) else {
        return Some("is no JSON object".to_owned());
    };
    wrong_members(&object, members, may_lack).or_else(|| (at == 0).then(|| wrong_header(&object, form)).flatten())
}

fn wrong_members(object: &Map<String, Value>, members: &[&str], may_lack: &[&str]) -> Option<String> {
    if let Some(missing) = members.iter().find(|name| !object.contains_key(**name) && !may_lack.contains(name)) {
        return Some(format!("lacks `{missing}`"));
    }
    let strange = object.keys().find(|name| !members.contains(&name.as_str()))?;
    Some(format!("has `{}`, which no token of this kind has", short(strange)))
}

fn wrong_header(header: &Map<String, Value>, form: &Form) -> Option<String> {
    [("alg", "RS256"), ("typ", form.typ)].into_iter().find_map(|(name, expected)| {
        let found = header.get(name)?;
        (found != expected).then(|| format!("has the {name} {}, expected \"{expected}\"", short(&found.to_string())))
    })
}

/// What a stranger wrote, to be shown on a terminal.
fn short(text: &str) -> String {
    const CHARS_MAX: usize = 20;
    let mut short: String = text.chars().filter(|letter| !letter.is_control()).take(CHARS_MAX).collect();
    if text.chars().count() > CHARS_MAX {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_thing_that_is_wrong_is_named() {
        let part = |json: &str| base64url::encode(json.as_bytes());
        let header = |alg: &str| part(&format!(r#"{{"alg":"{alg}","typ":"JWT","kid":"k","nonce":"n"}}"#));
        let payload = part(r#"{"iss":1,"sub":1,"aud":1,"iat":1,"exp":1,"jti":1,"cnf":1}"#);
        for (text, why) in [
            ("x".to_owned(), "found no dot"),
            ("a.b".to_owned(), "found 2 parts"),
            ("..".to_owned(), "part 1, the header, is empty"),
            ("a=.b.c".to_owned(), "part 1, the header, is not base64url"),
            (format!("{}.b.c", part("[]")), "the header, is no JSON object"),
            (format!("{}.b.c", part("{}")), "lacks `alg`"),
            (format!("{}.AA.AA", header("none")), "has the alg \"none\", expected \"RS256\""),
            (format!("{}.{}.AA", header("RS256"), part(r#"{"jku":1}"#)), "the payload, lacks `iss`"),
            (format!("{}.{payload}.A", header("RS256")), "part 3, the server signature, is not base64url"),
            (
                format!("{}.{payload}.AA.{}.AA", header("RS256"), part(r#"{"nonce":"n","x":1}"#)),
                "part 4, the nonce, has `x`",
            ),
            (format!("{}.{payload}.AA", header("RS256")), "a value in one is not"),
            (format!("{}.{payload}.AA", part(r#"{"alg":"RS256","typ":"asdk+jwt"}"#)), "the header, lacks `kid`"),
            (
                format!(
                    "{}.{}.AA",
                    part(r#"{"alg":"RS256","typ":"push-install+jwt","kid":"k"}"#),
                    part(r#"{"iss":1,"iat":1,"jti":1,"exp":1}"#)
                ),
                "the payload, has `exp`, which no token of this kind has",
            ),
        ] {
            assert!(super::why(&text).contains(why), "{}", super::why(&text));
        }
    }

    #[test]
    fn what_a_stranger_wrote_is_short_and_harmless() {
        assert_eq!(short("a\x1b[31m"), "a[31m");
        assert_eq!(short(&"é".repeat(21)), format!("{}…", "é".repeat(20)));
    }
}
