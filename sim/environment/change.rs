//! What happens on a machine, in the words of its events.

use serde::{Deserialize, Serialize};

use crate::types::{ConnectionId, Fingerprint, ModuleName, RequestId};

/// What happened on the machine around a server. The server is the subject of each sentence. No password, token or key
/// is in any of them.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    // --- the module ------------------------------------------------------------------------------------
    /// Its setup copied a module into the management agent's folder (rule 23).
    ModuleCopied {
        /// The file.
        module: ModuleName,
    },
    /// It registered the module with its web server; its registry key names it from now on (rules 24, 25, 27).
    ModuleRegistered {
        /// The file.
        module: ModuleName,
        /// On which web sites (rule 26).
        sites: Vec<String>,
    },
    /// It unregistered the module from its web server.
    ModuleUnregistered {
        /// The file.
        module: ModuleName,
    },
    /// Its setup deleted the module's file, which nothing has loaded any more.
    ModuleDeleted {
        /// The file.
        module: ModuleName,
    },
    /// One of its worker processes loaded the module, at its first request since the module was registered (rule 28).
    ModuleLoaded {
        /// Which worker process, counted from 1.
        worker: u32,
        /// The file.
        module: ModuleName,
    },
    /// One of its worker processes unloaded the module.
    ModuleUnloaded {
        /// Which worker process.
        worker: u32,
        /// The file.
        module: ModuleName,
        /// Why.
        why: Unloading,
    },
    /// Its module began to work on a request.
    RequestTaken {
        /// Which request.
        request: RequestId,
        /// In which worker process.
        worker: u32,
        /// The module there; none where no module is registered, so that the web server is by itself.
        module: Option<ModuleName>,
        /// The request's number in its worker process, counted from 1 (rule 77).
        number: u32,
        /// Whether its path needs authentication.
        protected: bool,
    },
    /// Its module is done with a request.
    RequestLeft {
        /// Which request.
        request: RequestId,
        /// The HTTP status of the answer; none if the client had gone.
        status: Option<u16>,
    },
    /// It no longer knows a connection as authenticated: that was known to a module that is gone.
    ConnectionForgotten {
        /// Which connection.
        connection: ConnectionId,
    },

    // --- the management agent ----------------------------------------------------------------------------
    /// Its management agent ended; its memory is lost.
    ManagementAgentStopped,
    /// Its management agent runs again, with empty memory.
    ManagementAgentStarted,
    /// Its module called the management agent in vain; the request is answered with 503 (rule 20).
    CallFailed {
        /// For which request.
        request: RequestId,
        /// What the module wanted.
        call: Call,
        /// Whether it took too long (else nobody was there, or the module or the agent went away meanwhile).
        timed_out: bool,
    },

    // --- account and group -------------------------------------------------------------------------------
    /// It gave its local account `_SMP_IUSR` a new password (rules 65 to 67).
    AccountSet {
        /// Whether it had no such account before.
        created: bool,
        /// The length of the password.
        length: u32,
        /// How many passwords were tried, the last one included.
        tries: u32,
        /// Of the password: so that two can be told apart.
        password: Fingerprint,
    },
    /// It could neither create nor update its local account (rule 68).
    AccountFailed {
        /// The length of the passwords.
        length: u32,
        /// How many passwords were tried.
        tries: u32,
    },
    /// It told the SMP that its local account could not be created or updated.
    AlertSent,
    /// It removed its local account.
    AccountRemoved,
    /// It created its local group `_SMP_USERS` (rule 70).
    GroupCreated,
    /// Somebody deleted its local group.
    GroupDeleted,
    /// It took an account into its local group.
    MemberAdded {
        /// Which account.
        member: Member,
    },
    /// It took an account out of its local group.
    MemberRemoved {
        /// Which account.
        member: Member,
    },
    /// It gave module and worker processes access to its log folder (rule 74).
    LogFolderOpened,
    /// It reset access to its log folder to the default.
    LogFolderReset,
}

/// What a module wants of the management agent (rule 20).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Call {
    /// A token for an agent.
    Issue,
    /// To know whether a token is valid.
    Validate,
}

/// Why a module is unloaded.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unloading {
    /// Another takes its place: it goes when its last request is answered (rules 23, 29).
    Swapped,
    /// It was unregistered: it goes at once (rule 28).
    Unregistered,
}

/// Who may be in the local group.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Member {
    /// The local account `_SMP_IUSR`, where agent tokens are on.
    SmpIusr,
    /// The account of the agent connectivity credentials, where those are on.
    Acc,
}
