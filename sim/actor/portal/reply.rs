//! Answers with cookies, places and short texts in them.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode, header};
use http_body_util::Full;

use crate::{
    actor::http::{Reply, empty_reply},
    protocol::{ADMINISTRATION_COOKIE, ADMINISTRATION_PATH, PORTAL_PATH, REMEMBER_COOKIE, SESSION_COOKIE},
};

/// An answer that opens a session at the front end.
pub fn with_session(session: &str, user: &str) -> Reply {
    with_cookie(SESSION_COOKIE, session, PORTAL_PATH, user)
}

/// An answer that opens a session at the administration server.
pub fn with_administration_session(session: &str, user: &str) -> Reply {
    with_cookie(ADMINISTRATION_COOKIE, session, ADMINISTRATION_PATH, user)
}

/// Cookies do not know of ports. Where servers are on one host, its name keeps a cookie from replacing that of another server,
/// and its path from being sent there.
fn with_cookie(name: &str, value: &str, path: &str, body: &str) -> Reply {
    let mut reply = Reply::new(Full::new(Bytes::copy_from_slice(body.as_bytes())));
    add(&mut reply, header::SET_COOKIE, &format!("{name}={value}; Path={path}; HttpOnly; SameSite=Lax"));
    reply
}

/// What a door has, for people.
pub fn text(lines: &'static str) -> Reply {
    let mut reply = Reply::new(Full::new(Bytes::from_static(lines.as_bytes())));
    add(&mut reply, header::CONTENT_TYPE, "text/plain; charset=utf-8");
    reply
}

/// A page for people.
pub fn page(html: &'static str) -> Reply {
    let mut reply = Reply::new(Full::new(Bytes::from_static(html.as_bytes())));
    add(&mut reply, header::CONTENT_TYPE, "text/html; charset=utf-8");
    reply
}

/// Adds the cookie that stands for the password, and lets it end after so many seconds.
pub fn remember(reply: &mut Reply, token: &str, max_age_s: u64) {
    let cookie = format!("{REMEMBER_COOKIE}={token}; Max-Age={max_age_s}; Path={PORTAL_PATH}; HttpOnly; SameSite=Lax");
    add(reply, header::SET_COOKIE, &cookie);
}

/// Turned away: a cookie that is of no use goes.
pub fn unauthorized() -> Reply {
    let mut reply = empty_reply(StatusCode::UNAUTHORIZED);
    add(&mut reply, header::SET_COOKIE, &format!("{REMEMBER_COOKIE}=; Max-Age=0; Path={PORTAL_PATH}"));
    reply
}

/// An answer that leads elsewhere.
pub fn redirect(location: &str) -> Reply {
    let mut reply = empty_reply(StatusCode::FOUND);
    add(&mut reply, header::LOCATION, location);
    reply
}

/// What cannot stand in a header is left out: it does not come out of a token, a session or an origin.
fn add(reply: &mut Reply, name: HeaderName, value: &str) {
    reply.headers_mut().extend(HeaderValue::try_from(value).ok().map(|value| (name, value)));
}
