//! What the token of an agent says, before and after its agent has signed it.

use super::{
    checked::Known,
    checks,
    explanation::{Explanation, Part, Said, moment_said, says},
};
use crate::{
    crypto::KeyError,
    protocol::{Binding, CountersignedToken, IssuedToken, content_digest},
    types::{NodeId, Uid},
};

/// Three parts.
pub fn issued(issued: &IssuedToken, known: &Known) -> Result<Explanation, KeyError> {
    let bytes = issued.text().len();
    let title = format!("A token of three parts: issued, and not signed by its agent yet ({bytes} bytes)");
    Ok(Explanation::new("three_parts", title, of_issued(issued, known), checks::of_issued(issued, known)?, known))
}

/// All five parts.
pub fn countersigned(token: &CountersignedToken, known: &Known) -> Result<Explanation, KeyError> {
    let bytes = token.text().len();
    let title = format!("A token of five parts: issued, and signed by its agent for one use ({bytes} bytes)");
    let mut parts = of_issued(&token.issued, known);
    parts.push(of_nonce(token));
    Ok(Explanation::new("five_parts", title, parts, checks::of_countersigned(token, known)?, known))
}

/// The credentials that ask for a token.
pub fn first_request(agent: NodeId, uid: Uid, known: &Known) -> Explanation {
    let says = vec![
        says("agent", &agent, Some("who asks; nothing proves it")),
        says("uid", &uid, Some("drawn by the agent at its start")),
    ];
    let title = "A first request: it asks for a token and has none";
    Explanation::new("first_request", title, vec![Part { part: "request", says }], Vec::new(), known)
}

fn of_issued(issued: &IssuedToken, known: &Known) -> Vec<Part> {
    let claims = &issued.claims;
    let header = vec![
        says("algorithm", &"RS256", Some("RSASSA-PKCS1-v1_5 with SHA-256")),
        says("kid", &issued.kid, Some("the server key")),
        says("uid", &issued.uid, Some("drawn by the agent at its start")),
    ];
    let payload = vec![
        says("agent", &claims.sub, None),
        says("agent key", &claims.cnf.jkt, Some("alone can use it")),
        says("audience", &claims.aud, Some("the server that it is for")),
        says("issuer", &claims.iss, None),
        moment_said("issued", claims.iat, known),
        moment_said("expires", claims.exp, known),
        says("jti", &claims.jti, Some("its name")),
    ];
    vec![Part { part: "header", says: header }, Part { part: "payload", says: payload }]
}

fn of_nonce(token: &CountersignedToken) -> Part {
    let uid = if token.check_uid().is_ok() { "as in the header" } else { "not that of the header" };
    let mut nonce = vec![
        says("uid", &token.nonce.uid, Some(uid)),
        says("counter", &token.nonce.counter, Some("uses of this uid so far")),
    ];
    nonce.extend(token.binding.iter().flat_map(of_binding));
    Part { part: "nonce", says: nonce }
}

fn of_binding(binding: &Binding) -> Vec<Said> {
    let is_empty = binding.content_digest == content_digest(b"");
    let mut bound = vec![
        says("audience", &binding.aud, Some("the server that it was signed for")),
        says("epoch", &binding.epoch, Some("the start of that server")),
        says("method", &binding.htm, None),
        says("target", &binding.htu, None),
        says("body digest", &binding.content_digest, is_empty.then_some("empty")),
    ];
    bound.extend(binding.cb.as_ref().map(|cb| says("channel", cb, Some("the TLS connection"))));
    bound
}
