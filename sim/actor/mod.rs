//! Agents, site servers and the SMP as asynchronous shells around [`crate::protocol`].
//!
//! They take everything from outside through one seam, the [`Environment`]: the simulated world is one, the sockets and clocks of
//! this machine are another, and both run the same code.

mod agent;
mod bearer_desk;
mod enrolment;
mod environment;
mod figure;
mod hang;
mod http;
mod portal;
mod proxy;
mod secure_storage;
mod server;
mod task;
mod timeout;

pub use agent::{
    AgentActor, AgentMemory, AgentSettings, Coexistence, Errand, Knowledge, KnownKinds, PeerSource, Peers,
    ProxyInBetween, Visits, enrol_agent,
};
pub use bearer_desk::BearerDesk;
pub use enrolment::EnrolmentError;
pub use environment::{Connection, Disturbance, Environment, Occupied};
pub use http::{ExchangeError, HttpConnection, RequestHead};
pub use portal::{
    AdministrationServer, AutomationServer, Browser, BrowserSettings, Cookie, FrontEnd, Job, PortalDatabase,
    PortalRecords, PortalSettings, PortletServer,
};
pub use proxy::{ProxyServer, ProxySettings};
pub use secure_storage::SecureStorage;
pub use server::{
    Database, Domain, Journal, Kept, Records, ServerSettings, SharedMachine, SiteServer, SiteSettings, SmpServer,
};

#[cfg(feature = "sockets")]
pub(crate) use http::{Reply, ServerConnection, ServerRequest, Service, empty_reply, serve};
pub(crate) use timeout::timeout;
