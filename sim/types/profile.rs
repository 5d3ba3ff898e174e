//! The two faces of the protocol.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which face of the protocol a run shows (SPEC section 2).
///
/// Each method is one decision of SPEC section 5; its number is given as "hole". Code asks for the
/// decision, never for the profile, so that every difference between the two is listed here.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// What the documents say, weaknesses included.
    #[default]
    Literal,
    /// What the documents say, with the holes of SPEC section 5 closed.
    Hardened,
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Literal => "literal",
            Self::Hardened => "hardened",
        })
    }
}

impl Profile {
    /// Whether it is the one in which the holes are open. Serde leaves it out where a server's profile is told: who says
    /// nothing is literal.
    pub const fn is_literal(&self) -> bool {
        matches!(self, Self::Literal)
    }

    const fn is_hardened(self) -> bool {
        matches!(self, Self::Hardened)
    }

    /// Part four names the server's start, and a stale one is refused (hole 6).
    pub const fn binds_epoch(self) -> bool {
        self.is_hardened()
    }

    /// A replay refusal evicts the cached token, so that the next challenge has a new one (hole 7).
    pub const fn evicts_on_replay(self) -> bool {
        self.is_hardened()
    }

    /// The look-ahead of a validation is never shorter than its period and a margin (hole 8).
    pub const fn stretches_look_ahead(self) -> bool {
        self.is_hardened()
    }

    /// A site whose validation had more to refresh than one may have validates again at once (hole 9).
    pub const fn validates_overflow_at_once(self) -> bool {
        self.is_hardened()
    }

    /// "Requested once more" starts anew with each refresh (hole 10).
    pub const fn resets_requested_on_refresh(self) -> bool {
        self.is_hardened()
    }

    /// Agent and server compare the token's audience with the server's origin (hole 11).
    pub const fn checks_audience(self) -> bool {
        self.is_hardened()
    }

    /// Part four is bound to method, target, body and, over TLS, to the connection (hole 12).
    pub const fn binds_request(self) -> bool {
        self.is_hardened()
    }

    /// An authenticated connection ends with its token, or after `connection_age_max` (hole 13).
    pub const fn bounds_connection_age(self) -> bool {
        self.is_hardened()
    }

    /// The own account of a revoked agent's machine is turned away, as its tokens are. The documents' revocation ends tokens.
    pub const fn turns_revoked_accounts_away(self) -> bool {
        self.is_hardened()
    }

    /// A site fetches the agent's key once more before it deems the agent revoked (hole 14).
    pub const fn refetches_agent_key(self) -> bool {
        self.is_hardened()
    }

    /// A node keeps the time of its issuer's clock, and judges expiries by it where its own is further off than the leeway
    /// (hole 17).
    pub const fn keeps_issuer_time(self) -> bool {
        self.is_hardened()
    }

    /// Concurrent misses for one (agent, uid) share one fetch, and first requests are limited per source (hole 18).
    pub const fn limits_first_requests(self) -> bool {
        self.is_hardened()
    }

    /// An agent that knows from policy that a server does tokens is not talked into another kind of authentication (attack 17).
    pub const fn refuses_downgrade(self) -> bool {
        self.is_hardened()
    }

    /// Expiries at or below the last purge are refused, whatever the clock says now (hole 19).
    pub const fn keeps_purge_high_water(self) -> bool {
        self.is_hardened()
    }

    /// A portal gives no login token to a user whose id has the delimiter in it, and reads no more and no fewer than three
    /// fields (attack 28).
    pub const fn delimits_login_tokens(self) -> bool {
        self.is_hardened()
    }
}
