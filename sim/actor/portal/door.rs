//! What every door of a portal does beside its own: it is known to figures by what its paths are for, and lists them.

use crate::{
    actor::{
        Environment,
        http::{Reply, ServerRequest},
    },
    protocol::{
        ADMINISTRATION_LINK, ADMINISTRATION_PATH, IMPERSONATE_PATH, LOGIN_PATH, PORTAL_PATH, PORTLET_PATH,
        PORTLET_SERVER_PATH, SESSION_PATH,
    },
    types::VirtualTime,
};

/// Where a door lists its paths, for people.
pub const INDEX_PATH: &str = "/";

/// Tells that a request which had been read at `since` is answered. It is no event, as with every server.
pub fn answered<E: Environment>(environment: &E, since: VirtualTime, request: &ServerRequest, reply: &Reply) {
    let took = environment.now().since(since);
    environment.answered(kind_of_path(request.path()), reply.status().as_u16(), took);
}

/// What a path is for, as figures name it.
fn kind_of_path(path: &str) -> &'static str {
    match path {
        INDEX_PATH => "index",
        LOGIN_PATH => "login",
        PORTAL_PATH => "portal",
        SESSION_PATH => "session",
        PORTLET_PATH => "portlet",
        ADMINISTRATION_LINK => "administration_link",
        ADMINISTRATION_PATH => "administration",
        IMPERSONATE_PATH => "impersonate",
        PORTLET_SERVER_PATH => "portlet_server",
        _ => "other",
    }
}
