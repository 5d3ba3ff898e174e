//! The token protocol, rule by rule: rules 2 to 18, 21 and 31 to 48, and attacks 1 to 15, as far as the suites of the
//! stores, of the messages and of the oracle do not prove them.
//!
//! First without input or output, then through the doors of real actors, then in the simulated world.

mod agent;
mod bearer;
mod client;
mod connection;
mod cores;
mod doors;
mod hostile;
mod memory;
mod order;
mod pipes;
mod remembered;
mod stage;
mod token;
mod watched;
mod wire;
mod world;
