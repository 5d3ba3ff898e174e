//! What a node keeps when its process ends (rule 43).

use std::{
    fmt,
    sync::{Arc, Mutex},
};

use crate::types::locked;

/// What a node keeps when its process ends: it starts again with the same storage and no memory.
pub struct SecureStorage<T> {
    kept: Arc<Mutex<Option<T>>>,
    keeper: Option<Arc<Keeper<T>>>,
}

/// Keeps what it is given where it outlives the machine's memory.
type Keeper<T> = dyn Fn(&T) + Send + Sync;

impl<T: Clone> SecureStorage<T> {
    /// A storage that holds this.
    pub fn with(kept: T) -> Self {
        Self { kept: Arc::new(Mutex::new(Some(kept))), keeper: None }
    }

    /// A storage that passes on whatever it keeps, to be kept where it outlives the machine's memory.
    pub fn kept_by(kept: Option<T>, keeper: impl Fn(&T) + Send + Sync + 'static) -> Self {
        Self { kept: Arc::new(Mutex::new(kept)), keeper: Some(Arc::new(keeper)) }
    }

    /// What was kept last, if anything.
    pub fn read(&self) -> Option<T> {
        locked(&self.kept).clone()
    }

    /// Keeps this from now on.
    pub fn keep(&self, latest: T) {
        if let Some(keeper) = &self.keeper {
            keeper(&latest);
        }
        *locked(&self.kept) = Some(latest);
    }
}

// By hand: what is shared need not be default or cloned for that.
impl<T> Default for SecureStorage<T> {
    fn default() -> Self {
        Self { kept: Arc::default(), keeper: None }
    }
}

impl<T> Clone for SecureStorage<T> {
    fn clone(&self) -> Self {
        Self { kept: Arc::clone(&self.kept), keeper: self.keeper.clone() }
    }
}

impl<T: fmt::Debug> fmt::Debug for SecureStorage<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecureStorage").field("kept", &self.kept).finish_non_exhaustive()
    }
}
