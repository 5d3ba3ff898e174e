//! HTTP/1.1 (RFC 9112) over an environment's streams: real bytes, by hyper.

mod body_room;
mod client;
mod server;

pub use client::{ExchangeError, HttpConnection, RequestHead};
pub use server::{Reply, ServerConnection, ServerRequest, Service, empty_reply, serve};
