//! The kinds of event.

use serde::{Deserialize, Serialize};

use super::{
    BearerEvent, MachineChange, PeerEvent, PortalEvent, ProxyEvent,
    account::{AccountReason, AccountRefusal},
    detail::{Carried, Challenge, Close, Outcome, Presented, RegistryState, Removal, UpstreamPurpose},
};
use crate::types::{
    AccountScheme, ActorId, Authentication, ConnectionId, Epoch, Fingerprint, Jti, NodeId, Refusal, RequestId, Uid,
    Undigested, UnixSeconds, Work,
};

/// What happened. The actor of the event is the subject of each sentence.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// The actor started, with empty memory. A server says which epoch it drew.
    Started {
        /// The node's identity on the wire.
        node: NodeId,
        /// The server's epoch; agents have none.
        epoch: Option<Epoch>,
    },

    // --- connections -------------------------------------------------------------------------------
    /// The actor opened a connection to a server.
    ConnectionOpened {
        /// The connection's name at both ends.
        connection: ConnectionId,
        /// Whom it leads to.
        server: ActorId,
        /// Whether it uses TLS.
        secure: bool,
    },
    /// The actor could not open a connection to a server.
    ConnectFailed {
        /// Whom it should have led to.
        server: ActorId,
        /// Whether it timed out (else it was refused).
        timed_out: bool,
    },
    /// The actor closed a connection that it had opened, or saw that it was gone.
    ConnectionClosed {
        /// Which connection.
        connection: ConnectionId,
        /// Why.
        why: Close,
    },

    // --- agent -------------------------------------------------------------------------------------
    /// The agent starts to get one answer from a server; one visit of the plan has one or more of these.
    ExchangeStarted {
        /// The server.
        server: ActorId,
        /// Whether a stored, unexpired token (by the agent's clock) for this path is at hand.
        warm: bool,
        /// Whether the connection is already authenticated in the agent's eyes, so that no token is sent.
        authenticated: bool,
    },
    /// The agent signed a five-part token.
    Countersigned {
        /// The agent's identity on the wire.
        agent: NodeId,
        /// The token's uid.
        uid: Uid,
        /// The token's jti.
        jti: Jti,
        /// The counter in part four.
        counter: u64,
        /// The token's expiry.
        expires: UnixSeconds,
        /// Of the text of the first three parts.
        token: Undigested<Fingerprint>,
        /// Of the text of all five parts.
        countersigned: Undigested<Fingerprint>,
    },
    /// A request left the actor.
    RequestSent {
        /// Which request.
        request: RequestId,
        /// What its Authorization header carries.
        carries: Carried,
        /// The size of the token carried, in bytes.
        token_bytes: u32,
    },
    /// The answer to a request arrived.
    ResponseReceived {
        /// Which request.
        request: RequestId,
        /// The HTTP status.
        status: u16,
    },
    /// An exchange ended.
    ExchangeEnded {
        /// The server.
        server: ActorId,
        /// How.
        outcome: Outcome,
        /// How many requests it took.
        trips: u32,
        /// True time since [`EventKind::ExchangeStarted`], connecting included, in nanoseconds.
        took_ns: u64,
    },
    /// The agent turned down a token that a server sent (rule 6, attack 15).
    TokenDeclined {
        /// The server that sent it.
        server: ActorId,
        /// Why.
        why: String,
    },
    /// The agent stored a token that has just succeeded (rules 5, 14).
    TokenStored {
        /// The server that the path leads to.
        server: ActorId,
        /// The token's uid.
        uid: Uid,
        /// The token's jti.
        jti: Jti,
        /// The token's expiry.
        expires: UnixSeconds,
    },
    /// The agent removed a token from its storage.
    StoredTokenRemoved {
        /// The server that the path leads to.
        server: ActorId,
        /// The token's jti.
        jti: Jti,
        /// Why.
        why: Removal,
    },

    // --- servers -----------------------------------------------------------------------------------
    /// The issuer issued a token.
    Issued {
        /// For which agent.
        agent: NodeId,
        /// For which uid.
        uid: Uid,
        /// The token's jti.
        jti: Jti,
        /// The token's expiry.
        expires: UnixSeconds,
        /// The site that asked for it; none if the agent is the SMP's own client.
        site: Option<NodeId>,
        /// Of the text of the three parts.
        token: Undigested<Fingerprint>,
    },
    /// The server challenged a request with 401.
    Challenged {
        /// Which request.
        request: RequestId,
        /// The token in the challenge.
        challenge: Option<Challenge>,
    },
    /// The server changed its registry: it recorded a use.
    RegistryRecorded {
        /// For which request.
        request: RequestId,
        /// What was presented.
        presented: Presented,
        /// The registry's state for this token afterwards (rule 47).
        state: RegistryState,
    },
    /// The server removed a token from its registry.
    RegistryRemoved {
        /// The token's agent.
        agent: NodeId,
        /// The token's jti.
        jti: Jti,
        /// Why.
        why: Removal,
    },
    /// The server purged its registry; the removals were reported one by one before.
    RegistryPurged {
        /// How many entries went.
        removed: u32,
        /// How many entries stay.
        kept: u32,
    },
    /// The server looked at the size of its registry.
    RegistryMeasured {
        /// Live entries.
        entries: u32,
        /// Memory that they take, in bytes.
        bytes: Undigested<u64>,
        /// Counters marked within all windows, of `window_bits` that could be.
        window_bits_used: u64,
        /// Width of all windows together.
        window_bits: u64,
    },
    /// The server accepted a token: the connection is authenticated from here on.
    Accepted {
        /// For which request.
        request: RequestId,
        /// What was presented.
        presented: Presented,
        /// The token's expiry.
        expires: UnixSeconds,
    },
    /// The server turned a token down.
    Refused {
        /// For which request.
        request: RequestId,
        /// Why.
        why: Refusal,
        /// Whom the token names, as far as it could be read; nothing in it need be true.
        claimed_agent: Option<NodeId>,
    },
    /// The server answered a request with what it asked for.
    Served {
        /// Which request.
        request: RequestId,
        /// For which agent; none for what needs no authentication (rule 3).
        agent: Option<NodeId>,
    },
    /// The server answered 503: it could not reach the issuer, or 429: too many first requests.
    Unavailable {
        /// Which request.
        request: RequestId,
        /// The HTTP status.
        status: u16,
    },
    /// The server's CPU worked on a request.
    Worked {
        /// The operations done.
        work: Work,
        /// How long the work waited for a core, in nanoseconds.
        waited_ns: u64,
        /// How long it occupied a core, in nanoseconds.
        busy_ns: u64,
    },

    // --- site servers ------------------------------------------------------------------------------
    /// The site answered from its cache, or saw a cached token presented (rules 32, 37).
    CacheHit {
        /// The entry's agent.
        agent: NodeId,
        /// The entry's uid.
        uid: Uid,
        /// The cached token.
        jti: Jti,
    },
    /// The site has no live token for a first request (rule 31).
    CacheMissed {
        /// The agent.
        agent: NodeId,
        /// The uid.
        uid: Uid,
    },
    /// The site cached a token from the issuer.
    CacheStored {
        /// The entry's agent.
        agent: NodeId,
        /// The entry's uid.
        uid: Uid,
        /// The token.
        jti: Jti,
        /// The token's expiry.
        expires: UnixSeconds,
        /// Whether a validation refreshed it (else it is a first fetch).
        refreshed: bool,
    },
    /// The site removed a token from its cache.
    CacheRemoved {
        /// The entry's agent.
        agent: NodeId,
        /// The entry's uid.
        uid: Uid,
        /// The token.
        jti: Jti,
        /// Why.
        why: Removal,
    },
    /// The site wants one of the upstream slots (rule 42).
    SlotAwaited {
        /// Its place among those that wait, counted from 1; 0 if a slot is free.
        position: u32,
    },
    /// The site sent a GetClientTokens request.
    UpstreamStarted {
        /// What for.
        purpose: UpstreamPurpose,
        /// How many agents it asks for (rule 40).
        agents: u32,
        /// How long it waited for its slot, in nanoseconds of true time.
        slot_waited_ns: u64,
        /// Which upstream connection carries it.
        connection: Option<ConnectionId>,
    },
    /// A GetClientTokens request ended.
    UpstreamEnded {
        /// What it was for.
        purpose: UpstreamPurpose,
        /// How many tokens came back; none if it failed.
        tokens: Option<u32>,
        /// True time since [`EventKind::UpstreamStarted`], in nanoseconds.
        took_ns: u64,
    },
    /// The site starts to validate its cache (rule 38).
    ValidationStarted {
        /// Entries in the cache.
        entries: u32,
        /// Entries that are due for refresh, before the ceiling.
        due: u32,
        /// The period until the next validation, in seconds.
        period_s: u64,
    },
    /// The site has validated its cache.
    ValidationEnded {
        /// Tokens asked for (rule 39).
        requested: u32,
        /// Tokens refreshed.
        refreshed: u32,
        /// Expired tokens removed (rule 36).
        removed: u32,
        /// Requests made (rule 40).
        batches: u32,
        /// Connections used (rule 41).
        connections: u32,
        /// True time since [`EventKind::ValidationStarted`], in nanoseconds.
        took_ns: u64,
    },

    // --- policy ------------------------------------------------------------------------------------
    /// The node registered with the SMP.
    Registered {
        /// Keys received (rule 43).
        keys: u32,
    },
    /// The node received policy.
    PolicyReceived {
        /// The policy's version.
        version: u64,
        /// Keys received (rule 43).
        keys: u32,
    },
    /// Registration or policy could not be had.
    PolicyFailed {
        /// What was tried and what came instead.
        why: String,
    },

    // --- hardship ----------------------------------------------------------------------------------
    /// The actor's process ended, or its machine lost power. Its memory is lost; it may start again.
    Stopped {
        /// Whether the machine lost power: then no connection of its ended in its peers' eyes.
        power_loss: bool,
    },
    /// The agent's memory went back to what it was some time ago (hole 7).
    RolledBack,
    /// An administrator revoked an agent, at the SMP.
    Revoked {
        /// Which agent.
        agent: NodeId,
    },
    /// An administrator ended an agent's revocation, at the SMP.
    Reinstated {
        /// Which agent.
        agent: NodeId,
    },
    /// The SMP signs tokens with another key from now on.
    ServerKeyRotated {
        /// Which key of the key pool.
        key: u32,
    },
    /// The SMP no longer stands for tokens signed with this key.
    ServerKeyWithdrawn {
        /// Which key of the key pool.
        key: u32,
    },
    /// The agent signs with another key from now on, and the SMP knows it.
    AgentKeyChanged {
        /// Which key of the key pool.
        key: u32,
    },
    /// An administrator changed policy, at the SMP.
    PolicyChanged {
        /// The new version.
        version: u64,
    },
    /// An administrator removed a site server, at the SMP.
    SiteRemoved {
        /// Which site server.
        site: NodeId,
    },
    /// An administrator approved a site server that had been removed, at the SMP.
    SiteApproved {
        /// Which site server.
        site: NodeId,
    },
    /// The attacker tried something on a connection of its own.
    Attempted {
        /// What it tried.
        what: String,
        /// The HTTP status that came back; none if no answer came.
        status: Option<u16>,
    },
    /// The attacker, on the way between two others, changed, held back or slipped in something.
    Intercepted {
        /// On whose connection.
        connection: ConnectionId,
        /// What it did.
        what: String,
    },
    /// The attacker read something on a connection of others that is of use to it.
    Overheard {
        /// On whose connection.
        connection: ConnectionId,
        /// What it read.
        what: String,
    },
    /// Something happened on the machine around the server.
    Machine(MachineChange),
    /// Something happened in a portal.
    Portal(PortalEvent),

    // --- kinds of authentication beside tokens -----------------------------------------------------
    /// The server told which kinds of authentication it takes. Where it takes tokens alone, that goes without saying.
    AuthenticationOffered {
        /// In answer to which request.
        request: RequestId,
        /// What it takes.
        offered: Authentication,
    },
    /// The server accepted an account: the connection is authenticated from here on (rule 16).
    AccountAccepted {
        /// For which request.
        request: RequestId,
        /// By which scheme.
        scheme: AccountScheme,
        /// Whose account: a machine's own, or the one that all agents share.
        account: NodeId,
    },
    /// The server turned an account down.
    AccountRefused {
        /// For which request.
        request: RequestId,
        /// By which scheme it came.
        scheme: AccountScheme,
        /// Why.
        why: AccountRefusal,
    },
    /// The agent is about to send the answer of an account; the password itself never leaves it.
    CredentialsSent {
        /// On which connection.
        connection: ConnectionId,
        /// To whom.
        server: ActorId,
        /// By which scheme, which tells whose account it is.
        scheme: AccountScheme,
        /// What allows it.
        why: AccountReason,
    },
    /// An alert: the agent was to be talked out of tokens, and would not (hardened, attack 17).
    DowngradeRefused {
        /// On which connection.
        connection: ConnectionId,
        /// The server that, by policy, does tokens.
        server: ActorId,
    },
    /// The agent has nothing with which it could authenticate (rule 57).
    AuthenticationImpossible {
        /// At which server.
        server: ActorId,
        /// Why, and what to do.
        why: String,
    },
    /// The agent was let in, sent on, and goes on to another server (rule 55).
    RedirectFollowed {
        /// Who sent it on.
        from: ActorId,
        /// Where it goes.
        to: ActorId,
    },
    /// The agent's secure storage holds the agent connectivity credentials from now on, or no more (rule 53).
    AccKept {
        /// Whether it holds them.
        kept: bool,
    },
    /// Somebody changed the password of the agent connectivity credentials in the domain (rule 1).
    AccPasswordChanged {
        /// The version of policy that brings it.
        version: u64,
    },
    /// Something happened to a bearer token (rules 52, 63).
    Bearer(BearerEvent),
    /// Somebody asked the server for a package.
    PackageAsked {
        /// In which request.
        request: RequestId,
        /// The access type of the server's packages, as the console shows it (rule 62).
        access: String,
    },
    /// Something happened at a proxy (rule 61).
    Proxy(ProxyEvent),
    /// Something happened between peers (rule 50).
    Peer(PeerEvent),
}
