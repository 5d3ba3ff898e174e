//! What a run must show, must not show, and may be expected to show.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The verdict that the scenario asks for.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expectation {
    /// Invariants whose violation is the expected result; one that holds is inconclusive (exit 4).
    pub violations: Vec<Invariant>,
    /// What must happen at least once; what never did is inconclusive (exit 4).
    pub reach: Vec<Milestone>,
    /// What must not happen: one that does is a violation (exit 1).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub never: Vec<Milestone>,
    /// Figures that must not be missed (exit 3).
    pub thresholds: Thresholds,
}

/// Service-level objectives. A figure that was never measured misses its threshold.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Thresholds {
    /// Greatest 99th percentile of a one-step authentication, in milliseconds.
    pub one_step_p99_ms: Option<u64>,
    /// Greatest 99th percentile of a two-step authentication, in milliseconds.
    pub two_step_p99_ms: Option<u64>,
    /// Greatest 99th percentile of the wait for an upstream slot, in milliseconds.
    pub slot_wait_p99_ms: Option<u64>,
    /// Greatest duration of a validation, in milliseconds.
    pub validation_max_ms: Option<u64>,
    /// Least share of exchanges that are served, in parts per million.
    pub served_min_ppm: Option<u64>,
}

/// An invariant of SPEC section 6 that the oracle judges.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, JsonSchema)]
pub enum Invariant {
    /// A counter is accepted at most once.
    S1,
    /// Every accept follows an issue and the agent's own signature.
    S2,
    /// No accept after expiry.
    S3,
    /// Every served request follows exactly one accept.
    S4,
    /// The registry changes only for verified tokens.
    S5,
    /// The registry holds an entry until its token has expired.
    S6,
    /// A revoked agent stays out once its server can know.
    S7,
    /// The ceilings and the clean-up times are kept.
    S8,
    /// No challenge carries an expired token.
    S9,
    /// ACC is the last resort.
    S10,
    /// Account, group and module of each machine follow the policy.
    S11,
    /// Every accept and every served request is on the agent's own connection.
    S13,
    /// An honest agent succeeds in two trips.
    L1,
    /// A warm agent succeeds in one trip.
    L2,
    /// Never more than two 401s in a row.
    L3,
    /// Nobody waits for ever for an upstream slot.
    L4,
    /// What is asked for again is refreshed in time.
    L5,
    /// Once everything has healed, everybody is soon back.
    L6,
}

impl Invariant {
    /// All of them, in the order of SPEC section 6.
    pub const ALL: [Self; 18] = [
        Self::S1,
        Self::S2,
        Self::S3,
        Self::S4,
        Self::S5,
        Self::S6,
        Self::S7,
        Self::S8,
        Self::S9,
        Self::S10,
        Self::S11,
        Self::S13,
        Self::L1,
        Self::L2,
        Self::L3,
        Self::L4,
        Self::L5,
        Self::L6,
    ];
}

impl fmt::Display for Invariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// Something that a scenario may insist on having happened (a *sometimes*-assertion).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Milestone {
    /// An agent was served in one step (rule 10).
    OneStep,
    /// An agent was served in two steps (rule 2).
    TwoStep,
    /// A further request was served on an authenticated connection (rules 9, 15).
    ConnectionReused,
    /// A request that needs no authentication was served (rule 3).
    PublicServed,
    /// A site answered a first request from its cache (rule 32).
    CacheHit,
    /// A site had to ask the issuer (rule 31).
    CacheMiss,
    /// A validation refreshed a token (rule 37).
    TokenRefreshed,
    /// A cached token expired and was removed (rule 36).
    CacheExpired,
    /// A GetClientTokens request asked for 128 agents (rule 40).
    BatchFull,
    /// A validation asked for 4,096 tokens (rule 39).
    ValidationFull,
    /// A validation had more to refresh than one validation may.
    ValidationOverflow,
    /// A site validated every 5 minutes (rule 38).
    PeriodFiveMinutes,
    /// A site validated every 10 minutes (rule 38).
    PeriodTenMinutes,
    /// A site validated every 30 minutes (rule 38).
    PeriodThirtyMinutes,
    /// All upstream slots were taken (rule 42).
    SlotsFull,
    /// A fetch had to wait for an upstream slot (rule 42).
    SlotAwaited,
    /// A registry window slid past a counter.
    WindowSlide,
    /// A counter was accepted after a higher one: out of order, within the window.
    OutOfOrderAccepted,
    /// A token was refused as a replay.
    ReplayRefused,
    /// A purge removed an expired registry entry (rule 48).
    RegistryPurged,
    /// A token was seen to have expired while in use, and left the registry (rule 48).
    RegistryExpiredInUse,
    /// An agent's sweep removed a token (rule 13).
    StorageSwept,
    /// A token was refused as expired.
    ExpiredRefused,
    /// A site refused a token for want of the agent's key (rule 44).
    AgentKeyNotCached,
    /// An agent was told that it is revoked (rule 45).
    Forbidden,
    /// A server answered 503 or 429.
    Unavailable,
    /// A site server accepted a token (rule 17).
    AcceptedBySite,
    /// An agent dropped a stored token that was answered with 403 (rule 14).
    StoredTokenForbidden,
    /// A refused token was answered with 401 and a new one (rule 46).
    OfferedAfterRefusal,
    /// A validation made several requests on one connection (rule 41).
    ValidationConnectionKept,

    // --- what servers turned down ------------------------------------------------------------------
    /// A token was refused that is none (attacks 1 to 6).
    SyntaxRefused,
    /// A token was refused for a server key that the server does not trust (rule 43, attack 27).
    UnknownKeyRefused,
    /// A token was refused for its server signature (attack 8).
    ForgeryRefused,
    /// A token was refused for its agent signature (rule 45, attack 7).
    BadAgentSignatureRefused,
    /// A token was refused that is bound to an earlier start of the server (hardened, hole 6).
    StaleEpochRefused,
    /// A token was refused whose header and nonce name different uids (attack 14).
    UidMismatchRefused,
    /// A token was refused that is for another server (hardened, hole 11).
    WrongAudienceRefused,
    /// A token was refused that is bound to another request or connection (hardened, hole 12).
    WrongBindingRefused,
    /// A counter was refused that jumps further than the cap allows (hole 5).
    JumpCapRefused,
    /// A token was refused whose expiry a purge has passed (hardened, hole 19).
    BelowHighWaterRefused,
    /// A revoked agent was turned away: its token was refused, or its exchange ended with 403.
    RevokedRefused,
    /// A server answered 429 (hardened, hole 18).
    RateLimited,

    // --- faults --------------------------------------------------------------------------------------
    /// A server started again.
    ServerRestarted,
    /// An agent started again (rule 11).
    AgentRestarted,
    /// An actor started again with another profile than before.
    Upgraded,
    /// Opening a connection timed out.
    ConnectTimedOut,
    /// An agent's exchange timed out, or found no connection.
    ExchangeTimedOut,
    /// An agent that faults had cut off was served again after everything had healed (L6).
    Recovered,
    /// The memory of an agent went back (hole 7).
    RolledBack,
    /// The SMP began to sign with another key (attack 27).
    KeyRotated,
    /// An agent got another key (hole 14).
    AgentKeyChanged,
    /// Policy was changed.
    PolicyChanged,
    /// An agent dropped a token since the path to its server had changed (rule 12).
    PathChanged,
    /// An agent was revoked.
    Revoked,
    /// A site server was removed (attack 18).
    SiteRemoved,

    // --- holes ---------------------------------------------------------------------------------------
    /// A request was served on a connection whose token had expired, leeway and skew included (hole 13).
    ServedAfterExpiry,
    /// A request of a revoked agent was served, later than S7 lets a token be accepted (hole 13).
    ServedAfterRevocation,
    /// A validation refreshed a token that nobody had asked for since it was fetched or refreshed (hole 10).
    RefreshedForNobody,
    /// A token that was asked for again expired unrefreshed, whatever the excuse (holes 8, 9).
    RefreshMissed,
    /// An agent with a new key was taken for revoked (hole 14).
    ForbiddenAfterKeyChange,

    // --- attacks -------------------------------------------------------------------------------------
    /// An agent turned down a token that it was offered (rule 6, attack 15).
    TokenDeclined,
    /// An attacker's attempt came back with 4xx.
    AttackRefused,
    /// An attacker's attempt came back with 2xx.
    AttackServed,
    /// An attacker changed, held back or slipped in something on the way between two others.
    Intercepted,
    /// An attacker read something of use on a connection of others.
    Overheard,

    // --- the machine around a server -----------------------------------------------------------------
    /// Two worker processes of a server had the module loaded (rule 19).
    SeveralWorkers,
    /// A call of the management agent failed (rule 20).
    CallFailed,
    /// The management agent of a server started again, while the server went on.
    ManagementAgentRestarted,
    /// A module took the place of another (rules 23, 29).
    ModuleSwapped,
    /// A module that was swapped out answered what it had in hand first (rule 29).
    ModuleDrained,
    /// The module was registered (rule 25).
    ModuleRegistered,
    /// The module was unregistered (rules 25, 28).
    ModuleUnregistered,
    /// A connection was no longer known as authenticated, since the module was gone.
    ConnectionForgotten,
    /// The local account got a new password (rule 66).
    AccountRefreshed,
    /// The local account was removed (rule 65).
    AccountRemoved,
    /// The local account could not be updated, and the SMP was told (rule 68).
    AccountAlert,
    /// The local group was made again after somebody had deleted it (rule 70).
    GroupRecreated,
    // --- portal --------------------------------------------------------------------------------------
    /// A user logged in to a portal with a password.
    PasswordLogin,
    /// A login token was accepted instead of a password (rule 81).
    RememberedLogin,
    /// A login token was accepted that came with the link to the administration server (rule 81).
    AdministrationLogin,
    /// A login token was accepted that a portlet server had been given (rule 81).
    PortletLogin,
    /// A login token was accepted from a job (rule 81).
    AutomationLogin,
    /// A login token was accepted that made somebody else of an administrator (rule 81).
    ImpersonationLogin,
    /// A login token was refused as none (attack 28).
    LoginSyntaxRefused,
    /// A login token was refused for its tag (rule 80, attack 28).
    LoginTagRefused,
    /// A login token was refused as expired (rule 82).
    LoginExpiredRefused,
    /// A login token was accepted once more on another's connection (rule 83).
    LoginReplayed,
    /// A login token was accepted for another user than it was made for (attack 28).
    LoginMisread,
    /// No login token was made for a user, because of the id (hardened, attack 28).
    LoginTokenDenied,
    /// Somebody pressed 'Update' (rule 80).
    LoginKeyUpdated,
    /// A run of a job did all of its steps.
    JobDone,
    /// A run of a job was turned away (rules 80, 82).
    JobRefused,
    /// A job whose latest run had not gone well was done again.
    JobRecovered,
    // --- kinds of authentication beside tokens -------------------------------------------------------
    /// An agent was served after a Windows handshake.
    ServedByAccount,
    /// A server accepted the account of an agent's machine (rule 60).
    WindowsAccepted,
    /// A server accepted the agent connectivity credentials (rule 56).
    AccAccepted,
    /// A further request was served on a connection that the ACC authenticated.
    AccountConnectionReused,
    /// A token was accepted where other kinds were offered, too (rule 59).
    TokenPreferred,
    /// A stored token met a server that does not take tokens (rule 60).
    StoredTokenNotWanted,
    /// Tokens failed, and an agent used an account (rule 56).
    FellBack,
    /// An agent used an account though the server had offered tokens and none had failed (attack 17).
    Downgraded,
    /// An agent would not be talked out of tokens, and raised an alert (hardened, attack 17).
    DowngradeRefused,
    /// An agent was sent on to another server (rule 55).
    RedirectFollowed,
    /// A file of a UNC codebase was served (rule 56).
    UncServed,
    /// An agent had nothing with which it could authenticate (rule 57).
    NoCredentials,
    /// An agent's secure storage began to hold the ACC (rule 53).
    AccKept,
    /// An agent's secure storage holds the ACC no more (rule 53).
    AccForgotten,
    /// The password of the ACC was changed (rule 1).
    AccPasswordChanged,
    /// An agent without tokens was turned away for an old password (rule 1).
    AccAgentHurt,
    /// An agent that is offered tokens was turned away for an old password: it should not have needed any (rule 1).
    TokenAgentHurt,
    // --- special tokens ------------------------------------------------------------------------------
    /// A push-install token fetched the installer (rule 52).
    InstallerFetched,
    /// A call with an ASDK token was let in (rule 63).
    AsdkAccepted,
    /// A push-install token was refused for a path that is not the installer's (rule 52, attack 29).
    BearerPathRefused,
    /// A bearer token was refused that had been revoked (rule 52, attack 29).
    BearerRevokedRefused,
    /// A bearer token was refused as expired.
    BearerExpiredRefused,
    /// A bearer token was refused whose kind is off.
    BearerKindRefused,
    /// A package was handed out to somebody who had not authenticated, and need not (rules 51, 62).
    PackageAnonymous,
    /// A package was handed out for a token (rule 51).
    PackageByToken,
    /// A package was handed out for the ACC (rule 51).
    PackageByAcc,
    // --- proxies -------------------------------------------------------------------------------------
    /// A proxy let an agent through by an account (rule 61).
    ProxyAdmitted,
    /// A proxy sent a request on (rule 61).
    ProxyForwarded,
    /// A proxy opened a tunnel (rule 61).
    ProxyTunnelOpened,
    /// A proxy asked an agent for a token (rule 61).
    ProxyAskedForToken,
    /// An agent had nothing to give to a proxy that asked for a token (rule 61).
    ProxyDeclined,
    /// A proxy got a token (rule 61).
    ProxyGotToken,
    // --- peers ---------------------------------------------------------------------------------------
    /// A peer handed a package out (rule 50).
    PeerServed,
    /// A peer refused a response to a challenge that was answered before, or that it does not know (rule 50).
    PeerReplayRefused,
    /// A peer refused a response that the fleet's key did not make for that challenge (rule 50).
    PeerResponseRefused,
    /// A revoked agent was served by the ACC: all agents share it, so that no server can tell.
    RevokedServedByAcc,
    /// A server of a portal opened a session (rule 81).
    PortalSession,
}

impl Milestone {
    /// Whether agents alone can tell that it was reached: their servers need not be heard.
    pub fn is_seen_by_agents(self) -> bool {
        use Milestone::{
            AgentKeyChanged, AgentRestarted, ConnectTimedOut, ConnectionReused, ExchangeTimedOut, OneStep, PathChanged,
            PublicServed, Recovered, RolledBack, StorageSwept, StoredTokenForbidden, TokenDeclined, TwoStep,
        };
        matches!(
            self,
            OneStep
                | TwoStep
                | ConnectionReused
                | PublicServed
                | StorageSwept
                | StoredTokenForbidden
                | AgentRestarted
                | ConnectTimedOut
                | ExchangeTimedOut
                | Recovered
                | RolledBack
                | AgentKeyChanged
                | PathChanged
                | TokenDeclined
        )
    }
}
