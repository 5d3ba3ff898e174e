//! Answers with cookies, places and short texts in them.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode, header};
use http_body_util::Full;

use super::sessions::SessionCookie;
use crate::{
    actor::http::{Reply, empty_reply},
    protocol::{PORTAL_PATH, REMEMBER_COOKIE},
};

/// An answer that opens a session, whose name goes into a cookie.
pub fn with_session(cookie: SessionCookie, session: &str, user: &str) -> Reply {
    let SessionCookie { name, path } = cookie;
    let mut reply = Reply::new(Full::new(Bytes::copy_from_slice(user.as_bytes())));
    add(&mut reply, header::SET_COOKIE, &format!("{name}={session}; Path={path}; HttpOnly; SameSite=Lax"));
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

/// Turned away for a cookie that is of no use: it goes.
pub fn forget() -> Reply {
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
