//! What a hardened token is bound to (holes 6, 11 and 12; attacks 11, 12 and 21).

use crate::types::{Bug, Epoch, Origin, Refusal};

/// The members that the hardened profile adds to part four.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Binding {
    /// The server's origin, as policy names it (hole 11).
    pub aud: Origin,
    /// The server's start (hole 6).
    pub epoch: Epoch,
    /// The request's method.
    pub htm: String,
    /// The request's target: path and query.
    pub htu: String,
    /// The `Content-Digest` of the request's body (RFC 9530), of the empty body where there is none.
    pub content_digest: String,
    /// Over TLS, the channel binding of the connection (RFC 9266), base64url.
    pub cb: Option<String>,
}

/// What a server, or an agent that is about to send, knows of a request.
#[derive(Clone, Copy, Debug)]
pub struct RequestFacts<'a> {
    /// The method.
    pub method: &'a str,
    /// Path and query.
    pub target: &'a str,
    /// The `Content-Digest` of the body.
    pub content_digest: &'a str,
    /// Over TLS, the channel binding of the connection, base64url.
    pub channel_binding: Option<&'a str>,
}

impl Binding {
    /// Binds to a request.
    pub fn to(request: &RequestFacts<'_>, aud: Origin, epoch: Epoch) -> Self {
        Self {
            aud,
            epoch,
            htm: request.method.to_owned(),
            htu: request.target.to_owned(),
            content_digest: request.content_digest.to_owned(),
            cb: request.channel_binding.map(str::to_owned),
        }
    }

    /// Whether this binds to the server at hand.
    ///
    /// # Errors
    /// If it binds to another.
    pub fn check_audience(&self, origin: &Origin) -> Result<(), Refusal> {
        let same = self.aud == *origin || Bug::AudienceUnchecked.is_planted();
        same.then_some(()).ok_or(Refusal::WrongAudience)
    }

    /// Whether this binds to the request at hand.
    ///
    /// # Errors
    /// If it binds to another.
    pub fn check_request(&self, request: &RequestFacts<'_>) -> Result<(), Refusal> {
        let same = self.htm == request.method
            && self.htu == request.target
            && self.content_digest == request.content_digest
            && self.cb.as_deref() == request.channel_binding;
        (same || Bug::BindingUnchecked.is_planted()).then_some(()).ok_or(Refusal::WrongBinding)
    }
}
