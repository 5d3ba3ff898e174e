//! What a push-install or ASDK token says, and the checks that a server makes of it.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use super::{
    checked::{Checked, Known, SERVER_SIGNATURE},
    explanation::{Explanation, Part, moment_said, says},
    moment::away,
};
use crate::{
    crypto::{Engine, KeyError, backend},
    protocol::{BearerRules, BearerToken, INSTALLER_PATH, ServerKeys},
    types::{BearerKind, CryptoTier, Parameters, Profile},
};

/// The kind of authentication that has to be on.
const fn switch(kind: BearerKind) -> &'static str {
    match kind {
        BearerKind::PushInstall => "token",
        BearerKind::Asdk => "asdk",
    }
}

/// All of it.
pub fn explain(token: &BearerToken, known: &Known) -> Result<Explanation, KeyError> {
    let bytes = token.text().len();
    let title = match token.kind {
        BearerKind::PushInstall => {
            format!("A push-install token: whoever has it may fetch the installer ({bytes} bytes)")
        }
        BearerKind::Asdk => format!("An ASDK token: whoever has it may call servers ({bytes} bytes)"),
    };
    Ok(Explanation::new(token.kind.name(), title, parts(token, known), checks(token, known)?, known))
}

fn parts(token: &BearerToken, known: &Known) -> Vec<Part> {
    let claims = &token.claims;
    let header = vec![
        says("algorithm", &"RS256", Some("RSASSA-PKCS1-v1_5 with SHA-256")),
        says("type", &token.typ(), Some("no agent token has it")),
        says("kid", &token.kid, Some("the server key")),
    ];
    let payload = vec![
        says("issuer", &claims.iss, None),
        moment_said("issued", claims.iat, known),
        claims.exp.map_or_else(|| says("expires", &"never", None), |exp| moment_said("expires", exp, known)),
        says("jti", &claims.jti, Some("its name, by which it is revoked")),
    ];
    vec![Part { part: "header", says: header }, Part { part: "payload", says: payload }]
}

/// In the order of a server.
fn checks(token: &BearerToken, known: &Known) -> Result<Vec<Checked>, KeyError> {
    let (no_keys, nobody) = (ServerKeys::default(), BTreeSet::new());
    let rules = BearerRules {
        authentication: known.authentication.unwrap_or_default(),
        revoked: &nobody,
        server_keys: known.server_keys.as_ref().unwrap_or(&no_keys),
        leeway: Parameters::defaults(known.profile.unwrap_or(Profile::Hardened)).leeway(),
        token_bytes_max: usize::MAX,
    };
    let engine = Engine::new(backend(CryptoTier::Rsa)?, Arc::default(), None);
    let mut checks = vec![Checked::held("syntax", "three parts, an RS256 JWT of an explicit type")];
    checks.extend(server_part(&rules, token, known, &engine));
    checks.push(kind(&rules, token, known));
    checks.push(Checked::not_made("revocation", "only policy knows: `revoked_bearers` has its jti if it was revoked"));
    checks.push(path(&rules, token, known));
    checks.push(expiry(&rules, token, known));
    Ok(checks)
}

fn server_part(rules: &BearerRules<'_>, token: &BearerToken, known: &Known, engine: &Engine) -> [Checked; 2] {
    if known.server_keys.is_none() {
        return ["server key", SERVER_SIGNATURE].map(|check| Checked::not_made(check, "needs --jwks"));
    }
    let key = rules.check_key(token);
    let signature = match key {
        Ok(()) => {
            let signed = rules.check_signature(token, engine);
            Checked::made(SERVER_SIGNATURE, signed, "of the server key", "not of that key: altered or made up")
        }
        Err(_) => Checked::not_made(SERVER_SIGNATURE, "needs the key that signed"),
    };
    [Checked::made("server key", key, "--jwks has it", "not among the keys of --jwks"), signature]
}

fn kind(rules: &BearerRules<'_>, token: &BearerToken, known: &Known) -> Checked {
    let switch = switch(token.kind);
    if known.authentication.is_none() {
        return Checked::not_made("kind", &format!("needs --kinds: good where policy has `{switch}` on"));
    }
    Checked::made("kind", rules.check_kind(token), &format!("`{switch}` is on"), &format!("`{switch}` is off"))
}

fn path(rules: &BearerRules<'_>, token: &BearerToken, known: &Known) -> Checked {
    match (token.kind, &known.target) {
        (BearerKind::Asdk, _) => Checked::held("path", "good for every protected path"),
        (BearerKind::PushInstall, None) => {
            Checked::not_made("path", &format!("needs --target: good for {INSTALLER_PATH} alone"))
        }
        (BearerKind::PushInstall, Some(target)) => {
            let path = target.split_once('?').map_or(target.as_str(), |(path, _)| path);
            let fails = format!("good for {INSTALLER_PATH} alone, compared as it is sent");
            Checked::made("path", rules.check_path(token, path), "that of the installer", &fails)
        }
    }
}

fn expiry(rules: &BearerRules<'_>, token: &BearerToken, known: &Known) -> Checked {
    let now = known.at.wall();
    let Some(exp) = token.claims.exp else { return Checked::held("expiry", "it never ends") };
    let leeway = match rules.leeway {
        Duration::ZERO => "without a leeway".to_owned(),
        leeway => format!("with a leeway of {} s", leeway.as_secs()),
    };
    let end = away(exp.after(rules.leeway), now);
    let (holds, fails) = (format!("ends {end}, {leeway}"), format!("ended {end}, {leeway}"));
    Checked::made("expiry", rules.check_expiry(token, now), &holds, &fails)
}
