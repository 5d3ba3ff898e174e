//! Where a server is reached.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

use super::serde_text::from_text;

/// Whether a server is reached over TLS.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    /// Plain HTTP.
    Http,
    /// HTTP over TLS.
    Https,
}

/// A web origin (RFC 6454): scheme, host and port, spelled without a default port.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Origin {
    scheme: Scheme,
    host: String,
    port: u16,
}

/// Why a text is not an [`Origin`].
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error(
    "`{found}` is no origin: expected `http://HOST` or `https://HOST`, with `:PORT` where it is not the scheme's own, and nothing after that"
)]
pub struct OriginError {
    /// What was found.
    pub found: String,
}

impl Origin {
    /// Makes an origin; `port` is spelled only where it is not the scheme's own.
    pub fn new(scheme: Scheme, host: impl Into<String>, port: u16) -> Self {
        Self { scheme, host: host.into(), port }
    }

    /// Whether connections to this origin use TLS.
    pub fn is_secure(&self) -> bool {
        self.scheme == Scheme::Https
    }

    /// The host, in lower case.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The TCP port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The value of a request's `Host` header (RFC 9110 section 7.2).
    pub fn authority(&self) -> String {
        if self.port == default_port(self.scheme) { self.host.clone() } else { format!("{}:{}", self.host, self.port) }
    }
}

const fn default_port(scheme: Scheme) -> u16 {
    match scheme {
        Scheme::Http => 80,
        Scheme::Https => 443,
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_secure() { "https" } else { "http" };
        write!(f, "{scheme}://{}", self.host)?;
        if self.port == default_port(self.scheme) { Ok(()) } else { write!(f, ":{}", self.port) }
    }
}

impl FromStr for Origin {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || OriginError { found: text.to_owned() };
        let (scheme, rest) = match text.split_once("://") {
            Some(("http", rest)) => (Scheme::Http, rest),
            Some(("https", rest)) => (Scheme::Https, rest),
            _ => return Err(error()),
        };
        let (host, port) = match rest.rsplit_once(':') {
            Some((host, port)) => {
                let number: u16 = port.parse().map_err(|_| error())?;
                // One spelling: no default port, no leading zero or sign.
                if number == default_port(scheme) || number.to_string() != port {
                    return Err(error());
                }
                (host, number)
            }
            None => (rest, default_port(scheme)),
        };
        let is_host_char =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'.';
        if host.is_empty() || !host.bytes().all(is_host_char) {
            return Err(error());
        }
        Ok(Self { scheme, host: host.to_owned(), port })
    }
}

impl Serialize for Origin {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Origin {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_text(deserializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_has_exactly_one_spelling() {
        for text in ["http://smp", "https://site-1", "http://127.0.0.1:8080"] {
            assert_eq!(text.parse::<Origin>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "smp",
            "ftp://smp",
            "http://",
            "http://smp/",
            "http://smp:80",
            "http://smp:+8",
            "HTTP://smp",
            "http://a:b@c",
        ] {
            assert!(text.parse::<Origin>().is_err(), "{text}");
        }
    }
}
