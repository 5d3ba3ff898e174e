//! What a line of a request or an answer carries, as a log, a browser or `curl -v` shows it.

use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{
        AUTHORIZATION, COOKIE, LOCATION, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, REFERER, SET_COOKIE, WWW_AUTHENTICATE,
    },
};

use super::found::Found;
use crate::{
    protocol::{
        AccountCredentials, BEARER_SCHEME, BearerToken, Credentials, LOGIN_SCHEME, REMEMBER_COOKIE, SCHEME,
        TokenChallenge, login_token_in,
    },
    types::AccountScheme,
};

/// A line of a message.
#[derive(PartialEq, Eq, Debug)]
pub enum Line {
    /// It has something to explain.
    Has(Found),
    /// It has credentials that cannot be read, and why; nothing of them is told.
    Unread(String),
    /// It belongs to a message and has nothing of ours.
    Other,
}

/// Reads a line. None if nothing shows that it is one of a message.
pub fn read(line: &str) -> Option<Line> {
    let line = line.trim_start_matches(['<', '>', ' ', '\t']).trim_end();
    if let Some((name, value)) = header(line) {
        return Some(of_header(&name, value));
    }
    if let Some(scheme) = schemes().find(|scheme| has_scheme(line, scheme)) {
        return Some(of_scheme(scheme, line));
    }
    if line.starts_with("HTTP/") {
        return Some(Line::Other);
    }
    if line.strip_prefix(REMEMBER_COOKIE).is_some_and(|rest| rest.starts_with('=')) {
        return Some(of_header(&COOKIE, line));
    }
    if let Some(target) = request_target(line) {
        return Some(login(target).unwrap_or(Line::Other));
    }
    let is_address = line.starts_with('/') || line.starts_with("http://") || line.starts_with("https://");
    is_address.then(|| login(line)).flatten()
}

/// Name and value. A login token has a colon at most between two fields, and no space behind it.
fn header(line: &str) -> Option<(HeaderName, &str)> {
    let (name, value) = line.split_once(':')?;
    let is_header = value.is_empty() || value.starts_with([' ', '\t']);
    let name = HeaderName::from_bytes(name.as_bytes()).ok().filter(|_| is_header)?;
    Some((name, value.trim_start()))
}

/// The target of `GET /path?query HTTP/1.1`.
fn request_target(line: &str) -> Option<&str> {
    let (request, version) = line.rsplit_once(' ')?;
    let (_, target) = request.split_once(' ')?;
    (version.starts_with("HTTP/") && !target.contains(' ')).then_some(target)
}

fn of_header(name: &HeaderName, value: &str) -> Line {
    let found = if [AUTHORIZATION, PROXY_AUTHORIZATION, WWW_AUTHENTICATE, PROXY_AUTHENTICATE].contains(name) {
        schemes().find(|scheme| has_scheme(value, scheme)).map(|scheme| {
            let line = of_scheme(scheme, value);
            // A server that offers a scheme says no more than its name.
            let is_offer = [WWW_AUTHENTICATE, PROXY_AUTHENTICATE].contains(name) && scheme != SCHEME;
            if is_offer && matches!(line, Line::Unread(_)) { Line::Other } else { line }
        })
    } else if *name == COOKIE {
        with(COOKIE, value)
    } else if *name == SET_COOKIE {
        // Its attributes are no cookies.
        with(COOKIE, value.split(';').next().unwrap_or(value))
    } else if [LOCATION, REFERER].contains(name) {
        login(value)
    } else {
        None
    };
    found.unwrap_or(Line::Other)
}

/// The schemes of Authorization and WWW-Authenticate that have something to explain.
fn schemes() -> impl Iterator<Item = &'static str> {
    [SCHEME, BEARER_SCHEME, LOGIN_SCHEME].into_iter().chain(AccountScheme::ALL.into_iter().map(AccountScheme::name))
}

fn has_scheme(value: &str, scheme: &str) -> bool {
    value.split_whitespace().next().is_some_and(|word| word.eq_ignore_ascii_case(scheme))
}

fn of_scheme(scheme: &str, value: &str) -> Line {
    if scheme == SCHEME {
        return of_token_scheme(value);
    }
    if scheme == LOGIN_SCHEME {
        return with(AUTHORIZATION, value).unwrap_or(Line::Other);
    }
    if let Some(token) = BearerToken::carried_by(value) {
        // What a server says to a bearer token is no token.
        return if token.contains(['"', ' ']) || token.is_empty() {
            Line::Other
        } else {
            Line::Has(Found::Token(token.to_owned()))
        };
    }
    match AccountCredentials::parse(value).flatten() {
        Some(credentials) => Line::Has(Found::Account(credentials)),
        None => Line::Unread(format!("found credentials of {scheme} that cannot be read (nothing of them is shown)")),
    }
}

fn of_token_scheme(value: &str) -> Line {
    match (Credentials::parse(value), TokenChallenge::parse(value)) {
        (Some(Credentials::First { agent, uid }), _) => Line::Has(Found::First { agent, uid }),
        (Some(Credentials::Token(token)), _) => Line::Has(Found::Token(token.to_owned())),
        (None, Some(TokenChallenge { token: Some(token), .. })) => Line::Has(Found::Token(token.to_owned())),
        (None, Some(_)) => Line::Has(Found::Challenge),
        (None, None) => {
            Line::Unread(format!("found a header of the scheme {SCHEME} that is neither credentials nor a challenge"))
        }
    }
}

/// The login token of a request with this header.
fn with(name: HeaderName, value: &str) -> Option<Line> {
    let headers: HeaderMap = [(name, HeaderValue::from_str(value).ok()?)].into_iter().collect();
    of_request("", &headers)
}

/// The login token in the query of a target, or of a whole address.
fn login(target: &str) -> Option<Line> {
    let target = target.split('#').next().unwrap_or(target);
    of_request(target, &HeaderMap::new())
}

fn of_request(target: &str, headers: &HeaderMap) -> Option<Line> {
    let token = login_token_in(target, headers).filter(|token| !token.is_empty())?;
    Some(Line::Has(Found::Login(token.into_owned())))
}
