//! Keys in files: public ones, and private ones only where a private one is asked for. None is ever an argument: whoever lists
//! processes sees those.

use std::{fs::File, io::Read as _, path::Path};

use serde_json::Value;

use super::super::Failure;
use crate::{
    crypto::{Jwk, PublicKey},
    protocol::{LoginTokenKey, LoginTokenKeyError, ServerKeys},
    report::shell_word,
};

/// A set of a few hundred keys is below.
const BYTES_MAX: u64 = 1 << 20;

/// The members of a JWK that only a private key has (RFC 7518 sections 6.2.2, 6.3.2 and 6.4.1).
const PRIVATE_MEMBERS: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// Reads a JWKS.
pub fn server_keys(path: &Path) -> Result<ServerKeys, Failure> {
    let text = public(path, "--jwks")?;
    serde_json::from_str(&text)
        .map_err(|error| wrong(path, &format!("is no JWKS, as /.well-known/jwks.json of a server serves it: {error}")))
}

/// Reads the public key of an agent: a JWK or PEM.
pub fn agent_key(path: &Path) -> Result<PublicKey, Failure> {
    let text = public(path, "--agent-key")?;
    let is_pem = text.trim_start().starts_with("-----BEGIN");
    let read = if is_pem { PublicKey::from_pem(text.trim()) } else { of_jwk(&text) };
    read.map_err(|error| wrong(path, &format!("is no public key, neither in PEM nor as a JWK: {error}")))
}

/// Reads the key of a portal's login tokens, as the portal keeps it.
pub fn login_key(path: &Path) -> Result<LoginTokenKey, Failure> {
    let text = secret(path)?;
    text.trim().parse().map_err(|error: LoginTokenKeyError| {
        wrong(path, &format!("holds no login token key, as `login.key` of a portal does: {error}"))
    })
}

/// Reads a private key: PEM (PKCS#8).
#[cfg(feature = "sockets")]
pub fn private_key(path: &Path) -> Result<crate::crypto::PrivateKey, Failure> {
    crate::crypto::PrivateKey::from_pem(secret(path)?.trim())
        .map_err(|error| wrong(path, &format!("is no private key: {error}")))
}

/// The text of a file that is for its owner alone.
fn secret(path: &Path) -> Result<String, Failure> {
    let text = read(path)?;
    #[cfg(feature = "sockets")]
    if let Some(mode) =
        std::fs::metadata(path).ok().as_ref().and_then(crate::serve::mode_of).filter(|mode| mode & 0o077 != 0)
    {
        let path = path.display();
        super::super::exit::warn(&format!(
            "warning: {path} may be read by others (mode {mode:03o}); for its owner alone: chmod 600 {path}"
        ));
    }
    Ok(text)
}

fn of_jwk(text: &str) -> Result<PublicKey, crate::crypto::KeyError> {
    let jwk: Jwk = serde_json::from_str(text)
        .map_err(|_| crate::crypto::KeyError::Jwk("it is not JSON with exactly kty, e, n and kid"))?;
    PublicKey::from_jwk(&jwk)
}

/// The text of a file that must not hold a private key.
fn public(path: &Path, option: &str) -> Result<String, Failure> {
    let text = read(path)?;
    let is_pem = text.contains("PRIVATE KEY-----");
    if is_pem || serde_json::from_str(&text).is_ok_and(|json| is_private(&json)) {
        let why = format!("holds a private key, and {option} takes public ones: it was not used");
        let hint =
            format!("; `openssl pkey -in {} -pubout` tells its public half", shell_word(&path.display().to_string()));
        return Err(wrong(path, &(why + if is_pem { &hint } else { "" })));
    }
    Ok(text)
}

fn is_private(json: &Value) -> bool {
    match json {
        Value::Object(object) => {
            object.keys().any(|name| PRIVATE_MEMBERS.contains(&name.as_str())) || object.values().any(is_private)
        }
        Value::Array(values) => values.iter().any(is_private),
        _ => false,
    }
}

/// Reads a file of text that is not too large.
fn read(path: &Path) -> Result<String, Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::Usage(format!("failed to read {}: {error}", path.display()));
    let mut text = String::new();
    let file = File::open(path).map_err(|error| failed(&error))?;
    file.take(BYTES_MAX + 1).read_to_string(&mut text).map_err(|error| failed(&error))?;
    if u64::try_from(text.len()).unwrap_or(u64::MAX) > BYTES_MAX {
        return Err(wrong(path, &format!("has more than {BYTES_MAX} bytes, and holds no key")));
    }
    Ok(text)
}

fn wrong(path: &Path, what: &str) -> Failure {
    Failure::Usage(format!("{} {what}", path.display()))
}
