//! Bugs that real implementations have had, one fault each, to show that the oracle would notice them.
//!
//! They stand in the code at the place where the mistake would be made, as `if Bug::X.is_planted()`. In the normal
//! build that is `false` for the compiler, so that nothing is left of them. A build with the cargo feature
//! `planted-bugs` plants at most one at a time, for the run of a plan that names it.

#[cfg(feature = "planted-bugs")]
use std::cell::Cell;
use std::{fmt, marker::PhantomData, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Names each bug once: the variant, its name on the command line and in files, and what it does.
macro_rules! bugs {
    (
        $($(#[doc = $what:literal])+ $variant:ident = $name:literal,)+
        hangs: $($(#[doc = $why:literal])+ $hang:ident = $hang_name:literal,)+
    ) => {
        /// One planted bug. Each says what it does, which rule (R), hole (H) or attack (A) of the SPEC it breaks, and,
        /// where honest agents on a sound network do not show it, what does.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, JsonSchema)]
        pub enum Bug {
            $($(#[doc = $what])+ #[serde(rename = $name)] $variant,)+
            $($(#[doc = $why])+ #[serde(rename = $hang_name)] #[schemars(skip)] $hang,)+
        }

        impl Bug {
            /// All that an oracle is to notice.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// All that make a run hang: no oracle has its say, a watchdog must. A plan or a scenario may name them.
            pub const HANGS: &[Self] = &[$(Self::$hang),+];

            /// Its name on the command line and in files.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ $(Self::$hang => $hang_name,)+ }
            }

            /// What it does.
            pub fn what(self) -> &'static str {
                match self {
                    $(Self::$variant => concat!($($what),+).trim_start(),)+
                    $(Self::$hang => concat!($($why),+).trim_start(),)+
                }
            }
        }
    };
}

bugs! {
    // --- the registry ----------------------------------------------------------------------------------
    /// The window marks each counter one place too low, so that the highest one is taken for unused (R18).
    WindowOffByOne = "window_off_by_one",
    /// A counter goes on record before the signatures are verified, so that forgeries burn honest counters (H2).
    /// Needs an altered or forged token (A7, A8).
    CounterRecordedFirst = "counter_recorded_first",
    /// The registry is keyed by the text of a token instead of by what it is, so that each use is a new entry (A5).
    RegistryKeyedOnText = "registry_keyed_on_text",
    /// A purge removes entries at the expiry, though the token is accepted until the leeway is over (H16). Needs a
    /// leeway, and a purge within it.
    RetentionWithoutLeeway = "retention_without_leeway",
    /// The registry is never purged (R48). Needs a run longer than token lifetime, leeway and purge period.
    PurgeNeverRuns = "purge_never_runs",
    /// The hardened registry forgets up to which expiry it was purged (H19). Needs a purge, a server clock that is
    /// stepped back behind it, and a replay.
    HighWaterMarkLost = "high_water_mark_lost",
    /// A counter may jump as far as it likes (H5, A13). Needs an attacker with the agent's key.
    JumpCapMissing = "jump_cap_missing",

    // --- the order of checks ---------------------------------------------------------------------------
    /// A server does not verify the issuer's signature (H1, A8). Needs a forged token.
    ServerSignatureUnverified = "server_signature_unverified",
    /// A server does not verify the agent's signature (R4, A7, A10). Needs a forged or stolen token.
    AgentSignatureUnverified = "agent_signature_unverified",
    /// A token whose header says that it is unsigned is taken for signed (A1). Needs a forged token.
    AlgNoneAccepted = "alg_none_accepted",
    /// The uid of part four may be another than that of the header (A14). Needs an attacker with the agent's key.
    UidUnchecked = "uid_unchecked",
    /// A hardened server takes tokens that were issued for another server and bound to its epoch (H11, A12). Needs a
    /// replay at another server.
    AudienceUnchecked = "audience_unchecked",
    /// A hardened server does not look at which request and connection a token is bound to (H12, A11, A21). Needs a
    /// thief of unused tokens.
    BindingUnchecked = "binding_unchecked",
    /// A hardened server takes tokens that are bound to an earlier start of it (H6, A9). Needs a restart and a replay.
    EpochUnchecked = "epoch_unchecked",
    /// The leeway is added to the expiry, and again where the two are compared (H16). Needs a leeway, and a connection
    /// that is kept over TLS (hardened) or a replay shortly after the expiry.
    LeewayAddedTwice = "leeway_added_twice",
    /// A server asks the clock that counts from its start whether a token has expired (R8, R32).
    ExpiryByWrongClock = "expiry_by_wrong_clock",
    /// A server key that was withdrawn is still trusted (R43, A27). Needs a rotation.
    WithdrawnKeyKept = "withdrawn_key_kept",

    // --- connections -----------------------------------------------------------------------------------
    /// A new connection inherits the authentication of an earlier one from the same address (R9).
    AuthenticationKeptByAddress = "authentication_kept_by_address",
    /// Neither a hardened server nor an agent ends the authentication of a connection by age or expiry (H13). Needs
    /// connections that are kept over TLS for longer than that.
    ConnectionAgeUnbounded = "connection_age_unbounded",
    /// A hardened server goes on serving a connection whose agent was revoked (H13). Needs a revocation, and connections
    /// that are kept over TLS.
    ConnectionOutlivesRevocation = "connection_outlives_revocation",

    // --- revocation ------------------------------------------------------------------------------------
    /// A site does not look at whom policy calls revoked (A18). Needs a revocation.
    RevocationIgnoredBySite = "revocation_ignored_by_site",
    /// The issuer does not look at who is revoked before it issues or accepts a token (R45). Needs a revocation.
    RevokedAgentGetsTokens = "revoked_agent_gets_tokens",

    // --- a site's token cache --------------------------------------------------------------------------
    /// The cache has one entry per agent, whatever its uid (R32, H15). Needs agents that start again, or clones.
    CacheKeyedByAgent = "cache_keyed_by_agent",
    /// A refresh does not start "requested once more" anew, so that departed agents are refreshed for ever (H10).
    /// Needs the hardened profile, and agents that pause for longer than a token lives.
    RefreshFlagKept = "refresh_flag_kept",
    /// A cached token is offered without a look at its expiry (S9). Needs agents that come back late.
    ExpiredTokenOffered = "expired_token_offered",
    /// A validation refreshes what has expired, and does not look ahead (R37).
    LookAheadIgnored = "look_ahead_ignored",
    /// A validation leaves expired tokens where they are (R36). Needs agents that pause for longer than a token lives.
    CacheNeverCleaned = "cache_never_cleaned",
    /// A validation asks for everything that is due (R39). Needs more due tokens than the ceiling.
    ValidationCeilingIgnored = "validation_ceiling_ignored",
    /// A validation asks for all that is due in one request (R40). Needs more due tokens than a batch may have.
    BatchTooLarge = "batch_too_large",
    /// The answers of a batch are taken in the order of the request (A19). Needs batches of two agents and more.
    BatchOrderTrusted = "batch_order_trusted",
    /// A validation opens a connection for each of its requests (R41). Needs more due tokens than a batch may have.
    ConnectionPerBatch = "connection_per_batch",
    /// A refused replay leaves the token in the cache, so that it is offered again (H7). Needs the hardened profile,
    /// and an agent that goes back to an earlier state, or a replay under way.
    ReplayNotEvicted = "replay_not_evicted",

    // --- a site's way upstream -------------------------------------------------------------------------
    /// Concurrent misses for one agent and uid each ask the issuer (H18). Needs the hardened profile, and agents that
    /// open several connections at a time.
    FirstFetchNotShared = "first_fetch_not_shared",
    /// A fetch does not wait for a slot (R42). Needs more fetches at a time than slots.
    SlotsUnlimited = "slots_unlimited",
    /// A fetch that fails does not give its slot back (R42). Needs failures of the issuer.
    SlotLeaked = "slot_leaked",
    /// The latest waiter for a slot comes first (R42). Needs a queue for the slots that lasts.
    LatestWaiterFirst = "latest_waiter_first",

    // --- agents ----------------------------------------------------------------------------------------
    /// Exchanges that overlap read the same counter and raise it when they are over (H4). Needs agents that open
    /// several connections at a time, or lost answers.
    CounterRace = "counter_race",
    /// The counter starts anew with each exchange (R7).
    CounterRestarts = "counter_restarts",
    /// A token is stored when it is offered, before it has succeeded (R14). Needs second legs that fail.
    TokenStoredTooSoon = "token_stored_too_soon",
    /// A token is sent on whatever path leads to its server (R12). Needs a change of path.
    TokenSentOnNewPath = "token_sent_on_new_path",
    /// A stored token is kept though its server answered 403 (R14). Needs 403 for a token that would not do again.
    ForbiddenTokenKept = "forbidden_token_kept",
    /// The sweep removes nothing (R13). Needs agents that pause for longer than idle time and sweep period.
    SweepNeverRemoves = "sweep_never_removes",
    /// Failed exchanges are tried again after the first delay for ever, without jitter. Needs failures that last.
    RetryWithoutBackoff = "retry_without_backoff",

    // --- the machine around a server -------------------------------------------------------------------
    /// Each worker process has a registry of its own (R19). Needs a machine, and a replay.
    RegistryPerWorker = "registry_per_worker",
    /// A request whose call to the management agent fails is served (R20). Needs a management agent that is slow or down.
    OpenWithoutManagementAgent = "open_without_management_agent",
    /// A swapped module is unloaded while it has requests in hand (R23, R29). Needs a swap under load.
    SwapUnloadsAtOnce = "swap_unloads_at_once",
    /// The local account stays when tokens are off (R65). Needs a change of policy.
    AccountKept = "account_kept",
    /// An account stays in the local group when its kind of authentication is off (R70). Needs a change of policy.
    MemberNotRemoved = "member_not_removed",
    /// Passwords are as long as the policy says, however short that is (R67). Needs a short minimum.
    PasswordLengthUnclamped = "password_length_unclamped",
    /// Each start of the management agent makes the same passwords (R66). Needs a second start.
    PasswordsRestart = "passwords_restart",
    /// A 33rd password is tried (R68). Needs Windows to refuse them all.
    OneTryTooMany = "one_try_too_many",
    /// Nobody is told that the local account could not be updated (R68). Needs Windows to refuse all passwords.
    AlertForgotten = "alert_forgotten",
    // --- portal login tokens ---------------------------------------------------------------------------
    /// The tag of a login token is not compared (R79, A28). Needs a portal, and somebody who forges.
    LoginTagUnchecked = "login_tag_unchecked",
    /// The tag of a login token covers its expiry, and not its user (R79, A28). Needs a portal, and somebody who forges.
    LoginUserUnsigned = "login_user_unsigned",
    /// A login token is taken in the second of its expiry, too (R82). Needs a portal, and a use in that second.
    LoginSecondTooLong = "login_second_too_long",
    /// A login token is taken whatever its expiry (R79). Needs a portal, and a use or a replay that comes late.
    LoginExpiryIgnored = "login_expiry_ignored",
    /// A server goes on with the Login Token Key that it read when it started (R80). Needs a portal, and an 'Update'.
    LoginKeyKept = "login_key_kept",
    /// A hardened portal takes user ids with the delimiter in them, and reads the first fields (A28). Needs a portal, and
    /// somebody with such an id.
    LoginDelimiterAllowed = "login_delimiter_allowed",
    // --- kinds of authentication beside each other -----------------------------------------------------
    /// An agent sends ACC where a token is offered as well (R59, S10). Needs a server that offers both.
    AccPreferredToToken = "acc_preferred_to_token",
    /// A hardened agent follows a challenge out of which the token was taken (A17, S10). Needs that attack.
    DowngradeFollowed = "downgrade_followed",
    /// An agent falls back to ACC though policy does not let it (R56, S10). Needs tokens that fail, with fallback off.
    FallbackAlwaysOn = "fallback_always_on",
    /// A server takes the answer of an account without a look at the password (R1). Needs somebody with an old password.
    AccountUnverified = "account_unverified",
    /// A server challenges every account with the same number (R16). Needs somebody who sends an answer again.
    AccountChallengeRepeats = "account_challenge_repeats",
    /// A server takes tokens and accounts though their kind is off (R30). Needs somebody who has them all the same.
    KindTakenWhenOff = "kind_taken_when_off",

    // --- special tokens --------------------------------------------------------------------------------
    /// A server takes a bearer token that was revoked (R52). Needs one that is used after that.
    BearerRevocationIgnored = "bearer_revocation_ignored",
    /// A server does not verify the signature of bearer tokens (R52, R63). Needs a forged one.
    BearerSignatureUnverified = "bearer_signature_unverified",
    /// A push-install token opens whatever ends like the installer's path (R52). Needs somebody who tries (A29).
    InstallerPathBySuffix = "installer_path_by_suffix",
    /// A bearer token authenticates its whole connection, as an agent token does (R9, R52). Needs a connection on which
    /// another request follows (A29).
    BearerOpensConnection = "bearer_opens_connection",
    /// A site server hands out packages to whoever asks, whatever policy says (R51). Needs somebody who asks without
    /// credentials, or before it has any.
    PackagesForEverybody = "packages_for_everybody",
    /// An agent answers a proxy that asks for a token with the one that it has (R61). Needs such a proxy.
    TokenForProxy = "token_for_proxy",
    /// A peer does not strike out a challenge that was answered (R50). Needs downloads from a peer, and somebody who repeats
    /// a response.
    PeerChallengeReused = "peer_challenge_reused",
    /// Every login token lives as long as a cookie, whatever its use (R79, R81). Needs a portal, and another use.
    LoginLifetimesMixedUp = "login_lifetimes_mixed_up",
    /// A request is served in the session that was opened last (R81). Needs a portal, and sessions of two users at a time.
    SessionsMixedUp = "sessions_mixed_up",

    hangs:
    /// A poll of an agent's task never returns.
    PollNeverReturns = "poll_never_returns",
    /// An agent's task wakes itself for ever.
    TaskNeverRests = "task_never_rests",
}

impl Bug {
    /// Whether this build can plant bugs.
    pub const CAN_BE_PLANTED: bool = cfg!(feature = "planted-bugs");

    /// What this build lacks if it cannot, and how to come by it.
    pub const BUILD_NEEDED: &str = "this build has no planted bugs; make one with them: \
                                    `cargo build --release --features planted-bugs`";

    /// Whether only a portal can show it.
    pub const fn needs_portal(self) -> bool {
        matches!(
            self,
            Self::LoginTagUnchecked
                | Self::LoginUserUnsigned
                | Self::LoginSecondTooLong
                | Self::LoginExpiryIgnored
                | Self::LoginKeyKept
                | Self::LoginDelimiterAllowed
                | Self::LoginLifetimesMixedUp
                | Self::SessionsMixedUp
        )
    }

    /// Whether it is planted in what this thread runs.
    #[cfg(not(feature = "planted-bugs"))]
    #[inline(always)]
    pub const fn is_planted(self) -> bool {
        false
    }

    /// Whether it is planted in what this thread runs.
    #[cfg(feature = "planted-bugs")]
    pub fn is_planted(self) -> bool {
        PLANTED.get() == Some(self)
    }
}

#[cfg(feature = "planted-bugs")]
thread_local! {
    // A run has one thread, and other runs may be under way on others.
    static PLANTED: Cell<Option<Bug>> = const { Cell::new(None) };
}

/// Keeps a bug planted on this thread until it is dropped. In a build that cannot plant any it does nothing.
#[derive(Debug)]
#[must_use = "the bug is gone when this is dropped"]
pub struct Planting {
    #[cfg(feature = "planted-bugs")]
    before: Option<Bug>,
    /// It speaks of one thread and stays there.
    not_send: PhantomData<*const ()>,
}

impl Planting {
    /// Plants a bug, or none.
    #[cfg_attr(not(feature = "planted-bugs"), expect(unused_variables, reason = "there is nothing to plant it in"))]
    pub fn of(bug: Option<Bug>) -> Self {
        Self {
            #[cfg(feature = "planted-bugs")]
            before: PLANTED.replace(bug),
            not_send: PhantomData,
        }
    }
}

#[cfg(feature = "planted-bugs")]
impl Drop for Planting {
    fn drop(&mut self) {
        PLANTED.set(self.before);
    }
}

impl fmt::Display for Bug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Bug {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL.iter().copied().find(|bug| bug.name() == name).ok_or(())
    }
}
