//! What a node keeps when its process ends (rule 43).

use std::sync::{Arc, Mutex};

use super::lock::locked;

/// What a node keeps when its process ends: it starts again with the same storage and no memory.
#[derive(Debug)]
pub struct SecureStorage<T> {
    kept: Arc<Mutex<Option<T>>>,
}

impl<T: Clone> SecureStorage<T> {
    /// A storage that holds this.
    pub fn with(kept: T) -> Self {
        Self { kept: Arc::new(Mutex::new(Some(kept))) }
    }

    /// What was kept last, if anything.
    pub fn read(&self) -> Option<T> {
        locked(&self.kept).clone()
    }

    /// Keeps this from now on.
    pub fn keep(&self, latest: T) {
        *locked(&self.kept) = Some(latest);
    }
}

// By hand: what is shared need not be default or cloned for that.
impl<T> Default for SecureStorage<T> {
    fn default() -> Self {
        Self { kept: Arc::default() }
    }
}

impl<T> Clone for SecureStorage<T> {
    fn clone(&self) -> Self {
        Self { kept: Arc::clone(&self.kept) }
    }
}
