//! A portal: servers that share a database and log users in by login tokens (rules 79 to 83), and its users' browsers.
//!
//! | actor | issues tokens for | accepts them from |
//! |---|---|---|
//! | front end | portlets, the administration link, the cookie | jobs, portlet servers, impersonation, the cookie |
//! | administration server | impersonation | whoever follows the link |
//! | automation server | its jobs | – |
//! | portlet server | – | the front end, which it then asks whose they are |
//!
//! Whoever issues goes by its own clock, and so does whoever accepts: nothing else of a token depends on time.

mod administration_server;
mod automation_server;
mod browser;
mod call;
mod database;
mod desk;
mod door;
mod front_end;
mod portlet_server;
mod reply;
mod sessions;
mod settings;

pub use administration_server::AdministrationServer;
pub use automation_server::{AutomationServer, Job};
pub use browser::{Browser, BrowserSettings, Cookie};
pub use database::{PortalDatabase, PortalRecords};
pub use front_end::FrontEnd;
pub use portlet_server::PortletServer;
pub use settings::PortalSettings;
