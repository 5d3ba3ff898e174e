//! Agents, site servers and the SMP as asynchronous shells around [`crate::protocol`].
//!
//! They take everything from outside through one seam, the [`Environment`]. The simulation is the one that exists;
//! an environment of real sockets and clocks would run the same code.

mod agent;
mod enrolment;
mod environment;
mod figure;
mod http;
mod lock;
mod server;
mod task;
mod timeout;

pub use agent::{AgentActor, AgentSettings, Visits};
pub use environment::{Connection, Environment, Occupied};
pub use http::{ExchangeError, HttpConnection, RequestHead};
pub use server::{ServerSettings, SiteServer, SiteSettings, SmpServer, SmpSettings};

pub(crate) use lock::locked;
pub(crate) use timeout::timeout;
