//! All five parts: the issued token, the raised nonce and the agent's signature (rules 4 and 7, attacks 1 to 5).

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::{
    Binding, IssuedToken, Nonce, base64url, body,
    compact::{push_json, read_json},
};
use crate::{
    crypto::{Engine, KeyError, PrivateKey, PublicKey},
    types::{Bug, Epoch, Fingerprint, Origin, Refusal},
};

/// `header.payload.server_signature.nonce.agent_signature`, parsed. Parsing verifies nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CountersignedToken {
    text: String,
    /// The first three parts.
    pub issued: IssuedToken,
    /// The nonce in part four.
    pub nonce: Nonce,
    /// What a hardened token is bound to.
    pub binding: Option<Binding>,
    signature: Vec<u8>,
}

/// Part four. A literal token has the nonce alone, a hardened one all of the rest (`cb` over TLS only).
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PartFour<'a> {
    #[serde(borrow)]
    nonce: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "body::present")]
    aud: Option<Origin>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "body::present")]
    epoch: Option<Epoch>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "body::present")]
    htm: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "body::present")]
    htu: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "body::present")]
    content_digest: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "body::present")]
    cb: Option<String>,
}

impl PartFour<'_> {
    fn of(nonce: Nonce, binding: Option<&Binding>) -> Self {
        let nonce = Cow::Owned(nonce.to_string());
        let Some(binding) = binding.cloned() else { return Self { nonce, ..Self::default() } };
        Self {
            nonce,
            aud: Some(binding.aud),
            epoch: Some(binding.epoch),
            htm: Some(binding.htm),
            htu: Some(binding.htu),
            content_digest: Some(binding.content_digest),
            cb: binding.cb,
        }
    }

    /// The nonce, and the binding if there is a whole one. `None` if there is half of one.
    fn read(self) -> Option<(Nonce, Option<Binding>)> {
        let nonce = self.nonce.parse().ok()?;
        let binding = match (self.aud, self.epoch, self.htm, self.htu, self.content_digest, self.cb) {
            (None, None, None, None, None, None) => None,
            (Some(aud), Some(epoch), Some(htm), Some(htu), Some(content_digest), cb) => {
                Some(Binding { aud, epoch, htm, htu, content_digest, cb })
            }
            _ => return None,
        };
        Some((nonce, binding))
    }
}

impl CountersignedToken {
    /// Countersigns an issued token (rule 7).
    ///
    /// # Errors
    /// If the key cannot sign.
    pub fn sign(
        issued: &IssuedToken,
        nonce: Nonce,
        binding: Option<Binding>,
        key: &PrivateKey,
        engine: &Engine,
    ) -> Result<Self, KeyError> {
        let mut text = String::with_capacity(issued.text().len() + 1_024);
        text.push_str(issued.text());
        text.push('.');
        push_json(&mut text, &PartFour::of(nonce, binding.as_ref()));
        let signature = engine.sign(key, text.as_bytes())?;
        text.push('.');
        base64url::encode_onto(&signature, &mut text);
        Ok(Self { text, issued: issued.clone(), nonce, binding, signature })
    }

    /// Reads a token. `None` if it is not of exactly this form (attacks 1 to 5).
    pub fn parse(text: &str) -> Option<Self> {
        let (rest, signature) = text.rsplit_once('.')?;
        let (issued, nonce) = rest.rsplit_once('.')?;
        let issued = IssuedToken::parse(issued)?;
        let part = base64url::decode(nonce)?;
        let (nonce, binding) = read_json::<PartFour<'_>>(&part)?.read()?;
        let signature = base64url::decode(signature).filter(|signature| !signature.is_empty())?;
        Some(Self { text: text.to_owned(), issued, nonce, binding, signature })
    }

    /// The five parts, as sent.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// A short name for exactly these bytes.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(self.text.as_bytes())
    }

    /// Whether the agent signed for the uid that the token was issued for.
    ///
    /// # Errors
    /// If it signed for another.
    pub fn check_uid(&self) -> Result<(), Refusal> {
        (self.nonce.uid == self.issued.uid || Bug::UidUnchecked.is_planted()).then_some(()).ok_or(Refusal::UidMismatch)
    }

    /// Whether `key` signed the first four parts.
    pub fn is_signed_by(&self, key: &PublicKey, engine: &Engine) -> bool {
        let signed_bytes = self.text.rfind('.').unwrap_or_default();
        engine.verify(key, &self.text.as_bytes()[..signed_bytes], &self.signature)
    }
}
