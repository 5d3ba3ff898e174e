//! A client that writes bytes and reads bytes: HTTP without a library, so that it can also be wrong.

use countersign::protocol::TokenChallenge;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

/// A client's end of a connection.
pub struct Wire(pub DuplexStream);

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
}

impl Answer {
    /// All values of a header.
    pub fn values(&self, name: &str) -> Vec<&str> {
        self.headers.iter().filter(|(found, _)| found == name).map(|(_, value)| &**value).collect()
    }

    /// The one challenge.
    pub fn challenge(&self) -> TokenChallenge<'_> {
        assert_eq!(self.status, 401);
        let [value] = self.values("www-authenticate")[..] else { panic!("{self:?}") };
        TokenChallenge::parse(value).unwrap_or_else(|| panic!("{value}"))
    }
}

impl Wire {
    /// Sends bytes as they are. A peer that has closed takes them no more.
    pub async fn send(&mut self, bytes: &[u8]) -> bool {
        self.0.write_all(bytes).await.is_ok()
    }

    /// Reads one answer; `None` if the connection was closed instead.
    pub async fn read(&mut self) -> Option<Answer> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.0.read_u8().await.ok()?);
        }
        let head = String::from_utf8(head).expect("headers are text");
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.strip_prefix("HTTP/1.1 ")).expect("a status line");
        let status = status[..3].parse().expect("a status");
        let headers: Vec<_> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        let answer = Answer { status, headers };
        let length = answer.values("content-length").first().map_or(0, |length| length.parse().expect("a length"));
        self.0.read_exact(&mut vec![0; length]).await.ok()?;
        Some(answer)
    }

    /// One exchange with these header lines.
    pub async fn get(&mut self, target: &str, headers: &[&str]) -> Answer {
        let lines: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
        self.send(format!("GET {target} HTTP/1.1\r\nHost: server\r\n{lines}\r\n").as_bytes()).await;
        self.read().await.expect("an answer")
    }

    /// Whether the peer closes without another byte.
    pub async fn is_closed(&mut self) -> bool {
        matches!(self.0.read(&mut [0; 1]).await, Ok(0) | Err(_))
    }
}
