//! What can be wrong with the state of a server.

use std::{io, path::PathBuf};

use thiserror::Error;

use crate::crypto::KeyError;

/// Why a server's state cannot be used. Nothing is ever replaced because of it.
#[derive(Debug, Error)]
pub enum StateError {
    /// A file or folder cannot be read or written.
    #[error("failed to {what} {}: {error}", path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why it failed.
        error: io::Error,
    },
    /// Others may read what is private.
    #[error(
        "others on this machine may read {} (mode {mode:03o}), which holds secrets: run `chmod go= {}`, and consider its \
         secrets known to others",
        path.display(), path.display()
    )]
    NotPrivate {
        /// Which file or folder.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// Another process uses the state.
    #[error("another process uses the state in {}: stop it, or choose another folder with `state`", path.display())]
    InUse {
        /// Which folder.
        path: PathBuf,
    },
    /// A file is not as it was written.
    #[error("{} is damaged: {why}. Restore it from a copy; to start anew, move the whole folder away", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A file is gone that the others of the folder need.
    #[error("{} is missing, though {} is there: restore it from a copy; to start anew, move the whole folder away",
        path.display(), other.display())]
    Missing {
        /// Which file.
        path: PathBuf,
        /// What is there.
        other: PathBuf,
    },
    /// The file of a key holds none.
    #[error("{} holds no RSA private key in PEM form (`-----BEGIN PRIVATE KEY-----`)", path.display())]
    NoKey {
        /// Which file.
        path: PathBuf,
    },
    /// A key cannot be made or used.
    #[error(transparent)]
    Key(#[from] KeyError),
}
