//! Where a login token stands in a request: the portal's own forms, on top of cookies and forms as browsers have them.

use std::borrow::Cow;

use http::{HeaderMap, header};

/// The scheme of an Authorization header that carries a login token.
pub const LOGIN_SCHEME: &str = "LoginToken";
/// The cookie that a portal gives instead of a password, with a login token in it.
pub const REMEMBER_COOKIE: &str = "remember";
/// The cookie of a session that the front end has opened.
pub const SESSION_COOKIE: &str = "session";
/// The cookie of a session that the administration server has opened. Cookies do not know of ports: where both servers are on
/// one host, this one must not take the place of the front end's.
pub const ADMINISTRATION_COOKIE: &str = "administration";
/// Where a login form is sent.
pub const LOGIN_PATH: &str = "/portal/login";
/// The page of whoever is logged in, or has the cookie.
pub const PORTAL_PATH: &str = "/portal/";
/// Where anybody opens a session for a user by a login token: automation jobs, and portlet servers for what they serve.
pub const SESSION_PATH: &str = "/portal/api/session";
/// A portlet on the page, which its own server draws.
pub const PORTLET_PATH: &str = "/portal/portlet";
/// The link to the administration server.
pub const ADMINISTRATION_LINK: &str = "/portal/administration";
/// Where that link leads.
pub const ADMINISTRATION_PATH: &str = "/administration/";
/// Where an administrator becomes somebody else.
pub const IMPERSONATE_PATH: &str = "/administration/impersonate";
/// Where a portlet server draws its portlet.
pub const PORTLET_SERVER_PATH: &str = "/portlet/";

/// The login token of a request: in its Authorization header, its query or its cookie.
pub fn login_token_in<'a>(target: &'a str, headers: &'a HeaderMap) -> Option<Cow<'a, str>> {
    let authorization = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    if let Some((scheme, token)) = authorization.and_then(|value| value.split_once(' '))
        && scheme.eq_ignore_ascii_case(LOGIN_SCHEME)
    {
        return Some(Cow::Borrowed(token));
    }
    let (_, query) = target.split_once('?').unwrap_or((target, ""));
    form_field(query.as_bytes(), "token").or_else(|| cookie(headers, REMEMBER_COOKIE).map(Cow::Borrowed))
}

/// The Authorization header's value with a login token.
pub fn login_authorization(token: &str) -> String {
    format!("{LOGIN_SCHEME} {token}")
}

/// A path with a login token in its query.
pub fn with_login_token(path: &str, token: &str) -> String {
    let query: String = form_urlencoded::Serializer::new(String::new()).append_pair("token", token).finish();
    format!("{path}?{query}")
}

/// The first field of a name in a form, or in a query.
pub fn form_field<'a>(form: &'a [u8], name: &str) -> Option<Cow<'a, str>> {
    form_urlencoded::parse(form).find(|(found, _)| found == name).map(|(_, value)| value)
}

/// A form with these fields.
pub fn form(fields: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

/// The cookie of a name (RFC 6265 section 4.2). Cookies of others may hold any bytes: each is read by itself.
pub fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let values = headers.get_all(header::COOKIE).iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b';'));
    let pairs = values.filter_map(|pair| str::from_utf8(pair).ok()?.trim_start().split_once('='));
    pairs.into_iter().find(|(found, _)| *found == name).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const TOKEN: &str = "1|1175181932|b7QDEolhC7kNUDjlAlZJ7xnKqSA=";

    fn headers(name: header::HeaderName, value: &str) -> HeaderMap {
        [(name, value.parse().unwrap())].into_iter().collect()
    }

    #[test]
    fn a_token_comes_through_each_of_its_places() {
        let none = HeaderMap::new();
        let target = with_login_token("/x", TOKEN);
        assert_eq!(target, "/x?token=1%7C1175181932%7Cb7QDEolhC7kNUDjlAlZJ7xnKqSA%3D");
        assert_eq!(login_token_in(&target, &none).as_deref(), Some(TOKEN));
        let authorization = headers(header::AUTHORIZATION, &login_authorization(TOKEN));
        assert_eq!(login_token_in("/x?token=other", &authorization).as_deref(), Some(TOKEN));
        let cookies = headers(header::COOKIE, &format!("session=x; remember={TOKEN}; other=y"));
        assert_eq!(login_token_in("/x", &cookies).as_deref(), Some(TOKEN));
        assert_eq!(cookie(&cookies, SESSION_COOKIE), Some("x"));
        let beside_others = HeaderValue::from_bytes(b"theirs=\xfc\xff; session=x; also=\xc3\xbc").unwrap();
        let beside_others: HeaderMap = [(header::COOKIE, beside_others)].into_iter().collect();
        assert_eq!(cookie(&beside_others, SESSION_COOKIE), Some("x"));
        assert_eq!(login_token_in("/x", &headers(header::AUTHORIZATION, "Bearer x")), None);
        assert_eq!(login_token_in("/x?", &none), None);
    }

    #[test]
    fn a_form_comes_back_as_it_was_written() {
        let form = form(&[("user", "a&b"), ("password", "ü =+%")]);
        assert_eq!(form_field(form.as_bytes(), "user").as_deref(), Some("a&b"));
        assert_eq!(form_field(form.as_bytes(), "password").as_deref(), Some("ü =+%"));
        assert_eq!(form_field(b"%ff=%&&==", "x"), None);
    }
}
