//! HTTP message signatures (RFC 9421), in exactly the two forms of SPEC section 1 (rules 33, 34).
//!
//! A request covers its method, path and body; a response covers its status and body, the method and path of
//! the request that it answers, and repeats that request's nonce. The nonce is what makes an answer fresh:
//! no clock is compared, since a fleet whose clocks are wrong must still get the policy that heals it.
//! `created` decides nothing about the message; from answers a node learns the issuer's time ([`IssuerTime`]).
//!
//! [`IssuerTime`]: super::IssuerTime
//! [`RequestNonces`]: super::RequestNonces
//!
//! A request may be replayed. Little is gained: policy says the same again, an old registration changes nothing at an
//! SMP that keeps what it knows, and the answer to a batch request can be read by the site alone, once ([`RequestNonces`]).
//!
//! The keys also sign tokens. A signature base starts with a quotation mark, which no token contains, so a
//! signature made for the one never fits the other.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use thiserror::Error;

use super::{
    content_digest::{ContentDigestError, check_content_digest, content_digest},
    signature_base::Covered,
};
use crate::{
    crypto::{Engine, KeyError, PrivateKey, PublicKey},
    types::{MessageNonce, Thumbprint, UnixSeconds},
};

static CONTENT_DIGEST: HeaderName = HeaderName::from_static("content-digest");
static SIGNATURE_INPUT: HeaderName = HeaderName::from_static("signature-input");
static SIGNATURE: HeaderName = HeaderName::from_static("signature");

/// The greatest integer of a structured field (RFC 9651 section 3.3.1).
const INTEGER_MAX: u64 = 999_999_999_999_999;

/// Why a signed message is not trusted.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum MessageError {
    /// The request target is not covered as a whole by `@path`.
    #[error(
        "request target of {found_bytes} bytes cannot be signed: expected a path that starts with `/`, without a query"
    )]
    Target {
        /// How long the target is.
        found_bytes: usize,
    },
    /// A header field of the three is missing: the message is unsigned.
    #[error("the message has no {0} field: it must be signed")]
    Unsigned(HeaderName),
    /// A header field of the three stands there more than once.
    #[error("the message has more than one {0} field: expected one")]
    Repeated(HeaderName),
    /// The digest does not vouch for the body.
    #[error(transparent)]
    Digest(#[from] ContentDigestError),
    /// The `Signature-Input` is not of the expected form.
    #[error("Signature-Input of {found_bytes} bytes is not understood: expected `{expected}`")]
    SignatureInput {
        /// How long the field's value is.
        found_bytes: usize,
        /// The form that was expected, with `…` where values go.
        expected: &'static str,
    },
    /// The response answers another request: it is stale, or meant for somebody else (attack 19).
    #[error("the response repeats the nonce {found}, expected {expected}: it answers another request")]
    ForeignNonce {
        /// The nonce of the request.
        expected: MessageNonce,
        /// The nonce of the response.
        found: MessageNonce,
    },
    /// Nobody trusted has this key (rule 43, attacks 18 and 30).
    #[error("the message is signed with the key {0}, which is not trusted here")]
    UnknownKey(Thumbprint),
    /// The `Signature` is not of the expected form.
    #[error("Signature of {found_bytes} bytes is not understood: expected `sig=:…:` with base64")]
    Signature {
        /// How long the field's value is.
        found_bytes: usize,
    },
    /// The signature does not fit what it covers.
    #[error("the signature by the key {0} does not fit the message: it was altered, or made for another one")]
    BadSignature(Thumbprint),
}

/// What a signature covers of a request line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RequestTarget<'a> {
    pub(super) method: &'a Method,
    pub(super) path: &'a str,
}

impl<'a> RequestTarget<'a> {
    /// Takes the method and the whole request target as they stand in the request line (RFC 9112 section 3).
    ///
    /// # Errors
    /// If the target is more than a path: a query would not be covered, so whoever relays the message could
    /// change it.
    pub fn new(method: &'a Method, target: &'a str) -> Result<Self, MessageError> {
        let is_path_byte = |byte: u8| byte.is_ascii_graphic() && byte != b'?' && byte != b'#';
        if target.starts_with('/') && target.bytes().all(is_path_byte) {
            Ok(Self { method, path: target })
        } else {
            Err(MessageError::Target { found_bytes: target.len() })
        }
    }
}

/// The request that a response answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Answered<'a> {
    /// Its method and path.
    pub target: RequestTarget<'a>,
    /// Its nonce.
    pub nonce: MessageNonce,
}

/// The three header fields that sign a message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SignedHeaders {
    content_digest: HeaderValue,
    signature_input: HeaderValue,
    signature: HeaderValue,
}

impl SignedHeaders {
    /// Puts the fields into a message's header section, in place of any that are there.
    pub fn write_to(self, headers: &mut HeaderMap) {
        headers.insert(&CONTENT_DIGEST, self.content_digest);
        headers.insert(&SIGNATURE_INPUT, self.signature_input);
        headers.insert(&SIGNATURE, self.signature);
    }
}

/// What a verified signature says about its message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct VerifiedMessage {
    /// The key that signed it.
    pub keyid: Thumbprint,
    /// The nonce: drawn by the requester, repeated by the answer.
    pub nonce: MessageNonce,
    /// What the signer's clock showed. It may be wrong, so nothing is decided by it about the message.
    pub created: UnixSeconds,
}

/// Signs a request.
///
/// The nonce must be new: a response is taken for the answer to every request that has its nonce, method and path.
///
/// # Errors
/// If the key cannot be used.
pub fn sign_request(
    target: RequestTarget<'_>,
    body: &[u8],
    created: UnixSeconds,
    nonce: MessageNonce,
    key: &PrivateKey,
    engine: &Engine,
) -> Result<SignedHeaders, KeyError> {
    sign(&Covered::Request(target), body, created, nonce, key, engine)
}

/// Verifies a request as it arrived: the digest, then the form, then whether the key is known, then the signature.
///
/// `key_for` finds the key of a thumbprint; what else makes its holder legitimate is the caller's to check.
///
/// # Errors
/// Every failure has its own [`MessageError`].
pub fn verify_request(
    target: RequestTarget<'_>,
    body: &[u8],
    headers: &HeaderMap,
    key_for: impl FnOnce(Thumbprint) -> Option<PublicKey>,
    engine: &Engine,
) -> Result<VerifiedMessage, MessageError> {
    verify(&Covered::Request(target), body, headers, None, key_for, engine)
}

/// Signs the response to a request.
///
/// # Errors
/// If the key cannot be used.
pub fn sign_response(
    status: StatusCode,
    body: &[u8],
    answered: Answered<'_>,
    created: UnixSeconds,
    key: &PrivateKey,
    engine: &Engine,
) -> Result<SignedHeaders, KeyError> {
    sign(&Covered::Response(status, answered.target), body, created, answered.nonce, key, engine)
}

/// Verifies the response to a request: the digest, then the form, then the nonce, then whether the key is
/// known, then the signature.
///
/// # Errors
/// Every failure has its own [`MessageError`].
pub fn verify_response(
    status: StatusCode,
    body: &[u8],
    headers: &HeaderMap,
    answered: Answered<'_>,
    key_for: impl FnOnce(Thumbprint) -> Option<PublicKey>,
    engine: &Engine,
) -> Result<VerifiedMessage, MessageError> {
    verify(&Covered::Response(status, answered.target), body, headers, Some(answered.nonce), key_for, engine)
}

/// The signature parameters (RFC 9421 section 2.3) in their only spelling.
fn signature_parameters(covered: &Covered<'_>, said: &VerifiedMessage) -> String {
    let VerifiedMessage { keyid, nonce, created } = said;
    let created = created.0;
    format!(r#"{};created={created};nonce="{nonce}";alg="rsa-v1_5-sha256";keyid="{keyid}""#, covered.identifiers())
}

fn sign(
    covered: &Covered<'_>,
    body: &[u8],
    created: UnixSeconds,
    nonce: MessageNonce,
    key: &PrivateKey,
    engine: &Engine,
) -> Result<SignedHeaders, KeyError> {
    // A clock may be wrong without bounds, the field's integers are not; `created` only informs.
    let created = UnixSeconds(created.0.min(INTEGER_MAX));
    let said = VerifiedMessage { keyid: key.public().thumbprint(), nonce, created };
    let digest = content_digest(body);
    let parameters = signature_parameters(covered, &said);
    let signature = engine.sign(key, covered.signature_base(&digest, &parameters).as_bytes())?;
    Ok(SignedHeaders {
        content_digest: header_value(digest),
        signature_input: header_value(format!("sig={parameters}")),
        signature: header_value(format!("sig=:{}:", STANDARD.encode(signature))),
    })
}

fn verify(
    covered: &Covered<'_>,
    body: &[u8],
    headers: &HeaderMap,
    expected_nonce: Option<MessageNonce>,
    key_for: impl FnOnce(Thumbprint) -> Option<PublicKey>,
    engine: &Engine,
) -> Result<VerifiedMessage, MessageError> {
    check_content_digest(only(headers, &CONTENT_DIGEST)?, body)?;

    let input = only(headers, &SIGNATURE_INPUT)?;
    let (said, parameters) = read_signature_input(covered, input)
        .ok_or(MessageError::SignatureInput { found_bytes: input.len(), expected: covered.form() })?;
    if let Some(expected) = expected_nonce.filter(|expected| *expected != said.nonce) {
        return Err(MessageError::ForeignNonce { expected, found: said.nonce });
    }

    // The second look at the thumbprint costs nothing, and a look-up that is wrong must not lend its key.
    let key = key_for(said.keyid).filter(|key| key.thumbprint() == said.keyid);
    let key = key.ok_or(MessageError::UnknownKey(said.keyid))?;

    let field = only(headers, &SIGNATURE)?;
    let signature = read_signature(field).ok_or(MessageError::Signature { found_bytes: field.len() })?;
    let base = covered.signature_base(&content_digest(body), parameters);
    if engine.verify(&key, base.as_bytes(), &signature) {
        Ok(said)
    } else {
        Err(MessageError::BadSignature(said.keyid))
    }
}

/// The field's value, if it stands there once. A second one could be what somebody else reads.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<&'a [u8], MessageError> {
    let mut values = headers.get_all(name).iter();
    let value = values.next().ok_or_else(|| MessageError::Unsigned(name.clone()))?;
    if values.next().is_some() { Err(MessageError::Repeated(name.clone())) } else { Ok(value.as_bytes()) }
}

/// Reads what the parameters say, and the parameters' text.
///
/// The values are picked out, the text is built anew from them and compared: so there is one spelling, and no
/// second parser's opinion on what was signed.
fn read_signature_input<'a>(covered: &Covered<'_>, input: &'a [u8]) -> Option<(VerifiedMessage, &'a str)> {
    let parameters = std::str::from_utf8(input).ok()?.strip_prefix("sig=")?;
    let rest = parameters.strip_prefix(covered.identifiers())?.strip_prefix(";created=")?;
    let (created, rest) = rest.split_once(r#";nonce=""#)?;
    let (nonce, rest) = rest.split_once(r#"";alg="rsa-v1_5-sha256";keyid=""#)?;
    let keyid = rest.strip_suffix('"')?;
    let created = created.parse().ok().filter(|seconds| *seconds <= INTEGER_MAX)?;
    let said =
        VerifiedMessage { keyid: keyid.parse().ok()?, nonce: nonce.parse().ok()?, created: UnixSeconds(created) };
    (signature_parameters(covered, &said) == parameters).then_some((said, parameters))
}

fn read_signature(field: &[u8]) -> Option<Vec<u8>> {
    STANDARD.decode(field.strip_prefix(b"sig=:")?.strip_suffix(b":")?).ok()
}

fn header_value(text: String) -> HeaderValue {
    HeaderValue::try_from(text)
        .expect("built from digits, base64 and fixed ASCII, which every header value may contain")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_with_more_than_a_path_is_refused() {
        for target in ["", "a", "*", "/a?", "/a?b", "/a#b", "/a b", "/a\nb", "/é", "http://smp/a"] {
            assert_eq!(
                RequestTarget::new(&Method::GET, target),
                Err(MessageError::Target { found_bytes: target.len() }),
                "{target}"
            );
        }
        assert!(RequestTarget::new(&Method::GET, "/NS/Agent/GetClientTokens.aspx").is_ok());
    }
}
