//! What a portal keeps on disk: the Login Token Key, and its users' passwords.

use std::{collections::BTreeMap, fmt::Write as _, sync::Arc};

use rand_chacha::ChaCha20Rng;
use rand_core::Rng;
use tokio::sync::Mutex;

use super::{StateError, StateFolder, config::UserTable};
use crate::{
    actor::PortalDatabase,
    protocol::{LoginTokenKey, base64url},
};

const KEY_FILE: &str = "login.key";
const PASSWORDS_FILE: &str = "passwords";
/// The first line of that file: without it, an empty one could not be told from one that has lost its lines.
const PASSWORDS_HEADER: &str = "# A line for each user: id, space, password.";

/// The state folder of a portal, with the database that goes on from it.
#[derive(Debug)]
pub struct PortalState {
    folder: Arc<StateFolder>,
    /// The database in memory, which all of the portal's servers share.
    pub database: PortalDatabase,
    /// One 'Update' at a time: key and file must not part.
    rng: Mutex<ChaCha20Rng>,
}

impl PortalState {
    /// Goes on from what the folder has; at the first start key and passwords are drawn.
    ///
    /// # Errors
    /// If something cannot be read or written, others may read it, or it is not what it should be.
    pub fn open(folder: Arc<StateFolder>, users: &[UserTable], mut rng: ChaCha20Rng) -> Result<Self, StateError> {
        let found = folder.read(PASSWORDS_FILE)?;
        let key = match folder.read(KEY_FILE)? {
            Some(_) if found.is_none() => return Err(missing(&folder, PASSWORDS_FILE, KEY_FILE)),
            None if found.is_some() => return Err(missing(&folder, KEY_FILE, PASSWORDS_FILE)),
            Some(text) => text.trim().parse().map_err(|error: crate::protocol::LoginTokenKeyError| {
                StateError::Damaged { path: folder.path_of(KEY_FILE), why: error.to_string() }
            })?,
            None => {
                let key = LoginTokenKey::draw(&mut rng);
                keep(&folder, &key)?;
                key
            }
        };
        let database = PortalDatabase::new(key);
        let mut passwords = passwords_in(&folder, found.as_deref())?;
        let known = passwords.len();
        for user in users {
            let password = passwords.entry(user.id.clone()).or_insert_with(|| draw_password(&mut rng));
            database.open().add_user(&user.id, password, user.administrator);
        }
        if found.is_none() || passwords.len() > known {
            let mut text = format!("{PASSWORDS_HEADER}\n");
            for (user, password) in &passwords {
                // Writing to a string cannot fail.
                let _ = writeln!(text, "{user} {password}");
            }
            folder.write(PASSWORDS_FILE, text.as_bytes())?;
        }
        Ok(Self { folder, database, rng: Mutex::new(rng) })
    }

    /// Makes a new key: 'Update' was pressed (rule 80). It is kept before it is in force: a portal that starts again must not
    /// believe what it no longer did. Says how often that has happened since the start.
    ///
    /// # Errors
    /// If it cannot be kept; then the one before stays in force.
    pub async fn update(&self) -> Result<u32, StateError> {
        let mut rng = self.rng.lock().await;
        let key = LoginTokenKey::draw(&mut *rng);
        keep(&self.folder, &key)?;
        Ok(self.database.open().replace_key(key))
    }
}

fn keep(folder: &StateFolder, key: &LoginTokenKey) -> Result<(), StateError> {
    folder.write(KEY_FILE, &[key.digits(), b"\n"].concat())
}

fn missing(folder: &StateFolder, file: &str, other: &str) -> StateError {
    StateError::Missing { path: folder.path_of(file), other: folder.path_of(other) }
}

/// Below the header a line for each user: id, space, password. Nothing yet at the first start.
fn passwords_in(folder: &StateFolder, text: Option<&str>) -> Result<BTreeMap<String, String>, StateError> {
    let Some(text) = text else { return Ok(BTreeMap::new()) };
    let line = |line: &str| {
        let (user, password) = line.split_once(' ')?;
        (!user.is_empty() && !password.is_empty()).then(|| (user.to_owned(), password.to_owned()))
    };
    let lines = text.strip_prefix(PASSWORDS_HEADER).filter(|_| text.ends_with('\n'));
    let passwords = lines.and_then(|lines| lines.trim_start_matches('\n').lines().map(line).collect());
    passwords.ok_or_else(|| {
        let why = format!("expected `{PASSWORDS_HEADER}`, then a line for each user: id, space, password");
        StateError::Damaged { path: folder.path_of(PASSWORDS_FILE), why }
    })
}

/// 128 bits: whoever has the hash of such a password cannot guess it.
fn draw_password(rng: &mut impl Rng) -> String {
    let mut bits = [0; 16];
    rng.fill_bytes(&mut bits);
    base64url::encode(&bits)
}
