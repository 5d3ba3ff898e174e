//! The compact form of a signed JSON object (RFC 7515 section 3.1): what all our tokens of three parts are made of.

use serde::{Deserialize, Serialize};

use super::base64url;
use crate::crypto::{Engine, KeyError, PrivateKey};

/// Header and claims as the first two parts, and behind them their signature; the signature once more as it is.
pub(super) fn sign(
    header: &impl Serialize,
    claims: &impl Serialize,
    key: &PrivateKey,
    engine: &Engine,
) -> Result<(String, Vec<u8>), KeyError> {
    let mut text = String::with_capacity(1_024);
    push_json(&mut text, header);
    text.push('.');
    push_json(&mut text, claims);
    let signature = engine.sign(key, text.as_bytes())?;
    text.push('.');
    base64url::encode_onto(&signature, &mut text);
    Ok((text, signature))
}

/// The parts of a text that has exactly three.
pub(super) fn three_parts(text: &str) -> Option<[&str; 3]> {
    let mut parts = text.split('.');
    let three = [parts.next()?, parts.next()?, parts.next()?];
    parts.next().is_none().then_some(three)
}

/// Appends a value as base64url of its JSON.
pub(super) fn push_json(text: &mut String, value: &impl Serialize) {
    // The values are plain structs of strings and integers, for which writing JSON cannot fail.
    let mut json = Vec::with_capacity(512);
    let _ = serde_json::to_writer(&mut json, value);
    base64url::encode_onto(&json, text);
}

/// Reads a part that is a JSON object. Serde alone would also take an array for a struct.
pub(super) fn read_json<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Option<T> {
    json.starts_with(b"{").then(|| serde_json::from_slice(json).ok()).flatten()
}
