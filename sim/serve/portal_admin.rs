//! The administrator's door of a portal, where 'Update' is pressed.

use std::sync::Arc;

use http::{Method, StatusCode};
use serde_json::{Value, json};
use tracing::error;

use super::{
    PortalState, Secret,
    admin::{json_reply, refusal, wrong_method},
};
use crate::{
    actor::{Reply, ServerConnection, ServerRequest, Service},
    event::{EventKind, PortalEvent},
    socket::SocketRecorder,
    types::{ActorId, LoginLifetimes},
};

const ROUTES: [&str; 3] = ["GET /", "GET /status", "POST /update"];

/// Answers administrators of a portal.
#[derive(Debug)]
pub struct PortalAdmin {
    state: Arc<PortalState>,
    lifetimes: LoginLifetimes,
    recorder: SocketRecorder,
    secret: Secret,
}

impl PortalAdmin {
    /// Works on this state for whoever shows the secret.
    pub fn new(state: Arc<PortalState>, lifetimes: LoginLifetimes, recorder: SocketRecorder, secret: Secret) -> Self {
        Self { state, lifetimes, recorder, secret }
    }

    fn status(&self) -> Value {
        json!({ "updates_since_start": self.state.database.open().updates(), "lifetimes": self.lifetimes })
    }

    async fn update(&self) -> (StatusCode, Value) {
        match self.state.update().await {
            Ok(updates) => {
                self.recorder
                    .record(ActorId::FrontEnd, EventKind::Portal(PortalEvent::LoginTokenKeyUpdated { updates }));
                let cost =
                    "no login token from before is accepted: jobs that run fail, and users are asked for passwords";
                (StatusCode::OK, json!({ "done": true, "cost": cost }))
            }
            Err(why) => {
                error!(%why, "'Update' could not be kept: the key before stays in force");
                (StatusCode::INTERNAL_SERVER_ERROR, json!({ "error": why.to_string() }))
            }
        }
    }
}

impl Service for PortalAdmin {
    async fn answer(self: &Arc<Self>, _connection: &Arc<ServerConnection>, request: ServerRequest) -> Reply {
        if let Some(refusal) = refusal(&self.secret, &request) {
            return refusal;
        }
        let (method, status, answer) = match (request.path(), &request.method) {
            ("/", &Method::GET) => ("GET", StatusCode::OK, json!({ "paths": ROUTES })),
            ("/status", &Method::GET) => ("GET", StatusCode::OK, self.status()),
            ("/update", &Method::POST) => {
                // In a task of its own: whoever hangs up in the middle must not leave half an act behind.
                let admin = Arc::clone(self);
                let gone = |why: tokio::task::JoinError| {
                    (StatusCode::INTERNAL_SERVER_ERROR, json!({ "error": why.to_string() }))
                };
                let (status, answer) = tokio::spawn(async move { admin.update().await }).await.unwrap_or_else(gone);
                ("POST", status, answer)
            }
            ("/" | "/status", _) => ("GET", StatusCode::METHOD_NOT_ALLOWED, Value::Null),
            ("/update", _) => ("POST", StatusCode::METHOD_NOT_ALLOWED, Value::Null),
            _ => ("GET", StatusCode::NOT_FOUND, json!({ "error": "no such path; GET / lists those that there are" })),
        };
        if status == StatusCode::METHOD_NOT_ALLOWED {
            return wrong_method(&request, method);
        }
        json_reply(status, &answer)
    }
}
