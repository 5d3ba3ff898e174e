//! One whole HTTP/1.1 message, as somebody on the way reads and rewrites it.

use http::Method;

use crate::protocol::{BearerToken, CountersignedToken, Credentials, TokenChallenge};

/// A message, taken apart.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Message {
    /// The request line or the status line.
    pub start: String,
    /// The header fields in their order.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Message {
    /// Reads a message. `None` if it is none of the form that [`Framing`](super::Framing) cuts out.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let head_end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
        let head = std::str::from_utf8(&bytes[..head_end]).ok()?;
        let mut lines = head.split("\r\n");
        let start = lines.next()?.to_owned();
        let header = |line: &str| line.split_once(':').map(|(name, value)| (name.to_owned(), value.trim().to_owned()));
        let headers = lines.map(header).collect::<Option<_>>()?;
        Some(Self { start, headers, body: bytes[head_end + 4..].to_vec() })
    }

    /// A message without header fields.
    pub fn new(start: impl Into<String>, body: Vec<u8>) -> Self {
        Self { start: start.into(), headers: Vec::new(), body }
    }

    /// The message as it is sent; its `Content-Length` is that of the body.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut head = format!("{}\r\n", self.start);
        for (name, value) in &self.headers {
            if !name.eq_ignore_ascii_case("content-length") {
                head.extend([name, ": ", value, "\r\n"]);
            }
        }
        if !self.body.is_empty() || self.status().is_some() {
            head.push_str(&format!("content-length: {}\r\n", self.body.len()));
        }
        head.push_str("\r\n");
        [head.as_bytes(), &self.body].concat()
    }

    /// The first field of a name.
    pub fn header(&self, name: &str) -> Option<&str> {
        let is_it = |(found, _): &&(String, String)| found.eq_ignore_ascii_case(name);
        self.headers.iter().find(is_it).map(|(_, value)| value.as_str())
    }

    /// Sets a field, in place of all of its name.
    pub fn set_header(&mut self, name: &str, value: impl Into<String>) {
        self.headers.retain(|(found, _)| !found.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value.into()));
    }

    /// The method, of a request.
    pub fn method(&self) -> Option<Method> {
        self.start.split_once(' ')?.0.parse().ok()
    }

    /// Path and query, of a request.
    pub fn target(&self) -> Option<&str> {
        self.start.strip_suffix(" HTTP/1.1")?.split_once(' ').map(|(_, target)| target)
    }

    /// The status, of a response.
    pub fn status(&self) -> Option<u16> {
        self.start.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()
    }

    /// The Authorization header, as far as it is of the token scheme.
    pub fn credentials(&self) -> Option<Credentials<'_>> {
        Credentials::parse(self.header("authorization")?)
    }

    /// The text of the five-part token that a request presents.
    pub fn presented(&self) -> Option<&str> {
        match self.credentials()? {
            Credentials::Token(text) => CountersignedToken::parse(text).is_some().then_some(text),
            Credentials::First { .. } => None,
        }
    }

    /// The text of the bearer token that a request carries.
    pub fn bearer(&self) -> Option<&str> {
        BearerToken::carried_by(self.header("authorization")?)
    }

    /// The challenge of a response.
    pub fn challenge(&self) -> Option<TokenChallenge<'_>> {
        let values = self.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("www-authenticate"));
        values.filter_map(|(_, value)| TokenChallenge::parse(value)).next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_comes_back_as_it_was_written() {
        let request = b"POST /x?y=1 HTTP/1.1\r\nhost: smp\r\nA: b: c\r\ncontent-length: 2\r\n\r\nhi";
        let message = Message::parse(request).unwrap();
        assert_eq!(message.to_bytes(), request);
        assert_eq!((message.target(), message.status()), (Some("/x?y=1"), None));
        assert_eq!(message.header("a"), Some("b: c"));
        let response = Message::parse(b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n").unwrap();
        assert_eq!((response.target(), response.status()), (None, Some(401)));
        assert_eq!(Message::parse(b"GET / HTTP/1.1\r\n"), None);
    }

    #[test]
    fn a_changed_body_changes_the_length() {
        let mut message = Message::parse(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi").unwrap();
        message.body = b"longer".to_vec();
        assert!(message.to_bytes().ends_with(b"content-length: 6\r\n\r\nlonger"));
        message.body.clear();
        assert!(message.to_bytes().ends_with(b"content-length: 0\r\n\r\n"));
    }
}
