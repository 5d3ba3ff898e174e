//! Byte streams between simulated actors, with everything that goes wrong on their way.

use std::{
    collections::VecDeque,
    fmt, io,
    mem::MaybeUninit,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use rand_chacha::ChaCha20Rng;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use turmoil::net::TcpStream;

use super::{clock::HostClock, connections::Parties, network::Way, surroundings::Surroundings};
use crate::{
    attack::{Direction, WireFilter},
    types::{ActorId, ConnectionId, VirtualTime},
};

/// One end of a connection. It notes every byte that is taken off it: the task that takes it may do more.
pub struct SimulatedStream {
    stream: TcpStream,
    id: ConnectionId,
    owner: ActorId,
    is_secure: bool,
    clock: Arc<HostClock>,
    surroundings: Arc<Surroundings>,
    course: Course,
}

/// What is known of the two directions of a stream.
enum Course {
    /// Who is at the other end is not known yet: a server learns it with the first bytes.
    Unknown,
    /// Nothing ever goes wrong here, and nobody listens.
    Smooth,
    /// Something does, at some time, or somebody.
    Rough(Box<Rough>),
}

struct Rough {
    opened_at: VirtualTime,
    inwards: Option<Way>,
    outwards: Option<Way>,
    /// Whom the bytes pass that arrive here.
    filter: Option<WireFilter>,
    rng: ChaCha20Rng,
    arrived: VecDeque<Arrived>,
    has_ended: bool,
    waits: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

/// Bytes, or with none the end of the stream, and when they are there to be read.
struct Arrived {
    at: VirtualTime,
    bytes: Vec<u8>,
    read: usize,
}

/// How many bytes are taken off the network at once.
const CHUNK_BYTES: usize = 16 << 10;

impl SimulatedStream {
    /// The end of a connection that belongs to `owner`.
    pub fn new(
        stream: TcpStream,
        id: ConnectionId,
        owner: ActorId,
        is_secure: bool,
        clock: Arc<HostClock>,
        surroundings: Arc<Surroundings>,
    ) -> Self {
        let course = if surroundings.are_calm() { Course::Smooth } else { Course::Unknown };
        Self { stream, id, owner, is_secure, clock, surroundings, course }
    }

    /// Looks up who is at the other end, once that can be known, and what goes wrong between the two.
    fn settle(&mut self) {
        if !matches!(self.course, Course::Unknown) {
            return;
        }
        let Surroundings { connections, network, wiretaps, seed, .. } = &*self.surroundings;
        let Some(Parties { opener, server, opened_at }) = connections.parties(self.id) else { return };
        let is_opener = opener == self.owner;
        let peer = if is_opener { server } else { opener };
        let (inwards, outwards) = (network.way(peer, self.owner), network.way(self.owner, peer));
        let direction = if is_opener { Direction::Response } else { Direction::Request };
        let filter = wiretaps.as_ref().and_then(|taps| taps.filter(self.id, opener, server, direction, self.is_secure));
        self.course = if inwards.is_none() && outwards.is_none() && filter.is_none() {
            Course::Smooth
        } else {
            Course::Rough(Box::new(Rough {
                opened_at,
                inwards,
                outwards,
                filter,
                rng: seed.rng("network stream", self.id.0 << 1 | u64::from(!is_opener)),
                arrived: VecDeque::new(),
                has_ended: false,
                waits: None,
            }))
        };
    }

    /// Whether nothing that is sent arrives any more.
    fn is_mute(&mut self) -> bool {
        self.settle();
        let now = self.clock.now();
        let Course::Rough(rough) = &self.course else { return false };
        rough.outwards.as_ref().is_some_and(|way| way.is_silent(rough.opened_at, now))
    }
}

impl Rough {
    fn is_deaf(&self, now: VirtualTime) -> bool {
        self.inwards.as_ref().is_some_and(|way| way.is_silent(self.opened_at, now))
    }

    /// Takes what the network has, and works out when it is there to be read.
    fn take(&mut self, stream: &mut TcpStream, context: &mut Context<'_>, now: VirtualTime) -> io::Result<()> {
        while !self.has_ended {
            // To fill it with zeroes, at every look for bytes, would be a tenth of a run.
            let mut chunk = [const { MaybeUninit::uninit() }; CHUNK_BYTES];
            let mut buffer = ReadBuf::uninit(&mut chunk);
            match Pin::new(&mut *stream).poll_read(context, &mut buffer) {
                Poll::Pending => break,
                Poll::Ready(result) => result?,
            }
            let bytes = self.filtered(buffer.filled(), now);
            self.has_ended = buffer.filled().is_empty();
            // Whoever holds a message back until it is whole, holds its first bytes back.
            if !bytes.is_empty() {
                self.arrives(bytes, now);
            }
            if self.has_ended {
                self.arrives(Vec::new(), now);
            }
        }
        Ok(())
    }

    fn filtered(&mut self, bytes: &[u8], now: VirtualTime) -> Vec<u8> {
        let Some(filter) = &mut self.filter else { return bytes.to_vec() };
        let mut out = Vec::new();
        if bytes.is_empty() {
            filter.end(&mut out)
        } else {
            filter.pass(now, bytes, &mut out)
        }
        out
    }

    fn arrives(&mut self, bytes: Vec<u8>, now: VirtualTime) {
        let (rng, length) = (&mut self.rng, bytes.len());
        let extra = self.inwards.as_ref().map(|way| way.extra(now, length, rng)).unwrap_or_default();
        // What was sent later never arrives earlier on one connection.
        let at = self.arrived.back().map_or(now, |last| last.at).max(now.after(extra));
        self.arrived.push_back(Arrived { at, bytes, read: 0 });
    }

    fn poll_read(
        &mut self,
        stream: &mut TcpStream,
        clock: &Arc<HostClock>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            let now = clock.now();
            if self.is_deaf(now) {
                // Nobody will ever wake this reader: it has to give up by itself.
                return Poll::Pending;
            }
            self.take(stream, context, now)?;
            let Some(first) = self.arrived.front_mut() else { return Poll::Pending };
            if first.at <= now {
                self.waits = None;
                let length = buffer.remaining().min(first.bytes.len() - first.read);
                buffer.put_slice(&first.bytes[first.read..first.read + length]);
                first.read += length;
                // The end of the stream stays where it is, to be read again.
                if first.read == first.bytes.len() && !first.bytes.is_empty() {
                    self.arrived.pop_front();
                }
                return Poll::Ready(Ok(()));
            }
            let (at, sleeper) = (first.at, Arc::clone(clock));
            let waits = self.waits.get_or_insert_with(|| Box::pin(async move { sleeper.sleep(at.since(now)).await }));
            match waits.as_mut().poll(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(()) => self.waits = None,
            }
        }
    }
}

impl fmt::Debug for SimulatedStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimulatedStream").field("id", &self.id).field("owner", &self.owner).finish_non_exhaustive()
    }
}

impl Drop for SimulatedStream {
    fn drop(&mut self) {
        self.surroundings.connections.ended(self.id);
    }
}

impl AsyncRead for SimulatedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.settle();
        let this = &mut *self;
        let poll = match &mut this.course {
            Course::Rough(rough) => rough.poll_read(&mut this.stream, &this.clock, context, buffer),
            Course::Unknown | Course::Smooth => Pin::new(&mut this.stream).poll_read(context, buffer),
        };
        if poll.is_ready() {
            this.clock.world().note_activity();
        }
        poll
    }
}

impl AsyncWrite for SimulatedStream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
        self.clock.world().note_activity();
        if self.is_mute() {
            return Poll::Ready(Ok(buffer.len()));
        }
        Pin::new(&mut self.stream).poll_write(context, buffer)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.clock.world().note_activity();
        if self.is_mute() {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
