//! The folder in which a server keeps what outlives its process: private, and used by one process at a time.

use std::{
    fs::{self, DirBuilder, File, Metadata, OpenOptions, TryLockError},
    io::{self, Write},
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rustls::pki_types::{PrivatePkcs8KeyDer, pem::PemObject};

use super::StateError;
use crate::crypto::PrivateKey;

const PEM_BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const PEM_END: &str = "-----END PRIVATE KEY-----";
const PEM_LINE: usize = 64;

/// A private folder. While it is held, no other process opens it.
#[derive(Debug)]
pub struct StateFolder {
    path: PathBuf,
    _lock: File,
}

impl StateFolder {
    /// Opens a folder, or makes it.
    ///
    /// # Errors
    /// If it cannot be used, others may read it, or another process uses it.
    pub fn open(path: &Path) -> Result<Self, StateError> {
        make_private(path).map_err(|error| failed("make the folder", path, error))?;
        let metadata = fs::metadata(path).map_err(|error| failed("look at", path, error))?;
        check_private(path, &metadata)?;
        let lock_path = path.join("lock");
        let lock = private(OpenOptions::new().create(true).truncate(false).write(true))
            .open(&lock_path)
            .map_err(|error| failed("open", &lock_path, error))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(StateError::InUse { path: path.to_owned() }),
            Err(TryLockError::Error(error)) => Err(failed("lock", &lock_path, error)),
        }
    }

    /// The path of a file in it.
    pub fn path_of(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Reads a file; none if it is not there.
    ///
    /// # Errors
    /// If it cannot be read, or others may read it.
    pub fn read(&self, name: &str) -> Result<Option<String>, StateError> {
        let path = self.path_of(name);
        let metadata = match fs::metadata(&path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed("look at", &path, error)),
        };
        if !metadata.is_file() {
            return Err(StateError::Damaged { path, why: "it is no file".to_owned() });
        }
        check_private(&path, &metadata)?;
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                Err(StateError::Damaged { path, why: "it is no text".to_owned() })
            }
            Err(error) => Err(failed("read", &path, error)),
        }
    }

    /// Writes a file whole or not at all: whatever happens, there is the old one or the new one.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), StateError> {
        let (path, new) = (self.path_of(name), self.path_of(&format!("{name}.new")));
        let write = || {
            let mut file = private(OpenOptions::new().create(true).truncate(true).write(true)).open(&new)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            fs::rename(&new, &path)?;
            self.sync()
        };
        write().map_err(|error| failed("write", &path, error))
    }

    /// Opens a file to append to it, or makes it.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub fn append(&self, name: &str) -> Result<File, StateError> {
        let path = self.path_of(name);
        let open = || {
            let file = private(OpenOptions::new().create(true).append(true)).open(&path)?;
            self.sync()?;
            Ok(file)
        };
        open().map_err(|error| failed("open", &path, error))
    }

    /// Reads a private key; none if its file is not there.
    ///
    /// # Errors
    /// If it cannot be read, is no key, or others may read it.
    pub fn read_key(&self, name: &str) -> Result<Option<PrivateKey>, StateError> {
        let Some(pem) = self.read(name)? else { return Ok(None) };
        let no_key = || StateError::NoKey { path: self.path_of(name) };
        let der = PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| no_key())?;
        PrivateKey::from_pkcs8(der.secret_pkcs8_der().to_vec()).map(Some).map_err(|_| no_key())
    }

    /// Keeps a private key.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write_key(&self, name: &str, key: &PrivateKey) -> Result<(), StateError> {
        let base64 = STANDARD.encode(key.pkcs8()?);
        let mut pem = format!("{PEM_BEGIN}\n");
        // Base64 is ASCII.
        for line in base64.as_bytes().chunks(PEM_LINE).filter_map(|line| std::str::from_utf8(line).ok()) {
            pem.push_str(line);
            pem.push('\n');
        }
        pem.push_str(PEM_END);
        pem.push('\n');
        self.write(name, pem.as_bytes())
    }

    /// Makes names in the folder outlive a loss of power.
    fn sync(&self) -> io::Result<()> {
        if cfg!(unix) { File::open(&self.path)?.sync_all() } else { Ok(()) }
    }
}

fn failed(what: &'static str, path: &Path, error: io::Error) -> StateError {
    StateError::Io { what, path: path.to_owned(), error }
}

fn check_private(path: &Path, metadata: &Metadata) -> Result<(), StateError> {
    match mode_of(metadata) {
        Some(mode) if mode & 0o077 != 0 => Err(StateError::NotPrivate { path: path.to_owned(), mode }),
        _ => Ok(()),
    }
}

/// The permissions of a file, where the system has such.
pub fn mode_of(metadata: &Metadata) -> Option<u32> {
    #[cfg(unix)]
    return Some(std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o777);
    #[cfg(not(unix))]
    {
        let _ = metadata;
        None
    }
}

fn make_private(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}
