//! What happens in a portal with login tokens (rules 79 to 83).

use serde::{Deserialize, Serialize};

use super::detail::JobOutcome;
use crate::types::{Fingerprint, LoginRefusal, LoginUse, RequestId, UnixSeconds};

/// What happened in a portal. The actor of the event is the subject of each sentence.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PortalEvent {
    /// The server made a login token (rule 79).
    LoginTokenIssued {
        /// Whom it logs in.
        user: String,
        /// What for.
        purpose: LoginUse,
        /// Its expiry.
        expires: UnixSeconds,
        /// Of its text.
        token: Fingerprint,
    },
    /// The server made no login token, since the user's id cannot stand in one (hardened, attack 28).
    LoginTokenDenied {
        /// For whom.
        user: String,
        /// What for.
        purpose: LoginUse,
    },
    /// The server accepted a login token, and opened a session.
    LoginTokenAccepted {
        /// For which request.
        request: RequestId,
        /// Whom it takes for logged in.
        user: String,
        /// The expiry that it read.
        expires: UnixSeconds,
        /// Of the token's text.
        token: Fingerprint,
    },
    /// The server turned a login token down.
    LoginTokenRefused {
        /// For which request.
        request: RequestId,
        /// Why.
        why: LoginRefusal,
        /// Whom the token names, as far as it could be read; nothing in it need be true.
        claimed_user: Option<String>,
        /// Of the token's text.
        token: Fingerprint,
    },
    /// Somebody pressed 'Update': login tokens have a new key from now on (rule 80).
    LoginTokenKeyUpdated {
        /// How often that has happened.
        updates: u32,
    },
    /// The server accepted a password.
    PasswordAccepted {
        /// For which request.
        request: RequestId,
        /// Whose.
        user: String,
    },
    /// The automation server starts a run of a job, with a login token of its own.
    JobStarted {
        /// Which job of the plan, counted from 1.
        job: u32,
        /// As whom.
        user: String,
    },
    /// The run of a job ended.
    JobEnded {
        /// Which job of the plan, counted from 1.
        job: u32,
        /// How.
        outcome: JobOutcome,
        /// How many of its steps were served.
        steps: u32,
    },
    /// The server turned a password down.
    PasswordRefused {
        /// For which request.
        request: RequestId,
        /// Whose it should have been, if there is such a user.
        user: Option<String>,
    },
    /// The server opened a session.
    SessionOpened {
        /// In answer to which request.
        request: RequestId,
        /// Whose.
        user: String,
    },
    /// The server served a request in a session.
    SessionUsed {
        /// Which request.
        request: RequestId,
        /// Whose session it is.
        user: String,
    },
}
