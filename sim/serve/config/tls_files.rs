//! The files that TLS needs.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use thiserror::Error;

use crate::{
    scenario::read_text,
    serve::state_folder::mode_of,
    socket::{ClientTls, ServerTls, TlsError},
};

/// Where a server's certificate and key are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TlsFiles {
    /// The chain of certificates.
    pub certificate: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// Why there is no TLS.
#[derive(Debug, Error)]
pub enum FileError {
    /// A file cannot be read.
    #[error("failed to read {}: {error}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// Everybody may read the private key.
    #[error(
        "everybody on this machine may read the private key {} (mode {mode:03o}): run `chmod o= {}`, and consider \
         it known to others",
        path.display(), path.display()
    )]
    KeyForAll {
        /// Which file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// What is in the files is no use.
    #[error("{}: {error}", path.display())]
    Tls {
        /// The file of the certificates.
        path: PathBuf,
        /// Why.
        error: TlsError,
    },
}

impl TlsFiles {
    /// Reads them.
    ///
    /// # Errors
    /// If they cannot be read or used, or everybody may read the key.
    pub fn read(&self) -> Result<ServerTls, FileError> {
        let certificate = read(&self.certificate)?;
        let key = read(&self.key)?;
        let mode = fs::metadata(&self.key).ok().and_then(|metadata| mode_of(&metadata)).unwrap_or(0);
        if mode & 0o007 != 0 {
            return Err(FileError::KeyForAll { path: self.key.clone(), mode });
        }
        ServerTls::from_pem(&certificate, &key)
            .map_err(|error| FileError::Tls { path: self.certificate.clone(), error })
    }
}

/// Reads the certificates that a client trusts.
///
/// # Errors
/// If the file cannot be read, or holds none.
pub fn read_trust(path: &Path) -> Result<ClientTls, FileError> {
    ClientTls::trusting(&read(path)?).map_err(|error| FileError::Tls { path: path.to_owned(), error })
}

fn read(path: &Path) -> Result<String, FileError> {
    read_text(path).map_err(|error| FileError::Read { path: path.to_owned(), error })
}
