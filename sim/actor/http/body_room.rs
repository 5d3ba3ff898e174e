//! How much of its memory a server lends to request bodies that it does not have whole yet.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What every body may take without asking: whoever sends honest requests stays far below, and is served whatever others do.
const FREE_BYTES: u64 = 16 << 10;
/// What all larger bodies may take together.
const ROOM_KIB: usize = 64 << 10;

/// The memory for large bodies at one door.
#[derive(Clone, Debug)]
pub(super) struct BodyRoom(Arc<Semaphore>);

/// A part of it, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Taken {
    _permit: Option<OwnedSemaphorePermit>,
}

impl BodyRoom {
    /// All of it.
    pub(super) fn new() -> Self {
        Self(Arc::new(Semaphore::new(ROOM_KIB)))
    }

    /// Room for a body of so many bytes; `None` if the others leave none at present.
    pub(super) fn take(&self, bytes: u64) -> Option<Taken> {
        if bytes <= FREE_BYTES {
            return Some(Taken { _permit: None });
        }
        let kib = u32::try_from(bytes.div_ceil(1 << 10)).ok()?;
        let permit = Arc::clone(&self.0).try_acquire_many_owned(kib).ok()?;
        Some(Taken { _permit: Some(permit) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_bodies_share_what_there_is_and_small_ones_need_none_of_it() {
        let room = BodyRoom::new();
        let all: Vec<_> = std::iter::from_fn(|| room.take(1 << 20)).collect();
        assert_eq!(all.len(), 64);
        assert!(room.take(FREE_BYTES + 1).is_none() && room.take(FREE_BYTES).is_some());
        drop(all);
        assert!(room.take(64 << 20).is_some() && room.take(u64::MAX).is_none());
    }
}
