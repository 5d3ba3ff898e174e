//! Real sockets and clocks: the actors of the simulation, unchanged, on TCP and TLS.
//!
//! A [`SocketEnvironment`] is what an actor gets from outside when it does not live in the simulated world. It needs a
//! running tokio runtime with I/O and time.

mod clock;
mod environment;
mod fine_sleep;
mod listener;
mod observer;
mod recorder;
mod rendezvous;
mod runtime;
mod stop;
mod stream;
mod tls;

pub use clock::RealClock;
pub use environment::{Hosts, ModelledWall, Server, SocketEnvironment};
pub use listener::{BACKLOG, SocketListener};
pub use observer::{HandshakeFailure, Observer};
pub use recorder::SocketRecorder;
pub use rendezvous::Rendezvous;
pub use runtime::{Workers, keep_to_core, runtime};
pub use stop::Stop;
pub use stream::SocketStream;
pub use tls::{ClientTls, ServerTls, TlsError};
