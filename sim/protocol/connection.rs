//! What a server remembers of a connection (rules 9 and 15, hole 13).

use std::time::Duration;

use crate::types::{AccountScheme, Bug, NodeId, Profile, ServerChallenge, UnixSeconds, VirtualTime, WallTime};

/// One connection's authentication, as its server sees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ConnectionAuthentication {
    accepted: Option<Accepted>,
    account: Option<AcceptedAccount>,
    challenge: Option<(AccountScheme, ServerChallenge)>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct AcceptedAccount {
    scheme: AccountScheme,
    account: NodeId,
    at: VirtualTime,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Accepted {
    agent: NodeId,
    at: VirtualTime,
    expires: WallTime,
}

impl ConnectionAuthentication {
    /// Remembers an accept at `at` of a token that is good until `expires`, leeway included.
    pub fn accept(&mut self, agent: NodeId, at: VirtualTime, expires: UnixSeconds, leeway: Duration) {
        self.accepted = Some(Accepted { agent, at, expires: expires.wall().after(leeway) });
    }

    /// Remembers the challenge of a Windows handshake on this connection; an earlier one is gone.
    pub fn challenge(&mut self, scheme: AccountScheme, challenge: ServerChallenge) {
        self.challenge = Some((scheme, challenge));
    }

    /// Takes away the challenge that waits for its answer by this scheme: it can be answered once.
    pub fn take_challenge(&mut self, scheme: AccountScheme) -> Option<ServerChallenge> {
        self.challenge.take().filter(|(challenged, _)| *challenged == scheme).map(|(_, challenge)| challenge)
    }

    /// Remembers that an account was accepted.
    pub fn accept_account(&mut self, scheme: AccountScheme, account: NodeId, at: VirtualTime) {
        self.account = Some(AcceptedAccount { scheme, account, at });
    }

    /// Which account was accepted on this connection, by which scheme and when.
    pub fn account(&self) -> Option<(AccountScheme, NodeId, VirtualTime)> {
        self.account.map(|it| (it.scheme, it.account, it.at))
    }

    /// For whom a request on this connection is served without a token of its own (rule 9).
    ///
    /// Literal: for ever, once accepted. Hardened: over TLS until the token has expired or `age_max` is over, and
    /// over plain HTTP never, because each request must carry its own token (hole 13, SPEC section 2).
    pub fn admits(
        &self,
        profile: Profile,
        is_secure: bool,
        at: VirtualTime,
        now: WallTime,
        age_max: Duration,
    ) -> Option<NodeId> {
        let accepted = self.accepted?;
        let is_fresh = !profile.bounds_connection_age()
            || (is_secure && Bug::ConnectionAgeUnbounded.is_planted())
            || (is_secure && now < accepted.expires && at.since(accepted.at) < age_max);
        is_fresh.then_some(accepted.agent)
    }
}
