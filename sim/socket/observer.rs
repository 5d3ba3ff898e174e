//! What a served actor tells beside its events: nothing here concerns the protocol, so that no digest knows of it.

use std::{fmt, io, net::SocketAddr, time::Duration};

use crate::types::{Thumbprint, VirtualTime};

/// Who is told.
pub trait Observer: fmt::Debug + Send + Sync {
    /// A request for this kind of path was answered with this status, so long after it had been read.
    fn answered(&self, path: &'static str, status: u16, took: Duration);

    /// A token came whose server key the actor does not know; `is_issued` if the SMP itself has sent it. The actor fetches
    /// policy at `policy_due`.
    fn unknown_server_key(&self, kid: Thumbprint, is_issued: bool, policy_due: VirtualTime);

    /// The SMP gave no tokens.
    fn upstream_failed(&self, why: &dyn fmt::Display);

    /// The system gave no connection, such as for want of file descriptors.
    fn accept_failed(&self, why: &io::Error);

    /// A TLS handshake failed.
    fn handshake_failed(&self, client: SocketAddr, how: HandshakeFailure, why: &dyn fmt::Display);
}

/// How a TLS handshake failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HandshakeFailure {
    /// The client speaks something else, such as plain HTTP.
    NotTls,
    /// It took too long.
    TimedOut,
    /// The client went away.
    Closed,
    /// One of the two turned the other down.
    Refused,
}

impl HandshakeFailure {
    /// Its word in figures and log lines.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotTls => "not_tls",
            Self::TimedOut => "timed_out",
            Self::Closed => "closed",
            Self::Refused => "refused",
        }
    }
}
