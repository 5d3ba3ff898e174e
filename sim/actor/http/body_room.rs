//! How much of its memory a server lends to request bodies that it does not have whole yet.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http::StatusCode;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Body;
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

type AnyError = Box<dyn std::error::Error + Send + Sync>;

impl BodyRoom {
    /// All of it.
    pub(super) fn new() -> Self {
        Self(Arc::new(Semaphore::new(ROOM_KIB)))
    }

    /// Reads a body whole, with what it takes of the room until it is dropped.
    ///
    /// # Errors
    /// The status to answer with, if it is larger than it may be, finds no room, or breaks off.
    pub(super) async fn read<B>(&self, body: B, bytes_max: u32) -> Result<(Bytes, Taken), StatusCode>
    where
        B: Body<Data = Bytes> + Unpin,
        B::Error: Into<AnyError>,
    {
        let said = body.size_hint().upper();
        if said.is_some_and(|bytes| bytes > u64::from(bytes_max)) {
            return Err(StatusCode::PAYLOAD_TOO_LARGE);
        }
        let no_room = StatusCode::SERVICE_UNAVAILABLE;
        let mut taken = self.take(said.unwrap_or(0)).ok_or(no_room)?;
        if body.is_end_stream() {
            return Ok((Bytes::new(), taken));
        }
        let mut body = Limited::new(body, bytes_max as usize);
        if said.is_some() {
            return Ok((body.collect().await.map_err(status)?.to_bytes(), taken));
        }
        // Whoever does not say how much it sends takes, above what is free, as much as anybody may.
        let mut read = BytesMut::new();
        let mut is_free = true;
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.map_err(status)?.into_data() else { continue };
            if is_free && (read.len() + data.len()) as u64 > FREE_BYTES {
                is_free = false;
                taken = self.take(bytes_max.into()).ok_or(no_room)?;
            }
            read.extend_from_slice(&data);
        }
        Ok((read.freeze(), taken))
    }

    /// Room for a body of so many bytes; `None` if the others leave none at present.
    fn take(&self, bytes: u64) -> Option<Taken> {
        if bytes <= FREE_BYTES {
            return Some(Taken { _permit: None });
        }
        let kib = u32::try_from(bytes.div_ceil(1 << 10)).ok()?;
        let permit = Arc::clone(&self.0).try_acquire_many_owned(kib).ok()?;
        Some(Taken { _permit: Some(permit) })
    }
}

fn status(error: AnyError) -> StatusCode {
    match error.is::<LengthLimitError>() {
        true => StatusCode::PAYLOAD_TOO_LARGE,
        false => StatusCode::BAD_REQUEST,
    }
}

#[cfg(test)]
mod tests {
    use std::{
        convert::Infallible,
        pin::Pin,
        task::{Context, Poll},
    };

    use http_body_util::Full;
    use hyper::body::Frame;

    use super::*;

    const MAX: u32 = 1 << 20;

    /// A body in chunks of a kibibyte, which does not say how many there are.
    struct Chunks(u32);

    impl Body for Chunks {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _context: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            let left = self.0.checked_sub(1);
            self.0 = left.unwrap_or(0);
            Poll::Ready(left.map(|_| Ok(Frame::data(Bytes::from_static(&[7; 1 << 10])))))
        }
    }

    async fn length_of<B: Body<Data = Bytes, Error = Infallible> + Unpin>(
        room: &BodyRoom,
        body: B,
    ) -> Result<usize, StatusCode> {
        room.read(body, MAX).await.map(|(read, _)| read.len())
    }

    #[test]
    fn large_bodies_share_what_there_is_and_small_ones_need_none_of_it() {
        let room = BodyRoom::new();
        let all: Vec<_> = std::iter::from_fn(|| room.take(1 << 20)).collect();
        assert_eq!(all.len(), 64);
        assert!(room.take(FREE_BYTES + 1).is_none() && room.take(FREE_BYTES).is_some());
        drop(all);
        assert!(room.take(64 << 20).is_some() && room.take(u64::MAX).is_none());
    }

    #[tokio::test]
    async fn a_body_of_unknown_length_needs_room_once_it_is_large() {
        let room = BodyRoom::new();
        let full = |bytes: usize| Full::new(Bytes::from(vec![7; bytes]));
        assert_eq!(length_of(&room, Chunks(1_024)).await, Ok(1 << 20));
        assert_eq!(length_of(&room, Chunks(1_025)).await, Err(StatusCode::PAYLOAD_TOO_LARGE));
        assert_eq!(length_of(&room, full(1 << 20)).await, Ok(1 << 20));
        assert_eq!(length_of(&room, full(MAX as usize + 1)).await, Err(StatusCode::PAYLOAD_TOO_LARGE));
        let all: Vec<_> = std::iter::from_fn(|| room.take(1 << 20)).collect();
        assert_eq!(length_of(&room, Chunks(0)).await, Ok(0));
        assert_eq!(length_of(&room, Chunks(16)).await, Ok(16 << 10), "small, whatever it says");
        assert_eq!(length_of(&room, full(16 << 10)).await, Ok(16 << 10));
        assert_eq!(length_of(&room, Chunks(17)).await, Err(StatusCode::SERVICE_UNAVAILABLE));
        assert_eq!(length_of(&room, full((16 << 10) + 1)).await, Err(StatusCode::SERVICE_UNAVAILABLE));
        drop(all);
        let held = room.read(Chunks(17), MAX).await;
        let all: Vec<_> = std::iter::from_fn(|| room.take(1 << 20)).collect();
        assert_eq!(all.len(), 63, "it has taken as much as it might send");
        drop(held);
    }
}
