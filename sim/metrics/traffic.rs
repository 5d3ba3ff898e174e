//! Connections and requests, whoever made them.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::event::{Carried, Close, EventKind};

/// Connections and requests of all actors, as those who opened and sent them saw it.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct TrafficFigures {
    /// Connections opened.
    pub opened: u64,
    /// Most connections open at any time. Of several generators, the sum of what each had at most: no fewer, and as many
    /// only if all had it at once.
    pub open_max: u64,
    /// Connections that their opener closed.
    pub closed_done: u64,
    /// Connections that the peer closed.
    pub closed_by_peer: u64,
    /// Connections given up after a time-out.
    pub closed_timed_out: u64,
    /// Connections given up because what came back was not understood.
    pub closed_broken: u64,
    /// Attempts to connect that were refused.
    pub connect_refused: u64,
    /// Attempts to connect that timed out.
    pub connect_timed_out: u64,
    /// Requests without an Authorization header.
    pub sent_bare: u64,
    /// First requests: agent and uid.
    pub sent_first: u64,
    /// Requests with a stored token (rule 10).
    pub sent_stored_token: u64,
    /// Requests with the token of a challenge.
    pub sent_new_token: u64,
    /// Signed messages.
    pub sent_signed: u64,
    /// Requests with a portal's login token.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub sent_login_token: u64,
    /// Messages of accounts.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub sent_account: u64,
    /// Requests with a bearer token (rules 52, 63).
    #[serde(default, skip_serializing_if = "is_zero")]
    pub sent_bearer: u64,
    /// Requests of others that a proxy sent on (rule 61).
    #[serde(default, skip_serializing_if = "is_zero")]
    pub sent_forwarded: u64,
    /// Responses to challenges of peers (rule 50).
    #[serde(default, skip_serializing_if = "is_zero")]
    pub sent_to_peers: u64,
    /// The largest token sent, in bytes.
    pub token_bytes_max: u64,
    /// Answers received, by HTTP status.
    pub responses: BTreeMap<u16, u64>,
}

// Serde hands over references.
fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl TrafficFigures {
    /// Requests sent.
    pub fn sent(&self) -> u64 {
        self.sent_bare
            + self.sent_first
            + self.sent_stored_token
            + self.sent_new_token
            + self.sent_signed
            + self.sent_login_token
            + self.sent_account
            + self.sent_bearer
            + self.sent_forwarded
            + self.sent_to_peers
    }

    /// Connections closed.
    pub fn closed(&self) -> u64 {
        self.closed_done + self.closed_by_peer + self.closed_timed_out + self.closed_broken
    }

    pub(super) fn hear(&mut self, kind: &EventKind) {
        match kind {
            EventKind::ConnectionOpened { .. } => {
                self.opened += 1;
                self.open_max = self.open_max.max(self.opened.saturating_sub(self.closed()));
            }
            EventKind::ConnectionClosed { why, .. } => {
                *match why {
                    Close::Done => &mut self.closed_done,
                    Close::ByPeer => &mut self.closed_by_peer,
                    Close::TimedOut => &mut self.closed_timed_out,
                    Close::Broken => &mut self.closed_broken,
                } += 1;
            }
            EventKind::ConnectFailed { timed_out: true, .. } => self.connect_timed_out += 1,
            EventKind::ConnectFailed { timed_out: false, .. } => self.connect_refused += 1,
            EventKind::RequestSent { carries, token_bytes, .. } => {
                *match carries {
                    Carried::Nothing => &mut self.sent_bare,
                    Carried::FirstRequest => &mut self.sent_first,
                    Carried::StoredToken => &mut self.sent_stored_token,
                    Carried::NewToken => &mut self.sent_new_token,
                    Carried::Signature => &mut self.sent_signed,
                    Carried::LoginToken => &mut self.sent_login_token,
                    Carried::AccountHello | Carried::AccountResponse => &mut self.sent_account,
                    Carried::Bearer => &mut self.sent_bearer,
                    Carried::Forwarded => &mut self.sent_forwarded,
                    Carried::PeerResponse => &mut self.sent_to_peers,
                } += 1;
                self.token_bytes_max = self.token_bytes_max.max(u64::from(*token_bytes));
            }
            EventKind::ResponseReceived { status, .. } => *self.responses.entry(*status).or_default() += 1,
            _ => {}
        }
    }

    /// Takes in the connections and requests of others. When each had most of its connections open is not known: the sum of
    /// them is what there can have been at most.
    pub(super) fn absorb(&mut self, other: &Self) {
        self.opened += other.opened;
        self.open_max += other.open_max;
        self.closed_done += other.closed_done;
        self.closed_by_peer += other.closed_by_peer;
        self.closed_timed_out += other.closed_timed_out;
        self.closed_broken += other.closed_broken;
        self.connect_refused += other.connect_refused;
        self.connect_timed_out += other.connect_timed_out;
        self.sent_bare += other.sent_bare;
        self.sent_first += other.sent_first;
        self.sent_stored_token += other.sent_stored_token;
        self.sent_new_token += other.sent_new_token;
        self.sent_signed += other.sent_signed;
        self.sent_login_token += other.sent_login_token;
        self.sent_account += other.sent_account;
        self.sent_bearer += other.sent_bearer;
        self.token_bytes_max = self.token_bytes_max.max(other.token_bytes_max);
        for (status, count) in &other.responses {
            *self.responses.entry(*status).or_default() += count;
        }
    }
}
