//! What refusals tell a person, where a body costs nothing.

use bytes::Bytes;
use http::{HeaderValue, StatusCode, header::CONTENT_TYPE};
use http_body_util::Full;

use super::{account_gate::Kinds, core::Core};
use crate::actor::{
    Environment,
    http::{Reply, empty_reply},
};

const TOKEN: &str = "This path wants a token. A registered agent asks for one with
  Authorization: SMPToken agent=\"<its id>\", nonce=\"<22 characters of base64url that it drew>\"
and countersigns the one of the challenge that comes back.\n";
const ACCOUNT: &str = "No token opens this path, only an account, by a scheme that WWW-Authenticate names.\n";
const NOTHING: &str = "Nothing opens this path: by policy, every kind of authentication for it is off.\n";
const OFFERED: &str = "Countersign the token of this challenge and send the request again.\n";
const TURNED_DOWN: &str = "The token was turned down. Countersign the one of this challenge, or start anew.\n";

/// What a 401 wants, where these kinds are on, there is an offer or none, and a token was turned down or not.
pub(super) fn wanted(kinds: Kinds, has_offer: bool, is_refusal: bool) -> &'static str {
    match (has_offer, is_refusal) {
        _ if !kinds.takes_tokens() && kinds.schemes().next().is_none() => NOTHING,
        _ if !kinds.takes_tokens() => ACCOUNT,
        (false, false) => TOKEN,
        (true, false) => OFFERED,
        (_, true) => TURNED_DOWN,
    }
}

/// A refusal, with a word for people where that costs nothing.
pub(super) fn explained<E: Environment>(core: &Core<E>, status: StatusCode, why: &'static str) -> Reply {
    let mut reply = empty_reply(status);
    if core.environment.explains_refusals() {
        *reply.body_mut() = Full::new(Bytes::from_static(why.as_bytes()));
        reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    }
    reply
}
