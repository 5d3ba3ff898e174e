//! Cuts the bytes of one direction of a connection into whole HTTP/1.1 messages (RFC 9112).

/// Which way bytes go.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Direction {
    /// From the client to the server.
    Request,
    /// From the server to the client.
    Response,
}

/// What comes out of the cutting.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Piece {
    /// One whole message.
    Message(Vec<u8>),
    /// Bytes that are no message of a form known here. Nothing on this connection is cut from then on.
    Opaque(Vec<u8>),
}

/// A header section beyond this is not waited for.
const HEAD_BYTES_MAX: usize = 256 << 10;
/// Nor is a body.
const BODY_BYTES_MAX: usize = 16 << 20;
const HEAD_END: &[u8] = b"\r\n\r\n";

/// Collects bytes until a message is whole.
///
/// It knows messages with a `Content-Length`, and those that have no body. Answers to `HEAD`, which name a length and
/// have no body, are beyond it: nobody here sends `HEAD` where somebody listens.
#[derive(Clone, Debug)]
pub struct Framing {
    direction: Direction,
    pending: Vec<u8>,
    /// How much of `pending` holds no end of a header section for sure.
    scanned: usize,
    is_opaque: bool,
}

/// How long the first message of some bytes is.
enum Length {
    Known(usize),
    NotYet,
    Unknowable,
}

impl Framing {
    /// For the start of a connection.
    pub fn new(direction: Direction) -> Self {
        Self { direction, pending: Vec::new(), scanned: 0, is_opaque: false }
    }

    /// Takes bytes as they arrive.
    pub fn push(&mut self, arrived: &[u8]) {
        self.pending.extend_from_slice(arrived);
    }

    /// The next piece, if it is whole.
    pub fn next_piece(&mut self) -> Option<Piece> {
        if self.pending.is_empty() {
            return None;
        }
        let length = if self.is_opaque { Length::Unknowable } else { self.length() };
        match length {
            Length::NotYet => None,
            Length::Known(length) => {
                self.scanned = 0;
                let rest = self.pending.split_off(length);
                Some(Piece::Message(std::mem::replace(&mut self.pending, rest)))
            }
            Length::Unknowable => {
                self.is_opaque = true;
                Some(Piece::Opaque(std::mem::take(&mut self.pending)))
            }
        }
    }

    /// What is left when the stream ends: the beginning of a message that never became whole.
    pub fn rest(&mut self) -> Vec<u8> {
        self.scanned = 0;
        std::mem::take(&mut self.pending)
    }

    fn length(&mut self) -> Length {
        let Some(head_end) = find(&self.pending[self.scanned..], HEAD_END).map(|at| at + self.scanned) else {
            self.scanned = self.pending.len().saturating_sub(HEAD_END.len() - 1);
            return if self.pending.len() > HEAD_BYTES_MAX { Length::Unknowable } else { Length::NotYet };
        };
        self.scanned = head_end;
        let head_bytes = head_end + HEAD_END.len();
        match self.body_bytes(&self.pending[..head_end]) {
            Some(body_bytes) if body_bytes > BODY_BYTES_MAX => Length::Unknowable,
            Some(body_bytes) if self.pending.len() < head_bytes + body_bytes => Length::NotYet,
            Some(body_bytes) => Length::Known(head_bytes + body_bytes),
            None => Length::Unknowable,
        }
    }

    /// How long the body is that follows this header section (RFC 9112 section 6.3). `None` if it ends in another way
    /// than by its length.
    fn body_bytes(&self, head: &[u8]) -> Option<usize> {
        let head = std::str::from_utf8(head).ok()?;
        let mut lines = head.split("\r\n");
        let start = lines.next()?;
        let mut length = None;
        for line in lines {
            let (name, value) = line.split_once(':')?;
            if name.eq_ignore_ascii_case("transfer-encoding") || name.eq_ignore_ascii_case("upgrade") {
                return None;
            }
            if name.eq_ignore_ascii_case("content-length") {
                let value = value.trim();
                let is_number = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
                if !is_number || length.replace(value.parse().ok()?).is_some() {
                    return None;
                }
            }
        }
        match self.direction {
            Direction::Request => start.ends_with(" HTTP/1.1").then_some(length.unwrap_or(0)),
            Direction::Response => {
                let status: u16 = start.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
                match status {
                    100..=199 | 204 | 304 => Some(0),
                    _ => length,
                }
            }
        }
    }
}

fn find(within: &[u8], what: &[u8]) -> Option<usize> {
    within.windows(what.len()).position(|window| window == what)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GET: &[u8] = b"GET /Altiris/x HTTP/1.1\r\nhost: smp\r\n\r\n";
    const POST: &[u8] = b"POST /y HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello";
    const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nOK\n";
    const NO_CONTENT: &[u8] = b"HTTP/1.1 204 No Content\r\n\r\n";

    fn pieces(direction: Direction, bytes: &[u8], chunk: usize) -> (Vec<Piece>, Vec<u8>) {
        let mut framing = Framing::new(direction);
        let mut pieces = Vec::new();
        for chunk in bytes.chunks(chunk.max(1)) {
            framing.push(chunk);
            pieces.extend(std::iter::from_fn(|| framing.next_piece()));
        }
        (pieces, framing.rest())
    }

    #[test]
    fn messages_come_out_whole_however_they_arrive() {
        for (direction, first, second) in [(Direction::Request, GET, POST), (Direction::Response, OK, NO_CONTENT)] {
            let bytes = [first, second, first, &first[..20]].concat();
            for chunk in 1..=bytes.len() {
                let (found, rest) = pieces(direction, &bytes, chunk);
                let expected = [first, second, first].map(|message| Piece::Message(message.to_vec()));
                assert_eq!(found, expected, "in chunks of {chunk}");
                assert_eq!(rest, &first[..20]);
            }
        }
    }

    #[test]
    fn what_has_no_known_length_passes_as_it_is() {
        for bytes in [
            &b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"[..],
            b"POST / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
            b"POST / HTTP/1.1\r\nContent-Length: +3\r\n\r\nabc",
            b"POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\nabc",
            b"GET / HTTP/1.0\r\n\r\n",
            b"no colon here\r\nat all\r\n\r\n",
            b"\xff\xfe\r\n\r\n",
        ] {
            let both = [bytes, GET].concat();
            let (found, rest) = pieces(Direction::Request, &both, both.len());
            assert_eq!((found, rest), (vec![Piece::Opaque(both.clone())], vec![]));
        }
        let until_close = b"HTTP/1.1 200 OK\r\n\r\nsome text";
        assert_eq!(pieces(Direction::Response, until_close, 64).0, [Piece::Opaque(until_close.to_vec())]);
    }

    proptest! {
        #[test]
        fn no_byte_is_lost_or_made_up(bytes in any::<Vec<u8>>(), chunk in 1_usize..40, messages in 0_usize..3, response: bool) {
            let (direction, message) = if response { (Direction::Response, OK) } else { (Direction::Request, POST) };
            let all = [message.repeat(messages), bytes].concat();
            let (found, rest) = pieces(direction, &all, chunk);
            let mut out: Vec<u8> = found.iter().flat_map(|piece| match piece {
                Piece::Message(bytes) | Piece::Opaque(bytes) => bytes.clone(),
            }).collect();
            out.extend(rest);
            prop_assert_eq!(out, all);
            prop_assert!(found.len() >= messages);
        }
    }
}
